/*
 * Line by line with a person at a terminal. A wider or narrower line takes the place of those that it
 * covers or is made of, and is asked about in their stead; so in the end every name has been decided on
 * once. What was not decided on is not taken.
 */
#include "config.h"

#include "cli/learn.h"

#include <string.h>

struct review {
	const struct learn_call *call;
	struct learn_list *list;
	size_t at; /* the line that is asked about */
	bool written;
};

static void show(const struct review *review)
{
	const struct learn_line *line = &review->list->lines[review->at];
	char text[LEARN_LINE_TEXT];
	fprintf(stderr, "\n[%zu/%zu] %s\n    ", review->at + 1, review->list->n_lines,
		learn_line_text(review->list, line, text));
	learn_print_evidence(review->call, review->list, line, stderr);
	putc('\n', stderr);
	learn_print_notes(review->list, line, "    ", stderr);
	fputs("take, skip, widen, narrow, ports, quit and write, or help? ", stderr);
	fflush(stderr);
}

/* ---- what a person may say: true when the line is decided ---- */

static bool decide(struct review *review, enum learn_state state)
{
	review->list->lines[review->at].state = state;
	review->at++;
	return true;
}

static bool take(struct review *review)
{
	return decide(review, LEARN_TAKE);
}

static bool skip(struct review *review)
{
	return decide(review, LEARN_LEAVE);
}

static bool widen(struct review *review)
{
	if (!learn_widen(review->list, &review->at))
		fputs("no wildcard may stand above it: that is a public suffix, shared hosting "
		      "or another's domain, or it would cover what a rule denied\n",
		      stderr);
	return false;
}

static bool narrow(struct review *review)
{
	if (learn_narrow(review->list, review->at) != NG_OK)
		fputs("it is one name already\n", stderr);
	return false;
}

static bool ports(struct review *review)
{
	struct learn_line *line = &review->list->lines[review->at];
	struct learn_bounds bounds;
	line->portless = !line->portless;
	learn_line_bounds(review->list, line, &bounds);
	if (!line->portless && bounds.n_ports == 0)
		fputs("not all of its ports are known\n", stderr);
	return false;
}

static bool quit(struct review *review)
{
	review->written = true;
	return true;
}

static const struct {
	const char *word, *what;
	bool (*run)(struct review *review);
} words[] = {
	{"take", "put the line into the list", take},
	{"skip", "leave it out", skip},
	{"widen", "a wildcard one step above in its place, where one may stand", widen},
	{"narrow", "each name that the wildcard covers by itself", narrow},
	{"ports", "without the ports that were seen, and with them again", ports},
	{"quit", "write what was taken, and leave the rest out", quit},
};
#define WORDS (sizeof(words) / sizeof(words[0]))

static void help(void)
{
	for (size_t i = 0; i < WORDS; i++)
		fprintf(stderr, "  %c, %-7s  %s\n", words[i].word[0], words[i].word,
			words[i].what);
	fputs("The end of the input (control-D) leaves everything as it is.\n", stderr);
}

/* A word, or its first letter. */
static bool obey(struct review *review, const char *said)
{
	size_t n = strlen(said);
	for (size_t i = 0; i < WORDS && n > 0; i++) {
		if (strncmp(said, words[i].word, n) == 0 &&
		    (n == 1 || n == strlen(words[i].word)))
			return words[i].run(review);
	}
	help();
	return false;
}

/* A line without its blanks; what does not fit is passed over. False at the end of the input. */
static bool hear(char *said, size_t room)
{
	if (fgets(said, (int)room, stdin) == NULL)
		return false;
	if (strchr(said, '\n') == NULL)
		for (int c = getchar(); c != EOF && c != '\n';)
			c = getchar();
	said += strspn(said, " \t");
	said[strcspn(said, " \t\r\n")] = '\0';
	return true;
}

static bool review_list(struct review *review)
{
	char said[64];
	for (size_t i = 0; i < review->list->n_lines; i++)
		review->list->lines[i].state = LEARN_OPEN;
	while (review->at < review->list->n_lines && !review->written) {
		show(review);
		bool decided = false;
		while (!decided && hear(said, sizeof(said))) {
			decided = obey(review, said + strspn(said, " \t"));
			if (!decided)
				show(review);
		}
		if (!decided)
			return false;
	}
	return true;
}

bool learn_review(const struct learn_call *call)
{
	struct review review = {.call = call};
	for (size_t i = 0; i < call->n_lists; i++) {
		review.list = &call->lists[i];
		review.at = 0;
		if (review.written) {
			for (size_t k = 0; k < review.list->n_lines; k++)
				review.list->lines[k].state = LEARN_OPEN;
		} else if (!review_list(&review)) {
			return false;
		}
	}
	fputs("\n", stderr);
	return true;
}
