/*
 * An entry, taken apart: its mark, its name or address, its ports. And what is not taken.
 *
 * Lists in the wild hold more than a name policy can say. Guessing what an entry meant would open
 * more, or less, than its author wrote; so an entry is taken with its exact meaning or refused
 * with its place, and the refusals below name what they saw. They are a table, asked in order: the
 * first that recognises an entry speaks.
 */
#include "config.h"

#include "policy/list_entry.h"

#include <stdio.h>
#include <string.h>

const char *entry_shown(const char *text, size_t len, char buf[static LIST_SHOWN])
{
	size_t n = len < LIST_SHOWN - 4 ? len : LIST_SHOWN - 4;
	for (size_t i = 0; i < n; i++)
		buf[i] = text[i] > ' ' && text[i] < 0x7f ? text[i] : '?';
	strcpy(buf + n, n < len ? "..." : "");
	return buf;
}

void entry_refuse(struct ng_diags *diags, const struct entry *entry, const char *code,
		  const char *suggestion, const char *reason)
{
	char text[LIST_SHOWN];
	size_t len = entry->ports != NULL
			     ? (size_t)(entry->ports - entry->text) + entry->ports_len
			     : entry->len;
	ng_diag_add(diags, NG_ERROR, &entry->place, code, suggestion, "%s %s",
		    entry_shown(entry->text, len, text), reason);
}

static bool holds(const struct entry *entry, const char *set)
{
	for (size_t i = 0; i < entry->len; i++) {
		if (entry->text[i] != '\0' && strchr(set, entry->text[i]) != NULL)
			return true;
	}
	return false;
}

/* The host part of an entry that is too long by something: without scheme, port and path. */
static struct entry host_of(const struct entry *entry)
{
	struct entry host = *entry;
	const char *scheme = memmem(host.text, host.len, "://", 3);
	if (scheme != NULL) {
		host.len -= (size_t)(scheme + 3 - host.text);
		host.text = scheme + 3;
	}
	size_t n = 0;
	while (n < host.len && strchr("/:?#", host.text[n]) == NULL)
		n++;
	host.len = n;
	return host;
}

static const char *advise_host(const struct entry *entry, char buf[static LIST_ADVICE])
{
	char text[LIST_SHOWN];
	struct entry host = host_of(entry);
	if (host.len == 0)
		return "write the host name alone";
	snprintf(buf, LIST_ADVICE, "to name the whole host, write %s",
		 entry_shown(host.text, host.len, text));
	return buf;
}

/* ---- ports ---- */

/* "443" or "443/udp"; NULL, or what is wrong. */
static const char *read_port(const char *text, size_t len, struct ng_port *out)
{
	size_t n = 0;
	uint32_t number = 0;
	for (; n < len && n < 6 && text[n] >= '0' && text[n] <= '9'; n++)
		number = number * 10 + (uint32_t)(text[n] - '0');
	if (n == 0 || (n < len && text[n] != '/'))
		return "has a port that is not a number";
	if (number == 0 || number > UINT16_MAX)
		return "has a port that is not from 1 to 65535";
	bool tcp = n == len || (len - n == 4 && memcmp(text + n, "/tcp", 4) == 0);
	if (!tcp && (len - n != 4 || memcmp(text + n, "/udp", 4) != 0))
		return "has something behind its port that is neither /tcp nor /udp";
	*out = (struct ng_port){tcp ? 6 : 17, (uint16_t)number};
	return NULL;
}

static const char *add_port(struct ng_bounds *bounds, const struct ng_port *port)
{
	for (uint8_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port->proto &&
		    bounds->ports[i].port == port->port)
			return NULL;
	}
	if (bounds->n_ports == NG_PORTS_MAX)
		return "has more ports than a rule may name";
	bounds->ports[bounds->n_ports++] = *port;
	return NULL;
}

