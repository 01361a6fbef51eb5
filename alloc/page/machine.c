/*
 * Building and booting a machine.
 *
 * Memory: one struct page per pfn in one reserved mapping that is populated on
 * touch. Booting writes one descriptor per free block of up to 4 MiB and
 * nothing else, so a machine of 256 GiB touches 65536 of its 67 million
 * descriptors.
 */
#include "alloc/page/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc/base/check.h"
#include "alloc/page/buddy.h"
#include "alloc/page/kmap.h"
#include "alloc/page/layout.h"
#include "alloc/page/vmalloc.h"
#include "alloc/page/watermark.h"
#include "alloc/page/zonelist.h"

static const char *const zone_names[MAX_NR_ZONES] = {
	[ZONE_DMA] = "DMA",         [ZONE_DMA32] = "DMA32",
	[ZONE_NORMAL] = "Normal",   [ZONE_HIGHMEM] = "HighMem",
	[ZONE_MOVABLE] = "Movable", [ZONE_DEVICE] = "Device",
};

const char *zone_index_name(unsigned idx)
{
	return zone_names[idx];
}

static void *zalloc_aligned(size_t nr, size_t size)
{
	size_t bytes = round_up_pow2(nr * size, CACHELINE_SIZE);
	void *p = aligned_alloc(CACHELINE_SIZE, bytes);

	if (p)
		memset(p, 0, bytes);
	return p;
}

/* 0 or -errno; without a mapper the host's choice stands. */
static int place(const struct machine *m, void *at, size_t bytes, unsigned nid)
{
	struct frame_mapper *fm = m->memory.mapper;

	return fm && fm->place ? fm->place(fm, at, bytes, nid) : 0;
}

void *machine_node_alloc(const struct machine *m, unsigned nid, size_t bytes)
{
	const size_t rounded = round_up_pow2(bytes, PAGE_SIZE);
	void *p = aligned_alloc(PAGE_SIZE, rounded);

	if (!p)
		return NULL;
	if (place(m, p, rounded, nid)) {
		free(p);
		return NULL;
	}
	memset(p, 0, rounded);
	return p;
}

int machine_place_by_frame(const struct machine *m, void *array, size_t size,
			   unsigned order)
{
	for (unsigned i = 0; i < m->nr_spans; i++) {
		const struct zone_span *s = &m->span[i];
		const uint64_t first = s->start >> order;
		const uint64_t end = s->end >> order;
		int r = place(m, (char *)array + first * size,
			      (end - first) * size, m->zone[s->zone_id].nid);

		if (r)
			return r;
	}
	return 0;
}

static int refuse(char *err, size_t err_len, const char *what, unsigned nid,
		  unsigned idx)
{
	snprintf(err, err_len, "node %u, zone %s: %s", nid, zone_names[idx],
		 what);
	return -EINVAL;
}

static int zone_validate(const struct machine_desc *d, unsigned nid,
			 unsigned idx, char *err, size_t err_len)
{
	const struct zone_extent *z = &d->node[nid].zone[idx];
	bool i386 = d->layout == LAYOUT_I386;

	if (z->cma > z->managed || z->managed > z->present ||
	    z->present > z->spanned)
		return refuse(err, err_len,
			      "expected cma <= managed <= present <= spanned",
			      nid, idx);
	if (z->start_pfn >= UINT32_MAX ||
	    z->spanned > UINT32_MAX - z->start_pfn)
		return refuse(err, err_len, "ends beyond 16 TiB", nid, idx);
	if (!z->present)
		return 0;
	if (!d->node[nid].online)
		return refuse(err, err_len, "its node is not online", nid, idx);
	if ((i386 && (idx == ZONE_DMA32 || idx == ZONE_DEVICE)) ||
	    (!i386 && idx == ZONE_HIGHMEM) || idx == ZONE_DEVICE)
		return refuse(err, err_len, "this layout has no such zone", nid,
			      idx);
	return 0;
}

