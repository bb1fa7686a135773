# The tools of the benchmark are built and tried with every check; the benchmark itself is `make bench`.
BENCH_TOOLS = tests/bench/echo tests/bench/upstream tests/bench/load \
	tests/bench/policy tests/bench/cut tests/bench/commit
BENCH_TOOLS += tests/bench/forged tests/bench/soak
check_PROGRAMS += $(BENCH_TOOLS)
tests_bench_forged_SOURCES = tests/bench/forged.c
tests_bench_echo_SOURCES = tests/bench/echo.c tests/bench/serve.c tests/bench/serve.h \
	tests/bench/dns.c tests/bench/dns.h
tests_bench_upstream_SOURCES = tests/bench/upstream.c tests/bench/serve.c tests/bench/serve.h \
	tests/bench/dns.c tests/bench/dns.h
tests_bench_load_SOURCES = tests/bench/load.c tests/bench/latency.h tests/bench/dns.c \
	tests/bench/dns.h
tests_bench_policy_SOURCES = tests/bench/policy.c
tests_bench_policy_LDADD = libedge.a libcore.a $(LDNS_LIBS)
tests_bench_cut_SOURCES = tests/bench/cut.c
tests_bench_cut_CPPFLAGS = $(AM_CPPFLAGS) $(NFTNL_CFLAGS) $(MNL_CFLAGS)
tests_bench_cut_LDADD = libwarden.a libcore.a $(NFTNL_LIBS) $(MNL_LIBS)
tests_bench_commit_SOURCES = tests/bench/commit.c
tests_bench_commit_CPPFLAGS = $(AM_CPPFLAGS) $(NFTNL_CFLAGS) $(MNL_CFLAGS)
tests_bench_commit_LDADD = libwarden.a libcore.a $(NFTNL_LIBS) $(MNL_LIBS)
TESTS += tests/bench/tools.sh tests/bench/steps.sh
EXTRA_DIST += tests/bench/forged.sh tests/bench/steps.sh tests/bench/steps.txt
EXTRA_DIST += tests/bench/tools.sh tests/bench/bench.py tests/bench/adopt.py tests/bench/repair.py tests/bench/explain.py tests/bench/facts.py tests/bench/stage.py \
	tests/bench/servers.py tests/bench/report.py tests/bench/peers.py tests/bench/field.py
EXTRA_DIST += tests/bench/sizes.py tests/bench/profile.py tests/bench/profile.md.in tests/bench/PROFILE.md
EXTRA_DIST += tests/bench/resolver.py tests/bench/workers.py tests/bench/replay.py tests/bench/capture.py tests/bench/leases.py tests/bench/connect.sh

# BENCH='--rounds 9 --json FILE' passes options on.
bench: all $(BENCH_TOOLS) tests/bench/steps tests/live/warden_driver
	$(top_srcdir)/tests/bench/bench.py --build '$(abs_top_builddir)' $(BENCH)
# Where a query's time goes, told anew.
profile: all $(BENCH_TOOLS) tests/bench/steps
	$(top_srcdir)/tests/bench/bench.py --build '$(abs_top_builddir)' --only profile \
		--page '$(top_srcdir)/tests/bench/PROFILE.md' $(BENCH)
.PHONY: bench profile
check_PROGRAMS += tests/bench/steps
tests_bench_steps_SOURCES = tests/bench/steps.c tests/bench/engine.h tests/bench/dns.c tests/bench/dns.h
tests_bench_steps_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) -DSTEPS_CFLAGS='"$(CFLAGS)"'
tests_bench_steps_LDFLAGS = $(NG_PROGRAM_LDFLAGS)
tests_bench_steps_LDADD = libcore.a $(LDNS_LIBS)
tests_bench_soak_SOURCES = tests/bench/soak.c tests/bench/engine.h tests/bench/dns.c tests/bench/dns.h
tests_bench_soak_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_bench_soak_LDADD = libcore.a $(LDNS_LIBS)
