/*
 * Every slab workload on every slab engine that it fits, with one and two
 * threads, in both instances: it works, takes samples, leaves no object and no
 * page behind, and survives a machine that has nothing to give.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>

#include "alloc/slab/tests/slab_bench.h"
#include "workloads/lib/size_mix.h"
#include "workloads/lib/slab_probe.h"
#include "workloads/lib/spsc.h"
#include "workloads/tests/team_assert.h"

static bool fits(const struct workload *w, const struct slab_ops *ops)
{
	if ((w->needs & WORKLOAD_OBJECTS) && (ops->features & SLAB_F_FLOOR))
		return false;
	return !(w->needs & WORKLOAD_SLABS) ||
	       !(ops->features & (SLAB_F_FLOOR | SLAB_F_FOREIGN));
}

static const struct workload *workload_of(const char *name)
{
	const struct slab_binding *b = slab_binding_find("slub");

	for (unsigned i = 0; i < b->nr_runs; i++)
		if (!strcmp(b->run[i].workload->name, name))
			return b->run[i].workload;
	cr_assert_fail("no workload %s", name);
	return NULL;
}

static struct team_run run_of(const struct slab_binding *b,
			      const struct workload *workload, unsigned threads)
{
	return (struct team_run){ .engine = b->ops->name,
				  .workload = workload->name,
				  .pages = "pcp",
				  .params = team_params(),
				  .bytes = 64 << 20,
				  .nodes = 2,
				  .threads = threads,
				  .window_ms = 5 };
}

static void run_one(const struct slab_binding *b,
		    const struct workload *workload, unsigned threads)
{
	struct team_run run;
	unsigned window_ms = 5;

	/* on a busy host a thread may not get a CPU within a short window */
	do {
		run = run_of(b, workload, threads);
		run.window_ms = window_ms;
		cr_assert_eq(team_run(&run), 0);
		assert_sound(&run);
		window_ms *= 10;
	} while ((!run.ops_ok[PROBE_NONE] || !run.samples[LAT_ALLOC] ||
		  !run.samples[LAT_FREE]) &&
		 window_ms <= 5000);
	for (unsigned probe = 0; probe < NR_PROBES; probe++) {
		cr_assert(run.ops_ok[probe] > 0, "%s %s: no operation",
			  run.engine, run.workload);
		cr_assert_eq(run.ops_failed[probe], 0, "%s %s: %lu failed",
			     run.engine, run.workload,
			     (unsigned long)run.ops_failed[probe]);
	}
	for (unsigned kind = LAT_ALLOC; kind <= LAT_FREE; kind++)
		cr_assert(run.samples[kind] > 0, "%s %s: no samples",
			  run.engine, run.workload);
	if (!strcmp(run.workload, "dentry"))
		cr_assert_eq(metric_of(&run, "type_violations"), 0);
	if (!strcmp(run.workload, "cache_lifecycle"))
		cr_assert_eq(metric_of(&run, "caches_not_destroyed"), 0);
}

Test(slab_workloads, all_engines_one_and_two_threads, .timeout = 300)
{
	unsigned nr = 0;

	for (const struct slab_binding *b = slab_binding_first(); b;
	     b = b->next)
		for (unsigned i = 0; i < b->nr_runs; i++) {
			const struct workload *w = b->run[i].workload;

			if (!fits(w, b->ops))
				continue;
			if (!(w->needs & WORKLOAD_EVEN_THREADS))
				run_one(b, w, 1);
			run_one(b, w, 2);
			nr++;
		}
	cr_assert(nr > 50);
}

/* More than the machine has: failures are counted, the loop ends when told to,
 * and nothing is lost. Not much more, since each failure asks every CPU for its
 * pages first. */
static void fill_machine(const struct slab_binding *b, const char *workload,
			 uint32_t outstanding)
{
	struct team_run run;
	unsigned window_ms = 20;

	do {
		run = (struct team_run){ .engine = b->ops->name,
					 .workload = workload,
					 .pages = "pcp",
					 .params = team_params(),
					 .bytes = 8 << 20,
					 .threads = 2,
					 .window_ms = window_ms };
		run.params.size = 4096;
		run.params.nr = 1536;
		run.params.outstanding = outstanding;
		cr_assert_eq(team_run(&run), 0);
		assert_sound(&run);
		window_ms *= 10;
	} while (!run.ops_failed[PROBE_NONE] && window_ms <= 5000);
	cr_assert(run.ops_failed[PROBE_NONE] > 0, "%s %s", run.engine,
		  workload);
}

Test(slab_workloads, a_full_machine_counts_failures, .timeout = 120)
{
	static const struct {
		const char *name;
		uint32_t outstanding;
	} row[] = {
		{ "obj_bulk", 1 },        { "obj_bulkapi", 1 },
		{ "obj_rand", 1536 },     { "obj_larson", 1536 },
		{ "obj_xmalloc", 1 },     { "kmalloc_mix", 24576 },
		{ "cache_lifecycle", 1 }, { "dentry", 65536 },
	};

	for (const struct slab_binding *b = slab_binding_first(); b;
	     b = b->next)
		for (unsigned i = 0; i < ARRAY_SIZE(row); i++)
			if (!(b->ops->features &
			      (SLAB_F_FLOOR | SLAB_F_FOREIGN)))
				fill_machine(b, row[i].name,
					     row[i].outstanding);
}

