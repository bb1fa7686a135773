/* Declared sets: what keys are taken, and elements that several leases hold. The kernel is a list here. */
#include "unit.h"

#include "warden/declared.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- a kernel ---- */

struct fake {
	struct set_at at;
	uint8_t key[KEY_MAX];
	uint64_t end_us; /* FOREVER too; 0: free */
	bool marked;
};
static struct fake kernel[64];
static uint64_t now_us;
static const struct set_at *refuse_in; /* this set takes nothing new */
static bool keep_all;                  /* and nothing can be taken out */
static size_t written, asked;
static bool speechless; /* it commits, and no word comes back */

static struct fake *fake_find(const struct set_at *at, const uint8_t *key)
{
	for (size_t i = 0; i < 64; i++)
		if (kernel[i].end_us && memcmp(&kernel[i].at, at, sizeof(*at)) == 0 &&
		    memcmp(kernel[i].key, key, at->key_len) == 0)
			return &kernel[i];
	return NULL;
}

static struct fake *fake_put(const struct set_at *at, const uint8_t *key)
{
	struct fake *fake = fake_find(at, key);

	for (size_t i = 0; !fake; i++)
		if (!kernel[i].end_us)
			fake = &kernel[i];
	fake->at = *at;
	memcpy(fake->key, key, at->key_len);
	return fake;
}

int __wrap_set_at_element(struct netlink *netlink, const struct set_at *at, const uint8_t *key,
			  struct element *out);
int __wrap_set_at_element(struct netlink *netlink, const struct set_at *at, const uint8_t *key,
			  struct element *out)
{
	const struct fake *fake = fake_find(at, key);

	(void)netlink;
	asked++;
	if (!fake || fake->end_us <= now_us)
		return NG_E_NOTFOUND;
	*out = (struct element){.permanent = fake->end_us == FOREVER, .marked = fake->marked};
	if (!out->permanent)
		out->expires_ms = (fake->end_us - now_us) / 1000;
	return NG_OK;
}

static void fake_apply(struct op *op)
{
	struct fake *fake;

	written++;
	if (op->remove) {
		fake = fake_find(op->at, op->key);
		if (fake)
			fake->end_us = 0;
	} else {
		fake = fake_put(op->at, op->key);
		if (!fake->end_us || op->anew)
			fake->marked = !op->bare;
		fake->end_us = op->timeout_ms ? now_us + op->timeout_ms * 1000 : FOREVER;
	}
	op->error = 0;
}

int __wrap_ops_commit(struct ops *ops, const char *table, const struct ability *ability,
		      struct batch *batch, struct netlink *netlink);
int __wrap_ops_commit(struct ops *ops, const char *table, const struct ability *ability,
		      struct batch *batch, struct netlink *netlink)
{
	int code = NG_OK;

	(void)table, (void)ability, (void)batch, (void)netlink;
	for (size_t i = 0; i < ops->n; i++) {
		struct op *op = &ops->items[i];

		if (refuse_in && op->at == refuse_in && !op->remove) {
			op->error = ENFILE;
			code = NG_E_FULL;
		} else if (keep_all && op->remove) {
			op->error = ENOMEM;
			code = NG_E_NOMEM;
		} else {
			fake_apply(op);
		}
		if (speechless) {
			op->error = EIO;
			code = NG_E_KERNEL;
		}
	}
	return code;
}

/* ---- a stage ---- */

static struct declared declared;
static struct ops ops;
static uint64_t leases[8]; /* nobody here looks into one */

static void declare(size_t i, const char *name, uint8_t family, bool source, bool port)
{
	struct declared_set *set = &declared.sets[i];
	const struct lease_key none = {0};
	uint8_t key[KEY_MAX];

	*set = (struct declared_set){.shape = {family, source, port}};
	snprintf(set->at.name, sizeof(set->at.name), "%s", name);
	set->at.key_len = shape_key(&set->shape, &none, key);
	if (declared.n <= i)
		declared.n = i + 1;
}

static int begin(void **state)
{
	(void)state;
	memset(kernel, 0, sizeof(kernel));
	declared_finish(&declared);
	ops_finish(&ops);
	now_us = 1000 * 1000000ull;
	refuse_in = NULL;
	speechless = keep_all = false;
	written = asked = 0;
	return 0;
}

static struct ng_addr address(const char *text)
{
	struct ng_addr addr;

