/*
 * The slow path of a request on a machine with reclaim: what is tried in which
 * order (__alloc_pages_slowpath of Linux 6.1), direct reclaim, its throttling,
 * when to try again, and when to give up.
 *
 * Locks: zone->lock for taking a boost off, nothing else is held then. Beside
 * it, oom_lock of struct reclaim is a flag that one thread has at a time, the
 * others do not wait for it but nap.
 *
 * Progress. A request that may reclaim goes round as long as somebody gets
 * pages out of its zones: no_progress counts the rounds without any, 17 in a
 * row end it, and after each the zones must hold enough free and reclaimable
 * pages for another round to make sense. Throttled threads wait for kswapd,
 * which wakes them after each pass, when it goes to sleep and when it has
 * failed 16 times, and look for themselves every tenth of a second.
 *
 * No false OOM: before the decision everything that an engine caches or defers
 * is drained, boosts are taken off the marks, which without kswapd nobody else
 * does, and the marks are asked once more.
 *
 * Departures from Linux. Nothing is killed: where Linux would kill, the request
 * fails with EV_OOM. One that would kill but must not (without __GFP_FS) fails
 * so after OOM_ROUNDS more rounds, and so does every one with __GFP_NOFAIL,
 * with EV_OOM if it might kill, since no victim's exit would ever free memory.
 */
#include <sched.h>
#include <time.h>

#include "alloc/base/wait.h"
#include "alloc/page/buddy.h"
#include "alloc/page/compaction.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/page_request.h"
#include "alloc/page/vmscan.h"
#include "alloc/page/vmstat.h"
#include "alloc/page/zone_lock.h"

#define TICK_NS          4000000u    /* HZ = 250 */
#define THROTTLE_NS      1000000000u /* longest, without __GFP_FS */
#define THROTTLE_LOOK_NS 100000000u
#define OOM_ROUNDS       16u

static void nap(void)
{
	const struct timespec tick = { .tv_nsec = TICK_NS };

	nanosleep(&tick, NULL);
}

/* --- direct reclaim
 * ----------------------------------------------------------- */

