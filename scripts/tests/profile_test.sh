#!/bin/bash
# `zonebench profile`: what it refuses, what it does with a perf that is
# missing, fails or hangs, and, where perf works, what a real profile holds.
#
#   ZONEBENCH=build/zonebench profile_test.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

bin=$(realpath "${ZONEBENCH:-build/zonebench}") || exit 2
short=(workload=pair mem=256M nodes=1 warmup=5ms runtime=400ms)

# profile PATH ARGUMENT...: sets status and err; the folder is $tmp/run.
profile() {
	local path=$1
	shift

	rm -rf "$tmp/run"
	PATH=$path "$bin" profile "${short[@]}" "out=$tmp/run" "$@" \
		> "$tmp/out" 2> "$tmp/err"
	status=$?
	err=$(cat "$tmp/err")
}

# refused WHAT PATTERN: one line that matches, status 2, nothing written.
refused() {
	expect "$1: status 2, was $status" [ "$status" -eq 2 ]
	expect "$1: one line: $err" [ "$(wc -l < "$tmp/err")" -eq 1 ]
	expect "$1: $err" grep -qE "$2" "$tmp/err"
	expect "$1: nothing written" [ ! -e "$tmp/run" ]
}

# A file of the one repetition.
rep_file() {
	find "$tmp/run/cells" -path "*/rep-00/$1"
}

fake_perf() {
	mkdir -p "$tmp/fake"
	printf '#!/bin/sh\n%s\n' "$1" > "$tmp/fake/perf"
	chmod +x "$tmp/fake/perf"
}

profile "$PATH" engine=null,zonelock
refused "two engines" 'expected one cell, these are 2 that differ in engine'
profile "$PATH" engine=null order=0,3 threads=1,2
refused "four cells" 'these are 4 that differ in threads, order'
profile "$PATH" repeat=3
refused "three repetitions" 'repeat=3: expected 1'
profile "$PATH" enginee=null
refused "a misspelt key" "did you mean 'engine'"
profile /nonexistent
refused "no perf" 'perf is not installed.*linux-perf'

fake_perf 'echo "cannot do that" >&2; exit 7'
profile "$tmp/fake:$PATH"
if [ "$status" -eq 2 ]; then
	refused "no permission" 'perf_event_open: '
	skip "perf_event_open: $err"
	finish
	exit
fi
expect "a perf that fails: status 1, was $status" [ "$status" -eq 1 ]
expect "a perf that fails: $err" grep -q 'perf record: exit status 7: cannot do that' "$tmp/err"
expect "a perf that fails: the cell's status" grep -q '^failed perf record' "$(rep_file status)"

# shellcheck disable=SC2016 # the program's own
fake_perf 'sleep 500 & echo $! > "${0%/*}/child"; wait'
start=$SECONDS
profile "$tmp/fake:$PATH" timeout=1s
expect "a perf that hangs: status 1, was $status" [ "$status" -eq 1 ]
expect "a perf that hangs: $err" grep -q 'killed at its time limit of 1 s' "$tmp/err"
expect "a perf that hangs: ended in time" [ $((SECONDS - start)) -lt 60 ]
expect "a perf that hangs: the cell's status" grep -qx timeout "$(rep_file status)"
child=$(cat "$tmp/fake/child")
# Dead, or a zombie that nobody has collected.
is_gone() {
	for _ in {1..300}; do
		[ -z "$(tr -d '\0' 2> /dev/null < "/proc/$1/cmdline")" ] && return
		sleep 0.1
	done
	return 1
}
expect "a perf that hangs: its child is gone" is_gone "$child"

if ! perf --version > /dev/null 2>&1; then
	skip "no perf: no real profile"
	finish
	exit
fi
profile "$PATH" threads=1
expect "a real profile: status 0, was $status: $err" [ "$status" -eq 0 ]
made=$tmp/run/profile
for file in perf.data event.txt annotate.txt folded.txt flame.svg summary.txt; do
	expect "a real profile: $file" [ -s "$made/$file" ]
done
expect "nothing else is left" [ "$(find "$made" -type f | wc -l)" -eq 6 ]
event=$(sed -n 's/^recorded: \([^ ]*\) at [0-9]* Hz$/\1/p' "$made/event.txt")
expect "the event is perf's own word" \
	[ "$event" = "$(perf evlist -i "$made/perf.data" 2> /dev/null | head -n 1)" ]
expect "the event is cycles or cpu-clock: $event" grep -qE '^(cycles|cpu-clock)' <<< "$event"
# shellcheck disable=SC2016 # awk's own
expect "at most 999 Hz" awk '$1 == "recorded:" { exit !($4 >= 1 && $4 <= 999) }' "$made/event.txt"
expect "the event is printed" grep -q "$event" "$tmp/out"

# Gated: what a repetition does before and after its window is not there.
expect "the loop is there" grep -qE '^worker;.*(pair_loop|bound_pair_raw)' "$made/folded.txt"
expect "nothing outside the window" \
	bash -c "! grep -qE 'floor_|machine_boot|audit_blocks|clock_calibrate|rep_write' '$made/folded.txt'"
samples=$(sed -n 's/^samples *\([0-9]*\),.*/\1/p' "$made/summary.txt")
expect "folded stacks hold every sample" \
	[ "$(awk '{ n += $NF } END { print n }' "$made/folded.txt")" = "$samples" ]
expect "annotated code of the loop" grep -qE '^ +[0-9.]+ : +[0-9a-f]+:' "$made/annotate.txt"
expect "the result says that it was profiled" \
	grep -q '"profiled"' "$(rep_file result.json)"
if command -v python3 > /dev/null; then
	expect "flame.svg is XML" python3 -c \
		'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$made/flame.svg"
else
	skip "no python3 to read flame.svg"
fi

# As an ordinary user it works, or says what to set.
if [ "$(id -u)" -eq 0 ] && command -v setpriv > /dev/null; then
	chmod 755 "$tmp"
	install -d -o 65534 -g 65534 "$tmp/user"
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$bin" profile "${short[@]}" "out=$tmp/user/run" > "$tmp/out" 2> "$tmp/err"
	status=$?
	if [ "$status" -eq 2 ]; then
		expect "ordinary user: says what to set: $(cat "$tmp/err")" \
			grep -qE 'perf_event_paranoid|CAP_PERFMON' "$tmp/err"
	else
		expect "ordinary user: $(cat "$tmp/err")" [ "$status" -eq 0 ]
		expect "ordinary user: a flame graph" [ -s "$tmp/user/run/profile/flame.svg" ]
	fi
else
	skip "not root: no second user"
fi
finish
