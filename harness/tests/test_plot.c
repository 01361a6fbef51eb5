/*
 * Charts: which are made, what their data says, and that no name in a run
 * folder becomes a command of gnuplot or of a shell.
 */
#include "harness/plot.h"

#include <errno.h>

#include "harness/plot_chart.h"
#include "harness/tests/run_folder.h"

static const struct folder_cell cells[] = {
	{ "null-pair-t1-o0", "null", "pair", "mem=1G", 1, 0, NULL, NULL, NULL,
	  2 },
	{ "null-pair-t2-o0", "null", "pair", "mem=1G", 2, 0, NULL, NULL, NULL,
	  2 },
	{ "zonelock-pair-t1-o0", "zonelock", "pair", "mem=1G", 1, 0, NULL, NULL,
	  NULL, 30 },
	{ "zonelock-pair-t2-o0", "zonelock", "pair", "mem=1G", 2, 0, NULL, NULL,
	  "synthetic", 80 },
	{ "zonelock-pair-t1-o3", "zonelock", "pair", "mem=1G", 1, 3, NULL, NULL,
	  NULL, 40 },
};

static char dir[64];
static char err[1024];

static void setup(void)
{
	folder_make(dir, cells, ARRAY_SIZE(cells));
}

static void teardown(void)
{
	folder_remove(dir);
}

TestSuite(plot, .init = setup, .fini = teardown, .timeout = 120);

static bool have_gnuplot(void)
{
	return system("gnuplot --version >/dev/null 2>&1") == 0;
}

/* The chart's scripts and data without gnuplot: an empty PATH. */
static void scripts_only(void)
{
	cr_assert_eq(setenv("PATH", "/nonexistent", 1), 0);
	cr_assert_eq(plot_run(dir, NULL, err, sizeof(err)), -ENOENT, "%s", err);
}

Test(plot, a_missing_gnuplot_is_said_and_the_data_stays)
{
	char *data, *script;

	scripts_only();
	cr_assert(strstr(err, "gnuplot-nox"), "%s", err);
	cr_assert_null(strchr(err, '\n'));
	data = folder_read(dir, "plots/throughput-pair.dat");
	script = folder_read(dir, "plots/throughput-pair.gp");
	cr_assert(data && script);
	cr_assert(strstr(script, "set colorsequence podo"));
	cr_assert_eq(folder_leftovers(dir), 0);
	free(data);
	free(script);
}

/* null takes 2 ns times 1.01, 0.98 and 1 on one thread: 500 million a second
 * in the median. */
Test(plot, data_holds_median_and_range)
{
	double x, median, low, high, ideal;
	char *data, *at;
	int n;

	scripts_only();
	data = folder_read(dir, "plots/throughput-pair.dat");
	cr_assert(data);
	at = strstr(data, "repetitions\n");
	cr_assert(at);
	cr_assert_eq(sscanf(at, "repetitions\n%lf %lf %lf %lf %lf %d", &x,
			    &median, &low, &high, &ideal, &n),
		     6, "%s", data);
	cr_assert_float_eq(x, 1, 0);
	cr_assert_float_eq(median, 500, 1e-6);
	cr_assert_float_eq(low, 500 / 1.01, 1e-6);
	cr_assert_float_eq(high, 500 / 0.98, 1e-6);
	cr_assert_float_eq(ideal, median, 1e-9);
	cr_assert_eq(n, FOLDER_REPS);
	free(data);
}

Test(plot, a_cell_without_number_is_marked_and_not_drawn)
{
	char *data, *missing;

	for (int rep = 0; rep < FOLDER_REPS; rep++)
		folder_set(dir, "zonelock-pair-t2-o0", rep, "status",
			   "timeout\n");
	scripts_only();
	data = folder_read(dir, "plots/throughput-pair.dat");
	cr_assert(data);
	missing = strstr(data, "# zonelock-pair-t2-o0");
	cr_assert(missing, "%s", data);
	cr_assert_lt(strstr(data, "without a number"), missing);
	free(data);
	data = folder_read(dir, "plots/throughput-pair.gp");
	cr_assert(strstr(data, "hatched: no result"));
	cr_assert(strstr(data, "missing_n = 1\n"));
	free(data);
}

