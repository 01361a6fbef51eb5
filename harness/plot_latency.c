/*
 * Latency by percentile, from latency.hlog: the histograms of all ok
 * repetitions of a cell are added, and a line ends where fewer than ten
 * samples lie beyond.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/hlog.h"
#include "harness/json_read.h"
#include "harness/outfile.h"
#include "harness/plot_chart.h"

#define BEYOND     10 /* samples that must lie above a percentile */
#define STEPS      50 /* points per power of ten */
#define CHARTS_MAX 4  /* of one workload */
#define HIGHEST_NS ((1ULL << 42) - 1)

enum { SIDE_ALLOC, SIDE_FREE, NR_SIDES };

static const char *const side_tag[NR_SIDES] = { "alloc", "free" };

struct latency {
	struct plotter *p;
	struct chart chart;
	const struct cell_data *cell[CHART_SERIES_MAX];
	struct hist *hist[CHART_SERIES_MAX][NR_SIDES];
	unsigned nr_samples; /* repetitions */
	double low, high;
};

static void drop_hists(struct latency *l)
{
	for (unsigned i = 0; i < CHART_SERIES_MAX; i++)
		for (int s = 0; s < NR_SIDES; s++) {
			hist_destroy(l->hist[i][s]);
			l->hist[i][s] = NULL;
		}
}

static int add_log(struct latency *l, unsigned series, const char *path)
{
	struct hlog log;
	int rc = hlog_read(&log, path, l->p->err, l->p->err_len);

	if (rc)
		return rc;
	for (unsigned i = 0; i < log.nr && !rc; i++)
		for (int s = 0; s < NR_SIDES && !rc; s++)
			if (strcmp(log.entry[i].tag, side_tag[s]) == 0)
				rc = hist_add(l->hist[series][s],
					      log.entry[i].hist);
	hlog_free(&log);
	if (rc)
		snprintf(l->p->err, l->p->err_len,
			 "%s: a latency above an hour", path);
	return rc;
}

/* Adds up the repetitions of one cell; a missing file is no error. */
static int load_cell(struct latency *l, const struct cell_data *cell)
{
	unsigned series = l->chart.nr_series;
	struct hist_config cfg;
	int rc = hist_config_init(&cfg, HIGHEST_NS);

	for (int s = 0; s < NR_SIDES && !rc; s++) {
		l->hist[series][s] = hist_create(&cfg);
		rc = l->hist[series][s] ? 0 : -ENOMEM;
	}
	if (rc) {
		snprintf(l->p->err, l->p->err_len, "%s: out of memory",
			 l->p->dir);
		return rc;
	}
	for (unsigned i = 0; i < cell->nr_reps && !rc; i++) {
		char path[8192];
		FILE *f;

		snprintf(path, sizeof(path), "%s/cells/%s/rep-%02u/%s",
			 l->p->run->dir, cell->id, i, "latency.hlog");
		f = cell->rep[i].state == REP_OK ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		fclose(f);
		rc = add_log(l, series, path);
		l->nr_samples++;
	}
	l->cell[series] = cell;
	return rc;
}

static void put_side(FILE *f, struct latency *l, unsigned series, int side)
{
	const struct hist *h = l->hist[series][side];
	double n = (double)hist_count(h);
	double end = n > 2 * BEYOND ? log10(n / BEYOND) : 0;

	fprintf(f, "# %s of ", side_tag[side]);
	chart_quote(f, l->cell[series]->engine);
	fprintf(f, ", %.0f samples\n# percent position ns\n", n);
	for (unsigned i = 0; n > 0 && i <= end * STEPS; i++) {
		double at = (double)i / STEPS;
		double percent = 100 * (1 - pow(10, -at));
		double ns = (double)hist_percentile(h, percent);

		fprintf(f, "%.6f %.4f %.0f\n", percent, at, ns);
		l->low = fmin(l->low, fmax(ns, 1));
		l->high = fmax(l->high, ns);
		l->chart.x_max = fmax(l->chart.x_max, at);
	}
	fputs(n > 0 ? "\n\n" : "? ? ?\n\n\n", f);
}

static void add_labels(struct latency *l)
{
	for (unsigned i = 0; i < l->chart.nr_series; i++) {
		const struct hist *h = l->hist[i][SIDE_FREE];
		double n = (double)hist_count(h);
		double percent = n > 2 * BEYOND ? 100 * (1 - BEYOND / n) : 0;

		if (n > 0)
			chart_add_label(&l->chart, l->cell[i]->engine,
					(double)hist_percentile(h, percent),
					l->chart.series_style[i]);
	}
}

