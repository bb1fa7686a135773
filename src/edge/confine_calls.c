/*
 * The system calls that are left to the worker and the warden.
 *
 * The lists end the process on any call that is not in them. Three kinds of calls are refused
 * with an error instead, since the C library makes them on its own and lives with a refusal:
 * opening files (malloc reads /proc/sys/vm/overcommit_memory), sockets of other families, and
 * clone3, whose flags a filter cannot see (the library then falls back to clone).
 */
#include "config.h"
#include "edge/confine_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* Linux 5.17: names for anonymous memory, which malloc gives */
#endif

/*
 * Under sanitizers the lists only log, and nothing is refused: their run time opens files, clones
 * and traces on its own, and differently in each version. Such a build is for tests, never for
 * service.
 */
#ifdef NG_SANITIZED
#define OTHERWISE     SCMP_ACT_LOG
#define REFUSAL(code) SCMP_ACT_ALLOW
#else
#define OTHERWISE     SCMP_ACT_KILL_PROCESS
#define REFUSAL(code) SCMP_ACT_ERRNO(code)
#endif

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* What any event loop with memory, clocks, threads and open descriptors does. */
static const int common_calls[] = {
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(msync),
	/* open descriptors */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(close),
	SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(fcntl), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),
	SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(shutdown),
	/* waiting */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(eventfd2), SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(signalfd4),
	SCMP_SYS(restart_syscall), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
	/* time, chance, itself */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid),
	SCMP_SYS(geteuid), SCMP_SYS(getrusage), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	/* signals, threads, and the end */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(membarrier), SCMP_SYS(exit), SCMP_SYS(exit_group)};

/* Sockets to clients and upstreams, and LMDB's files. */
static const int worker_calls[] = {SCMP_SYS(connect),   SCMP_SYS(bind),     SCMP_SYS(listen),
				   SCMP_SYS(accept4),   SCMP_SYS(fsync),    SCMP_SYS(fdatasync),
				   SCMP_SYS(ftruncate), SCMP_SYS(fallocate)};

/* What the C library tries on its own and can do without. */
static const struct {
	int number, error;
} refused_calls[] = {
	{SCMP_SYS(clone3), ENOSYS}, {SCMP_SYS(open), EACCES},     {SCMP_SYS(openat), EACCES},
	{SCMP_SYS(access), EACCES}, {SCMP_SYS(readlink), EACCES},
};

/* Calls that are let through with this one argument only. */
struct bounded_call {
	int number;
	struct scmp_arg_cmp when;
};

