/*
 * The page API and its policy: which zone may serve a request, from which
 * mark down, with which reserves. The hot half is always-inline over a
 * constant ops table, for bind files and measured loops; alloc_pages() and its
 * kin are the same through ctx->ops for everybody else. What the inline half
 * does not settle at once goes to page_alloc_slow(), one ordinary function.
 *
 * A request larger than MAX_PAGE_ORDER is refused (PFN_NONE); such sizes are
 * for vmalloc, which joins frames from anywhere: page_order_refusal().
 */
#ifndef ALLOC_PAGE_PAGE_ALLOC_H
#define ALLOC_PAGE_PAGE_ALLOC_H

#include "alloc/page/engine.h"
#include "alloc/page/vmstat.h"

/*
 * All of these: called by the thread that owns ctx, no lock held. Orders 0 to
 * MAX_PAGE_ORDER; a larger order returns PFN_NONE.
 *
 * alloc_pages: 2^order contiguous frames aligned to their size, or PFN_NONE
 * (below the watermark, or nothing large enough). The node that is asked first
 * is ctx->node unless ctx->policy says otherwise.
 */
pfn_t alloc_pages(struct page_ctx *ctx, gfp_t gfp, unsigned order);
/* From node nid first; nid < nr_nodes, PFN_NONE otherwise. */
pfn_t alloc_pages_node(struct page_ctx *ctx, unsigned nid, gfp_t gfp,
		       unsigned order);
/* Fills up to n slots of out[]; returns how many. Slots that are not PFN_NONE
 * on entry are kept and counted, as in the kernel's array interface. */
unsigned alloc_pages_bulk(struct page_ctx *ctx, gfp_t gfp, unsigned n,
			  pfn_t *out);
/* Drops one reference; the last one frees 2^order frames. Where others still
 * hold the first frame of a block that is not compound, the frames behind it
 * are freed at once (__free_pages of Linux). */
void free_pages(struct page_ctx *ctx, pfn_t pfn, unsigned order);
/* One reference of each of n order-0 frames. */
void free_pages_bulk(struct page_ctx *ctx, unsigned n, const pfn_t *pfn);
/* One more reference on the block's first frame; the caller has one. */
void page_get(struct page_ctx *ctx, pfn_t pfn);

/* ceil(bytes / PAGE_SIZE) frames with one reference each; the tail of the
 * power-of-two block goes back at once. bytes: 1 .. 4 MiB, else PFN_NONE. */
pfn_t alloc_pages_exact(struct page_ctx *ctx, gfp_t gfp, uint64_t bytes);
void free_pages_exact(struct page_ctx *ctx, pfn_t pfn, uint64_t bytes);
/* Afterwards each of the 2^order frames is freed alone. The block was handed
 * out with this order, without __GFP_COMP, and has one reference. */
void split_page(struct page_ctx *ctx, pfn_t pfn, unsigned order);

/* A context for the calling thread; counters ([machine->nr_zones], zero) and
 * events (may be NULL) are the caller's. 0, -EINVAL (no such CPU), or -errno
 * of the engine's thread_enter. */
int page_ctx_enter(struct page_ctx *ctx, struct page_engine *e, uint16_t cpu,
		   struct zone_counters *counters, struct event_ring *events)
	MUST_CHECK;
/* Another policy for the thread's requests; it starts with MEM_LOCAL. By the
 * thread that owns ctx. 0, or -EINVAL: no such node, or MEM_BIND to a node
 * without memory. */
int page_ctx_policy(struct page_ctx *ctx, struct mem_policy policy) MUST_CHECK;
/* Brings ctx->counters up to date; they may lag behind between calls. By the
 * thread that owns ctx. */
void page_ctx_fold(struct page_ctx *ctx);
/* By the same thread, after its last call. Folds. */
void page_ctx_exit(struct page_ctx *ctx);

/* For whoever takes an order from a user: NULL, or why it is refused. */
const char *page_order_refusal(unsigned long order);

/* One question to the watermarks: may a zone give 2^order pages? */
struct wmark_check {
	unsigned order;
	unsigned idx; /* highest zone index of the request */
	unsigned alloc_flags;
	long mark;          /* pages, boost included */
	bool high_priority; /* may ignore the boost of MIN */
};

/* The exact test of Linux (__zone_watermark_ok) on `free` pages. */
bool zone_watermark_ok(const struct zone *zone, const struct wmark_check *c,
		       long free);
