/*
 * Which operations are timed, by which clock, and where the time goes.
 *
 * One operation in (sample_mask + 1), on average, is timed. The distance to
 * the next sample is drawn anew each time (uniform, 1 .. 2 * sample_mask + 1),
 * because a fixed step would meet the same phase of a batch, a ring or a
 * refill each time. The draw has a generator of its own, so that both instances
 * of a loop make the same requests; and it does not wait for the clock, so that
 * it is done while the clock is read.
 *
 * The clock. probe_begin() is LFENCE, RDTSC, LFENCE: everything before has
 * completed, and the operation does not start before the reading.
 * probe_end() is LFENCE, RDTSC: the operation has completed (its stores may
 * still wait in the store buffer, as they do for any caller). Without the
 * fence after the first RDTSC the operation overlaps the reading: on a Zen 5,
 * 32 dependent multiplications (25 ns) then measured 0 ns more than none
 * without any fence, 16 ns more with a fence before each RDTSC only, and 26 ns
 * more in the form here. RDTSCP is not used: virtual machines may intercept it.
 * The cost of one empty begin/end is measured by harness/floor.c and is
 * contained in each latency; it is reported, not subtracted.
 */
#ifndef WORKLOADS_LIB_SAMPLE_H
#define WORKLOADS_LIB_SAMPLE_H

#include "alloc/base/event.h"
#include "workloads/lib/rng.h"
#include "workloads/lib/timeline.h"
#include "workloads/lib/worker.h"

ALWAYS_INLINE uint64_t probe_begin(void)
{
#if defined(__x86_64__) || defined(__i386__)
	uint64_t t;

	__asm__ volatile("lfence" ::: "memory");
	t = tsc_read();
	__asm__ volatile("lfence" ::: "memory");
	return t;
#else
	return tsc_read();
#endif
}

ALWAYS_INLINE uint64_t probe_end(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("lfence" ::: "memory");
#endif
	return tsc_read();
}

/* Nothing that a free wrote may be merged with what the next call writes. */
ALWAYS_INLINE void probe_barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

/* True when this operation is to be timed. */
ALWAYS_INLINE bool probe_due(struct worker *w, enum latency_kind kind,
			     const enum probe probe)
{
	return probe == PROBE_SAMPLED && unlikely(w->sample_left[kind]-- == 0);
}

/*
 * The reading goes into the histogram with the next sample of its kind: what
 * that takes hangs on no reading then, and is done while the clock is read.
 */
ALWAYS_INLINE void probe_record(struct worker *w, enum latency_kind kind,
				uint64_t begin, uint64_t end)
{
	/* a linear congruence of full period (Numerical Recipes); its high bits
	 * are what is used */
	const uint32_t random = w->sample_rng * 1664525u + 1013904223u;
	const uint64_t before = w->sample_last[kind];

	w->sample_rng = random;
	w->sample_left[kind] =
		(uint32_t)((uint64_t)random * (2ULL * w->sample_mask + 1) >>
			   32);
	w->sample_last[kind] = end - begin + 1;
	if (likely(before))
		hist_record(w->lat[kind], before - 1);
	if (unlikely(w->timeline))
		timeline_record(w->timeline, kind, begin, end - begin);
}

/* A request of which the workload wants to show when it was served. */
ALWAYS_INLINE void probe_asked(struct worker *w, bool got,
			       const enum probe probe)
{
	if (probe == PROBE_SAMPLED && w->timeline)
		timeline_asked(w->timeline, tsc_read(), got);
}

/* The last readings, when the loop has ended. By the worker itself. */
ALWAYS_INLINE void probe_flush(struct worker *w)
{
	for (unsigned kind = 0; kind < NR_LATENCIES; kind++) {
		if (w->sample_last[kind])
			hist_record(w->lat[kind], w->sample_last[kind] - 1);
		w->sample_last[kind] = 0;
	}
}

#endif
