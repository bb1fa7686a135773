#!/usr/bin/env bash
# Manual pages are the contract: each is well-formed, and each program has one.
. "$(dirname "$0")/lib.sh"
command -v mandoc >/dev/null || skip_all "mandoc is not installed (Debian 12: mandoc)"

pages() { # TREE
	find "$1/man" -name '*.[1-9]' | sort | while read -r page; do
		mandoc -Tlint -W warning "$page" 2>&1 | sed "s|$1/||g"
	done
	for page in namegated.8 namegate.1 namegate-run.8 namegate.conf.5 namegate-list.5 namegate-rpz.5 \
		namegate-presets.7 namegate-scene.5 namegate-expect.5 namegate-diff.1; do
		[ -e "$1/man/$page" ] || echo "man/$page: missing"
	done
}

plant_macro() { printf '.Xx planted\n' >>man/namegate.1; }
plant_missing() { rm man/namegated.8; }

lint_clean "manual pages are well-formed" pages
lint_finds "finds an unknown macro" pages 'namegate.1.*Xx' plant_macro
lint_finds "finds a missing page" pages 'namegated.8: missing' plant_missing
tap_done
