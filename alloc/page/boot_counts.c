/*
 * Laying out free blocks whose numbers are known and whose places are not.
 *
 * Managed memory is cut into regions: aligned blocks of 2^order pages in which
 * nothing is placed yet. A block of order o is taken from the smallest region
 * that fits; the halves that are split off become regions again. What is left
 * of the regions at the end is the memory in use.
 *
 * Two free blocks of equal order that are buddies would have merged, so one
 * half of a pair of halves must keep a page in use: after a block took the
 * lower half of a region, the upper half is `partial`: it may hold smaller
 * blocks, never one of its own size. Regions at the ends of a zone have no
 * buddy inside and are not partial, nor are those of the largest order.
 *
 * A pageblock gets the type of the first block placed in it, as many of each
 * type as the counts say; later blocks prefer pageblocks of their type.
 */
#include "alloc/page/boot_counts.h"

#include <stdlib.h>
#include <string.h>

#include "alloc/page/buddy.h"

#define NO_TYPE NR_MIGRATETYPES /* pageblock not given a type yet */

struct region {
	uint32_t pfn, next;
};

/* Stack of regions of one kind; UINT32_MAX ends. */
struct pool {
	uint32_t first[NR_PAGE_ORDERS];
};

struct placer {
	struct zone *zone;
	const struct zone_boot_counts *want;
	struct region *region;
	uint32_t nr_regions, cap, unused;
	/* by type of the pageblock that they lie in, NO_TYPE last */
	struct pool full[NR_MIGRATETYPES + 1], partial[NR_MIGRATETYPES + 1];
	uint8_t *type;                   /* of each pageblock */
	uint64_t given[NR_MIGRATETYPES]; /* pageblocks by type */
	uint64_t displaced;
	bool failed; /* out of memory */
};

static void push(struct placer *p, struct pool *pool, uint64_t pfn,
		 unsigned order)
{
	uint32_t at = p->unused;

	if (at != UINT32_MAX) {
		p->unused = p->region[at].next;
	} else if (p->nr_regions < p->cap) {
		at = p->nr_regions++;
	} else {
		uint32_t cap = p->cap ? p->cap * 2 : 1024;
		struct region *grown = realloc(p->region, cap * sizeof(*grown));

		if (!grown) {
			p->failed = true;
			return;
		}
		p->region = grown;
		p->cap = cap;
		at = p->nr_regions++;
	}
	p->region[at] = (struct region){ (uint32_t)pfn, pool->first[order] };
	pool->first[order] = at;
}

static uint64_t pop(struct placer *p, struct pool *pool, unsigned order)
{
	uint32_t at = pool->first[order];
	uint64_t pfn = p->region[at].pfn;

	pool->first[order] = p->region[at].next;
	p->region[at].next = p->unused;
	p->unused = at;
	return pfn;
}

/* Moves the regions of a pageblock that has just got its type out of the pool
 * of untyped ones. */
static void retype_pool(struct placer *p, struct pool *from, struct pool *to,
			uint64_t block)
{
	for (unsigned o = 0; o < p->zone->pageblock_order; o++) {
		uint32_t *link = &from->first[o];

		while (*link != UINT32_MAX) {
			uint32_t at = *link;

			if (pageblock_of(p->zone, p->region[at].pfn) != block) {
				link = &p->region[at].next;
				continue;
			}
			*link = p->region[at].next;
			p->region[at].next = to->first[o];
			to->first[o] = at;
		}
	}
}

/* Gives the pageblocks of [pfn, pfn + 2^order) a type, where they have none. */
static void give_type(struct placer *p, uint64_t pfn, unsigned order,
		      unsigned mt)
{
	uint64_t first = pageblock_of(p->zone, pfn);
	uint64_t last = pageblock_of(p->zone, pfn + (1UL << order) - 1);

	for (uint64_t block = first; block <= last; block++) {
		if (p->type[block] != NO_TYPE)
			continue;
		p->type[block] = (uint8_t)mt;
		p->given[mt]++;
		if (order < p->zone->pageblock_order) {
			retype_pool(p, &p->full[NO_TYPE], &p->full[mt], block);
			retype_pool(p, &p->partial[NO_TYPE], &p->partial[mt],
				    block);
		}
	}
}

static unsigned type_at(const struct placer *p, uint64_t pfn, unsigned order)
{
	/* regions larger than a pageblock are never of one type */
	return order >= p->zone->pageblock_order
		       ? NO_TYPE
		       : p->type[pageblock_of(p->zone, pfn)];
}

/* Hands the block to the list of type mt, whatever its pageblock's type. */
static void place(struct placer *p, uint64_t pfn, unsigned order, unsigned mt)
{
	uint64_t nr = order > p->zone->pageblock_order
			      ? 1UL << (order - p->zone->pageblock_order)
			      : 1;
	uint64_t block = pageblock_of(p->zone, pfn);

	for (uint64_t i = block; i < block + nr; i++)
		zone_set_pageblock_mt(p->zone, i, mt);
	buddy_boot_range(p->zone, pfn, pfn + (1UL << order));
}

/*
 * A region of pool type `type` for a block of `order`: the smallest, partial
 * ones first. Splits it and returns the block's pfn, UINT64_MAX if there is
 * none.
 */
