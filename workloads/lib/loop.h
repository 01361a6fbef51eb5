/*
 * The contract of a measured loop, <name>_loop(ops, w, probe):
 *  - it runs while loop_running(w) and looks at nothing else to stop;
 *  - it calls the allocator through probe.h only;
 *  - a completed operation is loop_done(w), a failed allocation
 *    loop_failed(w), and a failure leads back to loop_running(): no loop waits
 *    for memory;
 *  - options are copied to locals first, because every opaque() makes the
 *    compiler forget what it has read;
 *  - it takes no memory of its own: prepare() did.
 */
#ifndef WORKLOADS_LIB_LOOP_H
#define WORKLOADS_LIB_LOOP_H

#include "workloads/lib/worker.h"

/* A loop is inlined into one function per engine and probe. */
#define WORKLOAD_LOOP ALWAYS_INLINE

ALWAYS_INLINE bool loop_running(const struct worker *w)
{
	/* relaxed: only has to be seen eventually */
	return likely(!atomic_load_explicit(w->stop, memory_order_relaxed));
}

ALWAYS_INLINE void loop_done(struct worker *w)
{
	w->ops_ok++;
}

ALWAYS_INLINE void loop_failed(struct worker *w)
{
	w->ops_failed++;
}

/* How many bytes of objects the worker holds now. */
ALWAYS_INLINE void loop_live(struct worker *w, uint64_t bytes)
{
	/* relaxed: a statistic */
	atomic_store_explicit(&w->live_bytes, bytes, memory_order_relaxed);
}

/* A floor engine's numbers are no frames: there is nothing to write to. */
ALWAYS_INLINE enum touch loop_touch(const struct page_ops *const ops,
				    const struct worker *w)
{
	return ops->features & PAGE_F_FLOOR ? TOUCH_NONE : w->params->touch;
}

/* The same for objects. */
ALWAYS_INLINE enum touch loop_object_touch(const struct slab_ops *const ops,
					   const struct worker *w)
{
	return ops->features & SLAB_F_FLOOR ? TOUCH_NONE : w->params->touch;
}

#endif
