/* The walk over a DNS message that is about to be changed. */
#include "mutate_inside.h"

static void mark(struct survey *survey, struct mark mark)
{
	if (survey->n < MARKS_MAX)
		survey->marks[survey->n++] = mark;
}

static bool walk_name(struct survey *survey)
{
	const struct edit *edit = survey->edit;

	for (int labels = 0; survey->at < edit->n && labels < LABELS_MAX; labels++) {
		uint8_t label = edit->data[survey->at];
		size_t from = survey->at;

		survey->at += label >= 0xc0 ? 2 : 1u + label;
		if (survey->at > edit->n)
			return false;
		mark(survey,
		     (struct mark){label >= 0xc0 ? POINTER : LABEL, 0, from, 0, survey->at});
		if (!label || label >= 0xc0)
			return true;
	}
	return false;
}

static void walk_options(struct survey *survey, size_t at, size_t end)
{
	while (at + 4 <= end) {
		size_t size = edit_u16(survey->edit, at + 2);

		if (size > end - at - 4)
			return;
		mark(survey, (struct mark){OPTION, 0, at, 0, at + 4 + size});
		at += 4 + size;
	}
}

static bool walk_record(struct survey *survey, uint8_t section)
{
	size_t from = survey->at, fixed, len;

	if (!walk_name(survey) || survey->at + 10 > survey->edit->n)
		return false;
	fixed = survey->at;
	len = edit_u16(survey->edit, fixed + 8);
	survey->at += 10;
	if (len > survey->edit->n - survey->at)
		return false;
	if (edit_u16(survey->edit, fixed) == 41) {
		walk_options(survey, survey->at, survey->at + len);
		survey->opt = survey->n < MARKS_MAX ? survey->n : SIZE_MAX;
	}
	survey->at += len;
	mark(survey, (struct mark){RECORD, section, from, fixed, survey->at});
	return true;
}

static void walk(struct survey *survey)
{
	survey->at = HEADER;
	survey->opt = SIZE_MAX;
	for (unsigned int i = edit_u16(survey->edit, 4); i; i--) {
		size_t from = survey->at;

		if (!walk_name(survey) || survey->at + 4 > survey->edit->n)
			return;
		survey->at += 4;
		mark(survey, (struct mark){QUESTION, 0, from, survey->at - 4, survey->at});
	}
	for (uint8_t section = 1; section <= 3; section++)
		for (unsigned int i = edit_u16(survey->edit, 4 + 2u * section); i; i--)
			if (!walk_record(survey, section))
				return;
}

void survey_make(struct edit *edit, struct survey *out)
{
	out->edit = edit;
	out->n = 0;
	walk(out);
}

const struct mark *survey_any(struct survey *survey, enum mark_kind kind)
{
	size_t n = 0, which;

	for (size_t i = 0; i < survey->n; i++)
		n += survey->marks[i].kind == kind;
	which = roll(survey->edit, (uint32_t)n);
	for (size_t i = 0; i < survey->n; i++)
		if (survey->marks[i].kind == kind && !which--)
			return &survey->marks[i];
	return NULL;
}
