/*
 * A policy source on disk. The file is read whole, once, and must be a file: a source that cannot
 * be read is never an empty source.
 */
#include "conf/sources.h"

#include "conf/files.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

int source_compile(const char *path, const char *base_dir, struct ng_diags *diags,
		   struct ng_image *out)
{
	return source_compile_at(path, base_dir, (uint64_t)time(NULL), diags, out);
}

int source_compile_at(const char *path, const char *base_dir, uint64_t now_s,
		      struct ng_diags *diags, struct ng_image *out)
{
	struct ng_place place = {path, 0, 0};
	char *whole = file_beside(path, base_dir), *text;
	size_t len;
	if (whole == NULL)
		return NG_E_NOMEM;
	int code = file_read(whole, SOURCE_SIZE_MAX, &place, diags, &text, &len);
	free(whole);
	if (code != NG_OK)
		return code;
	if (memchr(text, '\0', len) != NULL) {
		ng_diag_add(diags, NG_ERROR, &place, "source-nul", "give a text file",
			    "the source has a NUL octet, so it is no text");
		code = NG_E_SYNTAX;
	} else {
		struct ng_source source = {.format = ng_source_sniff(text, len),
					   .path = path,
					   .text = text,
					   .len = len,
					   .now_s = now_s};
		code = ng_compile(&source, diags, out);
	}
	free(text);
	return code;
}
