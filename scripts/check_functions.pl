#!/usr/bin/perl
# Prints each function of the C files named that has more than 70 lines
# between its braces or more than 5 parameters; an array and its length are one.
# clang-format puts the braces of a function, and nothing else, into column 0.
use strict;
use warnings;

my ($start, @head) = (0);

sub nr_parameters {
	my ($head) = @_;

	return 0 if $head =~ /^\s*(?:Parameterized)?Test\w*\b/;
	return 0 unless $head =~ /\w+\s*(\((?:[^()]++|(?1))*\))[^()]*$/;
	my $list = substr($1, 1, -1);
	1 while $list =~ s/\([^()]*\)//g;
	return 0 if $list =~ /^\s*(?:void)?\s*$/;
	my ($nr, $before) = (0, "");
	for my $p (split /,/, $list) {
		my $length = qr/^\s*(?:unsigned|int|size_t|u?int\d+_t)\s+(?:n|nr\w*|max|\w*len|size)\s*$/;
		if ($before =~ /[*\[]/ && $p =~ $length || $before =~ $length && $p =~ /[*\[]/) {
			$before = "";
			next;
		}
		$nr++;
		$before = $p;
	}
	return $nr;
}

while (<>) {
	if (/^\{$/) {
		my $nr = nr_parameters(join(" ", @head));
		print "$ARGV:$.: function of $nr parameters, more than 5\n" if $nr > 5;
		$start = $.;
	} elsif (/^\}/ && $start) {
		my $len = $. - $start - 1;
		print "$ARGV:$start: function of $len lines, more than 70\n" if $len > 70;
		$start = 0;
		@head = ();
	} elsif (/^\s*$|;\s*$|^#|^\}|\*\/\s*$/) {
		@head = ();
	} else {
		chomp;
		push @head, $_;
	}
	if (eof) {
		close ARGV;    # starts the line count anew
		$start = 0;
		@head = ();
	}
}
