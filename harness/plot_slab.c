/*
 * Charts of slab engines that have no axis of the matrix as abscissa: how much
 * of the slabs is in use over time, memory against speed, and which paths
 * allocations took.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/outfile.h"
#include "harness/plot_chart.h"
#include "harness/stats.h"

#define CHARTS_PER_KIND 2 /* of one workload; the rest is in samples.csv */
#define LOOKS_MAX       100000
#define STEPS_MAX       300 /* points of a line */
#define FIELDS_MAX      64
#define ROWS_MAX        16

static double scratch[RUN_REPS_MAX];

static double median_of(const struct cell_data *cell, const char *metric,
			struct stats *s)
{
	stats_of(s, scratch, cell_values(cell, metric, scratch, RUN_REPS_MAX));
	return s->n ? s->median : NAN;
}

static bool has_metric(const struct cell_data *cell, const char *metric)
{
	struct stats s;

	return !isnan(median_of(cell, metric, &s));
}

/* Data file of a chart, open; finish_data() ends it. */
static int open_data(struct plotter *p, const struct chart *c,
		     struct outfile *out)
{
	char name[CHART_TEXT_MAX + 8];

	snprintf(name, sizeof(name), "%s.dat", c->base);
	return outfile_open(out, p->dir, name, p->err, p->err_len);
}

static void set_texts(struct plotter *p, struct chart *c, const char *name,
		      const char *title, const struct cell_data *cell)
{
	char slug[64];
	size_t used = strlen(c->base);

	chart_slug(slug, sizeof(slug), cell->workload);
	snprintf(c->base, sizeof(c->base), "%s-%s", name, slug);
	for (unsigned i = 0, nth = 1; i < p->nr_charts; i++)
		if (!strcmp(p->base[i], c->base)) {
			used = strlen(name) + 1 + strlen(slug);
			snprintf(c->base + used, sizeof(c->base) - used, "-%u",
				 ++nth);
		}
	snprintf(c->title, sizeof(c->title), "%.100s: %s", cell->workload,
		 title);
	plot_group_text(c->subtitle, sizeof(c->subtitle), p->run, cell, "");
}

static void add_subtitle(struct chart *c, const char *text)
{
	if (*c->subtitle)
		strncat(c->subtitle, "; ",
			sizeof(c->subtitle) - strlen(c->subtitle) - 1);
	strncat(c->subtitle, text,
		sizeof(c->subtitle) - strlen(c->subtitle) - 1);
}

/* ---- utilisation over time ------------------------------------------------
 */

struct looks {
	double t_s[LOOKS_MAX], share[LOOKS_MAX];
	unsigned nr;
};

/* Numbers of the columns of series.csv that are read. */
struct columns {
	unsigned t, held, live;
};

static unsigned split(char *line, char *field[FIELDS_MAX])
{
	unsigned n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (char *s = line; s && n < FIELDS_MAX; n++) {
		field[n] = s;
		s = strchr(s, ',');
		if (s)
			*s++ = '\0';
	}
	return n;
}

static bool find_columns(char *line, struct columns *c)
{
	char *field[FIELDS_MAX];
	const unsigned n = split(line, field);

	*c = (struct columns){ FIELDS_MAX, FIELDS_MAX, FIELDS_MAX };
	for (unsigned i = 0; i < n; i++) {
		if (!strcmp(field[i], "t_ns"))
			c->t = i;
		else if (!strcmp(field[i], "slab_bytes"))
			c->held = i;
		else if (!strcmp(field[i], "slab_live_bytes"))
			c->live = i;
	}
	return c->t < n && c->held < n && c->live < n;
}

/* A look has a line for each zone, all of them with the same figures. */
static void add_look(struct looks *l, const struct columns *c, char *line)
{
	char *field[FIELDS_MAX];
	const unsigned n = split(line, field);
	double t, held, live;

	if (l->nr == LOOKS_MAX || c->t >= n || c->held >= n || c->live >= n)
		return;
	t = strtod(field[c->t], NULL) / 1e9;
	held = strtod(field[c->held], NULL);
	live = strtod(field[c->live], NULL);
	if (!isfinite(t) || !(held > 0) || !(live > 0) || !isfinite(held) ||
	    !isfinite(live) || (l->nr && l->t_s[l->nr - 1] >= t))
		return;
	l->t_s[l->nr] = t;
	l->share[l->nr++] = 100 * live / held;
}

