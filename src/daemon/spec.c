/*
 * Reading a sandbox's description. One table says which keys there are and who reads them; every
 * reader checks type and bounds before it takes anything over.
 */
#include "daemon/spec.h"

#include "conf/grants.h"
#include "conf/host.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int key_reader(const json_t *value, struct spec *spec, char *why);

static int bad(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int bad(char *why, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, SPEC_WHY, format, arguments);
	va_end(arguments);
	return NG_E_SYNTAX;
}

/* A name is shown in logs, tables and paths of records: keep to what reads well everywhere. */
static int read_name(const json_t *value, struct spec *spec, char *why)
{
	const char *text = json_string_value(value);
	size_t len = text ? json_string_length(value) : 0;
	if (!len || len >= NG_SANDBOX_NAME_MAX)
		return bad(why, "\"name\" must be a string of 1 to %d characters",
			   NG_SANDBOX_NAME_MAX - 1);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && (!text[i] || !strchr("-_.:@", text[i])))
			return bad(why, "\"name\" may hold letters, digits and -_.:@ only");
	memcpy(spec->sandbox.name, text, len + 1);
	return NG_OK;
}

/* As the configuration takes them, and narrower than what the wall lets through. */
static bool is_interface(const char *text, size_t len)
{
	if (!len || len >= NG_IFNAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && (!text[i] || !strchr("_-.@", text[i])))
			return false;
	return true;
}

static int read_interface(const json_t *value, struct spec *spec, char *why)
{
	const char *text = json_string_value(value);
	size_t len = text ? json_string_length(value) : 0;
	if (!is_interface(text, len))
		return bad(why, "\"interface\" must be the name of one host-side interface");
	memcpy(spec->sandbox.interface, text, len + 1);
	return NG_OK;
}

static int read_bridge(const json_t *value, struct spec *spec, char *why)
{
	const char *text = json_string_value(value);
	size_t len = text ? json_string_length(value) : 0;
	if (!is_interface(text, len))
		return bad(why, "\"bridge\" must be the name of the bridge that the interface "
				"is a port of");
	memcpy(spec->sandbox.bridge, text, len + 1);
	return NG_OK;
}

static int read_group(const json_t *value, struct spec *spec, char *why)
{
	const char *text = json_string_value(value);
	size_t len = text ? json_string_length(value) : 0;
	if (!len || len >= NG_SANDBOX_NAME_MAX || strlen(text) != len)
		return bad(why, "\"group\" must be the name of a group of the configuration");
	memcpy(spec->sandbox.group, text, len + 1);
	return NG_OK;
}

/* A number may come as one. */
static int read_uid(const json_t *value, struct spec *spec, char *why)
{
	const char *text = json_string_value(value);
	if (json_is_integer(value) && json_integer_value(value) > 0) {
		snprintf(spec->sandbox.uid, sizeof spec->sandbox.uid, "%lld",
			 (long long)json_integer_value(value));
		return NG_OK;
	}
	if (!text || strlen(text) != json_string_length(value) || conf_uid_wrong(text))
		return bad(why, "\"uid\" must be a user's name or number");
	strcpy(spec->sandbox.uid, text);
	return NG_OK;
}

static int read_cgroup(const json_t *value, struct spec *spec, char *why)
{
	const char *text = json_string_value(value);
	bool whole = text && strlen(text) == json_string_length(value);
	if (!whole || conf_cgroup_wrong(text))
		return bad(why, "\"cgroup\": %s; write it as in /proc/PID/cgroup",
			   whole ? conf_cgroup_wrong(text) : "this is no path");
	strcpy(spec->sandbox.cgroup, text);
	return NG_OK;
}

static int read_sidecar(const json_t *value, struct spec *spec, char *why)
{
	if (!json_is_boolean(value))
		return bad(why, "\"sidecar\" must be true or false");
	spec->sandbox.sidecar = json_is_true(value);
	return NG_OK;
}

