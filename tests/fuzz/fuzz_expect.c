/*
 * An expectation file beside a configuration, policies and a world that are good: every line is told
 * once, what is told adds up to the outcome, and what cannot be used ends the file.
 */
#include "config.h"

#include "fuzz.h"

#include "offline/expect.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/namegate-fuzz-XXXXXX";

static const struct {
	const char *name, *text;
} files[] = {
	{"gate.conf",
	 "policies = {\"never.list\"}\n"
	 "forward \".\" { servers = {\"192.0.2.53\"} }\n"
	 "forward \"corp.test\" { servers = {\"10.1.0.53\"} private = {\"10.1.0.0/16\"} }\n"
	 "sandbox \"ci\" { sources = {\"10.77.1.2\", \"fd77::/64\"} interface = \"sb1\""
	 " policies = {\"ci.list\"} }\n"
	 "sandbox \"eye\" { sources = {\"10.77.1.3\"} interface = \"sb2\""
	 " policies = {\"ci.list\"} mode = observe }\n"
	 "sandbox \"off\" { sources = {\"10.77.1.4\"} interface = \"sb3\""
	 " policies = {\"ci.list\"} mode = lockdown }\n"},
	{"never.list", "!.evil.test\n!no.hub.test\n"},
	{"ci.list",
	 "a.test\n*.hub.test:443\n?*.later.test\ndb.corp.test:5432\n10.9.0.0/16:5432\n"
	 "lent.test until=2026-12-31\n"},
	{"w.zone",
	 "$TTL 60\na.test. CNAME b.test.\nb.test. A 198.51.100.7\n"
	 "b.test. AAAA 2001:db8::7\n*.hub.test. A 198.51.100.8\ndb.corp.test. A 10.1.0.5\n"
	 "lent.test. A 198.51.100.9\nold.hub.test. DNAME b.test.\n"},
	{"p.zone", "$TTL 60\n$ORIGIN p.test.\n@ SOA . . 1 2 3 4 5\n@ NS .\n"
		   "page.test A 203.0.113.9\n*.drop.test CNAME rpz-drop.\n"},
};

static void put(const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	fuzz_must(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void remove_files(void)
{
	char path[64];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
		unlink(path);
	}
	rmdir(folder);
}

static void put_files(void)
{
	fuzz_must(mkdtemp(folder) != NULL);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(files[i].name, files[i].text);
	atexit(remove_files);
}

struct told {
	size_t passed, failed, unusable;
	uint32_t line;
};

static void take(void *context, const struct expect_fact *fact)
{
	struct told *told = context;
	fuzz_must(told->unusable == 0); /* nothing comes behind it */
	told->passed += fact->outcome == EXPECT_PASSED;
	told->failed += fact->outcome == EXPECT_FAILED;
	told->unusable += fact->outcome == EXPECT_UNUSABLE;
	fuzz_must((fact->outcome == EXPECT_PASSED) == (fact->message == NULL));
	fuzz_must((fact->outcome == EXPECT_UNUSABLE) == (fact->claim == NULL));
	if (fact->outcome == EXPECT_UNUSABLE)
		return; /* may be of the line that named the policy */
	fuzz_must(fact->line >= told->line && fact->column >= 1);
	fuzz_must(fact->column <= strlen(fact->text));
	told->line = fact->line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct told told = {0};
	struct expect_count count;
	char path[64];
	if (!ready)
		put_files();
	ready = true;
	snprintf(path, sizeof(path), "%s/it.expect", folder);
	enum expect_outcome outcome =
		expect_play_text(path, (const char *)data, size, take, &told, &count);
	fuzz_must(count.facts == told.passed + told.failed && count.failed == told.failed);
	fuzz_must((outcome == EXPECT_UNUSABLE) == (told.unusable == 1));
	fuzz_must(outcome != EXPECT_PASSED || (count.facts > 0 && count.failed == 0));
	fuzz_must(outcome != EXPECT_FAILED || count.failed > 0);
	return 0;
}
