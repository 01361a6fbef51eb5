#!/bin/bash
# A build with HOT=call: every page engine, out of line.
#
#   CALL=build/call/zonebench hot_call_test.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

bin=$(realpath "${CALL:-build/call/zonebench}") || exit 2
engines=null,zonelock,pcp,pcp_rseq,rcu

if ! "$bin" run engine=$engines workload=pair,bulk mem=1G cpus=2 repeat=1 \
	retries=0 runtime=20ms lat_runtime=20ms warmup=1ms nr=512 \
	out="$tmp/run" > "$tmp/log" 2>&1; then
	fail "a run of the out-of-line build"
	tail -n 5 "$tmp/log"
fi
expect "the build says what it is" grep -q '"hot": "call"' "$tmp/run/env.json"
for engine in ${engines//,/ }; do
	for workload in pair bulk; do
		result=("$tmp/run/cells/$engine-$workload"-*/rep-00/result.json)
		expect "$engine $workload: a result" [ -s "${result[0]}" ]
		expect "$engine $workload: flagged call" grep -q '"call"' "${result[0]}"
	done
done
expect "every row of the samples is flagged" bash -c \
	"! tail -n +2 '$tmp/run/samples.csv' | grep -v '^[^,]*,[^,]*,floor:' | grep -vq call"
finish
