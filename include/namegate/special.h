/*
 * Names that mean the same everywhere and belong to no public server (IANA, special-use domain
 * names), and those by which clients look for another resolver than the one that they were given.
 */
#pragma once

#include <namegate/addr.h>
#include <namegate/name.h>

enum ng_special {
	NG_SPECIAL_NONE = 0,
	NG_SPECIAL_LOOPBACK, /* this host: localhost and what is below it (RFC 6761 6.3) */
	NG_SPECIAL_INSIDE, /* of some network, or of none: asked of a forward zone of its own */
	NG_SPECIAL_NODATA, /* discovery of other resolvers: _dns., resolver.arpa (RFC 9461, 9462) */
	NG_SPECIAL_NXDOMAIN /* canaries: were they there, clients would use other resolvers */
};

/* name is lower case. */
enum ng_special ng_special_of(const struct ng_name *name);
/* May this name not be asked of the servers for zone? That is so of the root's, for some. */
bool ng_special_stays(const struct ng_name *name, const struct ng_name *zone);
/* The address whose reverse name this is, as clients write it: all of its labels. name is lower case. */
bool ng_reverse_addr(const struct ng_name *name, struct ng_addr *out);
