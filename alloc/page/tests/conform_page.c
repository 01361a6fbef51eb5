/*
 * What every page engine must do. Compiled once per engine with the engine's
 * own file in front (-include), so what is tested is the code that is timed:
 * the inline API over the constant table, and its out-of-line twins.
 *
 * Feature bits select what applies: floors hand out no frames, deferred
 * engines are drained before free lists are compared.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/buddy.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/tests/model.h"
#include "alloc/page/tests/small_machine.h"

#define STEPS 20000

TestSuite(page, .timeout = 60);

struct bench {
	struct machine *m;
	struct page_engine *e;
	struct page_ctx ctx;
	struct zone_counters counters[2 * MAX_NR_ZONES];
	struct free_block_list boot;
};

static struct bench *bench_make(enum kernel_rules kernel, unsigned nr_nodes)
{
	struct bench *b = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*b), CACHELINE_SIZE));

	cr_assert(b);
	memset(b, 0, sizeof(*b));
	b->m = small_machine(kernel, nr_nodes);
	machine_boot(b->m);
	b->boot = free_blocks_take(b->m);
	cr_assert_eq(engine_ops.create(&b->e, b->m), 0);
	cr_assert_eq(page_ctx_enter(&b->ctx, b->e, 0, b->counters, NULL), 0);
	return b;
}

static void bench_sound(struct bench *b)
{
	const char *broken = engine_ops.verify(b->e);

	cr_assert(!broken, "%s", broken ? broken : "");
}

/* Everything was given back: the free lists hold the blocks of boot again. */
static void bench_end(struct bench *b)
{
	struct free_block_list now;
	const char *wrong;

	engine_ops.drain(b->e, &b->ctx);
	bench_sound(b);
	if (!(engine_ops.features & PAGE_F_FLOOR)) {
		now = free_blocks_take(b->m);
		wrong = free_blocks_compare(&b->boot, &now, false);
		cr_assert(!wrong, "%s", wrong ? wrong : "");
		free_blocks_drop(&now);
	}
	page_ctx_exit(&b->ctx);
	engine_ops.destroy(b->e);
	free_blocks_drop(&b->boot);
	machine_destroy(b->m);
	free(b);
}

static bool is_floor(void)
{
	return engine_ops.features & PAGE_F_FLOOR;
}

/* First page of a block that was handed out, as far as the engine says so. */
static bool has_state(const struct page *page, unsigned order)
{
	const uint32_t head = page_head(page);

	return page_frameless(&engine_ops) ||
	       (page_head_state(head) == PAGE_ALLOC &&
		page_head_order(head) == order);
}

static void wrong_is_null(const char *wrong)
{
	cr_assert(!wrong, "%s", wrong ? wrong : "");
}

static uint64_t pages_allocated(struct bench *b)
{
	uint64_t n = 0;

	page_ctx_fold(&b->ctx);
	for (unsigned z = 0; z < b->m->nr_zones; z++)
		n += b->counters[z].pgalloc - b->counters[z].pgfree;
	return n;
}

Test(page, descriptor_is_complete)
{
	cr_assert_str_eq(engine_ops.name, ENGINE_NAME);
	cr_assert(engine_ops.summary && *engine_ops.summary);
	cr_assert(engine_ops.create && engine_ops.destroy && engine_ops.drain);
	cr_assert(engine_ops.snapshot && engine_ops.verify);
	cr_assert(engine_ops.rmqueue && engine_ops.free);
	cr_assert_eq(!!(engine_ops.features & PAGE_F_PCP), !!engine_ops.pcp);
}

Test(page, each_order_is_aligned_owned_and_comes_back)
{
	struct bench *b = bench_make(KERNEL_6_1, 1);

	for (unsigned order = 0; order < NR_PAGE_ORDERS; order++) {
		pfn_t one = page_alloc(&engine_ops, &b->ctx, GFP_KERNEL, order);
		pfn_t two = alloc_pages(&b->ctx, GFP_KERNEL, order);
		struct page *page = pfn_to_page(b->m, one);

		cr_assert(pfn_valid(one) && pfn_valid(two));
		cr_assert_eq(one.v & ((1u << order) - 1), 0);
		if (!is_floor()) {
			uint32_t apart =
				one.v > two.v ? one.v - two.v : two.v - one.v;

			cr_assert_geq(apart, 1u << order);
			cr_assert(has_state(page, order));
			cr_assert_eq(pages_allocated(b), 2ULL << order);
			for (uint32_t i = 1; i < 1u << order; i++)
				cr_assert_eq(page_head(&page[i]), 0);
		}
		page_free(&engine_ops, &b->ctx, one, order);
		free_pages(&b->ctx, two, order);
	}
	bench_end(b);
}

