/*
 * The clock of every measurement: the invariant TSC, calibrated against
 * CLOCK_MONOTONIC_RAW, with what reading it costs and how finely it counts.
 */
#ifndef HARNESS_CLOCK_H
#define HARNESS_CLOCK_H

#include "alloc/base/base.h"

struct clock_info {
	double tsc_hz;
	double spread_ppm; /* of the windows that were kept */
	double cost_ns;    /* one read, back to back */
	double quantum_ns; /* no operation is reported finer than this */
	uint32_t windows, rejected;
	bool invariant; /* CPUID says so: constant and running in idle */
};

/*
 * Takes windows of window_ns each (3 .. 64 windows), keeps those near the
 * median, and measures cost and quantum. 0, or -ENOTSUP / -EIO with one line
 * in err: the TSC is not invariant, or the windows do not agree; emulated CPUs
 * may do either. The caller's thread, about windows * window_ns.
 */
int clock_calibrate(struct clock_info *out, unsigned windows,
		    uint64_t window_ns, char *err, size_t err_len) MUST_CHECK;

ALWAYS_INLINE double clock_ns(const struct clock_info *c, uint64_t ticks)
{
	return (double)ticks * 1e9 / c->tsc_hz;
}

ALWAYS_INLINE uint64_t clock_ticks(const struct clock_info *c, uint64_t ns)
{
	return (uint64_t)((double)ns * c->tsc_hz / 1e9);
}

#endif
