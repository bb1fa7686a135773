/*
 * Texts are held against what Linux allows and what means the same everywhere: a path that climbs or
 * names one place in two ways would let two sandboxes claim one cgroup.
 */
#include "conf/host.h"

#include "base/token.h"

#include <ctype.h>
#include <string.h>

enum wall_who conf_who(const struct conf_sandbox *sandbox)
{
	if (sandbox->uid[0] != '\0')
		return WALL_BY_UID;
	if (sandbox->cgroup[0] != '\0')
		return WALL_BY_CGROUP;
	return sandbox->sidecar ? WALL_BY_NAMESPACE : WALL_BY_INTERFACE;
}

const char *conf_uid_wrong(const char *text)
{
	size_t n = strlen(text);
	if (n == 0 || n >= NG_USER_MAX)
		return "a user's name has 1 to 32 characters";
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)text[i]) && strchr("_-.$", text[i]) == NULL)
			return "this is no user's name or number";
	}
	return text[0] == '-' ? "this is no user's name or number" : NULL;
}

/* Is there a component that is empty, "." or ".."? text begins with a slash. */
static bool has_odd_component(const char *text)
{
	while (*text == '/') {
		size_t n = strcspn(++text, "/");
		if (n == 0 || (n == 1 && text[0] == '.') ||
		    (n == 2 && text[0] == '.' && text[1] == '.'))
			return true;
		text += n;
	}
	return false;
}

const char *conf_cgroup_wrong(const char *text)
{
	size_t n = strlen(text), levels = 0;
	if (n < 2 || text[0] != '/')
		return "the path begins with a slash, below which something stands: the root "
		       "is "
		       "every process";
	if (n >= NG_CGROUP_MAX)
		return "the path is too long";
	for (size_t i = 0; i < n; i++) {
		levels += text[i] == '/';
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return "the path has a control character";
	}
	if (levels > NG_CGROUP_LEVELS)
		return "the cgroup lies deeper than twelve levels";
	return has_odd_component(text) ? "the path is not in its plain form" : NULL;
}

/* Where "redirect" leads a packet of this host: 127.0.0.1, and the first listener's port. */
static bool listens_local(const struct conf *conf)
{
	static const uint8_t any[4] = {0}, local[4] = {127, 0, 0, 1};
	for (size_t i = 0; i < conf->n_listen; i++) {
		const struct conf_listen *listen = &conf->listen[i];
		if (listen->addr.family == NG_IPV4 && listen->port == conf->listen[0].port &&
		    (memcmp(listen->addr.bytes, any, 4) == 0 ||
		     memcmp(listen->addr.bytes, local, 4) == 0))
			return true;
	}
	return false;
}

static size_t ways(const struct conf_sandbox *sandbox)
{
	return (size_t)(sandbox->interface[0] != '\0' || sandbox->n_sources > 0) +
	       (sandbox->uid[0] != '\0') + (sandbox->cgroup[0] != '\0') + sandbox->sidecar;
}

const char *conf_who_wrong(const struct conf *conf, const struct conf_sandbox *sandbox,
			   const char **advice)
{
	*advice = "keep sources and interface, or uid, or cgroup, or sidecar";
	if (ways(sandbox) > 1)
		return "a sandbox is told by one thing alone";
	*advice = "use other addresses";
	for (size_t i = 0; i < sandbox->n_sources; i++) {
		if (token_within(&sandbox->sources[i]))
			return "its sources hold addresses that stand for processes of the "
			       "host: 127.64.0.0/10 and fd6e:616d:6567:6174::/64";
	}
	if (conf_who(sandbox) == WALL_BY_INTERFACE)
		return NULL;
	*advice = "leave masquerade out";
	if (sandbox->masquerade)
		return "it sends from the host's own address already";
	*advice = "add \"127.0.0.1\" with the first listener's port to listen";
	if (!listens_local(conf))
		return "its queries are led to 127.0.0.1, where nothing listens";
	return NULL;
}

bool conf_same_host(const struct conf_sandbox *a, const struct conf_sandbox *b)
{
	enum wall_who who = conf_who(a);
	if (who == WALL_BY_INTERFACE || who != conf_who(b))
		return false;
	if (who == WALL_BY_UID)
		return strcmp(a->uid, b->uid) == 0 ||
		       (a->host.uid != 0 && a->host.uid == b->host.uid);
	if (who == WALL_BY_CGROUP)
		return strcmp(a->cgroup, b->cgroup) == 0 ||
		       (a->host.cgroup != 0 && a->host.cgroup == b->host.cgroup);
	return true;
}

void conf_report_same(const struct conf *conf, size_t i, struct ng_diags *diags)
{
	const struct conf_sandbox *sandbox = &conf->sandboxes[i];
	for (size_t j = 0; j < i; j++) {
		const struct conf_sandbox *other = &conf->sandboxes[j];
		if (conf_same_host(other, sandbox))
			ng_diag_add(diags, NG_ERROR, &sandbox->place, "conf-overlap",
				    "give each sandbox a user or a cgroup of its own",
				    "sandbox %s is told by the same as sandbox %s at %s:%u:%u",
				    sandbox->name, other->name, other->place.path,
				    other->place.line, other->place.column);
	}
}
