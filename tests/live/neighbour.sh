#!/usr/bin/env bash
# One sandbox asks without end, and its neighbour loses nothing: what is beyond the limit leaves no question
# of the other without room, even while nobody reads. All that was sent is told or counted.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/extra.conf" <<'CONF'
limits {
	queries-sandbox = 200
}
CONF
list=$(allow both.list .allowed.example)
in_userns || printf 'sandbox "job" {\n\tuid = "4242"\n\tpolicies = {"%s"}\n}\n' "$list" >>"$work/extra.conf"
# shellcheck disable=SC2034  # start_gate reads it
gate_workers=1 # the neighbour shares its worker, and the socket that the flood fills
start_gate
add_box 1 "$list" >/dev/null
add_box 2 "$list" >/dev/null

blocked() { gate sandbox list --json | jq '[.sandboxes[].refused] | add'; }
read_so_far() { gate status --json | jq .counters.queries; }
dropped() { # by UDP sockets, for want of room
	awk 'FNR > 1 { n += $NF } END { print n }' /proc/net/udp /proc/net/udp6
}
nothing_waits() { # at UDP sockets
	awk 'FNR > 1 && $5 !~ /:00000000$/ { some = 1 } END { exit some }' /proc/net/udp /proc/net/udp6
}
flood() { # N OCTETS [SERVER [ADDRESS...]]: adds what was sent to $sent
	sent=$((sent + $(box 2 python3 "$here/neighbour.py" flood "${3:-10.77.2.1}" "$1" "$2" "${@:4}")))
}
glued() { # N SERVER
	pieces=30
	sent=$((sent + $(box 2 python3 "$here/neighbour.py" glue "$2" "$1" 40)))
}
asks() { # FIRST N: in the background
	rm -f "$work/sent"
	box 1 python3 "$here/neighbour.py" ask 10.77.1.1 'n%d.denied.example' "$1" "$2" "$work/sent" >"$work/told" 2>&1 &
	asking=$!
}
nobody_reads() { kill -STOP "$(pid_of worker)"; }
everything_read() { # all that was sent, and N of the neighbour, is counted in one place or the other
	local all=$((before + sent + $1))
	kill -CONT "$(pid_of worker)"
	until_true 10 eval "[ \$((\$(blocked) + \$(read_so_far))) -ge $all ]"
	if [ "$pieces" = 1 ]; then
		is "$2: each question was read or is counted as blocked" "$all" $(($(blocked) + $(read_so_far)))
		return
	fi
	# Of each that came through two are read, and of all together a few more.
	until_true 10 nothing_waits
	succeeds "$2: each packet was read or is counted as blocked" [ $(($(blocked) + $(read_so_far))) -ge "$all" ]
	succeeds "$2: most of what is in them was not read" [ $(($(blocked) + $(read_so_far))) -lt $((all + sent * pieces / 2)) ]
}

beside() { # TITLE FIRST N FLOOD...: of the neighbour N questions behind the flood
	before=$(($(blocked) + $(read_so_far))) sent=0 pieces=1
	nobody_reads
	"${@:4}"
	asks "$2" "$3"
	until_true 10 [ -e "$work/sent" ]
	everything_read "$3" "$1"
	wait "$asking"
	is "$1: the neighbour is told all" "denied=$3" "$(cat "$work/told")"
	is "$1: nothing was lost" 0 "$(dropped)"
}
short_and_long() {
	flood 12000 40
	flood 6000 1200
	flood 12000 40 fd77:2::1
}
beside "short and long questions" 1 60 short_and_long
beside "questions of 60000 octets" 61 40 flood 200 60000
glue() { glued 1000 10.77.2.1; glued 1000 fd77:2::1; }
beside "many questions in a packet" 201 60 glue
for n in 2 20; do
	is "$n of one who floods nobody are all answered" "$n" "$(box 1 python3 "$here/neighbour.py" burst 10.77.1.1 "$n")"
done

# As many as come while all is read.
before=$(($(blocked) + $(read_so_far))) sent=0 pieces=1
box 2 python3 "$here/neighbour.py" flood 10.77.2.1 100000 40 >"$work/flooded" &
flooding=$!
asks 101 60
wait "$asking"
is "while all is read the neighbour is told all" "denied=60" "$(cat "$work/told")"
wait "$flooding"
sent=$(cat "$work/flooded")
everything_read 60 "while all is read"
is "and nothing was lost" 0 "$(dropped)"

# A wide source is one sandbox, from whichever of its addresses it asks.
gate sandbox remove box2 >/dev/null
gate sandbox add box2 --interface sb2 --source 10.77.2.0/24 --policy "$list" >/dev/null
addresses=()
for n in $(seq 10 39); do
	ip -n box2 addr add "10.77.2.$n/24" dev eth0
	addresses+=("10.77.2.$n")
done
beside "from all addresses of a range" 161 30 flood 15000 40 10.77.2.1 "${addresses[@]}"

# Processes of the host ask by another way, which comes to the same socket.
by_user() { # ARGUMENTS of neighbour.py
	setpriv --reuid 4242 --regid 4242 --clear-groups -- /usr/bin/python3 "$work/neighbour.py" "$@"
}
flood_by_user() { sent=$((sent + $(by_user flood 192.0.2.53 20000 40))); }
glue_by_user() {
	pieces=30
	sent=$((sent + $(by_user glue 127.0.0.53 3000 40) + $(by_user glue ::1 3000 40)))
}
if in_userns || ! command -v setpriv >/dev/null; then
	ok "from processes of a user # SKIP there is no other user here, or no setpriv"
else
	cp "$here"/{neighbour,limits,peer,tcp}.py "$work/"
	chmod 755 "$work" "$work"/*.py
	beside "from processes of a user" 191 10 flood_by_user
	beside "many in a packet from processes of a user" 301 10 glue_by_user
	is "as many as there may be of one who floods nobody are answered as well" 20 "$(by_user burst 127.0.0.53 20)"
fi

why() { records 'select(.event == "blocked" and .sandbox == "box2") | "\(.why) \(.addrs[0]) \(.ports[0] // .port)"' | sort -u | paste -sd, ; }
like "the record says why" 'flood 10\.77\.2\.1 53' "$(why)"
tap_done
