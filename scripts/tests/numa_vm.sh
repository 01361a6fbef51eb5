#!/bin/bash
# zonebench on machines that have more than one NUMA node: QEMU guests with a
# Debian kernel, in which numa_vm/guest.sh uses the real binary and asks the
# kernel what became of it. What comes back is looked at here. Times inside
# mean nothing and are not looked at.
#
#   ZONEBENCH=build/zonebench FAULTY=build/zonebench-faulty numa_vm.sh [GUEST...]
#
# GUEST: runner two four memory plug cpu, without any: all. NUMA_LIMIT: seconds for each
# guest. Without QEMU or a kernel it is skipped, and says so.
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash
. scripts/tests/numa_vm/figures.sh

bin=$(realpath "${ZONEBENCH:-build/zonebench}") || exit 2
faulty=$(realpath "${FAULTY:-build/zonebench-faulty}") || exit 2
limit=${NUMA_LIMIT:-400}
here=scripts/tests/numa_vm

# Adds the PASS and FAIL lines of a file to the counts; prints what failed.
count_lines() {
	local good bad

	good=$(grep -c '^PASS: ' "$1")
	bad=$(grep -c '^FAIL: ' "$1")
	passed=$((passed + good)) failed=$((failed + bad))
	sed -n "s/^FAIL: /FAIL: $2: /p" "$1"
}

# A model made here of what was saved there says what that kernel said.
check_capture() {
	local name=$1 out=$2 when=$3

	figures "$out/capture/zoneinfo" > "$tmp/real"
	"$bin" show zoneinfo "machine=capture:$out/capture" > "$tmp/model.text"
	figures "$tmp/model.text" > "$tmp/model"
	diff "$tmp/real" "$tmp/model" | head -n 20
	expect "$name: zoneinfo of its capture, here" cmp -s "$tmp/real" "$tmp/model"
	"$bin" show fallback_order "machine=capture:$out/capture" "zonelists=$when" > "$tmp/model"
	expect "$name: fallback order of its capture, here" cmp -s "$out/fallback_order" "$tmp/model"
}

# The charts of an emulated run, drawn here.
check_charts() {
	local name=$1 run=$2 svg

	expect "$name: charts of it" "$bin" plot "$run" > "$tmp/plot" 2>&1
	for svg in "$run"/plots/*.svg; do
		expect "$name: ${svg##*/} says emulated" grep -q 'emulated: no timing claim' "$svg"
	done
}

# guest NAME OPTION... -- PART...: boots, counts, looks at what came back.
guest() {
	local name=$1 out status options=()
	shift

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	out=$tmp/$name
	scripts/numa-vm.sh "${options[@]}" --limit "$limit" --out "$out" \
		--console "$tmp/$name.console" --file "$here/guest.sh:/guest.sh" \
		--file "$here/figures.sh:/figures.sh" --file "$bin:/bin/zonebench" \
		--file "$faulty:/bin/zonebench-faulty" --file workloads/jobs/numa.ini:/numa.ini \
		--file "$(command -v migratepages):/bin/migratepages" \
		-- sh /guest.sh "$@" > "$tmp/$name.log" 2> "$tmp/$name.err"
	status=$?
	if [ "$status" -eq 77 ]; then
		skip "$(cat "$tmp/$name.err")"
		finish
		exit
	fi
	count_lines "$tmp/$name.log" "$name"
	sed -n "s/^\([a-z]* took .*\)/$name: \1/p" "$tmp/$name.log"
	expect "$name: came to its end" grep -qx DONE "$tmp/$name.log"
	if [ "$status" -ne 0 ]; then
		fail "$name: exit status $status"
		tail -n 20 "$tmp/$name.log" "$tmp/$name.err"
		return
	fi
	"$here/check.py" "$out" > "$tmp/$name.checks"
	expect "$name: the results can be read" [ $? -eq 0 ]
	count_lines "$tmp/$name.checks" "$name"
	check_capture "$name" "$out" "$([[ $* == *plugged* ]] && echo hotplug || echo boot)"
}

# Two nodes of a core with two threads each.
guest_two() {
	guest two --smt 2 --node 256M:0-1 --node 256M:2-3 -- \
		model placement:4 "look:2:0 0,2 2" void faults \
		job:pcp_rseq offline cpuset
	check_charts "two: look" "$tmp/two/runs/look"
	check_charts "two: numa.ini" "$tmp/two/runs/numa"
	expect "two: numa.ini: node x node charts" \
		[ "$(find "$tmp/two/runs/numa/plots" -name 'matrix-numa-*.svg' | wc -l)" -eq 3 ]
}

