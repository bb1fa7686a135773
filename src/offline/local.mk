# What libnamegate has as well.
SETUP_SOURCES = src/offline/setup.c src/offline/setup.h src/offline/world.c src/offline/world.h \
	src/offline/world_answer.c src/offline/world_inside.h src/offline/trial.c \
	src/offline/trial.h src/offline/trial_inside.h src/offline/trial_kernel.c \
	src/offline/trial_sets.c
liboffline_a_SOURCES += $(SETUP_SOURCES)
liboffline_a_SOURCES += src/offline/history.c src/offline/history.h src/offline/ledger.c src/offline/ledger.h
liboffline_a_SOURCES += src/offline/traffic.c src/offline/traffic.h src/offline/traffic_inside.h \
	src/offline/traffic_pcap.c src/offline/traffic_packet.c src/offline/traffic_fragments.c \
	src/offline/traffic_flows.c src/offline/traffic_streams.c src/offline/traffic_dns.c \
	src/offline/traffic_dnstap.c src/offline/traffic_records.c src/offline/traffic_names.c
liboffline_a_SOURCES += src/offline/below.c src/offline/below.h src/offline/expect.c src/offline/expect.h \
	src/offline/expect_classes.c src/offline/expect_inside.h src/offline/expect_reach.c \
	src/offline/expect_state.c src/offline/expect_text.c src/offline/expect_verdict.c \
	src/offline/expect_world.c
liboffline_a_SOURCES += src/offline/diff.c src/offline/diff.h src/offline/diff_addresses.c \
	src/offline/diff_inside.h src/offline/diff_names.c src/offline/diff_places.c src/offline/diff_plan.c \
	src/offline/diff_rules.c src/offline/diff_settings.c src/offline/diff_view.c
EXPLAIN_SOURCES = src/offline/embed.c src/offline/explain.c src/offline/explain.h \
	src/offline/explain_address.c src/offline/explain_address.h \
	src/offline/explain_address_json.c src/offline/explain_address_text.c \
	src/offline/explain_follow.c src/offline/explain_json.c src/offline/explain_lines.h \
	src/offline/explain_text.c src/offline/explain_words.c src/offline/explain_words.h \
	src/offline/parts.c src/offline/parts.h
liboffline_a_SOURCES += $(EXPLAIN_SOURCES)

# libnamegate: the core, and what reads and explains, but no traffic, store or daemon.
lib_LTLIBRARIES += libnamegate.la
libnamegate_la_SOURCES = $(libcore_a_SOURCES) $(libconf_a_SOURCES) $(SETUP_SOURCES) \
	$(EXPLAIN_SOURCES)
libnamegate_la_CPPFLAGS = $(AM_CPPFLAGS) $(CONFUSE_CFLAGS) $(JANSSON_CFLAGS)
libnamegate_la_LDFLAGS = $(NG_LIBRARY_LDFLAGS) -no-undefined -version-info 0:0:0 \
	-export-symbols-regex '^ng_'
libnamegate_la_LIBADD = $(LDNS_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS) $(PSL_LIBS)
pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = contrib/pkgconfig/namegate.pc
liboffline_a_SOURCES += src/offline/who.c src/offline/who.h src/offline/replay.c src/offline/replay.h \
	src/offline/replay_inside.h src/offline/replay_answers.c src/offline/replay_flows.c \
	src/offline/replay_findings.c src/offline/replay_limits.c
liboffline_a_SOURCES += src/offline/learn.c src/offline/learn.h src/offline/learn_inside.h src/offline/learn_list.h \
	src/offline/learn_evidence.c src/offline/learn_flows.c src/offline/learn_lines.c \
	src/offline/learn_lint.c src/offline/learn_list.c \
	src/offline/learn_people.c src/offline/learn_tree.c
