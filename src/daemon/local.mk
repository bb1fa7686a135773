# The worker is a library of its own, so that its test can run it without main.
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = src/daemon/worker.c src/daemon/worker.h src/daemon/worker_orders.c \
	src/daemon/worker_parts.h src/daemon/worker_report.c src/daemon/worker_rulesets.c \
	src/daemon/worker_rulesets.h src/daemon/worker_wall.c
libworker_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
