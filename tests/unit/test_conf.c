/* The configuration: what is read, what is refused and where, and that printing reads back the same. */
#include "config.h"
#include "conf_world.h"

#include "conf/socket.h"

#include <sched.h>

static const char full[] =
	"# everything once\n"
	"listen = {\"127.0.0.1\", \"[::1]:5300\"}\n"
	"control = \"run/control\"\nstore = /var/lib/x\nrecord = journal\n"
	"worker-user = self\nwarden-user = \"65534\"\ntable = gate-2\n"
	"interfaces = {\"sb*\", \"veth0\", \"br0\"}\npolicies = {\"a.list\", \"/b "
	"c$d\\\"e.rpz\"}\n"
	"lease-min = 5m flow-lease = 0\ngrace = 45\nttl-max = 2h\ndeny-ttl = "
	"30s\nancestor-answer = nodata prefetch = false drop-low-ports = true serve-stale = 1d "
	"budget = 512 busy-poll = 2ms\n"
	"limits { pending = 100 pending-sandbox = 10 leases = 2000 leases-sandbox = 20\n"
	"\tqueries-sandbox = 90 cache-size = 300K sandboxes = 40 tcp-clients = 50 "
	"tcp-clients-sandbox = 6\n"
	"\trecords-per-second = 70 block-reports-per-second = 80 }\n"
	"forward \"Corp.Internal.\" {\n"
	"\tservers = {\"192.0.2.53\", \"[2001:db8::53]:5353\"}\n"
	"\tprivate = {\"10.0.0.0/8\"}\n\ttimeout = 250\n}\n"
	"forward \".\" { resolv-conf = resolv }\n"
	"sandbox \"ci\" {\n\tsources = {\"10.1.0.2\", \"fd00::/64\"}\n\tinterface = sb-ci "
	"group = build\n"
	"\tpolicies = {\"ci.list\"}\n\tmasquerade = true\n\tprivate = "
	"{\"192.168.7.0/24\"}\n\tsnat = {\"192.0.2.10\"}\n}\n"
	"sandbox \"off\" { sources = {\"10.1.0.3\"} mode = lockdown budget = off aaaa = on }\n"
	"sandbox \"seen\" { sources = {\"10.1.0.4\"} mode = observe policies = {\"zone:ads\"} "
	"}\n"
	"sandbox \"vm1\" { sources = {\"10.1.0.5\"} interface = tap1 bridge = br0 }\n"
	"zone \"ads\" { file = \"ads.rpz\" origin = \"ads.example.\" override = cname cname = "
	"\"garden.example.\" }\n"
	"zone \"quiet\" { file = quiet.rpz override = disabled }\n"
	"group \"build\" { policies = {\"build.list\"} private = {\"10.9.0.0/16\"} "
	"snat = {\"192.0.2.9\", \"2001:db8::9\"} budget = 64 aaaa = off }\n";

