/* trust-ad wants a way to the server on which nobody else can speak in its name. */
#include "unit.h"

#include "conf/conf.h"
#include "folder.h"

static struct ng_diags diags;

static struct conf *load(const char *text)
{
	struct conf *conf = NULL;

	put("t.conf", text);
	ng_diags_init(&diags);
	assert_int_equal(conf_load(path_of("t.conf"), &diags, &conf), NG_OK);
	return conf;
}

static void done(struct conf *conf)
{
	conf_free(conf);
	ng_diags_finish(&diags);
}

static void quiet_on_a_way_to_trust(void **state)
{
	static const char *const good[] = {
		"servers = {\"127.0.0.1\", \"10.0.0.53\", \"[fd00::53]\"} trust-ad = true",
		"servers = {\"tls://9.9.9.9#dns.example\"} trust-ad = true",
		"servers = {\"9.9.9.9\"} trust-ad = false",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(text, sizeof(text), "forward \".\" { %s }\n", good[i]);
		struct conf *conf = load(text);
		assert_int_equal(diags.n, 0);
		assert_int_equal(conf->routes[0].trust_ad, i < 2);
		done(conf);
	}
}

static void warned_of_any_other(void **state)
{
	struct conf *conf = load("forward \".\" { trust-ad = true\n"
				 " servers = {\"127.0.0.1\",\n \"9.9.9.9\"} }\n");

	(void)state;
	assert_int_equal(diags.n, 1);
	assert_int_equal(diags.items[0].severity, NG_WARNING);
	assert_string_equal(diags.items[0].code, "conf-trust-ad");
	assert_int_equal(diags.items[0].line, 3);
	done(conf);
}

static int begin(void **state)
{
	(void)state;
	return folder_make();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet_on_a_way_to_trust),
		cmocka_unit_test(warned_of_any_other),
	};

	return cmocka_run_group_tests(tests, begin, remove_folder);
}
