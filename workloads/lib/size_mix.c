/* The recordings, and the tables of draws. */
#include "workloads/lib/size_mix.h"

#define SIZE(bytes, allocations) { bytes, allocations },

static const struct size_count git[] = {
#include "workloads/data/git.sizes"
};
static const struct size_count hackbench[] = {
#include "workloads/data/hackbench.sizes"
};
static const struct size_count redis[] = {
#include "workloads/data/redis.sizes"
};
static const struct size_count tar[] = {
#include "workloads/data/tar.sizes"
};

static const struct recording {
	const struct size_count *counts;
	unsigned nr;
} recordings[] = {
	[MIX_GIT] = { git, ARRAY_SIZE(git) },
	[MIX_HACKBENCH] = { hackbench, ARRAY_SIZE(hackbench) },
	[MIX_REDIS] = { redis, ARRAY_SIZE(redis) },
	[MIX_TAR] = { tar, ARRAY_SIZE(tar) },
};
_Static_assert(ARRAY_SIZE(git) <= SIZE_MIX_MAX &&
		       ARRAY_SIZE(hackbench) <= SIZE_MIX_MAX &&
		       ARRAY_SIZE(redis) <= SIZE_MIX_MAX &&
		       ARRAY_SIZE(tar) <= SIZE_MIX_MAX,
	       "a column for each size");

const struct size_count *size_mix_counts(enum size_mix_name name, unsigned *nr)
{
	*nr = recordings[name].nr;
	return recordings[name].counts;
}

static uint64_t total_of(const struct size_count *counts, unsigned nr)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < nr; i++)
		sum += counts[i].nr;
	return sum;
}

/*
 * Each size has a share of nr columns of height `total`: its count times nr.
 * Sizes with less than a column fill theirs up from one with more, until all
 * columns are full. Integers throughout: nothing is lost to rounding but in
 * the last step, 2^-32 of a column.
 */
void size_mix_init(struct size_mix *mix, enum size_mix_name name)
{
	unsigned nr, nr_small = 0, nr_large = 0;
	const struct size_count *counts = size_mix_counts(name, &nr);
	const uint64_t total = total_of(counts, nr);
	unsigned small[SIZE_MIX_MAX], large[SIZE_MIX_MAX];
	uint64_t share[SIZE_MIX_MAX];

	mix->nr = nr;
	for (unsigned i = 0; i < nr; i++) {
		share[i] = (uint64_t)counts[i].nr * nr;
		mix->column[i] =
			(struct size_mix_column){ 1ULL << 32, counts[i].size,
						  counts[i].size };
		if (share[i] < total)
			small[nr_small++] = i;
		else
			large[nr_large++] = i;
	}
	while (nr_small && nr_large) {
		const unsigned s = small[--nr_small], l = large[nr_large - 1];

		mix->column[s].keep = (share[s] << 32) / total;
		mix->column[s].other = counts[l].size;
		share[l] -= total - share[s];
		if (share[l] < total) {
			nr_large--;
			small[nr_small++] = l;
		}
	}
}
