/*
 * What else the host did during a window, measured: pressure on the CPUs,
 * time stolen by the hypervisor, and how long a thread that only reads the
 * clock was kept from it.
 */
#ifndef HARNESS_NOISE_H
#define HARNESS_NOISE_H

#include "alloc/base/topo.h"
#include "harness/clock.h"

/* Counters of the kernel at one moment; absent ones read as 0. */
struct noise_mark {
	uint64_t psi_cpu_some_us;
	uint64_t steal_ticks; /* USER_HZ, of the CPUs asked for */
	bool has_psi, has_steal;
};

struct noise {
	uint64_t psi_cpu_some_us, steal_ticks;
	uint64_t invol_switches;
	double hiccup_max_ns;
	bool has_psi, has_steal;
};

/* cpu[nr]: indexes into t. Any thread. */
void noise_mark(struct noise_mark *m, const struct topo *t, const uint16_t *cpu,
		unsigned nr);

/* Reads the clock for about ns and returns the longest gap in ticks. */
uint64_t noise_hiccup(const struct clock_info *clock, uint64_t ns);

/* NULL, or why a window of window_ns on nr CPUs counts as noisy. */
const char *noise_reason(const struct noise *n, uint64_t window_ns,
			 unsigned nr);

#endif
