# The longest first: each has namespaces of its own, so they run beside each other.
LIVE = tests/live/reload.sh tests/live/demo.sh tests/live/wire.sh tests/live/run.sh tests/live/userns.sh \
	tests/live/approve.sh tests/live/until.sh tests/live/lastgood.sh tests/live/grants.sh tests/live/scopes.sh \
	tests/live/lease.sh tests/live/closed.sh tests/live/silence.sh tests/live/commit.sh \
	tests/live/noway.sh tests/live/tricks.sh tests/live/snat.sh tests/live/busy.sh tests/live/death.sh tests/live/truth.sh tests/live/walls.sh \
	tests/live/control.sh tests/live/readme.sh tests/live/history.sh tests/live/diff.sh
TESTS += $(LIVE)
EXTRA_DIST += $(LIVE) tests/live/lib.sh tests/live/peer.py tests/live/tricks.py
LIVE_WARDEN = tests/live/warden.sh
EXTRA_DIST += $(LIVE_WARDEN)
TESTS += $(LIVE_WARDEN)
check_PROGRAMS += tests/live/warden_driver
tests_live_warden_driver_SOURCES = tests/live/warden_driver.c
tests_live_warden_driver_LDADD = libedge.a libcore.a
