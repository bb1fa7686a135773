/* The addresses that no answer may open: this host's and the upstream servers'. */
#pragma once

#include "conf/conf.h"

struct own {
	struct ng_prefix *items; /* sorted, without doubles */
	size_t n;
};

/* NG_E_NOMEM, NG_E_IO. */
int own_collect(const struct conf *conf, struct own *out) NG_MUST_CHECK;
/*
 * Does no zone ask a server that is the gate itself, listening on every address of this machine? Those
 * from a resolv.conf are taken out with a warning. NG_E_SYNTAX; see diags. NG_E_NOMEM, NG_E_IO.
 */
int own_check_loops(struct conf *conf, struct ng_diags *diags) NG_MUST_CHECK;
bool own_equal(const struct own *a, const struct own *b);
void own_finish(struct own *own); /* takes NULL and the zero value */
