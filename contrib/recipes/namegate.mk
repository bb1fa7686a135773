# For a makefile of yours: `include namegate.mk`, then make policy-check, policy-test, policy-diff.
NAMEGATE ?= namegate
POLICY_CONF ?= policy/namegate.conf
POLICY_TESTS ?= $(dir $(POLICY_CONF))
POLICY_BASE ?= HEAD

.PHONY: policy policy-check policy-test policy-diff
policy: policy-check policy-test

policy-check:
	$(NAMEGATE) check -c $(POLICY_CONF)

policy-test:
	$(NAMEGATE) test $(POLICY_TESTS)

# What the work tree opens that POLICY_BASE did not; fails when it opens anything.
policy-diff:
	$(NAMEGATE) diff --fail-on widen $(POLICY_BASE):./$(POLICY_CONF) ./$(POLICY_CONF)
