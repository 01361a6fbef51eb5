#!/bin/bash
# goals.pl: verdicts over samples with known medians, and what it refuses.
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

head=run,cell,engine,workload,machine,threads,order,rep,metric,unit,better,value,flags

# sample CELL ENGINE METRIC VALUE...: one line a repetition.
sample() {
	local cell=$1 engine=$2 metric=$3 rep=0 v
	shift 3

	for v in "$@"; do
		echo "r,$cell,$engine,w,\"m,1\",1,0,$rep,$metric,u,lower,$v,"
		rep=$((rep + 1))
	done
}

mkdir "$tmp/run" "$tmp/frag" "$tmp/bad"
{
	echo "$head"
	sample pcp_rseq-pair-t1-o0 pcp_rseq ns_per_op 3 3.1 3.2
	sample pcp_rseq-pair-t1-o0 floor:rseq_stack ns_per_op 1.5 1.55 1.7
	sample pcp_rseq-pair-t1-o0 floor:rseq_stack ns_per_op_spread 1 1 1
	sample pcp-pair-t1-o0 pcp ns_per_op 20 20 20
	sample pcp-pair-t1-o0 floor:lock_pair ns_per_op 5 5 5
	sample zonelock-pair-t2-o0 zonelock zone_lock_contended 0.8 0.9 0.7
	sample rcu-bulk_shuffle-t2-o0 rcu lat_free_p99_9 90 100 110
	sample zonelock-bulk_shuffle-t2-o0 zonelock lat_free_p99_9 80 200 300
	sample rcu-churn-t2 rcu limbo_max_pages 90 101 80
	sample rcu-churn-t2 rcu limbo_limit_pages 100 100 100
} > "$tmp/run/samples.csv"
{
	echo "$head"
	for e in zonelock=1=1=0 pcp=0.8=1=6000 rcu=0.5=0.6=600; do
		IFS='=' read -r engine end drained cached <<< "$e"
		sample "$engine-churn-t2" "$engine" huge_asked 100
		sample "$engine-churn-t2" "$engine" huge_rate_end "$end"
		sample "$engine-churn-t2" "$engine" huge_rate_drained "$drained"
		sample "$engine-churn-t2" "$engine" cached_pages_end "$cached"
		sample "$engine-churn-t2" "$engine" limbo_max_pages 512
	done
} > "$tmp/frag/samples.csv"

scripts/goals.pl "$tmp/run" "$tmp/frag" > "$tmp/out"
status=$?
expect "a goal that is not met ends with status 1" [ $status -eq 1 ]

# row START EXPECTED: the one line that begins so ends so.
row() {
	local line
	line=$(grep -F "$1" "$tmp/out" | tr -s ' ')
	expect "row '$1': '$line', expected '$2'" [ "${line% }" != "${line%"$2"}" ]
}
# 2, 2, 1.88: floors are divided within a repetition
row "pcp_rseq pair, 1 thread / rseq pop+push" "<= 2x 2.00 [1.88 .. 2.00] met"
row "pcp_rseq pair, 1 thread / pcp" "<= 0.5x 0.15 [0.15 .. 0.16] met"
row "pcp pair, 1 thread / lock pair" "<= 3x 4.00 [4.00 .. 4.00] not met"
row "takings of the lock that found it held" "0.80 [0.70 .. 0.90]"
row "free() in random order" "< 1x 0.50 [0.30 .. 1.38] open"
row "bulk of 128 Ki frames" "<= 0.5x - no number"
row "rcu, most in limbo" "not met"
# 20 blocks short, 6512 pages kept back; 50 short, 1112 pages
row "blocks missing / blocks' worth kept back, pcp " "1.57] not met"
row "blocks missing / blocks' worth kept back, rcu" "not met"

scripts/goals.pl --markdown "$tmp/run" > "$tmp/out"
expect "markdown has a rule below its head" grep -q '^| --- | --- | --- | --- |$' "$tmp/out"

sed -n '1p;/pcp_rseq-pair/p;/,pcp-pair/s/,20,/,14,/p;/,pcp-pair.*floor/p' "$tmp/run/samples.csv" |
	sort -u | sort -t, -k1,1r > "$tmp/bad/samples.csv"
scripts/goals.pl "$tmp/bad" > "$tmp/out"
expect "no goal missed, status 0" [ $? -eq 0 ]

