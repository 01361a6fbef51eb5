/*
 * summary.csv: for each cell and metric the median over its ok repetitions
 * with what is known of its precision (harness/stats.h names the methods).
 * A repetition that has no value for a metric does not count: see n.
 */
#include "harness/emit.h"
#include "harness/outfile.h"
#include "harness/stats.h"

static void put_number(FILE *f, double v)
{
	char text[32];

	number_text(v, text, sizeof(text));
	fprintf(f, ",%s", text);
}

static void put_line(FILE *f, const struct run_data *run,
		     const struct cell_data *cell, const struct rep_metric *m)
{
	static double value[RUN_REPS_MAX];
	struct stats s;
	unsigned n = cell_values(cell, m->name, value, RUN_REPS_MAX);
	const char *const text[] = { run->id, cell->id, cell->engine,
				     cell->workload, cell->machine };

	if (!n)
		return;
	stats_of(&s, value, n);
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		csv_field(f, text[i]);
		putc(',', f);
	}
	fprintf(f, "%u,", cell->threads);
	if (cell->order >= 0)
		fprintf(f, "%d", cell->order);
	fprintf(f, ",%s,", m->name);
	csv_field(f, m->unit);
	fprintf(f, ",%s,%u", m->better, n);
	put_number(f, s.median);
	put_number(f, s.mad);
	put_number(f, s.q1);
	put_number(f, s.q3);
	put_number(f, s.min);
	put_number(f, s.max);
	put_number(f, s.ci_low);
	put_number(f, s.ci_high);
	put_number(f, s.ci_level);
	putc('\n', f);
}

/* Whether an earlier ok repetition has it: then its line is written. */
static bool seen_before(const struct cell_data *cell, unsigned rep,
			const char *metric)
{
	for (unsigned i = 0; i < rep; i++)
		if (rep_metric_find(&cell->rep[i], metric))
			return true;
	return false;
}

void emit_stats(FILE *f, const struct run_data *run)
{
	fputs("run,cell,engine,workload,machine,threads,order,metric,unit,"
	      "better,n,median,mad,q1,q3,min,max,ci_low,ci_high,ci_level\n",
	      f);
	for (unsigned c = 0; c < run->nr_cells; c++) {
		const struct cell_data *cell = &run->cell[c];

		for (unsigned i = 0; i < cell->nr_reps; i++)
			for (unsigned k = 0; k < cell->rep[i].nr_metrics; k++) {
				const struct rep_metric *m =
					&cell->rep[i].metric[k];

				if (m->present &&
				    !seen_before(cell, i, m->name))
					put_line(f, run, cell, m);
			}
	}
}
