/*
 * Sets of the operator's instead of a table of our own: asked for at the start and at each reload,
 * filled, looked after, and left standing at the end.
 *
 * Nothing is half open: when one of the sets does not fit, none is used, and the line that would
 * fit is said. When that happens later, or what was flushed cannot be put back, this process
 * ends: main knows then that nothing is vouched for, the worker answers nothing, and the next one
 * waits for the sets.
 *
 * Elements of an earlier life stand until the worker has said which it can explain. No more than
 * ADOPT_MAX are read, since the kernel lists a set in a time that grows with its square; what is left
 * unread and nobody orders ends by its own time-out.
 */
#include "warden/warden.h"

#include <errno.h>
#include <string.h>

#define ADOPT_MAX    20000u
#define LOOK_LATE_US 1000000u /* after a refused commit; each look asks for every element */

static struct writer writer_of(struct warden *warden)
{
	return (struct writer){.netlink = &warden->kernel.netlink,
			       .batch = &warden->kernel.batch,
			       .ability = &warden->kernel.ability,
			       .now_us = warden->now_us};
}

/* ---- the sets themselves ---- */

static uint32_t takes_of(const struct declared_set *sets, size_t n)
{
	uint32_t takes = 0;

	for (size_t i = 0; i < n; i++)
		takes |= WALL_TAKES(sets[i].shape.family, sets[i].shape.port);
	return takes;
}

/* All that do not fit are said, not only the first. */
static int detect(struct warden *warden, const struct wall_table *table,
		  struct declared_set *out, uint32_t *system)
{
	char why[REFUSAL_MAX];
	int worst = NG_OK;

	for (size_t i = 0; i < table->n_sets; i++) {
		int code = declared_detect(&warden->kernel.netlink, &table->sets[i],
					   table->leases, &out[i], why);

		if (code == NG_OK)
			continue;
		if (code != NG_E_NOTFOUND && code != NG_E_UNSUPPORTED)
			*system = EIO;
		else if (!table->again)
			say("%s", why);
		worst = worst == NG_OK ? code : worst;
	}
	return worst;
}

/* ---- an earlier life ---- */

struct adopting {
	struct warden *warden;
	size_t set;
	int code;
};

static void adopt_one(void *who, enum set_id unused, const struct element *element)
{
	struct adopting *adopting = who;
	int code = declared_adopt(&adopting->warden->declared, adopting->set, element,
				  adopting->warden->now_us);

	(void)unused;
	if (code != NG_OK)
		adopting->code = code;
}

static int adopt(struct warden *warden)
{
	struct declared *declared = &warden->declared;
	struct netlink *reader = &warden->reader;
	struct adopting adopting = {.warden = warden};
	size_t most = ADOPT_MAX;
	int code = reader->fd < 0 ? NG_E_FULL : NG_OK;

	for (size_t i = 0; code == NG_OK && i < declared->n; i++) {
		adopting.set = i;
		code = set_at_dump(reader, &declared->sets[i].at, &most, adopt_one, &adopting);
	}
	declared->unread = code == NG_E_FULL;
	if (code == NG_E_FULL) /* the rest of the answers is in it */
		netlink_close(reader);
	warden->leftovers_us = warden->now_us + LEFTOVERS_US;
	return code == NG_OK || code == NG_E_FULL ? adopting.code : code;
}

static void forget(struct warden *warden)
{
	declared_finish(&warden->declared);
	warden->kernel.ready = false;
}

static void say_begun(const struct warden *warden)
{
	const struct declared *declared = &warden->declared;

	say("filling %zu sets of another ruleset, with %s%u elements of an earlier life; that "
	    "ruleset decides what passes: namegate makes no table here, tells no sandbox from "
	    "another by its interface, redirects no DNS, closes no range by itself, and counts "
	    "and reports no blocked packet (namegate.conf(5), integrate)",
	    declared->n, declared->unread ? "more than " : "", HASH_COUNT(declared->stands));
}

