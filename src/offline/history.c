/*
 * The history of leases, of each worker from the file of the boot that runs, or of the last one that
 * did.
 */
#include "config.h"
#include "offline/history.h"

#include "base/grow.h"
#include "edge/dump.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct kept { /* where a row is in the dump */
	struct lease_octets key, value;
	uint32_t sandbox;
};
struct rows {
	struct kept *items; /* owned */
	size_t n, room;
};

struct part { /* what one worker has stored */
	struct dump dump;
	struct rows shared; /* in the order of the keys, as the table is */
	struct rows live;
	size_t ended; /* where in the dump those begin that have */
	bool this_boot;
};

struct history {
	struct part parts[NG_WORKERS_MAX];
	size_t n;
	char gap[HISTORY_WHY]; /* why a part is missing; "": none is */
	uint64_t now_us;
};

enum { SHARED, LIVE, ENDED };
static const char *const tables[] = {LEASE_TABLE_SHARED, LEASE_TABLE_LIVE, LEASE_TABLE_ENDED};

/* ---- which file ---- */

struct choice {
	char name[64];
	struct timespec changed;
	bool other_layout;
};

static bool of_layout(const char *name)
{
	const size_t prefix = sizeof(LEASE_FILE_LAYOUT) - 1;

	return strncmp(name, LEASE_FILE_LAYOUT, prefix) == 0 &&
	       strlen(name) == prefix + LEASE_BOOT_ID - 1;
}

