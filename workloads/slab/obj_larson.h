/*
 * obj_larson: random replacement, and the objects move on to other threads.
 *
 * Models a server whose threads hand their sessions on (Larson and Krishnan,
 * "Memory allocation for long-running server applications", ISMM 1998): a
 * thread replaces random objects of its list of N; after N replacements it lays
 * the list on a shelf and goes on with the one that lay there, which another
 * thread filled (alone, with its own other list). One op is one free of a
 * random object and one allocation.
 *
 * Shows remote frees mixed with local ones: with T threads about (T-1)/T of
 * what a thread frees first was allocated elsewhere.
 */
#ifndef WORKLOADS_SLAB_OBJ_LARSON_H
#define WORKLOADS_SLAB_OBJ_LARSON_H

#include <errno.h>
#include <stdlib.h>

#include "workloads/lib/dist.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/objects.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/touch.h"

struct obj_larson_shelf {
	_Atomic(struct objects *) list;
} CACHELINE;

/* Lays a list down and takes what lay there. Wait-free. */
ALWAYS_INLINE struct objects *obj_larson_swap(const struct worker *w,
					      struct objects *mine)
{
	struct obj_larson_shelf *shelf = w->team->shared;

	/* REL(larson-shelf): the list's slots, for the next owner;
	 * ACQ(larson-shelf): those that the last owner wrote */
	return atomic_exchange_explicit(&shelf->list, mine,
					memory_order_acq_rel);
}

WORKLOAD_LOOP void obj_larson_loop(const struct slab_ops *const ops,
				   struct worker *w, const enum probe probe)
{
	struct kmem_cache *s = w->team->cache;
	const enum touch touch = loop_object_touch(ops, w);
	const uint32_t size = w->params->size;
	struct objects *list = w->priv;
	const uint32_t nr = list->nr;

	while (loop_running(w)) {
		void **slot = &list->object[dist_victim(&w->rng, nr)];

		if (likely(*slot))
			probed_object_free(ops, w, s, *slot, probe);
		*slot = probed_object_alloc(ops, w, s, probe);
		if (likely(*slot)) {
			touch_object(*slot, size, touch);
			loop_done(w);
		} else {
			loop_failed(w);
		}
		if (unlikely(++list->at >= nr)) {
			list->at = 0;
			list = obj_larson_swap(w, list);
			w->priv = list;
		}
	}
}

static int obj_larson_setup(struct team *team)
{
	struct obj_larson_shelf *shelf =
		aligned_alloc(CACHELINE_SIZE, sizeof(*shelf));
	struct objects *spare;

	if (!shelf)
		return -ENOMEM;
	team->shared = shelf;
	spare = objects_new(team->params->outstanding);
	/* relaxed: before the threads */
	atomic_store_explicit(&shelf->list, spare, memory_order_relaxed);
	return spare ? 0 : -ENOMEM;
}

/* The list on the shelf goes with the first worker. */
static void obj_larson_teardown(struct worker *w)
{
	if (!w->index && w->team->shared)
		objects_drop(w, obj_larson_swap(w, NULL));
	objects_teardown(w);
}

static void obj_larson_cleanup(struct team *team)
{
	free(team->shared);
	team->shared = NULL;
}

static const struct workload obj_larson_workload = {
	.name = "obj_larson",
	.summary = "random replacement in lists that go from thread to thread",
	.op = "free+alloc pair",
	.uses = USES_SLAB | USES_SIZE | USES_OUTSTANDING,
	.setup = obj_larson_setup,
	.prepare = objects_prepare_full,
	.teardown = obj_larson_teardown,
	.cleanup = obj_larson_cleanup,
};

#endif
