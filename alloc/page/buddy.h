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
#include "alloc/page/zone_lock.h"

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

	map[pfn].links = first | (uint64_t)PFN_LIST_END << 32;
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
	map[pfn].links = PFN_LIST_END | (uint64_t)list->last << 32;
	map[list->last].next = pfn;
	list->last = pfn;
}

ALWAYS_INLINE void pfn_list_del(struct pfn_list *list, struct page *map,
				uint32_t pfn)
{
	uint32_t next = map[pfn].next, prev = map[pfn].prev;

	if (prev == PFN_LIST_END) {
		pfn_list_set_first(list, next);
		if (next != PFN_LIST_END)
			map[next].prev = PFN_LIST_END;
		return;
	}
	map[prev].next = next;
	if (next != PFN_LIST_END)
		map[next].prev = prev;
	else
		list->last = prev;
}

/* Unlinks and returns the first, PFN_LIST_END: empty. */
ALWAYS_INLINE uint32_t pfn_list_pop(struct pfn_list *list, struct page *map)
{
	uint32_t pfn = pfn_list_first(list), next;

	if (pfn == PFN_LIST_END)
		return pfn;
	next = map[pfn].next;
	pfn_list_set_first(list, next);
	if (next != PFN_LIST_END)
		map[next].prev = PFN_LIST_END;
	return pfn;
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

/*
 * What an operation needs and nobody changes, read before zone->lock is taken:
 * loads that follow a locked instruction wait for it, so whatever is read
 * afterwards lengthens the critical section. Functions that are not inlined get
 * ctx and make their own, so that this one can live in registers.
 */
struct buddy_ref {
	struct page_ctx *ctx; /* events; NULL: counted on a given CPU */
	struct page *map;
	struct zone_cpu *cpu; /* of ctx->cpu */
	long threshold;       /* of cpu->free_diff */
	uint32_t head;        /* head word of a free order-0 block, type 0 */
	unsigned pageblock_order;
};

/* For frees that are counted on any CPU; events need a ctx. */
ALWAYS_INLINE struct buddy_ref buddy_ref_cpu(const struct zone *zone,
					     unsigned cpu)
{
	return (struct buddy_ref){
		.map = zone->map,
		.cpu = &zone->cpu[cpu],
		.threshold = zone_stat_threshold(zone),
		.head = page_head_make(PAGE_BUDDY, 0, 0, zone->id),
		.pageblock_order = zone->pageblock_order,
	};
}

ALWAYS_INLINE struct buddy_ref buddy_ref(struct page_ctx *ctx,
					 const struct zone *zone)
{
	struct buddy_ref b = buddy_ref_cpu(zone, ctx->cpu);

	b.ctx = ctx;
	return b;
}

/* nr_free of one order changes by +1 or -1. */
ALWAYS_INLINE void area_count(struct free_area *area, uint32_t add)
{
	/* relaxed: zone->lock orders the writers, samplers want a statistic */
	atomic_store_explicit(
		&area->nr_free,
		atomic_load_explicit(&area->nr_free, memory_order_relaxed) +
			add,
		memory_order_relaxed);
}

/* Links the next nr of the zone's unlinked boot blocks. */
#define BUDDY_BOOT_CHUNK 32
NOINLINE void buddy_boot_link(struct zone *zone, uint64_t nr)
	REQUIRES(zone->lock);

/* Blocks of [MAX_PAGE_ORDER][mt] that are free but on no list yet. */
ALWAYS_INLINE uint64_t buddy_boot_pending(const struct zone *zone, unsigned mt)
{
	return mt == zone->boot_mt
		       ? (zone->boot_end - zone->boot_next) >> MAX_PAGE_ORDER
		       : 0;
}

/* Is only one block of those that are free since boot linked? */
ALWAYS_INLINE bool buddy_boot_last(const struct zone *zone, unsigned mt)
{
	const struct pfn_list *list = &zone->free_area[MAX_PAGE_ORDER].list[mt];

	return buddy_boot_pending(zone, mt) &&
	       zone->map[pfn_list_first(list)].next == PFN_LIST_END;
}

/* Before a block leaves list mt of the largest order, which must not look empty
 * to others while blocks are left to link. */
NOINLINE void buddy_boot_keep(struct zone *zone, unsigned mt)
	REQUIRES(zone->lock);

/* Before a block goes to the tail of a list: what is not linked comes first. */
ALWAYS_INLINE void buddy_boot_flush(struct zone *zone, unsigned order,
				    unsigned mt) REQUIRES(zone->lock)
{
	if (unlikely(order == MAX_PAGE_ORDER && buddy_boot_pending(zone, mt)))
		buddy_boot_link(zone, UINT64_MAX);
}

ALWAYS_INLINE void buddy_list_add(const struct buddy_ref *b, struct zone *zone,
				  uint32_t pfn, unsigned order, unsigned mt)
	REQUIRES(zone->lock)
{
	struct free_area *area = &zone->free_area[order];

	page_set_head(&b->map[pfn],
		      b->head | page_head_make(PAGE_TAIL, order, mt, 0));
	pfn_list_add_head(&area->list[mt], b->map, pfn);
	area_count(area, 1);
}

ALWAYS_INLINE void buddy_list_add_tail(const struct buddy_ref *b,
				       struct zone *zone, uint32_t pfn,
				       unsigned order, unsigned mt)
	REQUIRES(zone->lock)
{
	struct free_area *area = &zone->free_area[order];

	buddy_boot_flush(zone, order, mt);
	page_set_head(&b->map[pfn],
		      b->head | page_head_make(PAGE_TAIL, order, mt, 0));
	pfn_list_add_tail(&area->list[mt], b->map, pfn);
	area_count(area, 1);
}

/* The page's head word is left to the caller. */
ALWAYS_INLINE void buddy_list_del(const struct buddy_ref *b, struct zone *zone,
				  uint32_t pfn, unsigned order, unsigned mt)
	REQUIRES(zone->lock)
{
	struct free_area *area = &zone->free_area[order];

	if (order == MAX_PAGE_ORDER)
		buddy_boot_keep(zone, mt);
	pfn_list_del(&area->list[mt], b->map, pfn);
	area_count(area, -1u);
}

struct buddy_block {
	uint32_t pfn;
	unsigned order, mt;
};

/*
 * Cuts the block, which is on no list, down to order `low` and keeps the
 * lowest part; every upper half goes to the head of its list.
 */
ALWAYS_INLINE void buddy_expand(const struct buddy_ref *b, struct zone *zone,
				struct buddy_block block, unsigned low)
	REQUIRES(zone->lock)
{
	struct free_area *area = &zone->free_area[block.order];
	/* the order is the lowest part of the head word */
	uint32_t head =
		b->head | page_head_make(PAGE_TAIL, block.order, block.mt, 0);
	uint32_t size = 1u << block.order;

	for (unsigned order = block.order; order > low; order--) {
		area--;
		head--;
		size >>= 1;
		page_set_head(&b->map[block.pfn + size], head);
		pfn_list_add_head(&area->list[block.mt], b->map,
				  block.pfn + size);
		area_count(area, 1);
	}
}

/* The block that was just taken off its list now belongs to a caller. */
ALWAYS_INLINE void page_hand_out(struct page *page, unsigned order, unsigned mt,
				 unsigned zone_id)
{
	page_set_head_ref(page, page_head_make(PAGE_ALLOC, order, mt, zone_id),
			  1);
}

/* The rest of buddy_smallest() where the list of `order` itself is empty. */
NOINLINE pfn_t buddy_split(struct zone *zone, unsigned order, unsigned mt)
	REQUIRES(zone->lock);

/*
 * Smallest fit on the lists of type mt alone (__rmqueue_smallest): the head of
 * the first non-empty list from `order` upwards. The page is left without a
 * head word. Counters are the caller's.
 *
 * Only the case without a split is inlined: its few values then stay in
 * registers, and what a loop over the orders would spill to the stack would
 * have to be written before the next locked instruction completes.
 */
ALWAYS_INLINE pfn_t buddy_smallest(const struct buddy_ref *b, struct zone *zone,
				   unsigned order, unsigned mt)
	REQUIRES(zone->lock)
{
	struct free_area *area = &zone->free_area[order];
	uint32_t pfn;

	if (unlikely(order == MAX_PAGE_ORDER))
		buddy_boot_keep(zone, mt);
	pfn = pfn_list_pop(&area->list[mt], b->map);
	if (pfn == PFN_LIST_END)
		return buddy_split(zone, order, mt);
	area_count(area, -1u);
	return (pfn_t){ pfn };
}

/* zone_mod_free_pages() with what was read beforehand. */
ALWAYS_INLINE void buddy_mod_free(const struct buddy_ref *b, struct zone *zone,
				  long delta) REQUIRES(zone->lock)
{
	/* relaxed, all: see vmstat.h */
	long x = delta +
		 atomic_load_explicit(&b->cpu->free_diff, memory_order_relaxed);

	if (unlikely((unsigned long)(x + b->threshold) >
		     2 * (unsigned long)b->threshold)) {
		x += atomic_load_explicit(&zone->nr_free_pages,
					  memory_order_relaxed);
		atomic_store_explicit(&zone->nr_free_pages, x,
				      memory_order_relaxed);
		x = 0;
	}
	atomic_store_explicit(&b->cpu->free_diff, (int8_t)x,
			      memory_order_relaxed);
}

/* nr_free_cma and nr_free_highatomic, for lists of those types. */
ALWAYS_INLINE void buddy_count_special(struct zone *zone, long delta,
				       unsigned mt) REQUIRES(zone->lock)
{
	_Atomic long *nr = mt == MT_CMA          ? &zone->nr_free_cma
			   : mt == MT_HIGHATOMIC ? &zone->nr_free_highatomic
						 : NULL;

	/* relaxed: zone->lock orders the writers */
	if (nr)
		atomic_store_explicit(
			nr,
			atomic_load_explicit(nr, memory_order_relaxed) + delta,
			memory_order_relaxed);
}

/* Free pages of the zone change by delta, which lay or lie on lists of type
 * mt; those on Isolate lists are not free. */
ALWAYS_INLINE void buddy_account(const struct buddy_ref *b, struct zone *zone,
				 long delta, unsigned mt) REQUIRES(zone->lock)
{
	if (unlikely(mt >= MT_PCPTYPES)) {
		buddy_count_special(zone, delta, mt);
		if (mt == MT_ISOLATE)
			return;
	}
	buddy_mod_free(b, zone, delta);
}

/* Where __rmqueue of 6.12 succeeded last during one refill; starts at 0. */
enum rmqueue_mode { RMQUEUE_NORMAL, RMQUEUE_CMA, RMQUEUE_CLAIM, RMQUEUE_STEAL };

struct buddy_request {
	unsigned order, mt, alloc_flags;
	enum rmqueue_mode mode; /* 6.12: kept over one refill */
	unsigned list_mt; /* out: type of the list that the block came from */
};

/*
 * One block as Linux's __rmqueue takes it, for refills: own type, CMA, then
 * fallback from other types with stealing of pageblocks and watermark boost,
 * by the rules of the machine's kernel. The page is left without a head word.
 * Counters: 6.12 counts the block out here; 6.1 counts a whole refill at once,
 * so there they are the caller's: buddy_account(b, zone, -pages, req->list_mt).
 */
pfn_t buddy_rmqueue_one(const struct buddy_ref *b, struct zone *zone,
			struct buddy_request *req) REQUIRES(zone->lock);

/* rmqueue_buddy of Linux with counters and handing out: HighAtomic lists where
 * the request may, and buddy_rmqueue_one(). */
NOINLINE pfn_t buddy_rmqueue_slow(struct page_ctx *ctx, struct zone *zone,
				  struct buddy_request *req)
	REQUIRES(zone->lock);

/* CMA lists come first once they hold more than half of the free pages. */
ALWAYS_INLINE bool buddy_cma_first(const struct zone *zone,
				   unsigned alloc_flags)
{
	long cma;

	if (!(alloc_flags & ALLOC_CMA))
		return false;
	/* relaxed: zone->lock orders the writers */
	cma = atomic_load_explicit(&zone->nr_free_cma, memory_order_relaxed);
	return unlikely(cma) && cma > zone_free_pages(zone) / 2;
}

/*
 * A block for a request of type mt, counted and handed out: the hot half of
 * buddy_rmqueue_slow(). PFN_NONE: no list of any permitted type has one.
 */
ALWAYS_INLINE pfn_t buddy_rmqueue(const struct buddy_ref *b, struct zone *zone,
				  unsigned order, unsigned mt,
				  unsigned alloc_flags) REQUIRES(zone->lock)
{
	pfn_t pfn = PFN_NONE;

	if (likely(!(alloc_flags & ALLOC_HIGHATOMIC) &&
		   !buddy_cma_first(zone, alloc_flags)))
		pfn = buddy_smallest(b, zone, order, mt);
	if (unlikely(!pfn_valid(pfn))) {
		struct buddy_request req = { .order = order,
					     .mt = mt,
					     .alloc_flags = alloc_flags };

		return buddy_rmqueue_slow(b->ctx, zone, &req);
	}
	page_hand_out(&b->map[pfn.v], order, mt, page_head_zone(b->head));
	buddy_mod_free(b, zone, -(1L << order));
	return pfn;
}

/* The same by a caller that does not hold zone->lock. */
ALWAYS_INLINE pfn_t buddy_rmqueue_locking(struct page_ctx *ctx,
					  struct zone *zone, unsigned order,
					  unsigned mt, unsigned alloc_flags)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);
	pfn_t pfn;

	zone_lock(zone);
	pfn = buddy_rmqueue(&b, zone, order, mt, alloc_flags);
	zone_unlock(zone);
	return pfn;
}

