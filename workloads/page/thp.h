/*
 * thp: huge pages wanted of a memory that ages.
 *
 * Models processes that fault in transparent huge pages on a machine in use.
 * Between two requests memory ages by `nr` steps: each uses a random page of
 * anonymous memory (`working_set` percent of the machine, swapped out and
 * back), and one in eight gives a kernel page back and takes another one, of
 * which each thread holds its share of `occupancy` percent, so that unmovable
 * pages come to lie anywhere. One op is one order-9 request (GFP_TRANSHUGE: it
 * may reclaim and compact) that was served; `outstanding` blocks are held, the
 * oldest is given back first.
 *
 * Shows what compaction can still make of it: thp_success is the share of the
 * requests that were served, over all windows. Latencies are those of all
 * requests of the loop.
 */
#ifndef WORKLOADS_PAGE_THP_H
#define WORKLOADS_PAGE_THP_H

#include <stdlib.h>

#include "workloads/lib/owned.h"

#define THP_ORDER       9
#define THP_KERNEL_EACH 8 /* steps for one kernel page */

/* What a worker holds; pfn[] is the ring of huge pages, then kernel pages. */
struct thp_held {
	uint32_t nr, at; /* ring */
	uint32_t kernel;
	uint64_t asked, got;
	pfn_t pfn[];
};

ALWAYS_INLINE void thp_replace(const struct page_ops *const ops,
			       struct worker *w, pfn_t *pfn, bool huge,
			       const enum probe probe)
{
	const gfp_t gfp = huge ? GFP_TRANSHUGE : GFP_KERNEL;
	const unsigned order = huge ? THP_ORDER : 0;

	if (likely(pfn_valid(*pfn)))
		probed_free(ops, w, *pfn, order, probe);
	*pfn = probed_alloc(ops, w, gfp, order, probe);
	if (unlikely(!pfn_valid(*pfn)))
		loop_failed(w);
	else if (huge)
		loop_done(w);
}

ALWAYS_INLINE void thp_age(const struct page_ops *const ops, struct worker *w,
			   struct thp_held *held, unsigned dirty,
			   const enum probe probe)
{
	const struct owned *o = w->priv;
	const struct owned_use use = {
		.write = rng_below(&w->rng, 100) < dirty,
	};

	if (unlikely(
		    !owned_use(ops, w, rng_below(&w->rng, o->nr), &use, probe)))
		loop_failed(w);
	if (!held->kernel || rng_below(&w->rng, THP_KERNEL_EACH))
		return;
	thp_replace(ops, w,
		    &held->pfn[held->nr + rng_below(&w->rng, held->kernel)],
		    false, probe);
}

WORKLOAD_LOOP void thp_loop(const struct page_ops *const ops, struct worker *w,
			    const enum probe probe)
{
	struct thp_held *held = ((struct owned *)w->priv)->more;
	const unsigned dirty = w->params->dirty;
	const uint32_t nr = w->params->nr;

	while (loop_running(w)) {
		for (uint32_t i = 0; i < nr && loop_running(w); i++)
			thp_age(ops, w, held, dirty, probe);
		thp_replace(ops, w, &held->pfn[held->at], true, probe);
		held->asked++;
		held->got += pfn_valid(held->pfn[held->at]);
		probe_asked(w, pfn_valid(held->pfn[held->at]), probe);
		held->at = held->at + 1 < held->nr ? held->at + 1 : 0;
	}
}

/* The kernel's pages are there from the beginning, as many as can be had. */
static int thp_prepare(struct worker *w)
{
	const uint32_t nr = w->params->outstanding;
	const uint64_t kernel = mult_frac(w->team->machine->managed,
					  w->params->occupancy, 100) /
				w->team->nr;
	struct thp_held *held;
	int r = owned_create(w, owned_share(w, w->params->working_set));

	if (r)
		return r;
	held = malloc(sizeof(*held) + (nr + kernel) * sizeof(held->pfn[0]));
	if (!held)
		return -ENOMEM;
	*held = (struct thp_held){ .nr = nr, .kernel = (uint32_t)kernel };
	for (uint32_t i = 0; i < nr; i++)
		held->pfn[i] = PFN_NONE;
	for (uint32_t i = nr; i < nr + kernel; i++)
		held->pfn[i] = alloc_pages(w->ctx, GFP_KERNEL, 0);
	((struct owned *)w->priv)->more = held;
	return 0;
}

static void thp_teardown(struct worker *w)
{
	struct owned *o = w->priv;
	struct thp_held *held = o ? o->more : NULL;

	for (uint32_t i = 0; held && i < held->nr + held->kernel; i++)
		if (pfn_valid(held->pfn[i]))
			free_pages(w->ctx, held->pfn[i],
				   i < held->nr ? THP_ORDER : 0);
	owned_teardown(w);
}

static unsigned thp_report(const struct team *team, struct workload_metric *out)
{
	uint64_t asked = 0, got = 0;

	for (unsigned i = 0; i < team->nr; i++) {
		const struct owned *o = team->worker[i].priv;
		const struct thp_held *held = o ? o->more : NULL;

		asked += held ? held->asked : 0;
		got += held ? held->got : 0;
	}
	out[0] = (struct workload_metric){ .name = "thp_asked",
					   .unit = "requests",
					   .better = "none",
					   .value = (double)asked };
	out[1] = (struct workload_metric){
		.name = "thp_success",
		.unit = "share",
		.better = "higher",
		.value = asked ? (double)got / (double)asked : 0
	};
	return 2 + owned_report(team, out + 2);
}

static const struct workload thp_workload = {
	.name = "thp",
	.summary = "order-9 requests while memory ages",
	.op = "order-9 request that was served",
	.needs = WORKLOAD_FRAMES | WORKLOAD_RECLAIM,
	.uses = USES_WORKING_SET | USES_DIRTY | USES_NR | USES_OUTSTANDING |
		USES_OCCUPANCY,
	.prepare = thp_prepare,
	.teardown = thp_teardown,
	.report = thp_report,
	.verify = owned_verify,
	.cleanup = owned_cleanup,
};

#endif
