/* The heap under random puts, moves and takes, against a plain scan. */
#include "gate/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <cmocka.h>

#define NODES 257

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void assert_least_on_top(const struct heap *heap, const struct heap_node *nodes)
{
	uint64_t least = UINT64_MAX;
	size_t n = 0;

	for (size_t i = 0; i < NODES; i++) {
		if (!nodes[i].place)
			continue;
		n++;
		assert_ptr_equal(heap->nodes[nodes[i].place - 1], &nodes[i]);
		if (nodes[i].at_us < least)
			least = nodes[i].at_us;
	}
	assert_int_equal(heap->n, n);
	if (n)
		assert_true(heap_top(heap)->at_us == least);
	else
		assert_null(heap_top(heap));
}

static void random_steps(void **state)
{
	struct heap heap = {0};
	struct heap_node nodes[NODES] = {0};
	uint64_t seed = 0x9e3779b97f4a7c15u;

	(void)state;
	for (size_t step = 0; step < 20000; step++) {
		struct heap_node *node = &nodes[next(&seed) % NODES];
		uint64_t at_us = next(&seed) % 1000;

		if (!node->place)
			assert_int_equal(heap_put(&heap, node, at_us), NG_OK);
		else if (next(&seed) % 2)
			heap_move(&heap, node, at_us);
		else
			heap_take(&heap, node);
		assert_least_on_top(&heap, nodes);
	}
	heap_finish(&heap);
}

static void comes_out_in_order(void **state)
{
	struct heap heap = {0};
	struct heap_node nodes[NODES] = {0};
	uint64_t seed = 7, before = 0;

	(void)state;
	for (size_t i = 0; i < NODES; i++)
		assert_int_equal(heap_put(&heap, &nodes[i], next(&seed) % 100), NG_OK);
	for (struct heap_node *top; (top = heap_top(&heap)); heap_take(&heap, top)) {
		assert_true(top->at_us >= before);
		before = top->at_us;
	}
	heap_take(&heap, &nodes[0]); /* not in it any more: void */
	heap_finish(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps),
		cmocka_unit_test(comes_out_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
