#!/bin/bash
# Memory orders and their tags: every tag ACQ(name) has its REL(name) and the
# other way round; before every acquire, release or acq_rel of a function stands
# a comment with such a tag, in it or above it, before every relaxed one a comment
# that says RLX or relaxed, and why.
#
#   check_pairs.sh [ROOT]
set -u

cd "${1:-$(dirname "$0")/..}" || exit 2
mapfile -t files < <(find alloc workloads harness -name '*.[ch]' 2>/dev/null | sort)
[ ${#files[@]} -gt 0 ] || exit 0

perl -e '
my (%acq, %rel, $bad);
sub report { print "$_[0]\n"; $bad = 1; }
for my $file (@ARGV) {
	open(my $in, "<", $file) or die "$file: $!\n";
	my (%near, $n);
	while (<$in>) {
		$n++;
		# Two tags may stand on a line; prose may name the partner too.
		while (/\bACQ\(([-\w]+)\)/g) { $acq{$1} //= "$file:$n"; $near{ACQ} = $n; }
		while (/\bREL\(([-\w]+)\)/g) { $rel{$1} //= "$file:$n"; $near{REL} = $n; }
		$near{RLX} = $n if /\bRLX\b|^\s*\/?\*.*\brelaxed\b/i;
		%near = () if /^\}/;
		next if /^\s*(\/?\*|#\s*define\s+\w+\s+memory_order)/;
		if (/memory_order_(acquire|release|acq_rel|seq_cst)/ &&
		    !grep { defined $near{$_} } qw(ACQ REL)) {
			report("$file:$n: memory_order_$1 without ACQ(name) or REL(name) above it");
		}
		if (/memory_order_relaxed/ &&
		    !grep { defined $near{$_} } qw(RLX ACQ REL)) {
			report("$file:$n: memory_order_relaxed without a comment above it that says why");
		}
	}
	close($in);
}
for my $tag (sort keys %acq) {
	report("$acq{$tag}: ACQ($tag) has no REL($tag)") unless $rel{$tag};
}
for my $tag (sort keys %rel) {
	report("$rel{$tag}: REL($tag) has no ACQ($tag)") unless $acq{$tag};
}
exit($bad ? 1 : 0);
' "${files[@]}"
