/*
 * The load: A questions over one UDP socket with a bounded number outstanding, each answer checked.
 *
 * A question's ID is the low half of its running number, so a ring of 65536 slots finds it again
 * and a window far below that never meets itself. Saturating, the window is kept full; paced, each
 * question leaves when it is due and not before. TERM ends the questions, and what is under way is
 * waited for. One line of JSON says what was seen; the exit code is 1 when an answer was wrong or missing.
 */
#include "config.h"
#include "dns.h"
#include "latency.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define SLOTS      65536
#define WINDOW_MAX 8192
#define BATCH      64
#define SECOND_NS  1000000000ull

struct options {
	struct sockaddr_in to;
	const char *name; /* a '%' in it stands for the running number */
	uint64_t first;   /* the running number to begin with */
	uint64_t count;
	double seconds, rate; /* rate 0: saturating */
	unsigned window, addresses;
	uint64_t patience_ns;
	uint8_t rcode;
	bool echo, stamps;
};
struct slot {
	uint64_t sent_ns, sent_wall_ns;
	bool waiting;
};
struct load {
	struct options set;
	int sock;
	uint64_t begun_ns, ended_ns;
	uint64_t sent, oldest; /* running numbers: all below oldest are settled */
	uint64_t right, wrong, lost, stray;
	unsigned waiting;
	const char *first_wrong;
	struct slot slots[SLOTS];
	struct latency latency;
	struct mmsghdr headers[BATCH];
	struct iovec at[BATCH];
	uint8_t packets[BATCH][DNS_PACKET];
	union {
		struct cmsghdr aligned;
		char octets[CMSG_SPACE(sizeof(struct timespec))];
	} stamps[BATCH];
};

static volatile sig_atomic_t enough;

static void on_term(int signal)
{
	enough = signal;
}

