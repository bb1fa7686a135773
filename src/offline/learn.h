/*
 * The smallest host list that covers what sandboxes used, learnt from recorded traffic.
 *
 * First what was seen is gathered: each name of each sandbox with its evidence, and the ports of the
 * packets to the addresses that its answers gave. Then (learn_list.h) a list is made for one sandbox, or
 * for all together: names in use become the fewest lines that cover them all. A wildcard is among these only
 * where enough names stand below it, nothing below it was denied by a rule, and no stranger
 * has a name there (suffix.h). What is not proposed is kept with the reason.
 *
 * Names are chosen by sandboxes, so every table has its bound, and what found no room is counted.
 */
#pragma once

#include "offline/setup.h"
#include "offline/traffic.h"
#include "offline/who.h"

#include <namegate/policy.h>

#define LEARN_PEOPLE_MAX 4096
#define LEARN_NAMES_MAX  16384 /* in use, of one sandbox */
#define LEARN_ASIDE_MAX  4096  /* of one sandbox: not in use; and as many that a rule denied */
#define LEARN_ALL_MAX    65536
#define LEARN_PLACES_MAX 4096 /* destinations that no answer gave */
#define LEARN_TYPES_MAX  12
#define LEARN_PORTS_MAX  24
#define LEARN_WHO_MAX    4 /* of whom an entry tells by name */

struct learn_evidence {
	uint64_t asked, answered, denied, empty, failed;
	uint64_t first_us, last_us; /* wall time */
	struct learn_type {
		uint16_t type;
		uint64_t count;
	} types[LEARN_TYPES_MAX]; /* that were answered with data */
	struct learn_port {
		struct ng_port port;
		uint64_t count, back; /* flows; packets that came back */
	} ports[LEARN_PORTS_MAX];
	uint8_t n_types, n_ports;
	bool types_lost, ports_lost; /* there were more */
	bool addressed;              /* an answer gave addresses */
	bool wire;                   /* flows to it stand in a capture */
	bool unseen;                 /* it may have had flows that nothing recorded */
	bool doubted;                /* denied, and nobody said whether by a rule */
	uint64_t blocked;            /* packets to its addresses that did not pass */
	struct ng_prefix privates[NG_RULE_PRIVATE_MAX]; /* in answers, closed by themselves */
	uint8_t n_privates;
	bool privates_lost, never; /* never: an address that nothing opens */
};
/* Did anybody take up what was sent there? Of other protocols than TCP nobody knows. */
bool learn_port_used(const struct learn_port *port);

struct learn_person { /* a sandbox, or an address of which no more is known */
	uint32_t id;
	char *name;
	const struct setup_sandbox *sandbox; /* NULL: without a set-up */
	bool visible;                        /* its packets stand in a capture */
	uint32_t n_used, n_aside, n_barred;
	uint64_t left_out; /* observations of names without room */
	bool bars_lost;    /* more were denied by rules than there is room for */
	UT_hash_handle hh;
};

struct learn_place { /* packets went there, and no answer is known that gave it */
	struct {
		uint32_t person;
		struct ng_addr addr;
		uint8_t proto;
		uint16_t port;
	} key;
	uint64_t count, packets, back, blocked;
	UT_hash_handle hh;
};

struct learn;
/*
 * who: goes by the sandboxes of its set-up, and leaves others' traffic out; NULL: by the names in
 * records, else by addresses. only: of them that one; NULL: all. Both borrowed. NG_E_NOMEM.
 */
int learn_create(const struct who *who, const char *only, struct learn **out) NG_MUST_CHECK;
void learn_destroy(struct learn *learn); /* takes NULL */
/* A traffic_wish's take; context is the learn. */
void learn_take(void *context, const struct traffic_observation *observation);
/* Behind the last observation. NG_E_NOMEM: some of what was seen is missing. */
int learn_end(struct learn *learn) NG_MUST_CHECK;

/* In order of appearance; ids are 1 and up. */
uint32_t learn_people(const struct learn *learn);
const struct learn_person *learn_person(const struct learn *learn, uint32_t id);
/* The most frequent first. */
const struct learn_place *const *learn_places(const struct learn *learn, size_t *n);
uint64_t learn_places_lost(const struct learn *learn);
/* Observations of others than who were asked for, and of whom: at most n names. */
uint64_t learn_strangers(const struct learn *learn);
size_t learn_stranger_addrs(const struct learn *learn, const struct ng_addr **out);
