/*
 * Charts of a run folder: DIR/plots/NAME.{dat,gp,svg,png}. The data and the
 * script come first, then gnuplot; `gnuplot NAME.gp` in that folder draws a
 * chart again without zonebench.
 */
#ifndef HARNESS_PLOT_H
#define HARNESS_PLOT_H

#include <stdio.h>

#include "alloc/base/base.h"

/*
 * One line per chart, or per reason why there is none, goes to `log` (may be
 * NULL). 0, or -errno with one line in err: a folder that cannot be read, a
 * gnuplot that is missing (-ENOENT) or failed (-EIO); data and scripts stay.
 * Called by `zonebench plot` and at the end of `zonebench run`.
 */
int plot_run(const char *dir, FILE *log, char *err, size_t err_len) MUST_CHECK;

#endif
