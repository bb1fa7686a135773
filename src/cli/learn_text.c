/*
 * The proposal as a host list that says of each line why it stands there, and of each name that has
 * none why not. Everything that a sandbox or a file chose goes into comments as printable ASCII on one
 * line: nothing of it can become an entry, or move a terminal's cursor.
 */
#include "config.h"

#define HASH_NONFATAL_OOM 1 /* before anything that includes uthash.h */
#include "cli/learn.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define ASIDE_SHOWN  200 /* names of one reason */
#define PLACES_SHOWN 40

/* ---- what is proposed ---- */

/* The domain under which the line stands; len 0: none. */
static struct ng_name domain_of(const struct learn_list *list, const struct learn_line *line)
{
	const struct learn_name *first = &list->names[line->begin];
	struct ng_name domain = first->name;
	while (first->registered != 0 && domain.len > first->registered)
		(void)ng_name_parent(&domain);
	domain.len = first->registered != 0 ? domain.len : 0;
	return domain;
}

/* Rules that the file has already, by their names: an asterisk label begins those of wildcards. */
struct said {
	struct ng_name name;
	UT_hash_handle hh;
};

static void said_free(struct said *said)
{
	struct said *one, *next;
	HASH_ITER (hh, said, one, next) {
		HASH_DEL(said, one);
		free(one);
	}
}

/* True when it was said before. */
static bool said_add(struct said **said, const struct ng_name *owner, bool wildcard)
{
	struct ng_name name = {.len = 0};
	struct said *one;
	size_t more = wildcard ? 2 : 0;
	if (owner->len + more > NG_NAME_MAX)
		return false; /* a wildcard that nothing can be below */
	if (wildcard)
		memcpy(name.wire, "\1*", 2);
	memcpy(name.wire + more, owner->wire, owner->len);
	name.len = (uint8_t)(owner->len + more);
	HASH_FIND(hh, *said, name.wire, name.len, one);
	if (one != NULL)
		return true;
	one = calloc(1, sizeof(*one));
	if (one == NULL)
		return false;
	one->name = name;
	HASH_ADD_KEYPTR(hh, *said, one->name.wire, one->name.len, one);
	if (one->hh.tbl == NULL)
		free(one);
	return false;
}

static bool said_before(struct said **said, const struct learn_line *line)
{
	bool exact = !line->wildcard || line->apex, before = false;
	if (line->state != LEARN_TAKE)
		return false;
	if (exact)
		before = said_add(said, &line->owner, false);
	if (line->wildcard)
		before |= said_add(said, &line->owner, true);
	return before;
}

static void print_line(const struct learn_call *call, const struct learn_list *list,
		       const struct learn_line *line, struct said **said, FILE *to)
{
	char text[LEARN_LINE_TEXT];
	const char *mark = line->state != LEARN_TAKE ? "#-"
			   : said_before(said, line) ? "#="
						     : "";
	fprintf(to, "%s%s  # ", mark, learn_line_text(list, line, text));
	learn_print_evidence(call, list, line, to);
	putc('\n', to);
	learn_print_notes(list, line, "#   ", to);
}

/* How many lines from at on stand under the same domain. */
static size_t same_domain(const struct learn_list *list, size_t at)
{
	struct ng_name domain = domain_of(list, &list->lines[at]), other;
	size_t n = 1;
	for (; domain.len != 0 && at + n < list->n_lines; n++) {
		other = domain_of(list, &list->lines[at + n]);
		if (other.len == 0 || !ng_name_equal(&other, &domain))
			break;
	}
	return n;
}

/* Several of one domain stand together under its name. */
static void print_lines(const struct learn_call *call, const struct learn_list *list,
			struct said **said, FILE *to)
{
	bool apart = true;
	for (size_t at = 0; at < list->n_lines;) {
		struct ng_name domain = domain_of(list, &list->lines[at]);
		size_t n = same_domain(list, at);
		fputs(apart || n > 1 ? "\n" : "", to);
		if (n > 1) {
			fputs("# ", to);
			learn_print_name(&domain, to);
			putc('\n', to);
		}
		for (size_t end = at + n; at < end; at++)
			print_line(call, list, &list->lines[at], said, to);
		apart = n > 1;
	}
}

/* ---- what is not ---- */

static void print_aside(const struct learn_call *call, const struct learn_name *name, FILE *to)
{
	const struct learn_evidence *evidence = &name->evidence;
	const struct {
		uint64_t n;
		const char *what;
	} counts[] = {{evidence->asked, "asked"},
		      {evidence->answered, "answered"},
		      {evidence->denied, "denied"},
		      {evidence->empty, "empty"},
		      {evidence->failed, "failed"}};
	fputs("#   ", to);
	learn_print_name(&name->name, to);
	if (name->why == LEARN_PRIVATE) {
		fputs(" private=", to);
		learn_print_private(evidence, to);
	}
	fputs("  ", to);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i].n > 0)
			fprintf(to, "%s %llu, ", counts[i].what,
				(unsigned long long)counts[i].n);
	learn_print_times(evidence, to);
	fputs("; ", to);
	learn_print_who(call->learn, name->who, name->n_who, to);
	if (name->rule != NULL) {
		fputs("; ", to);
		learn_print_plain(name->rule, to);
	}
	putc('\n', to);
}

