/*
 * What a lease takes: the size of its record, what stands beside it and when that goes, and how much
 * memory a hundred thousand leases of the usual kind take in all.
 */
#include "gate_world.h"

#include <malloc.h>

#define BOXES   1000
#define EACH    100 /* leases of a sandbox */
#define ANSWER  4   /* and of one answer */
#define LEASES  ((size_t)BOXES * EACH)
#define MOST    118 /* octets of one */
#define HOUR_US (3600ull * SECOND_US)

static uint64_t taken(void)
{
	const struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void drain(struct ng_gate *gate)
{
	struct ng_action action;

	while (ng_gate_next(gate, &action))
		;
}

static void boxes_add(struct ng_gate *gate)
{
	for (uint32_t i = 0; i < BOXES; i++) {
		struct ng_sandbox box = {.id = 100 + i, .mode = NG_OBSERVE, .n_sources = 1};
		char text[64];

		snprintf(box.name, sizeof(box.name), "many%u", i);
		snprintf(text, sizeof(text), "10.77.%u.%u", i / 250, 1 + i % 250);
		assert_int_equal(ng_prefix_parse(text, &box.sources[0]), NG_OK);
		assert_int_equal(ng_gate_sandbox_put(gate, 1, &box), NG_OK);
	}
}

/* The answer to one question, held for one sandbox and confirmed. */
static void answer_hold(struct ng_gate *gate, uint32_t id, const struct ng_trail *trail,
			uint64_t until_us)
{
	struct sandbox *sandbox = directory_by_id(&gate->directory, id);
	struct trail *shared = NULL;

	for (size_t i = 0; i < trail->n_addrs; i++) {
		const struct lease_key key = lease_key_of(
			id, &(struct ng_addr){0}, &trail->addrs[i], (struct ng_port){0});
		struct holder *holder;
		struct lease *lease;
		struct order *order;

		assert_int_equal(lease_hold(gate, sandbox, &key, trail, &shared, until_us,
					    &lease, &holder),
				 NG_OK);
		holder->need_us = lease->promised_us = until_us / 2;
		holder->told_us = until_us;
		order = order_send(gate, lease, holder->trail, trail, NULL,
				   &(struct order_wish){.hold_s = 3600,
							.ends_us = until_us,
							.until_us = until_us,
							.type = NG_TYPE_A});
		assert_non_null(order);
		assert_true(lease->wide);
		drain(gate);
		ng_gate_lease_result(gate, 2, order->number, NG_OK);
		assert_false(lease->wide);
		assert_true(lease_sure(lease) == until_us);
	}
	trail_release(gate, sandbox, shared);
	drain(gate);
}

static void leases_end(struct ng_gate *gate, uint64_t now_us)
{
	ng_gate_tick(gate, now_us);
	drain(gate);
	ng_gate_tick(gate, now_us); /* the queue goes with the next input */
	assert_int_equal(gate->counters.leases, 0);
}

static void leases_fill(struct ng_gate *gate, uint64_t until_us)
{
	for (uint32_t box = 0; box < BOXES; box++) {
		for (uint8_t i = 0; i < EACH / ANSWER; i++) {
			struct ng_addr addrs[ANSWER];
			struct ng_name name;
			char text[64];

			snprintf(text, sizeof(text), "package%u.index.example", i);
			name = name_of(text);
			for (uint8_t j = 0; j < ANSWER; j++)
				addrs[j] = ng_addr_make(NG_IPV4, (uint8_t[]){45, i, 0, j});
			answer_hold(gate, 100 + box,
				    &(struct ng_trail){.names = &name,
						       .n_names = 1,
						       .addrs = addrs,
						       .n_addrs = ANSWER},
				    until_us);
		}
	}
}

static void the_usual_lease_is_small(void **state)
{
	struct ng_gate *gate = gate_make();
	uint64_t before, used;

	(void)state;
	assert_true(gate->book.v4.size <= 72);
	assert_true(gate->book.v6.size <= 88);
	boxes_add(gate);
	drain(gate);
	leases_fill(gate,
		    HOUR_US); /* so that what outlives leases, as their history, is there */
	leases_end(gate, HOUR_US);
	before = taken();
	leases_fill(gate, 2 * HOUR_US);
	used = taken() - before;
	assert_int_equal(gate->counters.leases, LEASES);
	assert_int_equal(gate->book.n_wide, 0);
	if (before) {
		print_message("%.1f octets a lease\n", (double)used / (double)LEASES);
		assert_true(used <= MOST * LEASES);
	} else {
		print_message("this allocator does not say what is in use\n");
	}
	leases_end(gate, 2 * HOUR_US);
	assert_true(taken() <= before + LEASES); /* it goes back with them */
	ng_gate_destroy(gate);
}

/* ---- what stands beside it ---- */

struct one {
	struct ng_gate *gate;
	struct sandbox *sandbox;
	struct ng_addr addr;
	struct lease *lease;
	struct holder *holder;
};

static void hold(struct one *one, const char *text, uint64_t until_us)
{
	const struct lease_key key = lease_key_of(1, &(struct ng_addr){0}, &one->addr,
						  (struct ng_port){.proto = 6, .port = 443});
	const struct ng_name name = name_of(text);
	const struct ng_trail trail = {
		.names = &name, .n_names = 1, .addrs = &one->addr, .n_addrs = 1};
	struct trail *shared = NULL;

	assert_int_equal(lease_hold(one->gate, one->sandbox, &key, &trail, &shared, until_us,
				    &one->lease, &one->holder),
			 NG_OK);
	trail_release(one->gate, one->sandbox, shared);
}

static struct one one_make(const char *addr)
{
	struct one one = {.gate = gate_make(), .addr = addr_of(addr)};

	one.sandbox = directory_by_id(&one.gate->directory, 1);
	hold(&one, "a.example", 100);
	return one;
}

static void reads_as_it_was_written(void **state)
{
	static const char *addrs[] = {"203.0.113.9", "2001:db8:1::77"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct one one = one_make(addrs[i]);
		const struct lease_key key = lease_key(&one.gate->book, one.lease);

		assert_int_equal(key.sandbox, 1);
		assert_true(ng_addr_equal(&key.addr, &one.addr));
		assert_int_equal(key.client.family, NG_NOFAMILY);
		assert_int_equal(key.port.proto, 6);
		assert_int_equal(key.port.port, 443);
		assert_ptr_equal(book_find(&one.gate->book, &key), one.lease);
		ng_gate_destroy(one.gate);
	}
}

static void an_address_that_is_none_is_refused(void **state)
{
	struct one one = one_make("203.0.113.9");
	struct lease_key key = lease_key(&one.gate->book, one.lease);

	(void)state;
	key.addr.bytes[15] = 1; /* an IPv4 address with more behind it */
	assert_null(book_enter(&one.gate->book, one.sandbox, &key, 100));
	key.addr = (struct ng_addr){0};
	assert_null(book_enter(&one.gate->book, one.sandbox, &key, 100));
	assert_int_equal(one.gate->book.by_key.n, 1);
	ng_gate_destroy(one.gate);
}

/* By a reference that may be old: never the lease that has its place now, and always the key's own. */
static void found_where_it_was(void **state)
{
	struct one one = one_make("203.0.113.9"), other = one;
	const struct book *book = &one.gate->book;
	const struct lease_key key = lease_key(book, one.lease);
	const uint32_t reference = book_reference(book, one.lease);
	struct lease_key others;

	(void)state;
	other.addr = addr_of("203.0.113.10");
	hold(&other, "a.example", 100);
	others = lease_key(book, other.lease);
	assert_ptr_equal(book_still(book, reference, &key), one.lease);
	assert_ptr_equal(book_still(book, reference, &others), other.lease);
	lease_free(one.gate, one.lease, NG_E_CLOSED);
	assert_null(book_still(book, reference, &key));
	lease_free(one.gate, other.lease, NG_E_CLOSED); /* and the sandbox has none at all */
	assert_null(book_still(book, reference, &key));
	other.addr = addr_of("203.0.113.11");
	hold(&other, "a.example", 100);
	hold(&other, "b.example", 100); /* wide */
	other.addr = addr_of("203.0.113.12");
	hold(&other, "a.example", 100);
	assert_null(book_still(book, reference, &key));
	hold(&one, "a.example", 100);
	assert_true(book_reference(book, one.lease) != reference);
	assert_ptr_equal(book_still(book, reference, &key), one.lease);
	ng_gate_destroy(one.gate);
}

static void more_comes_and_goes(void **state)
{
	struct one one = one_make("203.0.113.9");
	struct book *book = &one.gate->book;
	struct holder *holders;
	size_t n;

	(void)state;
	one.holder->need_us = 7;
	assert_false(one.lease->wide);
	hold(&one, "b.example", 300);
	assert_true(one.lease->wide);
	holders = lease_holders(one.lease, &n);
	assert_int_equal(n, 2);
	assert_int_equal(holders[0].need_us, 7);
	assert_int_equal(holders[0].until_us, 100);
	assert_int_equal(holders[1].until_us, 300);
	assert_int_equal(lease_end(one.lease), 300);
	lease_narrow(book, one.lease); /* not while there are two */
	assert_true(one.lease->wide);
	trail_release(one.gate, one.sandbox, holders[1].trail);
	lease_holders_cut(one.lease, 1);
	book_move(book, one.lease);
	lease_narrow(book, one.lease);
	assert_false(one.lease->wide);
	assert_int_equal(one.lease->holder.need_us, 7);
	assert_int_equal(lease_end(one.lease), 100);
	assert_int_equal(book->n_wide, 0);
	assert_int_equal(book->wide_octets, 0);
	ng_gate_destroy(one.gate);
}

/* After the table was changed, what the kernel is sure to have may be less than what it once had. */
static void doubt_and_new_certainty(void **state)
{
	struct one one = one_make("203.0.113.9");
	struct lease *lease = one.lease;

	(void)state;
	assert_int_equal(lease_sure(lease), 0);
	assert_int_equal(lease_widen(&one.gate->book, lease), NG_OK);
	lease_confirm(lease, 90);
	assert_int_equal(lease_sure(lease), 90);
	lease_confirm(lease, 60); /* a shorter one takes nothing away */
	assert_int_equal(lease_sure(lease), 90);
	lease_narrow(&one.gate->book, lease);
	assert_false(lease->wide);
	ng_gate_table_lost(one.gate, 5);
	assert_int_equal(lease_sure(lease), 0);
	assert_int_equal(lease->confirmed_us, 90);
	assert_int_equal(lease_widen(&one.gate->book, lease), NG_OK);
	lease_confirm(lease, 70);
	assert_int_equal(lease_sure(lease), 70);
	assert_int_equal(lease->confirmed_us, 90);
	lease_narrow(&one.gate->book, lease);
	assert_true(lease->wide); /* that has no room in the record */
	ng_gate_table_lost(one.gate, 6);
	assert_int_equal(lease_sure(lease), 0);
	lease_confirm(lease, 95);
	assert_int_equal(lease_sure(lease), 95);
	assert_int_equal(lease->confirmed_us, 95);
	lease_narrow(&one.gate->book, lease);
	assert_false(lease->wide);
	ng_gate_destroy(one.gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_lease_is_small),
		cmocka_unit_test(reads_as_it_was_written),
		cmocka_unit_test(an_address_that_is_none_is_refused),
		cmocka_unit_test(found_where_it_was),
		cmocka_unit_test(more_comes_and_goes),
		cmocka_unit_test(doubt_and_new_certainty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
