/*
 * The buddy system alone: worked sequences of split, merge, head and tail,
 * fallback with stealing under both rule sets, boost, HighAtomic.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc/page/buddy.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/tests/small_machine.h"

/* relaxed: one thread */
#define get(p)    atomic_load_explicit(p, memory_order_relaxed)
#define set(p, v) atomic_store_explicit(p, v, memory_order_relaxed)

TestSuite(buddy, .timeout = 10);

struct fixture {
	struct machine *m;
	struct zone *zone;
	struct page_ctx ctx;
};

static struct fixture fixture(enum kernel_rules kernel, uint64_t pages)
{
	struct fixture f = { .m = bare_machine(kernel, pages) };

	f.zone = &f.m->zone[ZONE_DMA32];
	f.ctx.machine = f.m;
	return f;
}

static void sound(struct fixture *f)
{
	const char *broken = buddy_verify(f->zone);

	cr_assert(!broken, "%s", broken ? broken : "");
}

static uint32_t take(struct fixture *f, unsigned order, unsigned mt)
{
	const struct buddy_ref b = buddy_ref(&f->ctx, f->zone);
	pfn_t pfn;

	spin_lock(&f->zone->lock);
	pfn = buddy_rmqueue(&b, f->zone, order, mt, 0);
	spin_unlock(&f->zone->lock);
	sound(f);
	return pfn.v;
}

static void give(struct fixture *f, uint32_t at, unsigned order)
{
	const pfn_t pfn = { at };
	const struct buddy_ref b = buddy_ref(&f->ctx, f->zone);
	const struct buddy_site site = buddy_site(f->zone, pfn, order);
	const struct buddy_block block = { at, order, site.mt };

	spin_lock(&f->zone->lock);
	buddy_free(&b, f->zone, &site, block, 0);
	spin_unlock(&f->zone->lock);
	sound(f);
}

/* The list, head first, as text "a b c". */
static const char *list(struct fixture *f, unsigned order, unsigned mt)
{
	static char text[256];
	size_t n = 0;

	text[0] = 0;
	pfn_list_for_each (pfn, &f->zone->free_area[order].list[mt],
			   f->zone->map)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u",
				      n ? " " : "", pfn);
	return text;
}

static void set_type(struct fixture *f, uint32_t pfn, unsigned mt)
{
	zone_set_pageblock_mt(f->zone, pageblock_of(f->zone, pfn), mt);
}

Test(buddy, three_pages_split_from_the_largest_block)
{
	struct fixture f = fixture(KERNEL_6_1, 1024);

	buddy_boot_range(f.zone, 0, 1024);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(take(&f, 0, MT_MOVABLE), i);
	cr_assert_str_eq(list(&f, 0, MT_MOVABLE), "3");
	cr_assert_str_eq(list(&f, 1, MT_MOVABLE), "");
	for (unsigned o = 2; o < 10; o++) {
		char want[16];

		snprintf(want, sizeof(want), "%u", 1u << o);
		cr_assert_str_eq(list(&f, o, MT_MOVABLE), want);
	}
	give(&f, 0, 0);
	cr_assert_str_eq(list(&f, 0, MT_MOVABLE), "0 3");
	give(&f, 1, 0);
	cr_assert_str_eq(list(&f, 0, MT_MOVABLE), "3");
	cr_assert_str_eq(list(&f, 1, MT_MOVABLE), "0");
	give(&f, 2, 0);
	cr_assert_str_eq(list(&f, 10, MT_MOVABLE), "0");
	machine_destroy(f.m);
}

Test(buddy, likely_to_merge_goes_to_the_tail)
{
	struct fixture f = fixture(KERNEL_6_1, 1024);

	buddy_boot_range(f.zone, 0, 1024);
	for (uint32_t i = 0; i < 12; i++)
		cr_assert_eq(take(&f, 0, MT_MOVABLE), i);
	give(&f, 6, 0);
	give(&f, 8, 0);
	give(&f, 9, 0); /* (8, order 1); order 2 at 12 is free: tail */
	give(&f, 7, 0); /* (6, order 1); 4 is not free: head */
	cr_assert_str_eq(list(&f, 1, MT_MOVABLE), "6 8");
	machine_destroy(f.m);
}

