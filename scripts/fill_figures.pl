#!/usr/bin/perl
# Puts the figures of runs into a text: a template on stdin, the text on stdout.
#
#   fill_figures.pl PARTS < TEMPLATE
#
# PARTS/RUN.csv is summary.csv of a run, PARTS/RUN.samples its samples.csv, which
# has the floors: figures named floor:NAME of each cell. In the template:
#   {{file NAME}}                  the file PARTS/NAME
#   {{RUN:CELL METRIC}}            median over the repetitions
#   {{RUN:CELL METRIC / RUN:CELL METRIC}}   quotient of two
#   {{% ...}} {{M ...}}            in percent, in millions
#   {{low RUN:CELL METRIC}} {{high RUN:CELL METRIC}}   of all repetitions
#   {{latencies RUN CELL...}}      rows of a table, allocate then free
#   {{calls INLINE CALL CELL...}}  rows of a table, ns per operation of two runs
# A field without a number is an error. Numbers have three digits.
use strict;
use warnings;

my ($parts) = @ARGV;
my %median;    # {run}{cell}{metric} = [n, median, least, greatest]

die "usage: fill_figures.pl PARTS < TEMPLATE\n" unless @ARGV == 1 && -d $parts;

sub slurp {
	my ($path) = @_;

	open(my $in, "<", $path) or die "fill_figures.pl: $path: $!\n";
	local $/;
	return scalar <$in>;
}

# The fields of each line behind the first.
sub rows {
	my ($path) = @_;
	my (undef, @lines) = split(/\n/, slurp($path));

	return map {
		my @f;
		push @f, defined $1 ? $1 =~ s/""/"/gr : $2
			while /\G(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g && @f < 20;
		\@f
	} @lines;
}

for my $path (glob("$parts/*.csv")) {
	my ($run) = $path =~ m{([^/]+)\.csv$};

	$median{$run}{$_->[1]}{$_->[7]} = [@$_[10, 11, 15, 16]] for rows($path);
}
for my $path (glob("$parts/*.samples")) {
	my ($run) = $path =~ m{([^/]+)\.samples$};
	my %floor;

	for my $f (rows($path)) {
		push @{$floor{$f->[1]}{$f->[2]}}, $f->[11]
			if $f->[2] =~ /^floor:/ && $f->[8] eq "ns_per_op" && $f->[11] ne "";
	}
	for my $cell (keys %floor) {
		for my $name (keys %{$floor{$cell}}) {
			my @v = sort { $a <=> $b } @{$floor{$cell}{$name}};
			my $mid = ($v[$#v / 2] + $v[@v / 2]) / 2;

			$median{$run}{$cell}{$name} = [scalar @v, $mid, $v[0], $v[-1]];
		}
	}
}

sub figure {
	my ($name, $which) = @_;
	my ($run, $cell, $metric) = $name =~ /^\s*([\w-]+):(\S+) (\S+)\s*$/
		or die "fill_figures.pl: {{$name}}: expected RUN:CELL METRIC\n";
	my $f = $median{$run}{$cell}{$metric}
		or die "fill_figures.pl: {{$name}}: no such figure\n";
	return $f->[$which // 1];
}

sub number {
	my ($v) = @_;
	my $digits = $v == int($v) ? 0 : abs($v) < 9.995 ? 2 : abs($v) < 99.95 ? 1 : 0;
	my $text = sprintf("%.${digits}f", $v);

	1 while $text =~ s/^(-?\d+)(\d{3})/$1 $2/;
	return $text;
}

sub value {
	my ($field) = @_;
	my $unit = $field =~ s/^([%M]) // ? $1 : "";
	my ($over, $under) = split(m{ / }, $field);
	my $v = figure($over);

	$v /= figure($under) if defined $under;
	return number($unit eq "%" ? 100 * $v : $unit eq "M" ? $v / 1e6 : $v);
}

# A percentile that some repetitions have too few samples for is none.
sub percentile {
	my ($run, $cell, $metric) = @_;
	my $all = $median{$run}{$cell}{throughput}
		or die "fill_figures.pl: $run: no cell $cell\n";
	my $f = $median{$run}{$cell}{$metric};

	return $f && $f->[0] == $all->[0] ? sprintf("%.0f", $f->[1]) : "-";
}

sub latencies {
	my ($run, @cells) = @_;
	my @rows;

	for my $cell (@cells) {
		my @row = map { my $side = $_; map { percentile($run, $cell, "lat_${side}_$_") }
			qw(p50 p99 p99_9) } qw(alloc free);
		push @rows, "| " . join(" | ", "`$cell`", @row) . " |";
	}
	return join("\n", @rows);
}

sub calls {
	my ($inline, $call, @cells) = @_;

	return join("\n", map {
		my ($a, $b) = (figure("$inline:$_ ns_per_op"), figure("$call:$_ ns_per_op"));
		"| `$_` | " . join(" | ", number($a), number($b), number($b - $a)) . " |"
	} @cells);
}

sub expand {
	my ($field) = @_;
	my ($word, @args) = split(' ', $field);

	return slurp("$parts/$args[0]") =~ s/\n\z//r if $word eq "file";
	return latencies(@args) if $word eq "latencies";
	return calls(@args) if $word eq "calls";
	return number(figure($field =~ s/^low //r, 2)) if $word eq "low";
	return number(figure($field =~ s/^high //r, 3)) if $word eq "high";
	return value($field);
}

# A paragraph of running text is filled to 120 columns again.
sub fill {
	my ($text) = @_;
	my ($at, $out) = (0, "");

	for my $word (split(' ', $text)) {
		my $wrap = $at && $at + 1 + length($word) > 120;

		$out .= $wrap ? "\n" : $at ? " " : "";
		$at = ($wrap || !$at ? 0 : $at + 1) + length($word);
		$out .= $word;
	}
	return $out;
}

my $template = do { local $/; <STDIN> };
my @paragraphs = map {
	my $running = !/^[|#!`-]/ && !/\{\{(?:file|latencies|calls) /;
	my $text = s/\{\{([^{}]+)\}\}/expand($1)/ger;

	$running ? fill($text) : $text =~ s/\n+\z//r
} split(/\n\n+/, $template);
print join("\n\n", @paragraphs), "\n";
