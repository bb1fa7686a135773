/*
 * What a configuration leaves open: the defaults, all in one place, and the files that it names.
 * Defaults are filled in and not implied, so that the printed configuration says all of them.
 */
#include "config.h"
#include "conf/fields.h"
#include "conf/files.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define RESOLV_MAX (1u << 16)
#define CPUS_MOST  8192 /* that a kernel can be built for */

struct filler {
	struct conf *conf;
	struct ng_diags *diags;
	bool nomem;
};

static void report(struct filler *filler, const struct ng_place *place, const char *code,
		   const char *suggestion, const char *reason)
{
	ng_diag_add(filler->diags, NG_ERROR, place, code, suggestion, "%s", reason);
}

/* ---- defaults ---- */

static bool set_string(char **at, const char *text)
{
	if (*at == NULL)
		*at = strdup(text);
	return *at != NULL;
}

void conf_defaults(struct conf *conf)
{
	conf->settings = (struct ng_settings){
		.limits = {NG_PENDING_DEFAULT, NG_PENDING_SANDBOX_DEFAULT, NG_LEASES_DEFAULT,
			   NG_LEASES_SANDBOX_DEFAULT, NG_CACHE_OCTETS_DEFAULT,
			   NG_QUERIES_SANDBOX_DEFAULT},
		.lease_min_s = NG_LEASE_MIN_S,
		.grace_s = NG_GRACE_S,
		.flow_lease_s = NG_FLOW_LEASE_S,
		.budget = NG_BUDGET_DEFAULT,
		.ttl_max_s = NG_TTL_MAX_S,
		.deny_ttl_s = NG_DENY_TTL_S,
		.prefetch = true,
	};
	conf->sandboxes_max = NG_SANDBOXES_DEFAULT;
	conf->tcp_clients = NG_TCP_CLIENTS_DEFAULT;
	conf->tcp_clients_sandbox = NG_TCP_CLIENTS_SANDBOX_DEFAULT;
	conf->records_per_s = NG_RECORDS_PER_S_DEFAULT;
	conf->block_reports_per_s = NG_RECORDS_PER_S_DEFAULT;
	strcpy(conf->table, "namegate");
}

/* One for each processor that we may run on, which CPUAffinity= and cpusets narrow. */
static uint32_t default_workers(void)
{
	cpu_set_t cpus[CPUS_MOST / CPU_SETSIZE];
	int n = sched_getaffinity(0, sizeof cpus, cpus) ? 1 : CPU_COUNT_S(sizeof cpus, cpus);
	return n < NG_WORKERS_MAX ? (uint32_t)n : NG_WORKERS_MAX;
}

/* What the file left open, once it is read. */
static void default_rest(struct filler *filler)
{
	struct conf *conf = filler->conf;
	filler->nomem |= !set_string(&conf->control, RUNSTATEDIR "/namegate/control") ||
			 !set_string(&conf->store, LOCALSTATEDIR "/lib/namegate") ||
			 !set_string(&conf->tls_trust, "/etc/ssl/certs/ca-certificates.crt") ||
			 !set_string(&conf->record, "stdout") ||
			 !set_string(&conf->worker_user, "namegate") ||
			 !set_string(&conf->warden_user, "namegate-warden");
	if (conf->workers == 0)
		conf->workers = default_workers();
	if (conf->n_listen == 0) {
		const uint8_t any[16] = {0};
		conf->listen[0] = (struct conf_listen){ng_addr_make(NG_IPV4, any), 1053};
		conf->listen[1] = (struct conf_listen){ng_addr_make(NG_IPV6, any), 1053};
		conf->n_listen = 2;
	}
	if (conf->n_interfaces == 0) {
		strcpy(conf->interfaces[0], "sb*");
		conf->n_interfaces = 1;
	}
}

/* Without an owner it would be root's alone, so the mode is what an operator looks at first. */
static void default_sockets(struct conf *conf)
{
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		struct conf_sandbox *sandbox = &conf->sandboxes[i];
		if (sandbox->socket[0] != '\0' && sandbox->socket_mode == 0)
			sandbox->socket_mode = CONF_SOCKET_MODE;
	}
}

static void default_route(struct filler *filler)
{
	struct conf *conf = filler->conf;
	struct ng_name root = {.len = 1};
	for (size_t i = 0; i < conf->n_routes; i++) {
		if (conf->routes[i].scope == NG_SCOPE_GLOBAL &&
		    ng_name_equal(&conf->routes[i].zone, &root))
			return;
	}
	struct conf_route *route = &conf->routes[conf->n_routes++];
	*route = (struct conf_route){
		.zone = root, .inner = SIZE_MAX, .timeout_ms = CONF_TIMEOUT_MS};
	route->place = (struct ng_place){conf->path, 0, 0};
	filler->nomem |= !set_string(&route->resolv_conf, "/etc/resolv.conf");
}

/* ---- files that the configuration names ---- */

static void resolve_path(struct filler *filler, char **path)
{
	if (*path == NULL || filler->conf->folder == NULL)
		return;
	char *whole = file_beside(*path, filler->conf->folder);
	if (whole == NULL) {
		filler->nomem = true;
		return;
	}
	if (strlen(whole) >= NG_PATH_MAX) {
		struct ng_place place = {filler->conf->path, 0, 0};
		ng_diag_add(filler->diags, NG_ERROR, &place, "conf-path", "use a shorter path",
			    "%s is too long a path", whole);
	}
	free(*path);
	*path = whole;
}

