/*
 * Rows of the lease store to octets and back.
 *
 * Keys are big endian, so that the rows of a sandbox, and of a name, stand beside each other. The
 * shape says which addresses follow, and whether a port, so no owner's key begins like another's. Numbers in values
 * have seven bits an octet, the lowest first; times that lie beside each other are stored as what is
 * between them, modulo 2^64.
 */
#include "config.h"
#include "edge/lease_store_rows.h"

#include "base/cursor.h"
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define REFUSED  1u /* flags of a lease, below its type */
#define RENEWED  2u
#define KEPT     4u /* ends_us stands behind the times */
#define FLAGS    3  /* bits */
#define PORT     1u /* of an owner's shape: protocol and port follow */
#define CLIENT   2  /* and where in it the families begin: 0, 1 for IPv4, 2 for IPv6 */
#define ADDR     4
#define REPLACES 0x80u /* of an answer, beside `local` */
#define OWN_NAME 0xffu /* its rule's name is none of the trail's */

enum kind { TEXT = 1, ANSWER = 2 };

/* ---- out ---- */

static void put_number(struct writer *to, uint64_t number)
{
	for (; number > 0x7f; number >>= 7)
		writer_u8(to, (uint8_t)(number | 0x80));
	writer_u8(to, (uint8_t)number);
}

static void put_addr(struct writer *to, const struct ng_addr *addr)
{
	writer_u8(to, addr->family);
	writer_octets(to, addr->bytes, ng_addr_len(addr));
}

/* Sandboxes come one after the other; their rows lie all over, for pages to fill in any order. */
static uint32_t scatter(uint32_t sandbox)
{
	uint32_t turned = 0;

	for (int i = 0; i < 32; i++)
		turned |= (sandbox >> i & 1) << (31 - i);
	return turned;
}

static unsigned family_code(const struct ng_addr *addr)
{
	return addr->family == NG_IPV4 ? 1 : addr->family == NG_IPV6 ? 2 : 0;
}

static void put_element(struct writer *to, const struct lease_row *row)
{
	const bool port = row->port.proto || row->port.port;

	writer_u8(to, (uint8_t)((port ? PORT : 0) | family_code(&row->client) << CLIENT |
				family_code(&row->addr) << ADDR));
	writer_octets(to, row->client.bytes, ng_addr_len(&row->client));
	writer_octets(to, row->addr.bytes, ng_addr_len(&row->addr));
	if (!port)
		return;
	writer_u8(to, row->port.proto);
	writer_u16(to, row->port.port);
}

/* With its NUL; cut where it has no room. */
static void put_text(struct writer *to, const char *text, size_t size)
{
	size_t len = text ? strnlen(text, size - 1) : 0;

	writer_octets(to, text, len);
	writer_u8(to, 0);
}

static void put_texts(struct writer *to, const struct lease_row *row)
{
	put_text(to, row->sandbox_name, NG_SANDBOX_NAME_MAX);
	put_text(to, row->rule, LEASE_RULE);
}

void lease_key_sandbox(struct lease_key *key, uint32_t sandbox)
{
	struct writer to = writer_make(key->octets, sizeof(key->octets));

	writer_u32(&to, scatter(sandbox));
	key->len = to.pos;
}

static void put_name(struct writer *to, uint32_t sandbox, uint64_t name)
{
	writer_u32(to, scatter(sandbox));
	writer_u16(to, (uint16_t)(name >> 32));
	writer_u32(to, (uint32_t)name);
}

void lease_key_name(struct lease_key *key, uint32_t sandbox, uint64_t name)
{
	struct writer to = writer_make(key->octets, sizeof(key->octets));

	put_name(&to, sandbox, name);
	key->len = to.pos;
}

void lease_key_live(struct lease_key *key, const struct lease_row *row, uint64_t name)
{
	struct writer to = writer_make(key->octets, sizeof(key->octets));

	put_name(&to, row->sandbox, name);
	put_element(&to, row);
	key->len = to.pos;
}