/* Orders >= pageblock_order: may the free block at `buddy` be merged into one
 * of type mt? 6.12 gives its pageblocks that type then. */
NOINLINE bool buddy_types_merge(struct zone *zone, uint32_t buddy,
				unsigned order, unsigned mt)
	REQUIRES(zone->lock);

/* The block, whose free buddies were merged with it, onto the list of its order
 * and type. */
ALWAYS_INLINE void buddy_put(const struct buddy_ref *b, struct zone *zone,
			     struct buddy_block block, bool to_tail)
	REQUIRES(zone->lock)
{
	struct free_area *area = &zone->free_area[block.order];

	page_set_head_ref(
		&b->map[block.pfn],
		b->head | page_head_make(PAGE_TAIL, block.order, block.mt, 0),
		0);
	if (unlikely(to_tail)) {
		buddy_boot_flush(zone, block.order, block.mt);
		pfn_list_add_tail(&area->list[block.mt], b->map, block.pfn);
	} else {
		pfn_list_add_head(&area->list[block.mt], b->map, block.pfn);
	}
	area_count(area, 1);
}

/* Is there a free block of this order at pfn, of any type? */
ALWAYS_INLINE bool buddy_is_free(const struct buddy_ref *b, uint32_t pfn,
				 unsigned order)
{
	return (page_head(&b->map[pfn]) & ~PAGE_HEAD_MT) == (b->head | order);
}

