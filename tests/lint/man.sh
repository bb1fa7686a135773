#!/usr/bin/env bash
# Manual pages are the contract: each is well-formed, and each program has one.
. "$(dirname "$0")/lib.sh"
command -v mandoc >/dev/null || skip_all "mandoc is not installed (Debian 12: mandoc)"

pages() { # TREE
	find "$1/man" -name '*.[1-9]' | sort | while read -r page; do
		mandoc -Tlint -W warning "$page" 2>&1 | sed "s|$1/||g"
	done
	for page in namegated.8 namegate.1 namegate-run.8 namegate.conf.5 libnamegate.3; do
		[ -e "$1/man/$page" ] || echo "man/$page: missing"
	done
	agree "$1"
}

# Every verb is told in namegate(1); every page is installed, listed in the
# README, and pointed to from namegate(1).
agree() { # TREE
	local verb page name
	sed -n 's/^\t{"\([a-z-]*\)", verb_.*/\1/p; s/^\t{"\([a-z-]*\)", test_main.*/\1/p' "$1/src/cli/main.c" |
		while read -r verb; do
			grep -qE "^\.(It )?Cm (.* [|,] )?$verb( |$)" "$1/man/namegate.1" ||
				echo "man/namegate.1: lacks the verb $verb"
		done
	for page in "$1"/man/*.[1-9]; do
		page=${page##*/} name=${page%.*}
		grep -qE "(^|[[:space:]])man/$page( |$)" "$1/man/local.mk" || echo "man/local.mk: lacks $page"
		grep -qF "\`$name\`(${page##*.})" "$1/README.md" || echo "README.md: lacks the page $page"
		[ "$page" = namegate.1 ] || grep -q "^\.Xr $name ${page##*.}" "$1/man/namegate.1" ||
			echo "man/namegate.1: does not point to $page"
	done
}

plant_macro() { printf '.Xx planted\n' >>man/namegate.1; }
plant_verb() { sed -i 's/^\t{"diff", verb_diff/\t{"planted", verb_diff/' src/cli/main.c; }
plant_page() { cp man/namegate-diff.1 man/planted.1; }
plant_missing() { rm man/namegated.8; }

lint_clean "manual pages are well-formed" pages
lint_finds "finds an unknown macro" pages 'namegate.1.*Xx' plant_macro
lint_finds "finds a missing page" pages 'namegated.8: missing' plant_missing
lint_finds "finds a verb that no page tells" pages 'lacks the verb planted' plant_verb
lint_finds "finds a page that is not installed" pages 'local.mk: lacks planted.1' plant_page
lint_finds "finds a page that nothing points to" pages 'does not point to planted.1' plant_page
lint_finds "finds a page that the README lacks" pages 'README.md: lacks the page planted.1' plant_page
tap_done
