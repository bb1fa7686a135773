/*
 * Replies, read by ldns and not by the gate's own parser. Some things are true of every reply,
 * whatever a scene expects; they are checked on each. The rest is what `reply` in a clause says:
 * addresses, aliases, rcode, TC, AD and EDE must be exactly those named.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EDNS_EDE 15

static const char *const rcodes[] = {
	[0] = "noerror", [1] = "formerr", [2] = "servfail", [3] = "nxdomain",
	[4] = "notimp",  [5] = "refused", [6] = "yxdomain", [16] = "badvers",
};
#define N_RCODES (sizeof(rcodes) / sizeof(rcodes[0]))

/* ---- what is true of every reply ---- */

struct check {
	struct scene *scene;
	const struct asker *asker;
	const struct line *line;
	const uint8_t *wire;
	size_t len;
	ldns_pkt *packet;
	struct reply_view *view;
};

static void untrue(const struct check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void untrue(const struct check *check, const char *format, ...)
{
	char text[256];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	scene_stop(check->scene, SCENE_FAILED, check->line, 1,
		   "a reply broke what holds for every reply: %s", text);
}

static void check_header(const struct check *check)
{
	const uint8_t *asked = check->asker->wire, *told = check->wire;
	const bool query = !(asked[2] & 0x78); /* RD, RA and CD mean something with it alone */

	if (check->len > check->asker->limit)
		untrue(check, "%zu octets, but the client takes %zu", check->len,
		       check->asker->limit);
	if (memcmp(asked, told, 2) != 0)
		untrue(check, "another ID");
	if (!(told[2] & 0x80))
		untrue(check, "QR is not set");
	if ((told[2] ^ asked[2]) & 0x78)
		untrue(check, "the opcode differs from the query's");
	if ((told[2] ^ (query ? asked[2] : 0)) & 0x01)
		untrue(check, "RD is not what it has to be");
	if (told[2] & 0x04)
		untrue(check, "AA is set");
	if (!(told[3] & 0x80) == query)
		untrue(check, "RA is not what it has to be");
	if (told[3] & 0x40)
		untrue(check, "the reserved bit is set");
	if ((told[3] ^ (query ? asked[3] : 0)) & 0x10)
		untrue(check, "CD is not what it has to be");
}

static void check_question(const struct check *check)
{
	size_t end = NG_HEADER_LEN;

	if (check->asker->raw) /* whether it held a question is the scene's business */
		return;
	while (check->asker->wire[end])
		end += check->asker->wire[end] + 1u;
	end += 5;
	if (check->wire[4] != 0 || check->wire[5] != 1 || check->len < end ||
	    memcmp(check->wire + NG_HEADER_LEN, check->asker->wire + NG_HEADER_LEN,
		   end - NG_HEADER_LEN) != 0)
		untrue(check, "the question is not echoed octet for octet");
}

static void check_sections(const struct check *check)
{
	const ldns_rr_list *authority = ldns_pkt_authority(check->packet);

	if (!check->asker->raw && ldns_pkt_edns(check->packet) != check->asker->edns)
		untrue(check, "OPT is there exactly when the client sent one");
	for (size_t i = 0; i < ldns_rr_list_rr_count(authority); i++) {
		if (ldns_rr_get_type(ldns_rr_list_rr(authority, i)) != LDNS_RR_TYPE_SOA)
			untrue(check, "something else than an SOA in the authority section");
	}
	if (ldns_rr_list_rr_count(authority) > 1)
		untrue(check, "more than one SOA");
	if (ldns_rr_list_rr_count(ldns_pkt_additional(check->packet)))
		untrue(check, "something else than OPT in the additional section");
	if (ldns_pkt_tc(check->packet) && ldns_rr_list_rr_count(ldns_pkt_answer(check->packet)))
		untrue(check, "TC with a part of the answer");
}

/* Is owner the asked name, or the target of an alias that stands in the answer? */
static bool on_chain(const struct check *check, const ldns_rdf *owner)
{
	const ldns_rr_list *answers = ldns_pkt_answer(check->packet);
	const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(check->packet), 0);

	if (question && ldns_dname_compare(ldns_rr_owner(question), owner) == 0)
		return true;
	for (size_t i = 0; i < ldns_rr_list_rr_count(answers); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(answers, i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME &&
		    ldns_dname_compare(ldns_rr_rdf(rr, 0), owner) == 0)
			return true;
	}
	return false;
}

