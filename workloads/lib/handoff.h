/*
 * Blocks handed from one worker to another: what remote_free and numa_cross
 * share. Workers 2i and 2i+1 are a producer and a consumer joined by a ring of
 * their own (spsc.h). The producer allocates, the consumer frees and counts the
 * operation.
 */
#ifndef WORKLOADS_LIB_HANDOFF_H
#define WORKLOADS_LIB_HANDOFF_H

#include <errno.h>
#include <sys/mman.h>

#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/spsc.h"
#include "workloads/lib/touch.h"

enum { HANDOFF_WAITS }; /* tally: turns in which the ring was full or empty */

ALWAYS_INLINE struct spsc *handoff_ring(const struct worker *w)
{
	return (struct spsc *)w->team->shared + w->index / 2;
}

ALWAYS_INLINE void handoff_produce(const struct page_ops *const ops,
				   struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);
	struct spsc *ring = handoff_ring(w);

	while (loop_running(w)) {
		pfn_t pfn;

		if (spsc_full(ring)) {
			w->tally[HANDOFF_WAITS]++;
			cpu_relax();
			continue;
		}
		pfn = probed_alloc(ops, w, gfp, order, probe);
		if (unlikely(!pfn_valid(pfn))) {
			loop_failed(w);
			cpu_relax();
			continue;
		}
		touch_pages(w->ctx, pfn, 1UL << order, touch);
		spsc_push(ring, pfn);
	}
}

ALWAYS_INLINE void handoff_consume(const struct page_ops *const ops,
				   struct worker *w, const enum probe probe)
{
	const unsigned order = w->params->order;
	struct spsc *ring = handoff_ring(w);

	while (loop_running(w)) {
		pfn_t pfn = spsc_pop(ring);

		if (!pfn_valid(pfn)) {
			w->tally[HANDOFF_WAITS]++;
			cpu_relax();
			continue;
		}
		probed_free(ops, w, pfn, order, probe);
		loop_done(w);
	}
}

WORKLOAD_LOOP void handoff_loop(const struct page_ops *const ops,
				struct worker *w, const enum probe probe)
{
	if (w->index % 2 == 0)
		handoff_produce(ops, w, probe);
	else
		handoff_consume(ops, w, probe);
}

static inline size_t handoff_bytes(const struct team *team)
{
	return team->nr / 2 * sizeof(struct spsc);
}

/* Hooks of struct workload. */

static inline int handoff_setup(struct team *team)
{
	void *rings;

	if (team->nr % 2)
		return -EINVAL;
	/* zero pages are empty rings; each consumer places its own */
	rings = mmap(NULL, handoff_bytes(team), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rings == MAP_FAILED)
		return -ENOMEM;
	team->shared = rings;
	return 0;
}

static inline int handoff_prepare(struct worker *w)
{
	if (w->index % 2)
		spsc_init(handoff_ring(w));
	return 0;
}

/* What is still on its way is the consumer's. */
static inline void handoff_teardown(struct worker *w)
{
	pfn_t pfn;

	if (w->index % 2 == 0 || !w->team->shared)
		return;
	while (pfn = spsc_pop(handoff_ring(w)), pfn_valid(pfn))
		free_pages(w->ctx, pfn, w->params->order);
}

static inline unsigned handoff_report(const struct team *team,
				      struct workload_metric *out)
{
	static const char *const names[] = { "ring_full_waits",
					     "ring_empty_waits" };
	uint64_t waits[2] = { 0, 0 };

	for (unsigned i = 0; i < team->nr; i++)
		waits[i % 2] += team->worker[i].tally[HANDOFF_WAITS];
	for (unsigned side = 0; side < 2; side++)
		out[side] = (struct workload_metric){
			.name = names[side],
			.unit = "turns",
			.better = "none",
			.value = (double)waits[side],
		};
	return 2;
}

static inline void handoff_cleanup(struct team *team)
{
	if (team->shared)
		munmap(team->shared, handoff_bytes(team));
	team->shared = NULL;
}

#endif
