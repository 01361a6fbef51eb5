/* Distributions from which workloads draw orders, sizes, types and lifetimes.
 */
#ifndef WORKLOADS_LIB_DIST_H
#define WORKLOADS_LIB_DIST_H

#include "workloads/lib/params.h"
#include "workloads/lib/rng.h"

/* 0 .. order_max, each equally often. */
ALWAYS_INLINE unsigned dist_order_uniform(uint64_t *rng, unsigned order_max)
{
	return (unsigned)rng_below(rng, order_max + 1);
}

/*
 * 0 .. order_max with P(o) proportional to 2^-o: small blocks are common, and
 * each order gets the same share of the pages. The number of trailing zero
 * bits of a random word has this law; what exceeds order_max is drawn again.
 */
ALWAYS_INLINE unsigned dist_order_geometric(uint64_t *rng, unsigned order_max)
{
	unsigned order;

	do {
		order = (unsigned)__builtin_ctzll(rng_next(rng) | 1ULL << 63);
	} while (order > order_max);
	return order;
}

ALWAYS_INLINE unsigned dist_order(uint64_t *rng, enum order_dist dist,
				  unsigned order_max)
{
	return dist == DIST_UNIFORM ? dist_order_uniform(rng, order_max)
				    : dist_order_geometric(rng, order_max);
}

/* low .. high, each equally often; low <= high, not the whole range. */
ALWAYS_INLINE uint64_t dist_range(uint64_t *rng, uint64_t low, uint64_t high)
{
	return low + rng_below(rng, high - low + 1);
}

/*
 * Which of n held blocks dies now. A uniform choice on each op means that a
 * block survives each op with the same probability 1 - 1/n: its lifetime is
 * geometric with mean n ops (the discrete form of the exponential), without a
 * queue of deadlines. n > 0.
 */
ALWAYS_INLINE uint32_t dist_victim(uint64_t *rng, uint32_t n)
{
	return (uint32_t)rng_below(rng, n);
}

/* gfp with its mobility replaced by unmovable, movable or reclaimable, each
 * equally often. */
ALWAYS_INLINE gfp_t dist_mobility(uint64_t *rng, gfp_t gfp)
{
	static const gfp_t mobility[] = { 0, GFP_BIT_MOVABLE,
					  GFP_BIT_RECLAIMABLE };

	gfp &= ~(GFP_BIT_MOVABLE | GFP_BIT_RECLAIMABLE);
	return gfp | mobility[rng_below(rng, ARRAY_SIZE(mobility))];
}

/* Puts 0 .. n-1 into index[] in random order (Fisher-Yates). */
void dist_permutation(uint64_t *rng, uint32_t *index, uint32_t n);

#endif
