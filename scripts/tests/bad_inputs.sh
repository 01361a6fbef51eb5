#!/bin/bash
# Wrong command lines and job files: each gives one line on stderr that says
# what was expected, exit status 2, nothing on stdout, and no file.
#
#   ZONEBENCH=build/zonebench bad_inputs.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

bin=$(realpath "${ZONEBENCH:-build/zonebench}") || exit 2
mkdir "$tmp/cwd" "$tmp/jobs"

# refused PATTERN ARGUMENT...
refused() {
	local pattern=$1 status why=
	shift

	(cd "$tmp/cwd" && timeout 20 "$bin" "$@") > "$tmp/out" 2> "$tmp/err" < /dev/null
	status=$?
	[ "$status" -eq 2 ] || why="exit status $status"
	[ "$(wc -l < "$tmp/err")" -eq 1 ] || why="$why, $(wc -l < "$tmp/err") lines"
	grep -q '^zonebench: ' "$tmp/err" || why="$why, no prefix"
	grep -qE -- "$pattern" "$tmp/err" || why="$why, no '$pattern'"
	[ ! -s "$tmp/out" ] || why="$why, text on stdout"
	[ -z "$(ls -A "$tmp/cwd")" ] || why="$why, left $(ls -A "$tmp/cwd")"
	rm -rf "$tmp/cwd"
	mkdir "$tmp/cwd"
	if [ -z "$why" ]; then
		pass
	else
		fail "$(printf '%q ' "$@"): $why: $(head -c 300 "$tmp/err")"
	fi
}

# job PATTERN TEXT: the job file TEXT is refused.
job() {
	printf '%b' "$2" > "$tmp/jobs/job.ini"
	refused "$1" run "$tmp/jobs/job.ini"
}

# commands
refused 'expected a command'
refused 'expected a command' ''
refused "did you mean 'run'" rnu
refused "did you mean 'list'" lst
refused 'expected' --bogus
refused 'expected' list
refused "did you mean 'engines'" list engine
refused 'expected' list options --format=xml
refused 'expected' list engines workloads
refused 'expected' show
refused "did you mean 'zoneinfo'" show zoneinf mem=4G
refused 'expected' plot
refused 'expected' plot a b
refused '/nonexistent: expected a run folder' plot /nonexistent
refused 'expected' capture
refused 'expected' capture a b
refused 'expected' conform
refused 'expected' run --resume
refused 'expected' run --resume a b
refused 'expected' run --frobnicate

# keys
refused "did you mean 'engine'" run engin=null
refused "did you mean 'threads'" run threds=1 engine=null
refused 'expected' run =1
refused 'expected' run engine
refused 'expected' run 'bogus=1'
refused 'expected' run $'or\nder=1'
refused 'expected' run "$(printf 'x%.0s' {1..5000})=1"
refused 'expected' run cpus=0
refused 'expected' show zoneinfo engine=null