Test(buddy, eight_pages_and_three_back)
{
	struct fixture f = fixture(KERNEL_6_1, 1024);

	buddy_boot_range(f.zone, 0, 1024);
	for (uint32_t i = 0; i < 8; i++)
		cr_assert_eq(take(&f, 0, MT_MOVABLE), i);
	give(&f, 5, 0);
	give(&f, 0, 0);
	cr_assert_str_eq(list(&f, 0, MT_MOVABLE), "0 5");
	give(&f, 4, 0);
	cr_assert_str_eq(list(&f, 1, MT_MOVABLE), "4");
	cr_assert_eq(take(&f, 0, MT_MOVABLE), 0);
	cr_assert_eq(take(&f, 0, MT_MOVABLE), 4);
	cr_assert_str_eq(list(&f, 0, MT_MOVABLE), "5");
	machine_destroy(f.m);
}

Test(buddy, unmergeable_pageblocks_stay_apart)
{
	struct fixture f = fixture(KERNEL_6_1, 1024);

	set_type(&f, 512, MT_CMA);
	buddy_boot_range(f.zone, 0, 512);
	buddy_boot_range(f.zone, 512, 1024);
	cr_assert_str_eq(list(&f, 9, MT_MOVABLE), "0");
	cr_assert_str_eq(list(&f, 9, MT_CMA), "512");
	cr_assert_eq(get(&f.zone->nr_free_cma), 512);
	sound(&f);
	machine_destroy(f.m);
}

Test(buddy, mergeable_types_merge_and_6_12_retags)
{
	for (int kernel = KERNEL_6_1; kernel <= KERNEL_6_12; kernel++) {
		struct fixture f = fixture((enum kernel_rules)kernel, 1024);

		set_type(&f, 512, MT_UNMOVABLE);
		buddy_boot_range(f.zone, 512, 1024);
		buddy_boot_range(f.zone, 0, 512);
		cr_assert_str_eq(list(&f, 10, MT_MOVABLE), "0");
		cr_assert_eq(pageblock_mt(f.zone, 512),
			     kernel == KERNEL_6_12 ? MT_MOVABLE : MT_UNMOVABLE);
		machine_destroy(f.m);
	}
}

Test(buddy, large_block_of_two_types_comes_back_in_pieces_in_6_12)
{
	struct fixture f = fixture(KERNEL_6_12, 1024);

	buddy_boot_range(f.zone, 0, 1024);
	cr_assert_eq(take(&f, 10, MT_MOVABLE), 0);
	set_type(&f, 512, MT_HIGHATOMIC);
	give(&f, 0, 10);
	cr_assert_str_eq(list(&f, 9, MT_MOVABLE), "0");
	cr_assert_str_eq(list(&f, 9, MT_HIGHATOMIC), "512");
	cr_assert_eq(get(&f.zone->nr_free_highatomic), 512);
	machine_destroy(f.m);
}

/* Pageblock 0 MOVABLE with `free` pages in an aligned run from 0 on (a block of
 * order 5 the largest that is given back last), `movable` declared movable. */
static void partly_free(struct fixture *f, unsigned nr_order5, unsigned rest,
			int movable)
{
	/* everything handed out as order-5 blocks and single pages */
	buddy_boot_range(f->zone, 0, 512);
	for (unsigned i = 0; i < 16; i++)
		take(f, 5, MT_MOVABLE);
	/* every other block of 32: no two merge */
	for (unsigned i = 0; i < nr_order5; i++)
		give(f, 64 * i, 5);
	/* single pages: cut one of the blocks in use */
	for (unsigned i = 0; i < rest; i++)
		give(f, 32 + 4 * i, 1);
	page_movable_add(f->zone, (pfn_t){ 0 }, movable);
}

static const struct {
	unsigned nr_order5, order1;
	int movable;
	bool retag;
} steals[] = {
	/* 100 free, 300 movable, 112 other: 100 + 112 < 256 */
	{ 3, 2, 300, false },
	/* 160 free, 200 movable, 152 other: 160 + 152 >= 256 */
	{ 5, 0, 200, true },
};