static const char *read_ports(struct entry *entry)
{
	for (size_t at = 0; at <= entry->ports_len;) {
		const char *word = entry->ports + at;
		const char *comma = memchr(word, ',', entry->ports_len - at);
		size_t n = comma != NULL ? (size_t)(comma - word) : entry->ports_len - at;
		struct ng_port port;
		const char *wrong = read_port(word, n, &port);
		if (wrong == NULL)
			wrong = add_port(&entry->bounds, &port);
		if (wrong != NULL)
			return wrong;
		at += n + 1;
	}
	return NULL;
}

/* "host:8443/x" is a URL without its scheme. */
static bool ports_are_path(const struct entry *entry)
{
	const char *slash = memchr(entry->ports, '/', entry->ports_len);
	if (slash == NULL)
		return false;
	size_t rest = entry->ports_len - (size_t)(slash - entry->ports);
	return rest < 4 || (memcmp(slash, "/tcp", 4) != 0 && memcmp(slash, "/udp", 4) != 0);
}

bool entry_ports(struct entry *entry, struct ng_diags *diags)
{
	char advice[LIST_ADVICE];
	if (entry->ports == NULL)
		return true;
	if (ports_are_path(entry)) {
		entry_refuse(diags, entry, "list-path", advise_host(entry, advice),
			     "has a path; a name policy sees the host name only");
		return false;
	}
	const char *wrong = read_ports(entry);
	if (wrong != NULL)
		entry_refuse(diags, entry, "list-port",
			     "write name:443, name:443/udp or name:80,443; without a port all "
			     "are open",
			     wrong);
	return wrong == NULL;
}

/* ---- addresses ---- */

/* Splits at the colon behind len octets of text; false when something else stands there. */
static bool cut_ports(struct entry *entry, size_t len)
{
	if (len == entry->len)
		return true;
	if (entry->text[len] != ':')
		return false;
	entry->ports = entry->text + len + 1;
	entry->ports_len = entry->len - len - 1;
	entry->len = len;
	return true;
}

static size_t count(const struct entry *entry, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < entry->len; i++)
		n += entry->text[i] == c;
	return n;
}

/* The address or prefix in len octets of text. NG_E_FORMAT: it is none. */
static int read_prefix(const char *text, size_t len, struct ng_prefix *out)
{
	char copy[NG_PREFIX_TEXT];
	if (len >= sizeof(copy))
		return NG_E_FORMAT;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return strlen(copy) == len ? ng_prefix_parse(copy, out) : NG_E_FORMAT;
}

/* [2001:db8::1]:443, 192.0.2.7, 10.20.0.0/16:5432, 2001:db8::/32: NG_E_FORMAT when it is no address. */
static int split_address(struct entry *entry)
{
	const char *bracket = memchr(entry->text, ']', entry->len);
	if (entry->len > 0 && entry->text[0] == '[') {
		size_t len = bracket != NULL ? (size_t)(bracket - entry->text) : 0;
		if (len == 0 || !cut_ports(entry, len + 1))
			return NG_E_FORMAT;
		int code = read_prefix(entry->text + 1, len - 1, &entry->prefix);
		return code == NG_OK && entry->prefix.addr.family != NG_IPV6 ? NG_E_FORMAT
									     : code;
	}
	if (count(entry, ':') > 1)
		return read_prefix(entry->text, entry->len, &entry->prefix);
	const char *colon = memchr(entry->text, ':', entry->len);
	size_t len = colon != NULL ? (size_t)(colon - entry->text) : entry->len;
	int code = read_prefix(entry->text, len, &entry->prefix);
	if (code != NG_E_FORMAT && !cut_ports(entry, len))
		return NG_E_FORMAT;
	return code;
}

/* Addresses inside a prefix that stay closed whatever is written. */
static const char *never_inside(const struct ng_prefix *prefix, char buf[static NG_ADDR_TEXT])
{
	static const char *const closed[] = {"0.0.0.0",       "100.100.100.200", "127.0.0.1",
					     "168.63.129.16", "169.254.169.254", "224.0.0.1",
					     "::1",           "fd00:ec2::254",   "fe80::1",
					     "ff02::1"};
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		struct ng_addr addr;
		if (ng_addr_parse(closed[i], &addr) == NG_OK &&
		    ng_prefix_contains(prefix, &addr))
			return ng_addr_format(&addr, buf);
	}
	return NULL;
}

