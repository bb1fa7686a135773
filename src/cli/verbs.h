/*
 * The verbs of the command. Each is a file of its own with one function: it gets its arguments, the
 * verb's own name first, and returns the exit code. main.c has the table.
 */
#pragma once

/* What a script may rely on. */
enum {
	EXIT_DONE = 0,       /* done, allowed, nothing found */
	EXIT_DENIED = 1,     /* denied, or there are findings */
	EXIT_UNUSABLE = 2,   /* the input or the command line cannot be used */
	EXIT_UNREACHABLE = 3 /* the daemon is not there, or does not let us in */
};

int verb_check(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_diff(int argc, char **argv);
int verb_convert(int argc, char **argv);
int verb_who_opened(int argc, char **argv);
int verb_report(int argc, char **argv);
int verb_replay(int argc, char **argv);
int verb_learn(int argc, char **argv);

/* These ask, or tidy up after, namegated. */
int verb_status(int argc, char **argv);
int verb_leases(int argc, char **argv);
int verb_blocked(int argc, char **argv);
int verb_sandbox(int argc, char **argv);
int verb_approve(int argc, char **argv); /* also pending, refuse, approvals, withdraw */
int verb_reload(int argc, char **argv);
int verb_flush(int argc, char **argv);
int verb_teardown(int argc, char **argv);
