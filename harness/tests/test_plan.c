/* Cells, their order, and placement, on machines that nobody here has. */
#include "harness/pin.h"
#include "harness/plan.h"

#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>

/* nodes x cores x smt CPUs, numbered like Linux does: first threads first. */
static struct topo *synthetic(unsigned nodes, unsigned cores, unsigned smt)
{
	struct topo *t = calloc(1, sizeof(*t));
	unsigned nr = 0;

	cr_assert_not_null(t);
	for (unsigned s = 0; s < smt; s++)
		for (unsigned n = 0; n < nodes; n++)
			for (unsigned c = 0; c < cores; c++, nr++) {
				t->os_cpu[nr] = (uint16_t)nr;
				t->node_of_cpu[nr] = (uint16_t)n;
				t->package_of_cpu[nr] = (uint16_t)n;
				t->core_of_cpu[nr] = (uint16_t)(n * cores + c);
				t->smt_of_cpu[nr] = (uint16_t)s;
			}
	t->nr_cpus = (uint16_t)nr;
	t->nr_nodes = (uint16_t)nodes;
	return t;
}

static int make(struct plan *plan, struct job *job, const char *text,
		const struct topo *t, char err[512])
{
	int r = job_parse_buffer(text, strlen(text), "j.ini", job, err, 512);

	cr_assert_eq(r, 0, "%s", err);
	return plan_make(plan, job, t, 42, err, 512);
}

Test(plan, placement_by_topology)
{
	/* CPUs 0-3 and 4-7: first threads of nodes 0 and 1; 8-15 second */
	static const struct {
		struct placement placement;
		unsigned nr;
		bool share;
		int result;
		uint16_t cpu[8];
	} table[] = {
		{ { PLACE_COMPACT, 0 }, 4, false, 0, { 0, 1, 2, 3 } },
		{ { PLACE_COMPACT, 0 }, 6, false, 0, { 0, 1, 2, 3, 4, 5 } },
		{ { PLACE_SCATTER, 0 }, 4, false, 0, { 0, 4, 1, 5 } },
		{ { PLACE_NODE, 1 }, 6, false, 0, { 4, 5, 6, 7, 12, 13 } },
		{ { PLACE_NODE, 1 }, 9, false, -EINVAL, { 0 } },
		{ { PLACE_NODE, 2 }, 1, true, -EINVAL, { 0 } },
		{ { PLACE_COMPACT, 0 }, 17, false, -EINVAL, { 0 } },
	};
	struct topo *t = synthetic(2, 4, 2);

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint16_t cpu[32];

		cr_expect_eq(pin_choose(t, table[i].placement, table[i].nr,
					table[i].share, cpu),
			     table[i].result, "row %zu", i);
		for (unsigned c = 0; !table[i].result && c < table[i].nr; c++)
			cr_expect_eq(cpu[c], table[i].cpu[c],
				     "row %zu thread %u on %u", i, c, cpu[c]);
	}
	free(t);
}

Test(plan, sharing_wraps_around)
{
	struct topo *t = synthetic(1, 2, 1);
	uint16_t cpu[5];

	cr_assert_eq(pin_choose(t, (struct placement){ PLACE_COMPACT, 0 }, 5,
				true, cpu),
		     0);
	cr_expect(cpu[0] == 0 && cpu[1] == 1 && cpu[2] == 0 && cpu[4] == 0);
	free(t);
}

Test(plan, every_block_has_each_cell_once)
{
	enum { CELLS = 13, REPS = 7 };
	struct plan_step step[CELLS * REPS], again[CELLS * REPS];
	unsigned first[CELLS] = { 0 }, same = 0;

	plan_order(step, CELLS, REPS, 1);
	plan_order(again, CELLS, REPS, 1);
	cr_expect_eq(memcmp(step, again, sizeof(step)), 0);
	plan_order(again, CELLS, REPS, 2);
	cr_expect_neq(memcmp(step, again, sizeof(step)), 0);
	for (unsigned rep = 0; rep < REPS; rep++) {
		unsigned seen = 0;

		for (unsigned i = 0; i < CELLS; i++) {
			cr_expect_eq(step[rep * CELLS + i].rep, rep);
			seen |= 1u << step[rep * CELLS + i].cell;
			same += step[rep * CELLS + i].cell == i;
		}
		cr_expect_eq(seen, (1u << CELLS) - 1);
		first[step[rep * CELLS].cell]++;
	}
	cr_expect_lt(same, CELLS * REPS / 2, "not shuffled");
	for (unsigned i = 0; i < CELLS; i++)
		cr_expect_lt(first[i], REPS);
}

