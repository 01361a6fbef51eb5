/*
 * The slow half of the policy: watermark arithmetic, the walk over a zonelist
 * and the order in which Linux tries things when the first walk fails
 * (get_page_from_freelist and __alloc_pages_slowpath of mm/page_alloc.c, 6.1
 * and 6.12), and the checks of checked builds. What a machine with reclaim does
 * when the first walk fails is in direct.c.
 *
 * Locks: none is held here; the engine's hooks and buddy_reserve_highatomic()
 * take zone->lock. Watermark figures are read without it, as hints.
 *
 * Departures from Linux, on a machine without reclaim: nothing reclaims or
 * compacts. kswapd is not woken but the call is recorded (EV_KSWAPD_WAKE);
 * where a request may reclaim directly, alloc_unreclaimed() does what remains
 * of that path. __GFP_NOFAIL gets one more try with half of the reserve and may
 * fail then. On every machine: cpusets and dirty limits do not exist, nor does
 * zone_reclaim_mode: no walk reclaims from a near node before it goes on. A
 * memory policy is a thread's: MEM_BIND knows one node, whose mask Linux would
 * hold against the local zonelist, which comes to that node's own zones;
 * MEM_PREFER is MPOL_PREFERRED.
 */
#include "alloc/page/page_alloc.h"

#include "alloc/page/buddy.h"
#include "alloc/page/page_request.h"

const char *page_order_refusal(unsigned long order)
{
	if (order <= MAX_PAGE_ORDER)
		return NULL;
	return "larger than the largest block (order 10, 4 MiB): that takes "
	       "vmalloc, which joins frames from anywhere";
}

bool zone_watermark_ok(const struct zone *zone, const struct wmark_check *c,
		       long free)
{
	long mark = c->mark;

	free -= ((1L << c->order) - 1) + zone_unusable(zone, c->alloc_flags);
	if (c->alloc_flags & ALLOC_MIN_RESERVE) {
		mark -= mark / 2;
		if (c->alloc_flags & ALLOC_NON_BLOCK)
			mark -= mark / 4;
	}
	if (c->alloc_flags & ALLOC_OOM)
		mark -= mark / 2;
	if (free <= mark + zone->lowmem_reserve[c->idx])
		return false;
	return !c->order || zone_has_block(zone, c->order, c->alloc_flags);
}

bool zone_watermark_fast(const struct zone *zone, const struct wmark_check *c)
{
	const long free = zone_free_pages(zone);
	const long reserve = zone->lowmem_reserve[c->idx];
	struct wmark_check unboosted = *c;

	if (!c->order) {
		long usable =
			free -
			min_long(free, zone_unusable(zone, c->alloc_flags));

		if (usable > c->mark + reserve)
			return true;
	}
	if (zone_watermark_ok(zone, c, free))
		return true;
	/* relaxed: a hint */
	if (c->order || !c->high_priority ||
	    (c->alloc_flags & ALLOC_WMARK_MASK) != WMARK_MIN ||
	    !atomic_load_explicit(&zone->watermark_boost, memory_order_relaxed))
		return false;
	unboosted.mark = zone->watermark[WMARK_MIN];
	return zone_watermark_ok(zone, &unboosted, free);
}

NOINLINE void zone_boost_noticed(struct page_ctx *ctx, struct zone *zone)
{
	/* relaxed: one of those who see the flag takes it */
	uint32_t flags = atomic_fetch_and_explicit(
		&zone->flags, ~ZONE_BOOSTED_WATERMARK, memory_order_relaxed);

	if (!(flags & ZONE_BOOSTED_WATERMARK))
		return;
	if (ctx->machine->reclaim)
		kswapd_wakeup(ctx, zone, 0, 0, zone->idx);
	else
		zone_note(ctx, zone, EV_KSWAPD_WAKE, 0,
			  (uint64_t)zone_free_pages(zone));
}

static bool below_high_known(const struct zone *zone)
{
	/* relaxed: a hint for the tuning of per-CPU lists */
	return atomic_load_explicit(&zone->flags, memory_order_relaxed) &
	       ZONE_BELOW_HIGH;
}

