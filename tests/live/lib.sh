# shellcheck shell=bash
# shellcheck disable=SC2034,SC2013  # tests read the pids; children are words
# Live tests: the programs as they are, a real kernel, real peers, in namespaces of the test's own.
#
# live_enter runs the test again inside fresh user (when not root), mount, network and process
# namespaces with a private /run, so a test can neither hurt the machine nor leave anything, and two
# can run at once. The network namespace it wakes up in is the gate's:
#
#     box1 10.77.1.2 fd77:1::2 --sb1-+
#     box2 10.77.2.2 fd77:2::2 --sb2-+- gate 192.0.2.1 --net0-- net 192.0.2.53 (nsd), web on port 80
#
# The small internet answers on every address of 44.0.0.0/8, 203.0.113.0/24 and 2001:db8:80::/48.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${abs_top_srcdir:-$(cd "$here/../.." && pwd)}
build=${abs_top_builddir:-$top/build}
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"
work=/run/live
export LIVE_SLOW=${LIVE_SLOW:-4} # how many times as long everything may take, see until_true
export PYTHONPATH=$here # what the programs of these tests share
# shellcheck source=tests/live/forced.sh
[ -z "${LIVE_LACKS:-}" ] || . "$here/forced.sh"

live_needs() { # PROGRAM...
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || skip_all "$program is not installed (contrib/quickstart installs it)"
	done
}

live_enter() { # call first, with the script's arguments
	local own=()
	if [ "${LIVE_INSIDE:-}" = yes ]; then
		live_private
		return
	fi
	PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH # first: a version manager's python3 takes five times as long to start
	export PATH
	live_needs ip nft jq nsd dig python3 unshare nsenter
	[ -x "$build/namegated" ] || skip_all "$build/namegated is not built"
	if [ "$(id -u)" -ne 0 ] || [ "${LIVE_USERNS:-}" = yes ]; then
		own=(--user --map-root-user)
		LIVE_USERNS=yes
	fi
	unshare "${own[@]}" --mount --net true 2>/dev/null ||
		skip_all "this kernel or container lets us make no namespaces"
	export LIVE_USERNS LIVE_INSIDE=yes
	exec unshare "${own[@]}" --mount --propagation private --net --pid --fork --kill-child \
		--mount-proc -- "$0" "$@"
}

# The far side counts what comes to addresses that nobody ever leases: counter "closed" of its table "count".
count_closed() {
	in_net nft -f - <<'END'
table inet count {
	counter closed { }
	chain in {
		type filter hook prerouting priority -300;
		ip daddr 44.9.0.0/16 counter name closed
		ip6 daddr 2001:db8:80:9::/64 counter name closed
	}
}
END
}

# From now on upstream_packets tells what the upstream's network was asked.
count_upstream() {
	in_net nft -f - <<'END'
table inet count {
	chain in {
		type filter hook input priority 0
		meta l4proto { tcp, udp } th dport 53 counter
	}
}
END
}
upstream_packets() { in_net nft -j list chain inet count in | jq '[.. | .packets? // empty] | add'; }

in_userns() { [ "${LIVE_USERNS:-}" = yes ]; }

live_private() {
	local resolv
	resolv=$(readlink -f /etc/resolv.conf)
	mount -t tmpfs -o mode=755 live /run || skip_all "a private /run cannot be mounted"
	mkdir -p "$work" /run/netns
	[ -e "$resolv" ] || { mkdir -p "${resolv%/*}" && : >"$resolv"; }
	# Programs on cgroups are kept by files there: with this mount they go when the test does.
	[ ! -d /sys/fs/bpf ] || mount -t bpf live /sys/fs/bpf 2>/dev/null
	echo 'nameserver 192.0.2.53' >"$work/gate.resolv"
	mount --bind "$work/gate.resolv" "$resolv"
	ip link set lo up
	trap 'exit 143' TERM INT
}

# ---- the network ----

in_net() { nsenter --net=/run/netns/net -- "$@"; }

box() { # NUMBER COMMAND...: in that sandbox, with its resolv.conf
	local n=$1
	shift
	nsenter --net="/run/netns/box$n" unshare --mount -- sh -c \
		'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"' "$work/box$n.resolv" "$@"
}

