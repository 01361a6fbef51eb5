/*
 * obj_bulk: take N objects, then free them in order, reversed or shuffled.
 *
 * Models a burst: a directory that is read, a tree that is built and dropped.
 * One op is one object allocated and freed.
 *
 * Shows the price of going beyond what a CPU keeps at hand: N larger than a
 * slab, an array or a sheaf makes each engine refill and flush, and the order
 * of the frees decides whether slabs empty one by one or all at the end.
 */
#ifndef WORKLOADS_SLAB_OBJ_BULK_H
#define WORKLOADS_SLAB_OBJ_BULK_H

#include "workloads/lib/dist.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/objects.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/touch.h"

WORKLOAD_LOOP void obj_bulk_loop(const struct slab_ops *const ops,
				 struct worker *w, const enum probe probe)
{
	struct kmem_cache *s = w->team->cache;
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
		for (uint32_t i = 0; i < nr; i++) {
			void **slot = &list->object[list->index[i]];

			if (unlikely(!*slot))
				continue;
			probed_object_free(ops, w, s, *slot, probe);
			*slot = NULL;
			loop_done(w);
		}
	}
}

static int obj_bulk_prepare(struct worker *w)
{
	int ret = objects_create(w, w->params->nr);
	struct objects *list = w->priv;

	if (ret)
		return ret;
	if (w->params->free_order == FREE_SHUFFLE)
		dist_permutation(&w->rng, list->index, list->nr);
	if (w->params->free_order == FREE_REVERSE)
		for (uint32_t i = 0; i < list->nr; i++)
			list->index[i] = list->nr - 1 - i;
	return 0;
}

static const struct workload obj_bulk_workload = {
	.name = "obj_bulk",
	.summary = "take N objects, free them in order, reversed or shuffled",
	.op = "object allocated and freed",
	.uses = USES_SLAB | USES_SIZE | USES_NR | USES_FREE_ORDER,
	.prepare = obj_bulk_prepare,
	.teardown = objects_teardown,
};

#endif
