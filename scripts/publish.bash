# shellcheck shell=bash
# What the publishing scripts share. Their working directory is the repository.

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
