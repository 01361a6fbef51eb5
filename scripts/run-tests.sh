#!/bin/bash
# Runs test programs, each under a time limit, and closes with one line
# `N passed, N failed` (', N skipped' may follow). Exit status 1 when a test
# failed or when none ran.
#
#   run-tests.sh [--logs DIR] [--limit SECONDS] [--tally FILE] [--label TEXT]
#                [--base DIR] [--jobs N] [--skip REASON] PROGRAM...
#   run-tests.sh --sum FILE
#
# A Criterion program counts by its own closing line, a program that closes
# with `N passed, N failed` by that, any other as one test: exit status 0
# passed, 77 skipped, else failed. Whatever it says, a program that exits
# non-zero or leaves a sanitizer's report has failed. --tally adds the counts
# to FILE and leaves the verdict to --sum. --base is cut from printed names,
# --jobs runs so many programs at a time, --skip counts one test that cannot
# run here.
set -u

limit=${TEST_LIMIT:-300}
logs=
tally=
label=
base=
jobs=1
passed=0 failed=0 skipped=0

closing_line() {
	local line="$1 passed, $2 failed"

	if [ "$3" -gt 0 ]; then
		line="$line, $3 skipped"
	fi
	printf '%s\n' "$line"
	[ "$2" -eq 0 ] && [ "$1" -gt 0 ]
}

sum_tally() {
	local p f s

	if [ -f "$1" ]; then
		while read -r p f s; do
			passed=$((passed + p)) failed=$((failed + f))
			skipped=$((skipped + s))
		done < "$1"
	fi
	closing_line "$passed" "$failed" "$skipped"
	exit
}

# Sets p, f and s from the log of a program that ended with status $2.
count() {
	local log=$1 status=$2 line

	p=0 f=0 s=0
	line=$(sed 's/\x1b\[[0-9;]*m//g' "$log" |
		grep -aE 'Synthesis: Tested: [0-9]+ \| Passing: [0-9]+' | tail -n 1)
	if [ -n "$line" ]; then
		# Criterion's failing ones include those that crashed.
		p=$(sed -E 's/.*Passing: ([0-9]+).*/\1/' <<< "$line")
		f=$(sed -E 's/.*Failing: ([0-9]+).*/\1/' <<< "$line")
		s=$(grep -acE '^\[SKIP\]' "$log")
	elif line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" |
		tail -n 1) && [ -n "$line" ]; then
		read -r p _ f _ s _ <<< "$line"
		s=${s:-0}
	elif [ "$status" -eq 0 ]; then
		p=1
	elif [ "$status" -eq 77 ]; then
		s=1
		return
	fi
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
}

# Prints the verdict over the program $1, whose folder is $2, and leaves the
# counts there.
run_one() {
	local program=$1 dir=$2 name=${1#"$base"} log status p f s start reports

	name=${name#/}
	name=${name#./}
	log=$dir/output
	case $program in
	/*) ;;
	*) program=./$program ;;
	esac
	start=$EPOCHREALTIME
	# Of an option that is given twice, the last one holds.
	ASAN_OPTIONS="${ASAN_OPTIONS:-}:log_path=$dir/report" \
	UBSAN_OPTIONS="${UBSAN_OPTIONS:-}:print_stacktrace=1:log_path=$dir/report" \
	TSAN_OPTIONS="${TSAN_OPTIONS:-}:log_path=$dir/report" \
		timeout -k 10 "$limit" "$program" > "$log" 2>&1 < /dev/null
	status=$?
	count "$log" "$status"
	reports=$(find "$dir" -name 'report*' | sort)
	if [ -n "$reports" ]; then
		f=$((f + 1))
	fi
	echo "$p $f $s" > "$dir/counts"
	printf '%-6s %-52s %4d passed %3d failed %3d skipped %6.1f s\n' \
		"$([ "$f" -eq 0 ] && { [ "$p" -gt 0 ] && echo ok || echo skip; } || echo FAIL)" \
		"$label$name" "$p" "$f" "$s" \
		"$(awk "BEGIN { print $EPOCHREALTIME - $start }")"
	if [ "$f" -eq 0 ]; then
		if [ "$s" -gt 0 ]; then
			grep -aiE '^(\[)?skip' "$log" | sed 's/^/       /'
		fi
		return
	fi
	if [ "$status" -ge 124 ] && [ "$status" -ne 134 ]; then
		echo "       exit status $status (time limit $limit s)"
	else
		echo "       exit status $status"
	fi
	tail -n 60 "$log" | sed 's/^/       /'
	for r in $reports; do
		head -n 60 "$r" | sed 's/^/       /'
	done
}

# Prints the verdict over the program that was started first of those whose
# verdict is not printed yet. One that left no counts has failed.
collect() {
	local p=0 f=1 s=0 dir=${dirs[0]}

	cat "$dir/verdict"
	if [ -s "$dir/counts" ]; then
		read -r p f s < "$dir/counts"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	dirs=("${dirs[@]:1}")
}

# Waits until one of the running programs ended, whichever. Verdicts are
# printed in the order of the starts.
wait_one() {
	wait -n
	running=$((running - 1))
	while [ "${#dirs[@]}" -gt 0 ] && [ -e "${dirs[0]}/ended" ]; do
		collect
	done
}

run_all() {
	local t name dir running=0
	dirs=()

	for t in "$@"; do
		name=${t#"$base"}
		name=${name#/}
		name=${name#./}
		dir=$logs/${name//\//.}
		rm -rf "$dir"
		mkdir -p "$dir"
		dir=$(cd "$dir" && pwd)
		[ "$running" -lt "$jobs" ] || wait_one
		{
			run_one "$t" "$dir" > "$dir/verdict" 2>&1
			: > "$dir/ended"
		} &
		dirs+=("$dir") running=$((running + 1))
	done
	while [ "$running" -gt 0 ]; do
		wait_one
	done
	while [ "${#dirs[@]}" -gt 0 ]; do
		collect
	done
}

while [ $# -gt 0 ]; do
	case $1 in
	--logs) logs=$2 && shift 2 ;;
	--limit) limit=$2 && shift 2 ;;
	--tally) tally=$2 && shift 2 ;;
	--label) label=$2 && shift 2 ;;
	--base) base=$2 && shift 2 ;;
	--jobs) jobs=$2 && shift 2 ;;
	--skip) skipped=$((skipped + 1)) && echo "skip   $label$2" && shift 2 ;;
	--sum) sum_tally "$2" ;;
	-*) echo "run-tests.sh: unknown option $1" >&2 && exit 2 ;;
	*) break ;;
	esac
done

if [ $# -eq 0 ] && [ "$skipped" -eq 0 ]; then
	echo "FAIL   ${label}no test program was named"
	failed=1
fi
if [ -z "$logs" ]; then
	logs=$(mktemp -d)
	trap 'rm -rf "$logs"' EXIT
fi
run_all "$@"
if [ -n "$tally" ]; then
	echo "$passed $failed $skipped" >> "$tally"
	exit 0
fi
closing_line "$passed" "$failed" "$skipped"
