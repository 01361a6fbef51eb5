/*
 * Charts over time, from series.csv of the first ok repetition of a cell: free
 * blocks per order as a heat map above the types of the pageblocks, the
 * unusable free space and fragmentation indexes of the largest zone, what waits
 * for grace periods, huge pages still obtainable, and how much of what reclaim
 * looked at it took. Sums go over all nodes and zones.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/gfp.h"
#include "harness/outfile.h"
#include "harness/plot_chart.h"
#include "harness/stats.h"

#define INDEXES        (4 + NR_PAGE_ORDERS) /* extfrag9, unusable9 */
#define LIMBO          (INDEXES + 3)
#define HUGE_GOT       (INDEXES + 6)
#define COLUMNS        (INDEXES + 7)
#define PGSCAN         (INDEXES + 20) /* four columns, then the types */
#define BLOCK_TYPES    (PGSCAN + 4)
#define COLUMNS_NOW    (BLOCK_TYPES + NR_TYPES)
#define NR_TYPES       6 /* migratetypes */
#define ROWS_MAX       2000000
#define STEPS_MAX      300 /* time steps drawn, in all panels */
#define PANELS_MAX     4
#define VISIBLE_BLOCKS 8    /* change of an order's number */
#define VISIBLE_SHARE  0.01 /* of free memory */
#define MIB_PAGES      256.0

/* Free blocks at one time, over all zones. */
struct moment {
	double t_s, blocks[NR_PAGE_ORDERS], unusable;
	double largest;   /* free pages of the zone that `unusable` is of */
	double limbo_mib; /* freed, waiting for a grace period */
	double huge;      /* order-9 blocks had, percent; < 0: not asked for */
	double extfrag;   /* of the same zone as unusable */
	double scanned, stolen; /* since the start, whole machine */
	double efficiency;      /* since the look before; NAN: nothing */
	double type[NR_TYPES];  /* pageblocks */
};

struct series {
	const struct cell_data *cell;
	double huge_probe; /* blocks asked for at each look, NAN: none */
	struct moment *moment;
	unsigned nr, room;
};

static const char header[] = "t_ns,node,zone,free_pages,o0,o1,o2,o3,o4,o5,o6,"
			     "o7,o8,o9,o10,extfrag9,unusable9,cached_pages,"
			     "limbo_pages,grace_periods,merged_blocks,"
			     "huge_got";

static int complain(struct plotter *p, const char *path, unsigned line,
		    const char *expected)
{
	snprintf(p->err, p->err_len, "%s:%u: expected %s", path, line,
		 expected);
	return -EINVAL;
}

/* Cuts the line into its fields; the number of them. */
static unsigned split(char *line, char *field[COLUMNS_NOW])
{
	unsigned n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (char *s = line; s; n++) {
		if (n == COLUMNS_NOW)
			return n;
		field[n] = s;
		s = strchr(s, ',');
		if (s)
			*s++ = '\0';
		else
			return n + 1;
	}
	return n;
}

static bool number_of(const char *s, double *out)
{
	char *end;

	*out = strtod(s, &end);
	return *s && !*end && isfinite(*out);
}

static struct moment *moment_at(struct series *s, double t_s)
{
	struct moment *grown;

	if (s->nr && s->moment[s->nr - 1].t_s == t_s)
		return &s->moment[s->nr - 1];
	if (s->nr == s->room) {
		s->room = s->room ? 2 * s->room : 256;
		grown = realloc(s->moment, s->room * sizeof(*grown));
		if (!grown)
			return NULL;
		s->moment = grown;
	}
	memset(&s->moment[s->nr], 0, sizeof(s->moment[0]));
	s->moment[s->nr].t_s = t_s;
	return &s->moment[s->nr++];
}

