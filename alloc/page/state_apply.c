/*
 * From a state that was read to a machine in that state, and back to text.
 *
 * Overlap of list entries is found with a bitmap of the zone's pages, so that
 * loading touches no more page descriptors than the state has blocks. What the
 * lists must add up to is then checked by buddy_verify().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/buddy.h"
#include "alloc/page/layout.h"
#include "alloc/page/state.h"

static bool is_i386(const struct state *s)
{
	for (unsigned i = 0; i < s->nr_zones; i++) {
		if (s->zone[i].idx == ZONE_HIGHMEM)
			return true;
		if (s->zone[i].idx == ZONE_DMA32)
			return false;
	}
	/* x86-64 has Normal memory above 4 GiB only */
	for (unsigned i = 0; i < s->nr_zones; i++)
		if (s->zone[i].idx == ZONE_NORMAL)
			return s->zone[i].start_pfn < 1UL << (32 - PAGE_SHIFT);
	return false;
}

static int describe_zone(const struct state *s, const struct state_zone *z,
			 struct machine_desc *desc, char *err, size_t err_len)
{
	if (z->pageblock_pages != 1UL << desc->pageblock_order ||
	    z->pageblock_pages > 1UL << MAX_PAGE_ORDER) {
		snprintf(err, err_len,
			 "%s:%d: node %u zone %s: %llu pages per pageblock, "
			 "another zone has %lu",
			 s->name, z->line, z->nid, zone_index_name(z->idx),
			 (unsigned long long)z->pageblock_pages,
			 1UL << desc->pageblock_order);
		return -EINVAL;
	}
	desc->node[z->nid].online = true;
	desc->node[z->nid].zone[z->idx] = (struct zone_extent){
		.start_pfn = z->start_pfn,
		.spanned = z->spanned,
		.present = z->present,
		.managed = z->managed,
	};
	return 0;
}

int state_describe(const struct state *s, struct machine_desc *desc, char *err,
		   size_t err_len)
{
	const bool i386 = is_i386(s);
	unsigned nr_nodes = 1;
	int rc = 0;

	layout_set(desc, i386 ? LAYOUT_I386 : LAYOUT_X86_64,
		   s->zone[0].pageblock_pages < 1UL << MAX_PAGE_ORDER);
	desc->pageblock_order =
		(uint8_t)__builtin_ctzll(s->zone[0].pageblock_pages);
	desc->has_device_zone = !i386 && s->zone[0].nr_reserve == 5;
	desc->kernel = s->zone[0].pcp.tuned ? KERNEL_6_12 : KERNEL_6_1;
	for (unsigned i = 0; i < s->nr_zones && !rc; i++) {
		if (s->zone[i].nid >= nr_nodes)
			nr_nodes = s->zone[i].nid + 1u;
		rc = describe_zone(s, &s->zone[i], desc, err, err_len);
	}
	layout_topo(&desc->topo, 1, nr_nodes);
	desc->topo.synthetic = true;
	for (unsigned nid = 0; nid < nr_nodes; nid++)
		desc->node[nid].online = true;
	snprintf(desc->name, sizeof(desc->name), "state");
	return rc;
}

static int refuse(const struct state *s, const struct state_zone *z, char *err,
		  size_t err_len, const char *what)
{
	snprintf(err, err_len, "%s:%d: node %u zone %s: %s", s->name, z->line,
		 z->nid, zone_index_name(z->idx), what);
	return -EINVAL;
}

/* Marks the block's pages as used; false where one of them was already, or the
 * block is not one of this zone. */
static bool claim(const struct zone *zone, unsigned char *used, uint64_t pfn,
		  unsigned order)
{
	const uint64_t pages = 1ULL << order;

	if ((pfn & (pages - 1)) || pfn < zone->start_pfn ||
	    pfn + pages > zone->start_pfn + zone->spanned ||
	    pageblock_mt(zone, pfn) >= NR_MIGRATETYPES)
		return false;
	for (uint64_t i = pfn - zone->start_pfn;
	     i < pfn - zone->start_pfn + pages; i++) {
		if (used[i / 8] & 1u << i % 8)
			return false;
		used[i / 8] |= (unsigned char)(1u << i % 8);
	}
	return true;
}

static void load_free(const struct state *s, const struct state_list *list,
		      struct zone *zone)
{
	const struct buddy_ref b = buddy_ref_cpu(zone, 0);

	spin_lock(&zone->lock);
	for (size_t i = 0; i < list->nr; i++) {
		buddy_list_add_tail(&b, zone, s->pfn[list->first + i],
				    list->order, list->mt);
		buddy_count_special(zone, 1L << list->order, list->mt);
	}
	spin_unlock(&zone->lock);
}

