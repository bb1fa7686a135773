/*
 * The table is a tree of prefixes, with IPv4 in its mapped form, so that one serves both families.
 * Each group has a program of its own, which knows the group's sockets by a second table.
 *
 * The kernel shows such a program the packet from its transport header on; addresses are read
 * relative to the network header.
 */
#include "edge/program_steer.h"
#include "edge/program_code.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <namegate/bounds.h>

#define SOURCES_MAX (NG_SANDBOXES_CEILING * NG_SOURCES_MAX)
#define AT_SOURCE4  12 /* in an IPv4 header */
#define AT_SOURCE6  8

struct steer {
	int sources;
};

struct source_key {
	uint32_t bits;
	uint8_t octets[16];
};

static int fail(char why[static PROGRAM_WHY], const char *what)
{
	const int code = errno == EPERM    ? NG_E_PERM
			 : errno == ENOMEM ? NG_E_NOMEM
					   : NG_E_UNSUPPORTED;

	snprintf(why, PROGRAM_WHY, "%s: %s%s", what, strerror(errno),
		 code == NG_E_PERM ? " (it needs CAP_BPF and CAP_NET_ADMIN outside of user "
				     "namespaces)"
				   : "");
	return code;
}

/* ---- the tables ---- */

/* Before Linux 5.11 what a table may come to counts as locked memory. */
static void lift_limit(void)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	(void)!setrlimit(RLIMIT_MEMLOCK, &none);
}

static int make_sources(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_LPM_TRIE;
	attr.key_size = sizeof(struct source_key);
	attr.value_size = sizeof(uint32_t);
	attr.max_entries = SOURCES_MAX;
	attr.map_flags = BPF_F_NO_PREALLOC;
	return program_call(BPF_MAP_CREATE, &attr);
}

static int make_sockets(uint32_t n)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_REUSEPORT_SOCKARRAY;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = sizeof(uint64_t);
	attr.max_entries = n;
	return program_call(BPF_MAP_CREATE, &attr);
}

int steer_create(struct steer **out, char why[static PROGRAM_WHY])
{
	struct steer *steer = calloc(1, sizeof(*steer));

	if (!steer) {
		errno = ENOMEM;
		return fail(why, "no table of sources");
	}
	lift_limit();
	steer->sources = make_sources();
	if (steer->sources < 0) {
		free(steer);
		return fail(why, "the kernel makes no table of sources");
	}
	*out = steer;
	return NG_OK;
}

void steer_destroy(struct steer *steer)
{
	if (!steer)
		return;
	close(steer->sources);
	free(steer);
}

/* ---- the program ---- */

#define FIELD(to, from, field) LOAD_AT(to, from, offsetof(struct sk_reuseport_md, field))
#define KEEP(at, value)                                                                        \
	{                                                                                      \
		.code = BPF_ST | BPF_W | BPF_MEM, .dst_reg = 10, .off = (at),                  \
		.imm = (int32_t)(value)                                                        \
	}
#define STACK(to, at) COPY(to, 10), PLUS(to, at)

#define KEY    (-24) /* where on the stack struct source_key stands */
#define OCTETS (-20)
#define LAST4  (-8) /* of its octets */
#define INDEX  (-28)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MAPPED 0xffff0000u
#else
#define MAPPED 0x0000ffffu
#endif

static int load(int sources, int sockets, int *out, char why[static PROGRAM_WHY])
{
	const struct bpf_insn code[] = {
		COPY(6, 1),
		KEEP(KEY, 128),
		KEEP(OCTETS, 0),
		KEEP(OCTETS + 4, 0),
		KEEP(OCTETS + 8, MAPPED),
		KEEP(LAST4, 0),
		KEEP(INDEX, 0),
		FIELD(2, 6, eth_protocol),
		IF_EQ(2, NETWORK16(ETH_P_IPV6), 5),
		/* IPv4 */
		SET(2, AT_SOURCE4),
		STACK(3, LAST4),
		SET(4, 4),
		{.code = BPF_JMP | BPF_JA, .off = 4},
		/* IPv6 */
		SET(2, AT_SOURCE6),
		STACK(3, OCTETS),
		SET(4, 16),
		/* either */
		COPY(1, 6),
		SET(5, BPF_HDR_START_NET),
		ASK(BPF_FUNC_skb_load_bytes_relative),
		IF_NOT(0, 0, 16),
		MAP(1, sources),
		STACK(2, KEY),
		ASK(BPF_FUNC_map_lookup_elem),
		IF_EQ(0, 0, 2),
		LOAD_AT(1, 0, 0),
		STORE_AT(10, INDEX, 1),
		COPY(1, 6),
		MAP(2, sockets),
		STACK(3, INDEX),
		SET(4, 0),
		ASK(BPF_FUNC_sk_select_reuseport),
		IF_NOT(0, 0, 2),
		SET(0, SK_PASS),
		EXIT,
		SET(0, SK_DROP),
		EXIT,
	};

	return program_load(BPF_PROG_TYPE_SK_REUSEPORT, 0, code, sizeof(code) / sizeof(code[0]),
			    out, why);
}

int steer_group(const struct steer *steer, int first, uint32_t n, int *map,
		char why[static PROGRAM_WHY])
{
	int sockets = make_sockets(n), program, code;

	if (sockets < 0)
		return fail(why, "the kernel makes no table of sockets");
	code = load(steer->sources, sockets, &program, why);
	if (code == NG_OK) {
		if (setsockopt(first, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &program,
			       sizeof(program)))
			code = fail(why, "the kernel hangs no program on a group of sockets");
		close(program);
	}
	if (code == NG_OK)
		*map = sockets;
	else
		close(sockets);
	return code;
}

int steer_member(int map, uint32_t worker, int fd, char why[static PROGRAM_WHY])
{
	uint64_t value = (uint64_t)fd;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map;
	attr.key = (uint64_t)(uintptr_t)&worker;
	attr.value = (uint64_t)(uintptr_t)&value;
	attr.flags = BPF_ANY;
	return program_call(BPF_MAP_UPDATE_ELEM, &attr)
		       ? fail(why, "the kernel takes no socket into a group")
		       : NG_OK;
}

/* ---- sources ---- */

static struct source_key key_of(const struct ng_prefix *source)
{
	const bool v4 = source->addr.family == NG_IPV4;
	struct source_key key = {.bits = source->bits + (v4 ? 96u : 0)};

	if (v4)
		key.octets[10] = key.octets[11] = 0xff;
	memcpy(key.octets + (v4 ? 12 : 0), source->addr.bytes, v4 ? 4 : 16);
	return key;
}

static int change(const struct steer *steer, enum bpf_cmd command,
		  const struct ng_prefix *source, uint32_t worker)
{
	const struct source_key key = key_of(source);
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)steer->sources;
	attr.key = (uint64_t)(uintptr_t)&key;
	if (command == BPF_MAP_UPDATE_ELEM)
		attr.value = (uint64_t)(uintptr_t)&worker;
	if (!program_call(command, &attr) ||
	    (command == BPF_MAP_DELETE_ELEM && errno == ENOENT))
		return NG_OK;
	return errno == EPERM ? NG_E_PERM : errno == ENOSPC ? NG_E_FULL : NG_E_IO;
}

int steer_put(const struct steer *steer, const struct ng_prefix *source, uint32_t worker)
{
	return change(steer, BPF_MAP_UPDATE_ELEM, source, worker);
}

int steer_take(const struct steer *steer, const struct ng_prefix *source)
{
	return change(steer, BPF_MAP_DELETE_ELEM, source, 0);
}
