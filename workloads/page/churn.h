/*
 * churn: random lifetimes at a fixed occupancy of the machine.
 *
 * Models a server that has been up for long: most of its memory is in use and
 * every block dies at a random time, independent of its neighbours. Each thread
 * holds its share of `occupancy` percent of the managed pages. One op is one
 * allocation of a drawn order (0 .. order_max), and of a drawn mobility with
 * mobility=mixed, followed by as many frees of random blocks as bring the share
 * back, one block on average. Lifetimes are geometric (dist_victim()).
 *
 * Shows what fragmentation costs: free lists full of single pages, merges that
 * find a busy buddy, large orders that are no longer to be had (counted as
 * failed), and types that steal each other's pageblocks.
 */
#ifndef WORKLOADS_PAGE_CHURN_H
#define WORKLOADS_PAGE_CHURN_H

#include "workloads/lib/dist.h"
#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

/* Pages that a worker holds between two ops, less than a block more or less. */
static inline uint64_t churn_share(const struct worker *w)
{
	return mult_frac(w->team->machine->managed, w->params->occupancy, 100) /
	       w->team->nr;
}

ALWAYS_INLINE gfp_t churn_gfp(struct worker *w, gfp_t gfp,
			      enum mobility mobility)
{
	return mobility == MOBILITY_MIXED ? dist_mobility(&w->rng, gfp) : gfp;
}

/* Takes a random block out of the list, which has one. */
ALWAYS_INLINE struct held_block churn_take(struct worker *w, struct held *held)
{
	uint32_t victim = dist_victim(&w->rng, (uint32_t)held->nr);
	struct held_block b = held->block[victim];

	held->block[victim] = held->block[--held->nr];
	held->pages -= 1UL << b.order;
	return b;
}

ALWAYS_INLINE void churn_put(struct held *held, pfn_t pfn, unsigned order)
{
	held->block[held->nr++] = (struct held_block){ pfn, order };
	held->pages += 1UL << order;
}

WORKLOAD_LOOP void churn_loop(const struct page_ops *const ops,
			      struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order_max = w->params->order_max;
	const enum order_dist dist = w->params->dist;
	const enum mobility mobility = w->params->mobility;
	const enum touch touch = loop_touch(ops, w);
	const uint64_t share = churn_share(w);
	struct held *held = w->priv;

	while (loop_running(w)) {
		unsigned order = dist_order(&w->rng, dist, order_max);
		pfn_t pfn = probed_alloc(ops, w, churn_gfp(w, gfp, mobility),
					 order, probe);
		bool failed = !pfn_valid(pfn);

		if (unlikely(failed)) {
			loop_failed(w);
		} else {
			churn_put(held, pfn, order);
			touch_pages(w->ctx, pfn, 1UL << order, touch);
			loop_done(w);
		}
		/* a failure frees one block, so that the next may succeed */
		while (held->nr && (failed || held->pages > share)) {
			struct held_block b = churn_take(w, held);

			probed_free(ops, w, b.pfn, b.order, probe);
			failed = false;
		}
	}
	w->tally[0] = held->pages;
}

/* Fills the share with blocks of the same law as the loop's. Stops where the
 * machine has no more to give: the occupancy that was reached is reported. */
static int churn_prepare(struct worker *w)
{
	const struct workload_params *p = w->params;
	const uint64_t share = churn_share(w);
	struct held *held;
	unsigned refused = 0;
	int ret = held_reserve(w, share + (1UL << MAX_PAGE_ORDER));

	if (ret)
		return ret;
	held = w->priv;
	while (held->pages < share && refused < 2 * NR_PAGE_ORDERS) {
		unsigned order = dist_order(&w->rng, p->dist, p->order_max);
		pfn_t pfn = alloc_pages(
			w->ctx, churn_gfp(w, p->gfp, p->mobility), order);

		if (!pfn_valid(pfn)) {
			refused++;
			w->ops_failed++;
			continue;
		}
		churn_put(held, pfn, order);
	}
	w->tally[0] = held->pages;
	return 0;
}

static unsigned churn_report(const struct team *team,
			     struct workload_metric *out)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < team->nr; i++)
		pages += team->worker[i].tally[0];
	out[0] = (struct workload_metric){
		.name = "occupancy_reached",
		.unit = "percent",
		.better = "none",
		.value = 100.0 * (double)pages / (double)team->machine->managed,
	};
	return 1;
}

static const struct workload churn_workload = {
	.name = "churn",
	.summary = "random lifetimes at a fixed occupancy of the machine",
	.op = "allocation and the frees that make room",
	.needs = WORKLOAD_FRAMES,
	.uses = USES_ORDER_MAX | USES_DIST | USES_OCCUPANCY | USES_MOBILITY,
	.prepare = churn_prepare,
	.teardown = held_teardown,
	.report = churn_report,
};

#endif
