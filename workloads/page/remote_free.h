/*
 * remote_free: one CPU allocates, another frees.
 *
 * Models the network's receive and transmit sides on different CPUs, pipes,
 * and work queues. Workers 2i and 2i+1 are a producer and a consumer joined by
 * a ring of their own (handoff.h). One op is one block allocated by the first
 * and freed by the second; the consumer counts it.
 *
 * Shows what caches per CPU cost when the balance is one-sided: the producer's
 * list is always empty and the consumer's always full, and every block's
 * descriptor crosses from one CPU's cache to the other's.
 */
#ifndef WORKLOADS_PAGE_REMOTE_FREE_H
#define WORKLOADS_PAGE_REMOTE_FREE_H

#include "workloads/lib/handoff.h"

WORKLOAD_LOOP void remote_free_loop(const struct page_ops *const ops,
				    struct worker *w, const enum probe probe)
{
	handoff_loop(ops, w, probe);
}

static const struct workload remote_free_workload = {
	.name = "remote_free",
	.summary = "one CPU allocates, another frees, through a lock-free ring",
	.op = "block allocated here and freed there",
	.needs = WORKLOAD_EVEN_THREADS,
	.uses = USES_ORDER,
	.setup = handoff_setup,
	.prepare = handoff_prepare,
	.teardown = handoff_teardown,
	.report = handoff_report,
	.cleanup = handoff_cleanup,
};

#endif