make_box() { # NUMBER
	local n=$1
	ip netns add "box$n" && ip link add "sb$n" type veth peer name eth0 netns "box$n" || return
	ip addr add "10.77.$n.1/24" dev "sb$n" && ip addr add "fd77:$n::1/64" dev "sb$n" nodad
	ip link set "sb$n" up
	ip -n "box$n" link set lo up
	# No router is asked for now and then: packets of a box are counted.
	nsenter --net="/run/netns/box$n" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/router_solicitations'
	ip -n "box$n" addr add "10.77.$n.2/24" dev eth0
	ip -n "box$n" addr add "fd77:$n::2/64" dev eth0 nodad
	ip -n "box$n" link set eth0 up
	ip -n "box$n" route add default via "10.77.$n.1"
	ip -n "box$n" -6 route add default via "fd77:$n::1"
	printf 'nameserver 10.77.%d.1\noptions timeout:5 attempts:1\n' "$n" >"$work/box$n.resolv"
}

make_net() {
	ip netns add net && ip link add net0 type veth peer name eth0 netns net || return
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	ip addr add 192.0.2.1/24 dev net0 && ip addr add 2001:db8::1/64 dev net0 nodad
	ip link set net0 up
	ip -n net link set lo up
	ip -n net addr add 192.0.2.2/24 dev eth0
	ip -n net addr add 192.0.2.53/24 dev eth0
	ip -n net addr add 2001:db8::2/64 dev eth0 nodad
	ip -n net link set eth0 up
	ip route add default via 192.0.2.2
	ip -6 route add default via 2001:db8::2
	ip -n net route add local 44.0.0.0/8 dev lo
	ip -n net route add local 203.0.113.0/24 dev lo
	ip -n net -6 route add local 2001:db8:80::/48 dev lo
}

# Zones are written by the test into $work/zones, one file a zone named ZONE.zone.
zone() { # NAME: its records on standard input
	mkdir -p "$work/zones"
	{
		printf '$ORIGIN %s.\n@ 3600 IN SOA ns.net.example. host.net.example. 1 7200 3600 1209600 30\n' "$1"
		printf '@ 3600 IN NS ns.net.example.\n'
		cat
	} >"$work/zones/$1.zone"
}

start_nsd() {
	local file
	{
		printf 'server:\n ip-address: 192.0.2.53\n username: ""\n zonesdir: "%s/zones"\n' "$work"
		printf ' database: ""\n pidfile: ""\n zonelistfile: "%s/zone.list"\n' "$work"
		printf ' xfrdfile: ""\n xfrdir: "%s"\n rrl-ratelimit: 0\n' "$work"
		printf 'remote-control:\n control-enable: no\n'
		for file in "$work"/zones/*.zone; do
			printf 'zone:\n name: %s\n zonefile: %s\n' "$(basename "$file" .zone)" "${file##*/}"
		done
	} >"$work/nsd.conf"
	# Not through a function: the pid is to be the server's own.
	nsenter --net=/run/netns/net -- nsd -d -c "$work/nsd.conf" >"$work/nsd.log" 2>&1 &
	nsd_pid=$!
	until_true 20 in_net dig +tries=1 +time=1 @192.0.2.53 "$(basename "$file" .zone)" SOA ||
		live_die "nsd does not answer" "$work/nsd.log"
}

start_web() {
	nsenter --net=/run/netns/net -- python3 "$here/peer.py" web >"$work/web.log" 2>&1 &
	web_pid=$!
	until_true 20 in_net python3 "$here/peer.py" connect 203.0.113.1 80 ||
		live_die "the web server does not answer" "$work/web.log"
}

# ---- the gate ----

# $gate_workers: how many workers, where it matters to the test; without, as many as the product takes.
# Fresh names below one wildcard are what many tests ask for, so without $budget there is none.
# Settings of a test stand before these, one a line in $work/extra.conf; sandboxes behind them.
gate_conf() {
	mkdir -p "$work/store"
	cat <<END
control = "$work/control"
store = "$work/store"
record = "$work/records"
END
	[ -z "${budget:=off}" ] || echo "budget = $budget"
	[ -z "${gate_workers:-}" ] || echo "workers = $gate_workers"
	! in_userns || printf 'worker-user = "self"\nwarden-user = "self"\n'
	[ ! -e "$work/extra.conf" ] || cat "$work/extra.conf"
}

