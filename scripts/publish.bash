# shellcheck shell=bash
# What the publishing scripts share. Their working directory is the repository.

# begin USAGE SAMPLES RUN NAME: what the command line must be: two words, a run
# that has SAMPLES, and a name; then $kept is where it is kept.
begin() {
	if [ $# -ne 4 ] || [ ! -f "$2" ] || ! [[ $4 =~ ^[A-Za-z0-9._-]+$ ]]; then
		echo "usage: $1" >&2
		exit 2
	fi
	kept=results/reference/$4
}

# begin_parts ..: the same, and $parts is a folder for what is put together.
begin_parts() {
	begin "$@"
	parts=$(mktemp -d)
	trap 'rm -rf "$parts"' EXIT
}

# What a text from the run is for: one value of a JSON file.
value_of() {
	perl -MJSON::PP -e '
		local $/; open(my $f, "<", shift) or die; my $v = decode_json(<$f>);
		$v = ref $v eq "ARRAY" ? $v->[$_] : $v->{$_} for @ARGV;
		print ref $v eq "ARRAY" ? join(" ", @$v) : $v // "";' "$@"
}

# fill FILE NAME PART: what stands between <!-- NAME --> and <!-- end of NAME -->.
fill() {
	sed -i -e "/^<!-- $2 -->\$/,/^<!-- end of $2 -->\$/{
		/^<!-- $2 -->\$/{
			p
			r $3
		}
		/^<!-- end of $2 -->\$/!d
	}" "$1"
}

# keep RUN DIR: its tables, environment and charts, without what is nobody's
# business: where it lay on its host, and how its owner boots that.
keep() {
	rm -rf "$2"
	mkdir -p "$2/plots"
	cp "$1"/{run.json,env.json,samples.csv,summary.csv,failed.csv,gbench.json,summary.txt} "$2"
	cp "$1"/plots/*.{svg,dat,gp} "$2/plots" 2>/dev/null || rmdir "$2/plots"
	sed -i -e 's/^\( *"cwd": \)".*"/\1"."/' \
		-e 's#^\( *"out=\)/[^"]*/\([^/"]*"\)#\1results/\2#' "$2"/{run,env}.json
	sed -i 's#-I/[^ ]*/\(b-\|build\)[^/ ]*#-Ibuild#' "$2/env.json"
	sed -i '/^results: /d' "$2/summary.txt"
	sed -i 's/^\( *"kernel_cmdline": \)".*"\(,\{0,1\}\)$/\1null\2/' "$2/env.json"
}

# command_of RUN: as it was typed, but for the place of its folder.
command_of() {
	echo "zonebench run $(value_of "$1/run.json" argv | sed 's/ *\bout=[^ ]*//')"
}

# keep_part RUN DIR PART: keeps it, and its tables among the parts under that
# name; prints the line that names it.
keep_part() {
	keep "$1" "$2"
	cp "$2/summary.csv" "$parts/$3.csv"
	cp "$2/samples.csv" "$parts/$3.samples"
	echo "- \`$(command_of "$1")\`, seed $(value_of "$1/run.json" seed)," \
		"$(value_of "$1/run.json" created): [\`$2\`]($2)"
}

# goals ARG..: the part that says which goals were met. Exit status 1 of
# goals.pl says that one was missed, which is a result like another.
goals() {
	scripts/goals.pl "$@" > "$parts/goals" || [ $? -eq 1 ]
}

# quote FILE: as it is, in Markdown.
quote() {
	echo '```'
	cat "$1"
	echo '```'
}

# finish NAME: that part of BENCHMARKS.md, from docs/NAME.md.in and the parts.
finish() {
	scripts/fill_figures.pl "$parts" < "docs/$1.md.in" > "$parts/section"
	fill BENCHMARKS.md "$1" "$parts/section"
	echo "$kept and BENCHMARKS.md are written"
}
