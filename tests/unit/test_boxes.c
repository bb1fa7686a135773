/* Main's table of sandboxes: names and sources are taken once, whatever the width of the prefixes. */
#include "base/token.h"
#include "daemon/boxes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct conf_sandbox named(const char *name, const char *source)
{
	struct conf_sandbox conf = {.n_sources = 1, .mode = NG_ENFORCE};
	snprintf(conf.name, sizeof conf.name, "%s", name);
	assert_int_equal(ng_prefix_parse(source, &conf.sources[0]), NG_OK);
	return conf;
}

static int add(struct boxes *boxes, uint32_t id, const char *name, const char *source,
	       struct box **other)
{
	struct conf_sandbox conf = named(name, source);
	struct box *box;
	return boxes_add(boxes, id, &conf, other, &box);
}

static void test_clashes(void **state)
{
	(void)state;
	struct boxes boxes = {0};
	struct images images = {0};
	struct box *other = NULL;
	assert_int_equal(add(&boxes, 1, "host", "10.0.0.1", &other), NG_OK);
	assert_int_equal(add(&boxes, 2, "wide", "10.1.0.0/16", &other), NG_OK);
	assert_int_equal(add(&boxes, 3, "six", "fd00::1", &other), NG_OK);
	assert_int_equal(add(&boxes, 4, "host", "10.0.0.9", &other), NG_E_EXISTS);
	assert_string_equal(other->conf.name, "host");
	assert_int_equal(add(&boxes, 4, "x", "10.0.0.1", &other), NG_E_EXISTS);
	assert_int_equal(add(&boxes, 4, "x", "10.1.2.3", &other), NG_E_EXISTS);
	assert_string_equal(other->conf.name, "wide");
	assert_int_equal(add(&boxes, 4, "x", "10.0.0.0/8", &other), NG_E_EXISTS);
	assert_int_equal(add(&boxes, 4, "x", "fd00::/64", &other), NG_E_EXISTS);
	assert_string_equal(other->conf.name, "six");
	assert_int_equal(add(&boxes, 4, "x", "10.2.0.0/16", &other), NG_OK);
	assert_int_equal(boxes_count(&boxes), 4);
	boxes_finish(&boxes, &images);
}

/*
 * A reload moves a source from one box to another while the first is still there. Who else has it is
 * known, wherever the table has put the two.
 */
static void test_owner(void **state)
{
	(void)state;
	struct boxes boxes = {0};
	struct images images = {0};
	struct box *other = NULL;
	assert_int_equal(add(&boxes, 1, "was", "10.0.0.1", &other), NG_OK);
	assert_int_equal(add(&boxes, 2, "is", "10.0.0.2", &other), NG_OK);
	struct box *was = boxes_find(&boxes, "was"), *is = boxes_find(&boxes, "is");
	struct conf_sandbox moved = named("is", "10.0.0.1");
	assert_ptr_equal(boxes_owner(&boxes, &moved.sources[0], was), NULL);
	assert_int_equal(boxes_replace(&boxes, is, &moved), NG_OK);
	for (uint32_t id = 3; id < 3000; id++) {
		char name[16], source[24];
		assert_ptr_equal(boxes_owner(&boxes, &moved.sources[0], was), is);
		assert_ptr_equal(boxes_owner(&boxes, &moved.sources[0], is), was);
		snprintf(name, sizeof name, "b%u", id);
		snprintf(source, sizeof source, "10.1.%u.%u", id >> 8, id & 255);
		assert_int_equal(add(&boxes, id, name, source, &other), NG_OK);
	}
	boxes_finish(&boxes, &images);
}

/* Each with a token as its source, as its id gives it one. */
static int add_host(struct boxes *boxes, uint32_t id, struct conf_sandbox conf,
		    struct box **other)
{
	struct box *box;
	snprintf(conf.name, sizeof conf.name, "b%u", id);
	token_sources(id, conf.sources);
	conf.n_sources = 2;
	return boxes_add(boxes, id, &conf, other, &box);
}

