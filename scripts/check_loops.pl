#!/usr/bin/perl
# The judging half of check_loops.sh: reads objdump -dlr.
use strict;
use warnings;

my $inline = $ENV{FORM} ne "call";
my ($nr_passed, $nr_failed) = (0, 0);
my (%promise, %functions, %source_of, %seen, %floor_seen);

# Out-of-line twins: they reach the engine through its table.
my $twin = qr/^(alloc_pages\w*|free_pages\w*|split_page|kmem_cache_(alloc|free)\w*|kmalloc(_node)?|kzalloc|kfree)$/;

# What a floor's loop contains (regex => how often at least) and what not.
my %floor = (
	empty_loop => [{}, qr/\block\b|rdtsc|%fs:/],
	local_stack => [{}, qr/\block\b|rdtsc|%fs:/],
	lock_pair => [{ qr/lock cmpxchg/ => 1 }, qr/rdtsc|%fs:/],
	rseq_stack => [{ qr/mov\s+%\w+,%fs:0x8\(/ => 2 }, qr/\block\b|rdtsc/],
	ping => [{}, qr/\block\b|rdtsc|pause/],
	pong => [{}, qr/\block\b|rdtsc|pause/],
	clock_reads => [{ qr/rdtsc/ => 2, qr/lfence/ => 3 }, qr/\block\b/],
	sample => [{ qr/rdtsc/ => 2, qr/lfence/ => 3 }, qr/\block\b/],
);
# Stores of a floor's loop, its operation counter included.
my %floor_stores = (
	empty_loop => 1, local_stack => 4, lock_pair => 3, rseq_stack => 6,
	ping => 2, pong => 1, clock_reads => 1, sample => 4,
);

# Whether an instruction writes to memory other than the stack.
sub is_store {
	my ($insn) = @_;

	$insn =~ s/^(lock|rep|notrack|xacquire|xrelease)\s+//;
	my ($op, $args) = $insn =~ /^(\w+)\s+(.*?)\s*(?:#.*|<.*)?$/ or return 0;
	return 0 if $op =~ /^(cmp|test|lea|call|nop|bt|push|i?mul|i?div)[bwlq]?$|^(j|prefetch|u?comi)/;
	$args =~ s/\([^()]*\)/()/g unless $args =~ /%rsp/;
	# the destination comes last
	return 0 if $args =~ /%rsp[^()]*\)$/;
	return $args =~ /\)$/ || $args =~ /(^|,)0x[0-9a-f]+$/;
}

