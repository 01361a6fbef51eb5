/*
 * obj_remote: one CPU allocates, another frees.
 *
 * Models the network's receive and transmit sides on different CPUs, pipes and
 * work queues. Workers 2i and 2i+1 are a producer and a consumer joined by a
 * ring of their own (handoff_ring.h). One op is one object allocated by the
 * first and freed by the second; the consumer counts it.
 *
 * Shows what an engine does with an object whose slab belongs to another CPU:
 * SLUB frees into the slab itself, SLAB and sheaves into the freeing CPU's
 * array and from there through a shared one, libraries through a list of the
 * owning thread.
 */
#ifndef WORKLOADS_SLAB_OBJ_REMOTE_H
#define WORKLOADS_SLAB_OBJ_REMOTE_H

#include "workloads/lib/handoff_ring.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/touch.h"

ALWAYS_INLINE void obj_remote_produce(const struct slab_ops *const ops,
				      struct worker *w, const enum probe probe)
{
	struct kmem_cache *s = w->team->cache;
	const enum touch touch = loop_object_touch(ops, w);
	const uint32_t size = w->params->size;
	struct spsc *ring = handoff_ring(w);

	while (loop_running(w)) {
		void *object;

		if (spsc_full(ring)) {
			w->tally[HANDOFF_WAITS]++;
			cpu_relax();
			continue;
		}
		object = probed_object_alloc(ops, w, s, probe);
		if (unlikely(!object)) {
			loop_failed(w);
			cpu_relax();
			continue;
		}
		touch_object(object, size, touch);
		spsc_push_object(ring, object);
	}
}

ALWAYS_INLINE void obj_remote_consume(const struct slab_ops *const ops,
				      struct worker *w, const enum probe probe)
{
	struct kmem_cache *s = w->team->cache;
	struct spsc *ring = handoff_ring(w);

	while (loop_running(w)) {
		void *object = spsc_pop_object(ring);

		if (!object) {
			w->tally[HANDOFF_WAITS]++;
			cpu_relax();
			continue;
		}
		probed_object_free(ops, w, s, object, probe);
		loop_done(w);
	}
}

WORKLOAD_LOOP void obj_remote_loop(const struct slab_ops *const ops,
				   struct worker *w, const enum probe probe)
{
	if (w->index % 2 == 0)
		obj_remote_produce(ops, w, probe);
	else
		obj_remote_consume(ops, w, probe);
}

/* What is still on its way is the consumer's. */
static void obj_remote_teardown(struct worker *w)
{
	void *object;

	if (w->index % 2 == 0 || !w->team->shared)
		return;
	while ((object = spsc_pop_object(handoff_ring(w))))
		kmem_cache_free(w->slab, w->team->cache, object);
}

static const struct workload obj_remote_workload = {
	.name = "obj_remote",
	.summary = "one CPU allocates, another frees, through a lock-free ring",
	.op = "object allocated here and freed there",
	.needs = WORKLOAD_EVEN_THREADS,
	.uses = USES_SLAB | USES_SIZE,
	.setup = handoff_setup,
	.prepare = handoff_prepare,
	.teardown = obj_remote_teardown,
	.report = handoff_report,
	.cleanup = handoff_cleanup,
};

#endif