static int begin(struct warden *warden, const struct wall_table *table,
		 const struct declared_set *sets)
{
	struct declared *declared = &warden->declared;
	bool stands = false;
	int code;

	memcpy(declared->sets, sets, table->n_sets * sizeof(*sets));
	declared->n = table->n_sets;
	code = adopt(warden);
	if (code == NG_OK && watch_listen(&warden->watch) != NG_OK)
		code = NG_E_IO;
	if (code != NG_OK) {
		forget(warden);
		return code;
	}
	if (table_exists(&warden->kernel, NFPROTO_INET, table->table, &stands) == NG_OK &&
	    stands)
		say("table \"%s\" of an earlier life stands beside them and guards as it did; "
		    "namegate teardown --force --table %s removes it",
		    table->table, table->table);
	say_begun(warden);
	return NG_OK;
}

static bool same_sets(const struct wall_table *a, const struct wall_table *b)
{
	return a->n_sets == b->n_sets &&
	       memcmp(a->sets, b->sets, a->n_sets * sizeof(a->sets[0])) == 0;
}

/* A reload that asks more of the sets than they have room for does not end what they hold. */
static int detect_again(struct warden *warden, struct wall_table *table,
			struct declared_set *sets, uint32_t *system)
{
	const uint32_t wanted = table->leases, had = warden->kernel.table.leases;
	int code = detect(warden, table, sets, system);

	if (code != NG_E_UNSUPPORTED || !warden->kernel.ready || wanted <= had)
		return code;
	table->leases = had;
	table->again = 1;
	code = detect(warden, table, sets, system);
	if (code == NG_OK)
		say("limits { leases } counts as %u until the sets are large enough for %u and "
		    "namegated is reloaded",
		    had, wanted);
	return code;
}

int integrate_table(struct warden *warden, const struct wall_table *wanted, uint32_t *system)
{
	struct declared_set sets[WALL_SETS_MAX];
	struct wall_table table = *wanted;
	int code;

	if (warden->kernel.ready && !same_sets(wanted, &warden->kernel.table))
		return NG_E_UNSUPPORTED; /* main keeps them until a restart */
	code = detect_again(warden, &table, sets, system);
	if (code == NG_OK && !warden->kernel.ready)
		code = begin(warden, &table, sets);
	if (code != NG_OK) {
		warden->over = warden->kernel.ready;
		return code;
	}
	warden->declared.takes = takes_of(sets, table.n_sets);
	warden->kernel.table = table;
	warden->kernel.ready = true;
	return NG_OK;
}

/* ---- elements ---- */

int integrate_commit(struct warden *warden)
{
	struct writer writer = writer_of(warden);

	return declared_commit(&warden->declared, &warden->ops, &writer);
}

/* Where the key has no source, the flows of all sandboxes towards the address are looked at. */
static void cut_dropped(void *who, const struct declared_set *set, const uint8_t *key)
{
	struct warden *warden = who;
	const struct shape *shape = &set->shape;
	const size_t len = shape->family == NG_IPV4 ? 4 : 16;
	const uint8_t *to = key + (shape->source ? len : 0), *tail = to + len;
	struct cut cut = {
		.source = {.addr = ng_addr_make(shape->family, key)},
		.to = {.addr = ng_addr_make(shape->family, to), .bits = (uint8_t)(8 * len)},
		.proto = shape->port ? tail[0] : 0,
		.port = shape->port ? (uint16_t)(tail[4] << 8 | tail[5]) : 0,
		.weigh = true};
	struct sandbox *sandbox, *next;

	if (shape->source) {
		cut.source.bits = (uint8_t)(8 * len);
		cuts_add(&warden->cuts, &cut);
		return;
	}
	HASH_ITER (hh, warden->sandboxes.by_id, sandbox, next) {
		for (size_t i = 0; i < sandbox->is.n_sources; i++) {
			cut.source = sandbox->is.sources[i];
			if (cut.source.addr.family == shape->family)
				cuts_add(&warden->cuts, &cut);
		}
	}
}

void integrate_claimed(struct warden *warden)
{
	struct writer writer = writer_of(warden);

	if (declared_drop_unclaimed(&warden->declared, &writer, cut_dropped, warden) != NG_OK)
		say("elements of an earlier life that nobody explains could not be removed; "
		    "they "
		    "stand until their time-out");
	if (warden->cuts.n && conntrack_cut(&warden->conntrack, &warden->cuts) != NG_OK)
		say("flows of leases that nobody explains could not be cut; conntrack -D -s "
		    "SOURCE cuts them by hand");
}

