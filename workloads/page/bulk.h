/*
 * bulk: take N blocks, then free them in order, in reverse or shuffled.
 *
 * Models a receive ring that is filled and drained, or the tables of a process
 * that starts and exits. One op is one block, taken and freed; the blocks go
 * through the single-block calls (bulkapi uses the bulk ones).
 *
 * Shows what a batch costs beyond the caches: with N above the capacity of a
 * per-CPU list every block crosses the zone lock. Reverse order undoes the
 * splits one by one, shuffled order makes merges wait for the last buddy. The
 * three orders run the same code over a permutation made before the window.
 */
#ifndef WORKLOADS_PAGE_BULK_H
#define WORKLOADS_PAGE_BULK_H

#include "workloads/lib/dist.h"
#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void bulk_loop(const struct page_ops *const ops, struct worker *w,
			     const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);
	struct frames *frames = w->priv;
	const uint32_t nr = frames->nr;

	while (loop_running(w)) {
		for (uint32_t i = 0; i < nr; i++) {
			pfn_t pfn = probed_alloc(ops, w, gfp, order, probe);

			frames->pfn[i] = pfn;
			if (unlikely(!pfn_valid(pfn))) {
				loop_failed(w);
				break;
			}
			touch_pages(w->ctx, pfn, 1UL << order, touch);
		}
		for (uint32_t i = 0; i < nr; i++) {
			pfn_t *slot = &frames->pfn[frames->index[i]];

			if (unlikely(!pfn_valid(*slot)))
				continue;
			probed_free(ops, w, *slot, order, probe);
			*slot = PFN_NONE;
			loop_done(w);
		}
	}
}

static int bulk_prepare(struct worker *w)
{
	int ret = frames_create(w, w->params->nr, w->params->order);
	struct frames *frames = w->priv;

	if (ret)
		return ret;
	if (w->params->free_order == FREE_SHUFFLE)
		dist_permutation(&w->rng, frames->index, frames->nr);
	if (w->params->free_order == FREE_REVERSE)
		for (uint32_t i = 0; i < frames->nr; i++)
			frames->index[i] = frames->nr - 1 - i;
	return 0;
}

static const struct workload bulk_workload = {
	.name = "bulk",
	.summary = "take N blocks, free them in order, reversed or shuffled",
	.op = "block allocated and freed",
	.uses = USES_ORDER | USES_NR | USES_FREE_ORDER,
	.prepare = bulk_prepare,
	.teardown = frames_teardown,
};

#endif
