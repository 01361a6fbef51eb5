/*
 * pcp: Linux's per-CPU pagesets over the buddy system.
 *
 * What it models. Blocks of order 0 to 3 and of the pageblock order (THP) are
 * kept on lists per CPU, zone, order and migratetype. An allocation pops the
 * head of its list, an empty list is refilled with a batch from the zone under
 * one hold of its lock; a free pushes at the head, and a pageset that grew
 * past its mark gives a batch back from the tails. Two tunings: 6.1 has a fixed
 * high mark and doubles the drain while only frees come (free_factor); 6.7
 * moves high between high_min and high_max and doubles the refills as well.
 * Sources: the page allocators of Linux 6.1 and 6.12, as facts and formulas.
 *
 * Data. struct pcp, one per (CPU, zone): lists[] linked through struct page;
 * count is in pages. A block on a list is PAGE_PCP, so that its buddy does not
 * merge with it; its head word keeps the type that Linux remembers for it, and
 * which 6.1 frees it to. Only types below MT_PCPTYPES have lists: CMA and
 * HighAtomic blocks ride on the MOVABLE lists, Isolate ones never come here.
 *
 *   count == sum over lists of blocks << order; under pcp->lock
 *
 * Lock order (outermost first):
 *   1. RANK_PCP    pcp->lock   owner against remote drain, and threads that
 *                              share a CPU
 *   2. RANK_ZONE   zone->lock  refill and drain
 * A thread takes its own CPU's lock by trylock only and goes straight to the
 * buddy system when it is taken, as Linux does for an interrupt that finds it
 * held. Drain takes one pageset's lock at a time and holds it for at most
 * batch << 5 pages. Nothing sleeps under either.
 *
 * Ordering. Everything is under pcp->lock or zone->lock.
 * Progress. A fast path waits for nobody (trylock); refill, drain and the
 * buddy path wait for the zone lock, which is fair.
 *
 * Departures from the kernel: there are no interrupts; threads that were given
 * the same modelled CPU share its pagesets.
 *
 * Loop stores: spin_trylock pfn_list_del page_set_head_ref pfn_list_add_head
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/buddy.h"
#include "alloc/page/engine.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/pcp.h"

#define PCP_BATCH_SCALE 5 /* CONFIG_PCP_BATCH_SCALE_MAX */

struct pcp_engine {
	struct page_engine base;
	struct pcp **row; /* [cpu][zone->id], each on its CPU's node */
};

static const struct page_ops engine_ops;

static struct pcp_engine *to_pcp_engine(struct page_engine *e)
{
	return (struct pcp_engine *)e;
}

ALWAYS_INLINE struct pcp *pcp_of(struct page_ctx *ctx, const struct zone *zone)
{
	return (struct pcp *)ctx->priv + zone->id;
}

ALWAYS_INLINE bool pcp_order_allowed(const struct zone *zone, unsigned order)
{
	return order <= PCP_MAX_ORDER ||
	       (order == zone->pageblock_order && zone->machine->desc.thp);
}

ALWAYS_INLINE int pcp_clamp(int v, int lo, int hi)
{
	return (int)clamp_long(v, lo, hi);
}

ALWAYS_INLINE uint32_t zone_flags(const struct zone *zone)
{
	/* relaxed: a hint that kswapd and the policy set */
	return atomic_load_explicit(&zone->flags, memory_order_relaxed);
}

/* --- refill ----------------------------------------------------------- */

/* 6.7: while only allocations come each refill is twice the one before,
 * within the room that high leaves. Blocks of this order to take. */
static int refill_size_6_7(struct pcp *p, const struct zone *zone,
			   unsigned order)
{
	int n, room;

	p->high = pcp_clamp(p->high, p->high_min, p->high_max);
	if (p->high < p->batch)
		return 1;
	n = order ? p->batch : p->batch << p->alloc_factor;
	if (p->high_min != p->high_max && !(zone_flags(zone) & ZONE_BELOW_HIGH))
		p->high = (int)min_long(p->high + n, p->high_max);
	if (!order) {
		room = (int)max_long(p->high - p->count - p->batch, p->batch);
		if (n <= room && p->alloc_factor < PCP_BATCH_SCALE)
			p->alloc_factor++;
		n = (int)min_long(n, room);
	}
	return n > 1 ? (int)max_long(n >> order, 2) : n;
}

