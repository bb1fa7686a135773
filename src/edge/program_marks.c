/*
 * To set a mark takes CAP_NET_ADMIN, which the worker must not have: so the kernel does it, by a list
 * that main has written. A rule of nftables would be too late. It sees packets, whose sockets have a
 * route and a source address already, chosen without the mark, or none at all where only marked
 * packets have a route.
 *
 * Who connects may ask its socket what mark it has (SO_MARK), which takes no capability.
 */
#include "edge/program_marks.h"
#include "edge/program_code.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY  (-(int)sizeof(struct key)) /* on the stack */
#define WORD 4                          /* octets */

struct key {
	uint32_t addr[4]; /* in network order, as the next is; IPv4 as ::ffff:0:0/96 */
	uint32_t port;
};

#define FIELD(field) (int16_t) offsetof(struct bpf_sock_addr, field)
#define PASS         SET(0, 1), EXIT

/* Another user's, or of another namespace: nothing of ours. */
static void write_who(struct code *code, uint32_t uid, uint64_t cookie)
{
	ADD(code, COPY(6, 1), ASK(BPF_FUNC_get_current_uid_gid), COPY32(1, 0), SET(2, uid),
	    IF_SAME(1, 2, 2), PASS);
	if (cookie)
		ADD(code, COPY(1, 6), ASK(BPF_FUNC_get_netns_cookie), SET64(1, cookie),
		    IF_SAME(0, 1, 2), PASS);
}

static void write_key4(struct code *code)
{
	ADD(code, SET(1, 0), STORE_AT(10, KEY, 1), STORE_AT(10, KEY + WORD, 1),
	    SET(1, htonl(0xffff)), STORE_AT(10, KEY + 2 * WORD, 1),
	    LOAD_AT(1, 6, FIELD(user_ip4)), STORE_AT(10, KEY + 3 * WORD, 1));
}

static void write_key6(struct code *code)
{
	for (int i = 0; i < 4; i++)
		ADD(code, LOAD_AT(1, 6, (int16_t)(FIELD(user_ip6) + i * WORD)),
		    STORE_AT(10, (int16_t)(KEY + i * WORD), 1));
}

static void write_mark(struct code *code, int map)
{
	ADD(code, LOAD_AT(1, 6, FIELD(user_port)), STORE_AT(10, KEY + 4 * WORD, 1), COPY(2, 10),
	    PLUS(2, KEY), MAP(1, map), ASK(BPF_FUNC_map_lookup_elem), IF_EQ(0, 0, 6),
	    COPY(4, 0), COPY(1, 6), SET(2, SOL_SOCKET), SET(3, SO_MARK),
	    SET(5, sizeof(uint32_t)), ASK(BPF_FUNC_setsockopt), PASS);
}

static int fail(char why[static PROGRAM_WHY], const char *what)
{
	const int code = errno == EPERM || errno == EACCES ? NG_E_PERM : NG_E_IO;

	snprintf(why, PROGRAM_WHY, "%s: %s%s", what, strerror(errno),
		 code == NG_E_PERM ? " (it needs CAP_BPF outside of user namespaces)" : "");
	return code;
}

static struct key key_of(const struct mark *mark)
{
	struct key key = {.port = htons(mark->port)};

	if (mark->addr.family == NG_IPV4) {
		key.addr[2] = htonl(0xffff);
		memcpy(&key.addr[3], mark->addr.bytes, 4);
	} else {
		memcpy(key.addr, mark->addr.bytes, sizeof(key.addr));
	}
	return key;
}

static int make_map(const struct mark *marks, size_t n, int *out, char why[static PROGRAM_WHY])
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_HASH,
			       .key_size = sizeof(struct key),
			       .value_size = sizeof(uint32_t),
			       .max_entries = (uint32_t)n};
	int map = program_call(BPF_MAP_CREATE, &attr);

	if (map < 0)
		return fail(why, "the kernel takes no list of marks");
	for (size_t i = 0; i < n; i++) {
		const struct key key = key_of(&marks[i]);

		attr = (union bpf_attr){.map_fd = (uint32_t)map,
					.key = (uint64_t)(uintptr_t)&key,
					.value = (uint64_t)(uintptr_t)&marks[i].mark};
		if (program_call(BPF_MAP_UPDATE_ELEM, &attr)) {
			int code = fail(why, "the kernel does not take the list of marks");

			close(map);
			return code;
		}
	}
	*out = map;
	return NG_OK;
}

static int hang(int cgroup, uint32_t attach, const struct code *code, int *out,
		char why[static PROGRAM_WHY])
{
	union bpf_attr attr;
	int program, link,
		error = program_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach, code->items,
				     code->n, &program, why);

	if (error)
		return error;
	attr = (union bpf_attr){.link_create = {.prog_fd = (uint32_t)program,
						.target_fd = (uint32_t)cgroup,
						.attach_type = attach}};
	link = program_call(BPF_LINK_CREATE, &attr);
	if (link < 0)
		error = fail(why, "the kernel hangs no program that marks on our cgroup");
	close(program);
	if (!error)
		*out = link;
	return error;
}

int marks_hang(int cgroup, uint32_t uid, const struct mark *marks, size_t n,
	       int links[static MARKS_LINKS], char why[static PROGRAM_WHY])
{
	static const struct {
		uint32_t attach;
		void (*write_key)(struct code *code);
	} families[MARKS_LINKS] = {{BPF_CGROUP_INET4_CONNECT, write_key4},
				   {BPF_CGROUP_INET6_CONNECT, write_key6}};
	const uint64_t cookie = program_namespace();
	int hung[MARKS_LINKS] = {-1, -1}, map = -1, code = make_map(marks, n, &map, why);

	if (code)
		return code;
	for (size_t i = 0; i < MARKS_LINKS && !code; i++) {
		struct code program = {.n = 0};

		write_who(&program, uid, cookie);
		families[i].write_key(&program);
		write_mark(&program, map);
		code = hang(cgroup, families[i].attach, &program, &hung[i], why);
	}
	close(map); /* the programs hold it */
	if (code && hung[0] >= 0)
		close(hung[0]);
	if (!code)
		memcpy(links, hung, sizeof(hung));
	return code;
}
