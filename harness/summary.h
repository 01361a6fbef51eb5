/*
 * The table that a run ends with; also summary.txt.
 */
#ifndef HARNESS_SUMMARY_H
#define HARNESS_SUMMARY_H

#include <stdio.h>

#include "harness/rundata.h"

#define SUMMARY_COLUMNS 80

/* Prints what emit_run() put into summary.txt, from the folder's own files.
 * 0, or -errno with one line in err. */
int summary_print(FILE *out, const char *dir, char *err, size_t err_len)
	MUST_CHECK;

/* The text, at most SUMMARY_COLUMNS wide apart from paths; 0 or -ENOMEM. */
int summary_text(FILE *f, const struct run_data *run) MUST_CHECK;

#endif