# Which function stands on each line of a source file: line => name. A function
# is a brace in column 0 to a brace in column 0; its name is the first word
# before a parenthesis in the lines above.
sub functions_of {
	my ($file) = @_;
	my (%name_of, $head, $name, $n);

	return $functions{$file} if $functions{$file};
	open(my $in, "<", $file) or return $functions{$file} = {};
	while (<$in>) {
		$n++;
		if (/^\{$/) {
			($name) = ($head // "") =~ /\b(?!__)(\w+)\s*\(/;
		} elsif (/^\}/) {
			$name = undef;
			$head = "";
		} elsif (/^\s*$|^#|;$|\*\/$/) {
			$head = "" unless $name;
		} else {
			$head .= $_ unless $name;
		}
		$name_of{$n} = $name if $name;
	}
	close($in);
	return $functions{$file} = \%name_of;
}

# Engines of pages and of slabs may have the same name.
sub kind_of {
	my ($workload) = @_;

	return -e "workloads/slab/$workload.h" ? "slab" : "page";
}

# The functions that a file's 'Loop stores:' line names; undef without one.
sub promises_of {
	my ($file) = @_;
	my @names;

	open(my $in, "<", $file) or return undef;
	@names = map { /\*\s*Loop stores:\s+(.*?)\.?\s*(\*\/)?$/ ?
		split(' ', $1) : () } <$in>;
	close($in);
	return @names ? \@names : undef;
}

# What an engine's file promises; undef when it promises nothing. A workload
# that reaches its engine by out-of-line calls alone has a promise of its own.
sub promised {
	my ($f) = @_;
	my $engine = $f->{engine};
	my ($kind, $name) = $engine =~ m{^(\w+)/(.*)$};
	my $own = promises_of("workloads/$kind/$f->{workload}.h");

	return $own if $own;
	return $promise{$engine} if exists $promise{$engine};
	# an engine may have no line of code in its own file
	return $promise{$engine} = promises_of($source_of{$engine} //
		$source_of{$name} // "alloc/$kind/engines/$name.c");
}

# A switch: the target was loaded from a table of 32-bit offsets and added to
# the table's address just before.
sub is_switch {
	my ($f, $i) = @_;
	my $before = join("\n", map { $f->{insn}[$_]{text} }
		($i > 4 ? $i - 4 : 0) .. $i - 1);

	return $f->{insn}[$i]{text} =~ /jmp\s+\*%(\w+)/ &&
		$before =~ /movslq\s+[^\n]*\(%\w+,%\w+,4\),%\w+/ &&
		$before =~ /add\s+%\w+,%$1\b/;
}

sub findings_calls {
	my ($f) = @_;
	my @found;

	for my $i (0 .. $#{$f->{insn}}) {
		my $insn = $f->{insn}[$i];
		my $text = $insn->{text};

		if ($text =~ /\b(call|jmp)\w*\s+\*/ && !is_switch($f, $i)) {
			push @found, "indirect: $text";
		} elsif ($text =~ /\b(call|jmp)\w*\s/) {
			my ($to) = ($insn->{reloc} // "") =~ /^([\w.]+)/;

			($to) = $text =~ /<([\w.]+)/ unless $to;
			push @found, "calls $to()"
				if $to && $to =~ /$twin|x86_indirect_thunk/;
		}
	}
	return @found;
}

sub findings_clock {
	my ($f) = @_;
	my $nr = grep { $_->{text} =~ /^rdtscp?\b/ } @{$f->{insn}};

	return "reads the clock" if $f->{form} eq "raw" && $nr;
	return "$nr clock reads, wanted at least 2"
		if $f->{form} eq "lat" && $nr < 2;
	return ();
}

# Functions whose lines contain an instruction that writes to memory.
sub storing_functions {
	my ($f) = @_;
	my %storing;

	for my $insn (@{$f->{insn}}) {
		next unless is_store($insn->{text});
		my $name = functions_of($insn->{file})->{$insn->{line}};
		$storing{$name} = 1 if $name;
	}
	return \%storing;
}

sub findings_stores {
	my ($f) = @_;
	my $want = promised($f);
	my ($name) = $f->{engine} =~ m{([^/]+)$};
	my $storing = storing_functions($f);

	return "$name.c has no line 'Loop stores: FUNCTION...'"
		unless $want;
	return map { "no store of $_()" } grep { !$storing->{$_} } @$want;
}

sub findings_floor {
	my ($f) = @_;
	my ($want, $never) = @{$floor{$f->{floor}} // return "an unknown floor"};
	my $text = join("\n", map { $_->{text} } @{$f->{insn}});
	my $stores = grep { is_store($_->{text}) } @{$f->{insn}};
	my @found = grep { !/spin_lock_slow/ } findings_calls($f);

	for my $pattern (keys %$want) {
		my $nr = () = $text =~ /$pattern/g;
		push @found, "$nr of $pattern" if $nr < $want->{$pattern};
	}
	push @found, "contains '$1'" if $text =~ /($never)/;
	push @found, "$stores stores, wanted $floor_stores{$f->{floor}}"
		if $stores < $floor_stores{$f->{floor}};
	return @found;
}

sub judge {
	my ($f) = @_;
	my @found;

	return unless $f;
	if ($f->{floor}) {
		$floor_seen{$f->{floor}} = 1;
		@found = findings_floor($f);
	} else {
		$seen{$f->{engine}}{"$f->{workload}_$f->{form}"} = 1;
		@found = (findings_calls($f), findings_clock($f));
		push @found, findings_stores($f) if $inline;
	}
	print "$f->{name}: $_\n" for @found;
	@found ? $nr_failed++ : $nr_passed++;
}

sub missing {
	my ($what) = @_;

	print "$what: missing\n";
	$nr_failed++;
}

# A function and the part of it that the compiler moved away are one.
my (%function, @order, $current, $file, $line);
while (<>) {
	chomp;
	if (/^[0-9a-f]+ <([^>]+)>:$/) {
		my ($base, $f) = ($1, undef);

		$base =~ s/\.(cold|part|constprop|isra)(\.\d+)*$//;
		if ($base =~ /^bound_(\w+)_(raw|lat)\.([\w.-]+)$/) {
			$f = { workload => $1, form => $2,
				engine => kind_of($1) . "/$3" };
		} elsif ($base =~ /^floor_(\w+)$/ && $floor{$1}) {
			$f = { floor => $1 };
		}
		$current = undef;
		next unless $f;
		push @order, $base unless $function{$base};
		$current = $function{$base} //=
			{ name => $base, insn => [], %$f };
		($file, $line) = ("", 0);
	} elsif (/^(\S.*):(\d+)( \(discriminator \d+\))?$/) {
		($file, $line) = ($1, $2);
		$source_of{$1} = $file if $file =~ m{([^/]+)\.c$};
		$source_of{"$1/$2"} = $file
			if $file =~ m{(page|slab)/(?:tests/)?engines/([^/]+)\.c$};
	} elsif (!$current) {
		next;
	} elsif (/^\s+[0-9a-f]+:\s+R_\w+\s+(\S+)/) {
		$current->{insn}[-1]{reloc} = $1 if @{$current->{insn}};
	} elsif (/^\s+[0-9a-f]+:\s+(\S.*)$/) {
		push @{$current->{insn}},
			{ text => $1, file => $file, line => $line };
	}
}
judge($function{$_}) for @order;

# Every engine has all workloads of its kind.
sub workloads_of {
	my ($kind) = @_;

	return split(' ', $ENV{WORKLOADS}) if $ENV{WORKLOADS};
	return map { m{([^/]+)\.h$} } glob("workloads/$kind/*.h");
}
for my $engine (sort keys %seen) {
	my ($kind, $name) = $engine =~ m{^(\w+)/(.*)};

	for my $workload (workloads_of($kind)) {
		for my $form (qw(raw lat)) {
			missing("bound_${workload}_$form.$name")
				unless $seen{$engine}{"${workload}_$form"};
		}
	}
}
if (%floor_seen) {
	$floor_seen{$_} || missing("floor_$_") for sort keys %floor;
}
print "$nr_passed passed, $nr_failed failed\n";
exit($nr_failed || !$nr_passed ? 1 : 0);
