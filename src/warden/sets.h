/*
 * The sets of the table, and writing their elements.
 *
 * An op is one element to add or to remove. Ops are gathered in a list and committed together;
 * each then carries its own result. The list owns its memory.
 */
#pragma once

#include "base/wall.h"
#include "warden/netlink.h"

enum set_id {
	SET_SBX4 = 0, /* who may use which source address on which interface */
	SET_SBX6,
	SET_SBX4NET, /* the same for wider sources */
	SET_SBX6NET,
	SET_ANY4, /* source addresses that may come from any guarded interface */
	SET_ANY6,
	SET_ANY4NET,
	SET_ANY6NET,
	SET_MASQ4, /* sources that leave under the host's address */
	SET_MASQ6,
	SET_MASQ4NET,
	SET_MASQ6NET,
	SET_SNAT4, /* sources that leave under an address of their own; that is the value */
	SET_SNAT6,
	SET_SNAT4NET,
	SET_SNAT6NET,
	SET_OBSERVE4, /* sources whose refused packets pass and are only reported */
	SET_OBSERVE6,
	SET_OBSERVE4NET,
	SET_OBSERVE6NET,
	SET_ALLOW4, /* leases: source and destination; without a time-out: static rules */
	SET_ALLOW6,
	SET_ALLOW4P, /* leases bound to a protocol and a port */
	SET_ALLOW6P,
	SET_TWIN4, /* the same again: what replaces them, or has replaced them, as a whole */
	SET_TWIN6,
	SET_TWIN4P,
	SET_TWIN6P,
	SET_CIDR4, /* static rules with a prefix on either side: source and destination */
	SET_CIDR6,
	SET_CIDR4P, /* the same, bound to a protocol and a port */
	SET_CIDR6P,
	SET_TALK4, /* sources that are being reported, each with a limit of its own */
	SET_TALK6,
	SET_TALKIF, /* and interfaces, for packets that came in by them forged */
	SET_ASKS4,  /* sources that ask by UDP, each with a limit of its own */
	SET_ASKS6,
	SET_WIDE4, /* wider sources; the value is zero, then the first address, that asks for all */
	SET_WIDE6,
	SET_REFUSED4, /* whose counter a source's refused packets are counted in (counts.h) */
	SET_REFUSED6,
	SET_REFUSED4NET,
	SET_REFUSED6NET,
	SET_SEEN4, /* and those that passed only because they are observed */
	SET_SEEN6,
	SET_SEEN4NET,
	SET_SEEN6NET,
	SET_FORGED,   /* and those that came in by an interface forged */
	SET_HOST_UID, /* whose sockets' flows get which label */
	SET_HOST_CGROUP,
	SET_HOST_SIDECAR,  /* all of the namespace, by family */
	SET_HOST_UID_FLOW, /* the same keys, each behind its IPv4 token */
	SET_HOST_CGROUP_FLOW,
	SET_HOST_SIDECAR_FLOW,
	SET_HOST_LABEL, /* labels that are a sandbox's */
	SET_BRIDGES, /* bridges whose ports are told apart: packets need the mark of a port */
	SET_SLAVES,  /* their ports: by these nothing comes in but through the bridge */
	SET_PORTS,   /* the same in the table of family bridge, and so are the next ones */
	SET_PORT4,   /* who may use which source address on which port */
	SET_PORT6,
	SET_PORT4NET,
	SET_PORT6NET,
	SET_TALKPORT, /* ports that are being reported */
	SET_FRAMES,   /* whose counter a port's dropped frames are counted in */
	SET_STRAY,    /* ports with the number of their frames that were dropped */
	SET_NEVER4,   /* never to be reached, looked at before the leases */
	SET_NEVER6,
	SET_PRIVATE_DNS, /* protocol and port of DNS that the gate cannot see into */
	SET_ND,          /* ICMPv6 types of neighbour discovery that a host sends */
	SET_COUNT
};
#define SET_IS_LEASE(id)   ((id) >= SET_ALLOW4 && (id) <= SET_ALLOW6P)
#define SET_IS_TWIN(id)    ((id) >= SET_TWIN4 && (id) <= SET_TWIN6P)
#define SET_TO_TWIN        (SET_TWIN4 - SET_ALLOW4)
#define SET_IS_BRIDGED(id) ((id) >= SET_PORTS && (id) <= SET_STRAY)
#define SET_IS_CIDR(id)    ((id) >= SET_CIDR4 && (id) <= SET_CIDR6P)

#define KEY_MAX   40 /* IPv6 pair, protocol, port */
#define VALUE_MAX 20

struct set_shape {
	const char *name;
	uint32_t key_type; /* for whoever lists the set; the kernel only keeps it */
	uint8_t key_len;
	uint8_t fields[4];   /* octets of each field before padding; only intervals need them */
	uint32_t flags;      /* NFT_SET_ */
	uint32_t value_type; /* of a map; one to counters has none */
	uint8_t value_len;
};
extern const struct set_shape set_shapes[SET_COUNT];
uint8_t set_family(enum set_id set); /* NFPROTO_INET or NFPROTO_BRIDGE */

/* A set that is not the table's own: somebody else declared it (declared.h). */
struct set_at {
	uint8_t family, key_len; /* NFPROTO_ of its table; octets of its key */
	char table[WALL_NFT_NAME_MAX], name[WALL_NFT_NAME_MAX];
};

