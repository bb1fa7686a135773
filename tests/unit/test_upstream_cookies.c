/* Cookies to and from servers that send some, lie about ours, forget theirs, or choke on them. */
#include "config.h"
#include "upstream_world.h"

#include "edge/upstream_try_cookie.h"

#define THEIRS "the server's own" /* sixteen octets */
#define NEWER  "is another now!!"

#define DEAF_MS 1500 /* of a try, where one ends in silence and the next is answered */

struct option { /* the COOKIE of a question; n 0: none */
	const uint8_t *octets;
	size_t n;
};

/* OPT stands right behind the question, and a cookie is the only option that is sent by datagram. */
static struct option cookie_of(const struct letter *letter)
{
	size_t opt = question_end(letter), data = opt + 11;
	struct option none = {NULL, 0};

	if (letter->len < data + 4 || letter->wire[data + 1] != NG_OPTION_COOKIE)
		return none;
	return (struct option){letter->wire + data + 4, letter->wire[data + 3]};
}

static bool has_opt(const struct letter *letter)
{
	return letter->len > question_end(letter);
}

/* Adds an OPT with ours, each octet changed by flip, and theirs. */
static size_t bake(uint8_t *out, size_t len, const struct letter *to, const char *theirs,
		   uint8_t flip, unsigned int rcode)
{
	size_t n = COOKIE_LEN + (theirs ? 16 : 0);
	const uint8_t head[] = {
		0, 0,  41, 4,         208, (uint8_t)(rcode >> 4), 0, 0, 0, 0, (uint8_t)(n + 4),
		0, 10, 0,  (uint8_t)n};
	const struct option ours = cookie_of(to);

	memcpy(out + len, head, sizeof(head));
	len += sizeof(head);
	for (size_t i = 0; i < COOKIE_LEN; i++)
		out[len++] = (uint8_t)((ours.n ? ours.octets[i] : 0) ^ flip);
	if (theirs)
		memcpy(out + len, theirs, 16);
	out[3] |= (uint8_t)(rcode & 0x0F);
	out[11] = 1;
	return len + n - COOKIE_LEN;
}

static void give_baked(struct world *world, const struct letter *to, const char *theirs,
		       uint8_t flip, unsigned int rcode)
{
	uint8_t out[1024];

	give(world, 0, to, out, bake(out, right(to, out), to, theirs, flip, rcode));
}

static void give_right(struct world *world, const struct letter *to)
{
	uint8_t out[1024];

	give(world, 0, to, out, right(to, out));
}

static void give_right_stream(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter = take_stream(world, 0);

	give_stream(world, 0, out, right(letter, out), 1024);
}

/* The question comes back with that RCODE and nothing else; whole: with the question, too. */
static void give_refusal(struct world *world, const struct letter *to, uint8_t rcode,
			 bool whole)
{
	uint8_t out[1024];
	size_t end = question_end(to);

	(void)right(to, out);
	out[3] |= rcode;
	out[7] = 0;
	out[5] = whole;
	give(world, 0, to, out, whole ? end : NG_HEADER_LEN);
}

/* So many questions, each after the answer to the one before. */
static void play_turns(struct world *world, void (*script)(struct world *world), uint64_t n)
{
	routes(world, 1, LONG_MS);
	world->script = script;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	for (uint64_t i = 0; i < n; i++) {
		ask(world, i);
		uv_run(&world->loop, UV_RUN_DEFAULT);
	}
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers, n);
	assert_int_equal(world->wire[world->len - 1] == 66, 0);
}

static void answers_with_cookies(struct world *world)
{
	give_baked(world, take(world, 0), THEIRS, 0, NG_RCODE_NOERROR);
	give_baked(world, take(world, 0), NEWER, 0, NG_RCODE_NXDOMAIN);
	give_baked(world, take(world, 0), NULL, 0, NG_RCODE_NOERROR);
	give_baked(world, take(world, 0), THEIRS, 0, NG_RCODE_NOERROR);
}

