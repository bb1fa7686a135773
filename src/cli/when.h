/* Wall times as people write and read them: UTC, in the form of RFC 3339. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WHEN_TEXT 32

/*
 * "2026-11-21", "2026-11-21T09:30Z" or "2026-11-21T09:30:00Z" (the Z may be left out), or
 * "@1795251000", seconds since 1970. A day without a time is its first moment. False: it is none.
 */
bool when_parse(const char *text, uint64_t *out_s);
/* "2026-11-21T09:30:00Z" */
const char *when_text(uint64_t at_s, char buf[static WHEN_TEXT]);
