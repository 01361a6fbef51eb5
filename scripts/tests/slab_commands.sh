#!/bin/bash
# `show cache`, `show slabinfo` and `conform` on slab logs, as a user calls
# them, against what booted kernels printed.
#
#   ZONEBENCH=build/zonebench slab_commands.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

bin=${ZONEBENCH:-build/zonebench}
data=alloc/slab/tests/data

# shows WANT KEY=VALUE...: `show cache` has each `name value` line of WANT.
shows() {
	local want=$1 left
	shift

	"$bin" show cache "$@" > "$tmp/out" 2> "$tmp/err"
	left=$(grep -vxFf "$tmp/out" <<< "$want")
	expect "show cache $*: no '${left//$'\n'/, }' $(cat "$tmp/err")" \
		[ -z "$left" ]
}

# ---- SLUB: rows of /sys/kernel/slab. Size classes, whose alignment is known,
# and caches whose objects readers may look at after they were freed.
slub_rows() {
	local file=$1 cpus kernel least size slab order objects cpu min align \
		hwcache typesafe flags

	read -r _ cpus _ kernel _ _ _ least < <(zcat "$file")
	while read -r _ size slab order objects cpu min align hwcache _ typesafe _; do
		flags=none
		[ "$hwcache" -eq 0 ] || flags=hwcache_align
		[ "$typesafe" -eq 0 ] || flags=$flags,typesafe_by_rcu
		shows "slab_size $slab
order $order
objs_per_slab $objects
cpu_partial $cpu
min_partial $min
align $align" engine=slub cpus="$cpus" kernel="$kernel" \
			slub_min_objects="$least" size="$size" align="$align" \
			flags="${flags#none,}"
	done < <(zcat "$file" | grep -E '^(kmalloc-(8|192|1k|8k) |files_cache|TCP )' |
		awk '$3 == $2 || $11')
}

# ---- SLAB: the first lines of the states of a script of sizes.
slab_rows() {
	local cpus=$1 words name want flags

	while read -ra words; do
		set -- "${words[@]}"
		name=$2 want='' flags=none
		[[ $name == q*p* ]] && flags=hwcache_align
		[[ $name == q*r* ]] && flags=$flags,reclaim_account
		[[ $name == q*u* ]] && flags=$flags,typesafe_by_rcu
		shift 2
		while [ $# -gt 1 ]; do
			want=$want${want:+$'\n'}"$1 $2"
			shift 2
		done
		case $name in
		*a*) set -- align=16 ;;
		*b*) set -- align=128 ;;
		*) set -- ;;
		esac
		shows "$want" engine=slab cpus="$cpus" "$@" \
			size="${name//[a-z]/}" flags="${flags#none,}"
	done < <(zcat "$data"/kt-x64slab-*/kt/50_sizing.log.gz |
		grep -E "^KSTATE .* shared $([ "$cpus" -gt 1 ] && echo '[08]' || echo 0) " |
		awk -v cpus="$cpus" '(/ shared 8 / || / size [0-9]{5,} / || cpus == 1) && NR % 160 == 7')
}

for file in k61-nomerge-4 k612-4g-4 k61-slubmin kt-k61-sizing-cpus8; do
	slub_rows "$data/attrs/$file.gz"
done
slab_rows 1
slab_rows 4

# The rules are those of 6.1 unless a key says otherwise, wherever it runs.
shows $'order 2\nobjs_per_slab 1' engine=slub cpus=4 size=12000
shows $'order 3\nobjs_per_slab 2' engine=slub cpus=4 size=12000 kernel=6.12
shows $'order 2\nobjs_per_slab 1' size=12000
shows $'order 1\nobjs_per_slab 32' cpus=1 nr_possible=16 size=256
shows $'shared 8\nlimit 120\nbatchcount 60\nnum 16' engine=slab cpus=1 nr_possible=2 size=256
shows $'usersize 40' size=64 usersize=40
shows $'order 2' size=64 slub_min_order=2
shows $'order 0' size=1024 slub_max_order=0
# What leaks are looked for in is never off-slab.
shows $'off_slab 1' engine=slab size=136 flags=typesafe_by_rcu
shows $'off_slab 0' engine=slab size=136 \
	flags='typesafe_by_rcu|noleaktrace'

# ---- slabinfo
"$bin" show slabinfo engine=slab cpus=1 mem=256M > "$tmp/slabinfo"
head -n 2 "$data/kt-x64slab-256m/slabinfo" > "$tmp/head"
head -n 2 "$tmp/slabinfo" | cmp -s - "$tmp/head"
expect 'show slabinfo: other headings than the kernel' [ $? -eq 0 ]
# Size classes: name, size, objects and pages of a slab, tunables.
columns() {
	awk '/^kmalloc-[0-9k]+ / { print $1, $4, $5, $6, $9, $10, $11 }' "$1" | sort
}
columns "$tmp/slabinfo" > "$tmp/ours"
columns "$data/kt-x64slab-256m/slabinfo" | grep -xFf "$tmp/ours" > "$tmp/same"
expect "show slabinfo: $(wc -l < "$tmp/same") classes as the kernel has them" \
	[ "$(wc -l < "$tmp/same")" -ge 10 ]