/* zone_watermark_fast: on the zone's current figures. */
bool zone_watermark_fast(const struct zone *zone, const struct wmark_check *c);

/* A mark as it is in force: with the boost. */
ALWAYS_INLINE long zone_mark(const struct zone *zone, enum wmark mark)
{
	/* relaxed: a hint, as every figure of a watermark check */
	return zone->watermark[mark] +
	       atomic_load_explicit(&zone->watermark_boost,
				    memory_order_relaxed);
}

/* Pages that a request with these flags may not count on. */
ALWAYS_INLINE long zone_unusable(const struct zone *zone, unsigned alloc_flags)
{
	const unsigned reserves = ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE |
				  ALLOC_HIGHATOMIC | ALLOC_OOM;
	const _Atomic long *reserved = zone->machine->desc.kernel == KERNEL_6_1
					       ? &zone->nr_reserved_highatomic
					       : &zone->nr_free_highatomic;
	long pages = 0;

	/* relaxed, both: hints */
	if (likely(!(alloc_flags & reserves)))
		pages = atomic_load_explicit(reserved, memory_order_relaxed);
	if (!(alloc_flags & ALLOC_CMA))
		pages += atomic_load_explicit(&zone->nr_free_cma,
					      memory_order_relaxed);
	return pages;
}

/* Is a block of at least `order` free that the flags permit? */
ALWAYS_INLINE bool zone_has_block(const struct zone *zone, unsigned order,
				  unsigned alloc_flags)
{
	for (unsigned o = order; o < NR_PAGE_ORDERS; o++) {
		const struct free_area *area = &zone->free_area[o];
		/* relaxed: a hint, rmqueue finds out under the lock */
		uint32_t first = PFN_LIST_END;

		if (!atomic_load_explicit(&area->nr_free, memory_order_relaxed))
			continue;
		for (unsigned mt = 0; mt < MT_PCPTYPES; mt++)
			first &= atomic_load_explicit(&area->list[mt].first,
						      memory_order_relaxed);
		if (alloc_flags & ALLOC_CMA)
			first &= atomic_load_explicit(&area->list[MT_CMA].first,
						      memory_order_relaxed);
		if (alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_OOM))
			first &= atomic_load_explicit(
				&area->list[MT_HIGHATOMIC].first,
				memory_order_relaxed);
		/* pfns are below PFN_LIST_END, all ones */
		if (first != PFN_LIST_END)
			return true;
	}
	return false;
}

/* The fast path's test at LOW, on flags without any reserve. */
ALWAYS_INLINE bool plan_permits(const struct alloc_plan *plan, unsigned order)
{
	const struct zone *zone = plan->zone;
	/* relaxed, all: hints */
	long free =
		atomic_load_explicit(&zone->nr_free_pages,
				     memory_order_relaxed) -
		atomic_load_explicit(plan->highatomic, memory_order_relaxed) -
		atomic_load_explicit(plan->cma, memory_order_relaxed);
	enum wmark mark = WMARK_LOW;

	/* 6.12 wants to know whether the zone is below HIGH; once it is, LOW
	 * decides. relaxed: a hint */
	if (unlikely(plan->mark_high) &&
	    !(atomic_load_explicit(&zone->flags, memory_order_relaxed) &
	      ZONE_BELOW_HIGH))
		mark = WMARK_HIGH;
	return free - (1L << order) >= zone_mark(zone, mark) + *plan->reserve &&
	       (!order || zone_has_block(zone, order, plan->alloc_flags));
}

/* Type that the request allocates from. */
ALWAYS_INLINE unsigned page_request_mt(const struct machine *m, gfp_t gfp)
{
	return m->mobility_grouping ? gfp_migratetype(gfp) : MT_UNMOVABLE;
}

/* ALLOC_NOFRAGMENT where the request prefers Normal and has a DMA32 zone to
 * fall back to before it must mix types. */
ALWAYS_INLINE unsigned zone_nofragment(const struct zone *preferred)
{
	const struct machine *m = preferred->machine;

	if (preferred->idx != ZONE_NORMAL || !m->zone_present[ZONE_DMA32])
		return 0;
	if (m->desc.topo.nr_nodes > 1 && !zone_populated(preferred - 1))
		return 0;
	return ALLOC_NOFRAGMENT;
}