Test(buddy, fallback_of_6_1_moves_all_and_retags_by_the_half_rule)
{
	for (unsigned i = 0; i < ARRAY_SIZE(steals); i++) {
		struct fixture f = fixture(KERNEL_6_1, 1024);
		long free;

		partly_free(&f, steals[i].nr_order5, steals[i].order1,
			    steals[i].movable);
		free = 32 * (long)steals[i].nr_order5 +
		       2 * (long)steals[i].order1;
		cr_assert_neq(take(&f, 5, MT_UNMOVABLE), UINT32_MAX);
		cr_assert_eq(pageblock_mt(f.zone, 0),
			     steals[i].retag ? MT_UNMOVABLE : MT_MOVABLE);
		/* retagged or not, every free page is UNMOVABLE's now */
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			cr_assert_str_eq(list(&f, o, MT_MOVABLE), "");
		cr_assert_eq(zone_free_pages_snapshot(f.zone), free - 32);
		machine_destroy(f.m);
	}
}

Test(buddy, fallback_of_6_12_moves_only_what_it_retags)
{
	for (unsigned i = 0; i < ARRAY_SIZE(steals); i++) {
		struct fixture f = fixture(KERNEL_6_12, 1024);

		partly_free(&f, steals[i].nr_order5, steals[i].order1,
			    steals[i].movable);
		cr_assert_neq(take(&f, 4, MT_UNMOVABLE), UINT32_MAX);
		cr_assert_eq(pageblock_mt(f.zone, 0),
			     steals[i].retag ? MT_UNMOVABLE : MT_MOVABLE);
		/* the other half of the split block */
		cr_assert_eq(*list(&f, 4, MT_UNMOVABLE) != 0, steals[i].retag);
		cr_assert_eq(*list(&f, 4, MT_MOVABLE) != 0, !steals[i].retag);
		machine_destroy(f.m);
	}
}

Test(buddy, movable_takes_the_smallest_of_small_foreign_blocks)
{
	struct fixture f = fixture(KERNEL_6_1, 1024);

	set_type(&f, 0, MT_UNMOVABLE);
	buddy_boot_range(f.zone, 0, 512);
	for (unsigned i = 0; i < 64; i++)
		take(&f, 3, MT_UNMOVABLE);
	give(&f, 64, 3);
	give(&f, 128, 1);
	give(&f, 192, 2);
	/* largest foreign block has order 3: no whole pageblock, so the
	   smallest that will do */
	cr_assert_eq(take(&f, 2, MT_MOVABLE), 192);
	cr_assert_eq(pageblock_mt(f.zone, 0), MT_UNMOVABLE);
	cr_assert_eq(take(&f, 0, MT_MOVABLE), 128);
	cr_assert_str_eq(list(&f, 0, MT_MOVABLE), "129");
	machine_destroy(f.m);
}

Test(buddy, nofragment_takes_whole_pageblocks_only)
{
	struct fixture f = fixture(KERNEL_6_1, 1024);
	const struct buddy_ref b = buddy_ref(&f.ctx, f.zone);
	pfn_t pfn;

	partly_free(&f, 4, 0, 0);
	spin_lock(&f.zone->lock);
	pfn = buddy_rmqueue(&b, f.zone, 0, MT_UNMOVABLE, ALLOC_NOFRAGMENT);
	spin_unlock(&f.zone->lock);
	cr_assert_not(pfn_valid(pfn));
	buddy_boot_range(f.zone, 512, 1024);
	spin_lock(&f.zone->lock);
	pfn = buddy_rmqueue(&b, f.zone, 0, MT_UNMOVABLE, ALLOC_NOFRAGMENT);
	spin_unlock(&f.zone->lock);
	cr_assert_eq(pfn.v, 512);
	cr_assert_eq(pageblock_mt(f.zone, 512), MT_UNMOVABLE);
	machine_destroy(f.m);
}

