/*
 * Markdown and HTML, with one function that escapes for both.
 *
 * A mark that could mean something where it stands is written as a character reference, in Markdown
 * too: there they are the same, hold inside of tables, and no renderer makes anything of them.
 */
#include "config.h"
#include "cli/doc.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

/* Would a colon here, with one that follows, be taken for a picture or an address? */
static bool colon_counts(const char *at)
{
	return at[1] == '/' || strchr(at + 1, ':') < at + 1 + strcspn(at + 1, " ");
}

/* Marks that mean something in some places only, and are left readable elsewhere. */
static bool counts_here(const char *text, const char *at)
{
	switch (*at) {
	case '.': /* a list's number, or an address */
		return (at > text && (at[1] == ' ' || at[1] == '\0') &&
			strspn(text, "0123456789") == (size_t)(at - text)) ||
		       (at - text >= 3 && strncasecmp(at - 3, "www", 3) == 0);
	case ':':
		return strchr(at + 1, ':') != NULL ? colon_counts(at) : at[1] == '/';
	case '-':
	case '+':
	case '=':
		return at == text;
	default:
		return strchr("<>&\\`*_{}[]#!|~@$", *at) != NULL;
	}
}

static bool is_mark(const struct doc *doc, const char *text, const char *at)
{
	if (doc->format == DOC_HTML)
		return strchr("<>&\"'", *at) != NULL;
	return counts_here(text, at);
}

static void escape(const struct doc *doc, const char *text)
{
	for (const char *at = text; *at != '\0';) {
		size_t len = text_printable(at);
		if (len == 0)
			fputc('?', doc->to);
		else if (len == 1 && is_mark(doc, text, at))
			fprintf(doc->to, "&#%u;", (unsigned char)*at);
		else
			fwrite(at, len, 1, doc->to);
		at += len != 0 ? len : 1;
	}
}

static void escape_format(const struct doc *doc, const char *format, va_list arguments)
{
	char *text = NULL;
	if (vasprintf(&text, format, arguments) < 0)
		return;
	escape(doc, text);
	free(text);
}

/* ---- the whole ---- */

static const char html_begin[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'unsafe-inline'\">\n"
	"<style>\nbody { font-family: sans-serif; max-width: 72em; margin: 2em auto; "
	"padding: 0 1em }\n"
	"table { border-collapse: collapse; margin: 1em 0 }\n"
	"th, td { border: 1px solid #999; padding: 0.2em 0.6em; text-align: left; "
	"vertical-align: top; overflow-wrap: anywhere }\n"
	"th { background: #eee }\n@media print { details > * { display: block } }\n"
	"</style>\n<title>";

void doc_begin(struct doc *doc, const char *title)
{
	fputs(doc->format == DOC_HTML ? html_begin : "# ", doc->to);
	escape(doc, title);
	if (doc->format == DOC_HTML) {
		fputs("</title>\n</head>\n<body>\n<h1>", doc->to);
		escape(doc, title);
		fputs("</h1>", doc->to);
	}
	fputs("\n", doc->to);
}

void doc_end(struct doc *doc)
{
	if (doc->format == DOC_HTML)
		fputs("</body>\n</html>\n", doc->to);
}

void doc_heading(struct doc *doc, unsigned level, const char *text)
{
	if (doc->format == DOC_HTML)
		fprintf(doc->to, "<h%u>", level);
	else
		fprintf(doc->to, "\n%.*s ", (int)level, "######");
	escape(doc, text);
	if (doc->format == DOC_HTML)
		fprintf(doc->to, "</h%u>", level);
	fputs("\n", doc->to);
}

void doc_paragraph(struct doc *doc, const char *format, ...)
{
	va_list arguments;
	fputs(doc->format == DOC_HTML ? "<p>" : "\n", doc->to);
	va_start(arguments, format);
	escape_format(doc, format, arguments);
	va_end(arguments);
	fputs(doc->format == DOC_HTML ? "</p>\n" : "\n", doc->to);
}

/* ---- tables ---- */

static void row(const struct doc *doc, const char *const *cells, const char *tag)
{
	fputs(doc->format == DOC_HTML ? "<tr>" : "|", doc->to);
	for (size_t i = 0; i < doc->columns; i++) {
		if (doc->format == DOC_HTML)
			fprintf(doc->to, "<%s>", tag);
		else
			fputc(' ', doc->to);
		escape(doc, cells[i] != NULL ? cells[i] : "");
		if (doc->format == DOC_HTML)
			fprintf(doc->to, "</%s>", tag);
		else
			fputs(" |", doc->to);
	}
	fputs(doc->format == DOC_HTML ? "</tr>\n" : "\n", doc->to);
}

void doc_table(struct doc *doc, const char *const *heads)
{
	doc->columns = 0;
	while (heads[doc->columns] != NULL && doc->columns < DOC_COLUMNS)
		doc->columns++;
	fputs(doc->format == DOC_HTML ? "<table>\n" : "\n", doc->to);
	row(doc, heads, "th");
	if (doc->format == DOC_HTML)
		return;
	fputc('|', doc->to);
	for (size_t i = 0; i < doc->columns; i++)
		fputs(" --- |", doc->to);
	fputc('\n', doc->to);
}

void doc_row(struct doc *doc, const char *const *cells)
{
	row(doc, cells, "td");
}

void doc_table_end(struct doc *doc)
{
	if (doc->format == DOC_HTML)
		fputs("</table>\n", doc->to);
	doc->columns = 0;
}

void doc_fold(struct doc *doc, const char *format, ...)
{
	va_list arguments;
	if (doc->format == DOC_MARKDOWN)
		fputs("\n", doc->to);
	fputs("<details><summary>", doc->to);
	va_start(arguments, format);
	escape_format(doc, format, arguments);
	va_end(arguments);
	fputs("</summary>\n", doc->to);
}

void doc_fold_end(struct doc *doc)
{
	fputs(doc->format == DOC_MARKDOWN ? "\n</details>\n" : "</details>\n", doc->to);
}
