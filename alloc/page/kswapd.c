/*
 * kswapd: one thread per node that reclaims in the background, from the moment
 * an allocation finds a zone below LOW until one passes HIGH. mm/vmscan.c of
 * Linux 6.1: kswapd(), balance_pgdat(), wakeup_kswapd().
 *
 *   RUN (balance)  --balanced-->  NAP 100 ms  --still balanced-->  SLEEP
 *    ^  ^                          | woken, or no longer balanced    | woken
 *    |  +--------------------------+                                 |
 *    +----------------------------------------------------------------+
 *
 * Locks: none is held across a call here; zone->lock for taking a boost back.
 *
 * A wake-up is not lost: the thread reads the counter of wake-ups, says that it
 * waits, looks once more whether its node is balanced, and then naps and sleeps
 * while the counter is what it read: a wake-up for a higher order than it
 * looked at changes it too. A waker changes the counter before it calls.
 *   REL(mailbox)/ACQ(mailbox)   the request before the counter; what the
 *                               sleeper found before it said that it waits.
 *
 * Departure from Linux: the thread looks at the zone's marks with what a
 * deferring engine has been made to give back (see shrink_node()).
 */
#include "alloc/base/wait.h"
#include "alloc/page/compaction.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/vmscan.h"
#include "alloc/page/vmstat.h"
#include "alloc/page/watermark.h"
#include "alloc/page/zone_lock.h"

#define NAP_NS 100000000u

/* --- marks -------------------------------------------------------------------
 */

static bool zone_balanced(const struct zone *zone, unsigned order, unsigned idx)
{
	const struct wmark_check c = { .order = order,
				       .idx = idx,
				       .mark = zone_mark(zone, WMARK_HIGH) };

	return zone_watermark_ok(zone, &c, zone_free_pages_safe(zone));
}

bool node_balanced(const struct reclaim *r, unsigned nid, unsigned order,
		   unsigned idx)
{
	const struct node *node = &r->machine->node[nid];
	bool managed = false;

	for (unsigned i = 0; i <= idx && i < MAX_NR_ZONES; i++) {
		if (!zone_managed(node->zone[i]))
			continue;
		managed = true;
		if (zone_balanced(node->zone[i], order, idx))
			return true;
	}
	return !managed;
}

static uint32_t zone_flags(const struct zone *zone)
{
	/* relaxed: hints */
	return atomic_load_explicit(&zone->flags, memory_order_relaxed);
}

static uint32_t zone_flags_set(struct zone *zone, uint32_t flags)
{
	/* relaxed: hints; who changes a flag first is told so */
	return atomic_fetch_or_explicit(&zone->flags, flags,
					memory_order_relaxed);
}

static uint32_t zone_flags_clear(struct zone *zone, uint32_t flags)
{
	/* relaxed: as above */
	return atomic_fetch_and_explicit(&zone->flags, ~flags,
					 memory_order_relaxed);
}

void zone_mark_crossed(struct page_ctx *ctx, struct zone *zone, enum wmark mark,
		       unsigned order)
{
	const uint32_t flag =
		mark == WMARK_MIN ? ZONE_SEEN_BELOW_MIN : ZONE_SEEN_BELOW_LOW;
	const long free = zone_free_pages(zone);

	/* refused for lack of a block, or for a reserve */
	if (free > zone_mark(zone, mark))
		return;
	if ((zone_flags(zone) & flag) || (zone_flags_set(zone, flag) & flag))
		return;
	zone_note(ctx, zone, mark == WMARK_MIN ? EV_WMARK_MIN : EV_WMARK_LOW,
		  order, (uint64_t)free);
}

void zone_marks_regained(struct page_ctx *ctx, struct zone *zone)
{
	const long free = zone_free_pages(zone);
	const uint32_t flags = zone_flags(zone);

	if ((flags & ZONE_SEEN_BELOW_MIN) && free > zone_mark(zone, WMARK_LOW))
		zone_flags_clear(zone, ZONE_SEEN_BELOW_MIN);
	if (!(flags & ZONE_SEEN_BELOW_LOW) ||
	    free <= zone_mark(zone, WMARK_HIGH))
		return;
	if (zone_flags_clear(zone, ZONE_SEEN_BELOW_LOW) & ZONE_SEEN_BELOW_LOW)
		zone_note(ctx, zone, EV_WMARK_HIGH, 0, (uint64_t)free);
}

