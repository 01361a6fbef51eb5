#!/bin/sh
# Writes the manual page: its frame, with the option table of the program in
# place of @OPTIONS@.
# usage: gen_man.sh ZONEBENCH FRAME VERSION
set -eu

program=$1 frame=$2 version=$3
table=$(mktemp)
trap 'rm -f "$table"' EXIT

"$program" list options --format=tsv > "$table"
# The page's date is that of the last commit, so that a build is repeatable.
date=$(git log -1 --format=%cs 2>/dev/null) || date=
[ -n "$date" ] || date=$(date +%F)

awk -v table="$table" -v date="$date" -v version="$version" '
function roff(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text
}
# Lines of at most 78 bytes; none may begin like a request.
function print_text(text,   word, nr, i, line) {
	nr = split(roff(text), word, " ")
	for (i = 1; i <= nr; i++) {
		if (line != "" && length(line) + length(word[i]) >= 78) {
			print line
			line = ""
		}
		if (line == "" && word[i] ~ /^[.\047]/)
			word[i] = "\\&" word[i]
		line = line (line == "" ? "" : " ") word[i]
	}
	print line
}
function print_options(   line, f, c, i, group) {
	getline line < table
	nr = split(line, f, "\t")
	for (i = 1; i <= nr; i++)
		c[f[i]] = i
	while ((getline line < table) > 0) {
		split(line, f, "\t")
		if (f[c["group"]] != group) {
			group = f[c["group"]]
			print ".SS Options of the " group
		}
		print ".TP"
		print ".BR " roff(f[c["name"]]) " =\\fI" \
			(f[c["axis"]] == 1 ? "LIST" : "VALUE") "\\fP"
		line = f[c["summary"]]
		print_text(toupper(substr(line, 1, 1)) substr(line, 2) ".")
		line = f[c["expected"]]
		if (f[c["default"]] != "")
			line = line "; default " f[c["default"]]
		print_text("Takes " line ".")
	}
}
/^@OPTIONS@$/ { print_options(); next }
{
	gsub(/@DATE@/, date)
	gsub(/@VERSION@/, version)
	print
}' "$frame"