static int refill_size(struct pcp *p, const struct zone *zone, unsigned order)
{
	if (p->tuned)
		return refill_size_6_7(p, zone, order);
	return p->batch > 1 ? (int)max_long(p->batch >> order, 2) : p->batch;
}

/* Linux 6.1 counts a refill once, at its end; 6.12 block by block, which
 * buddy_rmqueue_one() has done then. */
static void refill_account(struct zone *zone, unsigned cpu, long pages,
			   long cma_pages) REQUIRES(zone->lock)
{
	if (zone->machine->desc.kernel != KERNEL_6_1)
		return;
	if (cma_pages)
		/* relaxed: zone->lock orders the writers */
		atomic_fetch_sub_explicit(&zone->nr_free_cma, cma_pages,
					  memory_order_relaxed);
	zone_mod_free_pages(zone, cpu, -pages);
}

/* Appends a batch of blocks to the empty list under one hold of the zone's
 * lock. */
static NOINLINE void refill(struct pcp *p, struct zone *zone,
			    struct page_ctx *ctx, struct buddy_request *req)
	REQUIRES(p->lock)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);
	struct pfn_list *list = &p->list[pcp_list_index(req->order, req->mt)];
	const int n = refill_size(p, zone, req->order);
	long pages, cma_pages = 0;
	int got;

	zone_lock(zone);
	for (got = 0; got < n; got++) {
		pfn_t pfn = buddy_rmqueue_one(&b, zone, req);

		if (!pfn_valid(pfn))
			break;
		page_set_head(&zone->map[pfn.v],
			      page_head_make(PAGE_PCP, req->order, req->list_mt,
					     zone->id));
		pfn_list_add_tail(list, zone->map, pfn.v);
		if (req->list_mt == MT_CMA)
			cma_pages += 1L << req->order;
	}
	pages = (long)got << req->order;
	refill_account(zone, ctx->cpu, pages, cma_pages);
	zone_unlock(zone);
	p->count += (int)pages;
	p->refills++;
	p->refilled += (uint64_t)pages;
	event_record(ctx->events, (struct event){ .kind = EV_REFILL,
						  .cpu = ctx->cpu,
						  .zone = zone->id,
						  .order = (uint16_t)req->order,
						  .arg = (uint64_t)pages });
}

/* --- drain ------------------------------------------------------------ */

/*
 * Gives `pages` pages back to the zone, from the tail of list `index` on and
 * then of the lists after it, cyclically; a block larger than what is left of
 * the quota still goes. cpu: whose delta of free pages counts them.
 */
static NOINLINE void drain_pages(struct pcp *p, struct zone *zone, unsigned cpu,
				 int pages, unsigned index) REQUIRES(p->lock)
{
	const bool reread = zone->machine->desc.kernel != KERNEL_6_1;
	const struct buddy_ref b = buddy_ref_cpu(zone, cpu);
	int left = (int)min_long(p->count, pages);

	p->drains++;
	zone_lock(zone);
	while (left > 0) {
		struct pfn_list *list = &p->list[index];
		const unsigned order = pcp_list_order(zone, index);

		while (left > 0 && !pfn_list_empty(list)) {
			const uint32_t pfn = list->last;
			unsigned mt = page_head_mt(page_head(&zone->map[pfn]));

			if (reread || unlikely(zone->nr_isolate_pageblock))
				mt = pageblock_mt(zone, pfn);
			pfn_list_del(list, zone->map, pfn);
			left -= 1 << order;
			p->count -= 1 << order;
			p->drained += 1ULL << order;
			buddy_account(&b, zone, 1L << order, mt);
			buddy_merge(&b, zone,
				    (struct buddy_block){ pfn, order, mt }, 0);
		}
		index = index + 1 < PCP_NR_LISTS ? index + 1 : 0;
	}
	zone_unlock(zone);
}

/* Pages to give back after a free of this order, 0: none (6.1). */
static int drain_size_6_1(struct pcp *p, const struct zone *zone,
			  unsigned order)
{
	const bool free_high =
		p->free_factor && order && order <= PCP_MAX_ORDER;
	int limit = p->high, n;

	if (free_high)
		limit = 0;
	else if (unlikely(zone_flags(zone) & ZONE_RECLAIM_ACTIVE))
		limit = (int)min_long(4L * p->batch, p->high);
	if (likely(p->count < limit))
		return 0;
	if (free_high)
		return p->count;
	if (limit < p->batch)
		return 1;
	n = p->batch << p->free_factor;
	if (n < limit - p->batch && p->free_factor < PCP_BATCH_SCALE)
		p->free_factor++;
	return pcp_clamp(n, p->batch, limit - p->batch);
}

