LINTS = tests/lint/floors.sh tests/lint/purity.sh tests/lint/format.sh tests/lint/headers.sh \
	tests/lint/sizes.sh tests/lint/toplevel.sh tests/lint/shell.sh tests/lint/man.sh
TESTS += $(LINTS)
EXTRA_DIST += $(LINTS) tests/lint/lib.sh tests/lint/core-symbols.txt tests/tap.sh tests/cmocka.sh tests/failures.awk

# The tests that need neither a kernel nor the sources' text: what runs with sanitizers as well.
print-offline-tests:
	@for test in $(TESTS); do \
		case $$test in tests/lint/*|tests/live/*) ;; *) echo $$test ;; esac; \
	done
print-live-tests:
	@for test in $(TESTS); do case $$test in tests/live/*) echo $$test ;; esac; done
.PHONY: print-offline-tests print-live-tests
