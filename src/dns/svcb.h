/*
 * SVCB and HTTPS records (RFC 9460), as far as a gate must look into them.
 *
 * Address hints would carry addresses past the kernel's sets, and an encrypted ClientHello would
 * hide from everybody which name a shared address is used for. So ipv4hint, ech and ipv6hint go;
 * a client then asks for the target's addresses, which is judged and leased like any question.
 */
#pragma once

#include <namegate/message.h>

#define SVCB_RDATA_MAX 65535u

struct svcb {
	uint16_t priority;     /* 0: alias mode */
	struct ng_name target; /* lower case; the root stands for the owner itself */
	bool usable;           /* false: what we took out was mandatory for the client */
	size_t len;            /* of the octets written to out */
};

/*
 * Reads rdata and writes it again without hints and ech. out has room for len octets. NG_E_SHORT,
 * NG_E_FORMAT (keys not strictly rising, lengths that lie, a malformed mandatory list).
 */
int svcb_strip(const uint8_t *rdata, size_t len, uint8_t *out, struct svcb *svcb) NG_MUST_CHECK;
