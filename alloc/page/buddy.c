/*
 * The cold half of the buddy system: fallback between migratetypes with
 * stealing of pageblocks, the HighAtomic reserve, boot, verification. Models
 * mm/page_alloc.c of Linux 6.1 and 6.12; the machine's description says which
 * rules apply (machine->desc.kernel).
 *
 * Locks: zone->lock (RANK_ZONE) protects free_area[], pageblock types,
 * isolated and reserved counts, watermark_boost. Functions that take it
 * themselves say so. Nothing is taken under it.
 *
 * The two rule sets differ in one idea: 6.1 may put pages on lists of a type
 * that their pageblock has not, 6.12 keeps list type and pageblock type
 * equal. Hence 6.1 moves a pageblock's free pages before it knows whether the
 * pageblock changes type, and 6.12 decides first, and otherwise takes a
 * single block and leaves the rest of it where it was.
 */
#include "alloc/page/buddy.h"

#include "alloc/page/watermark.h"

static const uint8_t fallbacks[MT_PCPTYPES][2] = {
	[MT_UNMOVABLE] = { MT_RECLAIMABLE, MT_MOVABLE },
	[MT_MOVABLE] = { MT_RECLAIMABLE, MT_UNMOVABLE },
	[MT_RECLAIMABLE] = { MT_UNMOVABLE, MT_MOVABLE },
};

static bool rules_6_12(const struct zone *zone)
{
	return zone->machine->desc.kernel == KERNEL_6_12;
}

static bool grouping(const struct zone *zone)
{
	return zone->machine->mobility_grouping;
}

static void pageblock_set_mt(struct zone *zone, uint64_t pfn, unsigned mt)
	REQUIRES(zone->lock)
{
	if (!grouping(zone) && migratetype_mergeable(mt))
		mt = MT_UNMOVABLE;
	zone_set_pageblock_mt(zone, pageblock_of(zone, pfn), mt);
}

/* All pageblocks of a block that is at least one pageblock large. */
static void pageblocks_set_mt(struct zone *zone, uint64_t pfn, unsigned order,
			      unsigned mt) REQUIRES(zone->lock)
{
	uint64_t end = pfn + (1ULL << order);

	for (; pfn < end; pfn += 1ULL << zone->pageblock_order)
		pageblock_set_mt(zone, pfn, mt);
}

NOINLINE pfn_t buddy_split(struct zone *zone, unsigned order, unsigned mt)
{
	const struct buddy_ref b = buddy_ref_cpu(zone, 0);
	struct free_area *area = &zone->free_area[order];
	struct buddy_block block = { PFN_LIST_END, order, mt };

	while (block.pfn == PFN_LIST_END) {
		if (++block.order >= NR_PAGE_ORDERS)
			return PFN_NONE;
		area++;
		if (block.order == MAX_PAGE_ORDER &&
		    unlikely(buddy_boot_last(zone, mt)))
			buddy_boot_link(zone, BUDDY_BOOT_CHUNK);
		block.pfn = pfn_list_pop(&area->list[mt], b.map);
	}
	area_count(area, -1u);
	buddy_expand(&b, zone, block, order);
	return (pfn_t){ block.pfn };
}

NOINLINE void buddy_merge_up(struct zone *zone, uint32_t freed, unsigned order,
			     unsigned mt, unsigned fpi_flags)
{
	struct buddy_block block = { freed, order, mt };
	const struct buddy_ref b = buddy_ref_cpu(zone, 0);
	struct page *const map = b.map;
	struct free_area *area = &zone->free_area[block.order];
	/* head word of a free block of the order in turn, type bits 0 */
	uint32_t want = b.head | block.order;
	const uint32_t pageblock = 1u << b.pageblock_order;
	uint32_t size = 1u << block.order;
	uint32_t pfn = block.pfn;

	for (; size < 1u << MAX_PAGE_ORDER; size <<= 1, want++, area++) {
		const uint32_t buddy = pfn ^ size;
		const uint32_t head = page_head(&map[buddy]);

		if (unlikely((head & ~PAGE_HEAD_MT) != want))
			break;
		if (unlikely(size >= pageblock) &&
		    unlikely(pageblock_mt(zone, buddy) != block.mt) &&
		    !buddy_types_merge(zone, buddy, page_head_order(want),
				       block.mt))
			break;
		pfn_list_del(&area->list[page_head_mt(head)], map, buddy);
		area_count(area, -1u);
		page_set_head(&map[buddy], 0);
		pfn &= buddy;
	}
	if (pfn != block.pfn)
		page_set_head_ref(&map[block.pfn], 0, 0);
	block.pfn = pfn;
	block.order = page_head_order(want);
	buddy_put(&b, zone, block,
		  (fpi_flags & FPI_TO_TAIL) || buddy_merges_soon(&b, block));
}