static int lower_high(struct pcp *p, int by)
{
	p->high = (int)max_long(p->high - by, p->high_min);
	return p->high;
}

/* 6.7: count from which on a free gives pages back; moves high. */
static int drain_limit_6_7(struct pcp *p, const struct zone *zone,
			   bool free_high)
{
	const int step = (int)max_long(p->free_count, p->batch);
	const uint32_t flags = zone_flags(zone);
	int high = pcp_clamp(p->high, p->high_min, p->high_max);

	p->high = high;
	if (!high)
		return 0;
	if (free_high) {
		lower_high(p, p->batch << PCP_BATCH_SCALE);
		return 0;
	}
	if (flags & ZONE_RECLAIM_ACTIVE)
		return (int)min_long(p->batch << 2, lower_high(p, step));
	if (p->high_min == p->high_max)
		return high;
	if (flags & ZONE_BELOW_HIGH) {
		lower_high(p, step);
		return (int)max_long(p->count, p->high_min);
	}
	if (p->count >= high && high < p->free_count + p->batch)
		p->high = pcp_clamp(p->free_count + p->batch, p->high_min,
				    p->high_max);
	return high;
}

static int drain_size_6_7(struct pcp *p, const struct zone *zone,
			  unsigned order)
{
	bool free_high = false;
	int limit;

	p->alloc_factor >>= 1;
	if (order && order <= PCP_MAX_ORDER) {
		free_high = p->free_count >= p->batch &&
			    (p->flags & PCP_PREV_FREE_HIGH_ORDER) &&
			    (!(p->flags & PCP_FREE_HIGH_BATCH) ||
			     p->count >= p->batch);
		p->flags |= PCP_PREV_FREE_HIGH_ORDER;
	} else {
		p->flags &= (uint8_t)~PCP_PREV_FREE_HIGH_ORDER;
	}
	if (p->free_count < p->batch << PCP_BATCH_SCALE)
		p->free_count += 1 << order;
	limit = drain_limit_6_7(p, zone, free_high);
	if (likely(p->count < limit))
		return 0;
	if (free_high)
		return (int)min_long(p->count, p->batch << PCP_BATCH_SCALE);
	if (limit < p->batch)
		return 1;
	return pcp_clamp(p->free_count, p->batch, limit - p->batch);
}

/* The drain may have lifted the zone over HIGH again. */
static void below_high_check(struct zone *zone)
{
	const struct wmark_check high = { .idx = ZONE_MOVABLE,
					  .mark = zone_mark(zone, WMARK_HIGH) };

	if ((zone_flags(zone) & ZONE_BELOW_HIGH) &&
	    zone_watermark_ok(zone, &high, zone_free_pages(zone)))
		/* relaxed: a hint */
		atomic_fetch_and_explicit(&zone->flags, ~ZONE_BELOW_HIGH,
					  memory_order_relaxed);
}

/* The pageset reached its mark with a free to list `index`. */
static NOINLINE void drain_some(struct pcp *p, struct zone *zone,
				struct page_ctx *ctx, int pages, unsigned index)
	REQUIRES(p->lock)
{
	const int before = p->count;

	drain_pages(p, zone, ctx->cpu, pages, index);
	if (p->tuned)
		below_high_check(zone);
	event_record(ctx->events,
		     (struct event){ .kind = EV_DRAIN,
				     .cpu = ctx->cpu,
				     .zone = zone->id,
				     .arg = (uint64_t)(before - p->count) });
}

/* --- hot hooks --------------------------------------------------------- */

/* Head of the list for this request, after a refill if it is empty. */
ALWAYS_INLINE pfn_t pcp_take(struct pcp *p, struct zone *zone,
			     struct page_ctx *ctx, unsigned order, unsigned mt,
			     unsigned alloc_flags) REQUIRES(p->lock)
{
	struct pfn_list *list = &p->list[pcp_list_index(order, mt)];
	uint32_t pfn = pfn_list_first(list);

	if (unlikely(pfn == PFN_LIST_END)) {
		struct buddy_request req = { .order = order,
					     .mt = mt,
					     .alloc_flags = alloc_flags };

		refill(p, zone, ctx, &req);
		pfn = pfn_list_first(list);
		if (pfn == PFN_LIST_END)
			return PFN_NONE;
	}
	pfn_list_del(list, zone->map, pfn);
	p->count -= 1 << order;
	page_hand_out(&zone->map[pfn], order, mt, zone->id);
	return (pfn_t){ pfn };
}

