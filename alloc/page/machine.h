/*
 * The machine: nodes, zones, zonelists, counters. Layout follows Linux's
 * pg_data_t and struct zone; fields that the policy reads on every request
 * stand apart from those that the zone lock protects.
 */
#ifndef ALLOC_PAGE_MACHINE_H
#define ALLOC_PAGE_MACHINE_H

#include <stdatomic.h>

#include "alloc/base/base.h"
#include "alloc/base/lock.h"
#include "alloc/page/desc.h"
#include "alloc/page/gfp.h"
#include "alloc/page/page.h"

enum wmark { WMARK_MIN, WMARK_LOW, WMARK_HIGH, WMARK_PROMO, NR_WMARK };

struct kmap_space;
struct machine;
struct node;
struct reclaim;
struct vmalloc_space;

struct free_area {
	struct pfn_list list[NR_MIGRATETYPES]; /* zone->lock */
	_Atomic uint32_t
		nr_free; /* blocks, all types; written under zone->lock,
			    read anywhere (relaxed: a statistic) */
};

/*
 * Per (zone, CPU). free_diff: this CPU's pending change of nr_free_pages;
 * every writer holds zone->lock (free pages change nowhere else), so threads
 * that share a CPU slot do not race.
 */
struct zone_cpu {
	_Atomic int8_t free_diff; /* zone->lock; relaxed: statistics read it */
	int8_t stat_threshold;
} CACHELINE;

/* Takings of zone->lock since boot, by zone_lock(). */
struct zone_lock_stats {
	uint64_t taken;      /* all of them */
	uint64_t contended;  /* those that had to wait */
	uint64_t wait_ticks; /* of the TSC, spent waiting */
};

#define ZONE_BOOSTED_WATERMARK 0x1u
#define ZONE_RECLAIM_ACTIVE    0x2u
#define ZONE_BELOW_HIGH        0x4u
/* the crossing was recorded (machines with reclaim) */
#define ZONE_SEEN_BELOW_LOW 0x8u
#define ZONE_SEEN_BELOW_MIN 0x10u

/* In pages of its own, so that it lies on its node (machine_node_alloc). */
struct zone {
	/* read-mostly: watermark check and walk */
	_Alignas(PAGE_SIZE) long watermark[NR_WMARK]; /* pages, without boost */
	_Atomic long watermark_boost; /* pages; zone->lock to write */
	long lowmem_reserve[MAX_NR_ZONES];
	_Atomic long nr_reserved_highatomic; /* pages; zone->lock to write */
	uint16_t id;                         /* index in machine->zone[] */
	uint16_t nid;
	uint8_t idx; /* enum zone_index */
	uint8_t pageblock_order;
	const char *name;
	struct machine *machine;
	struct page
		*map; /* map[pfn] is the descriptor; one base for all zones */
	_Atomic uint8_t *pageblock_mt; /* [pageblock_of(zone, pfn)], enum
			migratetype; relaxed atomics, zone->lock to write */
	/*
	 * [pageblock_of(zone, pfn)]: pages in use whose owner declared them
	 * movable (on an LRU list, or migratable), by page_movable_add(). The
	 * stealing rule counts them; an allocation with __GFP_MOVABLE alone
	 * does not, as in Linux, where a page counts from the moment it is on
	 * an LRU.
	 */
	_Atomic uint16_t *pageblock_movable;
	uint64_t start_pfn, spanned, present, managed, cma;
	uint64_t nr_pageblocks;
	int pageset_batch, pageset_high;        /* 6.1 */
	int pageset_high_min, pageset_high_max; /* 6.7+ */
	_Atomic int stat_threshold; /* pages; kswapd lowers it (relaxed) */
	long percpu_drift_mark;     /* pages, 0: none */
	struct zone_cpu *cpu;       /* [machine->topo.nr_cpus] */
	void *engine_zone;          /* the engine's own per-zone data */

	struct spinlock lock CACHELINE;    /* by zone_lock() */
	struct zone_lock_stats lock_stats; /* zone->lock */
	_Atomic uint32_t flags;            /* ZONE_* */
	uint32_t nr_isolate_pageblock;     /* zone->lock */
	/* sum over o of nr_free << o == nr_free_pages + all free_diff
	   + pages on Isolate lists; under zone->lock */
	struct free_area free_area[NR_PAGE_ORDERS];
	/*
	 * zone->lock. [boot_next, boot_end) holds blocks of the largest order
	 * that are free since boot and not linked yet: counted in nr_free, they
	 * follow the last block of list boot_mt, which is not empty while there
	 * are any. Linked by and by (buddy_boot_link), so that booting does not
	 * touch their descriptors.
	 */
	uint32_t boot_next, boot_end;
	uint8_t boot_mt;

	_Atomic long nr_free_pages CACHELINE; /* pages, without the CPUs'
						 free_diff */
	_Atomic long nr_free_cma;
	_Atomic long nr_free_highatomic; /* 6.12 */
};

