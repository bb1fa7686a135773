# Fuzz targets: tests/fuzz/fuzz_X.c defines LLVMFuzzerTestOneInput(), tests/fuzz/seeds/X/ holds its seeds.
#
# `make check` replays the seeds, whole, cut short, and changed by mutate.c, with whatever compiler built the
# rest: one line of TAP a target. `make fuzz` builds all targets with clang and libFuzzer, AddressSanitizer and
# UndefinedBehaviorSanitizer, and runs each for FUZZ_SECONDS on top of its seeds; what it learned
# stays in the build folder. `make fuzz FUZZ=query FUZZ_SECONDS=600` runs one of them. An input that
# showed a fault goes into the seeds with the fix. What a corpus reaches beyond the seeds, within 12,000 octets,
# tests/fuzz/minimise.py fuzz/X X 12000 fuzz/X-corpus puts into tests/fuzz/corpus/X/.
#
# A new target is its source, its seeds, and two lines here. Of src/offline, src/edge and src/daemon only what is fuzzed is
# built: the rest wants libraries that no target needs.
FUZZERS =
FUZZERS += tests/fuzz/fuzz_query
tests_fuzz_fuzz_query_LDADD = $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_answer
tests_fuzz_fuzz_answer_LDADD = $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_edns
tests_fuzz_fuzz_edns_LDADD = $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_name
tests_fuzz_fuzz_name_LDADD = $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_wall
tests_fuzz_fuzz_wall_LDADD = $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_stream
tests_fuzz_fuzz_stream_LDADD = tests/fuzz/libdriver.a libedge.a libcore.a
FUZZERS += tests/fuzz/fuzz_list
tests_fuzz_fuzz_list_LDADD = $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_zone
tests_fuzz_fuzz_zone_LDADD = $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_image
tests_fuzz_fuzz_image_LDADD = $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_LDADD = $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_expect
tests_fuzz_fuzz_expect_LDADD = tests/fuzz/libdriver.a liboffline.a $(FUZZ_LDADD)
FUZZERS += tests/fuzz/fuzz_pcap
tests_fuzz_fuzz_pcap_LDADD = $(FUZZ_TRAFFIC)
FUZZERS += tests/fuzz/fuzz_dnstap
tests_fuzz_fuzz_dnstap_LDADD = $(FUZZ_TRAFFIC)
FUZZERS += tests/fuzz/fuzz_records
tests_fuzz_fuzz_records_LDADD = $(FUZZ_TRAFFIC)
EXTRA_DIST += tests/fuzz/traffic_fuzz.h
FUZZERS += tests/fuzz/fuzz_lease
tests_fuzz_fuzz_lease_LDADD = $(FUZZ_EDGE)
FUZZERS += tests/fuzz/fuzz_warm
tests_fuzz_fuzz_warm_LDADD = $(FUZZ_EDGE)
FUZZERS += tests/fuzz/fuzz_upstream
tests_fuzz_fuzz_upstream_LDADD = $(FUZZ_EDGE)
tests_fuzz_fuzz_upstream_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
FUZZERS += tests/fuzz/fuzz_tls
tests_fuzz_fuzz_tls_LDADD = $(FUZZ_EDGE)
tests_fuzz_fuzz_tls_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
FUZZERS += tests/fuzz/fuzz_control
tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c src/daemon/spec.c
tests_fuzz_fuzz_control_LDADD = tests/fuzz/libdriver.a libedge.a libconf.a libcore.a $(UV_LIBS) $(JANSSON_LIBS) \
	$(CONFUSE_LIBS) $(LDNS_LIBS)
tests_fuzz_fuzz_control_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(JANSSON_CFLAGS)
FUZZERS += tests/fuzz/fuzz_reply
tests_fuzz_fuzz_reply_LDADD = $(FUZZ_LDADD)

FUZZ_LDADD = tests/fuzz/libdriver.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS)
FUZZ_EDGE = tests/fuzz/libdriver.a libedge.a libcore.a $(UV_LIBS) $(SSL_LIBS) $(LDNS_LIBS)
FUZZ_TRAFFIC = tests/fuzz/libdriver.a liboffline.a libcore.a $(TRAFFIC_READERS)
TRAFFIC_READERS = $(PCAP_LIBS) $(FSTRM_LIBS) $(JANSSON_LIBS)
check_LIBRARIES = tests/fuzz/libdriver.a
FUZZ_MUTATE = tests/fuzz/mutate.c tests/fuzz/mutate_survey.c tests/fuzz/mutate_message.c tests/fuzz/mutate_frames.c
tests_fuzz_libdriver_a_SOURCES = tests/fuzz/driver.c tests/fuzz/fuzz.h $(FUZZ_MUTATE) tests/fuzz/mutate.h \
	tests/fuzz/mutate_inside.h
