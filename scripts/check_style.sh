#!/bin/bash
# Source checks that a compiler does not make. Prints one line per finding,
# counts checks at the end and exits 1 when one found something.
#
#   check_style.sh [ROOT]
#
# A check whose tool is missing is counted as skipped and says so.
set -u

cd "${1:-$(dirname "$0")/..}" || exit 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
passed=0 failed=0 skipped=0

if [ -d .git ] || [ -f .git ]; then
	mapfile -t files < <(git ls-files --cached --others --exclude-standard |
		while IFS= read -r f; do [ -f "$f" ] && echo "$f"; done)
else
	mapfile -t files < <(find . -type f -not -path './build/*' | sed 's|^\./||' | sort)
fi

# Prints the files whose names match the pattern $1 and not $2.
select_files() {
	printf '%s\n' "${files[@]}" | grep -E "$1" | grep -vE "${2:-^$}"
}

result() {
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL: $1"
	fi
}

skip() {
	skipped=$((skipped + 1))
	echo "skip: $1"
}

# A check that greps: findings are failures.
forbid() {
	local what=$1 pattern=$2 found
	shift 2

	[ $# -gt 0 ] || { result "$what" 0; return; }
	found=$(grep -nEH "$pattern" "$@")
	[ -z "$found" ] || printf '%s\n' "$found"
	result "$what" "$([ -z "$found" ] && echo 0 || echo 1)"
}

check_format() {
	local found

	# Another version breaks lines elsewhere: only 14 can judge.
	if ! clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
		skip "clang-format 14 is not installed"
		return
	fi
	found=$(select_files '\.[ch]$' | xargs -r -P 2 -n 16 clang-format --dry-run --Werror 2>&1 |
		grep -oE '^[^ :]+:[0-9]+:[0-9]+: error' | cut -d: -f1 | sort -u)
	[ -z "$found" ] || printf '%s\n' "$found" | sed 's/$/: run clang-format -i/'
	result "clang-format" "$([ -z "$found" ] && echo 0 || echo 1)"
}

check_shell() {
	local status=0 scripts

	if ! command -v shellcheck > /dev/null; then
		skip "shellcheck is not installed"
		return
	fi
	mapfile -t scripts < <(printf '%s\n' "${files[@]}" | xargs -r -d '\n' \
		awk 'FNR == 1 { if (/^#!.*[\/ ](ba)?sh$/) print FILENAME; nextfile }')
	[ ${#scripts[@]} -eq 0 ] || shellcheck -x "${scripts[@]}" || status=1
	result "shellcheck" $status
}

# clang-format puts the braces of a function, and nothing else, in column 0.
check_functions() {
	local found

	found=$(select_files '\.[ch]$' | xargs -r "$here/check_functions.pl")
	[ -z "$found" ] || printf '%s\n' "$found"
	result "functions: at most 70 lines, 5 parameters" \
		"$([ -z "$found" ] && echo 0 || echo 1)"
}

check_includes() {
	local base page slab loads harness

	mapfile -t base < <(select_files '^alloc/base/.*\.[ch]$' '/tests/')
	mapfile -t page < <(select_files '^alloc/page/.*\.[ch]$' '/tests/')
	mapfile -t slab < <(select_files '^alloc/slab/.*\.[ch]$' '/tests/')
	mapfile -t loads < <(select_files '^workloads/.*\.[ch]$' '/tests/')
	mapfile -t harness < <(select_files '^harness/.*\.[ch]$' '^harness/bind|/tests/')
	forbid "alloc/base includes only alloc/base" \
		'^#include "([^a]|a[^l]|alloc/[^b])' "${base[@]}"
	forbid "alloc/page includes only alloc/base and alloc/page, and no engine" \
		'^#include "([^a]|a[^l]|alloc/[^bp]|alloc/page/engines)' "${page[@]}"
	forbid "alloc/slab includes only alloc/base, alloc/page and alloc/slab, and no engine" \
		'^#include "([^a]|a[^l]|alloc/[^bps]|alloc/(page|slab)/engines)' "${slab[@]}"
	forbid "workloads include interfaces of alloc, no engine, no harness" \
		'^#include ".*(engines/|harness/)' "${loads[@]}"
	forbid "harness sees an engine only in its bind files" \
		'^#include ".*engines/' "${harness[@]}"
}

check_words() {
	local code text

	mapfile -t code < <(select_files '\.[ch]$' '/tests/|^harness/main\.c$')
	forbid "exit() and perror() only in harness/main.c" \
		'(^|[^_[:alnum:]."])(exit|perror)\(' "${code[@]}"
	mapfile -t code < <(select_files '\.[ch]$')
	forbid "atomics name their memory order" \
		'\batomic_(load|store|exchange|compare_exchange_(weak|strong)|fetch_[a-z]+)\(' \
		"${code[@]}"
	mapfile -t text < <(select_files '\.([ch]|sh|gp|py|ini|md|1|in|java)$|Makefile$|^\.ci/' \
		'(^|/)check_style\.sh$|(^|/)tests/style\.sh$')
	forbid "no unfinished work" '\b(TODO|FIXME|XXX|HACK)\b' "${text[@]}"
	forbid "no paths of a workplace" '(^|[^[:alnum:]])/(work|home)/[a-z]' "${text[@]}"
}

check_pairs() {
	local status=0

	"$here/check_pairs.sh" . || status=1
	result "memory order tags have both sides" $status
}

check_cppcheck() {
	local status=0 code

	if ! command -v cppcheck > /dev/null; then
		skip "cppcheck is not installed"
		return
	fi
	mapfile -t code < <(select_files '^(alloc|workloads|harness)/.*\.c$' '/tests/')
	[ ${#code[@]} -eq 0 ] || cppcheck -q -j 2 --error-exitcode=1 \
		--std=c11 --enable=warning,portability --inline-suppr \
		--suppress=missingInclude --suppress=missingIncludeSystem \
		--suppressions-list="$here/cppcheck.txt" \
		-I. -D_GNU_SOURCE -D__x86_64__ -DENGINE_NAME='""' "${code[@]}" || status=1
	result "cppcheck" $status
}

check_format
check_functions
check_includes
check_words
check_pairs
check_shell
check_cppcheck
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
