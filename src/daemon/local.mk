# The worker is a library of its own, so that its test can run it without main.
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = src/daemon/worker.h
libworker_a_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
