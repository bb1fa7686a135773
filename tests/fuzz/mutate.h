/*
 * Changes to an input that know its form, so that what comes out of them gets past the first check of
 * a reader: used by libFuzzer, by AFL++ (afl_mutate.c), by the replay of the seeds, and by the comparison
 * of readers. All they do follows from the input and the dice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct edit { /* one input being changed */
	uint8_t *data;
	size_t n, room;
	uint32_t dice; /* never 0 */
};
struct edit edit_make(uint8_t *data, size_t n, size_t room, uint32_t seed);
uint32_t roll(struct edit *edit, uint32_t n); /* 0 to n - 1; 0 for n = 0 */
/* Puts the n octets of `with` in the place of `cut` octets; false, and nothing done, without room. */
bool edit_put(struct edit *edit, size_t at, size_t cut, const void *with, size_t n);
/* A number of two octets, in the order of the network. */
unsigned int edit_u16(const struct edit *edit, size_t at);
void edit_u16_set(struct edit *edit, size_t at, unsigned int value);
/* A number such as readers trip over. */
uint16_t odd_number(struct edit *edit);

typedef void mutate_fn(struct edit *edit);
mutate_fn mutate_message; /* a DNS message */
mutate_fn mutate_wall;    /* tests/fuzz/fuzz_wall.c: two octets and a packet */
mutate_fn
	mutate_stream; /* segments behind an octet of length each, that hold DNS messages over TCP */
mutate_fn mutate_upstream; /* the same behind one octet */
mutate_fn
	mutate_edns; /* fuzz_edns.c: how many records there are behind a question, and these */
mutate_fn mutate_control; /* fuzz_control.c: one octet, and segments of JSON lines */
mutate_fn mutate_tls; /* fuzz_tls.c: flags, and segments of TLS records or changes to them */

/* What the inputs of a target are changed by; NULL: nothing knows their form. */
mutate_fn *mutate_of(const char *target);
