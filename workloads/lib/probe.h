/*
 * The calls that a loop makes. Each is the allocator's own inline function
 * plus two things:
 *
 * opaque(). What was allocated passes through it at once, so the compiler must
 * assume that the block is used and that memory changed, and can neither
 * delete a pair nor carry an allocation's stores over into the free.
 *
 * The probe. It is a constant of the instance. PROBE_NONE: nothing, no clock
 * read, no branch. PROBE_SAMPLED: one operation in (sample_mask + 1), on
 * average, is timed. The distance to the next sample is drawn anew each time
 * (uniform, 1 .. 2 * sample_mask + 1), because a fixed step would meet the
 * same phase of a batch, a ring or a refill each time. The randomness comes
 * from the low bits of the clock and never touches the worker's generator, so
 * both instances of a loop make the same requests.
 *
 * The clock. probe_begin() is LFENCE, RDTSC, LFENCE: everything before has
 * completed, and the operation does not start before the reading.
 * probe_end() is LFENCE, RDTSC: the operation has completed (its stores may
 * still wait in the store buffer, as they do for any caller). RDTSC alone may
 * be executed tens of instructions early or late, which is more than an
 * allocation takes. RDTSCP is not used: virtual machines may intercept it. The
 * cost of one empty begin/end is measured by harness/floor.c and is contained
 * in each latency; it is reported, not subtracted.
 *
 * Failed allocations are counted by the loop and not recorded.
 */
#ifndef WORKLOADS_LIB_PROBE_H
#define WORKLOADS_LIB_PROBE_H

#include "alloc/base/event.h"
#include "alloc/page/page_alloc.h"
#include "workloads/lib/rng.h"
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

ALWAYS_INLINE void probe_record(struct worker *w, enum latency_kind kind,
				uint64_t begin, uint64_t end)
{
	uint64_t random = (uint32_t)(end * RNG_GAMMA >> 32);

	w->sample_left[kind] =
		(uint32_t)(random * (2ULL * w->sample_mask + 1) >> 32);
	hist_record(w->lat[kind], end - begin);
}

ALWAYS_INLINE pfn_t probed_alloc(const struct page_ops *const ops,
				 struct worker *w, gfp_t gfp, unsigned order,
				 const enum probe probe)
{
	const bool timed = probe_due(w, LAT_ALLOC, probe);
	uint64_t begin = timed ? probe_begin() : 0;
	pfn_t pfn = opaque(page_alloc(ops, w->ctx, gfp, order));

	if (timed) {
		uint64_t end = probe_end();

		if (likely(pfn_valid(pfn)))
			probe_record(w, LAT_ALLOC, begin, end);
		else
			w->sample_left[LAT_ALLOC] = 0; /* the next one */
	}
	return pfn;
}

ALWAYS_INLINE void probed_free(const struct page_ops *const ops,
			       struct worker *w, pfn_t pfn, unsigned order,
			       const enum probe probe)
{
	const bool timed = probe_due(w, LAT_FREE, probe);
	uint64_t begin = timed ? probe_begin() : 0;

	page_free(ops, w->ctx, pfn, order);
	probe_barrier();
	if (timed)
		probe_record(w, LAT_FREE, begin, probe_end());
}

/* One call for n order-0 frames: a sample is the whole call. Returns how many
 * slots of out[] are filled; slots must be PFN_NONE on entry. */
ALWAYS_INLINE unsigned probed_alloc_bulk(const struct page_ops *const ops,
					 struct worker *w, unsigned n,
					 pfn_t *out, const enum probe probe)
{
	const bool timed = probe_due(w, LAT_ALLOC, probe);
	const gfp_t gfp = w->params->gfp;
	uint64_t begin = timed ? probe_begin() : 0;
	unsigned got = page_alloc_bulk(ops, w->ctx, gfp, n, out);

	/* out[] is memory, which this makes the compiler write */
	probe_barrier();
	if (timed) {
		uint64_t end = probe_end();

		if (likely(got == n))
			probe_record(w, LAT_ALLOC, begin, end);
		else
			w->sample_left[LAT_ALLOC] = 0;
	}
	return got;
}

ALWAYS_INLINE void probed_free_bulk(const struct page_ops *const ops,
				    struct worker *w, unsigned n,
				    const pfn_t *pfn, const enum probe probe)
{
	const bool timed = probe_due(w, LAT_FREE, probe);
	uint64_t begin = timed ? probe_begin() : 0;

	page_free_bulk(ops, w->ctx, n, pfn);
	probe_barrier();
	if (timed)
		probe_record(w, LAT_FREE, begin, probe_end());
}

ALWAYS_INLINE pfn_t probed_alloc_exact(const struct page_ops *const ops,
				       struct worker *w, gfp_t gfp,
				       uint64_t bytes, const enum probe probe)
{
	const bool timed = probe_due(w, LAT_ALLOC, probe);
	uint64_t begin = timed ? probe_begin() : 0;
	pfn_t pfn = opaque(page_alloc_exact(ops, w->ctx, gfp, bytes));

	if (timed) {
		uint64_t end = probe_end();

		if (likely(pfn_valid(pfn)))
			probe_record(w, LAT_ALLOC, begin, end);
		else
			w->sample_left[LAT_ALLOC] = 0;
	}
	return pfn;
}

ALWAYS_INLINE void probed_free_exact(const struct page_ops *const ops,
				     struct worker *w, pfn_t pfn,
				     uint64_t bytes, const enum probe probe)
{
	const bool timed = probe_due(w, LAT_FREE, probe);
	uint64_t begin = timed ? probe_begin() : 0;

	page_free_exact(ops, w->ctx, pfn, bytes);
	probe_barrier();
	if (timed)
		probe_record(w, LAT_FREE, begin, probe_end());
}

#endif
