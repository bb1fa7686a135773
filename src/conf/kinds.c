/*
 * The kinds of values that a configuration holds. Each is read from one word and printed as one, so
 * that what is printed reads back to the same value.
 */
#include "conf/fields.h"
#include "conf/host.h"
#include "conf/socket.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void print_quoted(const char *text, FILE *to)
{
	putc('"', to);
	for (; *text != '\0'; text++) {
		if (strchr("\"\\$", *text) != NULL)
			putc('\\', to);
		putc(*text, to);
	}
	putc('"', to);
}

/* ---- numbers and times ---- */

static bool read_digits(const char **text, uint64_t *out)
{
	const char *at = *text;
	uint64_t value = 0;
	for (; *at >= '0' && *at <= '9' && value <= UINT32_MAX; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	if (at == *text)
		return false;
	*text = at;
	*out = value;
	return true;
}

static const char *store_number(const struct field *field, uint64_t value, void *at,
				const char **advice)
{
	*advice = NULL;
	if (value < field->low || value > field->high)
		return "the value is out of bounds";
	*(uint32_t *)at = (uint32_t)value;
	return NULL;
}

static const char *number_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	uint64_t value;
	if (!read_digits(&text, &value) || *text != '\0') {
		*advice = "write decimal digits";
		return "this is not a number";
	}
	return store_number(field, value, at, advice);
}

static void number_print(const void *at, FILE *to)
{
	fprintf(to, "%u", *(const uint32_t *)at);
}

static const struct {
	char unit;
	uint32_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
#define UNITS (sizeof(units) / sizeof(units[0]))

static const char *duration_read(const struct field *field, const char *text, void *at,
				 const char **advice)
{
	uint64_t value;
	bool digits = read_digits(&text, &value);
	if (digits && *text == '\0')
		return store_number(field, value, at, advice);
	for (size_t i = 0; digits && i < UNITS; i++) {
		if (text[0] == units[i].unit && text[1] == '\0')
			return store_number(field, value * units[i].seconds, at, advice);
	}
	*advice = "write seconds, or a number with s, m, h or d, such as 5m";
	return "this is not a duration";
}

static void duration_print(const void *at, FILE *to)
{
	uint32_t value = *(const uint32_t *)at;
	size_t i = 0;
	while (i < UNITS - 1 && (value == 0 || value % units[i].seconds != 0))
		i++;
	fprintf(to, "%u%c", value / units[i].seconds, units[i].unit);
}

/* Shorter than what others call a duration, and never without its unit: seconds would be a core that is gone. */
static const char *window_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	uint64_t value = 0;
	bool digits = read_digits(&text, &value);
	if (!digits && strcmp(text, "off") == 0) {
		*(uint32_t *)at = 0;
		return NULL;
	}
	*advice = "write off, or a number from 1us to 1000ms, such as 200us";
	if (!digits || (strcmp(text, "us") != 0 && strcmp(text, "ms") != 0))
		return "this is not a time to poll for";
	const char *wrong =
		store_number(field, text[0] == 'm' ? value * 1000 : value, at, advice);
	*advice = "write off, or a number from 1us to 1000ms, such as 200us";
	return wrong;
}

static void window_print(const void *at, FILE *to)
{
	uint32_t value = *(const uint32_t *)at;
	if (value == 0)
		fputs("off", to);
	else if (value % 1000 == 0)
		fprintf(to, "%ums", value / 1000);
	else
		fprintf(to, "%uus", value);
}

static const struct {
	char unit;
	uint32_t octets;
} sizes[] = {{'G', 1u << 30}, {'M', 1u << 20}, {'K', 1u << 10}};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static const char *size_read(const struct field *field, const char *text, void *at,
			     const char **advice)
{
	uint64_t value;
	bool digits = read_digits(&text, &value);
	if (digits && *text == '\0')
		return store_number(field, value, at, advice);
	for (size_t i = 0; digits && i < SIZES; i++) {
		if (text[0] == sizes[i].unit && text[1] == '\0')
			return store_number(field, value * sizes[i].octets, at, advice);
	}
	*advice = "write octets, or a number with K, M or G, such as 32M";
	return "this is not a size";
}