	assert_int_equal(ng_addr_parse(text, &addr), NG_OK);
	return addr;
}

/* Lease i is of that pair; how long it is to stand in seconds, 0 to end it. */
static void order(size_t i, const char *source, const char *to, uint8_t proto, uint16_t port,
		  unsigned seconds)
{
	struct ng_addr from = address(source), at = address(to);
	struct op *op = op_pair(&ops, &from, &at, proto, port);

	op->lease = (struct lease *)&leases[i];
	op->remove = !seconds;
	op->timeout_ms = seconds * 1000ull;
}

static int commit(void)
{
	const struct ability ability = {.in_place = true, .destroy = true};
	struct writer writer = {.ability = &ability, .now_us = now_us};

	return declared_commit(&declared, &ops, &writer);
}

static unsigned left_s(size_t set, const char *to)
{
	struct ng_addr addr = address(to);
	const struct fake *fake = fake_find(&declared.sets[set].at, addr.bytes);

	return fake && fake->end_us > now_us ? (unsigned)((fake->end_us - now_us) / 1000000)
					     : 0;
}

#define BOX1 "10.0.0.1"
#define BOX2 "10.0.0.2"
#define WEB  "192.0.2.7"

/* ---- keys ---- */

static void types_are_told_apart(void **state)
{
	static const struct {
		uint32_t type;
		uint8_t family, len;
		bool source, port;
	} rows[] = {
		{7, NG_IPV4, 4, false, false},       {8, NG_IPV6, 16, false, false},
		{0x1c7, NG_IPV4, 8, true, false},    {0x208, NG_IPV6, 32, true, false},
		{0x730d, NG_IPV4, 12, false, true},  {0x830d, NG_IPV6, 24, false, true},
		{0x1c730d, NG_IPV4, 16, true, true}, {0x20830d, NG_IPV6, 40, true, true},
	};
	const struct lease_key none = {0};
	uint8_t key[KEY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shape shape = shape_of(rows[i].type);

		assert_int_equal(shape.family, rows[i].family);
		assert_int_equal(shape.source, rows[i].source);
		assert_int_equal(shape.port, rows[i].port);
		assert_int_equal(shape_key_type(&shape), rows[i].type);
		assert_int_equal(shape_key(&shape, &none, key), rows[i].len);
	}
	/* ether_addr, inet_service, ipv4_addr . inet_service, ipv4_addr . ipv6_addr, nothing */
	assert_int_equal(shape_of(9).family, 0);
	assert_int_equal(shape_of(13).family, 0);
	assert_int_equal(shape_of(0x1cd).family, 0);
	assert_int_equal(shape_of(0x1c8).family, 0);
	assert_int_equal(shape_of(0).family, 0);
}

static void keys_are_laid_out_as_nft_does(void **state)
{
	static const uint8_t pair[16] = {10, 0, 0, 1, 192, 0, 2, 7, 6, 0, 0, 0, 1, 0xbb, 0, 0};
	struct shape shape = {NG_IPV4, true, true};
	struct ng_addr source = address(BOX1), to = address(WEB);
	struct lease_key lease = lease_key_make(&source, &to, 6, 443);
	uint8_t key[KEY_MAX];

	(void)state;
	assert_int_equal(shape_key(&shape, &lease, key), 16);
	assert_memory_equal(key, pair, 16);
	shape.source = false;
	assert_int_equal(shape_key(&shape, &lease, key), 12);
	assert_memory_equal(key, pair + 4, 12);
}

/* ---- holders ---- */

static void an_address_stands_as_long_as_the_longest_holder(void **state)
{
	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	order(0, BOX1, WEB, 0, 0, 100);
	order(1, BOX2, WEB, 0, 0, 300);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(written, 1); /* one element, once */
	assert_int_equal(left_s(0, WEB), 300);
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 200); /* shorter than it stands anyway */
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(written, 1);
	ops_clear(&ops);
	order(1, BOX2, WEB, 0, 0, 0); /* the longest goes: what the other needs remains */
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(left_s(0, WEB), 200);
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 0);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(left_s(0, WEB), 0);
	assert_null(declared.stands);
	assert_null(declared.holders);
}

static void coming_and_going_in_one_round(void **state)
{
	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	order(0, BOX1, WEB, 0, 0, 100);
	assert_int_equal(commit(), NG_OK);
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 0);
	order(1, BOX2, WEB, 0, 0, 50);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(left_s(0, WEB), 50);
}

