/*
 * The table's life: built or adopted at the first WALL_TABLE, changed at a reload, looked after in
 * between.
 *
 * An owned table cannot be changed by anybody else, so a look at the generation number now and then
 * is enough. One that is not owned is watched too, since a foreign hand may take out a single
 * element, which no rule shows. What differs is rebuilt whole, from the mirror, in one batch; until
 * that has worked, no lease is confirmed.
 */
#include "warden/warden.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define OWNER_MS      5000
#define OWNER_STEP_MS 10

static int adopt(struct warden *warden, const char *table)
{
	int code = leftovers_read(&warden->leftovers, &warden->kernel, table);

	if (code == NG_OK)
		code = table_side(&warden->kernel, table);
	if (code == NG_OK)
		code = adopt_leases(warden, table, false);
	if (code == NG_OK)
		code = tally_adopt(&warden->tally, &warden->kernel, table);
	warden->leftovers_us = warden->now_us + LEFTOVERS_US;
	if (code == NG_OK)
		say("table \"%s\" adopted with %s%zu leases and %zu identities of an earlier "
		    "life%s",
		    table, warden->adoption.blind ? "more than " : "", warden->mirror.n,
		    warden->leftovers.n,
		    warden->adoption.blind ? ", which stand until the worker has said which of "
					     "them it can explain"
					   : "");
	return code;
}

/* The table anew, with everything that we know. */
static int rebuild(struct warden *warden, const struct wall_table *table, int *system)
{
	int code;

	leftovers_finish(&warden->leftovers);
	(void)!tally_refresh(&warden->tally, &warden->kernel); /* what a flush has left of it */
	tally_refill(&warden->tally, &warden->kernel, &warden->ops);
	enrol_refill(warden, &warden->ops);
	if (warden->ops.failed) {
		ops_clear(&warden->ops);
		return NG_E_NOMEM;
	}
	code = table_build(&warden->kernel, table, BUILD_ANEW, &warden->ops, system);
	for (size_t i = 0; code == NG_OK && i < warden->ops.n; i++) {
		struct op *op = &warden->ops.items[i];

		if (!op->lease || !op->error)
			continue;
		mirror_unschedule(&warden->mirror, op->lease);
		op->lease->until_us = 0; /* not there any more: to be ordered again */
	}
	ops_sweep(warden);
	if (code == NG_OK) {
		tally_rebuilt(&warden->tally);
		adopt_forget(warden);
	}
	return code;
}

/* What is to be written anew must be known: then they are read, however long that takes. */
static int read_all(struct warden *warden, const char *table)
{
	if (!warden->adoption.blind)
		return NG_OK;
	say("reading all leases, which takes half a minute for a million");
	return adopt_leases(warden, table, true);
}

/* When main was killed, the warden before this one may live on for a moment, and has the table. */
static int await_owner(struct warden *warden, const char *table)
{
	uint32_t owner;
	int code = table_owner(&warden->kernel, table, &owner);

	for (int ms = 0; code == NG_OK && owner && ms < OWNER_MS; ms += OWNER_STEP_MS) {
		(void)poll(NULL, 0, OWNER_STEP_MS);
		code = table_owner(&warden->kernel, table, &owner);
	}
	return code;
}

static int first_build(struct warden *warden, const struct wall_table *table, int *system)
{
	struct kernel *kernel = &warden->kernel;
	bool there = false;
	int code = await_owner(warden, table->table);

	if (code == NG_OK)
		code = table_exists(kernel, NFPROTO_INET, table->table, &there);
	if (code == NG_OK && kernel->ability.bridge)
		code = table_exists(kernel, NFPROTO_BRIDGE, table->table, &kernel->bridged);
	there = code == NG_OK && (there || kernel->bridged);
	if (code == NG_OK && there)
		code = adopt(warden, table->table);
	if (code == NG_OK)
		code = tally_enrol(&warden->tally, COUNT_NOBODY, false, warden->now_us,
				   &warden->ops);
	if (code != NG_OK)
		return code;
	code = table_build(&warden->kernel, table, BUILD_OVER, &warden->ops, system);
	ops_clear(&warden->ops);
	if (code == NG_E_KERNEL && there) {
		say("table \"%s\" has another shape (%s); replacing it, leases are kept",
		    table->table, strerror(*system));
		code = read_all(warden, table->table);
		if (code == NG_OK)
			code = rebuild(warden, table, system);
	} else if (code == NG_OK && table_drop_other(&warden->kernel, system) != NG_OK) {
		say("sets that an earlier life left unfinished could not be removed: %s",
		    strerror(*system));
	}
	return code;
}

