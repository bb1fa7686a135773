/*
 * The queue of actions, and the words they point to.
 *
 * Both live until everything queued was taken and the next input begins. When memory is out an
 * action is written to a spare slot and lost: nothing opens, and a client's question times out.
 */
#include "gate/engine.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 10   /* of a line's number */
#define ROOM_KEPT  4096 /* actions: more are queued when very many leases are ordered at once */

/* It is empty. */
static void queue_shrink(struct ng_gate *gate)
{
	struct ng_action *less = realloc(gate->actions, ROOM_KEPT * sizeof(*less));

	if (!less)
		return; /* it stays as large as it is */
	gate->actions = less;
	gate->room_actions = ROOM_KEPT;
}

void actions_begin(struct ng_gate *gate, uint64_t now_us)
{
	gate->input++;
	if (now_us > gate->now_us)
		gate->now_us = now_us;
	if (gate->next_action < gate->n_actions)
		return;
	if (gate->n_actions > ROOM_KEPT)
		queue_shrink(gate);
	gate->n_actions = gate->next_action = 0;
	arena_reset(&gate->words);
}

struct ng_action *action_add(struct ng_gate *gate, enum ng_action_kind kind)
{
	struct ng_action *action;

	if (gate->n_actions + 1 >= gate->room_actions) { /* the last slot is the spare */
		size_t room = gate->room_actions ? 2 * gate->room_actions : 256;
		struct ng_action *more = realloc(gate->actions, room * sizeof(*more));

		if (more) {
			gate->actions = more;
			gate->room_actions = room;
		}
	}
	action = &gate->actions[gate->n_actions];
	if (gate->n_actions + 1 < gate->room_actions)
		gate->n_actions++;
	action->kind = kind;
	if (kind == NG_RECORD)
		action->record = (struct ng_record){.ede = NG_EDE_NONE};
	return action;
}

#define SIZE_WITH(member)                                                                      \
	(offsetof(struct ng_action, member) + sizeof(((struct ng_action *)NULL)->member))

/* An order is many times what a reply is: only what the kind has is copied. */
bool ng_gate_next(struct ng_gate *gate, struct ng_action *out)
{
	static const uint16_t sizes[] = {
		[NG_ASK_UPSTREAM] = SIZE_WITH(ask), [NG_LEASE] = SIZE_WITH(lease),
		[NG_REVOKE] = SIZE_WITH(lease),     [NG_EVICT] = SIZE_WITH(lease),
		[NG_REPLY] = SIZE_WITH(reply),      [NG_DROP] = SIZE_WITH(drop),
		[NG_RECORD] = SIZE_WITH(record),    [NG_WAITING] = SIZE_WITH(waiting),
		[NG_HOLD] = SIZE_WITH(lease),       [NG_RELEASE] = SIZE_WITH(lease),
		[NG_SPENT] = SIZE_WITH(spent),
	};
	const struct ng_action *next = &gate->actions[gate->next_action];

	if (gate->next_action == gate->n_actions)
		return false;
	memcpy(out, next, sizes[next->kind]);
	gate->next_action++;
	return true;
}

const struct ng_name *word_name(struct ng_gate *gate, const struct ng_name *name)
{
	return arena_copy(&gate->words, name, sizeof(*name));
}

const char *word_text(struct ng_gate *gate, const char *text)
{
	const char *word = arena_copy(&gate->words, text, strlen(text) + 1);

	return word ? word : "";
}

/* Each answer has one, which is why it is not formatted like the others. */
const char *word_place(struct ng_gate *gate, const char *path, uint32_t line)
{
	char digits[DIGITS_MAX], *first = digits + sizeof(digits);
	const size_t len = strlen(path);
	char *word;

	do
		*--first = (char)('0' + line % 10);
	while (line /= 10);
	word = arena_alloc(&gate->words, len + 1 + DIGITS_MAX + 1);
	if (!word)
		return "";
	memcpy(word, path, len);
	word[len] = ':';
	memcpy(word + len + 1, first, (size_t)(digits + sizeof(digits) - first));
	return word;
}

const char *word_format(struct ng_gate *gate, const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return word_text(gate, text);
}