static const char *add_row(struct series *s, char *line)
{
	char *field[COLUMNS_NOW];
	double v[COLUMNS_NOW] = { 0 };
	struct moment *m;
	unsigned nr = split(line, field);

	/* a run of an older version has no more */
	if (nr < COLUMNS_NOW && nr >= COLUMNS)
		nr = COLUMNS;
	if (nr < COLUMNS)
		return "22 fields or more";
	for (unsigned i = 0; i < nr; i++) {
		bool index = i == INDEXES || i == INDEXES + 1 || i == HUGE_GOT;

		if (i == 2 || (index && !*field[i]))
			continue;
		if (!number_of(field[i], &v[i]) || (!index && i && v[i] < 0))
			return "numbers";
	}
	if (s->nr && v[0] / 1e9 < s->moment[s->nr - 1].t_s)
		return "times that do not go back";
	m = moment_at(s, v[0] / 1e9);
	if (!m)
		return "memory";
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
		m->blocks[o] += v[4 + o];
	m->limbo_mib += v[LIMBO] / MIB_PAGES;
	m->huge = *field[HUGE_GOT] && s->huge_probe > 0
			  ? m->huge + 100 * v[HUGE_GOT] / s->huge_probe
			  : -1;
	if (v[3] >= m->largest) {
		m->largest = v[3];
		m->unusable = v[INDEXES + 1];
		m->extfrag = *field[INDEXES] ? v[INDEXES] : NAN;
	}
	m->scanned = v[PGSCAN] + v[PGSCAN + 2];
	m->stolen = v[PGSCAN + 1] + v[PGSCAN + 3];
	for (unsigned i = 0; i < NR_TYPES; i++)
		m->type[i] += v[BLOCK_TYPES + i];
	return NULL;
}

/* What was taken of what was looked at between two looks. */
static void set_efficiency(struct series *s)
{
	for (unsigned i = 0; i < s->nr; i++) {
		struct moment *m = &s->moment[i];
		const double scanned = i ? m->scanned - m[-1].scanned : 0;

		m->efficiency = scanned > 0
					? (m->stolen - m[-1].stolen) / scanned
					: NAN;
	}
}

static int read_series(struct plotter *p, const char *path, FILE *f,
		       struct series *s)
{
	char line[1024];
	unsigned nr = 1;

	if (!fgets(line, sizeof(line), f))
		return complain(p, path, 1, "a line of column names");
	line[strcspn(line, "\r\n")] = '\0';
	/* columns that were added later are of no concern here */
	if (strncmp(line, header, strlen(header)) != 0)
		return complain(p, path, 1, header);
	while (fgets(line, sizeof(line), f)) {
		const char *expected = "a whole line";

		nr++;
		if (nr > ROWS_MAX)
			return complain(p, path, nr, "fewer lines");
		if (strchr(line, '\n'))
			expected = add_row(s, line);
		if (expected)
			return complain(p, path, nr, expected);
	}
	set_efficiency(s);
	return 0;
}

/* The first repetition that has a file; none is no error. */
static int load_cell(struct plotter *p, const struct cell_data *cell,
		     struct series *s)
{
	s->cell = cell;
	s->huge_probe = plot_key_value(cell, "huge_probe");
	for (unsigned i = 0; i < cell->nr_reps; i++) {
		char path[8192];
		FILE *f;
		int rc;

		snprintf(path, sizeof(path), "%s/cells/%s/rep-%02u/series.csv",
			 p->run->dir, cell->id, i);
		f = cell->rep[i].state == REP_OK ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		rc = read_series(p, path, f, s);
		fclose(f);
		return rc;
	}
	return 0;
}

/* A pair splits and merges one block for ever: that is not worth a chart. */
static bool changes(const struct series *s)
{
	double most = 0;

	for (unsigned o = 0; o < NR_PAGE_ORDERS && s->nr > 2; o++) {
		double low = INFINITY, high = 0;

		for (unsigned i = 0; i < s->nr; i++) {
			low = fmin(low, s->moment[i].blocks[o]);
			high = fmax(high, s->moment[i].blocks[o]);
		}
		most = fmax(most, high - low);
	}
	return most >= VISIBLE_BLOCKS;
}

static double unusable_share(const struct moment *m)
{
	return m->unusable;
}

static double limbo_mib(const struct moment *m)
{
	return m->limbo_mib;
}

static double huge_percent(const struct moment *m)
{
	return m->huge;
}

/* Where a block is to be had there is nothing to say: a gap. */
static double extfrag_index(const struct moment *m)
{
	return m->extfrag >= 0 ? m->extfrag : NAN;
}

static double efficiency_share(const struct moment *m)
{
	return m->efficiency;
}

