#!/usr/bin/env bash
# The benchmark's own tools: what they count must be there, and what is wrong must be seen.
# Datagrams are counted a second time by the kernel of a network namespace that nobody else uses.
here=$(cd "$(dirname "$0")" && pwd)
tools=${abs_top_builddir:-$here/../..}/tests/bench

if [ "${NGBENCH_INSIDE:-}" != yes ]; then
	as_user=--map-root-user
	[ "$(id -u)" -ne 0 ] || as_user=
	if unshare $as_user --net --pid --fork --mount-proc true 2>/dev/null; then
		NGBENCH_INSIDE=yes exec unshare $as_user --net --pid --fork --mount-proc --kill-child -- "$0"
	fi
	# shellcheck source=../tap.sh
	. "$here/../tap.sh"
	skip_all "this machine gives us no network namespace"
fi
. "$here/../tap.sh"
command -v jq >/dev/null || skip_all "jq is not installed"
ip link set lo up || exit 1

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

start() { # NAME TOOL ARGUMENT...: serves in the background, ready when this returns
	local out=$scratch/$1
	shift
	"$tools/$1" "${@:2}" >"$out" &
	for _ in $(seq 100); do
		grep -q ready "$out" && return
		sleep 0.05
	done
	echo "Bail out! $1 does not start"
	exit 1
}

load() { # OPTION...: the tool's line and its exit code
	"$tools/load" --patience 300 "$@"
	echo "exit $?"
}

field() { # NAME LINES
	printf '%s\n' "$2" | head -n 1 | jq -r ".$1"
}

code() { # LINES
	printf '%s\n' "$1" | tail -n 1
}

received() { # datagrams that this namespace's sockets took in
	awk '/^Udp:/ && seen++ { print $2 }' /proc/net/snmp
}

start echo echo 127.0.0.1:7001
start upstream upstream 127.0.0.1:7002 60 4

before=$(received)
seen=$(load --to 127.0.0.1:7001 --name 'x%.example' --count 1000 --echo)
is "every question comes back from the echo" "1000 exit 0" "$(field right "$seen") $(code "$seen")"
is "the kernel counted the same datagrams both ways" 2000 $(($(received) - before))

seen=$(load --to 127.0.0.1:7002 --name 'x%.w.bench.test' --count 1000 --addresses 4)
is "the upstream answers every fresh name" "1000 exit 0" "$(field right "$seen") $(code "$seen")"
seen=$(load --to 127.0.0.1:7002 --name 'x%.w.bench.test' --count 70000 --addresses 4 --window 1000)
is "nothing is mixed up when the IDs begin again" "70000 0 0" \
	"$(field right "$seen") $(field wrong "$seen") $(field stray "$seen")"
seen=$(load --to 127.0.0.1:7002 --name one.w.bench.test --count 20 --rate 1000 --addresses 4)
is "a paced run asks what it was told to" "20 20" "$(field sent "$seen") $(field right "$seen")"
seen=$(load --to 127.0.0.1:7002 --name one.w.bench.test --seconds 0.05 --addresses 4)
is "a timed run accounts for all that it sent" "$(field sent "$seen") exit 0" \
	"$(field right "$seen") $(code "$seen")"

seen=$(load --to 127.0.0.1:7001 --name 'x%.example' --count 50 --window 1 --echo --stamps)
is "by the kernel's stamps as well" "50 exit 0" "$(field right "$seen") $(code "$seen")"
is "which are of the clock of the questions" true \
	"$(printf '%s\n' "$seen" | head -n 1 | jq '.p50_us > 0 and .p50_us < 99999')"

seen=$(load --to 127.0.0.1:7002 --name one.w.bench.test --count 5 --addresses 4 --rcode 3)
is "another rcode is wrong" "5 another rcode exit 1" \
	"$(field wrong "$seen") $(field first_wrong "$seen") $(code "$seen")"
