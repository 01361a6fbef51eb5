#!/bin/bash
# The files of a real run, read by programs that others wrote: the reference
# reader of HdrHistogram logs (Java), Google Benchmark's compare.py, a JSON
# Schema validator, numpy and scipy, an XML parser.
#
#   ZONEBENCH=build/zonebench oracles.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

bin=$(realpath "${ZONEBENCH:-build/zonebench}") || exit 2
oracles=scripts/tests/oracles
jar=/usr/share/java/hdrhistogram.jar
compare=/usr/share/benchmark/compare.py
# Debian's own interpreter: it has the modules of Debian's packages.
python=/usr/bin/python3
job=(mem=1G cpus=2 "engine=null,zonelock" "workload=pair,bulk" "threads=1,2"
	runtime=50ms lat_runtime=100ms warmup=10ms repeat=7 sample=1)

for i in 1 2; do
	expect "run $i" "$bin" run "${job[@]}" seed=$i out="$tmp/run$i" > "$tmp/log" 2>&1
done
if [ ! -f "$tmp/run2/samples.csv" ]; then
	tail -n 20 "$tmp/log"
	fail "no results to read"
	finish
	exit
fi

check_run() {
	"$python" "$oracles/check_run.py" "$@"
}

expect "samples.csv against the results" check_run csv "$tmp/run1"
expect "summary.csv against numpy and scipy" check_run stats "$tmp/run1"
expect "JSON against the schemas" check_run schema "$tmp/run1"
expect "charts against an XML parser" check_run svg "$tmp/run1"

if java -cp "$jar" "$oracles/ReadHlog.java" 50,90,99,99.9,99.99 \
	"$tmp"/run1/cells/*/rep-*/latency.hlog > "$tmp/java"; then
	expect "latency.hlog against the Java reader" check_run hlog "$tmp/run1" "$tmp/java"
else
	fail "the Java reader refuses a latency.hlog"
fi

if "$python" "$compare" --no-color benchmarks "$tmp/run1/gbench.json" "$tmp/run2/gbench.json" \
	> "$tmp/compare" 2> "$tmp/compare.err"; then
	expect "gbench.json against compare.py" check_run gbench "$tmp/run1" "$tmp/compare"
else
	tail -n 3 "$tmp/compare.err"
	fail "compare.py refuses a gbench.json"
fi
finish
