/*
 * Linux's pagesets against the worked numbers of the reference: which calls
 * refill and drain, by how many pages, and how often the zone's lock is taken
 * over a million pages one way.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/pcp.h"
#include "alloc/page/zone_lock.h"
#include "harness/bind.h"

TestSuite(pcp, .timeout = 120);

#define GIB      (1ULL << 30)
#define NR_PAGES 1000000u

struct setup {
	struct machine *m;
	const struct page_ops *ops;
	struct page_engine *e;
	struct zone *zone; /* Normal */
	struct pcp *pcp;   /* its pageset of CPU 0 */
	struct page_ctx ctx;
};

/* The pageset of the worked example: batch 63, high 252 (to 7680), empty. */
static void pageset_example(struct setup *s, int high)
{
	s->pcp->batch = 63;
	s->pcp->high = s->pcp->tuned ? 0 : high;
	s->pcp->high_min = high;
	s->pcp->high_max = 7680;
	s->pcp->free_factor = 0;
	s->pcp->alloc_factor = 0;
	s->pcp->free_count = 0;
	s->pcp->flags = s->pcp->tuned ? PCP_FREE_HIGH_BATCH : 0;
	s->pcp->refills = s->pcp->refilled = 0;
	s->pcp->drains = s->pcp->drained = 0;
	cr_assert_eq(s->pcp->count, 0);
}

static void begin(struct setup *s, enum pcp_tuning tuning, int high)
{
	struct machine_desc *d = malloc(sizeof(*d));
	const struct page_binding *b = page_binding_find("pcp");
	struct zone_counters *counters;
	char err[256];

	layout_defaults(d);
	layout_topo(&d->topo, 4, 1);
	cr_assert(!layout_zones(d, 16 * GIB, err, sizeof(err)), "%s", err);
	d->pcp_tuning = tuning;
	cr_assert(!machine_create(&s->m, d, NULL, err, sizeof(err)), "%s", err);
	free(d);
	machine_boot(s->m);
	s->ops = b->ops;
	cr_assert(!s->ops->create(&s->e, s->m));
	counters = calloc(s->m->nr_zones, sizeof(*counters));
	cr_assert(!page_ctx_enter(&s->ctx, s->e, 0, counters, NULL));
	s->zone = s->m->node[0].zone[ZONE_NORMAL];
	s->pcp = s->ops->pcp(s->e, s->zone, 0);
	pageset_example(s, high);
}

static void end(struct setup *s)
{
	page_ctx_exit(&s->ctx);
	free(s->ctx.counters);
	s->ops->destroy(s->e);
	machine_destroy(s->m);
}

/* n frames straight from the zone, past the pageset. */
static pfn_t *frames_take(struct setup *s, unsigned n)
{
	pfn_t *pfn = malloc(n * sizeof(*pfn));

	for (unsigned i = 0; i < n; i++) {
		pfn[i] = alloc_pages(&s->ctx, GFP_KERNEL, 0);
		cr_assert(pfn_valid(pfn[i]));
	}
	s->ops->drain(s->e, &s->ctx);
	return pfn;
}

struct step {
	unsigned call; /* counted from 1 */
	int pages;
};

static void expect_steps(const struct step *got, unsigned nr,
			 const struct step *want, unsigned nr_want)
{
	cr_assert_geq(nr, nr_want);
	for (unsigned i = 0; i < nr_want; i++)
		cr_assert(got[i].call == want[i].call &&
				  got[i].pages == want[i].pages,
			  "step %u: call %u moves %d pages, expected call %u "
			  "and %d",
			  i, got[i].call, got[i].pages, want[i].call,
			  want[i].pages);
}

static void check_allocs(enum pcp_tuning tuning, const struct step *want,
			 unsigned nr_want)
{
	struct step got[16];
	unsigned nr = 0;
	struct setup s;

	begin(&s, tuning, 252);
	for (unsigned call = 1; nr < nr_want; call++) {
		const int before = s.pcp->count;

		cr_assert(pfn_valid(alloc_pages(&s.ctx, GFP_KERNEL, 0)));
		if (s.pcp->count >= before)
			got[nr++] = (struct step){ call,
						   s.pcp->count + 1 - before };
	}
	expect_steps(got, nr, want, nr_want);
	end(&s);
}

