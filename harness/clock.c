/*
 * Calibration of the TSC. Both clocks are read close together at both ends of
 * a window (the tightest of several tries), so a preempted read shows as a
 * wide bracket and is taken again; a window during which the machine stood
 * still differs from the median and is rejected.
 */
#include "harness/clock.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "alloc/base/event.h"
#include "harness/env.h"

#define MAX_WINDOWS   64
#define TRIES         16
#define TOLERANCE_PPM 200
#define QUANTUM_READS 4096
#define COST_READS    2000
#define COST_ROUNDS   25

struct instant {
	uint64_t tsc, ns;
};

static uint64_t raw_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static bool tsc_invariant(void)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
#else
	return true; /* the architected counter of arm64 is by definition */
#endif
}

/* Both clocks at the same moment: the read with the narrowest bracket. */
static struct instant instant_read(void)
{
	struct instant best = { 0, 0 };
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = tsc_read(), ns = raw_ns(), after = tsc_read();

		if (after - before < best_width) {
			best_width = after - before;
			best.tsc = before + best_width / 2;
			best.ns = ns;
		}
	}
	return best;
}

static double window_hz(uint64_t window_ns)
{
	struct timespec ts = { (time_t)(window_ns / 1000000000),
			       (long)(window_ns % 1000000000) };
	struct instant a = instant_read(), b;

	nanosleep(&ts, NULL);
	b = instant_read();
	return (double)(b.tsc - a.tsc) * 1e9 / (double)(b.ns - a.ns);
}

static int compare_doubles(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* Every difference of two reads is a multiple of the quantum. */
static uint64_t quantum_ticks(void)
{
	uint64_t quantum = 0, last = tsc_read();

	for (int i = 0; i < QUANTUM_READS; i++) {
		uint64_t now = tsc_read();

		quantum = gcd(quantum, now - last);
		last = now;
	}
	return quantum ? quantum : 1;
}

/* Median of rounds of back-to-back reads, in ticks. */
static double cost_ticks(void)
{
	double round[COST_ROUNDS];

	for (int r = 0; r < COST_ROUNDS; r++) {
		uint64_t begin = tsc_read(), end = begin;

		for (int i = 0; i < COST_READS; i++) {
			end = tsc_read();
			__asm__ volatile("" : "+r"(end));
		}
		round[r] = (double)(end - begin) / COST_READS;
	}
	qsort(round, COST_ROUNDS, sizeof(*round), compare_doubles);
	return round[COST_ROUNDS / 2];
}

/* Keeps what lies near the median. */
static void combine(struct clock_info *c, double *hz, unsigned nr)
{
	double median, sum = 0, lo = INFINITY, hi = 0;
	unsigned kept = 0;

	qsort(hz, nr, sizeof(*hz), compare_doubles);
	median = hz[nr / 2];
	for (unsigned i = 0; i < nr; i++) {
		if (fabs(hz[i] - median) > median * TOLERANCE_PPM / 1e6)
			continue;
		sum += hz[i];
		lo = fmin(lo, hz[i]);
		hi = fmax(hi, hz[i]);
		kept++;
	}
	c->tsc_hz = sum / kept;
	c->spread_ppm = (hi - lo) / c->tsc_hz * 1e6;
	c->windows = nr;
	c->rejected = nr - kept;
}

int clock_calibrate(struct clock_info *out, unsigned windows,
		    uint64_t window_ns, char *err, size_t err_len)
{
	/* an emulator's counter does for order in time, and no result of such
	 * CPUs is read as time: see env_emulated() */
	const bool lax = env_emulated();
	double hz[MAX_WINDOWS];

	*out = (struct clock_info){ .invariant = tsc_invariant() };
	if (!out->invariant && !lax) {
		snprintf(err, err_len,
			 "the time stamp counter of this CPU is not invariant: "
			 "nothing can be measured with it");
		return -ENOTSUP;
	}
	windows = (unsigned)clamp_long(windows, 3, MAX_WINDOWS);
	for (unsigned i = 0; i < windows; i++)
		hz[i] = window_hz(window_ns);
	combine(out, hz, windows);
	if ((out->rejected * 2 >= windows && !lax) || out->tsc_hz < 1e6) {
		snprintf(err, err_len,
			 "the time stamp counter does not agree with "
			 "CLOCK_MONOTONIC_RAW: %u of %u windows differ",
			 out->rejected, windows);
		return -EIO;
	}
	out->cost_ns = cost_ticks() * 1e9 / out->tsc_hz;
	out->quantum_ns = (double)quantum_ticks() * 1e9 / out->tsc_hz;
	return 0;
}
