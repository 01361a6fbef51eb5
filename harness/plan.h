/*
 * From a job to the cells of its matrix and the order in which they are run.
 */
#ifndef HARNESS_PLAN_H
#define HARNESS_PLAN_H

#include "harness/bind.h"
#include "harness/job.h"

#define CELL_ID_MAX    160
#define PLAN_CELLS_MAX 10000

struct cell {
	char id[CELL_ID_MAX]; /* unique in the plan, fit for a folder's name */
	unsigned section;     /* index in job->section; 0 without sections */
	uint32_t threads;     /* resolved from a percentage */
	char **value;         /* [nr_options] as option_format(), NULL unset */
};

struct plan_step {
	uint32_t cell, rep;
};

struct plan {
	struct cell *cell;
	unsigned nr_cells;
	struct plan_step *step; /* repeat blocks, each has every cell once */
	unsigned nr_steps;
	uint32_t repeat;
	uint64_t seed;
	/* what an open placement or policy stands for and this machine cannot
	 * do, with the reason, a line each */
	char **left_out;
	unsigned nr_left_out;
};

/*
 * Expands job's sections on a host with these CPUs; `placement=pairs`, `node:*`
 * and `mem_policy=bind:*` become a cell for each node or pair of nodes of the
 * cell's machine that has the CPUs or the memory. seed: of the order.
 * 0, -ENOMEM, or -EINVAL with one line in err; plan_free() in either case.
 */
int plan_make(struct plan *plan, const struct job *job, const struct topo *host,
	      uint64_t seed, char *err, size_t err_len) MUST_CHECK;
void plan_free(struct plan *plan);

/* Everything that a cell is told, [node] sections included. 0 or -EINVAL. */
int plan_cell_params(const struct plan *plan, const struct job *job,
		     unsigned cell, struct job_params *out, char *err,
		     size_t err_len) MUST_CHECK;

/* The same for a cell that is not in a plan yet. */
int cell_params(const struct cell *cell, const struct job *job,
		struct job_params *out, char *err, size_t err_len) MUST_CHECK;

/* A key's value in a cell, "" if unset. */
const char *cell_value(const struct cell *cell, const char *key);

/* Where a cell's section stands, for messages. */
struct where plan_where(const struct job *job, const struct cell *cell);

/* Shuffled blocks of cells: step[repeat * nr_cells]. Pure. */
void plan_order(struct plan_step *step, unsigned nr_cells, uint32_t repeat,
		uint64_t seed);

/* Windows and process starts of all steps, in ns: what a plan will take at
 * least. */
uint64_t plan_estimate_ns(const struct plan *plan);

#endif
