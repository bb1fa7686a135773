/*
 * An expectation file: facts about a policy, one line each, that hold or do not. The language is told
 * in namegate-expect(5).
 *
 * Reading and judging are one walk over the lines, in order, because facts about what is open depend
 * on what was resolved before. A fact that does not hold is told and the walk goes on; what cannot be
 * used ends it.
 */
#pragma once

#include <namegate/error.h>
#include <stddef.h>
#include <stdint.h>

enum expect_outcome { EXPECT_UNUSABLE = 0, EXPECT_FAILED, EXPECT_PASSED };

struct expect_fact { /* one fact, or, when unusable, what is wrong with a line */
	enum expect_outcome outcome;
	uint32_t line, column; /* of the word it is about; 0: of the file as a whole */
	const char *text;      /* the line */
	const char *claim;     /* "ci: deny evil.example"; NULL when unusable */
	const char *message;   /* what is instead, in one or more lines; NULL when it holds */
	const char *
		policy; /* the configuration, or the first of its policies; NULL when unusable */
	uint64_t after_s; /* time that the file has let pass */
};
/* Told of each fact as it is judged; all pointers are good until it returns. */
typedef void expect_fn(void *context, const struct expect_fact *fact);

struct expect_count {
	size_t facts, failed;
	char title[128]; /* the file's first comment, cut */
};

/* Plays one file. Paths in it are relative to its folder. */
enum expect_outcome expect_play(const char *path, expect_fn *tell, void *context,
				struct expect_count *count);
/* The same of text that is read already. */
enum expect_outcome expect_play_text(const char *path, const char *text, size_t len,
				     expect_fn *tell, void *context,
				     struct expect_count *count);
