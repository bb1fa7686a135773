/*
 * Stands in for main and workers: starts a warden and speaks wall records with it, as told by
 * lines on standard input. Each line is answered by exactly one line, so that a shell can hold a
 * conversation with it.
 *
 *     start PROGRAM                      -> ok PID
 *     table NAME PATTERN,... PORT SIZE PER-SANDBOX REPORTS-A-SECOND [FLOW-STEP-MS]
 *     add ID INTERFACE|- enforce|observe|lockdown masq|- SOURCE,... [OPENED,...|- [STATIC,...]]
 *                                        a static: PREFIX or PREFIX@PROTO/PORT
 *     remove ID
 *     workers N                          how many the next table has
 *     of N                               whose the sandboxes that are added from now on are; first: 1
 *     worker [N]                         a new channel of that one, 1 without; orders are now its
 *     as N                               orders are now those of that one
 *     lease ID ADDR MILLISECONDS [PROTO PORT [CLIENT]]
 *     revoke ID ADDR [PROTO PORT]        (not answered by the warden: "sent")
 *     order ID ADDR MILLISECONDS         a lease, without a look at what the warden says ("sent")
 *     blocked MILLISECONDS               what was reported until then: "SANDBOX TO PROTO PORT xCOUNT ...",
 *                                        oCOUNT when it passed
 *     bench ID N BATCH                   N leases, BATCH in a packet: microseconds
 *     fill ID FIRST N MILLISECONDS       leases of N addresses from FIRST on, as quickly as they are
 *                                        taken: "N confirmed, N refused in N us"
 *     renew ID ADDR N                    one lease, N times for a millisecond longer: "N confirmed ..."
 *     stream ID FIRST RATE SECONDS MILLISECONDS
 *                                        so many leases a second, each of another address and for so
 *                                        long: as fill
 *     claimed [N]                        that was all, N times ("sent")
 *     flood N                            registers N sandboxes: sandboxes a second
 *     kill SIGNAL                        and waits for its end
 */
#include "edge/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 10000
#define WORDS_MAX 8
#define WORKERS   4 /* numbers from 1 */

static struct {
	pid_t pid;
	int main_fd, worker_fd; /* the latter of whom orders are now */
	int fds[WORKERS];
	uint32_t workers, owner;
	int slow; /* LIVE_SLOW: so many times as long everything may take */
	uint32_t seq;
	uint64_t number;
	struct wall_packet packet, reply;
} driver = {.main_fd = -1, .worker_fd = -1, .fds = {-1, -1, -1, -1}, .slow = 1};

