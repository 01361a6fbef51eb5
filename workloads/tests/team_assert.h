/* What the tests of workloads ask of every run. */
#ifndef WORKLOADS_TESTS_TEAM_ASSERT_H
#define WORKLOADS_TESTS_TEAM_ASSERT_H

#include <criterion/criterion.h>
#include <string.h>

#include "workloads/tests/team_run.h"

/* Nothing broke, and no object and no page stayed behind. */
static inline void assert_sound(const struct team_run *run)
{
	cr_assert_null(run->verified, "%s %s: %s", run->engine, run->workload,
		       run->verified);
	cr_assert_null(run->wrong, "%s %s: %s", run->engine, run->workload,
		       run->wrong);
	cr_assert_eq(run->caches_busy, 0, "%s %s: objects are left",
		     run->engine, run->workload);
	cr_assert_eq(run->free_before, run->free_after,
		     "%s %s: %lu pages before, %lu after", run->engine,
		     run->workload, (unsigned long)run->free_before,
		     (unsigned long)run->free_after);
}

/* A value that the workload reports. */
static inline double metric_of(const struct team_run *run, const char *name)
{
	for (unsigned i = 0; i < run->nr_metrics; i++)
		if (!strcmp(run->metric[i].name, name))
			return run->metric[i].value;
	cr_assert_fail("%s reports no %s", run->workload, name);
	return 0;
}

#endif
