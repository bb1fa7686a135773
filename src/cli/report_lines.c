/* What the parts of a report have in common: long tables, names of rules, sandboxes that are alike. */
#include "config.h"
#include "cli/report.h"

#include "offline/explain_words.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- long tables ---- */

void report_lines_row(struct report_lines *lines, const char *const *cells)
{
	if (lines->n == 0)
		doc_table(lines->doc, lines->heads);
	/* a fold for one or two rows would hide more than it spares */
	if (lines->n == REPORT_SHOWN && lines->total > REPORT_SHOWN + 2) {
		doc_table_end(lines->doc);
		doc_fold(lines->doc, "%zu more %s", lines->total - REPORT_SHOWN, lines->what);
		doc_table(lines->doc, lines->heads);
	}
	if (lines->n++ < REPORT_MOST)
		doc_row(lines->doc, cells);
}

void report_lines_end(struct report_lines *lines)
{
	if (lines->n == 0)
		return;
	doc_table_end(lines->doc);
	if (lines->n > REPORT_MOST)
		doc_paragraph(lines->doc, "%zu more %s are counted and not shown.",
			      lines->n - REPORT_MOST, lines->what);
	if (lines->n > REPORT_SHOWN && lines->total > REPORT_SHOWN + 2)
		doc_fold_end(lines->doc);
	lines->n = 0;
}

/* ---- words ---- */

const char *report_owner(const struct ng_name *owner, bool wildcard,
			 char out[static REPORT_OWNER])
{
	char text[NG_NAME_TEXT_MAX];
	if (wildcard && owner->len == 1)
		snprintf(out, REPORT_OWNER, "*");
	else
		snprintf(out, REPORT_OWNER, "%s%s", wildcard ? "*." : "",
			 ng_name_to_text(owner, text));
	return out;
}

const char *report_ports(const struct ng_port *ports, size_t n, char *out, size_t size)
{
	size_t at = 0;
	snprintf(out, size, "all");
	for (size_t i = 0; i < n && at < size; i++) {
		int len = ports[i].proto == 0
				  ? snprintf(out + at, size - at, "all")
				  : snprintf(out + at, size - at, "%s%u/%s", i > 0 ? ", " : "",
					     ports[i].port,
					     ports[i].proto == IPPROTO_UDP ? "udp" : "tcp");
		at += len > 0 ? (size_t)len : 0;
	}
	return out;
}

/* ---- alike ---- */

static bool scopes_alike(const struct ng_policy *a, const struct ng_policy *b)
{
	for (size_t scope = 0; scope < NG_SCOPES; scope++) {
		uint8_t n = a->scopes[scope].n;
		if (n != b->scopes[scope].n ||
		    memcmp(a->scopes[scope].sources, b->scopes[scope].sources,
			   n * sizeof(a->scopes[scope].sources[0])) != 0)
			return false;
	}
	return true;
}

static bool alike(const struct setup *setup, size_t a, size_t b)
{
	const struct ng_sandbox *one = &setup->specs[a], *other = &setup->specs[b];
	return one->mode == other->mode && scopes_alike(&one->policy, &other->policy) &&
	       !explain_watches_clients(&one->policy) && one->n_opened == other->n_opened &&
	       memcmp(one->opened, other->opened, one->n_opened * sizeof(one->opened[0])) ==
		       0 &&
	       setup->sandboxes[a].grants.n_statics == setup->sandboxes[b].grants.n_statics;
}

size_t *report_alike(const struct setup *setup)
{
	size_t *of = calloc(setup->n_sandboxes + 1, sizeof(*of));
	for (size_t i = 0; of != NULL && i < setup->n_sandboxes; i++) {
		of[i] = i;
		for (size_t first = 0; first < i; first++) {
			if (of[first] == first && alike(setup, first, i)) {
				of[i] = first;
				break;
			}
		}
	}
	return of;
}

const char *report_names(const struct setup *setup, const size_t *of, size_t i, char *out,
			 size_t size)
{
	size_t said = 0, more = 0, at = 0;
	for (size_t j = i; j < setup->n_sandboxes; j++) {
		if (of[j] != i)
			continue;
		if (said == 3 || at + NG_SANDBOX_NAME_MAX + 32 > size) {
			more++;
			continue;
		}
		at += (size_t)snprintf(out + at, size - at, "%s%s", said++ > 0 ? ", " : "",
				       setup->specs[j].name);
	}
	if (more > 0)
		snprintf(out + at, size - at, " and %zu more", more);
	return out;
}
