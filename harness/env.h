/*
 * env.json: the host, the build and the command line of a run.
 */
#ifndef HARNESS_ENV_H
#define HARNESS_ENV_H

#include "harness/clock.h"
#include "harness/runfile.h"

/* What this host cannot tell is null. 0 or -errno with one line in err. */
int env_write(const struct run_file *rf, const struct clock_info *clock,
	      const char *dir, char *err, size_t err_len) MUST_CHECK;

#endif
