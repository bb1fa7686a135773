/*
 * The changes of sandboxes that main has asked for and that are not committed yet. Many share one
 * batch of the kernel's; each is answered by a record of its own when the batch is in force.
 */
#pragma once

#include "warden/warden.h"

#define INBOX_MAX 1024 /* sandboxes in one batch */

struct inbox {
	struct change *changes; /* INBOX_MAX + 1, owned */
	size_t n;
	uint32_t missing;   /* statics of the last one that have not come yet */
	bool urgent;        /* not all of them are newcomers */
	uint64_t gather_us; /* until then newcomers wait for more of their kind */
};

int inbox_open(struct inbox *inbox);
void inbox_close(struct inbox *inbox);

/* Takes all that main has sent. NG_E_CLOSED: main is gone; another error: what it sent cannot be understood. */
int inbox_serve(struct warden *warden, struct inbox *inbox);

/* Whether those gathered are to wait no longer, and commits them with an answer each. */
bool inbox_due(const struct warden *warden, const struct inbox *inbox);
int inbox_flush(struct warden *warden, struct inbox *inbox);

/* Until that is so; -1 when none is gathered. */
int inbox_wait_ms(const struct warden *warden, const struct inbox *inbox);

/* A record of one answer to main. main reads its channel: one that does not for seconds counts as gone. */
int inbox_answer(struct warden *warden, enum wall_kind kind, uint32_t seq,
		 const struct wall_done *done);
