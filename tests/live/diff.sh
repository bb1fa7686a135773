#!/usr/bin/env bash
# namegate diff judges the names that were in use, by the store of a running gate.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
start_gate
list=$(allow box1.list .allowed.example)
add_box 1 "$list" >/dev/null
is "a name is in use" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
printf 'other.allowed.example\n' >"$work/without.list"
printf 'www.allowed.example\n' >"$work/with.list"
differ() { "$build/namegate" diff --store "$work/store" "$@"; }
exit_of() {
	"$@" >/dev/null 2>&1
	echo $?
}
like "the name in use is judged, and no other" '^judged     1 name' "$(differ "$list" "$work/without.list")"
like "a policy that would cut it off says so" '^  - www\.allowed\.example ' "$(differ "$list" "$work/without.list")"
is "and fails the job" 1 "$(exit_of differ --fail-on narrow "$list" "$work/without.list")"
is "one that keeps it does not" 0 "$(exit_of differ --fail-on narrow "$list" "$work/with.list")"
tap_done