static const char *address_wrong(const struct entry *entry, const char **suggestion,
				 const char **code)
{
	const unsigned senseless = OPTION_TYPES | OPTION_LEASE | OPTION_PRIVATE | OPTION_CNAME;
	*code = "list-address";
	if (ng_addr_reach(&entry->prefix.addr) == NG_REACH_NEVER) {
		*code = "list-never";
		*suggestion = "take it out; a sandbox's own loopback needs no rule";
		return "is or begins with an address that is never opened";
	}
	if (entry->action != NG_ACTION_PASSTHRU) {
		*suggestion = "take it out; what no rule opens is closed";
		return "is an address; only names can be denied or asked about";
	}
	if (entry->options & senseless) {
		*code = "list-option";
		*suggestion = "keep ports and until=, the rest is for names";
		return "is an address, which has no such option";
	}
	return NULL;
}

static bool address_taken(struct entry *entry, int code, struct ng_diags *diags)
{
	char text[NG_PREFIX_TEXT], addr[NG_ADDR_TEXT];
	const char *suggestion, *wrong, *what;
	entry->address = true;
	if (code == NG_E_RANGE) {
		entry_refuse(diags, entry, "list-address",
			     "shorten the prefix, or clear the bits behind it",
			     "has a prefix length that is too large, or bits set beyond it");
		return false;
	}
	wrong = address_wrong(entry, &suggestion, &what);
	if (wrong != NULL) {
		entry_refuse(diags, entry, what, suggestion, wrong);
		return false;
	}
	const char *closed = never_inside(&entry->prefix, addr);
	if (closed != NULL)
		ng_diag_add(diags, NG_WARNING, &entry->place, "list-never",
			    "name smaller prefixes", "%s holds %s, which stays closed",
			    ng_prefix_format(&entry->prefix, text), closed);
	return entry_ports(entry, diags);
}

bool entry_split(struct entry *entry, struct ng_diags *diags)
{
	static const char marks[] = "!?";
	const char *mark =
		entry->len > 0 && entry->text[0] != '\0' ? strchr(marks, entry->text[0]) : NULL;
	entry->action = mark == NULL    ? NG_ACTION_PASSTHRU
			: mark == marks ? NG_ACTION_NXDOMAIN
					: NG_ACTION_ASK;
	entry->text += mark != NULL;
	entry->len -= mark != NULL;
	if (memmem(entry->text, entry->len, "://", 3) != NULL)
		return true; /* refused as a URL */
	int code = split_address(entry);
	if (code != NG_E_FORMAT)
		return address_taken(entry, code, diags);
	if (count(entry, ':') == 1 && entry->text[0] != '[')
		cut_ports(entry, (size_t)((const char *)memchr(entry->text, ':', entry->len) -
					  entry->text));
	return true;
}

/* ---- what is recognised, and refused ---- */

static bool is_url(const struct entry *entry)
{
	return memmem(entry->text, entry->len, "://", 3) != NULL;
}

static bool is_bracket(const struct entry *entry)
{
	return entry->len > 0 && entry->text[0] == '[';
}

static bool is_path(const struct entry *entry)
{
	return holds(entry, "/?");
}

static bool is_placeholder(const struct entry *entry)
{
	return holds(entry, "{}<>$%");
}

static bool is_colons(const struct entry *entry)
{
	return holds(entry, ":");
}

/* An asterisk anywhere but alone or as the whole first label. */
static bool is_inner_wildcard(const struct entry *entry)
{
	struct entry rest = *entry;
	if (rest.len == 1 && rest.text[0] == '*')
		return false;
	if (rest.len > 2 && memcmp(rest.text, "*.", 2) == 0) {
		rest.text += 2;
		rest.len -= 2;
	}
	return holds(&rest, "*");
}

