/*
 * The configuration file: libconfuse text in, one plain struct out.
 *
 * The struct owns everything it points to. One table (conf.c) is read by the parser, the checker and
 * the printer, so that what `namegated -t` prints is the configuration's own grammar again and
 * loads to the same struct.
 */
#pragma once

#include "base/wall.h"

#include <namegate/addr.h>
#include <namegate/diag.h>
#include <namegate/gate.h>
#include <stdio.h>

struct conf_listen {
	struct ng_addr addr;
	uint16_t port;
};
struct conf_server { /* that questions go to */
	struct ng_addr addr;
	uint16_t port;
	enum wall_transport transport;
	char name[NG_HOST_MAX]; /* in its certificate; "": none given */
};
struct conf_route { /* forward "corp.internal" { … } */
	struct ng_name zone;
	enum ng_scope scope;             /* whose it is: all sandboxes', a group's, one's */
	char owner[NG_SANDBOX_NAME_MAX]; /* the group or sandbox that it stands in; "": none */
	size_t outer, inner; /* which section of that kind, and which forward of it */
	struct conf_server servers[NG_SERVERS_MAX];
	uint8_t n_servers;
	uint8_t pins[NG_PINS_MAX][NG_PIN_LEN]; /* SHA-256 of a server's public key */
	uint8_t n_pins;
	struct ng_addr source[NG_UPSOURCES_MAX]; /* what questions come from */
	uint8_t n_source;
	char *resolv_conf; /* take the servers from this file; NULL: servers are given */
	struct ng_prefix opened[NG_PRIVATE_MAX];
	uint8_t n_opened;
	uint32_t timeout_ms;
	uint32_t mark; /* of the packets to its servers; 0: none */
	bool trust_ad;
	struct ng_place place;
};
struct conf_zone { /* zone "ads" { … }: an RPZ zone that policies name as "zone:ads" */
	char name[NG_SANDBOX_NAME_MAX];
	char *file, *origin; /* origin NULL: the owner of its SOA */
	enum ng_override override;
	char *cname; /* of the override cname */
	struct ng_place place;
};
enum conf_toggle { CONF_UNSAID = 0, CONF_ON, CONF_OFF };
struct conf_group { /* group "build" { … }: policy that several sandboxes share */
	char name[NG_SANDBOX_NAME_MAX];
	struct ng_prefix opened[NG_PRIVATE_MAX];
	uint8_t n_opened;
	struct ng_prefix snat[NG_SNAT_MAX];
	uint8_t n_snat;
	uint32_t budget; /* 0: not said */
	enum conf_toggle aaaa;
	char *policies[NG_RULESETS_MAX];
	uint8_t n_policies;
	struct ng_place place;
};
struct conf_host {
	uint32_t uid;
	uint8_t level;   /* of the cgroup, below the root */
	uint64_t cgroup; /* the kernel's number of it */
};
struct conf_sandbox { /* sandbox "ci" { … } */
	char name[NG_SANDBOX_NAME_MAX];
	char interface[NG_IFNAME_MAX];
	char bridge[NG_IFNAME_MAX];      /* that the interface is a port of; "": none */
	char group[NG_SANDBOX_NAME_MAX]; /* "": none */
	enum ng_mode mode;
	/* One of these tells a sandbox that has no interface; a token is its sources then. */
	char uid[NG_USER_MAX];      /* name or number of who opens its sockets; "": not this */
	char cgroup[NG_CGROUP_MAX]; /* where they are opened: a path below the mount; "" */
	bool sidecar;               /* it shares the gate's network namespace */
	struct conf_host host;      /* what these are on this machine; zero until looked up */
	struct ng_prefix sources[NG_SOURCES_MAX];
	uint8_t n_sources;
	struct ng_prefix opened[NG_PRIVATE_MAX];
	uint8_t n_opened;
	bool masquerade;
	char socket[NG_SOCKET_MAX];         /* a path that it may ask by as well; "": none */
	char socket_owner[2 * NG_USER_MAX]; /* "user" or "user:group"; "": ours */
	uint32_t socket_mode;               /* 0: 0660 */
	struct ng_prefix snat[NG_SNAT_MAX]; /* single addresses, at most one a family */
	uint8_t n_snat;
	uint32_t budget; /* 0: not said, then the group's, then the gate's */
	enum conf_toggle aaaa;
	char *policies[NG_RULESETS_MAX];
	uint8_t n_policies;
	struct ng_place place;
};
struct conf {
	char *path;   /* NULL: embedded defaults only */
	char *folder; /* of path, from the root on; NULL: none */
	struct conf_listen listen[NG_LISTENERS_MAX];
	uint8_t n_listen;
	char *tls_trust; /* file of certificates that vouch for servers */
	char *trust;     /* what is in it, when a server needs it; else NULL */
	size_t trust_len;
	char *control, *store, *record;  /* record: "stdout", "journal" or a file */
	char *worker_user, *warden_user; /* a name, a number, or "self" */
	char table[32];
	struct wall_set
		declared[WALL_SETS_MAX]; /* integrate { sets }; none: a table is owned */
	uint8_t n_declared;
	char interfaces[NG_IFPATTERNS_MAX][NG_IFNAME_MAX];
	uint8_t n_interfaces;
	char *policies[NG_RULESETS_MAX]; /* the global scope */
	uint8_t n_policies;
	struct ng_settings settings;
	uint32_t workers; /* processes that answer; by default one for each processor */
	uint32_t busy_us; /* they look for more without sleeping; 0: not at all */
	uint32_t sandboxes_max, tcp_clients, tcp_clients_sandbox, records_per_s,
		block_reports_per_s;
	struct conf_route
		*routes; /* never empty: "." is there by default, from /etc/resolv.conf */
	size_t n_routes;
	struct conf_zone *zones;
	size_t n_zones;
	struct conf_group *groups;
	size_t n_groups;
	struct conf_sandbox *sandboxes;
	size_t n_sandboxes;
};

