/*
 * remote_free: one CPU allocates, another frees.
 *
 * Models the network's receive and transmit sides on different CPUs, pipes,
 * and work queues. Workers 2i and 2i+1 are a producer and a consumer joined by
 * a ring of their own (spsc.h). One op is one block allocated by the first and
 * freed by the second; the consumer counts it.
 *
 * Shows what caches per CPU cost when the balance is one-sided: the producer's
 * list is always empty and the consumer's always full, and every block's
 * descriptor crosses from one CPU's cache to the other's.
 */
#ifndef WORKLOADS_PAGE_REMOTE_FREE_H
#define WORKLOADS_PAGE_REMOTE_FREE_H

#include <errno.h>
#include <sys/mman.h>

#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/spsc.h"
#include "workloads/lib/touch.h"

enum { REMOTE_WAITS }; /* tally: turns in which the ring was full or empty */

ALWAYS_INLINE struct spsc *remote_free_ring(const struct worker *w)
{
	return (struct spsc *)w->team->shared + w->index / 2;
}

ALWAYS_INLINE void remote_free_produce(const struct page_ops *const ops,
				       struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);
	struct spsc *ring = remote_free_ring(w);

	while (loop_running(w)) {
		pfn_t pfn;

		if (spsc_full(ring)) {
			w->tally[REMOTE_WAITS]++;
			cpu_relax();
			continue;
		}
		pfn = probed_alloc(ops, w, gfp, order, probe);
		if (unlikely(!pfn_valid(pfn))) {
			loop_failed(w);
			cpu_relax();
			continue;
		}
		touch_pages(w->ctx->machine, pfn, 1UL << order, touch);
		spsc_push(ring, pfn);
	}
}

ALWAYS_INLINE void remote_free_consume(const struct page_ops *const ops,
				       struct worker *w, const enum probe probe)
{
	const unsigned order = w->params->order;
	struct spsc *ring = remote_free_ring(w);

	while (loop_running(w)) {
		pfn_t pfn = spsc_pop(ring);

		if (!pfn_valid(pfn)) {
			w->tally[REMOTE_WAITS]++;
			cpu_relax();
			continue;
		}
		probed_free(ops, w, pfn, order, probe);
		loop_done(w);
	}
}

WORKLOAD_LOOP void remote_free_loop(const struct page_ops *const ops,
				    struct worker *w, const enum probe probe)
{
	if (w->index % 2 == 0)
		remote_free_produce(ops, w, probe);
	else
		remote_free_consume(ops, w, probe);
}

static inline size_t remote_free_bytes(const struct team *team)
{
	return team->nr / 2 * sizeof(struct spsc);
}

static int remote_free_setup(struct team *team)
{
	void *rings;

	if (team->nr % 2)
		return -EINVAL;
	/* zero pages are empty rings; each consumer places its own */
	rings = mmap(NULL, remote_free_bytes(team), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rings == MAP_FAILED)
		return -ENOMEM;
	team->shared = rings;
	return 0;
}

static int remote_free_prepare(struct worker *w)
{
	if (w->index % 2)
		spsc_init(remote_free_ring(w));
	return 0;
}

/* What is still on its way is the consumer's. */
static void remote_free_teardown(struct worker *w)
{
	pfn_t pfn;

	if (w->index % 2 == 0 || !w->team->shared)
		return;
	while (pfn = spsc_pop(remote_free_ring(w)), pfn_valid(pfn))
		free_pages(w->ctx, pfn, w->params->order);
}

static unsigned remote_free_report(const struct team *team,
				   struct workload_metric *out)
{
	static const char *const names[] = { "ring_full_waits",
					     "ring_empty_waits" };
	uint64_t waits[2] = { 0, 0 };

	for (unsigned i = 0; i < team->nr; i++)
		waits[i % 2] += team->worker[i].tally[REMOTE_WAITS];
	for (unsigned side = 0; side < 2; side++)
		out[side] = (struct workload_metric){
			.name = names[side],
			.unit = "turns",
			.better = "none",
			.value = (double)waits[side],
		};
	return 2;
}

static void remote_free_cleanup(struct team *team)
{
	if (team->shared)
		munmap(team->shared, remote_free_bytes(team));
	team->shared = NULL;
}

static const struct workload remote_free_workload = {
	.name = "remote_free",
	.summary = "one CPU allocates, another frees, through a lock-free ring",
	.op = "block allocated here and freed there",
	.needs = WORKLOAD_EVEN_THREADS,
	.uses = USES_ORDER,
	.setup = remote_free_setup,
	.prepare = remote_free_prepare,
	.teardown = remote_free_teardown,
	.report = remote_free_report,
	.cleanup = remote_free_cleanup,
};

#endif