/* ---- taking it in ---- */

static void view_address(const struct check *check, const ldns_rr *rr)
{
	const ldns_rdf *rdf = ldns_rr_rdf(rr, 0);
	struct reply_view *view = check->view;

	if (view->n_addrs == NG_ADDRS_MAX) {
		untrue(check, "more addresses than a reply may open");
		return;
	}
	view->addrs[view->n_addrs] =
		ng_addr_make(ldns_rdf_size(rdf) == 4 ? NG_IPV4 : NG_IPV6, ldns_rdf_data(rdf));
	view->ttls[view->n_addrs++] = ldns_rr_ttl(rr);
}

static void view_alias(const struct check *check, const ldns_rr *rr)
{
	struct reply_view *view = check->view;
	const ldns_rdf *rdf = ldns_rr_rdf(rr, 0);
	struct ng_name name;

	if (view->n_cnames > NG_CHAIN_MAX ||
	    ng_name_from_wire(ldns_rdf_data(rdf), ldns_rdf_size(rdf), &name))
		untrue(check, "an alias too many, or one that leads nowhere");
	else
		ng_name_to_text(&name, view->cnames[view->n_cnames++]);
}

/* "TYPE DATA", without quotes and without what ldns puts at the end. */
static char *rr_words(const ldns_rr *rr)
{
	char *type = ldns_rr_type2str(ldns_rr_get_type(rr)), *text = NULL, *to;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return scene_alloc(1);
	fputs(type, out);
	free(type);
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		char *field = ldns_rdf2str(ldns_rr_rdf(rr, i));

		fprintf(out, " %s", field ? field : "?");
		free(field);
	}
	fclose(out);
	to = text;
	for (const char *at = text; *at; at++) {
		if (*at != '"')
			*to++ = *at;
	}
	*to = 0;
	return text;
}

/*
 * RFC 9460: ech (5) hides whom a client speaks with, and hints (4, 6) are addresses that nobody
 * leased. Both must be gone, whoever wrote the record.
 */
static void check_service(const struct check *check, const ldns_rr *rr)
{
	uint8_t *wire = NULL;
	size_t len = 0, at = 2; /* behind the priority */
	ldns_buffer *buffer = ldns_buffer_new(512);

	if (buffer && ldns_rr_rdata2buffer_wire(buffer, rr) == LDNS_STATUS_OK) {
		wire = ldns_buffer_begin(buffer);
		len = ldns_buffer_position(buffer);
	}
	while (wire && at < len && wire[at])
		at += wire[at] + 1u;
	for (at++; wire && at + 4 <= len;
	     at += 4u + (size_t)(wire[at + 2] << 8 | wire[at + 3])) {
		unsigned int key = (unsigned int)(wire[at] << 8 | wire[at + 1]);

		if (key >= 4 && key <= 6)
			untrue(check, "a service record with parameter %u", key);
	}
	ldns_buffer_free(buffer);
}

static void view_other(const struct check *check, const ldns_rr *rr)
{
	struct reply_view *view = check->view;
	int type = (int)ldns_rr_get_type(rr);

	if (type == NG_TYPE_HTTPS || type == NG_TYPE_SVCB)
		check_service(check, rr);
	if (view->n_others == NG_CHAIN_MAX)
		untrue(check, "more records than a scene can look at");
	else
		view->others[view->n_others++] = rr_words(rr);
}

void reply_free(struct reply_view *view)
{
	for (size_t i = 0; view && i < view->n_others; i++)
		free(view->others[i]);
	if (view)
		records_free(view);
	free(view);
}