static void theirs_goes_back_with_ours(void **state)
{
	struct world *world = *state;
	struct option sent[4];

	play_turns(world, answers_with_cookies, 4);
	for (size_t i = 0; i < 4; i++)
		sent[i] = cookie_of(&world->seen[i]);
	assert_int_equal(sent[0].n, COOKIE_LEN);
	assert_int_equal(sent[1].n, COOKIE_LEN + 16);
	assert_memory_equal(sent[1].octets, sent[0].octets, COOKIE_LEN);
	assert_memory_equal(sent[1].octets + COOKIE_LEN, THEIRS, 16);
	assert_memory_equal(sent[2].octets + COOKIE_LEN, NEWER, 16);
	/* One that gave only ours back has no other of its own. */
	assert_memory_equal(sent[3].octets + COOKIE_LEN, NEWER, 16);
	assert_int_equal(counted(world).cookies, 4);
	assert_int_equal(counted(world).over_tcp, 0);
}

static void lies_about_ours(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter = take(world, 0);
	size_t len = right(letter, out);

	out[len - 1] = 66;
	give(world, 0, letter, out, bake(out, len, letter, THEIRS, 1, NG_RCODE_NOERROR));
	give_right_stream(world);
	give_right_stream(world);
}

/* By TCP no cookie goes along, and one that lied is asked that way for a while. */
static void with_another_of_ours_it_is_not_believed(void **state)
{
	struct world *world = *state;

	play_turns(world, lies_about_ours, 2);
	assert_int_equal(world->wire[world->len - 1], 223);
	assert_int_equal(cookie_of(&world->seen[1]).n, 0);
	assert_true(has_opt(&world->seen[1]));
	assert_int_equal(counted(world).cookies, 0);
	assert_int_equal(counted(world).cookies_lost, 1);
	assert_in_range(counted(world).over_tcp, 2, 3); /* as the connection's end is seen */
}

static void loses_its_cookies(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter;
	size_t len;

	give_baked(world, take(world, 0), THEIRS, 0, NG_RCODE_NOERROR);
	letter = take(world, 0);
	len = right(letter, out);
	out[len - 1] = 66;
	give(world, 0, letter, out, len);
	give_right_stream(world);
}

static void one_that_sent_cookies_is_not_believed_without(void **state)
{
	struct world *world = *state;

	play_turns(world, loses_its_cookies, 2);
	assert_int_equal(world->wire[world->len - 1], 223);
	assert_int_equal(counted(world).cookies_lost, 1);
	assert_int_equal(counted(world).over_tcp, 1);
}

/* What protects one zone of a server protects the others from their first question on. */
static void nor_for_another_zone(void **state)
{
	struct world *world = *state;
	struct upstream_route both[] = {route_to(world, 1, LONG_MS),
					route_to(world, 1, LONG_MS)};
	struct ng_ask other = ask_of(1);

	other.route = both[1].id = both[0].id + 1;
	assert_int_equal(upstream_routes(world->upstream, both, 2), NG_OK);
	world->script = loses_its_cookies;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	ask(world, 0);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	world->wanted++;
	assert_int_equal(upstream_ask(world->upstream, &other), NG_OK);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers, 2);
	assert_int_equal(world->wire[world->len - 1], 223);
	assert_int_equal(cookie_of(&world->seen[1]).n, COOKIE_LEN + 16);
	assert_int_equal(counted(world).cookies_lost, 1);
	assert_int_equal(counted(world).over_tcp, 1);
}

static void says_formerr_in_its_name(struct world *world)
{
	give_baked(world, take(world, 0), THEIRS, 0, NG_RCODE_NOERROR);
	give_refusal(world, take(world, 0), NG_RCODE_FORMERR, true);
	give_right_stream(world);
}

static void one_that_sent_cookies_cannot_be_said_to_choke_on_them(void **state)
{
	struct world *world = *state;

	play_turns(world, says_formerr_in_its_name, 2);
	assert_int_equal(counted(world).over_tcp, 1);
	assert_int_equal(cookie_of(&world->seen[1]).n, COOKIE_LEN + 16);
	assert_true(has_opt(&world->seen[2]));
}

static void forgets_its_own(struct world *world)
{
	give_baked(world, take(world, 0), THEIRS, 0, NG_RCODE_NOERROR);
	give_baked(world, take(world, 0), NEWER, 0, NG_RCODE_BADCOOKIE);
	give_baked(world, take(world, 0), NEWER, 0, NG_RCODE_NOERROR);
}

