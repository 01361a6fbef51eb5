/*
 * `zonebench topo run=DIR [cell=ID]`: which CPUs the threads of a run had. The
 * machine that is drawn is the one that the placement spoke of: this run's host
 * as env.json has it, or, where the topology was synthetic, the modelled one.
 */
#include "harness/topo_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "harness/json_read.h"
#include "harness/machine_params.h"
#include "harness/options.h"
#include "harness/rundata.h"

/* A list of integers of one node of env.json; how many, at most max. */
static unsigned numbers(const json_t *node, const char *key, uint16_t *out,
			unsigned max)
{
	const json_t *list = json_object_get(node, key), *v;
	unsigned nr = 0;
	size_t i;

	json_array_foreach(list, i, v)
	{
		json_int_t n = json_integer_value(v);

		if (nr < max && n >= 0 && n < UINT16_MAX)
			out[nr++] = (uint16_t)n;
	}
	return nr;
}

/* One node of env.json into t. */
static void add_env_node(struct topo *t, const json_t *node, unsigned nid)
{
	uint16_t cpu[MAX_CPUS], core[MAX_CPUS], distance[MAX_NODES];
	unsigned nr = numbers(node, "cpus", cpu, MAX_CPUS);
	unsigned nr_cores = numbers(node, "cores", core, MAX_CPUS);
	unsigned nr_distances = numbers(node, "distance", distance, MAX_NODES);
	json_int_t bytes = json_integer_value(json_object_get(node, "bytes"));

	t->node_bytes[nid] = bytes > 0 ? (uint64_t)bytes : 0;
	for (unsigned i = 0; i < nr_distances; i++)
		t->distance[nid][i] =
			(uint8_t)(distance[i] > 255 ? 255 : distance[i]);
	for (unsigned i = 0; i < nr && t->nr_cpus < MAX_CPUS; i++) {
		const unsigned at = t->nr_cpus++;

		t->os_cpu[at] = cpu[i];
		t->node_of_cpu[at] = (uint16_t)nid;
		t->package_of_cpu[at] = (uint16_t)nid;
		t->core_of_cpu[at] = i < nr_cores ? core[i] : cpu[i];
		for (unsigned k = 0; k < at; k++)
			t->smt_of_cpu[at] +=
				t->core_of_cpu[k] == t->core_of_cpu[at];
	}
}

/* The run's host. */
static int from_env(const struct run_data *run, struct machine_desc *desc,
		    char *err, size_t err_len)
{
	const json_t *numa = json_object_get(run->env, "numa");
	const size_t nr = json_array_size(numa);
	struct topo *t = &desc->topo;

	if (!nr || nr > MAX_NODES) {
		snprintf(err, err_len,
			 "%.200s/env.json: expected numa: 1 to %d nodes",
			 run->dir, MAX_NODES);
		return -EINVAL;
	}
	layout_defaults(desc);
	layout_topo(t, 1, (unsigned)nr);
	t->nr_cpus = 0;
	t->synthetic = false;
	memset(t->smt_of_cpu, 0, sizeof(t->smt_of_cpu));
	for (size_t nid = 0; nid < nr; nid++)
		add_env_node(t, json_array_get(numa, nid), (unsigned)nid);
	if (!t->nr_cpus) {
		snprintf(err, err_len, "%.200s/env.json: expected CPUs",
			 run->dir);
		return -EINVAL;
	}
	snprintf(desc->name, sizeof(desc->name), "host of run %.60s", run->id);
	return layout_zones(desc, 0, err, err_len);
}

/* The modelled machine, from the cell's own keys. */
static int from_params(const struct cell_data *cell, struct machine_desc *desc,
		       char *err, size_t err_len)
{
	struct job_params *p = malloc(sizeof(*p));
	const char *key;
	int r = p ? 0 : -ENOMEM;
	char why[256];
	json_t *v;

	snprintf(err, err_len, "out of memory");
	if (p)
		job_params_init(p);
	json_object_foreach((json_t *)cell->params, key, v)
	{
		const struct option *o = option_find(key, AT_TOOLS);

		if (!r && o && o->group == GROUP_MACHINE &&
		    option_set(o, json_string_value(v), p, why, sizeof(why))) {
			snprintf(err, err_len, "run.json: %s=%.60s: %.160s",
				 key, json_string_value(v), why);
			r = -EINVAL;
		}
	}
	/* what machine=numa came to on the run's host */
	if (!r && !strcmp(p->machine.machine, "numa"))
		snprintf(p->machine.machine, sizeof(p->machine.machine), "%s",
			 cell->machine);
	if (!r)
		r = machine_params_resolve(&p->machine, desc, err, err_len);
	free(p);
	return r;
}

