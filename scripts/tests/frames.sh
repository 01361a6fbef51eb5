#!/bin/bash
# frames=huge: what a run says of the pages under its frames, of a machine whose
# zones are whole huge pages; vmalloc maps such frames at second addresses.
#
#   ZONEBENCH=build/zonebench frames.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

bin=$(realpath "${ZONEBENCH:-build/zonebench}") || exit 2
modes=/sys/kernel/mm/transparent_hugepage/shmem_enabled
if [ ! -r "$modes" ] || grep -qF '[deny]' "$modes"; then
	echo "skip: this host has no huge pages for shared memory"
	exit 77
fi
cat > "$tmp/job.ini" <<'END'
[global]
frames=huge
touch=all
runtime=5ms
warmup=0s
lat_runtime=0s
interval=5ms
repeat=1
[node]
cpus=0
dma32=4096+4096
[pair]
[plain]
workload=pair
frames=4k
[vmalloc]
area=1M-1M
[library]
workload=obj_pair
engine=malloc:glibc
END
"$bin" run "$tmp/job.ini" out="$tmp/run" > "$tmp/said" 2>&1
status=$?
if grep -q 'frames=huge: .*\(MADV_COLLAPSE\|Cannot allocate memory\)' "$tmp/said"; then
	grep -m1 'frames=huge' "$tmp/said"
	echo "skip: this host has no huge pages for shared memory"
	exit 77
fi
expect "the run's exit status is $status: $(tail -n 3 "$tmp/said")" [ "$status" -eq 0 ]

# share CELL: as its result has it, or nothing
share() {
	sed -n '/"frames_huge_share"/,/}/s/ *"value": //p' "$tmp"/run/cells/"$1"/rep-00/result.json
}

for cell in zonelock-pair-t1-o0 zonelock-vmalloc-t1; do
	said=$(share "$cell")
	expect "$cell: share '$said'" [ "${said%.0}" = 1 ]
done
# a library has frames of its own
for cell in zonelock-plain-t1-o0 malloc_glibc-library-t1; do
	expect "$cell has a result" grep -q '"ns_per_op"' \
		"$tmp/run/cells/$cell/rep-00/result.json"
	said=$(share "$cell")
	expect "$cell: share '$said'" [ -z "$said" ]
done
expect "the frames are told apart" grep -q '"frames": "huge"' \
	"$tmp/run/cells/zonelock-pair-t1-o0/rep-00/result.json"
finish
