/*
 * Leases of an earlier life: what stands in the kernel's sets when the warden starts.
 *
 * A few are read from the kernel. It lists a set in pieces and looks for the start of each piece
 * from the set's beginning, so many would take a time that grows with their square: half a minute
 * for a million. So reading stops at ADOPT_MAX and the warden goes on without knowing what
 * else stands. Until the worker has ordered all that it can explain, nothing changes for a packet:
 * what stands goes on standing, what is ordered is written over it, what is revoked is taken out
 * whether it is known or not.
 *
 * Then everything that the mirror knows is copied to the other side of the lease sets (table.c), in
 * steps between which orders are served; what is committed meanwhile is committed there as well.
 * When the copy is whole the rules turn to it in one batch, and the side that had more in it is
 * removed as a whole. Emptying the old sets instead would be one batch for all elements, as
 * large as they are, and some KiB of kernel memory for each should anybody listen to changes.
 *
 * What nobody has explained is known only now, and not by name: but each flow that nothing justifies
 * can be looked up in the replaced side, and is cut when a lease of it is found there.
 *
 * Where that cannot be waited for, all are read after all: when a sandbox is to be locked down, and
 * when no worker has said all for a minute.
 *
 * A crash at any point leaves either one side, or two of which the older has all.
 */
#include "warden/warden.h"

#include <string.h>

#define ADOPT_MAX 20000u    /* elements that are read; about 30 ms */
#define STEP      4000u     /* leases copied between two rounds of orders */
#define PAUSE_US  20000u    /* until another pass over what was refused */
#define PASSES    10u       /* of them, before the copy has failed */
#define AGAIN_US  10000000u /* until one that failed is begun again */

static bool read_key(enum set_id set, const struct element *element, struct lease_key *out)
{
	struct pair pair;

	if (element->len != set_shapes[set].key_len)
		return false;
	pair = set_pair(set, element->key);
	*out = lease_key_make(&pair.source, &pair.to, pair.proto, pair.port);
	return true;
}

static void adopt_one(void *who, enum set_id set, const struct element *element)
{
	struct warden *warden = who;
	const uint64_t backstop_ms = NG_BACKSTOP_S * 1000u;
	uint64_t left_ms =
		element->expires_ms > backstop_ms ? element->expires_ms - backstop_ms : 0;
	struct lease_key key;
	struct lease *lease;

	if (SET_IS_TWIN(set))
		set -= SET_TO_TWIN;
	if (!read_key(set, element, &key) || mirror_find(&warden->mirror, &key))
		return;
	lease = lease_open(warden, &key, sandboxes_owner(&warden->sandboxes, &key.source));
	if (!lease)
		return;
	lease->fixed = element->permanent;
	if (element->permanent)
		mirror_confirm(&warden->mirror, lease, FOREVER);
	else
		mirror_confirm(&warden->mirror, lease, warden->now_us + left_ms * 1000);
}

int adopt_leases(struct warden *warden, const char *table, bool whole)
{
	struct netlink *reader = whole ? &warden->kernel.netlink : &warden->reader;
	size_t most = ADOPT_MAX;
	int code = reader->fd < 0 ? NG_E_FULL : NG_OK;

	for (unsigned set = SET_ALLOW4; code == NG_OK && set <= SET_ALLOW6P; set++)
		code = set_dump_some(reader, table,
				     table_lease_set(&warden->kernel, set, false),
				     whole ? NULL : &most, adopt_one, warden);
	if (code == NG_OK || code == NG_E_FULL)
		warden->adoption.blind = code == NG_E_FULL;
	if (code == NG_E_FULL) /* the rest of the answers is in it */
		netlink_close(reader);
	return code == NG_E_FULL ? NG_OK : code;
}

void adopt_whole(struct warden *warden, const char *why)
{
	if (!warden->adoption.blind || warden->adoption.claimed)
		return;
	say("%s: reading all leases, which takes half a minute for a million", why);
	if (adopt_leases(warden, warden->kernel.table.table, true) == NG_OK)
		enrol_prune(warden);
	else
		say("they could not be read; what nobody orders stays open until the worker "
		    "has said all, or until its time-out");
}

