/*
 * Questions that no server answered, remembered for a little while (RFC 9520).
 *
 * Clients ask again at once what failed. Without a memory a dead zone would be asked at each of these
 * questions, and each would wait for it anew. So a failure is the answer for a second, and for longer
 * when the next attempt fails too; it never outlives a reload, which may be what mends it. What the gate
 * itself had no means for is no failure of a server and is not kept.
 */
#include "gate/engine.h"

#include <stdlib.h>

#define IN_A_ROW_US                                                                            \
	(60 * (uint64_t)SECOND_US) /* later than that a failure is the first again */

struct failure {
	struct question_key key;
	uint64_t
		until_us; /* it is the answer; later it only tells the next one how long to stand */
	uint32_t hold_s;
	enum text text;
	UT_hash_handle hh; /* oldest first */
};

static struct failure *find(const struct ng_gate *gate, const struct question_key *key)
{
	struct failure *failure;

	if (!gate->failures) /* as it is most of the time */
		return NULL;
	HASH_FIND_BYHASHVALUE(hh, gate->failures, key, question_len(key),
			      (unsigned)question_hash(gate, key), failure);
	return failure;
}

static void drop(struct ng_gate *gate, struct failure *failure)
{
	HASH_DEL(gate->failures, failure);
	free(failure);
}

enum text failure_find(const struct ng_gate *gate, const struct question_key *key,
		       uint32_t *left_s)
{
	const struct failure *failure = find(gate, key);

	if (!failure || failure->until_us <= gate->now_us)
		return TEXT_NONE;
	*left_s = (uint32_t)((failure->until_us - gate->now_us + SECOND_US - 1) / SECOND_US);
	return failure->text;
}

static uint32_t hold_next(const struct ng_gate *gate, const struct failure *before)
{
	if (!before || before->until_us + IN_A_ROW_US <= gate->now_us)
		return NG_FAILURE_MIN_S;
	return 2 * before->hold_s < NG_FAILURE_MAX_S ? 2 * before->hold_s : NG_FAILURE_MAX_S;
}

void failure_note(struct ng_gate *gate, const struct question_key *key, enum text text)
{
	struct failure *before = find(gate, key), *failure = malloc(sizeof(*failure));
	uint32_t hold_s = hold_next(gate, before);

	if (before)
		drop(gate, before);
	if (!failure)
		return;
	if (HASH_COUNT(gate->failures) >= NG_FAILURES_MAX)
		drop(gate, gate->failures);
	*failure = (struct failure){
		.key = *key,
		.until_us = gate->now_us + (uint64_t)hold_s * SECOND_US,
		.hold_s = hold_s,
		.text = text,
	};
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, gate->failures, &failure->key, question_len(key),
				    (unsigned)question_hash(gate, key), failure);
	if (!failure->hh.tbl)
		free(failure);
}

void failure_forget(struct ng_gate *gate, const struct question_key *key)
{
	struct failure *failure = find(gate, key);

	if (failure)
		drop(gate, failure);
}

void failures_clear(struct ng_gate *gate)
{
	struct failure *failure, *spare;

	HASH_ITER (hh, gate->failures, failure, spare) {
		drop(gate, failure);
	}
}
