#!/bin/bash
# Disassembles the measured loops and fails on what would falsify a number.
#
#   check_loops.sh [--call] OBJECT...       (default: the objects in $OBJECTS)
#
# OBJECT is an object of harness/bind_page.c or harness/bind_slab.c,
# harness/floor.o or the program.
# For each bound_<workload>_{raw,lat}.<engine>:
#   - no indirect call or jump, but for the table of a switch
#   - no call of alloc_pages(), kmem_cache_alloc() and their kin, which go
#     through the table of hooks
#   - raw holds no clock read, lat holds at least two
#   - the stores that the engine's file promises are there. It promises them in
#     a comment line, `Loop stores: FUNCTION...`: each FUNCTION is one of the
#     inline functions that make up the loop, with at least one instruction of
#     its own lines that writes to memory. Name some of the allocation's and
#     some of the free's. A workload whose calls are all out of line (bulk
#     forms) has such a line itself, which stands instead.
#   - every workload of workloads/page (slab engines: workloads/slab), or of
#     $WORKLOADS, has both forms
# --call: objects of a HOT=call build, whose hooks are functions: the promised
# stores are not looked for. For harness/floor.o: each floor does what it says.
#
# One line per finding, a count at the end; exit status 1 when there was one.
# Needs objects with debug information (-g) and the sources that they were made
# from; x86-64.
set -u

top=$(cd "$(dirname "$0")/.." && pwd) || exit 2
form=inline
if [ "${1-}" = --call ]; then
	form=call
	shift
fi
if [ $# -eq 0 ]; then
	read -r -a objects <<<"${OBJECTS-}"
	set -- "${objects[@]}"
fi
if [ $# -eq 0 ]; then
	echo "check_loops.sh: no objects given" >&2
	exit 2
fi
if [ "$(uname -m)" != x86_64 ]; then
	echo "check_loops.sh: knows x86-64 only"
	exit 77
fi
command -v objdump >/dev/null || {
	echo "check_loops.sh: no objdump (binutils)" >&2
	exit 2
}
listing=$(mktemp) || exit 2
trap 'rm -f "$listing"' EXIT
for object in "$@"; do
	echo "OBJECT $object"
	objdump -dlr --no-show-raw-insn "$object" || exit 2
done >"$listing" || exit 2
cd "$top" && FORM=$form perl scripts/check_loops.pl "$listing"
