/*
 * samples.csv: one line per repetition and metric, tidy, never aggregated; and
 * failed.csv: one line per repetition that gave no number. Columns and units
 * are described in results/README.md.
 */
#include "harness/emit.h"
#include "harness/outfile.h"

/* The columns that both files begin with, each followed by a comma. */
static void put_key(FILE *f, const struct run_data *run,
		    const struct cell_data *cell, const char *engine,
		    unsigned rep)
{
	csv_field(f, run->id);
	putc(',', f);
	csv_field(f, cell->id);
	putc(',', f);
	csv_field(f, engine);
	putc(',', f);
	csv_field(f, cell->workload);
	putc(',', f);
	csv_field(f, cell->machine);
	fprintf(f, ",%u,", cell->threads);
	if (cell->order >= 0)
		fprintf(f, "%d", cell->order);
	fprintf(f, ",%u,", rep);
}

static void put_value(FILE *f, bool present, double value, const char *flags)
{
	char text[32] = "";

	if (present)
		number_text(value, text, sizeof(text));
	fprintf(f, "%s,", text);
	csv_field(f, flags);
	putc('\n', f);
}

static void put_floor(FILE *f, const struct run_data *run,
		      const struct cell_data *cell, unsigned rep,
		      const struct rep_floor *floor)
{
	char engine[256];

	snprintf(engine, sizeof(engine), "floor:%s", floor->name);
	put_key(f, run, cell, engine, rep);
	fputs("ns_per_op,", f);
	csv_field(f, floor->unit);
	fputs(",lower,", f);
	put_value(f, floor->present, floor->value, cell->rep[rep].flags);
	if (!floor->spread_present)
		return;
	put_key(f, run, cell, engine, rep);
	fputs("ns_per_op_spread,", f);
	csv_field(f, floor->unit);
	fputs(",none,", f);
	put_value(f, true, floor->spread, cell->rep[rep].flags);
}

static void put_rep(FILE *f, const struct run_data *run,
		    const struct cell_data *cell, unsigned rep)
{
	const struct rep_data *r = &cell->rep[rep];

	for (unsigned i = 0; i < r->nr_metrics; i++) {
		const struct rep_metric *m = &r->metric[i];

		put_key(f, run, cell, cell->engine, rep);
		csv_field(f, m->name);
		putc(',', f);
		csv_field(f, m->unit);
		putc(',', f);
		csv_field(f, m->better);
		putc(',', f);
		put_value(f, m->present, m->value, r->flags);
	}
	for (unsigned i = 0; i < r->nr_floors; i++)
		put_floor(f, run, cell, rep, &r->floor[i]);
}

void emit_samples(FILE *f, const struct run_data *run)
{
	fputs("run,cell,engine,workload,machine,threads,order,rep,metric,unit,"
	      "better,value,flags\n",
	      f);
	for (unsigned c = 0; c < run->nr_cells; c++)
		for (unsigned i = 0; i < run->cell[c].nr_reps; i++)
			if (run->cell[c].rep[i].state == REP_OK)
				put_rep(f, run, &run->cell[c], i);
}

void emit_failed(FILE *f, const struct run_data *run)
{
	fputs("run,cell,engine,workload,machine,threads,order,rep,status,"
	      "reason\n",
	      f);
	for (unsigned c = 0; c < run->nr_cells; c++) {
		const struct cell_data *cell = &run->cell[c];

		for (unsigned i = 0; i < cell->nr_reps; i++) {
			if (cell->rep[i].state == REP_OK)
				continue;
			put_key(f, run, cell, cell->engine, i);
			fprintf(f, "%s,", rep_state_name(cell->rep[i].state));
			csv_field(f, cell->rep[i].reason);
			putc('\n', f);
		}
	}
}
