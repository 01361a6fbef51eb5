/*
 * A profile while it is made. Shared by cmd_profile.c and profile_report.c.
 */
#ifndef HARNESS_PROFILE_H
#define HARNESS_PROFILE_H

#include "harness/profile_perf.h"
#include "harness/profile_stack.h"
#include "harness/rundir.h"
#include "harness/runfile.h"

/* Functions with at least this share of the samples are annotated. */
#define PROFILE_HOT_PERCENT 1
#define PROFILE_HOT_MAX     24

struct profile {
	struct run_file file;
	struct rundir dir;
	struct job_params *params; /* of the one cell */
	struct perf perf;
	struct perf_choice choice;
	struct perf_recorded recorded;
	char self[PATH_MAX];       /* this program */
	char out[PATH_MAX];        /* the folder's profile/ */
	char data[PATH_MAX];       /* perf.data in it */
	struct stack_tree real;    /* functions as they were compiled */
	struct stack_tree inlined; /* and those inlined into them */
	char *err;
	size_t err_len;
};

/*
 * Everything that is made from perf.data: event.txt, folded.txt, flame.svg,
 * annotate.txt, summary.txt, which is printed as well. 0, or -errno with one
 * line in err; -EINTR when interrupted.
 */
int profile_report(struct profile *p) MUST_CHECK;

#endif
