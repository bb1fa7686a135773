/* Names in the order of the tree: by labels from the root on, each as a word in a dictionary. */
#include "config.h"
#include "offline/learn_inside.h"

#include <stdlib.h>
#include <string.h>

/* Where each label begins; returns how many there are. */
static size_t labels_of(const struct ng_name *name, uint8_t starts[static NG_LABELS_MAX])
{
	size_t n = 0;

	for (size_t at = 0; at + 1 < name->len && n < NG_LABELS_MAX; at += 1u + name->wire[at])
		starts[n++] = (uint8_t)at;
	return n;
}

int tree_order(const struct ng_name *a, const struct ng_name *b)
{
	uint8_t of_a[NG_LABELS_MAX], of_b[NG_LABELS_MAX];
	size_t n_a = labels_of(a, of_a), n_b = labels_of(b, of_b);

	while (n_a > 0 && n_b > 0) {
		const uint8_t *left = a->wire + of_a[--n_a], *right = b->wire + of_b[--n_b];
		int order = memcmp(left + 1, right + 1, *left < *right ? *left : *right);

		if (order || *left != *right)
			return order ? order : (int)*left - (int)*right;
	}
	return (n_a > 0) - (n_b > 0);
}

size_t tree_seek(const struct ng_name *names, size_t stride, size_t n,
		 const struct ng_name *name)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const void *at = (const uint8_t *)names + middle * stride;

		if (tree_order(at, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int compare(const void *left, const void *right)
{
	return tree_order(left, right);
}

void tree_sort(struct ng_name *names, size_t n)
{
	qsort(names, n, sizeof(*names), compare);
}

bool tree_has_below(const struct ng_name *names, size_t n, const struct ng_name *name)
{
	size_t at = tree_seek(names, sizeof(*names), n, name);

	while (at < n && tree_order(&names[at], name) == 0)
		at++;
	return at < n && ng_name_within(&names[at], name);
}
