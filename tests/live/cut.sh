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

stand_like() { # NAME...: what differs between these and what stands; nothing: they are the same
	python3 "$here/flows.py" list >"$flows.now" || echo "not to be read"
	(cd "$work" && cat "${@/#/flows.}") | sort | diff - "$flows.now" 2>&1 | head -n 5
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

# ---- a revoked lease, of either family, in the midst of what is like it ----

revoke() { # ID ADDRESS: and wait until it is done, which the answer to the next order tells
	tell revoke "$@"
	tell lease 999 44.0.0.1 1000
}

many() { # COUNT SOURCE ADDRESS PORT [ZONE]
	seq -f "udp $2 %.0f $3 $4${5:+ $5}" 1024 $((1023 + $1))
}

around() { # FAMILY SOURCE NEIGHBOUR ADDRESS OTHER: makes the flows, revokes the lease of ADDRESS
	{ many 20000 "$2" "$4" 443 && many 300 "$2" "$4" 443 5; } | make_flows "doomed$1"
	{
		many 300 "$2" "$4" 80 && many 300 "$2" "$5" 443 && many 300 "$3" "$4" 443 && many 300 "$2" "$5" 443 5
	} | make_flows "stay$1"
	is "IPv$1: leases of two addresses and of one port" "ok ok ok ok" "$(tell lease 1 "$4" 3600000) $(
		tell lease 1 "$5" 3600000) $(tell lease 1 "$4" 3600000 17 80) $(tell lease 2 "$4" 3600000)"
}

is "two sandboxes" "ok ok" "$(tell add 1 sb1 enforce - 10.79.0.2,fd79::2) $(tell add 2 sb2 enforce - 10.79.0.3,fd79::3)"
around 4 10.79.0.2 10.79.0.3 44.0.0.5 44.0.0.4
around 6 fd79::2 fd79::3 2001:db8:80::5 2001:db8:80::4
is "flows in either family and in a zone of their own" "" "$(stand_like gate strangers doomed4 stay4 doomed6 stay6)"
revoke 1 2001:db8:80::5 >/dev/null
is "of IPv6, 20,300 are cut, and no other" "" "$(stand_like gate strangers doomed4 stay4 stay6)"
revoke 1 44.0.0.5 >/dev/null
is "of IPv4 the same" "" "$(stand_like gate strangers stay4 stay6)"
is "a sandbox is removed" "ok" "$(tell remove 2)"
sed -i '/^udp \(10.79.0.3\|fd79::3\) /d' "$flows.stay4" "$flows.stay6"
is "and its flows of both families, and no other" "" "$(stand_like gate strangers stay4 stay6)"
tell kill 15 >/dev/null
tap_done
