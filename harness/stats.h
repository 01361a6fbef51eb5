/*
 * What is said of a few repetitions: never the mean alone.
 */
#ifndef HARNESS_STATS_H
#define HARNESS_STATS_H

#include "alloc/base/base.h"

/*
 * Quartiles and median interpolate linearly between order statistics (R's
 * type 7, numpy's default). mad is the median absolute deviation, not scaled.
 *
 * ci: confidence interval of the median by order statistics: the k-th
 * smallest and k-th largest value, k as large as the binomial distribution
 * B(n, 1/2) allows for at least 95 %. It assumes nothing of the distribution
 * but that repetitions are independent. Fewer than six values cannot give
 * 95 %: then ci is their whole range and ci_level says what that covers
 * (1 - 2^(1-n): 0.75 for three, 0 for one).
 */
struct stats {
	unsigned n;
	double min, q1, median, q3, max;
	double mad;
	double mean, stddev; /* stddev: n - 1; 0 where n < 2 */
	double ci_low, ci_high, ci_level;
};

/* Sorts value[0 .. n). n == 0 gives all zeroes. Finite values only. */
void stats_of(struct stats *s, double *value, unsigned n);

/* Larger distance of an end of ci from the median, in percent of it; 0 where
 * the median is 0. */
double stats_spread_percent(const struct stats *s);

/* k of the interval (1-based) for n values at 95 %; 0: none exists. */
unsigned stats_ci_rank(unsigned n);

#endif
