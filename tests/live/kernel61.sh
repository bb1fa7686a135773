#!/usr/bin/env bash
# The tests of the core again, in a virtual machine with Debian 12's kernel: no renewal in place, no
# owner that lasts, no acknowledged end of a batch. It runs on this machine's files, read-only.
#
# NAMEGATE_KERNEL61 names the folder that kernel61_prepare.sh has filled.
#
# Without virtualisation it can be emulated, with ten times the patience (NAMEGATE_KERNEL61_SLOW); the
# tests that need no more than the warden and its driver are quick enough for that:
#
#     NAMEGATE_KERNEL61_TESTS="cut warden" NAMEGATE_KERNEL61_S=1800 NAMEGATE_KERNEL61_EACH=900 tests/live/kernel61.sh
#
# What made the emulated gate miss its first answer was the kernel, which fetches a module for each kind
# of rule and begins the whole batch again after each: they are fetched ahead, below.
here=$(cd "$(dirname "$0")" && pwd)
top=${abs_top_srcdir:-$(cd "$here/../.." && pwd)}
build=${abs_top_builddir:-$top/build}
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"
folder=${NAMEGATE_KERNEL61:-${XDG_CACHE_HOME:-$HOME/.cache}/namegate/kernel61}
tests="lease commit closed tricks death methods warden guard"
emulated=${NAMEGATE_KERNEL61_TESTS:-}
limit_s=${NAMEGATE_KERNEL61_S:-210}
slow=1

PATH=$PATH:/usr/sbin:/sbin
for program in qemu-system-x86_64 busybox cpio modprobe; do
	command -v "$program" >/dev/null ||
		skip_all "$program is not installed (Debian: qemu-system-x86, busybox-static, cpio, kmod)"