/* Those from at on that have the same reason; returns how many. */
static size_t print_reason(const struct learn_call *call, const struct learn_list *list,
			   size_t at, FILE *to)
{
	enum learn_why why = list->names[at].why;
	size_t n = 0;
	while (at + n < list->n && list->names[at + n].why == why)
		n++;
	if (why == LEARN_KNOWN)
		return n;
	fprintf(to, "\n# Not proposed: %s (%zu)\n", learn_why_text(why), n);
	for (size_t i = 0; i < n && i < ASIDE_SHOWN; i++)
		print_aside(call, &list->names[at + i], to);
	if (n > ASIDE_SHOWN)
		fprintf(to, "#   and %zu more; --json has all of them\n", n - ASIDE_SHOWN);
	return n;
}

static void print_place(const struct learn_call *call, const struct learn_place *place,
			FILE *to)
{
	char text[NG_ADDR_TEXT];
	bool ports = place->key.proto == IPPROTO_TCP || place->key.proto == IPPROTO_UDP;
	bool six = ports && place->key.addr.family == NG_IPV6;
	fprintf(to, "#   %s%s%s", six ? "[" : "", ng_addr_format(&place->key.addr, text),
		six ? "]" : "");
	if (ports)
		fprintf(to, ":%u%s", place->key.port,
			place->key.proto == IPPROTO_UDP ? "/udp" : "");
	fputs("  ", to);
	learn_print_plain(learn_person(call->learn, place->key.person)->name, to);
	if (place->count > 0) {
		fputs(", ", to);
		learn_print_count(place->count, "time", "times", to);
	}
	if (place->blocked > 0)
		fprintf(to, "; %llu packets did not pass", (unsigned long long)place->blocked);
	else if (place->key.proto == IPPROTO_TCP && place->back == 0)
		fputs("; nothing is known to have come back", to);
	putc('\n', to);
}

/* Of one person, or of all (0). */
static void print_places(const struct learn_call *call, uint32_t person, FILE *to)
{
	size_t n, shown = 0, left = 0;
	const struct learn_place *const *places = learn_places(call->learn, &n);
	for (size_t i = 0; i < n; i++) {
		if (person != 0 && places[i]->key.person != person)
			continue;
		if (shown == 0)
			fputs("\n# Destinations that no recorded answer gave; whether to open "
			      "one is for a person to say:\n",
			      to);
		if (shown++ < PLACES_SHOWN)
			print_place(call, places[i], to);
		else
			left++;
	}
	if (left > 0)
		fprintf(to, "#   and %zu more; --json has all of them\n", left);
}

/* ---- the whole ---- */

static void print_sources(const struct learn_call *call, FILE *to)
{
	fputs("# From: ", to);
	for (size_t i = 0; i < call->captures.n; i++) {
		fputs(i > 0 ? ", " : "", to);
		learn_print_plain(call->captures.paths[i], to);
	}
	putc('\n', to);
	captures_print(traffic_counts(call->traffic), "# ", to);
	if (learn_strangers(call->learn) > 0)
		fprintf(to, "# left out: %llu observations of others\n",
			(unsigned long long)learn_strangers(call->learn));
	if (learn_places_lost(call->learn) > 0)
		fprintf(to,
			"# left out: %llu packets to further destinations, for want of "
			"room\n",
			(unsigned long long)learn_places_lost(call->learn));
}

static void print_baselines(const struct learn_call *call, FILE *to)
{
	for (size_t i = 0; i < call->wish.n_baselines; i++) {
		fputs("# Left out: ", to);
		learn_print_count(call->judged[i].left_out, "name that ", "names that ", to);
		learn_print_plain(call->judged[i].title, to);
		fputs(" allows already\n", to);
	}
}

static void print_left_out(const struct learn_call *call, uint32_t only, FILE *to)
{
	for (uint32_t id = 1; id <= learn_people(call->learn); id++) {
		const struct learn_person *person = learn_person(call->learn, id);
		if (person->left_out == 0 || (only != 0 && id != only))
			continue;
		fprintf(to, "# left out: %llu look-ups of further names of ",
			(unsigned long long)person->left_out);
		learn_print_plain(person->name, to);
		fprintf(to, ", for want of room%s\n",
			person->bars_lost ? "; there are no wildcards therefore" : "");
	}
}

static void print_list(const struct learn_call *call, const struct learn_list *list,
		       struct said **said, FILE *to)
{
	size_t names = 0, lines = 0;
	for (size_t i = 0; i < list->n_lines; i++) {
		if (list->lines[i].state != LEARN_TAKE)
			continue;
		names += list->lines[i].end - list->lines[i].begin;
		lines++;
	}
	if (call->split) {
		fputs("\n# ==== sandbox ", to);
		learn_print_plain(learn_person(call->learn, list->wish->person)->name, to);
		fputs(" ====\n", to);
	}
	fputs("# Lines: ", to);
	fprintf(to, "%zu for ", lines);
	learn_print_count(names, "name in use\n", "names in use\n", to);
	print_left_out(call, list->wish->person, to);
	print_lines(call, list, said, to);
	for (size_t at = list->n_used; at < list->n;)
		at += print_reason(call, list, at, to);
	print_places(call, list->wish->person, to);
}

void learn_print(const struct learn_call *call, FILE *to)
{
	struct said *said = NULL;
	fputs("# Proposed by namegate learn: read it before you use it.\n", to);
	print_sources(call, to);
	if (call->wish.wildcard > 0)
		fprintf(to, "# Wildcards: where %zu names or more stand below one\n",
			call->wish.wildcard);
	print_baselines(call, to);
	if (call->split)
		fputs("# Each section is a list of its own, to be put into its own file; #= "
		      "marks a "
		      "line of which\n# an earlier section speaks, and is taken off there.\n",
		      to);
	if (call->review)
		fputs("# A person went through it; #- marks what was not taken.\n", to);
	for (size_t i = 0; i < call->n_lists; i++)
		print_list(call, &call->lists[i], &said, to);
	said_free(said);
}
