pkglibexec_PROGRAMS += namegate-warden
noinst_LIBRARIES += libwarden.a
libwarden_a_SOURCES = src/warden/adopt.c src/warden/commit.c src/warden/conntrack.c src/warden/conntrack.h \
	src/warden/declared.c src/warden/declared.h src/warden/detect.c src/warden/integrate.c \
	src/warden/bridge_rules.c src/warden/enrol_bridge.c src/warden/links.c src/warden/links.h src/warden/ports.c src/warden/ports.h \
	src/warden/ends.c src/warden/enrol.c src/warden/enrol_leases.c src/warden/enrol_rights.c src/warden/fence.c src/warden/fence.h \
	src/warden/fence_marks.c src/warden/fence_rules.c src/warden/fixed.c src/warden/flows.c src/warden/flows.h src/warden/guard.c \
	src/warden/inbox.c src/warden/inbox.h src/warden/kernel.h src/warden/leases.c \
	src/warden/counts.c src/warden/counts.h \
	src/warden/leftovers.c src/warden/leftovers.h src/warden/mirror.c src/warden/mirror.h \
	src/warden/netlink.c src/warden/netlink.h src/warden/never.c src/warden/never.h \
	src/warden/nflog.c src/warden/nflog.h src/warden/packet.c src/warden/packet.h \
	src/warden/probe.c src/warden/reports.c src/warden/rules.c src/warden/rules.h src/warden/rules_host.c src/warden/rule_words.h src/warden/sandboxes.c \
	src/warden/sandboxes.h src/warden/sets.c src/warden/sets.h src/warden/setup.c \
	src/warden/statics.c src/warden/statics.h src/warden/steps.c src/warden/steps.h src/warden/table.c src/warden/tally.c \
	src/warden/tally.h src/warden/teardown.c src/warden/teardown.h src/warden/warden.h \
	src/warden/watch.c src/warden/watch.h src/warden/workers.c src/warden/workers.h
libwarden_a_CPPFLAGS = $(AM_CPPFLAGS) $(NFTNL_CFLAGS) $(MNL_CFLAGS)
namegate_warden_SOURCES = src/warden/main.c
namegate_warden_CPPFLAGS = $(AM_CPPFLAGS) $(NFTNL_CFLAGS) $(MNL_CFLAGS)
namegate_warden_LDFLAGS = $(NG_PROGRAM_LDFLAGS)
namegate_warden_LDADD = libwarden.a libedge.a libcore.a $(NFTNL_LIBS) $(MNL_LIBS) \
	$(CAPNG_LIBS) $(SECCOMP_LIBS)
