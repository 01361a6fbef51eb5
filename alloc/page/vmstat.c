/* Reading and folding of the zone counters; the hot half is in vmstat.h. */
#include "alloc/page/vmstat.h"

long zone_free_pages_snapshot(const struct zone *zone)
{
	/* relaxed: a statistic; see vmstat.h */
	long free = atomic_load_explicit(&zone->nr_free_pages,
					 memory_order_relaxed);

	for (unsigned cpu = 0; cpu < zone->machine->desc.topo.nr_cpus; cpu++)
		free += atomic_load_explicit(&zone->cpu[cpu].free_diff,
					     memory_order_relaxed);
	return free < 0 ? 0 : free;
}

long zone_free_pages_safe(const struct zone *zone)
{
	long free = zone_free_pages(zone);

	if (zone->percpu_drift_mark && free < zone->percpu_drift_mark)
		return zone_free_pages_snapshot(zone);
	return free;
}

void zone_fold_deltas(struct zone *zone)
{
	/* relaxed: zone->lock orders the writers */
	long free = atomic_load_explicit(&zone->nr_free_pages,
					 memory_order_relaxed);

	for (unsigned cpu = 0; cpu < zone->machine->desc.topo.nr_cpus; cpu++) {
		_Atomic int8_t *diff = &zone->cpu[cpu].free_diff;

		free += atomic_load_explicit(diff, memory_order_relaxed);
		atomic_store_explicit(diff, 0, memory_order_relaxed);
	}
	atomic_store_explicit(&zone->nr_free_pages, free, memory_order_relaxed);
}

void zone_counters_add(struct zone_counters *sum, const struct zone_counters *c)
{
	sum->pgalloc += c->pgalloc;
	sum->pgfree += c->pgfree;
	sum->numa_hit += c->numa_hit;
	sum->numa_miss += c->numa_miss;
	sum->numa_foreign += c->numa_foreign;
	sum->numa_interleave += c->numa_interleave;
	sum->numa_local += c->numa_local;
	sum->numa_other += c->numa_other;
}
