/*
 * /proc/buddyinfo, pagetypeinfo, zoneinfo and the debugfs indexes. vmstat is in
 * procfs_vmstat.c. Formats: mm/vmstat.c of 6.1.192 and 6.12.117.
 */
#include "alloc/page/procfs.h"

#include "alloc/page/buddy.h"
#include "alloc/page/fragindex.h"
#include "alloc/page/pcp.h"
#include "alloc/page/procfs_names.h"
#include "alloc/page/vmstat.h"

/* pagetypeinfo stops counting a list here, for it holds the zone's lock. */
#define LIST_COUNT_MAX 100000

#define for_each_populated(z, m)                                             \
	for (struct zone *z = (m)->zone; z < (m)->zone + (m)->nr_zones; z++) \
		if (zone_populated(z))

bool counter_printed(const struct counter_name *c, const struct machine_desc *d)
{
	const struct {
		unsigned flag;
		bool there;
	} has[] = {
		{ WHEN_6_1, d->kernel < KERNEL_6_12 },
		{ WHEN_6_12, d->kernel >= KERNEL_6_12 },
		{ WHEN_NUMA, d->has_numa },
		{ WHEN_ZSPAGES, d->has_zspages },
		{ WHEN_SWAP, d->has_swap },
		{ WHEN_BALANCING, d->has_numa_balancing },
		{ WHEN_THP, d->thp },
		{ WHEN_64BIT, d->layout == LAYOUT_X86_64 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(has); i++) {
		if ((c->when & has[i].flag) && !has[i].there)
			return false;
	}
	return true;
}

void procfs_buddyinfo(const struct procfs_source *src, FILE *out)
{
	for_each_populated(z, src->machine)
	{
		uint64_t nr_free[NR_PAGE_ORDERS];

		zone_nr_free(z, nr_free);
		fprintf(out, "Node %d, zone %8s ", z->nid, z->name);
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			fprintf(out, "%6lu ", (unsigned long)nr_free[o]);
		fputc('\n', out);
	}
}

static void print_index(const struct procfs_source *src, FILE *out,
			int (*index)(const uint64_t *, unsigned),
			const char *format)
{
	for_each_populated(z, src->machine)
	{
		uint64_t nr_free[NR_PAGE_ORDERS];

		zone_nr_free(z, nr_free);
		fprintf(out, "Node %d, zone %8s ", z->nid, z->name);
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
			int v = index(nr_free, o);

			/* -1000 is the one negative value */
			fprintf(out, format, v / 1000,
				v < 0 ? -v % 1000 : v % 1000);
		}
		fputc('\n', out);
	}
}

void procfs_extfrag_index(const struct procfs_source *src, FILE *out)
{
	print_index(src, out, frag_index, "%2d.%03d ");
}

void procfs_unusable_index(const struct procfs_source *src, FILE *out)
{
	print_index(src, out, frag_unusable, "%d.%03d ");
}

/* ---- pagetypeinfo ------------------------------------------------------ */

static bool type_printed(const struct machine_desc *d, unsigned mt)
{
	return (mt != MT_CMA || d->has_cma) &&
	       (mt != MT_ISOLATE || d->has_isolate);
}

static void print_free_counts(struct zone *z, unsigned mt, FILE *out)
{
	fprintf(out, "Node %4d, zone %8s, type %12s ", z->nid, z->name,
		migratetype_name((enum migratetype)mt));
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		unsigned long n = 0;

		spin_lock(&z->lock);
		pfn_list_for_each (pfn, &z->free_area[o].list[mt], z->map) {
			if (n++ == LIST_COUNT_MAX)
				break;
		}
		if (o == MAX_PAGE_ORDER)
			n += buddy_boot_pending(z, mt);
		spin_unlock(&z->lock);
		fprintf(out, "%s%6lu ", n > LIST_COUNT_MAX ? ">" : "",
			n > LIST_COUNT_MAX ? (unsigned long)LIST_COUNT_MAX : n);
	}
	fputc('\n', out);
}

