/*
 * Node x node: what a pair of nodes costs. Cells that differ in nothing but
 * their nodes make one chart for each engine:
 *   placement=pairs:A-B             rows A (allocates), columns B (frees)
 *   placement=node:A mem_policy=bind:B  rows A (the CPU), columns B (memory)
 * A panel each for throughput and for the latencies that the workload times.
 * Medians over the repetitions; a pair without a number is hatched.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/outfile.h"
#include "harness/placement.h"
#include "harness/plot_chart.h"
#include "harness/stats.h"

/* The two kinds of pairs. */
enum sides { SIDES_NONE, SIDES_HANDOFF, SIDES_MEMORY };

struct pair {
	enum sides sides;
	uint16_t row, column; /* nodes */
};

static const struct metric {
	const char *name, *title;
	double scale;
} metrics[] = {
	{ "throughput", "throughput, Mop/s", 1e-6 },
	{ "lat_alloc_p50", "allocate, median ns", 1 },
	{ "lat_free_p50", "free, median ns", 1 },
	{ "lat_touch_p50", "touch, median ns", 1 },
};

/* One chart in the making. */
struct matrix {
	const struct run_data *run;
	const struct cell_data *leader;
	enum sides sides;
	uint16_t node[MAX_NODES]; /* rows and columns, ascending */
	unsigned nr_nodes, nr_pairs, nr_samples;
	bool synthetic;
};

static double scratch[RUN_REPS_MAX];

static struct pair pair_of(const struct cell_data *cell)
{
	const struct pair none = { SIDES_NONE, 0, 0 };
	struct mem_rules rules;
	struct placement p;

	if (placement_parse(cell_param(cell, "placement"), &p) ||
	    placement_is_open(&p))
		return none;
	if (p.kind == PLACE_PAIRS)
		return (struct pair){ SIDES_HANDOFF, p.node, p.peer };
	if (p.kind != PLACE_NODE ||
	    mem_rules_parse(cell_param(cell, "mem_policy"), &rules) ||
	    rules.nr != 1 || rules.rule[0].kind != RULE_BIND ||
	    mem_rules_are_open(&rules))
		return none;
	return (struct pair){ SIDES_MEMORY, p.node, rules.rule[0].node };
}

/* Same engine and same everything but nodes. */
static bool same_but_nodes(const struct cell_data *a, const struct cell_data *b)
{
	const char *key;
	json_t *v;

	if (strcmp(a->engine, b->engine) || strcmp(a->workload, b->workload) ||
	    strcmp(a->machine, b->machine) || a->threads != b->threads ||
	    a->order != b->order ||
	    json_object_size(a->params) != json_object_size(b->params))
		return false;
	json_object_foreach((json_t *)a->params, key, v)
	{
		if (strcmp(key, "placement") && strcmp(key, "mem_policy") &&
		    strcmp(json_string_value(v), cell_param(b, key)))
			return false;
	}
	return true;
}

static bool belongs(const struct matrix *m, const struct cell_data *cell)
{
	return pair_of(cell).sides == m->sides &&
	       same_but_nodes(m->leader, cell);
}

static void add_node(struct matrix *m, uint16_t node)
{
	unsigned at = 0;

	while (at < m->nr_nodes && m->node[at] < node)
		at++;
	if (at < m->nr_nodes && m->node[at] == node)
		return;
	memmove(&m->node[at + 1], &m->node[at],
		(m->nr_nodes - at) * sizeof(m->node[0]));
	m->node[at] = node;
	m->nr_nodes++;
}

/* Nodes of the group that `leader` leads; false: it leads none. */
static bool gather(struct matrix *m, const struct run_data *run,
		   unsigned leader)
{
	*m = (struct matrix){ .run = run,
			      .leader = &run->cell[leader],
			      .sides = pair_of(&run->cell[leader]).sides };
	if (m->sides == SIDES_NONE)
		return false;
	for (unsigned c = 0; c < run->nr_cells; c++) {
		const struct cell_data *cell = &run->cell[c];
		const struct pair pair = pair_of(cell);

		if (!belongs(m, cell))
			continue;
		if (c < leader)
			return false;
		add_node(m, pair.row);
		add_node(m, pair.column);
		m->nr_pairs++;
		m->nr_samples += cell_nr_ok(cell);
		m->synthetic |= cell_synthetic(cell);
	}
	return m->nr_nodes > 1 && m->nr_samples;
}

static const struct cell_data *cell_at(const struct matrix *m, unsigned row,
				       unsigned column)
{
	for (unsigned c = 0; c < m->run->nr_cells; c++) {
		const struct cell_data *cell = &m->run->cell[c];
		const struct pair pair = pair_of(cell);

		if (pair.row == m->node[row] &&
		    pair.column == m->node[column] && belongs(m, cell))
			return cell;
	}
	return NULL;
}

/* Median of a metric at one place; NAN: no number. */
static double value_at(const struct matrix *m, const struct metric *metric,
		       unsigned row, unsigned column)
{
	const struct cell_data *cell = cell_at(m, row, column);
	struct stats s;
	unsigned n;

	if (!cell)
		return NAN;
	n = cell_values(cell, metric->name, scratch, RUN_REPS_MAX);
	if (!n)
		return NAN;
	stats_of(&s, scratch, n);
	return s.median * metric->scale;
}

