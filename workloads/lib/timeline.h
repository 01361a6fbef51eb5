/*
 * Latencies and successes over time: a latency window cut into intervals of
 * equal length, with a small histogram of each kind in each. For cells whose
 * story is when something happened (memory under pressure), beside the exact
 * histograms of the whole window (hist.h).
 *
 * Layout of a histogram as hist.h, with 16 counters per power of two: a value
 * is known to a sixteenth. One writer; others read after it was joined. All
 * memory is taken and touched before the window.
 */
#ifndef WORKLOADS_LIB_TIMELINE_H
#define WORKLOADS_LIB_TIMELINE_H

#include "workloads/lib/worker.h"

#define TIMELINE_HALF_BITS 4u /* log2 of the counters per power of two */
#define TIMELINE_SUB_MASK  ((2u << TIMELINE_HALF_BITS) - 1)
#define TIMELINE_BITS      40u /* of the largest value that is told apart */
#define TIMELINE_COUNTERS \
	((TIMELINE_BITS - TIMELINE_HALF_BITS + 1) << TIMELINE_HALF_BITS)
#define TIMELINE_INTERVALS_MAX 4096u

struct timeline_interval {
	/* requests of which the workload says whether they were served */
	uint64_t asked, got;
	uint64_t max[NR_LATENCIES]; /* ticks */
	uint32_t count[NR_LATENCIES][TIMELINE_COUNTERS];
};

struct timeline {
	uint64_t begin; /* TSC at which interval 0 begins */
	uint64_t ticks; /* of an interval */
	uint32_t nr;
	struct timeline_interval at[]; /* [nr]; what comes later is in the last
					  one */
};

/* nr <= TIMELINE_INTERVALS_MAX intervals, zeroed and touched by the caller.
 * NULL: no memory. free() it. */
struct timeline *timeline_create(uint32_t nr, uint64_t ticks) MUST_CHECK;

/* By the worker: a call began then and took so long; a request was asked for,
 * and served or not. */
void timeline_record(struct timeline *t, enum latency_kind kind, uint64_t tsc,
		     uint64_t ticks);
void timeline_asked(struct timeline *t, uint64_t tsc, bool got);

/* Adds what src has; of the same length. */
void timeline_add(struct timeline *dst, const struct timeline *src);

/* Samples of a kind in an interval; the smallest value in ticks, to a
 * sixteenth, that `percent` of them do not exceed. 0: none. */
uint64_t timeline_count(const struct timeline_interval *at,
			enum latency_kind kind);
uint64_t timeline_percentile(const struct timeline_interval *at,
			     enum latency_kind kind, double percent);

#endif
