/*
 * Contention of the zones' locks. See zone_lock.h.
 *
 * Lock order: zone->lock alone (RANK_ZONE), one at a time.
 */
#include "alloc/page/zone_lock.h"

#include "alloc/base/event.h"

NOINLINE void zone_lock_contended(struct zone *zone) NO_LOCK_ANALYSIS
{
	const uint64_t begin = tsc_read();

	spin_lock(&zone->lock);
	zone->lock_stats.contended++;
	zone->lock_stats.wait_ticks += tsc_read() - begin;
}

void zone_lock_stats_sum(struct machine *m, struct zone_lock_stats *sum)
{
	*sum = (struct zone_lock_stats){ 0, 0, 0 };
	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *zone = &m->zone[i];

		if (!zone_populated(zone))
			continue;
		spin_lock(&zone->lock);
		sum->taken += zone->lock_stats.taken;
		sum->contended += zone->lock_stats.contended;
		sum->wait_ticks += zone->lock_stats.wait_ticks;
		spin_unlock(&zone->lock);
	}
}
