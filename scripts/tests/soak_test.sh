#!/bin/bash
# The soak in short: a working set of half as much again as memory, while the
# swap device fails, on two engines.
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

export ZONEBENCH=${ZONEBENCH:-build/zonebench}
export SOAK_ARGS='engine=pcp,rcu runtime=1s lat_runtime=0 mem=32M swap_faults=10000'

expect 'the soak is sound' scripts/soak.sh
# without faults it proves nothing, and must say so
SOAK_ARGS='engine=pcp runtime=100ms lat_runtime=0 mem=32M swap_faults=0'
if scripts/soak.sh > "$tmp/out"; then
	fail 'a soak without faults passed'
else
	pass
fi
finish