/* May the request take from this zone, with these flags? */
static bool zone_permits(const struct alloc_request *r, struct zone *zone,
			 unsigned flags)
{
	struct wmark_check c = { .order = r->order,
				 .idx = r->idx,
				 .alloc_flags = flags };
	const bool rules_6_1 = zone->machine->desc.kernel == KERNEL_6_1;

	c.high_priority =
		rules_6_1 ? r->gfp & GFP_BIT_ATOMIC : flags & ALLOC_MIN_RESERVE;
	if (!rules_6_1 && !below_high_known(zone)) {
		c.mark = zone_mark(zone, WMARK_HIGH);
		if (zone_watermark_fast(zone, &c))
			return true;
		/* relaxed: see below_high_known() */
		atomic_fetch_or_explicit(&zone->flags, ZONE_BELOW_HIGH,
					 memory_order_relaxed);
	}
	c.mark = zone_mark(zone, flags & ALLOC_WMARK_MASK);
	return zone_watermark_fast(zone, &c) || (flags & ALLOC_NO_WATERMARKS);
}

/* The request is served from this zone, if the engine can. */
static pfn_t take(const struct alloc_request *r, struct zone *zone,
		  unsigned flags)
{
	struct page_ctx *ctx = r->ctx;
	pfn_t pfn = ctx->ops->rmqueue(ctx, zone, r->order, r->mt, flags);

	if (!pfn_valid(pfn))
		return pfn;
	page_count_alloc(ctx, r->preferred, zone, 1, 1ULL << r->order);
	if (r->in_turn)
		page_count_interleave(ctx, zone, 1);
	if (zone_boost_pending(zone, flags))
		zone_boost_noticed(ctx, zone);
	if (r->gfp & GFP_BIT_COMP)
		page_set_compound(ctx->ops, ctx->machine, pfn);
	if (flags & ALLOC_HIGHATOMIC)
		buddy_reserve_highatomic(ctx, zone, pfn, r->order);
	if (CHECK_LEVEL >= 1)
		page_check_alloc(ctx, pfn, r->order);
	return pfn;
}

/* One walk; ALLOC_NOFRAGMENT is given up before another node is touched, or
 * when the walk found nothing with it. */
pfn_t request_walk(const struct alloc_request *r, unsigned flags)
{
	const bool numa = r->ctx->machine->desc.topo.nr_nodes > 1;
	struct zone *zone;

again:
	for (unsigned i = r->first; (zone = r->list->zone[i]); i++) {
		pfn_t pfn;

		if (zone->idx > r->idx)
			continue;
		if ((flags & ALLOC_NOFRAGMENT) && numa &&
		    zone->nid != r->preferred->nid)
			break;
		if (!zone_permits(r, zone, flags))
			continue;
		pfn = take(r, zone, flags);
		if (pfn_valid(pfn))
			return pfn;
	}
	if (flags & ALLOC_NOFRAGMENT) {
		flags &= ~ALLOC_NOFRAGMENT;
		goto again;
	}
	return PFN_NONE;
}

/* gfp_to_alloc_flags of Linux: MIN, and what reserves the request may use. */
unsigned request_slow_flags(const struct alloc_request *r)
{
	unsigned flags = WMARK_MIN | (r->gfp & (GFP_BIT_HIGH | ALLOC_KSWAPD));

	_Static_assert(ALLOC_MIN_RESERVE == GFP_BIT_HIGH &&
			       ALLOC_KSWAPD == GFP_BIT_KSWAPD_RECLAIM,
		       "the bits are copied");
	if (!(r->gfp & (GFP_BIT_DIRECT_RECLAIM | GFP_BIT_NOMEMALLOC))) {
		flags |= ALLOC_NON_BLOCK;
		if (r->order && (flags & ALLOC_MIN_RESERVE))
			flags |= ALLOC_HIGHATOMIC;
	}
	return flags | (r->mt == MT_MOVABLE ? ALLOC_CMA : 0);
}

/* Full reserves: 0, or the flag that opens them. */
unsigned request_reserve_flags(const struct alloc_request *r)
{
	if (r->gfp & GFP_BIT_NOMEMALLOC)
		return 0;
	if ((r->gfp & GFP_BIT_MEMALLOC) || r->ctx->in_reclaim)
		return ALLOC_NO_WATERMARKS;
	return r->ctx->oom_victim ? ALLOC_OOM : 0;
}

/* kswapd of every node of the zonelist is called, once per node. */
void request_wake_kswapds(const struct alloc_request *r)
{
	const struct zone *last = NULL;
	struct zone *zone;

	for (unsigned i = r->first; (zone = r->list->zone[i]); i++) {
		if (zone->idx > r->idx || (last && last->nid == zone->nid))
			continue;
		last = zone;
		if (r->ctx->machine->reclaim) {
			kswapd_wakeup(r->ctx, zone, r->gfp, r->order, r->idx);
			continue;
		}
		zone_note(r->ctx, zone, EV_KSWAPD_WAKE, r->order,
			  (uint64_t)zone_free_pages(zone));
	}
}

