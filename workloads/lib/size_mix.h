/*
 * Sizes of objects drawn from a recorded distribution, exactly, by the alias
 * method (Walker, "An efficient method for generating discrete random variables
 * with general distributions", ACM TOMS 1977; tables as Vose builds them): a
 * draw is one random number, one comparison and one load, however many sizes
 * there are.
 */
#ifndef WORKLOADS_LIB_SIZE_MIX_H
#define WORKLOADS_LIB_SIZE_MIX_H

#include "workloads/lib/params.h"
#include "workloads/lib/rng.h"

#define SIZE_MIX_MAX 256 /* different sizes */

struct size_mix {
	uint32_t nr;
	/* all are drawn equally often; each yields size if 32 more random bits
	 * are below keep, else other */
	struct size_mix_column {
		uint64_t keep; /* 0 .. 2^32 */
		uint32_t size, other;
	} column[SIZE_MIX_MAX];
};

/* One recorded size and how often it was asked for. */
struct size_count {
	uint32_t size, nr;
};

/* The recording's table: sizes ascending; *nr of them, <= SIZE_MIX_MAX. */
const struct size_count *size_mix_counts(enum size_mix_name name, unsigned *nr);

/* Prepares draws. */
void size_mix_init(struct size_mix *mix, enum size_mix_name name);

/* Bytes, 1 or more. */
ALWAYS_INLINE uint32_t size_mix_draw(const struct size_mix *mix, uint64_t *rng)
{
	const uint64_t random = rng_next(rng);
	const struct size_mix_column *c =
		&mix->column[(random >> 32) * mix->nr >> 32];

	return (uint32_t)random < c->keep ? c->size : c->other;
}

#endif
