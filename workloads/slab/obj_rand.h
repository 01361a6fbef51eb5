/*
 * obj_rand: N live objects, a random one is replaced.
 *
 * Models a cache that has been up for long (inodes, dentries, connections):
 * every object dies at a random time, independent of its neighbours in the
 * slab. One op is one free of a random object and one allocation.
 *
 * Shows the reach of an engine's caches and what its bookkeeping touches: with
 * small N everything is at hand; with a million objects each free goes to a
 * slab that was not looked at for long, and every cache line that an engine
 * reads besides the object is a miss.
 */
#ifndef WORKLOADS_SLAB_OBJ_RAND_H
#define WORKLOADS_SLAB_OBJ_RAND_H

#include "workloads/lib/dist.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/objects.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void obj_rand_loop(const struct slab_ops *const ops,
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
		if (unlikely(!*slot)) {
			loop_failed(w);
			continue;
		}
		touch_object(*slot, size, touch);
		loop_done(w);
	}
}

static const struct workload obj_rand_workload = {
	.name = "obj_rand",
	.summary = "N live objects, a random one is replaced",
	.op = "free+alloc pair",
	.uses = USES_SLAB | USES_SIZE | USES_OUTSTANDING,
	.prepare = objects_prepare_full,
	.teardown = objects_teardown,
};

#endif
