/*
 * What no file says of a sandbox: the mode that was set, and the names that were approved and refused while
 * the gate runs. Read over its control socket into a set-up that was read from the files.
 */
#pragma once

#include "cli/control_client.h"
#include "offline/setup.h"

struct running {
	const char *control;       /* NULL: none was looked at, and all is zero */
	json_t *boxes, *approvals; /* what it has said */
	char mode[16], state[16];
	size_t approved, refused; /* names */
};

/* EXIT_DONE, or what has been said on stderr, or with --json on stdout. */
int running_ask(const struct client_options *options, struct running *out);
/* NG_E_NOTFOUND: the gate does not have the sandbox; NG_E_SYNTAX: each with an error in diags. NG_E_NOMEM. */
int running_take(struct running *running, struct setup *setup,
		 const struct setup_sandbox *sandbox, struct ng_diags *diags) NG_MUST_CHECK;
void running_finish(struct running *running);
void running_text(const struct running *running);
json_t *running_json(const struct running *running);