mkdir "$tmp/slab"
{
	echo "$head"
	sample slub-obj_pair-t1-size_64 slub ns_per_op 3 3 3
	sample slub-obj_pair-t1-size_64 slub throughput 10 10 10
	sample slub-obj_pair-t1-size_64 floor:rseq_stack ns_per_op 1.5 1.6 1.7
	sample slub-obj_pair-t2-size_64 slub throughput 18 18 18
	sample null-obj_pair-t1-size_64 null throughput 20 20 20
	sample null-obj_pair-t2-size_64 null throughput 38 36 40
	sample malloc_glibc-obj_pair-t1-size_64 malloc:glibc ns_per_op 5 5 5
	sample slub-obj_rand-t1 slub ns_per_op 90 180 90
	sample malloc_glibc-obj_rand-t1 malloc:glibc ns_per_op 120 120 120
	sample malloc_mimalloc-obj_rand-t1 malloc:mimalloc ns_per_op 80 160 75
	sample sheaves-obj_rand-t1 sheaves ns_per_op 75 160
	sample slab-obj_remote-t2 slab ns_per_op 300 300 300
	sample sheaves-obj_remote-t2 sheaves ns_per_op 90 80 100
	sample malloc_mimalloc-obj_remote-t2 malloc:mimalloc ns_per_op 200 160 200
	sample malloc_jemalloc-obj_remote-t2 malloc:jemalloc ns_per_op 60 80 80
	sample slob-kmalloc_mix-t1 slob slab_utilisation 0.9 0.9 0.9
} > "$tmp/slab/samples.csv"
scripts/goals.pl --slab "$tmp/slab" > "$tmp/out"
expect "a slab goal that is not met ends with status 1" [ $? -eq 1 ]
row "slub pair of 64 bytes, 1 thread / rseq pop+push" "<= 2x 1.88 [1.76 .. 2.00] met"
row "slub pair of 64 bytes, 1 thread / malloc_glibc" "< 1x 0.60 [0.60 .. 0.60] met"
row "slub pair of 64 bytes, 1 thread / malloc_jemalloc" "< 1x - no number"
row "slub pair of 64 bytes, throughput of 2 threads / 1" ">= 1.9x 1.80 [1.80 .. 1.80] not met"
row "the same of null: what the host gives two threads" "reported 1.90 [1.80 .. 2.00]x"
row "obj_rand, slub / best of the libraries, malloc_mimalloc" "<= 1x 1.12 [1.12 .. 1.20] not met"
row "obj_rand, sheaves / best of the libraries, malloc_mimalloc" "<= 1x 0.97 [0.94 .. 1.00] met"
row "obj_remote, sheaves / malloc_mimalloc" "<= 1x 0.50 [0.45 .. 0.50] met"
row "obj_remote, sheaves / best of the libraries, malloc_jemalloc" \
	"reported 1.25 [1.00 .. 1.50]x"
row "kmalloc_mix, utilisation, slob" "reported 0.90 [0.90 .. 0.90]"

mkdir "$tmp/pressure"
{
	echo "$head"
	for setting in on=1000 off=9000; do
		sample "pcp-pagecache-t1-kswapd_${setting%=*}" pcp lat_alloc_p99 "${setting#*=}"
		sample "rcu-pagecache-t1-kswapd_${setting%=*}" rcu lat_alloc_p99 4000
		sample "pcp-pagecache-t1-kswapd_${setting%=*}" pcp pages_wrong 0 0
	done
} > "$tmp/pressure/samples.csv"
scripts/goals.pl --pressure "$tmp/pressure" > "$tmp/out"
expect "pressure: a goal that is not met ends with status 1" [ $? -eq 1 ]
row "pagecache, pcp: p99" ">= 5x 9.00 [9.00 .. 9.00] met"
row "pagecache, rcu: p99" ">= 5x 1.00 [1.00 .. 1.00] not met"
row "pages that were not as they were left" "<= 0 0.00 [0.00 .. 0.00] met"
sed -i 's/pages_wrong,u,lower,0/pages_wrong,u,lower,1/' "$tmp/pressure/samples.csv"
scripts/goals.pl --pressure "$tmp/pressure" > "$tmp/out"
row "pages that were not as they were left" "not met"

echo "run,cell" > "$tmp/bad/samples.csv"
scripts/goals.pl "$tmp/bad" > "$tmp/out" 2> "$tmp/err"
expect "other columns are refused" [ $? -eq 2 ]
expect "with one line" [ "$(wc -l < "$tmp/err")" -eq 1 ]
scripts/goals.pl > "$tmp/out" 2> "$tmp/err"
expect "no folder is refused" [ $? -eq 2 ]
scripts/goals.pl "$tmp/none" > "$tmp/out" 2> "$tmp/err"
expect "a folder without samples is refused" [ $? -eq 2 ]
finish