/* Where namegated looks when it is not told. */
#define CONF_PATH SYSCONFDIR "/namegate/namegate.conf"

/*
 * Reads a file; NULL gives the embedded defaults. Relative paths inside are relative to the file's
 * folder. Unknown keys, wrong types, values out of range, overlapping sources, duplicate names and
 * unreadable resolv.conf are errors with their place. NG_E_SYNTAX with at least one error in diags,
 * NG_E_IO (said in diags too), NG_E_NOMEM.
 */
int conf_load(const char *path, struct ng_diags *diags, struct conf **out) NG_MUST_CHECK;
void conf_free(struct conf *conf); /* takes NULL */
void conf_print(const struct conf *conf, FILE *to);
/* As the configuration has it: "tls://192.0.2.53:853#dns.example". */
#define CONF_SERVER_TEXT (NG_ADDR_TEXT + NG_HOST_MAX + 24)
const char *conf_server_text(const struct conf_server *server,
			     char out[static CONF_SERVER_TEXT]);
/* What holds for a sandbox, its group's word where it has none; 0 and false: the gate's own. */
uint32_t conf_sandbox_budget(const struct conf *conf, const struct conf_sandbox *sandbox);
bool conf_sandbox_no_aaaa(const struct conf *conf, const struct conf_sandbox *sandbox);
/* The interface that its packets come in by, to routing: its bridge when it has one. "": any. */
const char *conf_sandbox_link(const struct conf_sandbox *sandbox);
/* NULL: there is none of that name; "" is never one. */
const struct conf_group *conf_group_find(const struct conf *conf, const char *name);
/* From 1, by which routes know it; 0: there is none of that name. */
uint32_t conf_group_number(const struct conf *conf, const char *name);
/*
 * The index of the route by which a sandbox asks for name: of its own, its group's and those of all,
 * in this order, the first that have one; and of these the one with the longest zone. Always one:
 * "." exists. sandbox NULL: one that has none of its own, and no group.
 */
size_t conf_route_of(const struct conf *conf, const struct conf_sandbox *sandbox,
		     const struct ng_name *name);
/* May the sandbox ask by it at all, or do closer ones have all names of its zone? */
bool conf_route_reaches(const struct conf *conf, const struct conf_sandbox *sandbox,
			size_t route);
/* "corp.internal", "corp.internal of group build": for messages. */
#define CONF_ROUTE_TEXT (NG_NAME_TEXT_MAX + NG_SANDBOX_NAME_MAX + 16)
const char *conf_route_text(const struct conf_route *route, char out[static CONF_ROUTE_TEXT]);
/* A digest of whose it is, of what, and who is asked: what an answer by it is worth. Never 0. */
uint64_t conf_route_origin(const struct conf_route *route);
