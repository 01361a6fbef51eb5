/*
 * The arithmetic on worked examples, by hand: a table of managed pages in, the
 * kernel's figures out.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/fragindex.h"
#include "alloc/page/layout.h"
#include "alloc/page/vmstat.h"
#include "alloc/page/watermark.h"

TestSuite(watermark, .timeout = 30);

struct example {
	enum machine_layout layout;
	bool pae, thp;
	unsigned cpus;
	uint64_t managed[MAX_NR_ZONES];
};

static struct machine *build(const struct example *x)
{
	struct machine_desc *d = malloc(sizeof(*d));
	uint64_t pfn = 1024;
	struct machine *m;
	char err[256];

	layout_defaults(d);
	layout_set(d, x->layout, x->pae);
	layout_topo(&d->topo, x->cpus, 1);
	d->thp_enabled = x->thp;
	d->node[0].online = true;
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		if (!x->managed[i])
			continue;
		d->node[0].zone[i] = (struct zone_extent){
			.start_pfn = pfn,
			.spanned = x->managed[i],
			.present = x->managed[i],
			.managed = x->managed[i],
		};
		pfn += x->managed[i];
	}
	cr_assert(!machine_create(&m, d, NULL, err, sizeof(err)), "%s", err);
	free(d);
	return m;
}

static const struct example pc_4g = {
	.layout = LAYOUT_X86_64,
	.cpus = 4,
	.managed = { [ZONE_DMA] = 3840,
		     [ZONE_DMA32] = 752640,
		     [ZONE_NORMAL] = 245760 },
};

struct expected {
	unsigned idx;
	long mark[NR_WMARK];
	int batch, high, high_max, threshold, pressure;
	long drift;
};

static void check_zone(const struct machine *m, const struct expected *e)
{
	const struct zone *z = &m->zone[e->idx];

	for (unsigned i = 0; i < NR_WMARK; i++)
		cr_assert_eq(z->watermark[i], e->mark[i], "%s mark %u: %ld",
			     z->name, i, z->watermark[i]);
	cr_assert_eq(z->pageset_batch, e->batch);
	cr_assert_eq(z->pageset_high, e->high);
	cr_assert_eq(z->pageset_high_min, e->high);
	cr_assert_eq(z->pageset_high_max, e->high_max);
	cr_assert_eq(zone_stat_threshold(z), e->threshold);
	cr_assert_eq(pressure_threshold_pages(z), e->pressure);
	cr_assert_eq(z->percpu_drift_mark, e->drift);
}

Test(watermark, pc_of_4_gib)
{
	const struct expected e[] = {
		{ ZONE_DMA, { 7, 10, 13, 16 }, 1, 4, 120, 6, 1, 37 },
		{ ZONE_DMA32,
		  { 1503, 2255, 3007, 3759 },
		  63,
		  563,
		  23520,
		  36,
		  125,
		  0 },
		{ ZONE_NORMAL,
		  { 490, 735, 980, 1225 },
		  63,
		  252,
		  7680,
		  24,
		  61,
		  0 },
	};
	struct machine *m = build(&pc_4g);
	const long *reserve = m->zone[ZONE_DMA].lowmem_reserve;

	cr_assert_eq(m->min_free_kbytes, 8008);
	cr_assert_eq(m->totalreserve_pages, 8787);
	for (unsigned i = 0; i < ARRAY_SIZE(e); i++)
		check_zone(m, &e[i]);
	cr_assert_eq(reserve[ZONE_DMA32], 2940);
	cr_assert_eq(reserve[ZONE_NORMAL], 3900);
	cr_assert_eq(reserve[ZONE_DEVICE], 3900);
	cr_assert_eq(m->zone[ZONE_DMA32].lowmem_reserve[ZONE_MOVABLE], 960);
	cr_assert_eq(m->zone[ZONE_NORMAL].lowmem_reserve[ZONE_MOVABLE], 0);
	machine_destroy(m);
}

Test(watermark, huge_pages_raise_the_minimum)
{
	struct example x = pc_4g;
	struct machine *m;

	x.thp = true;
	m = build(&x);
	cr_assert_eq(m->min_free_kbytes, 67584);
	cr_assert_eq(m->totalreserve_pages, 30045);
	cr_assert_eq(m->zone[ZONE_DMA].watermark[WMARK_HIGH], 96);
	cr_assert_eq(m->zone[ZONE_DMA32].watermark[WMARK_PROMO], 22204);
	cr_assert_eq(m->zone[ZONE_NORMAL].watermark[WMARK_MIN], 4143);
	cr_assert_eq(m->zone[ZONE_NORMAL].pageset_high, 1294);
	cr_assert_eq(m->zone[ZONE_DMA32].pageset_high, 3965);
	machine_destroy(m);
}

Test(watermark, empty_movable_zone_of_6_12)
{
	struct machine *m = build(&pc_4g);

	cr_assert_eq(m->zone[ZONE_MOVABLE].watermark[WMARK_MIN], 0);
	m->desc.kernel = KERNEL_6_12;
	machine_recompute(m);
	for (unsigned i = 0; i < NR_WMARK; i++)
		cr_assert_eq(m->zone[ZONE_MOVABLE].watermark[i], 32);
	machine_destroy(m);
}

static void check_marks(const struct zone *z, long min, long low, long high)
{
	cr_assert_eq(z->watermark[WMARK_MIN], min, "%s", z->name);
	cr_assert_eq(z->watermark[WMARK_LOW], low, "%s", z->name);
	cr_assert_eq(z->watermark[WMARK_HIGH], high, "%s", z->name);
}

Test(watermark, i386_of_1_gib)
{
	const struct example x = {
		.layout = LAYOUT_I386,
		.pae = true,
		.cpus = 2,
		.managed = { [ZONE_DMA] = 3968,
			     [ZONE_NORMAL] = 218112,
			     [ZONE_HIGHMEM] = 32768 },
	};
	struct machine *m = build(&x);
	const struct zone *high = &m->zone[ZONE_HIGHMEM];
	const struct zone *normal = &m->zone[ZONE_NORMAL];

	cr_assert_eq(m->min_free_kbytes, 3770);
	check_marks(&m->zone[ZONE_DMA], 16, 20, 24);
	check_marks(normal, 925, 1156, 1387);
	check_marks(high, 32, 66, 100);
	cr_assert_eq(m->zone[ZONE_DMA].lowmem_reserve[ZONE_NORMAL], 852);
	cr_assert_eq(m->zone[ZONE_DMA].lowmem_reserve[ZONE_HIGHMEM], 980);
	cr_assert_eq(normal->lowmem_reserve[ZONE_MOVABLE], 1024);
	cr_assert_eq(normal->pageset_high, 578);
	cr_assert_eq(zone_stat_threshold(normal), 16);
	cr_assert_eq(high->pageset_batch, 7);
	cr_assert_eq(high->pageset_high, 33);
	cr_assert_eq(zone_stat_threshold(high), 8);
	cr_assert_eq(m->totalreserve_pages, 3515);
	machine_destroy(m);
}

Test(watermark, i386_of_4_gib)
{
	struct example x = {
		.layout = LAYOUT_I386,
		.pae = true,
		.cpus = 2,
		.managed = { [ZONE_DMA] = 3968,
			     [ZONE_NORMAL] = 212992,
			     [ZONE_HIGHMEM] = 819200 },
	};
	struct machine *m = build(&x);

	cr_assert_eq(m->min_free_kbytes, 3726);
	check_marks(&m->zone[ZONE_HIGHMEM], 128, 1006, 1884);
	check_marks(&m->zone[ZONE_NORMAL], 913, 1141, 1369);
	cr_assert_eq(m->zone[ZONE_NORMAL].lowmem_reserve[ZONE_HIGHMEM], 25600);
	cr_assert_eq(m->zone[ZONE_DMA].lowmem_reserve[ZONE_HIGHMEM], 4032);
	cr_assert_eq(m->totalreserve_pages, 32821);
	machine_destroy(m);
	/* five percent of low memory is less than khugepaged would like */
	x.thp = true;
	m = build(&x);
	cr_assert_eq(m->min_free_kbytes, 43112);
	machine_destroy(m);
}

