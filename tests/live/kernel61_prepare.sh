#!/usr/bin/env bash
# Fetches Debian 12's kernel (6.1) and unpacks it, for kernel61.sh: kernel61_prepare.sh [FOLDER]
# On Debian 12 with qemu-system-x86, busybox-static, cpio and kmod; nothing is installed by this.
set -eu
folder=${1:-${NAMEGATE_KERNEL61:-${XDG_CACHE_HOME:-$HOME/.cache}/namegate/kernel61}}
package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-6\.1\.[^ ]*\)$/\1/p' | head -n 1)
[ -n "$package" ] || {
	echo "no package of a 6.1 kernel is known; run apt-get update, on Debian 12" >&2
	exit 1
}
mkdir -p "$folder"
cd "$folder"
apt-get download "$package"
dpkg-deb -x "$package"_*.deb .
rm -f "$package"_*.deb
PATH=$PATH:/usr/sbin:/sbin depmod -b "$folder" "${package#linux-image-}"
echo "$folder holds $package"
