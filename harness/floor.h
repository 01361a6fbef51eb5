/*
 * Floors: what this hardware allows, measured in the same process and run as
 * the engines, by loops of the same contract (workloads/lib/loop.h). Each is a
 * row of every table, so that "30 ns a pair" can be read as "2.5 lock pairs".
 */
#ifndef HARNESS_FLOOR_H
#define HARNESS_FLOOR_H

#include "alloc/base/base.h"

/*
 * name                what one operation is
 * empty_loop          nothing: stop check, opaque(), counter
 * local_stack         pop and push on an array of the thread
 * rseq_stack          the same on the CPU's array, in restartable sequences
 * lock_pair           spin_lock() and spin_unlock() of a lock nobody wants
 * cacheline_transfer  one way of a cache line between two CPUs
 * clock_reads         the two clock reads around a timed operation
 * sample              an empty operation that is timed and recorded
 * All but cacheline_transfer contain the empty loop.
 */
struct floor_result {
	const char *name;
	const char *unit; /* "ns" per operation */
	double value;     /* median of the rounds */
	double spread;    /* interquartile range of the rounds */
	bool available;   /* false: this host cannot; value and spread are 0 */
};

#define MAX_FLOORS 7

/*
 * Fills out[] (at most max) and *nr. os_cpu[0] runs the loops, os_cpu[1], where
 * there is one, answers for cacheline_transfer; both are numbers of the OS. The
 * caller only sleeps meanwhile, about 0.1 s. Main thread, before the workers
 * start or after they were joined. 0 or -errno.
 */
int floors_measure(struct floor_result *out, unsigned max, unsigned *nr,
		   const uint16_t *os_cpu, unsigned nr_cpus) MUST_CHECK;

#endif
