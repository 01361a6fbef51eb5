/*
 * Charts with one axis of the matrix as abscissa: throughput by threads, and
 * cost by order, by blocks held and by batch. Medians over the repetitions
 * with the interval of harness/stats.h; cells that gave no number stand as
 * hatched boxes at the foot of the chart.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/outfile.h"
#include "harness/bind.h"
#include "harness/plot_chart.h"
#include "harness/stats.h"

#define POINTS_MAX      512
#define CHARTS_PER_KIND 4 /* of one workload; the rest is named, not drawn */
#define LOG_FROM        20 /* largest over smallest from which y is logarithmic */
#define FLOOR_FAR       20 /* times above or below all lines */
#define MISSING_HEIGHT  0.035
#define MISSING_WIDTH   0.02

/* A kind of chart: which metric over which key. */
struct kind {
	const char *key, *metric, *name, *title, *x_text, *y_text;
	double scale; /* of the metric */
	bool power;   /* abscissa in powers of two */
	bool ideal, floors;
	const char *only; /* this workload, NULL: all */
};

static const struct kind kinds[] = {
	{ "threads", "throughput", "throughput", "throughput by threads",
	  "threads", "million operations per second", 1e-6, true, true, false,
	  NULL },
	{ "order", "ns_per_op", "cost-by-order", "cost by order",
	  "order and size of the block", "time per operation and thread, ns", 1,
	  false, false, true, NULL },
	{ "outstanding", "ns_per_op", "cost-by-outstanding",
	  "cost by blocks or objects held",
	  "blocks or objects held by each thread",
	  "time per operation and thread, ns", 1, true, false, true, NULL },
	{ "nr", "ns_per_op", "cost-by-batch", "cost by batch",
	  "blocks or objects per round", "time per operation and thread, ns", 1,
	  true, false, true, NULL },
	{ "size", "ns_per_op", "cost-by-size", "cost by object size",
	  "bytes of an object", "time per operation and thread, ns", 1, true,
	  false, true, NULL },
	{ "size", "throughput", "remote-free", "remote-free throughput",
	  "bytes of an object", "million objects freed by another CPU a second",
	  1e-6, true, false, false, "obj_remote" },
};

struct point {
	const struct cell_data *cell;
	unsigned series;
	double x;
	struct stats s; /* n == 0: no number */
};

struct xy {
	struct plotter *p;
	const struct kind *kind;
	struct chart chart;
	const char *engine[CHART_SERIES_MAX];
	struct point point[POINTS_MAX];
	unsigned nr_points, nr_samples;
	double low, high; /* of all intervals */
};

static double scratch[RUN_REPS_MAX];

static unsigned series_of(struct xy *xy, const char *engine)
{
	for (unsigned i = 0; i < xy->chart.nr_series; i++)
		if (strcmp(xy->engine[i], engine) == 0)
			return i;
	if (xy->chart.nr_series == CHART_SERIES_MAX)
		return CHART_SERIES_MAX;
	xy->engine[xy->chart.nr_series] = engine;
	xy->chart.series_style[xy->chart.nr_series] =
		chart_engine_style(xy->p->run, engine);
	return xy->chart.nr_series++;
}

static void add_point(struct xy *xy, const struct cell_data *cell)
{
	struct point *pt = &xy->point[xy->nr_points];
	unsigned n;

	if (xy->nr_points == POINTS_MAX)
		return;
	pt->x = plot_key_value(cell, xy->kind->key);
	pt->series = series_of(xy, cell->engine);
	if (isnan(pt->x) || pt->series == CHART_SERIES_MAX)
		return;
	pt->cell = cell;
	n = cell_values(cell, xy->kind->metric, scratch, RUN_REPS_MAX);
	for (unsigned i = 0; i < n; i++)
		scratch[i] *= xy->kind->scale;
	stats_of(&pt->s, scratch, n);
	xy->nr_samples += n;
	if (n && pt->s.ci_low < xy->low)
		xy->low = pt->s.ci_low;
	if (n && pt->s.ci_high > xy->high)
		xy->high = pt->s.ci_high;
	xy->nr_points++;
}

static int compare_points(const void *a, const void *b)
{
	const struct point *p = a, *q = b;

	if (p->series != q->series)
		return p->series < q->series ? -1 : 1;
	return (p->x > q->x) - (p->x < q->x);
}