void lease_key_shared(struct lease_key *key, uint32_t sandbox, uint64_t name, uint32_t number)
{
	struct writer to = writer_make(key->octets, sizeof(key->octets));

	put_name(&to, sandbox, name);
	writer_u32(&to, number);
	key->len = to.pos;
}

size_t lease_value_make(const struct lease_row *row, uint32_t answer,
			uint8_t out[static LEASE_VALUE_MAX])
{
	struct writer to = writer_make(out, LEASE_VALUE_MAX);

	writer_u32(&to, answer);
	put_number(&to, (unsigned)row->type << FLAGS | (row->refused ? REFUSED : 0) |
				(row->renewed ? RENEWED : 0) | (row->ends_us ? KEPT : 0));
	put_number(&to, row->until_us);
	put_number(&to, row->until_s);
	put_number(&to, row->until_s - row->last_s);
	put_number(&to, row->last_s - row->first_s);
	if (row->ends_us)
		put_number(&to, row->until_us - row->ends_us);
	return to.pos;
}

size_t lease_ended_make(const struct lease_row *row, uint8_t out[static LEASE_ENDED_MAX])
{
	struct writer to = writer_make(out, LEASE_ENDED_MAX);

	writer_u8(&to, (uint8_t)row->ended);
	writer_u8(&to, row->refused ? REFUSED : 0);
	put_number(&to, row->type);
	put_number(&to, row->until_s);
	put_number(&to, row->until_s - row->last_s);
	put_number(&to, row->last_s - row->first_s);
	put_number(&to, row->way);
	writer_u32(&to, scatter(row->sandbox));
	put_element(&to, row);
	writer_octets(&to, row->name->wire, row->name->len);
	put_texts(&to, row);
	return to.pos;
}

void lease_text_make(const struct lease_row *row, struct lease_content *out)
{
	struct writer to = writer_make(out->octets, sizeof(out->octets));

	writer_u8(&to, TEXT);
	put_texts(&to, row);
	out->len = to.pos;
}

/* Which of the trail's names is the rule's. */
static uint8_t which_name(const struct lease_row *row)
{
	for (size_t i = 0; i < row->trail.n_names; i++)
		if (row->trail.names[i].len == row->name->len &&
		    !memcmp(row->trail.names[i].wire, row->name->wire, row->name->len))
			return (uint8_t)i;
	return OWN_NAME;
}

void lease_answer_make(const struct lease_row *row, uint32_t text, struct lease_content *out)
{
	const struct ng_trail *trail = &row->trail;
	const size_t n_addrs = trail->n_addrs < NG_ADDRS_MAX ? trail->n_addrs : NG_ADDRS_MAX;
	const uint8_t which = which_name(row);
	struct writer to = writer_make(out->octets, sizeof(out->octets));

	writer_u8(&to, ANSWER);
	writer_u32(&to, text);
	put_number(&to, row->way);
	writer_u8(&to, which);
	if (which == OWN_NAME)
		writer_octets(&to, row->name->wire, row->name->len);
	writer_u8(&to, (uint8_t)(trail->local | (trail->replaces ? REPLACES : 0)));
	writer_u8(&to, (uint8_t)trail->n_names);
	for (size_t i = 0; i < trail->n_names; i++)
		writer_octets(&to, trail->names[i].wire, trail->names[i].len);
	writer_u8(&to, (uint8_t)n_addrs);
	for (size_t i = 0; i < n_addrs; i++)
		put_addr(&to, &trail->addrs[i]);
	out->len = to.pos;
}

/* ---- in ---- */

static struct reader reader_of(struct lease_octets from)
{
	return reader_make(from.octets, from.len);
}

static void spoil(struct reader *from)
{
	if (!from->error)
		from->error = NG_E_FORMAT;
}

static uint64_t take_number(struct reader *from)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t octet = reader_u8(from);

		number |= (uint64_t)(octet & 0x7f) << shift;
		if (octet < 0x80)
			return number;
	}
	spoil(from);
	return 0;
}

static struct ng_addr take_octets(struct reader *from, uint8_t family)
{
	const size_t len = family == NG_IPV4 ? 4 : family == NG_IPV6 ? 16 : 0;
	const uint8_t *octets = reader_octets(from, len);

