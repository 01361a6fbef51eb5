/*
 * Blocks that a worker holds from prepare to teardown, in memory that is
 * mapped in prepare, on the worker's node. Two forms: struct held where each
 * block has an order of its own, struct frames where all have the same and
 * the pfns must lie in a row, as the bulk calls want them.
 */
#ifndef WORKLOADS_LIB_HELD_H
#define WORKLOADS_LIB_HELD_H

#include "workloads/lib/worker.h"

struct held_block {
	pfn_t pfn; /* PFN_NONE: nothing held here */
	uint32_t order;
};

struct held {
	uint64_t nr;    /* slots in use */
	uint64_t pages; /* churn: sum over the slots of 2^order */
	uint64_t at;    /* the loop's position, kept between windows */
	size_t bytes;   /* of this mapping */
	struct held_block block[];
};

struct frames {
	uint32_t nr, order;
	size_t bytes;    /* of this mapping */
	uint32_t *index; /* [nr] which slot is the i-th to be freed */
	pfn_t pfn[];     /* [nr], then the array of index */
};

/*
 * All of these run on the worker's thread, set w->priv, and return 0 or
 * -ENOMEM when the list itself cannot be had. A block that cannot be had is
 * counted in ops_failed and leaves an empty slot.
 */

/* No slot in use, room for `capacity`; memory is populated as it is used. */
int held_reserve(struct worker *w, uint64_t capacity) MUST_CHECK;
/* nr empty slots. */
int held_create(struct worker *w, uint64_t nr) MUST_CHECK;
/* nr blocks of params->order. */
int held_fill(struct worker *w, uint64_t nr) MUST_CHECK;
/* Holds nr blocks of params->order and leaves the buddy of each free. Nothing
 * for nr = 0 and for the largest order, which has no buddies. */
int held_with_free_buddies(struct worker *w, uint32_t nr) MUST_CHECK;
/* nr empty slots of one order; index is 0, 1, ... */
int frames_create(struct worker *w, uint32_t nr, unsigned order) MUST_CHECK;

/* Points held->at at a block whose buddy is held too, where there is one. */
void held_choose_paired(struct held *held);

/* Teardown hooks: give every block back and unmap the list. */
void held_teardown(struct worker *w);
void frames_teardown(struct worker *w);

#endif