done
kernel=$(find "$folder/boot" -name 'vmlinuz-6.1*' 2>/dev/null | head -n 1)
[ -n "$kernel" ] || skip_all "no 6.1 kernel in $folder (tests/live/kernel61_prepare.sh fetches it)"
[ "$(id -u)" -eq 0 ] || skip_all "the machine is to see all files of this one, which takes root"
version=${kernel##*/vmlinuz-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The first file system: enough to see the host's by 9p and to go over to it.
mkdir -p "$work/root/bin" "$work/root/new" "$work/root/proc" "$work/root/lib/modules"
cp "$(command -v busybox)" "$work/root/bin/busybox"
for name in sh mount insmod switch_root; do ln -s busybox "$work/root/bin/$name"; done
load=
for file in $(modprobe -d "$folder" -S "$version" -a --show-depends virtio_pci 9pnet_virtio 9p | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'); do
	cp "$file" "$work/root/lib/modules/"
	load="$load /lib/modules/${file##*/}"
done
cat >"$work/root/init" <<END
#!/bin/sh
mount -t proc proc /proc
for module in $load; do insmod \$module; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /new || echo "not ok - the host's files" >/dev/ttyS1
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000 work /new/mnt || echo "not ok - the test's files" >/dev/ttyS1
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000 kernel /new/srv || echo "not ok - the modules" >/dev/ttyS1
exec switch_root /new /bin/bash /mnt/inside
END
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc --quiet) >"$work/initramfs"

mkdir "$work/share"
printf '#!/bin/sh\nexec /usr/sbin/modprobe -d /srv "$@"\n' >"$work/share/modprobe"
chmod +x "$work/share/modprobe"
write_inside() {
	cat >"$work/share/inside" <<END
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
export abs_top_srcdir=$top abs_top_builddir=$build LIVE_SLOW=$slow
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ln -s /proc/self/fd /dev/fd
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
for at in /dev/shm /run /tmp /var/tmp; do mount -t tmpfs -o mode=1777 tmp \$at; done
echo /mnt/modprobe >/proc/sys/kernel/modprobe # which the kernel calls for what it lacks
mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up
/mnt/modprobe -a veth nf_tables nf_conntrack nfnetlink_log nft_ct nft_chain_nat nf_conntrack_netlink 2>/dev/ttyS1
# The kernel fetches these one by one, and each starts a batch again: emulated, that outlasts main's patience.
/mnt/modprobe -a nft_fib_inet nft_limit nft_log nft_masq nft_nat nft_objref nft_redir nft_reject_inet nft_socket \
	nft_meta_bridge nft_reject_bridge sch_ingress cls_bpf act_bpf bridge tun 2>/dev/null
{
	echo "KERNEL \$(uname -r)"
	for name in $tests; do
		echo "BEGIN \$name"
		timeout ${NAMEGATE_KERNEL61_EACH:-$((100 * slow))} "$here/\$name.sh" 2>&1
		echo "END \$name"
	done
	echo "ALL DONE"
} >/dev/ttyS1
echo o >/proc/sysrq-trigger
sleep 10
END
}

machine() { # SECONDS PATIENCE ACCELERATION...: until it is done, or has not said which Linux it is
	local limit=$1 patience=$((SECONDS + $2))
	shift 2
	: >"$work/console"
	: >"$work/tap"
	timeout "$limit" qemu-system-x86_64 "$@" -smp 2 -m 1500 -no-reboot -display none -monitor none \
		-kernel "$kernel" -initrd "$work/initramfs" -append "console=ttyS0 panic=-1 no_timer_check" \
		-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
		-virtfs local,path="$work/share",mount_tag=work,security_model=none,readonly=on \
		-virtfs local,path="$folder",mount_tag=kernel,security_model=none,readonly=on \
		-serial file:"$work/console" -serial file:"$work/tap" </dev/null >"$work/qemu.log" 2>&1 &
	qemu=$!
	until grep -q 'Linux version' "$work/console" || [ "$SECONDS" -ge "$patience" ]; do sleep 1; done
	grep -q 'Linux version' "$work/console" || kill "$qemu"
	wait "$qemu"
}

write_inside
[ ! -w /dev/kvm ] || machine "$limit_s" 10 -enable-kvm -cpu host
if ! grep -q 'Linux version' "$work/console" 2>/dev/null; then
	# Some hosts offer a /dev/kvm that starts nothing. Emulated, the patience of most tests is too short.
	[ -n "$emulated" ] || skip_all "no virtualisation that works (NAMEGATE_KERNEL61_TESTS=methods emulates, for that one)"
	tap_note "no virtualisation that works: emulated, so $emulated only"
	tests=$emulated
	slow=${NAMEGATE_KERNEL61_SLOW:-10}
	write_inside
	machine "$limit_s" 60 -accel tcg,thread=multi -cpu max
fi
tr -d '\r' <"$work/tap" >"$work/lines"

like "it is another kernel" '^KERNEL 6\.1\.' "$(cat "$work/lines")"
[ -z "${SHOWLOG:-}" ] || cat "$work/lines" "$work/console" "$work/qemu.log" >&2
part() { sed -n "/^BEGIN $1\$/,/^END $1\$/p" "$work/lines"; }
for name in $tests; do
	good=$(part "$name" | grep -c '^ok ')
	plan=$(part "$name" | sed -n 's/^1\.\.\([0-9]*\).*/\1/p')
	if part "$name" | grep -q '^1\.\.0 # SKIP'; then
		skip "$name.sh" "$(part "$name" | sed -n 's/^1\.\.0 # SKIP //p')"
	elif [ -n "$plan" ] && [ "$good" -eq "$plan" ]; then
		ok "$name.sh: all $plan hold"
	else
		not_ok "$name.sh: all ${plan:-} hold" "$(part "$name" | grep -v '^ok ' | head -n 40)"
	fi
done
grep -q '^ALL DONE' "$work/lines" || tap_note "$(tail -n 5 "$work/console" "$work/qemu.log")"
tap_done
