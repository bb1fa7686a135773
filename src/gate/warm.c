/*
 * What upstreams said, taken out of the cache as octets and put back in a later life of the process.
 *
 * An answer is written as a message of its own and read back as one that an upstream sent: by the same
 * parser, with the same records stripped, held to the same bounds. So who could plant an image can say
 * no more by it than by answering in the server's place, and for no longer than a TTL may last. Times are
 * those of the monotonic clock: an image is of use in the boot that it was made in alone.
 */
#include "gate/engine.h"

#include "base/cursor.h"
#include <string.h>

#define SPOT_BITS 16 /* of a cursor: the place in its bucket */
#define LOOKS     64 /* at places of the cache, in one step */

/* ---- out ---- */

static void put_u64(struct writer *writer, uint64_t value)
{
	writer_u32(writer, (uint32_t)(value >> 32));
	writer_u32(writer, (uint32_t)value);
}

/* The whole of it as a reply; 0 when it does not fit into a message. */
static size_t message_make(struct ng_gate *gate, const struct entry *entry)
{
	const size_t n = (size_t)entry->n + entry->has_soa;
	const struct ng_query query = {
		.has_question = true,
		.question = {.name = entry_name(entry), .type = entry->type, .class = 1},
	};
	struct ng_rr *rrs = arena_alloc(&gate->parsed, (n + 1) * sizeof(*rrs));
	struct ng_reply_spec spec = {.query = &query,
				     .rcode = entry->rcode,
				     .authentic = entry->proved,
				     .answers = rrs,
				     .n = entry->n,
				     .negative_soa = entry->has_soa,
				     .soa = rrs + entry->n,
				     .ede = NG_EDE_NONE,
				     .limit = NG_MESSAGE_MAX};

	for (size_t i = 0; rrs && i < n; i++) {
		const struct ng_name owner = entry_owner(entry, i);

		rrs[i] = (struct ng_rr){.type = entry->rrs[i].type,
					.ttl = entry->rrs[i].ttl,
					.rdlen = entry->rrs[i].rdlen,
					.rdata = entry_rdata(entry, i)};
		rrs[i].owner = arena_copy(&gate->parsed, &owner, sizeof(owner));
	}
	if (gate->parsed.failed || ng_reply_overflows(&spec))
		return 0;
	spec.soa_ttl = entry->has_soa ? rrs[entry->n].ttl : 0;
	return ng_reply_build(&spec, gate->scratch);
}

static size_t entry_write(struct ng_gate *gate, const struct entry *entry,
			  uint8_t out[static NG_CACHED_MAX])
{
	const struct route *route = route_by_id(gate, entry->route);
	struct writer writer = writer_make(out, NG_CACHED_MAX);
	size_t len;

	arena_reset(&gate->parsed);
	len = route && route->spec.origin && entry->until_us > gate->now_us
		      ? message_make(gate, entry)
		      : 0;
	if (!len)
		return 0;
	put_u64(&writer, entry->stored_us);
	put_u64(&writer, entry->until_us);
	writer_u32(&writer, entry->share->sandbox);
	writer_u8(&writer, entry->dnssec_ok);
	writer_u8(&writer, entry->cd);
	writer_octets(&writer, &entry->server, sizeof(entry->server));
	put_u64(&writer, route->spec.origin);
	writer_octets(&writer, gate->scratch, len);
	return writer.error ? 0 : writer.pos;
}

static const struct entry *entry_at(const struct cache *cache, uint64_t bucket, uint64_t spot)
{
	const struct entry *entry = cache->buckets[bucket];

	while (entry && spot--)
		entry = entry->next;
	return entry;
}

bool ng_gate_cached_at(struct ng_gate *gate, uint64_t *cursor,
		       uint8_t out[static NG_CACHED_MAX], size_t *len)
{
	const struct cache *cache = &gate->cache;
	uint64_t bucket = *cursor >> SPOT_BITS, spot = *cursor & ((1u << SPOT_BITS) - 1);
	size_t written = 0;

	for (unsigned looked = 0; bucket < cache->room && !written && looked < LOOKS;
	     looked++) {
		const struct entry *entry = entry_at(cache, bucket, spot);

		written = entry ? entry_write(gate, entry, out) : 0;
		bucket += !entry;
		spot = entry ? spot + 1 : 0;
	}
	*cursor = bucket << SPOT_BITS | spot;
	*len = written;
	return bucket < cache->room;
}

/* ---- in ---- */

static uint64_t get_u64(struct reader *reader)
{
	uint64_t high = reader_u32(reader);

	return high << 32 | reader_u32(reader);
}

struct saved {
	uint64_t stored_us, until_us;
	uint32_t sandbox;
	struct question_key key;
	struct ng_addr server;
	struct ng_answer answer;
};

static bool origin_find(const struct ng_gate *gate, uint64_t origin, struct question_key *key)
{
	const struct route *route = origin ? route_by_origin(gate, origin) : NULL;

	if (route)
		key->route = route->spec.id;
	return route;
}

static int saved_read(struct ng_gate *gate, struct reader *reader, struct saved *out)
{
	const uint8_t *server, *wire;
	uint64_t origin;
	size_t left;
	int error;

	out->stored_us = get_u64(reader);
	out->until_us = get_u64(reader);
	out->sandbox = reader_u32(reader);
	out->key.dnssec_ok = reader_u8(reader);
	out->key.cd = reader_u8(reader);
	server = reader_octets(reader, sizeof(out->server));
	origin = get_u64(reader);
	left = reader_left(reader);
	wire = reader_octets(reader, left);
	if (reader->error || out->key.dnssec_ok > 1 || out->key.cd > 1)
		return NG_E_FORMAT;
	memcpy(&out->server, server, sizeof(out->server));
	if (!origin_find(gate, origin, &out->key))
		return NG_E_NOTFOUND;
	arena_reset(&gate->parsed);
	error = ng_answer_parse(wire, left, &gate->parsed, &out->answer);
	if (!error)
		error = services_strip(gate, &out->answer);
	if (error || !out->answer.has_question)
		return error ? error : NG_E_FORMAT;
	answer_trust(gate, out->key.route, &out->answer);
	out->key.type = out->answer.question.type;
	out->key.name = out->answer.question.name;
	ng_name_lower(&out->key.name);
	return NG_OK;
}

static bool times_good(const struct ng_gate *gate, const struct saved *saved)
{
	return saved->stored_us <= gate->now_us && saved->until_us > gate->now_us &&
	       saved->until_us - saved->stored_us <=
		       (uint64_t)gate->settings.ttl_max_s * SECOND_US;
}

int ng_gate_cached_put(struct ng_gate *gate, uint64_t now_us, const uint8_t *octets, size_t len)
{
	struct reader reader = reader_make(octets, len);
	struct saved saved = {0};
	struct entry *entry;
	uint64_t ttl_us;
	int error;

	actions_begin(gate, now_us);
	error = saved_read(gate, &reader, &saved);
	if (error)
		return error;
	if (!times_good(gate, &saved))
		return NG_E_RANGE;
	error = entry_make(gate, &saved.key, &saved.answer, &saved.server, &entry);
	if (error)
		return error;
	/* Its records may say less than the image, never more. */
	ttl_us = entry->until_us - entry->stored_us;
	entry->stored_us = saved.stored_us;
	entry->until_us = saved.until_us - saved.stored_us < ttl_us ? saved.until_us
								    : saved.stored_us + ttl_us;
	if (entry->until_us > gate->now_us && !cache_find(gate, &saved.key) &&
	    cache_keep(gate, entry, saved.sandbox))
		return NG_OK;
	entry_free(entry);
	return NG_E_FULL;
}