NOINLINE bool buddy_types_merge(struct zone *zone, uint32_t buddy,
				unsigned order, unsigned mt)
{
	unsigned buddy_mt = pageblock_mt(zone, buddy);

	if (buddy_mt == mt)
		return true;
	if (!migratetype_mergeable(mt) || !migratetype_mergeable(buddy_mt))
		return false;
	if (rules_6_12(zone))
		pageblocks_set_mt(zone, buddy, order, mt);
	return true;
}

NOINLINE void buddy_free_slow(unsigned cpu, struct zone *zone, pfn_t pfn,
			      unsigned order, unsigned fpi_flags)
{
	const struct buddy_ref b = buddy_ref_cpu(zone, cpu);
	const uint32_t end = pfn.v + (1u << order);

	/* 6.12: in pieces, each with its own pageblock's type */
	if (rules_6_12(zone) && order > zone->pageblock_order)
		order = zone->pageblock_order;
	page_set_head_ref(&zone->map[pfn.v], 0, 0);
	for (uint32_t at = pfn.v; at < end; at += 1u << order) {
		const unsigned mt = pageblock_mt(zone, at);

		buddy_account(&b, zone, 1L << order, mt);
		buddy_merge(&b, zone, (struct buddy_block){ at, order, mt },
			    fpi_flags);
	}
}

/* To the tail of type mt's list. Linux 6.12 counts the pages out of the one
 * type and into the other, which may fold the CPU's delta. */
static void move_to_list(const struct buddy_ref *b, struct zone *zone,
			 uint32_t pfn, unsigned mt) REQUIRES(zone->lock)
{
	const uint32_t head = page_head(&zone->map[pfn]);
	const unsigned order = page_head_order(head);
	const unsigned from = page_head_mt(head);

	buddy_list_del(b, zone, pfn, order, from);
	buddy_list_add_tail(b, zone, pfn, order, mt);
	if (rules_6_12(zone)) {
		buddy_account(b, zone, -(1L << order), from);
		buddy_account(b, zone, 1L << order, mt);
	} else {
		buddy_count_special(zone, -(1L << order), from);
		buddy_count_special(zone, 1L << order, mt);
	}
}

/* First page of the pageblock's part to look at and its end; empty where the
 * pageblock crosses the zone's end (6.12: either end). */
static bool pageblock_range(const struct zone *zone, uint64_t pfn,
			    uint64_t *start, uint64_t *end)
{
	const uint64_t nr = 1ULL << zone->pageblock_order;

	*start = pfn & ~(nr - 1);
	*end = *start + nr;
	if (*start < zone->start_pfn) {
		if (rules_6_12(zone))
			return false;
		*start = pfn;
	}
	return *end <= zone->start_pfn + zone->spanned;
}

/* Pages of the free block that begins at pfn; 0: none does. */
static long free_block_pages(const struct zone *zone, uint64_t pfn)
{
	uint32_t head = page_head(&zone->map[pfn]);

	return page_head_state(head) == PAGE_BUDDY ? 1L << page_head_order(head)
						   : 0;
}

/* Pages of free blocks in [start, end). */
static long range_free_pages(const struct zone *zone, uint64_t start,
			     uint64_t end)
{
	long pages = 0;

	for (uint64_t pfn = start; pfn < end;) {
		const long block = free_block_pages(zone, pfn);

		pages += block;
		pfn += block ? (uint64_t)block : 1;
	}
	return pages;
}

/* Free blocks of [start, end) to the tails of type mt's lists, ascending.
 * Returns pages moved. */
static long range_move(const struct buddy_ref *b, struct zone *zone,
		       uint64_t start, uint64_t end, unsigned mt)
	REQUIRES(zone->lock)
{
	long pages = 0;

	for (uint64_t pfn = start; pfn < end;) {
		const long block = free_block_pages(zone, pfn);

		if (block)
			move_to_list(b, zone, (uint32_t)pfn, mt);
		pages += block;
		pfn += block ? (uint64_t)block : 1;
	}
	return pages;
}

/* Raises the boost by one pageblock. False: this zone is never boosted. */
static bool boost_watermark(const struct buddy_ref *b, struct zone *zone,
			    struct buddy_request *req) REQUIRES(zone->lock)
{
	const long block = 1L << zone->pageblock_order;
	const long cap = watermark_boost_cap(zone);
	long boost;

