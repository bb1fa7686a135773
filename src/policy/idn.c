/*
 * Names go over the wire in A-labels, so rules are kept in them. libidn2 maps as UTS 46 does
 * (capitals, composed characters) and refuses what IDNA2008 has no place for. Only labels with
 * characters beyond ASCII are given to it: ASCII has rules of its own, and underscores.
 *
 * Latin, Greek, Cyrillic, Armenian and Cherokee share letters in shape. A label with letters of two
 * of them reads as another one; that is said, and taken, since it is what was written.
 */
#include "policy/idn.h"

#include <idn2.h>
#include <stdint.h>
#include <string.h>

#define LABEL_MAX 256 /* octets of UTF-8 that are looked at */

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] > 0x7f)
			return false;
	}
	return true;
}

/* One label with its NUL. */
static const char *label_to_ascii(const char *label, char *out, size_t room)
{
	uint8_t *ascii = NULL;
	int code = idn2_lookup_u8((const uint8_t *)label, &ascii,
				  IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (code != IDN2_OK)
		return idn2_strerror(code);
	const char *text = (const char *)ascii;
	bool fits = strlen(text) < room && strchr(text, '.') == NULL && text[0] != '\0';
	if (fits)
		strcpy(out, text);
	idn2_free(ascii);
	return fits ? NULL : "a label is empty, too long, or has a dot of another script";
}

const char *idn_to_ascii(const char *text, size_t len, char *out, size_t room)
{
	char label[LABEL_MAX];
	for (size_t at = 0, used = 0;; used = strlen(out)) {
		const char *dot = memchr(text + at, '.', len - at);
		size_t n = dot != NULL ? (size_t)(dot - text) - at : len - at;
		if (n >= sizeof(label) || used + n + 2 > room)
			return "it is too long";
		memcpy(label, text + at, n);
		label[n] = '\0';
		strcpy(out + used, label);
		const char *wrong =
			is_ascii(label, n) ? NULL
					   : label_to_ascii(label, out + used, room - used - 1);
		if (wrong != NULL || dot == NULL)
			return wrong;
		strcat(out, ".");
		at += n + 1;
	}
}

/* ---- letters that look alike ---- */

static const struct {
	uint32_t first, last;
	unsigned script; /* a bit each */
} ranges[] = {
	{'a', 'z', 1},       {0xc0, 0x24f, 1},     {0x370, 0x3ff, 2},   {0x400, 0x52f, 4},
	{0x531, 0x587, 8},   {0x13a0, 0x13ff, 16}, {0x1c80, 0x1c8f, 4}, {0x1e00, 0x1eff, 1},
	{0x1f00, 0x1fff, 2}, {0x2c60, 0x2c7f, 1},  {0x2de0, 0x2dff, 4}, {0xa640, 0xa69f, 4},
	{0xa720, 0xa7ff, 1}, {0xab70, 0xabbf, 16},
};

static unsigned scripts_of(uint32_t c)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].script;
	}
	return 0;
}

static bool label_is_mixed(const char *label)
{
	uint32_t *letters = NULL;
	unsigned scripts = 0;
	if (idn2_to_unicode_8z4z(label, &letters, 0) != IDN2_OK)
		return false;
	for (const uint32_t *c = letters; *c != 0; c++)
		scripts |= scripts_of(*c);
	idn2_free(letters);
	return (scripts & (scripts - 1)) != 0;
}

bool idn_is_mixed(const char *name)
{
	char label[LABEL_MAX];
	while (*name != '\0') {
		size_t n = strcspn(name, ".");
		if (n < sizeof(label) && n > 4 && strncmp(name, "xn--", 4) == 0) {
			memcpy(label, name, n);
			label[n] = '\0';
			if (label_is_mixed(label))
				return true;
		}
		name += n + (name[n] == '.');
	}
	return false;
}
