#!/bin/bash
# Makes two runs the published figures of memory under pressure: keeps them under
# results/reference/NAME, and writes that part of BENCHMARKS.md from them and
# from docs/pressure.md.in. No figure is typed by hand.
#
#   publish_pressure.sh DIR NAME
#
# DIR holds the folders of these runs, of one host and one time:
#   pressure        zonebench run workloads/jobs/pressure.ini
#   fragmentation   zonebench run workloads/jobs/fragmentation.ini
set -eu

cd "$(dirname "$0")/.."
. scripts/publish.bash
begin_parts "publish_pressure.sh DIR NAME" "${1-}/pressure/samples.csv" "$@"

for run in pressure fragmentation; do
	keep_part "$1/$run" "$kept/$run" "$run"
done > "$parts/commands"
# Megabytes of heat maps that tell nothing here.
rm -f "$kept"/pressure/plots/freeblocks-*
goals --markdown --pressure "$kept/pressure"

# chart RUN NAME: the picture, and the command that drew it.
chart() {
	[ -f "$kept/$1/plots/$2.svg" ] || { echo "$kept/$1/plots/$2.svg: missing" >&2; exit 2; }
	printf '![%s](%s)\n\nFrom: %s\n\n' "$2" "$kept/$1/plots/$2.svg" \
		"\`$(command_of "$kept/$1")\`, which draws it; \`zonebench plot\` does so again"
}
{
	chart pressure kswapd-pressure-anon
	chart pressure kswapd-pagecache
} > "$parts/charts-kswapd"
{
	chart pressure watermarks-pressure-anon-pcp
	chart pressure watermarks-pagecache-pcp
	chart pressure watermarks-burst-pcp
	chart pressure efficiency-pressure-anon
} > "$parts/charts-time"
{
	chart fragmentation freeblocks-age
	chart fragmentation extfrag-thp
	chart fragmentation unusable-thp
	chart fragmentation huge-thp
	chart fragmentation success-thp
} > "$parts/charts-age"
finish pressure
