/*
 * The table that a run ends with. One table per workload and machine; what is
 * the same in all of its rows stands in its heading, what differs has a column.
 * Floors are rows of each table, and cells without a number stay visible.
 */
#include "harness/summary.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness/json_read.h"
#include "harness/options.h"
#include "harness/outfile.h"
#include "harness/stats.h"

#define KEYS_MAX   8  /* columns that tell cells of a table apart */
#define LEFT_MIN   24 /* "floor:cacheline_transfer" */
#define KEY_MAX    5  /* bytes of a key that its values do not need */
#define VALUE_MAX  24
#define REASON_CUT 46

struct column {
	const char *key; /* "threads", "order" or a parameter */
	unsigned width;
};

struct table {
	const struct run_data *run;
	const char *workload, *machine;
	struct column column[KEYS_MAX];
	unsigned nr_columns, engine_width, left_width;
	char constant[512]; /* "threads=2 order=0": same in all rows */
	bool narrow;        /* no room for latencies */
	char marks[16];     /* letters used */
	double lock_ns, *scratch;
	unsigned scratch_max;
};

/* Letters behind a row for flags of its repetitions. */
static const struct {
	char letter;
	const char *flag, *meaning;
} marks[] = {
	{ 'n', "noisy", "noisy repetition" },
	{ 'h', "outside_loop", "harness took more than 2 % of the window" },
	{ 'o', "oversubscribed", "more threads than CPUs" },
	{ 's', "smt", "two threads on one core" },
	{ 'c', "call", "out-of-line dispatch" },
	{ 'e', "emulated", "emulated CPUs: no time here means anything" },
	{ 'i', "invalid", "no measurement: built with checks or sanitizers" },
	{ '!', "", "other flags: see samples.csv" },
};

/* snprintf where cutting is meant. */
static void set_text(char *buf, size_t len, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

static void set_text(char *buf, size_t len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, len, fmt, ap);
	va_end(ap);
}

/* Control characters of names from files must not reach the terminal. */
static void put_clean(FILE *f, const char *s, size_t max)
{
	for (; *s && max; s++, max--)
		putc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, f);
}

/* Three significant digits in at most seven columns. */
static void number(char buf[16], double v)
{
	if (v != 0 && fabs(v) < 9.995)
		set_text(buf, 16, "%.2f", v);
	else if (fabs(v) < 99.95)
		set_text(buf, 16, "%.1f", v);
	else if (fabs(v) < 9999.5)
		set_text(buf, 16, "%.0f", v);
	else if (fabs(v) < 999500)
		set_text(buf, 16, fabs(v) < 99950 ? "%.1fk" : "%.0fk", v / 1e3);
	else if (fabs(v) < 999.5e6)
		set_text(buf, 16, fabs(v) < 99.95e6 ? "%.1fM" : "%.0fM",
			 v / 1e6);
	else
		set_text(buf, 16, "%.2g", v);
}

/* Whole nanoseconds: a single operation is not told finer than the clock. */
static void latency(char buf[16], double v)
{
	if (v < 999.5)
		set_text(buf, 16, "%.0f", v);
	else
		number(buf, v);
}

