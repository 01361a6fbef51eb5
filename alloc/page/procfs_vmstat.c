/*
 * The counters of /proc/zoneinfo and /proc/vmstat, in the order in which the
 * kernels print them, and /proc/vmstat itself.
 */
#include "alloc/page/procfs_names.h"

#include <ctype.h>
#include <string.h>

/* clang-format off */
const struct counter_name zone_counter_names[] = {
	{ "nr_free_pages", 0, FROM_FREE_PAGES, false },
	{ .name = "nr_zone_inactive_anon" },
	{ .name = "nr_zone_active_anon" },
	{ .name = "nr_zone_inactive_file" },
	{ .name = "nr_zone_active_file" },
	{ .name = "nr_zone_unevictable" },
	{ .name = "nr_zone_write_pending" },
	{ .name = "nr_mlock" },
	{ .name = "nr_bounce" },
	{ .name = "nr_zspages", .when = WHEN_ZSPAGES },
	{ "nr_free_cma", 0, FROM_FREE_CMA, false },
	{ .name = "nr_unaccepted", .when = WHEN_6_12 },
	{ "numa_hit", WHEN_NUMA, FROM_NUMA_HIT, false },
	{ "numa_miss", WHEN_NUMA, FROM_NUMA_MISS, false },
	{ "numa_foreign", WHEN_NUMA, FROM_NUMA_FOREIGN, false },
	{ "numa_interleave", WHEN_NUMA, FROM_NUMA_INTERLEAVE, false },
	{ "numa_local", WHEN_NUMA, FROM_NUMA_LOCAL, false },
	{ "numa_other", WHEN_NUMA, FROM_NUMA_OTHER, false },
};
const unsigned nr_zone_counter_names = ARRAY_SIZE(zone_counter_names);

const struct counter_name node_counters[] = {
	{ .name = "nr_inactive_anon" },
	{ .name = "nr_active_anon" },
	{ .name = "nr_inactive_file" },
	{ .name = "nr_active_file" },
	{ .name = "nr_unevictable" },
	{ "nr_slab_reclaimable", 0, FROM_SLAB_RECLAIMABLE, false },
	{ "nr_slab_unreclaimable", 0, FROM_SLAB_UNRECLAIMABLE, false },
	{ .name = "nr_isolated_anon" },
	{ .name = "nr_isolated_file" },
	{ .name = "workingset_nodes" },
	{ .name = "workingset_refault_anon" },
	{ .name = "workingset_refault_file" },
	{ .name = "workingset_activate_anon" },
	{ .name = "workingset_activate_file" },
	{ .name = "workingset_restore_anon" },
	{ .name = "workingset_restore_file" },
	{ .name = "workingset_nodereclaim" },
	{ .name = "nr_anon_pages" },
	{ .name = "nr_mapped" },
	{ .name = "nr_file_pages" },
	{ .name = "nr_dirty" },
	{ .name = "nr_writeback" },
	{ .name = "nr_writeback_temp" },
	{ .name = "nr_shmem" },
	{ .name = "nr_shmem_hugepages" },
	{ .name = "nr_shmem_pmdmapped" },
	{ .name = "nr_file_hugepages" },
	{ .name = "nr_file_pmdmapped" },
	{ .name = "nr_anon_transparent_hugepages" },
	{ .name = "nr_vmscan_write" },
	{ .name = "nr_vmscan_immediate_reclaim" },
	{ .name = "nr_dirtied" },
	{ .name = "nr_written" },
	{ .name = "nr_throttled_written" },
	{ .name = "nr_kernel_misc_reclaimable" },
	{ .name = "nr_foll_pin_acquired" },
	{ .name = "nr_foll_pin_released" },
	{ .name = "nr_kernel_stack" },
	{ .name = "nr_page_table_pages" },
	{ .name = "nr_sec_page_table_pages" },
	{ .name = "nr_iommu_pages", .when = WHEN_6_12 },
	{ .name = "nr_swapcached", .when = WHEN_SWAP },
	{ .name = "pgpromote_success", .when = WHEN_BALANCING },
	{ .name = "pgpromote_candidate", .when = WHEN_BALANCING },
	{ .name = "pgdemote_kswapd", .when = WHEN_6_12 },
	{ .name = "pgdemote_direct", .when = WHEN_6_12 },
	{ .name = "pgdemote_khugepaged", .when = WHEN_6_12 },
};
const unsigned nr_node_counters = ARRAY_SIZE(node_counters);