Test(plot, synthetic_topology_and_credit_stand_on_the_chart)
{
	char *script;

	scripts_only();
	script = folder_read(dir, "plots/throughput-pair.gp");
	cr_assert(strstr(script, "[synthetic topology"));
	cr_assert(strstr(script, "Example CPU 9000"));
	cr_assert(strstr(script, "commit 0123456789ab "));
	cr_assert(strstr(script, "12 repetitions"));
	free(script);
	script = folder_read(dir, "plots/cost-by-order-pair.gp");
	cr_assert(script);
	cr_assert_null(strstr(script, "[synthetic topology"));
	free(script);
}

Test(plot, emulated_cpus_stand_on_every_chart)
{
	static const struct folder_cell emulated[] = {
		{ "zonelock-pair-t1-o0", "zonelock", "pair", "mem=1G", 1, 0,
		  NULL, NULL, NULL, 30 },
		{ "zonelock-pair-t2-o0", "zonelock", "pair", "mem=1G", 2, 0,
		  NULL, NULL, "emulated", 80 },
		{ "zonelock-bulk-t1-o0", "zonelock", "bulk", "mem=1G", 1, 0,
		  NULL, NULL, NULL, 40 },
		{ "zonelock-bulk-t2-o0", "zonelock", "bulk", "mem=1G", 2, 0,
		  NULL, NULL, NULL, 40 },
	};
	static const char *const scripts[] = { "plots/throughput-pair.gp",
					       "plots/throughput-bulk.gp" };
	char *script;

	scripts_only();
	script = folder_read(dir, scripts[0]);
	cr_assert_null(strstr(script, "emulated"));
	free(script);
	folder_remove(dir);
	folder_make(dir, emulated, ARRAY_SIZE(emulated));
	scripts_only();
	for (unsigned i = 0; i < ARRAY_SIZE(scripts); i++) {
		script = folder_read(dir, scripts[i]);
		cr_assert(script &&
				  strstr(script, "[emulated: no timing claim]"),
			  "%s", scripts[i]);
		free(script);
	}
}

/* Pair 1-1 has no cell: its place is among those without a number. */
static const struct folder_cell pairs[] = {
	{ "pcp-numa_cross-00", "pcp", "numa_cross", "host", 2, 0, "placement",
	  "pairs:0-0", NULL, 40 },
	{ "pcp-numa_cross-01", "pcp", "numa_cross", "host", 2, 0, "placement",
	  "pairs:0-1", NULL, 80 },
	{ "pcp-numa_cross-10", "pcp", "numa_cross", "host", 2, 0, "placement",
	  "pairs:1-0", "synthetic", 100 },
};

Test(plot, pairs_of_nodes_make_a_matrix)
{
	char *text;

	folder_remove(dir);
	folder_make(dir, pairs, ARRAY_SIZE(pairs));
	scripts_only();
	text = folder_read(dir, "plots/matrix-numa-cross-pairs-pcp.dat");
	cr_assert(text);
	/* two threads of 40, 80, 100 ns: 50, 25, 20 Mop/s, rows allocate */
	cr_expect(strstr(text, "throughput\n0 0 "), "%s", text);
	cr_expect(strstr(text, "\n1 0 "), "%s", text);
	cr_expect(strstr(text, "\n0 1 "), "%s", text);
	cr_expect(strstr(text, "without a number\n1 1\n"), "%s", text);
	free(text);
	text = folder_read(dir, "plots/matrix-numa-cross-pairs-pcp.gp");
	cr_assert(text);
	cr_expect(strstr(text, "words_text = '0 1'\n"));
	cr_expect(strstr(text, "panel_text[1] = 'throughput, Mop/s'\n"));
	cr_expect(strstr(text, "pcp: node x node   [synthetic topology"));
	free(text);
}

