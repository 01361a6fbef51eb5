/*
 * Latency histogram: log-linear counters in the layout of HdrHistogram with
 * three significant digits, so that the counts can be written to its log
 * format as they are.
 *
 * Layout. Values below 2048 have a counter each. Above, each power of two is
 * cut into 1024 counters, so a counter's width is below 1/1024 of its value.
 * With b = the number of bits by which the value exceeds 11, the counter is
 * (b << 10) + (v >> b).
 *
 * Recording is a range check, an index and an increment. Nothing is allocated
 * then: hist_config_init() says how many bytes are wanted, hist_create() takes
 * and touches them on the CPU (and so on the node) of the calling thread.
 *
 * Units are the caller's: ticks in a worker, nanoseconds in a result. One
 * writer; others read after that thread was joined.
 */
#ifndef WORKLOADS_LIB_HIST_H
#define WORKLOADS_LIB_HIST_H

#include "alloc/base/base.h"

#define HIST_DIGITS    3
#define HIST_HALF_BITS 10u /* log2 of the counters per power of two */
#define HIST_SUB_BITS  (HIST_HALF_BITS + 1)
#define HIST_SUB_MASK  ((1u << HIST_SUB_BITS) - 1)

/* 2^40 ticks: five minutes at 3 GHz. */
#define HIST_HIGHEST_DEFAULT ((1ULL << 40) - 1)

struct hist_config {
	uint64_t highest; /* largest value with a counter of its own range */
	uint32_t nr_counts;
	size_t bytes; /* of a struct hist with its counters */
};

struct hist {
	uint64_t highest;
	uint64_t above;    /* values > highest, counted in the last counter */
	uint64_t min, max; /* exact; UINT64_MAX and 0 when empty */
	uint32_t nr_counts;
	size_t bytes;
	uint64_t count[]; /* [nr_counts] */
};

/* highest: 2048 .. 2^62, or -EINVAL. */
int hist_config_init(struct hist_config *cfg, uint64_t highest) MUST_CHECK;

/* Zeroed and touched by the caller's thread. NULL: no memory. */
struct hist *hist_create(const struct hist_config *cfg) MUST_CHECK;
void hist_destroy(struct hist *h); /* h may be NULL */

void hist_reset(struct hist *h);

/* Adds every value of src. dst must reach as far as src: 0 or -ERANGE. */
int hist_add(struct hist *dst, const struct hist *src) MUST_CHECK;

uint64_t hist_count(const struct hist *h);
/* Mean of the recorded values, each taken as the middle of its counter's
 * range, as HdrHistogram does; 0 when empty. */
double hist_mean(const struct hist *h);

/*
 * Smallest value v of a counter's upper end such that at least `percent` of
 * the recorded values are <= v; percent 0 .. 100. 0 when empty. At most
 * 1/1024 above the exact percentile.
 */
uint64_t hist_percentile(const struct hist *h, double percent);

/* Range of values that counter i stands for; i < nr_counts. */
uint64_t hist_lowest_of(uint32_t i);
uint64_t hist_highest_of(uint32_t i);

ALWAYS_INLINE uint32_t hist_index(uint64_t value)
{
	unsigned b = 64 - HIST_SUB_BITS -
		     (unsigned)__builtin_clzll(value | HIST_SUB_MASK);

	return (b << HIST_HALF_BITS) + (uint32_t)(value >> b);
}

/* Adds `times` values at once; for conversions from one unit to another. */
ALWAYS_INLINE void hist_record_n(struct hist *h, uint64_t value, uint64_t times)
{
	uint32_t i;

	if (unlikely(value > h->highest)) {
		h->above += times;
		i = h->nr_counts - 1;
	} else {
		i = hist_index(value);
	}
	h->count[i] += times;
	if (unlikely(value > h->max))
		h->max = value;
	if (unlikely(value < h->min))
		h->min = value;
}

ALWAYS_INLINE void hist_record(struct hist *h, uint64_t value)
{
	hist_record_n(h, value, 1);
}

#endif
