#!/bin/sh
# shellcheck shell=dash
# Runs inside the guest, by busybox (see ../numa_vm.sh): uses zonebench on this
# machine's nodes and asks the kernel what became of it. Prints a line for each
# check, PASS or FAIL; leaves in /out what the host looks at afterwards.
#
#   guest.sh PART...     parts are the functions part_NAME below
set -u
# shellcheck source=scripts/tests/numa_vm/figures.sh
. /figures.sh

zb=/bin/zonebench
keys="warmup=10ms lat_runtime=50ms interval=2ms repeat=1 retries=0 seed=1"
short="$keys runtime=100ms"
# Time to look at it from outside.
long="$keys runtime=2500ms"

expect() {
	local what=$1
	shift

	if "$@"; then
		echo "PASS: $what"
	else
		echo "FAIL: $what"
	fi
}

# Marks and protection anew: at boot they were computed before all memory was
# there.
recompute() {
	local name value

	for name in watermark_scale_factor lowmem_reserve_ratio; do
		value=$(cat /proc/sys/vm/$name)
		echo "$value" > /proc/sys/vm/$name
	done
}

# The model of this host says what its kernel says. $1: when.
same_zoneinfo() {
	recompute
	cat /proc/zoneinfo > /tmp/real
	$zb show zoneinfo machine=host > /tmp/model
	figures /tmp/real > /tmp/real.figures
	figures /tmp/model > /tmp/model.figures
	if ! cmp -s /tmp/real.figures /tmp/model.figures; then
		diff /tmp/real.figures /tmp/model.figures | head -n 20
	fi
	expect "$1: zoneinfo has figures" [ "$(wc -l < /tmp/real.figures)" -gt 20 ]
	expect "$1: zoneinfo of machine=host is the kernel's" \
		cmp -s /tmp/real.figures /tmp/model.figures
}

# The last order of falling back that the kernel printed for each node. $1: when
# it was made.
same_fallback_order() {
	dmesg | sed -n 's/.*\(Fallback order for Node .*\)/\1/p' |
		awk '{ order[$5] = $0 } END { for (n in order) print order[n] }' |
		sort > /out/fallback_order
	$zb show fallback_order machine=host zonelists="$1" > /tmp/model
	diff /out/fallback_order /tmp/model
	expect "every node has an order" [ -s /out/fallback_order ]
	expect "fallback order of machine=host after $1 is the kernel's" \
		cmp -s /out/fallback_order /tmp/model
}

# Memory that came after boot, all of it online.
part_plugged() {
	local block

	for block in /sys/devices/system/memory/memory*; do
		grep -qx online "$block/state" || echo online > "$block/state"
	done
	same_zoneinfo "memory plugged in"
	same_fallback_order hotplug
}

# $1: "plugged" where there is memory that came after boot.
part_model() {
	local cpu node

	if [ "${1:-}" = plugged ]; then
		part_plugged
	else
		same_zoneinfo boot
		same_fallback_order boot
	fi
	recompute
	$zb capture /out/capture > /tmp/said
	expect "capture" [ -s /out/capture/zoneinfo ]
	expect "capture reads every file: $(cat /tmp/said)" sh -c '! grep "not read" /tmp/said'
	$zb topo > /out/topo.txt
	expand_list < /sys/devices/system/node/has_memory > /out/has_memory
	for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
		node=$(basename "$cpu"/node[0-9]*)
		echo "${cpu##*cpu} ${node#node} $(cat "$cpu/topology/thread_siblings_list")"
	done > /out/cpus
}

# "0-2,4" as numbers, one a line.
expand_list() {
	local first last

	tr , '\n' | while IFS=- read -r first last; do
		seq "$first" "${last:-$first}"
	done
}

# job:ENGINES[:WORKLOADS]: the node x node job as it is, but for a small machine,
# one repetition and what is named.
part_job() {
	local status

	# shellcheck disable=SC2086 # at most one key
	$zb run /numa.ini engine="$1" ${2:+workload=$2} mem=$(($(wc -l < /out/has_memory) * 32))M \
		repeat=1 retries=0 seed=1 out=/out/runs/numa > /tmp/said 2>&1
	status=$?
	[ $status -eq 0 ] || tail -n 30 /tmp/said
	expect "numa.ini: status $status" [ $status -eq 0 ]
}

# run NAME KEY=VALUE...: a run that must go well, into $runs/NAME.
runs=/out/runs
run() {
	local name=$1 status
	shift
	# shellcheck disable=SC2086 # a list of keys
	$zb run $short "$@" out="$runs/$name" > /tmp/said 2>&1
	status=$?
	[ $status -eq 0 ] || tail -n 5 /tmp/said
	expect "run $name: status $status" [ $status -eq 0 ]
}

