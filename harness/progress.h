/*
 * How far a run is: one line that rewrites itself on a terminal, a plain line
 * now and then elsewhere.
 */
#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H

#include <stdio.h>

#include "alloc/base/base.h"

#define PROGRESS_COLUMNS 79

struct progress {
	FILE *out;
	bool terminal;
	unsigned nr_steps, done, skipped, failed;
	uint64_t begin_ns, last_line_ns;
	uint64_t estimate_ns; /* of all steps, before any was run */
};

/* skipped: steps that an earlier run has finished. */
void progress_begin(struct progress *p, FILE *out, unsigned nr_steps,
		    unsigned skipped, uint64_t estimate_ns);
/* Before a step. */
void progress_step(struct progress *p, const char *cell, unsigned rep);
/* After it; status: its status line. */
void progress_done(struct progress *p, const char *cell, unsigned rep,
		   const char *status);
/* Leaves the line. */
void progress_end(struct progress *p);

/* "1m05s"; for tests as well. */
void progress_time(uint64_t ns, char *buf, size_t len);
/* The text of a line, at most PROGRESS_COLUMNS; now_ns since begin. */
void progress_text(const struct progress *p, const char *cell, unsigned rep,
		   uint64_t now_ns, char *buf, size_t len);

#endif
