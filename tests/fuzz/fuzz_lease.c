/*
 * Rows of a lease store that anybody may have written: an octet of length and a key, the same and a
 * value, two octets of length and one shared content; the rest is another. Shared numbers that are even
 * mean the first, others the second. What can be read says the same when it is written and read again.
 */
#include "config.h"
#include "edge/lease_store_rows.h"

#include "fuzz.h"
#include <string.h>

struct input {
	const uint8_t *octets;
	size_t len;
};

static struct lease_octets take(struct input *from, size_t prefix)
{
	struct lease_octets out = {0};

	for (; prefix && from->len; prefix--, from->octets++, from->len--)
		out.len = out.len << 8 | *from->octets;
	if (out.len > from->len)
		out.len = from->len;
	out.octets = from->octets;
	from->octets += out.len;
	from->len -= out.len;
	return out;
}

struct rows {
	struct lease_octets key, value, shared[2];
};

static struct lease_octets find(const void *who, const struct lease_key *key)
{
	const struct rows *rows = who;
	const struct lease_octets found = rows->shared[key->octets[key->len - 1] & 1];

	fuzz_must(key->len == LEASE_SHARED_KEY);
	return found.len ? found : (struct lease_octets){0};
}

static bool same_name(const struct ng_name *a, const struct ng_name *b)
{
	return a->len == b->len && !memcmp(a->wire, b->wire, a->len);
}

static bool same_trail(const struct ng_trail *a, const struct ng_trail *b)
{
	if (a->n_names != b->n_names || a->n_addrs != b->n_addrs || a->local != b->local ||
	    a->replaces != b->replaces)
		return false;
	for (size_t i = 0; i < a->n_names; i++)
		if (!same_name(&a->names[i], &b->names[i]))
			return false;
	for (size_t i = 0; i < a->n_addrs; i++)
		if (!ng_addr_equal(&a->addrs[i], &b->addrs[i]))
			return false;
	return true;
}

static void same(const struct lease_row *a, const struct lease_row *b)
{
	fuzz_must(a->sandbox == b->sandbox && a->type == b->type && a->ended == b->ended);
	fuzz_must(!strcmp(a->sandbox_name, b->sandbox_name) && !strcmp(a->rule, b->rule));
	fuzz_must(ng_addr_equal(&a->client, &b->client) && ng_addr_equal(&a->addr, &b->addr));
	fuzz_must(a->port.proto == b->port.proto && a->port.port == b->port.port);
	fuzz_must(a->until_us == b->until_us && a->ends_us == b->ends_us);
	fuzz_must(a->until_s == b->until_s && a->last_s == b->last_s);
	fuzz_must(a->first_s == b->first_s && a->way == b->way);
	fuzz_must(a->refused == b->refused && a->renewed == b->renewed);
	fuzz_must(same_name(a->name, b->name) && same_trail(&a->trail, &b->trail));
}

/* Whoever gets a row relies on this. */
static void well_formed(const struct lease_row *row)
{
	struct ng_name again;

	fuzz_must(ng_name_from_wire(row->name->wire, row->name->len, &again) == NG_OK);
	fuzz_must(row->addr.family == NG_IPV4 || row->addr.family == NG_IPV6);
	fuzz_must(!row->port.port == !row->port.proto);
	fuzz_must(strlen(row->sandbox_name) < NG_SANDBOX_NAME_MAX);
	fuzz_must(strlen(row->rule) < LEASE_RULE);
	fuzz_must(row->trail.n_names <= NG_CHAIN_MAX + 1 && row->trail.n_addrs <= NG_ADDRS_MAX);
	fuzz_must(row->trail.local <= row->trail.n_names);
	for (size_t i = 0; i < row->trail.n_names; i++)
		fuzz_must(ng_name_from_wire(row->trail.names[i].wire, row->trail.names[i].len,
					    &again) == NG_OK);
	for (size_t i = 0; i < row->trail.n_addrs; i++)
		fuzz_must(row->trail.addrs[i].family != NG_NOFAMILY);
}

static void live_again(const struct lease_row *row)
{
	static struct lease_content answer, text;
	static struct lease_read place;
	uint8_t value[LEASE_VALUE_MAX];
	struct lease_key key;
	struct lease_row again;
	uint32_t sandbox, number;
	uint64_t name;

	lease_key_live(&key, row, 7);
	lease_answer_make(row, 1, &answer);
	lease_text_make(row, &text);
	const struct rows rows = {
		.key = {key.octets, key.len},
		.value = {value, lease_value_make(row, 0, value)},
		.shared = {{answer.octets, answer.len}, {text.octets, text.len}}};
	fuzz_must(lease_key_read(rows.key, &sandbox, &name));
	fuzz_must(sandbox == row->sandbox && name == 7);
	fuzz_must(lease_read_live(rows.key, rows.value, find, &rows, &place, &again));
	same(row, &again);
	fuzz_must(lease_answer_text(rows.shared[0], &number) && number == 1);
}

static void ended_again(const struct lease_row *row)
{
	static struct lease_read place;
	uint8_t value[LEASE_ENDED_MAX];
	const struct lease_octets octets = {value, lease_ended_make(row, value)};
	struct lease_row again;

	fuzz_must(lease_read_ended(octets, &place, &again));
	same(row, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lease_read place;
	struct input input = {data, size};
	struct lease_row row = {0};
	struct rows rows;
	uint32_t sandbox, number;
	uint64_t name;

	rows.key = take(&input, 1);
	rows.value = take(&input, 1);
	rows.shared[0] = take(&input, 2);
	rows.shared[1] = (struct lease_octets){input.octets, input.len};
	(void)lease_key_read(rows.key, &sandbox, &name);
	(void)lease_answer_text(rows.shared[0], &number);
	(void)lease_value_read(rows.value, &number, &row);
	if (lease_read_live(rows.key, rows.value, find, &rows, &place, &row)) {
		well_formed(&row);
		live_again(&row);
	}
	if (lease_read_ended((struct lease_octets){data, size}, &place, &row)) {
		well_formed(&row);
		ended_again(&row);
	}
	return 0;
}