static void size_print(const void *at, FILE *to)
{
	uint32_t value = *(const uint32_t *)at;
	size_t i = 0;
	while (i < SIZES && value % sizes[i].octets != 0)
		i++;
	if (i < SIZES)
		fprintf(to, "%u%c", value / sizes[i].octets, sizes[i].unit);
	else
		fprintf(to, "%u", value);
}

/* ---- addresses ---- */

static bool read_port(const char *text, uint16_t *out)
{
	uint64_t value;
	if (!read_digits(&text, &value) || *text != '\0' || value == 0 || value > UINT16_MAX)
		return false;
	*out = (uint16_t)value;
	return true;
}

static const char *endpoint_read(const struct field *field, const char *text, void *at,
				 const char **advice)
{
	struct conf_listen endpoint = {.port = (uint16_t)field->low};
	char address[NG_ADDR_TEXT];
	const char *end = NULL, *port = NULL;
	*advice = "write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353";
	if (text[0] == '[') {
		end = strchr(++text, ']');
		port = end != NULL && end[1] == ':' ? end + 2 : NULL;
		if (end == NULL || (port == NULL && end[1] != '\0'))
			return "the bracket is not closed, or something follows it";
	} else if (strchr(text, ':') == strrchr(text, ':') && strchr(text, ':') != NULL) {
		end = strchr(text, ':');
		port = end + 1;
	} else {
		end = text + strlen(text);
	}
	if ((size_t)(end - text) >= sizeof(address))
		return "this is not an address";
	memcpy(address, text, (size_t)(end - text));
	address[end - text] = '\0';
	if (ng_addr_parse(address, &endpoint.addr) != NG_OK)
		return "this is not an address";
	if (port != NULL && !read_port(port, &endpoint.port))
		return "the port is not a number from 1 to 65535";
	memcpy(at, &endpoint, sizeof(endpoint));
	return NULL;
}

static void endpoint_print(const void *at, FILE *to)
{
	const struct conf_listen *endpoint = at;
	char text[NG_ADDR_TEXT];
	ng_addr_format(&endpoint->addr, text);
	fprintf(to, endpoint->addr.family == NG_IPV6 ? "\"[%s]:%u\"" : "\"%s:%u\"", text,
		endpoint->port);
}

static const char *prefix_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	struct ng_prefix prefix;
	(void)field;
	int code = ng_prefix_parse(text, &prefix);
	if (code == NG_E_RANGE) {
		*advice = "shorten the prefix, or clear the bits behind it";
		return "the prefix is too long, or bits beyond its length are set";
	}
	if (code != NG_OK) {
		*advice = "write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32";
		return "this is not an address or prefix";
	}
	memcpy(at, &prefix, sizeof(prefix));
	return NULL;
}

static void prefix_print(const void *at, FILE *to)
{
	char text[NG_PREFIX_TEXT];
	fprintf(to, "\"%s\"", ng_prefix_format(at, text));
}

/* ---- strings ---- */

static const char *string_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	(void)field;
	if (text[0] == '\0') {
		*advice = "leave the key out for its default";
		return "the value is empty";
	}
	char *copy = strdup(text);
	if (copy == NULL)
		return "memory is out";
	free(*(char **)at);
	*(char **)at = copy;
	return NULL;
}

static const char *path_read(const struct field *field, const char *text, void *at,
			     const char **advice)
{
	if (strlen(text) >= NG_PATH_MAX) {
		*advice = "use a shorter path";
		return "the path is too long";
	}
	return string_read(field, text, at, advice);
}

static void string_print(const void *at, FILE *to)
{
	print_quoted(*(char *const *)at, to);
}

static bool string_is_empty(const void *at)
{
	return *(char *const *)at == NULL;
}

/* Kernel names: octets that mean nothing to a shell, a path or nft. */
static bool is_kernel_name(const char *text, size_t n, size_t room)
{
	if (n == 0 || n >= room)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)text[i]) && strchr("_-.@", text[i]) == NULL)
			return false;
	}
	return true;
}

