/* The list of shared hosting that is compiled into the command. */
#pragma once

#include <namegate/lint.h>

/* Errors as of ng_lint_hosting_create(). */
int hosting_create(struct ng_lint_hosting **out) NG_MUST_CHECK;