/* Octets above ASCII are Unicode, which is read elsewhere. */
static bool is_strange(const struct entry *entry)
{
	for (size_t i = 0; i < entry->len; i++) {
		unsigned char c = (unsigned char)entry->text[i];
		bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			    (c >= 'a' && c <= 'z') || c > 0x7f;
		if (!word && strchr("-_.*", c) == NULL)
			return true;
		if (c == '\0')
			return true;
	}
	return false;
}

/* No top-level name is a number: "10.1" and "0x7f.1" are ways to write an address. */
static bool is_numeric(const struct entry *entry)
{
	size_t end = entry->len;
	if (end > 0 && entry->text[end - 1] == '.')
		end--;
	size_t at = end;
	while (at > 0 && entry->text[at - 1] >= '0' && entry->text[at - 1] <= '9')
		at--;
	return at < end && (at == 0 || entry->text[at - 1] == '.');
}

/* A denied name is denied as a whole: nothing is left to bound. */
static bool is_bounded_deny(const struct entry *entry)
{
	return entry->action == NG_ACTION_NXDOMAIN &&
	       (entry->ports != NULL || (entry->options & ~(unsigned)OPTION_UNTIL) != 0);
}

static const char *advise_wildcard(const struct entry *entry, char buf[static LIST_ADVICE])
{
	char text[LIST_SHOWN];
	const char *dot = memchr(entry->text, '.', entry->len);
	struct entry rest = *entry;
	if (dot != NULL) {
		rest.len -= (size_t)(dot + 1 - entry->text);
		rest.text = dot + 1;
	}
	if (dot == NULL || rest.len == 0 || holds(&rest, "*"))
		return "list the names one by one";
	snprintf(buf, LIST_ADVICE, "list the names one by one, or write *.%s for all below it",
		 entry_shown(rest.text, rest.len, text));
	return buf;
}

static const struct {
	bool (*recognises)(const struct entry *entry);
	const char *code, *reason; /* reason: what the entry is */
	const char *suggestion;    /* NULL: advise() says it */
	const char *(*advise)(const struct entry *entry, char buf[static LIST_ADVICE]);
} refusals[] = {
	{is_url, "list-url", "is a URL; a name policy knows neither schemes nor paths", NULL,
	 advise_host},
	{is_bracket, "list-address", "is no address with an optional port",
	 "write [2001:db8::1]:443 or [2001:db8::/32]:443", NULL},
	{is_path, "list-path", "has a path; a name policy sees the host name only", NULL,
	 advise_host},
	{is_placeholder, "list-placeholder", "holds a placeholder",
	 "put the name that is meant in its place", NULL},
	{is_colons, "list-port", "has more than one colon, and is no IPv6 address",
	 "write name:443, name:80,443 or [2001:db8::1]:443", NULL},
	{is_inner_wildcard, "list-wildcard",
	 "has an asterisk that is not the whole first label", NULL, advise_wildcard},
	{is_strange, "list-character", "has a character that no host name has",
	 "write letters, digits, hyphens, underscores and dots", NULL},
	{is_numeric, "list-address", "ends in a number, as addresses do, but is none",
	 "write an address as 192.0.2.7 or 192.0.2.0/24", NULL},
	{is_bounded_deny, "list-deny",
	 "is denied as a whole, so ports and options bound nothing",
	 "write !NAME alone; until= may follow", NULL},
};

bool entry_refused(const struct entry *entry, struct ng_diags *diags)
{
	char advice[LIST_ADVICE];
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (!refusals[i].recognises(entry))
			continue;
		entry_refuse(diags, entry, refusals[i].code,
			     refusals[i].advise != NULL ? refusals[i].advise(entry, advice)
							: refusals[i].suggestion,
			     refusals[i].reason);
		return true;
	}
	return false;
}
