#!/usr/bin/env bash
# The service unit: what it lets namegated do is enough, for policy files of other users as well.
. "$(dirname "$0")/lib.sh"
live_needs setpriv
live_enter "$@"
in_userns && skip_all "capabilities are not dropped in a user namespace"
usual_stage
unit=$top/contrib/systemd/namegated.service.in
capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr '[:upper:]' '[:lower:]' | sed 's/cap_/+/g; s/ /,/g')
like "the unit names capabilities" '^\+net_admin,' "$capabilities"

chmod 755 "$work"
printf 'www.allowed.example\n' >"$work/team.list"
chown namegate "$work/team.list" && chmod 600 "$work/team.list"
cat >"$work/extra.conf" <<END
sandbox "box1" {
	interface = "sb1"
	sources = { "10.77.1.2", "fd77:1::2" }
	policies = { "$work/team.list" }
	masquerade = true
}
END
gate_conf >"$work/namegated.conf"
setpriv --bounding-set "-all,$capabilities" "$build/namegated" -c "$work/namegated.conf" >"$work/namegated.log" 2>&1 &
# shellcheck disable=SC2034 # of lib.sh
gate_pid=$!
until_true 20 gate status || live_die "namegated does not answer" "$work/namegated.log"
is "a name is answered" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
succeeds "and reached" reach 1 44.0.0.1
printf 'www.allowed.example\ntwo.allowed.example\n' >"$work/team.list"
succeeds "a file of its editor alone is read again" gate reload
is "what it adds is answered" "NOERROR 44.0.0.3 44.0.0.4" "$(ask 1 two.allowed.example)"
gate sandbox add agent --uid 4242 --policy "$work/team.list" >/dev/null
held() { [ -n "$(find /sys/fs/bpf/namegate -name uid-4242)" ]; }
if mountpoint -q /sys/fs/bpf; then
	succeeds "what holds a user without the table is there" held
else
	skip "what holds a user without the table is there" "this kernel has no bpf file system"
fi
worker=$(pid_of worker)
kill -9 "$worker"
started_again() { [ -n "$(pid_of worker)" ] && [ "$(pid_of worker)" != "$worker" ] && [ "$(ask 1 www.allowed.example)" = "NOERROR 44.0.0.1" ]; }
succeeds "a worker that dies is started again" until_true 10 started_again
warden=$(pid_of warden)
kill -9 "$warden"
succeeds "and so is a warden" until_true 10 eval '[ -n "$(pid_of warden)" ] && [ "$(pid_of warden)" != "$warden" ] && reach 1 44.0.0.1'
tap_done
