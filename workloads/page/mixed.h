/*
 * mixed: blocks of random orders through a ring of N.
 *
 * Models a kernel that serves page tables, stacks, slabs and buffers at once.
 * Orders are 0 .. order_max, uniform or geometric (each order half as often as
 * the one below). One op is one free of the oldest block and one allocation of
 * a drawn order; the first N ops of a run only allocate.
 *
 * Shows splitting and merging under a stream in which the blocks of a pair
 * die at different times, and, with order_max above the orders of the per-CPU
 * lists, how the slow orders weigh on the average.
 */
#ifndef WORKLOADS_PAGE_MIXED_H
#define WORKLOADS_PAGE_MIXED_H

#include "workloads/lib/dist.h"
#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void mixed_loop(const struct page_ops *const ops,
			      struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order_max = w->params->order_max;
	const enum order_dist dist = w->params->dist;
	const enum touch touch = loop_touch(ops, w);
	struct held *held = w->priv;
	const uint64_t nr = held->nr;
	uint64_t at = held->at;

	while (loop_running(w)) {
		struct held_block *b = &held->block[at];

		if (likely(pfn_valid(b->pfn)))
			probed_free(ops, w, b->pfn, b->order, probe);
		b->order = dist_order(&w->rng, dist, order_max);
		b->pfn = probed_alloc(ops, w, gfp, b->order, probe);
		at = at + 1 == nr ? 0 : at + 1;
		if (unlikely(!pfn_valid(b->pfn))) {
			loop_failed(w);
			continue;
		}
		touch_pages(w->ctx, b->pfn, 1UL << b->order, touch);
		loop_done(w);
	}
	held->at = at;
}

static int mixed_prepare(struct worker *w)
{
	return held_create(w, w->params->outstanding);
}

static const struct workload mixed_workload = {
	.name = "mixed",
	.summary = "blocks of random orders through a ring of N",
	.op = "free+alloc pair",
	.uses = USES_ORDER_MAX | USES_DIST | USES_OUTSTANDING,
	.prepare = mixed_prepare,
	.teardown = held_teardown,
};

#endif