static void load_cached(const struct state *s, const struct state_list *list,
			struct zone *zone, struct pcp *p)
{
	const unsigned order = pcp_list_order(zone, list->order);

	for (size_t i = 0; i < list->nr; i++) {
		const uint32_t pfn = s->pfn[list->first + i];
		unsigned mt = pageblock_mt(zone, pfn);

		/* other types ride on the MOVABLE lists; the rest may differ
		   from the pageblock's type */
		if (mt < MT_PCPTYPES)
			mt = list->mt;
		page_set_head_ref(&zone->map[pfn],
				  page_head_make(PAGE_PCP, order, mt, zone->id),
				  0);
		pfn_list_add_tail(&p->list[list->order], zone->map, pfn);
	}
}

static int load_lists(const struct state *s, const struct state_zone *z,
		      struct zone *zone, struct pcp *p, unsigned char *used)
{
	for (unsigned i = 0; i < z->nr_lists; i++) {
		const struct state_list *list = &z->list[i];
		const unsigned order =
			list->pcp ? pcp_list_order(zone, list->order)
				  : list->order;

		for (size_t n = 0; n < list->nr; n++)
			if (!claim(zone, used, s->pfn[list->first + n], order))
				return list->line;
		if (list->pcp && !p)
			return list->line;
		if (list->pcp)
			load_cached(s, list, zone, p);
		else
			load_free(s, list, zone);
	}
	return 0;
}

static void load_pcp(const struct state_pcp *from, struct pcp *p)
{
	p->count = from->count;
	p->high = from->high;
	p->batch = from->batch;
	p->tuned = from->tuned;
	p->free_factor = (uint8_t)from->free_factor;
	p->high_min = from->high_min;
	p->high_max = from->high_max;
	p->alloc_factor = (uint8_t)from->alloc_factor;
	p->free_count = from->free_count;
	p->flags = (uint8_t)from->flags;
	for (unsigned i = 0; i < PCP_NR_LISTS; i++)
		pfn_list_init(&p->list[i]);
}

static void load_fields(const struct state_zone *z, struct zone *zone)
{
	const struct machine *m = zone->machine;
	unsigned column = 0;

	for (unsigned i = WMARK_MIN; i <= WMARK_HIGH; i++)
		zone->watermark[i] = z->mark[i];
	zone->watermark[WMARK_PROMO] =
		2 * z->mark[WMARK_HIGH] - z->mark[WMARK_LOW];
	for (unsigned j = 0; j < MAX_NR_ZONES; j++)
		if (m->zone_present[j] && column < z->nr_reserve)
			zone->lowmem_reserve[j] = z->reserve[column++];
	/* relaxed: no other thread runs */
	atomic_store_explicit(&zone->stat_threshold, (int)z->stat_threshold,
			      memory_order_relaxed);
	zone->pageset_batch = z->pcp.given ? z->pcp.batch : zone->pageset_batch;
	/* relaxed, all: no other thread runs */
	atomic_store_explicit(&zone->watermark_boost, z->boost,
			      memory_order_relaxed);
	atomic_store_explicit(&zone->nr_reserved_highatomic, z->highatomic,
			      memory_order_relaxed);
	atomic_store_explicit(&zone->flags, (uint32_t)z->flags,
			      memory_order_relaxed);
	atomic_store_explicit(&zone->nr_free_pages, z->free,
			      memory_order_relaxed);
	atomic_store_explicit(&zone->cpu[0].free_diff, (int8_t)z->free_diff,
			      memory_order_relaxed);
	for (uint64_t i = 0; i < z->nr_pageblocks; i++) {
		zone_set_pageblock_mt(zone, i, z->pageblock_mt[i]);
		atomic_store_explicit(&zone->pageblock_movable[i],
				      z->movable[i], memory_order_relaxed);
	}
}

static bool same_extent(const struct state_zone *z, const struct zone *zone)
{
	return z->start_pfn == zone->start_pfn && z->spanned == zone->spanned &&
	       z->present == zone->present && z->managed == zone->managed &&
	       z->pageblock_pages == 1UL << zone->pageblock_order;
}

