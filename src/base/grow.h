/* Arrays that grow by doubling. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Room for `need` items of that size in the array whose address is at `items` (any object pointer's
 * own address); *room is what it has. False when memory is out: the array is as it was.
 */
bool grow(void *items, size_t *room, size_t need, size_t size);