Test(watermark, square_root_rule)
{
	const struct {
		uint64_t mib;
		long kb;
	} rule[] = { { 16, 512 },         { 32, 724 },
		     { 64, 1024 },        { 128, 1448 },
		     { 256, 2048 },       { 512, 2896 },
		     { 1024, 4096 },      { 2048, 5792 },
		     { 4096, 8192 },      { 8192, 11585 },
		     { 16384, 16384 },    { 1 << 20, 131072 },
		     { 4 << 20, 262144 }, { 8 << 20, 262144 } };

	for (unsigned i = 0; i < ARRAY_SIZE(rule); i++) {
		struct example x = { .layout = LAYOUT_X86_64, .cpus = 1 };
		struct machine *m;

		x.managed[ZONE_NORMAL] = rule[i].mib << 8;
		m = build(&x);
		cr_assert_eq(m->min_free_kbytes, rule[i].kb, "%lu MiB: %ld",
			     (unsigned long)rule[i].mib, m->min_free_kbytes);
		machine_destroy(m);
	}
}

Test(watermark, batch_steps)
{
	const struct {
		uint64_t managed;
		int batch;
	} step[] = { { 0, 1 },       { 12287, 1 },   { 12288, 3 },
		     { 24575, 3 },   { 24576, 7 },   { 45055, 7 },
		     { 45056, 15 },  { 90111, 15 },  { 90112, 31 },
		     { 176127, 31 }, { 176128, 63 }, { 1UL << 32, 63 } };

	for (unsigned i = 0; i < ARRAY_SIZE(step); i++)
		cr_assert_eq(pageset_batch_pages(step[i].managed),
			     step[i].batch);
}

