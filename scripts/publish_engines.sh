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
if [ $# -ne 2 ] || [ ! -f "$1/engines/samples.csv" ] || ! [[ $2 =~ ^[A-Za-z0-9._-]+$ ]]; then
	echo "usage: publish_engines.sh DIR NAME" >&2
	exit 2
fi
. scripts/publish.bash
kept=results/reference/$2
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

for run in engines fragment hot-inline hot-call; do
	keep "$1/$run" "$kept/$run"
	cp "$kept/$run/summary.csv" "$parts/$run.csv"
	cp "$kept/$run/samples.csv" "$parts/$run.samples"
	echo "- \`$(command_of "$1/$run")\`, seed $(value_of "$1/$run/run.json" seed)," \
		"$(value_of "$1/$run/run.json" created): [\`$kept/$run\`]($kept/$run)"
done > "$parts/commands"
# Exit status 1 says that a goal was missed, which is a result like another.
scripts/goals.pl --markdown "$kept/engines" "$kept/fragment" > "$parts/goals" || [ $? -eq 1 ]
{
	echo '```'
	cat "$kept/engines/summary.txt"
	echo '```'
} > "$parts/table"

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
scripts/fill_figures.pl "$parts" < docs/engines.md.in > "$parts/section"
fill BENCHMARKS.md engines "$parts/section"
echo "$kept and BENCHMARKS.md are written"
