/*
 * What an explanation announces is what the engine then does: for random policies, worlds and
 * questions the reply, the questions sent, the rule of the record, and each TTL and lease agree.
 */
#include "unit.h"

#include "offline/explain.h"

#include <namegate/message.h>

#define ROUNDS    1200
#define QUESTIONS 16

static uint64_t random_state = 0x2b992ddf;

static unsigned draw(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 24) % below);
}

static const char *const names[] = {"a.t", "b.a.t",     "c.b.a.t", "d.t",     "e.u",
				    "f.u", "localhost", "x.local", "_dns.a.t"};

static void random_list(char *text)
{
	static const char *const owners[] = {"a.t", "*.a.t", "b.a.t", "*.t", "*", "*.u", "e.u"};
	static const char *const ends[] = {
		"",          ":443",          ":80,443 lease-max=20s", " types=TXT,A",
		" types=MX", " lease-max=5m", " private=10.7.0.0/16",  ""};
	unsigned used = 0;
	text[0] = '\0';
	for (unsigned i = draw(4) + 1; i > 0; i--) {
		unsigned owner = draw(COUNT(owners)), kind = draw(6);
		if (used & 1u << owner)
			continue;
		used |= 1u << owner;
		text += sprintf(text, "%s%s%s\n",
				kind == 0   ? "!"
				: kind == 1 ? "?"
					    : "",
				owners[owner], kind < 2 ? "" : ends[draw(COUNT(ends))]);
	}
}

static void random_zone(char *text)
{
	static const char *const owners[] = {
		"a.t", "*.a.t", "d.t", "e.u", "24.0.2.0.192.rpz-ip", "16.0.0.7.10.rpz-ip"};
	static const char *const actions[] = {"CNAME .",
					      "CNAME *.",
					      "CNAME rpz-passthru.",
					      "CNAME rpz-drop.",
					      "CNAME rpz-tcp-only.",
					      "90 A 198.51.100.80",
					      "CNAME www.probe.",
					      "CNAME *.garden.probe."};
	unsigned used = 0;
	text = stpcpy(text, "$TTL 300\n$ORIGIN rpz.test.\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n");
	for (unsigned i = draw(4) + 1; i > 0; i--) {
		unsigned owner = draw(COUNT(owners));
		if (used & 1u << owner)
			continue;
		used |= 1u << owner;
		text += sprintf(text, "%s %s\n", owners[owner], actions[draw(COUNT(actions))]);
	}
}

static struct world *random_world(void)
{
	static const char *const addresses[] = {"192.0.2.1", "198.51.100.2", "203.0.113.3",
						"10.7.0.4",  "10.8.0.5",     "127.0.0.1"};
	static const unsigned ttls[] = {0, 5, 30, 60, 61, 300, 86400};
	struct ng_diags diags;
	struct world *world;
	char text[2048], *to = text;
	for (size_t i = 0; i < COUNT(names); i++) {
		unsigned ttl = ttls[draw(COUNT(ttls))];
		if (i + 1 < COUNT(names) && draw(4) == 0)
			to += sprintf(to, "%s. %u CNAME %s.\n", names[i], ttl, names[i + 1]);
		else
			for (unsigned n = draw(4); n > 0; n--)
				to += sprintf(to, "%s. %u A %s\n", names[i], ttl,
					      addresses[draw(COUNT(addresses))]);
	}
	to = stpcpy(to, "www.probe. 1 A 192.0.2.9\n");
	ng_diags_init(&diags);
	assert_int_equal(world_create(&world), NG_OK);
	assert_int_equal(world_add(world, "world", text, (size_t)(to - text), &diags), NG_OK);
	ng_diags_finish(&diags);
	return world;
}

static struct setup *random_setup(enum ng_mode mode)
{
	char list[512], zone[1024];
	struct setup_text texts[2] = {{"list", list, 0}, {"zone", zone, 0}};
	struct setup *setup;
	struct ng_diags diags;
	random_list(list);
	random_zone(zone);
	texts[0].len = strlen(list);
	texts[1].len = strlen(zone);
	if (draw(2)) {
		const struct setup_text first = texts[0];
		texts[0] = texts[1];
		texts[1] = first;
	}
	const struct setup_wish wish = {.texts = texts, .n_texts = 2};
	ng_diags_init(&diags);
	if (setup_read(&wish, &diags, &setup) != NG_OK)
		fail_msg("%s\n%s: %s", list, zone, diags.items[0].reason);
	ng_diags_finish(&diags);
	setup->specs[0].mode = mode;
	return setup;
}

/* ---- what was announced, and what came ---- */