static int read_prefixes(const json_t *value, const char *key, struct ng_prefix *to, uint8_t *n,
			 size_t most, char *why)
{
	size_t i;
	json_t *item;
	if (!json_is_array(value) || json_array_size(value) > most)
		return bad(why, "\"%s\" must be a list of at most %zu prefixes", key, most);
	json_array_foreach(value, i, item)
	{
		const char *text = json_string_value(item);
		if (!text || ng_prefix_parse(text, &to[i]))
			return bad(why,
				   "\"%s\": \"%.60s\" is no prefix; write an address or "
				   "ADDRESS/LENGTH with no bits set beyond the length",
				   key, text ? text : "");
	}
	*n = (uint8_t)json_array_size(value);
	return NG_OK;
}

static int read_sources(const json_t *value, struct spec *spec, char *why)
{
	return read_prefixes(value, "sources", spec->sandbox.sources, &spec->sandbox.n_sources,
			     NG_SOURCES_MAX, why);
}

static int read_private(const json_t *value, struct spec *spec, char *why)
{
	return read_prefixes(value, "private", spec->sandbox.opened, &spec->sandbox.n_opened,
			     NG_PRIVATE_MAX, why);
}

static int read_mode(const json_t *value, struct spec *spec, char *why)
{
	const char *text = json_string_value(value);
	if (text && !spec_mode(text, &spec->sandbox.mode))
		return NG_OK;
	return bad(why, "\"mode\" must be \"enforce\", \"observe\" or \"lockdown\"");
}

static int read_masquerade(const json_t *value, struct spec *spec, char *why)
{
	if (!json_is_boolean(value))
		return bad(why, "\"masquerade\" must be true or false");
	spec->sandbox.masquerade = json_is_true(value);
	return NG_OK;
}

/* Relative paths mean nothing here: whoever asks stands in another folder. */
static bool policy_fits(const char *policy)
{
	return policy[0] == '/' || !strncmp(policy, "preset:", 7) ||
	       !strncmp(policy, "zone:", 5);
}

static int read_budget(const json_t *value, struct spec *spec, char *why)
{
	const char *text = json_string_value(value);
	json_int_t octets = json_integer_value(value);
	if (text && !strcmp(text, "off")) {
		spec->sandbox.budget = NG_BUDGET_OFF;
		return NG_OK;
	}
	if (!json_is_integer(value) || octets < 1 || octets > NG_BUDGET_CEILING)
		return bad(why, "\"budget\" must be octets a minute from 1 to %u, or \"off\"",
			   NG_BUDGET_CEILING);
	spec->sandbox.budget = (uint32_t)octets;
	return NG_OK;
}

static int read_aaaa(const json_t *value, struct spec *spec, char *why)
{
	if (!json_is_boolean(value))
		return bad(why, "\"aaaa\" must be true or false");
	spec->sandbox.aaaa = json_is_true(value) ? CONF_ON : CONF_OFF;
	return NG_OK;
}

static int read_snat(const json_t *value, struct spec *spec, char *why)
{
	struct ng_prefix *snat = spec->sandbox.snat;
	int code = read_prefixes(value, "snat", snat, &spec->sandbox.n_snat, NG_SNAT_MAX, why);
	const char *wrong = code ? NULL : snat_wrong(snat, spec->sandbox.n_snat);
	return wrong ? bad(why, "\"snat\": %s", wrong) : code;
}

static int read_policies(const json_t *value, struct spec *spec, char *why)
{
	size_t i;
	json_t *item;
	/* One place less than there is: the inline list takes it. */
	if (!json_is_array(value) || json_array_size(value) >= NG_RULESETS_MAX)
		return bad(why, "\"policies\" must be a list of at most %d paths",
			   NG_RULESETS_MAX - 1);
	json_array_foreach(value, i, item)
	{
		const char *path = json_string_value(item);
		if (!path || !policy_fits(path) || strlen(path) >= NG_PATH_MAX ||
		    strlen(path) != json_string_length(item))
			return bad(why,
				   "\"policies\": \"%.100s\" is no absolute path, no "
				   "preset:NAME and no zone:NAME",
				   path ? path : "");
		spec->sandbox.policies[i] = strdup(path);
		if (!spec->sandbox.policies[i])
			return NG_E_NOMEM;
		spec->sandbox.n_policies++;
	}
	return NG_OK;
}

