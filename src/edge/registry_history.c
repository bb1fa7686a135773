/*
 * The registry's memory of versions and events.
 *
 * A version is written as what it changed, so a thousand of them cost what changed and not what
 * stands. The table of sources has the whole of the last one. When a source is replaced its
 * compiled form moves from the last good ones to the past ones, as long as a version that is
 * still remembered named it: so the rules of then can be told from those of now.
 *
 * Events are rows in the order in which they came.
 */
#include "config.h"
#include "edge/registry_history.h"
#include "edge/registry_kept.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

static MDB_val val(const void *octets, size_t len)
{
	return (MDB_val){len, (void *)(uintptr_t)octets};
}

/* ---- numbered rows ---- */

/* The number of the table's first or last row; MDB_NOTFOUND: it is empty. */
static int number_at(MDB_txn *txn, MDB_dbi table, MDB_cursor_op which, uint64_t *out)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	uint64_t big;
	int error = mdb_cursor_open(txn, table, &cursor);
	if (error)
		return error;
	error = mdb_cursor_get(cursor, &key, &value, which);
	if (!error && key.mv_size != sizeof big)
		error = MDB_CORRUPTED;
	if (!error) {
		memcpy(&big, key.mv_data, sizeof big);
		*out = be64toh(big);
	}
	mdb_cursor_close(cursor);
	return error;
}

static int remove_number(MDB_txn *txn, MDB_dbi table, uint64_t number)
{
	const uint64_t big = htobe64(number);
	MDB_val key = val(&big, sizeof big);
	return mdb_del(txn, table, &key, NULL);
}

static uint64_t octets_of(MDB_txn *txn, MDB_dbi table)
{
	MDB_stat stat;
	if (mdb_stat(txn, table, &stat))
		return 0;
	return (uint64_t)stat.ms_psize *
	       (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages);
}

static size_t rows_of(MDB_txn *txn, MDB_dbi table)
{
	MDB_stat stat;
	return mdb_stat(txn, table, &stat) ? 0 : stat.ms_entries;
}

/* The oldest go until rows and octets are within their bounds; the last row stays in any case. */
static int keep_within(MDB_txn *txn, MDB_dbi table, size_t rows, uint64_t octets)
{
	uint64_t number;
	int error = 0;
	while (!error && rows_of(txn, table) > 1 &&
	       (rows_of(txn, table) > rows || octets_of(txn, table) > octets)) {
		error = number_at(txn, table, MDB_FIRST, &number);
		if (!error)
			error = remove_number(txn, table, number);
	}
	return error;
}

/* ---- events ---- */

int registry_event(MDB_txn *txn, MDB_dbi table, enum registry_event what, uint32_t id,
		   const char *text)
{
	const struct registry_event_head head = {
		.at_s = (uint64_t)time(NULL), .id = id, .what = what};
	const size_t len = strlen(text);
	uint64_t last = 0;
	int error = number_at(txn, table, MDB_LAST, &last);
	if (error && error != MDB_NOTFOUND)
		return error;
	const uint64_t big = htobe64(last + 1);
	MDB_val key = val(&big, sizeof big), room = {sizeof head + len, NULL};
	error = mdb_put(txn, table, &key, &room, MDB_RESERVE | MDB_APPEND);
	if (error)
		return error;
	memcpy(room.mv_data, &head, sizeof head);
	memcpy((char *)room.mv_data + sizeof head, text, len);
	return keep_within(txn, table, REGISTRY_EVENTS_MAX, UINT64_MAX);
}

int registry_approval_note(struct registry *registry, const char *text)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(registry->env, NULL, 0, &txn);
	if (error)
		return registry_code(error);
	return registry_commit(
		registry, txn,
		registry_event(txn, registry->approval_events, REGISTRY_NOTED, 0, text));
}

/* ---- images that are replaced ---- */

