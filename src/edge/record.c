/*
 * The way of records out of the process.
 *
 * A sandbox decides how often there is something to record, so each has a token bucket, asked
 * before any text is made: what is not written costs next to nothing. What was given a token is
 * put into a bounded buffer, and the descriptor takes from it as much as it takes without
 * waiting; when the buffer is full the record counts as suppressed like the others.
 *
 * Several processes write to one descriptor. What a pipe has no room for is cut anywhere, and another's line
 * would go on where ours was cut: so a pipe gets whole lines, no more at once than it takes whole or
 * not at all. (A file takes all of it, behind what the others wrote.)
 *
 * A pipe or terminal is opened anew through /proc, so that "do not wait" is set for our own view
 * of it: the flag belongs to the open file, which we share with whoever started us.
 */
#include "config.h"
#include "edge/record.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define BUFFER_MAX  (512u << 10)
#define LINE_MOST   (16u << 10)
#define MILLI       1000u
#define QUIET_US    10000000u
#define BUCKETS_MAX (NG_SANDBOXES_CEILING + 1u)

struct bucket {
	uint32_t sandbox; /* 0: whoever is not a sandbox */
	uint64_t milli_tokens, filled_us, suppressed;
	uint64_t packets; /* that suppressed records of blocked ones stood for */
	char name[NG_SANDBOX_NAME_MAX];
	UT_hash_handle hh;
};

struct record_log {
	int fd;
	enum record_kind kind;
	bool socket, file;
	uint32_t per_s;
	struct bucket *buckets, strangers;
	struct bucket *last; /* that was asked for: records of one sandbox come together */
	struct record_counters counters;
	size_t first, n; /* [first, n) of the buffer waits */
	char buffer[BUFFER_MAX];
	char line[LINE_MOST];
};

/* ---- out ---- */

static ssize_t put_out(struct record_log *log, const char *octets, size_t n)
{
	ssize_t done;

	do
		done = log->socket ? send(log->fd, octets, n, MSG_DONTWAIT | MSG_NOSIGNAL)
				   : write(log->fd, octets, n);
	while (done < 0 && errno == EINTR);
	return done;
}

/* So much at once that other writers' lines come before it or behind it. */
static size_t portion(const struct record_log *log)
{
	const char *from = log->buffer + log->first, *end;
	const size_t n = log->n - log->first;

	if (log->file || n <= PIPE_BUF)
		return n;
	end = memrchr(from, '\n', PIPE_BUF);
	if (!end) /* a line longer than that */
		end = memchr(from, '\n', n);
	return end ? (size_t)(end - from) + 1 : n;
}

void record_flush(struct record_log *log)
{
	while (log->first < log->n) {
		ssize_t done = put_out(log, log->buffer + log->first, portion(log));
		if (done <= 0)
			return;
		log->first += (size_t)done;
	}
	log->first = log->n = 0;
}

static bool queue_line(struct record_log *log, size_t len)
{
	if (len + 1 > sizeof(log->buffer) - log->n) {
		record_flush(log);
		memmove(log->buffer, log->buffer + log->first, log->n - log->first);
		log->n -= log->first;
		log->first = 0;
	}
	if (len + 1 > sizeof(log->buffer) - log->n)
		return false;
	memcpy(log->buffer + log->n, log->line, len);
	log->buffer[log->n + len] = '\n';
	log->n += len + 1;
	return true;
}

