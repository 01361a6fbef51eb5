/*
 * Watermarks, protection, pageset sizes and stat thresholds: everything that
 * Linux computes from managed pages, CPUs and sysctl values.
 *
 * The machine_set_* functions are writes to /proc/sys/vm: each recomputes what
 * the kernel recomputes at that write and no more. Caller: no other thread
 * runs.
 */
#ifndef ALLOC_PAGE_WATERMARK_H
#define ALLOC_PAGE_WATERMARK_H

#include "alloc/page/machine.h"

/* Pages moved per refill or drain: 1, 3, 7, 15, 31 or 63. */
int pageset_batch_pages(uint64_t managed);

/* Pages that a CPU's delta may reach; nr_cpus: online CPUs. At most 125. */
int stat_threshold_pages(uint64_t managed, unsigned nr_cpus);

/* The threshold while the node's kswapd is awake. */
int pressure_threshold_pages(const struct zone *zone);

/* Upper bound of watermark_boost in pages; 0: this zone is never boosted. */
long watermark_boost_cap(const struct zone *zone);

/* Whether Linux counts the zone as high memory: HighMem, and Movable where it
 * would be cut from HighMem. */
bool zone_is_highmem(const struct zone *zone);

/* Sum of managed - HIGH over zones up to Normal, in pages. */
long machine_free_buffer_pages(const struct machine *m);

/* vm.min_free_kbytes = kb (kb >= 0). */
void machine_set_min_free_kbytes(struct machine *m, long kb);
/* vm.watermark_scale_factor, 1 .. 3000 */
void machine_set_watermark_scale_factor(struct machine *m, int factor);
/* vm.lowmem_reserve_ratio by zone index; values below 1 mean no protection. */
void machine_set_lowmem_reserve_ratio(struct machine *m,
				      const int32_t ratio[MAX_NR_ZONES]);
/* vm.percpu_pagelist_high_fraction: 0, or >= 8; -EINVAL otherwise. */
int machine_set_high_fraction(struct machine *m, int fraction) MUST_CHECK;
/* transparent_hugepage/enabled: on is always or madvise. */
void machine_set_thp(struct machine *m, bool on);

#endif
