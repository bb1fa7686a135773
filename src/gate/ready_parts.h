/* What the files of ready answers share: the form of one, and how it is found. */
#pragma once

#include "gate/engine.h"

#define READY_RRS_MAX    32 /* the SOA counted */
#define READY_LEASES_MAX 32
#define READY_OPT_LEN    11

struct ready_lease {           /* of each address in their order, one for each port */
	struct trail *trail;   /* watched; its holder came by it */
	struct memory *memory; /* watched; NULL: of a lease for every port */
	uint32_t lease;        /* reference */
};

struct ready_rr {     /* of the octets, in their order */
	uint32_t ttl; /* as the entry has it */
	uint16_t at;  /* of the TTL's octets */
	bool address;
};

struct ready {
	struct ready *next;          /* of its bucket */
	struct ready *newer, *older; /* of its sandbox */
	struct ready *beside,
		**beside_at; /* of its entry: the next, and what points to this one */
	struct entry *entry;
	struct sandbox *sandbox;
	uint64_t made_in; /* input */
	const char *path; /* of the rule, borrowed as the sandbox's policy is; NULL: none */
	uint32_t line;
	uint32_t hash, size; /* size: octets of memory, with what it watches */
	uint32_t lease_max_s;
	enum ng_verdict verdict;
	uint32_t id; /* of the sandbox, and the rest of the key, but for the name */
	uint16_t type;
	uint16_t len; /* of the octets, without the OPT that stands behind them */
	bool dnssec_ok, cd;
	struct ng_addr from;
	uint8_t name_len, rcode;
	bool has_soa; /* the last of the records */
	uint8_t n_leases, n_rrs, n_ports, n_addrs;
	struct ready_lease leases[]; /* then records, ports, addresses, octets */
};

struct ready_key {
	uint32_t id;
	uint16_t type;
	bool dnssec_ok, cd;
	const struct ng_addr *from;
	const struct ng_name *name; /* lower case */
};

static inline struct ready_rr *ready_rrs(const struct ready *ready)
{
	return (struct ready_rr *)(ready->leases + ready->n_leases);
}

static inline struct ng_port *ready_ports(const struct ready *ready)
{
	return (struct ng_port *)(ready_rrs(ready) + ready->n_rrs);
}

static inline struct ng_addr *ready_addrs(const struct ready *ready)
{
	return (struct ng_addr *)(ready_ports(ready) + ready->n_ports);
}

/* Header and question come first, its name in lower case. */
static inline uint8_t *ready_octets(const struct ready *ready)
{
	return (uint8_t *)(ready_addrs(ready) + ready->n_addrs);
}

/* ---- ready.c ---- */

struct ready_key ready_key_of(const struct told *told, const struct ng_name *name);
uint32_t ready_hash(const struct ng_gate *gate, const struct ready_key *key);
/* NULL: there is none. */
struct ready *ready_find(const struct ng_gate *gate, const struct ready_key *key,
			 uint32_t hash);
/* The octets that all of them may have now. */
uint64_t readies_most(const struct ng_gate *gate);
/* Takes it over, beside its entry and for its sandbox. Without room it goes. */
void ready_put(struct ng_gate *gate, struct ready *ready);

/* ---- ready_prove.c ---- */

struct proof { /* that a ready answer holds now, and what it then says */
	struct ready *ready;
	uint64_t sure_us; /* when the first of its leases ends; UINT64_MAX without any */
	uint32_t ttl_s;   /* the least of the addresses'; 0 without any */
	uint32_t ttls[READY_RRS_MAX];
	struct lease *leases[READY_LEASES_MAX];
	struct holder *holders[READY_LEASES_MAX];
	uint64_t need_us[READY_LEASES_MAX], until_us[READY_LEASES_MAX];
};
/* Changes nothing. */
bool ready_prove(const struct ng_gate *gate, const struct told *told,
		 const struct ng_name *name, struct proof *out);

/* ---- ready_answer.c ---- */

/* In the words arena; NULL: memory is out. */
uint8_t *ready_octets_make(struct ng_gate *gate, const struct told *told,
			   const struct proof *proof, size_t *len);
/* All but what record_begin() puts there, of which mode must be set. */
void ready_record(const struct proof *proof, struct ng_record *record);