	if (!cap)
		return false;
	/* relaxed, both: zone->lock orders the writers */
	boost = atomic_load_explicit(&zone->watermark_boost,
				     memory_order_relaxed);
	boost = min_long(boost + block, cap);
	atomic_store_explicit(&zone->watermark_boost, boost,
			      memory_order_relaxed);
	if (req->alloc_flags & ALLOC_KSWAPD)
		/* relaxed: a request to whoever allocates next */
		atomic_fetch_or_explicit(&zone->flags, ZONE_BOOSTED_WATERMARK,
					 memory_order_relaxed);
	zone_note(b->ctx, zone, EV_BOOST, req->order, (uint64_t)boost);
	return true;
}

/* May a request of type mt take the whole pageblock of a free block of this
 * order? */
static bool may_steal(const struct zone *zone, unsigned order, unsigned mt)
{
	return order >= zone->pageblock_order ||
	       order >= zone->pageblock_order / 2u || mt == MT_RECLAIMABLE ||
	       mt == MT_UNMOVABLE || !grouping(zone);
}

/* First fallback type with a free block of this order, -1: none. */
static int fallback_type(const struct zone *zone, unsigned order, unsigned mt)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fallbacks[0]); i++) {
		unsigned from = fallbacks[mt][i];

		if (!pfn_list_empty(&zone->free_area[order].list[from]))
			return (int)from;
	}
	return -1;
}

bool buddy_can_steal(const struct zone *zone, unsigned order, unsigned mt)
{
	return may_steal(zone, order, mt) &&
	       fallback_type(zone, order, mt) >= 0;
}

static unsigned lowest_order(const struct zone *zone,
			     const struct buddy_request *req)
{
	if (req->order < zone->pageblock_order &&
	    (req->alloc_flags & ALLOC_NOFRAGMENT))
		return zone->pageblock_order;
	return req->order;
}

/* Pages in use of the pageblock that a request of type mt would have chosen
 * the same pageblock for, as far as one can tell. */
static long alike_pages(const struct zone *zone, uint64_t pfn, long free,
			unsigned mt, unsigned block_mt)
{
	/* relaxed: owners change it at any time */
	long movable = atomic_load_explicit(
		&zone->pageblock_movable[pageblock_of(zone, pfn)],
		memory_order_relaxed);

	if (mt == MT_MOVABLE)
		return movable;
	if (block_mt == MT_MOVABLE)
		return (1L << zone->pageblock_order) - (free + movable);
	return 0;
}

static bool enough_to_retag(const struct zone *zone, long pages)
{
	return pages >= 1L << (zone->pageblock_order - 1) || !grouping(zone);
}

static void retag(const struct buddy_ref *b, struct zone *zone,
		  struct buddy_request *req, uint32_t pfn, unsigned from)
	REQUIRES(zone->lock)
{
	pageblock_set_mt(zone, pfn, req->mt);
	zone_note(b->ctx, zone, EV_STEAL, req->order, from << 8 | req->mt);
}

/* 6.1: makes the block at pfn, and what may be had with it, available on the
 * lists of the request's type. whole: stealing the pageblock is allowed. */
static void steal_6_1(const struct buddy_ref *b, struct zone *zone,
		      struct buddy_request *req, uint32_t pfn, bool whole)
	REQUIRES(zone->lock)
{
	const unsigned order = page_head_order(page_head(&zone->map[pfn]));
	const unsigned block_mt = pageblock_mt(zone, pfn);
	uint64_t start, end;
	long free = 0;

	if (block_mt == MT_HIGHATOMIC)
		goto single;
	if (order >= zone->pageblock_order) {
		pageblocks_set_mt(zone, pfn, order, req->mt);
		zone_note(b->ctx, zone, EV_STEAL, req->order,
			  block_mt << 8 | req->mt);
		goto single;
	}
	boost_watermark(b, zone, req);
	if (!whole)
		goto single;
	if (pageblock_range(zone, pfn, &start, &end))
		free = range_move(b, zone, start, end, req->mt);
	if (!free)
		goto single;
	if (enough_to_retag(zone, free + alike_pages(zone, pfn, free, req->mt,
						     block_mt)))
		retag(b, zone, req, pfn, block_mt);
	return;
single:
	move_to_list(b, zone, pfn, req->mt);
}

/* 6.1 (__rmqueue_fallback): true if a block now lies on a list of the
 * request's type. */
static bool fallback_6_1(const struct buddy_ref *b, struct zone *zone,
			 struct buddy_request *req) REQUIRES(zone->lock)
{
	const int lowest = (int)lowest_order(zone, req);
	int order, from = -1;
	bool whole = false;
	uint32_t pfn;

