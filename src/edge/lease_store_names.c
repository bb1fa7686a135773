/*
 * The numbers of names. A name gets the next one when it has its first row, and loses it with its last: so
 * rows that are written at one time stand in few pages, wherever their addresses and names would stand. A
 * transaction copies each page that it changes, and one that nobody has looked at for a while costs more to
 * copy than all else.
 *
 * Which number a name has is known here alone, by a hash of sandbox, name and way that nobody else can
 * foresee, and read from the rows when the file is opened. Should there be no memory for one, its rows are
 * not found again: they stand until their time is up.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include "base/hash.h"

#define NAME_MAX_NUMBER ((UINT64_C(1) << 48) - 1)

struct place {
	uint64_t hash, number : 62;
	uint64_t born : 1, gone : 1; /* by the transaction that is under way */
};

static bool same(const void *of, uint32_t item, const void *key)
{
	return ((const struct place *)slab_at(of, item))->hash == *(const uint64_t *)key;
}

void lease_names_init(struct lease_names *names)
{
	*names = (struct lease_names){.places = {.size = sizeof(struct place)}, .next = 1};
	names->by_hash = (struct index){.of = &names->places, .same = same};
}

void lease_names_finish(struct lease_names *names)
{
	index_finish(&names->by_hash);
	slab_finish(&names->places);
}

static uint64_t hash_of(const struct lease_store *store, const struct lease_row *row)
{
	const struct ng_name *name = row->trail.n_names ? row->trail.names : row->name;
	const uint64_t parts[] = {hash_octets(name->wire, name->len, store->seed), row->way,
				  row->sandbox};

	return hash_octets(parts, sizeof(parts), store->seed);
}

static struct place *find(const struct lease_names *names, uint64_t key)
{
	uint32_t item;

	return index_find(&names->by_hash, key, &key, &item) ? slab_at(&names->places, item)
							     : NULL;
}

static struct place *note(struct lease_names *names, uint64_t key, uint64_t number)
{
	uint32_t item;
	struct place *place = slab_take(&names->places, &item);

	if (!place)
		return NULL;
	*place = (struct place){.hash = key, .number = number};
	if (!index_put(&names->by_hash, key, item))
		return place;
	slab_give(&names->places, item);
	return NULL;
}

static void forget(struct lease_names *names, uint64_t key)
{
	uint32_t item;

	if (index_take(&names->by_hash, key, &key, &item))
		slab_give(&names->places, item);
}

/* False: a transaction that changes more than it may has no room for it. */
static bool change(struct lease_names *names, uint64_t key)
{
	if (names->n_changed == LEASE_CHANGED_MAX)
		return false;
	names->changed[names->n_changed++] = key;
	return true;
}

uint64_t lease_names_find(const struct lease_store *store, const struct lease_row *row)
{
	const struct place *place = find(&store->names, hash_of(store, row));

	return place ? place->number : 0;
}

uint64_t lease_names_make(struct lease_store *store, const struct lease_row *row)
{
	struct lease_names *names = &store->names;
	const uint64_t key = hash_of(store, row);
	struct place *place = find(names, key);
	const uint64_t number = place ? place->number : names->next;

	if (place) {
		place->gone = 0;
		return number;
	}
	if (names->next < NAME_MAX_NUMBER)
		names->next++;
	place = note(names, key, number);
	if (place)
		place->born = change(names, key);
	return number;
}

void lease_names_forget(struct lease_store *store, const struct lease_row *row, uint64_t number)
{
	struct lease_names *names = &store->names;
	const uint64_t key = hash_of(store, row);
	struct place *place = find(names, key);

	if (!place || place->number != number)
		return;
	if (change(names, key))
		place->gone = 1;
	else
		forget(names, key);
}

void lease_names_settle(struct lease_store *store, bool well)
{
	struct lease_names *names = &store->names;

	for (size_t i = 0; i < names->n_changed; i++) {
		struct place *place = find(names, names->changed[i]);

		if (place && (well ? place->gone : place->born))
			forget(names, place->hash);
		else if (place)
			place->born = place->gone = 0;
	}
	names->n_changed = 0;
}

int lease_names_read(struct lease_store *store, MDB_txn *txn)
{
	struct lease_names *names = &store->names;
	uint64_t last = 0, name;
	struct lease_read place;
	struct lease_row row;
	MDB_cursor *cursor;
	MDB_val key, value;
	uint32_t sandbox;
	int code = mdb_cursor_open(txn, store->tables.live, &cursor);

	lease_names_finish(names); /* an attempt before this one may have come some way */
	lease_names_init(names);
	if (code)
		return code;
	while (!(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		const struct lease_octets at = {key.mv_data, key.mv_size};

		if (!lease_key_read(at, &sandbox, &name))
			continue;
		if (name >= names->next && name < NAME_MAX_NUMBER)
			names->next = name + 1;
		if (name == last || !lease_live_read(store, txn, &key, &value, &place, &row))
			continue;
		last = name;
		if (!lease_names_find(store, &row))
			(void)note(names, hash_of(store, &row), name);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}
