#!/bin/sh
# Prints the build's own facts as C macros: version, commit, whether the tree
# differs from it, compiler and flags.
# usage: build_info.sh VERSION CC FLAGS HOT
set -eu

quote() {
	printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'
}

commit=$(git rev-parse HEAD 2>/dev/null) || commit=unknown
dirty=0
if [ "$commit" != unknown ] && [ -n "$(git status --porcelain)" ]; then
	dirty=1
fi
# $2 may be more than a word, such as "ccache gcc".
compiler=$($2 --version | head -n 1)

printf '#ifndef BUILD_INFO_GEN_H\n#define BUILD_INFO_GEN_H\n'
printf '#define BUILD_VERSION "%s"\n' "$(quote "$1")"
printf '#define BUILD_COMMIT "%s"\n' "$commit"
printf '#define BUILD_DIRTY %d\n' "$dirty"
printf '#define BUILD_COMPILER "%s"\n' "$(quote "$compiler")"
printf '#define BUILD_FLAGS "%s"\n' "$(quote "$3")"
printf '#define BUILD_HOT "%s"\n' "$(quote "$4")"
printf '#endif\n'
