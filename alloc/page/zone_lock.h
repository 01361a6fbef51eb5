/*
 * Taking zone->lock, with its contention counted.
 *
 * Every taking adds one to a counter in the lock's own cache line, which the
 * holder has anyway; the clock is read only by those who had to wait. Who
 * waited is counted once it holds the lock, so the counters need no atomics.
 */
#ifndef ALLOC_PAGE_ZONE_LOCK_H
#define ALLOC_PAGE_ZONE_LOCK_H

#include "alloc/page/machine.h"

/* The lock was not free: waits for it, and counts that. For zone_lock(). */
NOINLINE void zone_lock_contended(struct zone *zone) ACQUIRES(zone->lock);

/* Any thread that holds no zone lock of a higher id. */
ALWAYS_INLINE void zone_lock(struct zone *zone)
	ACQUIRES(zone->lock) NO_LOCK_ANALYSIS
{
	if (unlikely(!spin_trylock(&zone->lock)))
		zone_lock_contended(zone);
	zone->lock_stats.taken++;
}

ALWAYS_INLINE void zone_unlock(struct zone *zone) RELEASES(zone->lock)
{
	spin_unlock(&zone->lock);
}

/* Sums over all zones, without the takings of this function. Any thread, no
 * zone lock held. */
void zone_lock_stats_sum(struct machine *m, struct zone_lock_stats *sum);

#endif