static bool later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static void consider(struct choice *choice, DIR *folder, const char *name)
{
	struct stat info;

	if (!of_layout(name)) {
		bool ours =
			strncmp(name, LEASE_FILE_LAYOUT, sizeof(LEASE_FILE_LAYOUT) - 1) == 0;
		choice->other_layout |= !ours && (strncmp(name, LEASE_FILE_PREFIX, 5) == 0 ||
						  strncmp(name, "leases", 6) == 0);
		return;
	}
	if (fstatat(dirfd(folder), name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
	    (choice->name[0] != '\0' && !later(&info.st_mtim, &choice->changed)))
		return;
	snprintf(choice->name, sizeof(choice->name), "%s", name);
	choice->changed = info.st_mtim;
}

static int choose(const char *folder, struct choice *out, char why[static HISTORY_WHY])
{
	DIR *entries = opendir(folder);
	struct choice choice = {0};
	struct dirent *entry;

	if (entries == NULL) {
		int code = errno;
		snprintf(why, HISTORY_WHY, "the store's folder %.300s cannot be read: %s%s",
			 folder, strerror(code),
			 code == EACCES
				 ? "; run this as root, or as the user whose folder it is"
			 : code == ENOENT ? "; name the store that namegated has with --store"
					  : "");
		return code == EACCES ? NG_E_PERM : code == ENOENT ? NG_E_NOTFOUND : NG_E_IO;
	}
	while ((entry = readdir(entries)) != NULL)
		consider(&choice, entries, entry->d_name);
	closedir(entries);
	if (choice.name[0] == '\0') {
		snprintf(why, HISTORY_WHY,
			 choice.other_layout
				 ? "what is in %.300s is of another layout than this program "
				   "reads; use the namegate of the namegated that wrote it"
				 : "%.300s holds no leases; namegated writes them when it runs",
			 folder);
		return choice.other_layout ? NG_E_FORMAT : NG_E_NOTFOUND;
	}
	*out = choice;
	return NG_OK;
}

static bool is_this_boot(const char *name)
{
	char id[LEASE_BOOT_ID] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	bool read = file != NULL && fgets(id, sizeof(id), file) != NULL;

	if (file != NULL)
		fclose(file);
	return read && strcmp(name + sizeof(LEASE_FILE_LAYOUT) - 1, id) == 0;
}

/* ---- what rows share ---- */

static int rows_add(struct rows *rows, const struct dump_row *row)
{
	struct kept kept = {{row->key, row->key_len}, {row->value, row->value_len}, 0};
	uint64_t name;

	if (!lease_key_read(kept.key, &kept.sandbox, &name))
		return NG_OK; /* none of ours */
	if (!grow(&rows->items, &rows->room, rows->n + 1, sizeof(*rows->items)))
		return NG_E_NOMEM;
	rows->items[rows->n++] = kept;
	return NG_OK;
}

/* In the table the rows of a sandbox stand beside each other, but the sandboxes in no order. */
static int by_sandbox(const void *a, const void *b)
{
	const struct kept *one = a, *other = b;
	const size_t len = one->key.len < other->key.len ? one->key.len : other->key.len;

	if (one->sandbox != other->sandbox)
		return one->sandbox < other->sandbox ? -1 : 1;
	return memcmp(one->key.octets, other->key.octets, len);
}

static int index_rows(struct part *part)
{
	struct dump_row row;
	size_t cursor = 0;
	int code = NG_OK;

	while (code == NG_OK && dump_next(&part->dump, &cursor, &row) && row.table != ENDED) {
		code = rows_add(row.table == LIVE ? &part->live : &part->shared, &row);
		part->ended = cursor;
	}
	if (part->live.n)
		qsort(part->live.items, part->live.n, sizeof(*part->live.items), by_sandbox);
	return code;
}

/* As LMDB orders keys. */
static int compare(const void *key, const void *member)
{
	const struct lease_key *a = key;
	const struct lease_octets *b = &((const struct kept *)member)->key;
	int order = memcmp(a->octets, b->octets, a->len < b->len ? a->len : b->len);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static struct lease_octets find_shared(const void *who, const struct lease_key *key)
{
	const struct part *part = who;
	const size_t uses = sizeof(uint32_t);
	const struct kept *found = part->shared.n
					   ? bsearch(key, part->shared.items, part->shared.n,
						     sizeof(*part->shared.items), compare)
					   : NULL;

	if (found == NULL || found->value.len <= uses)
		return (struct lease_octets){0};
	return (struct lease_octets){(const uint8_t *)found->value.octets + uses,
				     found->value.len - uses};
}

/* ---- reading ---- */

static int read_part(const char *folder, struct part *part, char why[static HISTORY_WHY])
{
	struct choice choice;
	int code = choose(folder, &choice, why);

	_Static_assert(HISTORY_WHY == DUMP_WHY, "the reason is passed on");
	if (code == NG_OK) {
		const struct dump_wish wish = {.folder = folder,
					       .file = choice.name,
					       .tables = tables,
					       .n_tables = sizeof(tables) / sizeof(tables[0])};
		code = dump_read(&wish, &part->dump, why);
		if (code == NG_OK && (code = index_rows(part)) != NG_OK)
			snprintf(why, HISTORY_WHY, "out of memory");
	}
	part->this_boot = code == NG_OK && is_this_boot(choice.name);
	return code;
}

static void part_finish(struct part *part)
{
	dump_finish(&part->dump);
	free(part->shared.items);
	free(part->live.items);
	*part = (struct part){0};
}

/*
 * The first worker's is always there. One that was made and never written to has nothing to tell. One that
 * cannot be read does not take what the others have stored with it.
 */
static int read_parts(const char *store, struct history *history, char why[static HISTORY_WHY])
{
	char folder[PATH_MAX], reason[HISTORY_WHY];
	int first = NG_OK;

	for (unsigned i = 1; i <= NG_WORKERS_MAX; i++) {
		struct part *part = &history->parts[history->n];
		int code;

		if (i == 1)
			snprintf(folder, sizeof(folder), "%s/worker", store);
		else
			snprintf(folder, sizeof(folder), "%s/%u/worker", store, i);
		if (i > 1 && access(folder, F_OK) != 0)
			continue;
		code = read_part(folder, part, reason);
		history->n += code == NG_OK;
		if (code == NG_OK)
			continue;
		part_finish(part);
		if (first != NG_OK || (i > 1 && code == NG_E_NOTFOUND))
			continue;
		first = code;
		memcpy(history->gap, reason, sizeof(reason));
	}
	if (history->n > 0)
		return NG_OK;
	memcpy(why, history->gap, HISTORY_WHY);
	return first;
}

const char *history_gap(const struct history *history)
{
	return history->gap[0] != '\0' ? history->gap : NULL;
}

int history_read(const char *store, struct history **out, char why[static HISTORY_WHY])
{
	struct timespec now;
	struct history *history = calloc(1, sizeof(*history));

	if (history == NULL) {
		snprintf(why, HISTORY_WHY, "out of memory");
		return NG_E_NOMEM;
	}
	int code = read_parts(store, history, why);
	if (code != NG_OK) {
		history_free(history);
		return code;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	history->now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	*out = history;
	return NG_OK;
}

void history_free(struct history *history)
{
	if (history == NULL)
		return;
	for (size_t i = 0; i < history->n; i++)
		part_finish(&history->parts[i]);
	free(history);
}

static bool read_live(const struct history *history, const struct part *part,
		      const struct kept *row, struct lease_read *place, struct lease_row *out)
{
	if (!lease_read_live(row->key, row->value, find_shared, part, place, out))
		return false;
	if (!part->this_boot)
		out->ended = LEASE_REBOOT;
	else if (out->until_us <= history->now_us)
		out->ended = LEASE_TIME;
	return true;
}

static bool next_of(const struct history *history, const struct part *part,
		    struct history_cursor *cursor, struct lease_row *out)
{
	struct dump_row row;

	while (cursor->live < part->live.n)
		if (read_live(history, part, &part->live.items[cursor->live++], &cursor->place,
			      out))
			return true;
	if (cursor->at < part->ended)
		cursor->at = part->ended;
	while (dump_next(&part->dump, &cursor->at, &row)) {
		const struct lease_octets value = {row.value, row.value_len};

		if (row.table == ENDED && lease_read_ended(value, &cursor->place, out))
			return true;
	}
	return false;
}

bool history_next(const struct history *history, struct history_cursor *cursor,
		  struct lease_row *out)
{
	for (; cursor->part < history->n; cursor->part++) {
		if (next_of(history, &history->parts[cursor->part], cursor, out))
			return true;
		cursor->live = cursor->at = 0;
	}
	return false;
}

const char *history_end_text(enum lease_end end)
{
	static const char *const texts[LEASE_ENDS] = {
		[LEASE_STANDS] = "open",     [LEASE_TIME] = "time",
		[LEASE_REVOKED] = "revoked", [LEASE_REMOVED] = "removed",
		[LEASE_REBOOT] = "reboot",   [LEASE_EVICTED] = "evicted"};
	return texts[end];
}

/* ---- names ---- */

struct seen {
	UT_hash_handle hh;
	uint8_t key[]; /* the sandbox's name with its NUL, and the name */
};

/* True when it was not seen before; *code when memory is out. */
static bool note(struct seen **all, const struct lease_row *row, int *code)
{
	size_t text = strlen(row->sandbox_name) + 1, len = text + row->name->len;
	uint8_t key[NG_SANDBOX_NAME_MAX + NG_NAME_MAX];
	struct seen *seen;

	memcpy(key, row->sandbox_name, text);
	memcpy(key + text, row->name->wire, row->name->len);
	HASH_FIND(hh, *all, key, len, seen);
	if (seen != NULL)
		return false;
	seen = calloc(1, sizeof(*seen) + len);
	if (seen != NULL) {
		memcpy(seen->key, key, len);
		HASH_ADD_KEYPTR(hh, *all, seen->key, len, seen);
	}
	if (seen == NULL || seen->hh.tbl == NULL) {
		free(seen);
		*code = NG_E_NOMEM;
		return false;
	}
	return true;
}

int history_each_name(const struct history *history, history_name_fn *visit, void *context)
{
	struct history_cursor cursor = {0};
	struct seen *all = NULL, *seen, *spare;
	struct lease_row row;
	int code = NG_OK;

	while (code == NG_OK && history_next(history, &cursor, &row)) {
		if (note(&all, &row, &code))
			visit(context, row.sandbox_name, row.name);
	}
	HASH_ITER (hh, all, seen, spare) {
		HASH_DEL(all, seen);
		free(seen);
	}
	return code;
}