static void badcookie_is_asked_once_more(void **state)
{
	struct world *world = *state;

	play_turns(world, forgets_its_own, 2);
	assert_memory_equal(cookie_of(&world->seen[1]).octets + COOKIE_LEN, THEIRS, 16);
	assert_memory_equal(cookie_of(&world->seen[2]).octets + COOKIE_LEN, NEWER, 16);
	assert_memory_not_equal(world->seen[1].wire, world->seen[2].wire, 2);
	assert_int_equal(counted(world).cookies_bad, 1);
	assert_int_equal(counted(world).over_tcp, 0);
	assert_int_equal(counted(world).tries, 2);
}

static void never_knows_its_own(struct world *world)
{
	give_baked(world, take(world, 0), THEIRS, 0, NG_RCODE_BADCOOKIE);
	give_baked(world, take(world, 0), NEWER, 0, NG_RCODE_BADCOOKIE);
	give_right_stream(world);
}

static void badcookie_again_is_asked_by_tcp(void **state)
{
	struct world *world = *state;

	play_turns(world, never_knows_its_own, 1);
	assert_int_equal(counted(world).cookies_bad, 2);
	assert_int_equal(counted(world).over_tcp, 1);
}

static void is_spoken_for_after_badcookie(struct world *world)
{
	uint8_t out[1024];
	struct letter *letter;
	size_t len;

	give_baked(world, take(world, 0), THEIRS, 0, NG_RCODE_BADCOOKIE);
	letter = take(world, 0);
	len = right(letter, out);
	out[len - 1] = 66;
	give(world, 0, letter, out, len);
	give_right_stream(world);
}

/* BADCOOKIE has brought cookies: from the very next try on nothing counts without. */
static void after_badcookie_none_is_believed_without(void **state)
{
	struct world *world = *state;

	play_turns(world, is_spoken_for_after_badcookie, 1);
	assert_int_equal(world->wire[world->len - 1], 223);
	assert_int_equal(counted(world).cookies_bad, 1);
	assert_int_equal(counted(world).cookies_lost, 1);
	assert_int_equal(counted(world).over_tcp, 1);
}

static void goes_deaf(struct world *world)
{
	give_baked(world, take(world, 0), THEIRS, 0, NG_RCODE_NOERROR);
	for (int i = 0; i < 2; i++) {
		(void)take(world, 0);
		give_right_stream(world);
	}
	give_right_stream(world);
}

/* By TCP it needs none; and when it was so twice, it is asked that way at once. */
static void one_that_sent_cookies_and_is_deaf_to_them_is_asked_by_tcp(void **state)
{
	struct world *world = *state;

	routes(world, 1, LONG_MS);
	world->script = goes_deaf;
	assert_int_equal(pthread_create(&world->thread, NULL, run_script, world), 0);
	for (uint64_t i = 0; i < 4; i++) {
		ask(world, i);
		uv_run(&world->loop, UV_RUN_DEFAULT);
		routes(world, 1, DEAF_MS);
	}
	assert_int_equal(pthread_join(world->thread, NULL), 0);
	assert_int_equal(world->answers, 4);
	assert_int_equal(world->n_seen, 6);
	assert_int_equal(cookie_of(&world->seen[1]).n, COOKIE_LEN + 16);
	assert_int_equal(cookie_of(&world->seen[2]).n, 0);
	assert_int_equal(cookie_of(&world->seen[3]).n, COOKIE_LEN + 16);
	assert_int_equal(counted(world).timeouts, 2);
	assert_in_range(counted(world).over_tcp, 3, 4); /* as the connection's end is seen */
}

static void chokes_on_cookies(struct world *world)
{
	give_refusal(world, take(world, 0), NG_RCODE_FORMERR, true);
	give_right(world, take(world, 0));
	give_right(world, take(world, 0));
}

static void one_that_takes_no_cookie_is_asked_without(void **state)
{
	struct world *world = *state;

	play_turns(world, chokes_on_cookies, 2);
	assert_int_equal(cookie_of(&world->seen[0]).n, COOKIE_LEN);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(cookie_of(&world->seen[i]).n, 0);
		assert_true(has_opt(&world->seen[i]));
	}
	assert_int_equal(world->n_seen, 3);
}

