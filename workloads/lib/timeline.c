/* Latencies over time; see timeline.h. */
#include "workloads/lib/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct timeline *timeline_create(uint32_t nr, uint64_t ticks)
{
	const size_t bytes =
		sizeof(struct timeline) + nr * sizeof(struct timeline_interval);
	struct timeline *t = malloc(bytes);

	if (!t)
		return NULL;
	memset(t, 0, bytes);
	t->nr = nr;
	t->ticks = ticks;
	return t;
}

static struct timeline_interval *interval_of(struct timeline *t, uint64_t tsc)
{
	const uint64_t i = tsc > t->begin ? (tsc - t->begin) / t->ticks : 0;

	return &t->at[i < t->nr ? i : t->nr - 1];
}

/* As hist_index(), with fewer counters. */
static unsigned counter_of(uint64_t value)
{
	unsigned b;

	if (value >> TIMELINE_BITS)
		value = (1ULL << TIMELINE_BITS) - 1;
	b = 64 - (TIMELINE_HALF_BITS + 1) -
	    (unsigned)__builtin_clzll(value | TIMELINE_SUB_MASK);
	return (b << TIMELINE_HALF_BITS) + (unsigned)(value >> b);
}

/* The largest value of a counter. */
static uint64_t counter_top(unsigned i)
{
	const unsigned b = i >> (TIMELINE_HALF_BITS + 1)
				   ? (i >> TIMELINE_HALF_BITS) - 1
				   : 0;

	return ((uint64_t)(i - (b << TIMELINE_HALF_BITS)) << b) + (1ULL << b) -
	       1;
}

void timeline_record(struct timeline *t, enum latency_kind kind, uint64_t tsc,
		     uint64_t ticks)
{
	struct timeline_interval *at = interval_of(t, tsc);

	at->count[kind][counter_of(ticks)]++;
	if (ticks > at->max[kind])
		at->max[kind] = ticks;
}

void timeline_asked(struct timeline *t, uint64_t tsc, bool got)
{
	struct timeline_interval *at = interval_of(t, tsc);

	at->asked++;
	at->got += got;
}

void timeline_add(struct timeline *dst, const struct timeline *src)
{
	for (uint32_t i = 0; i < dst->nr && i < src->nr; i++) {
		struct timeline_interval *to = &dst->at[i];
		const struct timeline_interval *from = &src->at[i];

		to->asked += from->asked;
		to->got += from->got;
		for (unsigned k = 0; k < NR_LATENCIES; k++) {
			if (from->max[k] > to->max[k])
				to->max[k] = from->max[k];
			for (unsigned c = 0; c < TIMELINE_COUNTERS; c++)
				to->count[k][c] += from->count[k][c];
		}
	}
}

uint64_t timeline_count(const struct timeline_interval *at,
			enum latency_kind kind)
{
	uint64_t n = 0;

	for (unsigned c = 0; c < TIMELINE_COUNTERS; c++)
		n += at->count[kind][c];
	return n;
}

uint64_t timeline_percentile(const struct timeline_interval *at,
			     enum latency_kind kind, double percent)
{
	const uint64_t n = timeline_count(at, kind);
	const uint64_t want = (uint64_t)ceil((double)n * percent / 100);
	uint64_t seen = 0;

	for (unsigned c = 0; n && c < TIMELINE_COUNTERS; c++) {
		seen += at->count[kind][c];
		if (seen >= want && seen)
			return counter_top(c) < at->max[kind] ? counter_top(c)
							      : at->max[kind];
	}
	return 0;
}
