#!/usr/bin/env bash
# The three scopes, live: global denies, a group allows and asks, a sandbox allows. A narrower scope
# never reopens what a wider one denies or asks about; and what becomes of a group in use.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
echo '!short.allowed.example' >"$work/global.list"
printf '%s\n' short.allowed.example '?two.allowed.example' '!www.other.example' \
	www.allowed.example private.allowed.example 44.3.0.0/24 >"$work/group.list"
printf 'policies = {"%s"}\ngroup "build" { policies = {"%s"} private = {"10.9.0.0/16"} }\n' \
	"$work/global.list" "$work/group.list" >"$work/extra.conf"
asked() { box "$1" dig +short +tries=1 +time=3 "$2" A | tail -n 1; }
start_gate
own=$(allow own.list short.allowed.example two.allowed.example www.other.example alias.allowed.example)
add_box 1 "$own" --group build >/dev/null
add_box 2 "$own" >/dev/null
fails "an unknown group is refused" gate sandbox add box9 --source 10.77.9.2 --group none
like "and named" 'no group "none"' "$(gate sandbox add box9 --source 10.77.9.2 --group none 2>&1)"
like "the list shows the group" 'box1 .*build' "$(gate sandbox list)"

is "the group's own allow holds" "44.0.0.1" "$(asked 1 www.allowed.example)"
is "but for its sandboxes only" "" "$(asked 2 www.allowed.example)"
is "a global denial is not reopened" "" "$(asked 1 short.allowed.example)"
is "a group's denial is not reopened" "" "$(asked 1 www.other.example)"
is "where the group is not, the sandbox's allow holds" "44.1.0.1" "$(asked 2 www.other.example)"
is "what the group asks about is not reopened" "" "$(asked 1 two.allowed.example)"
like "and waits" 'two\.allowed\.example' "$(gate pending)"
is "the group's private range is open" "10.9.9.9" "$(asked 1 private.allowed.example)"
is "so is its static prefix" "open refused" "$(reach 1 44.3.0.7) $(reach 2 44.3.0.7)"

grep -v "^group" "$work/namegated.conf" >"$work/plain.conf"
mv "$work/plain.conf" "$work/namegated.conf"
fails "a reload that drops a group in use is refused" gate reload
like "and says whose it is" 'group "build".*sandbox "box1"' "$(gate reload 2>&1)"
is "the old state holds" "44.0.0.1" "$(asked 1 www.allowed.example)"
gate_conf >"$work/namegated.conf"
sed -i '/^www\.allowed/d' "$work/group.list"
succeeds "a reload with another list of the group" gate reload
is "what it took out is denied" "" "$(asked 1 www.allowed.example)"
kill "$gate_pid"
wait "$gate_pid"
start_gate
until_true 10 sh -c "'$build/namegate' sandbox list --control '$work/control' | grep -q 'box1.*serving'"
like "the group outlives a restart" 'box1 .*build' "$(gate sandbox list)"
is "with what it denies" "" "$(asked 1 www.other.example)"
tap_done