/* --- throttled reclaimers
 * ----------------------------------------------------- */

static uint32_t failures(const struct reclaim *r, unsigned nid)
{
	/* relaxed: a counter of tries */
	return atomic_load_explicit(&r->node[nid].kswapd_failures,
				    memory_order_relaxed);
}

bool direct_reclaim_allowed(struct reclaim *r, unsigned nid)
{
	const struct node *node = &r->machine->node[nid];
	struct mailbox *box = &r->node[nid].kswapd;
	long reserve = 0, free = 0;

	if (failures(r, nid) >= MAX_RECLAIM_RETRIES)
		return true;
	for (unsigned i = 0; i <= ZONE_NORMAL; i++) {
		if (!zone_managed(node->zone[i]) ||
		    !zone_reclaimable_pages(r, node->zone[i]))
			continue;
		reserve += zone_mark(node->zone[i], WMARK_MIN);
		free += zone_free_pages(node->zone[i]);
	}
	if (!reserve || free > reserve / 2)
		return true;
	if (mailbox_waiting(box)) {
		mailbox_lower(box, ZONE_NORMAL);
		mailbox_wake(box);
	}
	return false;
}

void wake_throttled(struct reclaim *r, unsigned nid)
{
	struct node_reclaim *n = &r->node[nid];

	/* relaxed, both: who sleeps looks again after a while anyway */
	if (!atomic_load_explicit(&n->nr_throttled, memory_order_relaxed))
		return;
	atomic_fetch_add_explicit(&n->throttle, 1, memory_order_relaxed);
	word_wake(&n->throttle);
}

/* --- waking
 * ---------------------------------------------------------------------- */

static bool node_boosted(const struct reclaim *r, unsigned nid, unsigned idx)
{
	for (unsigned i = 0; i <= idx && i < MAX_NR_ZONES; i++) {
		const struct zone *zone = r->machine->node[nid].zone[i];

		/* relaxed: a hint */
		if (zone_managed(zone) &&
		    atomic_load_explicit(&zone->watermark_boost,
					 memory_order_relaxed))
			return true;
	}
	return false;
}

void kswapd_wakeup(struct page_ctx *ctx, struct zone *zone, gfp_t gfp,
		   unsigned order, unsigned idx)
{
	struct reclaim *r = ctx->machine->reclaim;
	struct mailbox *box = &r->node[zone->nid].kswapd;

	if (!zone_managed(zone) || !r->cfg.kswapd)
		return;
	mailbox_put(box, order, idx);
	if (!mailbox_waiting(box))
		return;
	if (failures(r, zone->nid) >= MAX_RECLAIM_RETRIES ||
	    (node_balanced(r, zone->nid, order, idx) &&
	     !node_boosted(r, zone->nid, idx))) {
		/* fragmented rather than short: nobody else would compact */
		if (!(gfp & GFP_BIT_DIRECT_RECLAIM))
			kcompactd_wakeup(r, zone->nid, order, idx);
		return;
	}
	if (mailbox_wake(box))
		zone_note(ctx, zone, EV_KSWAPD_WAKE, order,
			  (uint64_t)zone_free_pages(zone));
}

/* --- one run
 * ------------------------------------------------------------------------ */

struct balance {
	struct reclaim_worker *w;
	struct scan_control sc;
	long boost[MAX_NR_ZONES]; /* seen at the start */
	long boost_left;          /* pages to reclaim for their sake */
};

static void for_eligible(struct balance *b,
			 void (*act)(struct balance *b, struct zone *zone))
{
	const struct node *node = &b->w->r->machine->node[b->w->nid];

	for (unsigned i = 0; i <= b->sc.idx; i++)
		if (zone_managed(node->zone[i]))
			act(b, node->zone[i]);
}

static void see_boost(struct balance *b, struct zone *zone)
{
	/* relaxed: whatever is added later is left for the next run */
	b->boost[zone->idx] = atomic_load_explicit(&zone->watermark_boost,
						   memory_order_relaxed);
	b->boost_left += b->boost[zone->idx];
}

