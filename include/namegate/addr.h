/*
 * Addresses, prefixes, and what kind of place an address is.
 *
 * Values only: nothing here allocates or owns. The zero value of struct ng_addr is "no address",
 * the zero value of enum ng_reach is the strictest answer.
 */
#pragma once

#include <namegate/bounds.h>
#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NG_ADDR_TEXT   46 /* longest IPv6 text with the NUL */
#define NG_PREFIX_TEXT 50 /* address, slash, three digits, NUL */

enum ng_family { NG_NOFAMILY = 0, NG_IPV4 = 4, NG_IPV6 = 6 };

struct ng_addr {
	uint8_t family;    /* enum ng_family */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest is zero */
};

struct ng_prefix {
	struct ng_addr addr; /* bits beyond the length are zero */
	uint8_t bits;        /* 0..32 or 0..128 */
};

/* Where an address leads, as far as opening it for a sandbox is concerned. */
enum ng_reach {
	NG_REACH_NEVER =
		0, /* loopback, link-local, metadata, multicast, unspecified: no setting opens it */
	NG_REACH_PRIVATE, /* private, shared, benchmarking, unique-local: only an opted-in prefix opens it */
	NG_REACH_PUBLIC
};

/* family and its 4 or 16 octets to an address; family other than NG_IPV4/NG_IPV6 gives the zero value. */
struct ng_addr ng_addr_make(enum ng_family family, const uint8_t *bytes);
size_t ng_addr_len(const struct ng_addr *addr); /* 4, 16, or 0 */
bool ng_addr_equal(const struct ng_addr *a, const struct ng_addr *b);

/* Text to address; NG_E_FORMAT. No zone index, no port, no surrounding space. */
int ng_addr_parse(const char *text, struct ng_addr *out) NG_MUST_CHECK;
/* Writes the canonical text (RFC 5952 for IPv6; "none" for no address) and returns buf. */
const char *ng_addr_format(const struct ng_addr *addr, char buf[static NG_ADDR_TEXT]);

/*
 * "192.0.2.0/24", "fd00::/8", or a bare address (the full length). NG_E_FORMAT when it is neither,
 * NG_E_RANGE when the length is too large or bits beyond it are set.
 */
int ng_prefix_parse(const char *text, struct ng_prefix *out) NG_MUST_CHECK;
const char *ng_prefix_format(const struct ng_prefix *prefix, char buf[static NG_PREFIX_TEXT]);
bool ng_prefix_contains(const struct ng_prefix *prefix, const struct ng_addr *addr);
bool ng_prefix_overlaps(const struct ng_prefix *a, const struct ng_prefix *b);
bool ng_prefix_is_host(const struct ng_prefix *prefix); /* a single address */
/* Canonical: known family, length within it, no bits beyond the length, padding zero. */
bool ng_prefix_valid(const struct ng_prefix *prefix);

/*
 * The special-purpose registries (RFC 6890 and IANA's additions) as the gate reads them. An IPv4
 * address inside a mapped, compatible, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), 6to4 or Teredo address
 * counts as itself and the stricter of the two answers holds. Cloud metadata addresses
 * (169.254.169.254, fd00:ec2::254, 168.63.129.16, 100.100.100.200) are NG_REACH_NEVER.
 */
enum ng_reach ng_addr_reach(const struct ng_addr *addr);
/*
 * The ranges behind that answer, one at a time from *cursor (start with 0): IPv4 first. Of several
 * that hold an address the strictest counts. False at the end.
 */
bool ng_reach_range(uint32_t *cursor, struct ng_prefix *out, enum ng_reach *reach);
/* May this address be opened, given the n prefixes that configuration opted in? */
bool ng_addr_openable(const struct ng_addr *addr, const struct ng_prefix *opened, size_t n);