/* Distinct abscissas, as tics; returns how many have a number. */
static unsigned set_tics(struct xy *xy)
{
	struct chart *c = &xy->chart;
	unsigned with_number = 0;

	for (unsigned i = 0; i < xy->nr_points; i++) {
		const struct point *pt = &xy->point[i];
		unsigned k = 0;

		while (k < c->nr_tics && c->tic[k].at != pt->x)
			k++;
		if (k < c->nr_tics || k == CHART_TICS_MAX)
			continue;
		c->tic[k].at = pt->x;
		if (strcmp(xy->kind->key, "order") == 0)
			snprintf(c->tic[k].text, sizeof(c->tic[k].text),
				 pt->x < 8 ? "%.0f\\n%.0fK" : "%.0f\\n%.0fM",
				 pt->x,
				 pt->x < 8 ? 4 * pow(2, pt->x)
					   : pow(2, pt->x - 8));
		else
			snprintf(c->tic[k].text, sizeof(c->tic[k].text),
				 "%.10g", pt->x);
		c->nr_tics++;
	}
	for (unsigned k = 0; k < c->nr_tics; k++) {
		bool any = false;

		for (unsigned i = 0; i < xy->nr_points; i++)
			any |= xy->point[i].x == c->tic[k].at &&
			       xy->point[i].s.n;
		with_number += any;
	}
	return with_number;
}

static void set_x_range(struct xy *xy)
{
	struct chart *c = &xy->chart;
	double low = INFINITY, high = 0, margin;

	for (unsigned k = 0; k < c->nr_tics; k++) {
		low = fmin(low, c->tic[k].at);
		high = fmax(high, c->tic[k].at);
	}
	c->two_lines = strcmp(xy->kind->key, "order") == 0;
	c->log_x = xy->kind->power && low > 0 && high / low >= 4;
	if (c->log_x) {
		margin = pow(high / low, 0.04);
		c->x_min = low / margin;
		c->x_max = high * margin;
	} else {
		margin = high > low ? (high - low) * 0.06 : 0.5;
		c->x_min = low - margin;
		c->x_max = high + margin;
	}
}

static void add_floor(struct xy *xy, const char *const name[2], double low,
		      double high)
{
	struct chart *c = &xy->chart;
	unsigned max = xy->p->run->nr_ok * RUN_FLOORS_MAX + 1;
	double *value = calloc(max, sizeof(*value));
	struct stats s;
	unsigned n;

	if (!value)
		return;
	n = run_floor_values(xy->p->run, name[0], value, max);
	stats_of(&s, value, n);
	free(value);
	/* one that is far off would only squeeze the lines */
	if (!n || c->nr_floors == RUN_FLOORS_MAX ||
	    !(s.median > low / FLOOR_FAR && s.median < high * FLOOR_FAR))
		return;
	c->floor_y[c->nr_floors++] = s.median;
	chart_add_label(c, name[1], s.median, CHART_STYLE_GREY);
	xy->low = fmin(xy->low, s.median);
	xy->high = fmax(xy->high, s.median);
}

/* The linear ideal of each engine stays in the frame. */
static void fit_ideal(struct xy *xy)
{
	for (unsigned i = 0; i < xy->nr_points && xy->kind->ideal; i++) {
		const struct point *first = &xy->point[i], *pt = first;

		if (!first->s.n || !(first->x > 0) ||
		    (i && xy->point[i - 1].series == first->series))
			continue;
		while (pt + 1 < xy->point + xy->nr_points &&
		       pt[1].series == first->series)
			pt++;
		xy->high = fmax(xy->high, first->s.median / first->x * pt->x);
	}
}

static void set_y_range(struct xy *xy)
{
	struct chart *c = &xy->chart;

	c->log_y = xy->low > 0 && xy->high / xy->low >= LOG_FROM;
	if (c->log_y) {
		c->y_max = chart_nice_above(xy->high * 1.1);
		c->y_min = xy->low / 1.5;
	} else {
		c->y_max = chart_nice_above(xy->high * 1.02);
		c->y_min = 0;
	}
}

/* Value on the axis at a fraction of its length. */
static double along(double low, double high, bool log_scale, double at)
{
	if (log_scale)
		return low * pow(high / low, at);
	return low + (high - low) * at;
}

static double fraction(double low, double high, bool log_scale, double v)
{
	if (log_scale)
		return log(v / low) / log(high / low);
	return (v - low) / (high - low);
}

static void put_number(FILE *f, double v)
{
	char text[32];

	number_text(v, text, sizeof(text));
	fprintf(f, "%s ", text);
}

/* One block of the data; gnuplot counts blocks by two empty lines. */
static void put_series(FILE *f, struct xy *xy, unsigned series)
{
	const struct point *first = NULL;

	fprintf(f, "# %u: ", series);
	chart_quote(f, xy->engine[series]);
	fprintf(f, "\n# %s median low high ideal repetitions\n", xy->kind->key);
	for (unsigned i = 0; i < xy->nr_points; i++) {
		const struct point *pt = &xy->point[i];

		if (pt->series != series)
			continue;
		if (!pt->s.n) { /* the line must not run across */
			putc('\n', f);
			continue;
		}
		if (!first)
			first = pt;
		put_number(f, pt->x);
		put_number(f, pt->s.median);
		put_number(f, pt->s.ci_low);
		put_number(f, pt->s.ci_high);
		put_number(f, first->x > 0 ? first->s.median / first->x * pt->x
					   : 0);
		fprintf(f, "%u\n", pt->s.n);
	}
	if (!first)
		fputs("? ? ? ? ? 0\n", f);
	fputs("\n\n", f);
}

