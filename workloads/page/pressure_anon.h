/*
 * pressure_anon: anonymous memory of more than there is.
 *
 * Models processes whose heaps together are `working_set` percent of the
 * machine. One op is one use of a page: the whole content is read, held against
 * what was written last, and in `dirty` percent of the uses written anew. Which
 * page is next is drawn: zipf (exponent theta), where a few pages are used
 * often and most of them seldom, or uniform. What was swapped out is read back,
 * into a frame that the loop asks for. Each thread has its own share.
 *
 * Shows what an allocation costs when each has to be preceded by reclaim, and
 * proves that nothing is lost on the way to swap and back: a page that is not
 * as it was left fails the repetition.
 */
#ifndef WORKLOADS_PAGE_PRESSURE_ANON_H
#define WORKLOADS_PAGE_PRESSURE_ANON_H

#include <stdlib.h>

#include "workloads/lib/dist.h"
#include "workloads/lib/owned.h"

WORKLOAD_LOOP void pressure_anon_loop(const struct page_ops *const ops,
				      struct worker *w, const enum probe probe)
{
	const struct dist_alias *zipf = w->team->shared;
	const unsigned dirty = w->params->dirty;
	struct owned_use use = { .work = w->params->work };
	const struct owned *o = w->priv;
	const uint64_t nr = o->nr;

	while (loop_running(w)) {
		uint64_t i = zipf ? dist_draw(zipf, &w->rng)
				  : rng_below(&w->rng, nr);

		use.write = rng_below(&w->rng, 100) < dirty;
		if (likely(owned_use(ops, w, i, &use, probe)))
			loop_done(w);
		else
			loop_failed(w);
	}
}

/* One table for all: their shares are of one size. */
static int pressure_anon_setup(struct team *team)
{
	const struct workload_params *p = team->params;
	uint64_t rng = rng_seed(p->seed, team->nr), nr;

	if (p->access == ACCESS_UNIFORM)
		return 0;
	nr = owned_share(&(struct worker){ .team = team }, p->working_set);
	if (nr > UINT32_MAX)
		return -EOVERFLOW;
	team->shared = dist_zipf(&rng, (uint32_t)nr, p->theta / 1000.0);
	return team->shared ? 0 : -ENOMEM;
}

static int pressure_anon_prepare(struct worker *w)
{
	return owned_create(w, owned_share(w, w->params->working_set));
}

static void pressure_anon_cleanup(struct team *team)
{
	owned_cleanup(team);
	free(team->shared);
	team->shared = NULL;
}

static const struct workload pressure_anon_workload = {
	.name = "pressure_anon",
	.summary = "a working set larger than memory: swapped out and back",
	.op = "use of a page, whose content is checked",
	.needs = WORKLOAD_FRAMES | WORKLOAD_RECLAIM,
	.uses = USES_WORKING_SET | USES_ACCESS | USES_DIRTY | USES_WORK,
	.setup = pressure_anon_setup,
	.prepare = pressure_anon_prepare,
	.teardown = owned_teardown,
	.report = owned_report,
	.verify = owned_verify,
	.cleanup = pressure_anon_cleanup,
};

#endif
