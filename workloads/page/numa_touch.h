/*
 * numa_touch: what a block costs, and what reaching its memory costs.
 *
 * Models a thread that fills what it allocates. Each worker has `outstanding`
 * blocks on the way; one op frees the oldest, allocates a new one, and reads
 * and writes one byte of it (touch=first) or one in each of its pages
 * (touch=all). Before a block is freed its touched lines leave the caches, so
 * that each touch goes to the memory of the frame's node.
 *
 * Shows the two prices apart: lat_alloc_* and lat_free_* are the allocator's,
 * lat_touch_* is the memory's. With placement=node:* and mem_policy=bind:* that
 * is the latency of each memory node from each CPU node.
 */
#ifndef WORKLOADS_PAGE_NUMA_TOUCH_H
#define WORKLOADS_PAGE_NUMA_TOUCH_H

#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void numa_touch_loop(const struct page_ops *const ops,
				   struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);
	struct frames *ring = w->priv;
	uint32_t at = 0;

	while (loop_running(w)) {
		const struct machine *m = w->ctx->machine;
		pfn_t pfn = ring->pfn[at];

		if (likely(pfn_valid(pfn))) {
			touch_evict(m, pfn, 1UL << order, touch);
			probed_free(ops, w, pfn, order, probe);
		}
		pfn = probed_alloc(ops, w, gfp, order, probe);
		ring->pfn[at] = pfn;
		at = at + 1 == ring->nr ? 0 : at + 1;
		if (unlikely(!pfn_valid(pfn))) {
			loop_failed(w);
			continue;
		}
		probed_touch(w, pfn, 1UL << order, touch, probe);
		loop_done(w);
	}
}

static int numa_touch_prepare(struct worker *w)
{
	return frames_create(w, w->params->outstanding, w->params->order);
}

static const struct workload numa_touch_workload = {
	.name = "numa_touch",
	.summary = "allocate and touch: the allocator's price and the memory's",
	.op = "free, allocation and touch of a block",
	.needs = WORKLOAD_FRAMES | WORKLOAD_TOUCH,
	.uses = USES_ORDER | USES_OUTSTANDING,
	.prepare = numa_touch_prepare,
	.teardown = frames_teardown,
};

#endif
