/*
 * The messages of a scene. Questions are laid out octet by octet and answers by ldns, so that the
 * parser and the builder of the gate are held against code that is not theirs.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

/* ---- questions ---- */

struct shape { /* of a question, as its words say */
	struct ng_name name;
	uint16_t type, class, id;
	uint32_t opcode, version, size;
	bool rd, cd, ad, edns, dnssec_ok, tcp;
	uint8_t *raw;
	size_t raw_len;
};

static const struct {
	const char *name;
	uint8_t value;
} opcodes[] = {{"query", 0},  {"iquery", 1}, {"status", 2},
	       {"notify", 4}, {"update", 5}, {"dso", 6}},
  classes[] = {{"in", 1}, {"chaos", 3}, {"hesiod", 4}, {"none", 254}, {"any", 255}};

static uint8_t need_opcode(struct reader *reader)
{
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
		if (word_accept(reader, opcodes[i].name))
			return opcodes[i].value;
	}
	word_bad(reader, "an opcode is missing here, such as notify or update");
	return 0;
}

static uint8_t need_class(struct reader *reader)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (word_accept(reader, classes[i].name))
			return classes[i].value;
	}
	word_bad(reader, "a class is missing here, such as chaos or any");
	return 0;
}

static bool shape_flag(struct reader *reader, struct shape *shape)
{
	const struct {
		const char *name;
		bool *flag, value;
	} flags[] = {
		{"tcp", &shape->tcp, true},   {"noedns", &shape->edns, false},
		{"edns", &shape->edns, true}, {"do", &shape->dnssec_ok, true},
		{"cd", &shape->cd, true},     {"nord", &shape->rd, false},
		{"ad", &shape->ad, true},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!word_accept(reader, flags[i].name))
			continue;
		*flags[i].flag = flags[i].value;
		return true;
	}
	return false;
}

static bool shape_option(struct reader *reader, struct shape *shape, struct asker *asker)
{
	if (shape_flag(reader, shape))
		return true;
	if (word_accept(reader, "as"))
		asker->addr = need_addr(reader);
	else if (word_accept(reader, "source-port"))
		asker->port = (uint16_t)need_number(reader, "a port");
	else if (word_accept(reader, "id"))
		shape->id = (uint16_t)need_number(reader, "a message ID");
	else if (word_accept(reader, "size"))
		shape->size = need_number(reader, "a size");
	else if (word_accept(reader, "version"))
		shape->version = need_number(reader, "a version of EDNS");
	else if (word_accept(reader, "opcode"))
		shape->opcode = need_opcode(reader);
	else if (word_accept(reader, "class"))
		shape->class = need_class(reader);
	else
		return false;
	return true;
}

static void shape_read(struct reader *reader, struct shape *shape, struct asker *asker)
{
	if (word_accept(reader, "raw")) {
		while (shape_option(reader, shape, asker))
			;
		shape->raw = need_hex(reader, &shape->raw_len);
		return;
	}
	shape->name = need_name(reader);
	shape->type = need_type(reader);
	while (!reader->scene->stopped && shape_option(reader, shape, asker))
		;
}

static uint8_t *put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static void shape_lay(const struct shape *shape, struct asker *asker)
{
	uint8_t *at = scene_alloc(NG_UDP_FLOOR);

	asker->wire = at;
	at = put16(at, shape->id);
	*at++ = (uint8_t)(shape->opcode << 3 | (shape->rd ? 1 : 0));
	*at++ = (uint8_t)((shape->cd ? 0x10 : 0) | (shape->ad ? 0x20 : 0));
	at = put16(put16(at, 1), 0);
	at = put16(put16(at, 0), shape->edns ? 1 : 0);
	memcpy(at, shape->name.wire, shape->name.len);
	at += shape->name.len;
	at = put16(put16(at, shape->type), shape->class);
	if (shape->edns) {
		*at++ = 0;
		at = put16(put16(at, NG_TYPE_OPT), shape->size);
		*at++ = 0;
		*at++ = (uint8_t)shape->version;
		at = put16(put16(at, shape->dnssec_ok ? 0x8000 : 0), 0);
	}
	asker->len = (size_t)(at - asker->wire);
}

static size_t limit_of(const struct shape *shape)
{
	if (shape->tcp)
		return NG_MESSAGE_MAX;
	if (!shape->edns || shape->size < NG_UDP_FLOOR)
		return NG_UDP_FLOOR;
	return shape->size < NG_UDP_ADVERTISED ? shape->size : NG_UDP_ADVERTISED;
}