static uint64_t in_ns(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * SECOND_NS + (uint64_t)time->tv_nsec;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return in_ns(&now);
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* ---- what is asked ---- */

static size_t build_query(const struct options *set, uint64_t number,
			  uint8_t out[static DNS_PACKET])
{
	const char *mark = strchr(set->name, '%');
	char name[DNS_NAME_TEXT];

	if (!mark)
		return dns_query(set->name, (uint16_t)number, out);
	snprintf(name, sizeof name, "%.*s%llu%s", (int)(mark - set->name), set->name,
		 (unsigned long long)(set->first + number), mark + 1);
	return dns_query(name, (uint16_t)number, out);
}

/* Is there more to ask, now or later? */
static bool load_asks(const struct load *load, uint64_t now)
{
	const struct options *set = &load->set;

	return !enough && (!set->count || load->sent < set->count) &&
	       (set->seconds <= 0 || (double)(now - load->begun_ns) < set->seconds * SECOND_NS);
}

/* How many may leave now: what the window, the count, the time and the pace leave over. */
static unsigned load_due(const struct load *load, uint64_t now)
{
	const struct options *set = &load->set;
	uint64_t due = set->window - load->waiting;

	if (!load_asks(load, now))
		return 0;
	if (set->count && due > set->count - load->sent)
		due = set->count - load->sent;
	if (set->rate > 0) {
		double planned = (double)(now - load->begun_ns) / SECOND_NS * set->rate + 1;
		uint64_t behind =
			(uint64_t)planned > load->sent ? (uint64_t)planned - load->sent : 0;

		due = due < behind ? due : behind;
	}
	return due < BATCH ? (unsigned)due : BATCH;
}

static void load_send(struct load *load, unsigned n)
{
	int sent;
	uint64_t now, wall;

	for (unsigned i = 0; i < n; i++) {
		load->at[i].iov_len = build_query(&load->set, load->sent + i, load->packets[i]);
		load->headers[i].msg_hdr.msg_iov = &load->at[i];
		load->headers[i].msg_hdr.msg_controllen = 0;
	}
	now = now_ns();
	wall = load->set.stamps ? clock_ns(CLOCK_REALTIME) : 0; /* what stamps are of */
	sent = sendmmsg(load->sock, load->headers, n, 0);
	for (int i = 0; i < sent; i++) {
		load->slots[load->sent++ % SLOTS] = (struct slot){now, wall, true};
		load->waiting++;
	}
}

/* ---- what comes back ---- */

static const char *load_mismatch(const struct load *load, uint64_t number,
				 const uint8_t *answer, size_t len)
{
	uint8_t query[DNS_PACKET];
	size_t query_len = build_query(&load->set, number, query);

	if (load->set.echo)
		return len == query_len && !memcmp(query, answer, len) ? NULL : "no echo";
	return dns_mismatch(query, query_len, answer, len, load->set.rcode,
			    load->set.addresses);
}

/* The youngest number with this ID that was sent; false when none waits for an answer. */
static bool load_number(const struct load *load, uint16_t id, uint64_t *number)
{
	uint64_t found = (load->sent & ~(uint64_t)0xffff) | id;

	if (found >= load->sent) {
		if (found < SLOTS)
			return false;
		found -= SLOTS;
	}
	*number = found;
	return load->slots[id].waiting;
}

/* What one answer took: to when the kernel got it, where that is known, else to when this program did. */
static uint64_t load_latency(const struct load *load, const struct slot *slot,
			     struct msghdr *header, uint64_t now)
{
	struct cmsghdr *control = load->set.stamps ? CMSG_FIRSTHDR(header) : NULL;
	struct timespec stamp;

	if (!control || control->cmsg_type != SCM_TIMESTAMPNS)
		return now - slot->sent_ns;
	memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
	return in_ns(&stamp) > slot->sent_wall_ns ? in_ns(&stamp) - slot->sent_wall_ns : 0;
}

static void load_take(struct load *load, struct mmsghdr *message, const uint8_t *answer,
		      uint64_t now)
{
	const size_t len = message->msg_len;
	uint64_t number;
	const char *why;

	if (len < DNS_HEADER_LEN || !load_number(load, dns_id(answer), &number)) {
		load->stray++;
		return;
	}
	load->slots[number % SLOTS].waiting = false;
	load->waiting--;
	why = load_mismatch(load, number, answer, len);
	if (why) {
		load->wrong++;
		load->first_wrong = load->first_wrong ? load->first_wrong : why;
		return;
	}
	load->right++;
	latency_add(&load->latency,
		    load_latency(load, &load->slots[number % SLOTS], &message->msg_hdr, now));
}

static int load_receive(struct load *load)
{
	int n;
	uint64_t now;

	for (int i = 0; i < BATCH; i++) {
		load->at[i].iov_len = DNS_PACKET;
		load->headers[i].msg_hdr.msg_controllen = sizeof load->stamps[i];
	}
	n = recvmmsg(load->sock, load->headers, BATCH, MSG_DONTWAIT, NULL);
	now = now_ns();
	for (int i = 0; i < n; i++)
		load_take(load, &load->headers[i], load->packets[i], now);
	if (n > 0)
		load->ended_ns = now;
	return n;
}

static void load_expire(struct load *load, uint64_t now)
{
	for (; load->oldest < load->sent; load->oldest++) {
		struct slot *slot = &load->slots[load->oldest % SLOTS];

		if (!slot->waiting)
			continue;
		if (now - slot->sent_ns < load->set.patience_ns)
			return;
		slot->waiting = false;
		load->waiting--;
		load->lost++;
	}
}

/* ---- the run ---- */

static bool load_over(const struct load *load, uint64_t now)
{
	return !load->waiting && !load_asks(load, now);
}

/*
 * Sleeps until an answer comes, the next question is due, or some milliseconds have gone. Who may be on the same
 * core is the upstream, so nothing spins here that has nothing to send.
 */
static void load_wait(const struct load *load, uint64_t now)
{
	struct pollfd wait = {.fd = load->sock, .events = POLLIN};
	struct timespec until = {.tv_nsec = 5000000};

	if (load->set.rate > 0 && load->waiting < load->set.window && load_asks(load, now)) {
		double due = (double)load->sent / load->set.rate * SECOND_NS;
		double left = due - (double)(now - load->begun_ns);

		if (left < 5e6)
			until.tv_nsec = left > 0 ? (long)left : 0;
	}
	ppoll(&wait, 1, &until, NULL);
}

static void load_run(struct load *load)
{
	uint64_t now = now_ns();

	load->begun_ns = load->ended_ns = now;
	while (!load_over(load, now)) {
		unsigned due = load_due(load, now);

		/* A window that lags behind the ring would give one ID to two questions. */
		if (due && load->sent + due - load->oldest < SLOTS)
			load_send(load, due);
		if (load_receive(load) <= 0)
			load_wait(load, now_ns());
		now = now_ns();
		load_expire(load, now);
	}
}

static int load_open(struct load *load)
{
	int size = 4 << 20, yes = 1;

	for (int i = 0; i < BATCH; i++) {
		load->at[i] = (struct iovec){load->packets[i], DNS_PACKET};
		load->headers[i].msg_hdr = (struct msghdr){.msg_iov = &load->at[i],
							   .msg_iovlen = 1,
							   .msg_control = &load->stamps[i]};
	}
	prctl(PR_SET_TIMERSLACK, 1);
	load->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (load->sock < 0)
		return -1;
	setsockopt(load->sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (load->set.stamps &&
	    setsockopt(load->sock, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes))
		return -1;
	return connect(load->sock, (struct sockaddr *)&load->set.to, sizeof load->set.to);
}

static int load_report(const struct load *load)
{
	double seconds = (double)(load->ended_ns - load->begun_ns) / SECOND_NS;
	const struct latency *latency = &load->latency;

	printf("{\"sent\":%llu,\"right\":%llu,\"wrong\":%llu,\"lost\":%llu,\"stray\":%llu,"
	       "\"seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
	       "\"first_wrong\":\"%s\"}\n",
	       (unsigned long long)load->sent, (unsigned long long)load->right,
	       (unsigned long long)load->wrong, (unsigned long long)load->lost,
	       (unsigned long long)load->stray, seconds, latency_us(latency, 0.5),
	       latency_us(latency, 0.99), latency_us(latency, 0.999),
	       load->first_wrong ? load->first_wrong : "");
	return load->wrong || load->lost || !load->right;
}

/* ---- the command line ---- */

static const char usage[] =
	"usage: load --to ADDRESS:PORT --name NAME (--count N | --seconds S) [option]...\n"
	"  --name NAME      what to ask; a % in it becomes a running number: a fresh name each "
	"time\n"
	"  --first N        the first running number (0)\n"
	"  --count N        end after so many questions\n"
	"  --seconds S      end after so many seconds\n"
	"  --window N       questions outstanding at most (64)\n"
	"  --rate R         questions a second; without it, as many as the window lets "
	"through\n"
	"  --patience MS    after which a question counts as lost (2000)\n"
	"  --rcode N        the rcode that is right (0)\n"
	"  --addresses N    how many addresses are right (0)\n"
	"  --echo           right is what comes back unchanged\n"
	"  --stamps         an answer is there when the kernel has it, not when this program "
	"sees it\n";

enum {
	TO = 1,
	NAME,
	FIRST,
	COUNT,
	SECONDS,
	WINDOW,
	RATE,
	PATIENCE,
	RCODE,
	ADDRESSES,
	ECHO,
	STAMPS
};
static const struct option longs[] = {
	{"to", 1, NULL, TO},
	{"name", 1, NULL, NAME},
	{"first", 1, NULL, FIRST},
	{"count", 1, NULL, COUNT},
	{"seconds", 1, NULL, SECONDS},
	{"window", 1, NULL, WINDOW},
	{"rate", 1, NULL, RATE},
	{"patience", 1, NULL, PATIENCE},
	{"rcode", 1, NULL, RCODE},
	{"addresses", 1, NULL, ADDRESSES},
	{"echo", 0, NULL, ECHO},
	{"stamps", 0, NULL, STAMPS},
	{NULL, 0, NULL, 0},
};

static bool take_option(struct options *set, int option)
{
	switch (option) {
	case TO:
		return dns_endpoint(optarg, &set->to);
	case NAME:
		set->name = optarg;
		return true;
	case FIRST:
		set->first = strtoull(optarg, NULL, 10);
		return true;
	case COUNT:
		set->count = strtoull(optarg, NULL, 10);
		return true;
	case SECONDS:
		set->seconds = strtod(optarg, NULL);
		return true;
	case WINDOW:
		set->window = (unsigned)strtoul(optarg, NULL, 10);
		return true;
	case RATE:
		set->rate = strtod(optarg, NULL);
		return true;
	case PATIENCE:
		set->patience_ns = strtoull(optarg, NULL, 10) * 1000000;
		return true;
	case RCODE:
		set->rcode = (uint8_t)strtoul(optarg, NULL, 10);
		return true;
	case ADDRESSES:
		set->addresses = (unsigned)strtoul(optarg, NULL, 10);
		return true;
	case ECHO:
		set->echo = true;
		return true;
	case STAMPS:
		set->stamps = true;
		return true;
	default:
		return false;
	}
}

static bool read_options(int argc, char **argv, struct options *set)
{
	uint8_t probe[DNS_PACKET];
	int option;

	*set = (struct options){.window = 64, .patience_ns = 2 * SECOND_NS};
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!take_option(set, option))
			return false;
	return optind == argc && set->to.sin_port && set->name && build_query(set, 0, probe) &&
	       (set->count || set->seconds > 0) && set->window && set->window <= WINDOW_MAX &&
	       set->addresses <= DNS_ADDRESSES;
}

int main(int argc, char **argv)
{
	static struct load load;

	if (!read_options(argc, argv, &load.set)) {
		fputs(usage, stderr);
		return 2;
	}
	if (load_open(&load)) {
		fprintf(stderr, "load: no socket to the server: %s\n", strerror(errno));
		return 2;
	}
	signal(SIGTERM, on_term);
	load_run(&load);
	return load_report(&load);
}
