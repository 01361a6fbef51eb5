#!/bin/bash
# What becomes of a run when something breaks: killed, interrupted, out of disk
# space, an engine that crashes, hangs or cheats, a thread on the wrong CPU.
#
#   FAULTY=build/zonebench-faulty faults.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

bin=${FAULTY:-build/zonebench-faulty}
bin=$(realpath "$bin") || exit 2
short=(mem=256M cpus=2 runtime=20ms lat_runtime=10ms warmup=5ms retries=0 seed=1)
status=0

# zb ARGUMENT...: sets status; standard error in $tmp/err.
zb() {
	"$bin" "$@" > "$tmp/out" 2> "$tmp/err"
	status=$?
}

# State of a repetition, the first word of its status file.
states() {
	find "$1/cells" -name status -exec cat {} + 2>/dev/null | cut -d ' ' -f 1 | sort | uniq -c |
		sed 's/^ *//' | paste -sd ,
}

# Rows of samples.csv whose engine is $2.
rows_of() {
	awk -F, -v engine="$2" 'NR > 1 && $3 == engine' "$1/samples.csv" | wc -l
}

# Each repetition has its rows, and each row stands there once.
whole() {
	local dir=$1 reps=$2

	[ "$(find "$dir/cells" -name status | wc -l)" -eq "$reps" ] &&
		[ "$(states "$dir")" = "$reps ok" ] &&
		[ "$(tail -n +2 "$dir/samples.csv" | cut -d, -f 2,8 | sort -u | grep -vc '^$')" -ge "$reps" ] &&
		[ -z "$(tail -n +2 "$dir/samples.csv" | cut -d, -f 2,3,8,9 | sort | uniq -d)" ] &&
		[ -z "$(find "$dir" -name '*.tmp*' -o -name '.*.tmp' | head -n 1)" ]
}

one_line_error() {
	[ "$(wc -l < "$tmp/err")" -eq 1 ] && grep -q '^zonebench: ' "$tmp/err"
}

#
# kill -9 at random moments, then --resume until done
#
kill_and_resume() {
	local dir=$tmp/killed kills=0 before after pid
	local job=("${short[@]}" "engine=null,zonelock" "workload=pair,bulk" "threads=1,2" repeat=3)

	RANDOM=${SEED:-4711}
	"$bin" run "${job[@]}" out="$dir" > "$tmp/out" 2> "$tmp/err" &
	pid=$!
	while [ "$kills" -lt 6 ]; do
		sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
		if ! kill -0 "$pid" 2>/dev/null; then
			break
		fi
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		kills=$((kills + 1))
		[ -d "$dir" ] || { "$bin" run "${job[@]}" out="$dir" > "$tmp/out" 2> "$tmp/err" & pid=$!; continue; }
		[ -f "$dir/run.json" ] || { rm -rf "$dir"; "$bin" run "${job[@]}" out="$dir" > "$tmp/out" 2> "$tmp/err" & pid=$!; continue; }
		# What is finished must stay as it is.
		find "$dir/cells" -name status -exec dirname {} \; | sort > "$tmp/done"
		while read -r rep; do
			stat -c '%i %Y %n' "$rep/result.json"
		done < "$tmp/done" > "$tmp/before"
		"$bin" run --resume "$dir" > "$tmp/out" 2> "$tmp/err" &
		pid=$!
	done
	wait "$pid"
	status=$?
	if [ "$status" -eq 137 ] || [ ! -f "$dir/samples.csv" ]; then
		zb run --resume "$dir"
	fi
	expect "killed $kills times: resume ends with 0: $(head -n 3 "$tmp/err")" [ "$status" -eq 0 ]
	expect "killed at all" [ "$kills" -gt 0 ]
	expect "killed: complete, nothing twice: $(states "$dir")" whole "$dir" 24
	before=$(cat "$tmp/before")
	after=$(while read -r rep; do stat -c '%i %Y %n' "$rep/result.json"; done < "$tmp/done")
	expect "killed: what was finished is untouched" [ "$before" = "$after" ]
	cp "$dir/samples.csv" "$tmp/samples"
	zb run --resume "$dir"
	expect "resume of a complete run: 0" [ "$status" -eq 0 ]
	expect "resume of a complete run: same samples" cmp -s "$dir/samples.csv" "$tmp/samples"
}

no_process_left() {
	local try p found

	for try in {1..10}; do
		found=
		for p in /proc/[0-9]*; do
			[ "$(readlink "$p/exe")" != "$bin" ] || found="$found ${p#/proc/}"
		done
		[ -n "$found" ] || return 0
		sleep 0.2
	done
	echo "still running after $try looks:$found"
	return 1
}