static int image_pass(struct registry *registry, MDB_txn *txn, const char *name,
		      uint64_t digest, uint64_t version)
{
	const struct registry_past_head past = {version};
	struct registry_image_head head;
	MDB_val key = val(name, strlen(name)), image, room;
	int error = mdb_get(txn, registry->images, &key, &image);
	if (error || image.mv_size <= sizeof head)
		return error == MDB_NOTFOUND ? 0 : error;
	memcpy(&head, image.mv_data, sizeof head);
	const size_t len = image.mv_size - sizeof head;
	if (head.digest != digest || len > REGISTRY_PAST_ONE_MAX)
		return 0;
	uint8_t *octets = malloc(len); /* what was read is good until the next write only */
	if (!octets)
		return ENOMEM;
	memcpy(octets, (const uint8_t *)image.mv_data + sizeof head, len);
	key = val(&digest, sizeof digest);
	room = (MDB_val){sizeof past + len, NULL};
	error = mdb_put(txn, registry->past_images, &key, &room, MDB_RESERVE);
	if (!error) {
		memcpy(room.mv_data, &past, sizeof past);
		memcpy((uint8_t *)room.mv_data + sizeof past, octets, len);
	}
	free(octets);
	return error;
}

static bool past_read(const MDB_val *key, const MDB_val *value, uint64_t *digest,
		      struct registry_past_head *head)
{
	if (key->mv_size != sizeof *digest || value->mv_size <= sizeof *head)
		return false;
	memcpy(digest, key->mv_data, sizeof *digest);
	memcpy(head, value->mv_data, sizeof *head);
	return true;
}

/* Removes those that no remembered version names; *oldest becomes the one replaced longest ago. */
static int past_prune(struct registry *registry, MDB_txn *txn, uint64_t first, uint64_t *oldest)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	struct registry_past_head head;
	uint64_t digest, least = UINT64_MAX;
	int error = mdb_cursor_open(txn, registry->past_images, &cursor);
	if (error)
		return error;
	*oldest = 0;
	while (!(error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		bool read = past_read(&key, &value, &digest, &head);
		if (!read || head.replaced < first) {
			if ((error = mdb_cursor_del(cursor, 0)))
				break;
		} else if (head.replaced < least) {
			least = head.replaced;
			*oldest = digest;
		}
	}
	mdb_cursor_close(cursor);
	return error == MDB_NOTFOUND ? 0 : error;
}

static int past_keep_within(struct registry *registry, MDB_txn *txn)
{
	uint64_t first = 0, digest = 0;
	int error = number_at(txn, registry->versions, MDB_FIRST, &first);
	if (!error)
		error = past_prune(registry, txn, first, &digest);
	while (!error && digest && octets_of(txn, registry->past_images) > REGISTRY_PAST_MAX) {
		MDB_val key = val(&digest, sizeof digest);
		error = mdb_del(txn, registry->past_images, &key, NULL);
		if (!error)
			error = past_prune(registry, txn, first, &digest);
	}
	return error;
}

/* ---- what a version changes ---- */

struct named { /* a source of the new version, found by name */
	const struct registry_source *source;
	UT_hash_handle hh;
};

struct changing {
	struct registry *registry;
	MDB_txn *txn;
	uint64_t version;
	struct named *by_name;
	uint8_t *octets; /* the version's row as it grows */
	size_t len, room;
	struct registry_version_head head;
};

static int row_add(struct changing *changing, const void *octets, size_t n)
{
	if (changing->len + n > changing->room) {
		size_t room = 2 * (changing->len + n) + 256;
		void *moved = realloc(changing->octets, room);
		if (!moved)
			return ENOMEM;
		changing->octets = moved;
		changing->room = room;
	}
	memcpy(changing->octets + changing->len, octets, n);
	changing->len += n;
	return 0;
}

static int note_change(struct changing *changing, const char *name,
		       const struct registry_source_row *was,
		       const struct registry_source_row *is)
{
	const struct registry_change change = {.was = was->digest,
					       .is = is->digest,
					       .was_rules = was->rules,
					       .rules = is->rules,
					       .name_len = (uint32_t)strlen(name)};
	int error = row_add(changing, &change, sizeof change);
	changing->head.changes++;
	if (!error)
		error = row_add(changing, name, change.name_len);
	return error || !was->digest ? error
				     : image_pass(changing->registry, changing->txn, name,
						  was->digest, changing->version);
}

