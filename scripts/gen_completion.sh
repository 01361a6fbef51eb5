#!/bin/sh
# Writes the bash completion: its frame with the program's own names.
# usage: gen_completion.sh ZONEBENCH FRAME
set -eu

program=$1 frame=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$program" list options --format=tsv > "$dir/options"
# Names stand in the first column, what belongs to them is indented.
"$program" list engines | sed -n 's/^\([a-z][a-z0-9_:]*\) .*/\1/p' > "$dir/engines"
"$program" list workloads | sed -n 's/^\([a-z][a-z0-9_:]*\) .*/\1/p' > "$dir/workloads"
"$program" --help | sed -n 's/^  \([-a-z]*\)  .*/\1/p' > "$dir/commands"

awk -F '\t' -v dir="$dir" '
function words(file,   line, all) {
	while ((getline line < file) > 0)
		all = all (all == "" ? "" : " ") line
	return all
}
BEGIN {
	file = dir "/options"
	getline line < file
	nr = split(line, f, "\t")
	for (i = 1; i <= nr; i++)
		c[f[i]] = i
	while ((getline line < file) > 0) {
		split(line, f, "\t")
		name = f[c["name"]]
		if (f[c["where"]] ~ /cli/)
			run_keys = run_keys (run_keys == "" ? "" : " ") name
		if (f[c["where"]] ~ /tools/)
			tool_keys = tool_keys (tool_keys == "" ? "" : " ") name
		if (f[c["where"]] ~ /cache/)
			cache_keys = cache_keys (cache_keys == "" ? "" : " ") name
		list = f[c["choices"]]
		if (list == "" && f[c["type"]] == "bool")
			list = "0,1"
		if (list == "")
			continue
		gsub(/,/, " ", list)
		choices = choices "\t\t" name \
			") mapfile -t COMPREPLY < <(compgen -P \"$head\" -W \047" \
			list "\047 -- \"$cur\") ;;\n"
	}
	commands = words(dir "/commands")
	engines = words(dir "/engines")
	workloads = words(dir "/workloads")
	sub(/\n$/, "", choices)
}
/^@CHOICES@$/ { if (choices != "") print choices; next }
{
	gsub(/@COMMANDS@/, commands)
	gsub(/@RUN_KEYS@/, run_keys)
	gsub(/@TOOL_KEYS@/, tool_keys)
	gsub(/@CACHE_KEYS@/, cache_keys)
	gsub(/@ENGINES@/, engines)
	gsub(/@WORKLOADS@/, workloads)
	print
}' "$frame"
