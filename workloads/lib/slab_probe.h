/*
 * The calls that a slab workload's loop makes, as probe.h has them for pages:
 * the allocator's own inline functions, opaque_object() on what was allocated,
 * and the probe.
 */
#ifndef WORKLOADS_LIB_SLAB_PROBE_H
#define WORKLOADS_LIB_SLAB_PROBE_H

#include "alloc/slab/kmalloc.h"
#include "workloads/lib/sample.h"

/* End of a timed allocation that succeeded or not. */
ALWAYS_INLINE void slab_probe_alloc(struct worker *w, uint64_t begin, bool ok)
{
	uint64_t end = probe_end();

	if (likely(ok))
		probe_record(w, LAT_ALLOC, begin, end);
	else
		w->sample_left[LAT_ALLOC] = 0; /* the next one */
}

ALWAYS_INLINE void *probed_object_alloc(const struct slab_ops *const ops,
					struct worker *w, struct kmem_cache *s,
					const enum probe probe)
{
	const bool timed = probe_due(w, LAT_ALLOC, probe);
	const gfp_t gfp = w->params->gfp;
	uint64_t begin = timed ? probe_begin() : 0;
	void *object = opaque_object(slab_alloc(ops, w->slab, s, gfp));

	if (timed)
		slab_probe_alloc(w, begin, object);
	return object;
}

ALWAYS_INLINE void probed_object_free(const struct slab_ops *const ops,
				      struct worker *w, struct kmem_cache *s,
				      void *object, const enum probe probe)
{
	const bool timed = probe_due(w, LAT_FREE, probe);
	uint64_t begin = timed ? probe_begin() : 0;

	slab_free(ops, w->slab, s, object);
	probe_barrier();
	if (timed)
		probe_record(w, LAT_FREE, begin, probe_end());
}

/* From node nid, or the engine's own choice where it knows no nodes. */
ALWAYS_INLINE void *probed_object_alloc_node(const struct slab_ops *const ops,
					     struct worker *w,
					     struct kmem_cache *s, unsigned nid,
					     const enum probe probe)
{
	const bool timed = probe_due(w, LAT_ALLOC, probe);
	const gfp_t gfp = w->params->gfp;
	uint64_t begin = timed ? probe_begin() : 0;
	void *object =
		opaque_object(slab_alloc_from(ops, w->slab, s, gfp, nid));

	if (timed)
		slab_probe_alloc(w, begin, object);
	return object;
}

/* One call for n objects: a sample is the whole call. Returns n or 0. */
ALWAYS_INLINE unsigned probed_object_alloc_bulk(
	const struct slab_ops *const ops, struct worker *w, unsigned n,
	void **out, const enum probe probe)
{
	const bool timed = probe_due(w, LAT_ALLOC, probe);
	struct kmem_cache *s = w->team->cache;
	uint64_t begin = timed ? probe_begin() : 0;
	unsigned got = slab_alloc_bulk(ops, w->slab, s, w->params->gfp, n, out);

	/* out[] is memory, which this makes the compiler write */
	probe_barrier();
	if (timed)
		slab_probe_alloc(w, begin, got);
	return got;
}

ALWAYS_INLINE void probed_object_free_bulk(const struct slab_ops *const ops,
					   struct worker *w, unsigned n,
					   void **object,
					   const enum probe probe)
{
	const bool timed = probe_due(w, LAT_FREE, probe);
	uint64_t begin = timed ? probe_begin() : 0;

	slab_free_bulk(ops, w->slab, w->team->cache, n, object);
	probe_barrier();
	if (timed)
		probe_record(w, LAT_FREE, begin, probe_end());
}

ALWAYS_INLINE void *probed_kmalloc(const struct slab_ops *const ops,
				   struct worker *w, size_t size,
				   const enum probe probe)
{
	const bool timed = probe_due(w, LAT_ALLOC, probe);
	const gfp_t gfp = w->params->gfp;
	uint64_t begin = timed ? probe_begin() : 0;
	void *object = opaque_object(slab_kmalloc(ops, w->slab, size, gfp));

	if (timed)
		slab_probe_alloc(w, begin, object);
	return object;
}

ALWAYS_INLINE void probed_kfree(const struct slab_ops *const ops,
				struct worker *w, void *object,
				const enum probe probe)
{
	const bool timed = probe_due(w, LAT_FREE, probe);
	uint64_t begin = timed ? probe_begin() : 0;

	slab_kfree(ops, w->slab, object);
	probe_barrier();
	if (timed)
		probe_record(w, LAT_FREE, begin, probe_end());
}

#endif
