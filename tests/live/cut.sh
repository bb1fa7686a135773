#!/usr/bin/env bash
# Flows in their tens of thousands: what is to be cut is gone when the warden says so, and whatever
# differs from it in anything stands, counted one by one.
# shellcheck disable=SC2119  # tell and friends take their words from the line
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/driver.sh"
start_driver
flows=$work/flows

make_flows() { # NAME: those on standard input, under that name
	tee "$flows.$1" | python3 "$here/flows.py" make
}

stand_like() { # NAME...: whether what stands is exactly those, and what it is not; nothing: it is
	local name
	for name in "$@"; do cat "$flows.$name"; done | sort | diff - <(python3 "$here/flows.py" list) | head -n 5
}

like "a warden" '^ok' "$(tell start "$warden")"
is "its table" "ok ok" "$(tell table namegate "sb*" 5353 200000 100000 50) $(tell worker)"

# ---- newcomers ----

# Sources of newcomers as the driver makes them; what began before is judged by nobody.
python3 -c 'for i in range(3000): print(f"udp 10.77.{i >> 8}.{i & 255} {1024 + i} 44.0.0.1 443")' | make_flows before
python3 -c 'for i in range(3000): print(f"udp 10.77.{i >> 8}.{i & 255} 999 192.0.2.1 53")' | make_flows gate
python3 -c 'for i in range(3000): print(f"udp 10.78.{i >> 8}.{i & 255} {1024 + i} 44.0.0.1 443")' | make_flows strangers
is "flows of thousands that are not known yet" "" "$(stand_like before gate strangers)"
like "all of these are registered together" '^3000 registered, 0 failed' "$(tell flood 3000)"
is "what they had begun is cut, but for the gate's own, and no other flow" "" "$(stand_like gate strangers)"
tell kill 15 >/dev/null
tap_done
