/*
 * exact: odd sizes by the exact calls.
 *
 * Models buffers whose size is no power of two: rings of a driver, tables sized
 * from the amount of memory. Sizes are uniform in bytes_min .. bytes_max. One
 * op is one alloc_pages_exact() and its free, which go page by page where the
 * power-of-two block was cut.
 *
 * Shows the price of giving the tail back against the memory that this saves:
 * waste_exact is the share of the pages taken that was not asked for,
 * waste_pow2 the same for whole power-of-two blocks.
 */
#ifndef WORKLOADS_PAGE_EXACT_H
#define WORKLOADS_PAGE_EXACT_H

#include "workloads/lib/dist.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

enum { EXACT_ASKED, EXACT_TAKEN, EXACT_POW2 }; /* tallies, bytes */

ALWAYS_INLINE void exact_count(struct worker *w, uint64_t bytes, uint64_t pages)
{
	w->tally[EXACT_ASKED] += bytes;
	w->tally[EXACT_TAKEN] += pages << PAGE_SHIFT;
	w->tally[EXACT_POW2] += PAGE_SIZE << order_of_bytes(bytes);
}

WORKLOAD_LOOP void exact_loop(const struct page_ops *const ops,
			      struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const uint64_t low = w->params->bytes_min, high = w->params->bytes_max;
	const enum touch touch = loop_touch(ops, w);

	while (loop_running(w)) {
		uint64_t bytes = dist_range(&w->rng, low, high);
		uint64_t pages = (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
		pfn_t pfn = probed_alloc_exact(ops, w, gfp, bytes, probe);

		if (unlikely(!pfn_valid(pfn))) {
			loop_failed(w);
			continue;
		}
		touch_pages(w->ctx, pfn, pages, touch);
		probed_free_exact(ops, w, pfn, bytes, probe);
		exact_count(w, bytes, pages);
		loop_done(w);
	}
}

static unsigned exact_report(const struct team *team,
			     struct workload_metric *out)
{
	static const char *const names[] = { "waste_exact", "waste_pow2" };
	uint64_t sum[NR_TALLIES] = { 0 };

	for (unsigned i = 0; i < team->nr; i++)
		for (unsigned t = 0; t < NR_TALLIES; t++)
			sum[t] += team->worker[i].tally[t];
	if (!sum[EXACT_ASKED])
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		double taken = (double)sum[EXACT_TAKEN + i];

		out[i] = (struct workload_metric){
			.name = names[i],
			.unit = "percent",
			.better = "lower",
			.value = 100 * (taken - (double)sum[EXACT_ASKED]) /
				 taken,
		};
	}
	return 2;
}

static const struct workload exact_workload = {
	.name = "exact",
	.summary = "odd sizes by the exact calls",
	.op = "alloc_exact+free_exact pair",
	.uses = USES_BYTES,
	.report = exact_report,
};

#endif
