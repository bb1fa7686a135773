#!/usr/bin/env bash
# The top level holds what a newcomer expects and nothing else. In a release the build system's
# generated files stand there too.
. "$(dirname "$0")/lib.sh"

wanted='.ci .clang-format .gitignore .pre-commit-hooks.yaml LICENSE Makefile.am NEWS README.md configure.ac contrib include man src tests zones'
generated='Makefile.in aclocal.m4 build-aux config.h.in configure configure~ autom4te.cache'

names() { # TREE: in a checkout what git knows, and what it would add
	if git -C "$1" rev-parse --git-dir >/dev/null 2>&1 && [ -e "$1/.git" ]; then
		git -C "$1" ls-files --cached --others --exclude-standard | sed 's|/.*||' | sort -u
	else
		find "$1" -mindepth 1 -maxdepth 1 ! -name 'build*' ! -name _build ! -name _inst \
			! -name .git -printf '%f\n' | sort
		[ ! -d "$1/build-aux" ] || echo build-aux
	fi
}

toplevel() { # TREE
	local name
	names "$1" | sort -u | while read -r name; do
		case " $wanted $generated " in
		*" $name "*) ;;
		*) echo "$name: does not belong at the top level" ;;
		esac
	done
	for name in $wanted; do
		# A release leaves out what only a checkout needs.
		case $name in .ci | .gitignore) [ -e "$1/.git" ] || continue ;; esac
		[ -e "$1/$name" ] || echo "$name: missing at the top level"
	done
}

plant_extra() { echo >docs.txt; }
plant_missing() { rm NEWS; }

lint_clean "the top level is as documented" toplevel
lint_finds "finds a stranger" toplevel 'docs.txt: does not belong' plant_extra
lint_finds "finds a missing part" toplevel 'NEWS: missing' plant_missing
tap_done
