/*
 * The calls that a loop makes. Each is the allocator's own inline function
 * plus two things:
 *
 * opaque(). What was allocated passes through it at once, so the compiler must
 * assume that the block is used and that memory changed, and can neither
 * delete a pair nor carry an allocation's stores over into the free.
 * probe_barrier() after a free does the same for the next call.
 *
 * The probe, a constant of the instance. PROBE_NONE: nothing, no clock read,
 * no branch. PROBE_SAMPLED: see sample.h. Failed allocations are counted by
 * the loop and not recorded.
 */
#ifndef WORKLOADS_LIB_PROBE_H
#define WORKLOADS_LIB_PROBE_H

#include "alloc/page/kmap.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/vmalloc.h"
#include "workloads/lib/sample.h"
#include "workloads/lib/touch.h"

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

/* The price of reaching a block's memory, apart from that of getting the
 * block. */
ALWAYS_INLINE void probed_touch(struct worker *w, pfn_t pfn, uint64_t nr_pages,
				enum touch touch, const enum probe probe)
{
	const struct machine *m = w->ctx->machine;
	const bool timed = touch != TOUCH_NONE && m->memory.base &&
			   probe_due(w, LAT_TOUCH, probe);
	uint64_t begin = timed ? probe_begin() : 0;

	touch_pages_through(w->ctx, pfn, nr_pages, touch);
	probe_barrier();
	if (timed)
		probe_record(w, LAT_TOUCH, begin, probe_end());
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

/* A sample is the whole request: addresses, frames and mappings. */
ALWAYS_INLINE char *probed_vmalloc(const struct page_ops *const ops,
				   struct worker *w, uint64_t bytes,
				   enum vmalloc_why *why,
				   const enum probe probe)
{
	const bool timed = probe_due(w, LAT_ALLOC, probe);
	const gfp_t gfp = w->params->gfp;
	uint64_t begin = timed ? probe_begin() : 0;
	char *addr = page_vmalloc(ops, w->ctx, bytes, gfp, why);

	probe_barrier();
	if (timed) {
		uint64_t end = probe_end();

		if (likely(addr))
			probe_record(w, LAT_ALLOC, begin, end);
		else
			w->sample_left[LAT_ALLOC] = 0;
	}
	return addr;
}

ALWAYS_INLINE void probed_vfree(const struct page_ops *const ops,
				struct worker *w, void *addr,
				const enum probe probe)
{
	const bool timed = probe_due(w, LAT_FREE, probe);
	uint64_t begin = timed ? probe_begin() : 0;

	page_vfree(ops, w->ctx, addr);
	probe_barrier();
	if (timed)
		probe_record(w, LAT_FREE, begin, probe_end());
}

/* A window is what is allocated here, by no engine: one form for all. */
ALWAYS_INLINE char *probed_kmap(struct worker *w, pfn_t pfn,
				const enum probe probe)
{
	const bool timed = probe_due(w, LAT_ALLOC, probe);
	uint64_t begin = timed ? probe_begin() : 0;
	char *addr = kmap_try(w->ctx->machine, pfn);

	if (timed) {
		uint64_t end = probe_end();

		if (likely(addr))
			probe_record(w, LAT_ALLOC, begin, end);
		else
			w->sample_left[LAT_ALLOC] = 0;
	}
	return addr;
}

ALWAYS_INLINE void probed_kunmap(struct worker *w, pfn_t pfn,
				 const enum probe probe)
{
	const bool timed = probe_due(w, LAT_FREE, probe);
	uint64_t begin = timed ? probe_begin() : 0;

	kunmap(w->ctx->machine, pfn);
	if (timed)
		probe_record(w, LAT_FREE, begin, probe_end());
}

#endif
