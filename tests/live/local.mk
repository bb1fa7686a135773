# The longest first: each has namespaces of its own, so they run beside each other.
LIVE = tests/live/private_dns.sh tests/live/one_truth.sh tests/live/reload.sh tests/live/upstreams.sh tests/live/demo.sh tests/live/wire.sh tests/live/run.sh tests/live/userns.sh \
	tests/live/approve.sh tests/live/until.sh tests/live/unit.sh tests/live/lastgood.sh tests/live/grants.sh tests/live/scopes.sh \
	tests/live/rotation.sh tests/live/lease.sh tests/live/flow.sh tests/live/closed.sh tests/live/firewall.sh tests/live/routing.sh tests/live/silence.sh tests/live/commit.sh \
	tests/live/noway.sh tests/live/tricks.sh tests/live/snat.sh tests/live/busy.sh tests/live/death.sh tests/live/truth.sh tests/live/walls.sh \
	tests/live/control.sh tests/live/readme.sh tests/live/history.sh tests/live/diff.sh tests/live/holders.sh tests/live/integrate.sh tests/live/integrate_old.sh
LIVE += tests/live/cache.sh tests/live/limits.sh tests/live/marks.sh tests/live/loops.sh tests/live/warm.sh
LIVE += tests/live/neighbour.sh tests/live/awake.sh tests/live/guard.sh
TESTS += $(LIVE)
EXTRA_DIST += tests/live/neighbour.py
EXTRA_DIST += $(LIVE) tests/live/lib.sh tests/live/peer.py tests/live/kernel.py tests/live/netns.py tests/live/tricks.py tests/live/flood.py tests/live/limits.py
EXTRA_DIST += tests/live/one_truth/README.md tests/live/one_truth/case.py \
	tests/live/one_truth/gate.py tests/live/one_truth/live.py \
	tests/live/one_truth/main.py tests/live/one_truth/net.py tests/live/one_truth/offline.py \
	tests/live/one_truth/plant.py tests/live/one_truth/play.py tests/live/one_truth/policy.py \
	tests/live/one_truth/rand.py tests/live/one_truth/scene.py tests/live/one_truth/shrink.py \
	tests/live/one_truth/wire.py tests/live/one_truth/world.py
LIVE_WARDEN = tests/live/warden.sh tests/live/adopt.sh tests/live/stream.sh tests/live/methods.sh \
	tests/live/errors.sh tests/live/kernel61.sh tests/live/vanish.sh tests/live/warden_old.sh tests/live/lease_old.sh
EXTRA_DIST += $(LIVE_WARDEN)
TESTS += $(LIVE_WARDEN)
check_PROGRAMS += tests/live/warden_driver
tests_live_warden_driver_SOURCES = tests/live/warden_driver.c
tests_live_warden_driver_LDADD = libedge.a libcore.a
LIVE_BRIDGE = tests/live/bridge.sh tests/live/tap.sh
TESTS += $(LIVE_BRIDGE)
EXTRA_DIST += $(LIVE_BRIDGE) tests/live/bridge_stage.sh tests/live/nic.py tests/live/linktricks.py
TESTS += tests/live/replay.sh tests/live/learn.sh
EXTRA_DIST += tests/live/replay.sh tests/live/learn.sh
check_PROGRAMS += tests/live/warden_forced
EXTRA_DIST += tests/live/forced.sh tests/live/kernel61_prepare.sh tests/live/driver.sh
tests_live_warden_forced_SOURCES = tests/live/warden_forced.c src/warden/main.c
tests_live_warden_forced_CPPFLAGS = $(AM_CPPFLAGS) $(NFTNL_CFLAGS) $(MNL_CFLAGS)
tests_live_warden_forced_LDADD = $(namegate_warden_LDADD)
tests_live_warden_forced_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=probe,--wrap=setsockopt,--wrap=sendto,--wrap=recv
check_PROGRAMS += tests/live/worker_taken
tests_live_worker_taken_SOURCES = tests/live/worker_taken.c
tests_live_worker_taken_LDADD = $(namegated_OBJECTS) $(namegated_LDADD)
tests_live_worker_taken_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=channel_send
TESTS += tests/live/taken.sh tests/live/doubt.sh tests/live/newcomer.sh
EXTRA_DIST += tests/live/taken.sh tests/live/doubt.sh tests/live/newcomer.sh
TESTS += tests/live/life.sh
EXTRA_DIST += tests/live/life.sh tests/live/life/load.py tests/live/life/rounds.py
TESTS += tests/live/blocked.sh tests/live/budget.sh
EXTRA_DIST += tests/live/budget.sh
EXTRA_DIST += tests/live/blocked.sh
TESTS += tests/live/tcp.sh tests/live/clients.sh tests/live/socket.sh
EXTRA_DIST += tests/live/tcp.sh tests/live/tcp.py tests/live/socket.sh tests/live/clients.sh tests/live/clients/ares.c \
	tests/live/clients/libc.c tests/live/clients/Resolve.java tests/live/clients/resolve.go \
	tests/live/clients/resolve.js tests/live/clients/resolve.py
HOSTS = tests/live/host.sh tests/live/held.sh tests/live/fence_host.sh tests/live/fence_sidecar.sh tests/live/sidecar.sh
TESTS += $(HOSTS)
EXTRA_DIST += $(HOSTS) tests/live/host.py
TESTS += tests/live/cut.sh
EXTRA_DIST += tests/live/cut.sh tests/live/flows.py
TESTS += tests/live/compliance.sh
EXTRA_DIST += tests/live/compliance.sh tests/live/compliance.py
TESTS += tests/live/cookies.sh
EXTRA_DIST += tests/live/cookies.sh tests/live/cookies.py
TESTS += tests/live/dot.sh
EXTRA_DIST += tests/live/dot.sh tests/live/dot.py
TESTS += tests/live/workers.sh tests/live/foreign.sh
EXTRA_DIST += tests/live/workers.sh tests/live/workers.py tests/live/foreign.sh