/* Who asks: a sandbox by its name, or any address. */
static void asker_who(struct reader *reader, struct asker *asker)
{
	const struct word *word = word_peek(reader);

	if (word && !ng_addr_parse(word->text, &asker->addr)) {
		reader->at++;
		return;
	}
	asker->box = need_box(reader);
	if (asker->box)
		asker->addr = asker->box->spec.sources[0].addr;
}

/* A stranger that asks from the address of a sandbox is that sandbox. */
static const struct box *box_at(const struct scene *scene, const struct ng_addr *addr)
{
	const struct box *box;

	DL_FOREACH (scene->boxes, box) {
		for (size_t i = 0; i < box->spec.n_sources && !box->gone; i++) {
			if (ng_prefix_contains(&box->spec.sources[i], addr))
				return box;
		}
	}
	return NULL;
}

struct asker *asker_make(struct scene *scene, struct reader *reader)
{
	struct asker *asker = scene_alloc(sizeof(*asker));
	struct shape shape = {.class = NG_CLASS_IN, .rd = true, .edns = true};

	asker->handle = ++scene->last_handle;
	shape.id = (uint16_t)(0x1000 + asker->handle);
	shape.size = NG_UDP_ADVERTISED;
	asker_who(reader, asker);
	shape_read(reader, &shape, asker);
	asker->box = box_at(scene, &asker->addr);
	asker->tcp = shape.tcp;
	asker->edns = shape.edns;
	asker->limit = limit_of(&shape);
	asker->raw = shape.raw != NULL;
	if (shape.raw) {
		asker->wire = shape.raw;
		asker->len = shape.raw_len;
	} else {
		shape_lay(&shape, asker);
		scene->asked_name = shape.name;
		scene->asked = &scene->asked_name;
	}
	return asker;
}

void asker_free(struct asker *asker)
{
	if (!asker)
		return;
	free(asker->wire);
	free(asker);
}

/* ---- answers ---- */

struct making {
	struct reader *reader;
	ldns_pkt *packet;
	char owner[NG_NAME_TEXT_MAX]; /* of the next record: the end of the chain so far */
	uint32_t ttl;
	ldns_pkt_section section;
};

static void record_add(struct making *making, const char *text)
{
	ldns_rdf *root = ldns_dname_new_frm_str(".");
	ldns_rr *rr = NULL;

	if (ldns_rr_new_frm_str(&rr, text, making->ttl, root, NULL) == LDNS_STATUS_OK)
		ldns_pkt_push_rr(making->packet, making->section, rr);
	else
		word_bad(making->reader, "`%s` is not a record", text);
	ldns_rdf_deep_free(root);
}

/* "OWNER. TTL IN TYPE DATA" from its parts. */
static void record_make(struct making *making, const char *type, const char *data)
{
	char *text =
		scene_format("%s%s %u IN %s %s", making->owner,
			     strcmp(making->owner, ".") ? "." : "", making->ttl, type, data);

	record_add(making, text);
	free(text);
}

static bool make_addresses(struct making *making)
{
	struct ng_addr addrs[NG_ADDRS_MAX];
	size_t n = accept_addrs(making->reader, addrs, NG_ADDRS_MAX);
	char text[NG_ADDR_TEXT];

	for (size_t i = 0; i < n; i++)
		record_make(making, addrs[i].family == NG_IPV4 ? "A" : "AAAA",
			    ng_addr_format(&addrs[i], text));
	return n > 0;
}

static void make_alias(struct making *making)
{
	struct ng_name target = need_name(making->reader);
	char text[NG_NAME_TEXT_MAX];

	if (making->reader->scene->stopped)
		return;
	record_make(making, "CNAME", ng_name_to_text(&target, text));
	memcpy(making->owner, text, sizeof(text));
}

/* "soa ZONE TTL [MINIMUM]" */
static void make_soa(struct making *making)
{
	struct ng_name zone = need_name(making->reader);
	uint32_t ttl = need_seconds(making->reader), minimum = ttl;
	const struct word *word = word_peek(making->reader);
	char name[NG_NAME_TEXT_MAX], *text;

	if (word && word->text[0] >= '0' && word->text[0] <= '9')
		minimum = need_seconds(making->reader);
	ng_name_to_text(&zone, name);
	text = scene_format("%s%s %u IN SOA ns. hostmaster. 1 3600 600 86400 %u", name,
			    strcmp(name, ".") ? "." : "", ttl, minimum);
	making->section = LDNS_SECTION_AUTHORITY;
	record_add(making, text);
	making->section = LDNS_SECTION_ANSWER;
	free(text);
}

