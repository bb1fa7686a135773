/*
 * The Unix socket that a sandbox of the configuration may ask by: where it is, whose, and who may
 * open it. What a user or group is on this machine is none of this floor's business.
 */
#pragma once

#include "conf/conf.h"

struct tree;

/* What is wrong with the text as the value; NULL: nothing. */
const char *conf_socket_wrong(const char *path);
const char *conf_socket_owner_wrong(const char *owner);
/* Reports sockets that cannot be: of a sandbox without an address, of two, of none, too many. */
void conf_check_sockets(const struct conf *conf, const struct tree *tree,
			struct ng_diags *diags);
/* Have any of them changed, or come, or gone? */
bool conf_sockets_differ(const struct conf *a, const struct conf *b);