/* Boxes, one above the other where several engines lack the same point. */
static void put_missing(FILE *f, struct xy *xy, unsigned series)
{
	struct chart *c = &xy->chart;

	fprintf(f, "# %u without a number: x y x_low x_high y_low y_high\n",
		series);
	for (unsigned i = 0; i < xy->nr_points; i++) {
		const struct point *pt = &xy->point[i];
		double at = fraction(c->x_min, c->x_max, c->log_x, pt->x);
		double y = 0.005;

		if (pt->s.n || pt->series != series)
			continue;
		for (unsigned k = 0; k < i; k++)
			if (xy->point[k].x == pt->x && !xy->point[k].s.n)
				y += MISSING_HEIGHT + 0.01;
		put_number(f, pt->x);
		put_number(f, along(c->y_min, c->y_max, c->log_y, y));
		put_number(f, along(c->x_min, c->x_max, c->log_x,
				    at - MISSING_WIDTH));
		put_number(f, along(c->x_min, c->x_max, c->log_x,
				    at + MISSING_WIDTH));
		put_number(f, along(c->y_min, c->y_max, c->log_y, y));
		put_number(f, along(c->y_min, c->y_max, c->log_y,
				    y + MISSING_HEIGHT));
		fprintf(f, "# %s\n", pt->cell->id);
	}
	/* a block without a line would not be counted as one */
	fputs("? ? ? ? ? ?\n\n\n", f);
}

/* A name in the margin for each line, at the height of its last point. */
static void add_series_labels(struct xy *xy)
{
	for (unsigned s = 0; s < xy->chart.nr_series; s++) {
		const struct point *last = NULL;

		for (unsigned i = 0; i < xy->nr_points; i++)
			if (xy->point[i].series == s && xy->point[i].s.n)
				last = &xy->point[i];
		if (last)
			chart_add_label(&xy->chart, xy->engine[s],
					last->s.median,
					xy->chart.series_style[s]);
	}
}

static int write_data(struct xy *xy)
{
	struct plotter *p = xy->p;
	char name[CHART_TEXT_MAX + 8];
	struct outfile out;
	int rc;

	snprintf(name, sizeof(name), "%s.dat", xy->chart.base);
	rc = outfile_open(&out, p->dir, name, p->err, p->err_len);
	if (rc)
		return rc;
	for (unsigned s = 0; s < xy->chart.nr_series; s++)
		put_series(out.f, xy, s);
	for (unsigned s = 0; s < xy->chart.nr_series; s++)
		put_missing(out.f, xy, s);
	return outfile_close(&out, p->err, p->err_len);
}

/* What a page workload holds are blocks. */
static const char *held_text(const struct cell_data *cell, const char *text,
			     const char *of_objects)
{
	const struct workload *w = binding_workload_find(cell->workload);

	return w && (w->uses & USES_SLAB) && strstr(text, "held") ? of_objects
								  : text;
}

static void set_texts(struct xy *xy, const struct cell_data *cell, unsigned nth)
{
	const struct kind *k = xy->kind;
	struct chart *c = &xy->chart;
	char slug[64], band[96];
	bool synthetic = false;

	chart_slug(slug, sizeof(slug), cell->workload);
	snprintf(c->base, sizeof(c->base), nth ? "%s-%s-%u" : "%s-%s", k->name,
		 slug, nth + 1);
	snprintf(c->title, sizeof(c->title), "%.100s: %s", cell->workload,
		 held_text(cell, k->title, "cost by outstanding objects"));
	plot_group_text(c->subtitle, sizeof(c->subtitle), xy->p->run, cell,
			k->key);
	if (xy->p->run->repeat >= 6)
		snprintf(band, sizeof(band),
			 "%smedian, band: 95 %% confidence interval",
			 *c->subtitle ? "; " : "");
	else
		snprintf(band, sizeof(band),
			 xy->p->run->repeat > 1
				 ? "%smedian, band: range of the repetitions"
				 : "%sone repetition",
			 *c->subtitle ? "; " : "");
	strncat(c->subtitle, band,
		sizeof(c->subtitle) - strlen(c->subtitle) - 1);
	if (k->ideal)
		strncat(c->subtitle, "; dotted: linear",
			sizeof(c->subtitle) - strlen(c->subtitle) - 1);
	if (c->nr_missing)
		strncat(c->subtitle, "; hatched: no result",
			sizeof(c->subtitle) - strlen(c->subtitle) - 1);
	snprintf(c->x_text, sizeof(c->x_text), "%s",
		 held_text(cell, k->x_text, "objects held by each thread"));
	snprintf(c->y_text, sizeof(c->y_text), "%s", k->y_text);
	for (unsigned i = 0; i < xy->nr_points; i++)
		synthetic |= cell_synthetic(xy->point[i].cell);
	chart_credit(c, xy->p->run, xy->nr_samples, synthetic);
}