/* Does the kernel not know what was asked for? Any other failure says nothing of what it can do. */
static bool is_lack(int system)
{
	return system == ENOENT || system == EOPNOTSUPP || system == EINVAL;
}

/*
 * What a kernel before 5.13 lacks must not cost the whole table: such sandboxes are refused then.
 * Rules that stand prove that it can, and sandboxes may live by them: they are never left out.
 */
static int build_again(struct warden *warden, const struct wall_table *table, int *system)
{
	struct wall_table without = *table;
	int code;

	without.hosts &= WALL_HOST_UID | WALL_HOST_SIDECAR;
	if (without.hosts == table->hosts || !is_lack(*system) ||
	    (warden->kernel.table.hosts & ~(WALL_HOST_UID | WALL_HOST_SIDECAR)))
		return NG_E_KERNEL;
	code = table_build(&warden->kernel, &without, BUILD_OVER, &warden->ops, system);
	ops_clear(&warden->ops);
	if (code == NG_OK)
		say("this kernel tells no sockets by their cgroup; use uid, or Linux 5.13 with "
		    "CONFIG_NFT_SOCKET");
	return code;
}

void setup_heard(struct warden *warden, bool doubted)
{
	if (warden->watch.listening)
		warden->kernel.doubted = doubted;
}

int setup_table(struct warden *warden, const struct wall_table *table, uint32_t *system,
		uint32_t *takes)
{
	const bool doubted = warden->kernel.doubted;
	int error = 0, code;

	if (table->n_sets || warden->declared.n) {
		code = integrate_table(warden, table, system);
		*takes = code == NG_OK ? warden->declared.takes : 0;
		return code;
	}
	if (!warden->kernel.ready) {
		code = first_build(warden, table, &error);
	} else if (strcmp(table->table, warden->kernel.table.table) != 0) {
		say("the table's name cannot change from \"%s\" to \"%s\" while running; "
		    "restart "
		    "namegated, then remove the old one with --teardown",
		    warden->kernel.table.table, table->table);
		return NG_E_UNSUPPORTED;
	} else {
		code = table_build(&warden->kernel, table, BUILD_OVER, &warden->ops, &error);
		ops_clear(&warden->ops);
	}
	if (code == NG_E_KERNEL)
		code = build_again(warden, table, &error);
	*system = (uint32_t)error;
	if (code == NG_OK)
		fence_raise(&warden->fence, table);
	warden->nflog.rate_per_s = table->block_reports_per_s;
	if (code != NG_OK) {
		say("table \"%s\" could not be built: %s%s", table->table, strerror(error),
		    error == EPERM ? "; does another namegated own it?" : "");
		return code;
	}
	setup_heard(warden, doubted);
	if (!(warden->kernel.flags & NFT_TABLE_F_OWNER) &&
	    watch_listen(&warden->watch) != NG_OK)
		say("changes by other programs are noticed only once a second: %s",
		    strerror(errno));
	warden->kernel.guarded = false;             /* interfaces or port may have changed */
	(void)!guard_hold(&warden->kernel, &error); /* each look tries again */
	return NG_OK;
}

void setup_suspect(struct warden *warden)
{
	warden->suspect = true;
}

