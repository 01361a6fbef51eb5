#!/usr/bin/perl
# Puts the figures of runs into a text: a template on stdin, the text on stdout.
#
#   fill_figures.pl PARTS < TEMPLATE
#
# PARTS/RUN.csv is summary.csv of a run. In the template:
#   {{file NAME}}                  the file PARTS/NAME
#   {{RUN:CELL METRIC}}            median over the repetitions
#   {{RUN:CELL METRIC / RUN:CELL METRIC}}   quotient of two
#   {{% ...}} {{M ...}}            in percent, in millions
#   {{latencies RUN CELL...}}      rows of a table, allocate then free
#   {{calls INLINE CALL CELL...}}  rows of a table, ns per operation of two runs
# A field without a number is an error. Numbers have three digits.
use strict;
use warnings;

my ($parts) = @ARGV;
my %median;    # {run}{cell}{metric} = [n, median]

die "usage: fill_figures.pl PARTS < TEMPLATE\n" unless @ARGV == 1 && -d $parts;

sub slurp {
	my ($path) = @_;

	open(my $in, "<", $path) or die "fill_figures.pl: $path: $!\n";
	local $/;
	return scalar <$in>;
}

for my $path (glob("$parts/*.csv")) {
	my ($run) = $path =~ m{([^/]+)\.csv$};

	for my $line (split(/\n/, slurp($path))) {
		my @f;

		push @f, defined $1 ? $1 =~ s/""/"/gr : $2
			while $line =~ /\G(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g && @f < 12;
		next if $f[0] eq "run" || $f[2] =~ /^floor:/ && $f[7] ne "ns_per_op";
		my $metric = $f[2] =~ /^floor:/ ? $f[2] : $f[7];
		$median{$run}{$f[1]}{$metric} = [$f[10], $f[11]];
	}
}

sub figure {
	my ($name) = @_;
	my ($run, $cell, $metric) = $name =~ /^\s*([\w-]+):(\S+) (\S+)\s*$/
		or die "fill_figures.pl: {{$name}}: expected RUN:CELL METRIC\n";
	my $f = $median{$run}{$cell}{$metric}
		or die "fill_figures.pl: {{$name}}: no such figure\n";
	return $f->[1];
}

sub number {
	my ($v) = @_;
	my $digits = abs($v) < 9.995 ? 2 : abs($v) < 99.95 ? 1 : 0;
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
	return value($field);
}

my $text = do { local $/; <STDIN> };
$text =~ s/\{\{([^{}]+)\}\}/expand($1)/ge;
print $text;
