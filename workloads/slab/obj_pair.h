/*
 * obj_pair: allocate an object, free it at once.
 *
 * Models the shortest life that an object can have: a buffer taken and given
 * back by the same function. One op is one allocation and its free.
 *
 * Shows the fixed price of a slab engine's fast path: the object that was freed
 * last is handed out again, its cache lines are at hand, and no slab comes or
 * goes.
 */
#ifndef WORKLOADS_SLAB_OBJ_PAIR_H
#define WORKLOADS_SLAB_OBJ_PAIR_H

#include "workloads/lib/loop.h"
#include "workloads/lib/slab_probe.h"

WORKLOAD_LOOP void obj_pair_loop(const struct slab_ops *const ops,
				 struct worker *w, const enum probe probe)
{
	struct kmem_cache *s = w->team->cache;

	while (loop_running(w)) {
		void *object = probed_object_alloc(ops, w, s, probe);

		if (unlikely(!object)) {
			loop_failed(w);
			continue;
		}
		probed_object_free(ops, w, s, object, probe);
		loop_done(w);
	}
}

static const struct workload obj_pair_workload = {
	.name = "obj_pair",
	.summary = "allocate an object, free it at once",
	.op = "alloc+free pair",
	.uses = USES_SLAB | USES_SIZE,
};

#endif
