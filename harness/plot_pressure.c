/*
 * Charts of memory under pressure.
 *
 * kswapd-WORKLOAD: p99 of an order-0 allocation with kswapd and without, per
 * engine, with how many times the one is the other.
 * watermarks-WORKLOAD-ENGINE: free pages of the zone with the highest marks
 * against these, when kswapd was awake, direct reclaim and OOM, and below on
 * the same axis the p99 of each interval; one column with kswapd and one
 * without. success-WORKLOAD: of the requests that a workload tells of (thp:
 * order 9; atomic), the share that was served over time. Both from series.csv,
 * events.csv and latency.csv of the first ok repetition, over its latency
 * window.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/csv_table.h"
#include "harness/outfile.h"
#include "harness/plot_chart.h"
#include "harness/stats.h"

#define P99       "lat_alloc_p99"
#define MIB_PAGES 256.0
#define COLUMNS   2 /* kswapd on, off */

static const char *const settings[COLUMNS] = { "on", "off" };

/* The cell's counterpart of the same engine with this kswapd=; NULL: none. */
static const struct cell_data *with_kswapd(const struct run_data *run,
					   const struct cell_data *cell,
					   const char *setting)
{
	for (unsigned c = 0; c < run->nr_cells; c++) {
		const struct cell_data *other = &run->cell[c];

		if (!strcmp(other->engine, cell->engine) &&
		    cell_same_point(other, cell, "kswapd") &&
		    !strcmp(cell_param(other, "kswapd"), setting))
			return other;
	}
	return NULL;
}

/* --- kswapd on and off ------------------------------------------------------
 */

static bool put_point(FILE *f, const struct cell_data *cell, unsigned x,
		      struct chart *c, double *median)
{
	double value[RUN_REPS_MAX];
	struct stats s;

	stats_of(&s, value, cell_values(cell, P99, value, RUN_REPS_MAX));
	*median = s.n ? s.median : NAN;
	if (!s.n)
		return false;
	fprintf(f, "%u %.6g %.6g %.6g\n", x, s.median, s.min, s.max);
	c->y_min = fmin(c->y_min, s.min);
	c->y_max = fmax(c->y_max, s.max);
	return true;
}

/* How many times `off` is `on`, between the two. */
static void put_ratio(FILE *f, unsigned x, double on, double off)
{
	const double ratio = off / on;

	if (!(on > 0) || !(off > 0))
		return;
	fprintf(f, "%u %.6g %.6g %.6g \"", x, sqrt(on * off), on, off);
	fprintf(f, ratio < 10 ? "%.1f×\"\n" : "%.0f×\"\n", ratio);
}

/* All engines of the leader's point, one setting after the other. */
static unsigned put_settings_of(FILE *f, const struct run_data *run,
				unsigned leader, struct chart *c)
{
	double median[COLUMNS][CHART_TICS_MAX];
	unsigned nr = 0;

	for (unsigned k = 0; k < COLUMNS; k++) {
		nr = 0;
		fprintf(f, "# engine median least greatest: kswapd %s\n",
			settings[k]);
		for (unsigned i = leader; i < run->nr_cells; i++) {
			const struct cell_data *cell = &run->cell[i];
			const struct cell_data *at =
				with_kswapd(run, cell, settings[k]);

			if (at != cell && k == 0)
				continue;
			if (!cell_same_point(&run->cell[leader], cell,
					     "kswapd") ||
			    strcmp(cell_param(cell, "kswapd"), "on") || !at ||
			    nr == CHART_TICS_MAX)
				continue;
			put_point(f, at, nr, c, &median[k][nr]);
			snprintf(c->tic[nr].text, sizeof(c->tic[nr].text),
				 "%.30s", cell->engine);
			c->tic[nr].at = nr;
			nr++;
		}
		fputs("? ? ? ?\n\n\n", f);
	}
	fputs("# engine place on off text: how many times\n", f);
	for (unsigned i = 0; i < nr; i++)
		put_ratio(f, i, median[0][i], median[1][i]);
	fputs("? ? ? ? ?\n", f);
	c->nr_tics = nr;
	return nr;
}

static void kswapd_texts(const struct run_data *run, struct chart *c,
			 const struct cell_data *cell)
{
	char slug[64];

	chart_slug(slug, sizeof(slug), cell->workload);
	c->template_name = "kswapd";
	snprintf(c->base, sizeof(c->base), "kswapd-%s", slug);
	snprintf(c->title, sizeof(c->title), "%.60s: with kswapd and without",
		 cell->workload);
	snprintf(c->subtitle, sizeof(c->subtitle),
		 "median of %u repetition%s, bars from the least to the "
		 "greatest; ",
		 run->repeat, run->repeat == 1 ? "" : "s");
	snprintf(c->y_text, sizeof(c->y_text),
		 "p99 of an order-0 allocation, ns");
	/* it separates what it knows from nothing before it */
	strncat(c->subtitle, "×: direct reclaim alone / kswapd",
		sizeof(c->subtitle) - strlen(c->subtitle) - 1);
}

