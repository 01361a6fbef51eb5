/*
 * Compaction: see compaction.h.
 *
 * Two scanners work on a zone. The migrate scanner goes up from its start and
 * claims pages through their owners' slots, 32 at a time; the free scanner goes
 * down from its end and takes free blocks off the buddy lists as targets. Pages
 * are copied from the one to the other until the scanners meet, or a block of
 * the wanted order is free.
 *
 * Lock order (no two are held together):
 *   RANK_ZONE   the free scanner, one pageblock at a time
 *   RANK_LRU    the migrate scanner, up to 32 pages at a time
 * Content is copied with the slot MOVING and no lock held. A page whose slot is
 * in use (pinned, moving) stays where it is.
 *
 * A target is taken from the buddy lists by this file and not by the engine,
 * since it has to lie at a certain place; it gets the head word that the
 * engine's own frames have. It returns through the engine's free, whose caches
 * are drained before the next block is looked for.
 *
 * Departures from Linux: no fast search for a pageblock to start from, no
 * capture of the block that is being made, no rescan of a pageblock; a page is
 * moved or not, there are no attempts of rising insistence.
 */
#include "alloc/page/compaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/buddy.h"
#include "alloc/page/fragindex.h"
#include "alloc/page/kmap.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/page_request.h"
#include "alloc/page/vmscan.h"
#include "alloc/page/vmstat.h"
#include "alloc/page/zone_lock.h"

#define CLUSTER         32u /* COMPACT_CLUSTER_MAX */
#define MAX_DEFER_SHIFT 6u
#define SCORE_ORDER     9u
#define TARGETS_MAX     (1u << MAX_PAGE_ORDER)

/* One run over one zone (compact_control of Linux). */
struct compaction {
	struct reclaim *r;
	struct page_ctx *ctx;
	struct zone *zone;
	int order; /* -1: as far as it goes */
	unsigned mt, alloc_flags, idx;
	bool sync, whole_zone, direct;
	bool ignore_skip, any_target;
	bool undrained; /* moved pages may lie in the engine's caches */
	uint64_t migrate_pfn, free_pfn; /* free_pfn: start of a pageblock */
	uint32_t source[CLUSTER];
	unsigned nr_sources;
	uint32_t target[TARGETS_MAX + CLUSTER];
	unsigned nr_targets;
	uint64_t migrate_scanned, free_scanned, moved;
};

static struct zone_compact *state_of(const struct reclaim *r,
				     const struct zone *zone)
{
	return &r->compact[zone->id];
}

static uint64_t block_size(const struct zone *zone)
{
	return 1ULL << zone->pageblock_order;
}

static uint64_t block_start(const struct zone *zone, uint64_t pfn)
{
	return pfn & ~(block_size(zone) - 1);
}

static uint64_t zone_end(const struct zone *zone)
{
	return zone->start_pfn + zone->spanned;
}

/* --- is it worth it? --------------------------------------------------------
 */

static enum compact_result suitable_with(const struct zone *zone,
					 const struct wmark_check *want,
					 long free)
{
	struct wmark_check targets = { .idx = want->idx,
				       .alloc_flags = ALLOC_CMA };

	if (zone_watermark_ok(zone, want, zone_free_pages(zone)))
		return COMPACT_SUCCESS;
	targets.mark = zone_mark(zone, want->order > COSTLY_ORDER ? WMARK_LOW
								  : WMARK_MIN) +
		       (long)compact_gap(want->order);
	return zone_watermark_ok(zone, &targets, free) ? COMPACT_CONTINUE
						       : COMPACT_SKIPPED;
}

enum compact_result compaction_suitable(const struct reclaim *r,
					const struct zone *zone, unsigned order,
					unsigned alloc_flags, unsigned idx)
{
	const struct wmark_check want = {
		.order = order,
		.idx = idx,
		.alloc_flags = alloc_flags,
		.mark = zone_mark(zone, alloc_flags & ALLOC_WMARK_MASK),
	};
	enum compact_result result =
		suitable_with(zone, &want, zone_free_pages(zone));
	uint64_t nr_free[NR_PAGE_ORDERS];
	int index;

	if (result != COMPACT_CONTINUE || order <= COSTLY_ORDER)
		return result;
	zone_nr_free(zone, nr_free);
	index = frag_index(nr_free, order);
	return index >= 0 && index <= r->cfg.extfrag_threshold
		       ? COMPACT_SKIPPED
		       : COMPACT_CONTINUE;
}

