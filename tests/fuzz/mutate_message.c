/*
 * Changes to a DNS message. It is walked as far as it can be, which notes where names, records and
 * options stand; then one place is changed: sometimes so that all lengths and counts still hold, sometimes so
 * that just one of them lies.
 */
#include "mutate_inside.h"

#include <string.h>

static void count_add(struct edit *edit, unsigned int section, int by)
{
	edit_u16_set(edit, 4 + 2u * section,
		     edit_u16(edit, 4 + 2u * section) + (unsigned int)by);
}

/* ---- header ---- */

static void change_flags(struct survey *survey)
{
	struct edit *edit = survey->edit;

	edit->data[2 + roll(edit, 2)] ^= (uint8_t)(1u << roll(edit, 8));
}

static void change_count(struct survey *survey)
{
	struct edit *edit = survey->edit;
	size_t at = 4 + 2 * roll(edit, 4);

	edit_u16_set(edit, at,
		     roll(edit, 2) ? edit_u16(edit, at) + roll(edit, 3) - 1 : odd_number(edit));
}

/* ---- names ---- */

static void change_label(struct survey *survey)
{
	static const uint8_t lengths[] = {0, 1, 62, 63, 64, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
	const struct mark *label = survey_any(survey, LABEL);
	struct edit *edit = survey->edit;

	if (!label)
		return;
	if (roll(edit, 2))
		edit->data[label->at] = (uint8_t)(edit->data[label->at] + roll(edit, 3) - 1);
	else
		edit->data[label->at] = lengths[roll(edit, sizeof(lengths))];
}

static void change_letter(struct survey *survey)
{
	static const char letters[] = "aZ0-_.*\\@ \0\xff\x7f";
	const struct mark *label = survey_any(survey, LABEL);
	struct edit *edit = survey->edit;
	size_t at;

	if (!label || label->end - label->at < 2)
		return;
	at = label->at + 1 + roll(edit, (uint32_t)(label->end - label->at - 1));
	edit->data[at] = roll(edit, 2) ? edit->data[at] ^ 0x20
				       : (uint8_t)letters[roll(edit, sizeof(letters) - 1)];
}

static void grow_name(struct survey *survey)
{
	static const uint8_t lengths[] = {1, 1, 2, 31, 62, 63};
	const struct mark *label = survey_any(survey, LABEL);
	struct edit *edit = survey->edit;
	uint8_t octets[64];

	if (!label)
		return;
	octets[0] = lengths[roll(edit, sizeof(lengths))];
	memset(octets + 1, 'a' + (int)roll(edit, 26), octets[0]);
	for (uint32_t times = roll(edit, 4) ? 1 : 1 + roll(edit, 127); times; times--)
		edit_put(edit, label->at, 0, octets, 1u + octets[0]);
}

static void drop_label(struct survey *survey)
{
	const struct mark *label = survey_any(survey, LABEL);

	if (label)
		edit_put(survey->edit, label->at, label->end - label->at, NULL, 0);
}

/* To a name, into one, into a header, forwards, or to itself. */
static void point(struct survey *survey)
{
	const struct mark *from = survey_any(survey, roll(survey->edit, 2) ? LABEL : POINTER),
			  *to;
	struct edit *edit = survey->edit;
	uint8_t octets[2];
	size_t target;

	if (!from)
		return;
	to = survey_any(survey, roll(edit, 3) ? LABEL : POINTER);
	switch (roll(edit, 8)) {
	case 0:
		target = from->at;
		break;
	case 1:
		target = roll(edit, HEADER + 1);
		break;
	case 2:
		target = roll(edit, (uint32_t)edit->n);
		break;
	default:
		target = to ? to->at : HEADER;
	}
	octets[0] = (uint8_t)(0xc0 | (target >> 8 & 0x3f));
	octets[1] = (uint8_t)target;
	edit_put(edit, from->at, from->end - from->at, octets, 2);
}

/* ---- records ---- */

/* Types with a form of their own for each reader, classes, and data of a record that has that form. */
static uint16_t odd_type(struct edit *edit)
{
	static const uint16_t types[] = {1,  2,   3,   5,   6,   10,  12,  13,  14,  15,   16,
					 17, 18,  21,  24,  25,  26,  28,  29,  30,  33,   35,
					 36, 37,  39,  41,  42,  43,  44,  45,  46,  47,   48,
					 50, 51,  52,  55,  59,  60,  61,  62,  63,  64,   65,
					 99, 108, 249, 250, 251, 252, 255, 256, 257, 65280};
	return roll(edit, 16) ? types[roll(edit, sizeof(types) / sizeof(types[0]))]
			      : odd_number(edit);
}

static const struct mark *record_or_question(struct survey *survey)
{
	const struct mark *record = roll(survey->edit, 4) ? survey_any(survey, RECORD) : NULL;

	return record ? record : survey_any(survey, QUESTION);
}

static void change_type(struct survey *survey)
{
	const struct mark *record = record_or_question(survey);

	if (record)
		edit_u16_set(survey->edit, record->fixed, odd_type(survey->edit));
}

static void change_class(struct survey *survey)
{
	static const uint16_t classes[] = {0, 1, 3, 4, 254, 255, 512, 1232, 4096};
	const struct mark *record = record_or_question(survey);
	struct edit *edit = survey->edit;

	if (record)
		edit_u16_set(edit, record->fixed + 2,
			     classes[roll(edit, sizeof(classes) / sizeof(classes[0]))]);
}

/* Of an OPT: the version, DO, and the high bits of the code. */
static void change_ttl(struct survey *survey)
{
	const struct mark *record = survey_any(survey, RECORD);

	if (record)
		edit_u16_set(survey->edit, record->fixed + 4 + 2 * roll(survey->edit, 2),
			     odd_number(survey->edit));
}

static void lie_about_length(struct survey *survey)
{
	const struct mark *record = survey_any(survey, RECORD);
	struct edit *edit = survey->edit;

	if (record)
		edit_u16_set(edit, record->fixed + 8,
			     roll(edit, 2)
				     ? edit_u16(edit, record->fixed + 8) + roll(edit, 3) - 1
				     : odd_number(edit));
}

/* More or fewer octets of data, or others, and the length says so. */
static void change_data(struct survey *survey)
{
	const struct mark *record = survey_any(survey, RECORD);
	struct edit *edit = survey->edit;
	uint8_t octets[64];
	size_t len, at, cut, n;

	if (!record)
		return;
	len = edit_u16(edit, record->fixed + 8);
	at = roll(edit, (uint32_t)len + 1);
	cut = roll(edit, (uint32_t)(len - at < 24 ? len - at : 24) + 1);
	n = roll(edit, 2) ? cut : roll(edit, sizeof(octets) + 1);
	for (size_t i = 0; i < n; i++)
		octets[i] =
			roll(edit, 2) ? (uint8_t)odd_number(edit) : (uint8_t)roll(edit, 256);
	if (edit_put(edit, record->fixed + 10 + at, cut, octets, n))
		edit_u16_set(edit, record->fixed + 8, (unsigned int)(len - cut + n));
}

static void drop_record(struct survey *survey)
{
	const struct mark *record = survey_any(survey, RECORD);

	if (record && edit_put(survey->edit, record->at, record->end - record->at, NULL, 0))
		count_add(survey->edit, record->section, -1);
}

/* Once more, where it stands or at the end of the message; its pointers then lead elsewhere, or not. */
static void copy_record(struct survey *survey)
{
	const struct mark *record = survey_any(survey, RECORD);
	struct edit *edit = survey->edit;
	uint8_t octets[512];
	size_t n;

	if (!record || record->end - record->at > sizeof(octets))
		return;
	n = record->end - record->at;
	memcpy(octets, edit->data + record->at, n);
	if (roll(edit, 2)) {
		if (edit_put(edit, record->end, 0, octets, n))
			count_add(edit, record->section, 1);
	} else if (edit_put(edit, edit->n, 0, octets, n)) {
		count_add(edit, 3, 1);
	}
}

static void add_record(struct survey *survey)
{
	static const struct {
		uint16_t type;
		uint8_t len;
		const char *data;
	} made[] = {
		{1, 4, "\300\000\002\001"},
		{28, 16, "\040\001\015\270\0\0\0\0\0\0\0\0\0\0\0\1"},
		{5, 2, "\300\014"},
		{39, 3, "\1a\0"},
		{15, 4, "\0\012\300\014"},
		{16, 6, "\2hi\2yo"},
		{33, 8, "\0\1\0\2\0\065\300\014"},
		{6, 24, "\300\014\300\014\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"},
		{65, 15, "\0\1\0\0\1\0\3\2h2\0\4\0\4\1"},
		{64, 6, "\0\0\3foo"},
		{35, 13, "\0\1\0\2\1u\1s\1r\300\014\0"},
		{46, 24, "\0\1\10\2\0\0\016\020\177\0\0\0\176\0\0\0\0\7\0sign!"},
		{47, 7, "\1b\0\0\2\100\1"},
		{43, 8, "\0\7\10\2abcd"},
		{257, 9, "\0\5issue;;"},
		{250, 16, "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0"},
	};
	struct edit *edit = survey->edit;
	uint8_t octets[64] = {0xc0, HEADER};
	uint32_t which = roll(edit, sizeof(made) / sizeof(made[0]));
	size_t n = made[which].len;
	unsigned int section = 1;

	octets[3] = (uint8_t)made[which].type;
	octets[2] = (uint8_t)(made[which].type >> 8);
	octets[5] = 1;
	octets[9] = 60;
	octets[11] = (uint8_t)n;
	memcpy(octets + 12, made[which].data, n);
	for (; section < 3 && edit_u16(edit, 6 + 2 * section); section++)
		; /* the last section that has records, or else the first */
	if (section == 3 && !edit_u16(edit, 10))
		section = edit_u16(edit, 8) ? 2 : 1;
	if (edit_put(edit, edit->n, 0, octets, 12 + n))
		count_add(edit, section, 1);
}

/* ---- EDNS ---- */

static size_t option_make(struct edit *edit, uint8_t out[static 64])
{
	static const uint16_t codes[] = {3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 65001};
	static const uint8_t sizes[] = {0, 1, 2, 4, 7, 8, 9, 15, 16, 24, 40, 41};
	uint16_t code = codes[roll(edit, sizeof(codes) / sizeof(codes[0]))];
	uint8_t size = sizes[roll(edit, sizeof(sizes))];

	out[0] = (uint8_t)(code >> 8);
	out[1] = (uint8_t)code;
	out[2] = 0;
	out[3] = size;
	for (size_t i = 0; i < size; i++)
		out[4 + i] = roll(edit, 2) ? 0 : (uint8_t)roll(edit, 256);
	if (code == 8 && size >= 4) /* a client subnet of a family that there is */
		out[5] = (uint8_t)(1 + roll(edit, 2));
	return 4u + size;
}

static void add_option(struct survey *survey)
{
	struct edit *edit = survey->edit;
	uint8_t octets[11 + 64] = {0, 0, 41, 0x10, 0};
	size_t n = option_make(edit, octets + 11);

	if (survey->opt != SIZE_MAX) {
		const struct mark *opt = &survey->marks[survey->opt];

		if (edit_put(edit, opt->end, 0, octets + 11, n))
			edit_u16_set(edit, opt->fixed + 8,
				     edit_u16(edit, opt->fixed + 8) + (unsigned int)n);
		return;
	}
	n = roll(edit, 3) ? n : 0;
	octets[10] = (uint8_t)n;
	if (edit_put(edit, edit->n, 0, octets, 11 + n))
		count_add(edit, 3, 1);
}

static void change_option(struct survey *survey)
{
	const struct mark *option = survey_any(survey, OPTION);

	if (option)
		edit_u16_set(survey->edit, option->at + 2 * roll(survey->edit, 2),
			     odd_number(survey->edit));
}

/* ---- the whole ---- */

static void cut(struct survey *survey)
{
	survey->edit->n = HEADER + roll(survey->edit, (uint32_t)(survey->edit->n - HEADER + 1));
}

static void trail(struct survey *survey)
{
	static const uint8_t octets[8] = {0, 0, 41};

	edit_put(survey->edit, survey->edit->n, 0, octets, 1 + roll(survey->edit, 8));
}

static void change_octet(struct survey *survey)
{
	struct edit *edit = survey->edit;

	edit->data[roll(edit, (uint32_t)edit->n)] ^= (uint8_t)(1u << roll(edit, 8));
}

void mutate_message(struct edit *edit)
{
	static void (*const changes[])(struct survey * survey) = {
		change_flags, change_count, change_label, change_letter,    grow_name,
		drop_label,   point,        point,        change_type,      change_class,
		change_ttl,   change_data,  change_data,  lie_about_length, drop_record,
		copy_record,  add_record,   add_record,   add_option,       change_option,
		cut,          trail,        change_octet,
	};
	static const uint8_t start[HEADER] = {0, 7, 1, 0};

	if (edit->n < HEADER) {
		edit_put(edit, edit->n, 0, start + edit->n, HEADER - edit->n);
		return;
	}
	struct survey survey;

	survey_make(edit, &survey);
	changes[roll(edit, sizeof(changes) / sizeof(changes[0]))](&survey);
}

void mutate_edns(struct edit *edit)
{
	static const uint8_t start[HEADER + 5] = {[5] = 1}; /* one question, of the root */
	static uint8_t octets[1 << 16];
	struct edit whole;

	if (!edit->n || edit->n + sizeof(start) > sizeof(octets)) {
		edit_put(edit, 0, edit->n, start, 1);
		return;
	}
	memcpy(octets, start, sizeof(start));
	memcpy(octets + sizeof(start), edit->data + 1, edit->n - 1);
	octets[11] = edit->data[0] % 4;
	whole = edit_make(octets, sizeof(start) + edit->n - 1, sizeof(octets),
			  roll(edit, UINT32_MAX));
	mutate_message(&whole);
	if (whole.n < sizeof(start) || memcmp(octets + HEADER, start + HEADER, 5) != 0)
		return; /* it was the question that changed */
	edit->data[0] = octets[11];
	edit_put(edit, 1, edit->n - 1, octets + sizeof(start), whole.n - sizeof(start));
}
