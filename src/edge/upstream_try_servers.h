/* The routes' servers and what is known about their health: which one to ask next. */
#pragma once

#include "edge/upstream.h"

struct server {
	struct upstream_server at;
	uint32_t failures;         /* in a row */
	uint64_t avoid_until_ms;   /* asked only when all others are avoided too */
	uint64_t no_case_until_ms; /* does not echo the letter case: asked by TCP alone */
};

struct server_route {
	uint32_t id, timeout_ms;
	uint8_t n_servers, preferred;
	struct server servers[NG_SERVERS_MAX];
};

struct servers {                     /* the zero value has no route */
	struct server_route *routes; /* by id */
	size_t n;
};

void servers_finish(struct servers *servers); /* takes NULL */
/* NG_E_NOMEM; then nothing has changed. */
int servers_replace(struct servers *servers, const struct upstream_route *routes,
		    size_t n) NG_MUST_CHECK;
struct server_route *servers_route(const struct servers *servers, uint32_t id); /* or NULL */
/* The next server to try, by index; tried is a bit set of those that were, and is added to. */
uint8_t server_pick(const struct server_route *route, uint64_t now_ms, uint8_t *tried);
void server_good(struct server_route *route, uint8_t index);
void server_bad(struct server_route *route, uint8_t index, uint64_t now_ms);
void server_no_case(struct server_route *route, uint8_t index, uint64_t now_ms);
