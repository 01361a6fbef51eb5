#!/usr/bin/perl
# What the page engines are meant to reach, held against one run of engines.ini
# and, if given, one of fragment.ini; with --slab the slab engines, against one
# of slab-goals.ini; with --pressure memory under pressure, against one of
# pressure.ini. Reads samples.csv alone.
#
#   goals.pl [--markdown] ENGINES-RUN [FRAGMENT-RUN]
#   goals.pl --slab [--markdown] SLAB-RUN
#   goals.pl [--markdown] --pressure PRESSURE-RUN
#
# A figure is the median of its repetitions; its interval is that of summary.csv
# (95 % by order statistics from six repetitions on, else the range). The
# interval of a quotient goes from the lowest numerator over the highest
# denominator to the opposite. Floors are divided within a repetition, and so are
# the cells of a slab run: the n-th repetitions of all cells are one round, and
# what a host does to one of them it mostly does to the others. "met" and "not
# met" are said where the whole interval is on one side of the goal, "open" where
# it is not. Exit status 0: all met or open, 1: some not met, 2: bad input.
use strict;
use warnings;

my $slab = @ARGV && $ARGV[0] eq "--slab" ? shift : 0;
my $markdown = @ARGV && $ARGV[0] eq "--markdown" ? shift : 0;
my $pressure = @ARGV && $ARGV[0] eq "--pressure" ? shift : 0;
my (%value, $not_met, @rows);