bool request_unreserve(const struct alloc_request *r, bool force)
{
	struct zone *zone;

	for (unsigned i = r->first; (zone = r->list->zone[i]); i++) {
		if (zone->idx <= r->idx &&
		    buddy_unreserve_highatomic(r->ctx, zone, r->mt, force))
			return true;
	}
	return false;
}

/*
 * The request may block, and there is no reclaim: what Linux does around that
 * is done. A HighAtomic pageblock is released, per-CPU lists are drained, and
 * before giving up the last HighAtomic one goes too.
 */
static pfn_t alloc_unreclaimed(const struct alloc_request *r, unsigned flags)
{
	struct page_ctx *ctx = r->ctx;
	pfn_t pfn;

	request_unreserve(r, false);
	ctx->ops->drain(ctx->engine, ctx);
	pfn = request_walk(r, flags);
	if (!pfn_valid(pfn) && request_unreserve(r, true))
		pfn = request_walk(r, flags);
	if (!pfn_valid(pfn) && (r->gfp & GFP_BIT_NOFAIL))
		pfn = request_walk(r, flags | ALLOC_MIN_RESERVE);
	return pfn;
}

/* Everything after a first walk that failed. */
static pfn_t alloc_slowpath(const struct alloc_request *r)
{
	const unsigned reserves = request_reserve_flags(r);
	unsigned flags = request_slow_flags(r);
	pfn_t pfn = request_walk(r, flags);

	if (pfn_valid(pfn))
		return pfn;
	if (reserves)
		flags = reserves | (flags & (ALLOC_KSWAPD | ALLOC_CMA));
	pfn = request_walk(r, flags);
	if (pfn_valid(pfn))
		return pfn;
	if ((r->gfp & GFP_BIT_DIRECT_RECLAIM) && !r->ctx->in_reclaim)
		return alloc_unreclaimed(r, flags);
	if (!(r->ctx->ops->features & PAGE_F_DEFERRED))
		return pfn;
	/* Frames that were freed may be waiting; no request fails for that,
	 * not even one that Linux would not let wait. */
	r->ctx->ops->drain(r->ctx->engine, r->ctx);
	return request_walk(r, flags);
}

/*
 * Crossings are recorded once: as long as no page came from the preferred
 * zone since this thread's last visit, it is still on the same side.
 */
static bool crossed(const struct alloc_request *r, uint64_t *seen)
{
	uint64_t pgalloc = r->ctx->counters[r->preferred->id].pgalloc;
	bool fresh = pgalloc + 1 != *seen;

	*seen = pgalloc + 1;
	return fresh;
}

static bool request_init(struct alloc_request *r, unsigned nid)
{
	const struct machine *m = r->ctx->machine;

	r->list = page_zonelist(m->node[nid].zonelist, r->gfp);
	r->idx = m->gfp_zone[r->gfp & 0xf];
	r->mt = page_request_mt(m, r->gfp);
	r->first = r->list->first[r->idx];
	r->preferred = r->list->zone[r->first];
	return r->preferred && r->order <= MAX_PAGE_ORDER;
}

/* The node with memory that follows the one of the last request. */
static unsigned next_in_turn(struct page_ctx *ctx)
{
	const struct machine *m = ctx->machine;
	unsigned nid = ctx->interleave_node;

	do
		nid = (nid + 1) % m->desc.topo.nr_nodes;
	while (!m->node[nid].has_memory);
	ctx->interleave_node = (uint16_t)nid;
	return nid;
}

/* Applies the thread's policy to a request that names no node itself; returns
 * the node whose zonelist it takes. */
static unsigned ask_policy(struct alloc_request *r)
{
	struct page_ctx *ctx = r->ctx;

	if (r->gfp & GFP_BIT_THISNODE)
		return ctx->node;
	switch (ctx->policy.mode) {
	case MEM_LOCAL:
		break;
	case MEM_BIND:
		r->gfp |= GFP_BIT_THISNODE;
		r->bound = true;
		return ctx->policy.node;
	case MEM_PREFER:
		return ctx->policy.node;
	case MEM_INTERLEAVE:
		r->in_turn = true;
		return next_in_turn(ctx);
	}
	return ctx->node;
}

