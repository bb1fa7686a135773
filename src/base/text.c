/* What of a text may be shown. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

size_t text_printable(const char *at)
{
	const unsigned char *text = (const unsigned char *)at;
	size_t len = *text < 0x80 ? 1 : *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;
	uint32_t code = len == 1 ? *text : *text & (0x7fu >> len);
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (*text >= 0xf8 || (*text >= 0x80 && *text < 0xc0))
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3fu);
	}
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code < least[len] ||
	    (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
		return 0;
	/* marks that turn the direction of what follows, and line ends of other kinds */
	if ((code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069) || code == 0xfeff)
		return 0;
	return len;
}

char *text_clean(char *text, const char *keep)
{
	for (char *at = text; *at != '\0';) {
		size_t len = text_printable(at);
		if (len == 0 && strchr(keep, *at) == NULL)
			*at = '?';
		at += len > 0 ? len : 1;
	}
	return text;
}
