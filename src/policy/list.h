/* Host lists: one name a line, for people. Reports what it refuses; adds the rest to the builder. */
#pragma once

#include "policy/builder.h"

/* Every line of text into builder; errors and warnings go to the builder's diagnostics. */
void list_read(struct builder *builder, const char *text, size_t len);
