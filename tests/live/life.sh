#!/usr/bin/env bash
# The gate's life: main, worker and warden are killed in turn, LIFE_ROUNDS times, and half-way their
# programs are replaced, while names are looked up, connections made and kept, and packets tried
# that must not pass. Everything is counted.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
rounds=${LIFE_ROUNDS:-100}
# The programs are replaced after a round with the old ones, and taken over when main has died after two others.
[ "$rounds" -ge 4 ] || skip_all "LIFE_ROUNDS is $rounds: with fewer than 4 rounds nothing can come after the upgrade"
roles="lookups probe connects"
export LIFE_WORK=$work

make_net || live_die "the network cannot be made"
make_box 1 && make_box 2 || live_die "the sandboxes cannot be made"
{
	for n in 1 2 3 4 5 6 7 8; do
		printf 'keep%d 3600 IN A 44.4.0.%d\nkeep%d 3600 IN AAAA 2001:db8:80:4::%d\n' $n $n $n $n
	done
	printf '*.fresh 1 IN A 44.6.0.1\n'
	for n in $(seq 0 299); do
		printf 's%d 2 IN A 44.5.%d.%d\ns%d 2 IN AAAA 2001:db8:80:5::%x\n' "$n" $((n / 100)) $((n % 100)) "$n" "$n"
		[ $((n % 3)) -ne 0 ] || printf 's%d 2 IN A 44.5.9.%d\n' "$n" $((n % 50))
	done
} | zone life.example
printf 'www 3600 IN A 44.4.1.1\nended 1 IN A 44.4.2.1\n' | zone bounds.example
echo '* 60 IN A 44.1.0.1' | zone other.example
start_nsd
start_web

# What arrives at the far side, whoever sent it, and by what it must be told from the rest.
in_net nft -f - <<'END'
table inet seen {
	counter wrong { }
	counter open { }
	chain in {
		type filter hook prerouting priority raw;
		ip daddr 44.250.0.0/16 counter name wrong
		ip6 daddr 2001:db8:80:ff::/64 counter name wrong
		udp dport 7777 counter name wrong
		udp dport 7778 counter name open
	}
}
END
seen() { in_net nft -j list counter inet seen "$1" | jq '.nftables[] | .counter? // empty | .packets'; }

cat >"$work/extra.conf" <<END
lease-min = "2s"
grace = "1s"
sandbox "box2" {
	interface = "sb2"
	sources = { "10.77.2.2", "fd77:2::2" }
	policies = { "$(allow box2.list .life.example)" }
	masquerade = true
}
END
start_gate
add_box 1 "$(allow box1.list .life.example www.bounds.example:80 "ended.bounds.example lease-max=2s" 44.4.3.1)" >/dev/null
for name in $(seq -f 'keep%.0f.life.example' 1 8) ended.bounds.example; do
	ask 1 "$name" >/dev/null
	ask 1 "$name" AAAA >/dev/null
done
ask 1 www.bounds.example >/dev/null

python3 "$here/life/load.py" flows >"$work/flows.json" 2>"$work/flows.log" &
running=$!
until_true 20 test -e "$work/flowing" || live_die "the connections are not made" "$work/flows.log"
over() { ! nft get element inet namegate allow4 '{ 10.77.1.2 . 44.4.2.1 }' 2>/dev/null; }
until_true 10 over || live_die "the short lease does not end"

# What stands is now taken over by one life after the other.
kill "$gate_pid"
wait "$gate_pid"
programs=$work/bin
mkdir -p "$programs/new"
for program in namegated namegate-warden; do
	cp "${gate_programs:-$build}/$program" "$programs/" && cp "${gate_programs:-$build}/$program" "$programs/new/"
done
for role in $roles; do
	python3 "$here/life/load.py" "$role" >"$work/$role.json" 2>"$work/$role.log" &
	running="$running $!"
done
python3 "$here/life/rounds.py" "$programs" "$work/namegated.conf" "$rounds" >"$work/rounds.json" 2>"$work/rounds.log"
: >"$work/enough"
# shellcheck disable=SC2086  # one word a process
wait $running

of() { jq -r "$2" "$work/$1.json" 2>/dev/null || tail -n 5 "$work/$1.log"; }
for role in rounds flows $roles; do
	tap_note "$role: $(of "$role" 'del(.wrong, .cut, .failed) | to_entries | map("\(.key) \(.value)") | join(", ")')"
done
is "every round brought all three back, knowing what stands" "$rounds rounds: " \
	"$(of rounds '"\(.rounds) rounds: \(.wrong[:10] | join("; "))"')"
is "of all kinds of leases" 17 "$(of rounds .leases)"
is "the programs that were put in place half-way took over" yes "$(of rounds \
	'if ."new programs" > 0 and ."old programs" > 0 then "yes" else "old \(."old programs"), new \(."new programs")" end')"
is "no reply showed an address that did not stand, or not long enough" "yes " \
	"$(of lookups '"\(if .addresses > 10 * '"$rounds"' then "yes" else .addresses end) \(.wrong[:10] | join("; "))"')"
is "no established connection was cut" "38 " "$(of flows '"\(.alive) \(.cut[:10] | join("; "))"')"
is "every new connection to what is open came about" "yes " \
	"$(of connects '"\(if .done > 10 * '"$rounds"' then "yes" else .done end) \(.failed[:10] | join("; "))"')"
is "no packet passed that must not" 0 "$(seen wrong)"
is "though many were sent, and the counter counts" yes "$(
	[ "$(of probe .wrong)" -gt $((20 * rounds)) ] && [ "$(seen open)" -gt $((10 * rounds)) ] && echo yes)"
unlike "and none of them took a death for more than that" "broke the wall|damaged|could not be built|refused it" \
	"$(cat "$work/namegated.log")"
[ -z "${SHOWLOG:-}" ] || cat "$work"/*.log >&2
tap_done
