/* The list of engines, filled by the constructors of the bind objects. */
#include "harness/bind.h"

#include <string.h>

static struct page_binding *first;

/* Order of every table: floors first, then by name. */
static bool binding_before(const struct page_binding *a,
			   const struct page_binding *b)
{
	bool a_floor = a->ops->features & PAGE_F_FLOOR;
	bool b_floor = b->ops->features & PAGE_F_FLOOR;

	if (a_floor != b_floor)
		return a_floor;
	return strcmp(a->ops->name, b->ops->name) < 0;
}

void page_binding_register(struct page_binding *binding)
{
	struct page_binding **at = &first;

	while (*at && binding_before(*at, binding))
		at = &(*at)->next;
	binding->next = *at;
	*at = binding;
}

const struct page_binding *page_binding_first(void)
{
	return first;
}

const struct page_binding *page_binding_find(const char *name)
{
	for (const struct page_binding *b = first; b; b = b->next)
		if (!strcmp(b->ops->name, name))
			return b;
	return NULL;
}

const struct bound_workload *page_binding_workload(const struct page_binding *b,
						   const char *name)
{
	for (unsigned i = 0; i < b->nr_runs; i++)
		if (!strcmp(b->run[i].workload->name, name))
			return &b->run[i];
	return NULL;
}

/* ---- slab engines ------------------------------------------------------- */

static struct slab_binding *first_slab;

static bool slab_binding_before(const struct slab_binding *a,
				const struct slab_binding *b)
{
	bool a_floor = a->ops->features & SLAB_F_FLOOR;
	bool b_floor = b->ops->features & SLAB_F_FLOOR;

	if (a_floor != b_floor)
		return a_floor;
	return strcmp(a->ops->name, b->ops->name) < 0;
}

void slab_binding_register(struct slab_binding *binding)
{
	struct slab_binding **at = &first_slab;

	while (*at && slab_binding_before(*at, binding))
		at = &(*at)->next;
	binding->next = *at;
	*at = binding;
}

const struct slab_binding *slab_binding_first(void)
{
	return first_slab;
}

const struct slab_binding *slab_binding_find(const char *name)
{
	for (const struct slab_binding *b = first_slab; b; b = b->next)
		if (!strcmp(b->ops->name, name))
			return b;
	return NULL;
}

const struct bound_workload *slab_binding_workload(const struct slab_binding *b,
						   const char *name)
{
	for (unsigned i = 0; i < b->nr_runs; i++)
		if (!strcmp(b->run[i].workload->name, name))
			return &b->run[i];
	return NULL;
}

const struct workload *binding_workload_find(const char *name)
{
	const struct bound_workload *w =
		first ? page_binding_workload(first, name) : NULL;

	if (!w && first_slab)
		w = slab_binding_workload(first_slab, name);
	return w ? w->workload : NULL;
}

const struct workload *binding_workload_for(const char *engine,
					    const char *name)
{
	const struct slab_binding *slab =
		page_binding_find(engine) ? NULL : slab_binding_find(engine);
	const struct workload *w = binding_workload_find(name);
	const struct bound_workload *same = NULL;
	char objects[64];

	if (slab && w && !(w->uses & USES_SLAB)) {
		snprintf(objects, sizeof(objects), "obj_%s", name);
		same = slab_binding_workload(slab, objects);
	}
	return same ? same->workload : w;
}
