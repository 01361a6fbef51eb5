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
. scripts/publish.bash
begin_parts "publish_slabs.sh RUN NAME" "${1-}/samples.csv" "$@"

keep_part "$1" "$kept" slabs > "$parts/commands"
goals --slab --markdown "$kept"
thp=$(value_of "$kept/env.json" thp)
case $thp in
*"[always]"*) echo "\`$thp\`: huge pages for libraries too, as far as there are whole ones." ;;
*) echo "\`$thp\`: huge pages for those who ask, and 4 KiB pages for the others." ;;
esac > "$parts/thp"
quote "$kept/summary.txt" > "$parts/table"
for chart in throughput-obj-pair utilisation-kmalloc-mix pareto-kmalloc-mix \
	pareto-obj-rand paths-slub; do
	[ ! -f "$kept/plots/$chart.svg" ] ||
		printf '![%s](%s)\n\n' "$chart" "$kept/plots/$chart.svg"
done > "$parts/charts"
finish slabs
