/*
 * Charts of memory under pressure: what their data says of a folder that is
 * known, and that damaged files are an error and not a crash.
 */
#include "harness/plot.h"

#include <errno.h>

#include "harness/tests/run_folder.h"

static const struct folder_cell cells[] = {
	{ "pcp-pagecache-t1-kswapd_on", "pcp", "pagecache", "mem=1G", 1, -1,
	  "kswapd", "on", NULL, 1000 },
	{ "pcp-pagecache-t1-kswapd_off", "pcp", "pagecache", "mem=1G", 1, -1,
	  "kswapd", "off", NULL, 9000 },
};

static const char series_head[] =
	"t_ns,node,zone,free_pages,o0,o1,o2,o3,o4,o5,o6,o7,o8,o9,o10,extfrag9,"
	"unusable9,cached_pages,limbo_pages,grace_periods,merged_blocks,"
	"huge_got,min,low,high,boost,inactive_anon,active_anon,inactive_file,"
	"active_file,unevictable,swap_used,pswpin,pswpout,kswapd_awake,"
	"pgscan_kswapd,pgsteal_kswapd,pgscan_direct,pgsteal_direct,"
	"blocks_unmovable,blocks_movable,blocks_reclaimable,blocks_highatomic,"
	"blocks_cma,blocks_isolate\n";

static char dir[64];
static char err[1024];

/* Two zones, of which DMA32 has the higher marks; half of what is scanned is
 * taken. */
static void write_series(const char *id)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	fputs(series_head, f);
	for (unsigned i = 0; i < 20; i++)
		for (unsigned z = 0; z < 2; z++)
			fprintf(f,
				"%u,0,%s,%u,%u,0,0,0,0,0,0,0,0,0,0,0.9,1.0,0,0,"
				"0,0,,%u,%u,%u,0,0,0,9,9,0,0,0,0,1,%u,%u,0,0,"
				"1,3,0,0,0,0\n",
				i * 1000000, z ? "DMA32" : "DMA", 512 * (z + 1),
				100 * i, 256 * z, 512 * z, 768 * z, 20 * i,
				10 * i);
	fclose(f);
	folder_set(dir, id, 0, "series.csv", text);
	free(text);
}

static void write_rest(const char *id)
{
	folder_set(dir, id, 0, "events.csv",
		   "t_ns,event,cpu,node,zone,order,arg,n,last_ns\n"
		   "5000000,kswapd_begin,0,0,DMA32,0,9,1,5000000\n"
		   "7000000,kswapd_sleep,0,0,DMA32,0,9,1,7000000\n"
		   "8000000,reclaim_begin,0,0,DMA32,0,9,3,8100000\n"
		   "9000000,oom,0,0,DMA32,0,9,1,9000000\n");
	folder_set(dir, id, 0, "latency.csv",
		   "t_ns,kind,n,p50_ns,p90_ns,p99_ns,max_ns,asked,got\n"
		   "4000000,alloc,900,80,90,1000,5000,10,5\n"
		   "4000000,free,900,80,90,1000,5000,,\n"
		   "14000000,alloc,90,80,90,,5000,10,10\n");
}

/* The result says that the cell had reclaim. */
static void add_reclaim(const char *id, int rep)
{
	char name[256], *text;
	json_t *root;

	snprintf(name, sizeof(name), "cells/%s/rep-%02d/result.json", id, rep);
	text = folder_read(dir, name);
	root = json_loads(text, 0, NULL);
	cr_assert(root);
	json_object_set_new(root, "reclaim", json_object());
	folder_json(dir, name, root);
	free(text);
}

static void setup(void)
{
	folder_make(dir, cells, ARRAY_SIZE(cells));
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		for (int rep = 0; rep < FOLDER_REPS; rep++)
			add_reclaim(cells[i].id, rep);
		write_series(cells[i].id);
		write_rest(cells[i].id);
	}
}

static void teardown(void)
{
	folder_remove(dir);
}

TestSuite(plot_pressure, .init = setup, .fini = teardown, .timeout = 120);

/* An empty PATH: data and scripts without gnuplot. */
static int scripts_only(void)
{
	cr_assert_eq(setenv("PATH", "/nonexistent", 1), 0);
	return plot_run(dir, NULL, err, sizeof(err));
}

static void assert_holds(const char *chart, const char *text)
{
	char *data = folder_read(dir, chart);

	cr_assert(data, "%s: missing", chart);
	cr_assert(strstr(data, text), "%s: no '%s' in:\n%s", chart, text, data);
	free(data);
}

Test(plot_pressure, marks_events_and_latency_on_one_axis)
{
	static const char chart[] = "plots/watermarks-pagecache-pcp.dat";

	cr_assert_eq(scripts_only(), -ENOENT, "%s", err);
	/* the zone with the marks, from the latency window's begin on */
	assert_holds(chart, "MiB\n0.000000 4 1 2 3\n");
	assert_holds(chart, "awake\n1.000000 3.000000\n");
	assert_holds(chart, "reclaim_begin\n4.000000\n");
	assert_holds(chart, "oom\n5.000000\n");
	assert_holds(chart, "ns\n0.000000 80 1000 5000\n"
			    "10.000000 80 ? 5000\n");
	assert_holds("plots/watermarks-pagecache-pcp.gp", "panel_n = 2\n");
}

Test(plot_pressure, kswapd_on_and_off_with_their_quotient)
{
	cr_assert_eq(scripts_only(), -ENOENT, "%s", err);
	/* 0.6 x 2.5 x 1000 ns, and 9 times that */
	assert_holds("plots/kswapd-pagecache.dat", "kswapd on\n0 1500 ");
	assert_holds("plots/kswapd-pagecache.dat", "kswapd off\n0 13500 ");
	assert_holds("plots/kswapd-pagecache.dat", "\"9.0×\"");
}

Test(plot_pressure, efficiency_types_and_success)
{
	cr_assert_eq(scripts_only(), -ENOENT, "%s", err);
	assert_holds("plots/efficiency-pagecache.dat", " 0.5 0.5 0.5 0 1\n");
	assert_holds("plots/freeblocks-pagecache.dat",
		     "0.000000 25 75 0 0 0 0\n");
	assert_holds("plots/success-pagecache.dat", "0.000000 50 50 50 0 10\n");
}

Test(plot_pressure, damaged_files_are_one_error)
{
	static const char *const bad[][2] = {
		{ "latency.csv", "t_ns,kind\n1\n" },
		{ "events.csv", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		write_rest(cells[0].id);
		folder_set(dir, cells[0].id, 0, bad[i][0], bad[i][1]);
		cr_assert_eq(scripts_only(), -EINVAL, "%s", bad[i][0]);
		cr_assert(strstr(err, bad[i][0]), "%s", err);
		cr_assert_null(strchr(err, '\n'));
	}
	/* tables without the columns that are looked for: nothing is drawn of
	   them, and nothing breaks */
	folder_set(dir, cells[0].id, 0, "latency.csv", "a\n1\n");
	folder_set(dir, cells[0].id, 0, "events.csv", "b\n");
	cr_assert_eq(scripts_only(), -ENOENT, "%s", err);
}
