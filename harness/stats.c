/* Order statistics of repetitions (see stats.h). */
#include "harness/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CI_LEVEL 0.95

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of sorted values; 0 <= p <= 1. */
static double quantile(const double *v, unsigned n, double p)
{
	double at = p * (n - 1);
	unsigned i = (unsigned)at;

	if (i + 1 >= n)
		return v[n - 1];
	return v[i] + (at - i) * (v[i + 1] - v[i]);
}

/* P(X <= k) for X ~ B(n, 1/2); logs, since 2^-n underflows for large n. */
static double binomial_cdf(unsigned n, unsigned k)
{
	double sum = 0;

	for (unsigned i = 0; i <= k; i++)
		sum += exp(lgamma(n + 1.0) - lgamma(i + 1.0) -
			   lgamma(n - i + 1.0) - n * log(2));
	return sum;
}

/* Chance that the median lies between the k-th value from either end. */
static double ci_coverage(unsigned n, unsigned k)
{
	return 1 - 2 * binomial_cdf(n, k - 1);
}

unsigned stats_ci_rank(unsigned n)
{
	unsigned k = 0;

	while (2 * (k + 1) <= n && ci_coverage(n, k + 1) >= CI_LEVEL)
		k++;
	return k;
}

static double mad(const double *v, unsigned n, double median)
{
	double *d = malloc(n * sizeof(*d));
	double m;

	if (!d)
		return NAN;
	for (unsigned i = 0; i < n; i++)
		d[i] = fabs(v[i] - median);
	qsort(d, n, sizeof(*d), compare);
	m = quantile(d, n, 0.5);
	free(d);
	return m;
}

void stats_of(struct stats *s, double *value, unsigned n)
{
	double sum = 0, squares = 0;
	unsigned k;

	memset(s, 0, sizeof(*s));
	if (!n)
		return;
	qsort(value, n, sizeof(*value), compare);
	s->n = n;
	s->min = value[0];
	s->q1 = quantile(value, n, 0.25);
	s->median = quantile(value, n, 0.5);
	s->q3 = quantile(value, n, 0.75);
	s->max = value[n - 1];
	s->mad = mad(value, n, s->median);
	for (unsigned i = 0; i < n; i++)
		sum += value[i];
	s->mean = sum / n;
	for (unsigned i = 0; i < n; i++)
		squares += (value[i] - s->mean) * (value[i] - s->mean);
	s->stddev = n > 1 ? sqrt(squares / (n - 1)) : 0;
	k = stats_ci_rank(n);
	s->ci_level = n > 1 ? ci_coverage(n, k ? k : 1) : 0;
	s->ci_low = value[k ? k - 1 : 0];
	s->ci_high = value[k ? n - k : n - 1];
}

double stats_spread_percent(const struct stats *s)
{
	double below = s->median - s->ci_low, above = s->ci_high - s->median;

	if (s->median == 0)
		return 0;
	return 100 * fmax(below, above) / fabs(s->median);
}