static void every_key_is_read(void **state)
{
	(void)state;
	struct file file;
	load(&file, full);
	assert_int_equal(file.code, NG_OK);
	assert_string_equal(file.said,
			    "4:0 conf-resolv"); /* the scoped address is passed over */
	const struct conf *conf = file.conf;
	char text[NG_NAME_TEXT_MAX], path[64];
	assert_int_equal(conf->n_listen, 2);
	assert_int_equal(conf->listen[0].port, 1053);
	assert_int_equal(conf->listen[1].port, 5300);
	snprintf(path, sizeof(path), "%s/run/control", file.folder);
	assert_string_equal(conf->control, path);
	assert_string_equal(conf->store, "/var/lib/x");
	assert_string_equal(conf->record, "journal");
	assert_string_equal(conf->worker_user, "self");
	assert_string_equal(conf->warden_user, "65534");
	assert_string_equal(conf->table, "gate-2");
	assert_string_equal(conf->interfaces[1], "veth0");
	assert_int_equal(conf->settings.budget, 512);
	assert_int_equal(conf->busy_us, 2000);
	assert_int_equal(conf->settings.limits.queries_sandbox, 90);
	assert_int_equal(conf_sandbox_budget(conf, &conf->sandboxes[0]), 64); /* the group's */
	assert_true(conf_sandbox_no_aaaa(conf, &conf->sandboxes[0]));
	assert_int_equal(conf_sandbox_budget(conf, &conf->sandboxes[1]), NG_BUDGET_OFF);
	assert_int_equal(conf->sandboxes[1].aaaa, CONF_ON);
	assert_false(conf_sandbox_no_aaaa(conf, &conf->sandboxes[1]));
	assert_int_equal(conf_sandbox_budget(conf, &conf->sandboxes[2]), 0);
	assert_int_equal(conf->n_policies, 2);
	assert_string_equal(conf->policies[0], "a.list");
	assert_string_equal(conf->policies[1], "/b c$d\"e.rpz");
	assert_int_equal(conf->settings.lease_min_s, 300);
	assert_int_equal(conf->settings.grace_s, 45);
	assert_int_equal(conf->settings.flow_lease_s, 0);
	assert_int_equal(conf->settings.ttl_max_s, 7200);
	assert_int_equal(conf->settings.deny_ttl_s, 30);
	assert_true(conf->settings.ancestor_nodata);
	assert_false(conf->settings.prefetch);
	assert_true(conf->settings.drop_low_ports);
	assert_int_equal(conf->settings.stale_s, 86400);
	assert_int_equal(conf->settings.limits.pending, 100);
	assert_int_equal(conf->settings.limits.pending_sandbox, 10);
	assert_int_equal(conf->settings.limits.leases, 2000);
	assert_int_equal(conf->settings.limits.leases_sandbox, 20);
	assert_int_equal(conf->settings.limits.cache_octets, 300 << 10);
	assert_int_equal(conf->sandboxes_max, 40);
	assert_int_equal(conf->tcp_clients, 50);
	assert_int_equal(conf->tcp_clients_sandbox, 6);
	assert_int_equal(conf->records_per_s, 70);
	assert_int_equal(conf->block_reports_per_s, 80);
	assert_int_equal(conf->n_routes, 2);
	assert_string_equal(ng_name_to_text(&conf->routes[0].zone, text), "corp.internal");
	assert_int_equal(conf->routes[0].servers[0].port, 53);
	assert_int_equal(conf->routes[0].servers[1].port, 5353);
	assert_int_equal(conf->routes[0].n_opened, 1);
	assert_int_equal(conf->routes[0].timeout_ms, 250);
	assert_int_equal(conf->routes[0].place.line, 19);
	assert_int_equal(conf->routes[1].n_servers, 2);
	assert_int_equal(conf->n_sandboxes, 4);
	assert_string_equal(conf->sandboxes[3].bridge, "br0");
	assert_int_equal(conf->sandboxes[2].mode, NG_OBSERVE);
	assert_int_equal(conf->n_zones, 2);
	assert_string_equal(conf->zones[0].name, "ads");
	assert_string_equal(conf->zones[0].file, "ads.rpz");
	assert_string_equal(conf->zones[0].origin, "ads.example.");
	assert_int_equal(conf->zones[0].override, NG_OVERRIDE_CNAME);
	assert_string_equal(conf->zones[0].cname, "garden.example.");
	assert_int_equal(conf->zones[1].override, NG_OVERRIDE_DISABLED);
	assert_int_equal(conf->zones[1].place.line, 37);
	assert_int_equal(conf->n_groups, 1);
	assert_string_equal(conf->groups[0].name, "build");
	assert_string_equal(conf->groups[0].policies[0], "build.list");
	assert_int_equal(conf->groups[0].n_opened, 1);
	assert_ptr_equal(conf_group_find(conf, conf->sandboxes[0].group), &conf->groups[0]);
	assert_null(conf_group_find(conf, conf->sandboxes[1].group));
	assert_string_equal(conf->sandboxes[0].name, "ci");
	assert_string_equal(conf->sandboxes[0].interface, "sb-ci");
	assert_int_equal(conf->sandboxes[0].n_sources, 2);
	assert_int_equal(conf->sandboxes[0].mode, NG_ENFORCE);
	assert_true(conf->sandboxes[0].masquerade);
	assert_int_equal(conf->sandboxes[1].mode, NG_LOCKDOWN);
	assert_int_equal(conf->sandboxes[0].n_snat, 1);
	assert_int_equal(conf->sandboxes[1].place.line, 33);
	done(&file);
}

