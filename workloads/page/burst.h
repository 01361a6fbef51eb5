/*
 * burst: steep demand that outruns kswapd.
 *
 * Models a machine full of page cache on which something starts: `nr` pages
 * are wanted in a row as fast as they can be had, then nothing for `pause`.
 * One op is one page, made as pagecache makes it, never read again before it
 * is evicted. While it pauses the thread sleeps, so kswapd can have its CPU.
 * Each thread has pages of its own, `working_set` percent of the machine in
 * all.
 *
 * Shows how far the distance between LOW and MIN carries: bursts_stalled are
 * those in which somebody had to reclaim for himself. Small bursts are served
 * from what kswapd left free, large ones are not.
 */
#ifndef WORKLOADS_PAGE_BURST_H
#define WORKLOADS_PAGE_BURST_H

#include <time.h>

#include "alloc/page/reclaim.h"
#include "workloads/lib/owned.h"

enum burst_tally { BURST_BURSTS, BURST_STALLED };

static NOINLINE void burst_pause(uint64_t ns)
{
	const struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
				    .tv_nsec = (long)(ns % 1000000000) };

	nanosleep(&t, NULL);
}

static NOINLINE uint64_t burst_stalls(const struct worker *w)
{
	struct reclaim_stalls s;

	reclaim_stalls(w->ctx->machine->reclaim, &s);
	return s.nr;
}

WORKLOAD_LOOP void burst_loop(const struct page_ops *const ops,
			      struct worker *w, const enum probe probe)
{
	const uint64_t pause_ns = w->params->pause_ns;
	const unsigned dirty = w->params->dirty;
	const uint32_t nr = w->params->nr;

	while (loop_running(w)) {
		const uint64_t before = burst_stalls(w);

		for (uint32_t i = 0; i < nr && loop_running(w); i++) {
			if (likely(owned_stream(ops, w, dirty, 0, probe)))
				loop_done(w);
			else
				loop_failed(w);
		}
		w->tally[BURST_BURSTS]++;
		w->tally[BURST_STALLED] += burst_stalls(w) != before;
		if (pause_ns)
			burst_pause(pause_ns);
	}
}

static int burst_prepare(struct worker *w)
{
	return owned_create(w, owned_share(w, w->params->working_set));
}

static unsigned burst_report(const struct team *team,
			     struct workload_metric *out)
{
	uint64_t bursts = 0, stalled = 0;

	for (unsigned i = 0; i < team->nr; i++) {
		bursts += team->worker[i].tally[BURST_BURSTS];
		stalled += team->worker[i].tally[BURST_STALLED];
	}
	out[0] = (struct workload_metric){ .name = "bursts",
					   .unit = "bursts",
					   .better = "none",
					   .value = (double)bursts };
	out[1] = (struct workload_metric){
		.name = "bursts_stalled",
		.unit = "share",
		.better = "lower",
		.value = bursts ? (double)stalled / (double)bursts : 0
	};
	return 2 + owned_report(team, out + 2);
}

static const struct workload burst_workload = {
	.name = "burst",
	.summary = "steep demand that outruns kswapd, then a pause",
	.op = "page of a burst",
	.needs = WORKLOAD_FRAMES | WORKLOAD_RECLAIM,
	.uses = USES_WORKING_SET | USES_DIRTY | USES_NR | USES_PAUSE,
	.prepare = burst_prepare,
	.teardown = owned_teardown,
	.report = burst_report,
	.verify = owned_verify,
	.cleanup = owned_cleanup,
};

#endif
