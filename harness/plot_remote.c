/*
 * The share of remote frames over time, from numa.csv of the first ok
 * repetition of a cell: pages of other nodes than the thread's among those
 * that all threads took, and gave back, between two looks. One chart a
 * workload: the point whose share moves most, a line for each engine.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/outfile.h"
#include "harness/plot_chart.h"
#include "harness/textfile.h"

#define LINES_MAX CHART_STYLES
#define LOOKS_MAX 100000
#define FIELDS    6

static const char header[] =
	"t_ns,thread,alloc_local,alloc_remote,free_local,free_remote";

enum side { SIDE_ALLOC, SIDE_FREE, NR_SIDES };

/* Pages of all threads so far at one time. */
struct look {
	double t_ms, local[NR_SIDES], remote[NR_SIDES];
};

struct flow {
	const struct cell_data *cell;
	struct look *look;
	unsigned nr, room;
};

static int complain(struct plotter *p, const char *path, unsigned line,
		    const char *expected)
{
	snprintf(p->err, p->err_len, "%s:%u: expected %s", path, line,
		 expected);
	return -EINVAL;
}

/* The look at this time; NULL: too many, or no memory. */
static struct look *look_at(struct flow *f, double t_ms)
{
	struct look *grown;

	if (f->nr && f->look[f->nr - 1].t_ms >= t_ms)
		return &f->look[f->nr - 1];
	if (f->nr == LOOKS_MAX)
		return NULL;
	if (f->nr == f->room) {
		f->room = f->room ? 2 * f->room : 128;
		grown = realloc(f->look, f->room * sizeof(*grown));
		if (!grown)
			return NULL;
		f->look = grown;
	}
	memset(&f->look[f->nr], 0, sizeof(f->look[0]));
	f->look[f->nr].t_ms = t_ms;
	return &f->look[f->nr++];
}

static const char *add_row(struct flow *f, char *line)
{
	double v[FIELDS];
	struct look *look;
	char *s = line;

	line[strcspn(line, "\r\n")] = '\0';
	for (unsigned i = 0; i < FIELDS; i++) {
		char *end;

		v[i] = strtod(s, &end);
		if (end == s || !isfinite(v[i]) || (i && v[i] < 0) ||
		    *end != (i + 1 < FIELDS ? ',' : '\0'))
			return "six numbers";
		s = end + 1;
	}
	if (f->nr && v[0] / 1e6 < f->look[f->nr - 1].t_ms)
		return "times that do not go back";
	look = look_at(f, v[0] / 1e6);
	if (!look)
		return "fewer looks";
	look->local[SIDE_ALLOC] += v[2];
	look->remote[SIDE_ALLOC] += v[3];
	look->local[SIDE_FREE] += v[4];
	look->remote[SIDE_FREE] += v[5];
	return NULL;
}

static int read_flow(struct plotter *p, const char *path, FILE *in,
		     struct flow *f)
{
	const char *expected;
	char line[1024];
	unsigned nr = 1;

	if (!fgets(line, sizeof(line), in))
		return complain(p, path, 1, "a line of column names");
	line[strcspn(line, "\r\n")] = '\0';
	if (strcmp(line, header))
		return complain(p, path, 1, header);
	while (fgets(line, sizeof(line), in)) {
		expected = add_row(f, line);
		if (expected)
			return complain(p, path, nr + 1, expected);
		nr++;
	}
	return 0;
}

/* The first ok repetition that has the file; none: an empty flow. */
static int load_flow(struct plotter *p, const struct cell_data *cell,
		     struct flow *f)
{
	*f = (struct flow){ .cell = cell };
	for (unsigned i = 0; i < cell->nr_reps; i++) {
		char path[8192];
		FILE *in;
		int rc;

		snprintf(path, sizeof(path), "%s/cells/%s/rep-%02u/numa.csv",
			 p->run->dir, cell->id, i);
		in = cell->rep[i].state == REP_OK ? fopen(path, "re") : NULL;
		if (!in)
			continue;
		rc = read_flow(p, path, in, f);
		fclose(in);
		return rc;
	}
	return 0;
}

/* Share between look i - 1 and look i, the start for i = 0; NAN: no pages. */
static double share_at(const struct flow *f, unsigned i, enum side side)
{
	const struct look *now = &f->look[i];
	double local = now->local[side], remote = now->remote[side];

	if (i) {
		local -= now[-1].local[side];
		remote -= now[-1].remote[side];
	}
	return local + remote > 0 ? remote / (local + remote) : NAN;
}

/* Where the line of frees ends; 0: there is none. */
static double last_share(const struct flow *f)
{
	for (unsigned i = f->nr; i-- > 1;)
		if (!isnan(share_at(f, i, SIDE_FREE)))
			return share_at(f, i, SIDE_FREE);
	return 0;
}

/* How much there is to see: 0 nothing remote, 1 always the same, up to 2. */
static double interest(const struct flow *f)
{
	double most = 0;

	for (unsigned side = 0; side < NR_SIDES; side++) {
		double low = INFINITY, high = 0;

		for (unsigned i = 1; i < f->nr; i++) {
			low = fmin(low, share_at(f, i, side));
			high = fmax(high, share_at(f, i, side));
		}
		if (high > 0)
			most = fmax(most, 1 + high - low);
	}
	return most;
}