# ---- conform
# plays STATUS PATTERN FILE: `conform` ends so and prints such a line.
plays() {
	local status

	"$bin" conform kernel-log="$3" > "$tmp/out" 2>&1
	status=$?
	expect "conform $3: status $status: $(tail -n 1 "$tmp/out")" \
		[ "$status" -eq "$1" ]
	expect "conform $3: no '$2' in: $(tail -n 1 "$tmp/out")" \
		grep -qE "$2" "$tmp/out"
}

for file in "$data"/kt-*/kt/{40_slab_64,40_slab_700,50}*.log.gz; do
	plays 0 '^equal$' "$file"
done
# A log alone: its states say how many CPUs there were.
for file in x64slab-cpus4/kt/40_slab_{8192,192}_0_n x64slab-cpus4/kt/50_sizing \
	x64slub-256m/kt/40_slab_192_0_n; do
	zcat "$data/kt-$file.log.gz" > "$tmp/log"
	plays 0 '^equal$' "$tmp/log"
done
sed '0,/offset 384/s//offset 576/' "$tmp/log" > "$tmp/changed"
plays 1 "^different: .*changed:[0-9]+: object of kt192n0: expected 'slab 0 offset 576" "$tmp/changed"
# Where it has none, a difference may be that.
printf 'KC a 256 0 - -> ok\nKA 1 a -> slab 0 offset 0 order 1 pfn 64\n' > "$tmp/none"
plays 2 'none:2: expected the number of CPUs' "$tmp/none"

# What stands beside a log. state SIZE KEY=VALUE...: the KSTATE line of such a
# cache.
state() {
	local size=$1 name value line="KSTATE a"
	declare -A has
	shift

	while read -r name value; do
		has[$name]=$value
	done < <("$bin" show cache size="$size" "$@")
	if [ "${has[limit]:-}" ]; then
		for name in object_size size-asked size align num gfporder colour \
			colour_off freelist_size batchcount limit shared off_slab \
			objfreelist cflags; do
			line="$line $name ${has[$name]}"
		done
		printf '%s\n' "$line"
		return
	fi
	line="$line object_size $size size-asked $size slab_size ${has[slab_size]}"
	line="$line inuse_off $size align ${has[align]} offset $((size / 2 & ~7))"
	line="$line order ${has[order]} objects ${has[objs_per_slab]} min_order 0"
	line="$line min_objects $((4096 / size)) min_partial 5 cpu_partial"
	line="$line ${has[cpu_partial]} cpu_partial_slabs"
	line="$line $(((has[cpu_partial] * 2 + has[objs_per_slab] - 1) / has[objs_per_slab]))"
	printf '%s nr_partial 0\n' "$line"
}
beside() {
	rm -rf "$tmp/beside"
	mkdir -p "$tmp/beside/kt"
	echo 'Linux version 6.1.192 (root@vm)' > "$tmp/beside/version"
}
log=$tmp/beside/kt/a.log
beside
printf 'config: a\nsmp: 2\nappend: quiet slub_min_objects=32\n' > "$tmp/beside/cmdline.txt"
{ echo 'KC a 192 0 - -> ok'; state 192 cpus=2 slub_min_objects=32; } > "$log"
plays 0 '^equal$' "$log"
sed -i 's/ slub_min_objects=32//' "$tmp/beside/cmdline.txt"
plays 1 "after 'order': expected '1', got '0'" "$log"
sed -i 's/quiet/quiet slub_min_order=3 slub_max_order=5/' "$tmp/beside/cmdline.txt"
{ echo 'KC a 64 0 - -> ok'; state 64 cpus=2 slub_min_order=3 slub_max_order=5; } > "$log"
plays 0 '^equal$' "$log"

