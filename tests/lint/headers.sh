#!/usr/bin/env bash
# Each header compiles alone: it includes what it needs, and nobody depends on an order.
. "$(dirname "$0")/lib.sh"
cc=${CC:-cc}
command -v "${cc%% *}" >/dev/null || skip_all "no C compiler: $cc"

headers() { # TREE
	local file
	find "$1/include" "$1/src" -name '*.h' | sort | while read -r file; do
		printf '#include "%s"\nextern int something;\n' "$file" |
			$cc -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -D_GNU_SOURCE \
				-I "$1/include" -I "$1/src" -I "${abs_top_builddir:-$1}" \
				-x c - 2>&1 | grep -E 'error' | head -n 3 | sed "s|$1/||g"
	done
}

plant_needy() { printf '/* planted */\n#pragma once\nuint8_t planted(void);\n' >src/base/planted.h; }

lint_clean "headers compile alone" headers
lint_finds "finds a header that needs another first" headers 'planted.h.*uint8_t' plant_needy
tap_done
