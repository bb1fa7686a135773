/*
 * A sandbox as an administrator's JSON object describes it, at registration and in the registry.
 *
 *     {"name":"ci-7", "sources":["10.7.0.2"], "interface":"sb7", "mode":"enforce",
 *      "policies":["/etc/namegate/python.list"], "allow":["example.com"],
 *      "private":["10.9.0.0/16"], "masquerade":true,
 *      "snat":["192.0.2.10"]}
 *     {"name":"vm1", "sources":["10.7.0.3"], "interface":"tap1", "bridge":"br0", …}
 *     {"name":"agent", "uid":"build", …}  {"name":"job", "cgroup":"/ci.slice/job-1.scope", …}
 *     {"name":"pod", "sidecar":true, …}
 *
 * name must be there, and sources or one of uid, cgroup and sidecar. The struct owns what it points to.
 */
#pragma once

#include "conf/conf.h"

#include <jansson.h>

#define SPEC_WHY 256

struct spec {
	struct conf_sandbox sandbox; /* place is unset */
	char *allow;                 /* the inline lines as one text; NULL: none */
};

/* "verb" is passed over, any other unknown key is refused. NG_E_SYNTAX with why, NG_E_NOMEM. */
int spec_parse(const json_t *object, struct spec *out, char why[static SPEC_WHY]) NG_MUST_CHECK;
void spec_finish(struct spec *spec); /* takes NULL and the zero value */
/* "enforce", "observe" or "lockdown" to the mode; NG_E_SYNTAX. */
int spec_mode(const char *text, enum ng_mode *out) NG_MUST_CHECK;
const char *spec_mode_text(enum ng_mode mode);
/* Does the interface match one of the n patterns ("sb*", or a whole name)? */
bool spec_interface_guarded(const char *interface, const char (*patterns)[NG_IFNAME_MAX],
			    size_t n);
/* NULL when object has no key but those of keys (NULL at the end) and "verb"; else that key. */
const char *spec_unknown_key(const json_t *object, const char *const *keys);