/* What follows the zone and the node counters in vmstat. */
static const struct counter_name events[] = {
	{ .name = "nr_dirty_threshold" },
	{ .name = "nr_dirty_background_threshold" },
	{ .name = "nr_memmap_pages", .when = WHEN_6_12 },
	{ .name = "nr_memmap_boot_pages", .when = WHEN_6_12 },
	{ .name = "pgpgin" },
	{ .name = "pgpgout" },
	{ .name = "pswpin" },
	{ .name = "pswpout" },
	{ "pgalloc", 0, FROM_PGALLOC, true },
	{ "allocstall", 0, FROM_NOTHING, true },
	{ "pgskip", 0, FROM_NOTHING, true },
	{ "pgfree", 0, FROM_PGFREE, false },
	{ .name = "pgactivate" },
	{ .name = "pgdeactivate" },
	{ .name = "pglazyfree" },
	{ .name = "pgfault" },
	{ .name = "pgmajfault" },
	{ .name = "pglazyfreed" },
	{ .name = "pgrefill" },
	{ .name = "pgreuse" },
	{ .name = "pgsteal_kswapd" },
	{ .name = "pgsteal_direct" },
	{ .name = "pgdemote_kswapd", .when = WHEN_6_1 },
	{ .name = "pgdemote_direct", .when = WHEN_6_1 },
	{ .name = "pgsteal_khugepaged", .when = WHEN_6_12 },
	{ .name = "pgscan_kswapd" },
	{ .name = "pgscan_direct" },
	{ .name = "pgscan_khugepaged", .when = WHEN_6_12 },
	{ .name = "pgscan_direct_throttle" },
	{ .name = "pgscan_anon" },
	{ .name = "pgscan_file" },
	{ .name = "pgsteal_anon" },
	{ .name = "pgsteal_file" },
	{ .name = "zone_reclaim_success", .when = WHEN_6_12 | WHEN_NUMA },
	{ .name = "zone_reclaim_failed", .when = WHEN_NUMA },
	{ .name = "pginodesteal" },
	{ .name = "slabs_scanned" },
	{ .name = "kswapd_inodesteal" },
	{ .name = "kswapd_low_wmark_hit_quickly" },
	{ .name = "kswapd_high_wmark_hit_quickly" },
	{ .name = "pageoutrun" },
	{ .name = "pgrotated" },
	{ .name = "drop_pagecache" },
	{ .name = "drop_slab" },
	{ .name = "oom_kill" },
	{ .name = "numa_pte_updates", .when = WHEN_BALANCING },
	{ .name = "numa_huge_pte_updates", .when = WHEN_BALANCING },
	{ .name = "numa_hint_faults", .when = WHEN_BALANCING },
	{ .name = "numa_hint_faults_local", .when = WHEN_BALANCING },
	{ .name = "numa_pages_migrated", .when = WHEN_BALANCING },
	{ .name = "pgmigrate_success" },
	{ .name = "pgmigrate_fail" },
	{ .name = "thp_migration_success" },
	{ .name = "thp_migration_fail" },
	{ .name = "thp_migration_split" },
	{ .name = "compact_migrate_scanned" },
	{ .name = "compact_free_scanned" },
	{ .name = "compact_isolated" },
	{ .name = "compact_stall" },
	{ .name = "compact_fail" },
	{ .name = "compact_success" },
	{ .name = "compact_daemon_wake" },
	{ .name = "compact_daemon_migrate_scanned" },
	{ .name = "compact_daemon_free_scanned" },
	{ .name = "htlb_buddy_alloc_success" },
	{ .name = "htlb_buddy_alloc_fail" },
	{ .name = "unevictable_pgs_culled" },
	{ .name = "unevictable_pgs_scanned" },
	{ .name = "unevictable_pgs_rescued" },
	{ .name = "unevictable_pgs_mlocked" },
	{ .name = "unevictable_pgs_munlocked" },
	{ .name = "unevictable_pgs_cleared" },
	{ .name = "unevictable_pgs_stranded" },
	{ .name = "thp_fault_alloc", .when = WHEN_THP },
	{ .name = "thp_fault_fallback", .when = WHEN_THP },
	{ .name = "thp_fault_fallback_charge", .when = WHEN_THP },
	{ .name = "thp_collapse_alloc", .when = WHEN_THP },
	{ .name = "thp_collapse_alloc_failed", .when = WHEN_THP },
	{ .name = "thp_file_alloc", .when = WHEN_THP },
	{ .name = "thp_file_fallback", .when = WHEN_THP },
	{ .name = "thp_file_fallback_charge", .when = WHEN_THP },
	{ .name = "thp_file_mapped", .when = WHEN_THP },
	{ .name = "thp_split_page", .when = WHEN_THP },
	{ .name = "thp_split_page_failed", .when = WHEN_THP },
	{ .name = "thp_deferred_split_page", .when = WHEN_THP },
	{ .name = "thp_underused_split_page", .when = WHEN_6_12 | WHEN_THP },
	{ .name = "thp_split_pmd", .when = WHEN_THP },
	{ .name = "thp_scan_exceed_none_pte", .when = WHEN_THP },
	{ .name = "thp_scan_exceed_swap_pte", .when = WHEN_THP },
	{ .name = "thp_scan_exceed_share_pte", .when = WHEN_THP },
	{ .name = "thp_split_pud", .when = WHEN_THP | WHEN_64BIT },
	{ .name = "thp_zero_page_alloc", .when = WHEN_THP },
	{ .name = "thp_zero_page_alloc_failed", .when = WHEN_THP },
	{ .name = "thp_swpout", .when = WHEN_THP },
	{ .name = "thp_swpout_fallback", .when = WHEN_THP },
	{ .name = "balloon_inflate" },
	{ .name = "balloon_deflate" },
	{ .name = "balloon_migrate" },
	{ .name = "swap_ra", .when = WHEN_SWAP },
	{ .name = "swap_ra_hit", .when = WHEN_SWAP },
	{ .name = "swpin_zero", .when = WHEN_6_12 | WHEN_SWAP },
	{ .name = "swpout_zero", .when = WHEN_6_12 | WHEN_SWAP },
	{ .name = "ksm_swpin_copy", .when = WHEN_SWAP },
	{ .name = "cow_ksm" },
	{ .name = "zswpin" },
	{ .name = "zswpout" },
	{ .name = "zswpwb", .when = WHEN_6_12 },
	{ .name = "direct_map_level2_splits" },
	{ .name = "direct_map_level3_splits" },
	{ .name = "nr_unstable" },
};
/* clang-format on */

