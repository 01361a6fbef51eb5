#!/bin/bash
# Controls of check_loops.sh: it must accept a sound loop and refuse each of
# the ways in which a loop can be unsound. The engine here is a stack of pfns:
# its allocation never fails, and it writes what its free would write over, so a
# compiler that may look through the pair drops the allocation's store.
#
#   check_loops_test.sh        CC and CLANG name the compilers
set -u

top=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
if [ "$(uname -m)" != x86_64 ]; then
	echo "check_loops.sh knows x86-64 only"
	exit 77
fi
unset MAKEFLAGS MFLAGS MAKELEVEL
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# engine PRELUDE ALLOC: the control engine, with text in front of it and at
# the beginning of its allocation.
engine() {
	cat <<-END
	/* Loop stores: control_rmqueue control_free */
	#include "alloc/base/event.h"
	$1
	#include "alloc/page/page_alloc.h"

	static uint32_t control_top, control_next[1024];

	ENGINE_HOT pfn_t control_rmqueue(struct page_ctx *ctx, struct zone *zone,
					 unsigned order, unsigned mt,
					 unsigned alloc_flags)
	{
		uint32_t pfn = control_top % 1024;

		(void)ctx; (void)zone; (void)order; (void)mt; (void)alloc_flags;
		$2
		control_top = control_next[pfn];
		return (pfn_t){ pfn };
	}

	ENGINE_HOT void control_free(struct page_ctx *ctx, struct zone *zone,
				     pfn_t pfn, unsigned order,
				     unsigned fpi_flags)
	{
		(void)ctx; (void)zone; (void)order; (void)fpi_flags; (void)pfn;
		control_next[pfn.v] = control_top;
		control_top = pfn.v;
	}

	static const struct page_ops engine_ops = {
		.name = ENGINE_NAME,
		.features = PAGE_F_FLOOR,
		.rmqueue = control_rmqueue,
		.free = control_free,
	};
	END
}

# verdict WANT NAME PATTERN COMPILER MAKE-ARGUMENT...: builds pair with the
# engine on stdin; check_loops.sh must say WANT (0 or 1) and, for a refusal,
# give a reason that matches PATTERN.
verdict() {
	local want=$1 name=$2 pattern=$3 compiler=$4 said status
	local dir=$tmp/$compiler-$2

	shift 4
	mkdir -p "$dir/engines"
	cat >"$dir/engines/control.c"
	if ! make -s -C "$top" CC="$compiler" B="$dir" WORKLOADS=pair \
		ENGINE_DIRS="$dir/engines" "$@" "$dir/bind/page/control.o" \
		>"$dir/log" 2>&1; then
		echo "FAIL $compiler $name: does not build"
		cat "$dir/log"
		failed=$((failed + 1))
		return
	fi
	said=$(WORKLOADS=$expect "$top/scripts/check_loops.sh" \
		"$dir/bind/page/control.o")
	status=$?
	if [ "$status" -ne "$want" ]; then
		echo "FAIL $compiler $name: status $status, wanted $want"
	elif [ "$want" -ne 0 ] && ! grep -q "$pattern" <<<"$said"; then
		echo "FAIL $compiler $name: refused for another reason"
	else
		passed=$((passed + 1))
		return
	fi
	printf '%s\n' "$said"
	failed=$((failed + 1))
}

controls() {
	local cc=$1 expect=pair

	verdict 0 sound "" "$cc" < <(engine "" "")
	verdict 1 unoptimised "indirect: call" "$cc" OPT=-O0 < <(engine "" "")
	verdict 1 not-inlined "no store of" "$cc" HOT=call < <(engine "" "")
	expect="pair bulk"
	verdict 1 workload-missing "bound_bulk_raw.control: missing" "$cc" \
		< <(engine "" "")
	expect=pair
	verdict 1 through-the-table "indirect: call" "$cc" \
		< <(engine "" "return ctx->ops->rmqueue(ctx, zone, order, mt, 0);")
	verdict 0 dead-call "" "$cc" \
		< <(engine "" "if (mt) return alloc_pages(ctx, alloc_flags, order);")
	verdict 1 out-of-line-twin "calls alloc_pages" "$cc" \
		< <(engine "" "if (!pfn) return alloc_pages(ctx, alloc_flags, order);")
	verdict 1 clock-in-raw "raw.control: reads the clock" "$cc" \
		< <(engine "" "control_next[0] = (uint32_t)tsc_read();")
	verdict 1 not-opaque "no store of control_" "$cc" \
		< <(engine "#define opaque(pfn) (pfn)" "")
	verdict 1 no-promise "has no line" "$cc" \
		< <(engine "" "" | sed 's/Loop stores/Nothing promised/')
	verdict 1 deleted "no store of control_free" "$cc" \
		< <(engine "" "" |
		     sed '/control_next.pfn.v. =/d; /control_top = pfn.v/d')
}

for compiler in "${CC:-gcc}" "${CLANG:-clang}"; do
	if command -v "$compiler" >/dev/null; then
		controls "$compiler"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