	for (order = MAX_PAGE_ORDER; order >= lowest; order--) {
		from = fallback_type(zone, (unsigned)order, req->mt);
		if (from >= 0)
			break;
	}
	if (from < 0)
		return false;
	whole = may_steal(zone, (unsigned)order, req->mt);
	if (!whole && req->mt == MT_MOVABLE && order > (int)req->order) {
		/* only small blocks are left: take the smallest that will do */
		for (order = (int)req->order;; order++) {
			from = fallback_type(zone, (unsigned)order, req->mt);
			if (from >= 0)
				break;
		}
	}
	pfn = pfn_list_first(&zone->free_area[order].list[from]);
	steal_6_1(b, zone, req, pfn, whole);
	zone_note(b->ctx, zone, EV_FALLBACK, (unsigned)order,
		  (unsigned)from << 8 | req->mt);
	return true;
}

/* Smallest fit from the lists of type mt; 6.12 counts the pages here. */
static pfn_t take_counted(const struct buddy_ref *b, struct zone *zone,
			  struct buddy_request *req, unsigned mt)
	REQUIRES(zone->lock)
{
	pfn_t pfn = buddy_smallest(b, zone, req->order, mt);

	req->list_mt = mt;
	if (pfn_valid(pfn) && rules_6_12(zone))
		buddy_account(b, zone, -(1L << req->order), mt);
	return pfn;
}

/* 6.12: takes over the pageblock of the block at pfn and serves the request
 * from it, or leaves everything as it was. */
static pfn_t claim_block(const struct buddy_ref *b, struct zone *zone,
			 struct buddy_request *req, uint32_t pfn, unsigned from)
	REQUIRES(zone->lock)
{
	const unsigned order = page_head_order(page_head(&zone->map[pfn]));
	const unsigned block_mt = pageblock_mt(zone, pfn);
	uint64_t start, end;
	long free;

	if (order >= zone->pageblock_order) {
		buddy_list_del(b, zone, pfn, order, from);
		buddy_account(b, zone, -(1L << order), from);
		pageblocks_set_mt(zone, pfn, order, req->mt);
		buddy_expand(b, zone,
			     (struct buddy_block){ pfn, order, req->mt },
			     req->order);
		buddy_account(b, zone, (1L << order) - (1L << req->order),
			      req->mt);
		zone_note(b->ctx, zone, EV_STEAL, req->order,
			  block_mt << 8 | req->mt);
		return (pfn_t){ pfn };
	}
	boost_watermark(b, zone, req);
	if (!pageblock_range(zone, pfn, &start, &end))
		return PFN_NONE;
	free = range_free_pages(zone, start, end);
	if (!enough_to_retag(zone, free + alike_pages(zone, pfn, free, req->mt,
						      block_mt)))
		return PFN_NONE;
	range_move(b, zone, start, end, req->mt);
	retag(b, zone, req, pfn, block_mt);
	return take_counted(b, zone, req, req->mt);
}

/* 6.12 (__rmqueue_claim): from the largest order down, until a pageblock can
 * be had whole. */
static pfn_t claim_6_12(const struct buddy_ref *b, struct zone *zone,
			struct buddy_request *req) REQUIRES(zone->lock)
{
	const int lowest = (int)lowest_order(zone, req);

	for (int order = MAX_PAGE_ORDER; order >= lowest; order--) {
		int from;
		uint32_t first;
		pfn_t pfn;

		if (!may_steal(zone, (unsigned)order, req->mt))
			break;
		from = fallback_type(zone, (unsigned)order, req->mt);
		if (from < 0)
			continue;
		first = pfn_list_first(&zone->free_area[order].list[from]);
		pfn = claim_block(b, zone, req, first, (unsigned)from);
		if (!pfn_valid(pfn))
			continue;
		req->list_mt = req->mt;
		zone_note(b->ctx, zone, EV_FALLBACK, (unsigned)order,
			  (unsigned)from << 8 | req->mt);
		return pfn;
	}
	return PFN_NONE;
}

/* 6.12 (__rmqueue_steal): one block, the smallest; what is left of it stays
 * with its type. */
static pfn_t steal_6_12(const struct buddy_ref *b, struct zone *zone,
			struct buddy_request *req) REQUIRES(zone->lock)
{
	for (unsigned o = req->order; o < NR_PAGE_ORDERS; o++) {
		int from = fallback_type(zone, o, req->mt);

		if (from < 0)
			continue;
		zone_note(b->ctx, zone, EV_FALLBACK, o,
			  (unsigned)from << 8 | req->mt);
		return take_counted(b, zone, req, (unsigned)from);
	}
	return PFN_NONE;
}

