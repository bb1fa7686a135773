/* What an embedder gets: set-ups from files and from memory, rulings, explanations; many threads. */
#include "unit.h"

#include "folder.h"

#include <jansson.h>
#include <namegate/message.h>
#include <namegate/namegate.h>
#include <pthread.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS  200

static char list_path[64], conf_path[64];

static int make_folder(void **state)
{
	(void)state;
	if (folder_make() != 0)
		return -1;
	snprintf(list_path, sizeof(list_path), "%s/own.list", folder);
	snprintf(conf_path, sizeof(conf_path), "%s/gate.conf", folder);
	put("own.list", "www.example\n!no.example\n?ask.example\n");
	put("gate.conf",
	    "forward \".\" { servers = {\"192.0.2.53\"} }\n"
	    "sandbox \"ci\" { sources = {\"10.77.1.2\"} policies = {\"own.list\"} }\n"
	    "sandbox \"seen\" { sources = {\"10.77.1.3\"} policies = {\"own.list\"} mode = "
	    "observe }\n"
	    "sandbox \"shut\" { sources = {\"10.77.1.4\"} policies = {\"own.list\"} mode = "
	    "lockdown }\n");
	return 0;
}

static struct ng_setup *from_conf(void)
{
	struct ng_setup *setup = NULL;
	struct ng_diags diags;
	ng_diags_init(&diags);
	assert_int_equal(ng_setup_conf(conf_path, &diags, &setup), NG_OK);
	assert_int_equal(diags.errors, 0);
	ng_diags_finish(&diags);
	return setup;
}

/* "allow+ own.list:1 sandbox": verdict, whether it passes, rule. */
static const char *ruling(const struct ng_setup *setup, const char *sandbox, const char *name)
{
	static __thread char said[NG_PATH_MAX + 64];
	static const char *const verdicts[] = {"deny", "ask", "allow"};
	struct ng_ruling ruling;
	assert_int_equal(ng_decide(setup, sandbox, name, &ruling), NG_OK);
	assert_true(ruling.reason[0] != '\0');
	snprintf(said, sizeof(said), "%s%s", verdicts[ruling.verdict],
		 ruling.passes ? "+" : "");
	if (ruling.matched)
		snprintf(said + strlen(said), sizeof(said) - strlen(said), " %s:%u:%u %d",
			 ruling.path, ruling.line, ruling.column, ruling.scope);
	return said;
}

static void a_configuration_is_asked(void **state)
{
	(void)state;
	struct ng_setup *setup = from_conf();
	struct ng_ruling unset;
	assert_string_equal(ng_setup_sandbox(setup, 0), "ci");
	assert_string_equal(ng_setup_sandbox(setup, 2), "shut");
	assert_null(ng_setup_sandbox(setup, 3));
	assert_string_equal(ruling(setup, "ci", "WWW.Example."), "allow+ own.list:1:1 2");
	assert_string_equal(ruling(setup, "ci", "no.example"), "deny own.list:2:1 2");
	assert_string_equal(ruling(setup, "ci", "ask.example"), "ask own.list:3:1 2");
	assert_string_equal(ruling(setup, "ci", "other.example"), "deny");
	assert_string_equal(ruling(setup, "seen", "other.example"), "deny+");
	assert_string_equal(ruling(setup, "shut", "www.example"), "deny own.list:1:1 2");
	assert_int_equal(ng_decide(setup, "none", "www.example", &unset), NG_E_NOTFOUND);
	assert_int_equal(ng_decide(setup, "ci", "a..b", &unset), NG_E_FORMAT);
	assert_int_equal(ng_decide(setup, "ci", "https://a.example/", &unset), NG_E_FORMAT);
	ng_setup_free(setup);
	ng_setup_free(NULL);
}

static void policies_come_from_files_and_from_memory(void **state)
{
	const char *const paths[] = {list_path};
	char memory[] = "*.example\nbücher.example:443\n";
	const struct ng_text texts[] = {{"first", "!no.example\n", 12},
					{"second", memory, sizeof(memory) - 1}};
	struct ng_setup *setup = NULL;
	struct ng_diags diags;
	(void)state;
	ng_diags_init(&diags);
	assert_int_equal(ng_setup_files(paths, 1, &diags, &setup), NG_OK);
	assert_true(strstr(ruling(setup, "sandbox", "www.example"), "own.list:1:1") != NULL);
	ng_setup_free(setup);
	assert_int_equal(ng_setup_texts(texts, 2, &diags, &setup), NG_OK);
	memset(memory, 'x', sizeof(memory) - 1); /* it is not needed any more */
	assert_string_equal(ruling(setup, "sandbox", "no.example"), "deny first:1:1 2");
	assert_string_equal(ruling(setup, "sandbox", "a.example"), "allow+ second:1:1 2");
	assert_string_equal(ruling(setup, "sandbox", "BÜCHER.example"), "allow+ second:2:1 2");
	ng_setup_free(setup);
	ng_diags_finish(&diags);
}