Test(page, orders_above_the_largest_are_refused)
{
	struct bench *b = bench_make(KERNEL_6_1, 1);

	if (!is_floor()) {
		cr_assert_not(pfn_valid(alloc_pages(&b->ctx, GFP_KERNEL, 11)));
		cr_assert_not(pfn_valid(alloc_pages(&b->ctx, GFP_KERNEL, 99)));
	}
	cr_assert(!pfn_valid(alloc_pages_exact(&b->ctx, GFP_KERNEL, 0)));
	cr_assert(!pfn_valid(
		alloc_pages_exact(&b->ctx, GFP_KERNEL, (4UL << 20) + 1)));
	cr_assert_null(page_order_refusal(MAX_PAGE_ORDER));
	cr_assert(strstr(page_order_refusal(MAX_PAGE_ORDER + 1), "vmalloc"));
	bench_end(b);
}

Test(page, exact_form_keeps_33_of_64_pages)
{
	struct bench *b = bench_make(KERNEL_6_1, 1);
	pfn_t block, exact;

	if (!is_floor()) {
		block = alloc_pages(&b->ctx, GFP_KERNEL,
				    order_of_bytes(132 << 10));
		cr_assert_eq(pages_allocated(b), 64);
		free_pages(&b->ctx, block, 6);
		exact = page_alloc_exact(&engine_ops, &b->ctx, GFP_KERNEL,
					 132 << 10);
		cr_assert(pfn_valid(exact));
		cr_assert_eq(exact.v & 63, 0);
		cr_assert_eq(pages_allocated(b), 33);
		for (uint32_t i = 0; i < 33; i++)
			cr_assert(has_state(
				pfn_to_page(b->m, (pfn_t){ exact.v + i }), 0));
		page_free_exact(&engine_ops, &b->ctx, exact, 132 << 10);
		cr_assert_eq(pages_allocated(b), 0);
	}
	bench_end(b);
}

Test(page, bulk_keeps_filled_slots_and_counts_them)
{
	struct bench *b = bench_make(KERNEL_6_1, 1);
	const pfn_t mine = alloc_pages(&b->ctx, GFP_KERNEL, 0);
	pfn_t pfn[64];
	unsigned got;

	for (unsigned i = 0; i < 64; i++)
		pfn[i] = i == 0 || i == 7 ? mine : PFN_NONE;
	got = page_alloc_bulk(&engine_ops, &b->ctx, GFP_KERNEL, 64, pfn);
	cr_assert_eq(got, 64);
	cr_assert_eq(pfn[0].v, mine.v);
	cr_assert_eq(pfn[7].v, mine.v);
	for (unsigned i = 1; i < 64; i++)
		for (unsigned j = 0; j < i && !is_floor(); j++)
			cr_assert(pfn[i].v != pfn[j].v || (i == 7 && j == 0));
	cr_assert_eq(alloc_pages_bulk(&b->ctx, GFP_KERNEL, 64, pfn), 64);
	pfn[7] = pfn[63];
	page_free_bulk(&engine_ops, &b->ctx, 63, pfn);
	pfn[0] = PFN_NONE;
	cr_assert_eq(alloc_pages_bulk(&b->ctx, GFP_KERNEL, 1, pfn), 1);
	free_pages_bulk(&b->ctx, 1, pfn);
	cr_assert_eq(alloc_pages_bulk(&b->ctx, GFP_KERNEL, 0, pfn), 0);
	bench_end(b);
}