# value{cell}{metric}{rep}; a floor's metric is "floor:NAME".
sub load {
	my ($dir) = @_;
	my $path = "$dir/samples.csv";

	open(my $in, "<", $path) or die "goals.pl: $path: $!\n";
	my $head = <$in> // "";
	$head =~ /^run,cell,engine,workload,machine,threads,order,rep,metric,unit,better,value,flags$/
		or die "goals.pl: $path:1: expected the columns of samples.csv\n";
	while (<$in>) {
		chomp;
		my @f;

		push @f, defined $1 ? $1 =~ s/""/"/gr : $2
			while /\G(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g && @f < 13;
		die "goals.pl: $path:$.: expected 13 fields\n" if @f < 13;
		next if $f[11] eq "";
		my $metric = $f[2] =~ /^floor:/ ? $f[8] eq "ns_per_op" ? $f[2] : next : $f[8];
		$value{$f[1]}{$metric}{$f[7]} = $f[11];
	}
}

# Rank of the interval's ends: the largest k with P(B(n, 1/2) < k) <= 2.5 %.
sub rank {
	my ($n) = @_;
	my ($p, $sum, $k) = (0.5 ** $n, 0, 0);

	while ($k < $n / 2 && $sum + $p <= 0.025) {
		$sum += $p;
		$p *= ($n - $k) / ($k + 1);
		$k++;
	}
	return $k || 1;
}

# (median, low, high, n) of a list.
sub stats {
	my @v = sort { $a <=> $b } @_;
	my $k = rank(scalar @v);

	return unless @v;
	my $median = @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
	return ($median, $v[$k - 1], $v[@v - $k], scalar @v);
}

sub figure {
	my ($cell, $metric) = @_;
	return stats(values %{$value{$cell}{$metric} // {}});
}

# One cell over another; a floor: over that of the same repetition.
sub quotient {
	my ($a, $metric, $b) = @_;

	if ($slab || $b =~ /^floor:/) {
		my $over = $value{$a}{$metric};
		my $under = $b =~ /^floor:/ ? $value{$a}{$b} : $value{$b}{$metric};
		return stats(map { $over->{$_} / $under->{$_} }
			grep { $under->{$_} } keys %{$over // {}});
	}
	my @a = figure($a, $metric);
	my @b = figure($b, $metric);
	return () unless @a && @b && $b[1] > 0;
	return ($a[0] / $b[0], $a[1] / $b[2], $a[2] / $b[1], $a[3]);
}

sub number {
	my ($v) = @_;
	return sprintf("%." . (abs($v) < 9.995 ? 2 : abs($v) < 99.95 ? 1 : 0) . "f", $v);
}

sub verdict {
	my ($sense, $goal, $low, $high) = @_;
	my ($all, $none) = $sense eq "<=" ? ($high <= $goal, $low > $goal) :
		$sense eq "<" ? ($high < $goal, $low >= $goal) :
		$sense eq ">" ? ($low > $goal, $high <= $goal) :
		($low >= $goal, $high < $goal);

	return "met" if $all;
	return "open" unless $none;
	$not_met = 1;
	return "not met";
}

# A row: what, "SENSE NUMBER", the figure.
sub goal {
	my ($what, $goal, $unit, @figure) = @_;
	my ($sense, $bound) = $goal =~ /^([<>]=?) (.*)$/;

	return push @rows, [$what, "$goal$unit", "-", "no number"] unless @figure;
	my ($median, $low, $high) = @figure;
	push @rows, [$what, "$goal$unit", sprintf("%s [%s .. %s]", number($median),
		number($low), number($high)), verdict($sense, $bound, $low, $high)];
}

sub report {
	my ($what, $unit, @figure) = @_;

	push @rows, [$what, "reported", @figure ? sprintf("%s [%s .. %s]%s",
		(map { number($_) } @figure[0 .. 2]), $unit) : "-", ""];
}

sub engines {
	my $pair = "pair-t1-o0";

	goal("pcp_rseq pair, 1 thread / rseq pop+push", "<= 2", "x",
		quotient("pcp_rseq-$pair", "ns_per_op", "floor:rseq_stack"));
	goal("pcp_rseq pair, 1 thread / pcp", "<= 0.5", "x",
		quotient("pcp_rseq-$pair", "ns_per_op", "pcp-$pair"));
	goal("pcp pair, 1 thread / lock pair", "<= 3", "x",
		quotient("pcp-$pair", "ns_per_op", "floor:lock_pair"));
	goal("$_ pair, throughput of 2 threads / 1", ">= 1.9", "x",
		quotient("$_-pair-t2-o0", "throughput", "$_-$pair")) for qw(pcp pcp_rseq);
	my $two = "zonelock-pair-t2-o0";
	report("zonelock pair, 2 threads", " ns", figure($two, "ns_per_op"));
	report("its throughput / 1 thread", "x",
		quotient($two, "throughput", "zonelock-$pair"));
	report("takings of the lock that found it held", "",
		figure($two, "zone_lock_contended"));
	report("wait of one of those", " ns", figure($two, "zone_lock_wait_ns"));
	report("share of the threads' time spent waiting", "",
		figure($two, "zone_lock_wait_share"));
	goal("bulk of 128 Ki frames, pcp_rseq / zonelock", "<= 0.5", "x",
		quotient("pcp_rseq-bulk-t1-o0", "ns_per_op", "zonelock-bulk-t1-o0"));
	goal("remote_free, $_ / zonelock", "< 1", "x", quotient("$_-remote_free-t2-o0",
		"ns_per_op", "zonelock-remote_free-t2-o0")) for qw(pcp_rseq rcu);
	report("remote_free, $_ / cache line transfer", "x", quotient("$_-remote_free-t2-o0",
		"ns_per_op", "floor:cacheline_transfer")) for qw(zonelock pcp_rseq rcu);
	goal("order-9 pair, 2 threads, $_ / zonelock", "<= 0.1", "x",
		quotient("$_-pair_thp-t2-o9", "ns_per_op", "zonelock-pair_thp-t2-o9"))
		for qw(pcp pcp_rseq);
	my $shuffle = "bulk_shuffle-t2-o0";
	goal("free() in random order, 2 threads, p99.9, rcu / zonelock", "< 1", "x",
		quotient("rcu-$shuffle", "lat_free_p99_9", "zonelock-$shuffle"));
	goal("the same, throughput, rcu / zonelock", "> 1", "x",
		quotient("rcu-$shuffle", "throughput", "zonelock-$shuffle"));
}

# Over every repetition that there is.
sub limbo {
	my @share;

	for my $cell (values %value) {
		my ($max, $limit) = @$cell{qw(limbo_max_pages limbo_limit_pages)};
		push @share, map { $max->{$_} / $limit->{$_} }
			grep { $limit->{$_} } keys %{$max // {}};
	}
	@share = sort { $a <=> $b } @share;
	goal("rcu, most in limbo / limit, of all repetitions", "<= 1", "x",
		@share ? ($share[-1]) x 3 : ());
}

# Blocks that zonelock had and the engine had not, over those that fit into
# what the engine kept back: on its lists at the end, and in limbo at its most,
# since each frame in limbo has another one cut from a block in its place.
sub fragment {
	my @reference = figure("zonelock-churn-t2", "huge_rate_end");
	my ($asked) = figure("zonelock-churn-t2", "huge_asked");

	return unless $asked;
	for my $engine (qw(zonelock pcp pcp_rseq rcu)) {
		my $cell = "$engine-churn-t2";
		report("order 9 after churn, had of those asked for, $engine", "",
			figure($cell, "huge_rate_end"));
		report("the same after a drain, $engine", "",
			figure($cell, "huge_rate_drained"));
	}
	for my $engine (qw(pcp pcp_rseq rcu)) {
		my $cell = "$engine-churn-t2";
		my @rate = figure($cell, "huge_rate_end");
		my ($cached) = figure($cell, "cached_pages_end");
		my ($limbo) = figure($cell, "limbo_max_pages");
		my $kept = (($cached // 0) + ($limbo // 0)) / 512;
		my @missing = map { my $m = ($reference[0] - $_) * $asked; $m > 0 ? $m : 0 }
			@rate ? @rate[0, 2, 1] : ();
		goal("blocks missing / blocks' worth kept back, $engine", "<= 1", "x",
			$kept > 0 ? map { $_ / $kept } @missing : ());
	}
}

# The cell of an engine and workload, whatever else its id tells.
sub cell_of {
	my ($engine, $workload, $threads) = @_;
	my $id = "$engine-$workload-t$threads";
	my @found = grep { /^\Q$id\E(-|$)/ } sort keys %value;

	return $found[0] // $id;
}

my @libraries = map { "malloc_$_" } qw(glibc jemalloc mimalloc tcmalloc);

# Of several engines the one with the lowest median.
sub best_of {
	my ($workload, $threads, @engines) = @_;
	my ($best, $least);

	for my $engine (@engines) {
		my ($median) = figure(cell_of($engine, $workload, $threads), "ns_per_op");

		($best, $least) = ($engine, $median)
			if defined $median && (!defined $least || $median < $least);
	}
	return $best;
}

sub against {
	my ($engine, $workload, $threads, $sense, @rivals) = @_;
	my $rival = best_of($workload, $threads, @rivals);

	goal("$workload, $engine / best of the libraries" . ($rival ? ", $rival" : ""),
		"$sense 1", "x", $rival ? quotient(cell_of($engine, $workload, $threads),
			"ns_per_op", cell_of($rival, $workload, $threads)) : ());
}

# Of obj_remote.
sub over {
	my ($engine, $rival) = @_;

	return quotient(cell_of($engine, "obj_remote", 2), "ns_per_op",
		cell_of($rival, "obj_remote", 2));
}

sub slabs {
	my $pair = cell_of("slub", "obj_pair", 1);

	goal("slub pair of 64 bytes, 1 thread / rseq pop+push", "<= 2", "x",
		quotient($pair, "ns_per_op", "floor:rseq_stack"));
	goal("slub pair of 64 bytes, 1 thread / $_", "< 1", "x", quotient($pair, "ns_per_op",
		cell_of($_, "obj_pair", 1))) for @libraries;
	goal("slub pair of 64 bytes, throughput of 2 threads / 1", ">= 1.9", "x",
		quotient(cell_of("slub", "obj_pair", 2), "throughput", $pair));
	# no engine has two threads do more than this one
	report("the same of null: what the host gives two threads", "x", quotient(
		cell_of("null", "obj_pair", 2), "throughput", cell_of("null", "obj_pair", 1)));
	against($_, "obj_rand", 1, "<=", @libraries) for qw(slub sheaves);
	my $best = best_of("obj_remote", 2, qw(slab slub sheaves slob)) // "slub";
	my $library = best_of("obj_remote", 2, @libraries) // "malloc_mimalloc";
	goal("obj_remote, $best / malloc_mimalloc", "<= 1", "x", over($best, "malloc_mimalloc"));
	report("obj_remote, $best / best of the libraries, $library", "x",
		over($best, $library));
	for my $engine (qw(slab slub sheaves slob), @libraries) {
		my $cell = cell_of($engine, "kmalloc_mix", 1);

		report("kmalloc_mix, utilisation, $engine", "", figure($cell, "slab_utilisation"));
		report("kmalloc_mix, time of an operation, $engine", " ns",
			figure($cell, "ns_per_op"));
	}
}

# An allocation with kswapd and with direct reclaim alone, and what was lost.
sub pressure {
	for my $workload (qw(pressure_anon pagecache)) {
		for my $engine (qw(zonelock pcp pcp_rseq rcu)) {
			my $cell = "$engine-$workload-t1-kswapd";

			goal("$workload, $engine: p99 without kswapd / with", ">= 5", "x",
				quotient("${cell}_off", "lat_alloc_p99", "${cell}_on"));
		}
	}
	my @wrong = map { values %{$_->{pages_wrong} // {}} } values %value;
	my @most = sort { $b <=> $a } @wrong;
	goal("pages that were not as they were left, most of all", "<= 0", "",
		@most ? ($most[0]) x 3 : ());
	report("bursts in which somebody had to reclaim, $_", "",
		figure("$_-burst-t1-kswapd_on", "bursts_stalled")) for qw(zonelock pcp pcp_rseq rcu);
	report("atomic requests served, $_", "",
		figure("$_-atomic-t1-o0-kswapd_on", "atomic_success")) for qw(zonelock pcp pcp_rseq rcu);
}

sub put {
	my @head = qw(measure goal figure verdict);

	if ($markdown) {
		print "| ", join(" | ", @$_), " |\n" for \@head, [("---") x 4], @rows;
		return;
	}
	my @width = map { my $c = $_; (sort { $b <=> $a } map { length($_->[$c]) } \@head, @rows)[0] } 0 .. 3;
	printf "%s\n", join("  ", map { sprintf("%-*s", $width[$_], $head[$_]) } 0 .. 3) =~ s/\s+$//r;
	for my $row (@rows) {
		printf "%s\n", join("  ", map { sprintf("%-*s", $width[$_], $row->[$_]) } 0 .. 3) =~ s/\s+$//r;
	}
}

if (@ARGV < 1 || @ARGV > ($slab || $pressure ? 1 : 2)) {
	print STDERR "usage: goals.pl [--markdown] ENGINES-RUN [FRAGMENT-RUN]\n",
		"       goals.pl --slab [--markdown] SLAB-RUN\n",
		"       goals.pl [--markdown] --pressure PRESSURE-RUN\n";
	exit 2;
}
eval {
	load($ARGV[0]);
	if ($pressure) {
		pressure();
		return 1;
	}
	$slab ? slabs() : engines();
	my %first = %value;
	if ($ARGV[1]) {
		%value = ();
		load($ARGV[1]);
		fragment();
		$value{"2-$_"} = $first{$_} for keys %first;
	}
	limbo() if !$slab;
	1;
} or do {
	print STDERR $@;
	exit 2;
};
put();
exit($not_met ? 1 : 0);
