/*
 * Booting: blocks in ascending order, and the same list whether it was linked
 * at once or by and by; little memory touched.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc/page/buddy.h"
#include "alloc/page/layout.h"
#include "alloc/page/vmstat.h"

TestSuite(boot, .timeout = 60);

#define BLOCK (1u << MAX_PAGE_ORDER)

static struct machine *booted(uint64_t gib, unsigned nodes)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct machine *m;
	char err[256];

	layout_defaults(d);
	layout_topo(&d->topo, nodes, nodes);
	cr_assert(!layout_zones(d, gib << 30, err, sizeof(err)), "%s", err);
	cr_assert(!machine_create(&m, d, NULL, err, sizeof(err)), "%s", err);
	free(d);
	machine_boot(m);
	return m;
}

static pfn_t take(struct zone *z)
{
	const struct buddy_ref b = buddy_ref_cpu(z, 0);
	pfn_t pfn;

	spin_lock(&z->lock);
	pfn = buddy_smallest(&b, z, MAX_PAGE_ORDER, MT_MOVABLE);
	if (pfn_valid(pfn))
		zone_mod_free_pages(z, 0, -(long)BLOCK);
	spin_unlock(&z->lock);
	return pfn;
}

static void give(struct zone *z, pfn_t pfn, unsigned fpi_flags)
{
	spin_lock(&z->lock);
	buddy_free_slow(0, z, pfn, MAX_PAGE_ORDER, fpi_flags);
	spin_unlock(&z->lock);
}

static void check_sound(struct zone *z)
{
	const char *broken = buddy_verify(z);

	cr_assert(!broken, "%s: %s", z->name, broken);
}

Test(boot, all_managed_pages_are_free)
{
	struct machine *m = booted(8, 2);

	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *z = &m->zone[i];
		struct zone_snapshot snap;

		if (!zone_populated(z))
			continue;
		check_sound(z);
		buddy_snapshot(z, &snap);
		cr_assert_eq(snap.free_pages, z->managed);
		cr_assert_eq(zone_free_pages_snapshot(z), (long)z->managed);
	}
	machine_destroy(m);
}

Test(boot, blocks_come_in_ascending_order)
{
	struct machine *m = booted(8, 1);
	struct zone *z = &m->zone[ZONE_NORMAL];
	uint64_t pfn = z->start_pfn, nr = 0;
	pfn_t got;

	cr_assert_neq(z->boot_next, z->boot_end); /* not all linked */
	while (pfn_valid(got = take(z))) {
		cr_assert_eq(got.v, pfn);
		pfn += BLOCK;
		nr++;
		/* what lockless readers see */
		cr_assert(pfn_list_empty(&z->free_area[MAX_PAGE_ORDER]
						  .list[MT_MOVABLE]) ==
			  (nr == z->managed / BLOCK));
	}
	cr_assert_eq(nr, z->managed / BLOCK);
	cr_assert_eq(z->boot_next, z->boot_end);
	check_sound(z);
	machine_destroy(m);
}

Test(boot, tail_comes_after_what_is_not_linked)
{
	struct machine *m = booted(8, 1);
	struct zone *z = &m->zone[ZONE_NORMAL];
	uint64_t nr = z->managed / BLOCK;
	pfn_t first = take(z), second = take(z), got;

	give(z, first, FPI_TO_TAIL);
	give(z, second, 0);
	check_sound(z);
	got = take(z);
	cr_assert_eq(got.v, second.v);
	for (uint64_t i = 2; i < nr; i++) {
		got = take(z);
		cr_assert_eq(got.v, z->start_pfn + i * BLOCK);
	}
	got = take(z);
	cr_assert_eq(got.v, first.v);
	cr_assert(!pfn_valid(take(z)));
	machine_destroy(m);
}

static long resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size, resident;

	cr_assert(f && fscanf(f, "%ld %ld", &size, &resident) == 2);
	fclose(f);
	return resident;
}

/* 67 million descriptors, 2 GiB of them; pages of the host that a boot may
 * touch: 16 MiB, a 128th. */
Test(boot, large_machine_touches_little)
{
	long before = resident_pages();
	struct machine *m = booted(256, 4);

	cr_assert_lt(resident_pages() - before,
		     (16L << 20) / sysconf(_SC_PAGESIZE));
	for (unsigned i = 0; i < m->nr_zones; i++)
		check_sound(&m->zone[i]);
	machine_destroy(m);
}
