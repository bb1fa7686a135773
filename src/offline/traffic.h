/*
 * Recorded traffic as one stream of observations: who asked for what, what the answer was, and
 * where packets went.
 *
 * Read are captures (pcap, pcapng), dnstap files, namegated's own records, alone or inside
 * journald's JSON, and names with times, written by hand; a file is known by its content. One pass, and memory that does not grow with the
 * file: every table has its bound, and what falls out of one is counted. What is broken is
 * counted too, and never ends the reading of what is whole. Several files are read as one, so that a
 * connection may begin in one capture and go on in the next.
 */
#pragma once

#include <namegate/addr.h>
#include <namegate/diag.h>
#include <namegate/message.h>
#include <stdio.h>

#define TRAFFIC_PORTS_MAX 4

enum traffic_kind {
	TRAFFIC_QUERY = 1,
	TRAFFIC_RESPONSE, /* a question with its answer; its query may have been seen before, or not */
	TRAFFIC_FLOW,   /* packets that are not DNS */
	TRAFFIC_REMOVED /* a record: addresses that the gate took out of an answer */
};

/* What whoever answered made of the question. */
enum traffic_fate {
	TRAFFIC_UNKNOWN = 0, /* a query: the answer stands elsewhere, if anywhere */
	TRAFFIC_DENIED,      /* a record's verdict, or NXDOMAIN or no data with EDE 15 */
	TRAFFIC_ANSWERED,    /* with data */
	TRAFFIC_EMPTY,       /* there is no such name, or no such data */
	TRAFFIC_FAILED       /* any other RCODE, or cut short: asked again over TCP */
};

struct traffic_address {
	struct ng_addr addr;
	uint32_t ttl_s;
};

/* Pointers are good until the call that handed it over returns. */
struct traffic_observation {
	enum traffic_kind kind;
	uint64_t wall_us;              /* since 1970; may step back a little between two */
	struct ng_addr client, server; /* none: not known */
	uint8_t proto;                 /* IP protocol that carried it; 0: not known */
	const char *sandbox;           /* as the record names it; NULL: not known */
	/* what was asked; of a flow, the name that a record gives to its address, or NULL */
	const struct ng_name *name; /* lower case */
	uint16_t type;
	/* of a response */
	enum traffic_fate fate;
	uint8_t rcode;
	/* of a record: the rule that denies the name or asks first, even if the sandbox was only observed */
	const char *denied_by;
	const struct ng_name
		*aliases; /* targets in order, from the asked name on; lower case */
	size_t n_aliases;
	const struct traffic_address *addrs; /* of the last of them */
	size_t n_addrs;
	/* of a flow */
	uint16_t client_port, port; /* 0: the protocol has none, or a record does not say */
	bool began;   /* its first packet was seen; else which end is the client is a guess */
	bool more;    /* of a flow that was told before: what came since */
	bool blocked; /* a record of packets that did not pass */
	uint64_t packets; /* from the client */
	uint64_t back;    /* to it, resets not counted */
};

struct traffic_wish {
	uint16_t ports[TRAFFIC_PORTS_MAX]; /* of DNS, besides 53 */
	size_t n_ports;
	void (*take)(void *context, const struct traffic_observation *observation);
	/* Called now and then with the octets read so far; may be NULL. */
	void (*progress)(void *context, uint64_t octets);
	void *context;
};

enum traffic_count {
	TRAFFIC_N_OCTETS = 0, /* of packets, frames and lines */
	TRAFFIC_N_PACKETS,
	TRAFFIC_N_FRAMES, /* of dnstap */
	TRAFFIC_N_LINES,
	TRAFFIC_N_QUERIES,
	TRAFFIC_N_RESPONSES,
	TRAFFIC_N_FLOWS,
	/* from here on: what could not be read, or was not for us */
	TRAFFIC_N_OTHER, /* no IP in it, link upkeep, a resolver's own questions, other lines */
	TRAFFIC_N_CUT,   /* the capture holds less of the packet than was sent */
	TRAFFIC_N_BROKEN,    /* lengths that contradict each other, lines that are no records */
	TRAFFIC_N_MALFORMED, /* DNS messages that break their form */
	TRAFFIC_N_UNFINISHED, /* datagrams and messages of which a part never came */
	TRAFFIC_N_GAPS,       /* stretches of TCP that the capture does not hold */
	TRAFFIC_N_GIVEN_UP,   /* directions of TCP left after a gap: no message began again */
	TRAFFIC_N_SUPPRESSED, /* records that namegated itself left out, by its own account */
	TRAFFIC_N_FILES_CUT,  /* files that end, or break, before their end */
	TRAFFIC_COUNTS
};
struct traffic_counts {
	uint64_t n[TRAFFIC_COUNTS];
};
/* A word for programs ("given_up"), and what it counts, for people. */
const char *traffic_count_name(enum traffic_count count);
const char *traffic_count_text(enum traffic_count count);

struct traffic;
int traffic_create(const struct traffic_wish *wish, struct traffic **out) NG_MUST_CHECK;
void traffic_destroy(struct traffic *traffic); /* takes NULL */
/*
 * Reads one file; "-" is standard input. NG_E_IO, NG_E_FORMAT (it is none of the formats, or
 * nothing of it can be read), each with an error in diags; NG_E_NOMEM. A file that breaks off is
 * NG_OK with a warning.
 */
int traffic_read(struct traffic *traffic, const char *path,
		 struct ng_diags *diags) NG_MUST_CHECK;
/* The same from an open file, which is closed at the end whatever happens. */
int traffic_read_from(struct traffic *traffic, FILE *file, const char *path,
		      struct ng_diags *diags) NG_MUST_CHECK;
/* Behind the last file: hands over what was still waiting. */
void traffic_end(struct traffic *traffic);
const struct traffic_counts *traffic_counts(const struct traffic *traffic);