static void value_text(char buf[VALUE_MAX], const struct cell_data *cell,
		       const char *key)
{
	if (strcmp(key, "threads") == 0)
		set_text(buf, VALUE_MAX, "%u", cell->threads);
	else if (strcmp(key, "order") == 0 && cell->order >= 0)
		set_text(buf, VALUE_MAX, "%d", cell->order);
	else
		set_text(buf, VALUE_MAX, "%.*s", VALUE_MAX - 1,
			 cell_param(cell, key));
	for (char *c = buf; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

static bool in_table(const struct table *t, const struct cell_data *cell)
{
	return strcmp(cell->workload, t->workload) == 0 &&
	       strcmp(cell->machine, t->machine) == 0;
}

/* What the whole table has in common is told where it is not the default, or
 * the machine's, which has a line of its own. */
static bool worth_telling(const char *key, const char *value)
{
	const struct option *o = option_find(key, AT_SECTION);

	if (strcmp(key, "threads") == 0 || strcmp(key, "order") == 0 || !o)
		return true;
	return o->group != GROUP_MACHINE &&
	       !(o->def && strcmp(o->def, value) == 0);
}

/* As it heads a column, which is seldom wider than its values. */
static const char *short_name(const char *key)
{
	if (strcmp(key, "threads") == 0)
		return "thr";
	return strcmp(key, "order") == 0 ? "ord" : key;
}

/* A column where cells differ, otherwise a word of the heading. */
static void add_key(struct table *t, const char *key)
{
	char first[VALUE_MAX] = "", value[VALUE_MAX];
	unsigned width = (unsigned)strnlen(short_name(key), KEY_MAX), seen = 0;
	bool same = true;
	size_t used = strlen(t->constant);

	for (unsigned i = 0; i < t->nr_columns; i++)
		if (strcmp(t->column[i].key, key) == 0)
			return;
	for (unsigned c = 0; c < t->run->nr_cells; c++) {
		if (!in_table(t, &t->run->cell[c]))
			continue;
		value_text(value, &t->run->cell[c], key);
		if (!seen++)
			strcpy(first, value);
		same &= strcmp(first, value) == 0;
		if (strlen(value) > width)
			width = (unsigned)strlen(value);
	}
	if (!same && !option_tells_apart(key))
		return;
	if (!same && t->nr_columns < KEYS_MAX)
		t->column[t->nr_columns++] = (struct column){ key, width };
	else if (same && *first && worth_telling(key, first) &&
		 used + strlen(key) + strlen(first) + 4 < sizeof(t->constant))
		sprintf(t->constant + used, "%s%s=%s", used ? "  " : "", key,
			first);
}

/* The parameters of the first cell that has them, once each. */
static void add_params(struct table *t)
{
	json_t *seen = json_object();

	for (unsigned c = 0; c < t->run->nr_cells; c++) {
		const struct cell_data *cell = &t->run->cell[c];
		const char *key;
		json_t *v;

		if (!in_table(t, cell))
			continue;
		json_object_foreach((json_t *)cell->params, key, v)
		{
			if (json_object_get(seen, key) ||
			    !strcmp(key, "order") || !strcmp(key, "threads") ||
			    !strcmp(key, "engine") ||
			    !strcmp(key, "workload") || !strcmp(key, "machine"))
				continue;
			json_object_set_new(seen, key, json_true());
			add_key(t, key);
		}
	}
	json_decref(seen);
}

static void plan_table(struct table *t)
{
	unsigned width = 0;

	for (unsigned c = 0; c < t->run->nr_cells; c++) {
		const char *engine = t->run->cell[c].engine;

		if (in_table(t, &t->run->cell[c]) && strlen(engine) > width)
			width = (unsigned)strlen(engine);
	}
	t->engine_width = width < 6 ? 6 : width > 20 ? 20 : width;
	add_key(t, "threads");
	add_key(t, "order");
	add_params(t);
	width = t->engine_width;
	for (unsigned i = 0; i < t->nr_columns; i++)
		width += 1 + t->column[i].width;
	t->left_width = width < LEFT_MIN ? LEFT_MIN : width;
	t->narrow = width > LEFT_MIN;
}

static void cell_stats(struct table *t, const struct cell_data *cell,
		       const char *metric, struct stats *s)
{
	unsigned n = cell_values(cell, metric, t->scratch, t->scratch_max);

	stats_of(s, t->scratch, n);
}

/* The null cell that differs from this one in the engine alone. */
static const struct cell_data *null_twin(const struct table *t,
					 const struct cell_data *cell)
{
	for (unsigned c = 0; c < t->run->nr_cells; c++) {
		const struct cell_data *twin = &t->run->cell[c];

		if (strcmp(twin->engine, "null") == 0 && cell_nr_ok(twin) &&
		    cell_same_point(twin, cell, NULL))
			return twin;
	}
	return NULL;
}

static void put_ratio(FILE *f, double value, double floor)
{
	char buf[16] = "-";

	if (floor > 0)
		number(buf, value / floor);
	fprintf(f, " %5.5s", buf);
}

static void put_latencies(FILE *f, struct table *t,
			  const struct cell_data *cell)
{
	static const char *const names[] = { "lat_alloc_p50", "lat_alloc_p99",
					     "lat_alloc_p99_9" };
	static const int widths[] = { 5, 6, 6 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct stats s;
		char buf[16] = "-";

		cell_stats(t, cell, names[i], &s);
		/* where some have too few samples for it, none stands for all
		 */
		if (s.n && s.n == cell_nr_ok(cell))
			latency(buf, s.median);
		fprintf(f, " %*s", widths[i], buf);
	}
}

/* set: as a string, with room for each of marks[]. */
static void add_letter(char *set, char letter)
{
	size_t len = strlen(set);

	if (strchr(set, letter)) /* '\0' is in every string */
		return;
	set[len] = letter;
	set[len + 1] = '\0';
}

/* "noisy:steal" is noisy; what makes a result invalid is told by that. */
static char flag_letter(char *flag)
{
	size_t m = 0;

	flag[strcspn(flag, ":")] = '\0';
	if (strcmp(flag, "synthetic") == 0)
		return '\0'; /* stands beside the machine */
	if (strcmp(flag, "checked") == 0 || strcmp(flag, "sanitizer") == 0)
		return 'i';
	while (m < ARRAY_SIZE(marks) - 1 && strcmp(marks[m].flag, flag) != 0)
		m++;
	return marks[m].letter;
}

static void put_marks(FILE *f, struct table *t, const struct cell_data *cell)
{
	char row[ARRAY_SIZE(marks) + 1] = "";

	for (unsigned i = 0; i < cell->nr_reps; i++) {
		char flags[256], *save = NULL, *flag;

		strcpy(flags, cell->rep[i].flags);
		for (flag = strtok_r(flags, ";", &save); flag;
		     flag = strtok_r(NULL, ";", &save)) {
			add_letter(row, flag_letter(flag));
		}
	}
	for (char *c = row; *c; c++)
		add_letter(t->marks, *c);
	if (*row) /* the table is SUMMARY_COLUMNS wide */
		fprintf(f, " %.2s%s", row,
			strlen(row) > 3   ? "+"
			: strlen(row) > 2 ? row + 2
					  : "");
}

static void put_left(FILE *f, const struct table *t,
		     const struct cell_data *cell)
{
	int width = fprintf(f, "%-*.*s", (int)t->engine_width,
			    (int)t->engine_width, cell->engine);

	for (unsigned i = 0; i < t->nr_columns; i++) {
		char value[VALUE_MAX];

		value_text(value, cell, t->column[i].key);
		width += fprintf(f, " %*s", (int)t->column[i].width,
				 *value ? value : "-");
	}
	fprintf(f, "%*s", (int)t->left_width - width, "");
}

static void put_figures(FILE *f, const struct stats *per_op, double rate)
{
	char ns[16], ops[16] = "-";

	number(ns, per_op->median);
	if (rate > 0)
		number(ops, rate / 1e6);
	fprintf(f, " %7s %4.*f %6s", ns,
		stats_spread_percent(per_op) < 9.95 ? 1 : 0,
		stats_spread_percent(per_op), ops);
}

/* "void: memory on node 1" where the figures would stand. */
static void put_missing(FILE *f, const struct cell_data *cell)
{
	const struct rep_data *rep = &cell->rep[0];

	for (unsigned i = 0; i < cell->nr_reps; i++)
		if (cell->rep[i].state != REP_MISSING) {
			rep = &cell->rep[i];
			break;
		}
	if (rep->state == REP_OK) { /* and yet no figure */
		fputs("  no operation was completed\n", f);
		return;
	}
	fprintf(f, "  %s%s", rep_state_name(rep->state),
		*rep->reason ? ": " : "");
	put_clean(f, rep->reason, REASON_CUT - 10);
	putc('\n', f);
}

static void put_cell(FILE *f, struct table *t, const struct cell_data *cell)
{
	const struct cell_data *null = null_twin(t, cell);
	struct stats per_op, rate, floor = { 0 };

	put_left(f, t, cell);
	cell_stats(t, cell, "ns_per_op", &per_op);
	if (!per_op.n) {
		put_missing(f, cell);
		return;
	}
	cell_stats(t, cell, "throughput", &rate);
	if (null)
		cell_stats(t, null, "ns_per_op", &floor);
	put_figures(f, &per_op, rate.median);
	put_ratio(f, per_op.median, floor.median);
	put_ratio(f, per_op.median, t->lock_ns);
	if (!t->narrow)
		put_latencies(f, t, cell);
	put_marks(f, t, cell);
	putc('\n', f);
}

/* Names of floors in the order of their first appearance. */
static unsigned floor_names(const struct run_data *run, const char **name,
			    unsigned max)
{
	unsigned n = 0;

	for (unsigned c = 0; c < run->nr_cells; c++)
		for (unsigned i = 0; i < run->cell[c].nr_reps; i++) {
			const struct rep_data *rep = &run->cell[c].rep[i];

			for (unsigned k = 0; k < rep->nr_floors; k++) {
				unsigned j = 0;

				while (j < n &&
				       strcmp(name[j], rep->floor[k].name))
					j++;
				if (j == n && n < max)
					name[n++] = rep->floor[k].name;
			}
		}
	return n;
}

static void put_floors(FILE *f, struct table *t)
{
	const char *name[RUN_FLOORS_MAX];
	unsigned nr = floor_names(t->run, name, RUN_FLOORS_MAX);

	for (unsigned i = 0; i < nr; i++) {
		struct stats s;
		char text[64];
		unsigned n = run_floor_values(t->run, name[i], t->scratch,
					      t->scratch_max);

		stats_of(&s, t->scratch, n);
		if (!n)
			continue;
		set_text(text, sizeof(text), "floor:%s", name[i]);
		fprintf(f, "%-*.*s", (int)t->left_width, (int)t->left_width,
			text);
		put_figures(f, &s, 0);
		fprintf(f, " %5s", "");
		put_ratio(f, s.median, t->lock_ns);
		putc('\n', f);
	}
}

/* "pair  threads=1  order=0", broken between words. */
static void put_wrapped(FILE *f, const char *title, const char *words)
{
	int at = fprintf(f, "%.60s", title);

	while (*words) {
		size_t n = strcspn(words, " ");

		if (at + 2 + (int)n > SUMMARY_COLUMNS) {
			fputs("\n  ", f);
			at = 2;
		}
		fputs("  ", f);
		put_clean(f, words, n);
		at += 2 + (int)n;
		words += n;
		words += strspn(words, " ");
	}
	putc('\n', f);
}

static bool synthetic(const struct table *t)
{
	for (unsigned c = 0; c < t->run->nr_cells; c++)
		if (in_table(t, &t->run->cell[c]) &&
		    cell_synthetic(&t->run->cell[c]))
			return true;
	return false;
}

static void put_heading(FILE *f, const struct table *t)
{
	int width;

	fputc('\n', f);
	put_wrapped(f, t->workload, t->constant);
	fputs("machine: ", f);
	put_clean(f, t->machine, 70);
	if (synthetic(t))
		fputs("\n  synthetic topology: no NUMA latency", f);
	if (!t->narrow)
		fprintf(f, "\n%*s%32s %s", (int)t->left_width, "", "",
			"alloc latency, ns");
	width = fprintf(f, "\n%-*s", (int)t->engine_width, "engine") - 1;
	for (unsigned i = 0; i < t->nr_columns; i++)
		width += fprintf(f, " %*.*s", (int)t->column[i].width,
				 (int)t->column[i].width,
				 short_name(t->column[i].key));
	fprintf(f, "%*s", (int)t->left_width - width, "");
	fprintf(f, " %7s %4s %6s %5s %5s", "ns/op", "+-%", "Mop/s", "xnull",
		"xlock");
	if (!t->narrow)
		fprintf(f, " %5s %6s %6s", "p50", "p99", "p99.9");
	putc('\n', f);
}

static void put_table(FILE *f, struct table *t)
{
	struct stats s;
	unsigned n = run_floor_values(t->run, "lock_pair", t->scratch,
				      t->scratch_max);

	stats_of(&s, t->scratch, n);
	t->lock_ns = s.median;
	plan_table(t);
	put_heading(f, t);
	for (unsigned c = 0; c < t->run->nr_cells; c++)
		if (in_table(t, &t->run->cell[c]))
			put_cell(f, t, &t->run->cell[c]);
	put_floors(f, t);
	for (size_t m = 0; m < ARRAY_SIZE(marks); m++)
		if (strchr(t->marks, marks[m].letter))
			fprintf(f, "  %c: %s\n", marks[m].letter,
				marks[m].meaning);
}

static void put_title(FILE *f, const struct run_data *run)
{
	const json_t *clock = json_object_get(run->env, "clock");
	double cost = json_number_or(clock, "clock_cost_ns", NAN);
	double quantum = json_number_or(clock, "clock_quantum_ns", NAN);

	fputs("zonebench ", f);
	put_clean(f, run->name, 40);
	fprintf(f, ", %u repetition%s of %u cell%s, seed %.0f\n", run->repeat,
		run->repeat == 1 ? "" : "s", run->nr_cells,
		run->nr_cells == 1 ? "" : "s",
		json_number_or(run->run, "seed", 0));
	put_clean(f, json_text_or(run->env, "cpu_model", "CPU unknown"), 50);
	fprintf(f, ", commit %.12s%s\n",
		json_text_or(run->env, "commit", "unknown"),
		json_is_true(json_object_get(run->env, "dirty")) ? " + changes"
								 : "");
	if (run_emulated(run))
		fputs("emulated CPUs: no time here means anything, of this or "
		      "any machine\n",
		      f);
	if (!isnan(cost) && !isnan(quantum))
		fprintf(f,
			"clock: a reading costs %.1f ns, its quantum is %.2f "
			"ns\n",
			cost, quantum);
}

/* The rows without a number, one per repetition, at most a screenful. */
static void put_failed(FILE *f, const struct run_data *run)
{
	unsigned shown = 0;

	if (!run->nr_other)
		return;
	fputs("\nno number from:\n", f);
	for (unsigned c = 0; c < run->nr_cells; c++)
		for (unsigned i = 0; i < run->cell[c].nr_reps; i++) {
			const struct rep_data *rep = &run->cell[c].rep[i];

			if (rep->state == REP_OK || shown++ >= 20)
				continue;
			fprintf(f, "  %.40s rep %u: %s ", run->cell[c].id, i,
				rep_state_name(rep->state));
			put_clean(f, rep->reason, REASON_CUT - 20);
			putc('\n', f);
		}
	if (shown > 20)
		fprintf(f, "  and %u more, in failed.csv\n", shown - 20);
}

static void put_footer(FILE *f, const struct run_data *run)
{
	double level = run->repeat < 2 ? 0 : 1 - pow(2, 1.0 - run->repeat);

	fputs("\nns/op: thread time per operation, median over repetitions; "
	      "+-%: the farther\n",
	      f);
	if (run->repeat >= 6)
		fputs("end of its 95 % confidence interval (order statistics)."
		      "  Mop/s: all threads.\n",
		      f);
	else
		fprintf(f,
			"end of their range (covers the median with %.0f %%)."
			"  Mop/s: all threads.\n",
			100 * level);
	fputs("xnull, xlock: ns/op over that of the null engine in the same "
	      "cell, and over\nthe floor of an uncontended lock pair.\n",
	      f);
	put_failed(f, run);
	fprintf(f, "\n%u of %u repetitions gave a number\nresults: %s\n",
		run->nr_ok, run->nr_ok + run->nr_other, run->dir);
}

int summary_print(FILE *out, const char *dir, char *err, size_t err_len)
{
	struct run_data *run;
	int rc = run_data_load(&run, dir, err, err_len);

	if (rc)
		return rc;
	rc = summary_text(out, run);
	if (rc)
		snprintf(err, err_len, "%s: out of memory", dir);
	run_data_free(run);
	return rc;
}

int summary_text(FILE *f, const struct run_data *run)
{
	unsigned max = run->nr_ok * RUN_FLOORS_MAX + RUN_REPS_MAX;
	double *scratch = calloc(max, sizeof(*scratch));

	if (!scratch)
		return -ENOMEM;
	put_title(f, run);
	for (unsigned c = 0; c < run->nr_cells; c++) {
		struct table t = { .run = run,
				   .workload = run->cell[c].workload,
				   .machine = run->cell[c].machine,
				   .scratch = scratch,
				   .scratch_max = max };
		unsigned before = 0;

		while (before < c && !in_table(&t, &run->cell[before]))
			before++;
		if (before == c)
			put_table(f, &t);
	}
	put_footer(f, run);
	free(scratch);
	return 0;
}
