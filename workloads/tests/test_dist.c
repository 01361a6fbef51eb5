/* The generator against its published outputs, the draws against their laws
 * (chi-square at p = 0.001, fixed seeds). */
#include "workloads/lib/dist.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "alloc/page/page_alloc.h"

#define NR_DRAWS 1000000u

/* Upper 0.1 % point of chi-square with `freedom` degrees, by Wilson and
 * Hilferty's approximation. */
static double chi_square_limit(unsigned freedom)
{
	double a = 2.0 / (9.0 * freedom);

	return freedom * pow(1 - a + 3.0902 * sqrt(a), 3);
}

static void assert_law(const uint64_t *seen, const double *share, unsigned n)
{
	double chi = 0, total = 0;

	for (unsigned i = 0; i < n; i++)
		total += (double)seen[i];
	for (unsigned i = 0; i < n; i++) {
		double want = share[i] * total;

		chi += ((double)seen[i] - want) * ((double)seen[i] - want) /
		       want;
	}
	cr_assert(chi < chi_square_limit(n - 1), "chi-square %.1f, limit %.1f",
		  chi, chi_square_limit(n - 1));
}

Test(rng, splitmix64_reference_outputs)
{
	/* of the generator started with state 0, and with 1234567 */
	static const uint64_t zero[] = { 0xe220a8397b1dcdafULL,
					 0x6e789e6aa1b965f4ULL,
					 0x06c45d188009454fULL };
	static const uint64_t other[] = { 6457827717110365317ULL,
					  3203168211198807973ULL,
					  9817491932198370423ULL };
	uint64_t a = 0, b = 1234567;

	for (unsigned i = 0; i < ARRAY_SIZE(zero); i++) {
		cr_assert_eq(rng_next(&a), zero[i]);
		cr_assert_eq(rng_next(&b), other[i]);
	}
}

Test(rng, streams_of_a_seed_differ)
{
	uint64_t state[64];

	for (unsigned i = 0; i < 64; i++) {
		state[i] = rng_seed(i / 32, i % 32);
		for (unsigned j = 0; j < i; j++)
			cr_assert_neq(state[i], state[j]);
	}
	cr_assert_eq(rng_seed(5, 3), rng_seed(5, 3));
}

Test(rng, below_is_uniform)
{
	static const unsigned bounds[] = { 2, 3, 7, 10, 100, 255 };

	for (unsigned b = 0; b < ARRAY_SIZE(bounds); b++) {
		uint64_t seen[256] = { 0 }, rng = rng_seed(1, b);
		double share[256];

		for (unsigned i = 0; i < bounds[b]; i++)
			share[i] = 1.0 / bounds[b];
		for (unsigned i = 0; i < NR_DRAWS; i++) {
			uint64_t x = rng_below(&rng, bounds[b]);

			cr_assert(x < bounds[b]);
			seen[x]++;
		}
		assert_law(seen, share, bounds[b]);
	}
}

/* Of 3/4 of the range, a draw without rejection takes a third of the values
 * twice as often. */
Test(rng, below_has_no_bias_near_the_full_range)
{
	const uint64_t n = 3ULL << 62;
	uint64_t seen[3] = { 0 }, rng = 9;
	const double share[3] = { 1.0 / 3, 1.0 / 3, 1.0 / 3 };

	for (unsigned i = 0; i < NR_DRAWS; i++)
		seen[rng_below(&rng, n) % 3]++;
	assert_law(seen, share, 3);
	cr_assert_eq(rng_below(&rng, 1), 0);
}

Test(dist, orders)
{
	for (unsigned max = 1; max <= MAX_PAGE_ORDER; max++) {
		uint64_t uniform[NR_PAGE_ORDERS] = { 0 };
		uint64_t geometric[NR_PAGE_ORDERS] = { 0 };
		double flat[NR_PAGE_ORDERS], falling[NR_PAGE_ORDERS];
		uint64_t rng = rng_seed(2, max);

		for (unsigned o = 0; o <= max; o++) {
			flat[o] = 1.0 / (max + 1);
			falling[o] = pow(0.5, o) / (2 - pow(0.5, max));
		}
		for (unsigned i = 0; i < NR_DRAWS / 4; i++) {
			uniform[dist_order(&rng, DIST_UNIFORM, max)]++;
			geometric[dist_order(&rng, DIST_GEOMETRIC, max)]++;
		}
		assert_law(uniform, flat, max + 1);
		assert_law(geometric, falling, max + 1);
	}
	uint64_t rng = 1;
	cr_assert_eq(dist_order(&rng, DIST_UNIFORM, 0), 0);
	cr_assert_eq(dist_order(&rng, DIST_GEOMETRIC, 0), 0);
}

