/*
 * A run folder made by a test: same files and fields as `zonebench run`
 * leaves, with figures from a small formula, in a temporary directory.
 */
#ifndef HARNESS_TESTS_RUN_FOLDER_H
#define HARNESS_TESTS_RUN_FOLDER_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/hlog.h"

#define FOLDER_REPS 3

struct folder_cell {
	const char *id, *engine, *workload, *machine;
	int threads, order;
	const char *key, *value; /* one more parameter, NULL none */
	const char *flag;        /* of result.json, NULL none */
	double ns;               /* per operation and thread */
};

static inline void folder_write(const char *dir, const char *name,
				const char *text)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	cr_assert(f, "%s", path);
	cr_assert(fputs(text, f) >= 0 && fclose(f) == 0);
}

/* The file's text, to be freed; NULL where there is none. */
static inline char *folder_read(const char *dir, const char *name)
{
	char path[4096];
	char *text = NULL;
	size_t len = 0;
	FILE *f, *mem;
	int c;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return NULL;
	mem = open_memstream(&text, &len);
	while ((c = getc(f)) != EOF)
		putc(c, mem);
	fclose(mem);
	fclose(f);
	return text;
}

static inline void folder_json(const char *dir, const char *name, json_t *obj)
{
	char *text = json_dumps(obj, JSON_INDENT(1));

	cr_assert(text);
	folder_write(dir, name, text);
	free(text);
	json_decref(obj);
}

static inline json_t *folder_metric(const char *name, const char *unit,
				    const char *better, double value)
{
	return json_pack("{s:s,s:s,s:s,s:f}", "name", name, "unit", unit,
			 "better", better, "value", value);
}

static inline json_t *folder_metrics(const struct folder_cell *c, double ns)
{
	json_t *m = json_array();
	static const char *const tail[] = { "p50",    "p90", "p99", "p99_9",
					    "p99_99", "max", "mean" };
	static const double times[] = { 1, 1.2, 2.5, 9, 40, 900, 1.3 };

	json_array_append_new(m, folder_metric("throughput", "ops/s", "higher",
					       c->threads * 1e9 / ns));
	json_array_append_new(m, folder_metric("ns_per_op", "ns", "lower", ns));
	json_array_append_new(m,
			      folder_metric("failed_ops", "ops", "lower", 0));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char name[64];

		snprintf(name, sizeof(name), "lat_alloc_%s", tail[i]);
		json_array_append_new(m, folder_metric(name, "ns", "lower",
						       0.6 * ns * times[i]));
		snprintf(name, sizeof(name), "lat_free_%s", tail[i]);
		json_array_append_new(m, folder_metric(name, "ns", "lower",
						       0.4 * ns * times[i]));
	}
	json_array_append_new(m, json_pack("{s:s,s:s,s:s,s:n}", "name",
					   "hugepages", "unit", "pages",
					   "better", "none", "value"));
	return m;
}

static inline json_t *folder_floors(double jitter)
{
	static const struct {
		const char *name;
		double ns;
	} floors[] = {
		{ "empty_loop", 0.4 },          { "local_stack", 1.1 },
		{ "rseq_stack", 2.3 },          { "lock_pair", 11.0 },
		{ "cacheline_transfer", 62.0 }, { "clock_reads", 17.5 },
	};
	json_t *a = json_array();

	for (size_t i = 0; i < sizeof(floors) / sizeof(floors[0]); i++)
		json_array_append_new(a,
				      json_pack("{s:s,s:s,s:f,s:f}", "name",
						floors[i].name, "unit", "ns",
						"value", floors[i].ns * jitter,
						"spread", floors[i].ns * 0.02));
	return a;
}