/* (zone, index) pairs ended by NULL, in the order in which they are tried. */
struct zonelist {
	struct zone *zone[MAX_NODES * MAX_NR_ZONES + 1];
	/* first[j]: position of the first entry with idx <= j */
	uint16_t first[MAX_NR_ZONES];
	uint16_t nr;
};

enum { ZONELIST_FALLBACK, ZONELIST_NOFALLBACK, NR_ZONELISTS };

struct node {
	uint16_t nid;
	bool online, has_cpu, has_memory;
	uint16_t node_order[MAX_NODES]; /* fallback order, nr_order entries */
	uint16_t nr_order;
	uint64_t start_pfn, spanned, present;
	struct zone *zone[MAX_NR_ZONES]; /* every one exists, may be empty */
	struct zonelist *zonelist;       /* [NR_ZONELISTS] */
	long totalreserve_pages;
	/* bytes of slabs and large kmalloc blocks that lie here, [0] of
	   reclaimable caches, [1] of others; relaxed: statistics */
	_Atomic long slab_bytes[2];
};

/*
 * Where 2^HOME_ORDER frames belong, in one word that a free can compare with
 * the one it expects: pageblock type (low HOME_MT_BITS), zone id, and, from
 * HOME_SPECIAL up, how many extra references and compound marks are out among
 * them (frameless engines only: struct page need not be looked at for them).
 * HOME_MIXED: frames of several zones, nothing to be said of all.
 *
 * The low part changes under zone->lock by addition, so that the count, which
 * anybody changes, is not lost.
 */
#define HOME_ORDER   9u /* the smallest pageblock */
#define HOME_MT_BITS 3u
#define HOME_SPECIAL 0x10000ull
#define HOME_MIXED   (1ull << 63)

/*
 * Frames at a second address: what a kernel does with its page tables. Whoever
 * maps the memory (the harness) gives it, and vmalloc and kmap use it; it is
 * all that alloc/page knows of files and mappings. Any thread, several at once
 * on different addresses; may sleep, so never under a spin lock.
 *
 * reserve: a range of addresses that nobody else gets, and where every access
 * faults. release: gives it back with whatever is mapped in it.
 * map: nr frames from pfn, in a row, readable and writable from `at` on, a page
 * boundary inside such a range; what was mapped there is replaced. 0, or -errno
 * with nothing mapped at all (-ENOMEM: the host has no room for one more
 * mapping, vm.max_map_count; -EFAULT: there is no such frame).
 * unmap: every access to [at, at + bytes) faults again. Bounds are bounds of
 * earlier calls of map; cannot fail.
 * place, may be NULL: has the whole pages inside [at, at + bytes) lie on node
 * nid's memory, moves those that do not; nothing to do where the frames of nid
 * are bound to no real node. 0 or -errno.
 */
struct frame_mapper {
	int (*reserve)(struct frame_mapper *fm, size_t bytes, char **out);
	void (*release)(struct frame_mapper *fm, char *at, size_t bytes);
	int (*map)(struct frame_mapper *fm, char *at, pfn_t pfn, uint64_t nr);
	void (*unmap)(struct frame_mapper *fm, char *at, size_t bytes);
	int (*place)(struct frame_mapper *fm, void *at, size_t bytes,
		     unsigned nid);
};

/* Memory behind the frames, mapped by the harness; base NULL: none (tests).
 * HIGHMEM frames lie in the same numbering, but an access there faults. */
struct machine_memory {
	char *base; /* address of pfn 0; frames of nodes are mapped inside */
	struct frame_mapper *mapper; /* NULL: no vmalloc, no kmap, no placing */
};

/*
 * Per thread and zone, one writer, summed when read (relaxed: statistics).
 * Units as in /proc/vmstat: pgalloc and pgfree in pages, numa_* in calls.
 */
struct zone_counters {
	uint64_t pgalloc, pgfree;
	uint64_t numa_hit, numa_miss, numa_foreign, numa_interleave;
	uint64_t numa_local, numa_other;
};

/* Where a pfn belongs: populated zones sorted by start, spans do not overlap.
 */
struct zone_span {
	uint64_t start, end;
	uint16_t zone_id;
};