static void set_numa_csv(const char *rows)
{
	static const char names[] =
		"t_ns,thread,alloc_local,alloc_remote,free_local,free_remote\n";
	char text[1024];

	snprintf(text, sizeof(text), "%s%s", names, rows);
	folder_set(dir, pairs[1].id, 0, "numa.csv", text);
}

Test(plot, remote_frames_over_time)
{
	static const char *const damaged[] = {
		"0,0,1,2,3\n",
		"0,0,1,2,3,4,5\n",
		"0,0,1,2,3,x\n",
		"0,0,1,-2,3,4\n",
		"9,0,1,2,3,4\n5,0,1,2,3,4\n",
		"0,0,1,2,3,nan\n",
	};
	char *text;

	folder_remove(dir);
	folder_make(dir, pairs, ARRAY_SIZE(pairs));
	/* thread 0 allocates at home, thread 1 frees: a half from afar, then
	 * three quarters */
	set_numa_csv("0,0,0,0,0,0\n0,1,0,0,0,0\n"
		     "1000000,0,10,0,0,0\n1000000,1,0,0,4,4\n"
		     "2000000,0,20,0,0,0\n2000000,1,0,0,6,10\n");
	scripts_only();
	text = folder_read(dir, "plots/remote-numa-cross.dat");
	cr_assert(text);
	cr_expect(strstr(text, "allocations of 'pcp'\n1.000000 0\n2.000000 "
			       "0\n"),
		  "%s", text);
	cr_expect(strstr(text, "frees of 'pcp'\n1.000000 0.5\n2.000000 0.75\n"),
		  "%s", text);
	free(text);
	for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
		set_numa_csv(damaged[i]);
		cr_expect_eq(plot_run(dir, NULL, err, sizeof(err)), -EINVAL,
			     "%zu", i);
		cr_expect(strstr(err, "numa.csv:"), "%s", err);
	}
}

Test(plot, no_chart_where_there_is_nothing_to_show)
{
	char *text = NULL;
	size_t len = 0;
	FILE *log = open_memstream(&text, &len);

	cr_assert_eq(setenv("PATH", "/nonexistent", 1), 0);
	cr_assert_eq(plot_run(dir, log, err, sizeof(err)), -ENOENT);
	fclose(log);
	cr_assert(strstr(text, "no chart of latency"), "%s", text);
	cr_assert(strstr(text, "no chart over time"), "%s", text);
	cr_assert_null(folder_read(dir, "plots/latency-pair.gp"));
	free(text);
}

Test(plot, a_damaged_log_or_series_is_one_error)
{
	folder_set(dir, cells[0].id, 1, "latency.hlog", "0,1,2,HIST\n");
	cr_assert_eq(plot_run(dir, NULL, err, sizeof(err)), -EINVAL);
	cr_assert(strstr(err, "rep-01/latency.hlog:1: expected"), "%s", err);
	folder_hlog(dir, cells[2].id, 0, 30);
	folder_set(dir, cells[0].id, 1, "latency.hlog", "");
	folder_series(dir, cells[0].id, 0, 20);
	folder_set(dir, cells[2].id, 0, "series.csv", "t_ns,node\n1,2\n");
	cr_assert_eq(plot_run(dir, NULL, err, sizeof(err)), -EINVAL);
	cr_assert(strstr(err, "series.csv:1: expected t_ns,node,zone"), "%s",
		  err);
	cr_assert_eq(folder_leftovers(dir), 0);
}

/* As gnuplot would: ' opens, '' stands for one, ' closes. */
static size_t quoted_length(const char *s)
{
	size_t n = 1;

	cr_assert_eq(s[0], '\'');
	for (;; n++) {
		cr_assert(s[n] && s[n] != '\n');
		if (s[n] == '\'' && s[n + 1] != '\'')
			return n + 1;
		n += s[n] == '\'';
	}
}

