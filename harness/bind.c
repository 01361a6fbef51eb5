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
