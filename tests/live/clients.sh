#!/usr/bin/env bash
# The resolvers that programs in sandboxes bring along: each finds a permitted name and gives a denied
# one up at once, with a search list and ndots:5, over UDP and over TCP. Prints what each took and asked.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
mkdir -p "$work"
cat >"$work/extra.conf" <<'CONF'
limits {
	records-per-second = 100000
}
CONF
usual_stage
start_gate
add_box 1 "$(allow box1.list .allowed.example)" >/dev/null

# What the C library asks beside DNS differs from machine to machine.
echo 'hosts: files dns' >"$work/nsswitch.conf"
echo '127.0.0.1 localhost' >"$work/hosts"
for way in udp tcp; do
	{
		echo 'nameserver 10.77.1.1'
		echo 'search a.corp.probe b.corp.probe c.corp.probe d.corp.probe e.corp.probe'
		echo 'options ndots:5 timeout:3 attempts:1'
		[ "$way" = udp ] || echo 'options use-vc'
	} >"$work/$way.resolv"
done

client() { # WAY COMMAND...: in box1, with that resolv.conf; over TCP no UDP gets out
	local way=$1
	shift
	nsenter --net=/run/netns/box1 unshare --mount -- sh -c '
		mount --bind "$0/$1.resolv" "$(readlink -f /etc/resolv.conf)" &&
		mount --bind "$0/nsswitch.conf" "$(readlink -f /etc/nsswitch.conf)" &&
		mount --bind "$0/hosts" "$(readlink -f /etc/hosts)" && shift && exec "$@"' "$work" "$way" "$@" 2>&1
}
no_udp() { # add | delete
	nsenter --net=/run/netns/box1 nft "$1" table inet noudp
	[ "$1" = delete ] || nsenter --net=/run/netns/box1 nft -f - <<-'NFT'
		table inet noudp {
			chain out { type filter hook output priority 0; udp dport 53 counter drop; }
		}
	NFT
}

asked() { # NAME: how many questions came for it, and the types of the plain name
	sleep 0.2
	jq -rs --arg name "$1" '[.[] | select(.event == "decision" and ((.name // "") | ascii_downcase |
		. == $name or startswith($name + ".")))] |
		"\(length) (\([.[].type] | group_by(.) | map("\(length) \(.[0])") | join(", ")))"' "$work/records"
}

# Each program prints "NAME MILLISECONDS RESULT" for each name that it is given.
try() { # CLIENT WAY COMMAND...
	local who=$1 way=$2 denied out row ms result all
	denied=$(echo "$who-$way" | tr 'A-Z ()./' 'a-z-----').other.example
	shift 2
	: >"$work/records"
	out=$(client "$way" "$@" www.allowed.example "$denied")
	row=$(grep '^www\.allowed\.example ' <<<"$out")
	ms=${row#* }
	result=${ms#* }
	all=$(tr ',' '\n' <<<"$result" | sed 's/:80:0:0:0:0:1$/:80::1/' | sort -u | tr '\n' ' ')
	is "$who over $way: a permitted name, both families" "2001:db8:80::1 44.0.0.1 " "$all"
	printf '# %-22s %-3s permitted %8s ms  %s questions\n' "$who" "$way" "${ms%% *}" "$(asked www.allowed.example)"
	row=$(grep "^$denied " <<<"$out")
	ms=${row#* }
	result=${ms#* }
	is "$who over $way: a denied name does not exist" "error:noname" "$result"
	# A resolver that waited for anybody waited three seconds; on an idle machine none takes 50 ms.
	succeeds "$who over $way: it says so at once" \
		awk -v ms="${ms%% *}" 'BEGIN { exit !(ms != "" && ms < 2000) }'
	printf '# %-22s %-3s denied    %8s ms  %s questions\n' "$who" "$way" "${ms%% *}" "$(asked "$denied")"
}
absent() { # CLIENT WHY
	skip "$1" "$2"
}
have() { # CLIENT PROGRAM PACKAGE
	command -v "$2" >/dev/null && return
	absent "$1" "$2 is not installed (Debian package $3)"
	return 1
}

# ---- programs that have no clock of their own ----

cat >"$work/timed" <<'SH'
#!/usr/bin/env bash
# WAY NAME...: asks by getent or curl, and prints the form that the others have.
way=$1
shift
for name; do
	begun=$EPOCHREALTIME
	case $way in
	getent) found=$(getent ahosts "$name" | awk '{ print $1 }') && found=${found//$'\n'/,} || found= ;;
	curl) curl -4 -s -m 20 -o /dev/null "http://$name/"; code=$? ;
		curl -6 -s -m 20 -o /dev/null "http://$name/"; code=$code,$?
		case $code in 0,0) found=44.0.0.1,2001:db8:80::1 ;; 6,6) found= ;; *) found=error:$code ;; esac ;;
	esac
	awk -v a="$begun" -v b="$EPOCHREALTIME" -v name="$name" -v found="${found:-error:noname}" \
		'BEGIN { printf "%s %.2f %s\n", name, (b - a) * 1000, found }'