static inline json_t *folder_params(const struct folder_cell *c)
{
	json_t *params = json_pack("{s:s,s:s,s:o}", "engine", c->engine,
				   "workload", c->workload, "threads",
				   json_sprintf("%d", c->threads));
	char order[16];

	if (c->order >= 0) {
		snprintf(order, sizeof(order), "%d", c->order);
		json_object_set_new(params, "order", json_string(order));
	}
	if (c->key)
		json_object_set_new(params, c->key, json_string(c->value));
	return params;
}

static inline json_t *folder_result(const struct folder_cell *c, int rep)
{
	/* a little different in each repetition, and reproducible */
	double jitter = 1 + 0.01 * ((rep * 7 + c->threads * 3) % 5 - 2);
	json_t *flags = json_array();

	for (const char *s = c->flag; s && *s; s += strspn(s, ";")) {
		size_t n = strcspn(s, ";");

		json_array_append_new(flags, json_stringn(s, n));
		s += n;
	}
	return json_pack(
		"{s:i,s:s,s:s,s:i,s:s,s:s,s:s,s:i,s:o,s:o,s:b,s:o,s:o,s:o,"
		"s:{s:f,s:f,s:f}}",
		"schema", 1, "run", "r-test", "cell", c->id, "rep", rep,
		"engine", c->engine, "workload", c->workload, "machine",
		c->machine, "threads", c->threads, "order",
		c->order >= 0 ? json_integer(c->order) : json_null(), "params",
		folder_params(c), "valid", 1, "flags", flags, "metrics",
		folder_metrics(c, c->ns * jitter), "floors",
		folder_floors(jitter), "clock", "tsc_hz", 2.5e9,
		"clock_cost_ns", 9.6, "clock_quantum_ns", 0.8);
}

static inline json_t *folder_env(void)
{
	return json_pack("{s:i,s:s,s:i,s:s,s:s,s:b,s:{s:f,s:f,s:f}}", "schema",
			 1, "cpu_model", "Example CPU 9000", "cpus", 2,
			 "kernel", "Linux 6.1.0-0-amd64", "commit",
			 "0123456789abcdef0123456789abcdef01234567", "dirty", 0,
			 "clock", "tsc_hz", 2.5e9, "clock_cost_ns", 9.6,
			 "clock_quantum_ns", 0.8);
}

static inline void folder_rep(const char *dir, const struct folder_cell *c,
			      int rep)
{
	char sub[4096];

	snprintf(sub, sizeof(sub), "%s/cells/%s/rep-%02d", dir, c->id, rep);
	cr_assert_eq(mkdir(sub, 0777), 0);
	folder_json(sub, "result.json", folder_result(c, rep));
	folder_write(sub, "status", "ok\n");
}

/* Writes a complete folder under a new directory; returns its path in dir. */
static inline void folder_make(char dir[64], const struct folder_cell *cell,
			       int nr)
{
	json_t *cells = json_array();
	char path[4096];

	strcpy(dir, "/tmp/zonebench-test-XXXXXX");
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/cells", dir);
	cr_assert_eq(mkdir(path, 0777), 0);
	for (int i = 0; i < nr; i++) {
		const struct folder_cell *c = &cell[i];

		snprintf(path, sizeof(path), "%s/cells/%s", dir, c->id);
		cr_assert_eq(mkdir(path, 0777), 0);
		for (int rep = 0; rep < FOLDER_REPS; rep++)
			folder_rep(dir, c, rep);
		json_array_append_new(
			cells,
			json_pack("{s:s,s:i,s:s,s:s,s:s,s:i,s:o}", "id", c->id,
				  "index", i, "engine", c->engine, "workload",
				  c->workload, "machine", c->machine, "threads",
				  c->threads, "params", folder_params(c)));
	}
	folder_json(dir, "env.json", folder_env());
	folder_json(dir, "run.json",
		    json_pack("{s:i,s:s,s:s,s:i,s:s,s:[s],s:s,s:o,s:[],s:i}",
			      "schema", 1, "run", "r-test", "name", "test",
			      "seed", 42, "created", "2026-01-02T03:04:05Z",
			      "argv", "zonebench", "job", "[global]\n", "cells",
			      cells, "order", "repeat", FOLDER_REPS));
}