bool compaction_zones_suitable(const struct alloc_request *r,
			       unsigned alloc_flags)
{
	const struct reclaim *rc = r->ctx->machine->reclaim;
	struct zone *zone;

	for_each_zone_of(zone, i, r)
	{
		const struct wmark_check want = {
			.order = r->order,
			.idx = r->idx,
			.alloc_flags = alloc_flags,
			.mark = zone_mark(zone, alloc_flags & ALLOC_WMARK_MASK),
		};
		const long available =
			zone_reclaimable_pages(rc, zone) / (long)r->order +
			zone_free_pages_snapshot(zone);

		if (suitable_with(zone, &want, available) != COMPACT_SKIPPED)
			return true;
	}
	return false;
}

bool compaction_node_suitable(const struct reclaim *r, unsigned nid,
			      unsigned order, unsigned idx)
{
	const struct node *node = &r->machine->node[nid];

	for (unsigned i = 0; i <= idx && i < MAX_NR_ZONES; i++)
		if (zone_managed(node->zone[i]) &&
		    compaction_suitable(r, node->zone[i], order, 0, idx) ==
			    COMPACT_CONTINUE)
			return true;
	return false;
}

/* Percent of the zone's free memory that is of no use for huge pages. */
static unsigned zone_score(const struct zone *zone)
{
	uint64_t nr_free[NR_PAGE_ORDERS];

	zone_nr_free(zone, nr_free);
	return (unsigned)frag_extfrag_percent(nr_free, SCORE_ORDER);
}

unsigned compaction_node_score(const struct reclaim *r, unsigned nid)
{
	const struct node *node = &r->machine->node[nid];
	uint64_t score = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *zone = node->zone[i];

		if (zone_managed(zone))
			score += zone->present * zone_score(zone) /
				 (node->present + 1);
	}
	return (unsigned)score;
}

unsigned compaction_score_low(const struct reclaim *r)
{
	const long low = 100 - r->cfg.compaction_proactiveness;

	return (unsigned)(r->machine->desc.kernel == KERNEL_6_1
				  ? max_long(low, 5)
				  : low);
}

/* --- deferral
 * ----------------------------------------------------------------- */

static bool deferred(struct zone_compact *c, int order)
{
	/* relaxed, all: see struct zone_compact */
	const uint32_t limit = 1u << atomic_load_explicit(&c->defer_shift,
							  memory_order_relaxed);

	if (order <
	    atomic_load_explicit(&c->order_failed, memory_order_relaxed))
		return false;
	if (atomic_fetch_add_explicit(&c->considered, 1, memory_order_relaxed) +
		    1 >=
	    limit) {
		atomic_store_explicit(&c->considered, limit,
				      memory_order_relaxed);
		return false;
	}
	return true;
}

static void defer(struct zone_compact *c, int order)
{
	/* relaxed, all: see struct zone_compact */
	const uint32_t shift =
		atomic_load_explicit(&c->defer_shift, memory_order_relaxed);

	atomic_store_explicit(&c->considered, 0, memory_order_relaxed);
	if (shift < MAX_DEFER_SHIFT)
		atomic_store_explicit(&c->defer_shift, shift + 1,
				      memory_order_relaxed);
	if (order <
	    atomic_load_explicit(&c->order_failed, memory_order_relaxed))
		atomic_store_explicit(&c->order_failed, order,
				      memory_order_relaxed);
}

static void defer_reset(struct zone_compact *c, int order, bool got_block)
{
	/* relaxed, all: see struct zone_compact */
	if (got_block) {
		atomic_store_explicit(&c->considered, 0, memory_order_relaxed);
		atomic_store_explicit(&c->defer_shift, 0, memory_order_relaxed);
	}
	if (order >=
	    atomic_load_explicit(&c->order_failed, memory_order_relaxed))
		atomic_store_explicit(&c->order_failed, order + 1,
				      memory_order_relaxed);
}

/* The longest pause is over: begin from scratch. */
static bool restarting(const struct zone_compact *c, int order)
{
	/* relaxed, all: see struct zone_compact */
	return order >= atomic_load_explicit(&c->order_failed,
					     memory_order_relaxed) &&
	       atomic_load_explicit(&c->defer_shift, memory_order_relaxed) ==
		       MAX_DEFER_SHIFT &&
	       atomic_load_explicit(&c->considered, memory_order_relaxed) >=
		       1u << MAX_DEFER_SHIFT;
}