static void view_answer(const struct check *check, const ldns_rr *rr)
{
	if (!on_chain(check, ldns_rr_owner(rr)))
		untrue(check, "a record whose owner is not on the chain from the asked name");
	check->view->n_answers++;
	records_take(check->view, rr);
	switch ((unsigned int)ldns_rr_get_type(rr)) {
	case LDNS_RR_TYPE_A:
	case LDNS_RR_TYPE_AAAA:
		view_address(check, rr);
		break;
	case LDNS_RR_TYPE_CNAME:
		view_alias(check, rr);
		break;
	case LDNS_RR_TYPE_RRSIG:
		check->view->signatures = true;
		break;
	default:
		view_other(check, rr);
	}
}

/* Every text ends in the id of its event, which is another each time: it is taken off. */
static void view_event(const struct check *check)
{
	static const char before[] = "; event ", digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char *text = check->view->ede_text, *found = strstr(text, before), *id;

	if (!*text)
		return;
	id = found ? found + sizeof(before) - 1 : text;
	if (!found || strlen(id) != NG_EVENT_ID - 1 || strspn(id, digits) != NG_EVENT_ID - 1) {
		untrue(check, "an EDE text that does not end in the id of its event");
		return;
	}
	memcpy(check->view->event, id, NG_EVENT_ID);
	*found = '\0';
}

static void view_ede(const struct check *check)
{
	const ldns_rdf *data = ldns_pkt_edns_data(check->packet);
	size_t left = data ? ldns_rdf_size(data) : 0;
	const uint8_t *at = data ? ldns_rdf_data(data) : NULL;

	for (size_t len; left >= 4; left -= 4 + len, at += 4 + len) {
		len = (size_t)(at[2] << 8 | at[3]);
		if (len > left - 4) {
			untrue(check, "an EDNS option that runs past its end");
			return;
		}
		if ((at[0] << 8 | at[1]) != EDNS_EDE || len < 2 || len - 2 > NG_EDE_TEXT_MAX)
			continue;
		check->view->ede = at[4] << 8 | at[5];
		memcpy(check->view->ede_text, at + 6, len - 2);
		view_event(check);
	}
}

static void view_fill(const struct check *check)
{
	const ldns_pkt *packet = check->packet;
	const ldns_rr_list *answers = ldns_pkt_answer(packet);
	const ldns_rr *soa = ldns_rr_list_rr(ldns_pkt_authority(packet), 0);
	struct reply_view *view = check->view;

	view->rcode = (uint16_t)(ldns_pkt_get_rcode(packet) |
				 ldns_pkt_edns_extended_rcode(packet) << 4);
	view->truncated = ldns_pkt_tc(packet);
	view->authentic = ldns_pkt_ad(packet);
	view->soa = soa != NULL;
	view->soa_ttl = soa ? ldns_rr_ttl(soa) : 0;
	for (size_t i = 0; i < ldns_rr_list_rr_count(answers); i++)
		view_answer(check, ldns_rr_list_rr(answers, i));
	view_ede(check);
}

struct reply_view *reply_read(struct scene *scene, const struct asker *asker,
			      const uint8_t *wire, size_t len, const struct line *line)
{
	struct check check = {
		scene, asker, line, wire, len, NULL, scene_alloc(sizeof(*check.view))};

	check.view->ede = NG_EDE_NONE;
	if (len < NG_HEADER_LEN || asker->len < NG_HEADER_LEN) {
		untrue(&check, "a reply without a header, or to something without one");
		return check.view;
	}
	check_header(&check);
	check_question(&check);
	if (ldns_wire2pkt(&check.packet, wire, len) != LDNS_STATUS_OK) {
		untrue(&check, "ldns cannot read it");
		return check.view;
	}
	check_sections(&check);
	view_fill(&check);
	ldns_pkt_free(check.packet);
	promises_make(scene, asker, check.view, line);
	return check.view;
}

/* ---- in words ---- */

