#!/bin/bash
# Runs each libFuzzer target for a short time, from its kept corpus. A crash,
# a hang, a leak or a sanitizer's report is a failure, and the input is kept
# beside the target for its way into the corpus.
#
#   FUZZ_DIR=build/fuzzing/fuzz FUZZ_SECONDS=15 fuzz.sh
set -u

dir=${FUZZ_DIR:-build/fuzzing/fuzz}
seconds=${FUZZ_SECONDS:-15}
passed=0 failed=0

for target in "$dir"/fuzz_*; do
	if ! [ -x "$target" ] || [ -d "$target" ]; then
		continue
	fi
	name=$(basename "$target")
	name=${name#fuzz_}
	found=$dir/found-$name
	work=$dir/work-$name
	mkdir -p "$found" "$work"
	# The reports are read here: no log_path.
	if ASAN_OPTIONS='' UBSAN_OPTIONS=print_stacktrace=1 \
		"$target" -max_total_time="$seconds" -timeout=5 \
		-rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
		-artifact_prefix="$found/" \
		"$work" "harness/tests/corpus/$name" > "$dir/$name.log" 2>&1; then
		passed=$((passed + 1))
		sed -n 's/^stat::number_of_executed_units: */fuzz '"$name"': runs /p' "$dir/$name.log"
	else
		failed=$((failed + 1))
		echo "FAIL fuzz $name: see $found"
		tail -n 50 "$dir/$name.log"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
