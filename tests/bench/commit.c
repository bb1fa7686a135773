/*
 * What the commit of one lease costs, from the request to the kernel's acknowledgement, against a
 * floor: the same element by a bare loop of libmnl, built, sent and acknowledged by nothing but
 * what the kernel needs. Both write to the same set by the same socket, in turn.
 *
 *     commit ELEMENTS...     for each, what stands in the set meanwhile: {"elements": ...,
 *                            "ours_ns": [p50, p99], "bare_ns": [p50, p99]}, all of them in an array
 */
#include "warden/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define ROUNDS     20000
#define LOT        20000 /* elements that are put in at once */
#define TIMEOUT_MS 3600000u

static const struct wall_table table = {
	.table = "benchcommit",
	.dns_port = 5353,
	.n_interfaces = 1,
	.interfaces = {"bench*"},
	.lease_ceiling_s = NG_LEASE_CEILING_S,
	.leases_sandbox = 1u << 22,
	.queries_sandbox = NG_QUERIES_SANDBOX_DEFAULT,
	.leases = 1u << 22,
	.block_reports_per_s = 1,
};

static void die(const char *what, int system)
{
	fprintf(stderr, "commit: %s: %s\n", what, strerror(system));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The addresses of an element by its number. */
static struct op *put(struct ops *ops, uint32_t number, bool remove)
{
	const uint8_t source[4] = {10, (uint8_t)(number >> 20), 77, 2};
	const uint8_t to[4] = {44, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
			       (uint8_t)number};
	struct ng_addr addrs[2] = {ng_addr_make(NG_IPV4, source), ng_addr_make(NG_IPV4, to)};
	struct op *op = op_pair(ops, &addrs[0], &addrs[1], 0, 0);

	if (!op)
		die("no memory", ENOMEM);
	op->remove = remove;
	op->timeout_ms = TIMEOUT_MS;
	return op;
}

static void commit(struct kernel *kernel, struct ops *ops)
{
	if (kernel_commit(kernel, ops) != NG_OK)
		die("the kernel refused", errno);
	ops_clear(ops);
}

static void fill(struct kernel *kernel, struct ops *ops, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		put(ops, i, false);
		if (ops->n == LOT || i + 1 == to)
			commit(kernel, ops);
	}
}

/* ---- the floor ---- */

static struct nlmsghdr *bare_message(char *at, uint16_t type, uint16_t flags, uint32_t seq,
				     uint8_t family, uint16_t res)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(at);
	struct nfgenmsg *body = mnl_nlmsg_put_extra_header(message, sizeof(*body));

	message->nlmsg_type = type;
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->nlmsg_seq = seq;
	body->nfgen_family = family;
	body->version = NFNETLINK_V0;
	body->res_id = htons(res);
	return message;
}

static size_t bare_build(char *at, uint32_t seq, const struct op *op)
{
	struct nlattr *list, *element, *key;
	struct nlmsghdr *message;
	char *begin = at;

	at += bare_message(at, NFNL_MSG_BATCH_BEGIN, 0, seq, AF_UNSPEC, NFNL_SUBSYS_NFTABLES)
		      ->nlmsg_len;
	message = bare_message(at, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM,
			       NLM_F_CREATE | NLM_F_ACK, seq + 1, NFPROTO_INET, 0);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table.table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set_shapes[op->set].name);
	list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	key = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
	mnl_attr_put(message, NFTA_DATA_VALUE, op->len, op->key);
	mnl_attr_nest_end(message, key);
	mnl_attr_put_u64(message, NFTA_SET_ELEM_TIMEOUT, htobe64(op->timeout_ms));
	mnl_attr_put_u64(message, NFTA_SET_ELEM_EXPIRATION, htobe64(op->timeout_ms));
	mnl_attr_nest_end(message, element);
	mnl_attr_nest_end(message, list);
	at += MNL_ALIGN(message->nlmsg_len);
	at += bare_message(at, NFNL_MSG_BATCH_END, 0, seq + 2, AF_UNSPEC, NFNL_SUBSYS_NFTABLES)
		      ->nlmsg_len;
	return (size_t)(at - begin);
}

static void bare_commit(struct netlink *netlink, const struct op *op)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	const struct nlmsgerr *error;
	char out[1024], in[1024];
	size_t len = bare_build(out, netlink->seq, op);

	netlink->seq += 3;
	if (sendto(netlink->fd, out, len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) != (ssize_t)len ||
	    recv(netlink->fd, in, sizeof(in), 0) < (ssize_t)sizeof(struct nlmsghdr))
		die("the floor was not answered", errno);
	error = mnl_nlmsg_get_payload((const struct nlmsghdr *)(const void *)in);
	if (error->error)
		die("the floor was refused", -error->error);
}

/* ---- both in turn ---- */

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static void print_times(const char *what, uint64_t times[ROUNDS])
{
	qsort(times, ROUNDS, sizeof(*times), compare);
	printf("\"%s\": [%llu, %llu]", what, (unsigned long long)times[ROUNDS / 2],
	       (unsigned long long)times[ROUNDS / 100 * 99]);
}

static uint64_t timed(struct kernel *kernel, struct ops *ops, uint32_t number, bool bare)
{
	struct op *op = put(ops, number, false);
	uint64_t begun = now_ns(), taken;

	if (bare) {
		bare_commit(&kernel->netlink, op);
	} else {
		ops_clear(ops);
		put(ops, number, false); /* making the op is part of ours */
		if (kernel_commit(kernel, ops) != NG_OK)
			die("the kernel refused", errno);
	}
	taken = now_ns() - begun;
	ops_clear(ops);
	put(ops, number, true);
	commit(kernel, ops);
	return taken;
}

static void measure(struct kernel *kernel, struct ops *ops, uint32_t elements)
{
	static uint64_t ours[ROUNDS], bare[ROUNDS];

	/* Never the same element: the second to use a place in the set would find it in the cache. */
	for (uint32_t i = 0; i < ROUNDS; i++) {
		ours[i] = timed(kernel, ops, elements + 2 * i, false);
		bare[i] = timed(kernel, ops, elements + 2 * i + 1, true);
	}
	printf("{\"elements\": %u, ", elements);
	print_times("ours_ns", ours);
	printf(", ");
	print_times("bare_ns", bare);
	printf("}");
}

int main(int argc, char **argv)
{
	struct kernel kernel = {.log_group = 77};
	char why[SAY_MAX] = "";
	struct ops ops = {0};
	uint32_t stand = 0;
	int system = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: commit ELEMENTS...   (rising, at most 4000000)\n");
		return 2;
	}
	if (kernel_open(&kernel, why) != NG_OK) {
		fprintf(stderr, "commit: %s\n", why);
		return 1;
	}
	kernel.log_group = 77;
	if (table_build(&kernel, &table, BUILD_ANEW, &ops, &system) != NG_OK)
		die("the table cannot be built", system);
	printf("[");
	for (int i = 1; i < argc; i++) {
		uint32_t wanted = (uint32_t)strtoul(argv[i], NULL, 10);

		if (wanted > stand)
			fill(&kernel, &ops, stand, wanted);
		stand = wanted > stand ? wanted : stand;
		measure(&kernel, &ops, stand);
		printf(i + 1 < argc ? ", " : "]\n");
	}
	ops_finish(&ops);
	if (table_remove(&kernel, table.table, &system) != NG_OK)
		die("the table cannot be removed", system);
	kernel_close(&kernel);
	return 0;
}
