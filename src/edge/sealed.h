/*
 * Sealed memory: octets that one process hands to another, and neither can change or cut short any
 * more. The maker keeps nothing but the descriptor; who maps it owns the mapping.
 */
#pragma once

#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A descriptor of new sealed memory with a copy of the octets. NG_E_IO. */
int sealed_make(const uint8_t *octets, size_t len, int *fd) NG_MUST_CHECK;
/* Does the kernel promise that there are len octets behind fd, and that they stay as they are? */
bool sealed_is(int fd, uint64_t len);
/* Maps sealed memory for reading; fd may be closed afterwards. NG_E_NOMEM, NG_E_IO. */
int sealed_map(int fd, size_t len, uint8_t **out) NG_MUST_CHECK;
void sealed_unmap(uint8_t *octets, size_t len); /* takes NULL */
