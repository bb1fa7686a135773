/*
 * DNS messages: what a client asked, what an upstream said, and the replies that we build.
 *
 * Pure functions over octets. Parsed answers live in an arena of the caller; nothing here owns
 * the message it read. Sources: RFC 1035, 6891 (EDNS), 8914 (EDE), 9619 (one question), 9267.
 */
#pragma once

#include <namegate/name.h>

struct arena; /* base/arena.h */

enum ng_type {
	NG_TYPE_A = 1,
	NG_TYPE_NS = 2,
	NG_TYPE_CNAME = 5,
	NG_TYPE_SOA = 6,
	NG_TYPE_NULL = 10,
	NG_TYPE_PTR = 12,
	NG_TYPE_MX = 15,
	NG_TYPE_TXT = 16,
	NG_TYPE_AAAA = 28,
	NG_TYPE_SRV = 33,
	NG_TYPE_DNAME = 39,
	NG_TYPE_OPT = 41,
	NG_TYPE_RRSIG = 46,
	NG_TYPE_SVCB = 64,
	NG_TYPE_HTTPS = 65,
	NG_TYPE_IXFR = 251,
	NG_TYPE_AXFR = 252,
	NG_TYPE_ANY = 255
};
enum ng_rcode {
	NG_RCODE_NOERROR = 0,
	NG_RCODE_FORMERR = 1,
	NG_RCODE_SERVFAIL = 2,
	NG_RCODE_NXDOMAIN = 3,
	NG_RCODE_NOTIMP = 4,
	NG_RCODE_REFUSED = 5,
	NG_RCODE_BADVERS = 16,
	NG_RCODE_BADCOOKIE = 23
};
enum ng_option { /* of EDNS */
		 NG_OPTION_COOKIE = 10,
		 NG_OPTION_KEEPALIVE = 11,
		 NG_OPTION_PADDING = 12,
		 NG_OPTION_EDE = 15
};
enum ng_ede { /* RFC 8914 info codes that we use; NG_EDE_NONE is ours for "none" */
	      NG_EDE_NONE = -1,
	      NG_EDE_STALE = 3,
	      NG_EDE_CACHED_ERROR = 13,
	      NG_EDE_NOT_READY = 14,
	      NG_EDE_BLOCKED = 15,
	      NG_EDE_PROHIBITED = 18,
	      NG_EDE_NO_UPSTREAM = 22,
	      NG_EDE_NETWORK = 23,
	      NG_EDE_INVALID = 24
};
#define NG_CLASS_IN 1

/* Mnemonic of a type or rcode ("A", "TYPE65280", "NXDOMAIN"); returns buf or a constant. */
const char *ng_type_text(uint16_t type, char buf[static 16]);
int ng_type_parse(const char *text, uint16_t *out) NG_MUST_CHECK; /* NG_E_NOTFOUND */
const char *ng_rcode_text(uint8_t rcode);

struct ng_question {
	struct ng_name name; /* as asked, case kept */
	uint16_t type, class;
};

/* What one client message asks. */
struct ng_query {
	uint16_t id;
	bool rd, cd, ad, edns, dnssec_ok;
	bool keepalive;        /* asks how long its connection may be idle (RFC 7828) */
	uint8_t opcode, rcode; /* rcode: what to answer when the fate is NG_FATE_ERROR */
	bool has_question;     /* the question below was read and may be echoed */
	uint16_t udp_size;     /* what the client takes over UDP: at least 512, at most 1232 */
	struct ng_question question;
};

enum ng_fate {
	NG_FATE_SILENCE = 0, /* not a query, or too short to answer: no reply at all */
	NG_FATE_ERROR,       /* answer with query.rcode and nothing else */
	NG_FATE_ASKED        /* a plain question, go on */
};
/*
 * Reads a client's message. Silence: shorter than a header, QR=1. FORMERR: question count not 1,
 * records in answer or authority, trailing octets, bad names, two OPTs, OPT owner not the root,
 * malformed option (cookie lengths of RFC 7873 included). NOTIMP: opcodes other than QUERY and
 * UPDATE. REFUSED: UPDATE, AXFR, IXFR, class other than IN (ANY class too). BADVERS: EDNS above 0.
 */
enum ng_fate ng_query_parse(const uint8_t *wire, size_t len, struct ng_query *out);

