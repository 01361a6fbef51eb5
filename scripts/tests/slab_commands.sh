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
		awk -v cpus="$cpus" '(/ shared 8 / || / size [0-9]{5,} / || cpus == 1) && NR % 80 == 7')
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

for file in "$data"/kt-*/kt/*.log.gz; do
	plays 0 '^equal$' "$file"
done
zcat "$data/kt-x64slub-256m/kt/40_slab_192_0_n.log.gz" > "$tmp/log"
plays 0 '^equal$' "$tmp/log"
sed '0,/offset 384/s//offset 576/' "$tmp/log" > "$tmp/changed"
plays 1 "^different: .*changed:[0-9]+: object of kt192n0: expected 'slab 0 offset 576" "$tmp/changed"
finish
