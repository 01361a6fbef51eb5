/*
 * The buddy system of a zone: free lists by order and migratetype, split,
 * merge, fallback between types. Engines call it under zone->lock; every
 * function that needs the lock says so by REQUIRES.
 *
 * Data: zone->free_area[order].list[migratetype] links the first pages of free
 * blocks through struct page.next/prev (pfns). A free block is described by
 * the head word of its first page alone: state PAGE_BUDDY, order, type of its
 * list, zone. Whether a neighbour may be merged is one load and one compare
 * with the head word that it would have to have; the type bits are left out
 * of it, since a list's type may differ from the pageblock's under the rules
 * of Linux 6.1.
 *
 *   sum over o of nr_free[o] << o == nr_free_pages + all free_diff
 *                                    + pages on Isolate lists
 *
 * The counters (nr_free_pages, nr_free_cma, nr_free_highatomic) are the
 * caller's only where a comment says so.
 */
#ifndef ALLOC_PAGE_BUDDY_H
#define ALLOC_PAGE_BUDDY_H

#include "alloc/page/engine.h"
#include "alloc/page/vmstat.h"

/* relaxed, in all list functions: the owner of the list's lock is the only
 * writer; a reader without the lock wants to know "empty or not" only */
ALWAYS_INLINE uint32_t pfn_list_first(const struct pfn_list *list)
{
	return atomic_load_explicit(&list->first, memory_order_relaxed);
}

ALWAYS_INLINE bool pfn_list_empty(const struct pfn_list *list)
{
	return pfn_list_first(list) == PFN_LIST_END;
}

ALWAYS_INLINE void pfn_list_set_first(struct pfn_list *list, uint32_t pfn)
{
	/* relaxed: see pfn_list_first() */
	atomic_store_explicit(&list->first, pfn, memory_order_relaxed);
}

ALWAYS_INLINE void pfn_list_init(struct pfn_list *list)
{
	pfn_list_set_first(list, PFN_LIST_END);
	list->last = PFN_LIST_END;
}

ALWAYS_INLINE void pfn_list_add_head(struct pfn_list *list, struct page *map,
				     uint32_t pfn)
{
	uint32_t first = pfn_list_first(list);

	map[pfn].next = first;
	map[pfn].prev = PFN_LIST_END;
	if (first != PFN_LIST_END)
		map[first].prev = pfn;
	else
		list->last = pfn;
	pfn_list_set_first(list, pfn);
}

ALWAYS_INLINE void pfn_list_add_tail(struct pfn_list *list, struct page *map,
				     uint32_t pfn)
{
	if (pfn_list_empty(list)) {
		pfn_list_add_head(list, map, pfn);
		return;
	}
	map[pfn].next = PFN_LIST_END;
	map[pfn].prev = list->last;
	map[list->last].next = pfn;
	list->last = pfn;
}

ALWAYS_INLINE void pfn_list_del(struct pfn_list *list, struct page *map,
				uint32_t pfn)
{
	uint32_t next = map[pfn].next, prev = map[pfn].prev;

	if (prev != PFN_LIST_END)
		map[prev].next = next;
	else
		pfn_list_set_first(list, next);
	if (next != PFN_LIST_END)
		map[next].prev = prev;
	else
		list->last = prev;
}

/* Body may not unlink pfn. */
#define pfn_list_for_each(pfn, list, map)                              \
	for (uint32_t pfn = pfn_list_first(list); pfn != PFN_LIST_END; \
	     pfn = (map)[pfn].next)

/* Type of the pageblock that holds pfn. Racy without the lock, as in Linux. */
ALWAYS_INLINE unsigned pageblock_mt(const struct zone *zone, uint64_t pfn)
{
	/* relaxed: one byte on its own */
	return atomic_load_explicit(
		&zone->pageblock_mt[pageblock_of(zone, pfn)],
		memory_order_relaxed);
}