char *reply_text(const struct reply_view *view, const struct box *box)
{
	char *text = NULL, addr[NG_ADDR_TEXT];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return scene_alloc(1);
	fputs("reply", out);
	if (view->rcode || (!view->n_answers && !view->truncated))
		fprintf(out, " %s",
			!view->rcode                                    ? "empty"
			: view->rcode < N_RCODES && rcodes[view->rcode] ? rcodes[view->rcode]
									: "rcode?");
	if (view->truncated)
		fputs(" truncated", out);
	for (size_t i = 0; i < view->n_cnames; i++)
		fprintf(out, " cname %s", view->cnames[i]);
	for (size_t i = 0; i < view->n_addrs; i++)
		fprintf(out, " %s", ng_addr_format(&view->addrs[i], addr));
	if (view->n_addrs)
		fprintf(out, " ttl %u", view->ttls[0]);
	for (size_t i = 0; i < view->n_others; i++)
		fprintf(out, " rr \"%s\"", view->others[i]);
	if (view->authentic)
		fputs(" authentic", out);
	if (view->signatures)
		fputs(" signed", out);
	if (view->ede == NG_EDE_BLOCKED)
		fputs(" blocked", out);
	else if (view->ede >= 0)
		fprintf(out, " ede %d", view->ede);
	if (view->ede_text[0])
		fprintf(out, " text \"%s\"", view->ede_text);
	if (view->soa)
		fprintf(out, " soa %u", view->soa_ttl);
	if (box)
		fprintf(out, " to %s", box->spec.name);
	fclose(out);
	return text;
}

/* ---- what a clause wants ---- */

struct wanted {
	struct ng_addr addrs[NG_ADDRS_MAX];
	size_t n_addrs, n_cnames, n_others;
	uint16_t rcode;
	int ede;
	bool truncated, authentic, signatures, empty, said;
	bool whole; /* `answer` has compared the answer section */
};

static bool wanted_rcode(struct reader *reader, struct wanted *wanted)
{
	for (size_t i = 0; i < N_RCODES; i++) {
		if (!rcodes[i] || !word_accept(reader, rcodes[i]))
			continue;
		wanted->rcode = (uint16_t)i;
		return true;
	}
	return false;
}

static bool ttl_fits(struct reader *reader, const struct reply_view *view)
{
	uint32_t ttl = need_seconds(reader);

	for (size_t i = 0; i < view->n_addrs; i++) {
		if (view->ttls[i] != ttl)
			return misfit(reader, "its TTL is %u", view->ttls[i]);
	}
	return true;
}

static bool soa_fits(struct reader *reader, const struct reply_view *view)
{
	const struct word *word = word_peek(reader);

	if (!view->soa)
		return misfit(reader, "it carries no SOA");
	if (!word || word->text[0] < '0' || word->text[0] > '9')
		return true;
	return need_seconds(reader) == view->soa_ttl ||
	       misfit(reader, "the TTL of its SOA is %u", view->soa_ttl);
}

static bool cname_fits(struct reader *reader, const struct reply_view *view)
{
	struct ng_name name = need_name(reader);
	char text[NG_NAME_TEXT_MAX];

	ng_name_to_text(&name, text);
	for (size_t i = 0; i < view->n_cnames; i++) {
		if (strcasecmp(view->cnames[i], text) == 0)
			return true;
	}
	return misfit(reader, "it has no alias to %s", text);
}

static bool other_fits(struct reader *reader, const struct reply_view *view)
{
	const char *text = need_word(reader, "a record, as \"TYPE DATA\"");

	for (size_t i = 0; i < view->n_others; i++) {
		if (strcmp(view->others[i], text) == 0)
			return true;
	}
	return misfit(reader, "it has no such record");
}

/* An item that is checked where it stands: 1 it fits, 0 it does not, -1 it is no such item. */
static int item_fits(struct reader *reader, const struct seen *seen, struct wanted *wanted)
{
	const struct reply_view *view = seen->reply;

	if (word_accept(reader, "ttl"))
		return ttl_fits(reader, view);
	if (word_accept(reader, "soa"))
		return soa_fits(reader, view);
	if (word_accept(reader, "cname")) {
		wanted->n_cnames++;
		return cname_fits(reader, view);
	}
	if (word_accept(reader, "rr")) {
		wanted->n_others++;
		return other_fits(reader, view);
	}
	if (word_accept(reader, "answer")) {
		wanted->whole = wanted->said = true;
		return records_fit(reader, view);
	}
	if (word_accept(reader, "no-soa"))
		return !view->soa || misfit(reader, "it carries an SOA");
	if (word_accept(reader, "extra-text"))
		return strcmp(view->ede_text, need_word(reader, "the EDE text")) == 0 ||
		       misfit(reader, "its EDE text is \"%s\"", view->ede_text);
	if (word_accept(reader, "text"))
		return strstr(view->ede_text, need_word(reader, "a text")) != NULL ||
		       misfit(reader, "its EDE text is \"%s\"", view->ede_text);
	if (word_accept(reader, "to"))
		return seen->box == need_box(reader) ||
		       misfit(reader, "it goes to %s",
			      seen->box ? seen->box->spec.name : "a stranger");
	return -1;
}