/* Three digits, so that a number fits into its box. */
static void place_text(double v, const struct metric *metric, char *buf,
		       size_t len)
{
	/* times are not known finer than the clock's quantum */
	const bool whole = metric->scale == 1;

	if (v >= 9999.5)
		snprintf(buf, len, "%.0fk", v / 1000);
	else
		snprintf(buf, len, "%.*f",
			 whole || v >= 99.95 ? 0
			 : v >= 9.995        ? 1
					     : 2,
			 v);
}

/* One block of the data, and one of the places without a number. */
static bool put_panel(FILE *f, const struct matrix *m,
		      const struct metric *metric, struct chart *c)
{
	const unsigned panel = c->nr_panels;
	double low = INFINITY, high = 0;
	char text[32];

	for (unsigned r = 0; r < m->nr_nodes; r++)
		for (unsigned k = 0; k < m->nr_nodes; k++) {
			low = fmin(low, value_at(m, metric, r, k));
			high = fmax(high, value_at(m, metric, r, k));
		}
	if (!(high > 0))
		return false;
	fprintf(f, "# column row value text dark: %s\n", metric->name);
	for (unsigned r = 0; r < m->nr_nodes; r++)
		for (unsigned k = 0; k < m->nr_nodes; k++) {
			double v = value_at(m, metric, r, k);

			if (isnan(v))
				continue;
			place_text(v, metric, text, sizeof(text));
			/* a small difference must not look like a large one */
			fprintf(f, "%u %u %.6g %s %d\n", k, r, v, text,
				v > (fmin(low, high / 2) + high) / 2);
		}
	fputs("\n\n# places without a number\n", f);
	for (unsigned r = 0; r < m->nr_nodes; r++)
		for (unsigned k = 0; k < m->nr_nodes; k++)
			if (isnan(value_at(m, metric, r, k)))
				fprintf(f, "%u %u\n", k, r);
	fputs("? ?\n\n\n", f);
	c->panel_low[panel] = fmin(low, high / 2);
	c->panel_high[panel] = high;
	snprintf(c->panel_text[panel], sizeof(c->panel_text[0]), "%s",
		 metric->title);
	c->nr_panels++;
	return true;
}

static void set_texts(struct chart *c, const struct matrix *m)
{
	const struct cell_data *cell = m->leader;
	const bool handoff = m->sides == SIDES_HANDOFF;
	char slug[2][64];
	size_t n = 0;

	chart_slug(slug[0], sizeof(slug[0]), cell->workload);
	chart_slug(slug[1], sizeof(slug[1]), cell->engine);
	c->template_name = "matrix";
	snprintf(c->base, sizeof(c->base), "matrix-%s-%s-%s", slug[0],
		 handoff ? "pairs" : "memory", slug[1]);
	snprintf(c->title, sizeof(c->title), "%.60s, %.40s: node x node",
		 cell->workload, cell->engine);
	snprintf(c->subtitle, sizeof(c->subtitle),
		 "%u thread%s, order %d; medians, light: low, dark: high; "
		 "hatched: no number",
		 cell->threads, cell->threads == 1 ? "" : "s", cell->order);
	snprintf(c->x_text, sizeof(c->x_text), "%s",
		 handoff ? "node that frees" : "node of the memory");
	snprintf(c->y_text, sizeof(c->y_text), "%s",
		 handoff ? "node that allocates" : "node of the CPU");
	for (unsigned i = 0; i < m->nr_nodes; i++)
		n += (size_t)snprintf(c->words + n, sizeof(c->words) - n,
				      "%s%u", i ? " " : "", m->node[i]);
}

static int write_chart(struct plotter *p, const struct matrix *m,
		       struct chart *c)
{
	char name[CHART_TEXT_MAX + 8];
	struct outfile out;
	int rc;

	snprintf(name, sizeof(name), "%s.dat", c->base);
	rc = outfile_open(&out, p->dir, name, p->err, p->err_len);
	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++)
		if (c->nr_panels < CHART_PANELS_MAX)
			put_panel(out.f, m, &metrics[i], c);
	rc = outfile_close(&out, p->err, p->err_len);
	return rc ? rc : chart_write(p, c);
}

/* Two groups of one workload and engine (another order, say) would have the
 * same name. */
static void make_unique(const struct plotter *p, struct chart *c)
{
	const size_t len = strlen(c->base);

	for (unsigned n = 2, k = 0; k < p->nr_charts;) {
		if (strcmp(p->base[k++], c->base))
			continue;
		snprintf(c->base + len, sizeof(c->base) - len, "-%u", n++);
		k = 0;
	}
}

int plot_matrix_charts(struct plotter *p)
{
	struct matrix *m = malloc(sizeof(*m));
	struct chart *c = malloc(sizeof(*c));
	int rc = m && c ? 0 : -ENOMEM;

	if (rc)
		snprintf(p->err, p->err_len, "%s: out of memory", p->dir);
	for (unsigned i = 0; i < p->run->nr_cells && !rc; i++) {
		if (!gather(m, p->run, i))
			continue;
		memset(c, 0, sizeof(*c));
		set_texts(c, m);
		make_unique(p, c);
		chart_credit(c, p->run, m->nr_samples, m->synthetic);
		rc = write_chart(p, m, c);
	}
	free(c);
	free(m);
	return rc;
}
