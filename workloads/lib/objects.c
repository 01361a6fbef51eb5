/* Lists of held objects, all of it outside the measured window. */
#include "workloads/lib/objects.h"

#include <errno.h>
#include <sys/mman.h>

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
	w->priv = objects_new(nr);
	return w->priv ? 0 : -ENOMEM;
}

uint32_t objects_fill(struct worker *w, struct objects *list)
{
	uint32_t held = 0;

	for (uint32_t i = 0; i < list->nr; i++) {
		if (!list->object[i])
			list->object[i] = kmem_cache_alloc(
				w->slab, w->team->cache, w->params->gfp);
		if (list->object[i])
			held++;
		else
			w->ops_failed++;
	}
	return held;
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