static const char *link_read(const char *text, void *at, const char *wrong)
{
	if (!is_kernel_name(text, strlen(text), NG_IFNAME_MAX))
		return wrong;
	strcpy(at, text);
	return NULL;
}

static const char *interface_read(const struct field *field, const char *text, void *at,
				  const char **advice)
{
	(void)field;
	*advice = "write the host side of the sandbox's link, such as sb-ci";
	return link_read(text, at, "this is not an interface name");
}

static const char *bridge_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	(void)field;
	*advice = "write the bridge that the interface is a port of, such as br0";
	return link_read(text, at, "this is not a bridge's name");
}

static const char *uid_read(const struct field *field, const char *text, void *at,
			    const char **advice)
{
	(void)field;
	*advice = "write a name such as \"build\", or a number";
	if (conf_uid_wrong(text) != NULL)
		return conf_uid_wrong(text);
	strcpy(at, text);
	return NULL;
}

static const char *cgroup_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	(void)field;
	*advice = "write it as in /proc/PID/cgroup, such as /ci.slice/job-1.scope";
	if (conf_cgroup_wrong(text) != NULL)
		return conf_cgroup_wrong(text);
	strcpy(at, text);
	return NULL;
}

static const char *socket_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	(void)field;
	*advice = "write an absolute path, such as /run/namegate/ci.dns";
	if (conf_socket_wrong(text) != NULL)
		return conf_socket_wrong(text);
	strcpy(at, text);
	return NULL;
}

static const char *socket_owner_read(const struct field *field, const char *text, void *at,
				     const char **advice)
{
	(void)field;
	*advice = "write \"build\", \"build:ci\" or numbers";
	if (conf_socket_owner_wrong(text) != NULL)
		return conf_socket_owner_wrong(text);
	strcpy(at, text);
	return NULL;
}

/* Which groups there are is known only when all is read: see check.c. */
static const char *group_read(const struct field *field, const char *text, void *at,
			      const char **advice)
{
	size_t n = strlen(text);
	(void)field;
	if (n == 0 || n >= NG_SANDBOX_NAME_MAX) {
		*advice = "write the title of a group section";
		return "this is no name for a group";
	}
	memcpy(at, text, n + 1);
	return NULL;
}

static const char *pattern_read(const struct field *field, const char *text, void *at,
				const char **advice)
{
	size_t n = strlen(text);
	(void)field;
	if (n > 0 && text[n - 1] == '*')
		n--;
	if (n == 0 && text[0] == '*') {
		*advice = "name the sandboxes' interfaces, such as sb*";
		return "* would guard the host's own interfaces too";
	}
	if (!is_kernel_name(text, n, NG_IFNAME_MAX - (text[n] == '*'))) {
		*advice = "write a whole name, or its beginning and *";
		return "this is not an interface name or pattern";
	}
	strcpy(at, text);
	return NULL;
}

static void chars_print(const void *at, FILE *to)
{
	print_quoted(at, to);
}

static bool chars_is_empty(const void *at)
{
	return *(const char *)at == '\0';
}

static const char *table_read(const struct field *field, const char *text, void *at,
			      const char **advice)
{
	(void)field;
	if (!isalpha((unsigned char)text[0]) || strchr(text, '@') != NULL ||
	    !is_kernel_name(text, strlen(text), sizeof(((struct conf *)0)->table))) {
		*advice = "begin with a letter; use letters, digits, - and _, 31 at most";
		return "this is not a name for a table";
	}
	strcpy(at, text);
	return NULL;
}

/* Family, table and set as nft is told them. Everything else about the set is asked of the kernel. */
static const char *set_read(const struct field *field, const char *text, void *at,
			    const char **advice)
{
	struct wall_set set = {0};
	char rest;
	(void)field;
	*advice = "write family, table and set, such as \"inet filter allowed4\"; names of "
		  "letters, digits, - and _, 63 at most";
	if (sscanf(text, "%7s %63s %63s %c", set.family, set.table, set.name, &rest) != 3)
		return "these are not three words";
	if (!wall_set_family_good(set.family))
		return "the family is not inet, ip, ip6, bridge or netdev";
	if (!wall_nft_name_good(set.table) || !wall_nft_name_good(set.name))
		return "this is not a name that namegate takes for a table or set";
	memcpy(at, &set, sizeof(set));
	return NULL;
}