static void refused(const struct ng_text *texts, size_t n, const char *code, uint32_t line)
{
	struct ng_setup *setup = NULL;
	struct ng_diags diags;
	ng_diags_init(&diags);
	assert_int_equal(ng_setup_texts(texts, n, &diags, &setup), NG_E_SYNTAX);
	assert_null(setup);
	assert_true(diags.errors >= 1);
	assert_string_equal(diags.items[0].code, code);
	assert_int_equal(diags.items[0].line, line);
	ng_diags_finish(&diags);
}

static void what_cannot_be_read_says_why(void **state)
{
	struct ng_text many[NG_RULESETS_MAX + 1];
	char names[NG_RULESETS_MAX + 1][8];
	struct ng_setup *setup = NULL;
	struct ng_diags diags;
	(void)state;
	refused((const struct ng_text[]){{"a", "ok.example\nhttps://x/\n", 22}}, 1, "list-url",
		2);
	refused((const struct ng_text[]){{"a", "", 0}}, 1, "setup-text", 0);
	refused((const struct ng_text[]){{"a", "a.example\0b.example\n", 20}}, 1, "setup-text",
		0);
	refused((const struct ng_text[]){{"a", "a.example\n", 10}, {"a", "b.example\n", 10}}, 2,
		"setup-twice", 0);
	refused((const struct ng_text[]){{"a", "@include other.list\n", 20}}, 1, "list-include",
		1);
	for (size_t i = 0; i < COUNT(many); i++) {
		snprintf(names[i], sizeof(names[i]), "t%zu", i);
		many[i] = (struct ng_text){names[i], "a.example\n", 10};
	}
	refused(many, COUNT(many), "setup-many", 0);
	ng_diags_init(&diags);
	assert_int_equal(ng_setup_conf("/nonexistent/gate.conf", &diags, &setup), NG_E_IO);
	assert_int_equal(diags.errors, 1);
	ng_diags_finish(&diags);
}

static void an_explanation_has_both_forms(void **state)
{
	(void)state;
	struct ng_setup *setup = from_conf();
	struct ng_explained *explained = NULL;
	char name[] = "WWW.example";
	assert_int_equal(ng_explain_name(setup, "none", name, 0, &explained), NG_E_NOTFOUND);
	assert_int_equal(ng_explain_name(setup, "ci", "a..b", 0, &explained), NG_E_FORMAT);
	assert_int_equal(ng_explain_name(setup, "ci", name, NG_TYPE_AAAA, &explained), NG_OK);
	memset(name, 'x', 3); /* it is not needed any more */
	const struct ng_explanation *why = ng_explained_why(explained);
	assert_int_equal(why->decision.verdict, NG_ALLOW);
	assert_int_equal(why->n_candidates, 1);
	assert_int_equal(why->candidates[0].outcome, NG_OUTCOME_DECIDES);
	char *text = ng_explained_text(explained), *json = ng_explained_json(explained);
	assert_non_null(strstr(text, "name     www.example, written WWW.example\n"));
	assert_non_null(strstr(text, "type     AAAA\n"));
	json_t *object = json_loads(json, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(object, "rule")), "own.list:1");
	assert_string_equal(json_string_value(json_object_get(object, "written")),
			    "WWW.example");
	json_decref(object);
	free(text);
	free(json);
	ng_explained_free(explained);
	ng_explained_free(NULL);
	ng_setup_free(setup);
}

/* One set-up for all, and configurations read meanwhile. Asserts end in the main thread alone. */
static void *ask_often(void *argument)
{
	const struct ng_setup *shared = argument;
	size_t wrong = 0;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct ng_ruling yes, no;
		struct ng_explained *explained = NULL;
		struct ng_setup *own = NULL;
		struct ng_diags diags;
		ng_diags_init(&diags);
		wrong += ng_decide(shared, "ci", "www.example", &yes) != NG_OK ||
			 ng_decide(shared, "ci", "no.example", &no) != NG_OK || !yes.passes ||
			 no.passes || no.line != 2;
		wrong += ng_explain_name(shared, "ci", "x.example", 0, &explained) != NG_OK;
		ng_explained_free(explained);
		wrong += i % 8 == 0 && ng_setup_conf(conf_path, &diags, &own) != NG_OK;
		ng_setup_free(own);
		ng_diags_finish(&diags);
	}
	return (void *)(uintptr_t)wrong;
}

static void many_threads_ask_one_set_up(void **state)
{
	pthread_t threads[THREADS];
	(void)state;
	struct ng_setup *setup = from_conf();
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, setup), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *wrong;
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	ng_setup_free(setup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_is_asked),
		cmocka_unit_test(policies_come_from_files_and_from_memory),
		cmocka_unit_test(what_cannot_be_read_says_why),
		cmocka_unit_test(an_explanation_has_both_forms),
		cmocka_unit_test(many_threads_ask_one_set_up),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
