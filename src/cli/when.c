/*
 * Wall times to and from text. A time that does not come back as it went in is refused: the C
 * library takes the thirtieth of February for the second of March.
 */
#include "config.h"
#include "cli/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool parse_as(const char *text, const char *format, uint64_t *out_s)
{
	struct tm parts = {0}, back;
	const char *end = strptime(text, format, &parts);
	if (end == NULL || (*end != '\0' && strcmp(end, "Z") != 0))
		return false;
	const struct tm wanted = parts;
	time_t at = timegm(&parts);
	if (at < 0 || gmtime_r(&at, &back) == NULL || back.tm_mday != wanted.tm_mday ||
	    back.tm_sec != wanted.tm_sec)
		return false;
	*out_s = (uint64_t)at;
	return true;
}

static bool parse_seconds(const char *text, uint64_t *out_s)
{
	char *end;
	if (*text < '0' || *text > '9' || strlen(text) > 11)
		return false;
	*out_s = strtoull(text, &end, 10);
	return *end == '\0';
}

bool when_parse(const char *text, uint64_t *out_s)
{
	uint64_t at_s;
	bool parsed = *text == '@' ? parse_seconds(text + 1, &at_s)
				   : parse_as(text, "%Y-%m-%d", &at_s) ||
					     parse_as(text, "%Y-%m-%dT%H:%M", &at_s) ||
					     parse_as(text, "%Y-%m-%dT%H:%M:%S", &at_s);
	if (parsed)
		*out_s = at_s;
	return parsed;
}

const char *when_text(uint64_t at_s, char buf[static WHEN_TEXT])
{
	time_t at = (time_t)at_s;
	struct tm parts;
	if (at < 0 || gmtime_r(&at, &parts) == NULL ||
	    strftime(buf, WHEN_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		snprintf(buf, WHEN_TEXT, "(no time)");
	return buf;
}
