/*
 * cache_lifecycle: create a cache, use it, destroy it.
 *
 * Models a file system that is mounted and unmounted, a module that comes and
 * goes. One op is one cache created, N objects of it allocated and freed, and
 * the cache destroyed; what is timed are its objects.
 *
 * A cache that cannot be destroyed, though all its objects were freed, fails
 * the repetition.
 *
 * Shows the fixed price of a cache: per-CPU and per-node parts that are set up
 * and flushed, slabs that come from the page engine and go back to it.
 */
#ifndef WORKLOADS_SLAB_CACHE_LIFECYCLE_H
#define WORKLOADS_SLAB_CACHE_LIFECYCLE_H

#include "workloads/lib/loop.h"
#include "workloads/lib/objects.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/touch.h"

enum { CACHE_LIFECYCLE_BUSY }; /* tally: caches that could not be destroyed */

ALWAYS_INLINE void cache_lifecycle_use(const struct slab_ops *const ops,
				       struct worker *w, struct kmem_cache *s,
				       const enum probe probe)
{
	const enum touch touch = loop_object_touch(ops, w);
	const uint32_t size = w->params->size;
	struct objects *list = w->priv;
	uint32_t held = 0;

	while (held < list->nr) {
		void *object = probed_object_alloc(ops, w, s, probe);

		if (unlikely(!object)) {
			loop_failed(w);
			break;
		}
		touch_object(object, size, touch);
		list->object[held++] = object;
	}
	while (held) {
		probed_object_free(ops, w, s, list->object[--held], probe);
		list->object[held] = NULL;
	}
}

WORKLOAD_LOOP void cache_lifecycle_loop(const struct slab_ops *const ops,
					struct worker *w,
					const enum probe probe)
{
	const struct kmem_cache_args args = {
		.name = "lifecycle",
		.size = w->params->size,
		.align = w->params->align,
		.flags = w->params->cache_flags | SLAB_NO_MERGE,
	};

	while (loop_running(w)) {
		struct kmem_cache *s = kmem_cache_create(w->slab, &args, NULL);

		if (unlikely(!s)) {
			loop_failed(w);
			continue;
		}
		cache_lifecycle_use(ops, w, s, probe);
		if (unlikely(kmem_cache_destroy(w->slab, s)))
			w->tally[CACHE_LIFECYCLE_BUSY]++;
		loop_done(w);
	}
}

static int cache_lifecycle_prepare(struct worker *w)
{
	return objects_create(w, w->params->nr);
}

static uint64_t cache_lifecycle_busy(const struct team *team)
{
	uint64_t busy = 0;

	for (unsigned i = 0; i < team->nr; i++)
		busy += team->worker[i].tally[CACHE_LIFECYCLE_BUSY];
	return busy;
}

static const char *cache_lifecycle_verify(const struct team *team)
{
	return cache_lifecycle_busy(team)
		       ? "a cache without objects was not destroyed"
		       : NULL;
}

static unsigned cache_lifecycle_report(const struct team *team,
				       struct workload_metric *out)
{
	out[0] = (struct workload_metric){
		.name = "caches_not_destroyed",
		.unit = "caches",
		.better = "lower",
		.value = (double)cache_lifecycle_busy(team),
	};
	return 1;
}

static const struct workload cache_lifecycle_workload = {
	.name = "cache_lifecycle",
	.summary = "create a cache, use N objects of it, destroy it",
	.op = "cache created, used and destroyed",
	.needs = WORKLOAD_SLABS,
	.uses = USES_SLAB | USES_SIZE | USES_NR,
	.prepare = cache_lifecycle_prepare,
	.teardown = objects_teardown,
	.report = cache_lifecycle_report,
	.verify = cache_lifecycle_verify,
};

#endif
