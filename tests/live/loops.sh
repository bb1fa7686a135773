#!/usr/bin/env bash
# A gate that listens on every address is never its own server: not at a start, not by a reload, not when an address
# comes later.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
usual_stage
conf() { # SERVER [MORE]
	cat <<END
listen = {"0.0.0.0:1053", "[::]:1053"}
forward "." { servers = {"192.0.2.53"} }
forward "corp.example" { servers = {"$1"} timeout = 300 }
${2:-}
END
}
write() {
	conf "$@" >"$work/extra.conf"
	gate_conf >"$work/namegated.conf"
}
started() { timeout 20 "$build/namegated" -c "$work/namegated.conf"; }
for server in 192.0.2.1:1053 10.77.1.1:1053 '[2001:db8::1]:1053' tcp://192.0.2.1:1053; do
	write "$server"
	line=$(grep -n corp.example "$work/namegated.conf" | cut -d: -f1)
	said=$(started 2>&1)
	is "a start with $server ends" 1 "$?"
	like "and says where" "namegated.conf:$line:1: error: .*the gate listens there itself.*conf-loop" "$said"
	fails "the check says so before" "$build/namegated" -t -c "$work/namegated.conf"
done

# The same addresses with another port are another's, and so are others with this port.
write 192.0.2.1:5300
succeeds "another port is another server" "$build/namegated" -t -c "$work/namegated.conf"
conf 192.0.2.1:1053 | sed '1s/.*/listen = {"10.77.1.1:1053"}/' >"$work/extra.conf"
gate_conf >"$work/namegated.conf"
succeeds "who listens on one address may ask at another" "$build/namegated" -t -c "$work/namegated.conf"

# ---- a resolv.conf that names us ----

printf 'nameserver 192.0.2.1\nnameserver 192.0.2.53\n' >"$work/host.resolv"
cat >"$work/extra.conf" <<END
listen = {"0.0.0.0:53"}
forward "." { resolv-conf = "$work/host.resolv" }
END
start_gate
add_box 1 "$(allow box1.list .allowed.example)" >/dev/null
like "it is passed over, with a warning" 'warning: .*192.0.2.1:53 .*passed over' "$(cat "$work/namegated.log")"
is "and the other is asked" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
kill "$gate_pid" && wait "$gate_pid"

# ---- under way ----

write 192.0.2.77:1053
start_gate
write 192.0.2.1:1053
fails "a reload is refused" gate reload
like "and says where" 'the gate listens there itself' "$(gate reload 2>&1)"
is "what was in force is" "NOERROR 44.0.0.1" "$(ask 1 www.allowed.example)"
write 192.0.2.77:1053
ip addr add 192.0.2.77/32 dev lo
fails "an address that came is seen by a reload" gate reload
: >"$work/namegated.log"
add_box 2 "$(allow box2.list .allowed.example)" >/dev/null
succeeds "and when a sandbox is registered" until_true 20 grep -q 'the gate listens there itself' "$work/namegated.log"
ip addr del 192.0.2.77/32 dev lo
succeeds "when it is gone the reload goes through" gate reload
tap_done
