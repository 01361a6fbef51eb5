/*
 * The arithmetic of mm/page_alloc.c and mm/vmstat.c as Linux 6.1.192 and
 * 6.12.117 do it. All divisions round down; all sizes are managed pages.
 */
#include "alloc/page/watermark.h"

#include <errno.h>
#include <string.h>

#define MIN_HIGH_FRACTION 8
#define MIN_FREE_KB_LOW   128
#define MIN_FREE_KB_HIGH  262144
#define STAT_MAX          125

int pageset_batch_pages(uint64_t managed)
{
	/* a quarter of 1/1024 of the zone, at most 1 MiB, one below a power
	   of two */
	uint64_t batch = managed >> 10;

	if (batch > (1UL << 20) / PAGE_SIZE)
		batch = (1UL << 20) / PAGE_SIZE;
	batch /= 4;
	if (batch < 1)
		batch = 1;
	batch = rounddown_pow_of_two(batch + batch / 2) - 1;
	return batch < 1 ? 1 : (int)batch;
}

int stat_threshold_pages(uint64_t managed, unsigned nr_cpus)
{
	/* memory in units of 128 MiB */
	int t = 2 * fls_long(nr_cpus) *
		(1 + fls_long(managed >> (27 - PAGE_SHIFT)));

	return t < STAT_MAX ? t : STAT_MAX;
}

int pressure_threshold_pages(const struct zone *zone)
{
	long distance = zone->watermark[WMARK_LOW] - zone->watermark[WMARK_MIN];

	distance /= zone->machine->desc.topo.nr_cpus;
	return (int)min_long(STAT_MAX, max_long(1, distance));
}

long watermark_boost_cap(const struct zone *zone)
{
	long factor = zone->machine->desc.watermark_boost_factor;
	uint64_t block = 1UL << zone->pageblock_order;
	uint64_t cap;

	if (!factor || 4 * block > zone->managed)
		return 0;
	cap = mult_frac((uint64_t)zone->watermark[WMARK_HIGH], (uint64_t)factor,
			10000);
	if (!cap)
		return 0;
	return (long)(cap > block ? cap : block);
}

bool zone_is_highmem(const struct zone *zone)
{
	const struct machine *m = zone->machine;

	if (zone->idx == ZONE_HIGHMEM)
		return true;
	if (zone->idx != ZONE_MOVABLE)
		return false;
	for (unsigned nid = 0; nid < m->desc.topo.nr_nodes; nid++) {
		if (m->node[nid].zone[ZONE_HIGHMEM]->spanned)
			return true;
	}
	return false;
}

/* Zones whose min mark is a small constant, and which do not count as low
 * memory: [6.12] Movable as well. */
static bool has_fixed_min(const struct zone *zone)
{
	return zone_is_highmem(zone) ||
	       (zone->machine->desc.kernel >= KERNEL_6_12 &&
		zone->idx == ZONE_MOVABLE);
}

static long effective_mark(const struct zone *zone, enum wmark mark)
{
	/* relaxed: no other thread runs while marks are recomputed */
	return zone->watermark[mark] +
	       atomic_load_explicit(&zone->watermark_boost,
				    memory_order_relaxed);
}

long machine_free_buffer_pages(const struct machine *m)
{
	long pages = 0;

	for (unsigned i = 0; i < m->nr_zones; i++) {
		const struct zone *z = &m->zone[i];
		long high = effective_mark(z, WMARK_HIGH);

		if (z->idx <= ZONE_NORMAL && (long)z->managed > high)
			pages += (long)z->managed - high;
	}
	return pages;
}

static void pageset_compute(struct zone *zone)
{
	const struct machine_desc *d = &zone->machine->desc;
	long fraction = d->percpu_pagelist_high_fraction;
	long managed = (long)zone->managed;
	long batch = pageset_batch_pages(zone->managed);
	long cpus = 0, high, high_max;

	for (unsigned cpu = 0; cpu < d->topo.nr_cpus; cpu++)
		cpus += d->topo.node_of_cpu[cpu] == zone->nid;
	if (!cpus)
		cpus = d->topo.nr_cpus;
	high = fraction ? managed / fraction : effective_mark(zone, WMARK_LOW);
	high = max_long(high / cpus, 4 * batch);
	high_max = max_long(managed / MIN_HIGH_FRACTION / cpus, 4 * batch);
	zone->pageset_batch = (int)batch;
	zone->pageset_high = (int)high;
	zone->pageset_high_min = (int)high;
	zone->pageset_high_max = (int)(fraction ? high : high_max);
}

static void totalreserve_compute(struct machine *m)
{
	m->totalreserve_pages = 0;
	for (unsigned nid = 0; nid < m->desc.topo.nr_nodes; nid++)
		m->node[nid].totalreserve_pages = 0;
	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *z = &m->zone[i];
		long pages = 0;

		for (unsigned j = z->idx; j < MAX_NR_ZONES; j++)
			pages = max_long(pages, z->lowmem_reserve[j]);
		pages = min_long(pages + effective_mark(z, WMARK_HIGH),
				 (long)z->managed);
		m->node[z->nid].totalreserve_pages += pages;
		m->totalreserve_pages += pages;
	}
}

static void marks_compute_zone(struct zone *zone, uint64_t lowmem)
{
	const struct machine *m = zone->machine;
	uint64_t pages_min = (uint64_t)m->min_free_kbytes / 4;
	/* a machine without low memory has no share to give */
	uint64_t share =
		lowmem ? mult_frac(pages_min, zone->managed, lowmem) : 0;
	long gap = max_long(
		(long)(share / 4),
		(long)mult_frac(zone->managed,
				(uint64_t)m->desc.watermark_scale_factor,
				10000));
	long min = (long)share;

	if (has_fixed_min(zone))
		min = clamp_long((long)(zone->managed / 1024), 32, 128);
	for (int mark = WMARK_MIN; mark < NR_WMARK; mark++)
		zone->watermark[mark] = min + mark * gap;
	/* relaxed: no other thread runs */
	atomic_store_explicit(&zone->watermark_boost, 0, memory_order_relaxed);
}