static uint64_t take(struct placer *p, unsigned type, unsigned order,
		     unsigned mt)
{
	for (unsigned o = order; o < NR_PAGE_ORDERS; o++) {
		struct pool *pool = &p->partial[type];
		uint64_t pfn;

		if (o == order || pool->first[o] == UINT32_MAX)
			pool = &p->full[type];
		if (pool->first[o] == UINT32_MAX)
			continue;
		pfn = pop(p, pool, o);
		if (o >= p->zone->pageblock_order &&
		    order < p->zone->pageblock_order)
			give_type(p, pfn, order, mt);
		else
			give_type(p, pfn, order < o ? order : o, mt);
		/* each upper half but the block's own buddy may be free whole:
		   below it, the lower half holds that buddy */
		for (unsigned k = o; k-- > order;) {
			uint64_t upper = pfn + (1UL << k);
			unsigned t = type_at(p, upper, k);

			push(p, k == order ? &p->partial[t] : &p->full[t],
			     upper, k);
		}
		return pfn;
	}
	return UINT64_MAX;
}

/* Own pageblocks, a new one where the counts allow one more, any other. */
static uint64_t find(struct placer *p, unsigned order, unsigned mt)
{
	uint64_t pfn = take(p, mt, order, mt);
	bool more = p->given[mt] < p->want->pageblocks[mt];

	for (unsigned mode = 0; mode < 2 && pfn == UINT64_MAX; mode++) {
		if (more == (mode == 0)) {
			pfn = take(p, NO_TYPE, order, mt);
			continue;
		}
		for (unsigned t = 0; t < NR_MIGRATETYPES; t++) {
			if (t != mt && pfn == UINT64_MAX)
				pfn = take(p, t, order, mt);
		}
	}
	return pfn;
}

/* Places one block, or its halves where nothing large enough is left. */
static void put(struct placer *p, unsigned order, unsigned mt)
{
	unsigned pieces = 1;

	for (;; order--, pieces *= 2) {
		uint64_t pfn = UINT64_MAX;

		while (pieces && (pfn = find(p, order, mt)) != UINT64_MAX) {
			place(p, pfn, order, mt);
			pieces--;
		}
		if (!pieces || !order || p->failed)
			break;
		if (pfn == UINT64_MAX)
			p->displaced++;
	}
	p->displaced += pieces;
}

/* Managed pages as maximal aligned blocks. */
static void cut(struct placer *p)
{
	uint64_t pfn = zone_first_managed(p->zone);
	uint64_t end = pfn + p->zone->managed;

	while (pfn < end) {
		unsigned order =
			pfn ? (unsigned)__builtin_ctzl(pfn) : MAX_PAGE_ORDER;

		if (order > MAX_PAGE_ORDER)
			order = MAX_PAGE_ORDER;
		while (pfn + (1UL << order) > end)
			order--;
		push(p, &p->full[type_at(p, pfn, order)], pfn, order);
		pfn += 1UL << order;
	}
}

/* Pageblocks that no count can ask for: holes, and a last one that
 * pagetypeinfo does not reach. */
static void fix_types(struct placer *p)
{
	uint64_t listed = zone_listed_pageblocks(p->zone);

	memset(p->type, NO_TYPE, p->zone->nr_pageblocks);
	for (uint64_t i = 0; i < p->zone->nr_pageblocks; i++) {
		if (zone_pageblock_is_hole(p->zone, i)) {
			p->type[i] = MT_UNMOVABLE;
			p->given[MT_UNMOVABLE] += i < listed;
		} else if (i >= listed) {
			p->type[i] = MT_MOVABLE;
		}
	}
}

/* Types of all pageblocks: those with blocks as placed, the rest so that the
 * numbers come out as wanted, MOVABLE where they do not say. */
static void write_types(struct placer *p)
{
	unsigned mt = 0;

	for (uint64_t block = 0; block < p->zone->nr_pageblocks; block++) {
		unsigned type = p->type[block];

		if (type == NO_TYPE) {
			while (mt < NR_MIGRATETYPES &&
			       p->given[mt] >= p->want->pageblocks[mt])
				mt++;
			type = mt < NR_MIGRATETYPES ? mt : MT_MOVABLE;
			p->given[type]++;
		}
		zone_set_pageblock_mt(p->zone, block, type);
	}
}

static uint64_t boot_zone(struct zone *zone,
			  const struct zone_boot_counts *want)
{
	struct placer *p = calloc(1, sizeof(*p));
	uint64_t displaced;

	if (!p)
		return 1;
	p->zone = zone;
	p->want = want;
	p->unused = UINT32_MAX;
	memset(p->full, 0xff, sizeof(p->full));
	memset(p->partial, 0xff, sizeof(p->partial));
	p->type = malloc(zone->nr_pageblocks);
	if (p->type) {
		fix_types(p);
		cut(p);
		for (int o = MAX_PAGE_ORDER; o >= 0; o--) {
			for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
				uint64_t n = want->nr_free[mt][o];

				while (n-- && !p->failed)
					put(p, (unsigned)o, mt);
			}
		}
		write_types(p);
	}
	displaced = p->displaced + (p->failed || !p->type);
	free(p->type);
	free(p->region);
	free(p);
	return displaced;
}

uint64_t machine_boot_counts(struct machine *m,
			     const struct boot_counts *counts)
{
	uint64_t displaced = 0;

	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *zone = &m->zone[i];

		if (!zone_populated(zone))
			continue;
		if (counts->known[i])
			displaced += boot_zone(zone, &counts->zone[i]);
		else
			zone_boot(zone);
	}
	return displaced;
}
