/* Unicode in host names: to A-labels (IDNA2008), and what looks like another name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the name in A-labels, with its NUL; labels of ASCII stay as they are. NULL, or what is
 * wrong with the name.
 */
const char *idn_to_ascii(const char *text, size_t len, char *out, size_t room);
/* Has a label letters of several scripts that look alike? The name is in A-labels, with its NUL. */
bool idn_is_mixed(const char *name);
