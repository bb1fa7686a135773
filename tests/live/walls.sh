#!/usr/bin/env bash
# The walls between the processes, as the kernel sees them: users, capabilities, system call filter,
# no new privileges, and descriptors.
. "$(dirname "$0")/lib.sh"
live_enter "$@"
if ! in_userns && { ! getent passwd namegate || ! getent passwd namegate-warden; } >/dev/null; then
	skip_all "the system users namegate and namegate-warden are missing (contrib/quickstart makes them)"
fi
usual_stage
start_gate
add_box 1 "$(allow box1.list '*.many.example' .allowed.example)" >/dev/null
is "it serves behind its walls" "NOERROR 44.0.0.1 open" "$(ask 1 www.allowed.example) $(reach 1 44.0.0.1)"

field() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"; }
main=$(pid_of main)
worker=$(pid_of worker)
warden=$(pid_of warden)
net_admin=0000000000001000 # bit 12

is "worker: no capability" "0000000000000000" "$(field "$worker" CapEff)"
is "worker: none permitted either" "0000000000000000" "$(field "$worker" CapPrm)"
is "worker: none to be had" "0000000000000000" "$(field "$worker" CapBnd)"
is "warden: CAP_NET_ADMIN alone" "$net_admin" "$(field "$warden" CapEff)"
is "warden: and no more permitted" "$net_admin" "$(field "$warden" CapPrm)"
for process in worker warden; do
	pid=$(pid_of $process)
	is "$process: no new privileges" 1 "$(field "$pid" NoNewPrivs)"
	is "$process: a system call filter" 2 "$(field "$pid" Seccomp)"
done
is "main: no new privileges" 1 "$(field "$main" NoNewPrivs)"
if in_userns; then
	skip "worker and warden run as users of their own" "a user namespace with one user has no others"
else
	is "worker: runs as namegate" "$(id -u namegate)" "$(field "$worker" Uid)"
	is "warden: runs as namegate-warden" "$(id -u namegate-warden)" "$(field "$warden" Uid)"
fi
bits=$((16#$(field "$main" CapEff)))
is "main: touches no packet (no CAP_NET_RAW)" 0 $((bits >> 13 & 1))

sockets() { # PID: its netfilter sockets' inodes that are among its descriptors
	find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | sort |
		comm -12 - <(awk '$2 == 12 { print $10 }' /proc/net/netlink | sort)
}
is "worker: no netfilter socket" "" "$(sockets "$worker")"
like "warden: netfilter sockets" '^[0-9]+$' "$(sockets "$warden")"
is "warden: no internet socket" "" "$(find "/proc/$warden/fd" -lname 'socket:*' -printf '%l\n' |
	tr -dc '0-9\n' | sort | comm -12 - <(awk 'NR > 1 { print $10 }' /proc/net/udp /proc/net/tcp /proc/net/udp6 /proc/net/tcp6 | sort))"

files() { find "/proc/$1/fd" -lname "$work/store/*" -printf '%l\n' | sort -u; }
unlike "worker: nothing of main's store" '/main/|/store/lock' "$(files "$worker")"
is "warden: no file of the store" "" "$(files "$warden")"
tap_done
