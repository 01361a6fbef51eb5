#!/bin/bash
# Makes a run the published comparison of the slab engines: keeps it under
# results/reference/NAME, and writes that part of BENCHMARKS.md from it and from
# docs/slabs.md.in. No figure is typed by hand.
#
#   publish_slabs.sh RUN NAME
#
# RUN: the folder of  zonebench run workloads/jobs/slab-goals.ini
set -eu

cd "$(dirname "$0")/.."
if [ $# -ne 2 ] || [ ! -f "$1/samples.csv" ] || ! [[ $2 =~ ^[A-Za-z0-9._-]+$ ]]; then
	echo "usage: publish_slabs.sh RUN NAME" >&2
	exit 2
fi
. scripts/publish.bash
kept=results/reference/$2
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

keep "$1" "$kept"
cp "$kept/summary.csv" "$parts/slabs.csv"
cp "$kept/samples.csv" "$parts/slabs.samples"
echo "- \`$(command_of "$1")\`, seed $(value_of "$1/run.json" seed)," \
	"$(value_of "$1/run.json" created): [\`$kept\`]($kept)" > "$parts/commands"
# Exit status 1 says that a goal was missed, which is a result like another.
scripts/goals.pl --slab --markdown "$kept" > "$parts/goals" || [ $? -eq 1 ]
{
	echo '```'
	cat "$kept/summary.txt"
	echo '```'
} > "$parts/table"
for chart in throughput-obj-pair utilisation-kmalloc-mix pareto-kmalloc-mix \
	pareto-obj-rand paths-slub; do
	[ ! -f "$kept/plots/$chart.svg" ] ||
		printf '![%s](%s)\n\n' "$chart" "$kept/plots/$chart.svg"
done > "$parts/charts"
scripts/fill_figures.pl "$parts" < docs/slabs.md.in > "$parts/section"
fill BENCHMARKS.md slabs "$parts/section"
echo "$kept and BENCHMARKS.md are written"