/* How servers are spoken to, and by what they are known; what is printed reads back. */
static void servers_by_their_ways(void **state)
{
	(void)state;
	struct file file;
	static const char text[] =
		"forward \"corp.example\" { servers = {\"tcp://192.0.2.1\", "
		"\"192.0.2.2:5353\"} }\n"
		"forward \".\" { servers = {\"tls://192.0.2.3\", "
		"\"tls://[2001:db8::3]:8853\"} "
		"pin-sha256 = {\"FHkyLhvI0n70E47cJlRTamTrnYVcsYdjUGbr79CfAVI=\"} "
		"source = {\"192.0.2.9\", \"2001:db8::9\"} }\n";
	load(&file, text);
	assert_int_equal(file.code, NG_OK);
	const struct conf_route *route = &file.conf->routes[0];
	assert_int_equal(route->n_servers, 2);
	assert_int_equal(route->servers[0].transport, WALL_TCP);
	assert_int_equal(route->servers[0].port, 53);
	assert_int_equal(route->servers[1].transport, WALL_UDP);
	route++;
	assert_int_equal(route->n_servers, 2);
	assert_int_equal(route->servers[0].transport, WALL_TLS);
	assert_int_equal(route->servers[0].port, 853);
	assert_int_equal(route->servers[1].port, 8853);
	assert_int_equal(route->n_pins, 1);
	assert_int_equal(route->pins[0][0], 0x14);
	assert_int_equal(route->pins[0][31], 0x52);
	assert_int_equal(route->n_source, 2);
	char *first = printed(file.conf);
	assert_non_null(strstr(first, "\"tls://[2001:db8::3]:8853\""));
	assert_non_null(strstr(first, "FHkyLhvI0n70E47cJlRTamTrnYVcsYdjUGbr79CfAVI="));
	assert_non_null(strstr(first, "source = {\"192.0.2.9\", \"2001:db8::9\"}"));
	free(first);
	done(&file);
}

/* Never TLS to somebody unknown. */
static void servers_that_cannot_be(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"servers = {\"tls://192.0.2.3\"}",
		"servers = {\"tls://192.0.2.3#\"}",
		"servers = {\"tls://192.0.2.3#dns..example\"}",
		"servers = {\"tls://dns.example\"}",
		"servers = {\"tcp://192.0.2.3#dns.example\"}",
		"servers = {\"192.0.2.3#dns.example\"}",
		"servers = {\"https://192.0.2.3\"}",
		"servers = {\"192.0.2.3\"} "
		"pin-sha256 = {\"FHkyLhvI0n70E47cJlRTamTrnYVcsYdjUGbr79CfAVI=\"}",
		"servers = {\"tls://192.0.2.3\"} pin-sha256 = "
		"{\"FHkyLhvI0n70E47cJlRTamTrnYVcsYdj\"}",
		"servers = {\"tls://192.0.2.3\"} "
		"pin-sha256 = {\"FHkyLhvI0n70E47cJlRTamTrnYVcsYdjUGbr79CfAVJ=\"}",
		"servers = {\"192.0.2.3\"} source = {\"192.0.2.9\", \"192.0.2.10\"}",
		"servers = {\"192.0.2.3\"} source = {\"eth0\"}",
	};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct file file;
		char text[512];
		snprintf(text, sizeof(text), "forward \".\" { %s }\n", texts[i]);
		load(&file, text);
		assert_int_equal(file.code, NG_E_SYNTAX);
		done(&file);
	}
}

/* A zone is asked by TLS alone or not at all by it: nobody on the way chooses. */
static void tls_beside_the_clear_is_an_error(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"forward \".\" {\n servers = {\"tls://192.0.2.3#dns.example\",\n"
		"  \"192.0.2.4\"} }\n",
		"forward \".\" {\n servers = {\"tcp://192.0.2.3\",\n"
		"  \"tls://192.0.2.4#dns.example\"} }\n",
	};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct file file;
		load(&file, texts[i]);
		assert_int_equal(file.code, NG_E_SYNTAX);
		assert_string_equal(file.said, "3:4 conf-tls");
		done(&file);
	}
}

/* No server is no reason not to start: the network may come later. Nobody stands in for it. */
static void a_file_without_servers_is_a_zone_without(void **state)
{
	(void)state;
	struct file file;
	load(&file, RESOLV "forward \"a\" { resolv-conf = t.conf }\n");
	assert_int_equal(file.code, NG_OK);
	assert_int_equal(file.conf->routes[1].n_servers, 0);
	assert_string_equal(file.said, "2:1 conf-resolv");
	done(&file);
}