Test(watermark, boost_cap)
{
	struct machine *m = build(&pc_4g);

	cr_assert_eq(watermark_boost_cap(&m->zone[ZONE_NORMAL]), 1470);
	/* a zone of 3840 pages still holds 4 pageblocks */
	cr_assert_eq(watermark_boost_cap(&m->zone[ZONE_DMA]), 512);
	m->desc.watermark_boost_factor = 0;
	cr_assert_eq(watermark_boost_cap(&m->zone[ZONE_NORMAL]), 0);
	machine_destroy(m);
}

/* A user's value stays where the computed one is smaller; khugepaged raises
 * it all the same. */
Test(watermark, given_minimum)
{
	struct machine *m = build(&pc_4g);

	machine_set_min_free_kbytes(m, 20000);
	machine_set_thp(m, false);
	cr_assert_eq(m->min_free_kbytes, 20000);
	machine_set_thp(m, true);
	cr_assert_eq(m->min_free_kbytes, 67584);
	machine_set_min_free_kbytes(m, 1024);
	cr_assert_eq(m->min_free_kbytes, 1024);
	machine_set_thp(m, false);
	cr_assert_gt(m->min_free_kbytes, 7900);
	cr_assert_eq(machine_set_high_fraction(m, 7), -22);
	cr_assert_eq(machine_set_high_fraction(m, 8), 0);
	cr_assert_eq(m->zone[ZONE_NORMAL].pageset_high, 245760 / 8 / 4);
	machine_destroy(m);
}

Test(watermark, grouping_needs_a_block_of_each_type)
{
	struct example x = { .layout = LAYOUT_X86_64, .cpus = 1 };
	struct machine *m;

	x.managed[ZONE_DMA32] = 512 * 5 - 1;
	m = build(&x);
	cr_assert(!m->mobility_grouping);
	machine_destroy(m);
	x.managed[ZONE_DMA32] = 512 * 5;
	m = build(&x);
	cr_assert(m->mobility_grouping);
	machine_destroy(m);
}

Test(vmstat, deltas_stay_below_the_threshold)
{
	struct machine *m = build(&pc_4g);
	struct zone *z = &m->zone[ZONE_NORMAL]; /* threshold 24 */

	/* relaxed: one thread */
	atomic_store_explicit(&z->nr_free_pages, 1000, memory_order_relaxed);
	zone_mod_free_pages(z, 1, 24);
	cr_assert_eq(zone_free_pages(z), 1000);
	cr_assert_eq(zone_free_pages_snapshot(z), 1024);
	zone_mod_free_pages(z, 1, 1);
	cr_assert_eq(zone_free_pages(z), 1025);
	zone_mod_free_pages(z, 0, -24);
	zone_mod_free_pages(z, 2, -20);
	cr_assert_eq(zone_free_pages(z), 1025);
	cr_assert_eq(zone_free_pages_safe(z), 1025); /* no drift mark */
	z->percpu_drift_mark = 2000;
	cr_assert_eq(zone_free_pages_safe(z), 981);
	zone_mod_free_pages(z, 0, -1);
	cr_assert_eq(zone_free_pages(z), 1000);
	spin_lock(&z->lock);
	zone_fold_deltas(z);
	spin_unlock(&z->lock);
	cr_assert_eq(zone_free_pages(z), 980);
	cr_assert_eq(zone_free_pages_snapshot(z), 980);
	machine_destroy(m);
}

Test(fragindex, worked_example)
{
	const uint64_t nr_free[NR_PAGE_ORDERS] = { 10, 4, 2, 1, 1 };
	const uint64_t none[NR_PAGE_ORDERS] = { 0 };
	const int unusable[NR_PAGE_ORDERS] = { 0,    200,  360,  520,
					       680,  1000, 1000, 1000,
					       1000, 1000, 1000 };

	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		cr_assert_eq(frag_unusable(nr_free, o), unusable[o]);
		if (o <= 4)
			cr_assert_eq(frag_index(nr_free, o), -1000);
	}
	cr_assert_eq(frag_index(nr_free, 5), 858);
	cr_assert_eq(frag_index(nr_free, 9), 940);
	cr_assert_eq(frag_extfrag_percent(nr_free, 3), 52);
	cr_assert_eq(frag_index(none, 3), 0);
	cr_assert_eq(frag_unusable(none, 3), 1000);
}