ALWAYS_INLINE bool migratetype_mergeable(unsigned mt)
{
	return mt < MT_PCPTYPES;
}

/* nr_free of one order changes by +1 or -1. */
ALWAYS_INLINE void area_count(struct zone *zone, unsigned order, uint32_t add)
	REQUIRES(zone->lock)
{
	_Atomic uint32_t *nr = &zone->free_area[order].nr_free;

	/* relaxed: zone->lock orders the writers, samplers want a statistic */
	atomic_store_explicit(
		nr, atomic_load_explicit(nr, memory_order_relaxed) + add,
		memory_order_relaxed);
}

ALWAYS_INLINE void buddy_list_add(struct zone *zone, uint32_t pfn,
				  unsigned order, unsigned mt, bool to_tail)
	REQUIRES(zone->lock)
{
	struct pfn_list *list = &zone->free_area[order].list[mt];

	page_set_head(&zone->map[pfn],
		      page_head_make(PAGE_BUDDY, order, mt, zone->id));
	if (to_tail)
		pfn_list_add_tail(list, zone->map, pfn);
	else
		pfn_list_add_head(list, zone->map, pfn);
	area_count(zone, order, 1);
}

/* The page's head word is left to the caller. */
ALWAYS_INLINE void buddy_list_del(struct zone *zone, uint32_t pfn,
				  unsigned order, unsigned mt)
	REQUIRES(zone->lock)
{
	pfn_list_del(&zone->free_area[order].list[mt], zone->map, pfn);
	area_count(zone, order, -1u);
}

/*
 * Cuts the block at pfn from order `high` down to `low` and keeps the lowest
 * part; every upper half goes to the head of its list, type mt.
 */
ALWAYS_INLINE void buddy_expand(struct zone *zone, uint32_t pfn, unsigned low,
				unsigned high, unsigned mt) REQUIRES(zone->lock)
{
	while (high > low) {
		high--;
		buddy_list_add(zone, pfn + (1u << high), high, mt, false);
	}
}

/* The block that was just taken off its list now belongs to a caller. */
ALWAYS_INLINE void page_hand_out(struct page *page, unsigned order, unsigned mt,
				 unsigned zone_id)
{
	page_set_head(page, page_head_make(PAGE_ALLOC, order, mt, zone_id));
	/* relaxed: nobody else knows the page */
	atomic_store_explicit(&page->refcount, 1, memory_order_relaxed);
}

/*
 * Smallest fit on the lists of type mt alone (__rmqueue_smallest): the head of
 * the first non-empty list from `order` upwards. The page is left without a
 * head word. Counters are the caller's.
 */
ALWAYS_INLINE pfn_t buddy_smallest(struct zone *zone, unsigned order,
				   unsigned mt) REQUIRES(zone->lock)
{
	for (unsigned o = order; o < NR_PAGE_ORDERS; o++) {
		uint32_t pfn = pfn_list_first(&zone->free_area[o].list[mt]);

		if (pfn == PFN_LIST_END)
			continue;
		buddy_list_del(zone, pfn, o, mt);
		buddy_expand(zone, pfn, order, o, mt);
		return (pfn_t){ pfn };
	}
	return PFN_NONE;
}

/* Free pages of the zone change by delta, which lay or lie on lists of type
 * mt, as CPU `cpu` sees it. */
ALWAYS_INLINE void buddy_account(struct zone *zone, unsigned cpu, long delta,
				 unsigned mt) REQUIRES(zone->lock)
{
	if (unlikely(mt >= MT_PCPTYPES)) {
		_Atomic long *nr = mt == MT_CMA ? &zone->nr_free_cma
						: &zone->nr_free_highatomic;

		if (mt == MT_ISOLATE)
			return;
		/* relaxed: as area_count() */
		atomic_store_explicit(
			nr,
			atomic_load_explicit(nr, memory_order_relaxed) + delta,
			memory_order_relaxed);
	}
	zone_mod_free_pages(zone, cpu, delta);
}

