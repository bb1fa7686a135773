#!/usr/bin/env bash
# The instructions that each step of a query takes are those that are recorded, within 3 in 100: more is a
# loss that somebody has to want, and less is a gain that is to be kept. `steps.sh --record` writes them anew.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tap.sh"
steps=${abs_top_builddir:-.}/tests/bench/steps
record=$here/steps.txt
times=64

command -v valgrind >/dev/null || skip_all "valgrind is missing (package valgrind)"
[ -x "$steps" ] || skip_all "$steps is not built"
ldd "$steps" | grep -q libasan && skip_all "a sanitizer build counts its own instructions as well"

counted() { # STEP: instructions of one, on average; what the environment says to the C library changes nothing
	env -i PATH="$PATH" valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=measured "$steps" "$1" $times 2>&1 |
		sed -n 's/.*Collected : \([0-9]*\).*/\1/p' | awk -v n=$times '{ printf "%d\n", $1 / n }'
}

if [ "${1:-}" = --record ]; then
	names=$(sed -n 's/^\([a-z-]*\) [0-9]*$/\1/p' "$record")
	{
		echo "# Instructions of one step; steps.sh --record writes this file."
		echo "# built with: $("$steps" --built-with)"
		for step in $names; do echo "$step $(counted "$step")"; done
	} >"$record.new" && mv "$record.new" "$record"
	exit
fi

recorded=$(sed -n 's/^# built with: //p' "$record")
ours=$("$steps" --built-with)
[ "$recorded" = "$ours" ] || skip_all "recorded with $recorded; this is $ours"
while read -r step expected; do
	[ "${step#\#}" = "$step" ] || continue
	seen=$(counted "$step")
	if [ -n "$seen" ] && [ $((100 * seen)) -le $((103 * expected)) ] && [ $((100 * seen)) -ge $((97 * expected)) ]; then
		ok "$step takes what it took ($seen instructions, $expected recorded)"
	else
		not_ok "$step takes what it took" "$seen instructions, $expected recorded; where that is meant, tests/bench/steps.sh --record"
	fi
done <"$record"
tap_done
