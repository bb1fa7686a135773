/* What there may be very many of is as small as somebody took care to make it: who makes it larger says so here. */
#include "gate/engine.h"

#include "policy/image.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void none_has_grown(void **state)
{
	static const struct {
		const char *what;
		size_t size, most;
	} sizes[] = {
		{"lease of an IPv4 address", sizeof(struct lease) + 4, 76},
		{"holder beside a lease", sizeof(struct holder), 32},
		{"cache entry", sizeof(struct entry), 104}, /* with what is ready of it */
		{"record of a cache entry", sizeof(struct entry_rr), 12},
		{"rule of an image", sizeof(struct image_rule), 16},
		{"pending query", sizeof(struct query), 2048},
		{"order in flight", sizeof(struct order), 120},
		{"ask in flight", sizeof(struct ask), 416},
		{"sandbox", sizeof(struct sandbox), 1536},
		{"name that waits for approval", sizeof(struct waiting), 656},
	};
	(void)state;

	if (sizeof(void *) != 8)
		skip();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (sizes[i].size > sizes[i].most)
			fail_msg("%s: %zu octets, %zu at most are wanted", sizes[i].what,
				 sizes[i].size, sizes[i].most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_has_grown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
