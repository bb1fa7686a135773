/*
 * Reports of refused packets go to the worker of their sandbox at a bounded rate. One that cannot go
 * out now is not lost: its sandbox stays due, and its count grows.
 */
#include "warden/warden.h"

#include <utlist.h>

#define REPORTS_EACH                                                                           \
	8 /* of one kind of a sandbox in a round, before the others have their turn */

static void refill_tokens(struct nflog *nflog, uint64_t now_us)
{
	uint64_t step_us = nflog->rate_per_s ? 1000000u / nflog->rate_per_s : 0;
	uint64_t more;

	if (!step_us)
		step_us = 1;
	if (!nflog->tokens_at_us) {
		nflog->tokens_at_us = now_us;
		nflog->tokens = nflog->rate_per_s;
	}
	more = (now_us - nflog->tokens_at_us) / step_us;
	nflog->tokens_at_us += more * step_us;
	nflog->tokens = more + nflog->tokens > nflog->rate_per_s
				? nflog->rate_per_s
				: nflog->tokens + (uint32_t)more;
}

/* False when its worker does not take it now; of nobody's packets the first is told. */
static bool send_report(struct warden *warden, const struct wall_blocked *report)
{
	const struct sandbox *sandbox = sandboxes_find(&warden->sandboxes, report->sandbox);
	struct worker *worker =
		workers_find(&warden->workers, sandbox ? workers_of(&sandbox->is) : 1);

	return worker && worker_report(&warden->workers, worker, report);
}

/* What was told is kept in the kernel with the next commit, all of this round together. */
static void report_kind(struct warden *warden, struct talker *talker, enum count_kind kind)
{
	struct wall_blocked reports[REPORTS_EACH];
	bool scarce = warden->nflog.tokens < REPORTS_EACH;
	size_t room = scarce ? warden->nflog.tokens : REPORTS_EACH;
	size_t n = tally_take(&warden->kernel, talker, kind, warden->now_us, reports, room,
			      scarce);
	size_t sent = 0;

	while (sent < n && send_report(warden, &reports[sent]))
		talker_told(talker, kind, &reports[sent++]);
	warden->nflog.tokens -= (uint32_t)sent;
	talker->kinds[kind].due |= sent < n;
	if (sent)
		talker_keep(talker, kind, &warden->ops);
}

static void report_talker(struct warden *warden, struct talker *talker)
{
	for (int kind = 0; kind < COUNT_KINDS && warden->nflog.tokens; kind++)
		report_kind(warden, talker, (enum count_kind)kind);
}

void reports_hand_out(struct warden *warden)
{
	if (!warden->tally.awake || !warden->kernel.ready || warden->dirty)
		return;
	tally_look(&warden->tally, &warden->kernel, warden->now_us);
	if (!warden->workers.n)
		return;
	refill_tokens(&warden->nflog, warden->now_us);
	for (size_t n = warden->tally.n_awake; n > 0 && warden->nflog.tokens; n--)
		report_talker(warden, tally_next(&warden->tally));
	if (warden->ops.n && kernel_commit(&warden->kernel, &warden->ops) != NG_OK)
		setup_suspect(warden);
	ops_clear(&warden->ops);
}

/* ---- numbers, for main ---- */

static void fill_row(const struct talker *talker, struct wall_tally *out)
{
	*out = (struct wall_tally){.sandbox = talker->sandbox,
				   .refused = talker_counted(talker, COUNT_REFUSED),
				   .observed = talker_counted(talker, COUNT_OBSERVED),
				   .forged = talker_counted(talker, COUNT_FORGED) +
					     talker_counted(talker, COUNT_FRAMES)};
}

int reports_tell_numbers(struct warden *warden, tell_fn *tell)
{
	struct wall_packet *packet = &warden->workers.packet;
	const size_t most = wall_count_max(WALL_TALLY_ROW);
	struct talker *talker, *next;
	int code = NG_OK;

	if (warden->kernel.ready && tally_refresh(&warden->tally, &warden->kernel) != NG_OK)
		say("the counters could not be read; the numbers are those of the last look");
	packet->head = (struct wall_head){.kind = WALL_TALLY_ROW};
	HASH_ITER (hh, warden->tally.by_sandbox, talker, next) {
		if (!talker->claimed)
			continue;
		fill_row(talker, &packet->tally[packet->head.count++]);
		if (packet->head.count == most)
			code = tell(warden, packet);
		if (code != NG_OK)
			return code;
		packet->head.count %= most;
	}
	return packet->head.count ? tell(warden, packet) : NG_OK;
}