Test(buddy, three_fallbacks_boost_up_to_the_cap)
{
	struct fixture f = fixture(KERNEL_6_1, 8192);
	static const long want[] = { 512, 1024, 1470, 1470 };

	f.zone->watermark[WMARK_HIGH] = 980;
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
		const uint32_t at = 2048 * i;

		/* one order-4 block of each pageblock is free */
		buddy_boot_range(f.zone, at, at + 512);
		for (unsigned n = 0; n < 32; n++)
			take(&f, 4, MT_MOVABLE);
		give(&f, at + 16, 4);
		page_movable_add(f.zone, (pfn_t){ at }, 496);
		cr_assert_eq(take(&f, 4, MT_UNMOVABLE), at + 16);
		cr_assert_eq(get(&f.zone->watermark_boost), want[i]);
	}
	cr_assert_eq(get(&f.zone->flags), 0, "no ALLOC_KSWAPD");
	machine_destroy(f.m);
}

static unsigned reserve_all(struct fixture *f)
{
	unsigned nr = 0;

	/* two pages of each pageblock are in use, as after the allocation that
	   makes Linux reserve it */
	for (uint64_t pfn = 0; pfn < f->zone->spanned; pfn += 512)
		buddy_boot_range(f->zone, pfn + 2, pfn + 512);
	for (uint64_t pfn = 0; pfn < f->zone->spanned; pfn += 512)
		buddy_reserve_highatomic(&f->ctx, f->zone,
					 (pfn_t){ (uint32_t)pfn }, 1);
	for (uint64_t i = 0; i < f->zone->nr_pageblocks; i++)
		nr += get(&f->zone->pageblock_mt[i]) == MT_HIGHATOMIC;
	cr_assert_eq(get(&f->zone->nr_reserved_highatomic), nr * 512);
	return nr;
}

Test(buddy, highatomic_limit_and_release)
{
	static const struct {
		enum kernel_rules kernel;
		uint64_t managed;
		unsigned blocks;
	} cases[] = {
		{ KERNEL_6_1, 245760, 6 },
		{ KERNEL_6_12, 245760, 5 },
		{ KERNEL_6_1, 3840, 2 },
		{ KERNEL_6_12, 3840, 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = fixture(cases[i].kernel, 245760);
		unsigned nr;

		f.zone->managed = cases[i].managed;
		nr = reserve_all(&f);
		cr_assert_eq(nr, cases[i].blocks);
		/* not forced: one pageblock stays */
		for (unsigned n = nr; n > 1; n--)
			cr_assert(buddy_unreserve_highatomic(
				&f.ctx, f.zone, MT_MOVABLE, false));
		cr_assert_not(buddy_unreserve_highatomic(&f.ctx, f.zone,
							 MT_MOVABLE, false));
		cr_assert_eq(buddy_unreserve_highatomic(&f.ctx, f.zone,
							MT_MOVABLE, true),
			     nr > 0);
		cr_assert_eq(get(&f.zone->nr_reserved_highatomic), 0);
		machine_destroy(f.m);
	}
}

Test(buddy, verify_finds_damage)
{
	struct fixture f = fixture(KERNEL_6_1, 1024);

	buddy_boot_range(f.zone, 0, 1024);
	take(&f, 0, MT_MOVABLE);
	set(&f.zone->free_area[3].nr_free,
	    get(&f.zone->free_area[3].nr_free) + 1);
	cr_assert(buddy_verify(f.zone));
	set(&f.zone->free_area[3].nr_free,
	    get(&f.zone->free_area[3].nr_free) - 1);
	f.zone->map[8].prev = 16;
	cr_assert(buddy_verify(f.zone));
	f.zone->map[8].prev = PFN_LIST_END;
	set(&f.zone->nr_free_pages, get(&f.zone->nr_free_pages) + 1);
	cr_assert(buddy_verify(f.zone));
	set(&f.zone->nr_free_pages, get(&f.zone->nr_free_pages) - 1);
	set(&f.zone->map[64].refcount, 1);
	cr_assert(buddy_verify(f.zone));
	set(&f.zone->map[64].refcount, 0);
	sound(&f);
	machine_destroy(f.m);
}
