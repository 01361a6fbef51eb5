/* The part of dist.h that runs before a window. */
#include "workloads/lib/dist.h"

void dist_permutation(uint64_t *rng, uint32_t *index, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = (uint32_t)rng_below(rng, (uint64_t)i + 1);

		index[i] = index[j];
		index[j] = i;
	}
}
