/*
 * Every workload on every engine that it fits, with one and two threads, in
 * both instances: it works, it takes samples only where it should, it gives
 * every frame back, and it survives a machine that has nothing to give.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "workloads/tests/team_assert.h"

#define FLOOR(b) ((b)->ops->features & PAGE_F_FLOOR)

static struct team_run run_of(const struct page_binding *b,
			      const struct workload *workload, unsigned threads)
{
	struct team_run run = { .engine = b->ops->name,
				.workload = workload->name,
				.params = team_params(),
				.bytes = 64 << 20,
				.threads = threads,
				.window_ms = 5 };

	/* little that has to be swapped: test_owned.c is about pressure */
	if (workload->needs & WORKLOAD_RECLAIM) {
		run.params.working_set = 50;
		run.params.occupancy = 20;
		run.params.outstanding = 4;
	}
	return run;
}

/* Frames of pages on the LRU lists are freed by reclaim. */
static bool frees(const struct workload *workload)
{
	return !(workload->needs & WORKLOAD_RECLAIM);
}

static void run_pair(const struct page_binding *b,
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
	} while ((!run.ops_ok[PROBE_NONE] || !run.ops_ok[PROBE_SAMPLED] ||
		  !run.samples[LAT_ALLOC] ||
		  (frees(workload) && !run.samples[LAT_FREE])) &&
		 window_ms <= 5000);
	for (unsigned probe = 0; probe < NR_PROBES; probe++) {
		cr_assert(run.ops_ok[probe] > 0, "%s %s: no operation",
			  run.engine, run.workload);
		/* a workload for one thread fills the machine, and so do those
		   that live under pressure */
		cr_assert(!run.ops_failed[probe] ||
				  (workload->needs &
				   (WORKLOAD_ONE_THREAD | WORKLOAD_RECLAIM)),
			  "%s %s: %lu failed", run.engine, run.workload,
			  (unsigned long)run.ops_failed[probe]);
	}
	for (unsigned kind = 0; kind <= (frees(workload) ? LAT_FREE : 0);
	     kind++)
		cr_assert(run.samples[kind] > 0, "%s %s: no samples",
			  run.engine, run.workload);
}

Test(workloads, all_engines_one_and_two_threads, .timeout = 120)
{
	unsigned nr_bindings = 0;

	for (const struct page_binding *b = page_binding_first(); b;
	     b = b->next) {
		nr_bindings++;
		for (unsigned i = 0; i < b->nr_runs; i++) {
			const struct workload *w = b->run[i].workload;

			if (!workload_fits(w, b->ops->features))
				continue;
			if (!(w->needs & WORKLOAD_EVEN_THREADS))
				run_pair(b, w, 1);
			if (!(w->needs & WORKLOAD_ONE_THREAD))
				run_pair(b, w, 2);
		}
	}
	cr_assert(nr_bindings >= 2);
}

/* A request that no machine of 64 MiB can serve often: failures are counted,
 * the loop ends when told to, and nothing is lost. */
Test(workloads, a_full_machine_counts_failures, .timeout = 120)
{
	static const char *const names[] = { "bulk", "bulkapi", "outstanding",
					     "mixed" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct team_run run = { .engine = "zonelock",
					.workload = names[i],
					.params = team_params(),
					.bytes = 64 << 20,
					.threads = 2,
					.window_ms = 30 };

		run.params.order = 2;
		run.params.order_max = MAX_PAGE_ORDER;
		run.params.dist = DIST_UNIFORM;
		/* twice what there is, even for one thread */
		run.params.nr = 8192;
		run.params.outstanding = 8192;
		cr_assert_eq(team_run(&run), 0);
		assert_sound(&run);
		cr_assert(run.ops_ok[PROBE_NONE] > 0, "%s", names[i]);
		cr_assert(run.ops_failed[PROBE_NONE] > 0, "%s", names[i]);
	}
}

static const struct workload_metric *node_metric(const struct team_run *run,
						 const char *name, unsigned nid)
{
	for (unsigned i = 0; i < run->nr_metrics; i++)
		if (!strcmp(run->metric[i].name, name) &&
		    run->metric[i].of_node == nid + 1)
			return &run->metric[i];
	return NULL;
}

/* Thread 0 is on node 0; whoever it asks first, the zonelist of that node says
 * who comes next. Distances are equal: nodes in a circle. */
