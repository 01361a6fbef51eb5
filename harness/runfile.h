/*
 * run.json: what a run is. It holds the job's text and the command line, and
 * the cells and order that they gave, so that a repetition's process and a
 * resumed run can make the same plan again and check that it is the same.
 */
#ifndef HARNESS_RUNFILE_H
#define HARNESS_RUNFILE_H

#include <jansson.h>
#include <limits.h>

#include "harness/plan.h"

#define RUN_FILE "run.json"

struct run_file {
	char id[128], name[JOB_NAME_MAX], created[32];
	char cwd[PATH_MAX]; /* where relative paths of the job begin */
	uint64_t seed;
	json_t *argv; /* arguments behind the command's name */
	struct job job;
	struct plan plan;
	struct topo *host;
	char **machine; /* [plan.nr_cells] names for results */
};

/*
 * A new run from a command line: at most one job file and KEY=VALUE arguments.
 * Reads the host; checks every cell's machine. 0, or -errno with one line in
 * err. run_file_drop() in either case.
 */
int run_file_make(struct run_file *rf, int argc, char **argv, char *err,
		  size_t err_len) MUST_CHECK;

/*
 * From the folder of a run that was begun. Changes the working directory to
 * the run's. cell -1: checks that this host gives the same plan, machines
 * included; else only that the plan has this cell (a repetition's process).
 */
int run_file_load(struct run_file *rf, const char *dir, int cell, char *err,
		  size_t err_len) MUST_CHECK;

/* Writes run.json. 0 or -errno with one line in err. */
int run_file_write(const struct run_file *rf, const char *dir, char *err,
		   size_t err_len) MUST_CHECK;

void run_file_drop(struct run_file *rf);

/* Order of a cell's blocks, -1: not of one order. */
int run_file_order(const struct run_file *rf, unsigned cell);
/* {"key": "text"} of what the cell was told. New reference, NULL: no memory */
json_t *run_file_params(const struct run_file *rf, unsigned cell);

#endif
