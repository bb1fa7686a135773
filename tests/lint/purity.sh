#!/usr/bin/env bash
# The core is pure: libcore.a takes nothing from outside but what core-symbols.txt names, and it
# keeps nothing mutable between calls. Looks at the archive that was built, not at the text.
. "$(dirname "$0")/lib.sh"
archive=${abs_top_builddir:-$top/build}/libcore.a
[ -e "$archive" ] || skip_all "there is no $archive: build first"
for tool in readelf objdump; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed (Debian 12: binutils)"
done
cc=${CC:-cc}
allowed=$lint_tmp/allowed
sed '/^#/d; /^$/d' "$top/tests/lint/core-symbols.txt" >"$allowed"
# ldns names that an expression above would let through all the same.
forbidden='ldns_.*(_fp|_fp_l|_filep|_random|_time|_axfr|_resolver|_sign|_print)(_.*)?'

imports() { # ARCHIVE
	# Not nm: of an object that can be optimized as a whole it shows what that form has, without what the compiler knows.
	readelf --symbols --wide "$1" | awk '$7 == "UND" && NF >= 8 { print $8 }' | sort -u >"$lint_tmp/wants"
	readelf --symbols --wide "$1" | awk '$7 != "UND" && $5 ~ /GLOBAL|WEAK/ { print $8 }' | sort -u >"$lint_tmp/has"
	comm -23 "$lint_tmp/wants" "$lint_tmp/has" >"$lint_tmp/imports"
	{
		grep -Evxf "$allowed" "$lint_tmp/imports"
		grep -Ex "$forbidden" "$lint_tmp/imports"
	} | sort -u | sed 's/^/the core imports /'
}

mutables() { # ARCHIVE: sized symbols in writable sections that stay writable
	objdump -t "$1" | awk '
		$0 ~ / O / && ($0 ~ / \.(t?data|t?bss)(\.[^ ]*)?\t/ || $0 ~ /\*COM\*/) &&
		$0 !~ / \.data\.rel\.ro/ && $NF !~ /^(__asan|__odr_asan|\.L|__ubsan|\.hidden)/ {
			print "the core keeps " $NF " mutable"
		}'
}

planted() { # CODE: the archive with one more object
	cp "$archive" "$lint_tmp/planted.a"
	printf '%s\n' "$1" | $cc -x c -c -o "$lint_tmp/planted.o" - &&
		ar q "$lint_tmp/planted.a" "$lint_tmp/planted.o" 2>/dev/null
}

check() { # WHAT LINT REGEX CODE
	if planted "$4"; then
		like "$1" "$3" "$("$2" "$lint_tmp/planted.a")"
	else
		not_ok "$1" "the violation could not be compiled"
	fi
}

is "the core imports only what it may" "" "$(imports "$archive")"
if grep -q __asan_init "$archive"; then
	skip "the core keeps nothing mutable" "AddressSanitizer makes constants writable"
else
	is "the core keeps nothing mutable" "" "$(mutables "$archive")"
fi
check "finds a socket" imports 'imports socket$' 'int socket(int, int, int); int planted(void) { return socket(1, 2, 3); }'
check "finds a clock" imports 'imports clock_gettime$' '#include <time.h>
int planted(struct timespec *ts) { return clock_gettime(0, ts); }'
check "finds randomness" imports 'imports getrandom$' '#include <sys/random.h>
long planted(char *octets) { return getrandom(octets, 8, 0); }'
check "finds a file" imports 'imports ldns_rr_new_frm_fp$' 'int ldns_rr_new_frm_fp(void); int planted(void) { return ldns_rr_new_frm_fp(); }'
check "finds a mutable static" mutables 'keeps counter.* mutable' 'int planted(void) { static int counter; return counter++; }'
check "finds a mutable global" mutables 'keeps level mutable' 'int level = 3;'
tap_done
