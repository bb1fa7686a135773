#!/usr/bin/env bash
# A great many look-ups of fresh names, each followed by a connection at once, by two clients of one sandbox:
#
#     connect.sh NUMBER     {"asked": NUMBER, "open": ...}
#
# On the stage of the live tests: a real kernel, a name server, a web server behind the gate.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/../live/lib.sh"
live_enter "$@"
many=${1:-100000}
{ make_net && make_box 1; } || live_die "the network cannot be made"
zone many.example < <(awk -v n="$many" 'BEGIN { for (i = 1; i <= n; i++)
	printf "n%d 3600 IN A 44.%d.%d.%d\n", i, i / 65536, i / 256 % 256, i % 256 }')
start_nsd
start_web
echo "limits { leases-sandbox = $((many + 1)) }" >"$work/extra.conf"
start_gate
add_box 1 "$(allow box1.list '*.many.example')" >/dev/null
box 1 python3 "$here/peer.py" race 10.77.1.1 n%d.many.example 1 $((many / 2)) >"$work/low" &
box 1 python3 "$here/peer.py" race 10.77.1.1 n%d.many.example $((many / 2 + 1)) "$many" >"$work/high"
wait $!
cat "$work/low" "$work/high" >&2
cat "$work/low" "$work/high" | tr ' ' '\n' | awk -F= -v n="$many" '$1 == "open" { open += $2 }
	END { printf "{\"asked\": %d, \"open\": %d}\n", n, open }'
