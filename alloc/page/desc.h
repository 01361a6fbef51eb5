/*
 * Description of a machine: plain data, no pointers, filled from keys, from
 * this host or from a captured server, and consumed by machine_create().
 * Everything that Linux computes (watermarks, protection, pagesets, stat
 * thresholds, node order) is NOT here: it is computed by the formulas.
 */
#ifndef ALLOC_PAGE_DESC_H
#define ALLOC_PAGE_DESC_H

#include "alloc/base/topo.h"
#include "alloc/page/gfp.h"

enum machine_layout { LAYOUT_X86_64, LAYOUT_I386 };
/* How per-CPU pagesets move their high mark: as the kernel's rules say, fixed
 * (6.1), or between high_min and high_max (6.7). */
enum rcu_flavor {
	RCU_FLAVOR_MEMB,
	RCU_FLAVOR_QSBR,
	RCU_FLAVOR_MB,
	RCU_FLAVOR_BP,
	NR_RCU_FLAVORS
};
enum pcp_tuning { PCP_TUNING_KERNEL, PCP_TUNING_6_1, PCP_TUNING_6_7 };
enum kernel_rules { KERNEL_6_1, KERNEL_6_12 }; /* which rule set applies */

struct zone_extent {
	uint64_t start_pfn; /* first page of the span */
	uint64_t spanned;   /* pages, holes included */
	uint64_t present;   /* RAM pages */
	uint64_t managed;   /* pages of the buddy system; 0: empty zone */
	uint64_t cma;       /* managed pages in CMA pageblocks */
};

struct node_desc {
	bool online;
	struct zone_extent zone[MAX_NR_ZONES];
};

struct machine_desc {
	enum machine_layout layout;
	enum kernel_rules kernel;
	struct topo topo; /* nr_nodes, CPUs of nodes, distances, synthetic */
	struct node_desc node[MAX_NODES];
	/* how the kernel was built, as far as its /proc text shows it */
	bool has_device_zone;    /* x86-64: an (always empty) Device zone */
	bool has_cma;            /* CMA: a migratetype more */
	bool has_isolate;        /* memory isolation: a migratetype more */
	bool has_numa;           /* numa_* counters; absent on i386 */
	bool has_zspages;        /* nr_zspages */
	bool has_swap;           /* nr_swapcached */
	bool has_numa_balancing; /* pgpromote_*, numa_pte_updates, ... */
	bool thp;                /* THP built in: 14 per-CPU lists */
	bool thp_enabled; /* not "never": khugepaged raises min_free_kbytes */
	uint8_t pageblock_order; /* 9; 10 on i386 without PAE */
	bool zonelists_rebuilt;  /* since boot, with all CPUs up */

	enum pcp_tuning pcp_tuning;
	bool rseq_off; /* per-CPU stacks under a lock even where rseq works */

	uint64_t vmalloc_bytes; /* of addresses for vmalloc, 0: by layout */

	/* engine rcu */
	uint8_t rcu_flavor;       /* enum rcu_flavor */
	uint32_t rcu_limbo_pages; /* limit of limbo, 0: managed / 16 */

	/* sysctl; -1 = not set by anybody */
	int64_t min_free_kbytes;        /* >= 0: given, used as it is */
	int32_t watermark_scale_factor; /* 10 */
	int32_t watermark_boost_factor; /* 15000 */
	int32_t lowmem_reserve_ratio[MAX_NR_ZONES];
	int32_t percpu_pagelist_high_fraction; /* 0, or >= 8 */
	char name[128]; /* for results: "host", "mem=4G nodes=2", ... */
};

#endif
