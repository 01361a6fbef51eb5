/*
 * pair: allocate a block, free it at once.
 *
 * Models the shortest life that a block can have: a buffer taken and given
 * back by the same function. One op is one allocation and its free.
 *
 * Shows the fixed price of an engine. Where no block of the order is free
 * (hold=0 on a fresh machine) each pair of a buddy system splits the largest
 * block down to the order and merges it back. With hold=N each thread keeps N
 * blocks whose buddies are free: then a pair takes such a free block and puts
 * it back, and nothing splits or merges.
 */
#ifndef WORKLOADS_PAGE_PAIR_H
#define WORKLOADS_PAGE_PAIR_H

#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void pair_loop(const struct page_ops *const ops, struct worker *w,
			     const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);

	while (loop_running(w)) {
		pfn_t pfn = probed_alloc(ops, w, gfp, order, probe);

		if (unlikely(!pfn_valid(pfn))) {
			loop_failed(w);
			continue;
		}
		touch_pages(w->ctx, pfn, 1UL << order, touch);
		probed_free(ops, w, pfn, order, probe);
		loop_done(w);
	}
}

static int pair_prepare(struct worker *w)
{
	return held_with_free_buddies(w, w->params->hold);
}

static const struct workload pair_workload = {
	.name = "pair",
	.summary = "allocate a block, free it at once",
	.op = "alloc+free pair",
	.uses = USES_ORDER | USES_HOLD,
	.prepare = pair_prepare,
	.teardown = held_teardown,
};

#endif