static int apply_zone(const struct state *s, const struct state_zone *z,
		      struct machine *m, struct page_engine *e, char *err,
		      size_t err_len)
{
	struct zone *zone = &m->zone[z->nid * MAX_NR_ZONES + z->idx];
	struct pcp *p = e && e->ops->pcp ? e->ops->pcp(e, zone, 0) : NULL;
	unsigned char *used;
	const char *broken;
	int line;

	if (!same_extent(z, zone))
		return refuse(s, z, err, err_len,
			      "the state's extent is not the machine's");
	if (z->pcp.count && !p)
		return refuse(s, z, err, err_len,
			      "pages on per-CPU lists need an engine that has "
			      "such lists, as pcp");
	used = calloc(zone->spanned / 8 + 1, 1);
	if (!used) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	buddy_init_zone(zone);
	load_fields(z, zone);
	if (p)
		load_pcp(&z->pcp, p);
	line = load_lists(s, z, zone, p, used);
	free(used);
	if (line) {
		snprintf(err, err_len,
			 "%s:%d: expected blocks of this zone, aligned to "
			 "their order, each page at most once",
			 s->name, line);
		return -EINVAL;
	}
	broken = buddy_verify(zone);
	return broken ? refuse(s, z, err, err_len, broken) : 0;
}

int state_apply(const struct state *s, struct machine *m, struct page_engine *e,
		char *err, size_t err_len)
{
	unsigned populated = 0;
	int rc = 0;

	for (unsigned i = 0; i < m->nr_zones; i++)
		populated += zone_populated(&m->zone[i]);
	if (populated != s->nr_zones) {
		snprintf(err, err_len, "the state has %u zones, the machine %u",
			 s->nr_zones, populated);
		return -EINVAL;
	}
	for (unsigned i = 0; i < s->nr_zones && !rc; i++) {
		if (s->zone[i].nid >= m->desc.topo.nr_nodes)
			return refuse(s, &s->zone[i], err, err_len,
				      "the machine has no such node");
		rc = apply_zone(s, &s->zone[i], m, e, err, err_len);
	}
	if (!rc && e) {
		const char *broken = e->ops->verify(e);

		if (broken) {
			snprintf(err, err_len, "%s: %s", s->name, broken);
			return -EINVAL;
		}
	}
	return rc;
}

static void print_zone(FILE *f, const struct zone *zone)
{
	const struct machine *m = zone->machine;

	/* relaxed, all: no other thread runs */
	fprintf(f,
		"ZONE node %u %s start_pfn %llu spanned %llu present %llu "
		"managed %llu free %ld freediff %d stat_threshold %d min %ld "
		"low %ld high %ld boost %ld highatomic %ld reserve",
		zone->nid, zone->name, (unsigned long long)zone->start_pfn,
		(unsigned long long)zone->spanned,
		(unsigned long long)zone->present,
		(unsigned long long)zone->managed,
		atomic_load_explicit(&zone->nr_free_pages,
				     memory_order_relaxed),
		atomic_load_explicit(&zone->cpu[0].free_diff,
				     memory_order_relaxed),
		zone_stat_threshold(zone), zone->watermark[WMARK_MIN],
		zone->watermark[WMARK_LOW], zone->watermark[WMARK_HIGH],
		atomic_load_explicit(&zone->watermark_boost,
				     memory_order_relaxed),
		atomic_load_explicit(&zone->nr_reserved_highatomic,
				     memory_order_relaxed));
	for (unsigned j = 0; j < MAX_NR_ZONES; j++)
		if (m->zone_present[j])
			fprintf(f, " %ld", zone->lowmem_reserve[j]);
	fprintf(f, " flags %u\n",
		atomic_load_explicit(&zone->flags, memory_order_relaxed));
}

/* PCP fields of a zone: the engine's, else those given, else fresh ones. */
static struct state_pcp pcp_fields(const struct zone *zone, const struct pcp *p,
				   const struct state *fixed)
{
	struct state_pcp out = {
		.tuned = zone->machine->desc.kernel != KERNEL_6_1,
		.batch = zone->pageset_batch,
		.high_min = zone->pageset_high_min,
		.high_max = zone->pageset_high_max,
		.flags = PCP_FREE_HIGH_BATCH,
	};

	if (p)
		return (struct state_pcp){
			.tuned = p->tuned,
			.count = p->count,
			.high = p->high,
			.batch = p->batch,
			.free_factor = p->free_factor,
			.high_min = p->high_min,
			.high_max = p->high_max,
			.alloc_factor = p->alloc_factor,
			.free_count = p->free_count,
			.flags = p->flags,
		};
	for (unsigned i = 0; fixed && i < fixed->nr_zones; i++)
		if (fixed->zone[i].nid == zone->nid &&
		    fixed->zone[i].idx == zone->idx)
			return fixed->zone[i].pcp;
	if (!out.tuned)
		out.high = zone->pageset_high;
	return out;
}