static const struct bounded_call common_bounded[] = {
	/* memory never becomes executable */
	{SCMP_SYS(mmap), SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
	{SCMP_SYS(mprotect), SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
	/* what fstat() is on some libraries; it names no path */
	{SCMP_SYS(newfstatat), SCMP_A3_64(SCMP_CMP_EQ, AT_EMPTY_PATH)},
	{SCMP_SYS(ioctl), SCMP_A1_64(SCMP_CMP_EQ, FIONBIO)},
	{SCMP_SYS(ioctl), SCMP_A1_64(SCMP_CMP_EQ, FIOCLEX)},
	{SCMP_SYS(ioctl), SCMP_A1_64(SCMP_CMP_EQ, FIONREAD)},
	{SCMP_SYS(ioctl), SCMP_A1_64(SCMP_CMP_EQ, TCGETS)},
	/* the name of the interface that a packet came in by */
	{SCMP_SYS(ioctl), SCMP_A1_64(SCMP_CMP_EQ, SIOCGIFNAME)},
	/* reading a limit, not setting one */
	{SCMP_SYS(prlimit64), SCMP_A2_64(SCMP_CMP_EQ, 0)},
	{SCMP_SYS(prctl), SCMP_A0_64(SCMP_CMP_EQ, PR_SET_NAME)},
	{SCMP_SYS(prctl), SCMP_A0_64(SCMP_CMP_EQ, PR_SET_VMA)},
	/* threads, not processes */
	{SCMP_SYS(clone), SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)},
};

static const struct bounded_call worker_bounded[] = {
	{SCMP_SYS(socket), SCMP_A0_64(SCMP_CMP_EQ, AF_INET)},
	{SCMP_SYS(socket), SCMP_A0_64(SCMP_CMP_EQ, AF_INET6)},
};

/*
 * Options of sockets by level, of which the kernel looks at 32 bits; and of those of SOL_SOCKET the ones
 * below 51. From there on are the programs that choose between sockets of several workers (51, 52,
 * 68): whose worker has one of these sockets must not have all packets come to itself.
 */
#define WORD 0xffffffffu
static const scmp_datum_t option_levels[] = {IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6,
					     SOL_NETLINK};
static const struct {
	scmp_datum_t mask, value;
} socket_options[] = {{WORD & ~31u, 0}, {WORD & ~15u, 32}, {WORD & ~1u, 48}, {WORD, 50}};

/* Each returns 0 or a negative errno, as libseccomp does. */
static int allow_options(scmp_filter_ctx filter)
{
	int error = 0;
	for (size_t i = 0; i < COUNT(option_levels) && !error; i++)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 1,
			SCMP_A1_64(SCMP_CMP_MASKED_EQ, WORD, option_levels[i]));
	for (size_t i = 0; i < COUNT(socket_options) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
					 SCMP_A1_64(SCMP_CMP_MASKED_EQ, WORD, SOL_SOCKET),
					 SCMP_A2_64(SCMP_CMP_MASKED_EQ, socket_options[i].mask,
						    socket_options[i].value));
	return error;
}

static int allow(scmp_filter_ctx filter, const int *calls, size_t n)
{
	int error = 0;
	for (size_t i = 0; i < n && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return error;
}

static int allow_bounded(scmp_filter_ctx filter, const struct bounded_call *calls, size_t n)
{
	int error = 0;
	for (size_t i = 0; i < n && !error; i++)
		error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls[i].number, 1,
					       &calls[i].when);
	return error;
}

static int refuse(scmp_filter_ctx filter)
{
	int error = 0;
	for (size_t i = 0; i < COUNT(refused_calls) && !error; i++)
		error = seccomp_rule_add(filter, REFUSAL((uint16_t)refused_calls[i].error),
					 refused_calls[i].number, 0);
	return error;
}

static int add_common(scmp_filter_ctx filter)
{
	int error = allow(filter, common_calls, COUNT(common_calls));
	if (!error)
		error = allow_bounded(filter, common_bounded, COUNT(common_bounded));
	if (!error)
		error = allow_options(filter);
	if (!error)
		error = refuse(filter);
	if (!error) /* abort() after a failed assertion: the signal goes to this process only */
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
					 SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return error;
}

static int add_worker(scmp_filter_ctx filter)
{
	int error = allow(filter, worker_calls, COUNT(worker_calls));
	if (!error)
		error = allow_bounded(filter, worker_bounded, COUNT(worker_bounded));
	if (!error)
		error = seccomp_rule_add(filter, REFUSAL(EAFNOSUPPORT), SCMP_SYS(socket), 1,
					 SCMP_A0_64(SCMP_CMP_LT, AF_INET));
	if (!error)
		error = seccomp_rule_add(filter, REFUSAL(EAFNOSUPPORT), SCMP_SYS(socket), 1,
					 SCMP_A0_64(SCMP_CMP_GT, AF_INET6));
	return error;
}

int confine_calls(enum confine_role role, char why[static CONFINE_WHY])
{
	scmp_filter_ctx filter = seccomp_init(OTHERWISE);
	int error = filter ? add_common(filter) : -ENOMEM;
	if (!error && role == CONFINE_WORKER)
		error = add_worker(filter);
	if (!error)
		error = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (!error)
		return NG_OK;
	snprintf(why, CONFINE_WHY,
		 "the kernel refused the seccomp filter (it needs CONFIG_SECCOMP_FILTER): %s",
		 strerror(-error));
	return NG_E_IO;
}
