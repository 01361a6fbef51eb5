/* The address allocator of vmalloc against a map of who has each page. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/base/tests/xorshift.h"
#include "alloc/page/vmap_area.h"

#define PAGES 600u
#define STEPS 30000u

TestSuite(vmap_area, .timeout = 60);

static void sound(const struct vmap_range *range)
{
	const char *wrong = vmap_range_verify(range);

	cr_assert(!wrong, "%s", wrong ? wrong : "");
}

static void range_make(struct vmap_range *range, uint64_t pages)
{
	struct vmap_area *whole = vmap_area_new();

	cr_assert_not_null(whole);
	vmap_range_init(range, whole, pages);
	sound(range);
}

static struct vmap_area *take(struct vmap_range *range, uint64_t pages)
{
	struct vmap_area *area = vmap_area_new(), *spare;

	cr_assert_not_null(area);
	if (!vmap_range_take(range, area, pages, &spare)) {
		vmap_area_drop(area);
		area = NULL;
	}
	vmap_area_drop(spare);
	sound(range);
	return area;
}

static void give(struct vmap_range *range, struct vmap_area *area)
{
	struct vmap_area *spare[2];

	vmap_range_give(range, area, spare);
	vmap_area_drop(spare[0]);
	vmap_area_drop(spare[1]);
	sound(range);
}

Test(vmap_area, lowest_hole_that_fits)
{
	struct vmap_area *a, *b, *c, *d;
	struct vmap_range range;

	range_make(&range, 100);
	a = take(&range, 10);
	b = take(&range, 20);
	c = take(&range, 30);
	cr_assert_eq(a->start, 0);
	cr_assert_eq(b->start, 10);
	cr_assert_eq(c->start, 30);
	cr_assert_eq(vmap_range_largest(&range), 40);
	give(&range, b);
	cr_assert_eq(take(&range, 21)->start, 60);
	d = take(&range, 5);
	cr_assert_eq(d->start, 10);
	cr_assert_eq(vmap_range_largest(&range), 19);
	cr_assert_eq(vmap_range_find(&range, 14), d);
	cr_assert_eq(vmap_range_find(&range, 15)->state, VMAP_FREE);
	cr_assert_eq(vmap_range_find(&range, 99)->state, VMAP_FREE);
	vmap_range_drop(&range);
}

Test(vmap_area, all_of_it_and_not_a_page_more)
{
	struct vmap_range range;
	struct vmap_area *all;

	range_make(&range, PAGES);
	cr_assert_null(take(&range, PAGES + 1));
	cr_assert_null(take(&range, 0));
	all = take(&range, PAGES);
	cr_assert_not_null(all);
	cr_assert_eq(vmap_range_largest(&range), 0);
	cr_assert_null(take(&range, 1));
	give(&range, all);
	cr_assert_eq(vmap_range_largest(&range), PAGES);
	cr_assert_eq(range.first, range.root);
	cr_assert_null(range.first->next);
	vmap_range_drop(&range);
}

/* Lowest page from which `pages` belong to nobody; PAGES: none. */
static uint64_t model_fit(const uint32_t *owner, uint64_t pages)
{
	uint64_t run = 0;

	for (uint64_t i = 0; i < PAGES; i++) {
		run = owner[i] ? 0 : run + 1;
		if (run == pages)
			return i + 1 - pages;
	}
	return PAGES;
}

static uint64_t model_largest(const uint32_t *owner)
{
	uint64_t run = 0, best = 0;

	for (uint64_t i = 0; i < PAGES; i++) {
		run = owner[i] ? 0 : run + 1;
		best = run > best ? run : best;
	}
	return best;
}

Test(vmap_area, random_requests_agree_with_the_model)
{
	struct vmap_area *held[PAGES];
	uint32_t owner[PAGES] = { 0 };
	struct vmap_range range;
	uint64_t rng = 42;
	unsigned nr = 0;

	range_make(&range, PAGES);
	for (uint32_t i = 1; i <= STEPS; i++) {
		uint64_t pages = 1 + xorshift_below(&rng, 40);
		uint64_t fit = model_fit(owner, pages);
		struct vmap_area *area;

		cr_assert_eq(vmap_range_largest(&range), model_largest(owner));
		if (xorshift_below(&rng, 100) < 45 && nr) {
			unsigned k = (unsigned)xorshift_below(&rng, nr);

			area = held[k];
			held[k] = held[--nr];
			for (uint64_t p = 0; p < area->pages; p++) {
				cr_assert_eq(vmap_range_find(&range,
							     area->start + p),
					     area);
				cr_assert_eq(owner[area->start + p],
					     owner[area->start]);
			}
			memset(owner + area->start, 0,
			       area->pages * sizeof(*owner));
			give(&range, area);
			continue;
		}
		area = take(&range, pages);
		cr_assert_eq(!area, fit == PAGES);
		if (!area)
			continue;
		cr_assert_eq(area->start, fit);
		for (uint64_t p = 0; p < pages; p++)
			owner[fit + p] = i;
		held[nr++] = area;
	}
	while (nr)
		give(&range, held[--nr]);
	cr_assert_eq(vmap_range_largest(&range), PAGES);
	vmap_range_drop(&range);
}

static unsigned depth(const struct vmap_area *area)
{
	unsigned left, right;

	if (!area)
		return 0;
	left = depth(area->left);
	right = depth(area->right);
	return 1 + (left > right ? left : right);
}

/* 20000 areas in ascending order, the worst for a tree that is not balanced:
 * the depth expected of a random treap is below 3 log2 n. */
Test(vmap_area, stays_shallow)
{
	struct vmap_range range;
	struct vmap_area *spare;

	range_make(&range, 40000);
	for (unsigned i = 0; i < 20000; i++) {
		struct vmap_area *area = vmap_area_new();

		cr_assert_not_null(area);
		cr_assert(vmap_range_take(&range, area, 2, &spare));
		vmap_area_drop(spare);
	}
	sound(&range);
	cr_assert_lt(depth(range.root), 60);
	vmap_range_drop(&range);
}
