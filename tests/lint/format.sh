#!/usr/bin/env bash
# The layout of the C text is clang-format's, by .clang-format, in the version of Debian 12: other
# versions disagree about details, so with another one this is skipped.
. "$(dirname "$0")/lib.sh"

tool=
for name in clang-format-14 clang-format; do
	if command -v "$name" >/dev/null && "$name" --version | grep -q 'version 14\.'; then
		tool=$name
		break
	fi
done
[ -n "$tool" ] || skip_all "clang-format 14 is not installed (Debian 12: clang-format)"

format() { # TREE
	c_files "$1" | (cd "$1" && xargs "$tool" --style=file --dry-run 2>&1) |
		grep -E '^[^ ].*(warning|error):' | sed "s|^$1/||"
}

plant_spaces() { printf '/* planted */\nint  planted( void );\n' >src/base/planted.h; }

lint_clean "C sources are formatted" format
lint_finds "finds a file out of format" format 'planted.h:2' plant_spaces
tap_done
