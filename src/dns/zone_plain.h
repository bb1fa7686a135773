/*
 * The record that large policy zones are made of, `OWNER [TTL] [IN] CNAME TARGET` on one line, read
 * without ldns. What is not said in the plainest way is left to ldns.
 */
#pragma once

#include <namegate/name.h>

struct zone_plain {
	struct ng_name owner, target; /* case as written */
	uint32_t ttl;
	bool has_ttl;
	size_t data; /* where the target begins in the text */
	size_t len;  /* of the line, with its end where it has one */
};

/*
 * The record at the start of text. False when it is not of that form, and where ldns would refuse
 * it. origin: the wire form of a name (NULL: none), what relative names are relative to.
 */
bool zone_plain_read(const char *text, size_t len, const uint8_t *origin, size_t origin_len,
		     struct zone_plain *out) NG_MUST_CHECK;
