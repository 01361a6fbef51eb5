#!/bin/bash
# scripts/run-tests.sh can fail: each way in which a test goes wrong is counted,
# and so is what goes right.
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

cc=${CC:-gcc}

# program NAME TEXT: a shell script as a test.
program() {
	printf '#!/bin/bash\n%s\n' "$2" > "$tmp/$1"
	chmod +x "$tmp/$1"
}

# compiled NAME FLAGS TEXT: a C program as a test.
compiled() {
	local name=$1 flags=$2

	printf '%s\n' "$3" > "$tmp/$name.c"
	# shellcheck disable=SC2086 # the flags are words
	$cc -g -std=gnu11 -D_GNU_SOURCE -I. $flags "$tmp/$name.c" \
		${4:-} -o "$tmp/$name" -pthread -lm
}

# closes STATUS LINE ARGUMENT...: how run-tests.sh ends.
closes() {
	local want=$1 line=$2 last status
	shift 2

	scripts/run-tests.sh --logs "$tmp/logs" "$@" > "$tmp/out" 2>&1
	status=$?
	last=$(tail -n 1 "$tmp/out")
	if [ "$status" -eq "$want" ] && [ "$last" = "$line" ]; then
		pass
	else
		fail "$*: '$last', status $status; expected '$line', status $want"
	fi
}

program good 'exit 0'
program bad 'exit 3'
program skipped 'echo "skip: no such thing here"; exit 77'
program slow 'sleep 30'
program counts 'echo "3 passed, 0 failed, 2 skipped"'
program lies 'echo "3 passed, 0 failed"; exit 1'
program killed 'kill -SEGV $$'
closes 0 '1 passed, 0 failed' "$tmp/good"
closes 1 '1 passed, 1 failed' "$tmp/good" "$tmp/bad"
closes 1 '0 passed, 0 failed, 1 skipped' "$tmp/skipped"
closes 0 '1 passed, 0 failed, 1 skipped' "$tmp/skipped" "$tmp/good"
closes 0 '3 passed, 0 failed, 2 skipped' "$tmp/counts"
closes 1 '3 passed, 1 failed' "$tmp/lies"
closes 1 '0 passed, 1 failed' "$tmp/killed"
closes 1 '0 passed, 1 failed' --limit 1 "$tmp/slow"
closes 1 '0 passed, 1 failed' "$tmp/missing"
# Several at a time are counted and told as if one by one.
program late 'sleep 0.5'
closes 1 '5 passed, 2 failed, 2 skipped' --jobs 3 "$tmp/late" "$tmp/bad" \
	"$tmp/counts" "$tmp/killed" "$tmp/good"
expect "the order of the verdicts" [ "$(awk '/passed .* s$/ { printf "%s ", $1 }' "$tmp/out")" = \
	"ok FAIL ok FAIL ok " ]
closes 1 '0 passed, 1 failed'

tally=$tmp/tally
scripts/run-tests.sh --tally "$tally" "$tmp/good" > /dev/null
closes 0 '1 passed, 0 failed' --sum "$tally"
scripts/run-tests.sh --tally "$tally" "$tmp/bad" > /dev/null
closes 1 '1 passed, 1 failed' --sum "$tally"
closes 1 '0 passed, 0 failed' --sum "$tmp/empty"

compiled criterion '' '#include <criterion/criterion.h>
Test(a, good) { cr_assert(1); }
Test(a, bad) { cr_assert(0); }
Test(a, dies) { *(volatile int *)0 = 1; }' -lcriterion
closes 1 '1 passed, 2 failed' "$tmp/criterion"

# The sanitizers: what they report fails a program that says it passed.
plain="-Iharness/tests/plain harness/tests/plain/runner.c"
leak='#include <criterion/criterion.h>
#include <stdlib.h>
Test(a, leaks) { void *volatile p = malloc(7); p = NULL; cr_assert(1); }'
# Criterion itself leaks now and then, so its program fails once or twice.
compiled leak_criterion -fsanitize=address "$leak" -lcriterion
scripts/run-tests.sh --logs "$tmp/logs" "$tmp/leak_criterion" > "$tmp/out"
expect "a leak under Criterion fails" [ $? -eq 1 ]
expect "its report is shown" grep -q 'LeakSanitizer: detected memory leaks' "$tmp/out"
compiled leak "-fsanitize=address $plain" "$leak"
# The test, and its report.
closes 1 '0 passed, 2 failed' "$tmp/leak"
compiled undefined "-fsanitize=undefined $plain" '#include <criterion/criterion.h>
Test(a, overflows) { volatile int x = 0x7fffffff; x++; cr_assert(1); }'
closes 1 '1 passed, 1 failed' "$tmp/undefined"
compiled race "-fsanitize=thread $plain" '#include <criterion/criterion.h>
#include <pthread.h>
static int x;
static void *add(void *arg) { (void)arg; for (int i = 0; i < 1000; i++) x++; return NULL; }
Test(a, races) {
	pthread_t t[2];
	for (int i = 0; i < 2; i++) pthread_create(&t[i], NULL, add, NULL);
	for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
}'
closes 1 '0 passed, 2 failed' "$tmp/race"
finish
