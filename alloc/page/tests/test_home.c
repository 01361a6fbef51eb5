/*
 * Home words: what a free compares to know zone and pageblock type of a frame
 * in one step. They follow every change of a pageblock's type, keep the count
 * of special blocks meanwhile, and say nothing where zones meet.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "alloc/page/buddy.h"
#include "alloc/page/layout.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/tests/small_machine.h"

TestSuite(home, .timeout = 10);

static uint64_t home_of(const struct machine *m, uint32_t pfn)
{
	return page_home(m->home, (pfn_t){ pfn });
}

/* Each word against the pageblock's own type and the zone of the frame. */
static void assert_homes(const struct machine *m)
{
	for (unsigned z = 0; z < m->nr_zones; z++) {
		const struct zone *zone = &m->zone[z];

		for (uint64_t i = 0; i < zone->spanned; i += 64) {
			uint32_t pfn = (uint32_t)(zone->start_pfn + i);

			cr_assert_eq(home_of(m, pfn),
				     zone_home(zone, pageblock_mt(zone, pfn)),
				     "pfn %u of zone %u", pfn, z);
		}
	}
}

Test(home, says_zone_and_type_of_every_frame)
{
	struct machine *m = small_machine(KERNEL_6_1, 2);
	struct zone *zone = &m->zone[ZONE_NORMAL];

	machine_boot(m);
	assert_homes(m);
	for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++)
		zone_set_pageblock_mt(zone, mt, mt);
	zone_set_pageblock_mt(zone, 3, MT_UNMOVABLE);
	zone_set_pageblock_mt(zone, zone->nr_pageblocks - 1, MT_RECLAIMABLE);
	assert_homes(m);
	machine_destroy(m);
}

Test(home, a_change_of_type_keeps_the_count_of_special_blocks)
{
	struct machine *m = small_machine(KERNEL_6_1, 1);
	struct zone *zone = &m->zone[ZONE_NORMAL];
	const pfn_t pfn = { (uint32_t)zone->start_pfn + 700 };

	machine_boot(m);
	page_special(m, pfn, 1);
	page_special(m, pfn, 1);
	zone_set_pageblock_mt(zone, 1, MT_UNMOVABLE);
	cr_assert_eq(page_home(m->home, pfn),
		     2 * HOME_SPECIAL + zone_home(zone, MT_UNMOVABLE));
	zone_set_pageblock_mt(zone, 1, MT_RECLAIMABLE);
	page_special(m, pfn, -1);
	page_special(m, pfn, -1);
	assert_homes(m);
	machine_destroy(m);
}

/* A zone of two nodes that meet inside a pageblock; pages as in small_machine.
 */
Test(home, frames_of_two_zones_say_nothing)
{
	struct machine_desc *d = calloc(1, sizeof(*d));
	struct machine *m = NULL;
	char err[256] = "";

	layout_defaults(d);
	layout_topo(&d->topo, 2, 2);
	for (unsigned nid = 0; nid < 2; nid++) {
		d->node[nid].online = true;
		d->node[nid].zone[ZONE_NORMAL] = (struct zone_extent){
			.start_pfn = 1048576 + nid * 4196,
			.spanned = 4196,
			.present = 4196,
			.managed = 4196,
		};
	}
	cr_assert_eq(machine_create(&m, d, NULL, err, sizeof(err)), 0, "%s",
		     err);
	machine_boot(m);
	cr_assert_eq(home_of(m, 1048576 + 4195), HOME_MIXED);
	cr_assert_eq(home_of(m, 1048576 + 4196), HOME_MIXED);
	cr_assert_eq(home_of(m, 1048576 + 4095) >> HOME_MT_BITS, ZONE_NORMAL);
	cr_assert_eq(home_of(m, 1048576 + 4608) >> HOME_MT_BITS,
		     MAX_NR_ZONES + ZONE_NORMAL);
	zone_set_pageblock_mt(&m->zone[ZONE_NORMAL], 8, MT_UNMOVABLE);
	cr_assert_eq(home_of(m, 1048576 + 4196), HOME_MIXED);
	machine_destroy(m);
	free(d);
}
