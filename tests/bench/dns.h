/*
 * As much DNS as a benchmark needs, written apart from the code that it measures: a question for A,
 * the answer to it, and the check that one belongs to the other.
 *
 * The addresses of a name are computed from the name, so that the asking side can tell a right
 * answer from a wrong one without a table of names.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PACKET     1500
#define DNS_ADDRESSES  8   /* the most that a name has here */
#define DNS_NAME_TEXT  254 /* with the NUL */
#define DNS_HEADER_LEN 12

/* A query for the A records of a name in text, without escapes; 0 when it is no name. */
size_t dns_query(const char *name, uint16_t id, uint8_t out[static DNS_PACKET]);
uint16_t dns_id(const uint8_t *message);
uint8_t dns_rcode(const uint8_t *message);

/* Octets of the question behind the header (name, type, class); 0 when there is no whole one. */
size_t dns_question_len(const uint8_t *message, size_t len);
/*
 * The i-th address of the name at wire, in host order: four different ones for a name, millions in
 * all, the letter case not counted, each in the public space of 20.0.0.0 to 83.255.255.255.
 */
uint32_t dns_address(const uint8_t *wire, unsigned i);

/* Turns a query into its answer with n addresses in out; 0 when the query is none. */
size_t dns_answer(const uint8_t *query, size_t len, unsigned n, uint32_t ttl_s,
		  uint8_t out[static DNS_PACKET]);
/* NULL when this is the answer to that query with that rcode and n right addresses, else why not. */
const char *dns_mismatch(const uint8_t *query, size_t query_len, const uint8_t *answer,
			 size_t len, uint8_t rcode, unsigned n);

/* "192.0.2.1:53"; false when it is not that. */
bool dns_endpoint(const char *text, struct sockaddr_in *out);
