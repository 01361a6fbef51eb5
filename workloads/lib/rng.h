/*
 * Random numbers of a worker: splitmix64 (Steele, Lea, Flood: "Fast splittable
 * pseudorandom number generators", OOPSLA 2014). One 64-bit word of state, an
 * addition, two multiplications; passes BigCrush. Every state is legal.
 *
 * Bounded draws: the high half of a 64x64 product, with the rejection that
 * removes its bias (Lemire, "Fast random integer generation in an interval",
 * ACM TOMACS 2019).
 */
#ifndef WORKLOADS_LIB_RNG_H
#define WORKLOADS_LIB_RNG_H

#include "alloc/base/base.h"

#define RNG_GAMMA 0x9e3779b97f4a7c15ULL /* 2^64 / golden ratio, odd */

ALWAYS_INLINE uint64_t rng_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

ALWAYS_INLINE uint64_t rng_next(uint64_t *state)
{
	*state += RNG_GAMMA;
	return rng_mix(*state);
}

/* State of stream number `stream` (a worker's index, say) of a run's seed. */
ALWAYS_INLINE uint64_t rng_seed(uint64_t seed, uint64_t stream)
{
	return rng_mix(rng_mix(seed + RNG_GAMMA) ^
		       rng_mix(~stream * RNG_GAMMA));
}

/* Uniform in 0 .. n - 1, exactly; n > 0. */
ALWAYS_INLINE uint64_t rng_below(uint64_t *state, uint64_t n)
{
	unsigned __int128 product = (unsigned __int128)rng_next(state) * n;

	if (unlikely((uint64_t)product < n)) {
		uint64_t reject = -n % n;

		while ((uint64_t)product < reject)
			product = (unsigned __int128)rng_next(state) * n;
	}
	return (uint64_t)(product >> 64);
}

#endif