#
# Ctrl-C leaves a resumable folder
#
interrupt() {
	local dir=$tmp/interrupted pid

	# A shell starts background jobs with SIGINT ignored; env undoes it.
	env --default-signal=INT "$bin" run "${short[@]}" engine=null,zonelock \
		workload=pair,bulk repeat=12 out="$dir" > "$tmp/out" 2> "$tmp/err" &
	pid=$!
	# Not before something is there to be kept.
	for _ in {1..200}; do
		[ -z "$(find "$dir/cells" -name status 2>/dev/null)" ] || break
		sleep 0.05
	done
	kill -INT "$pid"
	wait "$pid"
	status=$?
	expect "Ctrl-C: ends non-zero" [ "$status" -ne 0 ]
	expect "Ctrl-C: says how to go on" grep -q -- '--resume' "$tmp/err"
	expect "Ctrl-C: no process is left" no_process_left
	expect "Ctrl-C: it was in the middle: $(states "$dir")" \
		[ "$(find "$dir/cells" -name status 2>/dev/null | wc -l)" -lt 48 ]
	zb run --resume "$dir"
	expect "Ctrl-C: resume ends with 0" [ "$status" -eq 0 ]
	expect "Ctrl-C: complete: $(states "$dir")" whole "$dir" 48
}

#
# A full disk: one clear line, resumable once there is space
#
full_disk() {
	local disk=$tmp/disk dir size=$1

	mkdir -p "$disk"
	if [ "$(id -u)" -ne 0 ] || ! mount -t tmpfs -o "size=$size" zonebench-test "$disk" 2>/dev/null; then
		skip "full disk, $size: needs root and tmpfs"
		return
	fi
	dir=$disk/run
	zb run "${short[@]}" engine=null,zonelock workload=pair,bulk repeat=4 out="$dir"
	expect "full disk, $size: ends non-zero" [ "$status" -ne 0 ]
	expect "full disk, $size: one line says so: $(cat "$tmp/err")" \
		[ "$(grep -c 'No space left on device' "$tmp/err")" -eq 1 ]
	expect "full disk, $size: not all was run" \
		[ "$(find "$dir/cells" -name status 2>/dev/null | wc -l)" -lt 16 ]
	mount -o remount,size=64m "$disk"
	zb run --resume "$dir"
	expect "full disk, $size: resume ends with 0: $(head -n 3 "$tmp/err")" [ "$status" -eq 0 ]
	expect "full disk, $size: complete: $(states "$dir")" whole "$dir" 16
	umount "$disk"
}

#
# broken ENGINE WORKLOAD STATE KEY...: the engine's repetitions end in STATE, no
# number of theirs is kept, the other engine's cells finish
#
broken() {
	local engine=$1 workload=$2 want=$3 dir=$tmp/broken-$1 file
	shift 3

	zb run "${short[@]}" engine="$engine",zonelock workload="$workload" repeat=2 \
		out="$dir" "$@"
	expect "$engine: ends with 1, not $status" [ "$status" -eq 1 ]
	for file in "$dir"/cells/"$engine"*/rep-*/status; do
		expect "$engine: status '$want', not '$(cat "$file")'" grep -qE "^$want" "$file"
		expect "$engine: stderr is kept" [ -e "$(dirname "$file")/stderr.txt" ]
		expect "$engine: no result" [ ! -e "$(dirname "$file")/result.json" ]
	done
	expect "$engine: no number of it" [ "$(rows_of "$dir" "$engine")" -eq 0 ]
	expect "$engine: numbers of the other cells" [ "$(rows_of "$dir" zonelock)" -gt 0 ]
	expect "$engine: every cell has ended" \
		[ "$(find "$dir/cells" -name status | wc -l)" -eq 4 ]
	expect "$engine: the other cells are ok" \
		[ "$(cat "$dir"/cells/zonelock*/rep-*/status | sort -u)" = ok ]
}

#
# A thread that sits on another CPU than it should
#
affinity() {
	local dir=$tmp/affinity

	zb run "${short[@]}" engine=zonelock workload=pair repeat=2 fault=affinity out="$dir"
	expect "affinity: ends with 1, not $status" [ "$status" -eq 1 ]
	expect "affinity: void: $(states "$dir")" [ "$(states "$dir")" = "2 void" ]
	expect "affinity: no number" [ "$(rows_of "$dir" zonelock)" -eq 0 ]
	expect "affinity: the reason names the CPU: $(cat "$dir"/cells/*/rep-00/status)" \
		grep -qi 'cpu' "$dir"/cells/*/rep-00/status
}

kill_and_resume
interrupt
# where it gets full is another file each time
for size in 140k 164k 188k 192k; do
	full_disk "$size"
done
broken crash pair 'crash signal 11'
broken hang pair 'timeout' timeout=1500ms
broken overlap bulk '(failed|void) '
mv "$tmp/broken-overlap" "$tmp/broken-overlap-bulk"
broken overlap pair '(failed|void) '
broken leak pair '(failed|void) '
if [ "$(nproc)" -gt 1 ]; then
	affinity
else
	skip "affinity: needs two CPUs"
fi
finish