static pfn_t rmqueue_6_12(const struct buddy_ref *b, struct zone *zone,
			  struct buddy_request *req) REQUIRES(zone->lock)
{
	pfn_t pfn;

	switch (req->mode) {
	case RMQUEUE_NORMAL:
		pfn = take_counted(b, zone, req, req->mt);
		if (pfn_valid(pfn))
			return pfn;
		/* fall through */
	case RMQUEUE_CMA:
		if (req->alloc_flags & ALLOC_CMA) {
			pfn = take_counted(b, zone, req, MT_CMA);
			if (pfn_valid(pfn)) {
				req->mode = RMQUEUE_CMA;
				return pfn;
			}
		}
		/* fall through */
	case RMQUEUE_CLAIM:
		pfn = claim_6_12(b, zone, req);
		if (pfn_valid(pfn)) {
			/* the rest of the pageblock is on our own lists now */
			req->mode = RMQUEUE_NORMAL;
			return pfn;
		}
		/* fall through */
	case RMQUEUE_STEAL:
		if (req->alloc_flags & ALLOC_NOFRAGMENT)
			break;
		pfn = steal_6_12(b, zone, req);
		if (pfn_valid(pfn)) {
			req->mode = RMQUEUE_STEAL;
			return pfn;
		}
		break;
	}
	return PFN_NONE;
}

static pfn_t rmqueue_6_1(const struct buddy_ref *b, struct zone *zone,
			 struct buddy_request *req) REQUIRES(zone->lock)
{
	pfn_t pfn;

	do {
		pfn = take_counted(b, zone, req, req->mt);
		if (!pfn_valid(pfn) && (req->alloc_flags & ALLOC_CMA))
			pfn = take_counted(b, zone, req, MT_CMA);
	} while (!pfn_valid(pfn) && fallback_6_1(b, zone, req));
	return pfn;
}

pfn_t buddy_rmqueue_one(const struct buddy_ref *b, struct zone *zone,
			struct buddy_request *req)
{
	if (buddy_cma_first(zone, req->alloc_flags)) {
		pfn_t pfn = take_counted(b, zone, req, MT_CMA);

		if (pfn_valid(pfn))
			return pfn;
	}
	return rules_6_12(zone) ? rmqueue_6_12(b, zone, req)
				: rmqueue_6_1(b, zone, req);
}

NOINLINE pfn_t buddy_rmqueue_slow(struct page_ctx *ctx, struct zone *zone,
				  struct buddy_request *req)
{
	const struct buddy_ref ref = buddy_ref(ctx, zone), *b = &ref;
	pfn_t pfn = PFN_NONE;

	if (req->alloc_flags & ALLOC_HIGHATOMIC)
		pfn = take_counted(b, zone, req, MT_HIGHATOMIC);
	if (!pfn_valid(pfn))
		pfn = buddy_rmqueue_one(b, zone, req);
	if (!pfn_valid(pfn) &&
	    (req->alloc_flags & (ALLOC_OOM | ALLOC_NON_BLOCK)))
		pfn = take_counted(b, zone, req, MT_HIGHATOMIC);
	if (!pfn_valid(pfn))
		return PFN_NONE;
	page_hand_out(&zone->map[pfn.v], req->order, req->list_mt, zone->id);
	if (!rules_6_12(zone))
		buddy_account(b, zone, -(1L << req->order), req->list_mt);
	return pfn;
}

static long reserved_highatomic(const struct zone *zone)
{
	/* relaxed: zone->lock to write; readers without it look again */
	return atomic_load_explicit(&zone->nr_reserved_highatomic,
				    memory_order_relaxed);
}

static void reserved_highatomic_set(struct zone *zone, long pages)
	REQUIRES(zone->lock)
{
	/* relaxed: as above */
	atomic_store_explicit(&zone->nr_reserved_highatomic, pages,
			      memory_order_relaxed);
}

/* Pages from which on no further pageblock is reserved. */
static long highatomic_limit(const struct zone *zone)
{
	const long block = 1L << zone->pageblock_order;
	const long percent = (long)(zone->managed / 100);

	if (!rules_6_12(zone))
		return percent + block;
	return percent < block ? 0
			       : (long)round_up_pow2((uint64_t)percent,
						     (uint64_t)block);
}

/* All free pages of pfn's pageblock to type mt's lists; pages moved. */
static long pageblock_move(const struct buddy_ref *b, struct zone *zone,
			   uint64_t pfn, unsigned mt) REQUIRES(zone->lock)
{
	uint64_t start, end;

	if (!pageblock_range(zone, pfn, &start, &end))
		return -1;
	return range_move(b, zone, start, end, mt);
}

