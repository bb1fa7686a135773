/*
 * Files of the layout before this one, for the start that takes them over.
 *
 * A row had all that it told of in itself: the key the element, its name and way; the value times, the
 * sandbox's name and the rule, and the whole trail. Values are of the machine that wrote them.
 */
#include "config.h"
#include "edge/lease_store_inside.h"

#include <netinet/in.h>
#include <string.h>

#define ADDR_OCTETS 17
#define OWNER       (4 + 2 * ADDR_OCTETS + 3) /* of a key: all but name and way */
#define WAY         sizeof(uint64_t)
#define KEY_MAX     (OWNER + NG_NAME_MAX + WAY)
#define TEXTS       (NG_SANDBOX_NAME_MAX + LEASE_RULE)
#define LED         0x7f   /* of `local`: names that led to the policy's own data */
#define REPLACES    0x80   /* and those stand instead of the answer */
#define KEPT        0x8000 /* of `n_addrs`: ends_us stands behind them */
#define TRAIL       ((NG_CHAIN_MAX + 1) * NG_NAME_MAX + NG_ADDRS_MAX * ADDR_OCTETS + sizeof(uint64_t))

/* Of a lease that stands: sandbox's name and rule, names, addresses, and the end that its names gave it. */
struct value {
	uint64_t until_us, first_s, last_s, until_s;
	uint16_t type;
	uint8_t refused, renewed, local, n_names;
	uint16_t n_addrs;
	char text[TEXTS + TRAIL]; /* stored as long as it is */
};

/* Of one that ended; its key was a number. The text begins with that of the lease's key. */
struct ended_value {
	uint64_t first_s, last_s, end_s;
	uint16_t type, key_len;
	uint8_t refused, why, pad[2];
	uint8_t text[KEY_MAX + TEXTS];
};

static bool addr_read(const uint8_t *octets, struct ng_addr *out)
{
	*out = ng_addr_make((enum ng_family)octets[0], octets + 1);
	return out->family == octets[0];
}

/* No port without a protocol, no protocol without a port, none but TCP and UDP. */
static bool port_read(const uint8_t *octets, struct ng_port *out)
{
	*out = (struct ng_port){.proto = octets[0],
				.port = (uint16_t)(octets[1] << 8 | octets[2])};
	if (out->proto == 0)
		return out->port == 0;
	return (out->proto == IPPROTO_TCP || out->proto == IPPROTO_UDP) && out->port;
}

