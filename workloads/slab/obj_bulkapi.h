/*
 * obj_bulkapi: N objects by the bulk calls.
 *
 * Models io_uring's requests, network receive and the maple tree, which take
 * and give back many objects at once. One op is one object allocated and freed.
 *
 * Shows what a call for many saves: one look at the CPU's list instead of N. A
 * library has no such calls; its row is N calls, and nothing is saved.
 *
 * Loop stores: obj_bulkapi_loop
 */
#ifndef WORKLOADS_SLAB_OBJ_BULKAPI_H
#define WORKLOADS_SLAB_OBJ_BULKAPI_H

#include "workloads/lib/loop.h"
#include "workloads/lib/objects.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void obj_bulkapi_loop(const struct slab_ops *const ops,
				    struct worker *w, const enum probe probe)
{
	const enum touch touch = loop_object_touch(ops, w);
	const uint32_t size = w->params->size;
	struct objects *list = w->priv;
	const uint32_t nr = list->nr;

	while (loop_running(w)) {
		unsigned got = probed_object_alloc_bulk(ops, w, nr,
							list->object, probe);

		if (unlikely(!got)) {
			w->ops_failed += nr;
			continue;
		}
		if (touch != TOUCH_NONE)
			for (uint32_t i = 0; i < nr; i++)
				touch_object(list->object[i], size, touch);
		probed_object_free_bulk(ops, w, nr, list->object, probe);
		w->ops_ok += nr;
	}
	/* nothing is held between rounds; what stands in the slots is old */
	for (uint32_t i = 0; i < nr; i++)
		list->object[i] = NULL;
}

static int obj_bulkapi_prepare(struct worker *w)
{
	return objects_create(w, w->params->nr);
}

static const struct workload obj_bulkapi_workload = {
	.name = "obj_bulkapi",
	.summary = "N objects by the bulk calls",
	.op = "object allocated and freed",
	.uses = USES_SLAB | USES_SIZE | USES_NR,
	.prepare = obj_bulkapi_prepare,
	.teardown = objects_teardown,
};

#endif