/* Of the first repetition that is ok; nr 0: nothing to be had. */
static void read_looks(const struct run_data *run, const struct cell_data *cell,
		       struct looks *l)
{
	char path[4096], *line = NULL;
	struct columns c;
	size_t room = 0;
	unsigned rep = 0;
	FILE *f;

	l->nr = 0;
	while (rep < cell->nr_reps && cell->rep[rep].state != REP_OK)
		rep++;
	if (rep == cell->nr_reps)
		return;
	snprintf(path, sizeof(path), "%s/cells/%s/rep-%02u/series.csv",
		 run->dir, cell->id, rep);
	f = fopen(path, "re");
	if (!f)
		return;
	if (getline(&line, &room, f) > 0 && find_columns(line, &c))
		while (getline(&line, &room, f) > 0)
			add_look(l, &c, line);
	free(line);
	fclose(f);
}

static void put_line(FILE *f, struct chart *c, const struct looks *l)
{
	const unsigned step = l->nr / STEPS_MAX + 1;

	for (unsigned i = 0; i < l->nr; i += step) {
		double low = INFINITY, high = 0, sum = 0;
		unsigned n = 0;

		for (; n < step && i + n < l->nr; n++) {
			low = fmin(low, l->share[i + n]);
			high = fmax(high, l->share[i + n]);
			sum += l->share[i + n];
		}
		fprintf(f, "%.6f %.6g %.6g %.6g 0 %u\n", l->t_s[i], sum / n,
			low, high, n);
		c->x_max = fmax(c->x_max, l->t_s[i]);
		c->y_max = fmax(c->y_max, high);
	}
	fputs("\n\n", f);
}

static void add_line(struct plotter *p, struct chart *c, FILE *f,
		     const struct cell_data *cell, struct looks *l)
{
	unsigned style = chart_engine_style(p->run, cell->engine);

	read_looks(p->run, cell, l);
	if (l->nr < 2 || c->nr_series == CHART_SERIES_MAX)
		return;
	fputs("# seconds percent least greatest unused looks: ", f);
	chart_quote(f, cell->engine);
	putc('\n', f);
	put_line(f, c, l);
	c->series_style[c->nr_series++] = style;
	chart_add_label(c, cell->engine, l->share[l->nr - 1], style);
}

static int draw_utilisation(struct plotter *p, const struct cell_data *leader,
			    struct chart *c)
{
	struct looks *l = malloc(sizeof(*l));
	bool synthetic = false;
	struct outfile out;
	int rc;

	if (!l)
		return -ENOMEM;
	set_texts(p, c, "utilisation", "slab utilisation over time", leader);
	add_subtitle(c, "one repetition; malloc: of what the process has "
			"grown by");
	c->template_name = "xy";
	c->no_points = true;
	snprintf(c->x_text, sizeof(c->x_text), "time since the gate opened, s");
	snprintf(c->y_text, sizeof(c->y_text),
		 "bytes asked for, %% of the slabs' bytes");
	rc = open_data(p, c, &out);
	for (unsigned i = 0; i < p->run->nr_cells && !rc; i++) {
		const struct cell_data *cell = &p->run->cell[i];

		if (!cell_same_point(leader, cell, NULL))
			continue;
		add_line(p, c, out.f, cell, l);
		synthetic |= cell_synthetic(cell);
	}
	free(l);
	if (rc)
		return rc;
	c->y_max = c->y_max > 75 ? fmax(100, c->y_max * 1.02)
				 : chart_nice_above(c->y_max * 1.05);
	chart_place_labels(c);
	chart_credit(c, p->run, c->nr_series, synthetic);
	rc = outfile_close(&out, p->err, p->err_len);
	if (!rc && c->nr_series)
		rc = chart_write(p, c);
	return rc;
}

/* ---- memory against speed -------------------------------------------------
 */

struct trade {
	const struct cell_data *cell;
	struct stats ns, share;
	double overhead; /* percent of what was asked for */
};

static double overhead_of(double share)
{
	return 100 / share - 100;
}

static int compare_trades(const void *a, const void *b)
{
	const struct trade *x = a, *y = b;

	return (x->ns.median > y->ns.median) - (x->ns.median < y->ns.median);
}

