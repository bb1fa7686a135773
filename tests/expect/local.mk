# Each expectation file is a test of its own, played by the command that users have.
EXPECT_LOG_COMPILER = $(top_builddir)/namegate
AM_EXPECT_LOG_FLAGS = test --format tap
EXPECTATIONS = \
	tests/expect/leases.expect \
	tests/expect/modes.expect \
	tests/expect/names.expect \
	tests/expect/policies.expect \
	tests/expect/review.expect \
	tests/expect/until.expect
TESTS += $(EXPECTATIONS)
EXTRA_DIST += $(EXPECTATIONS) tests/expect/namegate.conf tests/expect/never.list \
	tests/expect/build.list tests/expect/ci.list tests/expect/policy.zone tests/expect/fixtures