Test(dist, range_has_both_ends)
{
	uint64_t seen[5] = { 0 }, rng = 3;
	const double share[5] = { 0.2, 0.2, 0.2, 0.2, 0.2 };

	for (unsigned i = 0; i < NR_DRAWS; i++)
		seen[dist_range(&rng, 10, 14) - 10]++;
	assert_law(seen, share, 5);
	cr_assert_eq(dist_range(&rng, 4096, 4096), 4096);
}

/* Ops until a given block of n dies: P(L = k) = (1 - 1/n)^(k-1) / n. */
Test(dist, lifetimes_are_geometric)
{
	const unsigned n = 8, last = 40;
	uint64_t seen[41] = { 0 }, rng = 4;
	double share[41], rest = 1;

	for (unsigned k = 0; k < last; k++) {
		share[k] = rest / n;
		rest -= share[k];
	}
	share[last] = rest;
	for (unsigned i = 0; i < NR_DRAWS / 8; i++) {
		unsigned life = 0;

		while (dist_victim(&rng, n) != 0)
			life++;
		seen[life < last ? life : last]++;
	}
	assert_law(seen, share, last + 1);
}

Test(dist, mobility_keeps_the_other_bits)
{
	const gfp_t gfp = GFP_HIGHUSER_MOVABLE | GFP_BIT_COMP;
	const gfp_t rest = gfp & ~(GFP_BIT_MOVABLE | GFP_BIT_RECLAIMABLE);
	uint64_t seen[MT_PCPTYPES] = { 0 }, rng = 5;
	const double share[] = { 1.0 / 3, 1.0 / 3, 1.0 / 3 };

	for (unsigned i = 0; i < NR_DRAWS; i++) {
		gfp_t drawn = dist_mobility(&rng, gfp);

		cr_assert_eq(drawn & rest, rest);
		seen[gfp_migratetype(drawn)]++;
	}
	assert_law(seen, share, MT_PCPTYPES);
}

Test(dist, permutations_are_uniform)
{
	uint64_t seen[256] = { 0 }, rng = 6;
	double share[24];
	uint64_t count[24];
	unsigned nr = 0;

	for (unsigned i = 0; i < 240000; i++) {
		uint32_t p[4];
		unsigned mask = 0;

		dist_permutation(&rng, p, 4);
		for (unsigned k = 0; k < 4; k++)
			mask |= 1u << p[k];
		cr_assert_eq(mask, 15);
		seen[p[0] | p[1] << 2 | p[2] << 4 | p[3] << 6]++;
	}
	for (unsigned i = 0; i < 256; i++)
		if (seen[i]) {
			cr_assert(nr < 24);
			share[nr] = 1.0 / 24;
			count[nr++] = seen[i];
		}
	cr_assert_eq(nr, 24);
	assert_law(count, share, 24);
}

/* The element of rank k is drawn in proportion to k^-theta; ranks are found by
 * sorting what was seen, for the permutation is the table's secret. */
static int compare_falling(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

Test(dist, zipf_has_its_law)
{
	enum { N = 100 };
	static const double thetas[] = { 0, 0.5, 0.99, 1.2 };

	for (size_t t = 0; t < ARRAY_SIZE(thetas); t++) {
		uint64_t rng = rng_seed(7, t), seen[N] = { 0 };
		struct dist_alias *table = dist_zipf(&rng, N, thetas[t]);
		double share[N], sum = 0;

		cr_assert(table);
		for (unsigned i = 0; i < NR_DRAWS; i++)
			seen[dist_draw(table, &rng)]++;
		for (unsigned k = 0; k < N; k++)
			sum += share[k] = pow(k + 1, -thetas[t]);
		for (unsigned k = 0; k < N; k++)
			share[k] /= sum;
		/* where shares are equal, sorting would bend the law */
		if (thetas[t] > 0)
			qsort(seen, N, sizeof(seen[0]), compare_falling);
		assert_law(seen, share, N);
		free(table);
	}
}

Test(dist, zipf_of_one_element)
{
	uint64_t rng = 1;
	struct dist_alias *table = dist_zipf(&rng, 1, 0.99);

	cr_assert(table);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(dist_draw(table, &rng), 0);
	free(table);
}
