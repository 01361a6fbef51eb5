/*
 * Huge pages still obtainable: order-9 blocks are asked for, counted and given
 * back, at each look of the sampler and once more when the windows are over.
 *
 * The requests are those of a page fault that would like a huge page and does
 * not wait for one (GFP_TRANSHUGE_LIGHT): no reclaim, no drain of per-CPU
 * lists; an engine that defers frees waits for them all the same before it
 * lets a request fail. The last probe is made twice, the second time after a
 * drain: what the two differ by is what the engine kept back.
 */
#include "alloc/page/page_alloc.h"
#include "harness/rep.h"

/* Takes up to `ask` blocks and frees them; how many there were. got: of each
 * zone, may be NULL. */
static uint32_t huge_take(struct rep *rep, uint32_t *got)
{
	const uint32_t ask = rep->params->huge_probe;
	pfn_t block[HUGE_PROBE_MAX];
	uint32_t nr = 0;

	while (nr < ask) {
		block[nr] =
			alloc_pages(&rep->ctx, GFP_TRANSHUGE_LIGHT, HUGE_ORDER);
		if (!pfn_valid(block[nr]))
			break;
		if (got)
			got[machine_zone_of(rep->machine, block[nr].v)->id]++;
		nr++;
	}
	for (uint32_t i = nr; i-- > 0;)
		free_pages(&rep->ctx, block[i], HUGE_ORDER);
	return nr;
}

static bool huge_wanted(const struct rep *rep)
{
	return rep->params->huge_probe &&
	       !(rep->binding->ops->features & PAGE_F_FLOOR);
}

void huge_look(struct rep *rep, uint32_t first)
{
	uint32_t got[MAX_NODES * MAX_NR_ZONES] = { 0 };

	if (!huge_wanted(rep))
		return;
	huge_take(rep, got);
	for (uint32_t i = first; i < rep->samples.nr; i++)
		rep->samples.slot[i].huge_got = got[rep->samples.slot[i].zone];
}

void huge_end(struct rep *rep)
{
	const struct page_ops *ops = rep->binding->ops;
	struct huge_result *h = &rep->huge;

	if (!huge_wanted(rep))
		return;
	for (unsigned i = 0; i < rep->machine->nr_zones; i++) {
		struct zone_snapshot snap;

		if (!zone_managed(&rep->machine->zone[i]))
			continue;
		ops->snapshot(rep->engine, &rep->machine->zone[i], &snap);
		h->free_pages += snap.free_pages;
		h->cached_pages += snap.cached_pages;
		h->limbo_pages += snap.limbo_pages;
		for (unsigned o = HUGE_ORDER; o < NR_PAGE_ORDERS; o++)
			for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++)
				h->listed += snap.nr_free[o][mt]
					     << (o - HUGE_ORDER);
	}
	h->end = huge_take(rep, NULL);
	ops->drain(rep->engine, &rep->ctx);
	h->drained = huge_take(rep, NULL);
	h->done = true;
}