static void unreadable_trust_is_an_error(void **state)
{
	(void)state;
	struct file file;
	load(&file, "tls-trust = \"/nowhere.pem\"\n"
		    "forward \".\" { servers = {\"tls://192.0.2.3#dns.example\"} }\n");
	assert_int_equal(file.code, NG_E_SYNTAX);
	done(&file);
}

static void what_is_printed_reads_back_the_same(void **state)
{
	(void)state;
	static const char *const texts[] = {full, "# nothing\n" RESOLV};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct file file, again;
		load(&file, texts[i]);
		assert_int_equal(file.code, NG_OK);
		char *first = printed(file.conf);
		load(&again, first);
		assert_int_equal(again.code, NG_OK);
		char *second = printed(again.conf);
		assert_string_equal(first, second);
		assert_non_null(strstr(first, "listen = {"));
		free(first);
		free(second);
		done(&again);
		done(&file);
	}
}

static uint32_t workers_by_default(void)
{
	struct file file;
	load(&file, RESOLV);
	assert_int_equal(file.code, NG_OK);
	const uint32_t workers = file.conf->workers;
	done(&file);
	return workers;
}

static void there_is_a_worker_for_each_processor_that_is_ours(void **state)
{
	(void)state;
	cpu_set_t all, one;
	assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
	const int n = CPU_COUNT(&all);
	assert_int_equal(workers_by_default(), n < NG_WORKERS_MAX ? n : NG_WORKERS_MAX);
	int last = CPU_SETSIZE - 1;
	while (!CPU_ISSET(last, &all))
		last--;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
	assert_int_equal(workers_by_default(), 1);
	assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void the_defaults_are_said(void **state)
{
	(void)state;
	struct file file;
	load(&file, "# nothing but servers\n" RESOLV);
	assert_int_equal(file.code, NG_OK);
	char *text = printed(file.conf);
	static const char *const lines[] = {"listen = {\"0.0.0.0:1053\", \"[::]:1053\"}\n",
					    "table = \"namegate\"\n",
					    "worker-user = \"namegate\"\n",
					    "warden-user = \"namegate-warden\"\n",
					    "interfaces = {\"sb*\"}\n",
					    "policies = {}\n",
					    "lease-min = 1m\n",
					    "grace = 30s\n",
					    "flow-lease = 1h\n",
					    "ttl-max = 1h\n",
					    "deny-ttl = 10s\n",
					    "record = \"stdout\"\n",
					    "ancestor-answer = nxdomain\n",
					    "prefetch = true\n",
					    "drop-low-ports = false\n",
					    "serve-stale = 0s\n",
					    "busy-poll = off\n",
					    "\tcache-size = 32M\n",
					    "\tleases = 1048576\n",
					    "\ttimeout = 1000\n"};
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_non_null(strstr(text, lines[i]));
	free(text);
	done(&file);
}

static void each_fault_is_refused_at_its_place(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"lease-mni = 5", "1:1 conf-syntax"},
		{"listen = {\"127.0.0.1\"", "2:1 conf-syntax"},
		{"sandbox { }", "1:1 conf-syntax"},
		{"''A A ", "1:1 conf-syntax"},
		{"listen = {\"127.0.0.1\", \"300.1.1.1\"}", "1:25 conf-value"},
		{"listen = \"[::1\"", "1:11 conf-value"},
		{"listen = {\"127.0.0.1:0\"}", "1:12 conf-value"},
		{"listen = {\"127.0.0.1:65536\"}", "1:12 conf-value"},
		{"grace = 5x", "1:9 conf-value"},
		{"grace = 0", "1:9 conf-value"},
		{"grace = 99d", "1:9 conf-value"},
		{"grace = -1", "1:9 conf-value"},
		{"grace = 99999999999999999999", "1:9 conf-value"},
		{"grace = 5\ngrace = 6", "2:9 conf-repeat"},
		{"policies = {\"a\"}\npolicies = {\"b\"}", "2:14 conf-repeat"},
		{"lease-min = 1d\ngrace = 1", "1:13 conf-times"},
		{"interfaces = {\"*\"}", "1:16 conf-value"},
		{"interfaces = {\"a*b\"}", "1:16 conf-value"},
		{"interfaces = {\"0123456789abcdef\"}", "1:16 conf-value"},
		{"table = \"a b\"", "1:10 conf-value"},
		{"table = 9a", "1:9 conf-value"},
		{"store = \"\"", "1:1 conf-value"},
		{"store = \"a\tb\"", "1:10 conf-character"},
		{"ancestor-answer = maybe", "1:19 conf-value"},
		{"serve-stale = 8d", "1:15 conf-value"},
		{"prefetch = maybe", "1:12 conf-value"},
		{"busy-poll = 200", "1:13 conf-value"},
		{"busy-poll = 0us", "1:13 conf-value"},
		{"busy-poll = 5s", "1:13 conf-value"},
		{"busy-poll = 1001ms", "1:13 conf-value"},
		{"busy-poll = 1000001us", "1:13 conf-value"},
		{"busy-poll = true", "1:13 conf-value"},
		{"drop-low-ports = 1024", "1:18 conf-value"},
		{"limits { cache-size = 1K }", "1:23 conf-value"},
		{"limits { cache-size = 4G }", "1:23 conf-value"},
		{"limits { cache-size = 1T }", "1:23 conf-value"},
		{"limits { leases = many }", "1:19 conf-value"},
		{"limits { leases = 0 }", "1:19 conf-value"},
		{"limits { sandboxes = 65537 }", "1:22 conf-value"},
		{"forward \"a..b\" { servers = {\"192.0.2.1\"} }", "1:1 conf-zone"},
		{"forward \"a\" { }", "1:1 conf-servers"},
		{"forward \"a\" { servers = {\"192.0.2.1\"} }\n"
		 "forward \"A.\" { servers = {\"192.0.2.1\"} }",
		 "2:1 conf-repeat"},
		{"forward \"a\" { servers = {\"192.0.2.1\"}\n resolv-conf = resolv }",
		 "1:1 conf-servers"},
		{"forward \"a\" { resolv-conf = none }", "0:0 file-read, 1:1 conf-resolv"},
		{"listen = {\"127.0.0.1:53\"}\nforward \"a\" { servers = {\"127.0.0.1\"} }",
		 "2:27 conf-loop"},
		{"listen = {\"0.0.0.0:53\"}\nforward \"a\" { servers = {\"127.1.2.3\"} }",
		 "2:27 conf-loop"},
		{"forward \"a\" { servers = {\"192.0.2.1\"} timeout = 9 }", "1:49 conf-value"},
		{"forward \"a\" { servers = {\"192.0.2.1\"} private = {\"127.0.0.0/8\"} }",
		 "1:51 conf-never"},
		{"policies = {\"a.list\", \"zone:ads\"}", "1:24 zone-unknown"},
		{"sandbox \"a\" { sources = {\"10.1.0.2\"} group = none }", "1:46 conf-group"},
		{"group \"a\" { }\ngroup \"a\" { }", "2:1 conf-repeat"},
		{"group \"a\" { policies = {\"zone:ads\"} }", "1:26 zone-unknown"},
		{"group \"a\" { private = {\"127.0.0.0/8\"} }", "1:25 conf-never"},
		{"zone \"ads\" { }", "1:1 conf-zone-file"},
		{"zone \"a/b\" { file = x }", "1:1 conf-name"},
		{"zone \"ads\" { file = x override = off }", "1:34 conf-value"},
		{"zone \"ads\" { file = x override = cname }", "1:1 conf-zone-cname"},
		{"zone \"ads\" { file = x cname = garden }", "1:31 conf-zone-cname"},
		{"zone \"ads\" { file = x override = cname cname = \"a..b\" }",
		 "1:49 conf-zone-cname"},
		{"sandbox \"a b\" { sources = {\"10.0.0.1\"} }", "1:1 conf-name"},
		{"sandbox \"a\" { }", "1:1 conf-sources"},
		{"sandbox \"a\" { sources = {\"10.0.0.1/24\"} }", "1:27 conf-value"},
		{"sandbox \"a\" { sources = {\"10.0.0.1\"} interface = eth0 }",
		 "1:50 conf-interface"},
		{"sandbox \"a\" { sources = {\"10.0.0.1\"} uid = build }", "1:1 conf-who"},
		{"sandbox \"a\" { interface = sb-a uid = build }", "1:1 conf-who"},
		{"sandbox \"a\" { cgroup = \"/a\" sidecar = true }", "1:1 conf-who"},
		{"sandbox \"a\" { uid = build masquerade = true }", "1:1 conf-who"},
		{"listen = {\"192.0.2.1\"}\nsandbox \"a\" { uid = build }", "2:1 conf-who"},
		{"sandbox \"a\" { sources = {\"127.64.0.1\"} }", "1:1 conf-who"},
		{"sandbox \"a\" { uid = \"a b\" }", "1:22 conf-value"},
		{"sandbox \"a\" { cgroup = \"/\" }", "1:25 conf-value"},
		{"sandbox \"a\" { cgroup = \"job\" }", "1:25 conf-value"},
		{"sandbox \"a\" { cgroup = \"/a/../b\" }", "1:25 conf-value"},
		{"sandbox \"a\" { cgroup = \"/a//b\" }", "1:25 conf-value"},
		{"sandbox \"a\" { cgroup = \"/1/2/3/4/5/6/7/8/9/a/b/c/d\" }",
		 "1:25 conf-value"},
		{"sandbox \"a\" { uid = build }\nsandbox \"b\" { uid = build }",
		 "2:1 conf-overlap"},
		{"sandbox \"a\" { cgroup = \"/a\" }\nsandbox \"b\" { cgroup = \"/a\" }",
		 "2:1 conf-overlap"},
		{"sandbox \"a\" { sidecar = true }\nsandbox \"b\" { sidecar = true }",
		 "2:1 conf-overlap"},
		{"sandbox \"a\" { sources = {\"10.0.0.1\"} interface = tap1 bridge = br0 }",
		 "1:64 conf-interface"},
		{"interfaces = {br0}\nsandbox \"a\" { sources = {\"10.0.0.1\"} bridge = br0 }",
		 "2:47 conf-bridge"},
		{"interfaces = {br0}\nsandbox \"a\" { sources = {\"10.0.0.1\"} interface = br0 "
		 "bridge = br0 }",
		 "2:63 conf-bridge"},
		{"interfaces = {br0}\nsandbox \"a\" { sources = {\"10.0.0.1\"} interface = br0 "
		 "}\n"
		 "sandbox \"b\" { sources = {\"10.0.0.2\"} interface = tap2 bridge = br0 }",
		 "3:64 conf-bridge"},
		{"interfaces = {br0}\nsandbox \"a\" { sources = {\"10.0.0.1\"} interface = "
		 "tap1 "
		 "bridge = \"b r\" }",
		 "2:65 conf-value"},
		{"interfaces = {br0}\n"
		 "sandbox \"a\" { sources = {\"10.0.0.1\"} interface = tap1 bridge = br0 }\n"
		 "sandbox \"b\" { sources = {\"10.0.0.1\"} interface = tap2 bridge = br0 }",
		 "3:27 conf-overlap"},
		{"sandbox \"a\" { sources = {\"10.0.0.1\"} mode = watch }", "1:45 conf-value"},
		{"sandbox \"a\" { sources = {\"10.0.0.1\"} snat = {\"192.0.2.0/24\"} }",
		 "1:47 conf-snat"},
		{"group \"a\" { snat = {\"192.0.2.1\", \"192.0.2.2\"} }", "1:35 conf-snat"},
		{"group \"a\" { snat = {\"127.0.0.1\"} }", "1:22 conf-snat"},
#define SETS "integrate { sets = {\"inet f a\"} }\n"
		{SETS "sandbox \"a\" { sources = {\"10.0.0.1\"} masquerade = true }",
		 "2:51 conf-integrate"},
		{SETS "sandbox \"a\" { sources = {\"10.0.0.1\"} snat = {\"192.0.2.9\"} }",
		 "2:47 conf-integrate"},
		{SETS "sandbox \"a\" { sources = {\"10.0.0.1\"} mode = observe }",
		 "2:45 conf-integrate"},
		{SETS "group \"a\" { snat = {\"192.0.2.9\"} }", "2:22 conf-integrate"},
		{"integrate { sets = {\"inet f a\", \"ip f a\", \"inet f  a\"} }",
		 "1:44 conf-repeat"},
		{"integrate { sets = {\"inet f\"} }", "1:22 conf-value"},
		{"integrate { sets = {\"inet f a b\"} }", "1:22 conf-value"},
		{"integrate { sets = {\"arp f a\"} }", "1:22 conf-value"},
		{"integrate { sets = {\"inet f a;b\"} }", "1:22 conf-value"},
		{"sandbox \"a\" { sources = {\"10.0.0.1\"} masquerade = 2 }",
		 "1:51 conf-value"},
		{"sandbox \"a\" { sources = {\"10.0.0.0/24\", \"10.0.0.7\"} }",
		 "1:42 conf-overlap"},
		{"sandbox \"a\" { sources = {\"10.0.0.7\"} interface = sb1 }\n"
		 "sandbox \"b\" { sources = {\"10.9.0.7\", \"10.0.0.0/24\"} interface = sb1 }",
		 "2:39 conf-overlap"},
		{"sandbox \"a\" { sources = {\"10.0.0.7\"} }\n"
		 "sandbox \"b\" { sources = {\"10.0.0.7\"} interface = sb1 }",
		 "2:27 conf-overlap"},
		{"limits { sandboxes = 1 }\nsandbox \"a\" { sources = {\"10.0.0.7\"} }\n"
		 "sandbox \"b\" { sources = {\"10.0.0.8\"} }",
		 "0:0 conf-limit"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct file file;
		char text[512];
		snprintf(text, sizeof(text), "%s\n" RESOLV, cases[i][0]);
		load(&file, text);
		assert_string_equal(file.said, cases[i][1]);
		assert_int_equal(file.code, NG_E_SYNTAX);
		assert_null(file.conf);
		done(&file);
	}
}