static void print_pcp(FILE *f, const struct state_pcp *p)
{
	fprintf(f, "PCP count %d high %d batch %d ", p->count, p->high,
		p->batch);
	if (p->tuned)
		fprintf(f,
			"high_min %d high_max %d alloc_factor %d free_count %d "
			"flags %d\n",
			p->high_min, p->high_max, p->alloc_factor,
			p->free_count, p->flags);
	else
		fprintf(f, "free_factor %d\n", p->free_factor);
}

static void print_list(FILE *f, const struct zone *zone,
		       const struct pfn_list *list)
{
	pfn_list_for_each (pfn, list, zone->map)
		fprintf(f, " %u", pfn);
	putc('\n', f);
}

static void print_cached(FILE *f, const struct zone *zone, const struct pcp *p)
{
	for (unsigned i = 0; i < PCP_NR_LISTS; i++) {
		if (pfn_list_empty(&p->list[i]))
			continue;
		if (i >= PCP_THP_LIST)
			fprintf(f, "PL thp%u:", i - PCP_THP_LIST);
		else
			fprintf(f, "PL %u %c:", i / MT_PCPTYPES,
				migratetype_letter(i % MT_PCPTYPES));
		print_list(f, zone, &p->list[i]);
	}
}

static void print_free(FILE *f, const struct zone *zone)
{
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
			const struct pfn_list *list =
				&zone->free_area[o].list[mt];

			if (pfn_list_empty(list))
				continue;
			fprintf(f, "FL %u %c:", o,
				migratetype_letter((enum migratetype)mt));
			print_list(f, zone, list);
		}
	}
}

static void print_pageblocks(FILE *f, const struct zone *zone)
{
	fprintf(f, "PB %lu:", 1UL << zone->pageblock_order);
	for (uint64_t i = 0; i < zone->nr_pageblocks; i++) {
		/* relaxed, both: no other thread runs */
		unsigned mt = atomic_load_explicit(&zone->pageblock_mt[i],
						   memory_order_relaxed);

		putc(mt < NR_MIGRATETYPES
			     ? migratetype_letter((enum migratetype)mt)
			     : '.',
		     f);
	}
	fputs("\nLB", f);
	for (uint64_t i = 0; i < zone->nr_pageblocks; i++) {
		unsigned pages = atomic_load_explicit(
			&zone->pageblock_movable[i], memory_order_relaxed);

		if (pages)
			fprintf(f, " %llu:%u", (unsigned long long)i, pages);
	}
	putc('\n', f);
}

/* By the same two lines begins a zone in SNAP and in COUNTS. */
static struct pcp *print_zone_pcp(FILE *f, struct zone *zone,
				  struct page_engine *e,
				  const struct state *fixed)
{
	struct pcp *p = e && e->ops->pcp ? e->ops->pcp(e, zone, 0) : NULL;
	struct state_pcp fields = pcp_fields(zone, p, fixed);

	print_zone(f, zone);
	print_pcp(f, &fields);
	return p;
}

void state_print(FILE *f, struct machine *m, struct page_engine *e,
		 const struct state *fixed)
{
	fputs("SNAP 0\n", f);
	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *zone = &m->zone[i];
		struct pcp *p;

		if (!zone_populated(zone))
			continue;
		spin_lock(&zone->lock);
		buddy_boot_link(zone, UINT64_MAX);
		spin_unlock(&zone->lock);
		p = print_zone_pcp(f, zone, e, fixed);
		if (p)
			print_cached(f, zone, p);
		print_free(f, zone);
		print_pageblocks(f, zone);
	}
	fputs("ENDSNAP\n", f);
}

static void print_counts(FILE *f, struct zone *zone)
{
	struct zone_snapshot snap;

	buddy_snapshot(zone, &snap);
	fputs("NR_FREE", f);
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
		/* relaxed: no other thread runs */
		fprintf(f, " %u",
			atomic_load_explicit(&zone->free_area[o].nr_free,
					     memory_order_relaxed));
	putc('\n', f);
	for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
		uint64_t any = 0;

		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			any |= snap.nr_free[o][mt];
		if (!any)
			continue;
		fprintf(f, "NR_FREE_MT %c",
			migratetype_letter((enum migratetype)mt));
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			fprintf(f, " %llu",
				(unsigned long long)snap.nr_free[o][mt]);
		putc('\n', f);
	}
}

void state_print_counts(FILE *f, struct machine *m, struct page_engine *e,
			const struct state *fixed)
{
	fputs("COUNTS\n", f);
	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *zone = &m->zone[i];

		if (!zone_populated(zone))
			continue;
		print_zone_pcp(f, zone, e, fixed);
		print_counts(f, zone);
	}
	fputs("ENDCOUNTS\n", f);
}
