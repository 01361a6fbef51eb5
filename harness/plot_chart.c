/*
 * Writing of chart scripts (see plot_chart.h): settings as gnuplot variables,
 * then the shared style, then the template.
 *
 * Names of engines, machines and jobs come from files and may hold anything.
 * They enter a script only through chart_quote(): in a single-quoted string
 * gnuplot substitutes neither backquotes nor macros nor escapes, so a quote is
 * the one byte to double, and a line end the one to replace.
 */
#include "harness/plot_chart.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness/json_read.h"
#include "harness/options.h"
#include "harness/outfile.h"

#define LABEL_GAP 0.052 /* of the height, between two labels */

void plot_say(struct plotter *p, const char *fmt, ...)
{
	va_list ap;

	if (!p->log)
		return;
	va_start(ap, fmt);
	vfprintf(p->log, fmt, ap);
	va_end(ap);
	putc('\n', p->log);
}

void chart_slug(char *out, size_t len, const char *text)
{
	size_t n = 0;

	for (; *text && n + 1 < len; text++) {
		if (isalnum((unsigned char)*text))
			out[n++] = (char)tolower((unsigned char)*text);
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n && out[n - 1] == '-')
		n--;
	if (!n && len > 1)
		out[n++] = 'x';
	out[n] = '\0';
}

void chart_quote(FILE *f, const char *text)
{
	putc('\'', f);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			putc(' ', f);
		else if (c == '\'')
			fputs("''", f);
		else
			putc(c, f);
	}
	putc('\'', f);
}

/* Appends, cutting at whole UTF-8 characters. */
static void append(char *out, size_t len, const char *text)
{
	size_t used = strlen(out), n = strlen(text);

	if (used + n >= len) {
		n = len - used - 1;
		while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(out + used, text, n);
	out[used + n] = '\0';
}

void chart_credit(struct chart *c, const struct run_data *run,
		  unsigned nr_samples, bool synthetic)
{
	const char *mark = "";
	char samples[96];
	const char *commit = json_text_or(run->env, "commit", "unknown");
	bool dirty = json_is_true(json_object_get(run->env, "dirty"));

	append(c->foot, sizeof(c->foot),
	       json_text_or(run->env, "cpu_model", "CPU unknown"));
	snprintf(samples, sizeof(samples),
		 "   |   commit %.12s%s   |   %u repetition%s   |   run ",
		 commit, dirty ? " with changes" : "", nr_samples,
		 nr_samples == 1 ? "" : "s");
	append(c->foot, sizeof(c->foot), samples);
	append(c->foot, sizeof(c->foot), run->id);
	if (synthetic && run_emulated(run))
		mark = "   [synthetic topology, emulated: no timing claim]";
	else if (synthetic)
		mark = "   [synthetic topology: not NUMA latency]";
	else if (run_emulated(run))
		mark = "   [emulated: no timing claim]";
	append(c->title, sizeof(c->title), mark);
}

unsigned chart_engine_style(const struct run_data *run, const char *engine)
{
	unsigned before = 0;

	for (unsigned c = 0; c < run->nr_cells; c++) {
		const char *name = run->cell[c].engine;
		bool seen = false;

		if (strcmp(name, engine) >= 0)
			continue;
		for (unsigned k = 0; k < c && !seen; k++)
			seen = strcmp(run->cell[k].engine, name) == 0;
		before += !seen;
	}
	return before % CHART_STYLES + 1;
}

void chart_add_label(struct chart *c, const char *text, double y,
		     unsigned style)
{
	struct chart_label *l = &c->label[c->nr_labels];

	if (c->nr_labels == CHART_LABELS_MAX)
		return;
	c->nr_labels++;
	l->text[0] = '\0';
	append(l->text, sizeof(l->text), text);
	if (strlen(text) > 24) {
		size_t cut = 22;

		while (cut && ((unsigned char)text[cut] & 0xc0) == 0x80)
			cut--;
		strcpy(l->text + cut, "…");
	}
	l->style = style;
	l->y = y;
}

static double height_of(const struct chart *c, double y)
{
	if (c->log_y)
		return log(fmax(y, c->y_min) / c->y_min) /
		       log(c->y_max / c->y_min);
	return (y - c->y_min) / (c->y_max - c->y_min);
}

static int compare_labels(const void *a, const void *b)
{
	const struct chart_label *x = a, *y = b;

	return (x->y > y->y) - (x->y < y->y);
}

/* Lowest first upwards, then from the top down whatever left the frame. */
void chart_place_labels(struct chart *c)
{
	double limit = 1.0;

	qsort(c->label, c->nr_labels, sizeof(c->label[0]), compare_labels);
	for (unsigned i = 0; i < c->nr_labels; i++) {
		double at = height_of(c, c->label[i].y);

		if (i && at < c->label[i - 1].at + LABEL_GAP)
			at = c->label[i - 1].at + LABEL_GAP;
		c->label[i].at = at;
	}
	for (unsigned i = c->nr_labels; i-- > 0;) {
		if (c->label[i].at > limit)
			c->label[i].at = limit;
		limit = c->label[i].at - LABEL_GAP;
	}
}

double chart_nice_above(double v)
{
	static const double steps[] = {
		1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10
	};
	double ten;

	if (!(v > 0) || !isfinite(v))
		return 1;
	ten = pow(10, floor(log10(v)));
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i] * ten >= v)
			return steps[i] * ten;
	return 10 * ten;
}

