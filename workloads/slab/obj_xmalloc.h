/*
 * obj_xmalloc: batches of objects through a pool that all threads share.
 *
 * Models asynchronous work (Lever and Boreham, "malloc() performance in a
 * multithreaded Linux environment", USENIX 2000): whoever made a request is
 * seldom who finishes it. A thread allocates a batch of N objects, lays it into
 * a random place of a pool and frees the batch that it finds there. One op is
 * one object allocated and freed.
 *
 * Shows frees of whole batches that came from elsewhere, by threads that
 * allocate as well: no side only gives or only takes, as in obj_remote.
 */
#ifndef WORKLOADS_SLAB_OBJ_XMALLOC_H
#define WORKLOADS_SLAB_OBJ_XMALLOC_H

#include <errno.h>
#include <stdlib.h>

#include "workloads/lib/dist.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/objects.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/touch.h"

struct obj_xmalloc_place {
	_Atomic(struct objects *) batch;
} CACHELINE;

static inline uint32_t obj_xmalloc_places(const struct team *team)
{
	return 2u * team->nr;
}

/* Lays a batch down and takes what lay there. Wait-free. */
ALWAYS_INLINE struct objects *obj_xmalloc_swap(const struct worker *w,
					       uint32_t place,
					       struct objects *batch)
{
	struct obj_xmalloc_place *pool = w->team->shared;

	/* REL(xmalloc-place): the batch's slots, for whoever takes it;
	 * ACQ(xmalloc-place): those of the batch that lay there */
	return atomic_exchange_explicit(&pool[place].batch, batch,
					memory_order_acq_rel);
}

WORKLOAD_LOOP void obj_xmalloc_loop(const struct slab_ops *const ops,
				    struct worker *w, const enum probe probe)
{
	struct kmem_cache *s = w->team->cache;
	const uint32_t places = obj_xmalloc_places(w->team);
	const enum touch touch = loop_object_touch(ops, w);
	const uint32_t size = w->params->size;
	struct objects *list = w->priv;
	const uint32_t nr = list->nr;

	while (loop_running(w)) {
		for (uint32_t i = 0; i < nr; i++) {
			void *object = probed_object_alloc(ops, w, s, probe);

			list->object[i] = object;
			if (unlikely(!object)) {
				loop_failed(w);
				break;
			}
			touch_object(object, size, touch);
		}
		list = obj_xmalloc_swap(w, (uint32_t)rng_below(&w->rng, places),
					list);
		w->priv = list;
		for (uint32_t i = 0; i < nr; i++) {
			if (unlikely(!list->object[i]))
				continue;
			probed_object_free(ops, w, s, list->object[i], probe);
			list->object[i] = NULL;
			loop_done(w);
		}
	}
}

static int obj_xmalloc_setup(struct team *team)
{
	const uint32_t places = obj_xmalloc_places(team);
	struct obj_xmalloc_place *pool =
		aligned_alloc(CACHELINE_SIZE, places * sizeof(*pool));
	bool complete = true;

	if (!pool)
		return -ENOMEM;
	for (uint32_t i = 0; i < places; i++) {
		struct objects *batch = objects_new(team->params->nr);

		/* relaxed: before the threads */
		atomic_store_explicit(&pool[i].batch, batch,
				      memory_order_relaxed);
		complete &= batch != NULL;
	}
	team->shared = pool;
	return complete ? 0 : -ENOMEM;
}

static int obj_xmalloc_prepare(struct worker *w)
{
	return objects_create(w, w->params->nr);
}

/* The pool goes with the first worker. */
static void obj_xmalloc_teardown(struct worker *w)
{
	for (uint32_t i = 0;
	     !w->index && w->team->shared && i < obj_xmalloc_places(w->team);
	     i++)
		objects_drop(w, obj_xmalloc_swap(w, i, NULL));
	objects_teardown(w);
}

static void obj_xmalloc_cleanup(struct team *team)
{
	free(team->shared);
	team->shared = NULL;
}

static const struct workload obj_xmalloc_workload = {
	.name = "obj_xmalloc",
	.summary = "batches of objects through a pool that all threads share",
	.op = "object allocated and freed",
	.uses = USES_SLAB | USES_SIZE | USES_NR,
	.setup = obj_xmalloc_setup,
	.prepare = obj_xmalloc_prepare,
	.teardown = obj_xmalloc_teardown,
	.cleanup = obj_xmalloc_cleanup,
};

#endif
