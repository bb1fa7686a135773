/* Octets of the kernel's random source, drawn ahead, used once and wiped. */
#pragma once

#include <namegate/name.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chance { /* the zero value is empty and ready */
	uint8_t octets[1024];
	size_t left;
};

/* n is at most 1024; false when the kernel has none to give. */
bool chance_draw(struct chance *chance, void *out, size_t n) NG_MUST_CHECK;
/* Gives every letter a random case (draft-vixie-dnsext-dns0x20). */
bool chance_mix_case(struct chance *chance, struct ng_name *name) NG_MUST_CHECK;