ALWAYS_INLINE unsigned page_fast_flags(const struct zone *preferred, gfp_t gfp,
				       unsigned mt)
{
	return WMARK_LOW | (gfp & ALLOC_KSWAPD) |
	       (mt == MT_MOVABLE ? ALLOC_CMA : 0) | zone_nofragment(preferred);
}

/* Event and NUMA counters of nr requests of `pages` pages in all from zone. */
ALWAYS_INLINE void page_count_alloc(struct page_ctx *ctx,
				    const struct zone *preferred,
				    const struct zone *zone, unsigned nr,
				    uint64_t pages)
{
	struct zone_counters *c = &ctx->counters[zone->id];

	c->pgalloc += pages;
	if (likely(zone->nid == preferred->nid)) {
		c->numa_hit += nr;
	} else {
		c->numa_miss += nr;
		ctx->counters[preferred->id].numa_foreign += nr;
	}
	if (likely(zone->nid == ctx->node))
		c->numa_local += nr;
	else
		c->numa_other += nr;
}

/* Is each request for the next node? As in Linux, not one with __GFP_THISNODE,
 * which is for a given node. */
ALWAYS_INLINE bool page_takes_turns(const struct page_ctx *ctx, gfp_t gfp)
{
	return ctx->policy.mode == MEM_INTERLEAVE && !(gfp & GFP_BIT_THISNODE);
}

/* The zone gave what an interleaving thread asked for: where it is the node
 * whose turn it was, that counts. */
ALWAYS_INLINE void page_count_interleave(struct page_ctx *ctx,
					 const struct zone *zone, unsigned nr)
{
	if (zone->nid == ctx->interleave_node)
		ctx->counters[zone->id].numa_interleave += nr;
}

/* Does the engine hand out frames without a head word? */
ALWAYS_INLINE bool page_frameless(const struct page_ops *ops)
{
	return CHECK_LEVEL == 0 && (ops->features & PAGE_F_FRAMELESS);
}

/* A frameless engine's block at pfn gets a mark or a reference that struct
 * page keeps (add 1), or loses one (-1). */
ALWAYS_INLINE void page_special(struct machine *m, pfn_t pfn, int add)
{
	/* relaxed: whoever frees the block has been told of it by other means,
	 * and sees the count with it */
	atomic_fetch_add_explicit(&m->home[pfn.v >> HOME_ORDER],
				  (uint64_t)add * HOME_SPECIAL,
				  memory_order_relaxed);
}

ALWAYS_INLINE uint64_t page_home(const _Atomic uint64_t *homes, pfn_t pfn)
{
	/* relaxed: see page_special(), and pageblock_mt() for the type */
	return atomic_load_explicit(&homes[pfn.v >> HOME_ORDER],
				    memory_order_relaxed);
}

/* Does the engine hand out and take back blocks before the policy is asked? */
ALWAYS_INLINE bool page_caches(const struct page_ops *ops)
{
	return page_frameless(ops) && ops->cache_get;
}

ALWAYS_INLINE void page_set_compound(const struct page_ops *ops,
				     struct machine *m, pfn_t pfn)
{
	struct page *page = pfn_to_page(m, pfn);

	page_set_head(page, page_head(page) | PAGE_HEAD_COMPOUND);
	if (page_frameless(ops))
		page_special(m, pfn, 1);
}

/* A boosted zone asks the next allocation to wake kswapd; the flag is taken
 * back and the wake-up recorded. */
NOINLINE void zone_boost_noticed(struct page_ctx *ctx, struct zone *zone);

/* The one compare that a request on a machine which is never short of memory
 * pays for reclaim; frames that an engine has cached (page_caches) skip it. */
ALWAYS_INLINE bool zone_boost_pending(const struct zone *zone,
				      unsigned alloc_flags)
{
	/* relaxed: a request, taken back by whoever sees it first */
	return unlikely(atomic_load_explicit(&zone->flags,
					     memory_order_relaxed) &
			ZONE_BOOSTED_WATERMARK) &&
	       (zone->machine->desc.kernel == KERNEL_6_1 ||
		(alloc_flags & ALLOC_KSWAPD));
}

/* nid of page_alloc_slow(): the one that ctx->policy says. */
#define PAGE_NODE_BY_POLICY UINT32_MAX

/* Walks the zonelist of node nid from the start, then takes the slow path.
 * ctx->ops hands out the block. Counts, records events. */
NOINLINE pfn_t page_alloc_slow(struct page_ctx *ctx, unsigned nid, gfp_t gfp,
			       unsigned order);
