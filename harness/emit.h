/*
 * From the files of the repetitions to the files that a reader opens:
 * samples.csv, failed.csv, summary.csv, gbench.json and summary.txt of a run
 * folder.
 */
#ifndef HARNESS_EMIT_H
#define HARNESS_EMIT_H

#include <stdio.h>

#include "harness/rundata.h"

/*
 * Checks the whole folder first; then every file is written beside its place
 * and renamed. 0, or -errno with one line in err and no file changed by a bad
 * input. Called by `zonebench run` when the last cell has ended; may be
 * repeated at will.
 */
int emit_run(const char *dir, char *err, size_t err_len) MUST_CHECK;

/* The parts, each to an open stream; write errors stay in the stream. */
void emit_samples(FILE *f, const struct run_data *run);
void emit_failed(FILE *f, const struct run_data *run);
/* One line per cell and metric: median, spread and interval. */
void emit_stats(FILE *f, const struct run_data *run);
/* 0 or -ENOMEM. */
int emit_gbench(FILE *f, const struct run_data *run) MUST_CHECK;

#endif