Test(plan, lists_multiply_and_rules_exclude)
{
	struct topo *t = synthetic(1, 4, 1);
	struct plan plan;
	struct job job;
	char err[512];

	/* 25% and 1, and 100% and 4, are the same on four CPUs */
	cr_assert_eq(make(&plan, &job,
			  "[global]\nrepeat=3\nmem=1G\n"
			  "[matrix]\nengine=null,zonelock\n"
			  "threads=1,25%,50%,4,100%\n"
			  "exclude = engine=null threads=50%,4\n"
			  "[pair]\norder=0,9\n[mixed]\nthreads=2\n",
			  t, err),
		     0, "%s", err);
	/* pair: zonelock 3 x 2, null 1 x 2; mixed: zonelock alone */
	cr_expect_eq(plan.nr_cells, 9);
	cr_expect_eq(plan.nr_steps, 27);
	for (unsigned i = 0; i < plan.nr_cells; i++)
		for (unsigned k = 0; k < i; k++)
			cr_expect_str_neq(plan.cell[i].id, plan.cell[k].id);
	cr_expect_str_eq(plan.cell[0].id, "null-pair-t1-o0");
	cr_expect_str_eq(plan.cell[8].id, "zonelock-mixed-t2");
	plan_free(&plan);
	job_free(&job);
	free(t);
}

Test(plan, refusals)
{
	static const struct {
		const char *text, *message;
	} table[] = {
		{ "[pair]\nthreads=3\n",
		  "j.ini:1: threads=3: expected at most the 2 CPUs of this "
		  "host, or oversubscribe=1" },
		{ "[remote_free]\nthreads=1\n",
		  "j.ini:1: threads=1: expected an even number of threads for "
		  "workload remote_free" },
		{ "[matrix]\nnr=1,2\n[pair]\n",
		  "j.ini:2: nr=1,2: expected a key that workload pair looks "
		  "at, see `zonebench list workloads`" },
		{ "[pair]\nnr=1\n",
		  "j.ini:2: nr=1: expected a key that workload pair looks at, "
		  "see `zonebench list workloads`" },
		{ "[pair]\nplacement=node:5\n",
		  "j.ini:1: placement=node:5: expected a node from 0 to 0 of "
		  "this host" },
		{ "[pair]\nruntime=2s\ntimeout=1s\n",
		  "j.ini:1: timeout=1s: expected more than warmup, runtime and "
		  "lat_runtime together" },
		{ "[global]\n", "j.ini: expected a section for a workload, "
				"such as [pair]" },
		{ "[matrix]\nexclude=engine=zonelock\n[pair]\n",
		  "j.ini: expected at least one cell that is not excluded or "
		  "deselected by workload=" },
	};
	struct topo *t = synthetic(1, 2, 1);

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct plan plan;
		struct job job;
		char err[512];

		cr_expect_eq(make(&plan, &job, table[i].text, t, err), -EINVAL,
			     "%s", table[i].text);
		cr_expect_str_eq(err, table[i].message);
		plan_free(&plan);
		job_free(&job);
	}
	free(t);
}

Test(plan, later_values_win)
{
	static const char text[] =
		"[global]\nruntime=1s\nwarmup=1s\nlat_runtime=1s\n"
		"[matrix]\norder=3\n[pair]\nwarmup=2s\nlat_runtime=2s\n";
	struct topo *t = synthetic(1, 2, 1);
	struct job_params *p = malloc(sizeof(*p));
	struct plan plan;
	struct job job;
	char err[512];

	cr_assert_not_null(p);
	cr_assert_eq(job_parse_buffer(text, strlen(text), "j.ini", &job, err,
				      sizeof(err)),
		     0, "%s", err);
	cr_assert_eq(job_parse_arg(&job, "lat_runtime=3s", AT_CLI, err, 512),
		     0);
	cr_assert_eq(plan_make(&plan, &job, t, 1, err, 512), 0, "%s", err);
	cr_assert_eq(plan_cell_params(&plan, &job, 0, p, err, 512), 0);
	cr_expect_eq(p->runtime_ns, 1000000000);
	cr_expect_eq(p->warmup_ns, 2000000000);
	cr_expect_eq(p->lat_runtime_ns, 3000000000);
	cr_expect_eq(p->workload.order, 3);
	plan_free(&plan);
	job_free(&job);
	free(p);
	free(t);
}