seen=$(load --to 127.0.0.1:7002 --name one.w.bench.test --count 5 --addresses 5)
is "an address too few is wrong" "5 another number of addresses exit 1" \
	"$(field wrong "$seen") $(field first_wrong "$seen") $(code "$seen")"
seen=$(load --to 127.0.0.1:7002 --name one.w.bench.test --count 5 --addresses 3)
is "an address that the name has not is wrong" "5 exit 1" "$(field wrong "$seen") $(code "$seen")"
seen=$(load --to 127.0.0.1:7001 --name one.w.bench.test --count 5 --addresses 4)
is "an echo is no answer" "5 no answer exit 1" \
	"$(field wrong "$seen") $(field first_wrong "$seen") $(code "$seen")"
seen=$(load --to 127.0.0.1:7002 --name one.w.bench.test --count 5 --echo)
is "an answer is no echo" "5 no echo exit 1" \
	"$(field wrong "$seen") $(field first_wrong "$seen") $(code "$seen")"
seen=$(load --to 127.0.0.1:7003 --name one.w.bench.test --count 5 --echo)
is "silence is a loss" "5 exit 1" "$(field lost "$seen") $(code "$seen")"

seen=$("$tools/policy" --large 20000 --rounds 2 --turns 2)
is "a policy gives every verdict that its text says" 0 $?
is "all its rules are in the image" 20000 "$(field rules "$seen")"
is "every round has its figures" "2 2 2 2 2 2 2 2" \
	"$(printf '%s' "$seen" | jq -r '[.[] | arrays | length] | join(" ")')"
namegate=${abs_top_builddir:-$here/../..}/namegate
python3 "$here/facts.py" "$scratch" 4000 2000
is "every fact of the benchmark holds" "files: 1, passed 1, failed 0, unusable 0; facts: 2000, failed 0" \
	"$("$namegate" test "$scratch/many.expect" 2>&1)"
sed -i 's/^!//' "$scratch/many.list"
like "and none does by chance" '; facts: 2000, failed [4-9][0-9][0-9]$' "$("$namegate" test "$scratch/many.expect" 2>/dev/null)"

seen=$("$tools/soak" 3 5 3)
is "three hours of new names are asked, and in the third the memory looked at" "54000 7" \
	"$(printf '%s' "$seen" | jq -r '"\(.misses) \(.rss_kib | length)"')"
is "their addresses were leased" true "$(printf '%s' "$seen" | jq '.leases > 161000 and .leases <= 162000')"

"$tools/policy" --large 10 >/dev/null 2>&1
is "a large zone that is smaller than the small one is refused" 2 $?

if command -v python3 >/dev/null; then
	seen=$("$here/explain.py" --build "${tools%/tests/bench}" --rounds 1 2>&1)
	is "explain says of 10000 lines what they say" 0 $? || tap_note "$seen"
	is "each of its questions has a figure" 3 "$(printf '%s\n' "$seen" | grep -c 'median')"
	printf 'above\n<!-- measured: field -->\n<!-- end -->\n<!-- measured: sizes -->\nold\n<!-- end -->\nbelow\n' >"$scratch/page.md"
	for turn in 1 2; do
		PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here python3 - "$scratch/page.md" $turn <<-'PYTHON'
			import sys
			import report
			about = dict.fromkeys(("date", "machine", "kernel", "rounds", "load"), "x")
			report.renew(sys.argv[1], {"field": ("words", f"| {sys.argv[2]} |\n"), "none": ("other", "table\n")}, about)
		PYTHON
	done
	is "a page's table is renewed where it stands, and nothing else" \
		"above|<!-- measured: field -->|words||x; x; Linux x; x; load x.||| 2 ||<!-- end -->|<!-- measured: sizes -->|old|<!-- end -->|below" \
		"$(paste -sd '|' "$scratch/page.md")"
else
	skip "explain over a long policy, a page's table" "python3 is not installed"
fi
tap_done
