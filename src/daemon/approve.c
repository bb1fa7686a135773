/*
 * Approvals in force: from the administrator to the registry, to the record, and to the worker.
 *
 * A decision is written down first, then compiled into the small list of every sandbox that it
 * concerns, and answered when the worker has taken that. Ends are wall time and looked at once a
 * second, so a step of the clock counts within a second. The record's line comes from here and not
 * from the worker: who decided is known to main alone.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NOBODY UINT32_MAX

static uint64_t wall_s(void)
{
	return (uint64_t)time(NULL);
}

static json_t *when_json(uint64_t at_s)
{
	char text[32];
	time_t at = (time_t)at_s;
	struct tm parts;
	if (!at_s)
		return json_null();
	gmtime_r(&at, &parts);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return json_string(text);
}

static const char *sandbox_text(const struct daemon *daemon, uint32_t sandbox)
{
	const struct box *box = boxes_find_id(&daemon->boxes, sandbox);
	return !sandbox ? "all sandboxes" : box ? box->conf.name : "?";
}

static json_t *approval_json(const struct daemon *daemon, const struct approval *one)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:I}", "id", (json_int_t)one->id,
			 "scope", one->sandbox ? "sandbox" : "global", "sandbox",
			 sandbox_text(daemon, one->sandbox), "name", one->name, "decision",
			 one->refused ? "refused" : "approved", "made", when_json(one->made_s),
			 "until", when_json(one->until_s), "uid", (json_int_t)one->uid);
}

json_t *approvals_json(const struct daemon *daemon)
{
	json_t *all = json_array();
	for (const struct approval *one = daemon->approvals.by_id; one; one = one->hh.next)
		json_array_append_new(all, approval_json(daemon, one));
	return all;
}

bool approvals_cover(const struct daemon *daemon, uint32_t sandbox, const char *name)
{
	for (const struct approval *one = daemon->approvals.by_id; one; one = one->hh.next)
		if ((!one->sandbox || one->sandbox == sandbox) && !strcmp(one->name, name))
			return true;
	return false;
}

/* ---- the record ---- */

/*
 * The descriptor is shared with the worker, which writes whole lines too; a line shorter than
 * PIPE_BUF is never cut by the kernel. A reader that does not keep up must not stop main.
 */