static int topo_validate(const struct topo *t, char *err, size_t err_len)
{
	if (!t->nr_nodes || t->nr_nodes > MAX_NODES || !t->nr_cpus ||
	    t->nr_cpus > MAX_CPUS) {
		snprintf(err, err_len,
			 "expected 1 to %d nodes and 1 to %d CPUs", MAX_NODES,
			 MAX_CPUS);
		return -EINVAL;
	}
	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++) {
		if (t->node_of_cpu[cpu] >= t->nr_nodes) {
			snprintf(err, err_len, "CPU %u: no node %u", cpu,
				 t->node_of_cpu[cpu]);
			return -EINVAL;
		}
	}
	return 0;
}

static int desc_validate(const struct machine_desc *d, char *err,
			 size_t err_len)
{
	uint64_t managed = 0;
	int rc = topo_validate(&d->topo, err, err_len);

	if (rc)
		return rc;
	for (unsigned nid = 0; nid < d->topo.nr_nodes; nid++) {
		for (unsigned idx = 0; idx < MAX_NR_ZONES; idx++) {
			rc = zone_validate(d, nid, idx, err, err_len);
			if (rc)
				return rc;
			managed += d->node[nid].zone[idx].managed;
		}
	}
	if (!managed) {
		snprintf(err, err_len, "the machine has no managed pages");
		return -EINVAL;
	}
	if (d->pageblock_order > MAX_PAGE_ORDER || d->pageblock_order < 1) {
		snprintf(err, err_len, "pageblock order %u: expected 1 to %d",
			 d->pageblock_order, MAX_PAGE_ORDER);
		return -EINVAL;
	}
	return 0;
}

static int zone_init(struct machine *m, struct zone *z, unsigned nid,
		     unsigned idx)
{
	const struct zone_extent *e = &m->desc.node[nid].zone[idx];
	unsigned order = m->desc.pageblock_order;

	z->id = (uint16_t)(nid * MAX_NR_ZONES + idx);
	z->nid = (uint16_t)nid;
	z->idx = (uint8_t)idx;
	z->pageblock_order = (uint8_t)order;
	z->name = zone_names[idx];
	z->machine = m;
	if (e->present) {
		z->start_pfn = e->start_pfn;
		z->spanned = e->spanned;
		z->present = e->present;
		z->managed = e->managed;
		z->cma = e->cma;
	}
	spin_lock_init(&z->lock, RANK_ZONE);
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
			struct pfn_list *list = &z->free_area[o].list[mt];

			/* relaxed: no other thread knows the machine yet */
			atomic_store_explicit(&list->first, PFN_LIST_END,
					      memory_order_relaxed);
			list->last = PFN_LIST_END;
		}
	}
	if (!z->present)
		return 0;
	z->nr_pageblocks = ((z->start_pfn + z->spanned - 1) >> order) -
			   (z->start_pfn >> order) + 1;
	z->pageblock_mt = machine_node_alloc(
		m, nid, z->nr_pageblocks * sizeof(*z->pageblock_mt));
	z->pageblock_movable = machine_node_alloc(
		m, nid, z->nr_pageblocks * sizeof(*z->pageblock_movable));
	z->cpu = machine_node_alloc(m, nid,
				    m->desc.topo.nr_cpus * sizeof(*z->cpu));
	if (!z->pageblock_mt || !z->pageblock_movable || !z->cpu)
		return -ENOMEM;
	return 0;
}