static unsigned gather(const struct run_data *run,
		       const struct cell_data *leader, struct trade *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < run->nr_cells && n < CHART_SERIES_MAX; i++) {
		const struct cell_data *cell = &run->cell[i];
		double share;

		if (!cell_same_point(leader, cell, NULL))
			continue;
		t[n].cell = cell;
		share = median_of(cell, "slab_utilisation", &t[n].share);
		if (!(share > 0) ||
		    isnan(median_of(cell, "ns_per_op", &t[n].ns)))
			continue;
		t[n].overhead = overhead_of(share);
		n++;
	}
	qsort(t, n, sizeof(*t), compare_trades);
	return n;
}

/* A block a point with its intervals, then those that no other beats in both.
 */
static void put_trades(FILE *f, struct plotter *p, struct chart *c,
		       const struct trade *t, unsigned n)
{
	double best = INFINITY;

	c->x_min = c->y_min = 0;
	for (unsigned i = 0; i < n; i++) {
		const double low = overhead_of(t[i].share.ci_high);
		const double high = overhead_of(t[i].share.ci_low);

		fputs("# ns percent ns_low ns_high percent_low percent_high "
		      "name\n",
		      f);
		fprintf(f, "%.6g %.6g %.6g %.6g %.6g %.6g ", t[i].ns.median,
			t[i].overhead, t[i].ns.ci_low, t[i].ns.ci_high, low,
			high);
		fprintf(f, "%s\n\n\n", t[i].cell->engine);
		c->x_max = fmax(c->x_max, t[i].ns.ci_high);
		c->y_max = fmax(c->y_max, high);
		c->y_min = fmin(c->y_min, low);
		c->series_style[c->nr_series++] =
			chart_engine_style(p->run, t[i].cell->engine);
	}
	fputs("# nobody is faster with less\n", f);
	for (unsigned i = 0; i < n; i++)
		if (t[i].overhead < best) {
			best = t[i].overhead;
			fprintf(f, "%.6g %.6g\n", t[i].ns.median, best);
		}
	fputs("\n\n", f);
}

static int draw_pareto(struct plotter *p, const struct cell_data *leader,
		       struct chart *c)
{
	struct trade t[CHART_SERIES_MAX] = { { .cell = NULL } };
	const unsigned n = gather(p->run, leader, t);
	bool synthetic = false;
	unsigned samples = 0;
	struct outfile out;
	int rc;

	if (n < 2)
		return 0;
	set_texts(p, c, "pareto", "memory against speed", leader);
	add_subtitle(c, p->run->repeat >= 6
				? "median, bars: 95 % confidence interval"
			: p->run->repeat > 1
				? "median, bars: range of the repetitions"
				: "one repetition");
	add_subtitle(c, "line: nobody is faster with less");
	c->template_name = "pareto";
	snprintf(c->x_text, sizeof(c->x_text),
		 "time per operation and thread, ns");
	snprintf(c->y_text, sizeof(c->y_text),
		 "memory beyond what was asked for, %%");
	rc = open_data(p, c, &out);
	if (rc)
		return rc;
	put_trades(out.f, p, c, t, n);
	for (unsigned i = 0; i < n; i++) {
		samples += t[i].ns.n;
		synthetic |= cell_synthetic(t[i].cell);
	}
	c->x_max = chart_nice_above(c->x_max * 1.15);
	c->y_max = chart_nice_above(c->y_max * 1.1);
	for (unsigned i = 0; i < n; i++)
		chart_add_label(c, t[i].cell->engine, t[i].overhead,
				c->series_style[i]);
	chart_place_labels(c);
	chart_credit(c, p->run, samples, synthetic);
	rc = outfile_close(&out, p->err, p->err_len);
	return rc ? rc : chart_write(p, c);
}

/* ---- paths of allocation --------------------------------------------------
 */

static const char *const paths[] = { "path_alloc_fast", "path_alloc_slow",
				     "path_alloc_partial",
				     "path_alloc_new_slab" };

/* A row: workload, where the parts end, the shares in words. */
static void put_row(FILE *f, unsigned row, const struct cell_data *cell)
{
	double end = 0;
	struct stats s;

	fprintf(f, "%u", row);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		end += 100 * median_of(cell, paths[i], &s);
		fprintf(f, " %.6g", fmin(end, 100));
	}
	for (size_t i = 1; i < ARRAY_SIZE(paths); i++)
		fprintf(f, " %.6g", 100 * median_of(cell, paths[i], &s));
	fprintf(f, " # %s\n", cell->id);
}

