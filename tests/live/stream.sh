#!/usr/bin/env bash
# Thousands of short leases a second for as long as one likes: what has ended is deleted in time, so
# the kernel's set, which counts what it has not collected yet, never fills up.
# shellcheck disable=SC2119  # tell and friends take their words from the line
. "$(dirname "$0")/lib.sh"
live_enter "$@"
seconds=${STREAM_SECONDS:-5}
rate=5000
long=20000

export patience=$((seconds + 30)) # of tell
. "$here/driver.sh"
start_driver

stand() { nft list set inet namegate allow4 | grep -o '10\.77\.1\.2 \. [0-9.]*' | wc -l; }

like "a warden" '^ok' "$(tell start "$warden")"
# Room for three seconds of them; beyond the default of a second the kernel would collect nothing here.
is "with room for $((3 * rate)) short leases beside $long long ones" "ok ok ok $long confirmed, 0 refused" "$(
	tell table namegate "sb*" 5353 $((long + 3 * rate)) $((long + 3 * rate)) 50) $(
	tell add 1 sb1 enforce - 10.77.1.2) $(tell worker) $(
	tell fill 1 44.0.0.0 $long 3600000 | sed 's/ in .*//')"
is "$rate leases of a second each second, for $seconds seconds" "$((rate * seconds)) confirmed, 0 refused" \
	"$(tell stream 1 45.0.0.0 $rate "$seconds" 1000 | sed 's/ in .*//')"
only_long() { [ "$(stand)" -eq $long ]; }
succeeds "all of them end, and no other" until_true 5 only_long
unlike "the kernel refused nothing" 'refused' "$(cat "$work/warden.log")"
tell kill 15 >/dev/null
tap_done
