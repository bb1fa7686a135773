/*
 * Confinement, tried from inside: a child gives its privileges up and then reaches for what it
 * must no longer have. Each forbidden act ends the child by SIGSYS or is refused; an act that
 * succeeds makes the child exit with 1, and so fails the test.
 */
#include "config.h"
#include "edge/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SUCCEEDED    1 /* a forbidden act went through, or a permitted one did not */
#define NOT_CONFINED 2

typedef int(act_fn)(void);
typedef int(confine_fn)(const char *user, char why[static CONFINE_WHY]);

static int try_open(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static int try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 12) >= 0;
}

static int try_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static int try_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return SUCCEEDED;
}

static int try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static int try_fork(void)
{
	return fork() >= 0;
}

static int try_setuid(void)
{
	return setuid(0) == 0;
}

static int try_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0) != MAP_FAILED;
}

/* Without its program a group of sockets is anyone's of those who have one of them. */
static int set_option(long level, long option)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0), value = 0;
	return s >= 0 && !(syscall(SYS_setsockopt, s, level, option, &value, sizeof(value)) &&
			   (errno == EPERM || errno == EACCES));
}

static int try_steer(void)
{
	return set_option(SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF);
}

static int try_unsteer(void)
{
	return set_option(SOL_SOCKET, SO_DETACH_REUSEPORT_BPF);
}

/* The kernel looks at 32 bits of both. */
static int try_steer_wide(void)
{
	return set_option(SOL_SOCKET | 1L << 40, SO_DETACH_REUSEPORT_BPF | 1L << 40);
}

static int try_kill(void)
{
	return kill(getppid(), 0) == 0;
}

static void *thread_body(void *argument)
{
	return argument;
}

/* Permitted: a thread, memory, and an upstream's socket. */
static int use_what_is_left(void)
{
	pthread_t thread;
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	return s < 0 || pthread_create(&thread, NULL, thread_body, NULL) ||
	       pthread_join(thread, NULL);
}

/* Runs act in a child after confine; its wait status. */
static int run(confine_fn *confine, const char *user, act_fn *act)
{
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char why[CONFINE_WHY] = "";
		if (confine(user, why)) {
			dprintf(STDERR_FILENO, "# %s\n", why);
			_exit(NOT_CONFINED);
		}
		_exit(act() ? SUCCEEDED : 0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void assert_held(int status)
{
	if (WIFSIGNALED(status))
		assert_int_equal(WTERMSIG(status), SIGSYS);
	else
		assert_int_equal(WEXITSTATUS(status), 0);
}

/* In a user namespace with one user in it there is nobody else to become. */
static bool others_exist(void)
{
	unsigned long inside = 0, outside = 0, n = 0;
	FILE *map = fopen("/proc/self/uid_map", "re");
	bool all = map && fscanf(map, "%lu %lu %lu", &inside, &outside, &n) == 3 && n > 65534;
	if (map)
		fclose(map);
	return all;
}

static int need_root(void **state)
{
	(void)state;
#ifdef NG_SANITIZED
	print_message("# skipped: sanitized builds run without a closed list of calls\n");
	return 1;
#endif
	if (geteuid() == 0)
		return 0;
	print_message("# skipped: changing users takes root\n");
	return 1;
}

static const struct {
	const char *name;
	act_fn *act;
} forbidden[] = {
	{"open", try_open},     {"netlink", try_netlink}, {"packet", try_packet},
	{"exec", try_exec},     {"ptrace", try_ptrace},   {"fork", try_fork},
	{"setuid", try_setuid}, {"code", try_code},       {"kill", try_kill},
	{"steer", try_steer},   {"unsteer", try_unsteer}, {"steer wide", try_steer_wide},
};

static void hold_against_all(confine_fn *confine, const char *user)
{
	for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
		print_message("# %s as %s\n", forbidden[i].name, user);
		assert_held(run(confine, user, forbidden[i].act));
	}
}

static void test_worker_is_held(void **state)
{
	if (need_root(state))
		skip();
	hold_against_all(confine_worker, "self");
	assert_int_equal(run(confine_worker, "self", use_what_is_left), 0);
	if (others_exist())
		hold_against_all(confine_worker, "nobody");
}

static void test_warden_is_held(void **state)
{
	if (need_root(state))
		skip();
	hold_against_all(confine_warden, "self");
	if (others_exist())
		hold_against_all(confine_warden, "nobody");
}

/* The same acts do succeed without confinement, so the tests above can fail. */
static int confine_not(const char *user, char why[static CONFINE_WHY])
{
	(void)user, (void)why;
	return NG_OK;
}

static void test_acts_succeed_when_free(void **state)
{
	if (need_root(state))
		skip();
	assert_int_equal(WEXITSTATUS(run(confine_not, "", try_open)), SUCCEEDED);
	assert_int_equal(WEXITSTATUS(run(confine_not, "", try_netlink)), SUCCEEDED);
	assert_int_equal(WEXITSTATUS(run(confine_not, "", try_setuid)), SUCCEEDED);
	assert_int_equal(WEXITSTATUS(run(confine_not, "", try_kill)), SUCCEEDED);
	assert_int_equal(WEXITSTATUS(run(confine_not, "", try_steer)), SUCCEEDED);
	assert_int_equal(WEXITSTATUS(run(confine_not, "", try_steer_wide)), SUCCEEDED);
}

/* Only the user and the capabilities, as the test of capabilities reads /proc afterwards. */
static int drop_user(const char *user, char why[static CONFINE_WHY])
{
	int code = confine_user(user, why);
	return code ? code : confine_user(user, why); /* again: nothing left to do */
}

static int hold_no_capability(void)
{
	return capng_get_caps_process() || getuid() == 0 || setuid(0) == 0 ||
	       capng_have_capabilities(CAPNG_SELECT_BOTH) != CAPNG_NONE;
}

static void test_user_drops_everything(void **state)
{
	if (need_root(state) || !others_exist())
		skip();
	assert_int_equal(run(drop_user, "nobody", hold_no_capability), 0);
	assert_int_equal(run(drop_user, "65534", hold_no_capability), 0);
}

static int confine_as_main(const char *user, char why[static CONFINE_WHY])
{
	(void)user;
	return confine_main(why);
}

/* Main passes net_admin on and does not use it. */
static int main_keeps_little(void)
{
	return capng_get_caps_process() ||
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) ||
	       !capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN) ||
	       capng_have_capability(CAPNG_PERMITTED, CAP_SYS_ADMIN) ||
	       capng_have_capability(CAPNG_BOUNDING_SET, CAP_SYS_PTRACE) ||
	       capng_have_capability(CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
}

static void test_main_keeps_little(void **state)
{
	if (need_root(state))
		skip();
	assert_int_equal(run(confine_as_main, "", main_keeps_little), 0);
}

static void test_missing_user_is_named(void **state)
{
	(void)state;
	char why[CONFINE_WHY] = "";
	assert_int_equal(confine_user("ng-no-such-user", why), NG_E_PERM);
	assert_non_null(strstr(why, "\"ng-no-such-user\" does not exist"));
	assert_non_null(strstr(why, "useradd --system"));
	assert_int_equal(confine_user("root", why), NG_E_PERM);
	assert_non_null(strstr(why, "is root"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acts_succeed_when_free),
		cmocka_unit_test(test_worker_is_held),
		cmocka_unit_test(test_warden_is_held),
		cmocka_unit_test(test_user_drops_everything),
		cmocka_unit_test(test_main_keeps_little),
		cmocka_unit_test(test_missing_user_is_named),
	};
	return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