# Each kind of placement; check.py holds the CPUs against what it must choose.
part_placement() {
	local threads=$1 node
	run compact threads="$threads" placement=compact workload=pair machine=host
	run scatter threads="$threads" placement=scatter workload=pair machine=host
	for node in $(expand_list < /sys/devices/system/node/has_cpu); do
		run "node$node" threads=1 placement="node:$node" workload=pair machine=host
	done
}

# Sets rep to the process of the repetition at hand once its workers run.
await_workers() {
	local try workers

	for try in $(seq 100); do
		rep=$(grep -laE '^zonebench.rep' /proc/[0-9]*/cmdline 2> /dev/null | head -n 1)
		rep=${rep%/cmdline}
		rep=${rep#/proc/}
		workers=$(grep -lx worker /proc/"$rep"/task/*/comm 2> /dev/null | wc -l)
		[ "$workers" -lt "$1" ] || return 0
		kill -0 "$running" 2> /dev/null || break
		sleep 0.1
	done
	echo "no workers after $try looks"
	tail -n 3 /tmp/said
	return 1
}

worker_tasks() {
	grep -lx worker /proc/"$rep"/task/*/comm | sed 's/.comm$//'
}

# "MASK CPU" of each worker as the kernel sees it.
worker_cpus() {
	local task

	for task in $(worker_tasks); do
		echo "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "$task/status")" \
			"$(awk '{ print $39 }' "$task/stat")"
	done | sort -n
}

# Does each node's memory lie on that node and is bound to it?
memory_in_place() {
	grep -o ' [a-z]*[:=]*[0-9]* file=.memfd:zonebench-node.*' /proc/"$rep"/numa_maps > /tmp/maps
	awk '
	{
		match($0, /zonebench-node[0-9]+/)
		node = substr($0, RSTART + 14, RLENGTH - 14)
		if ($1 != "bind:" node) { print "policy " $1 " of node " node; bad = 1 }
		for (i = 2; i <= NF; i++)
			if ($i ~ /^N[0-9]+=/) {
				split(substr($i, 2), pages, "=")
				if (pages[1] != node) { print $0; bad = 1 }
				seen[node] = 1
			}
	}
	END {
		for (n = 0; n < nodes; n++)
			if (!(n in seen)) { print "no page of node " n; bad = 1 }
		exit bad
	}' nodes="$1" /tmp/maps
}

# look:NODES:CPUS: a long run, looked at from outside: threads and memory as the
# kernel has them. CPUS: "MASK CPU" of each thread; as many threads.
part_look() {
	local nodes=$1 want=$2 status threads

	threads=$(echo "$want" | tr , '\n' | wc -l)
	# shellcheck disable=SC2086 # a list of keys
	$zb run $long workload=pair mem=$((nodes * 32))M nodes="$nodes" \
		threads="$threads" placement=scatter touch=first out=/out/runs/look > /tmp/said 2>&1 &
	running=$!
	await_workers "$threads"
	sleep 1
	kill -STOP "$rep" # however slow the looks are
	worker_cpus > /tmp/cpus
	expect "kernel: workers sit on $want: $(paste -sd , /tmp/cpus)" \
		[ "$(paste -sd , /tmp/cpus)" = "$want" ]
	memory_in_place "$nodes" > /tmp/place
	expect "kernel: memory of $nodes nodes lies on them: $(head -n 3 /tmp/place)" [ ! -s /tmp/place ]
	kill -CONT "$rep"
	wait "$running"
	status=$?
	[ $status -eq 0 ] || tail -n 5 /tmp/said
	expect "run look: status $status" [ $status -eq 0 ]
}

# void NAME REASON: that run ended without a number, and why.
void() {
	local dir=/out/void/$1
	cat "$dir"/cells/*/rep-00/status > /tmp/void 2> /dev/null
	expect "$1: void: $(cat /tmp/void)" grep -qE "^void .*$2" /tmp/void
	expect "$1: no number of it" [ "$(wc -l < "$dir"/samples.csv)" -eq 1 ]
	expect "$1: no result" [ -z "$(find "$dir" -name result.json)" ]
}

# disturb NAME COMMAND...: a run of two threads and the command in its window.
disturb() {
	local name=$1 status
	shift
	# shellcheck disable=SC2086 # a list of keys
	$zb run $long workload=pair mem=64M nodes=2 threads=2 \
		placement=scatter touch=first out=/out/void/"$name" > /tmp/said 2>&1 &
	running=$!
	await_workers 2
	sleep 1
	"$@"
	wait "$running"
	status=$?
	expect "$name: ends with 1, not $status" [ $status -eq 1 ]
}

# The last worker to CPU 0's and back before it is asked for its mask.
migrate_thread() {
	local tid mask

	tid=$(worker_tasks | tail -n 1)
	tid=${tid##*/}
	mask=$(taskset -p "$tid" | sed 's/.*: //')
	taskset -p 1 "$tid" > /tmp/taskset
	sleep 0.3
	taskset -p "$mask" "$tid" >> /tmp/taskset
}

migrate_memory() {
	kill -STOP "$rep"
	migratepages "$rep" 0 1
	kill -CONT "$rep"
}

# Faults that the proof must see, made from outside: the program knows nothing
# of them.
part_void() {
	disturb migrated-thread migrate_thread
	void migrated-thread 'did not stay on CPU'
	disturb migrated-memory migrate_memory
	void migrated-memory 'frames.*node'
}

# The same from inside, by the program with faults compiled in.
part_faults() {
	local fault

	for fault in affinity binding; do
		# shellcheck disable=SC2086 # a list of keys
		/bin/zonebench-faulty run $short workload=pair mem=64M nodes=2 threads=2 \
			placement=scatter touch=first fault=$fault \
			out=/out/void/fault-$fault > /tmp/said 2>&1
		expect "fault-$fault: ends with 1" [ $? -eq 1 ]
	done
	void fault-affinity 'did not stay on CPU'
	void fault-binding 'frames.*node'
}

# refused WHAT PATTERN KEY=VALUE...: status 2, one line, nothing written.
refused() {
	local what=$1 pattern=$2 status
	shift 2
	rm -rf /tmp/refused
	# shellcheck disable=SC2086 # a list of keys
	$prefix $zb run $short workload=pair "$@" out=/tmp/refused > /tmp/said 2> /tmp/err
	status=$?
	expect "$what: status 2, was $status" [ $status -eq 2 ]
	expect "$what: one line" [ "$(wc -l < /tmp/err)" -eq 1 ]
	expect "$what: $(cat /tmp/err)" grep -qE "$pattern" /tmp/err
	expect "$what: nothing written" [ ! -e /tmp/refused ]
}
prefix=

cpu_online() {
	echo "$2" > /sys/devices/system/cpu/cpu"$1"/online
}

# limited NAME CPUS KEY=VALUE...: a run that must go well where only CPUS can be
# used.
limited() {
	local name=$1 cpus=$2
	shift 2

	mkdir -p /out/limited
	echo "$cpus" | expand_list > "/out/limited/$name.cpus"
	runs=/out/limited
	run "$name" "$@"
	runs=/out/runs
}

# Two nodes of two CPUs.
part_offline() {
	cpu_online 3 0
	same_zoneinfo "CPU 3 offline"
	$zb topo > /tmp/topo
	expect "offline: topo shows three CPUs" grep -q ' 3 CPUs' /tmp/topo
	refused "offline: four threads" 'threads=4: expected at most the 3 CPUs' \
		machine=host threads=4
	limited offline 0-2 threads=3 placement=scatter workload=pair machine=host
	cpu_online 2 0
	same_zoneinfo "node 1 without a CPU that is online"
	refused "offline: a node without CPUs" 'node:?.?1' machine=host threads=1 placement=node:1
	cpu_online 2 1
	cpu_online 3 1
	same_zoneinfo "all online again"
}

# in_box CPUS MEMS: what runs with $prefix may use these alone.
box() {
	echo "$1" > /tmp/cgroup/box/cpuset.cpus
	echo "$2" > /tmp/cgroup/box/cpuset.mems
	prefix='sh /tmp/boxed'
}

part_cpuset() {
	mkdir -p /tmp/cgroup
	mount -t cgroup2 none /tmp/cgroup
	echo +cpuset > /tmp/cgroup/cgroup.subtree_control
	mkdir /tmp/cgroup/box
	# shellcheck disable=SC2016 # of the script itself
	printf '%s\n' 'echo $$ > /tmp/cgroup/box/cgroup.procs' 'exec "$@"' > /tmp/boxed
	box 0-1 0-1
	refused "cpuset: three threads" 'threads=3: expected at most the 2 CPUs' \
		machine=host threads=3
	refused "cpuset: a node whose CPUs are not allowed" 'node:?.?1' \
		machine=host threads=1 placement=node:1
	zb="sh /tmp/boxed /bin/zonebench"
	limited cpuset 0-1 threads=2 placement=scatter workload=pair machine=host
	zb=/bin/zonebench
	box 0-3 0
	refused "cpuset: memory of node 1 is not allowed" 'node 1' \
		mem=64M nodes=2 threads=1 touch=first
	prefix=
}

for part in "$@"; do
	# "look:2:0 0,2 2": a part with its arguments
	part_name=${part%%:*}
	rest=${part#"$part_name"}
	IFS=:
	# shellcheck disable=SC2086 # split at the colons
	set -- ${rest#:}
	unset IFS
	begin=$(date +%s)
	"part_$part_name" "$@"
	echo "$part_name took $(($(date +%s) - begin)) s"
done
echo "DONE"
