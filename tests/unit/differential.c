/*
 * How namegate's reader and ldns read the same messages: seeds of the fuzz targets, changes of them, and
 * the replies that we build of what was read. One line of what it is and its octets, then one line a
 * reader; tests/unit/differential.py adds dnspython's and compares.
 *
 *   differential SEED CHANGES FILE...
 *   differential <MESSAGES, each behind two octets of length
 *
 * "query" lines: id rd cd name type class edns do size. "answer" lines: id rcode tc ad question,
 * then per record of class IN in the answer section, owner/type/ttl/data, then the first SOA of
 * the authority section. All names and data are hexadecimal; a part that is not there is "-".
 */
#include "base/arena.h"
#include "tests/fuzz/mutate.h"

#include <ldns/ldns.h>
#include <namegate/message.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 4096

static void hex(const uint8_t *octets, size_t n)
{
	if (!n)
		putchar('-');
	for (size_t i = 0; i < n; i++)
		printf("%02x", octets[i]);
}

/* ---- ours ---- */

static void our_query(const uint8_t *wire, size_t len)
{
	struct ng_query query;
	enum ng_fate fate = ng_query_parse(wire, len, &query);

	if (fate == NG_FATE_SILENCE) {
		puts("ours silence");
		return;
	}
	if (fate == NG_FATE_ERROR) {
		printf("ours rcode %u\n", query.rcode);
		return;
	}
	printf("ours ok %u %d %d ", query.id, query.rd, query.cd);
	hex(query.question.name.wire, query.question.name.len);
	printf(" %u %u %d %d %u\n", query.question.type, query.question.class, query.edns,
	       query.dnssec_ok, query.udp_size);
}

static void our_record(const struct ng_rr *rr)
{
	putchar(' ');
	hex(rr->owner->wire, rr->owner->len);
	printf("/%u/%u/", rr->type, rr->ttl);
	hex(rr->rdata, rr->rdlen);
}

static void our_answer(const struct ng_answer *answer)
{
	printf("ours ok %u %u %d %d ", answer->id, answer->rcode, answer->truncated,
	       answer->authentic);
	if (answer->has_question) {
		hex(answer->question.name.wire, answer->question.name.len);
		printf("/%u/%u", answer->question.type, answer->question.class);
	} else {
		putchar('-');
	}
	printf(" answer");
	for (size_t i = 0; i < answer->n; i++)
		our_record(&answer->rrs[i]);
	printf(" soa");
	if (answer->soa)
		our_record(answer->soa);
	putchar('\n');
}

/* ---- ldns ---- */

static void ldns_data(const ldns_rr *rr)
{
	size_t n = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);

		n += ldns_rdf_size(rdf);
		if (ldns_rdf_size(rdf))
			hex(ldns_rdf_data(rdf), ldns_rdf_size(rdf));
	}
	if (!n)
		putchar('-');
}

static void ldns_record(ldns_rr *rr)
{
	putchar(' ');
	ldns_dname2canonical(ldns_rr_owner(rr));
	hex(ldns_rdf_data(ldns_rr_owner(rr)), ldns_rdf_size(ldns_rr_owner(rr)));
	printf("/%d/%u/", (int)ldns_rr_get_type(rr), ldns_rr_ttl(rr));
	ldns_data(rr);
}

static void ldns_question(const ldns_pkt *pkt, char between)
{
	const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);

	if (!question) {
		putchar('-');
		return;
	}
	hex(ldns_rdf_data(ldns_rr_owner(question)), ldns_rdf_size(ldns_rr_owner(question)));
	printf("%c%d%c%d", between, (int)ldns_rr_get_type(question), between,
	       (int)ldns_rr_get_class(question));
}

static void ldns_answer(const ldns_pkt *pkt)
{
	const ldns_rr_list *list = ldns_pkt_answer(pkt);

	printf("ldns ok %u %u %d %d ", ldns_pkt_id(pkt),
	       (unsigned int)ldns_pkt_get_rcode(pkt) | ldns_pkt_edns_extended_rcode(pkt) << 4,
	       ldns_pkt_tc(pkt), ldns_pkt_ad(pkt));
	ldns_question(pkt, '/');
	printf(" answer");
	for (size_t i = 0; i < ldns_rr_list_rr_count(list) && !ldns_pkt_tc(pkt); i++)
		if (ldns_rr_get_class(ldns_rr_list_rr(list, i)) == LDNS_RR_CLASS_IN)
			ldns_record(ldns_rr_list_rr(list, i));
	printf(" soa");
	list = ldns_pkt_authority(pkt);
	for (size_t i = 0; i < ldns_rr_list_rr_count(list) && !ldns_pkt_tc(pkt); i++) {
		ldns_rr *rr = ldns_rr_list_rr(list, i);

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA ||
		    ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
			continue;
		ldns_record(rr);
		break;
	}
	putchar('\n');
}

