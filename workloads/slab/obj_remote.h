/*
 * obj_remote: one CPU allocates, another frees.
 *
 * Models the network's receive and transmit sides on different CPUs, pipes and
 * work queues. Workers 2i and 2i+1 are a producer and a consumer joined by a
 * ring of their own (spsc.h). One op is one object allocated by the first and
 * freed by the second; the consumer counts it.
 *
 * Shows what an engine does with an object whose slab belongs to another CPU:
 * SLUB frees into the slab itself, SLAB and sheaves into the freeing CPU's
 * array and from there through a shared one, libraries through a list of the
 * owning thread.
 */
#ifndef WORKLOADS_SLAB_OBJ_REMOTE_H
#define WORKLOADS_SLAB_OBJ_REMOTE_H

#include <errno.h>
#include <sys/mman.h>

#include "workloads/lib/loop.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/spsc.h"
#include "workloads/lib/touch.h"

enum {
	OBJ_REMOTE_WAITS
}; /* tally: turns in which the ring was full or empty */

ALWAYS_INLINE struct spsc *obj_remote_ring(const struct worker *w)
{
	return (struct spsc *)w->team->shared + w->index / 2;
}

ALWAYS_INLINE void obj_remote_produce(const struct slab_ops *const ops,
				      struct worker *w, const enum probe probe)
{
	struct kmem_cache *s = w->team->cache;
	const enum touch touch = loop_object_touch(ops, w);
	const uint32_t size = w->params->size;
	struct spsc *ring = obj_remote_ring(w);

	while (loop_running(w)) {
		void *object;

		if (spsc_full(ring)) {
			w->tally[OBJ_REMOTE_WAITS]++;
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
	struct spsc *ring = obj_remote_ring(w);

	while (loop_running(w)) {
		void *object = spsc_pop_object(ring);

		if (!object) {
			w->tally[OBJ_REMOTE_WAITS]++;
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

static inline size_t obj_remote_bytes(const struct team *team)
{
	return team->nr / 2 * sizeof(struct spsc);
}

static int obj_remote_setup(struct team *team)
{
	void *rings;

	if (team->nr % 2)
		return -EINVAL;
	/* zero pages are empty rings; each consumer places its own */
	rings = mmap(NULL, obj_remote_bytes(team), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rings == MAP_FAILED)
		return -ENOMEM;
	team->shared = rings;
	return 0;
}

static int obj_remote_prepare(struct worker *w)
{
	if (w->index % 2)
		spsc_init(obj_remote_ring(w));
	return 0;
}

/* What is still on its way is the consumer's. */
static void obj_remote_teardown(struct worker *w)
{
	void *object;

	if (w->index % 2 == 0 || !w->team->shared)
		return;
	while ((object = spsc_pop_object(obj_remote_ring(w))))
		kmem_cache_free(w->slab, w->team->cache, object);
}

static unsigned obj_remote_report(const struct team *team,
				  struct workload_metric *out)
{
	static const char *const names[] = { "ring_full_waits",
					     "ring_empty_waits" };
	uint64_t waits[2] = { 0, 0 };

	for (unsigned i = 0; i < team->nr; i++)
		waits[i % 2] += team->worker[i].tally[OBJ_REMOTE_WAITS];
	for (unsigned side = 0; side < 2; side++)
		out[side] = (struct workload_metric){
			.name = names[side],
			.unit = "turns",
			.better = "none",
			.value = (double)waits[side],
		};
	return 2;
}

static void obj_remote_cleanup(struct team *team)
{
	if (team->shared)
		munmap(team->shared, obj_remote_bytes(team));
	team->shared = NULL;
}

static const struct workload obj_remote_workload = {
	.name = "obj_remote",
	.summary = "one CPU allocates, another frees, through a lock-free ring",
	.op = "object allocated here and freed there",
	.needs = WORKLOAD_EVEN_THREADS,
	.uses = USES_SLAB | USES_SIZE,
	.setup = obj_remote_setup,
	.prepare = obj_remote_prepare,
	.teardown = obj_remote_teardown,
	.report = obj_remote_report,
	.cleanup = obj_remote_cleanup,
};

#endif
