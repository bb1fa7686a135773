/* Text of strangers, made fit to be shown: on a terminal an escape sequence is an order. */
#pragma once

#include <stddef.h>

/* How many octets the UTF-8 character here has; 0: it is none, or not for printing, as control characters and marks that turn the direction of writing. */
size_t text_printable(const char *at);
/* In place: each octet of what is not for printing, nor in keep, becomes "?". Returns text. */
char *text_clean(char *text, const char *keep);