static int draw_kswapd(struct plotter *p, unsigned leader, struct chart *c)
{
	const struct cell_data *cell = &p->run->cell[leader];
	char name[CHART_TEXT_MAX + 8];
	struct outfile out;
	unsigned nr;
	int rc;

	kswapd_texts(p->run, c, cell);
	c->log_y = true;
	c->y_min = INFINITY;
	snprintf(name, sizeof(name), "%s.dat", c->base);
	rc = outfile_open(&out, p->dir, name, p->err, p->err_len);
	if (rc)
		return rc;
	nr = put_settings_of(out.f, p->run, leader, c);
	if (!nr || !(c->y_max > 0)) {
		outfile_drop(&out);
		return 0;
	}
	c->x_min = -0.5;
	c->x_max = nr - 0.5;
	c->y_min = pow(10, floor(log10(c->y_min)));
	c->y_max = pow(10, ceil(log10(c->y_max) + 0.05));
	chart_credit(c, p->run, cell_nr_ok(cell), cell_synthetic(cell));
	rc = outfile_close(&out, p->err, p->err_len);
	return rc ? rc : chart_write(p, c);
}

/* --- watermarks over time ---------------------------------------------------
 */

struct recording {
	const struct cell_data *cell;
	struct csv_table series, events, latency;
	char node[16], zone[16]; /* the one that is shown */
	double begin, end;       /* ns, of the latency window */
};

static void drop_recording(struct recording *r)
{
	csv_drop(&r->series);
	csv_drop(&r->events);
	csv_drop(&r->latency);
}

static int load_table(struct plotter *p, const char *rep, const char *name,
		      struct csv_table *t)
{
	char path[8192];

	snprintf(path, sizeof(path), "%.8000s/%s", rep, name);
	return csv_load(t, path, p->err, p->err_len);
}

/* The first ok repetition that has all three; 1: loaded, 0: there is none. */
static int load_recording(struct plotter *p, const struct cell_data *cell,
			  struct recording *r)
{
	memset(r, 0, sizeof(*r));
	r->cell = cell;
	for (unsigned i = 0; i < cell->nr_reps; i++) {
		char rep[8000];
		int rc;

		if (cell->rep[i].state != REP_OK)
			continue;
		snprintf(rep, sizeof(rep), "%.6000s/cells/%.1000s/rep-%02u",
			 p->run->dir, cell->id, i);
		rc = load_table(p, rep, "latency.csv", &r->latency);
		if (!rc)
			rc = load_table(p, rep, "series.csv", &r->series);
		if (!rc)
			rc = load_table(p, rep, "events.csv", &r->events);
		if (!rc)
			return 1;
		drop_recording(r);
		if (rc != -ENOENT)
			return rc;
	}
	return 0;
}

/* The zone with the highest marks, and the times that are shown. */
static bool choose_zone(struct recording *r)
{
	const struct csv_table *s = &r->series, *l = &r->latency;
	const int high = csv_column(s, "high"), node = csv_column(s, "node"),
		  zone = csv_column(s, "zone");
	double most = 0;

	for (unsigned i = 0; i < s->nr_rows; i++) {
		if (!(csv_number(s, i, high) > most))
			continue;
		most = csv_number(s, i, high);
		snprintf(r->node, sizeof(r->node), "%s", csv_text(s, i, node));
		snprintf(r->zone, sizeof(r->zone), "%s", csv_text(s, i, zone));
	}
	if (!(most > 0) || !l->nr_rows || !s->nr_rows)
		return false;
	r->begin = csv_number(l, 0, csv_column(l, "t_ns"));
	r->end = csv_number(s, s->nr_rows - 1, csv_column(s, "t_ns"));
	return r->end > r->begin;
}

/* Milliseconds since the window's begin. */
static double ms_of(const struct recording *r, double ns)
{
	return (ns - r->begin) / 1e6;
}