static struct registry_source_row source_row(const MDB_val *value)
{
	struct registry_source_row row = {0};
	if (value->mv_size == sizeof row)
		memcpy(&row, value->mv_data, sizeof row);
	return row;
}

static int take_source(struct changing *changing, const struct registry_source *source)
{
	struct registry_source_row was = {0},
				   is = {source->digest, source->rules, changing->version};
	MDB_val key = val(source->name, strlen(source->name)), value;
	int error = mdb_get(changing->txn, changing->registry->sources, &key, &value);
	if (!error)
		was = source_row(&value);
	if (error && error != MDB_NOTFOUND)
		return error;
	if (!error && was.digest == is.digest)
		return 0;
	error = note_change(changing, source->name, &was, &is);
	value = val(&is, sizeof is);
	return error ? error
		     : mdb_put(changing->txn, changing->registry->sources, &key, &value, 0);
}

static int drop_gone(struct changing *changing)
{
	const struct registry_source_row none = {0};
	char name[NG_PATH_MAX];
	MDB_cursor *cursor;
	MDB_val key, value;
	struct named *found;
	int error = mdb_cursor_open(changing->txn, changing->registry->sources, &cursor);
	if (error)
		return error;
	while (!error && !(error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		HASH_FIND(hh, changing->by_name, key.mv_data, (unsigned)key.mv_size, found);
		if (found || key.mv_size >= sizeof name)
			continue;
		struct registry_source_row was = source_row(&value);
		memcpy(name, key.mv_data, key.mv_size);
		name[key.mv_size] = '\0';
		error = note_change(changing, name, &was, &none);
		if (!error)
			error = mdb_cursor_del(cursor, 0);
	}
	mdb_cursor_close(cursor);
	return error == MDB_NOTFOUND ? 0 : error;
}

static int write_version(struct changing *changing)
{
	struct registry *registry = changing->registry;
	const uint64_t big = htobe64(changing->version);
	MDB_val key = val(&big, sizeof big), value;
	int dead; /* readers, which would keep pages from being used again */
	(void)mdb_reader_check(registry->env, &dead);
	memcpy(changing->octets, &changing->head, sizeof changing->head);
	value = val(changing->octets, changing->len);
	int error = mdb_put(changing->txn, registry->versions, &key, &value, 0);
	if (!error)
		error = keep_within(changing->txn, registry->versions, REGISTRY_VERSIONS_MAX,
				    REGISTRY_CHANGES_MAX);
	return error ? error : past_keep_within(registry, changing->txn);
}

static int index_names(struct changing *changing, struct named *named,
		       const struct registry_source *sources, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		named[i].source = &sources[i];
		HASH_ADD_KEYPTR(hh, changing->by_name, sources[i].name, strlen(sources[i].name),
				&named[i]);
		if (!named[i].hh.tbl)
			return ENOMEM;
	}
	return 0;
}

int registry_version_put(struct registry *registry, uint64_t number, uint64_t at_s,
			 const struct registry_source *sources, size_t n)
{
	struct changing changing = {.registry = registry, .version = number};
	struct named *named = calloc(n + 1, sizeof *named);
	int error = named ? mdb_txn_begin(registry->env, NULL, 0, &changing.txn) : ENOMEM;
	if (error) {
		free(named);
		return registry_code(error);
	}
	changing.head = (struct registry_version_head){.at_s = at_s, .sources = (uint32_t)n};
	error = index_names(&changing, named, sources, n);
	if (!error)
		error = row_add(&changing, &changing.head, sizeof changing.head);
	for (size_t i = 0; i < n && !error; i++)
		error = take_source(&changing, &sources[i]);
	if (!error)
		error = drop_gone(&changing);
	if (!error)
		error = write_version(&changing);
	int code = registry_commit(registry, changing.txn, error);
	HASH_CLEAR(hh, changing.by_name);
	free(named);
	free(changing.octets);
	return code;
}
