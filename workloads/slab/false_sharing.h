/*
 * false_sharing: do threads get objects that share a cache line?
 *
 * Both forms are Berger's, of the Hoard allocator ("Hoard: a scalable memory
 * allocator for multithreaded applications", ASPLOS 2000). sharing=thrash: each
 * thread allocates an object, writes to it N times, frees it; lines are shared
 * where the allocator gives two threads parts of one line. sharing=scratch: the
 * objects that the threads begin with were allocated side by side by one
 * thread; each frees its own and goes on as above, and lines stay shared where
 * the allocator hands a remote object out again. One op is one object
 * allocated, written N times and freed.
 *
 * Shows placement, not speed: with size=8 the time per op jumps by a cache miss
 * a write where lines are shared, and does not depend on the other threads
 * where they are not.
 */
#ifndef WORKLOADS_SLAB_FALSE_SHARING_H
#define WORKLOADS_SLAB_FALSE_SHARING_H

#include <errno.h>

#include "workloads/lib/loop.h"
#include "workloads/lib/objects.h"
#include "workloads/lib/slab_probe.h"

WORKLOAD_LOOP void false_sharing_loop(const struct slab_ops *const ops,
				      struct worker *w, const enum probe probe)
{
	struct kmem_cache *s = w->team->cache;
	const uint32_t writes = w->params->nr;

	while (loop_running(w)) {
		volatile char *at = probed_object_alloc(ops, w, s, probe);

		if (unlikely(!at)) {
			loop_failed(w);
			continue;
		}
		for (uint32_t i = 0; i < writes; i++)
			at[0] = (char)(at[0] + 1);
		probed_object_free(ops, w, s, (void *)at, probe);
		loop_done(w);
	}
}

/* scratch: one object for each worker, by one thread, side by side. */
static int false_sharing_setup(struct team *team)
{
	struct objects *list;

	if (team->params->sharing != SHARING_SCRATCH)
		return 0;
	list = objects_new(team->nr);
	team->shared = list;
	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < list->nr; i++) {
		list->object[i] = kmem_cache_alloc(team->slab, team->cache,
						   team->params->gfp);
		if (!list->object[i])
			return -ENOMEM;
	}
	return 0;
}

/* Gives the worker's object back, on its own CPU. */
static void false_sharing_take(struct worker *w)
{
	struct objects *list = w->team->shared;

	if (!list || !list->object[w->index])
		return;
	kmem_cache_free(w->slab, w->team->cache, list->object[w->index]);
	list->object[w->index] = NULL;
}

static int false_sharing_prepare(struct worker *w)
{
	false_sharing_take(w);
	return 0;
}

static void false_sharing_cleanup(struct team *team)
{
	struct objects *list = team->shared;

	/* what no worker came to take */
	for (uint32_t i = 0; list && i < list->nr; i++)
		if (list->object[i])
			kmem_cache_free(team->slab, team->cache,
					list->object[i]);
	objects_unmap(list);
	team->shared = NULL;
}

static const struct workload false_sharing_workload = {
	.name = "false_sharing",
	.summary = "allocate, write N times, free: who shares a cache line?",
	.op = "object allocated, written and freed",
	.needs = WORKLOAD_OBJECTS,
	.uses = USES_SLAB | USES_SIZE | USES_NR | USES_SHARING,
	.setup = false_sharing_setup,
	.prepare = false_sharing_prepare,
	.cleanup = false_sharing_cleanup,
};

#endif
