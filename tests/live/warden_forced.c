/*
 * The warden as it is built, on a kernel that can do less and on sockets that fail: for tests of
 * what a newer or calmer kernel never shows. The linker puts these functions before the ones that
 * the warden calls (-Wl,--wrap); everything else, the kernel above all, is real.
 *
 * What is forced stands in the file that NAMEGATE_FORCED names, an octet each: 0 nothing, 255
 * always, else so many more times. It is mapped before the warden confines itself, so a test can
 * change it while the warden runs.
 */
#include "warden/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum force { /* the order of forced_names in forced.sh */
	     LACK_OWNER = 0,
	     LACK_IN_PLACE,
	     LACK_DESTROY,
	     LACK_END,
	     SMALL_RECEIVE, /* receive buffers are left as small as the kernel allows */
	     SEND_EINTR,
	     RECEIVE_EINTR,
	     LOSE_END, /* batches go out without their end */
	     LOSE_WORD, /* the kernel's answers overflow the buffer: ENOBUFS, and they are gone */
	     SMALL_SETS, /* sets for leases have room for eight, those for limits of questions for one */
	     STALE,      /* batches carry a generation that is over: ERESTART */
	     SLOW_BUILD, /* the warden is held up for a while when rules are in force */
	     LACK_PERSIST,
	     FORCES
};
#define ALWAYS  255
#define SLOW_MS 500

static volatile unsigned char *forced;

__attribute__((constructor)) static void find_forced(void)
{
	const char *path = getenv("NAMEGATE_FORCED");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = MAP_FAILED;

	if (fd >= 0)
		map = mmap(NULL, FORCES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		fprintf(stderr, "warden_forced: NAMEGATE_FORCED names no file of %d octets\n",
			FORCES);
		_exit(EXIT_FAILURE);
	}
	close(fd);
	forced = map;
}

static bool strikes(enum force what)
{
	if (!forced[what])
		return false;
	if (forced[what] != ALWAYS)
		forced[what]--;
	return true;
}

int __real_probe(struct kernel *kernel, char why[static SAY_MAX]);
int __wrap_probe(struct kernel *kernel, char why[static SAY_MAX]);
int __wrap_probe(struct kernel *kernel, char why[static SAY_MAX])
{
	int code = __real_probe(kernel, why);

	kernel->ability.owner &= !forced[LACK_OWNER];
	kernel->ability.owner_persist &= !forced[LACK_OWNER] && !forced[LACK_PERSIST];
	kernel->ability.in_place &= !forced[LACK_IN_PLACE];
	kernel->ability.destroy &= !forced[LACK_DESTROY];
	kernel->ability.acks_end &= !forced[LACK_END];
	kernel->netlink.acks_end = kernel->ability.acks_end;
	return code;
}

int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	const int least = 1;

	if (forced[SMALL_RECEIVE] && level == SOL_SOCKET && name == SO_RCVBUFFORCE)
		return __real_setsockopt(fd, level, name, &least, sizeof(least));
	return __real_setsockopt(fd, level, name, value, len);
}

/* Of a batch the part before its last message, which is the end; of anything else all. */
static size_t without_end(const char *octets, size_t len)
{
	const struct nlmsghdr *message = (const void *)octets;
	int left = (int)len;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		if (message->nlmsg_type == NFNL_MSG_BATCH_END)
			return (size_t)((const char *)message - octets);
	return len;
}

static void shrink_set(struct nlmsghdr *message)
{
	struct nlattr *attr, *inner, *desc = NULL;
	uint32_t room = 0;

	mnl_attr_for_each(attr, message, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_SET_NAME)
			room = !strncmp(mnl_attr_get_str(attr), "allow", 5)  ? htonl(8)
			       : !strncmp(mnl_attr_get_str(attr), "asks", 4) ? htonl(1)
									     : 0;
		else if (mnl_attr_get_type(attr) == NFTA_SET_DESC)
			desc = attr;
	}
	if (!room || !desc)
		return;
	mnl_attr_for_each_nested(inner, desc)
	{
		if (mnl_attr_get_type(inner) == NFTA_SET_DESC_SIZE)
			memcpy(mnl_attr_get_payload(inner), &room, sizeof(room));
	}
}

static void shrink_sets(char *octets, size_t len)
{
	struct nlmsghdr *message = (void *)octets;
	int left = (int)len;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET))
			shrink_set(message);
}

/* The batch behind a beginning that says which generation it was made for. */
static char *make_stale(const char *octets, size_t *len)
{
	const size_t begin = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	char *stale = malloc(*len + 8);
	struct nlmsghdr *message = (void *)stale;

	if (!stale)
		abort();
	memcpy(stale, octets, begin);
	mnl_attr_put_u32(message, NFNL_BATCH_GENID, htonl(0xfffffff0u));
	memcpy(stale + begin + 8, octets + begin, *len - begin);
	*len += 8;
	return stale;
}

static bool makes_rules(const char *octets, size_t len)
{
	const struct nlmsghdr *message = (const void *)octets;
	int left = (int)len;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
			return true;
	return false;
}

ssize_t __real_sendto(int fd, const void *octets, size_t len, int flags,
		      const struct sockaddr *to, socklen_t to_len);
ssize_t __wrap_sendto(int fd, const void *octets, size_t len, int flags,
		      const struct sockaddr *to, socklen_t to_len);
ssize_t __wrap_sendto(int fd, const void *octets, size_t len, int flags,
		      const struct sockaddr *to, socklen_t to_len)
{
	size_t whole = without_end(octets, len);

	if (strikes(SEND_EINTR)) {
		errno = EINTR;
		return -1;
	}
	if (whole < len && strikes(LOSE_END)) {
		ssize_t sent = __real_sendto(fd, octets, whole, flags, to, to_len);

		return sent < 0 ? sent : (ssize_t)len;
	}
	if (forced[SMALL_SETS] && whole < len)
		shrink_sets((char *)(uintptr_t)octets, len);
	if (whole < len && strikes(STALE)) {
		char *stale = make_stale(octets, &len);
		ssize_t sent = __real_sendto(fd, stale, len, flags, to, to_len);

		free(stale);
		return sent < 0 ? sent : sent - 8;
	}
	if (whole < len && makes_rules(octets, len) && strikes(SLOW_BUILD)) {
		ssize_t sent = __real_sendto(fd, octets, len, flags, to, to_len);

		(void)poll(NULL, 0, SLOW_MS);
		return sent;
	}
	return __real_sendto(fd, octets, len, flags, to, to_len);
}

ssize_t __real_recv(int fd, void *octets, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *octets, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *octets, size_t len, int flags)
{
	ssize_t got;

	if (strikes(RECEIVE_EINTR)) {
		errno = EINTR;
		return -1;
	}
	got = __real_recv(fd, octets, len, flags);
	if (got > 0 && strikes(LOSE_WORD)) {
		errno = ENOBUFS;
		return -1;
	}
	return got;
}