static double most(const struct series *s, unsigned nr,
		   double (*value)(const struct moment *m))
{
	double highest = -1;

	for (unsigned i = 0; i < nr; i++)
		for (unsigned k = 0; k < s[i].nr; k++)
			highest = fmax(highest, value(&s[i].moment[k]));
	return highest;
}

static void put_heat(FILE *f, const struct series *s, struct chart *c,
		     unsigned panels)
{
	unsigned step = s->nr * panels / STEPS_MAX + 1;

	fputs("# seconds end order blocks: ", f);
	chart_quote(f, s->cell->engine);
	putc('\n', f);
	for (unsigned i = 0; i + step < s->nr; i += step) {
		const struct moment *m = &s->moment[i];
		double end = s->moment[i + step].t_s;

		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
			if (!(m->blocks[o] > 0))
				continue;
			fprintf(f, "%.6f %.6f %u %.0f\n", m->t_s, end, o,
				m->blocks[o]);
			c->c_max = fmax(c->c_max, m->blocks[o]);
		}
		c->x_min = fmin(c->x_min, m->t_s);
		c->x_max = fmax(c->x_max, end);
	}
	fputs("? ? ? ?\n\n\n", f);
}

/* Pageblocks of each type, in percent, stacked by the script. */
static void put_types(FILE *f, const struct series *s)
{
	const unsigned step = s->nr / STEPS_MAX + 1;

	fputs("# seconds, then % of pageblocks by type: ", f);
	chart_quote(f, s->cell->engine);
	putc('\n', f);
	for (unsigned i = 0; i < s->nr; i += step) {
		const struct moment *m = &s->moment[i];
		double sum = 0;

		for (unsigned k = 0; k < NR_TYPES; k++)
			sum += m->type[k];
		if (!(sum > 0))
			continue;
		fprintf(f, "%.6f", m->t_s);
		for (unsigned k = 0; k < NR_TYPES; k++)
			fprintf(f, " %.4g", 100 * m->type[k] / sum);
		putc('\n', f);
	}
	fputs("\n\n", f);
}

/* Runs of older versions do not tell. */
static bool has_types(const struct series *s)
{
	return s->nr && s->moment[0].type[MT_MOVABLE] > 0;
}

/* Each point is the mean of the looks that it stands for, in a band from the
 * least to the greatest of them. */
static void put_line(FILE *f, const struct series *s, struct chart *c,
		     double (*value)(const struct moment *m))
{
	unsigned step = s->nr / STEPS_MAX + 1;

	fputs("# seconds mean least greatest unused looks: ", f);
	chart_quote(f, s->cell->engine);
	putc('\n', f);
	for (unsigned i = 0; i < s->nr; i += step) {
		double low = INFINITY, high = -INFINITY, sum = 0;
		unsigned n = 0;

		for (unsigned k = i; k < i + step && k < s->nr; k++) {
			double v = value(&s->moment[k]);

			if (isnan(v))
				continue;
			low = fmin(low, v);
			high = fmax(high, v);
			sum += v;
			n++;
		}
		if (!n) {
			fprintf(f, "%.6f ? ? ? 0 0\n", s->moment[i].t_s);
			continue;
		}
		fprintf(f, "%.6f %.6g %.6g %.6g 0 %u\n", s->moment[i].t_s,
			sum / n, low, high, n);
		c->x_min = fmin(c->x_min, s->moment[i].t_s);
		c->x_max = fmax(c->x_max, s->moment[i].t_s);
		c->y_max = fmax(c->y_max, high);
	}
	fputs("\n\n", f);
}

/* A kind of chart: a panel of tiles for each engine, or a line. */
struct over_time {
	const char *name, *title, *y_text, *note;
	double (*value)(const struct moment *m); /* NULL: tiles */
	double visible; /* greatest value from which on it is drawn */
	/* what a line's end is called, and a level to draw across; may be NULL
	 */
	void (*label)(char *out, size_t len, const struct cell_data *cell);
	const char *level, *level_text; /* a metric */
	double level_unit;
};

static double cell_median(const struct cell_data *cell, const char *metric)
{
	double value[RUN_REPS_MAX];
	struct stats s;

	stats_of(&s, value, cell_values(cell, metric, value, RUN_REPS_MAX));
	return s.n ? s.median : NAN;
}

