/*
 * Watermark checks: how many free pages a request needs, found by trying, for
 * a zone with marks 490/735/980 and one with 1503/2255/3007 and 960 pages
 * protected.
 */
#include <criterion/criterion.h>

#include "alloc/page/buddy.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/tests/small_machine.h"

/* relaxed: one thread */
#define get(p)    atomic_load_explicit(p, memory_order_relaxed)
#define set(p, v) atomic_store_explicit(p, v, memory_order_relaxed)

TestSuite(policy, .timeout = 10);

static struct zone *marked_zone(struct machine *m, long min, long step,
				long reserve)
{
	struct zone *zone = &m->zone[ZONE_DMA32];

	zone->watermark[WMARK_MIN] = min;
	zone->watermark[WMARK_LOW] = min + step;
	zone->watermark[WMARK_HIGH] = min + 2 * step;
	zone->lowmem_reserve[ZONE_NORMAL] = reserve;
	return zone;
}

/* Largest number of free pages at which the request still fails. */
static long fails_up_to(const struct zone *zone, unsigned flags)
{
	struct wmark_check c = { .idx = ZONE_NORMAL, .alloc_flags = flags };
	long free = 0;

	c.mark = zone_mark(zone, flags & ALLOC_WMARK_MASK);
	while (!zone_watermark_ok(zone, &c, free + 1))
		free++;
	return free;
}

Test(policy, order_0_thresholds)
{
	static const struct {
		unsigned flags;
		long normal, dma32;
	} cases[] = {
		{ WMARK_LOW, 735, 3215 },
		{ WMARK_MIN, 490, 2463 },
		{ WMARK_MIN | ALLOC_NON_BLOCK, 490, 2463 },
		{ WMARK_MIN | ALLOC_MIN_RESERVE, 245, 1712 },
		{ WMARK_MIN | ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK, 184, 1524 },
		{ WMARK_MIN | ALLOC_OOM, 245, 1712 },
		{ WMARK_MIN | ALLOC_OOM | ALLOC_MIN_RESERVE, 123, 1336 },
	};
	struct machine *m = bare_machine(KERNEL_6_1, 1024);

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_assert_eq(fails_up_to(marked_zone(m, 490, 245, 0),
					 cases[i].flags),
			     cases[i].normal, "case %u", i);
		cr_assert_eq(fails_up_to(marked_zone(m, 1503, 752, 960),
					 cases[i].flags),
			     cases[i].dma32, "case %u", i);
	}
	machine_destroy(m);
}

Test(policy, order_3_needs_a_block)
{
	struct machine *m = bare_machine(KERNEL_6_1, 1024);
	struct zone *zone = marked_zone(m, 490, 245, 0);
	const struct wmark_check c = { .order = 3,
				       .idx = ZONE_NORMAL,
				       .mark = 490 };

	cr_assert_not(zone_watermark_ok(zone, &c, 498), "no block is free");
	buddy_boot_range(zone, 4, 8);
	cr_assert_not(zone_watermark_ok(zone, &c, 498), "order 2 is too small");
	buddy_boot_range(zone, 8, 16);
	cr_assert(zone_watermark_ok(zone, &c, 498));
	cr_assert_not(zone_watermark_ok(zone, &c, 497));
	machine_destroy(m);
}

Test(policy, highatomic_pages_count_for_reserves_only)
{
	struct machine *m = bare_machine(KERNEL_6_1, 1024);
	struct zone *zone = marked_zone(m, 490, 245, 0);
	struct wmark_check c = { .idx = ZONE_NORMAL, .mark = 490 };

	set(&zone->nr_reserved_highatomic, 512);
	cr_assert_not(zone_watermark_ok(zone, &c, 900));
	c.alloc_flags = ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK;
	cr_assert(zone_watermark_ok(zone, &c, 900));
	machine_destroy(m);
}

Test(policy, high_priority_ignores_the_boost_of_min)
{
	struct machine *m = bare_machine(KERNEL_6_1, 1024);
	struct zone *zone = marked_zone(m, 490, 245, 0);
	struct wmark_check c = { .idx = ZONE_NORMAL,
				 .alloc_flags =
					 ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK };

	set(&zone->watermark_boost, 1470);
	set(&zone->nr_free_pages, 300);
	c.mark = zone_mark(zone, WMARK_MIN);
	cr_assert_eq(c.mark, 1960);
	cr_assert_not(zone_watermark_fast(zone, &c));
	c.high_priority = true;
	cr_assert(zone_watermark_fast(zone, &c));
	set(&zone->nr_free_pages, 184);
	cr_assert_not(zone_watermark_fast(zone, &c));
	machine_destroy(m);
}
