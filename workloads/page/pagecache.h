/*
 * pagecache: files that stream through memory.
 *
 * Models reading and writing files that together are `working_set` percent of
 * the machine, one after the other and round again. One op is one page: if it
 * is still there its content is checked, otherwise it is made, as if read from
 * the file, in a frame that the loop asks for. `dirty` percent of the uses
 * write to it; such a page must be written (to the swap device, which stands
 * for the file) before its frame can be had, a clean one is dropped. `work`
 * gives the reader something to do with each page. Each thread has files of
 * its own.
 *
 * Shows reclaim at its cheapest: what is evicted is never used again in time,
 * so every op is an allocation and every allocation an eviction.
 */
#ifndef WORKLOADS_PAGE_PAGECACHE_H
#define WORKLOADS_PAGE_PAGECACHE_H

#include "workloads/lib/owned.h"

WORKLOAD_LOOP void pagecache_loop(const struct page_ops *const ops,
				  struct worker *w, const enum probe probe)
{
	const unsigned dirty = w->params->dirty;
	const uint32_t work = w->params->work;

	while (loop_running(w)) {
		if (likely(owned_stream(ops, w, dirty, work, probe)))
			loop_done(w);
		else
			loop_failed(w);
	}
}

static int pagecache_prepare(struct worker *w)
{
	return owned_create(w, owned_share(w, w->params->working_set));
}

static const struct workload pagecache_workload = {
	.name = "pagecache",
	.summary = "files that stream through memory and are evicted",
	.op = "page of a file, made or found",
	.needs = WORKLOAD_FRAMES | WORKLOAD_RECLAIM,
	.uses = USES_WORKING_SET | USES_DIRTY | USES_WORK,
	.prepare = pagecache_prepare,
	.teardown = owned_teardown,
	.report = owned_report,
	.verify = owned_verify,
	.cleanup = owned_cleanup,
};

#endif