static void put_free(FILE *f, const struct recording *r, struct chart *c)
{
	const struct csv_table *s = &r->series;
	const int column[] = { csv_column(s, "free_pages"),
			       csv_column(s, "min"), csv_column(s, "low"),
			       csv_column(s, "high") };
	const int t = csv_column(s, "t_ns"), node = csv_column(s, "node"),
		  zone = csv_column(s, "zone");

	fputs("# ms free min low high, MiB\n", f);
	for (unsigned i = 0; i < s->nr_rows; i++) {
		const double ns = csv_number(s, i, t);

		if (!(ns >= r->begin) ||
		    strcmp(csv_text(s, i, node), r->node) ||
		    strcmp(csv_text(s, i, zone), r->zone))
			continue;
		fprintf(f, "%.6f", ms_of(r, ns));
		for (size_t k = 0; k < ARRAY_SIZE(column); k++)
			fprintf(f, " %.6g",
				csv_number(s, i, column[k]) / MIB_PAGES);
		fputc('\n', f);
		c->c_max =
			fmax(c->c_max, csv_number(s, i, column[3]) / MIB_PAGES);
	}
	fputs("\n\n", f);
}

/* From each kswapd_begin to the next kswapd_sleep of the node. */
static void put_awake(FILE *f, const struct recording *r)
{
	const struct csv_table *e = &r->events;
	const int t = csv_column(e, "t_ns"), kind = csv_column(e, "event"),
		  node = csv_column(e, "node");
	double since = -INFINITY;

	fputs("# ms from, to: kswapd awake\n", f);
	for (unsigned i = 0; i < e->nr_rows; i++) {
		const char *name = csv_text(e, i, kind);
		const double ns = csv_number(e, i, t);

		if (strcmp(csv_text(e, i, node), r->node))
			continue;
		if (!strcmp(name, "kswapd_begin") && !(since >= r->begin)) {
			since = fmax(ns, r->begin);
		} else if (!strcmp(name, "kswapd_sleep")) {
			if (since >= r->begin && ns > r->begin)
				fprintf(f, "%.6f %.6f\n", ms_of(r, since),
					ms_of(r, ns));
			since = -INFINITY;
		}
	}
	if (since >= r->begin)
		fprintf(f, "%.6f %.6f\n", ms_of(r, since), ms_of(r, r->end));
	fputs("? ?\n\n\n", f);
}

static void put_marks(FILE *f, const struct recording *r, const char *event)
{
	const struct csv_table *e = &r->events;
	const int t = csv_column(e, "t_ns"), kind = csv_column(e, "event");

	fprintf(f, "# ms: %s\n", event);
	for (unsigned i = 0; i < e->nr_rows; i++) {
		const double ns = csv_number(e, i, t);

		if (ns >= r->begin && !strcmp(csv_text(e, i, kind), event))
			fprintf(f, "%.6f\n", ms_of(r, ns));
	}
	fputs("?\n\n\n", f);
}

static void put_latency(FILE *f, const struct recording *r, struct chart *c)
{
	const struct csv_table *l = &r->latency;
	const int t = csv_column(l, "t_ns"), kind = csv_column(l, "kind"),
		  p50 = csv_column(l, "p50_ns"), p99 = csv_column(l, "p99_ns"),
		  max = csv_column(l, "max_ns");

	fputs("# ms p50 p99 max, ns\n", f);
	for (unsigned i = 0; i < l->nr_rows; i++) {
		const double v[] = { csv_number(l, i, p50),
				     csv_number(l, i, p99),
				     csv_number(l, i, max) };

		if (strcmp(csv_text(l, i, kind), "alloc"))
			continue;
		fprintf(f, "%.6f", ms_of(r, csv_number(l, i, t)));
		for (size_t k = 0; k < ARRAY_SIZE(v); k++) {
			if (!(v[k] > 0)) {
				fputs(" ?", f);
				continue;
			}
			fprintf(f, " %.6g", v[k]);
			c->y_min = fmin(c->y_min, v[k]);
			c->y_max = fmax(c->y_max, v[k]);
		}
		fputc('\n', f);
	}
	fputs("? ? ? ?\n\n\n", f);
}

static void watermark_texts(const struct plotter *p, struct chart *c,
			    const struct recording *r)
{
	char slug[64], engine[64], zone[64];

	chart_slug(slug, sizeof(slug), r->cell->workload);
	chart_slug(engine, sizeof(engine), r->cell->engine);
	c->template_name = "watermarks";
	snprintf(c->base, sizeof(c->base), "watermarks-%s-%s", slug, engine);
	snprintf(c->title, sizeof(c->title),
		 "%.60s, %.40s: free memory and latency", r->cell->workload,
		 r->cell->engine);
	snprintf(c->x_text, sizeof(c->x_text), "latency window, ms");
	plot_group_text(c->subtitle, sizeof(c->subtitle), p->run, r->cell,
			"kswapd");
	snprintf(zone, sizeof(zone),
		 "; zone %.15s of node %.15s, one repetition", r->zone,
		 r->node);
	strncat(c->subtitle, zone,
		sizeof(c->subtitle) - strlen(c->subtitle) - 1);
}