bool approvals_record(const struct daemon *daemon, const char *text)
{
	static const char head[] = "PRIORITY=6\nSYSLOG_IDENTIFIER=namegated\nMESSAGE=";
	struct iovec parts[] = {
		{.iov_base = (void *)(uintptr_t)head, .iov_len = sizeof head - 1},
		{.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)},
		{.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
	struct pollfd room = {.fd = daemon->record_fd, .events = POLLOUT};
	if (daemon->journal)
		return sendmsg(daemon->record_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	return poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) &&
	       writev(daemon->record_fd, parts + 1, 2) >= 0;
}

json_t *approvals_when(void)
{
	return when_json(wall_s());
}

/* uid is NOBODY when time did it. */
static void note(const struct daemon *daemon, const struct approval *one, const char *action,
		 uint32_t uid)
{
	json_t *line = approval_json(daemon, one);
	json_t *whole = json_pack("{s:o, s:s, s:s}", "time", when_json(wall_s()), "event",
				  "approval", "action", action);
	if (whole && line)
		json_object_update(whole, line);
	if (whole)
		json_object_set_new(whole, "uid",
				    uid == NOBODY ? json_null() : json_integer(uid));
	char *text = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
	bool written = text && approvals_record(daemon, text);
	if (!text || registry_approval_note(daemon->registry, text))
		log_say(LOG_AS_WARNING, "approval %llu: the registry cannot note it",
			(unsigned long long)one->id);
	log_say(LOG_AS_NOTICE, "approval %llu: %s for %s: %s by uid %lld%s",
		(unsigned long long)one->id, one->name, sandbox_text(daemon, one->sandbox),
		action, uid == NOBODY ? -1LL : (long long)uid,
		written ? "" : "; the record could not be written");
	free(text);
	json_decref(whole);
	json_decref(line);
}

/* ---- to the sandboxes ---- */

static bool has_own(const struct daemon *daemon, uint32_t sandbox)
{
	const struct approval *one = daemon->approvals.by_id;
	while (one && one->sandbox != sandbox)
		one = one->hh.next;
	return one != NULL;
}

/* NULL for none. Sandboxes without decisions of their own share one list. */
static struct image *compile(struct daemon *daemon, const struct box *box)
{
	char path[NG_PATH_MAX];
	struct image *image = NULL;
	struct ng_diags diags;
	size_t n = 0;
	if (!daemon->approvals.by_id)
		return NULL;
	char *lines = approvals_lines(&daemon->approvals, box->id, &n);
	snprintf(path, sizeof path, "approvals of %s",
		 has_own(daemon, box->id) ? box->conf.name : "all sandboxes");
	ng_diags_init(&diags);
	if (!lines || (n && images_list(&daemon->images, path, lines, &diags, &image))) {
		log_diags(&diags);
		log_say(LOG_AS_ERROR,
			"sandbox %s: its approvals cannot be compiled; names that wait for "
			"approval stay denied",
			box->conf.name);
		image = NULL;
	}
	ng_diags_finish(&diags);
	free(lines);
	return image;
}

/* True when the worker must hear of it. */
static bool refresh(struct daemon *daemon, struct box *box)
{
	struct image *fresh = compile(daemon, box);
	if (fresh == box->approvals) {
		images_release(&daemon->images, fresh);
		return false;
	}
	feed_forget_image(box->approvals, box->worker);
	images_release(&daemon->images, box->approvals);
	box->approvals = fresh;
	box->approvals_new = fresh != NULL;
	return true;
}

void approvals_point(struct daemon *daemon, struct box *box)
{
	(void)refresh(daemon, box);
}

/* Tells the worker of all that changed; the last box whose answer is awaited, or NULL. */
static struct box *spread(struct daemon *daemon, uint32_t sandbox)
{
	struct box *box, *next, *last = NULL;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		if (sandbox && box->id != sandbox)
			continue;
		if (refresh(daemon, box) && sync_member(daemon, box))
			last = box;
	}
	return last;
}

/* ---- the table and the registry ---- */

static int keep(struct daemon *daemon, struct approval *wanted)
{
	struct approval *old = NULL;
	int code = registry_take_approval(daemon->registry, &wanted->id);
	char *text = approval_text(wanted);
	if (code == NG_OK)
		code = text ? registry_approval_put(daemon->registry, wanted->id, text,
						    strlen(text))
			    : NG_E_NOMEM;
	free(text);
	if (code)
		return code;
	code = approvals_put(&daemon->approvals, wanted, &old);
	uint64_t gone = code ? wanted->id : old ? old->id : 0;
	if (gone && registry_approval_remove(daemon->registry, gone))
		log_say(LOG_AS_WARNING, "approval %llu stays in the registry",
			(unsigned long long)gone);
	free(old);
	return code;
}

/* False when the registry cannot be written: then it stands as before. */
static bool take_out(struct daemon *daemon, struct approval *one)
{
	int code = registry_approval_remove(daemon->registry, one->id);
	if (code && code != NG_E_NOTFOUND)
		return false;
	HASH_DELETE(hh, daemon->approvals.by_id, one);
	return true;
}

static void load_one(void *owner, uint64_t id, const char *value, size_t len)
{
	struct daemon *daemon = owner;
	struct approval one, *old = NULL;
	if (!approval_read(id, value, len, &one)) {
		log_say(LOG_AS_ERROR,
			"approval %llu in the registry cannot be read; its name is denied",
			(unsigned long long)id);
		return;
	}
	if (one.sandbox && !boxes_find_id(&daemon->boxes, one.sandbox))
		return;
	if (approvals_put(&daemon->approvals, &one, &old))
		log_say(LOG_AS_ERROR, "approval %llu: no room; its name is denied",
			(unsigned long long)id);
	free(old);
}