/* "rcu 85 | 90 %": at the end, and after a drain. */
static void huge_label(char *out, size_t len, const struct cell_data *cell)
{
	snprintf(out, len, "%.10s %.0f | %.0f %%", cell->engine,
		 100 * cell_median(cell, "huge_rate_end"),
		 100 * cell_median(cell, "huge_rate_drained"));
}

static const struct over_time kinds[] = {
	{ .name = "freeblocks", .title = "free blocks by order over time" },
	{ .name = "unusable",
	  .title = "unusable free space over time",
	  .y_text = "share of free pages below order 9, largest zone",
	  .value = unusable_share,
	  .visible = VISIBLE_SHARE },
	{ .name = "extfrag",
	  .title = "fragmentation index",
	  .y_text = "0: lack of memory, 1: fragmentation; order 9",
	  .value = extfrag_index,
	  .visible = VISIBLE_SHARE,
	  .note = "; a gap: a block was there" },
	{ .name = "efficiency",
	  .title = "reclaim efficiency",
	  .y_text = "pages taken / pages scanned",
	  .value = efficiency_share,
	  .visible = 0,
	  .note = "; a gap: nothing was scanned" },
	{ .name = "limbo",
	  .title = "memory waiting for grace periods",
	  .y_text = "in limbo, MiB",
	  .value = limbo_mib,
	  .visible = 1 / MIB_PAGES,
	  .level = "limbo_limit_pages",
	  .level_text = "limit",
	  .level_unit = MIB_PAGES },
	{ .name = "huge",
	  .title = "huge pages still obtainable",
	  .y_text = "order-9 blocks had, % of those asked for",
	  .value = huge_percent,
	  .visible = 0,
	  .note = "; right: at the end | after a drain",
	  .label = huge_label },
};

static void set_texts(struct plotter *p, struct chart *c,
		      const struct over_time *kind, const struct series *s)
{
	char slug[64];

	chart_slug(slug, sizeof(slug), s->cell->workload);
	c->template_name = kind->value ? "xy" : "freeblocks";
	snprintf(c->base, sizeof(c->base), "%s-%s", kind->name, slug);
	snprintf(c->title, sizeof(c->title), "%.100s: %s", s->cell->workload,
		 kind->title);
	snprintf(c->x_text, sizeof(c->x_text), "time since the gate opened, s");
	snprintf(c->y_text, sizeof(c->y_text), "%s",
		 kind->y_text ? kind->y_text : "");
	plot_group_text(c->subtitle, sizeof(c->subtitle), p->run, s->cell, "");
	strncat(c->subtitle, "; one repetition, all zones",
		sizeof(c->subtitle) - strlen(c->subtitle) - 1);
	if (kind->note)
		strncat(c->subtitle, kind->note,
			sizeof(c->subtitle) - strlen(c->subtitle) - 1);
}

/* Where the line ends. */
static double last_value(const struct over_time *kind, const struct series *s)
{
	for (unsigned i = s->nr; i-- > 0;)
		if (!isnan(kind->value(&s->moment[i])))
			return kind->value(&s->moment[i]);
	return 0;
}

/* The line's name at its end, and a level that it must not pass. */
static void add_line_labels(const struct over_time *kind, struct chart *c,
			    const struct series *s, unsigned style)
{
	double level = kind->level ? cell_median(s->cell, kind->level) : NAN;
	char text[CHART_TEXT_MAX];

	snprintf(text, sizeof(text), "%.24s", s->cell->engine);
	if (kind->label)
		kind->label(text, sizeof(text), s->cell);
	chart_add_label(c, text, last_value(kind, s), style);
	if (!(level > 0) || c->nr_floors == RUN_FLOORS_MAX)
		return;
	level /= kind->level_unit;
	c->floor_y[c->nr_floors++] = level;
	c->y_max = fmax(c->y_max, level);
	chart_add_label(c, kind->level_text, level, CHART_STYLE_GREY);
}

/* One chart of all engines; c is empty. */
static int fill_chart(struct plotter *p, const struct over_time *kind,
		      struct chart *c, const struct series *s, unsigned nr)
{
	char name[CHART_TEXT_MAX + 8];
	bool synthetic = false;
	struct outfile out;
	int rc;

