/*
 * May a sandbox have these names? By a list, with the rule that decides:
 *
 *     cc -o decide decide.c $(pkg-config --cflags --libs namegate)
 *     ./decide python.list pypi.org evil.example
 */
#include <namegate/namegate.h>
#include <stdio.h>

static void print_findings(const struct ng_diags *diags)
{
	char line[1024];
	for (size_t i = 0; i < diags->n; i++)
		fprintf(stderr, "%s\n", ng_diag_format(&diags->items[i], line, sizeof(line)));
}

static void print_ruling(const struct ng_setup *setup, const char *name)
{
	struct ng_ruling ruling;
	int code = ng_decide(setup, "sandbox", name, &ruling);
	if (code != NG_OK)
		printf("%s: %s\n", name, ng_strerror(code));
	else if (ruling.matched)
		printf("%s: %s (%s:%u): %s\n", name, ruling.passes ? "yes" : "no", ruling.path,
		       (unsigned)ruling.line, ruling.reason);
	else
		printf("%s: %s: %s\n", name, ruling.passes ? "yes" : "no", ruling.reason);
}

int main(int argc, char **argv)
{
	struct ng_diags diags;
	struct ng_setup *setup = NULL;
	if (argc < 2)
		return 2;
	ng_diags_init(&diags);
	int code = ng_setup_files((const char *const *)&argv[1], 1, &diags, &setup);
	print_findings(&diags);
	ng_diags_finish(&diags);
	for (int i = 2; i < argc && code == NG_OK; i++)
		print_ruling(setup, argv[i]);
	ng_setup_free(setup);
	return code == NG_OK ? 0 : 2;
}