/* Would the block that this one and its busy buddy form have a free buddy? */
ALWAYS_INLINE bool buddy_merges_soon(const struct buddy_ref *b,
				     struct buddy_block block)
{
	const uint32_t size = 1u << block.order;

	return block.order < MAX_PAGE_ORDER - 1 &&
	       buddy_is_free(b, (block.pfn & ~size) ^ (size << 1),
			     block.order + 1);
}

/* The rest of buddy_merge() where the block's buddy is free. Plain numbers: a
 * struct of them would go through memory, half written and read as a whole. */
NOINLINE void buddy_merge_up(struct zone *zone, uint32_t pfn, unsigned order,
			     unsigned mt, unsigned fpi_flags)
	REQUIRES(zone->lock);

/*
 * __free_one_page without counters: merges the block with its free buddies as
 * far as that goes and puts it on a list of its type. Tail of the list if
 * FPI_TO_TAIL, or if its own buddy one order up is free already, so that what
 * will merge soon is used last; else head. As in buddy_smallest(), only the
 * case without a merge is inlined.
 */
ALWAYS_INLINE void buddy_merge(const struct buddy_ref *b, struct zone *zone,
			       struct buddy_block block, unsigned fpi_flags)
	REQUIRES(zone->lock)
{
	if (block.order < MAX_PAGE_ORDER &&
	    buddy_is_free(b, block.pfn ^ (1u << block.order), block.order))
		buddy_merge_up(zone, block.pfn, block.order, block.mt,
			       fpi_flags);
	else
		buddy_put(b, zone, block,
			  (fpi_flags & FPI_TO_TAIL) ||
				  buddy_merges_soon(b, block));
}

