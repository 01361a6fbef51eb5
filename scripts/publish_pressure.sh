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
if [ $# -ne 2 ] || [ ! -f "$1/pressure/samples.csv" ] || ! [[ $2 =~ ^[A-Za-z0-9._-]+$ ]]; then
	echo "usage: publish_pressure.sh DIR NAME" >&2
	exit 2
fi
. scripts/publish.bash
kept=results/reference/$2
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

for run in pressure fragmentation; do
	keep "$1/$run" "$kept/$run"
	cp "$kept/$run/summary.csv" "$parts/$run.csv"
	cp "$kept/$run/samples.csv" "$parts/$run.samples"
	echo "- \`$(command_of "$1/$run")\`, seed $(value_of "$1/$run/run.json" seed)," \
		"$(value_of "$1/$run/run.json" created): [\`$kept/$run\`]($kept/$run)"
done > "$parts/commands"
# Megabytes of heat maps that tell nothing here.
rm -f "$kept"/pressure/plots/freeblocks-*
# Exit status 1 says that a goal was missed, which is a result like another.
scripts/goals.pl --markdown --pressure "$kept/pressure" > "$parts/goals" || [ $? -eq 1 ]

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
scripts/fill_figures.pl "$parts" < docs/pressure.md.in > "$parts/section"
fill BENCHMARKS.md pressure "$parts/section"
echo "$kept and BENCHMARKS.md are written"
