/*
 * Counters: nr_free_pages with per-CPU deltas, and per-thread event counters.
 *
 * free_diff of a (zone, CPU) is this CPU's change of the zone's free pages that
 * is not yet in zone->nr_free_pages. Free pages change only under zone->lock,
 * so a delta has one writer at a time; watermark checks read nr_free_pages
 * without it, as in Linux, and so may be off by nr_cpus * stat_threshold.
 */
#ifndef ALLOC_PAGE_VMSTAT_H
#define ALLOC_PAGE_VMSTAT_H

#include "alloc/page/machine.h"

/* Pages that a CPU's delta may reach now. */
ALWAYS_INLINE int zone_stat_threshold(const struct zone *zone)
{
	/* relaxed: every value that kswapd sets will do */
	return atomic_load_explicit(&zone->stat_threshold,
				    memory_order_relaxed);
}

/*
 * Adds delta pages (mod_zone_page_state in Linux): beyond the threshold the
 * whole of the CPU's delta goes to the zone. Caller holds zone->lock.
 */
ALWAYS_INLINE void zone_mod_free_pages(struct zone *zone, unsigned cpu,
				       long delta)
{
	struct zone_cpu *zc = &zone->cpu[cpu];
	/* relaxed, all four: zone->lock orders the writers, and readers take
	   the figures as a statistic */
	long x = delta +
		 atomic_load_explicit(&zc->free_diff, memory_order_relaxed);

	const int threshold = zone_stat_threshold(zone);

	if (unlikely(x > threshold || -x > threshold)) {
		long free = atomic_load_explicit(&zone->nr_free_pages,
						 memory_order_relaxed);

		atomic_store_explicit(&zone->nr_free_pages, free + x,
				      memory_order_relaxed);
		x = 0;
	}
	atomic_store_explicit(&zc->free_diff, (int8_t)x, memory_order_relaxed);
}

/* What watermark checks see: without the deltas, never negative. */
ALWAYS_INLINE long zone_free_pages(const struct zone *zone)
{
	/* relaxed: a hint that the allocation checks again under the lock */
	long free = atomic_load_explicit(&zone->nr_free_pages,
					 memory_order_relaxed);

	return free < 0 ? 0 : free;
}

/* With every CPU's delta; exact while no other thread changes the zone. */
long zone_free_pages_snapshot(const struct zone *zone);

/* Watermark input of kswapd: exact where the cheap figure might hide that the
 * min mark is passed (below percpu_drift_mark), else the cheap one. */
long zone_free_pages_safe(const struct zone *zone);

/* Moves every CPU's delta into the zone; the 1 s worker of Linux. Caller
 * holds zone->lock. */
void zone_fold_deltas(struct zone *zone) REQUIRES(zone->lock);

/* sum += c, field by field. c may belong to a running thread: then the sum is
 * a statistic. */
void zone_counters_add(struct zone_counters *sum,
		       const struct zone_counters *c);

#endif