static void set_axes(struct latency *l)
{
	const json_t *clock = json_object_get(l->p->run->env, "clock");
	struct chart *c = &l->chart;

	c->quantum_ns = json_number_or(clock, "clock_quantum_ns", 0);
	c->log_y = true;
	if (c->quantum_ns > l->low / 4) /* else it is told, not drawn */
		l->low = fmin(l->low, c->quantum_ns);
	c->y_min = chart_nice_above(l->low * 0.5);
	c->y_max = chart_nice_above(l->high * 1.2);
	c->x_max = c->x_max > 1 ? c->x_max * 1.01 : 1;
}

static int write_chart(struct latency *l)
{
	struct plotter *p = l->p;
	char name[CHART_TEXT_MAX + 8];
	struct outfile out;
	int rc;

	snprintf(name, sizeof(name), "%s.dat", l->chart.base);
	rc = outfile_open(&out, p->dir, name, p->err, p->err_len);
	if (rc)
		return rc;
	l->low = INFINITY;
	for (int s = 0; s < NR_SIDES; s++)
		for (unsigned i = 0; i < l->chart.nr_series; i++)
			put_side(out.f, l, i, s);
	rc = outfile_close(&out, p->err, p->err_len);
	if (rc)
		return rc;
	set_axes(l);
	add_labels(l);
	chart_place_labels(&l->chart);
	return chart_write(p, &l->chart);
}

static void set_texts(struct latency *l, const struct cell_data *cell,
		      unsigned nth)
{
	struct chart *c = &l->chart;
	char slug[64];
	bool synthetic = false;

	chart_slug(slug, sizeof(slug), cell->workload);
	c->template_name = "latency";
	strcpy(c->y_text, "latency, ns");
	snprintf(c->base, sizeof(c->base), nth ? "latency-%s-%u" : "latency-%s",
		 slug, nth + 1);
	snprintf(c->title, sizeof(c->title), "%.100s: latency by percentile",
		 cell->workload);
	plot_group_text(c->subtitle, sizeof(c->subtitle), l->p->run, cell, "");
	strncat(c->subtitle,
		"; a line ends where fewer than ten samples lie beyond",
		sizeof(c->subtitle) - strlen(c->subtitle) - 1);
	for (unsigned i = 0; i < c->nr_series; i++)
		synthetic |= cell_synthetic(l->cell[i]);
	chart_credit(c, l->p->run, l->nr_samples, synthetic);
}

/* 1: drawn, 0: nothing recorded, or -errno. */
static int draw_group(struct latency *l, unsigned leader, unsigned nth)
{
	const struct run_data *run = l->p->run;
	const struct cell_data *cell = &run->cell[leader];
	uint64_t samples = 0;
	int rc;

	for (unsigned c = 0; c < run->nr_cells; c++) {
		struct chart *chart = &l->chart;

		if (!cell_same_point(cell, &run->cell[c], NULL) ||
		    chart->nr_series == CHART_SERIES_MAX)
			continue;
		rc = load_cell(l, &run->cell[c]);
		if (rc)
			return rc;
		chart->series_style[chart->nr_series] =
			chart_engine_style(run, run->cell[c].engine);
		for (int s = 0; s < NR_SIDES; s++)
			samples += hist_count(l->hist[chart->nr_series][s]);
		chart->nr_series++;
	}
	if (!samples)
		return 0;
	set_texts(l, cell, nth);
	rc = write_chart(l);
	return rc ? rc : 1;
}

static unsigned drawn_of(const struct run_data *run, const unsigned *drawn,
			 unsigned cell)
{
	unsigned n = 0;

	for (unsigned c = 0; c < cell; c++)
		if (strcmp(run->cell[c].workload, run->cell[cell].workload) ==
		    0)
			n += drawn[c];
	return n;
}

int plot_latency_charts(struct plotter *p)
{
	const struct run_data *run = p->run;
	struct latency *l = calloc(1, sizeof(*l));
	unsigned *drawn = calloc(run->nr_cells + 1, sizeof(*drawn));
	unsigned left = 0, total = 0;
	int rc = l && drawn ? 0 : -ENOMEM;

	for (unsigned c = 0; c < run->nr_cells && rc >= 0; c++) {
		unsigned nth;

		if (!plot_leads_group(run, c, NULL))
			continue;
		nth = drawn_of(run, drawn, c);
		if (nth >= CHARTS_MAX) {
			left++;
			continue;
		}
		memset(l, 0, sizeof(*l));
		l->p = p;
		rc = draw_group(l, c, nth);
		drawn[c] = rc > 0;
		total += rc > 0;
		drop_hists(l);
	}
	if (rc == -ENOMEM && !(l && drawn))
		snprintf(p->err, p->err_len, "%s: out of memory", p->dir);
	if (rc >= 0 && !total)
		plot_say(p, "no chart of latency: no latency.hlog");
	if (rc >= 0 && left)
		plot_say(p,
			 "latency: %u more combinations are in their "
			 "latency.hlog",
			 left);
	free(drawn);
	free(l);
	return rc < 0 ? rc : 0;
}
