/* RPZ zones into rules: RPZ.md's triggers and actions as far as this version knows them. */
#pragma once

#include "policy/builder.h"

/* Every record of the zone text into builder. origin NULL: the owner of its SOA. */
void rpz_read(struct builder *builder, const char *text, size_t len, const char *origin);
