#!/bin/bash
# Makes a run the published reference: keeps its tables, charts and environment
# under results/reference/NAME, and writes the part of BENCHMARKS.md that holds
# results, and the README's chart, from them. No figure is typed by hand.
#
#   publish.sh RUN-FOLDER NAME
set -eu

cd "$(dirname "$0")/.."
. scripts/publish.bash
begin "publish.sh RUN-FOLDER NAME" "${1-}/samples.csv" "$@"
run=$1

keep "$run" "$kept"

{
	echo "Command: \`$(command_of "$run")\`, seed $(value_of "$run/run.json" seed)," \
		"$(value_of "$run/run.json" created). Every file but the raw repetitions is in [\`$kept\`]($kept)."
	echo
	quote "$kept/summary.txt"
	echo
	# One of each kind; the folder has them all.
	for chart in "$kept"/plots/{throughput-pair*,cost-by-*,latency-pair,latency-churn,freeblocks-churn,unusable-churn}.svg; do
		[ -f "$chart" ] || continue
		echo "![$(basename "$chart" .svg)]($chart)"
		echo
	done
} > BENCHMARKS.part
fill BENCHMARKS.md results BENCHMARKS.part

chart=$(find "$run/plots" -name 'throughput-pair*.png' | sort | head -n 1)
[ -n "$chart" ] || chart=$(find "$run/plots" -name '*.png' | sort | head -n 1)
cp "$chart" docs/chart.png
printf '![%s](docs/chart.png)\n\nFrom [the reference run](%s); [BENCHMARKS.md](BENCHMARKS.md) tells how to read it.\n' \
	"$(basename "$chart" .png)" "$kept" > BENCHMARKS.part
fill README.md chart BENCHMARKS.part
rm BENCHMARKS.part
echo "$kept, BENCHMARKS.md, README.md and docs/chart.png are written"