check_PROGRAMS += $(FUZZERS)
TESTS += $(FUZZERS)
EXTRA_DIST += tests/fuzz/seeds tests/fuzz/corpus tests/fuzz/minimise.py

FUZZ =
FUZZ_CC = clang
FUZZ_SECONDS = 60
FUZZ_FOLDER = fuzz
# An ldns with sanitizers and coverage of its own: the folder that tests/fuzz/ldns.sh made. Empty: the system's.
FUZZ_LDNS =
FUZZ_CFLAGS = -g -O1 -std=gnu11 -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_COMPILE = $(FUZZ_CC) $(FUZZ_CFLAGS) $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(CONFUSE_CFLAGS) \
	$(PCAP_CFLAGS) $(FSTRM_CFLAGS) $(JANSSON_CFLAGS) $(UV_CFLAGS)
fuzz-programs:
	@$(MKDIR_P) $(FUZZ_FOLDER); rm -f $(FUZZ_FOLDER)/libcode.a; set -e; \
	for source in $(libcore_a_SOURCES) $(libconf_a_SOURCES) $(liboffline_a_SOURCES) $(libedge_a_SOURCES) \
		src/daemon/spec.c; do \
		case $$source in \
		src/edge/cache_store.c|src/edge/lease_store_rows.c) ;; \
		src/edge/control.c|src/edge/stream_frame.c|src/edge/upstream*.c) ;; \
		src/offline/below.c|src/offline/expect*.c|src/offline/setup.c) ;; \
		src/offline/traffic*.c|src/offline/trial*.c|src/offline/world*.c) ;; \
		src/offline/*|src/edge/*) continue ;; \
		*.c) ;; \
		*) continue ;; \
		esac; \
		object=$(FUZZ_FOLDER)/`echo $$source | tr / _`.o; \
		$(FUZZ_COMPILE) -fsanitize=fuzzer-no-link,address,undefined \
			-c $(srcdir)/$$source -o $$object; \
		$(AR) cr $(FUZZ_FOLDER)/libcode.a $$object; \
	done; \
	for source in $(FUZZ_MUTATE); do \
		$(FUZZ_COMPILE) -fsanitize=fuzzer-no-link,address,undefined \
			-c $(srcdir)/$$source -o $(FUZZ_FOLDER)/`basename $$source .c`.o; \
	done; \
	ldns="$(LDNS_LIBS)"; \
	[ -z "$(FUZZ_LDNS)" ] || ldns="$(FUZZ_LDNS)/libldns.a $(IDN2_LIBS)"; \
	for fuzzer in $(FUZZERS); do \
		name=$${fuzzer##*fuzz_}; \
		case "$(FUZZ)" in ''|$$name) ;; *) continue ;; esac; \
		echo "  FUZZCC   $$name"; \
		$(FUZZ_COMPILE) -fsanitize=fuzzer,address,undefined $(srcdir)/$$fuzzer.c \
			$(FUZZ_FOLDER)/mutate*.o $(FUZZ_FOLDER)/libcode.a -o $(FUZZ_FOLDER)/$$name \
			$(CONFUSE_LIBS) $$ldns $(TRAFFIC_READERS) $(UV_LIBS) $(SSL_LIBS); \
	done
fuzz: fuzz-programs
	@set -e; for fuzzer in $(FUZZERS); do \
		name=$${fuzzer##*fuzz_}; \
		case "$(FUZZ)" in ''|$$name) ;; *) continue ;; esac; \
		echo "  FUZZ     $$name"; \
		learned=$(srcdir)/tests/fuzz/corpus/$$name; [ -d $$learned ] || learned=; \
		$(MKDIR_P) $(FUZZ_FOLDER)/$$name-corpus; \
		$(FUZZ_FOLDER)/$$name -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(FUZZ_FOLDER)/$$name- \
			$(FUZZ_FOLDER)/$$name-corpus $(srcdir)/tests/fuzz/seeds/$$name \
			$$learned; \
	done
# What AFL++ loads to change inputs; without sanitizers, since it runs inside of AFL++ itself.
fuzz-mutator:
	@$(MKDIR_P) $(FUZZ_FOLDER)
	@clang $(FUZZ_CFLAGS) $(DEFS) $(AM_CPPFLAGS) -shared -fPIC $(srcdir)/tests/fuzz/afl_mutate.c \
		$(addprefix $(srcdir)/,$(FUZZ_MUTATE) src/base/wall.c src/base/addr.c src/base/text.c src/base/token.c) \
		-o $(FUZZ_FOLDER)/mutator.so
EXTRA_DIST += tests/fuzz/afl_mutate.c tests/fuzz/ldns.sh
clean-local: clean-fuzz
clean-fuzz:
	rm -rf fuzz fuzz-afl
.PHONY: fuzz fuzz-programs fuzz-mutator clean-fuzz
