#!/bin/bash
# scripts/install-deps.sh against a system made of small programs: nothing is
# installed here.
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

bin=$tmp/bin
calls=$tmp/calls
mkdir -p "$bin"
for tool in bash sh env sort tr sed cat dirname; do
	ln -s "$(command -v "$tool")" "$bin/$tool"
done

program() {
	printf '#!/bin/sh\n%s\n' "$2" > "$bin/$1"
	chmod +x "$bin/$1"
}

# run GROUP...: the script with only the programs above; sets status, out, err.
run() {
	: > "$calls"
	PATH=$bin OS_RELEASE=$tmp/os-release "$bin/bash" scripts/install-deps.sh "$@" \
		> "$tmp/out" 2> "$tmp/err"
	status=$?
	out=$(cat "$tmp/out")
	err=$(cat "$tmp/err")
}

program apt-get "echo \"\$*\" >> '$calls'; echo \"frontend \$DEBIAN_FRONTEND\" >> '$calls'"
program dpkg-query 'echo installed'
program id 'echo 0'
echo ID=debian > "$tmp/os-release"

run bench test
expect "all there: status 0" [ "$status" -eq 0 ]
expect "all there: silent" [ -z "$out$err" ]
expect "all there: apt-get not run" [ ! -s "$calls" ]

# shellcheck disable=SC2016 # $4 is the fake program's own
program dpkg-query 'case $4 in gnuplot-nox) exit 1 ;; libhwloc-dev) echo config-files ;; *) echo installed ;; esac'
run bench
expect "root: status 0: $err" [ "$status" -eq 0 ]
expect "root: says what" [ "$out" = "install-deps.sh: installing gnuplot-nox libhwloc-dev" ]
expect "root: updates first" grep -q 'update$' <(head -n 1 "$calls")
expect "root: installs just these" grep -qE 'install -y .*recommends gnuplot-nox libhwloc-dev$' "$calls"
expect "root: no questions" grep -q 'frontend noninteractive' "$calls"
expect "root: waits for the lock" grep -q 'DPkg::Lock::Timeout' "$calls"
run build
expect "a group installs only its own" grep -qE 'recommends libhwloc-dev$' "$calls"

program id 'echo 1000'
run bench
expect "no sudo: status 1" [ "$status" -eq 1 ]
expect "no sudo: apt-get not run" [ ! -s "$calls" ]
expect "no sudo: one line that names the packages" \
	[ "$(grep -c 'apt-get install gnuplot-nox libhwloc-dev' <<< "$err")/$(wc -l < "$tmp/err")" = 1/1 ]

program sudo "echo sudo >> '$calls'; exec \"\$@\""
run bench
expect "sudo: status 0" [ "$status" -eq 0 ]
expect "sudo: both commands" [ "$(grep -c '^sudo$' "$calls")" -eq 2 ]
expect "sudo: no questions" grep -q 'frontend noninteractive' "$calls"

program apt-get 'exit 100'
run bench
expect "apt-get fails: so does the script" [ "$status" -ne 0 ]

echo ID=fedora > "$tmp/os-release"
run build
expect "other system: status 1" [ "$status" -eq 1 ]
expect "other system: lists the packages" grep -q '^  libjansson-dev$' "$tmp/err"
rm "$tmp/os-release"
run build
expect "unknown system: status 1" [ "$status" -eq 1 ]
run nothing
expect "unknown group: status 2" [ "$status" -eq 2 ]
finish
