/* Evidence in words, as comments of a list and a terminal show it. */
#include "config.h"

#include "cli/learn.h"
#include "cli/when.h"

#include <netinet/in.h>
#include <string.h>

#define NAMES_SHOWN 3 /* that a wildcard covers */

void learn_print_plain(const char *text, FILE *to)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		if (*at >= ' ' && *at < 0x7f)
			putc(*at, to);
		else
			fprintf(to, "\\%03u", *at);
	}
}

void learn_print_name(const struct ng_name *name, FILE *to)
{
	char text[NG_NAME_TEXT_MAX];
	learn_print_plain(ng_name_to_text(name, text), to);
}

void learn_print_count(uint64_t n, const char *one, const char *many, FILE *to)
{
	fprintf(to, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}

void learn_print_times(const struct learn_evidence *evidence, FILE *to)
{
	char first[WHEN_TEXT], last[WHEN_TEXT];
	when_text(evidence->first_us / 1000000, first);
	when_text(evidence->last_us / 1000000, last);
	fprintf(to, "%s", first);
	if (strcmp(first, last) != 0)
		fprintf(to, " to %s", last);
}

void learn_print_who(const struct learn *learn, const uint32_t *who, uint32_t n, FILE *to)
{
	for (uint32_t i = 0; i < n && i < LEARN_WHO_MAX; i++) {
		fputs(i > 0 ? ", " : "", to);
		learn_print_plain(learn_person(learn, who[i])->name, to);
	}
	if (n > LEARN_WHO_MAX)
		fprintf(to, " and %u more", n - LEARN_WHO_MAX);
}

static const char *proto_text(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : "tcp";
}

static void print_ports(const struct learn_evidence *evidence, FILE *to)
{
	for (size_t i = 0; i < evidence->n_ports; i++) {
		const struct learn_port *port = &evidence->ports[i];
		fprintf(to, "%s%u/%s ", i > 0 ? ", " : "; ", port->port.port,
			proto_text(port->port.proto));
		learn_print_count(port->count, "time", "times", to);
		if (!learn_port_used(port))
			fputs(" in vain", to);
	}
	if (evidence->ports_lost)
		fputs(" and others", to);
}

/* Why a line has no ports, when it has none. */
static const char *portless(const struct learn_line *line,
			    const struct learn_evidence *evidence)
{
	bool used = false;
	for (size_t i = 0; i < evidence->n_ports; i++)
		used |= learn_port_used(&evidence->ports[i]);
	if (line->portless)
		return "all ports, as a person said";
	if (!evidence->addressed)
		return "no address was given";
	if (!used)
		return "no connection is known, so all ports";
	if (evidence->unseen)
		return "not all connections are known, so all ports";
	return "more ports than a rule may name, so all";
}

static void print_covered(const struct learn_list *list, const struct learn_line *line,
			  FILE *to)
{
	size_t n = line->end - line->begin;
	fprintf(to, "%zu names: ", n);
	for (size_t i = 0; i < n && i < NAMES_SHOWN; i++) {
		fputs(i > 0 ? ", " : "", to);
		learn_print_name(&list->names[line->begin + i].name, to);
	}
	if (n > NAMES_SHOWN)
		fprintf(to, " and %zu more", n - NAMES_SHOWN);
	fputs("; ", to);
}

void learn_print_evidence(const struct learn_call *call, const struct learn_list *list,
			  const struct learn_line *line, FILE *to)
{
	struct learn_evidence evidence;
	struct learn_bounds bounds;
	uint32_t who[LEARN_WHO_MAX];
	uint32_t n = learn_line_evidence(list, line, &evidence, who);
	learn_line_bounds(list, line, &bounds);
	if (line->wildcard)
		print_covered(list, line, to);
	learn_print_count(evidence.answered, "answer", "answers", to);
	fputs(", ", to);
	learn_print_times(&evidence, to);
	fputs("; ", to);
	learn_print_who(call->learn, who, n, to);
	print_ports(&evidence, to);
	if (bounds.n_ports == 0)
		fprintf(to, "; %s", portless(line, &evidence));
}

void learn_print_private(const struct learn_evidence *evidence, FILE *to)
{
	char text[NG_ADDR_TEXT];
	for (size_t i = 0; i < evidence->n_privates; i++)
		fprintf(to, "%s%s", i > 0 ? "," : "",
			ng_addr_format(&evidence->privates[i].addr, text));
}

void learn_print_notes(const struct learn_list *list, const struct learn_line *line,
		       const char *before, FILE *to)
{
	struct learn_evidence evidence;
	struct learn_bounds bounds;
	uint32_t who[LEARN_WHO_MAX];
	(void)learn_line_evidence(list, line, &evidence, who);
	learn_line_bounds(list, line, &bounds);
	if (evidence.n_privates > 0) {
		fprintf(to,
			"%sits answers held private addresses, which stay closed; if they "
			"are meant, add private=",
			before);
		learn_print_private(&evidence, to);
		fprintf(to, "%s\n", evidence.privates_lost ? " (there were more)" : "");
	}
	if (evidence.never)
		fprintf(to, "%san answer held an address that nothing opens\n", before);
	if (bounds.types_cut)
		fprintf(to, "%smore types were answered than a rule may name\n", before);
	if (evidence.blocked > 0) {
		fputs(before, to);
		learn_print_count(evidence.blocked, "packet", "packets", to);
		fputs(" to its addresses did not pass\n", to);
	}
}
