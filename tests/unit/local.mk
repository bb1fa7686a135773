CORE_TESTS = tests/unit/test_addr tests/unit/test_arena tests/unit/test_cursor \
	tests/unit/test_diag tests/unit/test_error tests/unit/test_hash tests/unit/test_wall \
	tests/unit/test_name tests/unit/test_text tests/unit/test_wire tests/unit/test_query \
	tests/unit/test_answer tests/unit/test_reply
check_PROGRAMS += $(CORE_TESTS)
TESTS += $(CORE_TESTS)
EXTRA_DIST += tests/unit/unit.h tests/unit/message_maker.h
tests_unit_test_addr_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_arena_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_cursor_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_diag_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_error_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_hash_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_wall_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_name_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_text_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_wire_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_query_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_answer_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_reply_LDADD = libcore.a $(CMOCKA_LIBS)
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
EDGE_TESTS = tests/unit/test_channel tests/unit/test_record tests/unit/test_lease_store
check_PROGRAMS += $(EDGE_TESTS)
TESTS += $(EDGE_TESTS)
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c
tests_unit_test_channel_LDADD = libedge.a libcore.a $(CMOCKA_LIBS)
tests_unit_test_record_SOURCES = tests/unit/test_record.c
tests_unit_test_record_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_record_LDADD = libedge.a libcore.a $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_lease_store_SOURCES = tests/unit/test_lease_store.c
tests_unit_test_lease_store_LDADD = libedge.a libcore.a $(LMDB_LIBS) $(CMOCKA_LIBS)