static bool wanted_item(struct reader *reader, struct wanted *wanted)
{
	size_t n = accept_addrs(reader, wanted->addrs + wanted->n_addrs,
				NG_ADDRS_MAX - wanted->n_addrs);

	wanted->n_addrs += n;
	if (n || wanted_rcode(reader, wanted))
		wanted->said = true;
	else if (word_accept(reader, "empty"))
		wanted->empty = wanted->said = true;
	else if (word_accept(reader, "truncated"))
		wanted->truncated = wanted->said = true;
	else if (word_accept(reader, "authentic"))
		wanted->authentic = true;
	else if (word_accept(reader, "signed"))
		wanted->signatures = true;
	else if (word_accept(reader, "blocked"))
		wanted->ede = NG_EDE_BLOCKED;
	else if (word_accept(reader, "ede"))
		wanted->ede = (int)need_number(reader, "an EDE code");
	else
		return false;
	return true;
}

static bool addrs_fit(struct reader *reader, const struct wanted *wanted,
		      const struct reply_view *view)
{
	char text[NG_ADDR_TEXT];

	for (size_t i = 0; i < wanted->n_addrs; i++) {
		bool found = false;

		for (size_t j = 0; j < view->n_addrs && !found; j++)
			found = ng_addr_equal(&wanted->addrs[i], &view->addrs[j]);
		if (!found)
			return misfit(reader, "%s is not in it",
				      ng_addr_format(&wanted->addrs[i], text));
	}
	return view->n_addrs == wanted->n_addrs ||
	       misfit(reader, "it has %zu addresses", view->n_addrs);
}

static bool wanted_fits(struct reader *reader, const struct wanted *wanted,
			const struct reply_view *view)
{
	if (wanted->rcode != view->rcode)
		return misfit(reader, "its rcode is %s",
			      view->rcode < N_RCODES && rcodes[view->rcode]
				      ? rcodes[view->rcode]
				      : "another");
	if (wanted->ede != view->ede)
		return misfit(reader, view->ede < 0 ? "it carries no EDE" : "its EDE is %d",
			      view->ede);
	if (wanted->truncated != view->truncated)
		return misfit(reader, view->truncated ? "TC is set" : "TC is not set");
	if (wanted->authentic != view->authentic)
		return misfit(reader, view->authentic ? "AD is set" : "AD is not set");
	if (wanted->signatures != view->signatures)
		return misfit(reader, view->signatures ? "it is signed" : "it is not signed");
	if (wanted->whole)
		return true;
	if (wanted->n_cnames != view->n_cnames)
		return misfit(reader, "it has %zu aliases", view->n_cnames);
	if (wanted->n_others != view->n_others)
		return misfit(reader, "it has %zu records of other types", view->n_others);
	if (wanted->empty && view->n_answers)
		return misfit(reader, "it is not empty");
	return addrs_fit(reader, wanted, view);
}

bool reply_fits(struct reader *reader, const struct seen *seen)
{
	struct wanted wanted = {.ede = NG_EDE_NONE};

	while (word_peek(reader) && !reader->scene->stopped) {
		int fits = item_fits(reader, seen, &wanted);

		if (!fits)
			return false;
		if (fits < 0 && !wanted_item(reader, &wanted))
			words_done(reader);
	}
	if (!wanted.said && !wanted.n_cnames && !wanted.n_others)
		word_bad(reader, "a reply of what? addresses, `empty`, `nxdomain` …");
	return !reader->scene->stopped && wanted_fits(reader, &wanted, seen->reply);
}