Test(page, bulk_that_ends_half_way_leaves_each_owner_his_pages)
{
	struct bench *b = bench_make(KERNEL_6_1, 1);
	struct zone *zone = &b->m->zone[ZONE_NORMAL];
	struct model model;
	pfn_t pfn[2048];
	unsigned got;

	model_init(&model, b->m, 1);
	for (unsigned i = 0; i < 2048; i++)
		pfn[i] = PFN_NONE;
	/* the marks promise more than the lists can give: all but one pageblock
	   are HighAtomic, and nobody has said so */
	for (uint64_t i = 1; i < zone->nr_pageblocks && !is_floor(); i++) {
		pfn_t at = { (uint32_t)(zone->start_pfn + (i << 9)) };

		buddy_reserve_highatomic(&b->ctx, zone, at, 0);
		/* relaxed: no other thread runs */
		atomic_store_explicit(&zone->nr_reserved_highatomic, 0,
				      memory_order_relaxed);
	}
	got = page_alloc_bulk(&engine_ops, &b->ctx, GFP_KERNEL, 2048, pfn);
	if (!is_floor()) {
		cr_assert_gt(got, 0);
		cr_assert_lt(got, 2048);
	}
	for (unsigned i = 0; i < 2048 && !is_floor(); i++) {
		cr_assert_eq(pfn_valid(pfn[i]), i < got);
		if (i < got)
			wrong_is_null(model_take(
				&model, (struct model_block){ .pfn = pfn[i],
							      .frames = 1 }));
	}
	if (!is_floor()) {
		cr_assert_eq(pages_allocated(b), got);
		wrong_is_null(model_free_all(&model, &b->ctx));
		while (buddy_unreserve_highatomic(&b->ctx, zone, MT_MOVABLE,
						  true))
			;
		/* what was reserved block by block lies in halves of a pair */
		free_blocks_drop(&b->boot);
		engine_ops.drain(b->e, &b->ctx);
		b->boot = free_blocks_take(b->m);
		cr_assert_eq(b->boot.pages, b->m->managed);
	}
	model_drop(&model);
	bench_end(b);
}

Test(page, split_block_is_freed_page_by_page)
{
	struct bench *b = bench_make(KERNEL_6_1, 1);

	for (unsigned order = 1; order < 8 && !is_floor(); order++) {
		pfn_t pfn = alloc_pages(&b->ctx, GFP_KERNEL, order);

		cr_assert(pfn_valid(pfn));
		split_page(&b->ctx, pfn, order);
		/* odd pages first, so that nothing merges before the end */
		for (uint32_t i = 1; i < 1u << order; i += 2)
			free_pages(&b->ctx, (pfn_t){ pfn.v + i }, 0);
		for (uint32_t i = 0; i < 1u << order; i += 2)
			free_pages(&b->ctx, (pfn_t){ pfn.v + i }, 0);
	}
	bench_end(b);
}

Test(page, reference_keeps_the_first_page_and_frees_the_tails)
{
	struct bench *b = bench_make(KERNEL_6_1, 1);
	struct free_block_list now;
	pfn_t pfn;

	if (is_floor()) {
		bench_end(b);
		return;
	}
	pfn = alloc_pages(&b->ctx, GFP_KERNEL, 3);
	page_get(&b->ctx, pfn);
	free_pages(&b->ctx, pfn, 3);
	engine_ops.drain(b->e, &b->ctx);
	now = free_blocks_take(b->m);
	cr_assert_eq(now.pages, b->boot.pages - 1);
	free_blocks_drop(&now);
	cr_assert(has_state(pfn_to_page(b->m, pfn), 0));
	free_pages(&b->ctx, pfn, 0);

	pfn = alloc_pages(&b->ctx, GFP_KERNEL | GFP_BIT_COMP, 3);
	page_get(&b->ctx, pfn);
	free_pages(&b->ctx, pfn, 3);
	cr_assert_eq(pages_allocated(b), 8, "a compound block stays whole");
	free_pages(&b->ctx, pfn, 3);
	bench_end(b);
}

/* Whether a zone would still serve this order-0 request. */
static bool above_min(const struct zone *zone, unsigned idx)
{
	return zone_free_pages(zone) >
	       zone_mark(zone, WMARK_MIN) + zone->lowmem_reserve[idx];
}

Test(page, last_frame_above_the_mark_and_back)
{
	struct bench *b = bench_make(KERNEL_6_1, 1);
	struct model model;

	model_init(&model, b->m, 2);
	for (;;) {
		pfn_t pfn = is_floor() ? PFN_NONE
				       : page_alloc(&engine_ops, &b->ctx,
						    GFP_NOWAIT, 0);

		if (!pfn_valid(pfn))
			break;
		wrong_is_null(model_take(
			&model,
			(struct model_block){ .pfn = pfn, .frames = 1 }));
	}
	if (!is_floor()) {
		cr_assert_gt(model.frames, 30000);
		for (unsigned i = 0; i <= ZONE_NORMAL; i++)
			cr_assert_not(above_min(&b->m->zone[i], ZONE_NORMAL));
		bench_sound(b);
	}
	wrong_is_null(model_free_all(&model, &b->ctx));
	model_drop(&model);
	bench_end(b);
}