/* free_pages() where the reference is not the only one. */
NOINLINE void page_free_shared(struct page_ctx *ctx, pfn_t pfn, unsigned order);

/* CHECK_LEVEL >= 1: abort with a message that names the frame, its zone,
 * owner and state unless pfn is a block of `order` that was handed out. */
void page_check_free(struct page_ctx *ctx, pfn_t pfn, unsigned order);
/* CHECK_LEVEL >= 1: the block is aligned, ours alone, and (level 2) no page of
 * it belongs to another block. Writes the owner. */
void page_check_alloc(struct page_ctx *ctx, pfn_t pfn, unsigned order);

ALWAYS_INLINE const struct zonelist *page_zonelist(const struct zonelist *lists,
						   gfp_t gfp)
{
	return &lists[gfp & GFP_BIT_THISNODE ? ZONELIST_NOFALLBACK
					     : ZONELIST_FALLBACK];
}

/* Fills ctx->plan for gfp. */
NOINLINE void page_plan(struct page_ctx *ctx, gfp_t gfp);

/* An index that cannot leave a plan's tables; computed once a loop. */
ALWAYS_INLINE unsigned page_order_index(unsigned order)
{
	return order < NR_PAGE_ORDERS ? order : NR_PAGE_ORDERS;
}

ALWAYS_INLINE pfn_t page_alloc(const struct page_ops *const ops,
			       struct page_ctx *ctx, gfp_t gfp, unsigned order)
{
	const struct alloc_plan *plan = &ctx->plan;
	struct zone_counters *counters;
	struct zone *zone;
	pfn_t pfn;

	if (ops->features & PAGE_F_FLOOR)
		return ops->rmqueue(ctx, NULL, order, MT_UNMOVABLE, 0);
	if (unlikely(plan->gfp != gfp))
		page_plan(ctx, gfp);
	if (page_caches(ops)) {
		const unsigned at = page_order_index(order);

		pfn = ops->cache_get(ctx, at);
		if (likely(pfn_valid(pfn))) {
			ctx->plan.got[at]++;
			return pfn;
		}
	}
	if (unlikely(order >= plan->nr_orders))
		return page_alloc_slow(ctx, PAGE_NODE_BY_POLICY, gfp, order);
	zone = plan->zone;
	if (unlikely(!plan_permits(plan, order)))
		return page_alloc_slow(ctx, PAGE_NODE_BY_POLICY, gfp, order);
	pfn = ops->rmqueue(ctx, zone, order, plan->mt, plan->alloc_flags);
	if (unlikely(!pfn_valid(pfn)))
		return page_alloc_slow(ctx, PAGE_NODE_BY_POLICY, gfp, order);
	if (zone_boost_pending(zone, plan->alloc_flags))
		zone_boost_noticed(ctx, zone);
	counters = plan->counters;
	counters->pgalloc += 1ULL << order;
	counters->numa_hit++;
	if (likely(plan->local))
		counters->numa_local++;
	else
		counters->numa_other++;
	if (unlikely(gfp & GFP_BIT_COMP))
		page_set_compound(ops, ctx->machine, pfn);
	if (CHECK_LEVEL >= 1)
		page_check_alloc(ctx, pfn, order);
	return pfn;
}

/*
 * Zone of a page from its head word. Most frames go back to the zone that the
 * thread last took from: guessing that one and comparing keeps the address of
 * the zone's lock off the chain of loads that starts at the page.
 */
ALWAYS_INLINE struct zone *page_zone(const struct page_ctx *ctx, uint32_t head)
{
	if (likely(ctx->plan.zone_id == page_head_zone(head)))
		return ctx->plan.zone;
	return &ctx->machine->zone[page_head_zone(head)];
}

ALWAYS_INLINE struct zone_counters *page_counters(const struct page_ctx *ctx,
						  const struct zone *zone)
{
	if (likely(zone == ctx->plan.zone))
		return ctx->plan.counters;
	return &ctx->counters[zone->id];
}

/* Zone of a frame that has no head word. */
ALWAYS_INLINE struct zone *page_zone_by_pfn(const struct page_ctx *ctx,
					    pfn_t pfn)
{
	if (likely(pfn.v - ctx->plan.start_pfn < ctx->plan.spanned))
		return ctx->plan.zone;
	return machine_zone_of(ctx->machine, pfn.v);
}