/* --- cursors and skip marks
 * ------------------------------------------------------ */

static void reset_cursors(struct reclaim *r, const struct zone *zone)
{
	struct zone_compact *c = state_of(r, zone);

	/* relaxed, all: see struct zone_compact */
	atomic_store_explicit(&c->free_pfn,
			      (uint32_t)block_start(zone, zone_end(zone) - 1),
			      memory_order_relaxed);
	for (unsigned i = 0; i < 2; i++)
		atomic_store_explicit(&c->migrate_pfn[i],
				      (uint32_t)zone->start_pfn,
				      memory_order_relaxed);
}

static void reset_zone(struct reclaim *r, const struct zone *zone)
{
	struct zone_compact *c = state_of(r, zone);

	/* relaxed, all: see struct zone_compact */
	for (uint64_t i = 0; i < zone->nr_pageblocks; i++)
		atomic_store_explicit(&c->skip[i], 0, memory_order_relaxed);
	atomic_store_explicit(&c->blockskip_flush, false, memory_order_relaxed);
	reset_cursors(r, zone);
}

void compaction_reset_skip(struct reclaim *r, unsigned nid)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *zone = r->machine->node[nid].zone[i];

		/* relaxed: see struct zone_compact */
		if (zone_managed(zone) &&
		    atomic_load_explicit(&state_of(r, zone)->blockskip_flush,
					 memory_order_relaxed))
			reset_zone(r, zone);
	}
}

static bool skipped(const struct compaction *c, uint64_t pfn)
{
	/* relaxed: see struct zone_compact */
	return !c->ignore_skip &&
	       atomic_load_explicit(&state_of(c->r, c->zone)
					     ->skip[pageblock_of(c->zone, pfn)],
				    memory_order_relaxed);
}

/* Nothing was found in the pageblock. */
static void set_skip(struct compaction *c, uint64_t pfn)
{
	/* relaxed: see struct zone_compact */
	if (!c->ignore_skip)
		atomic_store_explicit(
			&state_of(c->r, c->zone)
				 ->skip[pageblock_of(c->zone, pfn)],
			1, memory_order_relaxed);
}

/* Runs after this one need not look below (sources), or above (targets). */
static void keep_cursors(struct compaction *c)
{
	struct zone_compact *z = state_of(c->r, c->zone);

	/* relaxed, all: see struct zone_compact */
	for (unsigned i = 0; i < (c->sync ? 2u : 1u); i++)
		if (c->migrate_pfn > atomic_load_explicit(&z->migrate_pfn[i],
							  memory_order_relaxed))
			atomic_store_explicit(&z->migrate_pfn[i],
					      (uint32_t)c->migrate_pfn,
					      memory_order_relaxed);
	if (c->free_pfn <
	    atomic_load_explicit(&z->free_pfn, memory_order_relaxed))
		atomic_store_explicit(&z->free_pfn, (uint32_t)c->free_pfn,
				      memory_order_relaxed);
}

static void load_cursors(struct compaction *c)
{
	const struct zone *zone = c->zone;
	struct zone_compact *z = state_of(c->r, zone);

	c->migrate_pfn = zone->start_pfn;
	c->free_pfn = block_start(zone, zone_end(zone) - 1);
	if (!c->whole_zone) {
		/* relaxed, both: see struct zone_compact */
		c->migrate_pfn = atomic_load_explicit(&z->migrate_pfn[c->sync],
						      memory_order_relaxed);
		c->free_pfn = atomic_load_explicit(&z->free_pfn,
						   memory_order_relaxed);
	}
	c->whole_zone = c->migrate_pfn <= zone->start_pfn;
}

/* --- the migrate scanner
 * ------------------------------------------------------------ */

static bool movable_type(unsigned mt)
{
	return mt == MT_MOVABLE || mt == MT_CMA;
}

/* Asynchronous runs touch only pageblocks of the request's own kind. */
static bool good_source(const struct compaction *c, uint64_t pfn)
{
	const unsigned mt = pageblock_mt(c->zone, pfn);

	if (c->sync || !c->direct)
		return true;
	return c->mt == MT_MOVABLE ? movable_type(mt) : mt == c->mt;
}