Test(plot, quoting_keeps_every_byte_inside)
{
	static const char *const hostile[] = {
		"'",
		"''",
		"'''",
		"a'b",
		"'; system('touch x'); '",
		"`id`",
		"\"; `id`",
		"a\nset output 'x'\n",
		"\\",
		"\\'",
		"@base",
		"\r",
	};

	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);

		chart_quote(f, hostile[i]);
		fclose(f);
		cr_assert_eq(quoted_length(text), len, "%s", text);
		free(text);
	}
}

/* A folder full of such names drawn by the real gnuplot runs none of them. */
Test(plot, hostile_names_run_no_command)
{
	static const char bait[] = "x'; system('touch ZB_PWNED'); y='`touch "
				   "ZB_PWNED`\"`touch ZB_PWNED`\n!touch "
				   "ZB_PWNED\nsystem \"touch ZB_PWNED\"\n";
	struct folder_cell hostile[4];
	char *found;

	if (!have_gnuplot())
		cr_skip("gnuplot is not installed");
	folder_remove(dir);
	for (int i = 0; i < 4; i++)
		hostile[i] = cells[i];
	hostile[0].engine = hostile[1].engine = bait;
	for (int i = 0; i < 4; i++) {
		hostile[i].workload = bait;
		hostile[i].machine = bait;
		hostile[i].key = "touch`touch ZB_PWNED`'";
		hostile[i].value = bait;
	}
	folder_make(dir, hostile, 4);
	for (int i = 0; i < 4; i++) {
		folder_hlog(dir, hostile[i].id, 0, 40);
		folder_series(dir, hostile[i].id, 0, 20);
	}
	cr_assert_eq(plot_run(dir, NULL, err, sizeof(err)), 0, "%s", err);
	found = folder_read(dir, "plots/ZB_PWNED");
	cr_assert_null(found);
	cr_assert_neq(access("ZB_PWNED", F_OK), 0);
	cr_assert_eq(folder_leftovers(dir), 0);
}

Test(plot, gnuplot_draws_each_kind)
{
	static const char *const charts[] = {
		"throughput-pair", "cost-by-order-pair", "latency-pair",
		"freeblocks-pair", "unusable-pair",      "limbo-pair"
	};

	if (!have_gnuplot())
		cr_skip("gnuplot is not installed");
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		folder_hlog(dir, cells[i].id, 0, cells[i].ns);
	folder_series(dir, cells[2].id, 0, 30);
	cr_assert_eq(plot_run(dir, NULL, err, sizeof(err)), 0, "%s", err);
	for (size_t i = 0; i < ARRAY_SIZE(charts); i++) {
		char name[128];
		char *svg, *png;

		snprintf(name, sizeof(name), "plots/%s.svg", charts[i]);
		svg = folder_read(dir, name);
		cr_assert(svg && strstr(svg, "</svg>"), "%s", name);
		cr_assert(strstr(svg, "zonelock"), "%s", name);
		snprintf(name, sizeof(name), "plots/%s.png", charts[i]);
		png = folder_read(dir, name);
		cr_assert(png && memcmp(png, "\x89PNG", 4) == 0, "%s", name);
		free(svg);
		free(png);
	}
}

Test(plot, labels_stay_apart_and_inside)
{
	struct chart *c = calloc(1, sizeof(*c));

	c->y_min = 1;
	c->y_max = 1000;
	c->log_y = true;
	for (int i = 0; i < 12; i++)
		chart_add_label(c, "same", i < 6 ? 1000 : 2, 1);
	chart_place_labels(c);
	for (unsigned i = 0; i < c->nr_labels; i++) {
		cr_assert_leq(c->label[i].at, 1.0001);
		cr_assert_geq(c->label[i].at, 0);
		if (i)
			cr_assert_geq(c->label[i].at - c->label[i - 1].at,
				      0.05);
	}
	free(c);
}
