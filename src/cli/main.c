/*
 * The command is a table of verbs. A verb that works on files needs nothing but the files; one that
 * asks the daemon says so in its help.
 */
#include "config.h"

#include "base/text.h"
#include "cli/test.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{"check", verb_check, "see whether configuration and policies are right"},
	{"explain", verb_explain,
	 "what the gate would decide on a name, by which rule, and why"},
	{"diff", verb_diff, "what a new policy lets through that the old one did not"},
	{"convert", verb_convert, "write a host list as an RPZ zone, and back"},
	{"test", test_main, "play scenes and expectation files in invented time"},
	{"report", verb_report, "one page for auditors: what may be reached, tested, changed"},
	{"replay", verb_replay, "what a draft would change for traffic that was recorded"},
	{"learn", verb_learn, "the smallest host list that covers what was used"},
	{"status", verb_status, "whether namegated serves, and what it has counted"},
	{"leases", verb_leases, "which addresses are open, by which name, for how long"},
	{"blocked", verb_blocked, "what was blocked, how often, and what would open it"},
	{"who-opened", verb_who_opened,
	 "which names opened an address, by which rule, and when"},
	{"sandbox", verb_sandbox, "register, remove, change and list sandboxes"},
	{"pending", verb_approve, "which names wait for approval"},
	{"approve", verb_approve, "let a sandbox have a name that waits"},
	{"refuse", verb_approve, "deny a name that waits, for good"},
	{"approvals", verb_approve, "what was approved and refused, by whom, until when"},
	{"withdraw", verb_approve, "take an approval or a refusal back"},
	{"reload", verb_reload, "have namegated read its files anew"},
	{"flush", verb_flush, "have namegated forget answers of upstream servers"},
	{"teardown", verb_teardown, "take the rules out of the kernel"},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(FILE *to)
{
	fputs("usage: namegate [--control SOCKET] VERB [OPTION]... [ARGUMENT]...\n\n", to);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-10s  %s\n", verbs[i].name, verbs[i].help);
	fputs("\nnamegate VERB --help tells more.\n"
	      "Exit codes: 0 done or allowed, 1 denied or findings, 2 unusable input or "
	      "usage,\n"
	      "3 the daemon is not reachable.\n",
	      to);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--control") == 0) {
		setenv("NAMEGATE_CONTROL", argv[2], 1); /* what the verbs fall back to */
		argv += 2;
		argc -= 2;
	}
	const char *name = argc > 1 ? argv[1] : "";
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(name, verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
	    strcmp(name, "help") == 0) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (strcmp(name, "--version") == 0) {
		puts(PACKAGE_STRING);
		return EXIT_DONE;
	}
	if (argc > 1)
		fprintf(stderr, "namegate: there is no verb %s\n", text_clean(argv[1], ""));
	print_help(stderr);
	return EXIT_UNUSABLE;
}