static bool whole_block_free(const struct zone *zone, uint64_t pfn)
{
	const uint32_t head = page_head(&zone->map[pfn]);

	return page_head_state(head) == PAGE_BUDDY &&
	       page_head_order(head) >= zone->pageblock_order;
}

/* Claims up to 32 pages of [c->migrate_pfn, end); moves the scanner on. */
static void claim_sources(struct compaction *c, uint64_t end)
{
	struct lru *lru = &c->r->lru;
	struct lru_node *n = &lru->node[c->zone->nid];
	const unsigned before = c->nr_sources;
	uint64_t pfn = c->migrate_pfn;

	spin_lock(&n->lock);
	while (pfn < end && c->nr_sources < CLUSTER) {
		const uint32_t head = page_head(&c->zone->map[pfn]);
		const uint32_t flags = lru_flags(&lru->page[pfn]);

		c->migrate_scanned++;
		if (!(flags & LRU_PAGE_LISTED)) {
			pfn += page_head_state(head) == PAGE_BUDDY
				       ? 1ULL << page_head_order(head)
				       : 1;
			continue;
		}
		if (lru_claim(lru, n, (uint32_t)pfn)) {
			lru_unlink(lru, n, (uint32_t)pfn);
			c->source[c->nr_sources++] = (uint32_t)pfn;
		}
		pfn++;
	}
	spin_unlock(&n->lock);
	vm_count(&c->r->events, VM_COMPACT_ISOLATED, c->nr_sources - before);
	c->migrate_pfn = pfn < end ? pfn : end;
}

/* Next sources: true while there are any below the free scanner. */
static bool find_sources(struct compaction *c)
{
	const struct zone *zone = c->zone;

	while (block_start(zone, c->migrate_pfn) < c->free_pfn) {
		const uint64_t start = block_start(zone, c->migrate_pfn);
		const uint64_t end = start + block_size(zone);
		const bool from_start = c->migrate_pfn == start;

		if ((from_start && skipped(c, start)) ||
		    whole_block_free(zone, start) || !good_source(c, start)) {
			c->migrate_pfn = end;
			continue;
		}
		claim_sources(c, end);
		if (c->nr_sources)
			return true;
		if (from_start)
			set_skip(c, start);
		return true; /* a boundary: is it enough? */
	}
	return false;
}

/* --- the free scanner
 * --------------------------------------------------------------- */

/* The block leaves its list as frames of order 0 that are ours. */
static void take_block(struct compaction *c, const struct buddy_ref *b,
		       uint32_t pfn) REQUIRES(c->zone->lock)
{
	struct page *page = &c->zone->map[pfn];
	const uint32_t head = page_head(page);
	const unsigned order = page_head_order(head), mt = page_head_mt(head);

	buddy_list_del(b, c->zone, pfn, order, mt);
	buddy_account(b, c->zone, -(1L << order), mt);
	for (uint32_t i = 0; i < 1u << order; i++) {
		if (page_frameless(c->ctx->ops))
			page_set_head_ref(&page[i], 0, 0);
		else
			page_hand_out(&page[i], 0, mt, c->zone->id);
		c->target[c->nr_targets++] = pfn + i;
	}
}

/* May 2^order free pages be taken away for a while? */
static bool can_spare(const struct zone *zone, unsigned order)
{
	const struct wmark_check c = {
		.mark = zone->watermark[WMARK_MIN] + (1L << order),
		.alloc_flags = ALLOC_CMA,
	};

	return zone_watermark_ok(zone, &c, zone_free_pages(zone));
}

/* Free blocks of a pageblock, until there are enough targets. False: the zone
 * cannot spare any more. */
static bool take_targets(struct compaction *c, uint64_t start)
{
	const struct buddy_ref b = buddy_ref(c->ctx, c->zone);
	const uint64_t end = (uint64_t)min_long(
		(long)(start + block_size(c->zone)), (long)zone_end(c->zone));
	const unsigned before = c->nr_targets;
	uint64_t pfn = start > c->zone->start_pfn ? start : c->zone->start_pfn;
	bool spare = true;

	zone_lock(c->zone);
	while (pfn < end && c->nr_targets < c->nr_sources) {
		const uint32_t head = page_head(&c->zone->map[pfn]);
		const unsigned order = page_head_order(head);

		c->free_scanned++;
		if (page_head_state(head) != PAGE_BUDDY) {
			pfn++;
			continue;
		}
		spare = can_spare(c->zone, order);
		if (!spare)
			break;
		take_block(c, &b, (uint32_t)pfn);
		pfn += 1ULL << order;
	}
	zone_unlock(c->zone);
	vm_count(&c->r->events, VM_COMPACT_ISOLATED, c->nr_targets - before);
	if (pfn >= end && c->nr_targets == before)
		set_skip(c, start);
	return spare;
}

