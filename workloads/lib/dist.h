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

/*
 * Draws by weight in constant time, whatever the weights (Walker's alias
 * method; the table is built as in Vose, "A linear algorithm for generating
 * random numbers with a given distribution", IEEE TSE 1991): a place is drawn
 * uniformly, then either itself or its one alias. Weights are kept to 2^-32 of
 * a place. Read only, so threads share one.
 */
struct dist_alias {
	uint32_t n;
	struct {
		uint32_t keep; /* of 2^32: the place itself */
		uint32_t alias;
	} place[];
};

/*
 * n elements of which the one of rank k, k = 1 .. n, is drawn in proportion to
 * k^-theta (Zipf; 0: uniform). Which element has which rank is drawn from rng,
 * so that neighbours are as seldom used as strangers. 1 <= n < 2^32. NULL: no
 * memory. free() it.
 */
struct dist_alias *dist_zipf(uint64_t *rng, uint32_t n, double theta)
	MUST_CHECK;

ALWAYS_INLINE uint32_t dist_draw(const struct dist_alias *table, uint64_t *rng)
{
	const uint64_t random = rng_next(rng);
	const uint32_t i =
		(uint32_t)((uint64_t)table->n * (uint32_t)random >> 32);

	return random >> 32 < table->place[i].keep ? i : table->place[i].alias;
}

/* Puts 0 .. n-1 into index[] in random order (Fisher-Yates). */
void dist_permutation(uint64_t *rng, uint32_t *index, uint32_t n);

#endif