	set_texts(p, c, kind, &s[0]);
	c->c_max = 2;
	c->no_points = true;
	snprintf(name, sizeof(name), "%s.dat", c->base);
	rc = outfile_open(&out, p->dir, name, p->err, p->err_len);
	if (rc)
		return rc;
	for (unsigned i = 0; i < nr; i++) {
		const unsigned style =
			chart_engine_style(p->run, s[i].cell->engine);

		if (kind->value)
			put_line(out.f, &s[i], c, kind->value);
		else
			put_heat(out.f, &s[i], c, nr);
		c->series_style[c->nr_series++] = style;
		synthetic |= cell_synthetic(s[i].cell);
		if (kind->value)
			add_line_labels(kind, c, &s[i], style);
		else
			chart_add_label(c, s[i].cell->engine, 0, style);
	}
	c->two_lines = !kind->value && has_types(&s[0]);
	for (unsigned i = 0; c->two_lines && i < nr; i++)
		put_types(out.f, &s[i]);
	c->y_max = chart_nice_above(c->y_max * 1.05);
	if (kind->value)
		chart_place_labels(c);
	chart_credit(c, p->run, nr, synthetic);
	return outfile_close(&out, p->err, p->err_len);
}

/* Series that the kind has something to show of; those without are left out. */
static int draw(struct plotter *p, const struct over_time *kind,
		const struct series *all, unsigned nr_all)
{
	struct series s[PANELS_MAX];
	struct chart *c;
	unsigned nr = 0;
	int rc;

	for (unsigned i = 0; i < nr_all; i++)
		if (!kind->value ||
		    most(&all[i], 1, kind->value) >= kind->visible)
			s[nr++] = all[i];
	if (!nr)
		return 0;
	/* a share that the others do not have is worth showing beside them */
	if (kind->value == unusable_share) {
		memcpy(s, all, nr_all * sizeof(*s));
		nr = nr_all;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	rc = fill_chart(p, kind, c, s, nr);
	if (!rc)
		rc = chart_write(p, c);
	free(c);
	return rc;
}

/* Engines of one group whose lists moved; 1: drawn, 0: nothing to show. */
static int draw_group(struct plotter *p, unsigned leader)
{
	const struct run_data *run = p->run;
	struct series s[PANELS_MAX] = { 0 };
	unsigned nr = 0;
	int rc = 0;

	for (unsigned c = leader; c < run->nr_cells && nr < PANELS_MAX; c++) {
		if (!cell_same_point(&run->cell[leader], &run->cell[c], NULL))
			continue;
		rc = load_cell(p, &run->cell[c], &s[nr]);
		if (rc)
			break;
		if (changes(&s[nr])) {
			nr++;
			continue;
		}
		free(s[nr].moment);
		memset(&s[nr], 0, sizeof(s[nr]));
	}
	if (!rc && nr) {
		for (size_t k = 0; k < ARRAY_SIZE(kinds) && !rc; k++)
			rc = draw(p, &kinds[k], s, nr);
		if (!rc)
			rc = 1;
	}
	for (unsigned i = 0; i < PANELS_MAX; i++)
		free(s[i].moment);
	return rc;
}

int plot_series_charts(struct plotter *p)
{
	const struct run_data *run = p->run;
	bool *done = calloc(run->nr_cells + 1, sizeof(*done));
	unsigned total = 0;
	int rc = done ? 0 : -ENOMEM;

	for (unsigned c = 0; c < run->nr_cells && rc >= 0; c++) {
		if (done[c] || !plot_leads_group(run, c, NULL))
			continue;
		rc = draw_group(p, c);
		if (rc <= 0)
			continue;
		total++;
		for (unsigned k = c; k < run->nr_cells; k++)
			done[k] |= strcmp(run->cell[k].workload,
					  run->cell[c].workload) == 0;
	}
	if (rc == -ENOMEM)
		snprintf(p->err, p->err_len, "%s: out of memory", p->dir);
	if (rc >= 0 && !total)
		plot_say(p, "no chart over time: no series.csv in which the "
			    "lists of free blocks move by more than a few");
	free(done);
	return rc < 0 ? rc : 0;
}
