/* Words for verdicts, bounds, places and counts, the same in each format. */
#include "config.h"

#include "cli/diff.h"

#include <namegate/message.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

const char *const diff_scopes[NG_SCOPES] = {[NG_SCOPE_GLOBAL] = "global",
					    [NG_SCOPE_GROUP] = "group",
					    [NG_SCOPE_SANDBOX] = "sandbox"};
const char *const diff_actions[] = {
	[NG_ACTION_NXDOMAIN] = "deny",
	[NG_ACTION_NODATA] = "deny (no data)",
	[NG_ACTION_PASSTHRU] = "allow",
	[NG_ACTION_ASK] = "ask",
	[NG_ACTION_DROP] = "deny (drop)",
	[NG_ACTION_TCP_ONLY] = "allow (over TCP)",
	[NG_ACTION_LOCAL] = "allow (own records)",
};
const char *const diff_verdicts[] = {
	[NG_DENY] = "deny", [NG_ASK] = "ask", [NG_ALLOW] = "allow"};

/* Text that grows in a buffer and is cut at its end. */
struct text {
	char *at;
	size_t room;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *text, const char *form, ...)
{
	va_list args;
	va_start(args, form);
	int n = vsnprintf(text->at, text->room, form, args);
	va_end(args);
	size_t used = n < 0 ? 0 : (size_t)n < text->room ? (size_t)n : text->room - 1;
	text->at += used;
	text->room -= used;
}

const char *diff_counts(const size_t counts[static DIFF_NOUNS], char buf[static 256])
{
	static const char *const nouns[DIFF_NOUNS][2] = {
		[DIFF_A_NAME] = {"name", "names"},
		[DIFF_A_RULE] = {"rule", "rules"},
		[DIFF_A_PREFIX] = {"prefix", "prefixes"},
		[DIFF_AN_ADDRESS] = {"address", "addresses"},
		[DIFF_A_MODE] = {"mode", "modes"},
		[DIFF_A_SANDBOX] = {"sandbox", "sandboxes"},
		[DIFF_A_ZONE] = {"zone", "zones"},
		[DIFF_A_SETTING] = {"setting", "settings"},
	};
	struct text text = {buf, 256};
	buf[0] = '\0';
	for (size_t i = 0; i < DIFF_NOUNS; i++) {
		if (counts[i] > 0)
			put(&text, "%s%zu %s", text.at > buf ? ", " : "", counts[i],
			    nouns[i][counts[i] != 1]);
	}
	return buf;
}

const char *diff_sign(unsigned sense)
{
	bool opens = (sense & DIFF_WIDENS) != 0, closes = (sense & DIFF_NARROWS) != 0;
	return opens && closes ? "*" : opens ? "+" : closes ? "-" : sense != 0 ? "~" : " ";
}

const char *diff_fate(bool old, bool new, bool same_scope)
{
	return !old ? "added" : !new ? "removed" : same_scope ? "changed" : "moved";
}

/* ---- names ---- */

static const char *below_text(const struct ng_name *owner, unsigned depth,
			      char buf[static DIFF_OWNER_MAX])
{
	struct text text = {buf, DIFF_OWNER_MAX};
	char name[NG_NAME_TEXT_MAX];
	buf[0] = '\0';
	for (unsigned i = 0; i < depth; i++)
		put(&text, "%s*", i > 0 ? "." : "");
	if (depth == 0 || owner->len > 1)
		put(&text, "%s%s", depth > 0 ? "." : "", ng_name_to_text(owner, name));
	return buf;
}

const char *diff_name_text(const struct diff_name_row *row, char buf[static DIFF_OWNER_MAX])
{
	return below_text(&row->owner, row->depth, buf);
}

const char *diff_rule_text(const struct diff_rule_row *row, char buf[static DIFF_OWNER_MAX])
{
	return below_text(&row->owner, row->wildcard, buf);
}

/* ---- bounds ---- */