static void set_print(const void *at, FILE *to)
{
	const struct wall_set *set = at;
	fprintf(to, "\"%s %s %s\"", set->family, set->table, set->name);
}

/* ---- choices ---- */

static const char *octal_read(const struct field *field, const char *text, void *at,
			      const char **advice)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);
	(void)field;
	*advice = "write three octal digits for owner, group and others, such as 0660";
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || mode == 0 || mode > 0777)
		return "this is not a file's mode";
	*(uint32_t *)at = (uint32_t)mode;
	return NULL;
}

static void octal_print(const void *at, FILE *to)
{
	fprintf(to, "0%o", *(const uint32_t *)at);
}

static bool octal_is_empty(const void *at)
{
	return *(const uint32_t *)at == 0;
}

static const char *const modes[] = {
	[NG_LOCKDOWN] = "lockdown", [NG_ENFORCE] = "enforce", [NG_OBSERVE] = "observe"};
static const char *const overrides[] = {
	[NG_OVERRIDE_GIVEN] = "given",       [NG_OVERRIDE_PASSTHRU] = "passthru",
	[NG_OVERRIDE_DROP] = "drop",         [NG_OVERRIDE_TCP_ONLY] = "tcp-only",
	[NG_OVERRIDE_NXDOMAIN] = "nxdomain", [NG_OVERRIDE_NODATA] = "nodata",
	[NG_OVERRIDE_CNAME] = "cname",       [NG_OVERRIDE_DISABLED] = "disabled"};

/* The index of text among the n words; n when it is none of them. */
static size_t word_of(const char *const *words, size_t n, const char *text)
{
	size_t i = 0;
	while (i < n && strcmp(words[i], text) != 0)
		i++;
	return i;
}

static const char *mode_read(const struct field *field, const char *text, void *at,
			     const char **advice)
{
	size_t n = sizeof(modes) / sizeof(modes[0]), i = word_of(modes, n, text);
	(void)field;
	*advice = "write enforce, observe or lockdown";
	if (i == n)
		return "there is no such mode";
	*(enum ng_mode *)at = (enum ng_mode)i;
	return NULL;
}

static void mode_print(const void *at, FILE *to)
{
	fputs(modes[*(const enum ng_mode *)at], to);
}

static const char *override_read(const struct field *field, const char *text, void *at,
				 const char **advice)
{
	size_t n = sizeof(overrides) / sizeof(overrides[0]), i = word_of(overrides, n, text);
	(void)field;
	*advice = "write given, passthru, drop, tcp-only, nxdomain, nodata, cname or disabled";
	if (i == n)
		return "there is no such override";
	*(enum ng_override *)at = (enum ng_override)i;
	return NULL;
}

static void override_print(const void *at, FILE *to)
{
	fputs(overrides[*(const enum ng_override *)at], to);
}

static const char *choice_read(const char *text, const char *no, const char *yes, void *at)
{
	bool chosen = strcmp(text, yes) == 0;
	if (!chosen && strcmp(text, no) != 0)
		return "there is no such choice";
	*(bool *)at = chosen;
	return NULL;
}

static const char *switch_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	(void)field;
	*advice = "write true or false";
	return choice_read(text, "false", "true", at);
}

static void switch_print(const void *at, FILE *to)
{
	fputs(*(const bool *)at ? "true" : "false", to);
}

static const char *ancestor_read(const struct field *field, const char *text, void *at,
				 const char **advice)
{
	(void)field;
	*advice = "write nxdomain or nodata";
	return choice_read(text, "nxdomain", "nodata", at);
}

static void ancestor_print(const void *at, FILE *to)
{
	fputs(*(const bool *)at ? "nodata" : "nxdomain", to);
}