static void take_boost_back(struct balance *b, struct zone *zone)
{
	long boost;

	if (!b->boost[zone->idx])
		return;
	zone_lock(zone);
	/* relaxed, both: the lock orders the writers */
	boost = atomic_load_explicit(&zone->watermark_boost,
				     memory_order_relaxed);
	boost -= min_long(boost, b->boost[zone->idx]);
	atomic_store_explicit(&zone->watermark_boost, boost,
			      memory_order_relaxed);
	zone_unlock(zone);
	zone_note(&b->w->ctx, zone, EV_BOOST, 0, (uint64_t)boost);
}

static void reclaim_active(struct balance *b, struct zone *zone)
{
	(void)b;
	zone_flags_set(zone, ZONE_RECLAIM_ACTIVE);
}

static void reclaim_over(struct balance *b, struct zone *zone)
{
	(void)b;
	zone_flags_clear(zone, ZONE_RECLAIM_ACTIVE);
}

static void want_high(struct balance *b, struct zone *zone)
{
	b->sc.nr_to_reclaim +=
		max_long(zone_mark(zone, WMARK_HIGH), SWAP_CLUSTER_MAX);
}

static void look_at_marks(struct balance *b, struct zone *zone)
{
	zone_marks_regained(&b->w->ctx, zone);
}

/* kswapd_shrink_node: true if enough was looked at. */
static bool shrink_once(struct balance *b)
{
	struct scan_control *sc = &b->sc;

	sc->nr_to_reclaim = 0;
	for_eligible(b, want_high);
	age_anon(sc, b->w->nid);
	shrink_node(sc, b->w->nid);
	if (sc->order && sc->nr_reclaimed >= compact_gap(sc->order))
		sc->order = 0;
	return (long)sc->nr_scanned >= sc->nr_to_reclaim;
}

/* From priority 12 up. True: balanced, or no need to go on. */
static bool balance_loop(struct balance *b)
{
	struct reclaim *r = b->w->r;
	const unsigned nid = b->w->nid;
	struct scan_control *sc = &b->sc;

	sc->priority = DEF_PRIORITY;
	while (sc->priority >= 1) {
		const uint64_t before = sc->nr_reclaimed;
		const bool balanced = node_balanced(r, nid, sc->order, sc->idx);
		bool raise = true;
		long got;

		if (!balanced && b->boost_left) {
			/* short of pages: that comes first */
			b->boost_left = 0;
			sc->priority = DEF_PRIORITY;
			continue;
		}
		if (balanced && !b->boost_left)
			return true;
		if (b->boost_left && sc->priority == DEF_PRIORITY - 2)
			raise = false;
		sc->may_io = sc->may_write = !b->boost_left;
		sc->nr_scanned = 0;
		if (shrink_once(b))
			raise = false;
		for_eligible(b, look_at_marks);
		if (direct_reclaim_allowed(r, nid))
			wake_throttled(r, nid);
		if (reclaim_stopping(r))
			return true;
		got = (long)(sc->nr_reclaimed - before);
		b->boost_left -= min_long(b->boost_left, got);
		if (b->boost_left && !got)
			break;
		if (raise || !got)
			sc->priority--;
	}
	return false;
}

/* The highest zone up to idx that has pages: what events name. */
static const struct zone *top_zone(const struct reclaim_worker *w, unsigned idx)
{
	const struct node *node = &w->r->machine->node[w->nid];
	unsigned i = idx;

	while (i && !zone_managed(node->zone[i]))
		i--;
	return node->zone[i];
}

/* balance_pgdat: returns the order that was balanced for. */
static unsigned balance(struct reclaim_worker *w, unsigned order, unsigned idx)
{
	struct reclaim *r = w->r;
	struct balance b = { .w = w };
	const struct zone *top = top_zone(w, idx);
	bool boosted;

	b.sc = (struct scan_control){ .r = r,
				      .ctx = &w->ctx,
				      .order = order,
				      .idx = idx,
				      .kswapd = true };
	vm_count(&r->events, VM_PAGEOUTRUN, 1);
	for_eligible(&b, see_boost);
	for_eligible(&b, look_at_marks);
	boosted = b.boost_left;
	for_eligible(&b, reclaim_active);
	if (!balance_loop(&b) && !b.sc.nr_reclaimed)
		/* relaxed: a counter of tries */
		atomic_fetch_add_explicit(&r->node[w->nid].kswapd_failures, 1,
					  memory_order_relaxed);
	for_eligible(&b, reclaim_over);
	for_eligible(&b, look_at_marks);
	if (boosted) {
		for_eligible(&b, take_boost_back);
		kcompactd_wakeup(r, w->nid, top->pageblock_order, idx);
	}
	snapshot_refaults(r, w->nid);
	zone_note(&w->ctx, top, EV_KSWAPD_RECLAIM, order,
		  b.sc.nr_scanned << 32 | (uint32_t)b.sc.nr_reclaimed);
	return b.sc.order;
}

