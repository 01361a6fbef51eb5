/*
 * obj_numa_cross: objects of one node, freed on another.
 *
 * Models a service whose memory policy or whose threads do not match where its
 * objects are used: each worker asks for objects of the next node, N at a time,
 * and frees them on its own CPU. One op is one object allocated and freed. On a
 * machine of one node, and with an engine that knows no nodes, that is
 * obj_bulk; the count of frees across nodes (remote_node_free) tells.
 *
 * Shows what an engine does with objects that are not of its CPU's node: SLAB
 * keeps them in alien caches, SLUB goes to the slab, sheaves pass them by.
 *
 * Loop stores: obj_numa_cross_loop loop_done
 */
#ifndef WORKLOADS_SLAB_OBJ_NUMA_CROSS_H
#define WORKLOADS_SLAB_OBJ_NUMA_CROSS_H

#include "workloads/lib/loop.h"
#include "workloads/lib/objects.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void obj_numa_cross_loop(const struct slab_ops *const ops,
				       struct worker *w, const enum probe probe)
{
	struct kmem_cache *s = w->team->cache;
	const unsigned nodes = w->team->machine->desc.topo.nr_nodes;
	const unsigned nid = (w->slab->node + 1) % nodes;
	const enum touch touch = loop_object_touch(ops, w);
	const uint32_t size = w->params->size;
	struct objects *list = w->priv;
	const uint32_t nr = list->nr;

	while (loop_running(w)) {
		for (uint32_t i = 0; i < nr; i++) {
			void *object =
				probed_object_alloc_node(ops, w, s, nid, probe);

			list->object[i] = object;
			if (unlikely(!object)) {
				loop_failed(w);
				break;
			}
			touch_object(object, size, touch);
		}
		for (uint32_t i = 0; i < nr; i++) {
			if (unlikely(!list->object[i]))
				continue;
			probed_object_free(ops, w, s, list->object[i], probe);
			list->object[i] = NULL;
			loop_done(w);
		}
	}
}

static int obj_numa_cross_prepare(struct worker *w)
{
	return objects_create(w, w->params->nr);
}

static const struct workload obj_numa_cross_workload = {
	.name = "obj_numa_cross",
	.summary = "take N objects of the next node, free them here",
	.op = "object allocated and freed",
	.uses = USES_SLAB | USES_SIZE | USES_NR,
	.prepare = obj_numa_cross_prepare,
	.teardown = objects_teardown,
};

#endif
