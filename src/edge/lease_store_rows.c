/*
 * Rows of the lease store to octets and back.
 *
 * Keys are big endian, so that the rows of a sandbox, and of an element, stand beside each other.
 * Values are of the machine that wrote them: the file means nothing to another one.
 */
#include "config.h"
#include "edge/lease_store_rows.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* ---- out ---- */

static void key_add(struct lease_key *key, const void *octets, size_t n)
{
	memcpy(key->octets + key->len, octets, n);
	key->len += n;
}

static void key_add_addr(struct lease_key *key, const struct ng_addr *addr)
{
	key_add(key, &addr->family, 1);
	key_add(key, addr->bytes, sizeof(addr->bytes));
}

void lease_key_sandbox(struct lease_key *key, uint32_t sandbox)
{
	uint8_t octets[4] = {(uint8_t)(sandbox >> 24), (uint8_t)(sandbox >> 16),
			     (uint8_t)(sandbox >> 8), (uint8_t)sandbox};

	key->len = 0;
	key_add(key, octets, sizeof(octets));
}

void lease_key_owner(struct lease_key *key, const struct lease_row *row)
{
	const uint8_t port[LEASE_PORT_OCTETS] = {
		row->port.proto, (uint8_t)(row->port.port >> 8), (uint8_t)row->port.port};

	lease_key_sandbox(key, row->sandbox);
	key_add_addr(key, &row->client);
	key_add_addr(key, &row->addr);
	key_add(key, port, sizeof(port));
}

void lease_key_row(struct lease_key *key, const struct lease_row *row)
{
	lease_key_owner(key, row);
	key_add(key, row->name->wire, row->name->len);
	key_add(key, &row->way, sizeof(row->way));
}

/* The two texts of a row, one behind the other; returns their length. */
static size_t texts_make(const struct lease_row *row, char out[static LEASE_TEXT])
{
	size_t n = (size_t)snprintf(out, NG_SANDBOX_NAME_MAX, "%s",
				    row->sandbox_name ? row->sandbox_name : "");
	char *rule;

	n = n < NG_SANDBOX_NAME_MAX ? n + 1 : NG_SANDBOX_NAME_MAX;
	rule = out + n;
	snprintf(rule, LEASE_RULE, "%s", row->rule ? row->rule : "");
	return n + strlen(rule) + 1;
}

/* Returns its length. The caller has bounded the numbers of names and addresses. */
static size_t trail_make(const struct ng_trail *trail, size_t n_addrs, char *out)
{
	char *to = out;

	for (size_t i = 0; i < trail->n_names; i++) {
		memcpy(to, trail->names[i].wire, trail->names[i].len);
		to += trail->names[i].len;
	}
	if (n_addrs)
		memcpy(to, trail->addrs, n_addrs * LEASE_ADDR_OCTETS);
	return (size_t)(to - out) + n_addrs * LEASE_ADDR_OCTETS;
}

size_t lease_value_make(const struct lease_row *row, struct lease_value *out)
{
	const struct ng_trail *trail = &row->trail;
	size_t n_addrs = trail->n_addrs < NG_ADDRS_MAX ? trail->n_addrs : NG_ADDRS_MAX, n;

	out->until_us = row->until_us;
	out->first_s = row->first_s;
	out->last_s = row->last_s;
	out->until_s = row->until_s;
	out->type = row->type;
	out->refused = row->refused;
	out->renewed = row->renewed;
	out->local = (uint8_t)(trail->local | (trail->replaces ? LEASE_REPLACES : 0));
	out->n_names = (uint8_t)trail->n_names;
	out->n_addrs = (uint16_t)(n_addrs | (row->ends_us ? LEASE_KEPT : 0));
	n = texts_make(row, out->text);
	n += trail_make(trail, n_addrs, out->text + n);
	if (row->ends_us) {
		memcpy(out->text + n, &row->ends_us, sizeof(row->ends_us));
		n += sizeof(row->ends_us);
	}
	return offsetof(struct lease_value, text) + n;
}

size_t lease_ended_make(const struct lease_row *row, struct lease_ended_value *out)
{
	struct lease_key key;

	lease_key_row(&key, row);
	*out = (struct lease_ended_value){
		.first_s = row->first_s,
		.last_s = row->last_s,
		.end_s = row->until_s,
		.type = row->type,
		.key_len = (uint16_t)key.len,
		.refused = row->refused,
		.why = (uint8_t)row->ended,
	};
	memcpy(out->text, key.octets, key.len);
	return offsetof(struct lease_ended_value, text) + key.len +
	       texts_make(row, (char *)out->text + key.len);
}

/* ---- in ---- */

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

	size_t name_len = key.len - LEASE_OWNER - LEASE_WAY;

	if (key.len <= LEASE_OWNER + LEASE_WAY || key.len > LEASE_KEY_MAX)
		return false;
	out->sandbox = (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 |
		       (uint32_t)octets[2] << 8 | octets[3];
	if (!addr_read(octets + 4, &out->client) ||
	    !addr_read(octets + 4 + LEASE_ADDR_OCTETS, &out->addr) || !out->addr.family ||
	    !port_read(octets + 4 + 2 * LEASE_ADDR_OCTETS, &out->port))
		return false;
	if (ng_name_from_wire(octets + LEASE_OWNER, name_len, &place->name) != NG_OK ||
	    place->name.len != name_len)
		return false;
	memcpy(&out->way, octets + LEASE_OWNER + name_len, LEASE_WAY);
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
static bool trail_read(struct lease_octets from, const struct lease_value *head,
		       struct lease_read *place, struct ng_trail *out)
{
	const uint8_t *at = from.octets, *end = at + from.len;

	if (!head->n_names || head->n_names > NG_CHAIN_MAX + 1 ||
	    head->n_addrs > NG_ADDRS_MAX || (head->local & LEASE_LED) > head->n_names ||
	    head->local == LEASE_REPLACES)
		return false;
	for (size_t i = 0; i < head->n_names; i++) {
		if (ng_name_from_wire(at, (size_t)(end - at), &place->names[i]))
			return false;
		at += place->names[i].len;
	}
	if ((size_t)(end - at) != (size_t)head->n_addrs * LEASE_ADDR_OCTETS)
		return false;
	for (size_t i = 0; i < head->n_addrs; i++, at += LEASE_ADDR_OCTETS) {
		if (!addr_read(at, &place->addrs[i]) || !place->addrs[i].family)
			return false;
	}
	*out = (struct ng_trail){
		.names = place->names,
		.n_names = head->n_names,
		.addrs = place->addrs,
		.n_addrs = head->n_addrs,
		.local = head->local & LEASE_LED,
		.replaces = head->local > LEASE_LED,
	};
	return true;
}

/* Where the row says so, its last octets; they are taken off. False: there are not so many. */
static bool ends_read(struct lease_octets *from, struct lease_value *head, uint64_t *out)
{
	if (!(head->n_addrs & LEASE_KEPT))
		return true;
	if (from->len < sizeof(*out))
		return false;
	from->len -= sizeof(*out);
	memcpy(out, (const char *)from->octets + from->len, sizeof(*out));
	head->n_addrs = (uint16_t)(head->n_addrs & ~LEASE_KEPT);
	return true;
}

bool lease_read_live(struct lease_octets key, struct lease_octets value,
		     struct lease_read *place, struct lease_row *out)
{
	const size_t fixed = offsetof(struct lease_value, text);
	struct lease_value copy;
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

bool lease_read_ended(struct lease_octets value, struct lease_read *place,
		      struct lease_row *out)
{
	const size_t fixed = offsetof(struct lease_ended_value, text);
	struct lease_ended_value copy;
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
