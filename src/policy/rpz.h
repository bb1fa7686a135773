/* RPZ zones into rules: RPZ.md's triggers and actions with every action and override. */
#pragma once

#include "policy/builder.h"

/* Every record of the zone text into builder, and the zone's override. */
void rpz_read(struct builder *builder, const struct ng_source *source);
