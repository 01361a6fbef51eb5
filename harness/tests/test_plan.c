/* Cells, their order, and placement, on machines that nobody here has. */
#include "harness/cpuset.h"
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

/* The job is refused with this message. */
static void refused(const char *text, const struct topo *t, const char *message)
{
	struct plan plan;
	struct job job;
	char err[512];

	cr_expect_eq(make(&plan, &job, text, t, err), -EINVAL, "%s", text);
	cr_expect_str_eq(err, message);
	plan_free(&plan);
	job_free(&job);
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
		{ { PLACE_COMPACT, 0, 0 }, 4, false, 0, { 0, 1, 2, 3 } },
		{ { PLACE_COMPACT, 0, 0 }, 6, false, 0, { 0, 1, 2, 3, 4, 5 } },
		{ { PLACE_SCATTER, 0, 0 }, 4, false, 0, { 0, 4, 1, 5 } },
		{ { PLACE_NODE, 1, 0 }, 6, false, 0, { 4, 5, 6, 7, 12, 13 } },
		{ { PLACE_NODE, 1, 0 }, 9, false, -EINVAL, { 0 } },
		{ { PLACE_NODE, 2, 0 }, 1, true, -EINVAL, { 0 } },
		{ { PLACE_COMPACT, 0, 0 }, 17, false, -EINVAL, { 0 } },
		{ { PLACE_PAIRS, 0, 1 }, 4, false, 0, { 0, 4, 1, 5 } },
		{ { PLACE_PAIRS, 1, 0 }, 4, false, 0, { 4, 0, 5, 1 } },
		{ { PLACE_PAIRS, 1, 1 }, 6, false, 0, { 4, 5, 6, 7, 12, 13 } },
		{ { PLACE_PAIRS, 0, 2 }, 2, true, -EINVAL, { 0 } },
		{ { PLACE_PAIRS, NODE_EACH, 0 }, 2, true, -EINVAL, { 0 } },
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

	cr_assert_eq(pin_choose(t, (struct placement){ PLACE_COMPACT, 0, 0 }, 5,
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

/* On a host of one node and two CPUs. */
static const struct {
	const char *text, *message;
} refusals[] = {
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
	{ "[remote_free]\nthreads=2\nplacement=pairs:0-3\n",
	  "j.ini:1: placement=pairs:0-3: expected nodes from 0 to 0 of "
	  "this host" },
	{ "[pair]\nplacement=pairs:0-0\n",
	  "j.ini:1: threads=1: expected an even number of threads for "
	  "placement=pairs" },
	{ "[pair]\nmem_policy=bind:1\n",
	  "j.ini:1: mem_policy=bind:1: expected a node that the "
	  "machine "
	  "has; the machine has nodes 0 to 0" },
	{ "[pair]\nmem_policy=remote\n",
	  "j.ini:1: mem_policy=remote: expected a machine with memory "
	  "on another node than the thread's; the machine has nodes 0 "
	  "to 0" },
	{ "[fallback]\nthreads=2\n",
	  "j.ini:1: threads=2: expected threads=1 for workload "
	  "fallback" },
	{ "[numa_touch]\n",
	  "j.ini:1: touch=none: expected touch=first or touch=all for "
	  "workload numa_touch" },
	{ "[pair]\nframes=huge\n",
	  "j.ini:1: frames=huge: expected touch=first or touch=all beside it, "
	  "or reclaim=on, so that every frame has memory" },
	{ "[pagecache]\nframes=huge\nreclaim=off\n",
	  "j.ini:1: frames=huge: expected touch=first or touch=all beside it, "
	  "or reclaim=on, so that every frame has memory" },
	{ "[pair]\ncpus=node:1\n", "j.ini:1: cpus=node:1: expected "
				   "nodes that this host has, not "
				   "node 1" },
	{ "[pair]\ncpus=core:0-7\n",
	  "j.ini:1: cpus=core:0-7: expected cores that this process "
	  "may "
	  "use (cpuset or affinity), not core 2" },
	{ "[pair]\nthreads=2\ncpus=core:0\n",
	  "j.ini:1: threads=2: expected at most the 1 CPU of "
	  "cpus=core:0, or oversubscribe=1" },
	{ "[pair]\nruntime=2s\ntimeout=1s\n",
	  "j.ini:1: timeout=1s: expected more than warmup, runtime and "
	  "lat_runtime together" },
	{ "[global]\n", "j.ini: expected a section for a workload, "
			"such as [pair]" },
	{ "[matrix]\nexclude=engine=zonelock\n[pair]\n",
	  "j.ini: expected at least one cell that is not excluded or "
	  "deselected by workload=" },
};

Test(plan, refusals)
{
	struct topo *t = synthetic(1, 2, 1);

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		refused(refusals[i].text, t, refusals[i].message);
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

/* ---- NUMA machines, by hwloc -------------------------------------------- */

static struct topo *by_hwloc(const char *text)
{
	struct topo *t = calloc(1, sizeof(*t));
	char err[256];

	cr_assert_eq(synthetic_topo(text, t, err, sizeof(err)), 0, "%s", err);
	t->synthetic = false; /* as if it were this host */
	return t;
}

static void place(const struct topo *t, const char *placement, unsigned nr,
		  struct team_place *out)
{
	struct mem_rules rules = { .nr = 1 };
	struct place_request rq = {
		.host = t, .model = t, .cpu_set = "", .rules = &rules, .nr = nr
	};
	char err[256];

	cr_assert_eq(placement_parse(placement, &rq.placement), 0);
	cr_assert_eq(place_team(&rq, out, err, sizeof(err)), 0, "%s: %s",
		     placement, err);
	/* at home the modelled CPU is the real one, and nobody shares one */
	cr_expect_arr_eq(out->cpu, out->model, nr * sizeof(out->cpu[0]));
	for (unsigned i = 0; i < nr; i++)
		for (unsigned k = 0; k < i; k++)
			cr_expect_neq(out->cpu[i], out->cpu[k]);
}

/* Four nodes of eight cores of two threads each. */
Test(plan, four_nodes_of_eight_cores)
{
	struct topo *t = by_hwloc("pack:4 [numa] core:8 pu:2");
	struct team_place *p = malloc(sizeof(*p));

	cr_assert_eq(t->nr_cpus, 64);
	cr_assert_eq(t->nr_nodes, 4);
	place(t, "compact", 64, p);
	for (unsigned i = 0; i < 64; i++) {
		/* every core first, node by node; then the siblings */
		cr_expect_eq(t->node_of_cpu[p->cpu[i]], i % 32 / 8);
		cr_expect_eq(t->smt_of_cpu[p->cpu[i]], i / 32);
		cr_expect_eq(t->core_of_cpu[p->cpu[i]], i % 32);
	}
	cr_expect_not(place_shares_core(t, p->cpu, 32, 31));
	cr_expect(place_shares_core(t, p->cpu, 33, 0));
	cr_expect(place_shares_core(t, p->cpu, 33, 32));
	cr_expect_not(place_shares_core(t, p->cpu, 33, 1));
	place(t, "scatter", 64, p);
	for (unsigned i = 0; i < 64; i++) {
		cr_expect_eq(t->node_of_cpu[p->cpu[i]], i % 4);
		cr_expect_eq(t->smt_of_cpu[p->cpu[i]], i / 32);
	}
	place(t, "node:2", 16, p);
	for (unsigned i = 0; i < 16; i++) {
		cr_expect_eq(t->node_of_cpu[p->cpu[i]], 2);
		cr_expect_eq(t->smt_of_cpu[p->cpu[i]], i / 8);
	}
	place(t, "pairs:3-1", 16, p);
	for (unsigned i = 0; i < 16; i++) {
		cr_expect_eq(t->node_of_cpu[p->cpu[i]], i % 2 ? 1 : 3);
		cr_expect_eq(t->smt_of_cpu[p->cpu[i]], 0);
	}
	free(p);
	free(t);
}

static const char *value(const struct plan *plan, unsigned cell,
			 const char *key)
{
	return cell_value(&plan->cell[cell], key);
}

Test(plan, open_nodes_become_cells)
{
	struct topo *t = by_hwloc("numa:8 core:2 pu:1");
	struct plan plan;
	struct job job;
	char err[512];
	unsigned same = 0;

	cr_assert_eq(make(&plan, &job,
			  "[global]\nthreads=2\n"
			  "[matrix]\nexclude=placement=pairs:*-0 "
			  "workload=remote_free\n"
			  "[numa_cross]\nplacement=pairs\n"
			  "[remote_free]\nplacement=pairs:3-*\n"
			  "[numa_local]\nthreads=1\nplacement=node:*\n"
			  "mem_policy=bind:*\n",
			  t, err),
		     0, "%s", err);
	cr_assert_eq(plan.nr_cells, 64 + 7 + 64);
	cr_expect_str_eq(plan.cell[10].id,
			 "zonelock-numa_cross-t2-o0-placement_pairs_1_2");
	cr_expect_str_eq(value(&plan, 10, "placement"), "pairs:1-2");
	cr_expect_str_eq(value(&plan, 64, "placement"), "pairs:3-1");
	cr_expect_str_eq(value(&plan, 70, "placement"), "pairs:3-7");
	cr_expect_str_eq(value(&plan, 71, "placement"), "node:0");
	cr_expect_str_eq(value(&plan, 71 + 9, "placement"), "node:1");
	cr_expect_str_eq(value(&plan, 71 + 9, "mem_policy"), "bind:1");
	for (unsigned i = 0; i < plan.nr_cells; i++)
		for (unsigned k = 0; k < i; k++)
			same += !strcmp(plan.cell[i].id, plan.cell[k].id);
	cr_expect_eq(same, 0);
	cr_expect_eq(plan.nr_left_out, 0);
	plan_free(&plan);
	job_free(&job);
	free(t);
}

/* Node 1 has one CPU, node 2 only memory, node 3 only a CPU. */
Test(plan, what_nodes_cannot_do_is_left_out_and_told)
{
	static const uint16_t node[] = { 0, 0, 1, 3 };
	struct topo *t = synthetic(4, 1, 1);
	struct plan plan;
	struct job job;
	char err[512];

	memcpy(t->node_of_cpu, node, sizeof(node));
	t->node_bytes[0] = t->node_bytes[1] = t->node_bytes[2] = 1 << 30;
	cr_assert_eq(make(&plan, &job,
			  "[numa_cross]\nthreads=2\nplacement=pairs\n"
			  "[numa_local]\nplacement=node:*\nmem_policy=bind:*\n",
			  t, err),
		     0, "%s", err);
	/* 9 pairs of nodes 0, 1, 3 but 1-1 and 3-3; 3 CPU x 3 memory nodes */
	cr_assert_eq(plan.nr_cells, 7 + 9);
	cr_assert_eq(plan.nr_left_out, 4);
	cr_expect_str_eq(plan.left_out[0],
			 "nodes without CPUs that may be used: 2");
	cr_expect_str_eq(plan.left_out[1],
			 "numa_cross placement=pairs:1-1 mem_policy=local: "
			 "threads=2: expected at most the 1 CPU of node 1 of "
			 "this host, or oversubscribe=1");
	cr_expect_str_eq(plan.left_out[3], "nodes without memory: 3");
	plan_free(&plan);
	job_free(&job);
	refused("[pair]\nplacement=node:2\n", t,
		"j.ini:1: placement=node:2: expected nodes with CPUs, node 2 "
		"of this host has none");
	refused("[pair]\nmem_policy=bind:3\n", t,
		"j.ini:1: mem_policy=bind:3: expected a node with memory; the "
		"machine has nodes 0 to 3");
	free(t);
}

/* One name, two workloads: of pages and of objects. */
Test(plan, a_workload_is_its_engines)
{
	struct topo *t = synthetic(1, 2, 1);
	struct plan plan;
	struct job job;
	char err[512];

	cr_assert_eq(make(&plan, &job,
			  "[global]\nthreads=2\n"
			  "[numa_cross]\nengine=pcp,slub\nsize=64,256\n"
			  "[matrix]\nexclude=workload=numa_cross engine=pcp "
			  "size=256\n"
			  "exclude=workload=numa_cross engine=slub size=64\n",
			  t, err),
		     0, "%s", err);
	cr_assert_eq(plan.nr_cells, 2);
	cr_expect_str_eq(value(&plan, 0, "workload"), "numa_cross");
	cr_expect_str_eq(value(&plan, 1, "workload"), "obj_numa_cross");
	cr_expect_str_eq(value(&plan, 1, "size"), "256");
	cr_expect_str_eq(plan.cell[1].id, "slub-numa_cross-t2-size_256");
	plan_free(&plan);
	job_free(&job);
	refused("[numa_cross]\nthreads=2\nsize=64\n", t,
		"j.ini:3: size=64: expected a key that workload numa_cross "
		"looks at, see `zonebench list workloads`");
	refused("[churn]\nengine=slub\n", t,
		"j.ini:1: engine=slub: expected a page engine for workload "
		"churn");
	free(t);
}

/* machine=numa: the host where it has nodes, two modelled ones elsewhere. */
Test(plan, the_numa_machine_needs_no_editing)
{
	static const char text[] = "[global]\nmachine=numa\nmem=64M\n"
				   "[numa_cross]\nthreads=2\n"
				   "placement=pairs\n";
	struct topo *one = by_hwloc("numa:1 core:2 pu:1");
	struct topo *three = by_hwloc("numa:3 core:2 pu:1");
	struct plan plan;
	struct job job;
	char err[512];

	cr_assert_eq(make(&plan, &job, text, one, err), 0, "%s", err);
	cr_expect_eq(plan.nr_cells, 4);
	plan_free(&plan);
	job_free(&job);
	cr_assert_eq(make(&plan, &job, text, three, err), 0, "%s", err);
	cr_expect_eq(plan.nr_cells, 9);
	plan_free(&plan);
	job_free(&job);
	free(one);
	free(three);
}

Test(plan, sets_of_cpus)
{
	/* two nodes of two cores of two threads; siblings 4-7 */
	static const struct {
		const char *set;
		unsigned nr;
		uint16_t os_cpu[8], smt[8];
	} table[] = {
		{ "",
		  8,
		  { 0, 1, 2, 3, 4, 5, 6, 7 },
		  { 0, 0, 0, 0, 1, 1, 1, 1 } },
		{ "node:1", 4, { 2, 3, 6, 7 }, { 0, 0, 1, 1 } },
		{ "core:0+3", 4, { 0, 3, 4, 7 }, { 0, 0, 1, 1 } },
		{ "package:0+cpu:7", 5, { 0, 1, 4, 5, 7 }, { 0, 0, 1, 1, 0 } },
		{ "4-6", 3, { 4, 5, 6 }, { 0, 0, 0 } },
		{ "cpu:3,0-1", 3, { 0, 1, 3 }, { 0, 0, 0 } },
	};
	static const char *const bad[] = { "node:2", "core:4", "8", "7-8" };
	static const char *const malformed[] = { "",       "node:", "3-1",
						 "0-",     "0+",    "socket:0",
						 "node:x", "0 1",   "65535" };
	struct topo *t = synthetic(2, 2, 2), *cut = malloc(sizeof(*cut));
	char err[256], text[CPU_SET_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		cr_assert_eq(cpuset_apply(table[i].set, t, cut, err, 256), 0,
			     "%s", err);
		cr_assert_eq(cut->nr_cpus, table[i].nr, "%s", table[i].set);
		for (unsigned c = 0; c < table[i].nr; c++) {
			cr_expect_eq(cut->os_cpu[c], table[i].os_cpu[c]);
			cr_expect_eq(cut->smt_of_cpu[c], table[i].smt[c], "%s",
				     table[i].set);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(cpuset_apply(bad[i], t, cut, err, 256), -EINVAL,
			     "%s", bad[i]);
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
		cr_expect_eq(cpuset_parse(malformed[i], text), -EINVAL, "%s",
			     malformed[i]);
	cr_expect_eq(cpuset_parse("0-3,8", text), 0);
	cr_expect_str_eq(text, "0-3+8");
	free(t);
	free(cut);
}

/* A synthetic machine's threads go to the real node of the same number as long
 * as that has CPUs. */
Test(plan, threads_follow_a_modelled_machine)
{
	struct topo *host = synthetic(2, 2, 1), *model = synthetic(4, 2, 1);
	struct mem_rules rules;
	struct place_request rq = { .host = host,
				    .model = model,
				    .cpu_set = "",
				    .rules = &rules,
				    .nr = 4 };
	struct team_place *p = malloc(sizeof(*p));
	static const uint16_t cpus[] = { 2, 0, 3, 1 };
	char err[256];

	model->synthetic = true;
	memset(model->node_bytes, 1, sizeof(model->node_bytes));
	model->distance[0][3] = 30;
	cr_assert_eq(mem_rules_parse("remote/bind:2", &rules), 0);
	cr_assert_eq(placement_parse("pairs:1-3", &rq.placement), 0);
	cr_assert_eq(place_team(&rq, p, err, 256), 0, "%s", err);
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_eq(model->node_of_cpu[p->model[i]], i % 2 ? 3 : 1);
		cr_expect_eq(p->cpu[i], cpus[i]);
		cr_expect_eq(p->policy[i].mode, i % 2 ? MEM_BIND : MEM_PREFER);
		cr_expect_eq(p->policy[i].node, 2);
	}
	rq.nr = 6;
	cr_expect_eq(place_team(&rq, p, err, 256), -EINVAL);
	cr_expect_str_eq(err, "threads=6: expected at most the 4 CPUs of this "
			      "host, or oversubscribe=1");
	rq.share = true;
	cr_expect_eq(place_team(&rq, p, err, 256), 0);
	/* from node 0 the farthest is 3 */
	cr_assert_eq(placement_parse("node:0", &rq.placement), 0);
	cr_expect_eq(place_team(&rq, p, err, 256), 0);
	cr_expect_eq(p->policy[0].node, 3);
	free(p);
	free(host);
	free(model);
}

Test(plan, texts_of_placements_and_policies_come_back)
{
	static const char *const placements[] = { "compact",   "scatter",
						  "node:0",    "node:*",
						  "node:63",   "pairs:0-1",
						  "pairs:*-*", "pairs:2-*" };
	static const char *const policies[] = {
		"local",  "interleave", "remote",
		"bind:5", "bind:*",     "local/bind:1/remote"
	};
	static const char *const bad[] = {
		"",         "node",    "node:",   "node:64", "pairs:1",
		"pairs:1-", "bind",    "bind:",   "bind:64", "local/",
		"/local",   "node:0x", "bind:1/2"
	};
	struct placement p;
	struct mem_rules r;
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(placements); i++) {
		cr_assert_eq(placement_parse(placements[i], &p), 0);
		placement_format(&p, text, sizeof(text));
		cr_expect_str_eq(text, placements[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		cr_assert_eq(mem_rules_parse(policies[i], &r), 0);
		mem_rules_format(&r, text, sizeof(text));
		cr_expect_str_eq(text, policies[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_expect_eq(placement_parse(bad[i], &p), -EINVAL, "%s",
			     bad[i]);
		cr_expect_eq(mem_rules_parse(bad[i], &r), -EINVAL, "%s",
			     bad[i]);
	}
}
