/*
 * Blocks handed from one worker to another: what remote_free and numa_cross
 * share. Workers 2i and 2i+1 are a producer and a consumer joined by a ring of
 * their own (handoff_ring.h). The producer allocates, the consumer frees and
 * counts the operation.
 */
#ifndef WORKLOADS_LIB_HANDOFF_H
#define WORKLOADS_LIB_HANDOFF_H

#include "workloads/lib/handoff_ring.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

ALWAYS_INLINE void handoff_produce(const struct page_ops *const ops,
				   struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);
	struct spsc *ring = handoff_ring(w);

	while (loop_running(w)) {
		pfn_t pfn;

		if (spsc_full(ring)) {
			w->tally[HANDOFF_WAITS]++;
			cpu_relax();
			continue;
		}
		pfn = probed_alloc(ops, w, gfp, order, probe);
		if (unlikely(!pfn_valid(pfn))) {
			loop_failed(w);
			cpu_relax();
			continue;
		}
		touch_pages(w->ctx, pfn, 1UL << order, touch);
		spsc_push(ring, pfn);
	}
}

ALWAYS_INLINE void handoff_consume(const struct page_ops *const ops,
				   struct worker *w, const enum probe probe)
{
	const unsigned order = w->params->order;
	struct spsc *ring = handoff_ring(w);

	while (loop_running(w)) {
		pfn_t pfn = spsc_pop(ring);

		if (!pfn_valid(pfn)) {
			w->tally[HANDOFF_WAITS]++;
			cpu_relax();
			continue;
		}
		probed_free(ops, w, pfn, order, probe);
		loop_done(w);
	}
}

WORKLOAD_LOOP void handoff_loop(const struct page_ops *const ops,
				struct worker *w, const enum probe probe)
{
	if (w->index % 2 == 0)
		handoff_produce(ops, w, probe);
	else
		handoff_consume(ops, w, probe);
}

/* Hook of struct workload: what is still on its way is the consumer's. */
static inline void handoff_teardown(struct worker *w)
{
	pfn_t pfn;

	if (w->index % 2 == 0 || !w->team->shared)
		return;
	while (pfn = spsc_pop(handoff_ring(w)), pfn_valid(pfn))
		free_pages(w->ctx, pfn, w->params->order);
}

#endif
