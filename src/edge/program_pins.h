/*
 * Programs that hold sandboxes of the host's own processes, hung on their cgroups. Each is held in the
 * kernel by a file below /sys/fs/bpf and by nothing else, so that it outlives every process; taking the
 * file away takes the program off. Nothing is kept here but where those files are.
 */
#pragma once

#include "edge/program.h"

#include <stdbool.h>
#include <stddef.h>

#define PINS_PATH 128

struct pins {
	char folder[PINS_PATH]; /* "": there is none, and then nothing is held */
	uint64_t cookie; /* of our network namespace; 0: the kernel does not compare it */
};

struct pin {
	uint32_t uid;    /* not 0: this user's sockets */
	uint64_t cgroup; /* else those of this cgroup, by its number */
};

/*
 * Makes the folder of that table in our network namespace, with mode 0700. NG_E_UNSUPPORTED, NG_E_PERM
 * also where others can write to it or made it, NG_E_IO; see why. On failure *out stays as it is.
 */
int pins_open(const char *table, struct pins *out, char why[static PROGRAM_WHY]) NG_MUST_CHECK;
/*
 * Where that folder is or would be, good for all but pins_put(); nothing is made or loaded. Without
 * such a file system, and on failure, it is "". NG_E_PERM, NG_E_IO; see why.
 */
int pins_find(const char *table, struct pins *out, char why[static PROGRAM_WHY]) NG_MUST_CHECK;
/*
 * Has it hang on cgroup, the open folder of pin->cgroup, or for a user of the root of all. One that
 * hangs there is replaced in one step. NG_E_UNSUPPORTED, NG_E_PERM, NG_E_IO; see why.
 */
int pins_put(const struct pins *pins, const struct pin *pin, int cgroup,
	     char why[static PROGRAM_WHY]) NG_MUST_CHECK;
/* Takes it off, if it is there. */
void pins_take(const struct pins *pins, const struct pin *pin);
/* Takes off all that keep does not want; who is handed on. */
typedef bool pins_keep_fn(void *who, const struct pin *pin);
void pins_sweep(const struct pins *pins, pins_keep_fn *keep, void *who);
/* Takes all of that table off, and the folder away. NG_E_PERM, NG_E_IO with the errno. */
int pins_remove(const char *table) NG_MUST_CHECK;
