/*
 * The answer section of a reply as a whole: each record with owner, TTL, type and data, as an
 * independent reader sees them. Addresses and aliases are text; the data of every other type is
 * hexadecimal, which has no two spellings.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

static void data_plain(FILE *out, const ldns_rr *rr)
{
	ldns_rdf *data = ldns_rr_rdf(rr, 0);
	char *text = ldns_rdf2str(data);
	size_t len = text ? strlen(text) : 0;

	if (ldns_rdf_get_type(data) == LDNS_RDF_TYPE_DNAME && len > 1)
		len--; /* the dot at the end */
	fprintf(out, " %.*s", (int)len, text ? text : "");
	free(text);
}

static void data_octets(FILE *out, const ldns_rr *rr)
{
	ldns_buffer *buffer = ldns_buffer_new(512);
	size_t len = 0;

	if (buffer && ldns_rr_rdata2buffer_wire(buffer, rr) == LDNS_STATUS_OK)
		len = ldns_buffer_position(buffer);
	fputc(' ', out);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", ldns_buffer_read_u8_at(buffer, i));
	ldns_buffer_free(buffer);
}

static char *record_line(const ldns_rr *rr)
{
	char *owner = ldns_rdf2str(ldns_rr_owner(rr)), type[16], *text = NULL;
	uint16_t number = (uint16_t)ldns_rr_get_type(rr);
	size_t len = owner ? strlen(owner) : 0, room;
	FILE *out = open_memstream(&text, &room);

	if (!out) {
		free(owner);
		return scene_alloc(1);
	}
	fprintf(out, "%.*s %u %s", (int)(len > 1 ? len - 1 : len), owner ? owner : "",
		ldns_rr_ttl(rr), ng_type_text(number, type));
	free(owner);
	if (ldns_rr_rd_count(rr) == 1 && (number == NG_TYPE_A || number == NG_TYPE_AAAA ||
					  number == NG_TYPE_CNAME || number == NG_TYPE_DNAME))
		data_plain(out, rr);
	else
		data_octets(out, rr);
	fclose(out);
	return text;
}

void records_take(struct reply_view *view, const ldns_rr *rr)
{
	if (view->n_records < NG_ANSWER_RRS_MAX)
		view->records[view->n_records++] = record_line(rr);
}

void records_free(struct reply_view *view)
{
	while (view->n_records)
		free(view->records[--view->n_records]);
}

static bool record_there(const struct reply_view *view, const char *line,
			 bool taken[NG_ANSWER_RRS_MAX])
{
	for (size_t i = 0; i < view->n_records; i++) {
		if (taken[i] || strcmp(view->records[i], line) != 0)
			continue;
		taken[i] = true;
		return true;
	}
	return false;
}

bool records_fit(struct reader *reader, const struct reply_view *view)
{
	bool taken[NG_ANSWER_RRS_MAX] = {0};
	size_t n = 0;

	for (; word_peek(reader) && word_peek(reader)->quoted; n++) {
		const char *line = word_next(reader)->text;

		if (!record_there(view, line, taken))
			return misfit(reader, "it has no record `%s`", line);
	}
	for (size_t i = 0; i < view->n_records; i++) {
		if (!taken[i])
			return misfit(reader, "it has the record `%s` besides",
				      view->records[i]);
	}
	return true;
}
