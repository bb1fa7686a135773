/*
 * From the text of a source to its image. A source that has one error yields nothing at all: what
 * is left of a policy with lines missing is another policy.
 */
#include "policy/list.h"
#include "policy/rpz.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The path is a part of the image and of every record: it must fit, and print. */
static bool path_fits(const char *path, struct ng_diags *diags)
{
	size_t n = strlen(path);
	struct ng_place place = {"policy source", 0, 0};
	bool prints = true;
	for (size_t i = 0; i < n; i++)
		prints = prints && (unsigned char)path[i] >= ' ' && path[i] != 0x7f;
	if (n > 0 && n < NG_PATH_MAX && prints)
		return true;
	ng_diag_add(diags, NG_ERROR, &place, "source-path",
		    "use a shorter path without control characters",
		    "a source's path has 1 to %d printing octets", NG_PATH_MAX - 1);
	return false;
}

int ng_compile(const struct ng_source *source, struct ng_diags *diags, struct ng_image *out)
{
	struct builder *builder;
	size_t errors = diags->errors;
	struct ng_image image;
	if (!path_fits(source->path, diags))
		return NG_E_SYNTAX;
	builder = malloc(sizeof(*builder));
	if (builder == NULL)
		return NG_E_NOMEM;
	builder_init(builder, diags);
	if (source->format == NG_FORMAT_RPZ)
		rpz_read(builder, source);
	else
		list_read(builder, source);
	int code = builder->error != NG_E_NOMEM && diags->errors > errors
			   ? NG_E_SYNTAX
			   : builder_image(builder, &image);
	builder_finish(builder);
	free(builder);
	if (code == NG_OK)
		*out = image;
	return code;
}

void ng_image_finish(struct ng_image *image)
{
	if (image == NULL)
		return;
	free(image->octets);
	*image = (struct ng_image){0};
}

/* ---- what a file's text is ---- */

static bool line_is_zone(const char *line, size_t len)
{
	static const char *const directives[] = {"$TTL", "$ORIGIN", "$INCLUDE", "$GENERATE"};
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
		size_t n = strlen(directives[i]);
		if (len >= n && strncasecmp(line, directives[i], n) == 0)
			return true;
	}
	for (size_t i = 0; i + 4 < len; i++) {
		if (strncasecmp(line + i + 1, "SOA", 3) == 0 &&
		    strchr(" \t", line[i]) != NULL && strchr(" \t", line[i + 4]) != NULL)
			return true;
	}
	return false;
}

enum ng_source_format ng_source_sniff(const char *text, size_t len)
{
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	for (size_t at = 0; at < len;) {
		const char *line = text + at, *end = memchr(line, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - line) : len - at, blank = 0;
		while (blank < n && strchr(" \t\r", line[blank]) != NULL && line[blank] != '\0')
			blank++;
		if (blank < n && line[blank] != ';' && line[blank] != '#')
			return line_is_zone(line, n) ? NG_FORMAT_RPZ : NG_FORMAT_LIST;
		at += n + 1;
	}
	return NG_FORMAT_LIST;
}