static void set_floors(struct xy *xy)
{
	static const char *const names[][2] = {
		{ "empty_loop", "empty loop" },
		{ "local_stack", "thread-local stack" },
		{ "rseq_stack", "rseq stack" },
		{ "lock_pair", "lock pair" },
		{ "cacheline_transfer", "cache line transfer" },
	};

	double low = xy->low, high = xy->high;

	for (size_t i = 0; xy->kind->floors && i < ARRAY_SIZE(names); i++)
		add_floor(xy, names[i], low, high);
}

/* 1: drawn, 0: nothing to show, or -errno. */
static int draw_group(struct xy *xy, unsigned leader, unsigned nth)
{
	const struct run_data *run = xy->p->run;
	const struct cell_data *cell = &run->cell[leader];
	int rc;

	xy->low = INFINITY;
	for (unsigned c = 0; c < run->nr_cells; c++)
		if (cell_same_point(cell, &run->cell[c], xy->kind->key))
			add_point(xy, &run->cell[c]);
	qsort(xy->point, xy->nr_points, sizeof(xy->point[0]), compare_points);
	if (set_tics(xy) < 2)
		return 0;
	xy->chart.template_name = "xy";
	xy->chart.ideal = xy->kind->ideal;
	set_x_range(xy);
	add_series_labels(xy);
	set_floors(xy);
	fit_ideal(xy);
	set_y_range(xy);
	chart_place_labels(&xy->chart);
	for (unsigned i = 0; i < xy->nr_points; i++)
		xy->chart.nr_missing += !xy->point[i].s.n;
	set_texts(xy, cell, nth);
	rc = write_data(xy);
	if (!rc)
		rc = chart_write(xy->p, &xy->chart);
	return rc ? rc : 1;
}

/* All charts of a kind for the workload of the leading cell. */
static int draw_workload(struct xy *xy, struct plotter *p,
			 const struct kind *kind, const char *workload)
{
	const struct run_data *run = p->run;
	unsigned drawn = 0, left = 0;

	for (unsigned c = 0; c < run->nr_cells; c++) {
		int rc;

		if (strcmp(run->cell[c].workload, workload) != 0 ||
		    !plot_leads_group(run, c, kind->key))
			continue;
		if (drawn == CHARTS_PER_KIND) {
			left++;
			continue;
		}
		memset(xy, 0, sizeof(*xy));
		xy->p = p;
		xy->kind = kind;
		rc = draw_group(xy, c, drawn);
		if (rc < 0)
			return rc;
		drawn += (unsigned)rc;
	}
	if (!drawn)
		plot_say(p, "%s: no chart of %s: fewer than two values",
			 workload, kind->title);
	if (left)
		plot_say(p, "%s: %s: %u more combinations are in samples.csv",
			 workload, kind->title, left);
	return 0;
}

static bool first_of_workload(const struct run_data *run, unsigned cell)
{
	for (unsigned c = 0; c < cell; c++)
		if (strcmp(run->cell[c].workload, run->cell[cell].workload) ==
		    0)
			return false;
	return true;
}

/* Whether any cell of the workload has the key at all. */
static bool has_key(const struct run_data *run, const char *workload,
		    const char *key)
{
	for (unsigned c = 0; c < run->nr_cells; c++)
		if (strcmp(run->cell[c].workload, workload) == 0 &&
		    !isnan(plot_key_value(&run->cell[c], key)))
			return true;
	return false;
}

int plot_xy_charts(struct plotter *p)
{
	struct xy *xy = malloc(sizeof(*xy));
	int rc = 0;

	if (!xy) {
		snprintf(p->err, p->err_len, "%s: out of memory", p->dir);
		return -ENOMEM;
	}
	for (unsigned c = 0; c < p->run->nr_cells && !rc; c++) {
		const char *workload = p->run->cell[c].workload;

		if (!first_of_workload(p->run, c))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(kinds) && !rc; k++)
			if (has_key(p->run, workload, kinds[k].key) &&
			    (!kinds[k].only ||
			     !strcmp(kinds[k].only, workload)))
				rc = draw_workload(xy, p, &kinds[k], workload);
	}
	free(xy);
	return rc;
}
