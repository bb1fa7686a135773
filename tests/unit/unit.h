/* What cmocka needs before its own header, and copies whose end a sanitizer watches. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A copy in a block of exactly n octets; the caller frees it. */
static inline void *exact(const void *octets, size_t n)
{
	void *copy = malloc(n ? n : 1);
	assert_non_null(copy);
	if (n)
		memcpy(copy, octets, n);
	return copy;
}