/* ---- looking after them ---- */

static bool touched(struct warden *warden)
{
	struct watched sets[WALL_SETS_MAX];
	const struct declared *declared = &warden->declared;

	for (size_t i = 0; i < declared->n; i++)
		sets[i] =
			(struct watched){declared->sets[i].at.family,
					 declared->sets[i].at.table, declared->sets[i].at.name};
	return watch_touched_sets(&warden->watch, sets, declared->n);
}

/* Puts back what another program took out; until that is done, the worker trusts nothing it knew. */
static int mend(struct warden *warden)
{
	const struct writer writer = writer_of(warden);
	const uint64_t began_us = warden_clock_us();
	const size_t n = declared_look(&warden->declared, &writer);
	struct wall_rebuilt rebuilt = {.elements = n};
	int code;

	if (n)
		workers_tell_table(&warden->workers, NULL);
	code = declared_mend(&warden->declared, &writer);
	if (!n || code != NG_OK)
		return code;
	rebuilt.took_us = (uint32_t)(warden_clock_us() - began_us);
	workers_tell_table(&warden->workers, &rebuilt);
	say("%zu elements of our sets were taken out by another program, and are put back", n);
	return NG_OK;
}

static void look(struct warden *warden)
{
	struct declared_set sets[WALL_SETS_MAX];
	struct wall_table table = warden->kernel.table;
	uint32_t system = 0;
	int code;

	table.again = 1; /* the next one says what is wrong with them */
	code = detect(warden, &table, sets, &system);

	if (code == NG_OK &&
	    memcmp(sets, warden->declared.sets, warden->declared.n * sizeof(*sets)) != 0)
		code = NG_E_EXISTS;
	if (code == NG_OK)
		code = mend(warden);
	if (code != NG_OK) {
		say("the declared sets are not what they were, or do not take what they held: "
		    "nothing is answered until they do");
		warden->over = true;
	}
}

void integrate_look(struct warden *warden)
{
	bool news = touched(warden);
	bool soon = warden->declared.late || warden->suspect;

	warden->suspect = false;
	warden->declared.late = soon;
	if (!news && !(soon && warden->now_us - warden->looked_us >= LOOK_LATE_US)) {
		setup_clear_leftovers(warden);
		return;
	}
	warden->declared.late = false;
	warden->looked_us = warden->now_us;
	look(warden);
}

/* ---- the end ---- */

struct gleaning {
	struct ops ops;
	const struct set_at *at;
};

static void glean(void *who, enum set_id unused, const struct element *element)
{
	struct gleaning *gleaning = who;
	struct op *op;

	(void)unused;
	if (!element->marked)
		return;
	op = op_octets(&gleaning->ops, SET_ALLOW4, element->key, element->len);
	if (!op)
		return;
	op->len = element->len;
	op->at = gleaning->at;
	op->remove = true;
}

int integrate_teardown(struct kernel *kernel, const struct wall_set *set)
{
	struct declared_set found;
	struct gleaning gleaning = {.at = &found.at};
	char why[REFUSAL_MAX] = "";
	int code = declared_detect(&kernel->netlink, set, 0, &found, why);

	if (code == NG_OK)
		code = set_at_dump(&kernel->netlink, &found.at, NULL, glean, &gleaning);
	if (code == NG_OK)
		code = ops_commit(&gleaning.ops, "", &kernel->ability, &kernel->batch,
				  &kernel->netlink);
	if (code == NG_E_NOTFOUND) {
		say("there is no set %s %s %s; nothing was removed", set->family, set->table,
		    set->name);
		code = NG_OK;
	} else if (code == NG_E_UNSUPPORTED) {
		say("%s", why);
	} else if (code != NG_OK) {
		say("our elements in set %s %s %s could not be removed: %s", set->family,
		    set->table, set->name, ng_strerror(code));
	} else {
		say("%zu elements removed from set %s %s %s", gleaning.ops.n, set->family,
		    set->table, set->name);
	}
	ops_finish(&gleaning.ops);
	return code;
}