#define BOX "sandbox \"a\" { sources = {\"10.0.0.1\"} "
static void sockets_are_read_and_held_against_each_other(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{BOX "socket = \"/run/a.dns\" socket-owner = \"build:ci\" socket-mode = 0600 }",
		 ""},
		{BOX "socket = \"/run/a.dns\" socket-owner = \"1000:1000\" }", ""},
		{"sandbox \"a\" { uid = build socket = \"/run/a.dns\" }", ""},
		{BOX "socket = \"a.dns\" }", "1:48 conf-value"},
		{BOX "socket = \"/run/\" }", "1:48 conf-value"},
		{BOX "socket = \"/a\" socket-owner = \"a b\" }", "1:68 conf-value"},
		{BOX "socket = \"/a\" socket-owner = \"a:\" }", "1:68 conf-value"},
		{BOX "socket = \"/a\" socket-mode = 0800 }", "1:66 conf-value"},
		{BOX "socket = \"/a\" socket-mode = 01777 }", "1:66 conf-value"},
		{BOX "socket-owner = build }", "1:1 conf-socket"},
		{"sandbox \"a\" { sources = {\"10.0.0.0/24\"} socket = \"/a\" }",
		 "1:51 conf-socket"},
		{BOX "socket = \"/a\" }\nsandbox \"b\" { uid = build socket = \"/a\" }",
		 "2:37 conf-overlap"},
		{"control = \"/c\"\n" BOX "socket = \"/c\" }", "2:48 conf-socket"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct file file;
		char text[512];
		snprintf(text, sizeof(text), "%s\n" RESOLV, cases[i][0]);
		load(&file, text);
		assert_string_equal(file.said, cases[i][1]);
		done(&file);
	}
	struct file one, other;
	load(&one, BOX "socket = \"/run/a.dns\" }\n" RESOLV);
	assert_int_equal(one.conf->sandboxes[0].socket_mode, 0660);
	char *text = printed(one.conf);
	assert_non_null(strstr(text, "\tsocket = \"/run/a.dns\"\n\tsocket-mode = 0660\n"));
	free(text);
	load(&other, BOX "socket = \"/run/a.dns\" socket-mode = 0666 }\n" RESOLV);
	assert_false(conf_sockets_differ(one.conf, one.conf));
	assert_true(conf_sockets_differ(one.conf, other.conf));
	done(&other);
	load(&other, BOX "}\n" RESOLV);
	assert_true(conf_sockets_differ(one.conf, other.conf));
	assert_true(conf_sockets_differ(other.conf, one.conf));
	done(&other);
	done(&one);
}