ALWAYS_INLINE void pcp_note_alloc(struct pcp *p)
{
	if (p->tuned)
		p->free_count >>= 1;
	else
		p->free_factor >>= 1;
}

/* CMA pages lie on the MOVABLE lists: a request that may not have them goes
 * past the pageset. */
ALWAYS_INLINE bool pcp_may_take(const struct zone *zone, unsigned order,
				unsigned mt, unsigned alloc_flags)
{
	return pcp_order_allowed(zone, order) &&
	       !(unlikely(zone->cma) && mt == MT_MOVABLE &&
		 !(alloc_flags & ALLOC_CMA));
}

static NOINLINE pfn_t rmqueue_buddy(struct page_ctx *ctx, struct zone *zone,
				    unsigned order, unsigned mt,
				    unsigned alloc_flags)
{
	return buddy_rmqueue_locking(ctx, zone, order, mt, alloc_flags);
}

ENGINE_HOT pfn_t pcp_rmqueue(struct page_ctx *ctx, struct zone *zone,
			     unsigned order, unsigned mt, unsigned alloc_flags)
{
	struct pcp *p = pcp_of(ctx, zone);

	if (likely(pcp_may_take(zone, order, mt, alloc_flags)) &&
	    likely(spin_trylock(&p->lock))) {
		pfn_t pfn;

		pcp_note_alloc(p);
		pfn = pcp_take(p, zone, ctx, order, mt, alloc_flags);
		spin_unlock(&p->lock);
		if (likely(pfn_valid(pfn)))
			return pfn;
	}
	return rmqueue_buddy(ctx, zone, order, mt, alloc_flags);
}

static NOINLINE void free_buddy(struct page_ctx *ctx, struct zone *zone,
				pfn_t pfn, unsigned order, unsigned fpi_flags)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);
	const struct buddy_site site = buddy_site(zone, pfn, order);
	const struct buddy_block block = { pfn.v, order, site.mt };

	zone_lock(zone);
	buddy_free(&b, zone, &site, block, fpi_flags);
	zone_unlock(zone);
}

/* Onto the head of its list; a pageset past its mark gives pages back. */
ALWAYS_INLINE void pcp_put(struct pcp *p, struct zone *zone,
			   struct page_ctx *ctx, pfn_t pfn, unsigned order)
	REQUIRES(p->lock)
{
	const unsigned mt = pageblock_mt(zone, pfn.v);
	const unsigned index =
		pcp_list_index(order, mt < MT_PCPTYPES ? mt : MT_MOVABLE);
	int pages;

	page_set_head_ref(&zone->map[pfn.v],
			  page_head_make(PAGE_PCP, order, mt, zone->id), 0);
	pfn_list_add_head(&p->list[index], zone->map, pfn.v);
	p->count += 1 << order;
	pages = p->tuned ? drain_size_6_7(p, zone, order)
			 : drain_size_6_1(p, zone, order);
	if (unlikely(pages))
		drain_some(p, zone, ctx, pages, index);
}

ENGINE_HOT void pcp_free(struct page_ctx *ctx, struct zone *zone, pfn_t pfn,
			 unsigned order, unsigned fpi_flags)
{
	struct pcp *p = pcp_of(ctx, zone);

	if (likely(pcp_order_allowed(zone, order) &&
		   !(fpi_flags & FPI_TO_TAIL) &&
		   pageblock_mt(zone, pfn.v) != MT_ISOLATE) &&
	    likely(spin_trylock(&p->lock))) {
		pcp_put(p, zone, ctx, pfn, order);
		spin_unlock(&p->lock);
		return;
	}
	free_buddy(ctx, zone, pfn, order, fpi_flags);
}

/* One hold of the pageset's lock for the whole request. */
ENGINE_HOT unsigned pcp_rmqueue_bulk(struct page_ctx *ctx, struct zone *zone,
				     unsigned n, unsigned mt,
				     unsigned alloc_flags, pfn_t *out)
{
	struct pcp *p = pcp_of(ctx, zone);
	unsigned got;

	if (!pcp_may_take(zone, 0, mt, alloc_flags) || !spin_trylock(&p->lock))
		return 0;
	for (got = 0; got < n; got++) {
		pcp_note_alloc(p);
		out[got] = pcp_take(p, zone, ctx, 0, mt, alloc_flags);
		if (!pfn_valid(out[got]))
			break;
	}
	spin_unlock(&p->lock);
	return got;
}

