/* Edit distance (Levenshtein) over all keys; up to two slips count as a misspelling. */
#include "conf/nearest.h"

#include "conf/fields.h"
#include <string.h>

#define WORD_MAX 32
#define SLIPS    2

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;
	return least < c ? least : c;
}

static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t n = strlen(b);
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1] != '\0'; i++) {
		unsigned corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			unsigned above = row[j];
			row[j] = smallest(above + 1, row[j - 1] + 1,
					  corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[n];
}

static void consider(const char *word, const char *key, const char **best, unsigned *least)
{
	unsigned slips = distance(word, key);
	if (slips < *least) {
		*best = key;
		*least = slips;
	}
}

const char *nearest_key(const char *word)
{
	const char *best = NULL;
	unsigned least = SLIPS + 1;
	if (strlen(word) > WORD_MAX)
		return NULL;
	for (int i = 0; i < CONF_TABLES; i++) {
		if (conf_tables[i].section != NULL)
			consider(word, conf_tables[i].section, &best, &least);
		for (size_t j = 0; j < conf_tables[i].n; j++)
			consider(word, conf_tables[i].fields[j].name, &best, &least);
	}
	return best;
}
