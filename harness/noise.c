/*
 * Noise of the host. See noise.h.
 */
#include "harness/noise.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc/base/event.h"

/* Shares of a window beyond which it is called noisy. */
#define STEAL_SHARE 0.02
#define PSI_SHARE   0.20
#define HICCUP_NS   2e6
#define SWITCH_RATE 200 /* a second and CPU */

static void read_psi(struct noise_mark *m)
{
	FILE *f = fopen("/proc/pressure/cpu", "re");
	unsigned long long total;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "total=");

		if (strncmp(line, "some ", 5) || !at ||
		    sscanf(at, "total=%llu", &total) != 1)
			continue;
		m->psi_cpu_some_us = total;
		m->has_psi = true;
	}
	if (f)
		fclose(f);
}

static bool wanted(const struct topo *t, const uint16_t *cpu, unsigned nr,
		   unsigned os_cpu)
{
	for (unsigned i = 0; i < nr; i++)
		if (t->os_cpu[cpu[i]] == os_cpu)
			return true;
	return false;
}

static void read_steal(struct noise_mark *m, const struct topo *t,
		       const uint16_t *cpu, unsigned nr)
{
	FILE *f = fopen("/proc/stat", "re");
	unsigned long long steal;
	unsigned os_cpu;
	char line[512];

	/* user nice system idle iowait irq softirq steal */
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "cpu%u %*u %*u %*u %*u %*u %*u %*u %llu",
			   &os_cpu, &steal) != 2 ||
		    !wanted(t, cpu, nr, os_cpu))
			continue;
		m->steal_ticks += steal;
		m->has_steal = true;
	}
	if (f)
		fclose(f);
}

void noise_mark(struct noise_mark *m, const struct topo *t, const uint16_t *cpu,
		unsigned nr)
{
	memset(m, 0, sizeof(*m));
	read_psi(m);
	read_steal(m, t, cpu, nr);
}

uint64_t noise_hiccup(const struct clock_info *clock, uint64_t ns)
{
	const uint64_t end = tsc_read() + clock_ticks(clock, ns);
	uint64_t last = tsc_read(), longest = 0;

	while (last < end) {
		uint64_t now = tsc_read();

		if (now - last > longest)
			longest = now - last;
		last = now;
	}
	return longest;
}

const char *noise_reason(const struct noise *n, uint64_t window_ns, unsigned nr)
{
	const double tick_ns = 1e9 / (double)sysconf(_SC_CLK_TCK);
	const double window = (double)window_ns;

	/* one tick is the resolution of the counter, not a finding */
	if (n->steal_ticks > 1 &&
	    (double)n->steal_ticks * tick_ns > STEAL_SHARE * window * nr)
		return "steal";
	if ((double)n->psi_cpu_some_us * 1e3 > PSI_SHARE * window)
		return "pressure";
	if (n->hiccup_max_ns > HICCUP_NS)
		return "hiccup";
	if ((double)n->invol_switches > SWITCH_RATE * window * 1e-9 * nr + 4)
		return "switches";
	return NULL;
}
