/*
 * A run folder in memory, checked: what the emitters, the summary and the
 * charts work from. The files are described in results/README.md.
 */
#ifndef HARNESS_RUNDATA_H
#define HARNESS_RUNDATA_H

#include <jansson.h>

#include "alloc/base/base.h"

#define RUN_CELLS_MAX   65536
#define RUN_REPS_MAX    1000
#define RUN_METRICS_MAX 1024
#define RUN_FLOORS_MAX  64
#define RUN_REASON_MAX  256

enum rep_state {
	REP_MISSING, /* no status file: not run yet, or killed */
	REP_OK,
	REP_VOID,
	REP_FAILED,
	REP_CRASH,
	REP_TIMEOUT,
	REP_OOM,
	NR_REP_STATES,
};

struct rep_metric {
	const char *name, *unit, *better;
	double value;
	bool present; /* false: null, not measured */
	int64_t n;    /* samples behind it, -1 not given */
};

struct rep_floor {
	const char *name, *unit;
	double value, spread;
	bool present, spread_present;
};

struct rep_data {
	enum rep_state state;
	char reason[RUN_REASON_MAX]; /* of the status line, printable ASCII */
	/* only where state == REP_OK */
	json_t *json; /* result.json; what is below points into it */
	struct rep_metric *metric;
	struct rep_floor *floor;
	unsigned nr_metrics, nr_floors;
	char flags[256]; /* joined by ';', "" none */
	int order;       /* -1: not of one order */
	bool synthetic, emulated;
};

struct cell_data {
	const char *id, *engine, *workload, *machine;
	unsigned threads;
	int order;            /* -1: not of one order */
	const json_t *params; /* object of strings */
	struct rep_data *rep;
	unsigned nr_reps;
};

struct run_data {
	char *dir;
	json_t *run, *env; /* run.json, env.json */
	const char *id, *name;
	struct cell_data *cell;
	unsigned nr_cells, repeat;
	unsigned nr_ok, nr_other; /* repetitions: with a number, without */
};

/* Reads run.json, env.json and every cells/<id>/rep-NN/{status,result.json}.
 * 0, or -errno with one line in err; nothing is written. */
int run_data_load(struct run_data **out, const char *dir, char *err,
		  size_t err_len) MUST_CHECK;
void run_data_free(struct run_data *run);

/* First "ok", "void", ...: as in the status file; "missing" for REP_MISSING. */
const char *rep_state_name(enum rep_state state);
/* NULL where the repetition does not have it or it is null. */
const struct rep_metric *rep_metric_find(const struct rep_data *rep,
					 const char *name);
/* Repetitions with state REP_OK. */
unsigned cell_nr_ok(const struct cell_data *cell);
/* "" where the cell has no such parameter. */
const char *cell_param(const struct cell_data *cell, const char *key);
/* Any repetition of the cell on a synthetic topology. */
bool cell_synthetic(const struct cell_data *cell);
/* Any repetition of the run on emulated CPUs: its times mean nothing. */
bool run_emulated(const struct run_data *run);
/*
 * Same workload, machine and parameters, whatever the engine; `except` (NULL:
 * none) names one more key that may differ, "threads" and "order" among them.
 */
bool cell_same_point(const struct cell_data *a, const struct cell_data *b,
		     const char *except);
/*
 * The metric in all ok repetitions of the cell, into value[0 .. n): n is
 * returned, at most max.
 */
unsigned cell_values(const struct cell_data *cell, const char *metric,
		     double *value, unsigned max);
/* The floor in all ok repetitions of the run. */
unsigned run_floor_values(const struct run_data *run, const char *floor,
			  double *value, unsigned max);

#endif
