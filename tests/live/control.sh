#!/usr/bin/env bash
# The administrator's side: the control socket, registration, removal, reload.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
cat >"$work/global.list" <<'END'
*.many.example
.allowed.example
END
cat >"$work/extra.conf" <<END
sandbox "box1" {
	interface = "sb1"
	sources = { "10.77.1.2", "fd77:1::2" }
	policies = { "$work/global.list" }
	masquerade = true
}
END
start_gate
is "the socket is for its owner and group" "660" "$(stat -c %a "$work/control")"
if in_userns; then
	skip "a stranger is turned away" "a user namespace with one user has no stranger"
else
	chmod 755 "$work"
	fails "a stranger is turned away" setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$build/namegate" status --control "$work/control"
fi
like "status of memory counts octets" '^cached answers +[0-9]+ +[0-9]+' "$(gate status --memory)"
like "and has all processes" '^warden +[1-9][0-9]{5,}$' "$(gate status --memory)"
succeeds "status" gate status
like "status as JSON" '^[0-9]+$' "$(gate status --json | jq '[.. | numbers] | length')"
is "a configured sandbox is served" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
like "leases names it" 'www\.allowed\.example' "$(gate leases)"

succeeds "a sandbox is registered" add_box 2 "$(allow box2.list www.allowed.example)"
like "and listed" 'box2' "$(gate sandbox list)"
is "and served" "NOERROR 44.0.0.1 open" "$(ask 2 www.allowed.example) $(reach 2 44.0.0.1)"
fails "the same name with other sources is turned down" gate sandbox add box2 --interface sb9 --source 10.77.9.2 \
	--policy "$work/box2.list" --source 10.77.1.2
is "which changed nothing" "NOERROR 44.0.0.1 open" "$(ask 2 www.allowed.example) $(reach 2 44.0.0.1)"
fails "a policy that does not parse is turned down" gate sandbox add box3 --interface sb3 --source 10.77.3.2 \
	--policy <(echo 'https://example.com/path')

# Removal flushes its elements and cuts its flows.
cat >"$work/hold.py" <<'END'
import socket, sys, time
sock = socket.create_connection(("44.0.0.1", 80), 5)
print("up", flush=True)
end = time.monotonic() + 15
while time.monotonic() < end:
    try:
        sock.settimeout(2)
        sock.sendall(b"line\n")
        if not sock.recv(64):
            sys.exit("cut")
    except OSError:
        sys.exit("cut")
    time.sleep(0.1)
print("alive")
END
box 2 python3 "$work/hold.py" >"$work/held" 2>&1 &
holder=$!
until_true 5 grep -q up "$work/held"
succeeds "a sandbox is removed" gate sandbox remove box2
is "its elements are gone" "" "$(table_elements allow4 | grep '^10\.77\.2\.2 ')"
is "its connections are refused" "1" "$([ "$(reach 2 44.0.0.1)" = open ]; echo $?)"
wait "$holder"
like "its open flow was cut" '^cut$' "$(cat "$work/held")"
is "its neighbour's stands" "open" "$(reach 1 44.0.0.1)"
fails "removing it again says so" gate sandbox remove box2
is "and it gets no answer any more" "TIMEOUT" "$(ask 2 www.allowed.example A +time=1)"

# Reload: a good change counts, a bad one changes nothing and says where.
printf '*.many.example\n.allowed.example\nwww.other.example\n' >"$work/global.list"
kill -HUP "$gate_pid"
allowed() { [ "$(ask 1 www.other.example)" = "NOERROR 44.1.0.1" ]; }
succeeds "HUP takes a new policy" until_true 5 allowed
printf '*.many.example\n.allowed.example\nhttps://www.other.example/\n' >"$work/global.list"
kill -HUP "$gate_pid"
said() { grep -Eq 'global\.list:3:[0-9]+: error' "$work/namegated.log"; }
succeeds "a policy that does not parse is named by file, line and column" until_true 5 said
is "and the old one stays" "NOERROR 44.1.0.1" "$(ask 1 www.other.example)"
fails "namegate reload says so with its exit code" gate reload
like "and in words" 'global\.list:3:' "$(gate reload 2>&1)"
: >"$work/global.list"
fails "an empty file is no policy" gate reload
is "and changes nothing" "NOERROR 44.1.0.1" "$(ask 1 www.other.example)"
printf '.allowed.example\n' >"$work/global.list"
succeeds "namegate reload takes a good one" gate reload
is "what it dropped is denied" "NXDOMAIN ede=15" "$(ask 1 www.other.example)"
is "what it kept is answered" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"

# A warden that hangs: what is known without it is told before it is given up.
warden=$(pid_of warden)
kill -STOP "$warden"
gate sandbox list >"$work/out" 2>"$work/said"
is "a list needs no warden" 0 $?
is "which is the same that hangs" "$warden" "$(pid_of warden)"
like "its sandboxes are there" '^box1 ' "$(cat "$work/out")"
like "and what is left out is said" 'the warden does not answer' "$(cat "$work/said")"
is "status neither" "null null" "$(gate status --json | jq -r '[.packets, .counters.nothing] | map(tostring) | join(" ")')"
kill -CONT "$warden"
whole() { gate sandbox list --json | jq -e '.warning == null and .sandboxes[0].refused != null'; }
succeeds "when it goes on the list is whole" until_true 20 whole

# The configuration file.
succeeds "namegated -t accepts it" "$build/namegated" -t -c "$work/namegated.conf"
"$build/namegated" -t -c "$work/namegated.conf" >"$work/printed.conf" 2>/dev/null
is "what it prints loads to the same" "$(cat "$work/printed.conf")" "$("$build/namegated" -t -c "$work/printed.conf" 2>/dev/null)"
printf 'listen = { "127.0.0.1" }\nno-such-setting = 1\n' >"$work/bad.conf"
"$build/namegated" -t -c "$work/bad.conf" >"$work/out" 2>&1
is "a bad one is exit code 1" 1 $?
like "with file and line" 'bad\.conf:2:' "$(cat "$work/out")"
tap_done