static void test_what_tells_one_tells_no_other(void **state)
{
	(void)state;
	struct boxes boxes = {0};
	struct images images = {0};
	struct box *other = NULL;
	struct conf_sandbox user = {.uid = "build", .host.uid = 1000},
			    number = {.uid = "1000", .host.uid = 1000},
			    another = {.uid = "1001", .host.uid = 1001},
			    group = {.cgroup = "/a", .host.cgroup = 7},
			    same = {.cgroup = "/other-mount/a", .host.cgroup = 7},
			    below = {.cgroup = "/a/b", .host.cgroup = 8},
			    sidecar = {.sidecar = true};
	assert_int_equal(add_host(&boxes, 1, user, &other), NG_OK);
	assert_int_equal(add_host(&boxes, 2, number, &other), NG_E_EXISTS);
	assert_string_equal(other->conf.name, "b1");
	assert_int_equal(add_host(&boxes, 2, another, &other), NG_OK);
	assert_int_equal(add_host(&boxes, 3, group, &other), NG_OK);
	assert_int_equal(add_host(&boxes, 4, same, &other), NG_E_EXISTS);
	assert_int_equal(add_host(&boxes, 4, below, &other), NG_OK);
	assert_int_equal(add_host(&boxes, 5, sidecar, &other), NG_OK);
	assert_int_equal(add_host(&boxes, 6, sidecar, &other), NG_E_EXISTS);
	assert_string_equal(other->conf.name, "b5");
	another.host.uid = 1002; /* a token is not given twice either */
	assert_int_equal(add_host(&boxes, 1 + (1u << 22), another, &other), NG_E_EXISTS);
	boxes_finish(&boxes, &images);
}

static void test_those_without_an_interface_are_kept_apart(void **state)
{
	(void)state;
	struct boxes boxes = {0};
	struct images images = {0};
	struct box *other = NULL, *found;
	struct conf_sandbox user = {.uid = "build", .host.uid = 1000};
	struct conf_sandbox plain = named("b1", "10.0.0.1");
	assert_int_equal(add(&boxes, 2, "plain", "10.0.0.2", &other), NG_OK);
	assert_null(boxes.by_host);
	assert_int_equal(add_host(&boxes, 1, user, &other), NG_OK);
	found = boxes_find(&boxes, "b1");
	assert_int_equal(HASH_CNT(by_host, boxes.by_host), 1);
	assert_ptr_equal(boxes.by_host, found);
	assert_int_equal(boxes_replace(&boxes, found, &plain), NG_OK);
	assert_null(boxes.by_host);
	snprintf(user.name, sizeof user.name, "b1");
	assert_int_equal(boxes_replace(&boxes, found, &user), NG_OK);
	assert_ptr_equal(boxes.by_host, found);
	boxes_remove(&boxes, &images, found);
	assert_null(boxes.by_host);
	boxes_finish(&boxes, &images);
}

static void test_removal_frees_its_sources(void **state)
{
	(void)state;
	struct boxes boxes = {0};
	struct images images = {0};
	struct box *other = NULL;
	assert_int_equal(add(&boxes, 1, "a", "10.0.0.1", &other), NG_OK);
	assert_int_equal(add(&boxes, 2, "b", "10.1.0.0/16", &other), NG_OK);
	boxes_remove(&boxes, &images, boxes_find(&boxes, "a"));
	boxes_remove(&boxes, &images, boxes_find_id(&boxes, 2));
	assert_int_equal(add(&boxes, 3, "c", "10.0.0.0/8", &other), NG_OK);
	boxes_finish(&boxes, &images);
}

static void test_replacing_moves_sources(void **state)
{
	(void)state;
	struct boxes boxes = {0};
	struct images images = {0};
	struct box *other = NULL;
	struct conf_sandbox moved = named("a", "10.0.0.2");
	assert_int_equal(add(&boxes, 1, "a", "10.0.0.1", &other), NG_OK);
	assert_true(boxes_differ(&boxes_find(&boxes, "a")->conf, &moved));
	assert_int_equal(boxes_replace(&boxes, boxes_find(&boxes, "a"), &moved), NG_OK);
	assert_false(boxes_differ(&boxes_find(&boxes, "a")->conf, &moved));
	assert_int_equal(add(&boxes, 2, "b", "10.0.0.1", &other), NG_OK);
	assert_int_equal(add(&boxes, 3, "c", "10.0.0.2", &other), NG_E_EXISTS);
	boxes_finish(&boxes, &images);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clashes),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_what_tells_one_tells_no_other),
		cmocka_unit_test(test_those_without_an_interface_are_kept_apart),
		cmocka_unit_test(test_removal_frees_its_sources),
		cmocka_unit_test(test_replacing_moves_sources),
	};
	return cmocka_run_group_tests_name("boxes", tests, NULL, NULL);
}