static void check_reply(const struct explained *explained)
{
	const struct trial_reply *reply = &explained->result;
	size_t n = reply->dropped ? 0 : reply->answer.n;
	assert_int_equal(reply->dropped, explained->reply == EXPLAIN_SILENCE);
	assert_int_equal(explained->asks, reply->n_asked > 0);
	assert_true(reply->n_asked <= NG_CHAIN_MAX + 1);
	if (explained->reply == EXPLAIN_NXDOMAIN)
		assert_int_equal(reply->answer.rcode, NG_RCODE_NXDOMAIN);
	if (explained->reply == EXPLAIN_NODATA)
		assert_int_equal(reply->answer.rcode, NG_RCODE_NOERROR);
	if (explained->reply <= EXPLAIN_SILENCE)
		assert_int_equal(n + reply->n_leases, 0);
	if (explained->reply == EXPLAIN_TCP)
		assert_true(reply->tcp);
}

static void check_rule(const struct explained *explained)
{
	const struct ng_record *record = &explained->result.record;
	const struct ng_match *match = &explained->why.decision.match;
	if (!explained->why.decision.matched || explained->sandbox->spec->mode == NG_LOCKDOWN)
		return;
	if (explained->special != NG_SPECIAL_NONE && explained->special != NG_SPECIAL_INSIDE)
		return; /* no rule was asked */
	assert_non_null(record->path);
	assert_string_equal(record->path, match->path);
	assert_int_equal(record->line, match->line);
}

static bool port_said(const struct ng_bounds *bounds, struct ng_port port)
{
	for (uint8_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port.proto && bounds->ports[i].port == port.port)
			return true;
	}
	return bounds->n_ports == 0 && port.proto == 0;
}

/* The TTL that upstream, or the rule's own data, gave the address. */
static bool given_ttl(const struct trial_reply *reply, const struct ng_addr *addr,
		      uint32_t *ttl_s)
{
	for (size_t i = 0; i < reply->n_asked; i++)
		for (size_t j = 0; j < reply->asked[i].answer.n; j++) {
			const struct ng_rr *rr = &reply->asked[i].answer.rrs[j];
			if (rr->type != NG_TYPE_A || memcmp(rr->rdata, addr->bytes, 4) != 0)
				continue;
			*ttl_s = rr->ttl;
			return true;
		}
	return false;
}

static size_t check_leases(const struct explained *explained)
{
	const struct trial_reply *reply = &explained->result;
	const struct ng_bounds *bounds = &explained->why.bounds;
	size_t checked = 0;
	for (size_t i = 0; i < reply->n_leases; i++) {
		const struct ng_lease_order *lease = &reply->leases[i];
		uint32_t ttl_s;
		assert_true(port_said(bounds, lease->port));
		if (!given_ttl(reply, &lease->addr, &ttl_s))
			continue;
		struct ng_terms terms =
			ng_terms_of(&explained->settings, bounds->lease_max_s, ttl_s);
		assert_int_equal(lease->until_us / 1000000,
				 terms.hold_s + terms.slack_s + terms.grace_s);
		for (size_t j = 0; j < reply->answer.n; j++)
			if (reply->answer.rrs[j].type == NG_TYPE_A &&
			    memcmp(reply->answer.rrs[j].rdata, lease->addr.bytes, 4) == 0)
				assert_int_equal(reply->answer.rrs[j].ttl, terms.ttl_s);
		checked++;
	}
	return checked;
}

static void what_is_announced_is_done(void **state)
{
	static const uint16_t types[] = {NG_TYPE_A, NG_TYPE_A, NG_TYPE_A, NG_TYPE_AAAA,
					 NG_TYPE_TXT};
	static const enum ng_mode modes[] = {NG_ENFORCE, NG_ENFORCE, NG_OBSERVE, NG_LOCKDOWN};
	size_t replies[EXPLAIN_UPSTREAM + 1] = {0}, leases = 0;
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct setup *setup = random_setup(modes[draw(COUNT(modes))]);
		struct world *world = random_world();
		for (unsigned i = 0; i < QUESTIONS; i++) {
			struct explain_question question = {.written =
								    names[draw(COUNT(names))],
							    .type = types[draw(COUNT(types))]};
			struct explained *before, *after;
			const struct setup_sandbox *box = &setup->sandboxes[0];
			assert_int_equal(explain_make(setup, box, &question, &before), NG_OK);
			question.world = world;
			assert_int_equal(explain_make(setup, box, &question, &after), NG_OK);
			/* What an answer may still change is not announced before it is there. */
			if (!before->why.decision.open &&
			    (!before->passes || before->why.decision.verdict == NG_ALLOW))
				assert_int_equal(before->reply, after->reply);
			assert_int_equal(before->asks, after->asks);
			check_reply(after);
			check_rule(after);
			leases += check_leases(after);
			replies[after->reply]++;
			explain_free(before);
			explain_free(after);
		}
		world_free(world);
		setup_free(setup);
	}
	assert_true(leases > 100);
	for (size_t i = 0; i < COUNT(replies); i++)
		assert_true(replies[i] > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_announced_is_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
