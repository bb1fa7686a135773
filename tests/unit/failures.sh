#!/usr/bin/env bash
# What contrib/quickstart tells of a failed test: what was expected and seen first, and no more than a page.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=${abs_top_srcdir:-$(cd "$here/../.." && pwd)}
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

log_of() { # COMMANDS: what a test with a long scene writes
	bash -c '. "$0/tests/tap.sh"; tap_scenery() { seq -f "scene %.0f" 1 300; }; eval "$1"' "$top" "$1" >"$work/log" 2>&1
	awk -f "$top/tests/failures.awk" "$work/log" >"$work/said"
}
said_lines() { sed -n "$1" "$work/said"; }

log_of 'ok one; tap_note "the moment"; is two 17 18; seq 1 100; ok three; is four a b; tap_done'
is "what was expected and seen stands directly behind the failure" 'not ok 2 - two
    # the moment
    # expected: 17
    # seen:     18' "$(said_lines 1,4p)"
is "and the scene behind that, in twelve lines" "        # scene 1
        # scene 12" "$(said_lines '5p;16p')"
is "the next failure comes without its scene, and that is all" 'not ok 4 - four
    # expected: a
    # seen:     b' "$(said_lines '17,$p')"

log_of 'for n in $(seq 1 40); do is "number $n" "$(seq 1 50)" "$n"; done; tap_done'
is "however many fail, it is a page" yes "$([ "$(wc -l <"$work/said")" -le 60 ] && echo yes)"
like "and the rest is counted" '^ +\([0-9]+ more such lines\)' "$(tail -n 1 "$work/said")"

log_of 'ok one; seq 1 100; is two 17 18; echo "line 9: no such file"; exit 1'
like "a test that ended before its plan tells how" '^    line 9: no such file' "$(tail -n 1 "$work/said")"
like "and what had failed before that" '^    # expected: 17' "$(cat "$work/said")"
is "and that is a page too" yes "$([ "$(wc -l <"$work/said")" -le 60 ] && echo yes)"
log_of 'ok one; echo "the last word"; tap_done; exit 1'
is "a test in which nothing failed tells how it ended" 'no test failed in it; how it ended:
    ok 1 - one
    the last word
    1..1' "$(cat "$work/said")"
tap_done