static bool key_read(struct lease_octets key, struct lease_read *place, struct lease_row *out)
{
	const uint8_t *octets = key.octets;

	size_t name_len = key.len - OWNER - WAY;

	if (key.len <= OWNER + WAY || key.len > KEY_MAX)
		return false;
	out->sandbox = (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 |
		       (uint32_t)octets[2] << 8 | octets[3];
	if (!addr_read(octets + 4, &out->client) ||
	    !addr_read(octets + 4 + ADDR_OCTETS, &out->addr) || !out->addr.family ||
	    !port_read(octets + 4 + 2 * ADDR_OCTETS, &out->port))
		return false;
	if (ng_name_from_wire(octets + OWNER, name_len, &place->name) != NG_OK ||
	    place->name.len != name_len)
		return false;
	memcpy(&out->way, octets + OWNER + name_len, WAY);
	out->name = &place->name;
	return true;
}

/* One text of len octets with its NUL; what is behind it goes to *rest. */
static bool text_read(struct lease_octets from, char *to, size_t size,
		      struct lease_octets *rest)
{
	size_t len = strnlen(from.octets, from.len);

	if (len == from.len || len >= size)
		return false;
	memcpy(to, from.octets, len + 1);
	*rest = (struct lease_octets){(const char *)from.octets + len + 1, from.len - len - 1};
	return true;
}

static bool texts_read(struct lease_octets *from, struct lease_read *place,
		       struct lease_row *out)
{
	if (!text_read(*from, place->sandbox_name, sizeof(place->sandbox_name), from) ||
	    !text_read(*from, place->rule, sizeof(place->rule), from))
		return false;
	out->sandbox_name = place->sandbox_name;
	out->rule = place->rule;
	return true;
}

/* All of what is left, and nothing behind it. */
static bool trail_read(struct lease_octets from, const struct value *head,
		       struct lease_read *place, struct ng_trail *out)
{
	const uint8_t *at = from.octets, *end = at + from.len;

	if (!head->n_names || head->n_names > NG_CHAIN_MAX + 1 ||
	    head->n_addrs > NG_ADDRS_MAX || (head->local & LED) > head->n_names ||
	    head->local == REPLACES)
		return false;
	for (size_t i = 0; i < head->n_names; i++) {
		if (ng_name_from_wire(at, (size_t)(end - at), &place->names[i]))
			return false;
		at += place->names[i].len;
	}
	if ((size_t)(end - at) != (size_t)head->n_addrs * ADDR_OCTETS)
		return false;
	for (size_t i = 0; i < head->n_addrs; i++, at += ADDR_OCTETS) {
		if (!addr_read(at, &place->addrs[i]) || !place->addrs[i].family)
			return false;
	}
	*out = (struct ng_trail){
		.names = place->names,
		.n_names = head->n_names,
		.addrs = place->addrs,
		.n_addrs = head->n_addrs,
		.local = head->local & LED,
		.replaces = head->local > LED,
	};
	return true;
}

/* Where the row says so, its last octets; they are taken off. False: there are not so many. */
static bool ends_read(struct lease_octets *from, struct value *head, uint64_t *out)
{
	if (!(head->n_addrs & KEPT))
		return true;
	if (from->len < sizeof(*out))
		return false;
	from->len -= sizeof(*out);
	memcpy(out, (const char *)from->octets + from->len, sizeof(*out));
	head->n_addrs = (uint16_t)(head->n_addrs & ~KEPT);
	return true;
}

static bool read_live(struct lease_octets key, struct lease_octets value,
		      struct lease_read *place, struct lease_row *out)
{
	const size_t fixed = offsetof(struct value, text);
	struct value copy;
	struct lease_octets rest = {copy.text, value.len - fixed};
	struct lease_row row = {0};

	if (value.len <= fixed || value.len > sizeof(copy) || !key_read(key, place, &row))
		return false;
	memcpy(&copy, value.octets, value.len);
	if (!ends_read(&rest, &copy, &row.ends_us) || !texts_read(&rest, place, &row) ||
	    !trail_read(rest, &copy, place, &row.trail))
		return false;
	row.until_us = copy.until_us;
	row.first_s = copy.first_s;
	row.last_s = copy.last_s;
	row.until_s = copy.until_s;
	row.type = copy.type;
	row.refused = copy.refused != 0;
	row.renewed = copy.renewed != 0;
	*out = row;
	return true;
}

static bool read_ended(struct lease_octets value, struct lease_read *place,
		       struct lease_row *out)
{
	const size_t fixed = offsetof(struct ended_value, text);
	struct ended_value copy;
	struct lease_octets rest;
	struct lease_row row = {0};

	if (value.len <= fixed || value.len > sizeof(copy))
		return false;
	memcpy(&copy, value.octets, value.len);
	if (copy.key_len > value.len - fixed || copy.why == LEASE_STANDS ||
	    copy.why >= LEASE_ENDS)
		return false;
	rest = (struct lease_octets){copy.text + copy.key_len,
				     value.len - fixed - copy.key_len};
	if (!key_read((struct lease_octets){copy.text, copy.key_len}, place, &row) ||
	    !texts_read(&rest, place, &row) || rest.len)
		return false;
	row.first_s = copy.first_s;
	row.last_s = copy.last_s;
	row.until_s = copy.end_s;
	row.type = copy.type;
	row.refused = copy.refused != 0;
	row.ended = (enum lease_end)copy.why;
	*out = row;
	return true;
}

/* ---- copying ---- */

struct copy {
	struct lease_store *to;
	MDB_txn *into;
	bool same_boot;
	uint64_t boot_s;
};

static int copy_live(const struct copy *copy, struct lease_octets key,
		     struct lease_octets value)
{
	struct lease_read place;
	struct lease_row row;

	if (!read_live(key, value, &place, &row))
		return 0;
	if (copy->same_boot)
		return lease_live_copy(copy->to, copy->into, &row);
	lease_end_with_boot(&row, copy->boot_s);
	return lease_history_add(copy->to, copy->into, &row);
}

static int copy_ended(const struct copy *copy, struct lease_octets key,
		      struct lease_octets value)
{
	struct lease_read place;
	struct lease_row row;

	(void)key;
	return read_ended(value, &place, &row) ? lease_history_add(copy->to, copy->into, &row)
					       : 0;
}

/* Their rows are the same in both layouts, and checked when they are read. */
static int copy_waiting(const struct copy *copy, struct lease_octets key,
			struct lease_octets value)
{
	MDB_val at = {key.len, (void *)(uintptr_t)key.octets};
	MDB_val what = {value.len, (void *)(uintptr_t)value.octets};

	return mdb_put(copy->into, copy->to->tables.waiting, &at, &what, 0);
}

typedef int copy_fn(const struct copy *copy, struct lease_octets key,
		    struct lease_octets value);

static int copy_table(const struct copy *copy, MDB_txn *from, const char *table, copy_fn *act)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_dbi dbi;
	int code = mdb_dbi_open(from, table, 0, &dbi);

	if (!code)
		code = mdb_cursor_open(from, dbi, &cursor);
	if (code)
		return code == MDB_NOTFOUND ? 0 : code;
	while (!code && !(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))
		code = act(copy, (struct lease_octets){key.mv_data, key.mv_size},
			   (struct lease_octets){value.mv_data, value.mv_size});
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

int lease_before_copy(struct lease_store *to, MDB_txn *into, MDB_txn *from, bool same_boot,
		      uint64_t boot_s)
{
	const struct copy copy = {to, into, same_boot, boot_s};
	int code = copy_table(&copy, from, LEASE_TABLE_ENDED, copy_ended);

	if (!code)
		code = copy_table(&copy, from, LEASE_TABLE_LIVE, copy_live);
	if (!code && same_boot)
		code = copy_table(&copy, from, LEASE_TABLE_WAITING, copy_waiting);
	return code;
}