static int put_columns(struct plotter *p, FILE *f,
		       const struct cell_data *const cell[COLUMNS],
		       struct chart *c)
{
	bool synthetic = false;
	struct recording r;
	int rc;

	for (unsigned k = 0; k < COLUMNS; k++) {
		rc = cell[k] ? load_recording(p, cell[k], &r) : 0;
		if (rc < 0)
			return rc;
		if (!rc || !choose_zone(&r)) {
			if (rc)
				drop_recording(&r);
			continue;
		}
		if (!c->nr_panels)
			watermark_texts(p, c, &r);
		snprintf(c->panel_text[c->nr_panels], sizeof(c->panel_text[0]),
			 "%s", k ? "direct reclaim alone" : "with kswapd");
		c->nr_panels++;
		c->x_max = fmax(c->x_max, ms_of(&r, r.end));
		put_free(f, &r, c);
		put_awake(f, &r);
		put_marks(f, &r, "reclaim_begin");
		put_marks(f, &r, "oom");
		put_latency(f, &r, c);
		synthetic |= cell_synthetic(cell[k]);
		drop_recording(&r);
	}
	if (c->nr_panels)
		chart_credit(c, p->run, c->nr_panels, synthetic);
	return 0;
}

static int draw_watermarks(struct plotter *p,
			   const struct cell_data *const cell[COLUMNS],
			   struct chart *c)
{
	char slug[64], engine[64], name[CHART_TEXT_MAX + 8];
	const struct cell_data *any = cell[0] ? cell[0] : cell[1];
	struct outfile out;
	int rc;

	chart_slug(slug, sizeof(slug), any->workload);
	chart_slug(engine, sizeof(engine), any->engine);
	snprintf(name, sizeof(name), "watermarks-%s-%s.dat", slug, engine);
	rc = outfile_open(&out, p->dir, name, p->err, p->err_len);
	if (rc)
		return rc;
	c->y_min = INFINITY;
	c->log_y = true;
	rc = put_columns(p, out.f, cell, c);
	if (rc || !c->nr_panels || !(c->y_max > 0)) {
		outfile_drop(&out);
		return rc;
	}
	c->y_min = pow(10, floor(log10(c->y_min)));
	c->y_max = pow(10, ceil(log10(c->y_max)));
	c->c_max = chart_nice_above(1.6 * c->c_max);
	rc = outfile_close(&out, p->err, p->err_len);
	return rc ? rc : chart_write(p, c);
}

/* --- success over time -------------------------------------------------------
 */

#define SUCCESS_POINTS 60

/* A line of the shares; false: nothing was asked for. */
static bool put_success(FILE *f, const struct recording *r, struct chart *c,
			double *last)
{
	const struct csv_table *l = &r->latency;
	const int t = csv_column(l, "t_ns"), asked = csv_column(l, "asked"),
		  got = csv_column(l, "got");
	const double step = (r->end - r->begin) / SUCCESS_POINTS;
	double since = r->begin, sum[2] = { 0, 0 };
	bool any = false;

	fprintf(f, "# seconds share share share unused requests: %s\n",
		r->cell->engine);
	for (unsigned i = 0; i < l->nr_rows; i++) {
		const double ns = csv_number(l, i, t);

		if (!(csv_number(l, i, asked) > 0))
			continue;
		if (ns >= since + step && sum[0] > 0) {
			*last = 100 * sum[1] / sum[0];
			fprintf(f, "%.6f %.4g %.4g %.4g 0 %.0f\n",
				(since - r->begin) / 1e9, *last, *last, *last,
				sum[0]);
			any = true;
			since = ns;
			sum[0] = sum[1] = 0;
		}
		sum[0] += csv_number(l, i, asked);
		sum[1] += csv_number(l, i, got);
	}
	c->x_max = fmax(c->x_max, (r->end - r->begin) / 1e9);
	fputs("? ? ? ? ? ?\n\n\n", f);
	return any;
}

