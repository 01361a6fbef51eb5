#!/bin/bash
# Makes four runs the published comparison of the page engines: keeps them under
# results/reference/NAME, and writes that part of BENCHMARKS.md from them and
# from docs/engines.md.in. No figure is typed by hand.
#
#   publish_engines.sh DIR NAME
#
# DIR holds the folders of these runs, of one host and one time:
#   engines      zonebench run workloads/jobs/engines.ini
#   fragment     zonebench run workloads/jobs/fragment.ini
#   hot-inline   zonebench run workloads/jobs/hot.ini name=hot-inline
#   hot-call     the same with a build of `make HOT=call`, name=hot-call
set -eu

cd "$(dirname "$0")/.."
. scripts/publish.bash
begin_parts "publish_engines.sh DIR NAME" "${1-}/engines/samples.csv" "$@"

for run in engines fragment hot-inline hot-call; do
	keep_part "$1/$run" "$kept/$run" "$run"
done > "$parts/commands"
goals --markdown "$kept/engines" "$kept/fragment"
quote "$kept/engines/summary.txt" > "$parts/table"

# chart RUN NAME: the picture, and the command that drew it.
chart() {
	printf '![%s](%s)\n\nFrom: %s\n\n' "$2" "$kept/$1/plots/$2.svg" \
		"\`$(command_of "$1")\`, which draws it; \`zonebench plot\` does so again"
}
cd "$1" > /dev/null
{
	chart engines throughput-pair
	chart engines latency-pair-2
	chart engines latency-bulk-2
	chart engines latency-remote-free
} > "$parts/charts-speed"
{
	chart fragment freeblocks-churn
	chart fragment unusable-churn
	chart fragment limbo-churn
	chart fragment huge-churn
} > "$parts/charts-time"
cd - > /dev/null
finish engines
