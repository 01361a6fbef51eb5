/*
 * The statistics, the table, summary.csv and gbench.json.
 */
#include "harness/emit.h"
#include "harness/stats.h"
#include "harness/summary.h"

#include <math.h>

#include "harness/tests/run_folder.h"

static const struct folder_cell cells[] = {
	{ "null-pair-t1-o0", "null", "pair", "mem=1G", 1, 0, NULL, NULL, NULL,
	  2 },
	{ "zonelock-pair-t1-o0", "zonelock", "pair", "mem=1G", 1, 0, NULL, NULL,
	  "synthetic;noisy;noisy:steal;outside_loop;call;odd", 33 },
	{ "null-pair-t2-o0", "null", "pair", "mem=1G", 2, 0, NULL, NULL, NULL,
	  2 },
	{ "zonelock-pair-t2-o0", "zonelock", "pair", "mem=1G", 2, 0, NULL, NULL,
	  NULL, 80 },
	{ "zonelock-bulk-t1-n64", "zonelock", "bulk", "mem=1G", 1, 0,
	  "outstanding", "64", "noisy;outside_loop;call", 40 },
	{ "zonelock-bulk-t2-n128", "zonelock", "bulk", "mem=1G", 2, 10,
	  "outstanding", "8192", NULL, 41e9 },
	{ "a-wide", "an_engine_with_a_long_name", "wide", "mem=1G", 1, 0,
	  "occupancy", "a long value", NULL, 41 },
	{ "b-wide", "zonelock", "wide", "mem=1G", 2, 0, "occupancy", "b",
	  "noisy", 41e5 },
};

static char dir[64];
static char err[512];

static void setup(void)
{
	folder_make(dir, cells, ARRAY_SIZE(cells));
}

static void teardown(void)
{
	folder_remove(dir);
}

TestSuite(summary, .init = setup, .fini = teardown, .timeout = 30);
TestSuite(stats, .timeout = 30);