ALWAYS_INLINE struct zone *page_zone_of(const struct page_ops *const ops,
					const struct page_ctx *ctx, pfn_t pfn)
{
	if (page_frameless(ops))
		return page_zone_by_pfn(ctx, pfn);
	return page_zone(ctx, page_head(pfn_to_page(ctx->machine, pfn)));
}

/* The reference that was just given up was the last one: frees the block. */
ALWAYS_INLINE void page_free_last(const struct page_ops *const ops,
				  struct page_ctx *ctx, pfn_t pfn,
				  unsigned order, unsigned fpi_flags)
{
	struct zone *zone = page_zone_of(ops, ctx, pfn);

	page_counters(ctx, zone)->pgfree += 1ULL << order;
	ops->free(ctx, zone, pfn, order, fpi_flags);
}

/* Is ours not the only reference? If it is, nobody can take another, and no
 * read-modify-write is needed. */
ALWAYS_INLINE bool page_is_shared(const struct page_ops *const ops,
				  const struct machine *m, pfn_t pfn)
{
	if (page_frameless(ops))
		return page_home(m->home, pfn) >= HOME_SPECIAL;
	/* ACQ(page-ref): what other holders wrote; pairs with REL(page-ref) */
	return atomic_load_explicit(&pfn_to_page(m, pfn)->refcount,
				    memory_order_acquire) != 1;
}

ALWAYS_INLINE void page_free(const struct page_ops *const ops,
			     struct page_ctx *ctx, pfn_t pfn, unsigned order)
{
	if (ops->features & PAGE_F_FLOOR) {
		ops->free(ctx, NULL, pfn, order, 0);
		return;
	}
	if (CHECK_LEVEL >= 1)
		page_check_free(ctx, pfn, order);
	if (page_caches(ops) &&
	    likely(page_home(ctx->plan.homes, pfn) == ctx->plan.home)) {
		const unsigned at = page_order_index(order);

		if (likely(ops->cache_put(ctx, pfn, at))) {
			ctx->plan.put[at]++;
			return;
		}
	}
	if (unlikely(page_is_shared(ops, ctx->machine, pfn))) {
		page_free_shared(ctx, pfn, order);
		return;
	}
	page_free_last(ops, ctx, pfn, order, 0);
}

/* Frames per hold of an engine's lock when many are freed, as in Linux. */
#define PAGE_FREE_BATCH 32u

/* Zone of a bulk request: the first on the preferred node with n pages above
 * LOW. NULL: none. */
NOINLINE struct zone *page_bulk_zone(struct page_ctx *ctx, gfp_t gfp,
				     unsigned n);

/* Fills out[0 .. n) from zone; returns how many from the front were filled. */
ALWAYS_INLINE unsigned page_rmqueue_run(const struct page_ops *const ops,
					struct page_ctx *ctx, struct zone *zone,
					gfp_t gfp, unsigned n, pfn_t *out)
{
	const unsigned mt = page_request_mt(ctx->machine, gfp);
	const unsigned flags = WMARK_LOW | (mt == MT_MOVABLE ? ALLOC_CMA : 0);
	unsigned got = 0;

	if (ops->rmqueue_bulk) {
		got = ops->rmqueue_bulk(ctx, zone, n, mt, flags, out);
	} else {
		while (got < n) {
			out[got] = ops->rmqueue(ctx, zone, 0, mt, flags);
			if (!pfn_valid(out[got]))
				break;
			got++;
		}
	}
	if (CHECK_LEVEL >= 1 && !(ops->features & PAGE_F_FLOOR))
		for (unsigned i = 0; i < got; i++)
			page_check_alloc(ctx, out[i], 0);
	return got;
}

ALWAYS_INLINE unsigned page_alloc_bulk(const struct page_ops *const ops,
				       struct page_ctx *ctx, gfp_t gfp,
				       unsigned n, pfn_t *out)
{
	struct zone *zone = NULL;
	unsigned i = 0, taken = 0;

	while (i < n && pfn_valid(out[i]))
		i++;
	if (i == n)
		return n;
	if (n - i > 1 && !(ops->features & PAGE_F_FLOOR))
		zone = page_bulk_zone(ctx, gfp, n);
	while (i < n && (zone || (ops->features & PAGE_F_FLOOR))) {
		unsigned run = 1, got;

		if (pfn_valid(out[i])) {
			i++;
			continue;
		}
		while (i + run < n && !pfn_valid(out[i + run]))
			run++;
		got = page_rmqueue_run(ops, ctx, zone, gfp, run, out + i);
		taken += got;
		i += got;
		if (got < run)
			break;
	}
	if (!(ops->features & PAGE_F_FLOOR) && taken) {
		page_count_alloc(ctx, zone, zone, taken, taken);
		if (unlikely(page_takes_turns(ctx, gfp)))
			page_count_interleave(ctx, zone, taken);
	}
	if (taken)
		return i;
	/* nothing by the short way: one by the ordinary one */
	out[i] = page_alloc(ops, ctx, gfp, 0);
	return i + pfn_valid(out[i]);
}

