/* The buddy system of a zone. */
#ifndef ALLOC_PAGE_BUDDY_H
#define ALLOC_PAGE_BUDDY_H

#include "alloc/page/machine.h"

/* Boot: gives [start, end) to the free lists in ascending maximal aligned
 * blocks, each to the tail of the list of its pageblock's type, and counts
 * them free. Single threaded. */
void buddy_boot_range(struct zone *z, uint64_t start, uint64_t end);

#endif