static void of_two_sections_of_one_name_both_are_named(void **state)
{
	(void)state;
	static const char *const kinds[] = {"group", "sandbox", "zone", "forward"};
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct file file;
		char text[256], reason[128];
		snprintf(text, sizeof(text),
			 RESOLV "%s \"aa\" { }\n\t%s \"a\" { }\n%s 'a' { }\n", kinds[i],
			 kinds[i], kinds[i]);
		load(&file, text);
		snprintf(reason, sizeof(reason), "%s a stands already at %s:3:2", kinds[i],
			 file.path);
		assert_int_equal(file.code, NG_E_SYNTAX);
		assert_string_equal(file.said, "4:1 conf-repeat");
		assert_string_equal(file.diags.items[0].reason, reason);
		done(&file);
	}
}

/* An element of the kernel's is for an address, whatever it came in by. */
static void one_source_on_two_links_is_an_overlap(void **state)
{
	(void)state;
	struct file file;
	load(&file, RESOLV "sandbox \"a\" { sources = {\"10.0.0.7\"} interface = sb1 }\n"
			   "sandbox \"b\" { sources = {\"10.0.0.0/24\"} interface = sb2 }\n");
	assert_string_equal(file.said, "3:27 conf-overlap");
	assert_non_null(strstr(file.diags.items[0].reason, ":2:27"));
	done(&file);
}