/* Frames [0, n) of one zone whose last references are gone. */
ALWAYS_INLINE void page_free_run(const struct page_ops *const ops,
				 struct page_ctx *ctx, struct zone *zone,
				 unsigned n, const pfn_t *pfn)
{
	page_counters(ctx, zone)->pgfree += n;
	if (ops->free_bulk) {
		ops->free_bulk(ctx, zone, n, pfn);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		ops->free(ctx, zone, pfn[i], 0, 0);
}

ALWAYS_INLINE void page_free_bulk(const struct page_ops *const ops,
				  struct page_ctx *ctx, unsigned n,
				  const pfn_t *pfn)
{
	struct zone *zone = NULL;
	unsigned first = 0;

	if (ops->features & PAGE_F_FLOOR) {
		for (unsigned i = 0; i < n; i++)
			ops->free(ctx, NULL, pfn[i], 0, 0);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct zone *z = page_zone_of(ops, ctx, pfn[i]);

		if (CHECK_LEVEL >= 1)
			page_check_free(ctx, pfn[i], 0);
		if (i > first && (z != zone || i - first == PAGE_FREE_BATCH)) {
			page_free_run(ops, ctx, zone, i - first, pfn + first);
			first = i;
		}
		if (unlikely(page_is_shared(ops, ctx->machine, pfn[i]))) {
			if (i > first)
				page_free_run(ops, ctx, zone, i - first,
					      pfn + first);
			page_free_shared(ctx, pfn[i], 0);
			first = i + 1;
			continue;
		}
		zone = z;
	}
	if (n > first)
		page_free_run(ops, ctx, zone, n - first, pfn + first);
}

/* Each of nr frames of the block becomes a block of its own: with a reference,
 * or, from `held` on, without. */
ALWAYS_INLINE void page_split(struct page_ctx *ctx, pfn_t pfn, unsigned nr,
			      unsigned held)
{
	struct page *page = pfn_to_page(ctx->machine, pfn);
	const uint32_t head =
		page_head(page) & ~(PAGE_HEAD_ORDER | PAGE_HEAD_COMPOUND);

	for (unsigned i = 0; i < nr; i++) {
		page_set_head(&page[i], head);
		page[i].owner = page->owner;
		/* relaxed: only the caller knows the block */
		atomic_store_explicit(&page[i].refcount, i < held,
				      memory_order_relaxed);
	}
}

ALWAYS_INLINE pfn_t page_alloc_exact(const struct page_ops *const ops,
				     struct page_ctx *ctx, gfp_t gfp,
				     uint64_t bytes)
{
	const uint64_t pages = (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
	const unsigned order = bytes ? order_of_bytes(bytes) : 0;
	pfn_t pfn;

	if (!bytes || bytes > PAGE_SIZE << MAX_PAGE_ORDER)
		return PFN_NONE;
	pfn = page_alloc(ops, ctx, gfp & ~GFP_BIT_COMP, order);
	if (!pfn_valid(pfn) || (ops->features & PAGE_F_FLOOR))
		return pfn;
	if (!page_frameless(ops))
		page_split(ctx, pfn, 1u << order, (unsigned)pages);
	for (uint32_t i = (uint32_t)pages; i < 1u << order; i++)
		page_free_last(ops, ctx, (pfn_t){ pfn.v + i }, 0, FPI_TO_TAIL);
	return pfn;
}

ALWAYS_INLINE void page_free_exact(const struct page_ops *const ops,
				   struct page_ctx *ctx, pfn_t pfn,
				   uint64_t bytes)
{
	const uint64_t pages = (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;

	if (ops->features & PAGE_F_FLOOR) {
		ops->free(ctx, NULL, pfn, 0, 0);
		return;
	}
	for (uint32_t i = 0; i < pages; i++)
		page_free(ops, ctx, (pfn_t){ pfn.v + i }, 0);
}

#endif
