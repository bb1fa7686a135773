#!/usr/bin/env bash
# Sizes and openings: no file over 700 lines, each opened by its theory paragraph, each header
# included at most once. Headers over 150 lines are named, not failed.
. "$(dirname "$0")/lib.sh"

sizes() { # TREE
	local file lines
	c_files "$1" | while read -r file; do
		lines=$(wc -l <"$file")
		[ "$lines" -le 700 ] || echo "${file#"$1"/}: $lines lines, 700 are the most"
		case $(head -c 2 "$file") in
		'/*') ;;
		*) echo "${file#"$1"/}: does not open with a comment that says what it is for" ;;
		esac
		case $file in
		*.h) grep -q '^#pragma once$' "$file" || echo "${file#"$1"/}: no #pragma once" ;;
		esac
	done
}

plant_long() { yes '/* more */' | head -n 701 >src/base/planted.c; }
plant_silent() { echo 'int planted;' >src/base/planted.c; }
plant_twice() { sed -i '/#pragma once/d' src/base/arena.h; }

lint_clean "files are small, introduced, and included once" sizes
lint_finds "finds a long file" sizes 'planted.c: 701 lines' plant_long
lint_finds "finds a file that does not introduce itself" sizes 'planted.c: does not open' plant_silent
lint_finds "finds a header without #pragma once" sizes 'arena.h: no #pragma once' plant_twice
find "$top/include" "$top/src" -name '*.h' | sort | while read -r file; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 150 ] || tap_note "${file#"$top"/}: $lines lines; headers want at most 150"
done
tap_done
