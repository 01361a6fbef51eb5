#!/bin/bash
# The manual page and the bash completion that come from the option table, and
# `make install`.
#
#   ZONEBENCH=build/zonebench BUILD=build docs.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
. scripts/tests/lib.bash

bin=$(realpath "${ZONEBENCH:-build/zonebench}") || exit 2
root=$tmp/root
prefix=$root/opt/zb

# The build directory and all else that was said to the make that runs this
# test stands in MAKEFLAGS; its job server is not for us.
MAKEFLAGS=$(sed 's/ *--jobserver-[a-z]*=[^ ]*//; s/ *-j[0-9]*//' <<< "${MAKEFLAGS:-}")
export MAKEFLAGS
# BUILD: as it was named then; the same folder by another name is another -I,
# and all would be compiled again.
build=${BUILD:-$(realpath --relative-to=. "$(dirname "$bin")")}
run_make() {
	make -s B="$build" PREFIX=/opt/zb DESTDIR="$root" "$@" > "$tmp/log" 2>&1
}

expect "make install" run_make install
page=$prefix/share/man/man1/zonebench.1
completion=$prefix/share/bash-completion/completions/zonebench
for file in "$prefix/bin/zonebench" "$page" "$completion" \
	"$prefix/share/zonebench/jobs/default.ini"; do
	expect "installed: $file" [ -s "$file" ]
done
for file in plots/*.gp; do
	expect "installed: $file" cmp -s "$file" "$prefix/share/zonebench/$file"
done
expect "the installed program runs elsewhere" \
	bash -c "cd / && '$prefix/bin/zonebench' --version | grep -q '^zonebench [0-9]'"
if run_make uninstall; then
	expect "uninstall leaves no file" [ -z "$(find "$root" -type f)" ]
else
	fail "make uninstall"
fi

# The page
run_make install
if command -v mandoc > /dev/null; then
	expect "mandoc -Tlint" [ -z "$(mandoc -Tlint "$page")" ]
else
	skip "no mandoc"
fi
if command -v groff > /dev/null; then
	expect "groff -ww" [ -z "$(groff -ww -man -Tutf8 "$page" 2>&1 > "$tmp/text")" ]
else
	skip "no groff"
fi
"$bin" list options --format=tsv | tail -n +2 | cut -f 1 | sort -u > "$tmp/options"
expect "there are options" [ -s "$tmp/options" ]
while read -r option; do
	expect "the page tells of $option" grep -q "^\\.BR ${option//-/\\\\-} =" "$page"
done < "$tmp/options"
"$bin" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' > "$tmp/commands"
expect "there are commands" [ -s "$tmp/commands" ]
while read -r command; do
	expect "the page tells of $command" grep -qE "^\\.(B|BI|BR) \"?$command\\b" "$page"
done < "$tmp/commands"

# complete WORD...: what is offered for the last word.
complete() {
	bash -c '
		set -u
		. "$1"
		shift
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		compopt() { :; }
		_zonebench
		printf "%s\n" "${COMPREPLY[@]}"' complete "$completion" "$@" 2> "$tmp/complete.err"
}

offers() {
	local want=$1
	shift

	if complete "$@" | grep -qxF -- "$want" && [ ! -s "$tmp/complete.err" ]; then
		pass
	else
		fail "completion of '${*: -1}' offers no '$want': $(complete "$@" | head -n 5)"
	fi
}

expect "the completion is valid bash" bash -n "$completion"
offers run zonebench ru
offers engine= zonebench run eng
offers zonelock zonebench run engine=zo
offers null,zonelock zonebench run engine=null,zo
offers remote_free zonebench run workload=rem
offers reverse zonebench run free_order=rev
offers zoneinfo zonebench show zone
offers mem= zonebench show zoneinfo me
offers workloads/jobs/default.ini zonebench run workloads/jobs/def
finish
