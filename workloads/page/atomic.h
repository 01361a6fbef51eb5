/*
 * atomic: requests that cannot wait, while memory is short.
 *
 * Models an interrupt handler that takes buffers on a machine whose page cache
 * is being streamed through. One op is one GFP_ATOMIC request of `order`, of
 * which `outstanding` are held, the oldest given back first; before each, `nr`
 * pages of page cache are used as pagecache does, by requests that may reclaim.
 * Such a request may go below MIN, into a part of the reserve, but can neither
 * reclaim nor wait: it fails when that is used up.
 *
 * Shows what the reserves are good for: atomic_success is the share that was
 * served over all windows. Latencies are those of the atomic requests and of
 * those of the page cache, for both are what the loop waits for.
 */
#ifndef WORKLOADS_PAGE_ATOMIC_H
#define WORKLOADS_PAGE_ATOMIC_H

#include <stdlib.h>

#include "workloads/lib/owned.h"

/* Buffers of a worker, oldest at `at`. */
struct atomic_ring {
	uint32_t nr, at;
	uint64_t asked, got;
	pfn_t buffer[];
};

ALWAYS_INLINE void atomic_request(const struct page_ops *const ops,
				  struct worker *w, struct atomic_ring *ring,
				  unsigned order, const enum probe probe)
{
	pfn_t *oldest = &ring->buffer[ring->at];

	if (pfn_valid(*oldest))
		probed_free(ops, w, *oldest, order, probe);
	*oldest = probed_alloc(ops, w, GFP_ATOMIC, order, probe);
	ring->at = ring->at + 1 < ring->nr ? ring->at + 1 : 0;
	ring->asked++;
	probe_asked(w, pfn_valid(*oldest), probe);
	if (unlikely(!pfn_valid(*oldest))) {
		loop_failed(w);
		return;
	}
	ring->got++;
	loop_done(w);
}

WORKLOAD_LOOP void atomic_loop(const struct page_ops *const ops,
			       struct worker *w, const enum probe probe)
{
	struct atomic_ring *ring = ((struct owned *)w->priv)->more;
	const unsigned order = w->params->order, dirty = w->params->dirty;
	const uint32_t nr = w->params->nr;

	while (loop_running(w)) {
		for (uint32_t i = 0; i < nr && loop_running(w); i++)
			if (unlikely(!owned_stream(ops, w, dirty, 0, probe)))
				loop_failed(w);
		atomic_request(ops, w, ring, order, probe);
	}
}

static int atomic_prepare(struct worker *w)
{
	const uint32_t nr = w->params->outstanding;
	struct atomic_ring *ring;
	int r = owned_create(w, owned_share(w, w->params->working_set));

	if (r)
		return r;
	ring = malloc(sizeof(*ring) + nr * sizeof(ring->buffer[0]));
	if (!ring)
		return -ENOMEM;
	*ring = (struct atomic_ring){ .nr = nr };
	for (uint32_t i = 0; i < nr; i++)
		ring->buffer[i] = PFN_NONE;
	((struct owned *)w->priv)->more = ring;
	return 0;
}

static void atomic_teardown(struct worker *w)
{
	struct owned *o = w->priv;
	struct atomic_ring *ring = o ? o->more : NULL;

	for (uint32_t i = 0; ring && i < ring->nr; i++)
		if (pfn_valid(ring->buffer[i]))
			free_pages(w->ctx, ring->buffer[i], w->params->order);
	owned_teardown(w);
}

static unsigned atomic_report(const struct team *team,
			      struct workload_metric *out)
{
	uint64_t asked = 0, got = 0;

	for (unsigned i = 0; i < team->nr; i++) {
		const struct owned *o = team->worker[i].priv;
		const struct atomic_ring *ring = o ? o->more : NULL;

		asked += ring ? ring->asked : 0;
		got += ring ? ring->got : 0;
	}
	out[0] = (struct workload_metric){ .name = "atomic_asked",
					   .unit = "requests",
					   .better = "none",
					   .value = (double)asked };
	out[1] = (struct workload_metric){
		.name = "atomic_success",
		.unit = "share",
		.better = "higher",
		.value = asked ? (double)got / (double)asked : 0
	};
	return 2 + owned_report(team, out + 2);
}

static const struct workload atomic_workload = {
	.name = "atomic",
	.summary = "requests that cannot wait, while page cache streams",
	.op = "GFP_ATOMIC request that was served",
	.needs = WORKLOAD_FRAMES | WORKLOAD_RECLAIM,
	.uses = USES_WORKING_SET | USES_DIRTY | USES_NR | USES_ORDER |
		USES_OUTSTANDING,
	.prepare = atomic_prepare,
	.teardown = atomic_teardown,
	.report = atomic_report,
	.verify = owned_verify,
	.cleanup = owned_cleanup,
};

#endif
