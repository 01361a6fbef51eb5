#!/bin/bash
# The style checks find what they are for: a small tree that is clean passes,
# and each thing that is wrong in it is named.
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

checks=$PWD/scripts/check_style.sh
tree=$tmp/tree

new_tree() {
	rm -rf "$tree"
	mkdir -p "$tree"/alloc/{base,page/engines} "$tree"/{workloads,harness,scripts}
	cp .clang-format "$tree"
	printf '#include "alloc/base/a.h"\n\nint a_sum(int x, int y)\n{\n\treturn x + y;\n}\n' \
		> "$tree/alloc/base/a.c"
	echo 'int a_sum(int x, int y);' > "$tree/alloc/base/a.h"
}

# finds PATTERN FILE TEXT: with TEXT in FILE the checks fail and say PATTERN.
finds() {
	local output

	new_tree
	printf '%b' "$3" > "$tree/$2"
	if output=$("$checks" "$tree" 2>&1); then
		fail "not found: $1"
	elif ! grep -qE "$1" <<< "$output"; then
		fail "wrong finding for $1: $output"
	else
		pass
	fi
}

new_tree
expect "a clean tree" "$checks" "$tree"

body=$(printf '\\tx++;\\n%.0s' {1..71})
finds 'long.c:2: function of 72 lines' harness/long.c \
	"int f(int x)\n{\n$body\treturn x;\n}\n"
finds 'wide.c:2: function of 6 parameters' harness/wide.c \
	'int f(int a, int b, int c, int d, int e, int (*g)(int, int))\n{\n\treturn a;\n}\n'
finds 'base includes only' alloc/base/b.c '#include "alloc/page/page.h"\n'
finds 'page includes only' alloc/page/b.c '#include "workloads/x.h"\n'
finds 'page includes only' alloc/page/b.c '#include "alloc/page/engines/null.c"\n'
finds 'page includes only' alloc/page/engines/b.c '#include "harness/x.h"\n'
finds 'workloads include' workloads/b.h '#include "alloc/page/engines/null.c"\n'
finds 'workloads include' workloads/b.h '#include "harness/job.h"\n'
finds 'harness sees' harness/b.c '#include "alloc/page/engines/null.c"\n'
finds 'exit\(\) and perror' harness/b.c 'void f(void)\n{\n\texit(1);\n}\n'
finds 'exit\(\) and perror' alloc/page/b.c 'void f(void)\n{\n\tperror("x");\n}\n'
finds 'atomics name' alloc/page/b.c 'int f(_Atomic int *x)\n{\n\treturn atomic_load(x);\n}\n'
finds 'no unfinished work' harness/b.c '/* TO''DO: later */\n'
finds 'no paths' harness/b.c '/* see /''home/me/x */\n'
finds 'ACQ\(one\) has no REL' alloc/page/b.c '/* ACQ(one): sees the list */\n'
finds 'REL\(two\) has no ACQ' alloc/page/b.c '/* REL(two): list before head */\n'
finds 'memory_order_acquire without' alloc/page/b.c \
	'int f(_Atomic int *x)\n{\n\treturn atomic_load_explicit(x, memory_order_acquire);\n}\n'
finds 'memory_order_relaxed without' alloc/page/b.c \
	'int f(_Atomic int *x)\n{\n\treturn atomic_load_explicit(x, memory_order_relaxed);\n}\n'
if command -v clang-format > /dev/null; then
	finds 'run clang-format' harness/b.c 'int  f ( void ) ;\n'
else
	skip "no clang-format"
fi
if command -v shellcheck > /dev/null; then
	# shellcheck disable=SC2016 # the unquoted variable is the finding
	finds 'SC2086' scripts/b.sh '#!/bin/sh\nls $1\n'
else
	skip "no shellcheck"
fi
finish