/* Where __rmqueue of 6.12 succeeded last during one refill; starts at 0. */
enum rmqueue_mode { RMQUEUE_NORMAL, RMQUEUE_CMA, RMQUEUE_CLAIM, RMQUEUE_STEAL };

struct buddy_request {
	struct page_ctx *ctx; /* events; cpu of the counters */
	unsigned order, mt, alloc_flags;
	enum rmqueue_mode mode; /* 6.12: kept over one refill */
	unsigned list_mt; /* out: type of the list that the block came from */
};

/*
 * One block as Linux's __rmqueue takes it, for refills: own type, CMA, then
 * fallback from other types with stealing of pageblocks and watermark boost,
 * by the rules of the machine's kernel. The page is left without a head word.
 * 6.1 counts a whole refill at once, so the block's pages are the caller's to
 * count: buddy_account(zone, cpu, -pages, req->list_mt).
 */
pfn_t buddy_rmqueue_one(struct zone *zone, struct buddy_request *req)
	REQUIRES(zone->lock);

/* rmqueue_buddy of Linux with counters and handing out: HighAtomic lists where
 * the request may, and buddy_rmqueue_one(). */
NOINLINE pfn_t buddy_rmqueue_slow(struct zone *zone, struct buddy_request *req)
	REQUIRES(zone->lock);

/* CMA lists come first once they hold more than half of the free pages. */
ALWAYS_INLINE bool buddy_cma_first(const struct zone *zone,
				   unsigned alloc_flags)
{
	/* relaxed: zone->lock orders the writers */
	long cma =
		atomic_load_explicit(&zone->nr_free_cma, memory_order_relaxed);

	return unlikely(cma) && (alloc_flags & ALLOC_CMA) &&
	       cma > zone_free_pages(zone) / 2;
}

/*
 * A block for a request of type mt, counted and handed out: the hot half of
 * buddy_rmqueue_slow(). PFN_NONE: no list of any permitted type has one.
 */
ALWAYS_INLINE pfn_t buddy_rmqueue(struct page_ctx *ctx, struct zone *zone,
				  unsigned order, unsigned mt,
				  unsigned alloc_flags) REQUIRES(zone->lock)
{
	pfn_t pfn = PFN_NONE;

	if (likely(!(alloc_flags & ALLOC_HIGHATOMIC) &&
		   !buddy_cma_first(zone, alloc_flags)))
		pfn = buddy_smallest(zone, order, mt);
	if (unlikely(!pfn_valid(pfn))) {
		struct buddy_request req = { .ctx = ctx,
					     .order = order,
					     .mt = mt,
					     .alloc_flags = alloc_flags };

		return buddy_rmqueue_slow(zone, &req);
	}
	page_hand_out(&zone->map[pfn.v], order, mt, zone->id);
	zone_mod_free_pages(zone, ctx->cpu, -(1L << order));
	return pfn;
}

/* Orders >= pageblock_order: may the free block at `buddy` be merged into one
 * of type mt? 6.12 gives its pageblocks that type then. */
NOINLINE bool buddy_types_merge(struct zone *zone, uint32_t buddy,
				unsigned order, unsigned mt)
	REQUIRES(zone->lock);

/*
 * __free_one_page without counters: merges the block at pfn with its free
 * buddies as far as that goes and puts it on a list of type mt. Tail of the
 * list if FPI_TO_TAIL, or if its own buddy one order up is free already, so
 * that what will merge soon is used last; else head.
 */
