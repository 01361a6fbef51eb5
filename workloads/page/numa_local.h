/*
 * numa_local: a thread that keeps to its node.
 *
 * Models the good case of a NUMA machine: memory is taken and given back where
 * it is used. Each worker has `outstanding` blocks on the way; one op frees the
 * oldest and allocates a new one. The blocks come from the thread's node unless
 * mem_policy= says otherwise, so that placement=node:* with mem_policy=bind:*
 * gives the allocator's price for each CPU node and memory node.
 *
 * Shows the floor for numa_cross: the same blocks without a second CPU.
 */
#ifndef WORKLOADS_PAGE_NUMA_LOCAL_H
#define WORKLOADS_PAGE_NUMA_LOCAL_H

#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void numa_local_loop(const struct page_ops *const ops,
				   struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);
	struct frames *ring = w->priv;
	uint32_t at = 0;

	while (loop_running(w)) {
		pfn_t pfn = ring->pfn[at];

		if (likely(pfn_valid(pfn)))
			probed_free(ops, w, pfn, order, probe);
		pfn = probed_alloc(ops, w, gfp, order, probe);
		ring->pfn[at] = pfn;
		at = at + 1 == ring->nr ? 0 : at + 1;
		if (unlikely(!pfn_valid(pfn))) {
			loop_failed(w);
			continue;
		}
		touch_pages(w->ctx, pfn, 1UL << order, touch);
		loop_done(w);
	}
}

static int numa_local_prepare(struct worker *w)
{
	return frames_create(w, w->params->outstanding, w->params->order);
}

static const struct workload numa_local_workload = {
	.name = "numa_local",
	.summary = "a ring of blocks, taken and given back on the same node",
	.op = "free of the oldest block and allocation of a new one",
	.uses = USES_ORDER | USES_OUTSTANDING,
	.prepare = numa_local_prepare,
	.teardown = frames_teardown,
};

#endif
