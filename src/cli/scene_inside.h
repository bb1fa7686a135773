/* What the files of the scene runner share with each other. */
#pragma once

#include "cli/scene.h"

#include <utlist.h>

/* scene_text.c: lines and words. Whatever needs memory ends the program when there is none. */
void *scene_alloc(size_t size);
char *scene_copy(const char *text, size_t len);
char *scene_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool scene_load(struct scene *scene);
void scene_unload(struct scene *scene);
/* The raw lines up to `end`, without the indentation of the first; the caller frees it. */
char *scene_block(struct scene *scene, const struct line *opener);
/* Says where and what, and stops the scene. Only the first call counts. */
void scene_stop(struct scene *scene, enum scene_outcome outcome, const struct line *line,
		uint32_t column, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* scene_words.c: values from words. On anything unreadable they stop the scene and give zero. */
const struct word *word_peek(const struct reader *reader); /* NULL at the end */
const struct word *word_next(struct reader *reader);
bool word_accept(struct reader *reader, const char *text);
uint32_t word_column(const struct reader *reader); /* of the next word, or behind the last */
void word_bad(struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void words_done(struct reader *reader); /* nothing may be left over */
const char *need_word(struct reader *reader, const char *what);
uint64_t need_time(struct reader *reader); /* microseconds */
uint32_t need_seconds(struct reader *reader);
uint32_t need_number(struct reader *reader, const char *what);
struct ng_addr need_addr(struct reader *reader);
struct ng_prefix need_prefix(struct reader *reader);
struct ng_name need_name(struct reader *reader);
/* "tcp/443" when the next word is one; all ports when it is not. */
struct ng_port accept_port(struct reader *reader);
const char *port_text(struct ng_port port, char buf[static 16]); /* " tcp/443", or "" */
uint16_t need_type(struct reader *reader);
uint8_t *need_hex(struct reader *reader, size_t *len); /* the rest of the words */
/* "192.0.2.1" or "192.0.2.1..60" when the next word is one; returns how many. */
size_t accept_addrs(struct reader *reader, struct ng_addr *out, size_t room);
const char *time_text(uint64_t us, char buf[static 32]);

/* scene_policy.c: sources of policy */
struct list *list_find(const struct scene *scene, const char *name);
void list_free(struct list *list); /* takes NULL */
/*
 * "list NAME", "rpz NAME" and at a time "policy NAME" with the text below; or, not inline,
 * "policy FILE". Returns what stood under that name before: the caller frees it when nobody asks
 * it any more.
 */
struct list *policy_read(struct reader *reader, const char *kind);
/* "refuse list NAME CODE", "refuse rpz NAME CODE": the text below must not load. */
void policy_refuse(struct reader *reader);
/* Every source is read again, at the wall time of now; returns the old ones. */
struct list *policy_reload(struct reader *reader);
/* Adds a name to what is approved for a sandbox, or takes it out; returns the old source. */
struct list *approvals_change(struct reader *reader, struct box *box, bool add);

/* scene_routes.c: forward zones */
#define SCENE_ROUTE_TEXT (NG_SANDBOX_NAME_MAX + NG_NAME_TEXT_MAX)
const char *route_text(const struct scene *scene, uint32_t id,
		       char buf[static SCENE_ROUTE_TEXT]);
const struct ng_route *need_route(struct reader *reader);
void opened_read(struct reader *reader, struct ng_prefix *opened, uint8_t *n);
void route_read(struct scene *scene, struct reader *reader);
void route_end(struct scene *scene, struct reader *reader);
/* The number of the group of that name; 0: it has no zone. */
uint32_t route_group(const struct scene *scene, const char *name);
/* Says in each whose it is, now that all sandboxes have their ids. */
void routes_own(struct scene *scene);

/* scene_world.c: sandboxes and settings */
bool world_declares(const struct reader *reader);
void world_declare(struct scene *scene, struct reader *reader);
void world_begin(struct scene *scene);
void world_change(struct scene *scene, struct reader *reader); /* at a time */
void world_finish(struct scene *scene);
struct box *box_by_name(const struct scene *scene, const char *name); /* NULL: none */
struct box *box_by_id(const struct scene *scene, uint32_t id);
struct box *need_box(struct reader *reader);

/* scene_input.c: what happens */
void input_run(struct scene *scene, struct reader *reader);
void input_advance(struct scene *scene,
		   uint64_t to_us); /* ticks at every deadline on the way */

/* scene_wire.c: messages, written and read without the code under test */
struct asker *asker_make(struct scene *scene, struct reader *reader);
void asker_free(struct asker *asker);
/* The answer that the rest of the words describe; the caller frees it. */
uint8_t *answer_make(struct reader *reader, const struct ng_ask *ask, size_t *len);

/* scene_reply.c */
/* Reads a reply and holds it against what is true of every reply; stops the scene when not. */
struct reply_view *reply_read(struct scene *scene, const struct asker *asker,
			      const uint8_t *wire, size_t len, const struct line *line);
char *reply_text(const struct reply_view *view, const struct box *box);
bool reply_fits(struct reader *reader, const struct seen *seen);
void reply_free(struct reply_view *view); /* takes NULL */

/* scene_records.c: the answer section of a reply as a whole */
struct ldns_struct_rr;
void records_take(struct reply_view *view, const struct ldns_struct_rr *rr);
/* The words that follow are the records of the answer section, in any order. */
bool records_fit(struct reader *reader, const struct reply_view *view);
void records_free(struct reply_view *view);

/* scene_kernel.c: the kernel's set as the orders and confirmations leave it */
void kernel_order(struct scene *scene, const struct ng_lease_order *order);
void kernel_put(struct scene *scene, const struct pending_order *order);
void kernel_revoke(struct scene *scene, const struct ng_lease_order *order,
		   const struct line *line);
/* `kernel prompt`: everything ordered is confirmed; what that sets off is drained. */
void kernel_settle(struct scene *scene, const struct line *line);
void kernel_flush(struct scene *scene, uint32_t sandbox);
/* With a port: that port is open. Without one: any is. */
bool kernel_open(const struct scene *scene, uint32_t sandbox, const struct ng_addr *addr,
		 struct ng_port port);
/* That very element, if it stands. No client: the sandbox's. Protocol 0: the one for all ports. */
const struct element *kernel_element(const struct scene *scene, uint32_t sandbox,
				     const struct ng_addr *client, const struct ng_addr *addr,
				     struct ng_port port);
/* What lets this client reach addr at port longest: its own, the sandbox's, or for all ports. */
const struct element *kernel_reach(const struct scene *scene, uint32_t sandbox,
				   const struct ng_addr *client, const struct ng_addr *addr,
				   struct ng_port port);
void kernel_finish(struct scene *scene);

/* scene_fed.c: what upstreams said */
void fed_note(struct scene *scene, const struct ng_ask *ask, const uint8_t *wire, size_t len);
/* Sets way's: of each question the newest answer that has all addresses of the reply. */
void fed_find(const struct scene *scene, const struct reply_view *view, struct way *way);
void fed_finish(struct scene *scene);

/* scene_justify.c: would the client of the promise be given that address again, as policy is now? */
bool promise_stands(const struct scene *scene, const struct box *box,
		    const struct promise *promise);
void way_read(const struct scene *scene, const struct asker *asker,
	      const struct reply_view *view, struct way *out);
/* What policy bounds the reply to. */
void way_bounds(const struct scene *scene, const struct asker *asker, const struct way *way,
		struct ng_bounds *out);

/* Is it a source of any sandbox that there is? */
bool is_sandbox(const struct scene *scene, const struct ng_addr *addr);

/* scene_promise.c: invariants 2 and 3, for the addresses of each reply */
void promises_make(struct scene *scene, const struct asker *asker,
		   const struct reply_view *view, const struct line *line);
/* The set has lost an element for addr: what was promised must still be reached. */
void promises_check(struct scene *scene, uint32_t sandbox, const struct ng_addr *addr,
		    const struct line *line);
/* Policy changed: promises that it does not justify any more lapse. */
void promises_judge(struct scene *scene);
/* The sandbox is gone, or described anew: what was open for its old sources is promised no more. */
void promises_forget(struct scene *scene, uint32_t sandbox);
void promises_finish(struct scene *scene);

/* scene_seen.c: what came out, taken down in the words of a scene */
void seen_drain(struct scene *scene, const struct line *line);
void seen_clear(struct scene *scene);

/* scene_set.c: "set SANDBOX ELEMENT...": all that stands for it, and until when */
void clause_set(struct reader *reader);

/* scene_expect.c */
bool misfit(struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void expect_check(struct scene *scene, struct reader *clauses);