/* As many targets as there are sources, if the zone has them. */
static void find_targets(struct compaction *c)
{
	const struct zone *zone = c->zone;
	const uint64_t low = block_start(zone, c->migrate_pfn - 1);

	while (c->nr_targets < c->nr_sources && c->free_pfn > low) {
		const uint64_t start = c->free_pfn;

		if (!whole_block_free(zone, start > zone->start_pfn
						    ? start
						    : zone->start_pfn) &&
		    (c->any_target ||
		     movable_type(pageblock_mt(zone, start))) &&
		    !skipped(c, start) && !take_targets(c, start))
			return;
		if (c->nr_targets >= c->nr_sources)
			return;
		if (start < block_size(zone))
			break;
		c->free_pfn = start - block_size(zone);
	}
}

/* --- moving
 * ------------------------------------------------------------------------- */

/* False: the host has no window for a HIGHMEM frame, nothing was copied. */
static bool copy_frame(struct page_ctx *ctx, uint32_t from, uint32_t to)
{
	struct machine *m = ctx->machine;
	void *source, *target = NULL;

	if (m->memory.base) {
		source = kmap_local(ctx, (pfn_t){ from });
		if (source)
			target = kmap_local(ctx, (pfn_t){ to });
		if (target) {
			memcpy(target, source, PAGE_SIZE);
			kunmap_local(ctx, target);
		}
		if (source)
			kunmap_local(ctx, source);
		if (!target)
			return false;
	}
	m->map[to].owner = m->map[from].owner;
	return true;
}

/* Sources to targets; those without one, or that cannot be copied, go back.
 * False: none was moved. */
static bool migrate(struct compaction *c)
{
	struct lru *lru = &c->r->lru;
	pfn_t freed[CLUSTER];
	unsigned moved = 0;

	for (unsigned i = 0; i < c->nr_sources; i++) {
		const uint32_t from = c->source[i];
		uint32_t to = 0;

		if (c->nr_targets)
			to = c->target[c->nr_targets - 1];
		if (!c->nr_targets || !copy_frame(c->ctx, from, to)) {
			lru_putback(lru, from,
				    lru_flags(&lru->page[from]) &
					    LRU_PAGE_LIST);
			continue;
		}
		c->nr_targets--;
		lru_moved_to(lru, from, to);
		freed[moved++].v = from;
	}
	if (moved)
		free_pages_bulk(c->ctx, moved, freed);
	vm_count(&c->r->events, VM_PGMIGRATE_SUCCESS, moved);
	vm_count(&c->r->events, VM_PGMIGRATE_FAIL, c->nr_sources - moved);
	c->moved += moved;
	c->undrained |= moved > 0;
	c->nr_sources = 0;
	return moved;
}

/* Sources of blocks that are behind us merge only once they have left the
 * engine's caches. */
static void drain_behind(struct compaction *c, uint64_t last)
{
	const unsigned order =
		c->order > 0 ? (unsigned)c->order : c->zone->pageblock_order;

	if (last >> order == c->migrate_pfn >> order || !c->undrained)
		return;
	c->ctx->ops->drain(c->r->engine, c->ctx);
	c->undrained = false;
}

static void release_targets(struct compaction *c)
{
	while (c->nr_targets) {
		const unsigned n =
			c->nr_targets < CLUSTER ? c->nr_targets : CLUSTER;
		pfn_t pfn[CLUSTER];

		for (unsigned i = 0; i < n; i++)
			pfn[i].v = c->target[--c->nr_targets];
		free_pages_bulk(c->ctx, n, pfn);
	}
}

/* --- a zone
 * ---------------------------------------------------------------------------
 */

/* Proactive runs end when the zone's score is low, or kswapd needs the node. */
static enum compact_result proactive_finished(const struct compaction *c)
{
	if (reclaim_stopping(c->r) || reclaim_kswapd_awake(c->r, c->zone->nid))
		return COMPACT_PARTIAL_SKIPPED;
	return zone_score(c->zone) > compaction_score_low(c->r)
		       ? COMPACT_CONTINUE
		       : COMPACT_SUCCESS;
}