# One CPU that is there, and one that may come.
beside
echo 'smpboot: Allowing 2 CPUs, 1 hotplug CPUs' > "$tmp/beside/dmesg"
{
	echo 'KC a 256 0 - -> ok'
	state 256 engine=slab cpus=1 nr_possible=2
	echo ' ARRAY avail 0 limit 120 batchcount 60 touched 0:'
	echo ' SHARED avail 0 limit 480 batchcount 3131961357'
	echo ' NODE total_slabs 0 free_slabs 0 free_objects 0 free_limit 136 colour_next 0'
} > "$log"
plays 0 '^equal$' "$log"
rm "$tmp/beside/dmesg"
plays 0 '^equal$' "$log"
printf 'smp: 2\n' | sed '1i config: a' > "$tmp/beside/cmdline.txt"
plays 1 "after 'free_limit': expected '136', got '196'" "$log"
printf 'config: a\nsmp: 1\nappend: quiet slab_max_order=0\n' > "$tmp/beside/cmdline.txt"
{
	echo 'KC a 1500 64 - -> ok'
	state 1500 align=64 engine=slab cpus=1 mem=32M
	echo ' ARRAY avail 0 limit 24 batchcount 12 touched 0:'
	echo ' NODE total_slabs 0 free_slabs 0 free_objects 0 free_limit 26 colour_next 0'
} > "$log"
plays 0 '^equal$' "$log"
# So it is on a machine of 32 MiB.
sed -i 's/ slab_max_order=0//' "$tmp/beside/cmdline.txt"
plays 1 "after 'num'|after 'gfporder'" "$log"
"$bin" show zoneinfo mem=32M cpus=1 > "$tmp/beside/zoneinfo"
plays 0 '^equal$' "$log"
# One of 64 MiB has so many objects of 64 KiB, and no more.
"$bin" show zoneinfo mem=64M cpus=1 > "$tmp/beside/zoneinfo"
{
	echo 'KC a 65536 0 - -> ok'
	echo 'KC b 67108864 0 - -> FAIL'
	echo 'KA 1 a -> FAIL'
} > "$log"
plays 1 "a.log:3: object of a: expected 'FAIL', got 'slab 0" "$log"
# i386
"$bin" show zoneinfo mem=1G layout=i386 cpus=1 > "$tmp/beside/zoneinfo"
plays 2 'expected the log of a 64-bit kernel' "$log"
{ echo 'KC a 20 0 - -> ok'; state 20; } > "$tmp/narrow"
plays 2 'expected the log of a 64-bit kernel' "$tmp/narrow"

# What a script may say besides.
cat > "$tmp/more" << END
# nothing
D
SNAP 1
ENDSNAP
KC a 64 0 - -> ok
KA 1 a -> slab 0 offset 0 order 0 pfn 64
KD a
KC a 64 0 - -> ok
KA 2 a -> slab 0 offset 0 order 0 pfn 65
KF 1
COUNTS
ENDCOUNTS
KC b 5000000 0 - -> FAIL
$(state 64 align=64 | sed 's/KSTATE a/KSTATE kmalloc-64/; s/nr_partial 0/nr_partial 7/')
 CPU-SLAB slab 0 inuse 3
KF 2
KD a
END
plays 0 '^equal$' "$tmp/more"
printf 'KC a 64 0 - -> FAIL\n' > "$tmp/fails"
plays 1 'fails:1: cache a of 64 bytes: expected FAIL, got ok' "$tmp/fails"
printf 'KC a 5000000 0 - -> ok\n' > "$tmp/fails"
plays 1 'fails:1: cache a of 5000000 bytes: expected ok, got' "$tmp/fails"
printf 'KC a 64 0 - -> maybe\n' > "$tmp/fails"
plays 2 "fails:1: expected '-> ok' or '-> FAIL'" "$tmp/fails"
printf 'KC a 64 0 - -> ok\nSNAP 1\n' > "$tmp/fails"
plays 2 'fails:2: expected ENDSNAP' "$tmp/fails"
gzip < /dev/null > "$tmp/empty.gz"
plays 2 'empty.gz: expected a snapshot or a slab command, found none' "$tmp/empty.gz"

# ---- what a run says of slabs
# metric ENGINE NAME: a metric of the run's only cell of that engine.
metric() {
	awk -F, -v engine="$1" -v name="$2" '
	NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i }
	$c["engine"] == engine && $c["metric"] == name { print $c["value"] }' "$tmp/run/samples.csv"
}
# runs KEY=VALUE...
runs() {
	rm -rf "$tmp/run"
	"$bin" run threads=1 repeat=1 runtime=5ms lat_runtime=0 warmup=1ms mem=64M \
		out="$tmp/run" "$@" > "$tmp/out" 2>&1
	expect "run $*: $(tail -n 3 "$tmp/out")" [ $? -eq 0 ]
}
holds() {
	expect "$1: not $2" awk "BEGIN { exit !($2) }"
}
# A sheaf of 60 is refilled for one allocation of so many, whatever SLUB below
# counts for it.
runs engine=sheaves workload=obj_bulk nr=4000
holds 'sheaves, path_alloc_fast' "$(metric sheaves path_alloc_fast) > 0.975"
holds 'sheaves, path_alloc_fast' "$(metric sheaves path_alloc_fast) < 0.99"
# Destroyed caches count: each begins with a new slab.
runs engine=slub workload=cache_lifecycle
holds 'cache_lifecycle, path_alloc_new_slab' "$(metric slub path_alloc_new_slab) > 0"
# A library's size classes are its own affair.
runs engine=malloc:glibc workload=obj_pair size=65
holds 'glibc, internal_fragmentation' "$(metric malloc:glibc internal_fragmentation) > 0.01"
finish
