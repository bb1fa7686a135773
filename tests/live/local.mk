LIVE = tests/live/silence.sh tests/live/commit.sh tests/live/lease.sh tests/live/noway.sh \
	tests/live/closed.sh tests/live/death.sh tests/live/truth.sh tests/live/walls.sh \
	tests/live/wire.sh tests/live/control.sh tests/live/run.sh tests/live/userns.sh \
	tests/live/demo.sh
EXTRA_DIST += $(LIVE) tests/live/lib.sh tests/live/peer.py