static void all_faults_are_named_at_once(void **state)
{
	(void)state;
	struct file file;
	load(&file, RESOLV "grace = x\nlimits { leases = y }\nsandbox \"a\" { mode = z }\n");
	assert_string_equal(file.said, "2:9 conf-value, 3:19 conf-value, 4:22 conf-value");
	assert_string_equal(file.diags.items[2].suggestion,
			    "write enforce, observe or lockdown");
	done(&file);
	load(&file, "lease-mni = 5\n");
	assert_string_equal(file.diags.items[0].suggestion, "did you mean lease-min?");
	done(&file);
}

static void lists_have_their_bounds(void **state)
{
	(void)state;
	struct file file;
	char text[1024] = "interfaces = {";
	for (int i = 0; i <= NG_IFPATTERNS_MAX; i++)
		sprintf(text + strlen(text), "%s\"sb%d\"", i > 0 ? ", " : "", i);
	strcat(text, "}\n" RESOLV);
	load(&file, text);
	assert_int_equal(file.code, NG_E_SYNTAX);
	assert_string_equal(file.diags.items[0].code, "conf-limit");
	done(&file);
}

static void declared_sets_are_read_and_printed(void **state)
{
	(void)state;
	struct file file;
	char *text = NULL;
	size_t len;
	load(&file, "integrate { sets = {\"inet filter allowed4\", \"ip6 x  y-1.z\"} }\n" RESOLV
		    "sandbox \"a\" { sources = {\"10.0.0.1\"} interface = eth9 }\n");
	assert_int_equal(file.code, NG_OK); /* the ruleset says what is guarded */
	assert_int_equal(file.conf->n_declared, 2);
	assert_string_equal(file.conf->declared[0].family, "inet");
	assert_string_equal(file.conf->declared[0].table, "filter");
	assert_string_equal(file.conf->declared[0].name, "allowed4");
	assert_string_equal(file.conf->declared[1].name, "y-1.z");
	FILE *to = open_memstream(&text, &len);
	conf_print(file.conf, to);
	assert_int_equal(fclose(to), 0);
	assert_non_null(strstr(text, "integrate {\n\tsets = {\"inet filter allowed4\", "
				     "\"ip6 x y-1.z\"}\n}\n"));
	free(text);
	done(&file);
	load(&file, RESOLV);
	assert_int_equal(file.conf->n_declared, 0);
	done(&file);
}