gate() { "$build/namegate" "$@" --control "$work/control"; }

# LIVE_LACKS: words of forced.sh for what the kernel is to lack in the whole test.
start_gate() {
	gate_conf >"$work/namegated.conf"
	[ -z "${LIVE_LACKS:-}${gate_programs:-}" ] || forced_prepare
	"${gate_programs:-$build}/namegated" -c "$work/namegated.conf" >>"$work/namegated.log" 2>&1 &
	gate_pid=$!
	until_true 20 gate status || live_die "namegated does not answer" "$work/namegated.log"
}

add_box() { # NUMBER FILE [option...]
	local n=$1 file=$2
	shift 2
	gate sandbox add "box$n" --interface "sb$n" --source "10.77.$n.2" --source "fd77:$n::2" \
		--policy "$file" --masquerade "$@"
}

allow() { # FILE NAME...: a host list
	local file=$work/$1
	shift
	printf '%s\n' "$@" >"$file"
	echo "$file"
}

# Whose sandbox that is: the number of its worker, 1 where it is not known.
worker_of() { # BOX
	gate sandbox list --json 2>/dev/null |
		jq -r --arg n "box$1" '[.sandboxes[] | select(.name == $n) | .worker][0] // 1'
}

# The processes of the gate by what they are. Of several workers that of box1, or of another sandbox.
pid_of() { # main | warden | worker [BOX]
	local pid words share
	case $1 in
	main) echo "$gate_pid" && return ;;
	worker) share=$(worker_of "${2:-1}") ;;
	esac
	for pid in $(cat "/proc/$gate_pid/task/"*/children); do
		words=$(tr '\0' ' ' <"/proc/$pid/cmdline")
		case $words in
		*namegate-warden*) [ "$1" = warden ] && echo "$pid" ;;
		*" --share ${share:-none}/"*) echo "$pid" ;;
		esac
	done | head -n 1
}

