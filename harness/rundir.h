/*
 * The folder of a run while it is written.
 *
 * A repetition is written into cells/ID/.tmp-NN and renamed to cells/ID/rep-NN
 * after its status file, so at any moment a repetition is there whole or not
 * at all. What a killed run left half-done is removed when the run goes on.
 */
#ifndef HARNESS_RUNDIR_H
#define HARNESS_RUNDIR_H

#include <limits.h>

#include "harness/plan.h"

struct rundir {
	char path[PATH_MAX]; /* absolute */
	int lock;            /* descriptor that holds the folder's lock */
};

/* A new folder at `out`, or at results/NAME-TIME (id) where out is "". It must
 * not exist or be empty. 0 or -errno with one line in err. */
int rundir_create(struct rundir *d, const char *out, const char *id, char *err,
		  size_t err_len) MUST_CHECK;
/* The folder of a run that was begun; nobody else may be at it. */
int rundir_open(struct rundir *d, const char *path, char *err, size_t err_len)
	MUST_CHECK;
void rundir_close(struct rundir *d);

/* Whether the repetition has ended: a folder with a status line that is one. */
bool rundir_has(const struct rundir *d, const char *cell, unsigned rep);
/* First word of a status line is known. */
bool status_is_known(const char *line);

/* An empty .tmp-NN of the cell, its path in out. Removes what stood there or
 * at rep-NN. 0 or -errno with one line in err. */
int rundir_begin(const struct rundir *d, const char *cell, unsigned rep,
		 char out[PATH_MAX], char *err, size_t err_len) MUST_CHECK;
/* Writes the status and gives the folder its name. */
int rundir_finish(const struct rundir *d, const char *cell, unsigned rep,
		  const char *status, char *err, size_t err_len) MUST_CHECK;

/* Removes one file of a repetition that is being written, if it is there. */
void rundir_forget(const char *tmp, const char *file);

#endif
