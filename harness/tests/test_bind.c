/* The list of engines that the constructors built. */
#include "harness/bind.h"

#include <criterion/criterion.h>

Test(bind, floors_come_first_then_names)
{
	const struct page_binding *b = page_binding_first();

	cr_assert_not_null(b);
	for (; b->next; b = b->next) {
		bool floor = b->ops->features & PAGE_F_FLOOR;
		bool next = b->next->ops->features & PAGE_F_FLOOR;

		cr_assert(floor || !next);
		if (floor == next)
			cr_assert(strcmp(b->ops->name, b->next->ops->name) < 0);
	}
}

Test(bind, every_engine_has_every_workload)
{
	const struct page_binding *null = page_binding_find("null");

	cr_assert_not_null(null);
	cr_assert_not_null(page_binding_find("zonelock"));
	cr_assert_null(page_binding_find("nul"));
	cr_assert_null(page_binding_workload(null, "pai"));
	for (const struct page_binding *b = page_binding_first(); b;
	     b = b->next) {
		cr_assert_eq(b->nr_runs, null->nr_runs);
		for (unsigned i = 0; i < b->nr_runs; i++) {
			const struct workload *w = null->run[i].workload;
			const struct bound_workload *run =
				page_binding_workload(b, w->name);

			cr_assert_not_null(run, "%s %s", b->ops->name, w->name);
			cr_assert(run->run[PROBE_NONE] !=
				  run->run[PROBE_SAMPLED]);
			cr_assert_not_null(w->summary);
			cr_assert_not_null(w->op);
		}
	}
}