/* ---- without knowing ---- */

void adopt_revoke(struct warden *warden, const struct lease_key *key)
{
	struct op *op;

	if (!warden->adoption.blind)
		return;
	op = op_pair(&warden->ops, &key->source, &key->to, key->proto, key->port);
	if (!op)
		return;
	op->remove = true;
	op->tag = TAG_OTHER;
}

void adopt_claimed(struct warden *warden)
{
	if (warden->declared.n)
		integrate_claimed(warden);
	if (warden->adoption.blind && !warden->adoption.claimed)
		warden->adoption.again_us = warden->now_us;
	warden->adoption.claimed = warden->adoption.blind;
}

void adopt_forget(struct warden *warden)
{
	ops_finish(&warden->adoption.ops);
	warden->adoption = (struct adoption){0};
	warden->mirror.walk = NULL;
}

static void try_again(struct warden *warden, const char *what, int system)
{
	struct adoption *adoption = &warden->adoption;

	if (!adoption->complained)
		say("%s: %s; what stands in the kernel and nobody explains stays open until "
		    "its "
		    "time-out, or until this has worked, which is tried every %u seconds",
		    what, system ? strerror(system) : "memory is out", AGAIN_US / 1000000u);
	adoption->complained = true;
	adoption->copying = false;
	ops_clear(&adoption->ops);
	adoption->again_us = warden->now_us + AGAIN_US;
	warden->mirror.walk = NULL;
}

/* ---- copying ---- */

/*
 * A hash that grows refuses elements at times: what is to be in the copy is then put there in another
 * pass, as the mirror has it by then. What is to be out of it and is not spoils the copy.
 */
static bool commit_copy(struct warden *warden)
{
	struct kernel *kernel = &warden->kernel;
	struct adoption *adoption = &warden->adoption;
	struct ops *ops = &adoption->ops;
	bool well = !ops->failed;
	int code = ops_commit(ops, kernel->table.table, &kernel->ability, &kernel->batch,
			      &kernel->netlink);

	for (size_t i = 0; code != NG_OK && i < ops->n; i++) {
		const struct op *op = &ops->items[i];

		if (!op->error)
			continue;
		adoption->system = op->error;
		adoption->again = true;
		well &= !op->remove;
	}
	ops_clear(ops);
	if (!well)
		try_again(warden, "leases could not be copied to new sets", adoption->system);
	return well;
}

static void put_copy(struct warden *warden, const struct lease *lease)
{
	struct op *op;

	if (lease->until_us <= warden->now_us)
		return;
	op = lease_op(warden, lease, &warden->adoption.ops);
	if (!op)
		return;
	op->set = (uint8_t)table_lease_set(&warden->kernel, (enum set_id)op->set, true);
	if (lease->until_us != FOREVER)
		op->timeout_ms = kernel_timeout_ms(lease->until_us, warden->now_us);
	op->anew = warden->adoption.passes > 0; /* whatever an earlier pass has left there */
}

/* What was just committed to the side that stands, for the copy of it. */
void adopt_follow(struct warden *warden)
{
	struct ops *ops = &warden->adoption.ops;

	if (!warden->adoption.copying)
		return;
	for (size_t i = 0; i < warden->ops.n; i++) {
		const struct op *op = &warden->ops.items[i];
		struct op *copy;

		if (op->error || !(SET_IS_LEASE(op->set) || SET_IS_TWIN(op->set)))
			continue;
		copy = op_append(ops, op);
		if (!copy)
			break;
		copy->set = (uint8_t)(SET_IS_TWIN(op->set) ? op->set - SET_TO_TWIN
							   : op->set + SET_TO_TWIN);
		copy->lease = NULL;
		copy->error = OP_WAITS;
	}
	if (ops->n || ops->failed)
		(void)commit_copy(warden);
}

static void begin(struct warden *warden)
{
	int system = 0;

	if (table_drop_other(&warden->kernel, &system) != NG_OK ||
	    table_make_other(&warden->kernel, &system) != NG_OK) {
		try_again(warden, "new sets for the leases could not be made", system);
		return;
	}
	warden->adoption.copying = true;
	warden->adoption.again = false;
	warden->adoption.passes = 0;
	warden->mirror.walk = mirror_next(&warden->mirror, NULL);
}

