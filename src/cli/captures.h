/* Captures named on the command line, read in order as one; on a terminal with a word on how far it is. */
#pragma once

#include "offline/traffic.h"

#include <jansson.h>

struct captures {
	struct traffic_wish wish; /* progress is set here */
	char *const *paths;
	size_t n;
};

/* "--port": adds one of DNS besides 53. NULL, or what is wrong with it. */
const char *captures_port(struct traffic_wish *wish, const char *text);
/* Errors as of traffic_create() and traffic_read(); out is set, and to be destroyed, whatever comes. */
int captures_read(struct captures *captures, struct ng_diags *diags,
		  struct traffic **out) NG_MUST_CHECK;
/* "read: 12 packets, ...", and what was left out, one a line, each behind before. */
void captures_print(const struct traffic_counts *counts, const char *before, FILE *to);
json_t *captures_json(const struct traffic_counts *counts);
