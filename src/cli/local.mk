# Scenes are a library of their own, so that a fuzzer can play them without the command.
noinst_LIBRARIES += libscene.a
libscene_a_SOURCES = src/cli/scene.c src/cli/scene_expect.c src/cli/scene_fed.c \
	src/cli/scene_input.c src/cli/scene_justify.c src/cli/scene_kernel.c \
	src/cli/scene_policy.c src/cli/scene_promise.c src/cli/scene_records.c \
	src/cli/scene_reply.c src/cli/scene_seen.c \
	src/cli/scene_set.c src/cli/scene_text.c \
	src/cli/scene_routes.c src/cli/scene_wire.c src/cli/scene_words.c src/cli/scene_world.c \
	src/cli/scene.h src/cli/scene_inside.h
libscene_a_CPPFLAGS = $(AM_CPPFLAGS) $(LDNS_CFLAGS)
bin_PROGRAMS += namegate
namegate_SOURCES = src/cli/main.c src/cli/verbs.h src/cli/output.c src/cli/output.h \
	src/cli/check.c src/cli/explain.c src/cli/explain_running.c src/cli/explain_running.h
namegate_SOURCES += src/cli/hosting.c src/cli/hosting.h
namegate_SOURCES += src/cli/check.h src/cli/check_answers.c src/cli/check_ceilings.c src/cli/check_policies.c \
	src/cli/check_sarif.c
# The list of shared hosting is compiled in: what is warned of does not depend on what is installed.
src/cli/shared_hosting.inc: $(top_srcdir)/zones/shared-hosting.txt
	$(AM_V_GEN)$(MKDIR_P) src/cli && sed -e 's/[ \t]*#.*//' -e '/^$$/d' -e 's/.*/"&\\n"/' \
		$(top_srcdir)/zones/shared-hosting.txt >$@.tmp && mv $@.tmp $@
src/cli/namegate-hosting.$(OBJEXT): src/cli/shared_hosting.inc
CLEANFILES += src/cli/shared_hosting.inc
namegate_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/src $(CONFUSE_CFLAGS) $(JANSSON_CFLAGS) $(UV_CFLAGS)
namegate_LDFLAGS = $(NG_PROGRAM_LDFLAGS)
namegate_LDADD = libscene.a liboffline.a libedge.a libconf.a libcore.a $(LMDB_LIBS) $(LDNS_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS) \
	$(PSL_LIBS) $(IDN2_LIBS) $(PCAP_LIBS) $(FSTRM_LIBS)
namegate_SOURCES += src/cli/control_client.c src/cli/control_client.h src/cli/status.c \
	src/cli/leases.c src/cli/blocked.c src/cli/sandbox.c src/cli/approve.c src/cli/reload.c src/cli/flush.c src/cli/teardown.c
namegate_SOURCES += src/cli/convert.c
namegate_SOURCES += src/cli/who_opened.c src/cli/when.c src/cli/when.h
namegate_SOURCES += src/cli/test.c src/cli/test.h src/cli/test_formats.c src/cli/test_report.c \
	src/cli/test_report.h
namegate_SOURCES += src/cli/diff.c src/cli/diff.h src/cli/diff_git.c src/cli/diff_git.h \
	src/cli/diff_human.c src/cli/diff_json.c src/cli/diff_markdown.c src/cli/diff_words.c
namegate_SOURCES += src/cli/doc.c src/cli/doc.h src/cli/report.c src/cli/report.h \
	src/cli/report_ceilings.c src/cli/report_changes.c src/cli/report_lines.c \
	src/cli/report_never.c src/cli/report_policies.c src/cli/report_reach.c \
	src/cli/report_tests.c
namegate_SOURCES += src/cli/replay.c src/cli/replay.h src/cli/replay_text.c src/cli/replay_json.c
namegate_SOURCES += src/cli/captures.c src/cli/captures.h src/cli/learn.c src/cli/learn.h \
	src/cli/learn_file.c src/cli/learn_json.c src/cli/learn_review.c src/cli/learn_text.c \
	src/cli/learn_words.c