static void success_texts(struct plotter *p, struct chart *c,
			  const struct cell_data *cell)
{
	char slug[64];

	chart_slug(slug, sizeof(slug), cell->workload);
	c->template_name = "xy";
	c->no_points = true;
	c->y_max = 105;
	snprintf(c->base, sizeof(c->base), "success-%s", slug);
	snprintf(c->title, sizeof(c->title), "%.100s: requests served",
		 cell->workload);
	snprintf(c->x_text, sizeof(c->x_text), "latency window, s");
	snprintf(c->y_text, sizeof(c->y_text), "%s",
		 !strcmp(cell->workload, "thp") ? "order-9 requests served, %"
						: "requests served, %");
	plot_group_text(c->subtitle, sizeof(c->subtitle), p->run, cell, "");
	strncat(c->subtitle, "; one repetition",
		sizeof(c->subtitle) - strlen(c->subtitle) - 1);
}

static int put_engines(struct plotter *p, FILE *f, unsigned leader,
		       struct chart *c)
{
	const struct run_data *run = p->run;
	bool synthetic = false;
	struct recording r;
	double last = 0;
	int rc;

	for (unsigned i = leader; i < run->nr_cells; i++) {
		const struct cell_data *cell = &run->cell[i];
		const unsigned style = chart_engine_style(run, cell->engine);

		if (!cell_same_point(&run->cell[leader], cell, NULL) ||
		    c->nr_series == CHART_SERIES_MAX)
			continue;
		rc = load_recording(p, cell, &r);
		if (rc < 0)
			return rc;
		if (rc && choose_zone(&r) && put_success(f, &r, c, &last)) {
			c->series_style[c->nr_series++] = style;
			chart_add_label(c, cell->engine, last, style);
			synthetic |= cell_synthetic(cell);
		}
		drop_recording(&r);
	}
	chart_place_labels(c);
	chart_credit(c, run, c->nr_series, synthetic);
	return 0;
}

static int draw_success(struct plotter *p, unsigned leader, struct chart *c)
{
	char name[CHART_TEXT_MAX + 8];
	struct outfile out;
	int rc;

	success_texts(p, c, &p->run->cell[leader]);
	snprintf(name, sizeof(name), "%s.dat", c->base);
	rc = outfile_open(&out, p->dir, name, p->err, p->err_len);
	if (rc)
		return rc;
	rc = put_engines(p, out.f, leader, c);
	if (rc || !c->nr_series) {
		outfile_drop(&out);
		return rc;
	}
	rc = outfile_close(&out, p->err, p->err_len);
	return rc ? rc : chart_write(p, c);
}

/* --- which charts ----------------------------------------------------------
 */

/* Whether the cell is the one of its engine and point that comes first. */
static bool leads(const struct run_data *run, unsigned cell, bool any_engine)
{
	for (unsigned c = 0; c < cell; c++)
		if ((any_engine ||
		     !strcmp(run->cell[c].engine, run->cell[cell].engine)) &&
		    cell_same_point(&run->cell[c], &run->cell[cell], "kswapd"))
			return false;
	return true;
}

/* Whether an earlier cell of the workload has another point: one chart a
 * workload, and engine, has a name. */
static bool is_second_point(const struct run_data *run, unsigned cell)
{
	for (unsigned c = 0; c < cell; c++)
		if (!strcmp(run->cell[c].workload, run->cell[cell].workload) &&
		    !cell_same_point(&run->cell[c], &run->cell[cell], "kswapd"))
			return true;
	return false;
}

static bool under_pressure(const struct cell_data *cell)
{
	for (unsigned i = 0; i < cell->nr_reps; i++)
		if (cell->rep[i].state == REP_OK)
			return json_object_get(cell->rep[i].json, "reclaim");
	return false;
}

int plot_pressure_charts(struct plotter *p)
{
	const struct run_data *run = p->run;
	struct chart *c = malloc(sizeof(*c));
	int rc = c ? 0 : -ENOMEM;

	for (unsigned i = 0; i < run->nr_cells && !rc; i++) {
		const struct cell_data *cell[COLUMNS];

		if (!under_pressure(&run->cell[i]) || is_second_point(run, i))
			continue;
		for (unsigned k = 0; k < COLUMNS; k++)
			cell[k] = with_kswapd(run, &run->cell[i], settings[k]);
		if (leads(run, i, true) && cell[0] && cell[1]) {
			memset(c, 0, sizeof(*c));
			rc = draw_kswapd(p, i, c);
		}
		if (!rc && plot_leads_group(run, i, NULL) &&
		    leads(run, i, true)) {
			memset(c, 0, sizeof(*c));
			rc = draw_success(p, i, c);
		}
		if (!rc && leads(run, i, false) && (cell[0] || cell[1])) {
			memset(c, 0, sizeof(*c));
			rc = draw_watermarks(p, cell, c);
		}
	}
	if (rc == -ENOMEM)
		snprintf(p->err, p->err_len, "%s: out of memory", p->dir);
	free(c);
	return rc;
}
