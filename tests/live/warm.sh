#!/usr/bin/env bash
# A gate whose processes are killed comes back with what upstreams said: out of the last whole image, never out of
# one that is damaged, and never with what was flushed. Questions to the upstream are counted by the kernel there.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
live_needs nft od
zone long.example <<'END'
one   3600 IN A 44.0.0.1
two   3600 IN A 44.0.0.2
three 3600 IN A 44.0.0.3
END
usual_stage
count_upstream
asking() { # NAME: the answer, and "asked" or "known"; once the gate answers
	local before said tries
	before=$(upstream_packets)
	for ((tries = 0; tries < 60; tries++)); do
		said=$(ask 1 "$1" +time=2)
		case $said in NOERROR*) break ;; esac
		sleep 0.2
	done
	printf '%s ' "$said"
	[ "$(upstream_packets)" -gt "$before" ] && echo asked || echo known
}
# Of an image: its number, or nothing where there is no head; and whether it has all these names.
number() { [ "$(head -c 6 "$1" 2>/dev/null | tr -d '\0')" = ngcach ] && od -An -tu4 -j44 -N4 "$1" | tr -d ' '; }
images() { for file in "$at/cache" "$at/cache2"; do echo "$(number "$file") $file"; done | grep '^[0-9]' | sort -rn; }
newest() { images | head -n 1 | cut -d' ' -f2; }
names() { tr '\1-\77' . <"$1"; }
holds() { # NAME...
	local name
	for name in "$@"; do names "$(newest)" 2>/dev/null | grep -qa "$name.long" || return 1; done
}
with() { # NAME: images that have it
	local file
	for file in $(images | cut -d' ' -f2); do
		! names "$file" | grep -qa "$1.long" || echo "$file"
	done
}
start_gate
add_box 1 "$(allow box1.list .long.example)" >/dev/null
n=$(worker_of 1) # the first one's is where the only one's is
[ "$n" = 1 ] && at=$work/store/worker || at=$work/store/$n/worker
is "a name is asked upstream" "NOERROR 44.0.0.1 asked" "$(asking one.long.example)"
succeeds "and soon in an image" until_true 30 holds one

kill -KILL "$(pid_of worker)"
is "the next worker knows it" "NOERROR 44.0.0.1 known" "$(asking one.long.example)"
is "and its address is open" "open" "$(reach 1 44.0.0.1)"

is "another is asked" "NOERROR 44.0.0.2 asked" "$(asking two.long.example)"
succeeds "and in an image as well" until_true 30 holds one two
crash() { # all of it at once, main first
	local worker
	worker=$(pid_of worker)
	kill -STOP "$worker" # so that it cannot end in order when main is gone
	kill -KILL "$gate_pid" "$worker"
	wait "$gate_pid" 2>/dev/null
}
crash
start_gate
is "a gate that was killed as a whole knows the one" "NOERROR 44.0.0.1 known" "$(asking one.long.example)"
is "and the other" "NOERROR 44.0.0.2 known" "$(asking two.long.example)"

# ---- half an image ----

is "a third is asked" "NOERROR 44.0.0.3 asked" "$(asking three.long.example)"
succeeds "and in the newest image alone" until_true 30 holds one two three
crash
is "there are two images" 2 "$(images | wc -l)"
file=$(newest)
truncate -s $(($(stat -c %s "$file") - 20)) "$file"
start_gate
is "what the one before has is known" "NOERROR 44.0.0.2 known" "$(asking two.long.example)"
is "what was in the damaged one alone is asked" "NOERROR 44.0.0.3 asked" "$(asking three.long.example)"

# ---- what was flushed ----

succeeds "all three are in an image" until_true 30 holds one two three
is "one is flushed" "1 forgotten" "$(gate flush one.long.example)"
is "no image has it" "" "$(with one)"
crash
start_gate
is "nor has the next life" "NOERROR 44.0.0.1 asked" "$(asking one.long.example)"
succeeds "which saves its own" until_true 30 holds one
gate flush --all >/dev/null
kill -KILL "$(pid_of worker)"
is "all is flushed for good, too" "NOERROR 44.0.0.1 asked" "$(asking one.long.example)"
tap_done