static void ldns_query(const ldns_pkt *pkt)
{
	printf("ldns ok %u %d %d ", ldns_pkt_id(pkt), ldns_pkt_rd(pkt), ldns_pkt_cd(pkt));
	ldns_question(pkt, ' ');
	printf(" %d %d %u\n", ldns_pkt_edns(pkt), ldns_pkt_edns_do(pkt),
	       ldns_pkt_edns_udp_size(pkt));
}

static void by_ldns(const uint8_t *wire, size_t len, void (*as)(const ldns_pkt *pkt))
{
	ldns_pkt *pkt = NULL;
	ldns_status status = ldns_wire2pkt(&pkt, wire, len);

	if (status != LDNS_STATUS_OK) {
		printf("ldns no %s\n", ldns_get_errorstr_by_id(status));
		return;
	}
	as(pkt);
	ldns_pkt_free(pkt);
}

/* ---- messages ---- */

static void show(const char *what, const uint8_t *wire, size_t len)
{
	printf("%s ", what);
	hex(wire, len);
	putchar('\n');
}

/* What a client of ours would get of this answer. */
static void reply_show(const struct ng_answer *answer, struct arena *arena, bool edns)
{
	static uint8_t out[NG_MESSAGE_MAX];
	struct ng_query query = {.id = 7, .edns = edns, .has_question = answer->has_question};
	struct ng_answer again;
	struct ng_reply_spec spec = {
		.query = &query,
		.rcode = answer->rcode,
		.answers = answer->rrs,
		.n = answer->n,
		.negative_soa = answer->soa,
		.soa = answer->soa,
		.soa_ttl = answer->soa ? answer->soa->ttl : 0,
		.ede = NG_EDE_BLOCKED,
		.ede_text = "a.list:1",
		.limit = sizeof(out),
	};
	size_t len;

	query.question = answer->question;
	len = ng_reply_build(&spec, out);
	if (ng_answer_parse(out, len, arena, &again) != NG_OK)
		return; /* more records than a reader takes: fuzz_answer sees to all others */
	show("reply", out, len);
	our_answer(&again);
	by_ldns(out, len, ldns_answer);
}

static void answer_show(const uint8_t *wire, size_t len)
{
	struct ng_answer answer;
	struct arena arena;
	int error;

	arena_init(&arena, 8 << 20);
	error = ng_answer_parse(wire, len, &arena, &answer);
	show("answer", wire, len);
	if (error)
		printf("ours no %d\n", error);
	else
		our_answer(&answer);
	by_ldns(wire, len, ldns_answer);
	if (!error)
		reply_show(&answer, &arena, len % 2);
	arena_finish(&arena);
}

/* In memory of exactly its size. */
static void message_show(const uint8_t *octets, size_t len)
{
	uint8_t *wire = malloc(len ? len : 1);

	if (!wire)
		abort();
	memcpy(wire, octets, len);
	if (len > 2 && wire[2] & 0x80) {
		answer_show(wire, len);
	} else {
		show("query", wire, len);
		our_query(wire, len);
		by_ldns(wire, len, ldns_query);
	}
	free(wire);
}

static void seed_show(const char *path, uint32_t seed, uint32_t changes)
{
	static uint8_t octets[NG_MESSAGE_MAX], changed[NG_MESSAGE_MAX];
	FILE *file = fopen(path, "rb");
	size_t n;

	if (!file) {
		perror(path);
		exit(1);
	}
	n = fread(octets, 1, sizeof(octets) - ROOM, file);
	fclose(file);
	message_show(octets, n);
	for (uint32_t i = 0; i < changes; i++) {
		struct edit edit = edit_make(changed, n, n + ROOM, seed + i);

		memcpy(changed, octets, n);
		for (uint32_t times = 1 + roll(&edit, 4); times; times--)
			mutate_message(&edit);
		message_show(changed, edit.n);
	}
}

static void input_show(void)
{
	static uint8_t octets[NG_MESSAGE_MAX];
	uint8_t head[2];

	while (fread(head, 1, 2, stdin) == 2) {
		size_t len = (size_t)head[0] << 8 | head[1];

		if (fread(octets, 1, len, stdin) != len)
			exit(1);
		message_show(octets, len);
	}
}

int main(int argc, char **argv)
{
	if (argc == 1)
		input_show();
	for (int i = 3; i < argc; i++)
		seed_show(argv[i],
			  ((uint32_t)strtoul(argv[1], NULL, 10) << 8 | (uint32_t)i) << 14,
			  (uint32_t)strtoul(argv[2], NULL, 10));
	return 0;
}