static void check_frees(enum pcp_tuning tuning, int high,
			const struct step *want, unsigned nr_want)
{
	struct step got[16];
	unsigned nr = 0;
	struct setup s;
	pfn_t *pfn;

	begin(&s, tuning, high);
	pfn = frames_take(&s, 10000);
	pageset_example(&s, high);
	for (unsigned call = 1; nr < nr_want; call++) {
		const int before = s.pcp->count;

		free_pages(&s.ctx, pfn[call - 1], 0);
		if (s.pcp->count <= before)
			got[nr++] = (struct step){ call,
						   before + 1 - s.pcp->count };
	}
	expect_steps(got, nr, want, nr_want);
	free(pfn);
	end(&s);
}

#define STEPS(...)                            \
	(const struct step[]){ __VA_ARGS__ }, \
		ARRAY_SIZE(((const struct step[]){ __VA_ARGS__ }))

Test(pcp, refills_of_6_1_are_one_batch_each)
{
	check_allocs(PCP_TUNING_6_1, STEPS({ 1, 63 }, { 64, 63 }, { 127, 63 }));
}

Test(pcp, refills_of_6_7_double)
{
	check_allocs(PCP_TUNING_6_7,
		     STEPS({ 1, 63 }, { 64, 126 }, { 190, 252 }, { 442, 504 },
			   { 946, 1008 }, { 1954, 2016 }, { 3970, 2016 }));
}

Test(pcp, drains_of_6_1_double_up_to_what_high_leaves)
{
	check_frees(PCP_TUNING_6_1, 252,
		    STEPS({ 252, 63 }, { 315, 126 }, { 441, 189 }, { 630, 189 },
			  { 819, 189 }));
	check_frees(PCP_TUNING_6_1, 963,
		    STEPS({ 963, 63 }, { 1026, 126 }, { 1152, 252 },
			  { 1404, 504 }, { 1908, 900 }, { 2808, 900 }));
}

Test(pcp, drains_of_6_7_follow_the_frees_in_a_row)
{
	check_frees(PCP_TUNING_6_7, 252,
		    STEPS({ 252, 189 }, { 504, 252 }, { 1008, 504 },
			  { 2016, 1008 }, { 4032, 2016 }, { 6048, 2016 }));
}

static void check_million(enum pcp_tuning tuning, uint64_t refills,
			  uint64_t drains)
{
	struct zone_lock_stats before, after;
	struct setup s;
	pfn_t *pfn;

	begin(&s, tuning, 252);
	pfn = malloc(NR_PAGES * sizeof(*pfn));
	zone_lock_stats_sum(s.m, &before);
	for (unsigned i = 0; i < NR_PAGES; i++) {
		pfn[i] = alloc_pages(&s.ctx, GFP_KERNEL, 0);
		cr_assert(pfn_valid(pfn[i]));
	}
	cr_assert_eq(s.pcp->refills, refills, "%llu refills, expected %llu",
		     (unsigned long long)s.pcp->refills,
		     (unsigned long long)refills);
	zone_lock_stats_sum(s.m, &after);
	cr_assert_eq(after.taken - before.taken, refills,
		     "the zone's lock was taken %llu times, expected %llu",
		     (unsigned long long)(after.taken - before.taken),
		     (unsigned long long)refills);
	s.ops->drain(s.e, &s.ctx);
	pageset_example(&s, 252);
	zone_lock_stats_sum(s.m, &before);
	for (unsigned i = 0; i < NR_PAGES; i++)
		free_pages(&s.ctx, pfn[i], 0);
	cr_assert_eq(s.pcp->drains, drains, "%llu drains, expected %llu",
		     (unsigned long long)s.pcp->drains,
		     (unsigned long long)drains);
	zone_lock_stats_sum(s.m, &after);
	cr_assert_eq(after.taken - before.taken, drains,
		     "the zone's lock was taken %llu times, expected %llu",
		     (unsigned long long)(after.taken - before.taken),
		     (unsigned long long)drains);
	cr_assert_eq(after.contended, 0);
	free(pfn);
	end(&s);
}

Test(pcp, a_million_pages_each_way_take_the_lock_as_often_as_in_the_example)
{
	check_million(PCP_TUNING_6_1, 15874, 5291);
	check_million(PCP_TUNING_6_7, 501, 499);
}