static void leases_go_into_every_set_of_their_kind(void **state)
{
	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	declare(1, "pairs", NG_IPV4, true, false);
	declare(2, "ports", NG_IPV4, true, true);
	order(0, BOX1, WEB, 0, 0, 100);
	order(1, BOX1, "192.0.2.8", 6, 443, 100);
	order(2, "2001:db8::1", "2001:db8::7", 0, 0, 100);
	assert_int_equal(commit(), NG_E_UNSUPPORTED);
	assert_int_equal(ops.items[0].error, 0);
	assert_int_equal(ops.items[1].error, 0);
	assert_int_equal(ops.items[2].error, EPROTONOSUPPORT);
	assert_int_equal(written, 3);
	assert_int_equal(left_s(0, WEB), 100);
	assert_int_equal(left_s(0, "192.0.2.8"), 0);
}

static void what_one_set_refuses_is_taken_out_of_the_other(void **state)
{
	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	declare(1, "pairs", NG_IPV4, true, false);
	refuse_in = &declared.sets[1].at;
	order(0, BOX1, WEB, 0, 0, 100);
	assert_int_equal(commit(), NG_E_FULL);
	assert_int_equal(ops.items[0].error, ENFILE);
	assert_int_equal(left_s(0, WEB), 0);
	assert_null(declared.stands);
	assert_null(declared.holders);
}

static void what_could_not_be_taken_out_goes_at_the_next_look(void **state)
{
	const struct ability ability = {.in_place = true, .destroy = true};
	struct writer writer = {.ability = &ability, .now_us = now_us};

	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	declare(1, "pairs", NG_IPV4, true, false);
	refuse_in = &declared.sets[1].at;
	keep_all = true;
	order(0, BOX1, WEB, 0, 0, 100);
	assert_int_equal(commit(), NG_E_FULL);
	assert_int_equal(left_s(0, WEB), 100);
	assert_int_equal(declared_look(&declared, &writer), 0);
	assert_int_equal(declared_mend(&declared, &writer), NG_E_NOMEM);
	keep_all = false;
	assert_int_equal(declared_look(&declared, &writer), 0);
	assert_int_equal(declared_mend(&declared, &writer), NG_OK);
	assert_int_equal(left_s(0, WEB), 0);
	assert_null(declared.stands);
}

static void a_refused_renewal_shortens_nothing(void **state)
{
	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	order(0, BOX1, WEB, 0, 0, 100);
	assert_int_equal(commit(), NG_OK);
	ops_clear(&ops);
	refuse_in = &declared.sets[0].at;
	order(0, BOX1, WEB, 0, 0, 500);
	assert_int_equal(commit(), NG_E_FULL);
	assert_int_equal(left_s(0, WEB), 100);
	refuse_in = NULL;
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 500);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(left_s(0, WEB), 500);
}

static void what_is_in_doubt_is_taken_out_later(void **state)
{
	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	speechless = true;
	order(0, BOX1, WEB, 0, 0, 100);
	assert_int_equal(commit(), NG_E_KERNEL);
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 100); /* asked for again: nothing is taken for granted */
	assert_int_equal(commit(), NG_E_KERNEL);
	speechless = false;
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 0);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(left_s(0, WEB), 0);
	assert_null(declared.holders);
	assert_null(declared.stands);
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 100);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(left_s(0, WEB), 100);
}

/* ---- the operator's own ---- */

static void theirs(const char *to, uint64_t end_us)
{
	struct ng_addr addr = address(to);

	fake_put(&declared.sets[0].at, addr.bytes)->end_us = end_us;
}

static void permanent_elements_stay_permanent(void **state)
{
	struct ng_addr web = address(WEB);

	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	theirs(WEB, FOREVER);
	order(0, BOX1, WEB, 0, 0, 100);
	assert_int_equal(commit(), NG_OK);
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 0);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(written, 0);
	assert_true(fake_find(&declared.sets[0].at, web.bytes)->end_us == FOREVER);
	assert_null(declared.stands);
}

static void timed_ones_get_the_rest_of_their_time_back(void **state)
{
	struct ng_addr web = address(WEB);

	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	theirs(WEB, now_us + 400 * 1000000ull);
	order(0, BOX1, WEB, 0, 0, 100);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(left_s(0, WEB), 400);
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 900);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(left_s(0, WEB), 900);
	now_us += 100 * 1000000ull;
	ops_clear(&ops);
	order(0, BOX1, WEB, 0, 0, 0);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(left_s(0, WEB), 300);
	assert_false(fake_find(&declared.sets[0].at, web.bytes)->marked);
	assert_null(declared.stands);
}