static void resolve_paths(struct filler *filler)
{
	struct conf *conf = filler->conf;
	bool file = strcmp(conf->record, "stdout") != 0 && strcmp(conf->record, "journal") != 0;
	resolve_path(filler, &conf->control);
	resolve_path(filler, &conf->store);
	resolve_path(filler, &conf->tls_trust);
	if (file)
		resolve_path(filler, &conf->record);
	for (size_t i = 0; i < conf->n_routes; i++)
		resolve_path(filler, &conf->routes[i].resolv_conf);
}

bool conf_listens(const struct conf *conf, const struct ng_addr *addr, uint16_t port)
{
	static const uint8_t zero[16];
	static const uint8_t local[16] = {[15] = 1};
	bool loopback = addr->family == NG_IPV4 ? addr->bytes[0] == 127
						: memcmp(addr->bytes, local, 16) == 0;
	for (uint8_t i = 0; i < conf->n_listen; i++) {
		const struct conf_listen *listen = &conf->listen[i];
		bool any = memcmp(listen->addr.bytes, zero, ng_addr_len(&listen->addr)) == 0;
		if (listen->port != port || listen->addr.family != addr->family)
			continue;
		if (ng_addr_equal(&listen->addr, addr) || (any && loopback))
			return true;
	}
	return false;
}

/* One line of a resolv.conf (see resolv.conf(5)): servers count, the rest is not ours. */
static void resolv_line(struct filler *filler, char *line, const struct ng_place *place,
			struct conf_route *route)
{
	char *save, *key = strtok_r(line, " \t\r", &save);
	const char *value = key != NULL ? strtok_r(NULL, " \t\r", &save) : NULL;
	struct ng_addr addr;
	if (value == NULL || strcmp(key, "nameserver") != 0)
		return;
	if (ng_addr_parse(value, &addr) != NG_OK) {
		ng_diag_add(filler->diags, NG_WARNING, place, "conf-resolv",
			    "name the servers with servers = {...}",
			    "this nameserver is not a plain address; it is passed over");
	} else if (conf_listens(filler->conf, &addr, 53)) {
		ng_diag_add(filler->diags, NG_WARNING, place, "conf-loop",
			    "let it name the servers behind the gate",
			    "this nameserver is the gate itself; it is passed over");
	} else if (route->n_servers < NG_SERVERS_MAX) {
		route->servers[route->n_servers++] =
			(struct conf_server){.addr = addr, .port = 53};
	}
}

static void read_resolv(struct filler *filler, struct conf_route *route)
{
	struct ng_place place = {route->resolv_conf, 0, 0};
	char *text, *save;
	size_t len;
	if (route->n_servers > 0) {
		report(filler, &route->place, "conf-servers", "keep one of the two",
		       "the forward zone has both servers and resolv-conf");
		return;
	}
	if (file_read(route->resolv_conf, RESOLV_MAX, &place, filler->diags, &text, &len) !=
	    NG_OK) {
		report(filler, &route->place, "conf-resolv",
		       "name the servers with servers = {...}",
		       "the forward zone's resolv-conf cannot be read");
		return;
	}
	for (char *line = text; line != NULL; line = save) {
		save = strchr(line, '\n');
		if (save != NULL)
			*save++ = '\0';
		place.line++;
		resolv_line(filler, line, &place, route);
	}
	free(text);
	if (route->n_servers == 0)
		ng_diag_add(filler->diags, NG_WARNING, &route->place, "conf-resolv",
			    "name the servers with servers = {...}",
			    "%s names no server; until it does, names of the zone fail",
			    route->resolv_conf);
}

/* Who proves itself by a name needs somebody to vouch for it. */
static const struct conf_route *route_by_name(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_routes; i++)
		for (uint8_t j = 0; j < conf->routes[i].n_servers; j++)
			if (conf->routes[i].servers[j].name[0] != '\0')
				return &conf->routes[i];
	return NULL;
}

static void read_trust(struct filler *filler)
{
	struct conf *conf = filler->conf;
	const struct conf_route *route = route_by_name(conf);
	struct ng_place place = {conf->tls_trust, 0, 0};
	if (route == NULL)
		return;
	if (file_read(conf->tls_trust, WALL_TRUST_MAX, &place, filler->diags, &conf->trust,
		      &conf->trust_len) == NG_OK)
		return;
	report(filler, &route->place, "conf-tls",
	       "install ca-certificates, or set tls-trust to a file of certificates",
	       "nothing vouches for the names of servers that are asked by TLS");
}

int conf_fill(struct conf *conf, struct ng_diags *diags)
{
	struct filler filler = {conf, diags, false};
	default_rest(&filler);
	default_sockets(conf);
	if (!filler.nomem)
		default_route(&filler);
	if (!filler.nomem)
		resolve_paths(&filler);
	if (filler.nomem)
		return NG_E_NOMEM;
	for (size_t i = 0; i < conf->n_routes; i++) {
		if (conf->routes[i].resolv_conf != NULL)
			read_resolv(&filler, &conf->routes[i]);
	}
	read_trust(&filler);
	return NG_OK;
}
