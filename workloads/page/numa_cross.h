/*
 * numa_cross: a thread on one node allocates, one on another frees.
 *
 * Models what crosses a NUMA machine: packets that are received on one node and
 * consumed on another, pages of a process that moved. With placement=pairs:A-B
 * workers 0, 2, ... on node A allocate, workers 1, 3, ... on node B free what
 * they are handed (handoff.h); placement=pairs is one cell for each pair of
 * nodes, A = B included, which is the price without crossing. One op is one
 * block; the consumer counts it.
 *
 * Shows what a free from afar costs: B's CPU writes to descriptors, free lists
 * and locks that lie on A. lat_alloc_* is A's side, lat_free_* is B's.
 */
#ifndef WORKLOADS_PAGE_NUMA_CROSS_H
#define WORKLOADS_PAGE_NUMA_CROSS_H

#include "workloads/lib/handoff.h"

WORKLOAD_LOOP void numa_cross_loop(const struct page_ops *const ops,
				   struct worker *w, const enum probe probe)
{
	handoff_loop(ops, w, probe);
}

static const struct workload numa_cross_workload = {
	.name = "numa_cross",
	.summary = "allocate on node A, free on node B (placement=pairs:A-B)",
	.op = "block allocated on one node and freed on another",
	.needs = WORKLOAD_EVEN_THREADS,
	.uses = USES_ORDER,
	.setup = handoff_setup,
	.prepare = handoff_prepare,
	.teardown = handoff_teardown,
	.report = handoff_report,
	.cleanup = handoff_cleanup,
};

#endif
