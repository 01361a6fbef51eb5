#!/bin/bash
# The models of the rcu engine's protocol, in Spin: each holds in every
# interleaving, and each seeded mistake is found, by the assertion named.
#
#   spin_test.sh
#
# Exit status 77 where spin is not installed.
set -u

models=$(cd "$(dirname "$0")/../../alloc/page/tests/models" && pwd) || exit 2
for tool in spin "${CC:-cc}"; do
	command -v "$tool" > /dev/null || {
		echo "skip: no $tool"
		exit 77
	}
done
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0 failed=0

# verify MODEL [-DMISTAKE]: output of the verifier in ./out
verify() {
	rm -f pan* ./*.trail
	spin -a ${2:+"$2"} "$models/$1.pml" > out 2>&1 &&
		"${CC:-cc}" -w -O1 -DMEMLIM=1024 -o pan pan.c >> out 2>&1 &&
		timeout 120 ./pan -m1000000 > out 2>&1
}

verdict() {
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok     $2"
	else
		failed=$((failed + 1))
		echo "FAIL   $2"
		sed 's/^/       /' out
	fi
}

# A complete search without an error, in which every statement was executed.
holds() {
	verify "$1" && grep -q 'errors: 0$' out &&
		! grep -qE 'max search depth too small|Search not completed' out &&
		! grep -qE '^[[:space:]]+\([1-9][0-9]* of [0-9]+ states' out
	verdict $? "$1 holds ($(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out) states)"
}

# The mistake must break the assertion that matches.
breaks() {
	verify "$1" "$2"
	grep -qE "assertion violated \($3\)" out
	verdict $? "$1 $2 breaks assert($3)"
}

holds rcu_stack
breaks rcu_stack -DNO_GRACE_PERIOD '\(?below==link\[seen\]\)?'
breaks rcu_stack -DNO_FLUSH_GRACE_PERIOD '\(?below==link\[seen\]\)?'
holds rcu_batch
breaks rcu_batch -DNO_DETACH_GRACE_PERIOD 'nr\[mine\]==0'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
