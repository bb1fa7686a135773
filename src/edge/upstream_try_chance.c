/*
 * What an attacker has to guess. One system call fills the store for dozens of questions; octets
 * are wiped as they leave it, so that no later look into memory tells an earlier ID.
 */
#include "config.h"
#include "edge/upstream_try_chance.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static bool refill(struct chance *chance)
{
	ssize_t got;

	do
		got = getrandom(chance->octets, sizeof(chance->octets), 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(chance->octets))
		return false;
	chance->left = sizeof(chance->octets);
	return true;
}

bool chance_draw(struct chance *chance, void *out, size_t n)
{
	if (chance->left < n && !refill(chance))
		return false;
	chance->left -= n;
	memcpy(out, chance->octets + chance->left, n);
	memset(chance->octets + chance->left, 0, n);
	return true;
}

/* Length octets are at most 63, below every letter, so none is mistaken for one. */
bool chance_mix_case(struct chance *chance, struct ng_name *name)
{
	uint8_t bits[(NG_NAME_MAX + 7) / 8];

	if (!chance_draw(chance, bits, sizeof(bits)))
		return false;
	for (size_t i = 0; i < name->len; i++) {
		uint8_t lower = name->wire[i] | 0x20;
		bool letter = name->wire[i] > NG_LABEL_MAX && lower >= 'a' && lower <= 'z';

		if (letter)
			name->wire[i] = bits[i / 8] >> i % 8 & 1 ? lower & 0xDF : lower;
	}
	return true;
}
