/* The last step of giving up privileges: the system calls. For confine.c alone. */
#pragma once

#include "edge/confine.h"

enum confine_role { CONFINE_WARDEN = 0, CONFINE_WORKER };
int confine_calls(enum confine_role role, char why[static CONFINE_WHY]) NG_MUST_CHECK;