# values
refused "did you mean 'zonelock'" run engine=zonlock
refused "did you mean 'pair'" run workload=piar
refused 'expected' run engine=
refused 'expected' run engine=null,
refused 'expected' run engine=,null
refused 'expected' run engine=null engine=../../etc/passwd
refused 'expected' run threads=0
refused 'expected' run threads=-1
refused 'expected' run threads=1.5
refused 'expected' run threads=101%
refused 'expected' run threads=0%
refused 'expected' run threads=99999999999999999999
refused 'expected.*vmalloc' run order=11
refused 'expected' run order=x
refused 'expected' run order=-0
refused 'expected' run order=0x1
refused 'expected' run order=' '
refused 'expected' run runtime=0
refused 'expected' run runtime=1fortnight
refused 'expected' run runtime=1e9
refused 'expected' run runtime=-5ms
refused 'expected' run repeat=0
refused 'expected' run repeat=100
refused 'expected' run seed=18446744073709551616
refused 'expected' run sample=3
refused 'expected' run touch=frist
refused 'expected' run gfp=GFP_KERNAL
refused 'expected' run gfp=
refused 'expected' run workload=churn occupancy=0%
refused 'expected' run workload=churn occupancy=96%
refused 'expected' run workload=exact bytes=0
refused 'expected' run workload=exact bytes=8M
refused 'expected' run workload=exact bytes=8K-4K
refused 'expected' run workload=vmalloc area=0
refused 'expected' run workload=vmalloc area=8M-4M
refused 'at most 122876 KiB.*122880 KiB of addresses' run workload=vmalloc layout=i386 mem=2G area=120M
refused 'at most 8188 KiB' run workload=vmalloc mem=1G vmalloc=8M area=8M,16M
refused 'more than the machine has' run workload=vmalloc mem=64M area=65M
refused 'at most 888 MiB' run workload=vmalloc layout=i386 mem=2G vmalloc=900M
refused 'frames for workload vmalloc' run engine=null workload=vmalloc
refused 'HIGHMEM.*layout=i386' run workload=kmap mem=4G
refused 'HIGHMEM.*layout=i386' run workload=kmap layout=i386 mem=512M
refused 'expected' run placement=nowhere
refused 'expected' run placement=node:
refused 'expected' run placement=node:64
refused 'expected' run placement=pairs:0
refused 'expected' run placement=pairs:0-x
refused 'expected a node from 0 to' run placement=node:63
refused 'expected nodes from 0 to' run placement=pairs:0-63 threads=2
refused 'even number of threads for placement=pairs' run placement=pairs:0-0 threads=1
refused 'expected' run mem_policy=near
refused 'expected' run mem_policy=bind
refused 'expected' run mem_policy=local/
refused 'expected' run mem_policy=bind:64
refused 'expected a node that the machine has' run mem_policy=bind:63
refused 'another node' run mem_policy=remote mem=64M
refused 'expected nodes that this host has' run cpus=node:63
refused 'expected cores that this process may use' run cpus=core:65000
refused 'expected CPUs that this host has, not CPU 1000' run cpus=cpu:1000
refused "joined by '[+]'" run cpus=0-1,1
refused 'expected' run cpus=0-1-2
refused 'expected' run cpus=socket:0
refused 'expected' run cpus=node:
refused 'a set says where threads run' show zoneinfo mem=64M cpus=node:0
refused 'expected touch=first or touch=all' run workload=numa_touch mem=64M
refused 'expected touch=first or touch=all' run workload=pair mem=64M frames=huge
refused 'expected 4k or huge' run frames=2m mem=64M touch=all
refused 'expected threads=1' run workload=fallback mem=64M threads=2 oversubscribe=1
refused 'mem= besides' run machine=numa
refused 'at least 4 MiB for each' run machine=host mem=1M
refused 'expected' run name=../up
refused 'expected' run name=.hidden
refused 'expected' run oversubscribe=maybe
refused 'oversubscribe' run threads=$(($(nproc) * 4))
refused 'even number' run workload=remote_free threads=1

# machines
refused 'expected' show zoneinfo mem=0
refused 'expected' show zoneinfo mem=1Q
refused 'expected' show zoneinfo mem=99999T
refused 'expected' show zoneinfo mem=4G nodes=0
refused 'expected' show zoneinfo mem=4G nodes=65
refused 'expected' show zoneinfo mem=4G cpus=0
refused 'expected' show zoneinfo mem=4G cpus=100000
refused 'expected' show zoneinfo mem=4G layout=sparc
refused 'expected' show zoneinfo mem=4G kernel=2.4
refused 'expected' show zoneinfo mem=4G thp=often
refused 'expected' show zoneinfo mem=4G nodes=2 distances=10
refused 'expected' show zoneinfo mem=4G nodes=2 'distances=10 20;20'
refused 'expected' show zoneinfo mem=4G nodes=2 'distances=10 x;20 10'
refused 'expected' show zoneinfo mem=4G nodes=2 'distances=11 20;20 10'
refused 'expected' show zoneinfo mem=4G lowmem_reserve_ratio=a
refused 'expected' show zoneinfo mem=4G min_free_kbytes=-1
refused 'expected' show zoneinfo mem=4G watermark_scale_factor=0
refused 'expected' show zoneinfo mem=4G watermark_scale_factor=3001
refused 'expected' show zoneinfo mem=4G percpu_pagelist_high_fraction=7
refused '.' show zoneinfo machine=hwloc:nonsense:
refused '.' show zoneinfo machine=mars
refused '.' show zoneinfo machine=
refused 'expected' topo mem=4G mem=x
refused '/nonexistent: expected a run folder|/nonexistent/' topo run=/nonexistent
refused 'expected' topo cell=x

