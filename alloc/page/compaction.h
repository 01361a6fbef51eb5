/*
 * Compaction: making large free blocks by moving pages that can be moved to
 * the end of their zone. mm/compaction.c of Linux 6.1.
 */
#ifndef ALLOC_PAGE_COMPACTION_H
#define ALLOC_PAGE_COMPACTION_H

#include "alloc/page/reclaim_state.h"

struct alloc_request;

/* The order matters: of several zones' results the last one counts. */
enum compact_result {
	COMPACT_SKIPPED,  /* too few free pages, or no fragmentation */
	COMPACT_DEFERRED, /* failed too often lately */
	COMPACT_CONTINUE,
	COMPACT_COMPLETE,        /* the whole zone was scanned, no block */
	COMPACT_PARTIAL_SKIPPED, /* a part of it was, no block */
	COMPACT_CONTENDED,       /* gave up: pages or locks were in use */
	COMPACT_SUCCESS
};

/* Lower is harder. */
enum compact_priority { COMPACT_SYNC_FULL, COMPACT_SYNC_LIGHT, COMPACT_ASYNC };

/* Free pages that a migration for 2^order needs as targets. */
ALWAYS_INLINE unsigned long compact_gap(unsigned order)
{
	return 2UL << order;
}

/* 0 or -ENOMEM; for reclaim_create(). */
int compaction_create(struct reclaim *r) MUST_CHECK;
void compaction_destroy(struct reclaim *r);

/* COMPACT_SUCCESS: a block is there already. COMPACT_SKIPPED: no use.
 * COMPACT_CONTINUE: worth trying. idx: the request's highest zone index. */
enum compact_result compaction_suitable(const struct reclaim *r,
					const struct zone *zone, unsigned order,
					unsigned alloc_flags, unsigned idx);

/* Direct compaction of the request's zones (try_to_compact_pages). By the
 * thread that owns r->ctx, no lock held. */
enum compact_result compact_zones(const struct alloc_request *r,
				  unsigned alloc_flags,
				  enum compact_priority priority);
/* After it: the request got pfn, or PFN_NONE. Counts, resets the deferral. */
void compact_finish(const struct alloc_request *r, pfn_t pfn);
/* Would a zone suit if everything reclaimable were free? */
bool compaction_zones_suitable(const struct alloc_request *r,
			       unsigned alloc_flags);

/* kcompactd: the node's zones up to idx for 2^order pages, as far as the zones
 * suit; order < 0: whole zones, until the score is low enough. */
void compact_node(struct reclaim_worker *w, int order, unsigned idx);
/* Would compact_node() find a zone to work on? */
bool compaction_node_suitable(const struct reclaim *r, unsigned nid,
			      unsigned order, unsigned idx);

/* Share of the node's free memory that is of no use for huge pages, percent. */
unsigned compaction_node_score(const struct reclaim *r, unsigned nid);
/* What proactive compaction keeps the score between. */
unsigned compaction_score_low(const struct reclaim *r);

/* kswapd goes to sleep: pageblocks that were found useless get another look,
 * where a direct compactor asked for that. */
void compaction_reset_skip(struct reclaim *r, unsigned nid);

#endif
