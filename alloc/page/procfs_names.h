/*
 * The counters of /proc/zoneinfo and /proc/vmstat: their order, and which
 * kernel has them. Only the procfs files use this.
 */
#ifndef ALLOC_PAGE_PROCFS_NAMES_H
#define ALLOC_PAGE_PROCFS_NAMES_H

#include "alloc/page/procfs.h"

/* All of a counter's flags must hold. */
#define WHEN_6_1       0x1u
#define WHEN_6_12      0x2u
#define WHEN_NUMA      0x4u
#define WHEN_ZSPAGES   0x8u
#define WHEN_SWAP      0x10u
#define WHEN_BALANCING 0x20u
#define WHEN_THP       0x40u
#define WHEN_64BIT     0x80u

/* Where its value comes from. */
enum counter_source {
	FROM_NOTHING, /* the model has none: 0 */
	FROM_FREE_PAGES,
	FROM_FREE_CMA,
	FROM_NUMA_HIT,
	FROM_NUMA_MISS,
	FROM_NUMA_FOREIGN,
	FROM_NUMA_INTERLEAVE,
	FROM_NUMA_LOCAL,
	FROM_NUMA_OTHER,
	FROM_PGALLOC,
	FROM_PGFREE,
	FROM_SLAB_RECLAIMABLE, /* of a node; its first zone has it */
	FROM_SLAB_UNRECLAIMABLE,
};

struct counter_name {
	const char *name;
	unsigned when;
	enum counter_source source;
	bool per_zone; /* an event with one line a zone: "pgalloc_dma", ... */
};

extern const struct counter_name zone_counter_names[];
extern const unsigned nr_zone_counter_names;
extern const struct counter_name node_counters[];
extern const unsigned nr_node_counters;

bool counter_printed(const struct counter_name *c,
		     const struct machine_desc *d);

/* Sum over the zones of index idx, -1: over all. */
unsigned long procfs_counter(const struct procfs_source *src,
			     enum counter_source s, int idx);

/* procfs_reclaim.c: the counter of this name, 0 where it is none of reclaim's.
 * Events: zone index idx of a per-zone one, -1 for the others. */
unsigned long procfs_reclaim_zone(const struct zone *zone, const char *name);
unsigned long procfs_reclaim_node(const struct machine *m, unsigned nid,
				  const char *name);
unsigned long procfs_reclaim_event(const struct machine *m, const char *name,
				   int idx);
/* kswapd gave up on the zone's node. */
bool procfs_unreclaimable(const struct zone *zone);

#endif