static int nodes_init(struct machine *m)
{
	const struct topo *t = &m->desc.topo;

	for (unsigned nid = 0; nid < t->nr_nodes; nid++) {
		struct node *node = &m->node[nid];

		node->nid = (uint16_t)nid;
		node->online = m->desc.node[nid].online;
		for (unsigned idx = 0; idx < MAX_NR_ZONES; idx++) {
			struct zone *z = &m->zone[nid * MAX_NR_ZONES + idx];
			uint64_t end = node->start_pfn + node->spanned;
			int rc = zone_init(m, z, nid, idx);

			if (rc)
				return rc;
			node->zone[idx] = z;
			m->managed += z->managed;
			if (!z->present)
				continue;
			if (!node->present || z->start_pfn < node->start_pfn)
				node->start_pfn = z->start_pfn;
			if (z->start_pfn + z->spanned > end)
				end = z->start_pfn + z->spanned;
			node->spanned = end - node->start_pfn;
			node->present += z->present;
			node->has_memory = true;
			m->end_pfn = end > m->end_pfn ? end : m->end_pfn;
		}
		node->zonelist =
			zalloc_aligned(NR_ZONELISTS, sizeof(*node->zonelist));
		if (!node->zonelist)
			return -ENOMEM;
	}
	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++)
		m->node[t->node_of_cpu[cpu]].has_cpu = true;
	return 0;
}