void page_ctx_fold(struct page_ctx *ctx)
{
	struct alloc_plan *plan = &ctx->plan;
	struct zone_counters *c = plan->counters;

	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		c->pgalloc += plan->got[o] << o;
		c->pgfree += plan->put[o] << o;
		c->numa_hit += plan->got[o];
		if (plan->local)
			c->numa_local += plan->got[o];
		else
			c->numa_other += plan->got[o];
		plan->got[o] = plan->put[o] = 0;
	}
}

static void plan_fill(struct page_ctx *ctx, gfp_t gfp)
{
	static const _Atomic long none;
	struct alloc_request r = { .ctx = ctx, .gfp = gfp };
	const struct machine *m = ctx->machine;
	struct alloc_plan *plan = &ctx->plan;
	struct zone *zone;
	bool in_turn;

	*plan = (struct alloc_plan){ .gfp = gfp,
				     .zone = m->zone,
				     .counters = ctx->counters,
				     .homes = m->home,
				     .home = HOME_MIXED | 1 };
	/* a plan is for one node: who takes turns has none, and goes the long
	 * way each time; the zone is only a guess for frees then */
	in_turn = page_takes_turns(ctx, gfp);
	if (!request_init(&r, in_turn ? ctx->node : ask_policy(&r)))
		return;
	zone = r.preferred;
	plan->nr_orders = in_turn ? 0 : NR_PAGE_ORDERS;
	plan->mt = r.mt;
	plan->alloc_flags = page_fast_flags(zone, gfp, r.mt);
	plan->zone = zone;
	plan->zone_id = zone->id;
	plan->start_pfn = (uint32_t)zone->start_pfn;
	plan->spanned = (uint32_t)zone->spanned;
	plan->counters = &ctx->counters[zone->id];
	plan->reserve = &zone->lowmem_reserve[r.idx];
	plan->mark_high = m->desc.kernel != KERNEL_6_1;
	plan->highatomic = plan->mark_high ? &zone->nr_free_highatomic
					   : &zone->nr_reserved_highatomic;
	plan->cma = plan->alloc_flags & ALLOC_CMA ? &none : &zone->nr_free_cma;
	plan->local = zone->nid == ctx->node;
	plan->home = zone_home(zone, r.mt);
}

NOINLINE void page_plan(struct page_ctx *ctx, gfp_t gfp)
{
	page_ctx_fold(ctx);
	plan_fill(ctx, gfp);
	/* also where there is no zone: its hooks are asked all the same */
	if (ctx->ops->plan)
		ctx->ops->plan(ctx);
}

NOINLINE pfn_t page_alloc_slow(struct page_ctx *ctx, unsigned nid, gfp_t gfp,
			       unsigned order)
{
	struct alloc_request r = { .ctx = ctx, .gfp = gfp, .order = order };
	bool fresh;
	pfn_t pfn;

	if (nid == PAGE_NODE_BY_POLICY)
		nid = ask_policy(&r);
	if (!request_init(&r, nid))
		return PFN_NONE;
	pfn = request_walk(&r, page_fast_flags(r.preferred, r.gfp, r.mt));
	if (pfn_valid(pfn))
		return pfn;
	if (ctx->machine->reclaim) {
		request_refused(&r, WMARK_LOW);
		pfn = alloc_direct(&r);
		if (pfn_valid(pfn))
			return pfn;
		page_ctx_fold(ctx);
		if (crossed(&r, &ctx->fail_pgalloc))
			zone_note(ctx, r.preferred, EV_ALLOC_FAIL, order, gfp);
		return pfn;
	}
	page_ctx_fold(ctx);
	fresh = crossed(&r, &ctx->slow_pgalloc);
	if (fresh)
		zone_note(ctx, r.preferred, EV_WMARK_LOW, order,
			  (uint64_t)zone_free_pages(r.preferred));
	if (fresh && (gfp & GFP_BIT_KSWAPD_RECLAIM))
		request_wake_kswapds(&r);
	pfn = alloc_slowpath(&r);
	if (pfn_valid(pfn)) {
		/* still below LOW: the next visit is not a new crossing */
		ctx->slow_pgalloc = ctx->counters[r.preferred->id].pgalloc + 1;
	} else if (crossed(&r, &ctx->fail_pgalloc)) {
		zone_note(ctx, r.preferred, EV_WMARK_MIN, order,
			  (uint64_t)zone_free_pages(r.preferred));
		zone_note(ctx, r.preferred, EV_ALLOC_FAIL, order, gfp);
	}
	return pfn;
}