struct lease;
struct op { /* an element, or a named counter when the set is SET_COUNT: its key is the name */
	bool remove, has_end, interval_end;
	bool anew;    /* it may stand with another time-out, or none: taken out and put in */
	bool bare;    /* of a declared set: without our mark */
	bool bridged; /* a counter of the table for bridges */
	uint8_t set, len;
	uint8_t key[KEY_MAX], key_end[KEY_MAX];
	uint8_t value[VALUE_MAX], value_len;
	const struct set_at *at; /* NULL: the table's own set; else where, and marked as ours */
	uint64_t timeout_ms;     /* 0: for good */
	uint64_t packets;        /* of a counter, to begin with */
	uint32_t tag;            /* the caller's */
	struct lease *lease;     /* the lease behind it, or NULL */
	uint64_t until_us;       /* and the end that it is to have */
	uint32_t seq_first, seq_last; /* of its messages in the batch that it was last in */
	int error;                    /* OP_WAITS, then an errno; 0: done */
};
#define OP_WAITS (-1)

/* The comment "namegate" as nft stores it with an element: what bears it is ours. */
extern const uint8_t set_mark[11];

struct ops {
	struct op *items;
	size_t n, room;
	bool failed; /* memory: nothing will be committed */
};
void ops_finish(struct ops *ops); /* takes NULL */
void ops_clear(struct ops *ops);

/* What to put where. Each returns the new op, or NULL when memory is out (and ops->failed). */
struct op *op_pair(struct ops *ops, const struct ng_addr *source, const struct ng_addr *to,
		   uint8_t proto, uint16_t port);
/* The pair that such a key has; proto and port 0 in the sets that have none. */
struct pair {
	struct ng_addr source, to;
	uint8_t proto;
	uint16_t port;
};
struct pair set_pair(enum set_id set, const uint8_t *key);
/* In one of the four sets that begin there. For wider sources it is an interval. */
struct op *op_identity(struct ops *ops, enum set_id first, const char *interface,
		       const struct ng_prefix *source);
/* An interface's name alone. */
struct op *op_name(struct ops *ops, enum set_id set, const char *interface);
/* An interval of both; proto 0: every protocol and port. */
struct op *op_range(struct ops *ops, const struct ng_prefix *source, const struct ng_prefix *to,
		    uint8_t proto, uint16_t port);
/* Of four sets in the order 4, 6, 4NET, 6NET the one that takes that source. */
enum set_id set_for(enum set_id first, const struct ng_prefix *source);
/* A prefix in a set of plain addresses; two ops for an interval that has an end. */
void op_plain(struct ops *ops, enum set_id set, const struct ng_prefix *prefix, bool remove,
	      uint32_t tag);
/* The same in a map. */
void op_mapped(struct ops *ops, enum set_id set, const struct ng_prefix *prefix,
	       const struct ng_addr *value, bool remove, uint32_t tag);
struct op *op_append(struct ops *ops, const struct op *op);
struct op *op_octets(struct ops *ops, enum set_id set, const uint8_t *key, uint8_t len);
/* The last address of a prefix. */
struct ng_addr prefix_last(const struct ng_prefix *prefix);

/* What the kernel can do, as probed on a scratch set. */
struct ability {
	bool owner;         /* table flag OWNER */
	bool owner_persist; /* and PERSIST */
	bool in_place;      /* a second NEWSETELEM renews an element's timeout */
	bool destroy;       /* deleting what is not there is no error */
	bool acks_end;      /* the end of a batch is acknowledged when all of it is committed */
	bool bridge;        /* tables of family bridge */
};

/* Writes ops [from, to) into the batch. */
void ops_write(struct ops *ops, size_t from, size_t to, const char *table,
	       const struct ability *ability, struct batch *batch, struct netlink *netlink);
/* The same in as few messages as possible: should the kernel refuse one, it names no op. */
void ops_write_shared(struct ops *ops, size_t from, size_t to, const char *table,
		      const struct ability *ability, struct batch *batch,
		      struct netlink *netlink);
/*
 * Commits all of them, in as few batches as possible; each op's error says how it fared. A batch
 * that fails is tried again without the ops that the kernel named, or by halves when it named
 * none. NG_OK when every op is done.
 */
int ops_commit(struct ops *ops, const char *table, const struct ability *ability,
	       struct batch *batch, struct netlink *netlink) NG_MUST_CHECK;
int op_code(int error); /* errno of an op to enum ng_error */
/* The kernel's word was lost, or never came: the batch may have been committed all the same. */
bool op_in_doubt(int error);

/* Each element of a set, as the kernel has it now. */
struct element {
	uint8_t key[KEY_MAX], key_end[KEY_MAX];
	uint8_t value[VALUE_MAX]; /* of a map; to counters: as op_count_value() has it */
	uint8_t len;
	bool has_end, interval_end;
	bool permanent; /* stands for good */
	bool marked;    /* we put it there; only in declared sets */
	uint64_t expires_ms;
};
typedef void element_fn(void *who, enum set_id set, const struct element *element);
/* One element. NG_E_NOTFOUND: there is no such element; NG_E_KERNEL, NG_E_IO. */
int set_element(struct netlink *netlink, const char *table, enum set_id set, const uint8_t *key,
		struct element *out) NG_MUST_CHECK;
int set_dump(struct netlink *netlink, const char *table, enum set_id set, element_fn *each,
	     void *who) NG_MUST_CHECK;
/* Of a declared set. set_at_element(): codes as set_element(). The dump: as set_dump_some(). */
int set_at_element(struct netlink *netlink, const struct set_at *at, const uint8_t *key,
		   struct element *out) NG_MUST_CHECK;
int set_at_dump(struct netlink *netlink, const struct set_at *at, size_t *most,
		element_fn *each, void *who) NG_MUST_CHECK;
/*
 * The same for no more than *most elements, which are counted down. NG_E_FULL: there are more, and
 * answers that nobody reads wait in the socket, which is to be closed.
 */
int set_dump_some(struct netlink *netlink, const char *table, enum set_id set, size_t *most,
		  element_fn *each, void *who) NG_MUST_CHECK;
