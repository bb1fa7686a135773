check_PROGRAMS += tests/unit/test_confine
TESTS += tests/unit/test_confine
tests_unit_test_confine_SOURCES = tests/unit/test_confine.c
tests_unit_test_confine_CPPFLAGS = $(AM_CPPFLAGS) $(CAPNG_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_confine_LDADD = libedge.a $(CAPNG_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