ALWAYS_INLINE void buddy_merge(struct zone *zone, uint32_t pfn, unsigned order,
			       unsigned mt, unsigned fpi_flags)
	REQUIRES(zone->lock)
{
	struct page *const map = zone->map;
	const uint32_t buddy_head = page_head_make(PAGE_BUDDY, 0, 0, zone->id);
	const uint32_t freed = pfn;
	bool to_tail = fpi_flags & FPI_TO_TAIL;

	while (order < MAX_PAGE_ORDER) {
		const uint32_t buddy = pfn ^ (1u << order);
		const uint32_t head = page_head(&map[buddy]);

		if ((head & ~PAGE_HEAD_MT) != (buddy_head | order)) {
			const uint32_t up = (pfn & buddy) ^ (2u << order);

			if (order <= MAX_PAGE_ORDER - 2)
				to_tail |=
					(page_head(&map[up]) & ~PAGE_HEAD_MT) ==
					(buddy_head | (order + 1));
			break;
		}
		if (unlikely(order >= zone->pageblock_order) &&
		    !buddy_types_merge(zone, buddy, order, mt))
			break;
		buddy_list_del(zone, buddy, order, page_head_mt(head));
		page_set_head(&map[buddy], 0);
		pfn &= buddy;
		order++;
	}
	if (pfn != freed)
		page_set_head(&map[freed], 0);
	buddy_list_add(zone, pfn, order, mt, to_tail);
}

/* 6.12: a block larger than a pageblock goes back in pieces, each with its own
 * pageblock's type. */
NOINLINE void buddy_free_large(struct zone *zone, unsigned cpu, uint32_t pfn,
			       unsigned order, unsigned fpi_flags)
	REQUIRES(zone->lock);

/*
 * Takes back 2^order pages: counters, merge, list. The type is the
 * pageblock's. The caller has set the refcount to 0; no page of the block is
 * on any list.
 */
ALWAYS_INLINE void buddy_free(struct zone *zone, unsigned cpu, pfn_t pfn,
			      unsigned order, unsigned fpi_flags)
	REQUIRES(zone->lock)
{
	unsigned mt;

	if (unlikely(order > zone->pageblock_order)) {
		buddy_free_large(zone, cpu, pfn.v, order, fpi_flags);
		return;
	}
	mt = pageblock_mt(zone, pfn.v);
	buddy_account(zone, cpu, 1L << order, mt);
	buddy_merge(zone, pfn.v, order, mt, fpi_flags);
}

/*
 * After an allocation with ALLOC_HIGHATOMIC from `zone`: turns the pageblock
 * of pfn into HighAtomic while the zone's limit allows it. Takes zone->lock.
 */
void buddy_reserve_highatomic(struct page_ctx *ctx, struct zone *zone,
			      pfn_t pfn, unsigned order);

/*
 * Gives one HighAtomic pageblock with free pages back to type mt; `force`:
 * even the last one. Takes zone->lock. True if pages were moved.
 */
bool buddy_unreserve_highatomic(struct page_ctx *ctx, struct zone *zone,
				unsigned mt, bool force);

/*
 * The owner of pages in use says that nr of them, in pfn's pageblock, became
 * movable (or, nr < 0, ceased to be). Any thread, no lock: the stealing rule
 * reads it as Linux reads page flags, racily.
 */
void page_movable_add(struct zone *zone, pfn_t pfn, int nr);

/* machine_boot: gives pages [start, end) of the zone to the free lists in
 * maximal aligned blocks, ascending, each to the tail of its list. */
void buddy_boot_range(struct zone *zone, uint64_t start, uint64_t end);

/* Empty lists, zero counts; machine_create and state loading. */
void buddy_init_zone(struct zone *zone);

/*
 * NULL, or the broken invariant in static text: list links, alignment, head
 * words, refcounts, nr_free, the equation at the top, no two mergeable free
 * buddies, (6.12) list type == pageblock type, boost and HighAtomic limits.
 * Takes zone->lock.
 */
const char *buddy_verify(struct zone *zone);
/* The same for every zone, and the zonelists: each populated zone once, indexes
 * descending within a node. */
const char *buddy_verify_machine(struct machine *m);

/* nr_free, by type, and free pages (racy while others run). */
void buddy_snapshot(struct zone *zone, struct zone_snapshot *out);

#endif
