#!/bin/bash
# Installs the Debian packages that a group of targets needs, and says so.
# Nothing is installed, fetched or printed when all is there.
#
#   install-deps.sh [--list] build|bench|test|style|oracles|profile|numa|ci...
#
# On a system that is not Debian or Ubuntu it prints the list and stops.
set -eu

os_release=${OS_RELEASE:-/etc/os-release} # another one: tests
build="gcc libc6-dev make pkg-config git libhwloc-dev libjansson-dev
liburcu-dev libnuma-dev libinih-dev zlib1g-dev"
# What the engines malloc:... are compared as.
mallocs="libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4"
bench="$build $mallocs gnuplot-nox fonts-dejavu-core"
# clang brings libFuzzer and a second set of sanitizers, binutils the
# disassembler of the dispatch check, spin the model checker.
test="$build $mallocs libcriterion-dev clang libclang-rt-dev binutils spin"
style="clang-format shellcheck cppcheck mandoc"
oracles="$build gnuplot-nox fonts-dejavu-core libhdrhistogram-java
default-jdk-headless libbenchmark-tools python3 python3-scipy
python3-jsonschema zstd"
# binutils: perf disassembles and names inlined functions by its programs.
profile="$build linux-perf binutils"

# The guests of test-numa; numactl: a program that moves a process's memory.
numa="$build qemu-system-x86 busybox-static cpio numactl python3 gnuplot-nox
fonts-dejavu-core"

usage() {
	echo "usage: install-deps.sh [--list] build|bench|test|style|oracles|profile|numa|ci..." >&2
	exit 2
}

packages_of() {
	case $1 in
	build) echo "$build" ;;
	bench) echo "$bench" ;;
	test) echo "$test" ;;
	style) echo "$style" ;;
	oracles) echo "$oracles" ;;
	profile) echo "$profile" ;;
	numa) echo "$numa" ;;
	ci) echo "$bench $test $style $profile" ;;
	*) usage ;;
	esac
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

is_debian() {
	local ID="" ID_LIKE=""

	[ -r "$os_release" ] || return 1
	# shellcheck source=/dev/null
	. "$os_release"
	case " $ID $ID_LIKE " in
	*" debian "* | *" ubuntu "*) command -v apt-get > /dev/null ;;
	*) return 1 ;;
	esac
}

list_only=
if [ "${1:-}" = --list ]; then
	list_only=1
	shift
fi
[ $# -gt 0 ] || usage

names=
for group in "$@"; do
	names="$names $(packages_of "$group")" || exit 2
done
mapfile -t wanted < <(tr -s ' \n' '\n' <<< "$names" | sed '/^$/d' | sort -u)

if [ -n "$list_only" ]; then
	printf '%s\n' "${wanted[@]}"
	exit 0
fi
if ! is_debian; then
	echo "install-deps.sh: not Debian or Ubuntu; install the equivalents of these packages:" >&2
	printf '  %s\n' "${wanted[@]}" >&2
	exit 1
fi

missing=()
for package in "${wanted[@]}"; do
	installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo > /dev/null; then
		echo "install-deps.sh: not root and no sudo; as root: apt-get install ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi

echo "install-deps.sh: installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
	apt-get -q -o DPkg::Lock::Timeout=300)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