static void put_flow(FILE *out, const struct flow *f, enum side side,
		     struct chart *c)
{
	fprintf(out, "# milliseconds share: %s of ",
		side == SIDE_ALLOC ? "allocations" : "frees");
	chart_quote(out, f->cell->engine);
	putc('\n', out);
	for (unsigned i = 1; i < f->nr; i++) {
		double share = share_at(f, i, side);

		if (isnan(share))
			fprintf(out, "%.6f ?\n", f->look[i].t_ms);
		else
			fprintf(out, "%.6f %.5g\n", f->look[i].t_ms, share);
		c->x_min = fmin(c->x_min, f->look[i].t_ms);
		c->x_max = fmax(c->x_max, f->look[i].t_ms);
	}
	fputs("? ?\n\n\n", out);
}

static void set_texts(struct plotter *p, struct chart *c,
		      const struct cell_data *cell)
{
	char slug[64];

	chart_slug(slug, sizeof(slug), cell->workload);
	c->template_name = "remote";
	snprintf(c->base, sizeof(c->base), "remote-%s", slug);
	snprintf(c->title, sizeof(c->title), "%.40s: share of remote frames",
		 cell->workload);
	snprintf(c->x_text, sizeof(c->x_text),
		 "time since the gate opened, ms");
	snprintf(c->y_text, sizeof(c->y_text), "share of pages");
	plot_group_text(c->subtitle, sizeof(c->subtitle), p->run, cell, "");
	strncat(c->subtitle, "; one repetition, all threads",
		sizeof(c->subtitle) - strlen(c->subtitle) - 1);
}

static int draw(struct plotter *p, struct chart *c, const struct flow *f,
		unsigned nr)
{
	char name[CHART_TEXT_MAX + 8];
	bool synthetic = false;
	struct outfile out;
	int rc;

	memset(c, 0, sizeof(*c));
	set_texts(p, c, f[0].cell);
	c->y_max = 1;
	snprintf(name, sizeof(name), "%s.dat", c->base);
	rc = outfile_open(&out, p->dir, name, p->err, p->err_len);
	if (rc)
		return rc;
	for (unsigned side = 0; side < NR_SIDES; side++)
		for (unsigned i = 0; i < nr; i++)
			put_flow(out.f, &f[i], side, c);
	for (unsigned i = 0; i < nr; i++) {
		const unsigned style =
			chart_engine_style(p->run, f[i].cell->engine);
		c->series_style[c->nr_series++] = style;
		synthetic |= cell_synthetic(f[i].cell);
		chart_add_label(c, f[i].cell->engine, last_share(&f[i]), style);
	}
	chart_place_labels(c);
	chart_credit(c, p->run, nr, synthetic);
	rc = outfile_close(&out, p->err, p->err_len);
	return rc ? rc : chart_write(p, c);
}

/* Engines of one point; returns how many have something, or -errno. */
static int load_group(struct plotter *p, unsigned leader, struct flow *f)
{
	const struct run_data *run = p->run;
	unsigned nr = 0;

	for (unsigned c = leader; c < run->nr_cells && nr < LINES_MAX; c++) {
		int rc;

		if (!cell_same_point(&run->cell[leader], &run->cell[c], NULL))
			continue;
		rc = load_flow(p, &run->cell[c], &f[nr]);
		if (!rc && f[nr].nr > 2 && interest(&f[nr]) > 0) {
			nr++;
			continue;
		}
		free(f[nr].look);
		f[nr].look = NULL;
		if (rc)
			return rc;
	}
	return (int)nr;
}

static void drop_group(struct flow *f)
{
	for (unsigned i = 0; i < LINES_MAX; i++) {
		free(f[i].look);
		f[i].look = NULL;
	}
}

/* The point of a workload that has most to show; -1: none, or -errno. */
static int choose(struct plotter *p, const char *workload, struct flow *f,
		  int *best)
{
	const struct run_data *run = p->run;
	double most = 0;

	*best = -1;
	for (unsigned c = 0; c < run->nr_cells; c++) {
		int nr;

		if (strcmp(run->cell[c].workload, workload) ||
		    !plot_leads_group(run, c, NULL))
			continue;
		nr = load_group(p, c, f);
		for (int i = 0; i < nr; i++) {
			if (interest(&f[i]) <= most)
				continue;
			most = interest(&f[i]);
			*best = (int)c;
		}
		drop_group(f);
		if (nr < 0)
			return nr;
	}
	return 0;
}

static bool first_of_workload(const struct run_data *run, unsigned cell)
{
	for (unsigned c = 0; c < cell; c++)
		if (!strcmp(run->cell[c].workload, run->cell[cell].workload))
			return false;
	return true;
}

int plot_remote_charts(struct plotter *p)
{
	struct flow f[LINES_MAX] = { 0 };
	struct chart *c = malloc(sizeof(*c));
	int rc = c ? 0 : -ENOMEM;

	if (rc)
		snprintf(p->err, p->err_len, "%s: out of memory", p->dir);
	for (unsigned i = 0; i < p->run->nr_cells && !rc; i++) {
		int best, nr;

		if (!first_of_workload(p->run, i))
			continue;
		rc = choose(p, p->run->cell[i].workload, f, &best);
		if (rc || best < 0)
			continue;
		nr = load_group(p, (unsigned)best, f);
		rc = nr > 0 ? draw(p, c, f, (unsigned)nr) : nr;
		drop_group(f);
	}
	free(c);
	return rc;
}
