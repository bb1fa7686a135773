/*
 * The tables of an LMDB environment that another process may be writing to, read from outside.
 *
 * A child does the reading: with the identity of whoever owns the folder, because a file that a
 * taken-over worker wrote must not be parsed with root's rights; and for a bounded time, because
 * damaged pages may end a process or lead it in a circle. It holds a reader's place in the lock
 * file while it copies (without one a writer may use pages again that are still being read), and
 * so it needs to be able to write to that file. The caller gets one moment's rows, all of them
 * to be checked like anything from outside.
 */
#pragma once

#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUMP_WHY 512

struct dump_wish {
	const char *folder;        /* whose owner the child becomes, when we are root */
	const char *file;          /* in it; NULL: the folder itself is the environment */
	const char *const *tables; /* one that is not there is empty */
	size_t n_tables;
};

struct dump { /* the zero value is empty */
	uint8_t *octets;
	size_t len;
};

struct dump_row {
	size_t table; /* its place in the wish */
	const uint8_t *key, *value;
	size_t key_len, value_len;
};

/*
 * NG_E_NOTFOUND (no such folder or file), NG_E_PERM, NG_E_FORMAT (damaged, or no environment),
 * NG_E_IO, NG_E_NOMEM; *why says what, where and what to do.
 */
int dump_read(const struct dump_wish *wish, struct dump *out,
	      char why[static DUMP_WHY]) NG_MUST_CHECK;
/* The row behind *cursor (start with 0), in the order of the wish and of the keys; false at the end. */
bool dump_next(const struct dump *dump, size_t *cursor, struct dump_row *out);
void dump_finish(struct dump *dump); /* takes NULL */