static void chokes_on_edns(struct world *world)
{
	give_refusal(world, take(world, 0), NG_RCODE_NOTIMP, true);
	give_refusal(world, take(world, 0), NG_RCODE_FORMERR, false);
	give_right(world, take(world, 0));
	give_right(world, take(world, 0));
}

static void one_that_takes_no_edns_is_asked_without(void **state)
{
	struct world *world = *state;

	play_turns(world, chokes_on_edns, 2);
	assert_true(has_opt(&world->seen[1]));
	for (size_t i = 2; i < 4; i++)
		assert_false(has_opt(&world->seen[i]));
	assert_int_equal(world->n_seen, 4);
}

static void refuses_every_form(struct world *world)
{
	for (int i = 0; i < 3; i++)
		give_refusal(world, take(world, 0), NG_RCODE_FORMERR, true);
	give_baked(world, take(world, 0), THEIRS, 0, NG_RCODE_NOERROR);
}

/* Then it was the question that it did not like, and nothing is learned. */
static void formerr_in_every_form_is_the_answer(void **state)
{
	struct world *world = *state;

	play_turns(world, refuses_every_form, 2);
	assert_int_equal(world->n_seen, 4);
	assert_int_equal(cookie_of(&world->seen[3]).n, COOKIE_LEN);
}

/* ---- what they are made from ---- */

static struct upstream_server server_at(const char *text, uint16_t port)
{
	struct upstream_server server = {.port = port};

	assert_int_equal(ng_addr_parse(text, &server.addr), NG_OK);
	return server;
}

static void cookie_is_of_both_addresses(void **state)
{
	struct cookies cookies = {0};
	struct chance chance = {0};
	struct cookie_moment moment = {.cookies = &cookies, .chance = &chance, .now_ms = 5};
	struct upstream_server server = server_at("192.0.2.1", 53),
			       others[] = {server_at("192.0.2.2", 53),
					   server_at("2001:db8::1", 53),
					   server_at("192.0.2.1", 54)};
	struct ng_addr here = server_at("198.51.100.1", 0).addr,
		       there = server_at("198.51.100.2", 0).addr;
	struct cookie cookie = {0}, first, other;

	(void)state;
	assert_int_equal(cookies_init(&cookies), NG_OK);
	assert_true(cookie_for(&moment, &server, &here, &cookie));
	first = cookie;
	assert_false(cookie.expected);
	cookie_learn(&cookie, (const uint8_t *)THEIRS, 16);
	assert_true(cookie_for(&moment, &server, &here, &cookie));
	assert_int_equal(cookie.theirs_len, 16);
	for (size_t i = 0; i < 3; i++) {
		other = (struct cookie){0};
		assert_true(cookie_for(&moment, &others[i], &here, &other));
		assert_memory_not_equal(other.ours, first.ours, COOKIE_LEN);
	}
	/* Asked from elsewhere it is another, and nothing of the one before goes along. */
	assert_true(cookie_for(&moment, &server, &there, &cookie));
	assert_memory_not_equal(cookie.ours, first.ours, COOKIE_LEN);
	assert_int_equal(cookie.theirs_len, 0);
	assert_true(cookie_for(&moment, &server, &here, &cookie));
	assert_memory_equal(cookie.ours, first.ours, COOKIE_LEN);
	/* After a day it is another. */
	moment.now_ms += 86400001;
	assert_true(cookie_for(&moment, &server, &here, &cookie));
	assert_memory_not_equal(cookie.ours, first.ours, COOKIE_LEN);
	assert_true(cookie.expected); /* of the server, whatever ours is */
	cookies_finish(&cookies);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(theirs_goes_back_with_ours),
		TEST(with_another_of_ours_it_is_not_believed),
		TEST(one_that_sent_cookies_is_not_believed_without),
		TEST(nor_for_another_zone),
		TEST(one_that_sent_cookies_cannot_be_said_to_choke_on_them),
		TEST(badcookie_is_asked_once_more),
		TEST(badcookie_again_is_asked_by_tcp),
		TEST(after_badcookie_none_is_believed_without),
		TEST(one_that_sent_cookies_and_is_deaf_to_them_is_asked_by_tcp),
		TEST(one_that_takes_no_cookie_is_asked_without),
		TEST(one_that_takes_no_edns_is_asked_without),
		TEST(formerr_in_every_form_is_the_answer),
		cmocka_unit_test(cookie_is_of_both_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