/* Ranks from the table of the sign test: B(n, 1/2) at 5 %, two-sided. */
Test(stats, rank_of_the_interval)
{
	static const struct {
		unsigned n, k;
	} rows[] = {
		{ 1, 0 },   { 5, 0 },   { 6, 1 },    { 8, 1 },      { 9, 2 },
		{ 11, 2 },  { 12, 3 },  { 15, 4 },   { 20, 6 },     { 25, 8 },
		{ 30, 10 }, { 50, 18 }, { 100, 40 }, { 1000, 469 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_assert_eq(stats_ci_rank(rows[i].n), rows[i].k, "n=%u: %u",
			     rows[i].n, stats_ci_rank(rows[i].n));
}

Test(stats, known_values)
{
	double v[] = { 9, 1, 4, 2, 100, 7, 3 };
	double few[] = { 3, 1, 2 };
	struct stats s;

	stats_of(&s, v, 7);
	cr_assert_float_eq(s.median, 4, 1e-12);
	cr_assert_float_eq(s.q1, 2.5, 1e-12);
	cr_assert_float_eq(s.q3, 8, 1e-12);
	cr_assert_float_eq(s.mad, 3, 1e-12);
	cr_assert_float_eq(s.mean, 18, 1e-12);
	cr_assert_float_eq(s.ci_low, 1, 0);
	cr_assert_float_eq(s.ci_high, 100, 0);
	cr_assert_float_eq(s.ci_level, 1 - 2.0 / 128, 1e-9);
	cr_assert_float_eq(stats_spread_percent(&s), 2400, 1e-9);
	stats_of(&s, few, 3);
	cr_assert_float_eq(s.ci_level, 0.75, 1e-9);
	cr_assert_float_eq(s.ci_low, 1, 0);
	stats_of(&s, few, 1);
	cr_assert_float_eq(s.ci_level, 0, 0);
	stats_of(&s, few, 0);
	cr_assert_eq(s.n, 0);
}

static char *summary(void)
{
	char *text;

	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	text = folder_read(dir, "summary.txt");
	cr_assert(text);
	return text;
}

/* The line that begins with `start`, without its end; "" none. */
static const char *line_of(const char *text, const char *start)
{
	static char line[256];

	line[0] = '\0';
	while (text && *text) {
		size_t n = strcspn(text, "\n");

		if (strncmp(text, start, strlen(start)) == 0 && n < 256) {
			memcpy(line, text, n);
			line[n] = '\0';
			return line;
		}
		text += n + (text[n] == '\n');
	}
	return line;
}

Test(summary, lines_fit_the_terminal)
{
	char *text = summary();

	for (const char *s = text; *s; s += strcspn(s, "\n") + 1)
		cr_assert(strcspn(s, "\n") <= SUMMARY_COLUMNS ||
				  !strncmp(s, "results: ", 9),
			  "%.*s", (int)strcspn(s, "\n"), s);
	free(text);
}

Test(summary, figures_stand_in_their_columns)
{
	char *text = summary();
	double ns, spread, rate, xnull, xlock, p50, p99, p999;
	int threads;
	char mark[4];

	cr_assert_eq(sscanf(line_of(text, "zonelock   1"),
			    "zonelock %d %lf %lf %lf %lf %lf %lf %lf %lf %3s",
			    &threads, &ns, &spread, &rate, &xnull, &xlock, &p50,
			    &p99, &p999, mark),
		     10, "%s", text);
	/* repetitions at 1.01, 0.98 and 1.00 or so times 33 ns */
	cr_assert_float_eq(ns, 33, 0.4);
	cr_assert_float_eq(spread, 2, 1.1);
	cr_assert_float_eq(rate, 1e3 / 33, 0.4);
	cr_assert_float_eq(xnull, 16.5, 0.1);
	cr_assert_float_eq(xlock, 3, 0.1);
	cr_assert_float_eq(p50, 20, 1);
	cr_assert_float_eq(p99, 33 * 0.6 * 2.5, 1);
	cr_assert_float_eq(p999, 33 * 0.6 * 9, 3);
	cr_assert_str_eq(mark, "nh+");
	cr_assert(strstr(text, "n: noisy repetition"));
	cr_assert(strstr(text, "synthetic topology: no NUMA"));
	cr_assert(strstr(text, "a reading costs 9.6 ns, its quantum is 0.80"));
	cr_assert(strstr(text, dir));
	free(text);
}

Test(summary, emulated_cpus_are_told_first)
{
	static const struct folder_cell emulated[] = {
		{ "zonelock-pair-t1-o0", "zonelock", "pair", "mem=1G", 1, 0,
		  NULL, NULL, "emulated", 33 },
	};
	char *text = summary();

	cr_assert_null(strstr(text, "emulated"));
	free(text);
	folder_remove(dir);
	folder_make(dir, emulated, 1);
	text = summary();
	cr_assert_lt(strstr(text, "emulated CPUs: no time here means"),
		     strstr(text, "\npair"));
	cr_assert(strstr(text, "  e: emulated CPUs"));
	free(text);
}

Test(summary, floors_are_rows_of_each_table)
{
	char *text = summary();
	const char *bulk = strstr(text, "\nbulk");

	cr_assert(bulk);
	cr_assert(strstr(bulk, "\nfloor:lock_pair "));
	cr_assert_lt(strstr(text, "\nfloor:lock_pair "), bulk);
	free(text);
}

Test(summary, a_cell_without_number_shows_its_status)
{
	const char *line;
	char *text;

	for (int rep = 0; rep < FOLDER_REPS; rep++)
		folder_set(dir, "zonelock-pair-t2-o0", rep, "status",
			   "crash signal 11\n");
	folder_set(dir, "null-pair-t2-o0", 0, "status",
		   "void \033[31mred\033[0m\n");
	text = summary();
	line = line_of(text, "zonelock   2");
	cr_assert(strstr(line, "crash: signal 11"), "%s", text);
	cr_assert_null(strpbrk(line, "%*"));
	cr_assert(strstr(text, "zonelock-pair-t2-o0 rep 2: crash signal 11"));
	cr_assert_null(strchr(text, '\033'));
	cr_assert(strstr(text, "20 of 24 repetitions gave a number"));
	free(text);
}

Test(summary, csv_has_the_median_of_the_samples)
{
	char *text;
	const char *line;
	double median;

	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	text = folder_read(dir, "summary.csv");
	line = line_of(text, "r-test,zonelock-pair-t2-o0,zonelock,pair,mem=1G,"
			     "2,0,ns_per_op,ns,lower,3,");
	cr_assert_eq(sscanf(strstr(line, ",lower,3,"), ",lower,3,%lf", &median),
		     1, "%s", text);
	/* (7 rep + 6) % 5 - 2 percent: -1, 1, -2 */
	cr_assert_float_eq(median, 80 * 0.99, 1e-9);
	cr_assert_null(strstr(text, "hugepages"), "null has no median");
	free(text);
}

/* A percentile that one repetition has and another not. */
Test(summary, csv_counts_the_repetitions_that_have_a_metric)
{
	char name[] = "cells/null-pair-t1-o0/rep-00/result.json";
	char *text = folder_read(dir, name), *at;

	at = strstr(text, "lat_free_p99_99");
	cr_assert(at);
	memcpy(at, "lat_other_p99_9", 15);
	folder_write(dir, name, text);
	free(text);
	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	text = folder_read(dir, "summary.csv");
	cr_assert(strstr(text, "r-test,null-pair-t1-o0,null,pair,mem=1G,1,0,"
			       "lat_free_p99_99,ns,lower,2,"),
		  "%s", text);
	cr_assert(strstr(text, "lat_other_p99_9,ns,lower,1,"));
	free(text);
}

Test(summary, gbench_has_repetitions_and_aggregates)
{
	json_t *root, *list, *e;
	unsigned iterations = 0, aggregates = 0;
	char *text;
	size_t i;

	folder_set(dir, "zonelock-pair-t2-o0", 1, "status", "timeout\n");
	cr_assert_eq(emit_run(dir, err, sizeof(err)), 0, "%s", err);
	text = folder_read(dir, "gbench.json");
	root = json_loads(text, 0, NULL);
	cr_assert(root);
	list = json_object_get(root, "benchmarks");
	json_array_foreach(list, i, e)
	{
		const char *name =
			json_string_value(json_object_get(e, "run_name"));
		const char *type =
			json_string_value(json_object_get(e, "run_type"));

		cr_assert(json_is_real(json_object_get(e, "real_time")));
		cr_assert(json_is_real(json_object_get(e, "cpu_time")));
		if (strcmp(name, "zonelock-pair-t2-o0") != 0)
			continue;
		iterations += strcmp(type, "iteration") == 0;
		aggregates += strcmp(type, "aggregate") == 0;
		if (strcmp(type, "iteration") == 0)
			cr_assert_float_eq(
				json_number_value(
					json_object_get(e, "cpu_time")),
				2 * json_number_value(
					    json_object_get(e, "real_time")),
				1e-6);
	}
	cr_assert_eq(iterations, 2);
	cr_assert_eq(aggregates, 4);
	json_decref(root);
	free(text);
}