static void tell_back(struct warden *warden, uint64_t began_us)
{
	const struct wall_rebuilt rebuilt = {.elements = warden->mirror.n,
					     .took_us =
						     (uint32_t)(warden_clock_us() - began_us)};

	say("table \"%s\" was changed by another program; rebuilt with %u sandboxes and %zu "
	    "leases in %u.%u ms",
	    warden->kernel.table.table, (unsigned)warden->sandboxes.n, warden->mirror.n,
	    rebuilt.took_us / 1000, rebuilt.took_us / 100 % 10);
	workers_tell_table(&warden->workers, &rebuilt);
}

/*
 * What was done to the table before it was made anew is answered by that, though the kernel may tell it
 * only now. What was done meanwhile, or since, is not: then somebody else has committed.
 */
static void repair(struct warden *warden)
{
	struct kernel *kernel = &warden->kernel;
	const struct wall_table table = kernel->table;
	const uint64_t began_us = warden_clock_us();
	bool news = !warden->lost_told, touched;
	int system = 0, code;

	if (news)
		workers_tell_table(&warden->workers, NULL);
	warden->lost_told = warden->dirty = true;
	code = rebuild(warden, &table, &system);
	if (code == NG_OK) {
		warden->lost_told = warden->dirty = false;
		touched = warden->watch.listening && watch_touched(&warden->watch, table.table);
		kernel->doubted = touched && (kernel->doubted || table_foreign_change(kernel));
		tell_back(warden, began_us);
	} else if (news) {
		say("table \"%s\" was changed by another program and could not be rebuilt: %s; "
		    "no lease is confirmed until it is",
		    table.table, strerror(system));
	}
}

static bool look_due(const struct warden *warden)
{
	return warden->suspect || warden->dirty || warden->kernel.doubted ||
	       warden->now_us - warden->looked_us >= IDLE_TICK_MS * 1000u;
}

static void forget_talk(struct warden *warden)
{
	if (!warden->talk_us || warden->now_us < warden->talk_us)
		return;
	warden->talk_us = 0;
	table_forget_talk(&warden->kernel);
}

void setup_clear_leftovers(struct warden *warden)
{
	if (!warden->leftovers_us || warden->now_us < warden->leftovers_us)
		return;
	warden->leftovers_us = 0;
	if (warden->declared.n)
		integrate_claimed(warden);
	adopt_whole(warden, "no worker has said which leases it can explain");
	leftovers_clear(&warden->leftovers, &warden->ops, TAG_OTHER);
	tally_drop_unclaimed(&warden->tally, &warden->ops, TAG_OTHER);
	fixed_drop_unclaimed(warden);
	if (!ops_settle(warden))
		warden->dirty = true;
	ops_sweep(warden);
	if (warden->cuts.n && conntrack_cut(&warden->conntrack, &warden->cuts) != NG_OK)
		say("flows of leases that no sandbox may keep could not be cut; conntrack -D "
		    "-s "
		    "SOURCE cuts them by hand");
}

/* A warden before this one may have been on its way out, and had it still. */
static void hold_guard(struct warden *warden)
{
	int system = 0;

	if (guard_hold(&warden->kernel, &system) == NG_OK || warden->unguarded_told)
		return;
	warden->unguarded_told = true;
	say("table \"%s-guard\" cannot be made: %s; until it can, which is tried each second, "
	    "sandboxes reach the host, and translated flows may end, when another program "
	    "takes "
	    "table \"%s\" away",
	    warden->kernel.table.table, strerror(system), warden->kernel.table.table);
}

void setup_look(struct warden *warden)
{
	bool touched;

	if (!warden->kernel.ready)
		return;
	if (warden->declared.n) {
		integrate_look(warden);
		return;
	}
	touched = warden->watch.listening &&
		  watch_touched(&warden->watch, warden->kernel.table.table);
	if (!touched && !look_due(warden))
		return;
	warden->suspect = false;
	warden->looked_us = warden->now_us;
	if (touched || warden->dirty || warden->kernel.doubted ||
	    (table_foreign_change(&warden->kernel) && !table_intact(&warden->kernel)))
		repair(warden);
	else
		setup_clear_leftovers(warden);
	forget_talk(warden);
	hold_guard(warden);
}