/* The native protocol: fields, a line each; a line of JSON holds no line end itself. */
static bool send_journal(struct record_log *log, size_t len)
{
	static const char head[] = "PRIORITY=6\nSYSLOG_IDENTIFIER=namegated\nMESSAGE=";
	struct iovec parts[] = {
		{.iov_base = (void *)head, .iov_len = sizeof(head) - 1},
		{.iov_base = log->line, .iov_len = len},
		{.iov_base = (void *)"\n", .iov_len = 1},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};

	return sendmsg(log->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool emit(struct record_log *log, size_t len)
{
	bool done = len && (log->kind == RECORD_JOURNAL ? send_journal(log, len)
							: queue_line(log, len));

	if (done)
		log->counters.written++;
	return done;
}

/* ---- how much ---- */

static struct bucket *bucket_find(struct record_log *log, uint64_t now_us,
				  const struct ng_record *record)
{
	struct bucket *bucket;

	if (!record->sandbox)
		return &log->strangers;
	if (log->last && log->last->sandbox == record->sandbox)
		return log->last;
	HASH_FIND(hh, log->buckets, &record->sandbox, sizeof(record->sandbox), bucket);
	if (bucket)
		return log->last = bucket;
	if (HASH_COUNT(log->buckets) >= BUCKETS_MAX)
		return &log->strangers;
	bucket = calloc(1, sizeof(*bucket));
	if (!bucket)
		return &log->strangers;
	bucket->sandbox = record->sandbox;
	bucket->milli_tokens = (uint64_t)log->per_s * MILLI;
	bucket->filled_us = now_us;
	snprintf(bucket->name, sizeof(bucket->name), "%s", record->sandbox_name);
	HASH_ADD(hh, log->buckets, sandbox, sizeof(bucket->sandbox), bucket);
	if (!bucket->hh.tbl) {
		free(bucket);
		return &log->strangers;
	}
	return log->last = bucket;
}

/* A bucket holds what one second brings. Parts of a token wait in the time not yet counted. */
static void fill(const struct record_log *log, struct bucket *bucket, uint64_t now_us)
{
	uint64_t full = (uint64_t)log->per_s * MILLI;
	uint64_t passed_us = now_us > bucket->filled_us ? now_us - bucket->filled_us : 0;
	uint64_t earned;

	if (passed_us > 1000000)
		passed_us = 1000000;
	earned = passed_us * log->per_s / MILLI;
	if (!earned)
		return;
	bucket->milli_tokens += earned;
	if (bucket->milli_tokens > full)
		bucket->milli_tokens = full;
	bucket->filled_us = now_us;
}

static bool token_take(const struct record_log *log, struct bucket *bucket, uint64_t now_us)
{
	fill(log, bucket, now_us);
	if (bucket->milli_tokens < MILLI)
		return false;
	bucket->milli_tokens -= MILLI;
	return true;
}

static uint64_t wall_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void record_put(struct record_log *log, uint64_t now_us, const struct ng_record *record)
{
	struct bucket *bucket = bucket_find(log, now_us, record);
	size_t len = 0;

	/* The counts of what a flood was refused are not lost to the flood; they are few. */
	if (record->event == NG_EVENT_LIMITS || token_take(log, bucket, now_us))
		len = record_format(record, now_us, wall_clock_us(), log->line,
				    sizeof(log->line));
	if (emit(log, len))
		return;
	bucket->suppressed++;
	bucket->packets += record->count;
	log->counters.suppressed++;
}

/* A count that cannot be written stays and is told the next time. */
static void tell_suppressed(struct record_log *log, struct bucket *bucket)
{
	size_t len;

	if (!bucket->suppressed)
		return;
	len = record_format_suppressed(bucket->sandbox ? bucket->name : NULL,
				       bucket->suppressed, bucket->packets, wall_clock_us(),
				       log->line, sizeof(log->line));
	if (emit(log, len))
		bucket->suppressed = bucket->packets = 0;
}

void record_second(struct record_log *log, uint64_t now_us)
{
	struct bucket *bucket, *spare;

	tell_suppressed(log, &log->strangers);
	log->last = NULL;
	HASH_ITER (hh, log->buckets, bucket, spare) {
		tell_suppressed(log, bucket);
		if (bucket->suppressed || now_us < bucket->filled_us + QUIET_US)
			continue;
		HASH_DEL(log->buckets, bucket);
		free(bucket);
	}
	record_flush(log);
}

/* ---- life ---- */

void record_limit(struct record_log *log, uint32_t per_s)
{
	log->per_s = per_s ? per_s : NG_RECORDS_PER_S_DEFAULT;
}

struct record_counters record_counters(const struct record_log *log)
{
	return log->counters;
}

static int own_view(int fd)
{
	char path[40];
	int own, flags;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own >= 0) {
		close(fd);
		return own;
	}
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return fd;
}

int record_create(int fd, enum record_kind kind, struct record_log **out)
{
	struct record_log *log = calloc(1, sizeof(*log));
	int code = log ? NG_E_IO : NG_E_NOMEM;
	struct stat info;

	if (!log || fstat(fd, &info) < 0) {
		free(log);
		close(fd);
		return code;
	}
	/* Both read a file the first time they are needed, which is too late after confinement. */
	json_object_seed(0);
	tzset();
	log->kind = kind;
	log->socket = S_ISSOCK(info.st_mode);
	log->file = S_ISREG(info.st_mode);
	log->fd = S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode) ? own_view(fd) : fd;
	record_limit(log, 0);
	*out = log;
	return NG_OK;
}

void record_destroy(struct record_log *log)
{
	struct bucket *bucket, *spare;

	if (!log)
		return;
	record_flush(log);
	HASH_ITER (hh, log->buckets, bucket, spare) {
		HASH_DEL(log->buckets, bucket);
		free(bucket);
	}
	close(log->fd);
	free(log);
}