/* One resource record with an uncompressed owner and uncompressed names inside its data. */
struct ng_rr {
	struct ng_name *owner; /* in the arena; lower-cased */
	uint16_t type;
	uint32_t ttl; /* RFC 2181 8: 2^31 and more reads as 0 */
	uint16_t rdlen;
	uint8_t *rdata; /* in the arena */
};
/* One upstream message, reduced to what may be used: the answer section, and the negative SOA. */
struct ng_answer {
	uint16_t id;
	uint8_t rcode;
	bool truncated, authentic;
	bool has_question;
	struct ng_question question;
	bool edns;             /* it has an OPT */
	const uint8_t *cookie; /* of its first COOKIE option, in the message; NULL: none */
	uint8_t cookie_len;    /* 8, or 16 to 40 */
	struct ng_rr *rrs;     /* answer section, class IN, in message order */
	size_t n;
	struct ng_rr *soa; /* first SOA of the authority section, or NULL */
};
/*
 * Reads a response (QR=1). NG_E_FORMAT, NG_E_SHORT, NG_E_RANGE (more than NG_ANSWER_RRS_MAX
 * records), NG_E_NOMEM. Known types are checked against their form: A 4 octets, AAAA 16, names
 * inside CNAME, DNAME, PTR, NS, MX, SOA, SRV unpacked.
 */
int ng_answer_parse(const uint8_t *wire, size_t len, struct arena *arena,
		    struct ng_answer *out) NG_MUST_CHECK;

/* Does this response belong to that question in every respect but the ID: name with its case, type, class? */
bool ng_answer_matches(const struct ng_answer *answer, const struct ng_question *asked);

/* The info code of a message's first Extended DNS Error; NG_EDE_NONE: there is none to be read. */
int ng_ede_find(const uint8_t *wire, size_t len);

/* A query for an upstream: RD set, EDNS 0 with 1232, DO and CD as given; returns its length. */
size_t ng_ask_build(const struct ng_question *question, uint16_t id, bool dnssec_ok, bool cd,
		    uint8_t out[static 512]);
/* Adds an option to such a query, where there is room for it; returns the new length. data NULL: zeros. */
size_t ng_ask_option(uint8_t query[static 512], size_t len, uint16_t code, const uint8_t *data,
		     uint16_t n);
/* Has such a query ask whether the answer was validated (RFC 6840 5.7). */
void ng_ask_ad(uint8_t query[static 512]);
/* Takes OPT off a query as ng_ask_build() wrote it, and with it DO; returns the new length. */
size_t ng_ask_plain(uint8_t query[static 512], size_t len);

struct ng_reply_spec {
	const struct ng_query *query;
	uint8_t rcode;
	bool authentic;              /* AD */
	const struct ng_rr *answers; /* may be NULL */
	size_t n;
	bool negative_soa;        /* put an SOA in authority (RFC 2308) */
	const struct ng_rr *soa;  /* that one; NULL means our own, owned by the root */
	uint32_t soa_ttl, serial; /* ttl of the SOA and its MINIMUM; serial of our own */
	bool keepalive;           /* say how long the connection may be idle */
	uint16_t keepalive_ds;    /* in tenths of a second; 0: close it */
	int ede;                  /* enum ng_ede */
	const char *ede_text;     /* UTF-8; may be NULL */
	const char *ede_end;      /* follows it and is never cut; may be NULL */
	bool truncate;            /* TC=1 and nothing in the sections */
	size_t limit;             /* what the transport takes: udp_size or 65535 */
};
/*
 * Writes a reply of at most spec->limit octets: the question echoed with its case, RA=1, AA=0,
 * RD and CD copied, OPT exactly when the client sent one. Owner and alias names are compressed.
 * What does not fit leaves as TC=1 with empty sections. EXTRA-TEXT takes what room is left, at most
 * NG_EDE_TEXT_MAX: ede_text is cut for it behind a word, and without room for ede_end there is none.
 * out has room for spec->limit octets, at least 512. Returns the length, 0 only when the
 * query had no header to answer.
 */
size_t ng_reply_build(const struct ng_reply_spec *spec, uint8_t *out);
/* Would this reply leave with TC=1? The same computation without the octets. */
bool ng_reply_overflows(const struct ng_reply_spec *spec);
