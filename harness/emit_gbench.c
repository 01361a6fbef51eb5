/*
 * gbench.json: the run in the schema of Google Benchmark's JSON output, so
 * that its compare.py and what else reads that can be used. One benchmark per
 * cell, named by the cell's id; one entry per ok repetition, then the four
 * aggregates that Google Benchmark itself prints.
 *
 * As there, real_time is the time on the wall per operation of all threads
 * together, cpu_time the time of one thread per operation.
 */
#include <errno.h>
#include <string.h>

#include "harness/emit.h"
#include "harness/json_read.h"
#include "harness/stats.h"

struct pair_of_times {
	double real_ns, cpu_ns;
};

static bool times_of(const struct rep_data *rep, struct pair_of_times *t)
{
	const struct rep_metric *per_op = rep_metric_find(rep, "ns_per_op");
	const struct rep_metric *rate = rep_metric_find(rep, "throughput");

	if (!per_op || !rate || !(rate->value > 0))
		return false;
	t->real_ns = 1e9 / rate->value;
	t->cpu_ns = per_op->value;
	return true;
}

static json_int_t iterations_of(const struct rep_data *rep)
{
	json_t *threads = json_object_get(rep->json, "threads_detail"), *v;
	json_int_t sum = 0;
	size_t i;

	json_array_foreach(threads, i, v)
	{
		json_int_t ops = json_integer_value(json_object_get(v, "ops"));

		if (ops > 0 && ops < INT64_MAX - sum)
			sum += ops;
	}
	return sum;
}

static json_t *context(const struct run_data *run)
{
	const json_t *clock = json_object_get(run->env, "clock");

	return json_pack(
		"{s:s,s:s,s:s,s:I,s:I,s:b,s:[],s:[],s:s,s:s,s:s,s:s}", "date",
		json_text_or(run->run, "created", ""), "host_name",
		json_text_or(run->env, "host", ""), "executable", "zonebench",
		"num_cpus", (json_int_t)json_number_or(run->env, "cpus", 0),
		"mhz_per_cpu",
		(json_int_t)(json_number_or(clock, "tsc_hz", 0) / 1e6),
		"cpu_scaling_enabled", 0, "caches", "load_avg",
		"library_build_type", "release", "zonebench_run", run->id,
		"zonebench_cpu", json_text_or(run->env, "cpu_model", ""),
		"zonebench_commit", json_text_or(run->env, "commit", ""));
}

/* What every entry of a cell has. */
static json_t *entry(const struct cell_data *cell, unsigned index,
		     const struct pair_of_times *t, json_int_t iterations)
{
	return json_pack("{s:s,s:I,s:I,s:s,s:I,s:I,s:I,s:f,s:f,s:s}", "name",
			 cell->id, "family_index", (json_int_t)index,
			 "per_family_instance_index", (json_int_t)0, "run_name",
			 cell->id, "repetitions", (json_int_t)cell_nr_ok(cell),
			 "threads", (json_int_t)cell->threads, "iterations",
			 iterations, "real_time", t->real_ns, "cpu_time",
			 t->cpu_ns, "time_unit", "ns");
}

static json_t *repetition(const struct cell_data *cell, unsigned index,
			  const struct rep_data *rep, unsigned nth)
{
	static const char *const counters[] = {
		"lat_alloc_p50", "lat_alloc_p99", "lat_alloc_p99_9",
		"lat_free_p50",  "lat_free_p99",  "lat_free_p99_9",
	};
	struct pair_of_times t;
	json_t *e;

	if (!times_of(rep, &t))
		return NULL;
	e = entry(cell, index, &t, iterations_of(rep));
	json_object_set_new(e, "run_type", json_string("iteration"));
	json_object_set_new(e, "repetition_index", json_integer(nth));
	json_object_set_new(e, "items_per_second", json_real(1e9 / t.real_ns));
	if (rep->flags[0])
		json_object_set_new(e, "label", json_string(rep->flags));
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		const struct rep_metric *m = rep_metric_find(rep, counters[i]);

		if (m)
			json_object_set_new(e, counters[i],
					    json_real(m->value));
	}
	return e;
}

static void append_aggregate(json_t *out, const struct cell_data *cell,
			     unsigned index, const char *name,
			     const struct pair_of_times *t)
{
	bool relative = strcmp(name, "cv") == 0;
	char full[1024];
	json_t *e = entry(cell, index, t, cell_nr_ok(cell));

	snprintf(full, sizeof(full), "%s_%s", cell->id, name);
	json_object_set_new(e, "name", json_string(full));
	json_object_set_new(e, "run_type", json_string("aggregate"));
	json_object_set_new(e, "aggregate_name", json_string(name));
	json_object_set_new(e, "aggregate_unit",
			    json_string(relative ? "percentage" : "time"));
	json_array_append_new(out, e);
}

static void append_aggregates(json_t *out, const struct cell_data *cell,
			      unsigned index, struct stats s[2])
{
	const struct {
		const char *name;
		struct pair_of_times t;
	} all[] = {
		{ "mean", { s[0].mean, s[1].mean } },
		{ "median", { s[0].median, s[1].median } },
		{ "stddev", { s[0].stddev, s[1].stddev } },
		{ "cv",
		  { s[0].mean > 0 ? s[0].stddev / s[0].mean : 0,
		    s[1].mean > 0 ? s[1].stddev / s[1].mean : 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		append_aggregate(out, cell, index, all[i].name, &all[i].t);
}

static void append_cell(json_t *out, const struct cell_data *cell,
			unsigned index)
{
	static double real[RUN_REPS_MAX], cpu[RUN_REPS_MAX];
	struct pair_of_times t;
	struct stats s[2];
	unsigned n = 0;

	for (unsigned i = 0; i < cell->nr_reps; i++) {
		json_t *e = repetition(cell, index, &cell->rep[i], i);

		if (!e)
			continue;
		json_array_append_new(out, e);
		times_of(&cell->rep[i], &t);
		real[n] = t.real_ns;
		cpu[n++] = t.cpu_ns;
	}
	if (n < 2)
		return;
	stats_of(&s[0], real, n);
	stats_of(&s[1], cpu, n);
	append_aggregates(out, cell, index, s);
}

int emit_gbench(FILE *f, const struct run_data *run)
{
	json_t *list = json_array();
	json_t *root;
	int rc = 0;

	for (unsigned c = 0; c < run->nr_cells; c++)
		append_cell(list, &run->cell[c], c);
	root = json_pack("{s:o,s:o}", "context", context(run), "benchmarks",
			 list);
	if (!root || (json_dumpf(root, f, JSON_INDENT(2)) != 0 && !ferror(f)))
		rc = -ENOMEM;
	putc('\n', f);
	json_decref(root);
	return rc;
}