/* One hold of the pageset's lock for up to 32 frames (SWAP_CLUSTER_MAX). */
ENGINE_HOT void pcp_free_bulk(struct page_ctx *ctx, struct zone *zone,
			      unsigned n, const pfn_t *pfn)
{
	struct pcp *p = pcp_of(ctx, zone);

	while (n) {
		const unsigned chunk = n < 32 ? n : 32;

		if (likely(spin_trylock(&p->lock))) {
			for (unsigned i = 0; i < chunk; i++)
				if (likely(pageblock_mt(zone, pfn[i].v) !=
					   MT_ISOLATE))
					pcp_put(p, zone, ctx, pfn[i], 0);
				else
					free_buddy(ctx, zone, pfn[i], 0, 0);
			spin_unlock(&p->lock);
		} else {
			for (unsigned i = 0; i < chunk; i++)
				free_buddy(ctx, zone, pfn[i], 0, 0);
		}
		pfn += chunk;
		n -= chunk;
	}
}

/* --- cold hooks --------------------------------------------------------- */

static struct pcp *pcp_at(struct page_engine *e, const struct zone *zone,
			  unsigned cpu)
{
	return &to_pcp_engine(e)->row[cpu][zone->id];
}

static void pcp_init(struct pcp *p, const struct zone *zone)
{
	const struct machine_desc *desc = &zone->machine->desc;

	spin_lock_init(&p->lock, RANK_PCP);
	for (unsigned i = 0; i < PCP_NR_LISTS; i++)
		pfn_list_init(&p->list[i]);
	p->tuned = desc->pcp_tuning == PCP_TUNING_6_7 ||
		   (desc->pcp_tuning == PCP_TUNING_KERNEL &&
		    desc->kernel != KERNEL_6_1);
	p->batch = zone->pageset_batch;
	p->high_min = zone->pageset_high_min;
	p->high_max = zone->pageset_high_max;
	p->high = p->tuned ? 0 : zone->pageset_high;
	if (p->tuned)
		p->flags = PCP_FREE_HIGH_BATCH;
}

static void pcp_destroy(struct page_engine *base)
{
	struct pcp_engine *e = to_pcp_engine(base);

	for (unsigned cpu = 0; e->row && cpu < base->machine->desc.topo.nr_cpus;
	     cpu++)
		free(e->row[cpu]);
	free(e->row);
	free(e);
}

static int pcp_create(struct page_engine **out, struct machine *m)
{
	const unsigned nr_cpus = m->desc.topo.nr_cpus;
	struct pcp_engine *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->base.ops = &engine_ops;
	e->base.machine = m;
	e->row = calloc(nr_cpus, sizeof(*e->row));
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		if (e->row)
			e->row[cpu] = machine_node_alloc(
				m, m->desc.topo.node_of_cpu[cpu],
				m->nr_zones * sizeof(struct pcp));
		if (!e->row || !e->row[cpu]) {
			pcp_destroy(&e->base);
			return -ENOMEM;
		}
		for (unsigned z = 0; z < m->nr_zones; z++)
			pcp_init(pcp_at(&e->base, &m->zone[z], cpu),
				 &m->zone[z]);
	}
	*out = &e->base;
	return 0;
}

static int pcp_thread_enter(struct page_ctx *ctx)
{
	ctx->priv = pcp_at(ctx->engine, &ctx->machine->zone[0], ctx->cpu);
	return 0;
}

/* Everything, in steps that bound the hold of the locks. Counted on the
 * drained CPU, as when Linux drains it from its own worker. */
static void pcp_drain(struct page_engine *e, struct page_ctx *ctx)
{
	struct machine *m = e->machine;

	(void)ctx;
	for (unsigned cpu = 0; cpu < m->desc.topo.nr_cpus; cpu++) {
		for (unsigned z = 0; z < m->nr_zones; z++) {
			struct zone *zone = &m->zone[z];
			struct pcp *p = pcp_at(e, zone, cpu);

			spin_lock(&p->lock);
			while (p->count) {
				drain_pages(p, zone, cpu,
					    p->batch << PCP_BATCH_SCALE, 0);
				spin_unlock(&p->lock);
				spin_lock(&p->lock);
			}
			spin_unlock(&p->lock);
		}
	}
}

