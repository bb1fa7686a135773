/* Lines for the operator, on stderr: "namegated: what, where, why, what to do". */
#pragma once

#include <namegate/diag.h>
#include <stdbool.h>

enum log_level { LOG_AS_ERROR = 3, LOG_AS_WARNING, LOG_AS_NOTICE, LOG_AS_INFO };

/* One line. Under the journal it begins with its priority as sd-daemon(3) has it. */
void log_say(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void log_diags(const struct ng_diags *diags);