another() { # worker | warden, PID: has one with another pid taken its place?
	local now
	now=$(pid_of "$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}

# ---- looking ----

# Only what fails waits to the end, so the end is far off: the machine may have twenty others to serve, or be an
# emulated one.
until_true() { # SECONDS COMMAND...
	local end=$((SECONDS + $1 * LIVE_SLOW))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# With each failure: what the gate said last, and where it and its warden stand: what is not 0, in one line.
tap_scenery() {
	[ ! -e "$work/namegated.log" ] || tail -n 10 "$work/namegated.log"
	[ ! -S "$work/control" ] || timeout 5 "$build/namegate" status --control "$work/control" 2>&1 |
		grep -v ' 0$' | tr -s ' ' | paste -sd';'
}

live_die() { # WHY [LOG]
	not_ok "the stage stands" "$1
$([ ! -e "${2:-}" ] || tail -n 30 "$2")"
	tap_done
	exit 1
}

# STATUS, then EDE code, then the addresses and other data in order: "NOERROR 44.0.0.1 44.0.0.2".
ask() { # BOX NAME [TYPE] [dig's options]
	local n=$1
	shift
	box "$n" dig +tries=1 +time=6 "$@" 2>&1 | awk '
		/status:/ { sub(/,$/, "", $6); printf "%s", $6 }
		/^; EDE:/ { printf " ede=%s", $3 }
		/flags:.* tc[ ;]/ { printf " tc" }
		/^;; (connection timed out|no servers)/ || /communications error/ { late = 1 }
		/^[^;]/ && NF >= 5 { rr[++n] = $5; if ($4 == "SOA") n-- }
		END { if (late) printf "TIMEOUT"; for (i = 1; i <= n; i++) printf " %s", rr[i]; print "" }'
}

# How a connection goes: "open", "refused", "unreachable" or "timeout".
reach() { # BOX ADDRESS [PORT]
	nsenter --net="/run/netns/box$1" -- python3 "$here/peer.py" connect "$2" "${3:-80}" 2>&1
}

# A connection that is kept busy in the background; "up", then "held" or "cut TIME STALL" in held.ADDRESS.
hold() { # BOX ADDRESS SECONDS [PATIENCE]: its pid is then $held
	: >"$work/held.$2"
	box "$1" python3 "$here/peer.py" hold "$2" "$3" ${4:+"$4"} >"$work/held.$2" 2>&1 &
	held=$!
	until_true 5 grep -q up "$work/held.$2"
}

# Did the held connection last live less than a second away from that moment, or from the time between two? A
# machine that kept the connection itself waiting does so with each of the gate's processes that have a part in this.
cut_within() { # MOMENT ADDRESS [MOMENT]
	awk -v a="$1" -v b="${3:-$1}" '/^cut/ { at = $2; most = 1 + 4 * $3 }
		END { exit !(at != "" && at - b < most && a - at < most) }' "$work/held.$2" && return
	tap_note "the moment: $1 ${3:-}, the connection: $(paste -sd' ' "$work/held.$2")"
	false
}

# What an interface of a namespace sees, from the moment that tcpdump listens. Of whole packets at the length it
# takes by default its buffer holds eight.
capture() { # FILE NAMESPACE INTERFACE FILTER
	nsenter --net="/run/netns/$2" -- tcpdump -i "$3" -n -U --immediate-mode -s 2048 -B 16384 -w "$1" "$4" >/dev/null 2>"$1.log" &
	capture=$!
	until_true 10 grep -q 'listening on' "$1.log" || live_die "tcpdump does not listen" "$1.log"
}
came() { # FILE: how many packets it holds
	tcpdump -n -r "$1" 2>/dev/null | wc -l
}
have_come() { [ "$(came "$1")" -ge "$2" ]; } # FILE COUNT
# The capture's end: when so many have come, or, where none should, after what is on its way has had time to.
captured() { # FILE [COUNT]: how many came
	if [ "${2:-0}" -gt 0 ]; then until_true 5 have_come "$1" "$2"; else sleep 0.7; fi
	kill "$capture"
	until_true 5 eval '! kill -0 "$capture"'
	came "$1"
}

table_elements() { # SET: its addresses, one pair a line
	nft -j list set inet namegate "$1" 2>/dev/null |
		jq -r '.nftables[] | .set? // empty | .elem[]? | (.elem.val // .) | .concat | join(" ")'
}

element_left() { # SET BOX-ADDRESS ADDRESS: seconds until the kernel would drop it
	nft -j list set inet namegate "$1" | jq -r --arg s "$2" --arg d "$3" \
		'.nftables[] | .set? // empty | .elem[]? | .elem | select(.val.concat == [$s, $d]) | .expires'
}

records() { # jq's filter over all records so far
	jq -r "$1" "$work/records" 2>/dev/null
}

# The usual stage: two boxes, a web that answers everywhere, and these zones. other.example is the
# one that no list of these tests allows.
# How the configuration of an unbound begins that lives in $work and is whoever started it.
unbound_server() {
	printf 'server:\n directory: "%s"\n use-syslog: no\n' "$work"
	printf ' %s: ""\n' username chroot pidfile logfile
}

usual_stage() {
	make_net || live_die "the network cannot be made"
	make_box 1 || live_die "box1 cannot be made"
	make_box 2 || live_die "box2 cannot be made"
	zone allowed.example <<'END'
@       60 IN A 44.0.0.1
www     60 IN A 44.0.0.1
www     60 IN AAAA 2001:db8:80::1
short   2  IN A 44.0.0.2
two     60 IN A 44.0.0.3
two     60 IN A 44.0.0.4
alias   60 IN CNAME www
outside 60 IN CNAME www.other.example.
private 60 IN A 10.9.9.9
mixed   60 IN A 10.9.9.9
mixed   60 IN A 44.0.0.5
meta    60 IN A 169.254.169.254
www     60 IN TXT "text"
END
	seq -f 'big 60 IN A 44.0.1.%.0f' 1 60 >>"$work/zones/allowed.example.zone"
	zone other.example <<'END'
@    60 IN A 44.1.0.1
www  60 IN A 44.1.0.1
same 60 IN A 44.0.0.1
*    60 IN TXT "leak"
END
	zone many.example </dev/null
	awk 'BEGIN { for (n = 1; n <= 6000; n++) {
		printf "n%d 60 IN A 44.2.%d.%d\n", n, n / 256, n % 256
		printf "n%d 60 IN AAAA 2001:db8:80:2::%x\n", n, n
	} }' >>"$work/zones/many.example.zone"
	start_nsd
	start_web
	[ -e "$work/extra.conf" ] || : >"$work/extra.conf"
}
