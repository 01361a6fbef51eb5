/*
 * One chart on its way to a script: what plot_xy.c, plot_latency.c and
 * plot_series.c fill in and plot_chart.c writes.
 */
#ifndef HARNESS_PLOT_CHART_H
#define HARNESS_PLOT_CHART_H

#include <stdio.h>

#include "harness/rundata.h"

#define CHART_TEXT_MAX   256
#define CHART_SERIES_MAX 24
#define CHART_LABELS_MAX 40
#define CHART_TICS_MAX   64
#define CHART_PANELS_MAX 4
#define CHART_STYLES     10 /* line styles 1 .. 10 of plots/style.gp */
#define CHART_STYLE_GREY 20 /* floors */

struct chart_label {
	char text[CHART_TEXT_MAX];
	unsigned style;
	double y;  /* of the axis: where it would like to stand */
	double at; /* 0 .. 1 of the height, set by chart_place_labels() */
};

struct chart_tic {
	char text[32];
	double at;
};

struct chart {
	const char *template_name; /* "xy": plots/xy.gp */
	char base[CHART_TEXT_MAX]; /* plain file name without suffix */
	char title[CHART_TEXT_MAX], subtitle[CHART_TEXT_MAX];
	char foot[CHART_TEXT_MAX], x_text[CHART_TEXT_MAX];
	char y_text[CHART_TEXT_MAX];
	double x_min, x_max, y_min, y_max, c_max;
	bool log_x, log_y, ideal, no_points;
	bool two_lines; /* under the abscissa; freeblocks: types as well */
	unsigned series_style[CHART_SERIES_MAX], nr_series;
	struct chart_label label[CHART_LABELS_MAX];
	unsigned nr_labels;
	double floor_y[RUN_FLOORS_MAX];
	unsigned nr_floors, nr_missing;
	struct chart_tic tic[CHART_TICS_MAX];
	unsigned nr_tics;
	double quantum_ns;
	/* figures side by side that have a heading and a scale of their own */
	char panel_text[CHART_PANELS_MAX][64];
	double panel_low[CHART_PANELS_MAX], panel_high[CHART_PANELS_MAX];
	unsigned nr_panels;
	char words[CHART_TEXT_MAX]; /* names of rows and columns, by blanks */
};

/* What all charts of a run share. */
struct plotter {
	const struct run_data *run;
	char dir[4096];               /* DIR/plots */
	char (*base)[CHART_TEXT_MAX]; /* of the charts written so far */
	unsigned nr_charts, max_charts;
	FILE *log; /* may be NULL */
	char *err;
	size_t err_len;
};

/* Lower-case letters, digits and dashes; never empty. */
void chart_slug(char *out, size_t len, const char *text);
/* A single-quoted gnuplot string: no byte of `text` leaves it. */
void chart_quote(FILE *f, const char *text);
/* CPU, commit, run and number of repetitions; "synthetic" and "emulated" in the
 * title. */
void chart_credit(struct chart *c, const struct run_data *run,
		  unsigned nr_samples, bool synthetic);
/* 1 .. CHART_STYLES: the same engine has the same style in each chart. */
unsigned chart_engine_style(const struct run_data *run, const char *engine);
void chart_add_label(struct chart *c, const char *text, double y,
		     unsigned style);
/* Moves labels apart so that no two overlap; needs y_min, y_max, log_y. */
void chart_place_labels(struct chart *c);
/* Next larger 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten. */
double chart_nice_above(double v);

/* Writes the script, whole or not at all, and lists the chart. 0 or -errno. */
int chart_write(struct plotter *p, const struct chart *c) MUST_CHECK;
void plot_say(struct plotter *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The kinds of charts; 0 or -errno with one line in p->err. */
int plot_xy_charts(struct plotter *p) MUST_CHECK;
int plot_latency_charts(struct plotter *p) MUST_CHECK;
int plot_series_charts(struct plotter *p) MUST_CHECK;
int plot_matrix_charts(struct plotter *p) MUST_CHECK;
int plot_remote_charts(struct plotter *p) MUST_CHECK;
int plot_pressure_charts(struct plotter *p) MUST_CHECK;
int plot_slab_charts(struct plotter *p) MUST_CHECK;

/* Text of plots/NAME.gp, built in; NULL: no such name. */
const char *plot_template(const char *name, size_t *len);

/* The first of the cells that are the same point but for key (see
 * cell_same_point()), so that each such group comes up once. */
bool plot_leads_group(const struct run_data *run, unsigned cell,
		      const char *key);
/* Value of "threads", "order" or a parameter; NAN: not a number. */
double plot_key_value(const struct cell_data *cell, const char *key);
/* Appends to `out` what tells this group from the others of its workload
 * ("order 0, threads 2"). */
void plot_group_text(char *out, size_t len, const struct run_data *run,
		     const struct cell_data *cell, const char *key);

#endif
