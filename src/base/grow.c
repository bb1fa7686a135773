/* The pointer is read and written as octets, since it may be of any object type. */
#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 64

bool grow(void *items, size_t *room, size_t need, size_t size)
{
	size_t wanted = *room == 0 ? FIRST : *room;
	void *old, *grown;

	if (need <= *room)
		return true;
	while (wanted < need) {
		if (wanted > SIZE_MAX / 2)
			return false;
		wanted *= 2;
	}
	memcpy(&old, items, sizeof(old));
	grown = reallocarray(old, wanted, size);
	if (grown == NULL)
		return false;
	memcpy(items, &grown, sizeof(grown));
	*room = wanted;
	return true;
}
