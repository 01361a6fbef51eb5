/* Lists of held objects, all of it outside the measured window. */
#include "workloads/lib/objects.h"

#include <errno.h>
#include <sys/mman.h>

#include "workloads/lib/loop.h"
#include "workloads/lib/touch.h"

struct objects *objects_new(uint32_t nr)
{
	const size_t bytes = sizeof(struct objects) +
			     (size_t)nr * (sizeof(void *) + sizeof(uint32_t));
	struct objects *list =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (list == MAP_FAILED)
		return NULL;
	list->nr = nr;
	list->bytes = bytes;
	list->index = (uint32_t *)&list->object[nr];
	/* written, so that no slot has to wait for its page */
	for (uint32_t i = 0; i < nr; i++) {
		list->object[i] = NULL;
		list->index[i] = i;
	}
	return list;
}

int objects_create(struct worker *w, uint32_t nr)
{
	struct objects *list = objects_new(nr);

	w->priv = list;
	if (!list)
		return -ENOMEM;
	w->own_bytes = list->bytes;
	return 0;
}

uint32_t objects_fill(struct worker *w, struct objects *list)
{
	const enum touch touch = loop_object_touch(w->slab->ops, w);
	uint32_t held = 0;

	for (uint32_t i = 0; i < list->nr; i++) {
		if (!list->object[i])
			list->object[i] = kmem_cache_alloc(
				w->slab, w->team->cache, w->params->gfp);
		if (!list->object[i]) {
			w->ops_failed++;
			continue;
		}
		/* a library's memory is populated by its first touch alone */
		touch_object(list->object[i], w->params->size, touch);
		held++;
	}
	return held;
}

int objects_prepare_full(struct worker *w)
{
	int ret = objects_create(w, w->params->outstanding);
	uint64_t held;

	if (ret)
		return ret;
	held = objects_fill(w, w->priv);
	loop_live(w, held * w->params->size);
	return 0;
}

void objects_unmap(struct objects *list)
{
	if (list)
		munmap(list, list->bytes);
}

void objects_drop(struct worker *w, struct objects *list)
{
	for (uint32_t i = 0; list && i < list->nr; i++)
		if (list->object[i])
			kmem_cache_free(w->slab, w->team->cache,
					list->object[i]);
	objects_unmap(list);
}

void objects_teardown(struct worker *w)
{
	objects_drop(w, w->priv);
	w->priv = NULL;
}