static int span_compare(const void *a, const void *b)
{
	const struct zone_span *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int spans_init(struct machine *m, char *err, size_t err_len)
{
	m->span = calloc(m->nr_zones, sizeof(*m->span));
	if (!m->span)
		return -ENOMEM;
	for (unsigned i = 0; i < m->nr_zones; i++) {
		const struct zone *z = &m->zone[i];

		if (zone_populated(z))
			m->span[m->nr_spans++] = (struct zone_span){
				.start = z->start_pfn,
				.end = z->start_pfn + z->spanned,
				.zone_id = z->id,
			};
	}
	qsort(m->span, m->nr_spans, sizeof(*m->span), span_compare);
	/* the spans of servers with interleaved nodes overlap; what counts is
	   that the pages that they hold in this model do not */
	for (unsigned i = 1; i < m->nr_spans; i++) {
		struct zone_span *prev = &m->span[i - 1];
		const struct zone *z = &m->zone[prev->zone_id];

		if (m->span[i].start >= prev->end)
			continue;
		if (zone_first_managed(z) + z->managed > m->span[i].start)
			return refuse(err, err_len,
				      "its pages overlap the next zone's",
				      z->nid, z->idx);
		prev->end = m->span[i].start;
	}
	return 0;
}

/* Pageblocks are all of type 0 still. */
static int homes_init(struct machine *m)
{
	/* whole blocks of the largest order, as map_reserve() */
	const uint64_t nr =
		round_up_pow2(m->end_pfn, 1UL << MAX_PAGE_ORDER) >> HOME_ORDER;
	uint64_t taken = 0; /* homes below have a zone */

	m->home = calloc(nr, sizeof(*m->home));
	if (!m->home)
		return -ENOMEM;
	for (unsigned i = 0; i < m->nr_spans; i++) {
		const struct zone_span *s = &m->span[i];
		const uint64_t end =
			(s->end + (1u << HOME_ORDER) - 1) >> HOME_ORDER;

		for (uint64_t h = s->start >> HOME_ORDER; h < end; h++)
			/* relaxed: no other thread knows the machine yet */
			atomic_store_explicit(
				&m->home[h],
				h < taken ? HOME_MIXED
					  : zone_home(&m->zone[s->zone_id], 0),
				memory_order_relaxed);
		taken = end;
	}
	return machine_place_by_frame(m, m->home, sizeof(*m->home), HOME_ORDER);
}

static void layout_tables(struct machine *m)
{
	bool i386 = m->desc.layout == LAYOUT_I386;
	uint8_t dma32 = i386 ? ZONE_NORMAL : ZONE_DMA32;

	m->zone_present[ZONE_DMA] = true;
	m->zone_present[ZONE_DMA32] = !i386;
	m->zone_present[ZONE_NORMAL] = true;
	m->zone_present[ZONE_HIGHMEM] = i386;
	m->zone_present[ZONE_MOVABLE] = true;
	m->zone_present[ZONE_DEVICE] = !i386 && m->desc.has_device_zone;
	/* illegal combinations get what their lowest bit asks for */
	for (unsigned bits = 0; bits < ARRAY_SIZE(m->gfp_zone); bits++) {
		uint8_t zone = ZONE_NORMAL;

		if (bits & GFP_BIT_DMA)
			zone = ZONE_DMA;
		else if (bits & GFP_BIT_DMA32)
			zone = dma32;
		else if ((bits & GFP_BIT_HIGHMEM) && (bits & GFP_BIT_MOVABLE))
			zone = ZONE_MOVABLE;
		else if ((bits & GFP_BIT_HIGHMEM) && i386)
			zone = ZONE_HIGHMEM;
		m->gfp_zone[bits] = zone;
	}
}

static int map_reserve(struct machine *m)
{
	/* whole blocks of the largest order: the buddy of any page is inside */
	uint64_t pages = round_up_pow2(m->end_pfn, 1UL << MAX_PAGE_ORDER);

	m->map_bytes = round_up_pow2(pages * sizeof(*m->map), PAGE_SIZE);
	m->map = mmap(NULL, m->map_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->map == MAP_FAILED) {
		m->map = NULL;
		return -ENOMEM;
	}
	/* a huge page per touched descriptor would populate the whole array;
	   a kernel without huge pages refuses, which is as good */
	(void)madvise(m->map, m->map_bytes, MADV_NOHUGEPAGE);
	for (unsigned i = 0; i < m->nr_zones; i++)
		m->zone[i].map = m->map;
	return 0;
}

/* One array, the zones of a node on that node. */
static struct zone *zones_alloc(const struct machine *m)
{
	const size_t row = MAX_NR_ZONES * sizeof(struct zone);
	char *zones =
		aligned_alloc(PAGE_SIZE, m->nr_zones * sizeof(struct zone));

	if (!zones)
		return NULL;
	for (unsigned nid = 0; nid < m->desc.topo.nr_nodes; nid++)
		if (place(m, zones + nid * row, row, nid)) {
			free(zones);
			return NULL;
		}
	memset(zones, 0, m->nr_zones * sizeof(struct zone));
	return (struct zone *)zones;
}

int machine_create(struct machine **out, const struct machine_desc *desc,
		   const struct machine_memory *memory, char *err,
		   size_t err_len)
{
	struct machine *m;
	uint64_t nr_types;
	int rc;

	rc = desc_validate(desc, err, err_len);
	if (rc)
		return rc;
	m = calloc(1, sizeof(*m));
	if (!m)
		goto err_memory;
	m->desc = *desc;
	if (memory)
		m->memory = *memory;
	m->nr_zones = (uint16_t)(desc->topo.nr_nodes * MAX_NR_ZONES);
	m->zone = zones_alloc(m);
	m->node = zalloc_aligned(desc->topo.nr_nodes, sizeof(*m->node));
	if (!m->zone || !m->node || nodes_init(m) || map_reserve(m))
		goto err_memory;
	rc = spans_init(m, err, err_len);
	if (rc == -ENOMEM ||
	    (!rc && (homes_init(m) ||
		     machine_place_by_frame(m, m->map, sizeof(*m->map), 0))))
		goto err_memory;
	if (rc) {
		machine_destroy(m);
		return rc;
	}
	m->highmem_pfn = layout_highmem_pfn(desc);
	layout_tables(m);
	zonelists_build(m);
	/* without enough pages for a block of each type Linux gives up
	   grouping */
	nr_types = NR_MIGRATETYPES - !desc->has_cma - !desc->has_isolate;
	m->mobility_grouping = m->managed >= nr_types << desc->pageblock_order;
	machine_recompute(m);
	rc = kmap_init(m, err, err_len);
	if (rc) {
		machine_destroy(m);
		return rc;
	}
	*out = m;
	return 0;

err_memory:
	snprintf(err, err_len, "not enough memory for the machine");
	machine_destroy(m);
	return -ENOMEM;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	vmalloc_exit(m);
	kmap_exit(m);
	for (unsigned i = 0; m->zone && i < m->nr_zones; i++) {
		free(m->zone[i].pageblock_mt);
		free(m->zone[i].pageblock_movable);
		free(m->zone[i].cpu);
	}
	for (unsigned i = 0; m->node && i < m->desc.topo.nr_nodes; i++)
		free(m->node[i].zonelist);
	if (m->map)
		munmap(m->map, m->map_bytes);
	free(m->home);
	free(m->span);
	free(m->node);
	free(m->zone);
	free(m);
}

uint64_t zone_first_managed(const struct zone *zone)
{
	if (zone->idx == ZONE_DMA)
		return zone->start_pfn + zone->spanned - zone->managed;
	return zone->start_pfn;
}

uint64_t zone_listed_pageblocks(const struct zone *zone)
{
	uint64_t block = 1UL << zone->pageblock_order;
	uint64_t pages = zone->present;

	/* the hole of a DMA zone lies in front, in blocks that have pages */
	if (zone->machine->desc.layout == LAYOUT_I386 || zone->idx == ZONE_DMA)
		pages = zone->spanned;
	return (pages + block - 1) >> zone->pageblock_order;
}

bool zone_pageblock_is_hole(const struct zone *zone, uint64_t block)
{
	uint64_t first = (zone->start_pfn >> zone->pageblock_order) + block;

	return zone->idx != ZONE_DMA && first << zone->pageblock_order >=
						zone->start_pfn + zone->present;
}

void zone_set_pageblock_mt(struct zone *zone, uint64_t block, unsigned mt)
{
	const unsigned nr = 1u << (zone->pageblock_order - HOME_ORDER);
	const uint64_t first =
		((zone->start_pfn >> zone->pageblock_order) + block) * nr;
	/* relaxed, all: one word each; zone->lock orders the writers */
	const unsigned old = atomic_load_explicit(&zone->pageblock_mt[block],
						  memory_order_relaxed);

	atomic_store_explicit(&zone->pageblock_mt[block], (uint8_t)mt,
			      memory_order_relaxed);
	for (uint64_t i = first; i < first + nr; i++) {
		_Atomic uint64_t *home = &zone->machine->home[i];
		uint64_t word =
			atomic_load_explicit(home, memory_order_relaxed);

		/* a zone's span may reach into another's */
		if (!(word & HOME_MIXED) &&
		    (word % HOME_SPECIAL) >> HOME_MT_BITS == zone->id)
			atomic_fetch_add_explicit(home, (uint64_t)mt - old,
						  memory_order_relaxed);
	}
}

/* The zone's CMA area: whole pageblocks at the end of its managed pages. */
static void boot_pageblock_types(struct zone *z, uint64_t end)
{
	uint8_t mt = z->machine->mobility_grouping ? MT_MOVABLE : MT_UNMOVABLE;
	uint64_t block = 1UL << z->pageblock_order;
	uint64_t cma_end = end & ~(block - 1);
	uint64_t cma_pages = z->cma & ~(block - 1);

	if (cma_pages > cma_end - z->start_pfn)
		cma_pages = 0;
	for (uint64_t i = 0; i < z->nr_pageblocks; i++)
		zone_set_pageblock_mt(
			z, i, zone_pageblock_is_hole(z, i) ? MT_UNMOVABLE : mt);
	for (uint64_t pfn = cma_end - cma_pages; pfn < cma_end; pfn += block)
		zone_set_pageblock_mt(z, pageblock_of(z, pfn), MT_CMA);
}

void zone_boot(struct zone *zone)
{
	uint64_t start = zone_first_managed(zone);

	boot_pageblock_types(zone, start + zone->managed);
	buddy_boot_range(zone, start, start + zone->managed);
}

void machine_boot(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_zones; i++) {
		if (zone_populated(&m->zone[i]))
			zone_boot(&m->zone[i]);
	}
}

struct zone *machine_zone_of(const struct machine *m, uint64_t pfn)
{
	unsigned lo = 0, hi = m->nr_spans;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (pfn >= m->span[mid].end)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == m->nr_spans || pfn < m->span[lo].start)
		return NULL;
	return &m->zone[m->span[lo].zone_id];
}
