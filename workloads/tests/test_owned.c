/*
 * Workloads under pressure: what is swapped out comes back as it was, faults of
 * the device lose nothing, and a page that is not as it was left is found.
 */
#include <criterion/criterion.h>

#include "alloc/page/tests/pressure.h"
#include "workloads/lib/owned.h"
#include "workloads/tests/team_assert.h"

static struct team_run run_of(const char *engine, const char *workload)
{
	return (struct team_run){ .engine = engine,
				  .workload = workload,
				  .params = team_params(),
				  .bytes = 24 << 20,
				  .threads = 2,
				  .window_ms = 60 };
}

Test(owned, more_than_memory_on_every_engine, .timeout = 120)
{
	for (const struct page_binding *b = page_binding_first(); b;
	     b = b->next) {
		struct team_run run = run_of(b->ops->name, "pressure_anon");

		if (b->ops->features & PAGE_F_FLOOR)
			continue;
		run.params.access = ACCESS_UNIFORM;
		do {
			cr_assert_eq(team_run(&run), 0);
			assert_sound(&run);
			run.window_ms *= 4;
		} while (!metric_of(&run, "pages_read_back") &&
			 run.window_ms < 8000);
		cr_assert_gt(metric_of(&run, "pages_read_back"), 0, "%s",
			     run.engine);
	}
}

Test(owned, faults_of_the_swap_device_lose_nothing, .timeout = 120)
{
	struct team_run run = run_of("pcp", "pressure_anon");

	run.params.access = ACCESS_UNIFORM;
	run.swap_faults = (struct swap_faults){ .seed = 5,
						.write_eio = 20000,
						.write_enospc = 20000,
						.write_short = 20000,
						.read_eio = 100000,
						.read_corrupt = 100000 };
	do {
		cr_assert_eq(team_run(&run), 0);
		assert_sound(&run);
		run.window_ms *= 4;
	} while (!metric_of(&run, "read_errors") && run.window_ms < 8000);
	cr_assert_gt(metric_of(&run, "read_errors"), 0);
}

/* A worker without a run, for what a loop must not do. */
struct lone {
	struct pressure *p;
	struct team team;
	struct worker w;
	struct workload_params params;
};

static void lone_make(struct lone *l)
{
	const struct page_binding *b = page_binding_find("zonelock");
	struct reclaim_config cfg = pressure_config();

	*l = (struct lone){ .params = team_params() };
	l->p = pressure_make(small_machine(KERNEL_6_1, 1), b->ops, &cfg);
	l->p->e->ops = b->ops;
	l->team = (struct team){ .worker = &l->w,
				 .nr = 1,
				 .params = &l->params,
				 .machine = l->p->m };
	l->w = (struct worker){ .params = &l->params, .team = &l->team };
	l->w.ctx[0] = l->p->ctx;
	cr_assert_eq(owned_create(&l->w, 16), 0);
}

static bool use(struct lone *l, uint64_t i, bool write)
{
	const struct owned_use how = { .write = write };

	return owned_use(l->p->e->ops, &l->w, i, &how, PROBE_NONE);
}

static void lone_drop(struct lone *l)
{
	const char *wrong;

	owned_teardown(&l->w);
	owned_cleanup(&l->team);
	l->p->ctx = l->w.ctx[0];
	wrong = pressure_end(l->p);
	cr_assert_null(wrong, "%s", wrong);
}

Test(owned, a_byte_that_changed_is_found_and_named)
{
	const struct lru_access how = { .gfp = GFP_HIGHUSER_MOVABLE };
	struct owned *o;
	struct lone l;
	const char *wrong;
	pfn_t pfn;

	lone_make(&l);
	o = l.w.priv;
	for (uint64_t i = 0; i < o->nr; i++)
		cr_assert(use(&l, i, i & 1));
	for (uint64_t i = 0; i < o->nr; i++)
		cr_assert(use(&l, i, i & 2));
	cr_assert_null(owned_verify(&l.team));
	cr_assert_eq(lru_access(l.w.ctx, &o->page[11].slot, &how, &pfn),
		     LRU_HERE);
	((char *)pfn_to_virt(l.p->m, pfn))[4095] ^= 1;
	lru_release(&o->page[11].slot);
	cr_assert(use(&l, 10, false));
	cr_assert_null(owned_verify(&l.team));
	cr_assert(use(&l, 11, false));
	wrong = owned_verify(&l.team);
	cr_assert(wrong && strstr(wrong, "page 11 of worker 0") &&
			  strstr(wrong, "word 511"),
		  "%s", wrong ? wrong : "not found");
	lone_drop(&l);
}

/* Two pages that were exchanged hold good words of the wrong owner. */
Test(owned, another_owners_content_is_wrong)
{
	struct owned *o;
	struct lone l;
	uint64_t kept;

	lone_make(&l);
	o = l.w.priv;
	cr_assert(use(&l, 0, true) && use(&l, 1, true));
	/* relaxed: nobody else runs */
	kept = atomic_load_explicit(&o->page[0].slot.word,
				    memory_order_relaxed);
	atomic_store_explicit(&o->page[0].slot.word,
			      atomic_load_explicit(&o->page[1].slot.word,
						   memory_order_relaxed),
			      memory_order_relaxed);
	cr_assert(use(&l, 0, false));
	atomic_store_explicit(&o->page[0].slot.word, kept,
			      memory_order_relaxed);
	cr_assert(owned_verify(&l.team));
	lone_drop(&l);
}