/* ---- an earlier life, and other hands ---- */

static size_t dropped;
static void note_dropped(void *who, const struct declared_set *set, const uint8_t *key)
{
	(void)who, (void)set, (void)key;
	dropped++;
}

static void adopt(const char *to, unsigned seconds, bool marked)
{
	struct ng_addr addr = address(to);
	struct element element = {.len = 4, .marked = marked, .expires_ms = seconds * 1000};

	theirs(to, now_us + seconds * 1000000ull);
	fake_find(&declared.sets[0].at, addr.bytes)->marked = marked;
	memcpy(element.key, addr.bytes, 4);
	assert_int_equal(declared_adopt(&declared, 0, &element, now_us), NG_OK);
}

static void claimed_ones_stay_and_the_others_go(void **state)
{
	const struct ability ability = {.in_place = true, .destroy = true};
	struct writer writer = {.ability = &ability, .now_us = now_us};

	(void)state;
	dropped = 0;
	declare(0, "addresses", NG_IPV4, false, false);
	adopt(WEB, 100, true);
	adopt("192.0.2.8", 100, true);
	adopt("192.0.2.9", 100, false); /* not ours */
	order(0, BOX1, WEB, 0, 0, 100);
	assert_int_equal(commit(), NG_OK);
	assert_int_equal(written, 0);
	assert_int_equal(declared_drop_unclaimed(&declared, &writer, note_dropped, NULL),
			 NG_OK);
	assert_int_equal(dropped, 1);
	assert_int_equal(left_s(0, WEB), 100);
	assert_int_equal(left_s(0, "192.0.2.8"), 0);
	assert_int_equal(left_s(0, "192.0.2.9"), 100);
}

static void what_was_flushed_is_put_back(void **state)
{
	const struct ability ability = {.in_place = true, .destroy = true};
	struct writer writer = {.ability = &ability};

	(void)state;
	declare(0, "addresses", NG_IPV4, false, false);
	order(0, BOX1, WEB, 0, 0, 100);
	order(1, BOX1, "192.0.2.8", 0, 0, 200);
	assert_int_equal(commit(), NG_OK);
	memset(kernel, 0, sizeof(kernel));
	theirs("192.0.2.8", FOREVER); /* the operator's from now on */
	now_us += 10 * 1000000ull;
	writer.now_us = now_us;
	assert_int_equal(declared_look(&declared, &writer), 1);
	assert_int_equal(declared_mend(&declared, &writer), NG_OK);
	assert_int_equal(left_s(0, WEB), 90);
	assert_int_equal(declared_look(&declared, &writer), 0);
	assert_int_equal(declared_mend(&declared, &writer), NG_OK);
	refuse_in = &declared.sets[0].at;
	memset(kernel, 0, sizeof(kernel));
	assert_int_equal(declared_look(&declared, &writer), 2);
	assert_int_equal(declared_mend(&declared, &writer), NG_E_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_told_apart),
		cmocka_unit_test(keys_are_laid_out_as_nft_does),
		cmocka_unit_test_setup(an_address_stands_as_long_as_the_longest_holder, begin),
		cmocka_unit_test_setup(coming_and_going_in_one_round, begin),
		cmocka_unit_test_setup(leases_go_into_every_set_of_their_kind, begin),
		cmocka_unit_test_setup(what_one_set_refuses_is_taken_out_of_the_other, begin),
		cmocka_unit_test_setup(what_could_not_be_taken_out_goes_at_the_next_look,
				       begin),
		cmocka_unit_test_setup(a_refused_renewal_shortens_nothing, begin),
		cmocka_unit_test_setup(what_is_in_doubt_is_taken_out_later, begin),
		cmocka_unit_test_setup(permanent_elements_stay_permanent, begin),
		cmocka_unit_test_setup(timed_ones_get_the_rest_of_their_time_back, begin),
		cmocka_unit_test_setup(claimed_ones_stay_and_the_others_go, begin),
		cmocka_unit_test_setup(what_was_flushed_is_put_back, begin),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	(void)begin(NULL);
	declared_finish(&declared);
	return failed;
}