static void a_file_that_is_none_is_said(void **state)
{
	(void)state;
	struct ng_diags diags;
	struct conf *conf;
	ng_diags_init(&diags);
	assert_int_equal(conf_load("/nonexistent/x.conf", &diags, &conf), NG_E_IO);
	assert_int_equal(conf_load("/tmp", &diags, &conf), NG_E_IO);
	assert_int_equal(diags.errors, 2);
	assert_string_equal(diags.items[1].reason, "this is not a regular file");
	ng_diags_finish(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(servers_by_their_ways),
		cmocka_unit_test(servers_that_cannot_be),
		cmocka_unit_test(tls_beside_the_clear_is_an_error),
		cmocka_unit_test(a_file_without_servers_is_a_zone_without),
		cmocka_unit_test(unreadable_trust_is_an_error),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(the_defaults_are_said),
		cmocka_unit_test(there_is_a_worker_for_each_processor_that_is_ours),
		cmocka_unit_test(each_fault_is_refused_at_its_place),
		cmocka_unit_test(sockets_are_read_and_held_against_each_other),
		cmocka_unit_test(of_two_sections_of_one_name_both_are_named),
		cmocka_unit_test(one_source_on_two_links_is_an_overlap),
		cmocka_unit_test(all_faults_are_named_at_once),
		cmocka_unit_test(lists_have_their_bounds),
		cmocka_unit_test(declared_sets_are_read_and_printed),
		cmocka_unit_test(a_file_that_is_none_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