/* What a free can find out before it takes the lock. */
struct buddy_site {
	const _Atomic uint8_t *pageblock_mt;
	unsigned mt;   /* seen without the lock */
	bool ordinary; /* by mt and order: counters and merge are all it needs
			*/
};

ALWAYS_INLINE struct buddy_site buddy_site(const struct zone *zone, pfn_t pfn,
					   unsigned order)
{
	struct buddy_site site;

	site.pageblock_mt = &zone->pageblock_mt[pageblock_of(zone, pfn.v)];
	/* relaxed: checked again under the lock */
	site.mt = atomic_load_explicit(site.pageblock_mt, memory_order_relaxed);
	site.ordinary = site.mt < MT_PCPTYPES &&
			(order <= zone->pageblock_order ||
			 zone->machine->desc.kernel == KERNEL_6_1);
	return site;
}

/* A free that is not ordinary: pageblock retagged since buddy_site(), counters
 * of special types, 6.12's cutting of blocks larger than a pageblock. */
NOINLINE void buddy_free_slow(unsigned cpu, struct zone *zone, pfn_t pfn,
			      unsigned order, unsigned fpi_flags)
	REQUIRES(zone->lock);

/*
 * Takes back 2^order pages: counters, merge, list. The type is the
 * pageblock's. The block's reference count becomes 0; no page of the block is
 * on any list. block.mt is site->mt.
 */
ALWAYS_INLINE void buddy_free(const struct buddy_ref *b, struct zone *zone,
			      const struct buddy_site *site,
			      struct buddy_block block, unsigned fpi_flags)
	REQUIRES(zone->lock)
{
	/* relaxed: zone->lock orders the writers */
	if (unlikely(!site->ordinary ||
		     atomic_load_explicit(site->pageblock_mt,
					  memory_order_relaxed) != site->mt)) {
		buddy_free_slow((unsigned)(b->cpu - zone->cpu), zone,
				(pfn_t){ block.pfn }, block.order, fpi_flags);
		return;
	}
	buddy_mod_free(b, zone, 1L << block.order);
	buddy_merge(b, zone, block, fpi_flags);
}

/* Could a request of type mt take over the pageblock of a free block of this
 * order that lies on another type's list? Without the lock: a hint. */
bool buddy_can_steal(const struct zone *zone, unsigned order, unsigned mt);

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