/* ---- turning ---- */

/*
 * Spares a flow unless a lease of it, of that protocol and port or of all, stands in the replaced
 * side with time left beyond the backstop: one that has just ended cuts nothing.
 */
static bool is_spared(const void *who, const struct flow *flow)
{
	struct warden *warden = (struct warden *)who;
	const uint64_t backstop_ms = NG_BACKSTOP_S * 1000u;
	struct ops key = {0};
	bool found = false;

	if (flow_justified(who, flow))
		return true;
	for (int bound = 0; bound <= (flow->proto != 0); bound++) {
		struct op *op = op_pair(&key, &flow->source, &flow->to, bound ? flow->proto : 0,
					bound ? flow->port : 0);
		struct element element;

		if (op &&
		    set_element(&warden->kernel.netlink, warden->kernel.table.table,
				table_lease_set(&warden->kernel, (enum set_id)op->set, true),
				op->key, &element) == NG_OK)
			found |= element.permanent || element.expires_ms > backstop_ms;
	}
	ops_finish(&key);
	return !found;
}

static void cut_unexplained(struct warden *warden)
{
	static const uint8_t zero[16];
	struct cuts cuts = {.spare = is_spared, .who = warden};

	for (int family = NG_IPV4; family <= NG_IPV6; family++) {
		struct cut cut = {
			.source = {.addr = ng_addr_make((enum ng_family)family, zero)},
			.weigh = true};

		cuts_add(&cuts, &cut);
	}
	if (conntrack_cut(&warden->conntrack, &cuts) != NG_OK)
		say("flows of leases that nobody explains could not be cut; conntrack -D -s "
		    "SOURCE cuts them by hand");
	cuts_finish(&cuts);
}

static void turn(struct warden *warden)
{
	const bool doubted = warden->kernel.doubted;
	int system = 0;

	if (table_turn(&warden->kernel, &system) != NG_OK) {
		/* Which side the rules look into is not known for sure. */
		say("the rules could not be turned to the new sets: %s; building the table "
		    "anew",
		    strerror(system));
		warden->dirty = true;
		return;
	}
	setup_heard(warden, doubted);
	cut_unexplained(warden);
	adopt_forget(warden);
	if (table_drop_other(&warden->kernel, &system) != NG_OK) {
		/* The next life would take them for the ones that have all. */
		say("the sets that were replaced could not be removed: %s; building the table "
		    "anew",
		    strerror(system));
		warden->dirty = true;
	}
	say("%zu leases of an earlier life go on; whatever else stood is closed",
	    warden->mirror.n);
}

static void pass_again(struct warden *warden)
{
	struct adoption *adoption = &warden->adoption;

	if (++adoption->passes == PASSES) {
		try_again(warden, "leases could not be copied to new sets", adoption->system);
		return;
	}
	adoption->again = false;
	adoption->again_us = warden->now_us + PAUSE_US;
	warden->mirror.walk = mirror_next(&warden->mirror, NULL);
}

void adopt_step(struct warden *warden)
{
	struct adoption *adoption = &warden->adoption;

	if (!adoption->claimed || !warden->kernel.ready || warden->dirty ||
	    warden->now_us < adoption->again_us)
		return;
	if (!adoption->copying) {
		begin(warden);
		return;
	}
	while (adoption->ops.n < STEP && warden->mirror.walk && !adoption->ops.failed) {
		put_copy(warden, warden->mirror.walk);
		warden->mirror.walk = mirror_next(&warden->mirror, warden->mirror.walk);
	}
	if (!commit_copy(warden) || warden->mirror.walk)
		return;
	if (adoption->again)
		pass_again(warden);
	else
		turn(warden);
}

int adopt_wait_ms(const struct warden *warden)
{
	const struct adoption *adoption = &warden->adoption;

	if (!adoption->claimed || warden->dirty)
		return -1;
	return adoption->again_us > warden->now_us
		       ? (int)((adoption->again_us - warden->now_us) / 1000) + 1
		       : 0;
}