Test(page, requests_get_the_zones_and_nodes_they_name)
{
	struct bench *b = bench_make(KERNEL_6_1, 2);
	static const struct {
		gfp_t gfp;
		unsigned nid, want;
	} cases[] = {
		{ GFP_KERNEL, 0, ZONE_NORMAL },
		{ GFP_KERNEL | GFP_BIT_DMA32, 0, ZONE_DMA32 },
		{ GFP_DMA, 0, ZONE_DMA },
		{ GFP_HIGHUSER_MOVABLE, 0, ZONE_NORMAL },
		{ GFP_KERNEL, 1, MAX_NR_ZONES + ZONE_NORMAL },
		{ GFP_DMA, 1, ZONE_DMA },
		{ GFP_KERNEL | GFP_BIT_THISNODE, 1,
		  MAX_NR_ZONES + ZONE_NORMAL },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases) && !is_floor(); i++) {
		pfn_t pfn = alloc_pages_node(&b->ctx, cases[i].nid,
					     cases[i].gfp, 2);

		cr_assert(pfn_valid(pfn), "case %u", i);
		cr_assert_eq(machine_zone_of(b->m, pfn.v)->id, cases[i].want,
			     "case %u", i);
		free_pages(&b->ctx, pfn, 2);
	}
	if (!is_floor()) {
		cr_assert_not(pfn_valid(alloc_pages_node(
			&b->ctx, 1, GFP_DMA | GFP_BIT_THISNODE, 0)));
		cr_assert_not(
			pfn_valid(alloc_pages_node(&b->ctx, 2, GFP_KERNEL, 0)));
	}
	bench_end(b);
}

Test(page, counters_tell_where_pages_came_from)
{
	struct bench *b = bench_make(KERNEL_6_1, 2);
	const struct zone_counters *here = &b->counters[ZONE_NORMAL];
	const struct zone_counters *there =
		&b->counters[MAX_NR_ZONES + ZONE_NORMAL];

	if (!is_floor()) {
		pfn_t one = alloc_pages(&b->ctx, GFP_KERNEL, 3);
		pfn_t two = alloc_pages_node(&b->ctx, 1, GFP_KERNEL, 1);

		page_ctx_fold(&b->ctx);
		cr_assert_eq(here->pgalloc, 8);
		cr_assert_eq(here->numa_hit, 1);
		cr_assert_eq(here->numa_local, 1);
		cr_assert_eq(there->pgalloc, 2);
		cr_assert_eq(there->numa_hit, 1);
		cr_assert_eq(there->numa_other, 1);
		free_pages(&b->ctx, one, 3);
		free_pages(&b->ctx, two, 1);
		page_ctx_fold(&b->ctx);
		cr_assert_eq(here->pgfree, 8);
		cr_assert_eq(there->pgfree, 2);
		cr_assert_eq(here->numa_miss + there->numa_foreign, 0);
	}
	bench_end(b);
}

/* A block of `order` that lies on node want; returned to the engine. */
static void expect_node(struct bench *b, gfp_t gfp, unsigned order,
			unsigned want)
{
	pfn_t pfn = alloc_pages(&b->ctx, gfp, order);

	cr_assert(pfn_valid(pfn));
	cr_assert_eq(machine_zone_of(b->m, pfn.v)->nid, want);
	free_pages(&b->ctx, pfn, order);
}

static unsigned bulk_node(struct bench *b)
{
	pfn_t out[8];

	for (unsigned i = 0; i < ARRAY_SIZE(out); i++)
		out[i] = PFN_NONE;
	cr_assert_eq(alloc_pages_bulk(&b->ctx, GFP_KERNEL, 8, out), 8);
	free_pages_bulk(&b->ctx, 8, out);
	return machine_zone_of(b->m, out[7].v)->nid;
}