static void marks_compute(struct machine *m)
{
	uint64_t lowmem = 0;

	for (unsigned i = 0; i < m->nr_zones; i++) {
		if (!has_fixed_min(&m->zone[i]))
			lowmem += m->zone[i].managed;
	}
	for (unsigned i = 0; i < m->nr_zones; i++) {
		marks_compute_zone(&m->zone[i], lowmem);
		pageset_compute(&m->zone[i]);
	}
	totalreserve_compute(m);
}

/* The square-root rule; a larger value that a user gave stays. */
static void min_free_compute(struct machine *m)
{
	uint64_t lowmem_kb = 4 * (uint64_t)machine_free_buffer_pages(m);
	long kb = (long)isqrt(lowmem_kb * 16);

	if (kb > m->user_min_free_kbytes)
		m->min_free_kbytes =
			clamp_long(kb, MIN_FREE_KB_LOW, MIN_FREE_KB_HIGH);
}

/* khugepaged's rule: room for blocks of every type in every low zone, at most
 * 5 % of low memory; it only ever raises. */
static void min_free_raise_thp(struct machine *m)
{
	long zones = 0, pages;
	long block = 1L << m->desc.pageblock_order;

	for (unsigned i = 0; i < m->nr_zones; i++)
		zones += m->zone[i].idx <= ZONE_NORMAL &&
			 zone_populated(&m->zone[i]);
	pages = block * zones * 2 + block * zones * MT_PCPTYPES * MT_PCPTYPES;
	pages = min_long(pages, machine_free_buffer_pages(m) / 20);
	m->min_free_kbytes = max_long(m->min_free_kbytes, pages * 4);
}

static void reserve_compute_node(struct machine *m, const struct node *node)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = node->zone[i];
		long ratio = m->desc.lowmem_reserve_ratio[i];
		uint64_t above = 0;

		memset(zone->lowmem_reserve, 0, sizeof(zone->lowmem_reserve));
		if (ratio < 1 || !zone_managed(zone))
			continue;
		for (unsigned j = i + 1; j < MAX_NR_ZONES; j++) {
			above += node->zone[j]->managed;
			zone->lowmem_reserve[j] =
				(long)(above / (uint64_t)ratio);
		}
	}
}

static void reserve_compute(struct machine *m)
{
	for (unsigned nid = 0; nid < m->desc.topo.nr_nodes; nid++)
		reserve_compute_node(m, &m->node[nid]);
	totalreserve_compute(m);
}

static void thresholds_compute(struct machine *m)
{
	unsigned nr_cpus = m->desc.topo.nr_cpus;

	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *z = &m->zone[i];
		const int threshold = stat_threshold_pages(z->managed, nr_cpus);
		const long drift = (long)nr_cpus * threshold;

		/* relaxed: no other thread runs */
		atomic_store_explicit(&z->stat_threshold, threshold,
				      memory_order_relaxed);
		if (zone_populated(z) &&
		    drift > z->watermark[WMARK_LOW] - z->watermark[WMARK_MIN])
			z->percpu_drift_mark = z->watermark[WMARK_HIGH] + drift;
	}
}

void machine_recompute(struct machine *m)
{
	/* the order of a boot: square root, thresholds, khugepaged, user */
	m->user_min_free_kbytes = -1;
	m->min_free_kbytes = 0;
	for (unsigned i = 0; i < m->nr_zones; i++) {
		memset(m->zone[i].watermark, 0, sizeof(m->zone[i].watermark));
		/* relaxed: no other thread runs */
		atomic_store_explicit(&m->zone[i].watermark_boost, 0,
				      memory_order_relaxed);
		m->zone[i].percpu_drift_mark = 0;
	}
	min_free_compute(m);
	reserve_compute(m);
	marks_compute(m);
	thresholds_compute(m);
	if (m->desc.thp && m->desc.thp_enabled) {
		min_free_raise_thp(m);
		marks_compute(m);
	}
	if (m->desc.min_free_kbytes >= 0)
		machine_set_min_free_kbytes(m, m->desc.min_free_kbytes);
}

void machine_set_min_free_kbytes(struct machine *m, long kb)
{
	m->min_free_kbytes = kb;
	m->user_min_free_kbytes = kb;
	m->desc.min_free_kbytes = kb;
	marks_compute(m);
}

void machine_set_watermark_scale_factor(struct machine *m, int factor)
{
	m->desc.watermark_scale_factor = factor;
	marks_compute(m);
}

void machine_set_lowmem_reserve_ratio(struct machine *m,
				      const int32_t ratio[MAX_NR_ZONES])
{
	memcpy(m->desc.lowmem_reserve_ratio, ratio,
	       sizeof(m->desc.lowmem_reserve_ratio));
	reserve_compute(m);
}

int machine_set_high_fraction(struct machine *m, int fraction)
{
	if (fraction && fraction < MIN_HIGH_FRACTION)
		return -EINVAL;
	m->desc.percpu_pagelist_high_fraction = fraction;
	for (unsigned i = 0; i < m->nr_zones; i++)
		pageset_compute(&m->zone[i]);
	return 0;
}

void machine_set_thp(struct machine *m, bool on)
{
	m->desc.thp_enabled = on;
	if (m->desc.thp && on)
		min_free_raise_thp(m);
	else
		min_free_compute(m);
	marks_compute(m);
}