static bool block_available(const struct compaction *c)
{
	for (unsigned o = (unsigned)c->order; o < NR_PAGE_ORDERS; o++) {
		const struct free_area *area = &c->zone->free_area[o];

		if (!pfn_list_empty(&area->list[c->mt]) ||
		    (c->mt == MT_MOVABLE &&
		     !pfn_list_empty(&area->list[MT_CMA])) ||
		    buddy_can_steal(c->zone, o, c->mt))
			return true;
	}
	return false;
}

/* COMPACT_CONTINUE, or how it ended (__compact_finished). */
static enum compact_result finished(struct compaction *c)
{
	const struct zone *zone = c->zone;
	struct zone_compact *z = state_of(c->r, zone);

	if (c->free_pfn <= block_start(zone, c->migrate_pfn)) {
		reset_cursors(c->r, zone);
		/* relaxed: see struct zone_compact */
		if (c->direct)
			atomic_store_explicit(&z->blockskip_flush, true,
					      memory_order_relaxed);
		return c->whole_zone ? COMPACT_COMPLETE
				     : COMPACT_PARTIAL_SKIPPED;
	}
	if (c->order < 0)
		return proactive_finished(c);
	if (reclaim_stopping(c->r))
		return COMPACT_CONTENDED;
	if (c->migrate_pfn & (block_size(zone) - 1))
		return COMPACT_CONTINUE;
	return block_available(c) ? COMPACT_SUCCESS : COMPACT_CONTINUE;
}

static void count_run(struct compaction *c)
{
	struct vm_events *e = &c->r->events;

	vm_count(e, VM_COMPACT_MIGRATE_SCANNED, c->migrate_scanned);
	vm_count(e, VM_COMPACT_FREE_SCANNED, c->free_scanned);
	if (c->direct)
		return;
	vm_count(e, VM_COMPACT_DAEMON_MIGRATE_SCANNED, c->migrate_scanned);
	vm_count(e, VM_COMPACT_DAEMON_FREE_SCANNED, c->free_scanned);
}

static enum compact_result compact_loop(struct compaction *c)
{
	enum compact_result result;

	while ((result = finished(c)) == COMPACT_CONTINUE) {
		const uint64_t last = c->migrate_pfn;

		if (!find_sources(c))
			continue; /* they have met */
		if (!c->nr_sources) {
			drain_behind(c, last);
			continue;
		}
		find_targets(c);
		if (!migrate(c) &&
		    c->free_pfn > block_start(c->zone, c->migrate_pfn))
			return COMPACT_CONTENDED;
		drain_behind(c, last);
	}
	return result;
}

/* compact_zone of Linux. */
static enum compact_result compact_zone(struct compaction *c)
{
	enum compact_result result = COMPACT_CONTINUE;

	if (c->order >= 0)
		result = compaction_suitable(c->r, c->zone, (unsigned)c->order,
					     c->alloc_flags, c->idx);
	if (result != COMPACT_CONTINUE)
		return result;
	if (restarting(state_of(c->r, c->zone), c->order))
		reset_zone(c->r, c->zone);
	load_cursors(c);
	zone_note(c->ctx, c->zone, EV_COMPACT_BEGIN,
		  c->order < 0 ? 0 : (unsigned)c->order,
		  c->direct ? (c->ignore_skip ? 2u : c->sync) : 3u);
	result = compact_loop(c);
	release_targets(c);
	c->ctx->ops->drain(c->r->engine, c->ctx);
	if (result != COMPACT_COMPLETE && result != COMPACT_PARTIAL_SKIPPED)
		keep_cursors(c);
	count_run(c);
	zone_note(c->ctx, c->zone, EV_COMPACT_END,
		  c->order < 0 ? 0 : (unsigned)c->order, result);
	zone_note(c->ctx, c->zone, EV_COMPACT_MOVED,
		  c->order < 0 ? 0 : (unsigned)c->order, c->moved);
	return result;
}

/* --- who asks
 * -----------------------------------------------------------------------------
 */

static enum compact_result compact_for(const struct alloc_request *r,
				       struct zone *zone, unsigned alloc_flags,
				       enum compact_priority priority)
{
	struct compaction c = {
		.r = r->ctx->machine->reclaim,
		.ctx = r->ctx,
		.zone = zone,
		.order = (int)r->order,
		.mt = r->mt,
		.alloc_flags = alloc_flags,
		.idx = r->idx,
		.sync = priority != COMPACT_ASYNC,
		.direct = true,
		.whole_zone = priority == COMPACT_SYNC_FULL,
		.ignore_skip = priority == COMPACT_SYNC_FULL,
		.any_target = priority == COMPACT_SYNC_FULL,
	};

