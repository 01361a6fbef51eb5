#!/bin/bash
# soak.sh: workloads/jobs/soak.ini, and whether all of it was sound: every
# repetition ok (no byte wrong, no page leaked, lists and owners intact), reads
# of the device really failed, and pages really came back.
# Environment: ZONEBENCH (build/zonebench), SOAK_ARGS: keys that win over the
# job's, such as "runtime=2s lat_runtime=0".
set -u
cd "$(dirname "$0")/.." || exit 2
zonebench=${ZONEBENCH:-build/zonebench}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# shellcheck disable=SC2086 # several keys
"$zonebench" run workloads/jobs/soak.ini ${SOAK_ARGS:-} out="$tmp/run" \
	> "$tmp/log" 2>&1
status=$?
cat "$tmp"/run/cells/*/rep-*/status > "$tmp/states" 2> /dev/null
if [ $status -ne 0 ] || ! [ -s "$tmp/states" ] ||
		grep -qv '^ok' "$tmp/states"; then
	cat "$tmp/log" "$tmp/states"
	exit 1
fi
awk -F, '
	$9 == "pages_wrong" || $9 == "pages_read_back" || $9 == "read_errors" {
		sum[$3, $9] += $(NF - 1)
		engine[$3] = 1
	}
	END {
		for (e in engine) {
			printf "%-10s %d pages read back, %d reads failed, " \
				"%d pages wrong\n", e, sum[e, "pages_read_back"],
				sum[e, "read_errors"], sum[e, "pages_wrong"]
			bad += !sum[e, "pages_read_back"] ||
				!sum[e, "read_errors"] || sum[e, "pages_wrong"]
			nr++
		}
		exit !nr || bad
	}' "$tmp/run/samples.csv"