# caches
refused 'expected an integer from 1 to 4194304' show cache size=0
refused 'expected an integer from 1 to 4194304' show cache size=4194305
refused 'size=4194304: expected an object that a slab of 4194304 bytes holds' show cache size=4194304 flags=red_zone
refused 'usersize=11: expected at most the 10 bytes' show cache size=10 usersize=11
refused 'nr_possible=1: expected at least the 2 CPUs' show cache cpus=2 nr_possible=1
refused 'expected none, or cache flags' show cache flags=bogus
refused 'expected' show cache align=3
refused 'expected' show cache slub_max_order=11
refused 'flags=red_zone: expected no debug flags for engine=slab' show cache engine=slab flags=red_zone
refused 'expected no debug flags for engine=slob' show cache engine=slob flags=poison
refused 'engine=pcp: expected a slab engine' show cache engine=pcp
refused 'engine=null: expected a slab engine' show cache engine=null
refused 'size=3: expected a key that may stand here' show slabinfo size=3
refused 'expected' show slabinfo ctor=1
refused 'engine=slob: expected an engine with slabinfo' show slabinfo engine=slob
refused 'expected' run ctor=1 engine=slub workload=obj_pair

# slab logs
refused '/nonexistent: ' conform kernel-log=/nonexistent
slab_log() {
	printf '%b' "$2" > "$tmp/jobs/a.log"
	refused "$1" conform kernel-log="$tmp/jobs/a.log"
}
slab_log 'a.log:1: expected KC NAME SIZE ALIGN FLAGS' 'KC a\n'
slab_log 'a.log:1: expected KC' 'KC a 0 0 - -> ok\n'
slab_log 'a.log:1: expected flags' 'KC a 64 3 - -> ok\n'
slab_log 'a.log:1: expected flags' 'KC a 64 0 z -> ok\n'
slab_log 'a.log:1: expected the name' 'KA 1 a -> slab 0 offset 0 order 0 pfn 1\n'
slab_log 'a.log:1: expected the id' 'KF 1\n'
slab_log 'a.log:1: expected a slab command' 'KX\n'
slab_log 'a.log:2: cache a exists' 'KC a 64 0 - -> ok\nKC a 64 0 - -> ok\n'

# job files
job 'job.ini:1: ' 'order = 0\n'
job 'job.ini:1: ' '[pair\norder = 0\n'
job 'job.ini:2: ' '[pair]\norder\n'
job "job.ini:2: .*did you mean 'order'" '[pair]\nordr = 0\n'
job 'job.ini:3: .*expected' '[pair]\n\norder = 12\n'
job 'job.ini:2: .*expected' '[pair]\norder =\n'
job 'job.ini:2: .*expected' '[pair]\n= 3\n'
job "job.ini:1: .*did you mean 'pair'" '[piar]\n'
job 'job.ini:2: ' "[pair]\norder = $(printf '1%.0s' {1..300})\n"
job 'job.ini:1: ' "[$(printf 'p%.0s' {1..300})]\n"
job 'job.ini:2: ' '[global]\nexclude = engine=nul\n[pair]\n'
job 'job.ini:2: ' '[matrix]\nrepeat = 1,2\n[pair]\n'
job 'job.ini:3: ' '[pair]\norder = 0\norder\\x00 = 0\n'
job 'job.ini:2: ' '[pair]\n\\xff\\xfe = 1\n'
job 'job.ini:2: ' '[node]\ncpus = 5-2\n[pair]\n'
job 'job.ini:2: ' '[node]\nnormal = 0+x\n[pair]\n'
job 'job.ini' ''
job 'job.ini' '[global]\nmem = 1G\n'
job 'job.ini' '; nothing\n'
finish
