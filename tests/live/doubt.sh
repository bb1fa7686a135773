#!/usr/bin/env bash
# A table that cannot be owned, and others who commit their own while the warden changes it: that is no change
# of the table, and costs no lease a moment.
# shellcheck disable=SC2034  # start_gate reads it
. "$(dirname "$0")/lib.sh"
live_enter "$@"
. "$here/forced.sh"
usual_stage
echo 'interfaces = {"sb*", "br9"}' >"$work/extra.conf"
export LIVE_LACKS=owner
start_gate
list=$(allow box1.list .allowed.example)
add_box 1 "$list" >/dev/null
is "the gate answers" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
ip link add br9 type bridge && ip link set br9 up && ip link add p9 type veth peer name q9 && ip link set p9 master br9 up ||
	skip_all "no bridge can be made here"

# The table for bridges is made when the first sandbox behind one comes.
force slow-build 1
gate sandbox add box9 --interface p9 --bridge br9 --source 10.77.9.2 --policy "$list" >"$work/added" 2>&1 &
adding=$!
succeeds "it is being made" until_true 5 eval '[ "$(forces_left slow-build)" = 0 ]'
nft add table ip others && nft add chain ip others here
wait "$adding"
is "the sandbox is there" "box9" "$(gate sandbox list --json | jq -r '.sandboxes[].name | select(. == "box9")')"
is "the gate answers still" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
succeeds "and the warden has looked at its table" gate status
unlike "nobody is said to have changed it" 'was changed by another program' "$(cat "$work/namegated.log")"
nft delete table inet namegate
succeeds "who does is said to have" until_true 10 grep -q 'was changed by another program' "$work/namegated.log"
tap_done
