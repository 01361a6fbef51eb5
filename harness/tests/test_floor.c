/* Floors: complete, plausible, honest about what is not there. */
#include "harness/floor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <sched.h>

#include "alloc/base/rseq.h"

/* The CPUs that this process may use; returns how many, at most two. */
static unsigned cpus_of(uint16_t *os_cpu)
{
	unsigned nr = 0;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned i = 0; i < CPU_SETSIZE && nr < 2; i++)
		if (CPU_ISSET(i, &set))
			os_cpu[nr++] = (uint16_t)i;
	return nr;
}

static const struct floor_result *find(const struct floor_result *floors,
				       unsigned nr, const char *name)
{
	for (unsigned i = 0; i < nr; i++)
		if (!strcmp(floors[i].name, name))
			return &floors[i];
	cr_assert_fail("no floor %s", name);
	return NULL;
}

Test(floor, all_are_measured, .timeout = 60)
{
	struct floor_result floors[MAX_FLOORS];
	uint16_t os_cpu[2];
	unsigned nr, nr_cpus = cpus_of(os_cpu);

	cr_assert_eq(floors_measure(floors, MAX_FLOORS, &nr, os_cpu, nr_cpus),
		     0);
	cr_assert_eq(nr, MAX_FLOORS);
	for (unsigned i = 0; i < nr; i++) {
		cr_assert_str_eq(floors[i].unit, "ns");
		if (!floors[i].available)
			continue;
		cr_assert(isfinite(floors[i].value) && floors[i].value > 0 &&
				  isfinite(floors[i].spread) &&
				  floors[i].spread >= 0,
			  "%s: %g", floors[i].name, floors[i].value);
	}
	cr_assert_eq(find(floors, nr, "rseq_stack")->available,
		     rseq_available());
}

/* An atomic instruction and a fenced clock cost more than nothing, unless
 * somebody else had the CPU just then. */
Test(floor, the_order_is_plausible, .timeout = 60)
{
	struct floor_result floors[MAX_FLOORS];
	uint16_t os_cpu[2];
	bool plausible = false;
	unsigned nr;

	cpus_of(os_cpu);
	for (unsigned i = 0; i < 10 && !plausible; i++) {
		cr_assert_eq(floors_measure(floors, MAX_FLOORS, &nr, os_cpu, 1),
			     0);
		double empty = find(floors, nr, "empty_loop")->value;

		plausible = find(floors, nr, "lock_pair")->value > empty &&
			    find(floors, nr, "clock_reads")->value > empty;
	}
	cr_assert(plausible);
}

Test(floor, one_cpu_has_no_transfer, .timeout = 60)
{
	struct floor_result floors[MAX_FLOORS];
	uint16_t os_cpu[2];
	unsigned nr;

	cpus_of(os_cpu);
	cr_assert_eq(floors_measure(floors, MAX_FLOORS, &nr, os_cpu, 1), 0);
	cr_assert_not(find(floors, nr, "cacheline_transfer")->available);
	cr_assert_eq(find(floors, nr, "cacheline_transfer")->value, 0);
	cr_assert(find(floors, nr, "lock_pair")->available);
}

Test(floor, bad_cpus_are_refused, .timeout = 60)
{
	struct floor_result floors[MAX_FLOORS];
	const uint16_t os_cpu[2] = { UINT16_MAX, 0 };
	unsigned nr;

	cr_assert_eq(floors_measure(floors, MAX_FLOORS, &nr, os_cpu, 0),
		     -EINVAL);
	cr_assert_eq(floors_measure(floors, MAX_FLOORS, &nr, os_cpu, 1),
		     -EINVAL);
}

Test(floor, a_short_array_is_respected, .timeout = 60)
{
	struct floor_result floors[3] = { [2] = { .name = "untouched" } };
	uint16_t os_cpu[2];
	unsigned nr;

	cpus_of(os_cpu);
	cr_assert_eq(floors_measure(floors, 2, &nr, os_cpu, 1), 0);
	cr_assert_eq(nr, 2);
	cr_assert_str_eq(floors[2].name, "untouched");
}
