/* Host lists: one name a line, for people. Reports what it refuses; adds the rest to the builder. */
#pragma once

#include "policy/builder.h"

/* Every line of the source and of what it includes; findings go to the builder's diagnostics. */
void list_read(struct builder *builder, const struct ng_source *source);