void buddy_reserve_highatomic(struct page_ctx *ctx, struct zone *zone,
			      pfn_t pfn, unsigned order)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);
	const long block = 1L << zone->pageblock_order;
	long moved = 0, add = block;
	unsigned mt;

	if (reserved_highatomic(zone) >= highatomic_limit(zone))
		return;
	zone_lock(zone);
	mt = pageblock_mt(zone, pfn.v);
	if (reserved_highatomic(zone) >= highatomic_limit(zone) ||
	    !migratetype_mergeable(mt))
		goto out;
	if (rules_6_12(zone) && order >= zone->pageblock_order) {
		pageblocks_set_mt(zone, pfn.v, order, MT_HIGHATOMIC);
		add = 1L << order;
	} else {
		moved = pageblock_move(&b, zone, pfn.v, MT_HIGHATOMIC);
		if (moved < 0 && rules_6_12(zone))
			goto out;
		pageblock_set_mt(zone, pfn.v, MT_HIGHATOMIC);
	}
	reserved_highatomic_set(zone, reserved_highatomic(zone) + add);
	zone_note(ctx, zone, EV_HIGHATOMIC, order, 1);
out:
	zone_unlock(zone);
}

bool buddy_unreserve_highatomic(struct page_ctx *ctx, struct zone *zone,
				unsigned mt, bool force)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);
	const long block = 1L << zone->pageblock_order;
	long moved = 0;

	if (!force && reserved_highatomic(zone) <= block)
		return false;
	zone_lock(zone);
	for (unsigned o = 0; o < NR_PAGE_ORDERS && moved <= 0; o++) {
		uint32_t pfn =
			pfn_list_first(&zone->free_area[o].list[MT_HIGHATOMIC]);
		long reserved = reserved_highatomic(zone);

		if (pfn == PFN_LIST_END)
			continue;
		if (pageblock_mt(zone, pfn) == MT_HIGHATOMIC)
			reserved_highatomic_set(
				zone, reserved - min_long(block, reserved));
		pageblock_set_mt(zone, pfn, mt);
		moved = pageblock_move(&b, zone, pfn, mt);
		zone_note(ctx, zone, EV_HIGHATOMIC, o, 0);
	}
	zone_unlock(zone);
	return moved > 0;
}

void page_movable_add(struct zone *zone, pfn_t pfn, int nr)
{
	/* relaxed: a hint for the stealing rule */
	atomic_fetch_add_explicit(
		&zone->pageblock_movable[pageblock_of(zone, pfn.v)],
		(uint16_t)nr, memory_order_relaxed);
}

void buddy_init_zone(struct zone *zone)
{
	/* relaxed, all: zone->lock orders later writers */
	zone_lock(zone);
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
			struct pfn_list *list = &zone->free_area[o].list[mt];

			pfn_list_for_each (pfn, list, zone->map)
				page_set_head(&zone->map[pfn], 0);
			pfn_list_init(list);
		}
		atomic_store_explicit(&zone->free_area[o].nr_free, 0,
				      memory_order_relaxed);
	}
	zone->boot_next = zone->boot_end = 0;
	atomic_store_explicit(&zone->nr_free_pages, 0, memory_order_relaxed);
	atomic_store_explicit(&zone->nr_free_cma, 0, memory_order_relaxed);
	atomic_store_explicit(&zone->nr_free_highatomic, 0,
			      memory_order_relaxed);
	for (unsigned c = 0; c < zone->machine->desc.topo.nr_cpus; c++)
		atomic_store_explicit(&zone->cpu[c].free_diff, 0,
				      memory_order_relaxed);
	zone_unlock(zone);
}

NOINLINE void buddy_boot_keep(struct zone *zone, unsigned mt)
{
	if (buddy_boot_last(zone, mt))
		buddy_boot_link(zone, BUDDY_BOOT_CHUNK);
}

NOINLINE void buddy_boot_link(struct zone *zone, uint64_t nr)
{
	const unsigned mt = zone->boot_mt;
	struct pfn_list *list = &zone->free_area[MAX_PAGE_ORDER].list[mt];
	const uint32_t head =
		page_head_make(PAGE_BUDDY, MAX_PAGE_ORDER, mt, zone->id);

	for (; nr && zone->boot_next != zone->boot_end; nr--) {
		page_set_head(&zone->map[zone->boot_next], head);
		pfn_list_add_tail(list, zone->map, zone->boot_next);
		zone->boot_next += 1u << MAX_PAGE_ORDER;
	}
}

/* Blocks of the largest order from `start` on whose pageblocks have one
 * ordinary type; few are not worth it: 0. */
