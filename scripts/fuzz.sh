#!/bin/bash
# Runs each libFuzzer target for a short time, from its kept corpus. A crash,
# a hang, a leak or a sanitizer's report is a failure, and the input is kept
# beside the target for its way into the corpus.
#
#   FUZZ_DIR=build/fuzzing/fuzz FUZZ_SECONDS=10 fuzz.sh
set -u

dir=${FUZZ_DIR:-build/fuzzing/fuzz}
seconds=${FUZZ_SECONDS:-10}
passed=0 failed=0

# One target; its verdict is the exit status.
fuzz_one() {
	local target=$1 name=$2 found=$dir/found-$2 work=$dir/work-$2

	mkdir -p "$found" "$work"
	# The reports are read here: no log_path.
	ASAN_OPTIONS='' UBSAN_OPTIONS=print_stacktrace=1 \
		"$target" -max_total_time="$seconds" -timeout=5 \
		-rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
		-artifact_prefix="$found/" \
		"$work" "harness/tests/corpus/$name" > "$dir/$name.log" 2>&1
}

# Collects the verdict of the target that was started as process $1.
collect() {
	if wait "$1"; then
		passed=$((passed + 1))
		sed -n 's/^stat::number_of_executed_units: */fuzz '"$2"': runs /p' "$dir/$2.log"
	else
		failed=$((failed + 1))
		echo "FAIL fuzz $2: see $dir/found-$2"
		tail -n 50 "$dir/$2.log"
	fi
}

# Two at a time.
pid='' started=''
for target in "$dir"/fuzz_*; do
	if ! [ -x "$target" ] || [ -d "$target" ]; then
		continue
	fi
	name=$(basename "$target")
	name=${name#fuzz_}
	before=$pid before_name=$started
	fuzz_one "$target" "$name" &
	pid=$! started=$name
	[ -z "$before" ] || collect "$before" "$before_name"
done
[ -z "$pid" ] || collect "$pid" "$started"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
