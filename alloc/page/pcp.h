/*
 * A per-CPU pageset as Linux has it: the data alone, shared by the `pcp`
 * engine, which works on it, and by the state reader and writer, which show it
 * in the form of the kernel logs.
 *
 * Lists: order 0 to 3 by migratetype, 3 * order + type; then two of the
 * pageblock order (THP), the second one for MOVABLE.
 */
#ifndef ALLOC_PAGE_PCP_H
#define ALLOC_PAGE_PCP_H

#include "alloc/base/lock.h"
#include "alloc/page/machine.h"

#define PCP_MAX_ORDER 3 /* orders 0 .. 3 have a list for each type */
#define PCP_THP_LIST  12
#define PCP_NR_LISTS  14

/* struct pcp.flags of 6.7 */
#define PCP_PREV_FREE_HIGH_ORDER 0x1u
#define PCP_FREE_HIGH_BATCH      0x2u

struct pcp {
	struct spinlock lock CACHELINE;
	bool tuned;             /* tuning of 6.7, else of 6.1 */
	uint8_t free_factor;    /* 6.1 */
	uint8_t alloc_factor;   /* 6.7 */
	uint8_t flags;          /* 6.7 */
	int count;              /* pages on all lists */
	int batch;              /* pages */
	int high;               /* pages; 6.7: moves */
	int high_min, high_max; /* 6.7; equal: tuning off */
	int free_count;         /* 6.7: pages freed in a row */
	struct pfn_list list[PCP_NR_LISTS];
	/* statistics */
	uint64_t refills, refilled, drains, drained;
};

ALWAYS_INLINE unsigned pcp_list_index(unsigned order, unsigned mt)
{
	if (unlikely(order > PCP_MAX_ORDER))
		return PCP_THP_LIST + (mt == MT_MOVABLE);
	return MT_PCPTYPES * order + mt;
}

ALWAYS_INLINE unsigned pcp_list_order(const struct zone *zone, unsigned index)
{
	return index < PCP_THP_LIST ? index / MT_PCPTYPES
				    : zone->pageblock_order;
}

#endif
