/* What the files of `namegate replay` share: the call, and its result. */
#pragma once

#include "cli/captures.h"
#include "offline/replay.h"

#include <jansson.h>

#define REPLAY_MAPS_MAX 64

struct replay_call {
	struct setup_wish wish;
	struct captures captures;
	const char *policies[NG_RULESETS_MAX];
	const char *maps[REPLAY_MAPS_MAX];
	size_t n_maps;
	bool limits, json;
	/* what comes of it */
	struct ng_diags diags;
	struct setup *setup;
	struct who *who;
	struct replay *replay;
	struct traffic *traffic;
};

/* Findings and refusals of one sandbox that count against the draft. */
uint64_t replay_worse(const struct replay_call *call, const struct setup_sandbox *sandbox);
void replay_print(const struct replay_call *call);
json_t *replay_json(const struct replay_call *call);
/* A phrase for the heading of a kind, and its key for programs. */
const char *replay_kind_text(enum replay_kind kind);
const char *replay_kind_name(enum replay_kind kind);