/* With lists of one object each op is the one that hands its list on. */
Test(slab_workloads, obj_larson_counts_the_op_that_hands_the_list_on)
{
	struct team_run run =
		run_of(slab_binding_find("slub"), workload_of("obj_larson"), 1);

	run.params.outstanding = 1;
	cr_assert_eq(team_run(&run), 0);
	assert_sound(&run);
	cr_assert_gt(run.ops_ok[PROBE_NONE], 0);
	cr_assert_eq(run.ops_failed[PROBE_NONE], 0);
}

/* What a workload says of its tally: nothing, and then that it is wrong. */
static void complains_of(const char *name, unsigned tally)
{
	static struct worker worker[2];
	const struct team team = { .worker = worker, .nr = 2 };
	const struct workload *w = workload_of(name);

	cr_assert(w->verify, "%s cannot fail", name);
	memset(worker, 0, sizeof(worker));
	for (unsigned i = 0; i < NR_TALLIES; i++)
		worker[0].tally[i] = i != tally;
	cr_assert_null(w->verify(&team), "%s", name);
	worker[1].tally[tally] = 1;
	cr_assert(w->verify(&team), "%s", name);
}

Test(slab_workloads, what_the_allocator_did_wrong_fails_the_repetition)
{
	complains_of("dentry", 0);
	complains_of("cache_lifecycle", 0);
}

Test(slab_workloads, objects_of_a_node_come_zeroed_where_asked_for)
{
	const struct slab_ops *ops = slab_binding_find("slub")->ops;
	struct slab_bench *b = slab_bench_make(ops, NULL);
	struct kmem_cache *s = slab_bench_cache(b, "zeroed", 64, 0);
	struct workload_params params = team_params();
	static struct worker w;
	unsigned char *o;

	params.gfp |= GFP_BIT_ZERO;
	w.params = &params;
	w.slab = &b->ctx;
	for (unsigned round = 0; round < 2; round++) {
		o = probed_object_alloc_node(ops, &w, s, 0, PROBE_NONE);
		cr_assert(o);
		for (unsigned i = 0; i < 64; i++)
			cr_assert_eq(o[i], 0);
		memset(o, 0xff, 64);
		kmem_cache_free(&b->ctx, s, o);
	}
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

/* Each form of false_sharing, with objects of a cache line's eighth. */
Test(slab_workloads, false_sharing_has_two_forms, .timeout = 60)
{
	for (unsigned form = SHARING_THRASH; form <= SHARING_SCRATCH; form++) {
		struct team_run run = { .engine = "slub",
					.workload = "false_sharing",
					.pages = "pcp",
					.params = team_params(),
					.bytes = 64 << 20,
					.threads = 2,
					.window_ms = 5 };

		run.params.size = 8;
		run.params.sharing = (enum sharing)form;
		cr_assert_eq(team_run(&run), 0);
		assert_sound(&run);
		cr_assert(run.ops_ok[PROBE_NONE] > 0);
	}
}

/* Pearson's chi-squared of draws against the recorded counts: with so many
 * degrees of freedom it is normal, and 6 standard deviations are never seen. */
static void check_draws(enum size_mix_name name)
{
	enum { DRAWS = 1000000 };
	const struct size_count *counts;
	static uint32_t seen[1 << 16];
	struct size_mix mix;
	uint64_t rng = 7, total = 0;
	double chi = 0;
	unsigned nr;

	counts = size_mix_counts(name, &nr);
	memset(seen, 0, sizeof(seen));
	size_mix_init(&mix, name);
	for (unsigned i = 0; i < DRAWS; i++)
		seen[size_mix_draw(&mix, &rng)]++;
	for (unsigned i = 0; i < nr; i++) {
		cr_assert(counts[i].size > 0);
		cr_assert(!i || counts[i].size > counts[i - 1].size);
		total += counts[i].nr;
	}
	for (unsigned i = 0; i < nr; i++) {
		const double want =
			(double)counts[i].nr / (double)total * DRAWS;
		const double off = (double)seen[counts[i].size] - want;

		chi += off * off / want;
	}
	cr_assert(fabs(chi - (nr - 1)) < 6 * sqrt(2.0 * (nr - 1)),
		  "recording %d: chi squared %.1f of %u sizes", (int)name, chi,
		  nr);
}

Test(slab_workloads, sizes_are_drawn_as_recorded)
{
	check_draws(MIX_GIT);
	check_draws(MIX_HACKBENCH);
	check_draws(MIX_REDIS);
	check_draws(MIX_TAR);
}

Test(slab_workloads, a_ring_keeps_objects_in_order)
{
	static struct spsc ring;
	int object[3];

	spsc_init(&ring);
	cr_assert_null(spsc_pop_object(&ring));
	for (unsigned round = 0; round < 2 * SPSC_SLOTS; round++) {
		for (unsigned i = 0; i < 3; i++) {
			cr_assert_not(spsc_full(&ring));
			spsc_push_object(&ring, &object[i]);
		}
		for (unsigned i = 0; i < 3; i++)
			cr_assert_eq(spsc_pop_object(&ring), &object[i]);
		cr_assert_null(spsc_pop_object(&ring));
	}
}