void approvals_load(struct daemon *daemon)
{
	struct box *box, *next;
	if (registry_approvals_each(daemon->registry, load_one, daemon))
		log_say(LOG_AS_ERROR,
			"the approvals cannot be read in full; what is missing is denied");
	approvals_tick(daemon);
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		approvals_point(daemon, box);
}

void approvals_forget(struct daemon *daemon, uint32_t sandbox)
{
	struct approval *one, *next;
	HASH_ITER (hh, daemon->approvals.by_id, one, next)
		if (one->sandbox == sandbox && take_out(daemon, one))
			free(one);
}

/* ---- ends ---- */

/* Ended approvals go even if the registry cannot be written: a start drops them again. */
void approvals_tick(struct daemon *daemon)
{
	struct approval *one, *next;
	uint64_t now_s = wall_s();
	HASH_ITER (hh, daemon->approvals.by_id, one, next) {
		if (!one->until_s || one->until_s > now_s || daemon->stopping)
			continue;
		if (!take_out(daemon, one))
			HASH_DELETE(hh, daemon->approvals.by_id, one);
		note(daemon, one, "end", NOBODY);
		(void)spread(daemon, one->sandbox);
		free(one);
	}
}

/* ---- what administrators want ---- */

/* Answered when the last sandbox that it concerns has it, or now when none can be told. */
static void answer(struct daemon *daemon, struct control_request *request, uint32_t sandbox,
		   json_t *text)
{
	struct box *last = spread(daemon, sandbox);
	if (!last || last->waiting) {
		control_reply(request, text);
		return;
	}
	last->waiting = request;
	last->answer = text;
}

static bool name_of(const struct wall_waiting_row *row, struct approval *to)
{
	struct ng_name name;
	if (ng_name_from_wire(row->name, row->name_len, &name))
		return false;
	ng_name_lower(&name);
	ng_name_to_text(&name, to->name);
	return approval_expressible(to->name);
}

void approvals_wish(struct daemon *daemon, struct control_request *request,
		    const struct wish *wish, const struct wall_waiting_row *row)
{
	struct approval one = {.refused = wish->refuse,
			       .made_s = wall_s(),
			       .uid = (uint32_t)control_request_uid(request)};
	if (!row || !boxes_find_id(&daemon->boxes, row->sandbox)) {
		verbs_fail(request,
			   "no name waits under %llu; namegate pending shows those that do",
			   (unsigned long long)wish->id);
		return;
	}
	if (!name_of(row, &one)) {
		verbs_fail(request, "the name %.100s cannot stand in a list; it stays denied",
			   one.name);
		return;
	}
	one.sandbox = wish->global ? 0 : row->sandbox;
	one.until_s = wish->for_s ? one.made_s + wish->for_s : 0;
	int code = keep(daemon, &one);
	if (code) {
		verbs_fail(request, "%s is not %s: %s", one.name,
			   wish->refuse ? "refused for good" : "approved", ng_strerror(code));
		return;
	}
	note(daemon, &one, wish->refuse ? "refuse" : "approve", one.uid);
	answer(daemon, request, one.sandbox,
	       json_pack("{s:b, s:o}", "ok", 1, "approval", approval_json(daemon, &one)));
}

void approvals_withdraw(struct daemon *daemon, struct control_request *request, uint64_t id)
{
	struct approval *one = NULL;
	HASH_FIND(hh, daemon->approvals.by_id, &id, sizeof id, one);
	if (!one) {
		verbs_fail(request,
			   "there is no approval %llu; namegate approvals shows those that "
			   "there are",
			   (unsigned long long)id);
		return;
	}
	if (!take_out(daemon, one)) {
		verbs_fail(request,
			   "approval %llu: the registry cannot be written; see the disk of "
			   "\"store\"",
			   (unsigned long long)id);
		return;
	}
	note(daemon, one, "withdraw", (uint32_t)control_request_uid(request));
	answer(daemon, request, one->sandbox,
	       json_pack("{s:b, s:o}", "ok", 1, "approval", approval_json(daemon, one)));
	free(one);
}
