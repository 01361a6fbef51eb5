/* Histograms against the exact, sorted values. */
#include "workloads/lib/hist.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "workloads/lib/rng.h"

#define NR_VALUES 200000u

static struct hist *hist_new(void)
{
	struct hist_config cfg;

	cr_assert_eq(hist_config_init(&cfg, HIST_HIGHEST_DEFAULT), 0);
	struct hist *h = hist_create(&cfg);
	cr_assert_not_null(h);
	return h;
}

static int value_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

Test(hist, counter_ranges_tile_all_values)
{
	struct hist *h = hist_new();

	cr_assert_eq(hist_lowest_of(0), 0);
	for (uint32_t i = 0; i + 1 < h->nr_counts; i++) {
		uint64_t low = hist_lowest_of(i), high = hist_highest_of(i);

		cr_assert(low <= high);
		cr_assert_eq(hist_lowest_of(i + 1), high + 1, "counter %u", i);
		cr_assert_eq(hist_index(low), i);
		cr_assert_eq(hist_index(high), i);
		/* three significant digits */
		cr_assert(high - low <= low / 1024, "counter %u", i);
	}
	cr_assert_eq(hist_highest_of(h->nr_counts - 1), HIST_HIGHEST_DEFAULT);
	hist_destroy(h);
}

Test(hist, configuration_bounds)
{
	struct hist_config cfg;

	cr_assert_eq(hist_config_init(&cfg, 2047), -EINVAL);
	cr_assert_eq(hist_config_init(&cfg, (1ULL << 62) + 1), -EINVAL);
	cr_assert_eq(hist_config_init(&cfg, 2048), 0);
	cr_assert_eq(hist_index(2048) + 1, cfg.nr_counts);
	cr_assert_eq(hist_config_init(&cfg, 1ULL << 62), 0);
	cr_assert_eq(hist_index(1ULL << 62) + 1, cfg.nr_counts);
}

/* Log-uniform values, so that every power of two is populated. */
Test(hist, percentiles_are_within_a_thousandth)
{
	static const double percents[] = { 0,  1,  10,   25,    50,     75,
					   90, 99, 99.9, 99.99, 99.999, 100 };
	uint64_t *values = malloc(NR_VALUES * sizeof(*values));
	uint64_t rng = rng_seed(42, 0);
	struct hist *h = hist_new();
	double sum = 0;

	for (unsigned i = 0; i < NR_VALUES; i++) {
		uint64_t bits = 1 + rng_below(&rng, 39);

		values[i] = rng_next(&rng) >> (64 - bits);
		sum += (double)values[i];
		hist_record(h, values[i]);
	}
	qsort(values, NR_VALUES, sizeof(*values), value_compare);
	for (unsigned i = 0; i < ARRAY_SIZE(percents); i++) {
		double rank = ceil(percents[i] / 100 * NR_VALUES - 1e-6);
		uint64_t exact = values[rank < 1 ? 0 : (unsigned)rank - 1];
		uint64_t got = hist_percentile(h, percents[i]);

		cr_assert(got >= exact && got - exact <= exact / 1024,
			  "p%g: %lu, exact %lu", percents[i],
			  (unsigned long)got, (unsigned long)exact);
	}
	cr_assert_eq(hist_count(h), NR_VALUES);
	cr_assert_eq(h->min, values[0]);
	cr_assert_eq(h->max, values[NR_VALUES - 1]);
	cr_assert_float_eq(hist_mean(h) * NR_VALUES / sum, 1, 1e-3);
	hist_destroy(h);
	free(values);
}

Test(hist, add_is_the_same_as_recording_into_one)
{
	struct hist *a = hist_new(), *b = hist_new(), *both = hist_new();
	uint64_t rng = 7;

	for (unsigned i = 0; i < 10000; i++) {
		uint64_t value = rng_below(&rng, 1 << 20);

		hist_record(i % 3 ? a : b, value);
		hist_record(both, value);
	}
	cr_assert_eq(hist_add(a, b), 0);
	for (uint32_t i = 0; i < both->nr_counts; i++)
		cr_assert_eq(a->count[i], both->count[i]);
	cr_assert_eq(a->min, both->min);
	cr_assert_eq(a->max, both->max);
	hist_destroy(a);
	hist_destroy(b);
	hist_destroy(both);
}

Test(hist, add_refuses_a_shorter_destination)
{
	struct hist_config cfg;
	struct hist *small, *large = hist_new();

	cr_assert_eq(hist_config_init(&cfg, 4096), 0);
	small = hist_create(&cfg);
	hist_record(large, 1 << 20);
	cr_assert_eq(hist_add(small, large), -ERANGE);
	cr_assert_eq(hist_count(small), 0);
	cr_assert_eq(hist_add(large, small), 0);
	hist_destroy(small);
	hist_destroy(large);
}

Test(hist, values_beyond_the_range_are_counted_and_told)
{
	struct hist *h = hist_new();

	hist_record(h, 5);
	hist_record(h, HIST_HIGHEST_DEFAULT);
	cr_assert_eq(h->above, 0);
	hist_record(h, HIST_HIGHEST_DEFAULT + 1);
	hist_record(h, UINT64_MAX);
	cr_assert_eq(h->above, 2);
	cr_assert_eq(hist_count(h), 4);
	cr_assert_eq(h->max, UINT64_MAX);
	cr_assert_eq(hist_percentile(h, 100), HIST_HIGHEST_DEFAULT);
	hist_reset(h);
	cr_assert_eq(hist_count(h), 0);
	cr_assert_eq(h->above, 0);
	hist_destroy(h);
}

Test(hist, empty_and_single)
{
	struct hist *h = hist_new();

	cr_assert_eq(hist_percentile(h, 50), 0);
	cr_assert_eq(hist_mean(h), 0);
	cr_assert_eq(hist_count(h), 0);
	hist_record_n(h, 1000, 3);
	cr_assert_eq(hist_count(h), 3);
	cr_assert_eq(hist_percentile(h, 0), 1000);
	cr_assert_eq(hist_percentile(h, 100), 1000);
	cr_assert_eq(hist_mean(h), 1000);
	hist_destroy(h);
}
