/*
 * repeat: hold a set of blocks, free one of them and take it again.
 *
 * Models a cache that gives one page back and at once needs one: the kernel's
 * hottest case, since the block just freed is the one that comes back, with its
 * descriptor and the list head still in the cache. One op is one free and one
 * allocation.
 *
 * Shows the price of an engine when nothing splits or merges: the block that is
 * repeated has a buddy in the held set (outstanding >= 2), so a buddy system
 * puts it on the list of its order and takes it from there.
 */
#ifndef WORKLOADS_PAGE_REPEAT_H
#define WORKLOADS_PAGE_REPEAT_H

#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void repeat_loop(const struct page_ops *const ops,
			       struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);
	struct held *held = w->priv;
	pfn_t *slot = &held->block[held->at].pfn;

	while (loop_running(w)) {
		if (likely(pfn_valid(*slot)))
			probed_free(ops, w, *slot, order, probe);
		*slot = probed_alloc(ops, w, gfp, order, probe);
		if (unlikely(!pfn_valid(*slot))) {
			loop_failed(w);
			continue;
		}
		touch_pages(w->ctx, *slot, 1UL << order, touch);
		loop_done(w);
	}
}

static int repeat_prepare(struct worker *w)
{
	int ret = held_fill(w, w->params->outstanding);

	if (!ret)
		held_choose_paired(w->priv);
	return ret;
}

static const struct workload repeat_workload = {
	.name = "repeat",
	.summary = "hold a set of blocks, free one and take it again (hot)",
	.op = "free+alloc pair",
	.uses = USES_ORDER | USES_OUTSTANDING,
	.prepare = repeat_prepare,
	.teardown = held_teardown,
};

#endif