/* Lines of zone text; a line `authority` or `additional` changes the section. */
static void make_records(struct making *making)
{
	char *block = scene_block(making->reader->scene, making->reader->line), *rest = block;
	char *line;

	while ((line = strsep(&rest, "\n")) && !making->reader->scene->stopped) {
		line += strspn(line, " \t");
		if (strcmp(line, "authority") == 0)
			making->section = LDNS_SECTION_AUTHORITY;
		else if (strcmp(line, "additional") == 0)
			making->section = LDNS_SECTION_ADDITIONAL;
		else if (*line && *line != '#')
			record_add(making, line);
	}
	free(block);
}

static bool make_rcode(struct making *making)
{
	static const struct {
		const char *name;
		uint8_t rcode;
	} rcodes[] = {{"noerror", 0}, {"formerr", 1}, {"servfail", 2}, {"nxdomain", 3},
		      {"notimp", 4},  {"refused", 5}, {"empty", 0}};

	for (size_t i = 0; i < sizeof(rcodes) / sizeof(rcodes[0]); i++) {
		if (!word_accept(making->reader, rcodes[i].name))
			continue;
		ldns_pkt_set_rcode(making->packet, rcodes[i].rcode);
		return true;
	}
	return false;
}

static bool make_item(struct making *making)
{
	if (make_addresses(making) || make_rcode(making))
		return true;
	if (word_accept(making->reader, "cname"))
		make_alias(making);
	else if (word_accept(making->reader, "soa"))
		make_soa(making);
	else if (word_accept(making->reader, "records"))
		make_records(making);
	else if (word_accept(making->reader, "authentic"))
		ldns_pkt_set_ad(making->packet, true);
	else
		return false;
	return true;
}

/* "ttl N" holds for the whole answer, wherever it stands. */
static uint32_t ttl_ahead(const struct reader *reader)
{
	struct reader ahead = *reader;

	while (word_peek(&ahead)) {
		if (word_accept(&ahead, "ttl"))
			return need_seconds(&ahead);
		ahead.at++;
	}
	return 300;
}

static ldns_pkt *packet_begin(const struct ng_ask *ask)
{
	ldns_pkt *packet = ldns_pkt_new();
	char name[NG_NAME_TEXT_MAX];
	ldns_rr *question = ldns_rr_new();

	ng_name_to_text(&ask->question.name, name);
	ldns_rr_set_question(question, true);
	ldns_rr_set_owner(question, ldns_dname_new_frm_str(name));
	ldns_rr_set_type(question, ask->question.type);
	ldns_rr_set_class(question, ask->question.class);
	ldns_pkt_push_rr(packet, LDNS_SECTION_QUESTION, question);
	ldns_pkt_set_qr(packet, true);
	ldns_pkt_set_rd(packet, true);
	ldns_pkt_set_ra(packet, true);
	return packet;
}

static uint8_t *packet_end(ldns_pkt *packet, size_t *len)
{
	uint8_t *wire = NULL, *copy;

	*len = 0;
	if (ldns_pkt2wire(&wire, packet, len) != LDNS_STATUS_OK)
		*len = 0;
	ldns_pkt_free(packet);
	copy = scene_alloc(*len);
	if (*len)
		memcpy(copy, wire, *len);
	free(wire);
	return copy;
}

uint8_t *answer_make(struct reader *reader, const struct ng_ask *ask, size_t *len)
{
	struct making making = {.reader = reader, .section = LDNS_SECTION_ANSWER};
	size_t n = 0;

	if (word_accept(reader, "raw"))
		return need_hex(reader, len);
	making.packet = packet_begin(ask);
	making.ttl = ttl_ahead(reader);
	ng_name_to_text(&ask->question.name, making.owner);
	for (; word_peek(reader) && !reader->scene->stopped; n++) {
		if (word_accept(reader, "ttl"))
			need_seconds(reader);
		else if (!make_item(&making))
			words_done(reader);
	}
	if (!n)
		word_bad(reader, "an answer of what? addresses, `cname NAME`, `nxdomain` …");
	return packet_end(making.packet, len);
}