done
SH
chmod +x "$work/timed"

everywhere() { # CLIENT COMMAND...: over both
	try "$1" udp "${@:2}"
	no_udp add
	try "$1" tcp "${@:2}"
	no_udp delete
}

everywhere "glibc (getent)" "$work/timed" getent
everywhere "glibc (python)" python3 "$here/clients/resolve.py"
have "curl" curl curl && everywhere "curl (twice)" "$work/timed" curl
if curl -V 2>/dev/null | grep -q HTTPSRR; then
	: # its own resolver then asks for HTTPS records as well
else
	absent "curl with HTTPS records" "this curl is built without HTTPSRR"
fi

if have "musl" musl-gcc musl-tools && succeeds "musl: a static program" \
	musl-gcc -static -O1 -o "$work/musl" "$here/clients/libc.c"; then
	try "musl (static)" udp "$work/musl"
	absent "musl over tcp" "musl before 1.2.4 speaks UDP only, and later only after a truncated answer"
fi
if [ ! -e /usr/include/ares.h ]; then
	absent "c-ares" "ares.h is not installed (Debian package libc-ares-dev)"
elif succeeds "c-ares: a program" cc -O1 -o "$work/ares" "$here/clients/ares.c" -lcares; then
	try "c-ares" udp "$work/ares"
	no_udp add
	try "c-ares" tcp "$work/ares" tcp
	no_udp delete
fi
export GOCACHE=$work/go GOFLAGS=-mod=mod GO111MODULE=off GOTOOLCHAIN=local HOME=$work
if have "Go" go golang-go && succeeds "Go: a program" go build -o "$work/go-resolve" "$here/clients/resolve.go"; then
	everywhere "Go (its own)" env GODEBUG=netdns=go "$work/go-resolve"
	everywhere "Go (cgo)" env GODEBUG=netdns=cgo "$work/go-resolve"
fi
if have "Node" node nodejs; then
	everywhere "Node (lookup)" node "$here/clients/resolve.js" lookup
	everywhere "Node (resolve)" node "$here/clients/resolve.js" resolve
fi
if have "Java" javac openjdk-17-jdk-headless && succeeds "Java: a program" javac -d "$work" "$here/clients/Resolve.java"; then
	everywhere "Java" java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$work" Resolve
fi

# ---- systemd-resolved: asked through its stub, and asking the gate ----
#
# It takes NXDOMAIN for a server that cannot do EDNS and asks each such name once more without
# (DVE-2018-0001, until its version 254), so the numbers are about twice those of the others.

resolved=${SYSTEMD_RESOLVED:-/lib/systemd/systemd-resolved}
resolved_start() {
	mkdir -p /run/systemd/resolved.conf.d
	printf '[Resolve]\nDNS=10.77.1.1\nFallbackDNS=\nDomains=~.\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\n' \
		>/run/systemd/resolved.conf.d/gate.conf
	{ cat /etc/passwd; grep -q '^systemd-resolve:' /etc/passwd ||
		echo 'systemd-resolve:x:64990:64990::/:/usr/sbin/nologin'; } >"$work/passwd"
	{ cat /etc/group; grep -q '^systemd-resolve:' /etc/group || echo 'systemd-resolve:x:64990:'; } >"$work/group"
	nsenter --net=/run/netns/box1 unshare --mount -- sh -c '
		mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group &&
		exec "$1"' "$work" "$resolved" >"$work/resolved.log" 2>&1 &
	until_true 5 box 1 dig +tries=1 +time=1 @127.0.0.53 localhost
}
sed 's/^nameserver.*/nameserver 127.0.0.53/' "$work/udp.resolv" >"$work/stub.resolv"
if [ ! -x "$resolved" ]; then
	absent "systemd-resolved" "systemd-resolved is not installed (Debian package systemd-resolved; SYSTEMD_RESOLVED names its program)"
elif resolved_start; then
	try "systemd-resolved" stub python3 "$here/clients/resolve.py"
else
	absent "systemd-resolved" "it does not start here: $(tail -n 3 "$work/resolved.log" | tr "\n" " ")"
fi
tap_done