/* Overwrites one file of a repetition. */
static inline void folder_set(const char *dir, const char *cell, int rep,
			      const char *file, const char *text)
{
	char name[4096];

	snprintf(name, sizeof(name), "cells/%s/rep-%02d/%s", cell, rep, file);
	folder_write(dir, name, text);
}

/* latency.hlog: a body around `ns` and a tail, a little different for free. */
static inline void folder_hlog(const char *dir, const char *cell, int rep,
			       double ns)
{
	struct hlog_entry e[2] = { { .tag = "alloc", .length_s = 0.5 },
				   { .tag = "free", .length_s = 0.5 } };
	struct hlog log = { 1700000000, e, 2 };
	struct hist_config cfg;
	uint64_t rng = 88172645463325252ULL + (uint64_t)rep;
	char path[4096];

	cr_assert_eq(hist_config_init(&cfg, HIST_HIGHEST_DEFAULT), 0);
	for (int k = 0; k < 2; k++) {
		e[k].hist = hist_create(&cfg);
		cr_assert(e[k].hist);
		for (int i = 0; i < 60000; i++) {
			double u;

			rng ^= rng << 13;
			rng ^= rng >> 7;
			rng ^= rng << 17;
			u = ((double)(rng >> 11) + 1) / 9007199254740994.0;
			hist_record(e[k].hist,
				    (uint64_t)(20 +
					       ns * (0.6 - 0.2 * k) *
						       (0.9 + 0.2 * u) +
					       0.02 * ns / u));
		}
	}
	snprintf(path, sizeof(path), "%s/cells/%s/rep-%02d/latency.hlog", dir,
		 cell, rep);
	cr_assert_eq(hlog_write(path, &log), 0);
	hist_destroy(e[0].hist);
	hist_destroy(e[1].hist);
}

/* series.csv: one zone whose large blocks are cut up in time. */
static inline void folder_series(const char *dir, const char *cell, int rep,
				 int steps)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cells/%s/rep-%02d/series.csv", dir,
		 cell, rep);
	f = fopen(path, "w");
	cr_assert(f);
	fputs("t_ns,node,zone,free_pages,o0,o1,o2,o3,o4,o5,o6,o7,o8,o9,o10,"
	      "extfrag9,unusable9,cached_pages,limbo_pages,grace_periods,"
	      "merged_blocks,huge_got\n",
	      f);
	for (int i = 0; i < steps; i++) {
		fprintf(f, "%lld,0,Normal,%d", i * 10000000LL,
			200000 - i * 900);
		for (int o = 0; o <= 10; o++)
			fprintf(f, ",%d",
				o == 10 ? 190 - i : i * (12 - o) * (1 + i % 3));
		fprintf(f, ",-1.000,%.3f,%d,%d,%d,%d,%d\n",
			(double)i / (steps * 2), i, 2 * i, i / 2, 3 * i,
			20 - i % 7);
	}
	cr_assert_eq(fclose(f), 0);
}

static inline int folder_remove_one(const char *path, const struct stat *st,
				    int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void folder_remove(const char *dir)
{
	nftw(dir, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static unsigned folder_nr_leftovers;

static inline int folder_count_one(const char *path, const struct stat *st,
				   int type, struct FTW *ftw)
{
	size_t len = strlen(path);

	(void)st;
	(void)type;
	(void)ftw;
	folder_nr_leftovers += len > 4 && !strcmp(path + len - 4, ".tmp");
	return 0;
}

/* Temporary files that were left behind. */
static inline unsigned folder_leftovers(const char *dir)
{
	folder_nr_leftovers = 0;
	nftw(dir, folder_count_one, 16, FTW_PHYS);
	return folder_nr_leftovers;
}

#endif