# Unequal distances.
guest_four() {
	guest four --node 256M:0 --node 256M:1 --node 192M:2 --node 256M:3 \
		--distance 0,1,16 --distance 0,2,22 --distance 0,3,28 \
		--distance 1,2,28 --distance 1,3,22 --distance 2,3,16 -- \
		model placement:4 "look:4:0 0,1 1,2 2,3 3" \
		job:zonelock:numa_local,numa_cross,fallback
}

# Memory without CPUs, as near as a node with both.
guest_memory() {
	guest memory --node 256M:0 --node 256M:1 --node 128M: -- \
		model placement:2 "look:3:0 0,1 1" job:pcp:numa_local,fallback
}

# The same, the memory plugged in after boot: as near, but now a node with CPUs
# comes after one without.
guest_plug() {
	guest plug --node 256M:0 --node 256M:1 --node : --plug 256M:2 -- \
		model:plugged placement:2
}

# CPUs without memory.
guest_cpu() {
	guest cpu --node 256M:0 --node 256M:1 --node :2 -- model placement:3 \
		job:zonelock:numa_local,numa_cross,fallback
}

# numa-vm.sh itself.
guest_runner() {
	local small=(--node 128M:0 --node 128M:1) tool start

	mkdir "$tmp/few"
	for tool in mktemp rm cat; do
		ln -s "$(command -v "$tool")" "$tmp/few/$tool"
	done
	vm 77 "no QEMU" env "PATH=$tmp/few" "$BASH" scripts/numa-vm.sh "${small[@]}" -- true
	expect "no QEMU: one line says so" grep -q 'cannot be had: qemu' "$tmp/vm"
	vm 2 "no node" scripts/numa-vm.sh -- true
	vm 2 "no command" scripts/numa-vm.sh "${small[@]}"
	vm 2 "a node that is none" scripts/numa-vm.sh --node 12:0 -- true
	vm 2 "an option that is none" scripts/numa-vm.sh --nodes 2 -- true
	vm 7 "status 7" scripts/numa-vm.sh "${small[@]}" --limit "$limit" \
		-- sh -c 'echo "two words"; exit 7'
	expect "what the command says comes out" grep -qx 'two words' "$tmp/vm"
	vm 125 "a guest that stops" scripts/numa-vm.sh "${small[@]}" --limit "$limit" \
		-- poweroff -f
	start=$SECONDS
	vm 124 "a guest past its limit" scripts/numa-vm.sh "${small[@]}" --limit 8 \
		-- sleep 1000
	expect "a guest past its limit is ended" [ $((SECONDS - start)) -lt 60 ]
}

# vm STATUS WHAT COMMAND...: the status that it must have; all it says: $tmp/vm.
vm() {
	local want=$1 what=$2 status
	shift 2

	"$@" > "$tmp/vm" 2>&1
	status=$?
	if [ "$status" -eq 77 ] && [ "$want" -ne 77 ]; then
		skip "$(cat "$tmp/vm")"
		finish
		exit
	fi
	expect "$what: status $want, was $status: $(tail -n 3 "$tmp/vm")" [ "$status" -eq "$want" ]
}

# Guests that were named together run two at a time, each by a process of its
# own; what they say comes in order. The longest start first.
[ $# -gt 0 ] || set -- two four memory plug cpu runner
if [ $# -eq 1 ]; then
	"guest_$1"
	finish
	exit
fi
# shellcheck disable=SC2016 # the inner shell expands
printf '%s\n' "$@" | xargs -P 2 -I '{}' bash -c '"$0" "$2" > "$1/$2.out" 2>&1; true' \
	"$PWD/scripts/tests/numa_vm.sh" "$tmp" '{}'
for name in "$@"; do
	counts=$(tail -n 1 "$tmp/$name.out" |
		grep -xE '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?')
	sed '$d' "$tmp/$name.out"
	if [ -z "$counts" ]; then
		fail "$name: ended early"
		tail -n 1 "$tmp/$name.out"
		continue
	fi
	read -r p _ f _ s _ <<< "$counts"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
done
finish
