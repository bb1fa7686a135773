/*
 * Lists that people publish, line by line: each is taken as one exact rule or refused with a code.
 * tests/lists/real/TABLE fixes which; NAMEGATE_WRITE_TABLE=FILE writes what is so now, to be read
 * before it becomes the table.
 */
#include "policy_world.h"

#include "policy/image.h"

static const char *const lists[] = {"azure-devops",
				    "azure-package-managers",
				    "azure-sre-agent",
				    "claude-code-devcontainer",
				    "claude-code-web-default",
				    "codex-common-dependencies",
				    "docker-desktop-registry",
				    "docker-sandbox-examples",
				    "github-actions-self-hosted",
				    "github-agentic-workflows-ecosystems",
				    "github-copilot-agent",
				    "github-copilot-service",
				    "harden-runner-lfreleng",
				    "kiro-common-dependencies"};

static FILE *open_in(const char *name, const char *suffix)
{
	const char *top = getenv("abs_top_srcdir");
	char path[512];
	snprintf(path, sizeof(path), "%s/tests/lists/real/%s%s", top != NULL ? top : "..", name,
		 suffix);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	return file;
}

/* The rules of an image as text, in no order but that of a one-line source: "allow *.a.example 6/443". */
static void rules_say(struct source *source, char *out, size_t room)
{
	static const char *const actions[] = {"deny", "nodata", "allow", "ask"};
	struct image_view view;
	struct image_rule rule;
	const uint8_t *wire;
	struct ng_static item;
	uint32_t cursor = 0, at = 0;
	size_t n = 0;
	assert_int_equal(image_view(source->image.octets, source->image.len, &view), NG_OK);
	while (image_rule(&view, &at, view.head.rules_len, &rule, &wire)) {
		struct ng_bounds bounds = {0};
		struct ng_name name;
		char text[NG_NAME_TEXT_MAX];
		assert_int_equal(ng_name_from_wire(wire, rule.len, &name), NG_OK);
		image_bounds(&view, rule.extra, &bounds);
		n += (size_t)snprintf(out + n, room - n, "%s%s %s%s", n > 0 ? "; " : "",
				      actions[(rule.kind & ~IMAGE_WILDCARD) - 1],
				      rule.kind & IMAGE_WILDCARD ? "*." : "",
				      ng_name_to_text(&name, text));
		for (uint8_t j = 0; j < bounds.n_ports; j++)
			n += (size_t)snprintf(out + n, room - n, " %u/%u",
					      bounds.ports[j].proto, bounds.ports[j].port);
	}
	while (ng_ruleset_static(source->ruleset, &cursor, &item)) {
		char text[NG_PREFIX_TEXT];
		n += (size_t)snprintf(out + n, room - n, "%sopen %s", n > 0 ? "; " : "",
				      ng_prefix_format(&item.prefix, text));
		if (item.port.proto != 0)
			n += (size_t)snprintf(out + n, room - n, " %u/%u", item.port.proto,
					      item.port.port);
	}
	assert_true(n > 0 && n < room);
}

static void line_says(const char *line, char *out, size_t room)
{
	struct source source;
	source_make(&source, NG_FORMAT_LIST, line);
	if (source.code == NG_OK) {
		rules_say(&source, out, room);
	} else {
		assert_int_equal(source.diags.errors, 1);
		assert_non_null(source.diags.items[0].suggestion);
		assert_int_equal(source.diags.items[0].line, 1);
		snprintf(out, room, "refused %s", source.diags.items[0].code);
	}
	source_finish(&source);
}

static void list_is_as_the_table_says(const char *name, FILE *table, FILE *write)
{
	char line[1024], says[1024], is[2200], expected[2200];
	FILE *list = open_in(name, ".txt");
	for (int number = 1; fgets(line, sizeof(line), list) != NULL; number++) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[strspn(line, " \t")] == '\0' || line[strspn(line, " \t")] == '#')
			continue;
		line_says(line, says, sizeof(says));
		snprintf(is, sizeof(is), "%s:%d\t%s", name, number, says);
		if (write != NULL) {
			fprintf(write, "%s\n", is);
			continue;
		}
		assert_non_null(fgets(expected, sizeof(expected), table));
		expected[strcspn(expected, "\n")] = '\0';
		assert_string_equal(is, expected);
	}
	fclose(list);
}

static void every_line_is_taken_exactly_or_refused(void **state)
{
	(void)state;
	const char *to = getenv("NAMEGATE_WRITE_TABLE");
	FILE *table = to == NULL ? open_in("TABLE", "") : NULL;
	FILE *write = to != NULL ? fopen(to, "w") : NULL;
	char rest[8];
	for (size_t i = 0; i < COUNT(lists); i++)
		list_is_as_the_table_says(lists[i], table, write);
	if (table != NULL) {
		assert_null(fgets(rest, sizeof(rest), table));
		fclose(table);
	}
	if (write != NULL)
		fclose(write);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_taken_exactly_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