Test(workloads, fallback_shows_who_takes_over, .timeout = 120)
{
	static const struct {
		struct mem_policy policy;
		unsigned nr;
		unsigned place[4]; /* of nodes 0 .. 3 */
	} table[] = {
		{ { MEM_LOCAL, 0 }, 4, { 0, 1, 2, 3 } },
		{ { MEM_PREFER, 2 }, 4, { 2, 3, 0, 1 } },
		{ { MEM_BIND, 3 }, 1, { 9, 9, 9, 0 } },
	};
	static const char *const engines[] = { "zonelock", "pcp", "pcp_rseq" };

	for (unsigned e = 0; e < ARRAY_SIZE(engines); e++)
		for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
			struct team_run run = { .engine = engines[e],
						.workload = "fallback",
						.params = team_params(),
						.bytes = 256 << 20,
						.nodes = 4,
						.policy = table[i].policy,
						.threads = 1,
						.window_ms = 400 };
			double pages = 0;
			unsigned nr = 0;

			cr_assert_eq(team_run(&run), 0);
			assert_sound(&run);
			cr_assert_gt(run.metric[0].value, 0, "no fill");
			for (unsigned nid = 0; nid < 4; nid++) {
				const struct workload_metric *m =
					node_metric(&run, "takeover", nid);

				if (!m)
					continue;
				nr++;
				cr_assert_eq(m->value, table[i].place[nid],
					     "%s row %u node %u: place %g",
					     engines[e], i, nid, m->value);
				pages += node_metric(&run, "pages", nid)->value;
			}
			cr_assert_eq(nr, table[i].nr);
			/* all but the reserve of the nodes that were asked */
			cr_assert_gt(pages, (double)nr * (64 << 8) * 0.75);
		}
}

/* A machine of 4 MiB has a hole below 1 MiB, so no block of 4 MiB. */
Test(workloads, impossible_requests_fail_and_return, .timeout = 60)
{
	static const char *const names[] = { "pair", "exact" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct team_run run = { .engine = "zonelock",
					.workload = names[i],
					.params = team_params(),
					.bytes = 4 << 20,
					.threads = 1,
					.window_ms = 5 };

		run.params.order = MAX_PAGE_ORDER;
		run.params.bytes_min = run.params.bytes_max = 4 << 20;
		cr_assert_eq(team_run(&run), 0);
		assert_sound(&run);
		cr_assert_eq(run.ops_ok[PROBE_NONE], 0, "%s", names[i]);
		cr_assert(run.ops_failed[PROBE_NONE] > 0, "%s", names[i]);
		cr_assert_eq(run.samples[LAT_ALLOC], 0, "%s", names[i]);
	}
}

Test(workloads, every_free_order_and_touch, .timeout = 60)
{
	for (unsigned order = FREE_ORDER; order <= FREE_SHUFFLE; order++) {
		struct team_run run = { .engine = "zonelock",
					.workload = "bulk",
					.params = team_params(),
					.bytes = 64 << 20,
					.threads = 2,
					.window_ms = 5 };

		run.params.free_order = (enum free_order)order;
		run.params.touch = TOUCH_ALL;
		cr_assert_eq(team_run(&run), 0);
		assert_sound(&run);
		cr_assert(run.ops_ok[PROBE_NONE] > 0);
	}
}

Test(workloads, remote_free_wants_pairs_of_threads)
{
	struct team_run run = { .engine = "zonelock",
				.workload = "remote_free",
				.params = team_params(),
				.bytes = 64 << 20,
				.threads = 1,
				.window_ms = 1 };

	cr_assert_eq(team_run(&run), -EINVAL);
	assert_sound(&run);
}

Test(workloads, churn_reaches_its_occupancy, .timeout = 60)
{
	for (unsigned percent = 10; percent <= 80; percent += 35) {
		struct team_run run = { .engine = "zonelock",
					.workload = "churn",
					.params = team_params(),
					.bytes = 64 << 20,
					.threads = 2,
					.window_ms = 10 };

		run.params.occupancy = percent;
		run.params.mobility = MOBILITY_MIXED;
		cr_assert_eq(team_run(&run), 0);
		assert_sound(&run);
		cr_assert_float_eq(metric_of(&run, "occupancy_reached"),
				   percent, 1);
	}
}

/* 132 KiB: 33 pages by the exact form, 64 by alloc_pages. */
Test(workloads, exact_reports_what_is_wasted, .timeout = 60)
{
	struct team_run run = { .engine = "zonelock",
				.workload = "exact",
				.params = team_params(),
				.bytes = 64 << 20,
				.threads = 1,
				.window_ms = 5 };

	run.params.bytes_min = run.params.bytes_max = 132 << 10;
	cr_assert_eq(team_run(&run), 0);
	assert_sound(&run);
	cr_assert_float_eq(metric_of(&run, "waste_exact"), 0, 1e-9);
	cr_assert_float_eq(metric_of(&run, "waste_pow2"),
			   100 * (1 - 132.0 / 256), 1e-9);
}

/* With hold, pair's block has a busy buddy: free lists do not change. */
Test(workloads, pair_holds_what_it_was_told, .timeout = 60)
{
	for (unsigned order = 0; order <= MAX_PAGE_ORDER; order += 5) {
		struct team_run run = { .engine = "zonelock",
					.workload = "pair",
					.params = team_params(),
					.bytes = 64 << 20,
					.threads = 2,
					.window_ms = 3 };

		run.params.order = order;
		run.params.hold = 2;
		cr_assert_eq(team_run(&run), 0);
		assert_sound(&run);
		cr_assert(run.ops_ok[PROBE_NONE] > 0);
	}
}