static uint64_t boot_run(const struct zone *zone, uint64_t start, uint64_t end)
{
	const uint64_t block = 1ULL << MAX_PAGE_ORDER;
	const unsigned mt = pageblock_mt(zone, start);
	uint64_t pfn = start;

	if (start & (block - 1) || !migratetype_mergeable(mt))
		return 0;
	for (; pfn + block <= end; pfn += block) {
		for (uint64_t i = 0; i < block;
		     i += 1UL << zone->pageblock_order)
			if (pageblock_mt(zone, pfn + i) != mt)
				end = pfn;
		if (end == pfn)
			break;
	}
	return pfn - start >= 64 * block ? (pfn - start) >> MAX_PAGE_ORDER : 0;
}

/* Frees nr blocks of the largest order without touching most of them. */
static void boot_later(struct zone *zone, uint64_t start, uint64_t nr)
	REQUIRES(zone->lock)
{
	zone->boot_mt = (uint8_t)pageblock_mt(zone, start);
	zone->boot_next = (uint32_t)start;
	zone->boot_end = (uint32_t)(start + (nr << MAX_PAGE_ORDER));
	area_count(&zone->free_area[MAX_PAGE_ORDER], (uint32_t)nr);
	zone_mod_free_pages(zone, 0, (long)(nr << MAX_PAGE_ORDER));
	buddy_boot_link(zone, BUDDY_BOOT_CHUNK);
}

void buddy_boot_range(struct zone *zone, uint64_t start, uint64_t end)
{
	zone_lock(zone);
	buddy_boot_link(zone, UINT64_MAX);
	while (start < end) {
		uint64_t run = boot_run(zone, start, end);
		unsigned order = start ? (unsigned)__builtin_ctzll(start)
				       : MAX_PAGE_ORDER;

		if (run && zone->boot_next == zone->boot_end) {
			boot_later(zone, start, run);
			start += run << MAX_PAGE_ORDER;
			continue;
		}
		if (order > MAX_PAGE_ORDER)
			order = MAX_PAGE_ORDER;
		while (start + (1ULL << order) > end)
			order--;
		buddy_free_slow(0, zone, (pfn_t){ (uint32_t)start }, order,
				FPI_TO_TAIL);
		start += 1ULL << order;
	}
	zone_unlock(zone);
}

void buddy_snapshot(struct zone *zone, struct zone_snapshot *out)
{
	*out = (struct zone_snapshot){ 0 };
	zone_lock(zone);
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
			struct pfn_list *list = &zone->free_area[o].list[mt];

			pfn_list_for_each (pfn, list, zone->map)
				out->nr_free[o][mt]++;
			if (o == MAX_PAGE_ORDER)
				out->nr_free[o][mt] +=
					buddy_boot_pending(zone, mt);
			out->free_pages += out->nr_free[o][mt] << o;
		}
	}
	zone_unlock(zone);
}

/* One block of a free list; NULL or what is wrong with it. */
static const char *verify_block(const struct zone *zone, uint64_t pfn,
				unsigned order, unsigned mt)
{
	const uint64_t pages = 1ULL << order;
	const struct page *page = &zone->map[pfn];
	const uint32_t want = page_head_make(PAGE_BUDDY, order, mt, zone->id);
	uint32_t buddy;

	if (pfn & (pages - 1))
		return "a free block is not aligned to its size";
	if (pfn < zone->start_pfn ||
	    pfn + pages > zone->start_pfn + zone->spanned)
		return "a free block leaves its zone";
	if (page_head(page) != want)
		return "head word of a free block is not that of its list";
	/* relaxed: nobody else runs, or holds the page */
	if (atomic_load_explicit(&page->refcount, memory_order_relaxed))
		return "a free block has a reference";
	if (rules_6_12(zone) && pageblock_mt(zone, pfn) != mt)
		return "list type of a free block is not its pageblock's";
	/* larger ones may stay apart after their types have changed */
	if (order < zone->pageblock_order) {
		buddy = page_head(&zone->map[pfn ^ pages]) & ~PAGE_HEAD_MT;
		if (buddy == (want & ~PAGE_HEAD_MT))
			return "two free buddies were not merged";
	}
	for (uint64_t i = 1; CHECK_LEVEL >= 2 && i < pages; i++)
		if (page_head(&page[i]))
			return "a page inside a free block has a head word";
	return NULL;
}

