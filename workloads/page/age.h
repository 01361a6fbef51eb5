/*
 * age: mixed lifetimes and migratetypes that fragment memory over time.
 *
 * Models months of uptime in seconds. Half of the ops are of processes: one
 * random page of anonymous memory is used, another one given back for good
 * (`working_set` percent of the machine, of which about half exist at a time).
 * The other half are of the kernel: a block of a drawn order (0 .. order_max)
 * that is unmovable or reclaimable, each equally often. Seven of eight such
 * blocks are short-lived, the eighth long-lived: each thread holds its share of
 * `occupancy` percent of the machine, an eighth of it in the young list and
 * the rest in the old one, and a list that is over its share gives back random
 * blocks. So a long life is 49 times a short one.
 *
 * Shows how types come to share pageblocks: short-lived blocks take what is
 * free, long-lived ones stay in the middle of it, and what the processes give
 * back no longer merges. Compaction moves what it may (the movable pages).
 */
#ifndef WORKLOADS_PAGE_AGE_H
#define WORKLOADS_PAGE_AGE_H

#include <stdlib.h>
#include <string.h>

#include "workloads/lib/dist.h"
#include "workloads/lib/held.h"
#include "workloads/lib/owned.h"

enum age_list { AGE_YOUNG, AGE_OLD, NR_AGE_LISTS };
#define AGE_OLD_EACH 8 /* blocks for one that is long-lived */

struct age_held {
	struct {
		struct held_block *block; /* of the array at the end */
		uint64_t nr, pages, share;
	} list[NR_AGE_LISTS];
	struct held_block block[];
};

/* Blocks that a list may hold: one page each, and the one too many. */
static inline uint64_t age_room(uint64_t share)
{
	return share + 1;
}

ALWAYS_INLINE void age_process(const struct page_ops *const ops,
			       struct worker *w, unsigned dirty,
			       const enum probe probe)
{
	struct owned *o = w->priv;
	const struct owned_use use = {
		.write = rng_below(&w->rng, 100) < dirty,
	};

	if (likely(owned_use(ops, w, rng_below(&w->rng, o->nr), &use, probe)))
		loop_done(w);
	else
		loop_failed(w);
	lru_delete(w->ctx, &o->page[rng_below(&w->rng, o->nr)].slot);
}

/* Gives back random blocks until the list has its share. */
ALWAYS_INLINE void age_trim(const struct page_ops *const ops, struct worker *w,
			    unsigned which, bool failed, const enum probe probe)
{
	struct age_held *held = ((struct owned *)w->priv)->more;

	while (held->list[which].nr &&
	       (failed || held->list[which].pages > held->list[which].share)) {
		struct held_block *block = held->list[which].block;
		const uint32_t victim =
			dist_victim(&w->rng, (uint32_t)held->list[which].nr);
		const struct held_block b = block[victim];

		block[victim] = block[--held->list[which].nr];
		held->list[which].pages -= 1UL << b.order;
		probed_free(ops, w, b.pfn, b.order, probe);
		failed = false;
	}
}

ALWAYS_INLINE void age_kernel(const struct page_ops *const ops,
			      struct worker *w, unsigned order,
			      const enum probe probe)
{
	struct age_held *held = ((struct owned *)w->priv)->more;
	const uint64_t draw = rng_next(&w->rng);
	const unsigned which = draw % AGE_OLD_EACH ? AGE_YOUNG : AGE_OLD;
	const gfp_t gfp =
		GFP_KERNEL | (draw >> 32 & 1 ? GFP_BIT_RECLAIMABLE : 0);
	const pfn_t pfn = probed_alloc(ops, w, gfp, order, probe);
	const bool failed = !pfn_valid(pfn);

	if (unlikely(failed)) {
		loop_failed(w);
	} else {
		held->list[which].block[held->list[which].nr++] =
			(struct held_block){ pfn, order };
		held->list[which].pages += 1UL << order;
		loop_done(w);
	}
	age_trim(ops, w, which, failed, probe);
}

WORKLOAD_LOOP void age_loop(const struct page_ops *const ops, struct worker *w,
			    const enum probe probe)
{
	const enum order_dist dist = w->params->dist;
	const unsigned order_max = w->params->order_max;
	const unsigned dirty = w->params->dirty;

	while (loop_running(w)) {
		if (rng_next(&w->rng) >> 63)
			age_process(ops, w, dirty, probe);
		else
			age_kernel(ops, w, dist_order(&w->rng, dist, order_max),
				   probe);
	}
}

static int age_prepare(struct worker *w)
{
	const uint64_t share = mult_frac(w->team->machine->managed,
					 w->params->occupancy, 100) /
			       w->team->nr;
	const uint64_t young = share / AGE_OLD_EACH, old = share - young;
	struct age_held *held;
	int r = owned_create(w, owned_share(w, w->params->working_set));

	if (r)
		return r;
	held = malloc(sizeof(*held) + (age_room(young) + age_room(old)) *
					      sizeof(held->block[0]));
	if (!held)
		return -ENOMEM;
	memset(held, 0, sizeof(*held));
	held->list[AGE_YOUNG].block = held->block;
	held->list[AGE_YOUNG].share = young;
	held->list[AGE_OLD].block = held->block + age_room(young);
	held->list[AGE_OLD].share = old;
	((struct owned *)w->priv)->more = held;
	return 0;
}

static void age_teardown(struct worker *w)
{
	struct owned *o = w->priv;
	struct age_held *held = o ? o->more : NULL;

	for (unsigned l = 0; held && l < NR_AGE_LISTS; l++)
		for (uint64_t i = 0; i < held->list[l].nr; i++)
			free_pages(w->ctx, held->list[l].block[i].pfn,
				   held->list[l].block[i].order);
	owned_teardown(w);
}

static const struct workload age_workload = {
	.name = "age",
	.summary = "mixed lifetimes and migratetypes that fragment memory",
	.op = "use of a page, or kernel block taken",
	.needs = WORKLOAD_FRAMES | WORKLOAD_RECLAIM,
	.uses = USES_WORKING_SET | USES_DIRTY | USES_ORDER_MAX | USES_DIST |
		USES_OCCUPANCY,
	.prepare = age_prepare,
	.teardown = age_teardown,
	.report = owned_report,
	.verify = owned_verify,
	.cleanup = owned_cleanup,
};

#endif