static const char *toggle_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	bool off = strcmp(text, "off") == 0;
	(void)field;
	*advice = "write on or off";
	if (!off && strcmp(text, "on") != 0)
		return "there is no such choice";
	*(enum conf_toggle *)at = off ? CONF_OFF : CONF_ON;
	return NULL;
}

static void toggle_print(const void *at, FILE *to)
{
	fputs(*(const enum conf_toggle *)at == CONF_OFF ? "off" : "on", to);
}

static bool toggle_is_empty(const void *at)
{
	return *(const enum conf_toggle *)at == CONF_UNSAID;
}

static const char *budget_read(const struct field *field, const char *text, void *at,
			       const char **advice)
{
	uint64_t value;
	(void)field;
	*advice = "write octets a minute from 1 to 1048576, or off";
	if (strcmp(text, "off") == 0) {
		*(uint32_t *)at = NG_BUDGET_OFF;
		return NULL;
	}
	if (!read_digits(&text, &value) || *text != '\0')
		return "this is not a number";
	if (value == 0 || value > NG_BUDGET_CEILING)
		return "the value is out of bounds";
	*(uint32_t *)at = (uint32_t)value;
	return NULL;
}

static void budget_print(const void *at, FILE *to)
{
	if (*(const uint32_t *)at == NG_BUDGET_OFF)
		fputs("off", to);
	else
		number_print(at, to);
}

static bool budget_is_empty(const void *at)
{
	return *(const uint32_t *)at == 0;
}

const struct kind kind_toggle = {sizeof(enum conf_toggle), toggle_read, toggle_print,
				 toggle_is_empty};
const struct kind kind_budget = {sizeof(uint32_t), budget_read, budget_print, budget_is_empty};
const struct kind kind_endpoint = {sizeof(struct conf_listen), endpoint_read, endpoint_print,
				   NULL};
const struct kind kind_prefix = {sizeof(struct ng_prefix), prefix_read, prefix_print, NULL};
const struct kind kind_path = {sizeof(char *), path_read, string_print, string_is_empty};
const struct kind kind_string = {sizeof(char *), string_read, string_print, string_is_empty};
const struct kind kind_pattern = {NG_IFNAME_MAX, pattern_read, chars_print, NULL};
const struct kind kind_interface = {NG_IFNAME_MAX, interface_read, chars_print, chars_is_empty};
const struct kind kind_uid = {NG_USER_MAX, uid_read, chars_print, chars_is_empty};
const struct kind kind_cgroup = {NG_CGROUP_MAX, cgroup_read, chars_print, chars_is_empty};
const struct kind kind_socket = {NG_SOCKET_MAX, socket_read, chars_print, chars_is_empty};
const struct kind kind_socket_owner = {2 * NG_USER_MAX, socket_owner_read, chars_print,
				       chars_is_empty};
const struct kind kind_octal = {sizeof(uint32_t), octal_read, octal_print, octal_is_empty};
const struct kind kind_bridge = {NG_IFNAME_MAX, bridge_read, chars_print, chars_is_empty};
const struct kind kind_group = {NG_SANDBOX_NAME_MAX, group_read, chars_print, chars_is_empty};
const struct kind kind_table = {32, table_read, chars_print, NULL};
const struct kind kind_set = {sizeof(struct wall_set), set_read, set_print, NULL};
const struct kind kind_duration = {sizeof(uint32_t), duration_read, duration_print, NULL};
const struct kind kind_window = {sizeof(uint32_t), window_read, window_print, NULL};
const struct kind kind_number = {sizeof(uint32_t), number_read, number_print, NULL};
const struct kind kind_size = {sizeof(uint32_t), size_read, size_print, NULL};
const struct kind kind_mode = {sizeof(enum ng_mode), mode_read, mode_print, NULL};
const struct kind kind_switch = {sizeof(bool), switch_read, switch_print, NULL};
const struct kind kind_ancestor = {sizeof(bool), ancestor_read, ancestor_print, NULL};
const struct kind kind_override = {sizeof(enum ng_override), override_read, override_print,
				   NULL};