/* Index in t of the CPU that a thread had; t->nr_cpus: it is not there. */
static unsigned cpu_of(const struct topo *t, const json_t *thread)
{
	const char *key = t->synthetic ? "model_cpu" : "cpu";
	json_int_t n = json_integer_value(json_object_get(thread, key));
	unsigned at = 0;

	if (t->synthetic)
		return n >= 0 && n < t->nr_cpus ? (unsigned)n : t->nr_cpus;
	while (at < t->nr_cpus && t->os_cpu[at] != n)
		at++;
	return at;
}

static struct topo_use *use_of(struct topo_uses *u, unsigned cpu,
			       const struct topo_use *want)
{
	struct topo_use *grown;

	for (unsigned i = 0; i < u->nr; i++)
		if (u->use[i].cpu == cpu && u->use[i].thread == want->thread &&
		    u->use[i].real_cpu == want->real_cpu &&
		    !strcmp(u->use[i].workload, want->workload))
			return &u->use[i];
	grown = reallocarray(u->use, u->nr + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	u->use = grown;
	grown[u->nr] = *want;
	grown[u->nr].cpu = cpu;
	return &grown[u->nr++];
}

static int add_rep(struct topo_uses *u, const struct topo *t,
		   const struct cell_data *cell, const struct rep_data *rep)
{
	const json_t *threads = json_object_get(rep->json, "threads_detail"),
		     *v;
	size_t i;

	json_array_foreach(threads, i, v)
	{
		struct topo_use want = { .thread = (unsigned)i }, *use;
		unsigned cpu = cpu_of(t, v);

		snprintf(want.workload, sizeof(want.workload), "%s",
			 cell->workload);
		want.real_cpu =
			(unsigned)json_integer_value(json_object_get(v, "cpu"));
		if (cpu >= t->nr_cpus)
			continue;
		use = use_of(u, cpu, &want);
		if (!use)
			return -ENOMEM;
		use->reps++;
	}
	return 0;
}

static const struct cell_data *choose(const struct run_data *run,
				      const char *id)
{
	for (unsigned c = 0; c < run->nr_cells; c++)
		if (id ? !strcmp(run->cell[c].id, id)
		       : cell_nr_ok(&run->cell[c]) > 0)
			return &run->cell[c];
	return NULL;
}

static int collect(const struct run_data *run, const struct cell_data *chosen,
		   bool alone, const struct topo *t, struct topo_uses *u)
{
	for (unsigned c = 0; c < run->nr_cells; c++) {
		const struct cell_data *cell = &run->cell[c];

		if (alone ? cell != chosen
			  : strcmp(cell->machine, chosen->machine) != 0)
			continue;
		for (unsigned i = 0; i < cell->nr_reps; i++)
			if (cell->rep[i].state == REP_OK &&
			    add_rep(u, t, cell, &cell->rep[i]))
				return -ENOMEM;
	}
	return 0;
}

int topo_run_load(const char *dir, const char *cell, struct machine_desc *desc,
		  struct topo_uses *uses, char *err, size_t err_len)
{
	const struct cell_data *chosen;
	struct run_data *run;
	int r;

	memset(uses, 0, sizeof(*uses));
	r = run_data_load(&run, dir, err, err_len);
	if (r)
		return r;
	chosen = choose(run, cell);
	if (!chosen) {
		snprintf(err, err_len,
			 cell ? "%.200s: expected a cell of the run, not "
				"'%.100s'"
			      : "%.200s: expected a run with a number",
			 dir, cell ? cell : "");
		r = -EINVAL;
	} else if (cell_synthetic(chosen)) {
		r = from_params(chosen, desc, err, err_len);
	} else {
		r = from_env(run, desc, err, err_len);
	}
	if (!r && collect(run, chosen, cell != NULL, &desc->topo, uses)) {
		snprintf(err, err_len, "out of memory");
		r = -ENOMEM;
	}
	uses->emulated = run_emulated(run);
	run_data_free(run);
	return r;
}

void topo_run_text(const struct topo_uses *u, const struct topo *t, FILE *out)
{
	fprintf(out, "  What ran where%s%s\n",
		t->synthetic ? " (synthetic topology: no NUMA latency)" : "",
		u->emulated ? " (emulated: no timing claim)" : "");
	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++)
		for (unsigned i = 0; i < u->nr; i++) {
			const struct topo_use *use = &u->use[i];

			if (use->cpu != cpu)
				continue;
			fprintf(out,
				"    Node %u CPU %-4u %-16.40s thread %-3u %u "
				"repetition%s",
				t->node_of_cpu[cpu], t->os_cpu[cpu],
				use->workload, use->thread, use->reps,
				use->reps == 1 ? "" : "s");
			if (t->synthetic)
				fprintf(out, ", on the host's CPU %u",
					use->real_cpu);
			fputc('\n', out);
		}
}

void topo_uses_drop(struct topo_uses *u)
{
	free(u->use);
	memset(u, 0, sizeof(*u));
}