/* The node whose reserves the request is held back for, -1: none. */
static int throttle_node(const struct alloc_request *r)
{
	struct zone *zone;

	for_each_zone_of(zone, i, r)
	{
		if (zone->idx <= ZONE_NORMAL)
			return zone->nid;
	}
	return -1;
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void throttle(const struct alloc_request *r)
{
	struct reclaim *rc = r->ctx->machine->reclaim;
	const int nid = throttle_node(r);
	const uint64_t begin = tsc_read();
	struct node_reclaim *n;
	uint64_t until;

	if (!rc->cfg.kswapd || nid < 0 ||
	    direct_reclaim_allowed(rc, (unsigned)nid))
		return;
	n = &rc->node[nid];
	vm_count(&rc->events, VM_PGSCAN_DIRECT_THROTTLE, 1);
	/* relaxed, all: the sleep is limited, and looks again */
	atomic_fetch_add_explicit(&n->nr_throttled, 1, memory_order_relaxed);
	until = r->gfp & GFP_BIT_FS ? UINT64_MAX : clock_ns() + THROTTLE_NS;
	while (!reclaim_stopping(rc)) {
		const uint32_t seen = atomic_load_explicit(
			&n->throttle, memory_order_relaxed);

		if (direct_reclaim_allowed(rc, (unsigned)nid))
			break;
		word_wait(&n->throttle, seen, THROTTLE_LOOK_NS);
		if (clock_ns() >= until)
			break;
	}
	atomic_fetch_sub_explicit(&n->nr_throttled, 1, memory_order_relaxed);
	zone_note(r->ctx, r->preferred, EV_THROTTLE, r->order,
		  tsc_read() - begin);
}

/* Is the zone so full of free pages that compaction is what it takes?
 * (compaction_ready) */
static bool compaction_ready(const struct scan_control *sc,
			     const struct zone *zone)
{
	struct wmark_check c = { .idx = sc->idx };

	switch (compaction_suitable(sc->r, zone, sc->order, 0, sc->idx)) {
	case COMPACT_SUCCESS:
		return true;
	case COMPACT_SKIPPED:
		return false;
	default:
		c.mark = zone_mark(zone, WMARK_HIGH) +
			 (long)compact_gap(sc->order);
		return zone_watermark_ok(zone, &c, zone_free_pages_safe(zone));
	}
}

static void look_at_marks(struct page_ctx *ctx, unsigned nid)
{
	const struct node *node = &ctx->machine->node[nid];

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		if (zone_managed(node->zone[i]))
			zone_marks_regained(ctx, node->zone[i]);
}

/* One priority, each node once. */
static void shrink_zones(const struct alloc_request *r, struct scan_control *sc)
{
	int last = -1;
	struct zone *zone;

	for_each_zone_of(zone, i, r)
	{
		if (sc->order > COSTLY_ORDER && compaction_ready(sc, zone)) {
			sc->compaction_ready = true;
			continue;
		}
		if (zone->nid == last)
			continue;
		last = zone->nid;
		shrink_node(sc, zone->nid);
		look_at_marks(sc->ctx, zone->nid);
	}
}

/* do_try_to_free_pages: pages reclaimed, 1: rather compact, 0: no progress. */
static uint64_t free_some(const struct alloc_request *r,
			  struct scan_control *sc)
{
	struct zone *zone;

retry:
	vm_count(&sc->r->events, VM_ALLOCSTALL + r->idx, 1);
	for (sc->priority = DEF_PRIORITY;; sc->priority--) {
		shrink_zones(r, sc);
		if ((long)sc->nr_reclaimed >= sc->nr_to_reclaim ||
		    sc->compaction_ready || !sc->priority)
			break;
	}
	for_each_zone_of(zone, i, r) snapshot_refaults(sc->r, zone->nid);
	if (sc->nr_reclaimed || sc->compaction_ready)
		return sc->nr_reclaimed ? sc->nr_reclaimed : 1;
	if (!sc->skipped_deactivate)
		return 0;
	sc->skipped_deactivate = false;
	sc->force_deactivate = true;
	goto retry;
}

static void count_stall(struct reclaim *rc, uint64_t ticks)
{
	/* relaxed, all: statistics */
	uint64_t most = atomic_load_explicit(&rc->stall_ticks_max,
					     memory_order_relaxed);

	atomic_fetch_add_explicit(&rc->stalls, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&rc->stall_ticks, ticks,
				  memory_order_relaxed);
	while (ticks > most &&
	       !atomic_compare_exchange_weak_explicit(
		       &rc->stall_ticks_max, &most, ticks, memory_order_relaxed,
		       memory_order_relaxed))
		;
}

/* try_to_free_pages */
static uint64_t direct_reclaim(const struct alloc_request *r)
{
	struct page_ctx *ctx = r->ctx;
	struct scan_control sc = {
		.r = ctx->machine->reclaim,
		.ctx = ctx,
		.nr_to_reclaim = SWAP_CLUSTER_MAX,
		.order = r->order,
		.idx = r->idx,
		.may_io = r->gfp & GFP_BIT_IO,
		.may_write = r->gfp & GFP_BIT_FS,
	};
	const uint64_t begin = tsc_read();
	uint64_t progress, ticks;

	throttle(r);
	zone_note(ctx, r->preferred, EV_RECLAIM_BEGIN, r->order, r->gfp);
	ctx->in_reclaim = true;
	progress = free_some(r, &sc);
	ctx->in_reclaim = false;
	zone_note(ctx, r->preferred, EV_RECLAIM_END, r->order,
		  sc.nr_scanned << 32 | (uint32_t)sc.nr_reclaimed);
	ticks = tsc_read() - begin;
	zone_note(ctx, r->preferred, EV_RECLAIM_STALL, r->order, ticks);
	count_stall(sc.r, ticks);
	return progress;
}

/* --- the attempt's state
 * --------------------------------------------------------- */

struct attempt {
	const struct alloc_request *r;
	unsigned flags;
	bool costly, can_compact;
	uint64_t progress; /* of the last reclaim */
	unsigned no_progress, oom_rounds, compact_retries;
	enum compact_priority compact_priority;
	enum compact_result compact_result;
};

/* Reclaim, and another walk; a second one after what is held back has been
 * given up. */
static pfn_t reclaim_and_walk(struct attempt *a)
{
	const struct alloc_request *r = a->r;
	pfn_t pfn;

	a->progress = direct_reclaim(r);
	if (!a->progress)
		return PFN_NONE;
	pfn = request_walk(r, a->flags);
	if (pfn_valid(pfn))
		return pfn;
	request_unreserve(r, false);
	r->ctx->ops->drain(r->ctx->engine, r->ctx);
	return request_walk(r, a->flags);
}

static pfn_t compact_and_walk(struct attempt *a)
{
	const struct alloc_request *r = a->r;
	pfn_t pfn;

	if (!r->order || !(r->gfp & GFP_BIT_IO)) {
		a->compact_result = COMPACT_SKIPPED;
		return PFN_NONE;
	}
	a->compact_result = compact_zones(r, a->flags, a->compact_priority);
	if (a->compact_result == COMPACT_SKIPPED)
		return PFN_NONE;
	vm_count(&r->ctx->machine->reclaim->events, VM_COMPACT_STALL, 1);
	pfn = request_walk(r, a->flags);
	if (!pfn_valid(pfn) && a->compact_result > COMPACT_DEFERRED) {
		/* what was moved from may lie on per-CPU lists */
		r->ctx->ops->drain(r->ctx->engine, r->ctx);
		pfn = request_walk(r, a->flags);
	}
	compact_finish(r, pfn);
	return pfn;
}

/* Pages that a zone would have if all were reclaimed and drained. */
static long available_pages(const struct reclaim *rc, const struct zone *zone)
{
	struct zone_held held = { .cached_pages = 0 };

	if (rc->engine->ops->held)
		rc->engine->ops->held(rc->engine, zone, &held);
	return zone_reclaimable_pages(rc, zone) +
	       zone_free_pages_snapshot(zone) +
	       (long)(held.cached_pages + held.limbo_pages);
}

/* should_reclaim_retry. Whoever gives up here has given up the last HighAtomic
 * block before: its free pages count for nobody else. */
static bool retry_reclaim(struct attempt *a)
{
	const struct alloc_request *r = a->r;
	struct zone *zone;

	if (a->progress && !a->costly)
		a->no_progress = 0;
	else
		a->no_progress++;
	if (a->no_progress > MAX_RECLAIM_RETRIES)
		return request_unreserve(r, true);
	for_each_zone_of(zone, i, r)
	{
		const struct wmark_check c = {
			.order = r->order,
			.idx = r->idx,
			.alloc_flags = a->flags,
			.mark = zone_mark(zone, WMARK_MIN),
		};

		if (zone_watermark_ok(
			    zone, &c,
			    available_pages(r->ctx->machine->reclaim, zone))) {
			sched_yield();
			return true;
		}
	}
	return request_unreserve(r, true);
}

/* should_compact_retry */
static bool retry_compaction(struct attempt *a)
{
	const enum compact_priority hardest =
		a->costly ? COMPACT_SYNC_LIGHT : COMPACT_SYNC_FULL;
	unsigned most = MAX_RECLAIM_RETRIES;

	if (!a->r->order || !a->progress)
		return false;
	switch (a->compact_result) {
	case COMPACT_SKIPPED:
		return compaction_zones_suitable(a->r, a->flags);
	case COMPACT_SUCCESS:
		a->compact_retries++;
		break;
	case COMPACT_COMPLETE:
	case COMPACT_DEFERRED:
	case COMPACT_CONTENDED:
	case COMPACT_PARTIAL_SKIPPED:
		most = 0;
		break;
	default:
		break;
	}
	if (a->costly)
		most /= 4;
	if (most && a->compact_retries <= most)
		return true;
	if (a->compact_priority <= hardest)
		return false;
	a->compact_priority--;
	a->compact_retries = 0;
	return true;
}

/* --- giving up
 * ------------------------------------------------------------------------ */

/* Would Linux kill for this request? */
static bool may_kill(const struct attempt *a)
{
	const gfp_t gfp = a->r->gfp;

	if ((gfp & GFP_BIT_THISNODE) && !a->r->bound)
		return false;
	return !a->costly && a->r->idx >= ZONE_NORMAL &&
	       !(gfp & GFP_BIT_RETRY_MAYFAIL);
}

static bool must_not_fail(const struct attempt *a)
{
	const gfp_t both = GFP_BIT_NOFAIL | GFP_BIT_DIRECT_RECLAIM;

	return (a->r->gfp & both) == both;
}

/* Pages that a boost of the marks held back are free all the same. */
static void drop_boosts(const struct alloc_request *r)
{
	struct zone *zone;

	for_each_zone_of(zone, i, r)
	{
		/* relaxed, both: zone->lock orders the writers */
		if (!atomic_load_explicit(&zone->watermark_boost,
					  memory_order_relaxed))
			continue;
		zone_lock(zone);
		atomic_store_explicit(&zone->watermark_boost, 0,
				      memory_order_relaxed);
		zone_unlock(zone);
		zone_note(r->ctx, zone, EV_BOOST, 0, 0);
	}
}

/* __alloc_pages_may_oom: a last try at HIGH. *again: go on all the same. */
static pfn_t last_try(struct attempt *a, bool *again)
{
	const struct alloc_request *r = a->r;
	struct reclaim *rc = r->ctx->machine->reclaim;
	pfn_t pfn;

	*again = true;
	/* ACQ(oom-lock), REL(oom-lock): one decision after the other */
	if (atomic_exchange_explicit(&rc->oom_lock, true,
				     memory_order_acq_rel)) {
		nap();
		return PFN_NONE;
	}
	drop_boosts(r);
	r->ctx->ops->drain(r->ctx->engine, r->ctx);
	pfn = request_walk(r, WMARK_HIGH);
	if (!pfn_valid(pfn))
		pfn = request_walk(r, a->flags);
	*again = false;
	if (!pfn_valid(pfn) && may_kill(a)) {
		if (must_not_fail(a))
			pfn = request_walk(r, a->flags | ALLOC_NO_WATERMARKS);
		if (must_not_fail(a) || !(r->gfp & GFP_BIT_FS))
			*again =
				!pfn_valid(pfn) && a->oom_rounds++ < OOM_ROUNDS;
		if (!*again && !pfn_valid(pfn)) {
			vm_count(&rc->events, VM_OOM_KILL, 1);
			zone_note(r->ctx, r->preferred, EV_OOM, r->order,
				  r->gfp);
		}
	}
	/* REL(oom-lock): pairs with ACQ(oom-lock) above */
	atomic_store_explicit(&rc->oom_lock, false, memory_order_release);
	return pfn;
}

/* The rounds were in vain, but the request must not fail: it has half of the
 * reserve, and at the end, for which Linux has none, all of it. *again: go
 * round once more. */
static pfn_t not_failing(struct attempt *a, bool *again)
{
	const struct alloc_request *r = a->r;
	pfn_t pfn = request_walk(r, a->flags | ALLOC_MIN_RESERVE);

	*again = !pfn_valid(pfn) && a->oom_rounds++ < OOM_ROUNDS;
	if (*again)
		sched_yield();
	else if (!pfn_valid(pfn))
		pfn = request_walk(r, a->flags | ALLOC_NO_WATERMARKS);
	return pfn;
}

/* The request fails, if not. */
static pfn_t no_page(struct attempt *a)
{
	const struct alloc_request *r = a->r;
	pfn_t pfn = PFN_NONE;

	if (r->ctx->ops->features & PAGE_F_DEFERRED) {
		/* frames that were freed may be waiting: no request fails for
		 * that, not even one that Linux would not let wait */
		r->ctx->ops->drain(r->ctx->engine, r->ctx);
		pfn = request_walk(r, a->flags);
	}
	return pfn;
}

/* --- the order of things
 * ------------------------------------------------------------------ */

/* Steps 6 to 10 of a round. *again: go round once more. */
static pfn_t one_round(struct attempt *a, bool *again)
{
	const struct alloc_request *r = a->r;
	pfn_t pfn = reclaim_and_walk(a);

	*again = false;
	if (!pfn_valid(pfn))
		pfn = compact_and_walk(a);
	if (pfn_valid(pfn) || (r->gfp & GFP_BIT_NORETRY))
		return pfn;
	if (a->costly && (!a->can_compact || !(r->gfp & GFP_BIT_RETRY_MAYFAIL)))
		return PFN_NONE;
	*again = retry_reclaim(a) || retry_compaction(a);
	if (*again)
		return PFN_NONE;
	pfn = last_try(a, again);
	if (*again)
		a->no_progress = 0;
	return pfn;
}

/* Step 3: a block is wanted that order-0 pages will not become by themselves.
 * *fail: and it is no use to go on. */
static pfn_t try_compaction_first(struct attempt *a, bool *fail)
{
	const struct alloc_request *r = a->r;
	pfn_t pfn;

	*fail = false;
	if (!a->can_compact || request_reserve_flags(r) ||
	    (!a->costly && (!r->order || r->mt == MT_MOVABLE)))
		return PFN_NONE;
	a->compact_priority = COMPACT_ASYNC;
	pfn = compact_and_walk(a);
	if (pfn_valid(pfn))
		return pfn;
	if (a->costly && (r->gfp & GFP_BIT_NORETRY))
		*fail = a->compact_result == COMPACT_SKIPPED ||
			a->compact_result == COMPACT_DEFERRED;
	else
		a->compact_priority = COMPACT_SYNC_LIGHT;
	return PFN_NONE;
}

void request_refused(const struct alloc_request *r, enum wmark mark)
{
	struct zone *zone;

	for_each_zone_of(zone, i, r)
		zone_mark_crossed(r->ctx, zone, mark, r->order);
}

pfn_t alloc_direct(const struct alloc_request *r)
{
	const bool may_block =
		(r->gfp & GFP_BIT_DIRECT_RECLAIM) && !r->ctx->in_reclaim;
	const unsigned reserves = request_reserve_flags(r);
	struct attempt a = {
		.r = r,
		.flags = request_slow_flags(r),
		.costly = r->order > COSTLY_ORDER,
		.can_compact = may_block && (r->gfp & GFP_BIT_IO),
		.compact_priority = COMPACT_SYNC_LIGHT,
		.compact_result = COMPACT_SKIPPED,
	};
	bool again, fail = false;
	pfn_t pfn;

	if (r->gfp & GFP_BIT_KSWAPD_RECLAIM)
		request_wake_kswapds(r);
	pfn = request_walk(r, a.flags);
	if (!pfn_valid(pfn)) {
		request_refused(r, WMARK_MIN);
		pfn = try_compaction_first(&a, &fail);
	}
	if (pfn_valid(pfn) || fail)
		return pfn;
	if (reserves)
		a.flags = reserves | (a.flags & (ALLOC_KSWAPD | ALLOC_CMA));
	do {
		if (r->gfp & GFP_BIT_KSWAPD_RECLAIM)
			request_wake_kswapds(r);
		pfn = request_walk(r, a.flags);
		if (pfn_valid(pfn))
			return pfn;
		again = false;
		if (may_block)
			pfn = one_round(&a, &again);
		if (may_block && !pfn_valid(pfn) && !again && must_not_fail(&a))
			pfn = not_failing(&a, &again);
		if (pfn_valid(pfn))
			return pfn;
	} while (again);
	return no_page(&a);
}
