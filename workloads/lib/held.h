/*
 * Blocks that a worker holds from prepare to teardown. The memory of the list
 * is mapped in prepare and touched there, so it lies on the worker's node and
 * no loop faults on it.
 */
#ifndef WORKLOADS_LIB_HELD_H
#define WORKLOADS_LIB_HELD_H

#include "workloads/lib/worker.h"

struct held_block {
	pfn_t pfn; /* PFN_NONE: nothing held here */
	uint32_t order;
};

struct held {
	uint32_t nr;  /* slots */
	uint32_t at;  /* the loop's position */
	size_t bytes; /* of this mapping */
	struct held_block block[];
};

/* w->priv becomes a list of nr empty slots. Worker's thread. 0 or -ENOMEM. */
int held_create(struct worker *w, uint64_t nr) MUST_CHECK;

/* Gives every block back and unmaps the list; the common teardown hook. */
void held_teardown(struct worker *w);

/* A list of nr blocks of params->order. What could not be had is counted in
 * ops_failed and leaves an empty slot. 0 or -ENOMEM (no memory for the list).
 */
int held_fill(struct worker *w, uint64_t nr) MUST_CHECK;

/* Holds nr blocks of params->order and leaves the buddy of each free. A list
 * of length 0 for the largest order, which has no buddies. 0 or -ENOMEM. */
int held_with_free_buddies(struct worker *w, uint32_t nr) MUST_CHECK;

#endif