/* --- sleeping
 * -------------------------------------------------------------------------- */

/* Counters are folded sooner while the node is short, where their drift could
 * hide that MIN is passed (set_pgdat_percpu_threshold). */
static void set_thresholds(const struct reclaim_worker *w, bool pressure)
{
	const struct machine *m = w->r->machine;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = m->node[w->nid].zone[i];

		if (!zone_managed(zone) || !zone->percpu_drift_mark)
			continue;
		/* relaxed: any thread's next fold goes by it */
		atomic_store_explicit(
			&zone->stat_threshold,
			pressure ? pressure_threshold_pages(zone)
				 : stat_threshold_pages(zone->managed,
							m->desc.topo.nr_cpus),
			memory_order_relaxed);
	}
}

static bool may_sleep(const struct reclaim_worker *w, unsigned order,
		      unsigned idx)
{
	wake_throttled(w->r, w->nid);
	return failures(w->r, w->nid) >= MAX_RECLAIM_RETRIES ||
	       node_balanced(w->r, w->nid, order, idx);
}

static void note_awake(struct reclaim_worker *w, unsigned idx, bool awake)
{
	const struct zone *top = top_zone(w, idx);

	zone_note(&w->ctx, top, awake ? EV_KSWAPD_BEGIN : EV_KSWAPD_SLEEP, 0,
		  (uint64_t)zone_free_pages(top));
}

/* kswapd_try_to_sleep. order: what was reclaimed for; wanted: asked for. */
static void try_to_sleep(struct reclaim_worker *w, unsigned wanted,
			 unsigned order, unsigned idx)
{
	struct reclaim *r = w->r;
	struct mailbox *box = &r->node[w->nid].kswapd;
	const uint32_t seen = mailbox_seen(box);
	bool woken = false;

	mailbox_set_waiting(box, true);
	if (!reclaim_stopping(r) && may_sleep(w, order, idx)) {
		note_awake(w, idx, false);
		compaction_reset_skip(r, w->nid);
		kcompactd_wakeup(r, w->nid, wanted, idx);
		woken = mailbox_sleep(box, seen, NAP_NS);
		if (woken)
			mailbox_put(box, order, idx);
		if (!woken && !reclaim_stopping(r) &&
		    may_sleep(w, order, idx)) {
			set_thresholds(w, false);
			mailbox_sleep(box, seen, WAIT_FOREVER);
			set_thresholds(w, true);
			note_awake(w, idx, true);
			mailbox_set_waiting(box, false);
			return;
		}
		note_awake(w, idx, true);
	}
	vm_count(&r->events,
		 woken ? VM_KSWAPD_LOW_WMARK_HIT_QUICKLY
		       : VM_KSWAPD_HIGH_WMARK_HIT_QUICKLY,
		 1);
	mailbox_set_waiting(box, false);
}

void kswapd_run(struct reclaim_worker *w)
{
	struct reclaim *r = w->r;
	struct mailbox *box = &r->node[w->nid].kswapd;
	unsigned idx = MAX_NR_ZONES - 1, wanted = 0, order = 0;

	w->ctx.in_reclaim = true;
	while (!reclaim_stopping(r)) {
		try_to_sleep(w, wanted, order, idx);
		wanted = 0;
		mailbox_take(box, &wanted, &idx);
		if (reclaim_stopping(r))
			break;
		order = balance(w, wanted, idx);
		if (order < wanted)
			continue; /* sleeps at the order that it gave up to */
		mailbox_peek(box, &wanted, &idx);
		order = wanted;
	}
}
