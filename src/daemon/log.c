/*
 * Log lines. The journal is told priorities by a prefix, and only the journal: whether stderr is
 * its stream is what JOURNAL_STREAM says (systemd.exec(5)), by device and inode.
 */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool under_journal(void)
{
	struct stat status;
	unsigned long long device, inode;
	const char *stream = getenv("JOURNAL_STREAM");
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &status) && status.st_dev == device &&
	       status.st_ino == inode;
}

void log_say(enum log_level level, const char *format, ...)
{
	char line[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (under_journal())
		dprintf(STDERR_FILENO, "<%d>namegated: %s\n", (int)level, line);
	else
		dprintf(STDERR_FILENO, "namegated: %s\n", line);
}

void log_diags(const struct ng_diags *diags)
{
	static const enum log_level levels[] = {[NG_ERROR] = LOG_AS_ERROR,
						[NG_WARNING] = LOG_AS_WARNING,
						[NG_NOTE] = LOG_AS_INFO};
	char line[1024];
	for (size_t i = 0; i < diags->n; i++)
		log_say(levels[diags->items[i].severity], "%s",
			ng_diag_format(&diags->items[i], line, sizeof line));
	if (diags->dropped)
		log_say(LOG_AS_WARNING, "%zu more findings were left out", diags->dropped);
}