/* One list; its blocks are added to *blocks. */
static const char *verify_list(struct zone *zone, unsigned order, unsigned mt,
			       uint64_t *blocks) REQUIRES(zone->lock)
{
	const struct pfn_list *list = &zone->free_area[order].list[mt];
	uint32_t before = PFN_LIST_END;

	pfn_list_for_each (pfn, list, zone->map) {
		const char *broken = NULL;

		if (pfn >= zone->start_pfn + zone->spanned)
			return "a free list links to a pfn outside of its zone";
		if (zone->map[pfn].prev != before)
			return "prev of a free list does not match next";
		broken = verify_block(zone, pfn, order, mt);
		if (broken)
			return broken;
		if (++*blocks > zone->spanned)
			return "a free list is a ring";
		before = pfn;
	}
	if (order == MAX_PAGE_ORDER) {
		if (buddy_boot_pending(zone, mt) && before == PFN_LIST_END)
			return "blocks are left to link, and their list is "
			       "empty";
		*blocks += buddy_boot_pending(zone, mt);
	}
	if (before != PFN_LIST_END && list->last != before)
		return "last of a free list is not its last block";
	return NULL;
}

static const char *verify_totals(struct zone *zone, long free,
				 const long by_type[NR_MIGRATETYPES])
	REQUIRES(zone->lock)
{
	/* relaxed, all: zone->lock orders the writers */
	long exact = atomic_load_explicit(&zone->nr_free_pages,
					  memory_order_relaxed);
	long boost = atomic_load_explicit(&zone->watermark_boost,
					  memory_order_relaxed);

	for (unsigned c = 0; c < zone->machine->desc.topo.nr_cpus; c++)
		exact += atomic_load_explicit(&zone->cpu[c].free_diff,
					      memory_order_relaxed);
	if (free != exact + by_type[MT_ISOLATE])
		return "free blocks do not add up to nr_free_pages and deltas";
	if (by_type[MT_CMA] !=
	    atomic_load_explicit(&zone->nr_free_cma, memory_order_relaxed))
		return "CMA lists do not add up to nr_free_cma";
	/* 6.1 has no such counter: there a block may merge with one of another
	 * type's list */
	if (rules_6_12(zone) &&
	    by_type[MT_HIGHATOMIC] !=
		    atomic_load_explicit(&zone->nr_free_highatomic,
					 memory_order_relaxed))
		return "HighAtomic lists do not add up to nr_free_highatomic";
	if (boost && boost > watermark_boost_cap(zone))
		return "watermark_boost is above its cap";
	if (reserved_highatomic(zone) &&
	    reserved_highatomic(zone) >=
		    highatomic_limit(zone) + (1L << MAX_PAGE_ORDER))
		return "nr_reserved_highatomic is above its limit";
	return NULL;
}

static const char *verify_locked(struct zone *zone) REQUIRES(zone->lock)
{
	long by_type[NR_MIGRATETYPES] = { 0 }, free = 0;

	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		uint64_t blocks = 0;

		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
			uint64_t before = blocks;
			const char *broken = verify_list(zone, o, mt, &blocks);

			if (broken)
				return broken;
			by_type[mt] += (long)((blocks - before) << o);
		}
		/* relaxed: zone->lock orders the writers */
		if (blocks != atomic_load_explicit(&zone->free_area[o].nr_free,
						   memory_order_relaxed))
			return "nr_free is not the number of blocks listed";
		free += (long)(blocks << o);
	}
	return verify_totals(zone, free, by_type);
}

const char *buddy_verify(struct zone *zone)
{
	const char *broken;

	if (!zone_populated(zone))
		return NULL;
	zone_lock(zone);
	broken = verify_locked(zone);
	zone_unlock(zone);
	return broken;
}

static const char *verify_zonelist(const struct machine *m,
				   const struct zonelist *list)
{
	unsigned nr = 0, populated = 0;

	for (unsigned i = 0; i < m->nr_zones; i++)
		populated += zone_populated(&m->zone[i]);
	for (; list->zone[nr]; nr++) {
		const struct zone *zone = list->zone[nr];

		if (nr && list->zone[nr - 1]->nid == zone->nid &&
		    list->zone[nr - 1]->idx <= zone->idx)
			return "zone indexes of a zonelist do not descend";
		for (unsigned i = 0; i < nr; i++)
			if (list->zone[i] == zone)
				return "a zonelist has a zone twice";
	}
	return nr == populated ? NULL : "a zonelist does not have every zone";
}

const char *buddy_verify_machine(struct machine *m)
{
	const char *broken = NULL;

	for (unsigned i = 0; !broken && i < m->nr_zones; i++)
		broken = buddy_verify(&m->zone[i]);
	for (unsigned n = 0; !broken && n < m->desc.topo.nr_nodes; n++)
		broken = verify_zonelist(
			m, &m->node[n].zonelist[ZONELIST_FALLBACK]);
	return broken;
}
