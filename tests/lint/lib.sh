# shellcheck shell=bash
# A lint is a function from a source tree to findings: it prints one line for each and nothing
# for a clean tree. Each lint proves itself: it must find what is planted into a copy of the tree.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=${abs_top_srcdir:-$(cd "$here/../.." && pwd)}
# shellcheck source=tests/tap.sh
. "$top/tests/tap.sh"
lint_tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$lint_tmp"' EXIT

lint_clean() { # WHAT LINT: the tree itself has no finding
	local found
	found=$("$2" "$top" 2>&1)
	if [ -z "$found" ]; then
		ok "$1"
	else
		not_ok "$1" "$found"
	fi
}

lint_finds() { # WHAT LINT REGEX PLANT: PLANT changes the tree in the working directory
	local what=$1 lint=$2 regex=$3 plant=$4 copy=$lint_tmp/copy
	rm -rf "$copy"
	mkdir "$copy"
	# The tree may be a read-only one, as in distcheck.
	(cd "$top" && tar cf - --exclude='./build*' --exclude='./autom4te.cache' --exclude='./.git' \
		--exclude='./namegate-*' .) | tar xf - -C "$copy" --no-same-owner
	chmod -R u+w "$copy"
	(cd "$copy" && "$plant") || {
		not_ok "$what" "the violation could not be planted"
		return
	}
	like "$what" "$regex" "$("$lint" "$copy" 2>&1)"
}

c_files() { # TREE: every C source and header of it
	find "$1/include" "$1/src" "$1/tests" -name '*.[ch]' -type f | sort
}