bool plot_leads_group(const struct run_data *run, unsigned cell,
		      const char *key)
{
	for (unsigned c = 0; c < cell; c++)
		if (cell_same_point(&run->cell[c], &run->cell[cell], key))
			return false;
	return true;
}

double plot_key_value(const struct cell_data *cell, const char *key)
{
	const char *text;
	char *end;
	double v;

	if (strcmp(key, "threads") == 0)
		return cell->threads;
	if (strcmp(key, "order") == 0)
		return cell->order >= 0 ? cell->order : NAN;
	text = cell_param(cell, key);
	v = strtod(text, &end);
	return *text && !*end && isfinite(v) && v >= 0 ? v : NAN;
}

/* True when two cells of the workload differ in the key. */
static bool varies(const struct run_data *run, const struct cell_data *cell,
		   const char *key)
{
	for (unsigned c = 0; c < run->nr_cells; c++) {
		const struct cell_data *other = &run->cell[c];

		if (strcmp(other->workload, cell->workload) != 0)
			continue;
		if (strcmp(key, "threads") == 0
			    ? other->threads != cell->threads
		    : strcmp(key, "order") == 0
			    ? other->order != cell->order
			    : strcmp(cell_param(other, key),
				     cell_param(cell, key)) != 0)
			return true;
	}
	return false;
}

void plot_group_text(char *out, size_t len, const struct run_data *run,
		     const struct cell_data *cell, const char *key)
{
	const char *name;
	char item[160];
	json_t *v;

	if (strcmp(key, "threads") != 0) {
		snprintf(item, sizeof(item), "%s%u thread%s", *out ? ", " : "",
			 cell->threads, cell->threads == 1 ? "" : "s");
		append(out, len, item);
	}
	if (strcmp(key, "order") != 0 && cell->order >= 0) {
		snprintf(item, sizeof(item), "%sorder %d", *out ? ", " : "",
			 cell->order);
		append(out, len, item);
	}
	json_object_foreach((json_t *)cell->params, name, v)
	{
		if (!strcmp(name, key) || !strcmp(name, "order") ||
		    !strcmp(name, "threads") || !strcmp(name, "engine") ||
		    !option_tells_apart(name) || !varies(run, cell, name))
			continue;
		snprintf(item, sizeof(item), "%s%.60s %.80s", *out ? ", " : "",
			 name, json_string_value(v));
		append(out, len, item);
	}
}

static void put_string(FILE *f, const char *name, const char *text)
{
	fprintf(f, "%s = ", name);
	chart_quote(f, text);
	putc('\n', f);
}

static void put_labels(FILE *f, const struct chart *c)
{
	unsigned size = c->nr_labels ? c->nr_labels : 1;

	fprintf(f,
		"label_n = %u\narray label_text[%u]\narray label_y[%u]\n"
		"array label_ls[%u]\n",
		c->nr_labels, size, size, size);
	for (unsigned i = 0; i < c->nr_labels; i++) {
		fprintf(f, "label_text[%u] = ", i + 1);
		chart_quote(f, c->label[i].text);
		fprintf(f, "\nlabel_y[%u] = %.4f\nlabel_ls[%u] = %u\n", i + 1,
			c->label[i].at, i + 1, c->label[i].style);
	}
}

