#!/usr/bin/env bash
# Shell scripts, ours by their first line, pass shellcheck.
. "$(dirname "$0")/lib.sh"
command -v shellcheck >/dev/null || skip_all "shellcheck is not installed (Debian 12: shellcheck)"

scripts() { # TREE
	find "$1/contrib" "$1/tests" "$1/.ci" -type f 2>/dev/null | sort | while read -r file; do
		case $(head -c 40 "$file" | tr -d '\0' | head -n 1) in
		'#!'*sh | '# shellcheck shell='*) echo "${file#"$1"/}" ;;
		esac
	done
}

shell() { # TREE
	(cd "$1" && scripts "$1" | xargs -r shellcheck -x -f gcc -e SC1091,SC2015,SC2016,SC2154,SC2317 2>&1)
}

plant_unquoted() { printf '#!/bin/sh\nrm $1\n' >contrib/planted; }

lint_clean "scripts pass shellcheck" shell
lint_finds "finds an unquoted expansion" shell 'planted:2.*SC2086' plant_unquoted
tap_done