const char *diff_ports_text(const struct ng_bounds *bounds, char buf[static 256])
{
	struct text text = {buf, 256};
	for (uint8_t i = 0; i < bounds->n_ports; i++)
		put(&text, "%s%s/%u", i > 0 ? "," : "",
		    bounds->ports[i].proto == 17 ? "udp" : "tcp",
		    (unsigned)bounds->ports[i].port);
	return bounds->n_ports > 0 ? buf : NULL;
}

const char *diff_types_text(const struct ng_bounds *bounds, char buf[static 256])
{
	struct text text = {buf, 256};
	char type[16];
	for (uint8_t i = 0; i < bounds->n_types; i++)
		put(&text, "%s%s", i > 0 ? "," : "", ng_type_text(bounds->types[i], type));
	return bounds->n_types > 0 ? buf : NULL;
}

const char *diff_opened_text(const struct ng_bounds *bounds, char buf[static 256])
{
	struct text text = {buf, 256};
	char prefix[NG_PREFIX_TEXT];
	for (uint8_t i = 0; i < bounds->n_opened; i++)
		put(&text, "%s%s", i > 0 ? "," : "",
		    ng_prefix_format(&bounds->opened[i], prefix));
	return bounds->n_opened > 0 ? buf : NULL;
}

const char *diff_time_text(uint64_t time_s, char buf[static 32])
{
	time_t time = (time_t)time_s;
	struct tm tm;
	buf[0] = '\0';
	if (gmtime_r(&time, &tm) != NULL)
		strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

static void put_bounds(struct text *text, const struct ng_bounds *bounds)
{
	char words[256];
	const char *ports = diff_ports_text(bounds, words);
	put(text, " %s", ports != NULL ? ports : "all ports");
	if (diff_types_text(bounds, words) != NULL)
		put(text, " types %s", words);
	if (diff_opened_text(bounds, words) != NULL)
		put(text, " private %s", words);
	if (bounds->lease_max_s != 0)
		put(text, " lease-max %u s", (unsigned)bounds->lease_max_s);
	if (bounds->strict)
		put(text, " cname=strict");
}

const char *diff_view_says(const struct diff_view *view, char buf[static DIFF_SAYS_MAX])
{
	struct text text = {buf, DIFF_SAYS_MAX};
	put(&text, "%s",
	    view->closed    ? "deny (closed)"
	    : view->matched ? diff_actions[view->match.action]
			    : "deny (no rule)");
	if (view->verdict != NG_DENY)
		put_bounds(&text, &view->bounds);
	return buf;
}

const char *diff_match_says(const struct ng_match *match, const struct ng_bounds *bounds,
			    uint64_t until_s, char buf[static DIFF_SAYS_MAX])
{
	struct text text = {buf, DIFF_SAYS_MAX};
	char end[32];
	put(&text, "%s", diff_actions[match->action]);
	if (bounds != NULL && match->action >= NG_ACTION_PASSTHRU &&
	    match->action != NG_ACTION_DROP)
		put_bounds(&text, bounds);
	if (until_s != 0)
		put(&text, " until %s", diff_time_text(until_s, end));
	if (match->disabled)
		put(&text, " (disabled)");
	return buf;
}

/* ---- places ---- */

const char *diff_match_place(const struct ng_match *match, enum ng_scope scope,
			     char buf[static DIFF_PLACE_MAX])
{
	snprintf(buf, DIFF_PLACE_MAX, "%s:%u (%s)", match->path, (unsigned)match->line,
		 diff_scopes[scope]);
	return buf;
}

const char *diff_view_place(const struct diff_view *view, char buf[static DIFF_PLACE_MAX])
{
	if (view->closed || !view->matched) {
		snprintf(buf, DIFF_PLACE_MAX, "%s", view->closed ? "closed" : "no rule");
		return buf;
	}
	return diff_match_place(&view->match, view->scope, buf);
}