/* The lines are checked by the list compiler; here only that each is one line. */
static int read_allow(const json_t *value, struct spec *spec, char *why)
{
	size_t i, len = 0;
	json_t *item;
	if (!json_is_array(value))
		return bad(why, "\"allow\" must be a list of host list lines");
	json_array_foreach(value, i, item)
	{
		const char *line = json_string_value(item);
		if (!line || strlen(line) != json_string_length(item) || strchr(line, '\n'))
			return bad(why, "\"allow\": entry %zu is not one line of text", i + 1);
		len += json_string_length(item) + 1;
	}
	if (!len)
		return NG_OK;
	char *at = spec->allow = malloc(len + 1);
	if (!at)
		return NG_E_NOMEM;
	json_array_foreach(value, i, item) at += sprintf(at, "%s\n", json_string_value(item));
	return NG_OK;
}

static const struct {
	const char *key;
	key_reader *read;
} keys[] = {
	{"name", read_name},       {"sources", read_sources}, {"interface", read_interface},
	{"mode", read_mode},       {"private", read_private}, {"policies", read_policies},
	{"group", read_group},     {"allow", read_allow},     {"masquerade", read_masquerade},
	{"snat", read_snat},       {"uid", read_uid},         {"cgroup", read_cgroup},
	{"sidecar", read_sidecar}, {"bridge", read_bridge},   {"budget", read_budget},
	{"aaaa", read_aaaa},
};

static int read_key(const char *key, const json_t *value, struct spec *spec, char *why)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (!strcmp(key, keys[i].key))
			return keys[i].read(value, spec, why);
	if (!strcmp(key, "verb"))
		return NG_OK;
	return bad(why,
		   "unknown key \"%.40s\"; known are name, sources, interface, mode, private, "
		   "policies, group, allow, masquerade, snat, uid, cgroup, sidecar, bridge, "
		   "budget, aaaa",
		   key);
}

int spec_parse(const json_t *object, struct spec *out, char why[static SPEC_WHY])
{
	struct spec spec = {.sandbox.mode = NG_ENFORCE};
	const char *key;
	json_t *value;
	int code = NG_OK;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		code = read_key(key, value, &spec, why);
		if (code)
			break;
	}
	if (code == NG_OK && !spec.sandbox.name[0])
		code = bad(why, "\"name\" is missing");
	if (code == NG_OK && !spec.sandbox.n_sources &&
	    conf_who(&spec.sandbox) == WALL_BY_INTERFACE)
		code = bad(why, "\"sources\" is missing: the addresses that the sandbox sends "
				"from; or give uid, cgroup or sidecar");
	if (code == NG_OK && spec.sandbox.bridge[0] &&
	    (!spec.sandbox.interface[0] ||
	     !strcmp(spec.sandbox.interface, spec.sandbox.bridge)))
		code = bad(why, "\"bridge\" needs an \"interface\": the sandbox's port of that "
				"bridge");
	if (code == NG_OK)
		*out = spec;
	else
		spec_finish(&spec);
	return code;
}

void spec_finish(struct spec *spec)
{
	if (!spec)
		return;
	for (size_t i = 0; i < spec->sandbox.n_policies; i++)
		free(spec->sandbox.policies[i]);
	free(spec->allow);
	*spec = (struct spec){0};
}

static const char *const modes[] = {
	[NG_LOCKDOWN] = "lockdown", [NG_ENFORCE] = "enforce", [NG_OBSERVE] = "observe"};

int spec_mode(const char *text, enum ng_mode *out)
{
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (!strcmp(text, modes[i])) {
			*out = (enum ng_mode)i;
			return NG_OK;
		}
	return NG_E_SYNTAX;
}

const char *spec_mode_text(enum ng_mode mode)
{
	return mode <= NG_OBSERVE ? modes[mode] : modes[NG_LOCKDOWN];
}

bool spec_interface_guarded(const char *interface, const char (*patterns)[NG_IFNAME_MAX],
			    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(patterns[i]);
		bool open = len && patterns[i][len - 1] == '*';
		if (open ? !strncmp(interface, patterns[i], len - 1)
			 : !strcmp(interface, patterns[i]))
			return true;
	}
	return false;
}

const char *spec_unknown_key(const json_t *object, const char *const *known)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		size_t i = 0;
		while (known[i] && strcmp(known[i], key))
			i++;
		if (!known[i] && strcmp(key, "verb"))
			return key;
	}
	return NULL;
}
