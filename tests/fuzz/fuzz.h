/* What every fuzz target shares: the entry point, and how a target says that a promise was broken. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What libFuzzer asks for when it is there (mutate.c), and what it has itself. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed);
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

#define fuzz_must(promise)                                                                     \
	do {                                                                                   \
		if (!(promise)) {                                                              \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);  \
			abort();                                                               \
		}                                                                              \
	} while (0)