static bool row_before(const struct run_data *run, unsigned cell)
{
	for (unsigned i = 0; i < cell; i++)
		if (!strcmp(run->cell[i].engine, run->cell[cell].engine) &&
		    !strcmp(run->cell[i].workload, run->cell[cell].workload) &&
		    has_metric(&run->cell[i], paths[0]))
			return true;
	return false;
}

static int draw_paths(struct plotter *p, const char *engine, struct chart *c)
{
	const struct run_data *run = p->run;
	bool synthetic = false;
	unsigned rows = 0, samples = 0;
	struct outfile out;
	char slug[64];
	int rc;

	chart_slug(slug, sizeof(slug), engine);
	c->template_name = "paths";
	snprintf(c->base, sizeof(c->base), "paths-%s", slug);
	snprintf(c->title, sizeof(c->title),
		 "%.60s: where allocations were served", engine);
	snprintf(c->subtitle, sizeof(c->subtitle),
		 "share of allocations, median; of each workload its first "
		 "cell");
	snprintf(c->x_text, sizeof(c->x_text), "%% of allocations");
	rc = open_data(p, c, &out);
	for (unsigned i = 0; i < run->nr_cells && rows < ROWS_MAX && !rc; i++) {
		const struct cell_data *cell = &run->cell[i];

		if (strcmp(cell->engine, engine) ||
		    !has_metric(cell, paths[0]) || row_before(run, i))
			continue;
		put_row(out.f, rows++, cell);
		samples += cell_nr_ok(cell);
		synthetic |= cell_synthetic(cell);
		snprintf(c->words + strlen(c->words),
			 sizeof(c->words) - strlen(c->words), "%s%.16s",
			 *c->words ? " " : "", cell->workload);
	}
	if (rc)
		return rc;
	c->nr_panels = 1;
	c->x_max = 100;
	chart_credit(c, run, samples, synthetic);
	rc = outfile_close(&out, p->err, p->err_len);
	return rc ? rc : chart_write(p, c);
}

/* ---- which are drawn -------------------------------------------------------
 */

static bool first_of_engine(const struct run_data *run, unsigned cell)
{
	for (unsigned i = 0; i < cell; i++)
		if (!strcmp(run->cell[i].engine, run->cell[cell].engine) &&
		    has_metric(&run->cell[i], paths[0]))
			return false;
	return true;
}

/* The first of its group that tells about memory: a floor engine does not. */
static bool leads_memory(const struct run_data *run, unsigned cell)
{
	if (!has_metric(&run->cell[cell], "slab_utilisation"))
		return false;
	for (unsigned i = 0; i < cell; i++)
		if (cell_same_point(&run->cell[i], &run->cell[cell], NULL) &&
		    has_metric(&run->cell[i], "slab_utilisation"))
			return false;
	return true;
}

/* Is the cell's point among the first of its workload that tell about memory?
 */
static bool is_drawn(const struct run_data *run, unsigned cell)
{
	unsigned before = 0;

	for (unsigned i = 0; i < cell; i++)
		before += !strcmp(run->cell[i].workload,
				  run->cell[cell].workload) &&
			  leads_memory(run, i);
	return before < CHARTS_PER_KIND;
}

static int draw_cell(struct plotter *p, unsigned i, struct chart *c)
{
	const struct run_data *run = p->run;
	const struct cell_data *cell = &run->cell[i];
	int rc = 0;

	if (leads_memory(run, i) && is_drawn(run, i)) {
		rc = draw_utilisation(p, cell, c);
		memset(c, 0, sizeof(*c));
		if (!rc)
			rc = draw_pareto(p, cell, c);
		memset(c, 0, sizeof(*c));
	}
	if (!rc && has_metric(cell, paths[0]) && first_of_engine(run, i))
		rc = draw_paths(p, cell->engine, c);
	memset(c, 0, sizeof(*c));
	return rc;
}

int plot_slab_charts(struct plotter *p)
{
	struct chart *c = calloc(1, sizeof(*c));
	int rc = c ? 0 : -ENOMEM;

	for (unsigned i = 0; i < p->run->nr_cells && !rc; i++)
		rc = draw_cell(p, i, c);
	free(c);
	if (rc == -ENOMEM)
		snprintf(p->err, p->err_len, "%s: out of memory", p->dir);
	return rc;
}