NOINLINE struct zone *page_bulk_zone(struct page_ctx *ctx, gfp_t gfp,
				     unsigned n)
{
	struct alloc_request r = { .ctx = ctx, .gfp = gfp };
	struct zone *zone;

	if (!request_init(&r, ask_policy(&r)))
		return NULL;
	for (unsigned i = r.first; (zone = r.list->zone[i]); i++) {
		struct wmark_check c = { .idx = r.preferred->idx };

		if (zone->idx > r.idx)
			continue;
		if (zone->nid != r.preferred->nid)
			return NULL;
		c.alloc_flags =
			WMARK_LOW | (r.mt == MT_MOVABLE ? ALLOC_CMA : 0);
		c.mark = zone_mark(zone, WMARK_LOW) + (long)n;
		if (zone_watermark_fast(zone, &c))
			return zone;
	}
	return NULL;
}

/* The block that pfn lies in, by the head words below it; pfn itself if no
 * block reaches it. */
static uint64_t block_of(const struct machine *m, uint64_t pfn)
{
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		uint64_t first = pfn & ~((1ULL << o) - 1);
		uint32_t head = page_head(&m->map[first]);

		if (page_head_state(head) != PAGE_TAIL &&
		    first + (1ULL << page_head_order(head)) > pfn)
			return first;
	}
	return pfn;
}

static const char *state_name(enum page_state state)
{
	static const char *const names[] = {
		[PAGE_TAIL] = "inside no block",
		[PAGE_BUDDY] = "free",
		[PAGE_ALLOC] = "handed out",
		[PAGE_PCP] = "free on a per-CPU list",
		[PAGE_LIMBO] = "freed, waiting for a grace period",
		[PAGE_LRU] = "handed out, on an LRU list",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "damaged";
}

static void bad_free(const struct machine *m, pfn_t pfn, unsigned order,
		     const char *why)
{
	const struct zone *zone = machine_zone_of(m, pfn.v);
	const uint64_t first = block_of(m, pfn.v);
	const uint32_t head = page_head(&m->map[first]);

	check(false,
	      "%s: free of pfn %u order %u: frame of node %u zone %s, block "
	      "%llu order %u is %s, last owner CPU %d",
	      why, pfn.v, order, zone ? zone->nid : 0,
	      zone ? zone->name : "none", (unsigned long long)first,
	      page_head_order(head), state_name(page_head_state(head)),
	      (int)m->map[first].owner - 1);
}

void page_check_free(struct page_ctx *ctx, pfn_t pfn, unsigned order)
{
	const struct machine *m = ctx->machine;
	uint32_t head;

	check(pfn.v < m->end_pfn && machine_zone_of(m, pfn.v),
	      "pfn out of range: free of pfn %u order %u: no zone has this "
	      "frame, so it has no owner and no state (last pfn %llu)",
	      pfn.v, order, (unsigned long long)m->end_pfn - 1);
	head = page_head(&m->map[pfn.v]);
	switch (page_head_state(head)) {
	case PAGE_ALLOC:
	case PAGE_LRU:
		break;
	case PAGE_TAIL:
		bad_free(m, pfn, order, "not the first frame of a block");
		break;
	default:
		bad_free(m, pfn, order, "double free");
	}
	if (page_head_order(head) != order)
		bad_free(m, pfn, order, "wrong order");
	/* relaxed: only its being 0 would be wrong */
	if (!atomic_load_explicit(&m->map[pfn.v].refcount,
				  memory_order_relaxed))
		bad_free(m, pfn, order, "no reference");
}

void page_check_alloc(struct page_ctx *ctx, pfn_t pfn, unsigned order)
{
	const struct machine *m = ctx->machine;
	struct page *page = pfn_to_page(m, pfn);

	/* relaxed: the block is ours */
	check(pfn.v < m->end_pfn && !(pfn.v & ((1u << order) - 1)) &&
		      page_head_state(page_head(page)) == PAGE_ALLOC &&
		      page_head_order(page_head(page)) == order &&
		      atomic_load_explicit(&page->refcount,
					   memory_order_relaxed) == 1,
	      "engine handed out pfn %u order %u with head word %#x", pfn.v,
	      order, page_head(page));
	for (uint32_t i = 1; CHECK_LEVEL >= 2 && i < 1u << order; i++)
		check(page_head_state(page_head(&page[i])) == PAGE_TAIL,
		      "engine handed out pfn %u order %u, but frame %u is %s",
		      pfn.v, order, pfn.v + i,
		      state_name(page_head_state(page_head(&page[i]))));
	page->owner = ctx->cpu + 1u;
}
