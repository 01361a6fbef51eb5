/*
 * bulkapi: N order-0 frames by one bulk call, and back by one.
 *
 * Models the users of the kernel's bulk allocator: page pools of network
 * drivers, NFS reply buffers, vmalloc. One op is one frame allocated and freed;
 * a latency sample is one call for N frames.
 *
 * Shows how far one lock and one watermark check per call, in place of one per
 * frame, pay; compare with bulk at order 0 and the same N.
 */
#ifndef WORKLOADS_PAGE_BULKAPI_H
#define WORKLOADS_PAGE_BULKAPI_H

#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void bulkapi_loop(const struct page_ops *const ops,
				struct worker *w, const enum probe probe)
{
	const enum touch touch = loop_touch(ops, w);
	struct frames *frames = w->priv;
	const uint32_t nr = frames->nr;

	while (loop_running(w)) {
		unsigned got =
			probed_alloc_bulk(ops, w, nr, frames->pfn, probe);

		if (touch != TOUCH_NONE)
			for (unsigned i = 0; i < got; i++)
				touch_pages(w->ctx, frames->pfn[i], 1, touch);
		if (unlikely(got < nr))
			w->ops_failed += nr - got;
		if (likely(got))
			probed_free_bulk(ops, w, got, frames->pfn, probe);
		/* the bulk call keeps slots that are not empty */
		for (unsigned i = 0; i < got; i++)
			frames->pfn[i] = PFN_NONE;
		w->ops_ok += got;
	}
}

static int bulkapi_prepare(struct worker *w)
{
	return frames_create(w, w->params->nr, 0);
}

static const struct workload bulkapi_workload = {
	.name = "bulkapi",
	.summary = "N order-0 frames by the bulk calls",
	.op = "frame allocated and freed",
	.uses = USES_NR,
	.prepare = bulkapi_prepare,
	.teardown = frames_teardown,
};

#endif
