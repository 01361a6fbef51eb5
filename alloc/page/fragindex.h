/* Fragmentation measures of a zone, from its number of free blocks by order. */
#ifndef ALLOC_PAGE_FRAGINDEX_H
#define ALLOC_PAGE_FRAGINDEX_H

#include "alloc/page/machine.h"

/* Blocks of every order, all types; no lock, so racy while threads run. */
void zone_nr_free(const struct zone *zone, uint64_t nr_free[NR_PAGE_ORDERS]);

/*
 * extfrag_index of debugfs, x1000, for a request of `order`: -1000 a block is
 * there; else 0 (lack of memory) to 1000 (fragmentation).
 */
int frag_index(const uint64_t nr_free[NR_PAGE_ORDERS], unsigned order);

/* unusable_index of debugfs, x1000: the share of free pages in blocks too small
 * for `order`; 1000 where nothing is free. */
int frag_unusable(const uint64_t nr_free[NR_PAGE_ORDERS], unsigned order);

/* The same share in percent as proactive compaction scores it; 0 where
 * nothing is free. */
int frag_extfrag_percent(const uint64_t nr_free[NR_PAGE_ORDERS],
			 unsigned order);

#endif
