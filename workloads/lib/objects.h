/*
 * Objects that a worker holds from prepare to teardown, in memory that is
 * mapped in prepare, on the worker's node. All are of the team's cache.
 */
#ifndef WORKLOADS_LIB_OBJECTS_H
#define WORKLOADS_LIB_OBJECTS_H

#include "workloads/lib/worker.h"

struct objects {
	uint32_t nr;
	uint32_t at;     /* the loop's position, kept between windows */
	size_t bytes;    /* of this mapping */
	uint32_t *index; /* [nr] which slot is the i-th to be freed */
	void *object[];  /* [nr], then the array of index; NULL: nothing held */
};

/*
 * By the worker's thread. 0 or -ENOMEM when the list itself cannot be had. An
 * object that cannot be had is counted in ops_failed and leaves an empty slot.
 */

/* A list of nr empty slots; index is 0, 1, ... NULL: no memory. */
struct objects *objects_new(uint32_t nr) MUST_CHECK;
/* w->priv: nr empty slots. */
int objects_create(struct worker *w, uint32_t nr) MUST_CHECK;
/* Objects of the team's cache into the empty slots, touched as touch= says;
 * returns how many are held. */
uint32_t objects_fill(struct worker *w, struct objects *list);

/* Prepare hook: outstanding= objects, counted as live. */
int objects_prepare_full(struct worker *w) MUST_CHECK;

/* Of a list that holds nothing, or NULL. */
void objects_unmap(struct objects *list);
/* Gives every object back and unmaps the list, which may be NULL. */
void objects_drop(struct worker *w, struct objects *list);
/* Teardown hook for w->priv. */
void objects_teardown(struct worker *w);

#endif