static void print_block_counts(const struct zone *z, FILE *out)
{
	const struct machine_desc *d = &z->machine->desc;
	unsigned long count[NR_MIGRATETYPES] = { 0 };
	uint64_t nr = zone_listed_pageblocks(z);

	for (uint64_t i = 0; i < nr; i++)
		count[pageblock_mt(z,
				   z->start_pfn + (i << z->pageblock_order))]++;
	fprintf(out, "Node %d, zone %8s ", z->nid, z->name);
	for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
		if (type_printed(d, mt))
			fprintf(out, "%12lu ", count[mt]);
	}
	fputc('\n', out);
}

static void print_pagetypeinfo_node(const struct machine *m,
				    const struct node *node, FILE *out)
{
	fprintf(out, "Page block order: %d\n", m->desc.pageblock_order);
	fprintf(out, "Pages per block:  %lu\n\n",
		1UL << m->desc.pageblock_order);
	fprintf(out, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
		fprintf(out, "%6d ", (int)o);
	fputc('\n', out);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
			if (zone_populated(node->zone[i]) &&
			    type_printed(&m->desc, mt))
				print_free_counts(node->zone[i], mt, out);
		}
	}
	fprintf(out, "\n%-23s", "Number of blocks type ");
	for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
		if (type_printed(&m->desc, mt))
			fprintf(out, "%12s ",
				migratetype_name((enum migratetype)mt));
	}
	fputc('\n', out);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		if (zone_populated(node->zone[i]))
			print_block_counts(node->zone[i], out);
	}
}

void procfs_pagetypeinfo(const struct procfs_source *src, FILE *out)
{
	const struct machine *m = src->machine;

	for (unsigned nid = 0; nid < m->desc.topo.nr_nodes; nid++) {
		if (m->node[nid].has_memory)
			print_pagetypeinfo_node(m, &m->node[nid], out);
	}
}

/* ---- zoneinfo ---------------------------------------------------------- */

static unsigned long zone_counter(const struct procfs_source *src,
				  const struct zone *z, enum counter_source s)
{
	const struct zone_counters *c =
		src->counters ? &src->counters[z->id] : NULL;

	/* relaxed: statistics */
	switch (s) {
	case FROM_FREE_PAGES:
		return (unsigned long)zone_free_pages(z);
	case FROM_FREE_CMA:
		return (unsigned long)max_long(
			0, atomic_load_explicit(&z->nr_free_cma,
						memory_order_relaxed));
	case FROM_NUMA_HIT:
		return c ? c->numa_hit : 0;
	case FROM_NUMA_MISS:
		return c ? c->numa_miss : 0;
	case FROM_NUMA_FOREIGN:
		return c ? c->numa_foreign : 0;
	case FROM_NUMA_INTERLEAVE:
		return c ? c->numa_interleave : 0;
	case FROM_NUMA_LOCAL:
		return c ? c->numa_local : 0;
	case FROM_NUMA_OTHER:
		return c ? c->numa_other : 0;
	case FROM_PGALLOC:
		return c ? c->pgalloc : 0;
	case FROM_PGFREE:
		return c ? c->pgfree : 0;
	case FROM_SLAB_RECLAIMABLE:
	case FROM_SLAB_UNRECLAIMABLE:
		if (z->idx)
			return 0;
		return (unsigned long)atomic_load_explicit(
			       &z->machine->node[z->nid]
					.slab_bytes[s ==
						    FROM_SLAB_UNRECLAIMABLE],
			       memory_order_relaxed) >>
		       PAGE_SHIFT;
	default:
		return 0;
	}
}

unsigned long procfs_counter(const struct procfs_source *src,
			     enum counter_source s, int idx)
{
	const struct machine *m = src->machine;
	unsigned long sum = 0;

	for (unsigned i = 0; i < m->nr_zones; i++) {
		if (idx < 0 || m->zone[i].idx == idx)
			sum += zone_counter(src, &m->zone[i], s);
	}
	return sum;
}

static bool is_first_populated(const struct node *node, unsigned idx)
{
	if (!zone_populated(node->zone[idx]))
		return false;
	for (unsigned i = 0; i < idx; i++) {
		if (zone_populated(node->zone[i]))
			return false;
	}
	return true;
}