/*
 * A statistic, while the owner may be writing: one aligned word. Not under the
 * lock, since a sampler that loses its CPU while it holds it sends every
 * request of the pageset's CPU to the zone lock. ThreadSanitizer would want the
 * owner's plain stores to be atomic ones for it.
 */
#ifdef __clang__
__attribute__((no_sanitize("thread")))
#else
__attribute__((no_sanitize_thread))
#endif
static NOINLINE uint64_t
pcp_count_glance(const struct pcp *p)
{
	const int count = *(const volatile int *)&p->count;

	return count > 0 ? (uint64_t)count : 0;
}

static void pcp_held(struct page_engine *e, const struct zone *zone,
		     struct zone_held *out)
{
	*out = (struct zone_held){ 0 };
	for (unsigned cpu = 0; cpu < e->machine->desc.topo.nr_cpus; cpu++)
		out->cached_pages += pcp_count_glance(pcp_at(e, zone, cpu));
}

static void pcp_snapshot(struct page_engine *e, const struct zone *zone,
			 struct zone_snapshot *out)
{
	struct zone_held held;

	buddy_snapshot(&e->machine->zone[zone->id], out);
	pcp_held(e, zone, &held);
	out->cached_pages = held.cached_pages;
}

static const char *pcp_verify_one(const struct pcp *p, const struct zone *zone)
{
	long pages = 0;

	for (unsigned i = 0; i < PCP_NR_LISTS; i++) {
		const unsigned order = pcp_list_order(zone, i);
		const uint32_t want =
			page_head_make(PAGE_PCP, order, 0, zone->id);

		pfn_list_for_each (pfn, &p->list[i], zone->map) {
			if ((page_head(&zone->map[pfn]) & ~PAGE_HEAD_MT) !=
			    want)
				return "a block on a per-CPU list has another "
				       "state, order or zone";
			pages += 1L << order;
			if (pages > p->count)
				return "a pageset's lists hold more than its "
				       "count";
		}
	}
	return pages == p->count ? NULL
				 : "a pageset's lists hold less than "
				   "its count";
}

static const char *pcp_verify(struct page_engine *e)
{
	struct machine *m = e->machine;

	for (unsigned cpu = 0; cpu < m->desc.topo.nr_cpus; cpu++) {
		for (unsigned z = 0; z < m->nr_zones; z++) {
			const char *broken = pcp_verify_one(
				pcp_at(e, &m->zone[z], cpu), &m->zone[z]);

			if (broken)
				return broken;
		}
	}
	return buddy_verify_machine(m);
}

static unsigned pcp_counters(struct page_engine *e, struct engine_counter *out,
			     unsigned max)
{
	struct engine_counter sum[] = {
		{ "pcp_refills", 0 },
		{ "pcp_refilled_pages", 0 },
		{ "pcp_drains", 0 },
		{ "pcp_drained_pages", 0 },
	};
	const unsigned nr = max < ARRAY_SIZE(sum) ? max : ARRAY_SIZE(sum);
	const unsigned nr_zones = e->machine->nr_zones;
	const size_t nr_pcp = (size_t)e->machine->desc.topo.nr_cpus * nr_zones;

	for (size_t i = 0; i < nr_pcp; i++) {
		const struct pcp *p =
			&to_pcp_engine(e)->row[i / nr_zones][i % nr_zones];

		sum[0].value += p->refills;
		sum[1].value += p->refilled;
		sum[2].value += p->drains;
		sum[3].value += p->drained;
	}
	memcpy(out, sum, nr * sizeof(*out));
	return nr;
}

static const struct page_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary = "Linux's per-CPU page lists over the buddy system",
	.features = PAGE_F_EXACT | PAGE_F_PCP,
	.create = pcp_create,
	.destroy = pcp_destroy,
	.thread_enter = pcp_thread_enter,
	.drain = pcp_drain,
	.snapshot = pcp_snapshot,
	.held = pcp_held,
	.verify = pcp_verify,
	.counters = pcp_counters,
	.pcp = pcp_at,
	.rmqueue = pcp_rmqueue,
	.free = pcp_free,
	.rmqueue_bulk = pcp_rmqueue_bulk,
	.free_bulk = pcp_free_bulk,
};