static void answer(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void answer(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static int receive(int fd, enum wall_way way, int wait_ms)
{
	struct pollfd slot = {.fd = fd, .events = POLLIN};
	int none;

	if (poll(&slot, 1, wait_ms * driver.slow) <= 0)
		return NG_E_NOTFOUND;
	return channel_receive(fd, way, &driver.reply, &none);
}

static void send_head(enum wall_kind kind, size_t count)
{
	driver.packet.head = (struct wall_head){
		.kind = (uint16_t)kind, .count = (uint16_t)count, .seq = ++driver.seq};
}

static void hear_main(void)
{
	int code = receive(driver.main_fd, WALL_WARDEN_TO_MAIN, ANSWER_MS);

	if (code == NG_OK && driver.reply.head.seq != driver.seq)
		answer("another answer");
	else if (code != NG_OK)
		answer("lost %s", ng_strerror(code));
	else if (driver.reply.done.code == NG_OK)
		answer("ok");
	else
		answer("%s", ng_strerror(driver.reply.done.code));
}

/* Sends what is in driver.packet to the warden and reports its WALL_DONE. */
static void ask_main(enum wall_kind kind, int fd)
{
	send_head(kind, 1);
	if (channel_send(driver.main_fd, &driver.packet, fd) == NG_OK)
		hear_main();
	else
		answer("lost");
}

static void do_start(char **words)
{
	int ends[2];

	if (channel_pair(ends) != NG_OK) {
		answer("no socket pair");
		return;
	}
	driver.pid = fork();
	if (driver.pid == 0) {
		dup2(ends[1], WALL_FD);
		execl(words[1], words[1], "--user", "self", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (driver.main_fd >= 0)
		close(driver.main_fd);
	driver.main_fd = ends[0];
	if (receive(driver.main_fd, WALL_WARDEN_TO_MAIN, ANSWER_MS) != NG_OK ||
	    driver.reply.head.kind != WALL_READY)
		answer("not ready");
	else
		answer("ok %ld", (long)driver.pid);
}

static void do_table(char **words)
{
	struct wall_table *table = &driver.packet.table;
	char *rest = words[2];

	memset(table, 0, sizeof(*table));
	snprintf(table->table, sizeof(table->table), "%s", words[1]);
	for (char *word; (word = strsep(&rest, ","));)
		snprintf(table->interfaces[table->n_interfaces++], NG_IFNAME_MAX, "%s", word);
	table->dns_port = (uint16_t)atoi(words[3]);
	table->leases = (uint32_t)atoi(words[4]);
	table->leases_sandbox = (uint32_t)atoi(words[5]);
	table->queries_sandbox = NG_QUERIES_SANDBOX_DEFAULT;
	table->workers = (uint8_t)driver.workers;
	table->block_reports_per_s = (uint32_t)atoi(words[6]);
	table->lease_ceiling_s = NG_LEASE_CEILING_S;
	table->flow_step_ms = words[7] ? (uint32_t)atoi(words[7]) : 0;
	ask_main(WALL_TABLE, -1);
}

static uint8_t read_prefixes(char *text, struct ng_prefix *out, size_t most)
{
	uint8_t n = 0;

	for (char *word; text && n < most && (word = strsep(&text, ","));)
		if (ng_prefix_parse(word, &out[n]) == NG_OK)
			n++;
	return n;
}

static uint8_t read_mode(const char *word)
{
	static const char *const modes[] = {"lockdown", "enforce", "observe"};

	for (uint8_t i = 0; i < 3; i++)
		if (!strcmp(word, modes[i]))
			return i;
	return 0;
}

static size_t read_statics(char *text, uint32_t sandbox, struct wall_static *out)
{
	size_t n = 0;

	for (char *word; text && n < NG_STATICS_MAX && (word = strsep(&text, ","));) {
		char *prefix = strsep(&word, "@");

		out[n] = (struct wall_static){.sandbox = sandbox};
		if (word)
			sscanf(word, "%hhu/%hu", &out[n].proto, &out[n].port);
		if (ng_prefix_parse(prefix, &out[n].prefix) == NG_OK)
			n++;
	}
	return n;
}

/* Half of them first, to see that the warden waits for the rest. */
static void send_statics(const struct wall_static *statics, size_t n)
{
	for (size_t sent = 0; sent < n;) {
		size_t count = sent ? n - sent : (n + 1) / 2;

		driver.packet.head =
			(struct wall_head){WALL_STATIC, (uint16_t)count, driver.seq};
		memcpy(driver.packet.statics, statics + sent, count * sizeof(*statics));
		if (channel_send(driver.main_fd, &driver.packet, -1) != NG_OK)
			return;
		sent += count;
		usleep(20000);
	}
}

static void do_add(char **words)
{
	static struct wall_static statics[NG_STATICS_MAX];
	struct wall_sandbox *sandbox = &driver.packet.sandbox;

	size_t n;

	memset(sandbox, 0, sizeof(*sandbox));
	sandbox->id = (uint32_t)atoi(words[1]);
	if (strcmp(words[2], "-") != 0)
		snprintf(sandbox->interface, sizeof(sandbox->interface), "%s", words[2]);
	sandbox->mode = read_mode(words[3]);
	sandbox->worker = (uint16_t)driver.owner;
	sandbox->n_statics = (uint32_t)read_statics(words[7], sandbox->id, statics);
	sandbox->flags = !strcmp(words[4], "masq") ? WALL_MASQUERADE : 0;
	sandbox->n_sources = read_prefixes(words[5], sandbox->sources, NG_SOURCES_MAX);
	sandbox->n_opened = read_prefixes(words[6], sandbox->opened, NG_PRIVATE_MAX);
	send_head(WALL_SANDBOX_ADD, 1);
	n = sandbox->n_statics;
	if (channel_send(driver.main_fd, &driver.packet, -1) == NG_OK)
		send_statics(statics, n);
	hear_main();
}

static void do_remove(char **words)
{
	driver.packet.id = (struct wall_id){.id = (uint32_t)atoi(words[1])};
	ask_main(WALL_SANDBOX_REMOVE, -1);
}

static uint32_t number_of(const char *word)
{
	uint32_t number = word ? (uint32_t)atoi(word) : 1;

	return number >= 1 && number <= WORKERS ? number : 1;
}

static void do_workers(char **words)
{
	driver.workers = number_of(words[1]);
	answer("ok");
}

static void do_of(char **words)
{
	driver.owner = number_of(words[1]) - 1;
	answer("ok");
}

static void do_as(char **words)
{
	driver.worker_fd = driver.fds[number_of(words[1]) - 1];
	answer("ok");
}

static void do_worker(char **words)
{
	const uint32_t number = number_of(words[1]);
	int ends[2];

	if (driver.fds[number - 1] >= 0)
		close(driver.fds[number - 1]);
	if (channel_pair(ends) != NG_OK) {
		answer("no socket pair");
		return;
	}
	driver.worker_fd = driver.fds[number - 1] = ends[0];
	send_head(WALL_CHANNEL, 1);
	driver.packet.channel.worker = number;
	answer("%s",
	       channel_send(driver.main_fd, &driver.packet, ends[1]) == NG_OK ? "ok" : "lost");
	close(ends[1]);
}

static void fill_lease(size_t at, char **words, uint64_t until_us)
{
	struct wall_lease *lease = &driver.packet.lease[at];

	memset(lease, 0, sizeof(*lease));
	lease->number = ++driver.number;
	lease->sandbox = (uint32_t)atoi(words[1]);
	if (words[2] && ng_addr_parse(words[2], &lease->addr) != NG_OK)
		fprintf(stderr, "driver: %s is no address\n", words[2]);
	lease->until_us = until_us;
}

/* The next WALL_LEASED; reports of blocked packets that come between are passed over. */
static int receive_leased(void)
{
	int code;

	do
		code = receive(driver.worker_fd, WALL_WARDEN_TO_WORKER, ANSWER_MS);
	while (code == NG_OK && driver.reply.head.kind != WALL_LEASED);
	return code;
}

static void do_lease(char **words)
{
	struct wall_lease *lease = &driver.packet.lease[0];
	int code;

	fill_lease(0, words, clock_us() + (uint64_t)atoll(words[3]) * 1000);
	if (words[4] && words[5]) {
		lease->proto = (uint8_t)atoi(words[4]);
		lease->port = (uint16_t)atoi(words[5]);
	}
	if (words[6] && ng_addr_parse(words[6], &lease->client) != NG_OK)
		fprintf(stderr, "driver: %s is no address\n", words[6]);
	send_head(WALL_LEASE, 1);
	code = channel_send(driver.worker_fd, &driver.packet, -1);
	if (code == NG_OK)
		code = receive_leased();
	if (code != NG_OK || driver.reply.leased[0].number != driver.number)
		answer("lost %s", ng_strerror(code));
	else
		answer("%s", driver.reply.leased[0].code == NG_OK
				     ? "ok"
				     : ng_strerror(driver.reply.leased[0].code));
}

static void do_order(char **words)
{
	fill_lease(0, words, clock_us() + (uint64_t)atoll(words[3]) * 1000);
	send_head(WALL_LEASE, 1);
	answer("%s",
	       channel_send(driver.worker_fd, &driver.packet, -1) == NG_OK ? "sent" : "lost");
}

static void do_revoke(char **words)
{
	fill_lease(0, words, 0);
	if (words[3] && words[4]) {
		driver.packet.lease[0].proto = (uint8_t)atoi(words[3]);
		driver.packet.lease[0].port = (uint16_t)atoi(words[4]);
	}
	send_head(WALL_REVOKE, 1);
	answer("%s",
	       channel_send(driver.worker_fd, &driver.packet, -1) == NG_OK ? "sent" : "lost");
}

static void do_blocked(char **words)
{
	uint64_t end_us = clock_us() + (uint64_t)atoll(words[1]) * 1000;
	char text[NG_ADDR_TEXT];

	printf("blocked");
	for (uint64_t now; (now = clock_us()) < end_us;) {
		if (receive(driver.worker_fd, WALL_WARDEN_TO_WORKER,
			    (int)((end_us - now) / 1000) + 1) != NG_OK ||
		    driver.reply.head.kind != WALL_BLOCKED)
			continue;
		for (size_t i = 0; i < driver.reply.head.count; i++) {
			const struct wall_blocked *one = &driver.reply.blocked[i];

			printf(" %u %s %u %u %c%llu", one->sandbox,
			       ng_addr_format(&one->to, text), one->proto, one->port,
			       one->observed ? 'o' : 'x', (unsigned long long)one->count);
		}
	}
	answer("%s", "");
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

/* Each packet is sent when the one before it was answered: latency, not throughput. */
static void do_bench(char **words)
{
	size_t n = (size_t)atoll(words[2]), batch = (size_t)atoll(words[3]), rounds = n / batch;
	uint32_t *times = calloc(rounds + 1, sizeof(*times));
	uint64_t until_us = clock_us() + 3600 * (uint64_t)1000000;
	char *lease[3] = {words[0], words[1], NULL};

	for (size_t round = 0; times && round < rounds; round++) {
		uint64_t begin_us;

		for (size_t i = 0; i < batch; i++) {
			uint32_t at = (uint32_t)(round * batch + i);
			uint8_t octets[4] = {44, (uint8_t)(at >> 16), (uint8_t)(at >> 8),
					     (uint8_t)at};

			fill_lease(i, lease, until_us);
			driver.packet.lease[i].addr = ng_addr_make(NG_IPV4, octets);
		}
		send_head(WALL_LEASE, batch);
		begin_us = clock_us();
		if (channel_send(driver.worker_fd, &driver.packet, -1) != NG_OK ||
		    receive_leased() != NG_OK || driver.reply.leased[0].code != NG_OK) {
			answer("failed at %zu", round);
			free(times);
			return;
		}
		times[round] = (uint32_t)(clock_us() - begin_us);
	}
	qsort(times, rounds, sizeof(*times), compare);
	answer("%zu leases in packets of %zu: p50 %u us, p99 %u us", n, batch,
	       times[rounds / 2], times[rounds * 99 / 100]);
	free(times);
}

static bool hear_leased(size_t *done, size_t *refused)
{
	if (receive_leased() != NG_OK)
		return false;
	for (size_t i = 0; i < driver.reply.head.count; i++)
		*refused += driver.reply.leased[i].code != NG_OK;
	*done += driver.reply.head.count;
	return true;
}

/* Up to a packet full of addresses that follow each other, as far as the channel has room. */
static size_t send_some(char **words, uint32_t first, size_t n, uint64_t until_us)
{
	char *lease[3] = {words[0], words[1], NULL};
	size_t most = wall_count_max(WALL_LEASE);

	n = n < most ? n : most;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = first + i;
		uint8_t octets[4] = {(uint8_t)(at >> 24), (uint8_t)(at >> 16),
				     (uint8_t)(at >> 8), (uint8_t)at};

		fill_lease(i, lease, until_us);
		driver.packet.lease[i].addr = ng_addr_make(NG_IPV4, octets);
	}
	send_head(WALL_LEASE, n);
	return channel_send(driver.worker_fd, &driver.packet, -1) == NG_OK ? n : 0;
}

static bool read_first(const char *text, uint32_t *out)
{
	struct ng_addr from;

	if (ng_addr_parse(text, &from) != NG_OK || from.family != NG_IPV4)
		return false;
	*out = 0;
	for (size_t i = 0; i < 4; i++)
		*out = *out << 8 | from.bytes[i];
	return true;
}

static void do_fill(char **words)
{
	size_t n = (size_t)atoll(words[3]), sent = 0, done = 0, refused = 0;
	uint64_t begin_us = clock_us(), until_us = begin_us + (uint64_t)atoll(words[4]) * 1000;
	uint32_t first;

	if (!read_first(words[2], &first)) {
		answer("no address");
		return;
	}
	while (done < n) {
		size_t some =
			sent < n ? send_some(words, first + (uint32_t)sent, n - sent, until_us)
				 : 0;

		sent += some;
		if (!some && !hear_leased(&done, &refused))
			break;
	}
	answer("%zu confirmed, %zu refused in %llu us", done - refused, refused + n - done,
	       (unsigned long long)(clock_us() - begin_us));
}

static void do_renew(char **words)
{
	size_t n = (size_t)atoll(words[3]), done = 0, refused = 0;
	uint64_t begin_us = clock_us();

	while (done < n) {
		fill_lease(0, words, begin_us + 60000000u + done * 1000u);
		send_head(WALL_LEASE, 1);
		if (channel_send(driver.worker_fd, &driver.packet, -1) != NG_OK ||
		    !hear_leased(&done, &refused))
			break;
	}
	answer("%zu confirmed, %zu refused in %llu us", done - refused, refused + n - done,
	       (unsigned long long)(clock_us() - begin_us));
}

#define STREAM_TICK_US 10000u

/* Takes answers until that time. False: the warden does not answer any more. */
static bool hear_until(uint64_t end_us, size_t *done, size_t *refused)
{
	for (uint64_t now; (now = clock_us()) < end_us;) {
		int code = receive(driver.worker_fd, WALL_WARDEN_TO_WORKER,
				   (int)((end_us - now) / 1000));

		if (code == NG_E_NOTFOUND)
			continue;
		if (code != NG_OK)
			return false;
		for (size_t i = 0;
		     driver.reply.head.kind == WALL_LEASED && i < driver.reply.head.count;
		     i++, ++*done)
			*refused += driver.reply.leased[i].code != NG_OK;
	}
	return true;
}

static void do_stream(char **words)
{
	uint64_t rate = (uint64_t)atoll(words[3]), life_us = (uint64_t)atoll(words[5]) * 1000;
	size_t n = rate * (size_t)atoll(words[4]), sent = 0, done = 0, refused = 0;
	uint64_t begin_us = clock_us();
	uint32_t first;

	if (!read_first(words[2], &first)) {
		answer("no address");
		return;
	}
	while (sent < n) {
		uint64_t now_us = clock_us();
		size_t due = (size_t)((now_us - begin_us) * rate / 1000000u) + 1;

		if (due > sent + rate / 2) { /* what was held up is not made up for at once */
			begin_us += (due - sent - rate / 2) * 1000000u / rate;
			due = sent + rate / 2;
		}
		due = due < n ? due : n;
		if (sent < due)
			sent += send_some(words, first + (uint32_t)sent, due - sent,
					  now_us + life_us);
		if (!hear_until(now_us + STREAM_TICK_US, &done, &refused))
			break;
	}
	for (uint64_t end_us = clock_us() + ANSWER_MS * 1000u;
	     done < sent && clock_us() < end_us;)
		if (!hear_until(clock_us() + STREAM_TICK_US, &done, &refused))
			break;
	answer("%zu confirmed, %zu refused in %llu us", done - refused, refused + n - done,
	       (unsigned long long)(clock_us() - begin_us));
}

static int send_waiting(void)
{
	struct pollfd slot = {.fd = driver.worker_fd, .events = POLLOUT};
	int code;

	while ((code = channel_send(driver.worker_fd, &driver.packet, -1)) == NG_E_FULL &&
	       poll(&slot, 1, ANSWER_MS * driver.slow) > 0)
		;
	return code;
}

static void do_claimed(char **words)
{
	int code = NG_OK;

	for (long n = words[1] ? atol(words[1]) : 1; n > 0 && code == NG_OK; n--) {
		driver.packet.done = (struct wall_done){0};
		send_head(WALL_CLAIMED, 1);
		code = send_waiting();
	}
	answer("%s", code == NG_OK ? "sent" : "lost");
}

static void do_flood(char **words)
{
	uint32_t n = (uint32_t)atoi(words[1]), sent = 0, done = 0, failed = 0;
	uint64_t begin_us = clock_us();

	while (done < n) {
		struct wall_sandbox *sandbox = &driver.packet.sandbox;
		int code = NG_E_FULL;

		if (sent < n) {
			uint8_t octets[4] = {10, 77, (uint8_t)(sent >> 8), (uint8_t)sent};

			memset(sandbox, 0, sizeof(*sandbox));
			sandbox->id = 100000 + sent;
			sandbox->mode = 1;
			sandbox->flags = WALL_MASQUERADE;
			snprintf(sandbox->interface, sizeof(sandbox->interface), "sbf%u", sent);
			sandbox->sources[0] =
				(struct ng_prefix){ng_addr_make(NG_IPV4, octets), 32};
			sandbox->n_sources = 1;
			send_head(WALL_SANDBOX_ADD, 1);
			code = channel_send(driver.main_fd, &driver.packet, -1);
			sent += code == NG_OK;
		}
		if (code == NG_OK)
			continue;
		if (receive(driver.main_fd, WALL_WARDEN_TO_MAIN, ANSWER_MS) != NG_OK)
			break;
		done++;
		failed += driver.reply.done.code != NG_OK;
	}
	answer("%u registered, %u failed, %llu a second", done - failed, failed,
	       (unsigned long long)(done * 1000000ull / (clock_us() - begin_us + 1)));
}

static void do_kill(char **words)
{
	int status = 0;

	kill(driver.pid, atoi(words[1]));
	waitpid(driver.pid, &status, 0);
	if (WIFSIGNALED(status))
		answer("signal %d", WTERMSIG(status));
	else
		answer("exit %d", WEXITSTATUS(status));
}

static const struct {
	const char *verb;
	void (*act)(char **words);
	int words; /* at least, the verb included */
} verbs[] = {
	{"start", do_start, 2},     {"table", do_table, 7},     {"add", do_add, 6},
	{"remove", do_remove, 2},   {"worker", do_worker, 1},   {"lease", do_lease, 4},
	{"revoke", do_revoke, 3},   {"blocked", do_blocked, 2}, {"bench", do_bench, 4},
	{"flood", do_flood, 2},     {"kill", do_kill, 2},       {"fill", do_fill, 5},
	{"workers", do_workers, 2}, {"of", do_of, 2},           {"as", do_as, 2},
	{"claimed", do_claimed, 1}, {"stream", do_stream, 6},   {"renew", do_renew, 4},
	{"order", do_order, 4},
};

static void obey(char *line)
{
	char *words[WORDS_MAX + 1] = {0};
	int n = 0;

	for (char *word; n < WORDS_MAX && (word = strsep(&line, " \n"));)
		if (*word)
			words[n++] = word;
	for (size_t i = 0; n && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].verb, words[0]) && n >= verbs[i].words) {
			verbs[i].act(words);
			return;
		}
	answer("what?");
}

int main(void)
{
	const char *slow = getenv("LIVE_SLOW");
	char line[1024];

	driver.slow = slow && atoi(slow) > 0 ? atoi(slow) : 1;
	signal(SIGPIPE, SIG_IGN);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
