check_PROGRAMS += tests/unit/test_confine
TESTS += tests/unit/test_confine
tests_unit_test_confine_SOURCES = tests/unit/test_confine.c
tests_unit_test_confine_CPPFLAGS = $(AM_CPPFLAGS) $(CAPNG_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_confine_LDADD = libedge.a $(CAPNG_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
GATE_TESTS = tests/unit/test_heap tests/unit/test_directory tests/unit/test_gate \
	tests/unit/test_chain tests/unit/test_filter tests/unit/test_cache
check_PROGRAMS += $(GATE_TESTS)
TESTS += $(GATE_TESTS)
tests_unit_test_heap_SOURCES = tests/unit/test_heap.c
tests_unit_test_heap_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_directory_SOURCES = tests/unit/test_directory.c
tests_unit_test_directory_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_gate_SOURCES = tests/unit/test_gate.c
tests_unit_test_gate_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_chain_SOURCES = tests/unit/test_chain.c tests/unit/gate_world.h
tests_unit_test_chain_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_filter_SOURCES = tests/unit/test_filter.c tests/unit/gate_world.h
tests_unit_test_filter_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_cache_SOURCES = tests/unit/test_cache.c tests/unit/gate_world.h
tests_unit_test_cache_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_worker
TESTS += tests/unit/test_worker
tests_unit_test_worker_SOURCES = tests/unit/test_worker.c tests/unit/worker_world.h
tests_unit_test_worker_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_worker_LDADD = libworker.a libedge.a libcore.a $(UV_LIBS) $(LMDB_LIBS) \
	$(JANSSON_LIBS) $(LDNS_LIBS) $(CAPNG_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
