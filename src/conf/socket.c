/*
 * A socket is one sandbox: whoever may open it asks as that sandbox, and what is opened is opened for
 * the sandbox's addresses. So there must be one, and no two sandboxes may share a path.
 */
#include "conf/socket.h"

#include "conf/fields.h"
#include "conf/host.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *conf_socket_wrong(const char *path)
{
	size_t n = strlen(path);
	if (n < 2 || path[0] != '/' || path[n - 1] == '/')
		return "this is no absolute path of a file";
	if (n >= NG_SOCKET_MAX)
		return "the path is longer than a socket's can be, 107 octets";
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return "the path has a control character";
	}
	return NULL;
}

/* "user" or "user:group". */
const char *conf_socket_owner_wrong(const char *owner)
{
	char user[NG_USER_MAX];
	size_t n = strcspn(owner, ":");
	if (n >= sizeof(user))
		return "a user's name has 1 to 32 characters";
	memcpy(user, owner, n);
	user[n] = '\0';
	const char *wrong = conf_uid_wrong(user);
	return wrong == NULL && owner[n] == ':' ? conf_uid_wrong(owner + n + 1) : wrong;
}

static bool has_address(const struct conf_sandbox *sandbox)
{
	if (conf_who(sandbox) != WALL_BY_INTERFACE)
		return true; /* a token is one */
	for (size_t i = 0; i < sandbox->n_sources; i++) {
		if (ng_prefix_is_host(&sandbox->sources[i]))
			return true;
	}
	return false;
}

static void check_one(const struct conf *conf, size_t i, const struct tree *tree,
		      struct ng_diags *diags)
{
	const struct conf_sandbox *sandbox = &conf->sandboxes[i];
	struct ng_place place = tree_place(tree, CONF_SANDBOX, i, "socket", 0);
	if (!has_address(sandbox))
		ng_diag_add(
			diags, NG_ERROR, &place, "conf-socket",
			"add a source that is one address, or uid or cgroup",
			"what sandbox %s asks by its socket could be opened for nobody: none "
			"of its sources is a single address",
			sandbox->name);
	if (strcmp(sandbox->socket, conf->control) == 0)
		ng_diag_add(diags, NG_ERROR, &place, "conf-socket", "use another path",
			    "%s is the control socket", sandbox->socket);
}

struct claim {
	const char *path;
	size_t section;
};

static int claim_order(const void *a, const void *b)
{
	const struct claim *one = a, *two = b;
	int order = strcmp(one->path, two->path);
	return order != 0 ? order
			  : (one->section > two->section) - (one->section < two->section);
}

static void check_claims(const struct conf *conf, struct claim *claims, size_t n,
			 const struct tree *tree, struct ng_diags *diags)
{
	qsort(claims, n, sizeof(*claims), claim_order);
	for (size_t i = 1; i < n; i++) {
		struct ng_place place =
			tree_place(tree, CONF_SANDBOX, claims[i].section, "socket", 0);
		if (strcmp(claims[i].path, claims[i - 1].path) == 0)
			ng_diag_add(diags, NG_ERROR, &place, "conf-overlap",
				    "give each sandbox a socket of its own",
				    "sandbox %s has the socket of sandbox %s",
				    conf->sandboxes[claims[i].section].name,
				    conf->sandboxes[claims[i - 1].section].name);
	}
}

void conf_check_sockets(const struct conf *conf, const struct tree *tree,
			struct ng_diags *diags)
{
	struct claim claims[NG_SOCKETS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		const struct conf_sandbox *sandbox = &conf->sandboxes[i];
		if (sandbox->socket[0] == '\0') {
			if (sandbox->socket_owner[0] != '\0' || sandbox->socket_mode != 0)
				ng_diag_add(diags, NG_ERROR, &sandbox->place, "conf-socket",
					    "add socket = \"/run/namegate/NAME.dns\"",
					    "sandbox %s says whose its socket is, and has none",
					    sandbox->name);
			continue;
		}
		check_one(conf, i, tree, diags);
		if (n < NG_SOCKETS_MAX)
			claims[n] = (struct claim){sandbox->socket, i};
		n++;
	}
	if (n > NG_SOCKETS_MAX)
		ng_diag_add(diags, NG_ERROR, &(struct ng_place){tree->path, 0, 0}, "conf-limit",
			    "have the others ask over the network",
			    "%zu sandboxes have sockets, and %u may", n, NG_SOCKETS_MAX);
	else
		check_claims(conf, claims, n, tree, diags);
}

static const struct conf_sandbox *named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		if (strcmp(conf->sandboxes[i].name, name) == 0)
			return &conf->sandboxes[i];
	}
	return NULL;
}

/* Is there a socket in a that is not the same in b? */
static bool lost(const struct conf *a, const struct conf *b)
{
	for (size_t i = 0; i < a->n_sandboxes; i++) {
		const struct conf_sandbox *one = &a->sandboxes[i], *other;
		if (one->socket[0] == '\0')
			continue;
		other = named(b, one->name);
		if (other == NULL || strcmp(one->socket, other->socket) != 0 ||
		    strcmp(one->socket_owner, other->socket_owner) != 0 ||
		    one->socket_mode != other->socket_mode)
			return true;
	}
	return false;
}

bool conf_sockets_differ(const struct conf *a, const struct conf *b)
{
	return lost(a, b) || lost(b, a);
}