Test(page, requests_follow_the_memory_policy)
{
	struct bench *b = bench_make(KERNEL_6_1, 2);
	const struct mem_policy bind = { MEM_BIND, 1 },
				prefer = { MEM_PREFER, 1 },
				turns = { MEM_INTERLEAVE, 0 },
				nowhere = { MEM_BIND, 2 };
	const struct zone_counters *here = &b->counters[ZONE_NORMAL];
	const struct zone_counters *there =
		&b->counters[MAX_NR_ZONES + ZONE_NORMAL];

	cr_assert_eq(page_ctx_policy(&b->ctx, nowhere), -EINVAL);
	if (!is_floor()) {
		cr_assert_eq(page_ctx_policy(&b->ctx, bind), 0);
		expect_node(b, GFP_KERNEL, 0, 1);
		expect_node(b, GFP_KERNEL, 3, 1);
		cr_assert_eq(bulk_node(b), 1);
		/* node 1 has no DMA zone, and no other node may be taken */
		cr_assert_not(pfn_valid(alloc_pages(&b->ctx, GFP_DMA, 0)));
		/* requests for a given node do not ask the policy */
		expect_node(b, GFP_KERNEL | GFP_BIT_THISNODE, 0, 0);
		page_ctx_fold(&b->ctx);
		cr_assert_eq(there->numa_hit, 10);
		cr_assert_eq(there->numa_other, 10);
		cr_assert_eq(page_ctx_policy(&b->ctx, prefer), 0);
		expect_node(b, GFP_KERNEL, 1, 1);
		expect_node(b, GFP_DMA, 0, 0);
		cr_assert_eq(page_ctx_policy(&b->ctx, turns), 0);
		for (unsigned i = 0; i < 6; i++)
			expect_node(b, GFP_KERNEL, i, !(i % 2));
		cr_assert_eq(bulk_node(b), 1);
		cr_assert_eq(bulk_node(b), 0);
		page_ctx_fold(&b->ctx);
		cr_assert_eq(there->numa_interleave, 3 + 8);
		cr_assert_eq(here->numa_interleave, 3 + 8);
		/* node 0's turn at a zone that it has, node 1's that it lacks
		 */
		expect_node(b, GFP_DMA, 0, 0);
		expect_node(b, GFP_DMA, 0, 0);
		cr_assert_eq(b->counters[ZONE_DMA].numa_interleave, 1);
		cr_assert_eq(here->numa_miss + there->numa_miss, 0);
	}
	bench_end(b);
}

static void random_operations(enum kernel_rules kernel, unsigned nr_nodes)
{
	struct bench *b = bench_make(kernel, nr_nodes);
	struct model model;

	model_init(&model, b->m, kernel * 10 + nr_nodes);
	for (unsigned i = 0; i < STEPS && !is_floor(); i++) {
		wrong_is_null(model_step(&model, &b->ctx));
		if (i % 2000 == 0)
			bench_sound(b);
		if (i % 2000 == 0)
			cr_assert_eq(pages_allocated(b), model.frames);
	}
	wrong_is_null(model_free_all(&model, &b->ctx));
	cr_assert(is_floor() || !pages_allocated(b));
	engine_ops.drain(b->e, &b->ctx);
	/* HighAtomic reserves keep pageblocks apart: only the sum is that of
	   boot */
	if (!is_floor()) {
		free_blocks_drop(&b->boot);
		b->boot = free_blocks_take(b->m);
		cr_assert_eq(b->boot.pages, b->m->managed);
	}
	model_drop(&model);
	bench_end(b);
}

Test(page, random_operations_6_1)
{
	random_operations(KERNEL_6_1, 1);
}

Test(page, random_operations_6_1_two_nodes)
{
	random_operations(KERNEL_6_1, 2);
}

Test(page, random_operations_6_12)
{
	random_operations(KERNEL_6_12, 1);
}

#if CHECK_LEVEL >= 1
/* A floor has no frames to check: it aborts by itself, so that the test says
 * the same of each engine. */
static struct bench *bench_or_abort(void)
{
	if (is_floor())
		abort();
	return bench_make(KERNEL_6_1, 1);
}

Test(page_checked, double_free, .signal = SIGABRT)
{
	struct bench *b = bench_or_abort();
	pfn_t pfn = alloc_pages(&b->ctx, GFP_KERNEL, 2);

	free_pages(&b->ctx, pfn, 2);
	free_pages(&b->ctx, pfn, 2);
}

Test(page_checked, wrong_order, .signal = SIGABRT)
{
	struct bench *b = bench_or_abort();
	pfn_t pfn = alloc_pages(&b->ctx, GFP_KERNEL, 2);

	free_pages(&b->ctx, pfn, 3);
}

Test(page_checked, free_of_a_tail, .signal = SIGABRT)
{
	struct bench *b = bench_or_abort();
	pfn_t pfn = alloc_pages(&b->ctx, GFP_KERNEL, 2);

	free_pages(&b->ctx, (pfn_t){ pfn.v + 1 }, 0);
}

Test(page_checked, pfn_out_of_range, .signal = SIGABRT)
{
	struct bench *b = bench_or_abort();

	free_pages(&b->ctx, (pfn_t){ (uint32_t)b->m->end_pfn }, 0);
}

Test(page_checked, free_of_a_free_page, .signal = SIGABRT)
{
	struct bench *b = bench_or_abort();

	free_pages(&b->ctx, (pfn_t){ 4096 }, 0);
}
#endif
