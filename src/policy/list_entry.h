/* One entry of a host list: the words of its line, and what they say. For the files of list.c. */
#pragma once

#include "policy/builder.h"

#define LIST_SHOWN  80 /* octets of an entry that a message repeats */
#define LIST_ADVICE 160

enum entry_option {
	OPTION_TYPES = 1,
	OPTION_LEASE = 2,
	OPTION_PRIVATE = 4,
	OPTION_CNAME = 8,
	OPTION_UNTIL = 16
};

struct entry {
	const char *text; /* the name or address: without mark and ports */
	size_t len;
	const char *ports; /* behind the colon; NULL: none */
	size_t ports_len;
	enum ng_rule_action action;
	struct ng_place place;
	bool address;
	struct ng_prefix prefix; /* of an address */
	struct ng_bounds bounds;
	uint64_t until_s;
	unsigned options; /* said: enum entry_option */
};

/* A copy fit for a terminal, cut where it gets long. */
const char *entry_shown(const char *text, size_t len, char buf[static LIST_SHOWN]);
/* Reports an error about the entry: "TEXT REASON". */
void entry_refuse(struct ng_diags *diags, const struct entry *entry, const char *code,
		  const char *suggestion, const char *reason);

/* Takes mark, name or address, and ports apart; reads an address in full. False: refused, and said. */
bool entry_split(struct entry *entry, struct ng_diags *diags);
/* What is recognised as something that a name policy cannot say. True when refused; said. */
bool entry_refused(const struct entry *entry, struct ng_diags *diags);
/* Reads the ports of a name. False when they are refused; said. */
bool entry_ports(struct entry *entry, struct ng_diags *diags);
/* The words behind the entry, "types=A,AAAA until=2026-12-31"; column is the first one's. */
bool entry_options(struct entry *entry, const char *words, size_t len, uint32_t column,
		   struct ng_diags *diags);
/* May a rule name this query type? Not those that no answer has. */
bool entry_type_fits(uint16_t type);