	return compact_zone(&c);
}

enum compact_result compact_zones(const struct alloc_request *r,
				  unsigned alloc_flags,
				  enum compact_priority priority)
{
	enum compact_result all = COMPACT_SKIPPED;
	struct reclaim *rc = r->ctx->machine->reclaim;
	struct zone *zone;

	r->ctx->in_reclaim = true;
	for_each_zone_of(zone, i, r)
	{
		struct zone_compact *state = state_of(rc, zone);
		enum compact_result result = COMPACT_DEFERRED;

		if (priority == COMPACT_SYNC_FULL ||
		    !deferred(state, (int)r->order))
			result = compact_for(r, zone, alloc_flags, priority);
		if (result > all)
			all = result;
		if (result == COMPACT_SUCCESS) {
			defer_reset(state, (int)r->order, false);
			break;
		}
		if (priority != COMPACT_ASYNC &&
		    (result == COMPACT_COMPLETE ||
		     result == COMPACT_PARTIAL_SKIPPED))
			defer(state, (int)r->order);
	}
	r->ctx->in_reclaim = false;
	return all;
}

void compact_finish(const struct alloc_request *r, pfn_t pfn)
{
	struct reclaim *rc = r->ctx->machine->reclaim;
	struct zone_compact *state;

	vm_count(&rc->events,
		 pfn_valid(pfn) ? VM_COMPACT_SUCCESS : VM_COMPACT_FAIL, 1);
	if (!pfn_valid(pfn))
		return;
	state = state_of(rc, machine_zone_of(r->ctx->machine, pfn.v));
	/* relaxed: see struct zone_compact */
	atomic_store_explicit(&state->blockskip_flush, false,
			      memory_order_relaxed);
	defer_reset(state, (int)r->order, true);
}

static void compact_node_zone(struct reclaim_worker *w, struct zone *zone,
			      int order, unsigned idx)
{
	struct zone_compact *state = state_of(w->r, zone);
	struct compaction c = {
		.r = w->r,
		.ctx = &w->ctx,
		.zone = zone,
		.order = order,
		.mt = page_request_mt(w->r->machine, GFP_KERNEL),
		.idx = idx,
		.sync = true,
		.whole_zone = order < 0,
		.ignore_skip = order < 0,
	};

	if (order >= 0 && (deferred(state, order) ||
			   compaction_suitable(w->r, zone, (unsigned)order, 0,
					       idx) != COMPACT_CONTINUE))
		return;
	switch (compact_zone(&c)) {
	case COMPACT_SUCCESS:
		if (order >= 0)
			defer_reset(state, order, false);
		break;
	case COMPACT_COMPLETE:
	case COMPACT_PARTIAL_SKIPPED:
		/* drained already: it will not get better by itself */
		if (order >= 0)
			defer(state, order);
		break;
	default:
		break;
	}
}

void compact_node(struct reclaim_worker *w, int order, unsigned idx)
{
	const struct node *node = &w->r->machine->node[w->nid];

	for (unsigned i = 0; i <= idx && i < MAX_NR_ZONES; i++)
		if (zone_managed(node->zone[i]) && !reclaim_stopping(w->r))
			compact_node_zone(w, node->zone[i], order, idx);
}

/* --- set-up
 * -------------------------------------------------------------------------------
 */

int compaction_create(struct reclaim *r)
{
	const struct machine *m = r->machine;

	r->compact = calloc(m->nr_zones, sizeof(*r->compact));
	if (!r->compact)
		return -ENOMEM;
	for (unsigned i = 0; i < m->nr_zones; i++) {
		const struct zone *zone = &m->zone[i];

		if (!zone_managed(zone))
			continue;
		r->compact[i].skip = calloc(zone->nr_pageblocks,
					    sizeof(*r->compact[i].skip));
		if (!r->compact[i].skip)
			return -ENOMEM;
		reset_cursors(r, zone);
	}
	return 0;
}

void compaction_destroy(struct reclaim *r)
{
	for (unsigned i = 0; r->compact && i < r->machine->nr_zones; i++)
		free(r->compact[i].skip);
	free(r->compact);
}
