/* How lines of explanations for people look; for the files explain_*.c. */
#pragma once

#include <namegate/addr.h>
#include <stdio.h>

/* "topic    text" and the line's end; an empty topic goes on with the one before. */
void explain_line(FILE *to, const char *topic, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The ranges of that reach, each behind a blank. */
void explain_ranges(FILE *to, enum ng_family family, enum ng_reach wanted);
