/*
 * Reports of refused packets go to the worker of their sandbox at a bounded rate. One that cannot go
 * out now is not lost: its source stays due, and its count grows.
 */
#include "warden/warden.h"

#include <utlist.h>

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

/* False when no worker takes it now. */
static bool send_report(struct warden *warden, const struct wall_blocked *report)
{
	const struct sandbox *sandbox = sandboxes_find(&warden->sandboxes, report->sandbox);
	struct worker *worker = workers_find(&warden->workers, sandbox->worker);

	if (!worker)
		worker = &warden->workers.items[0];
	return worker_report(&warden->workers, worker, report);
}

static void report_talker(struct warden *warden, struct talker *talker)
{
	struct wall_blocked report;

	for (int kind = 0; kind < TALLY_KINDS && warden->nflog.tokens; kind++) {
		if (!tally_take(&warden->kernel, &warden->sandboxes, talker, kind, &report))
			continue;
		if (send_report(warden, &report))
			warden->nflog.tokens--;
		else
			tally_give_back(talker, kind, &report);
	}
}

void reports_hand_out(struct warden *warden)
{
	struct talker *talker, *next;

	if (!warden->tally.awake || !warden->kernel.ready)
		return;
	tally_look(&warden->tally, &warden->kernel, warden->now_us);
	if (!warden->workers.n)
		return;
	refill_tokens(&warden->nflog, warden->now_us);
	DL_FOREACH_SAFE (warden->tally.awake, talker, next) {
		if (!warden->nflog.tokens)
			return;
		report_talker(warden, talker);
	}
}
