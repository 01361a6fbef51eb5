/*
 * Taking pages away: one pass over a node's LRU lists and shrinkers, at one
 * priority. What kswapd and direct reclaim share.
 */
#ifndef ALLOC_PAGE_VMSCAN_H
#define ALLOC_PAGE_VMSCAN_H

#include "alloc/page/reclaim_state.h"

#define DEF_PRIORITY        12u
#define MAX_RECLAIM_RETRIES 16u
#define COSTLY_ORDER        3u /* PAGE_ALLOC_COSTLY_ORDER */

#define DEACTIVATE_ANON 0x1u
#define DEACTIVATE_FILE 0x2u

/* What is wanted, what is allowed, what came of it (scan_control of Linux). */
struct scan_control {
	struct reclaim *r;
	struct page_ctx *ctx;
	long nr_to_reclaim; /* pages */
	unsigned order, idx, priority;
	bool kswapd;
	bool may_io;    /* __GFP_IO, and no boosted reclaim: may write, swap */
	bool may_write; /* __GFP_FS: dirty file pages */
	bool force_deactivate, skipped_deactivate;
	bool compaction_ready; /* direct reclaim ends: compact instead */
	/* of the node in hand */
	unsigned may_deactivate; /* DEACTIVATE_* */
	bool file_is_tiny, cache_trim;
	/* out, added up */
	uint64_t nr_scanned, nr_reclaimed;
};

/* One pass over node nid. By the thread that owns sc->ctx, in_reclaim set, no
 * lock held. */
void shrink_node(struct scan_control *sc, unsigned nid);

/* Where the inactive anonymous list is too short, 32 active pages move to it,
 * whether or not any are to be swapped now. As shrink_node(). */
void age_anon(struct scan_control *sc, unsigned nid);

/* May anonymous pages be reclaimed at all? */
bool reclaim_can_swap(const struct reclaim *r);
/* Pages of the zone that reclaim may hope for (zone_reclaimable_pages). */
long zone_reclaimable_pages(const struct reclaim *r, const struct zone *zone);

/* Refaults so far are old news from here on. */
void snapshot_refaults(struct reclaim *r, unsigned nid);

/* Scan targets of one node for sc->priority: pages of each list to look at.
 * For shrink_node() and tests. */
void scan_counts(struct scan_control *sc, unsigned nid,
		 unsigned long nr[NR_LRU_LISTS]);
/* Is the inactive list too short for its active one? ratio 1 below 1 GiB. */
bool inactive_is_low(unsigned long inactive, unsigned long active);

#endif