static void print_marks(const struct zone *z, FILE *out)
{
	static const char *const name[NR_WMARK] = { "min", "low", "high",
						    "promo" };
	/* relaxed: a statistic */
	long boost =
		atomic_load_explicit(&z->watermark_boost, memory_order_relaxed);
	unsigned nr =
		z->machine->desc.kernel < KERNEL_6_12 ? WMARK_PROMO : NR_WMARK;

	fprintf(out, "  pages free     %lu\n",
		(unsigned long)zone_free_pages(z));
	fprintf(out, "        %-8s %lu\n", "boost", (unsigned long)boost);
	for (unsigned i = 0; i < nr; i++)
		fprintf(out, "        %-8s %lu\n", name[i],
			(unsigned long)(z->watermark[i] + boost));
}

static void print_sizes(const struct machine *m, const struct zone *z,
			FILE *out)
{
	bool first = true;

	fprintf(out, "        spanned  %lu\n", (unsigned long)z->spanned);
	fprintf(out, "        present  %lu\n", (unsigned long)z->present);
	fprintf(out, "        managed  %lu\n", (unsigned long)z->managed);
	fprintf(out, "        cma      %lu\n", (unsigned long)z->cma);
	fprintf(out, "        protection: (");
	for (unsigned j = 0; j < MAX_NR_ZONES; j++) {
		if (!m->zone_present[j])
			continue;
		fprintf(out, "%s%ld", first ? "" : ", ", z->lowmem_reserve[j]);
		first = false;
	}
	fprintf(out, ")\n");
}

/* What the pageset of a CPU shows; without an engine that has pagesets: what
 * an unused one shows, whose `high` is only set on use from 6.7 on. */
static void print_pageset(const struct procfs_source *src, const struct zone *z,
			  unsigned cpu, FILE *out)
{
	const struct machine_desc *d = &src->machine->desc;
	struct page_engine *e = src->engine;
	int count = 0;
	int high = d->kernel < KERNEL_6_12 ? z->pageset_high : 0;
	int batch = z->pageset_batch;

	if (e && e->ops->pcp) {
		const struct pcp *pcp = e->ops->pcp(e, z, cpu);

		count = (int)pcp->count;
		high = (int)pcp->high;
		batch = (int)pcp->batch;
	}
	fprintf(out, "    cpu: %i\n", d->topo.os_cpu[cpu]);
	fprintf(out, "              count: %i\n", count);
	fprintf(out, "              high:  %i\n", high);
	fprintf(out, "              batch: %i\n", batch);
	fprintf(out, "  vm stats threshold: %d\n", zone_stat_threshold(z));
}

static void print_zone(const struct procfs_source *src, const struct zone *z,
		       FILE *out)
{
	const struct machine *m = src->machine;

	fprintf(out, "Node %d, zone %8s\n", z->nid, z->name);
	if (is_first_populated(&m->node[z->nid], z->idx)) {
		fprintf(out, "  per-node stats\n");
		for (unsigned i = 0; i < nr_node_counters; i++) {
			if (counter_printed(&node_counters[i], &m->desc))
				fprintf(out, "      %-12s %lu\n",
					node_counters[i].name,
					zone_counter(src,
						     m->node[z->nid].zone[0],
						     node_counters[i].source) +
						procfs_reclaim_node(
							m, z->nid,
							node_counters[i].name));
		}
	}
	print_marks(z, out);
	print_sizes(m, z, out);
	if (!zone_populated(z))
		return;
	for (unsigned i = 0; i < nr_zone_counter_names; i++) {
		if (counter_printed(&zone_counter_names[i], &m->desc))
			fprintf(out, "      %-12s %lu\n",
				zone_counter_names[i].name,
				zone_counter(src, z,
					     zone_counter_names[i].source) +
					procfs_reclaim_zone(
						z, zone_counter_names[i].name));
	}
	fprintf(out, "  pagesets\n");
	for (unsigned cpu = 0; cpu < m->desc.topo.nr_cpus; cpu++)
		print_pageset(src, z, cpu, out);
	fprintf(out, "  node_unreclaimable:  %u\n", procfs_unreclaimable(z));
	fprintf(out, "  start_pfn:           %lu\n",
		(unsigned long)z->start_pfn);
}

void procfs_zoneinfo(const struct procfs_source *src, FILE *out)
{
	const struct machine *m = src->machine;

	for (unsigned i = 0; i < m->nr_zones; i++) {
		const struct zone *z = &m->zone[i];

		if (m->node[z->nid].online && m->zone_present[z->idx])
			print_zone(src, z, out);
	}
}