	return octets && len ? ng_addr_make((enum ng_family)family, octets)
			     : (struct ng_addr){0};
}

static struct ng_addr take_addr(struct reader *from)
{
	const struct ng_addr addr = take_octets(from, reader_u8(from));

	if (!addr.family)
		spoil(from);
	return addr;
}

/* No port without a protocol, no protocol without a port, none but TCP and UDP. */
static struct ng_port take_port(struct reader *from)
{
	struct ng_port port = {.proto = reader_u8(from)};

	port.port = reader_u16(from);
	if ((port.proto != IPPROTO_TCP && port.proto != IPPROTO_UDP) || !port.port)
		spoil(from);
	return port;
}

static void take_element(struct reader *from, struct lease_row *out)
{
	static const uint8_t families[] = {NG_NOFAMILY, NG_IPV4, NG_IPV6, NG_NOFAMILY};
	const unsigned shape = reader_u8(from);

	out->client = take_octets(from, families[shape >> CLIENT & 3]);
	out->addr = take_octets(from, families[shape >> ADDR & 3]);
	if (shape & PORT)
		out->port = take_port(from);
	if (!out->addr.family)
		spoil(from);
}

static void take_name(struct reader *from, struct ng_name *out)
{
	if (!reader_left(from) ||
	    ng_name_from_wire(from->octets + from->pos, reader_left(from), out))
		spoil(from);
	else
		(void)reader_octets(from, out->len);
}

static void take_text(struct reader *from, char *to, size_t size)
{
	const size_t left = reader_left(from);
	const char *text = left ? (const char *)from->octets + from->pos : "";
	const size_t len = strnlen(text, left);

	if (len == left || len >= size) {
		spoil(from);
		return;
	}
	memcpy(to, text, len + 1);
	(void)reader_octets(from, len + 1);
}

static void take_texts(struct reader *from, struct lease_read *place, struct lease_row *out)
{
	take_text(from, place->sandbox_name, sizeof(place->sandbox_name));
	take_text(from, place->rule, sizeof(place->rule));
	out->sandbox_name = place->sandbox_name;
	out->rule = place->rule;
}

static uint16_t type_of(struct reader *from, uint64_t number)
{
	if (number > UINT16_MAX)
		spoil(from);
	return (uint16_t)number;
}

static bool ended_well(const struct reader *from)
{
	return !from->error && from->pos == from->len;
}

static uint64_t take_name_number(struct reader *from)
{
	const uint64_t high = reader_u16(from);

	return high << 32 | reader_u32(from);
}

bool lease_key_read(struct lease_octets key, uint32_t *sandbox, uint64_t *name)
{
	struct reader from = reader_of(key);

	if (key.len < LEASE_SHARED_KEY)
		return false;
	*sandbox = scatter(reader_u32(&from));
	*name = take_name_number(&from);
	return true;
}

bool lease_value_read(struct lease_octets value, uint32_t *answer, struct lease_row *out)
{
	struct reader from = reader_of(value);
	struct lease_row row = *out;
	const uint32_t number = reader_u32(&from);
	const uint64_t flags = take_number(&from);

	row.refused = (flags & REFUSED) != 0;
	row.renewed = (flags & RENEWED) != 0;
	row.type = type_of(&from, flags >> FLAGS);
	row.until_us = take_number(&from);
	row.until_s = take_number(&from);
	row.last_s = row.until_s - take_number(&from);
	row.first_s = row.last_s - take_number(&from);
	row.ends_us = flags & KEPT ? row.until_us - take_number(&from) : 0;
	if (!ended_well(&from))
		return false;
	*answer = number;
	*out = row;
	return true;
}

/* What an answer begins with, up to the names of its trail. */
struct answer_head {
	uint32_t text;
	uint64_t way;
	uint8_t which;
};

static struct answer_head take_head(struct reader *from, struct ng_name *own)
{
	struct answer_head head = {0};

