/*
 * One request in the slow path, and the steps that it may be tried by: between
 * page_alloc.c (the walk and its marks) and direct.c (reclaim, compaction,
 * retries).
 */
#ifndef ALLOC_PAGE_PAGE_REQUEST_H
#define ALLOC_PAGE_PAGE_REQUEST_H

#include "alloc/page/reclaim_state.h"

struct alloc_request {
	struct page_ctx *ctx;
	const struct zonelist *list;
	struct zone *preferred;
	gfp_t gfp;
	unsigned order, idx, mt;
	unsigned first; /* position of preferred in list */
	bool in_turn;   /* MEM_INTERLEAVE chose the node */
	bool bound;     /* MEM_BIND, and not the caller, said THISNODE */
};

/* Zones of the request's zonelist that it may use, from the preferred one on.
 * Body may `continue`. */
#define for_each_zone_of(zone, i, r)                                         \
	for (unsigned i = (r)->first; ((zone) = (r)->list->zone[i]) != NULL; \
	     i++)                                                            \
		if ((zone)->idx <= (r)->idx)

/* One walk; ALLOC_NOFRAGMENT is given up before another node is touched, or
 * when the walk found nothing with it. */
pfn_t request_walk(const struct alloc_request *r, unsigned flags);

/* gfp_to_alloc_flags of Linux: MIN, and what reserves the request may use. */
unsigned request_slow_flags(const struct alloc_request *r);
/* Full reserves: 0, or the flag that opens them. */
unsigned request_reserve_flags(const struct alloc_request *r);

/* kswapd of every node of the zonelist is called, once per node. */
void request_wake_kswapds(const struct alloc_request *r);

/* Gives a HighAtomic pageblock back; force: even the last one. */
bool request_unreserve(const struct alloc_request *r, bool force);

/* direct.c: the walk at this mark found nothing; events for the zones that are
 * below it. With reclaim. */
void request_refused(const struct alloc_request *r, enum wmark mark);

/* direct.c: everything after a first walk that failed, with reclaim. */
pfn_t alloc_direct(const struct alloc_request *r);

#endif
