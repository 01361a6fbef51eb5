/*
 * Shrinkers: whoever keeps memory that it could do without (caches of objects)
 * registers how many objects it could give up, and how. Reclaim asks each in
 * proportion to the pressure. Model: mm/shrinker of Linux.
 */
#ifndef ALLOC_PAGE_SHRINKER_H
#define ALLOC_PAGE_SHRINKER_H

#include <stdatomic.h>

#include "alloc/base/base.h"

struct machine;
struct page_ctx;

#define SHRINK_STOP          (~0UL)
#define SHRINK_BATCH         128
#define SHRINK_SEEKS_DEFAULT 2

struct shrinker {
	const char *name;
	/* Objects of node nid that could be freed; cheap, any thread. */
	unsigned long (*count_objects)(struct shrinker *s, unsigned nid);
	/*
	 * Looks at nr of them and frees what it can; returns objects freed, or
	 * SHRINK_STOP: no use asking again now. Any thread that reclaims, by
	 * its ctx; several at once. May free pages, must not allocate any.
	 */
	unsigned long (*scan_objects)(struct shrinker *s, struct page_ctx *ctx,
				      unsigned nid, unsigned long nr);
	unsigned long batch; /* objects per call, 0: SHRINK_BATCH */
	unsigned seeks;      /* cost of making an object anew; 0: nothing */
	void *priv;
	/* the register's own */
	_Atomic long deferred[MAX_NODES]; /* objects not scanned yet */
	struct shrinker *next;
};

struct shrinkers;

/* 0 or -ENOMEM. */
int shrinkers_create(struct shrinkers **out) MUST_CHECK;
void shrinkers_destroy(struct shrinkers *all);

/* Any thread, no lock held. unregister: afterwards no call is under way. */
void shrinker_register(struct shrinkers *all, struct shrinker *s);
void shrinker_unregister(struct shrinkers *all, struct shrinker *s);

/* Asks every shrinker for node nid at this priority (12 .. 0). Returns objects
 * freed; *scanned: objects offered. By the thread that owns ctx, no lock held.
 */
unsigned long shrink_slab(struct shrinkers *all, struct page_ctx *ctx,
			  unsigned nid, unsigned priority, uint64_t *scanned);

/* One shrinker; for shrink_slab() and tests. */
unsigned long shrinker_run(struct shrinker *s, struct page_ctx *ctx,
			   unsigned nid, unsigned priority, uint64_t *scanned);

#endif
