/* Xorshift (Marsaglia, "Xorshift RNGs", JSS 2003), for tests. */
#ifndef ALLOC_BASE_TESTS_XORSHIFT_H
#define ALLOC_BASE_TESTS_XORSHIFT_H

#include <stdint.h>

/* In 0 .. n - 1, nearly uniform where n is far below 2^53; *state is not 0,
 * n > 0. */
static inline uint64_t xorshift_below(uint64_t *state, uint64_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 11) % n;
}

#endif