struct machine {
	struct machine_desc desc;
	uint16_t nr_zones; /* nr_nodes * MAX_NR_ZONES */
	struct zone *zone; /* [nr_zones], id = nid * MAX_NR_ZONES + idx */
	struct node *node; /* [desc.topo.nr_nodes] */
	bool zone_present[MAX_NR_ZONES]; /* indexes that this kernel has at all
					  */
	bool mobility_grouping; /* false: every block and request is UNMOVABLE
				 */
	long min_free_kbytes;   /* in force */
	long user_min_free_kbytes; /* last one given by a user, -1: none */
	struct zone_span *span;    /* [nr_spans], for machine_zone_of() */
	uint16_t nr_spans;
	long totalreserve_pages;
	uint64_t end_pfn; /* one past the last page of any zone */
	uint64_t managed; /* pages, all zones */
	struct page *map; /* [end_pfn], reserved and zero, populated on touch */
	size_t map_bytes;
	struct machine_memory memory;
	struct reclaim *reclaim; /* NULL: nothing reclaims (reclaim.h) */
	_Atomic uint64_t *home;  /* [pfn >> HOME_ORDER], see HOME_MT_BITS */
	uint8_t gfp_zone[16];    /* low four gfp bits -> highest_zoneidx */
	uint64_t highmem_pfn;    /* frames from here on are HIGHMEM, UINT64_MAX:
				    none */
	struct kmap_space *kmap; /* NULL without HIGHMEM or mapper */
	struct vmalloc_space *vmalloc; /* NULL until vmalloc_init() */
};

/*
 * Builds nodes, zones, zonelists and everything computed from them; free
 * lists start empty. 0, -ENOMEM, or -EINVAL with one line in err.
 */
int machine_create(struct machine **out, const struct machine_desc *desc,
		   const struct machine_memory *memory, char *err,
		   size_t err_len) MUST_CHECK;
void machine_destroy(struct machine *m);

/*
 * Zeroed memory, aligned to pages, for what the CPUs or the zones of node nid
 * write: on that node's memory, where the frames of the node are. free() takes
 * it. NULL: none. Any thread.
 */
void *machine_node_alloc(const struct machine *m, unsigned nid, size_t bytes)
	MUST_CHECK;

/*
 * Has an array with one element of `size` bytes for every 2^order frames lie
 * with the frames: node by node, but for the pages on the borders. 0 or -errno.
 * While the machine is built, before other threads know the array.
 */
int machine_place_by_frame(const struct machine *m, void *array, size_t size,
			   unsigned order) MUST_CHECK;

/*
 * Gives every managed page to the free lists, as Linux does at boot: ascending
 * maximal aligned blocks, each to the tail of its list. Single threaded, once.
 */
void machine_boot(struct machine *m);
void zone_boot(struct zone *zone); /* one populated zone of it */

/*
 * The pages of a zone that the buddy system gets: [first, first + managed).
 * Linux's zoneinfo does not say where reserved pages and holes lie. Here the
 * managed pages of a DMA zone are its last ones (the BIOS and the kernel's
 * trampolines lie below), those of every other zone its first ones.
 */
uint64_t zone_first_managed(const struct zone *zone);

/*
 * Pageblocks that /proc/pagetypeinfo counts: it steps from the first pfn, so
 * that a partial last block may be missed. Holes have no pageblocks on x86-64;
 * on i386, with its flat memory map, they have, Unmovable ones.
 */
uint64_t zone_listed_pageblocks(const struct zone *zone);
bool zone_pageblock_is_hole(const struct zone *zone, uint64_t block);

/* "DMA", "DMA32", ...; idx < MAX_NR_ZONES. */
const char *zone_index_name(unsigned idx);

/* Computes marks, protection, pagesets and thresholds anew from m->desc, as at
 * boot; watermark.h has the single sysctl writes. Caller: no other thread
 * runs. */
void machine_recompute(struct machine *m);

ALWAYS_INLINE bool zone_populated(const struct zone *zone)
{
	return zone->present > 0;
}

ALWAYS_INLINE bool zone_managed(const struct zone *zone)
{
	return zone->managed > 0;
}

ALWAYS_INLINE struct page *pfn_to_page(const struct machine *m, pfn_t pfn)
{
	return &m->map[pfn.v];
}

/* HIGHMEM frames have no permanent address: kmap.h. */
ALWAYS_INLINE bool pfn_is_highmem(const struct machine *m, pfn_t pfn)
{
	return unlikely(pfn.v >= m->highmem_pfn);
}

/* Permanent address of a frame that is not HIGHMEM; the machine has memory.
 * page_address() of kmap.h is for any frame. */
ALWAYS_INLINE void *pfn_to_virt(const struct machine *m, pfn_t pfn)
{
	return m->memory.base + ((uint64_t)pfn.v << PAGE_SHIFT);
}

/* Zone that holds pfn, NULL if none does. Any thread, no lock. */
struct zone *machine_zone_of(const struct machine *m, uint64_t pfn);

/* Of frames of this zone and pageblock type, none of them special. */
ALWAYS_INLINE uint64_t zone_home(const struct zone *zone, unsigned mt)
{
	return (uint64_t)zone->id << HOME_MT_BITS | mt;
}

/* Sets the type of pageblock number `block` of the zone, < nr_pageblocks.
 * Caller holds zone->lock, or no other thread runs. */
void zone_set_pageblock_mt(struct zone *zone, uint64_t block, unsigned mt);

ALWAYS_INLINE uint64_t pageblock_of(const struct zone *zone, uint64_t pfn)
{
	return (pfn >> zone->pageblock_order) -
	       (zone->start_pfn >> zone->pageblock_order);
}

#endif