	if (reader_u8(from) != ANSWER)
		spoil(from);
	head.text = reader_u32(from);
	head.way = take_number(from);
	head.which = reader_u8(from);
	if (head.which == OWN_NAME)
		take_name(from, own);
	return head;
}

bool lease_answer_text(struct lease_octets content, uint32_t *text)
{
	struct reader from = reader_of(content);

	if (reader_u8(&from) != ANSWER)
		return false;
	*text = reader_u32(&from);
	return !from.error;
}

static void take_trail(struct reader *from, struct lease_read *place, struct ng_trail *out)
{
	const uint8_t local = reader_u8(from), n_names = reader_u8(from);
	size_t n_addrs;

	if (!n_names || n_names > NG_CHAIN_MAX + 1 || (local & ~REPLACES) > n_names ||
	    local == REPLACES)
		spoil(from);
	for (size_t i = 0; i < n_names && !from->error; i++)
		take_name(from, &place->names[i]);
	n_addrs = reader_u8(from);
	if (n_addrs > NG_ADDRS_MAX)
		spoil(from);
	for (size_t i = 0; i < n_addrs && !from->error; i++)
		place->addrs[i] = take_addr(from);
	*out = (struct ng_trail){
		.names = place->names,
		.n_names = n_names,
		.addrs = place->addrs,
		.n_addrs = n_addrs,
		.local = (uint8_t)(local & ~REPLACES),
		.replaces = (local & REPLACES) != 0,
	};
}

static bool read_answer(struct lease_octets content, struct lease_read *place,
			struct lease_row *out, uint32_t *text)
{
	struct reader from = reader_of(content);
	struct answer_head head = take_head(&from, &place->name);

	take_trail(&from, place, &out->trail);
	if (!ended_well(&from) || (head.which != OWN_NAME && head.which >= out->trail.n_names))
		return false;
	out->way = head.way;
	out->name = head.which == OWN_NAME ? &place->name : &place->names[head.which];
	*text = head.text;
	return true;
}

static bool read_text(struct lease_octets content, struct lease_read *place,
		      struct lease_row *out)
{
	struct reader from = reader_of(content);

	if (reader_u8(&from) != TEXT)
		return false;
	take_texts(&from, place, out);
	return ended_well(&from);
}

static struct lease_octets shared(lease_shared_fn *find, const void *who, uint32_t sandbox,
				  uint64_t name, uint32_t number)
{
	struct lease_key key;

	lease_key_shared(&key, sandbox, name, number);
	return find(who, &key);
}

bool lease_read_live(struct lease_octets key, struct lease_octets value, lease_shared_fn *find,
		     const void *who, struct lease_read *place, struct lease_row *out)
{
	struct reader from = reader_of(key);
	struct lease_row row = {0};
	uint32_t answer, text;
	uint64_t name;

	row.sandbox = scatter(reader_u32(&from));
	name = take_name_number(&from);
	take_element(&from, &row);
	if (!ended_well(&from) || !lease_value_read(value, &answer, &row) ||
	    !read_answer(shared(find, who, row.sandbox, name, answer), place, &row, &text) ||
	    !read_text(shared(find, who, row.sandbox, 0, text), place, &row))
		return false;
	*out = row;
	return true;
}

bool lease_read_ended(struct lease_octets value, struct lease_read *place,
		      struct lease_row *out)
{
	struct reader from = reader_of(value);
	struct lease_row row = {.ended = (enum lease_end)reader_u8(&from)};

	row.refused = reader_u8(&from) != 0;
	row.type = type_of(&from, take_number(&from));
	row.until_s = take_number(&from);
	row.last_s = row.until_s - take_number(&from);
	row.first_s = row.last_s - take_number(&from);
	row.way = take_number(&from);
	row.sandbox = scatter(reader_u32(&from));
	take_element(&from, &row);
	take_name(&from, &place->name);
	take_texts(&from, place, &row);
	row.name = &place->name;
	if (!ended_well(&from) || row.ended == LEASE_STANDS || row.ended >= LEASE_ENDS)
		return false;
	*out = row;
	return true;
}