/* Zone and node counters are summed over all zones and nodes. */
static unsigned long reclaim_counter(const struct machine *m, const char *name)
{
	const unsigned long all = procfs_reclaim_event(m, name, -1);
	unsigned long sum = 0;

	/* of the machine's events some are counted by node as well */
	if (all)
		return all;
	if (!strncmp(name, "nr_zone_", 8)) {
		for (unsigned i = 0; i < m->nr_zones; i++)
			sum += procfs_reclaim_zone(&m->zone[i], name);
		return sum;
	}
	for (unsigned i = 0; i < m->desc.topo.nr_nodes; i++)
		sum += procfs_reclaim_node(m, i, name);
	return sum;
}

static void print_list(const struct procfs_source *src,
		       const struct counter_name *list, unsigned nr, FILE *out)
{
	for (unsigned i = 0; i < nr; i++) {
		if (counter_printed(&list[i], &src->machine->desc))
			fprintf(out, "%s %lu\n", list[i].name,
				procfs_counter(src, list[i].source, -1) +
					reclaim_counter(src->machine,
							list[i].name));
	}
}

/* "pgalloc_dma": the names of zones in lower case; HighMem is "high". */
static void print_per_zone(const struct procfs_source *src,
			   const struct counter_name *c, FILE *out)
{
	for (unsigned idx = 0; idx < MAX_NR_ZONES; idx++) {
		const char *zone =
			idx == ZONE_HIGHMEM ? "high" : zone_index_name(idx);

		if (!src->machine->zone_present[idx])
			continue;
		fprintf(out, "%s_", c->name);
		for (; *zone; zone++)
			fputc(tolower((unsigned char)*zone), out);
		fprintf(out, " %lu\n",
			procfs_counter(src, c->source, (int)idx) +
				procfs_reclaim_event(src->machine, c->name,
						     (int)idx));
	}
}

void procfs_vmstat(const struct procfs_source *src, FILE *out)
{
	print_list(src, zone_counter_names, nr_zone_counter_names, out);
	print_list(src, node_counters, nr_node_counters, out);
	for (unsigned i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i].per_zone)
			print_per_zone(src, &events[i], out);
		else
			print_list(src, &events[i], 1, out);
	}
}
