/*
 * The text of /proc/{buddyinfo,pagetypeinfo,zoneinfo,vmstat} and of debugfs's
 * {extfrag,unusable}_index for a machine, as kernels 6.1 and 6.12 print it.
 * Counters of things that the model does not have are 0.
 */
#ifndef ALLOC_PAGE_PROCFS_H
#define ALLOC_PAGE_PROCFS_H

#include <stdio.h>

#include "alloc/page/engine.h"

/* counters: [machine->nr_zones], summed over threads, NULL: all 0. engine: for
 * its pagesets, may be NULL. */
struct procfs_source {
	struct machine *machine;
	const struct zone_counters *counters;
	struct page_engine *engine;
};

/* All: cold, any thread; pagetypeinfo walks the lists under zone->lock.
 * Whether writing worked is for the caller to ask (ferror). */
void procfs_buddyinfo(const struct procfs_source *src, FILE *out);
void procfs_pagetypeinfo(const struct procfs_source *src, FILE *out);
void procfs_zoneinfo(const struct procfs_source *src, FILE *out);
void procfs_vmstat(const struct procfs_source *src, FILE *out);
void procfs_extfrag_index(const struct procfs_source *src, FILE *out);
void procfs_unusable_index(const struct procfs_source *src, FILE *out);

#endif
