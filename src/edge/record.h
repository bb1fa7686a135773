/*
 * Records: one JSON object a line, to a descriptor that main opened, or to the journal.
 *
 * Writing never waits. A sandbox over its rate, or a reader that does not keep up, costs records,
 * and exactly how many is itself recorded, once a second for each sandbox that lost some.
 */
#pragma once

#include <namegate/gate.h>

struct record_log;

enum record_kind {
	RECORD_LINES = 0, /* a file, a pipe, a terminal, a stream socket */
	RECORD_JOURNAL    /* a datagram socket connected to /run/systemd/journal/socket */
};

struct record_counters {
	uint64_t written, suppressed;
};

/* Takes the descriptor over, also on failure. Call it before privileges go: it may open it anew. */
int record_create(int fd, enum record_kind kind, struct record_log **out) NG_MUST_CHECK;
void record_destroy(
	struct record_log *log); /* writes what it can without waiting; takes NULL */
/* Lines a second for each sandbox; 0 means the default of bounds.h. */
void record_limit(struct record_log *log, uint32_t per_s);

/* now_us is the engine's clock; the line carries the wall clock. */
void record_put(struct record_log *log, uint64_t now_us, const struct ng_record *record);
/* Once a loop turn: hands what is buffered to the descriptor, as far as it takes it. */
void record_flush(struct record_log *log);
/* Once a second: writes the `suppressed` lines, forgets the sandboxes that are quiet. */
void record_second(struct record_log *log, uint64_t now_us);
struct record_counters record_counters(const struct record_log *log);

/*
 * The line for one record, without its end. wall_us is now_us on the wall clock (since 1970).
 * Returns its length, 0 when it does not fit.
 */
size_t record_format(const struct ng_record *record, uint64_t now_us, uint64_t wall_us,
		     char *out, size_t room);
/*
 * The same for records that were not written, and the blocked packets that they stood for; sandbox
 * is NULL for whoever is none.
 */
size_t record_format_suppressed(const char *sandbox, uint64_t count, uint64_t packets,
				uint64_t wall_us, char *out, size_t room);
