/*
 * outstanding: hold N blocks in a ring, free the oldest, take a new one.
 *
 * Models a queue of fixed depth: network buffers in flight, a pipe, readahead.
 * One op is one free of the oldest block and one allocation.
 *
 * Shows the reach of an engine's caches: N is a ladder from 1 to 8192. Small N
 * stays in a per-CPU list and in the processor's cache; above that each free
 * returns a block that was not touched for N ops, and lists drain and refill.
 */
#ifndef WORKLOADS_PAGE_OUTSTANDING_H
#define WORKLOADS_PAGE_OUTSTANDING_H

#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void outstanding_loop(const struct page_ops *const ops,
				    struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);
	struct held *held = w->priv;
	const uint64_t nr = held->nr;
	uint64_t at = held->at;

	while (loop_running(w)) {
		pfn_t *slot = &held->block[at].pfn;

		if (likely(pfn_valid(*slot)))
			probed_free(ops, w, *slot, order, probe);
		*slot = probed_alloc(ops, w, gfp, order, probe);
		at = at + 1 == nr ? 0 : at + 1;
		if (unlikely(!pfn_valid(*slot))) {
			loop_failed(w);
			continue;
		}
		touch_pages(w->ctx, *slot, 1UL << order, touch);
		loop_done(w);
	}
	held->at = at;
}

static int outstanding_prepare(struct worker *w)
{
	return held_fill(w, w->params->outstanding);
}

static const struct workload outstanding_workload = {
	.name = "outstanding",
	.summary = "a ring of N held blocks: free the oldest, take a new one",
	.op = "free+alloc pair",
	.uses = USES_ORDER | USES_OUTSTANDING,
	.prepare = outstanding_prepare,
	.teardown = held_teardown,
};

#endif
