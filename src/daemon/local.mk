# The worker is a library of its own, so that its test can run it without main.
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = src/daemon/worker.c src/daemon/worker.h src/daemon/worker_acts.c src/daemon/worker_adopt.c src/daemon/worker_busy.c src/daemon/worker_orders.c \
	src/daemon/worker_parts.h src/daemon/worker_report.c src/daemon/worker_rulesets.c \
	src/daemon/worker_rulesets.h src/daemon/worker_targets.c src/daemon/worker_targets.h \
	src/daemon/worker_wall.c
libworker_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
sbin_PROGRAMS += namegated
namegated_SOURCES = src/daemon/main.c src/daemon/assign.c src/daemon/assign.h src/daemon/reshare.c src/daemon/reshare.h src/daemon/steering.c src/daemon/blocked.c src/daemon/approvals.c src/daemon/approvals.h \
	src/daemon/approve.c src/daemon/lastgood.c src/daemon/texts.c src/daemon/texts.h \
	src/daemon/policies.c src/daemon/boxes.c src/daemon/boxes.h src/daemon/child.c \
	src/daemon/child.h src/daemon/daemon.c src/daemon/daemon.h src/daemon/feed.c src/daemon/host.c src/daemon/host.h src/daemon/hosts.c src/daemon/holds.c src/daemon/marks.c \
	src/daemon/images.c src/daemon/images.h src/daemon/links.c src/daemon/listen.c src/daemon/listen.h \
	src/daemon/load.c src/daemon/log.c src/daemon/log.h src/daemon/own.c src/daemon/own.h \
	src/daemon/prepare.c src/daemon/resolv.c src/daemon/shown.c src/daemon/shown.h src/daemon/routes.c src/daemon/routes.h src/daemon/sockets.c src/daemon/spec.c src/daemon/spec.h src/daemon/sync.c \
	src/daemon/upstreams.c src/daemon/verbs.c src/daemon/verbs_boxes.c src/daemon/verbs_sandbox.c src/daemon/views.c \
	src/daemon/views.h src/daemon/views_rows.c src/daemon/views_status.c
namegated_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(LMDB_CFLAGS) $(JANSSON_CFLAGS)
namegated_LDFLAGS = $(NG_PROGRAM_LDFLAGS)
namegated_LDADD = libworker.a libedge.a libconf.a libcore.a $(UV_LIBS) $(LMDB_LIBS) \
	$(JANSSON_LIBS) $(CONFUSE_LIBS) $(SSL_LIBS) $(LDNS_LIBS) $(SECCOMP_LIBS) $(CAPNG_LIBS)
