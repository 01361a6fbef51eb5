/* The measures of mm/vmstat.c, in integers as there. */
#include "alloc/page/fragindex.h"

struct contig {
	uint64_t pages, blocks;
	uint64_t suitable; /* blocks of the wanted order that could be cut */
};

static struct contig contig_of(const uint64_t nr_free[NR_PAGE_ORDERS],
			       unsigned order)
{
	struct contig c = { 0 };

	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		c.pages += nr_free[o] << o;
		c.blocks += nr_free[o];
		if (o >= order)
			c.suitable += nr_free[o] << (o - order);
	}
	return c;
}

void zone_nr_free(const struct zone *zone, uint64_t nr_free[NR_PAGE_ORDERS])
{
	/* relaxed: a statistic */
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
		nr_free[o] = atomic_load_explicit(&zone->free_area[o].nr_free,
						  memory_order_relaxed);
}

int frag_index(const uint64_t nr_free[NR_PAGE_ORDERS], unsigned order)
{
	struct contig c = contig_of(nr_free, order);

	if (!c.blocks)
		return 0;
	if (c.suitable)
		return -1000;
	return 1000 - (int)((1000 + (c.pages * 1000 >> order)) / c.blocks);
}

int frag_unusable(const uint64_t nr_free[NR_PAGE_ORDERS], unsigned order)
{
	struct contig c = contig_of(nr_free, order);

	if (!c.pages)
		return 1000;
	return (int)((c.pages - (c.suitable << order)) * 1000 / c.pages);
}

int frag_extfrag_percent(const uint64_t nr_free[NR_PAGE_ORDERS], unsigned order)
{
	struct contig c = contig_of(nr_free, order);

	if (!c.pages)
		return 0;
	return (int)((c.pages - (c.suitable << order)) * 100 / c.pages);
}