static void put_lists(FILE *f, const struct chart *c)
{
	fprintf(f, "series_n = %u\nmissing_n = %u\narray series_ls[%u]\n",
		c->nr_series, c->nr_missing, c->nr_series ? c->nr_series : 1);
	for (unsigned i = 0; i < c->nr_series; i++)
		fprintf(f, "series_ls[%u] = %u\n", i + 1, c->series_style[i]);
	fprintf(f, "floor_n = %u\narray floor_y[%u]\n", c->nr_floors,
		c->nr_floors ? c->nr_floors : 1);
	for (unsigned i = 0; i < c->nr_floors; i++)
		fprintf(f, "floor_y[%u] = %.6g\n", i + 1, c->floor_y[i]);
	if (!c->nr_tics)
		return;
	fputs("set xtics (", f);
	for (unsigned i = 0; i < c->nr_tics; i++) /* text of digits: ours */
		fprintf(f, "%s\"%s\" %.6g", i ? ", " : "", c->tic[i].text,
			c->tic[i].at);
	fputs(")\n", f);
}

static void put_panels(FILE *f, const struct chart *c)
{
	const unsigned size = c->nr_panels ? c->nr_panels : 1;

	put_string(f, "words_text", c->words);
	fprintf(f,
		"panel_n = %u\narray panel_text[%u]\narray panel_low[%u]\n"
		"array panel_high[%u]\n",
		c->nr_panels, size, size, size);
	for (unsigned i = 0; i < c->nr_panels; i++) {
		fprintf(f, "panel_text[%u] = ", i + 1);
		chart_quote(f, c->panel_text[i]);
		fprintf(f, "\npanel_low[%u] = %.6g\npanel_high[%u] = %.6g\n",
			i + 1, c->panel_low[i], i + 1, c->panel_high[i]);
	}
}

/* 1, 2 and 5 of each decade, or only 1 where those would be too many. */
static void put_log_tics(FILE *f, const struct chart *c)
{
	static const int step[] = { 1, 2, 5 };
	int low = (int)floor(log10(c->y_min)),
	    high = (int)ceil(log10(c->y_max));
	int nr = c->y_max / c->y_min > 1000 ? 1 : 3;

	fputs("log_tics = '", f);
	for (int d = low; d <= high; d++)
		for (int i = 0; i < nr; i++) {
			double v = step[i] * pow(10, d);

			if (v < c->y_min * 0.999 || v > c->y_max * 1.001)
				continue;
			fprintf(f, "%.10g ", v);
		}
	fputs("'\n", f);
}

static void put_settings(FILE *f, const struct chart *c)
{
	char text[128];

	put_string(f, "base", c->base);
	put_string(f, "title_text", c->title);
	put_string(f, "subtitle_text", c->subtitle);
	put_string(f, "foot_text", c->foot);
	put_string(f, "x_text", c->x_text);
	put_string(f, "y_text", c->y_text);
	fprintf(f, "x_min = %.9g\nx_max = %.9g\ny_min = %.9g\ny_max = %.9g\n",
		c->x_min, c->x_max, c->y_min, c->y_max);
	fprintf(f,
		"c_max = %.9g\nlog_x = %d\nlog_y = %d\nideal = %d\npoints = "
		"%d\n",
		c->c_max, c->log_x, c->log_y, c->ideal, !c->no_points);
	fprintf(f, "two_lines = %d\n", c->two_lines);
	fprintf(f, "quantum_y = %.6g\n", c->quantum_ns);
	snprintf(text, sizeof(text), "clock quantum %.3g ns", c->quantum_ns);
	put_string(f, "clock_text", text);
	put_labels(f, c);
	put_lists(f, c);
	if (c->nr_panels)
		put_panels(f, c);
	if (c->log_y)
		put_log_tics(f, c);
}

int chart_write(struct plotter *p, const struct chart *c)
{
	size_t style_len, body_len;
	const char *style = plot_template("style", &style_len);
	const char *body = plot_template(c->template_name, &body_len);
	char name[CHART_TEXT_MAX + 8];
	struct outfile out;
	int rc;

	if (p->nr_charts == p->max_charts) {
		snprintf(p->err, p->err_len, "%s: more than %u charts", p->dir,
			 p->max_charts);
		return -E2BIG;
	}
	snprintf(name, sizeof(name), "%s.gp", c->base);
	rc = outfile_open(&out, p->dir, name, p->err, p->err_len);
	if (rc)
		return rc;
	fprintf(out.f, "# Draw again: gnuplot %s, in this folder.\n", name);
	put_settings(out.f, c);
	putc('\n', out.f);
	fwrite(style, 1, style_len, out.f);
	putc('\n', out.f);
	fwrite(body, 1, body_len, out.f);
	rc = outfile_close(&out, p->err, p->err_len);
	if (!rc)
		strcpy(p->base[p->nr_charts++], c->base);
	return rc;
}
