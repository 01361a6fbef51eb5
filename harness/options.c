/*
 * The table of keys and what is made from it. See options.h.
 *
 * A key is added by one row; its field lies in struct job_params. Defaults are
 * written as text and set through the same parser that users meet.
 */
#include "harness/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "alloc/base/check.h"
#include "harness/swap_params.h"
#include "workloads/lib/worker.h"

#define FIELD(member)                                  \
	.offset = offsetof(struct job_params, member), \
	.size = sizeof(((struct job_params *)0)->member)
#define NODE_FIELD(member)                               \
	.offset = offsetof(struct node_section, member), \
	.size = sizeof(((struct node_section *)0)->member)

#define RUN_WIDE (AT_GLOBAL | AT_CLI)
#define PER_CELL (AT_GLOBAL | AT_SECTION | AT_CLI)
#define AXIS     (PER_CELL | AT_MATRIX)
#define MACHINE  (AXIS | AT_TOOLS | AT_CACHES)

#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL
#define GIB       (1ULL << 30)

static const char *const touch_names[] = { "none", "first", "all", NULL };
static const char *const free_order_names[] = { "order", "reverse", "shuffle",
						NULL };
static const char *const mobility_names[] = { "gfp", "mixed", NULL };
static const char *const dist_names[] = { "uniform", "geometric", NULL };
static const char *const access_names[] = { "zipf", "uniform", NULL };
static const char *const layouts[] = { "x86-64", "i386", "i386pae", NULL };
static const char *const kernels[] = { "6.1", "6.12", NULL };
static const char *const fragmentations[] = { "fresh", "captured", NULL };
static const char *const pcp_tunings[] = { "6.1", "6.7", NULL };
static const char *const rseq_modes[] = { "auto", "off", NULL };
static const char *const rcu_flavors[] = { "memb", "qsbr", "mb", "bp", NULL };
static const char *const slub_fasts[] = { "rseq", "cmpxchg", NULL };
static const char *const mixes[] = { "git", "hackbench", "redis", "tar", NULL };
static const char *const sharings[] = { "thrash", "scratch", NULL };
static const char *const thp_modes[] = { "always", "madvise", "never", NULL };
static const char *const zonelist_times[] = { "boot", "hotplug", NULL };

static const char *const frame_pages[] = { "4k", "huge", NULL };
static const char *const reclaim_modes[] = { "auto", "off", "on", NULL };
static const char *const off_on[] = { "off", "on", NULL };

static const char extent_hint[] = "START+SPANNED[/PRESENT[/MANAGED]] in pages";

/* clang-format off */
const struct option options[] = {
	/* what is run */
	{ "engine", OPT_NAME, GROUP_RUN, AXIS | AT_CACHES, .def = "zonelock",
	  .summary = "allocator under test; see `list engines`",
	  FIELD(engine) },
	{ "workload", OPT_NAME, GROUP_RUN, AXIS & ~AT_GLOBAL, .def = "pair",
	  .summary = "what is done to it; default: section's name; slab: pair is obj_pair",
	  FIELD(workload_name) },
	{ "pages", OPT_NAME, GROUP_RUN, AXIS, .def = "pcp",
	  .summary = "page engine below a slab engine", .uses = USES_SLAB,
	  FIELD(pages) },
	{ "threads", OPT_THREADS, GROUP_RUN, AXIS, .def = "1",
	  .min = 1, .max = MAX_CPUS, .unit = "threads",
	  .summary = "pinned threads, or percent of the usable CPUs",
	  FIELD(threads) },
	{ "placement", OPT_PLACEMENT, GROUP_RUN, AXIS, .def = "compact",
	  .summary = "which CPUs: near, spread, of one node, or of two in turn",
	  FIELD(placement) },
	{ "mem_policy", OPT_MEM_POLICY, GROUP_RUN, AXIS, .def = "local",
	  .summary = "node that a thread's frames come from",
	  FIELD(mem_policy) },
	{ "oversubscribe", OPT_BOOL, GROUP_RUN, PER_CELL, .def = "0",
	  .summary = "allow more threads than CPUs; flagged in the results",
	  FIELD(oversubscribe) },
	{ "repeat", OPT_INT, GROUP_RUN, RUN_WIDE, .def = "5",
	  .min = 1, .max = 99, .unit = "processes",
	  .summary = "repetitions of each cell, each a fresh process",
	  FIELD(repeat) },
	{ "retries", OPT_INT, GROUP_RUN, RUN_WIDE, .def = "1",
	  .min = 0, .max = 10, .unit = "tries",
	  .summary = "tries more of a noisy repetition; a fifth of all at most",
	  FIELD(retries) },
	{ "runtime", OPT_DURATION, GROUP_RUN, PER_CELL, .def = "200ms",
	  .min = NS_PER_MS, .max = 3600 * NS_PER_S,
	  .summary = "throughput window of a repetition",
	  FIELD(runtime_ns) },
	{ "lat_runtime", OPT_DURATION, GROUP_RUN, PER_CELL, .def = "100ms",
	  .min = 0, .max = 3600 * NS_PER_S,
	  .summary = "latency window of a repetition; 0: none",
	  FIELD(lat_runtime_ns) },
	{ "warmup", OPT_DURATION, GROUP_RUN, PER_CELL, .def = "20ms",
	  .min = 0, .max = 600 * NS_PER_S,
	  .summary = "time in the loop before anything is measured",
	  FIELD(warmup_ns) },
	{ "timeout", OPT_DURATION, GROUP_RUN, PER_CELL, .def = "60s",
	  .min = 100 * NS_PER_MS, .max = 24 * 3600 * NS_PER_S,
	  .summary = "a repetition that takes longer is killed",
	  FIELD(timeout_ns) },
	{ "interval", OPT_DURATION, GROUP_RUN, PER_CELL, .def = "10ms",
	  .min = NS_PER_MS, .max = 60 * NS_PER_S,
	  .summary = "time between two samples of the free lists",
	  FIELD(interval_ns) },
	{ "sample", OPT_INT, GROUP_RUN, PER_CELL, .def = "16", .pow2 = true,
	  .min = 1, .max = 1 << 20, .unit = "operations",
	  .summary = "latency window: one of so many operations is timed",
	  FIELD(sample) },
	{ "events", OPT_INT, GROUP_RUN, PER_CELL, .def = "65536",
	  .min = 1, .max = 1 << 26, .unit = "events",
	  .summary = "capacity of a thread's event ring; overflow voids a run",
	  FIELD(events) },
	{ "huge_probe", OPT_INT, GROUP_RUN, PER_CELL, .def = "0",
	  .min = 0, .max = HUGE_PROBE_MAX, .unit = "blocks",
	  .summary = "order-9 blocks asked for and given back at each interval",
	  FIELD(huge_probe) },
	{ "memlock", OPT_BOOL, GROUP_RUN, PER_CELL, .def = "0",
	  .summary = "lock pages in memory as they are touched",
	  FIELD(memlock) },
	{ "frames", OPT_ENUM, GROUP_RUN, AXIS, .def = "4k",
	  .choices = frame_pages,
	  .summary = "pages under the frames; huge: 2M, as a direct map's; not malloc:*",
	  FIELD(frames) },
	{ "seed", OPT_INT, GROUP_RUN, RUN_WIDE, .def = "0",
	  .min = 0, .max = INT64_MAX,
	  .summary = "of the order of cells and the workloads; 0: from the clock",
	  FIELD(seed) },
	{ "exclude", OPT_RULE, GROUP_RUN, AT_GLOBAL | AT_MATRIX | AT_CLI,
	  .summary = "leave out the cells for which all pairs hold" },
	{ "name", OPT_NAME, GROUP_RUN, RUN_WIDE,
	  .summary = "name of the job; default: the file's",
	  FIELD(name) },
	{ "out", OPT_STRING, GROUP_RUN, AT_CLI,
	  .summary = "run folder; default: results/NAME-TIME",
	  FIELD(out) },
#ifdef FAULTS
	{ "fault", OPT_NAME, GROUP_RUN, PER_CELL,
	  .summary = "fault that this build can inject",
	  FIELD(fault) },
#endif
	/* what the workload does */
	{ "order", OPT_INT, GROUP_WORKLOAD, AXIS, .def = "0",
	  .min = 0, .max = MAX_PAGE_ORDER, .unit = "order",
	  .hint = "larger than the largest block is a matter for vmalloc",
	  .summary = "2^order pages a block", .uses = USES_ORDER,
	  FIELD(workload.order) },
	{ "order_max", OPT_INT, GROUP_WORKLOAD, AXIS, .def = "3",
	  .min = 0, .max = MAX_PAGE_ORDER, .unit = "order",
	  .hint = "larger than the largest block is a matter for vmalloc",
	  .summary = "orders 0 to order_max are drawn", .uses = USES_ORDER_MAX,
	  FIELD(workload.order_max) },
	{ "gfp", OPT_GFP, GROUP_WORKLOAD, AXIS, .def = "GFP_KERNEL",
	  .summary = "flags of each request, joined by '|'",
	  FIELD(workload.gfp) },
	{ "touch", OPT_ENUM, GROUP_WORKLOAD, AXIS, .def = "none",
	  .choices = touch_names,
	  .summary = "write to no page, the first, or all of a block",
	  FIELD(workload.touch) },
	{ "nr", OPT_INT, GROUP_WORKLOAD, AXIS, .def = "32",
	  .min = 1, .max = 1 << 20, .unit = "blocks",
	  .summary = "blocks or objects of a round", .uses = USES_NR,
	  FIELD(workload.nr) },
	{ "outstanding", OPT_INT, GROUP_WORKLOAD, AXIS, .def = "64",
	  .min = 1, .max = 1 << 22, .unit = "blocks",
	  .summary = "blocks or objects that a thread holds",
	  .uses = USES_OUTSTANDING,
	  FIELD(workload.outstanding) },
	{ "hold", OPT_INT, GROUP_WORKLOAD, AXIS, .def = "0",
	  .min = 0, .max = 8192, .unit = "blocks", .uses = USES_HOLD,
	  .summary = "blocks that a thread keeps aside, their buddies free",
	  FIELD(workload.hold) },
	{ "free_order", OPT_ENUM, GROUP_WORKLOAD, AXIS, .def = "order",
	  .choices = free_order_names, .uses = USES_FREE_ORDER,
	  .summary = "blocks of a round go back in order, reversed, shuffled",
	  FIELD(workload.free_order) },
	{ "dist", OPT_ENUM, GROUP_WORKLOAD, AXIS, .def = "geometric",
	  .choices = dist_names, .uses = USES_DIST,
	  .summary = "how orders are drawn",
	  FIELD(workload.dist) },
	{ "mobility", OPT_ENUM, GROUP_WORKLOAD, AXIS, .def = "gfp",
	  .choices = mobility_names, .uses = USES_MOBILITY,
	  .summary = "migratetypes: that of gfp, or all three at random",
	  FIELD(workload.mobility) },
	{ "occupancy", OPT_PERCENT, GROUP_WORKLOAD, AXIS, .def = "50%",
	  .min = 1, .max = 95, .unit = "percent", .uses = USES_OCCUPANCY,
	  .summary = "share of the machine that is held",
	  FIELD(workload.occupancy) },
	{ "size", OPT_INT, GROUP_WORKLOAD, AXIS | AT_CACHE, .def = "64",
	  .min = 1, .max = KMALLOC_MAX_SIZE, .unit = "bytes",
	  .summary = "size of an object", .uses = USES_SIZE,
	  FIELD(workload.size) },
	{ "align", OPT_INT, GROUP_WORKLOAD, AXIS | AT_CACHE, .def = "0",
	  .pow2 = true, .min = 0, .max = KMALLOC_MAX_SIZE, .unit = "bytes",
	  .summary = "alignment of an object; 0: as the rules say",
	  .uses = USES_SIZE, FIELD(workload.align) },
	{ "flags", OPT_CACHE_FLAGS, GROUP_WORKLOAD, AXIS | AT_CACHE,
	  .def = "none", .uses = USES_SIZE,
	  .summary = "flags of the cache, joined by '|'",
	  FIELD(workload.cache_flags) },
	{ "ctor", OPT_BOOL, GROUP_WORKLOAD, AT_CACHE, .def = "0",
	  .summary = "show cache: a cache with a constructor",
	  FIELD(cache_ctor) },
	{ "usersize", OPT_INT, GROUP_WORKLOAD, AT_CACHE, .def = "0",
	  .min = 0, .max = KMALLOC_MAX_SIZE, .unit = "bytes",
	  .summary = "show cache: bytes that may be copied to user space",
	  FIELD(cache_usersize) },
	{ "mix", OPT_ENUM, GROUP_WORKLOAD, AXIS, .def = "tar",
	  .choices = mixes, .uses = USES_MIX,
	  .summary = "recording from which sizes are drawn",
	  FIELD(workload.mix) },
	{ "sharing", OPT_ENUM, GROUP_WORKLOAD, AXIS, .def = "thrash",
	  .choices = sharings, .uses = USES_SHARING,
	  .summary = "objects at the start: each thread's own, or neighbours",
	  FIELD(workload.sharing) },
	{ "slub_fast", OPT_ENUM, GROUP_WORKLOAD, AXIS, .def = "rseq",
	  .choices = slub_fasts, .uses = USES_SLAB,
	  .summary = "slub: restartable sequences, or compare-and-swap",
	  FIELD(slub_fast) },
	{ "hardened", OPT_BOOL, GROUP_WORKLOAD, AXIS, .def = "0",
	  .summary = "slub encodes free pointers; slub, slab: no double free",
	  .uses = USES_SLAB,
	  FIELD(hardened) },
	{ "freelist_random", OPT_BOOL, GROUP_WORKLOAD, AXIS, .def = "0",
	  .summary = "new slabs hand out their objects in random order",
	  .uses = USES_SLAB, FIELD(freelist_random) },
	{ "slub_min_objects", OPT_INT, GROUP_WORKLOAD, AXIS | AT_CACHES,
	  .def = "0", .min = 0, .max = 32767, .unit = "objects",
	  .summary = "slub: objects of a slab; 0: by the number of CPUs",
	  .uses = USES_SLAB, FIELD(slub_min_objects) },
	{ "slub_min_order", OPT_INT, GROUP_WORKLOAD, AXIS | AT_CACHES,
	  .def = "0", .min = 0, .max = MAX_PAGE_ORDER, .unit = "order",
	  .summary = "slub: 2^n pages a slab at least",
	  .uses = USES_SLAB, FIELD(slub_min_order) },
	{ "slub_max_order", OPT_INT, GROUP_WORKLOAD, AXIS | AT_CACHES,
	  .def = "3", .min = 0, .max = MAX_PAGE_ORDER, .unit = "order",
	  .summary = "slub: 2^n pages a slab at most, if an object fits",
	  .uses = USES_SLAB, FIELD(slub_max_order) },
	{ "nr_possible", OPT_INT, GROUP_WORKLOAD, AT_CACHES, .def = "0",
	  .min = 0, .max = MAX_CPUS, .unit = "CPUs",
	  .summary = "show: CPUs that may come, at least cpus; 0: none more",
	  FIELD(nr_possible) },
	{ "sheaf_capacity", OPT_INT, GROUP_WORKLOAD, AXIS | AT_CACHE,
	  .def = "0", .min = 0, .max = SHEAF_CAPACITY_MAX, .unit = "objects",
	  .summary = "sheaves: objects of a sheaf, at least; 0: by their size",
	  .uses = USES_SIZE, FIELD(sheaf_capacity) },
	{ "bytes", OPT_RANGE, GROUP_WORKLOAD, AXIS, .def = "4K-512K",
	  .min = 1, .max = PAGE_SIZE << MAX_PAGE_ORDER, .unit = "bytes",
	  .hint = "larger than the largest block is a matter for vmalloc",
	  .summary = "sizes that are asked for", .uses = USES_BYTES,
	  FIELD(workload.bytes_min) },
	{ "area", OPT_RANGE, GROUP_WORKLOAD, AXIS, .def = "8M-8M",
	  .min = 1, .max = 16384 * GIB, .unit = "bytes",
	  .summary = "vmalloc: sizes that are asked for", .uses = USES_AREA,
	  FIELD(workload.area_min) },
	{ "working_set", OPT_PERCENT, GROUP_WORKLOAD, AXIS, .def = "150%",
	  .min = 1, .max = 1000, .unit = "percent", .uses = USES_WORKING_SET,
	  .summary = "reclaimable pages of all threads, by the machine's pages",
	  FIELD(workload.working_set) },
	{ "access", OPT_ENUM, GROUP_WORKLOAD, AXIS, .def = "zipf",
	  .choices = access_names, .uses = USES_ACCESS,
	  .summary = "which page is used next: a few often, or any",
	  FIELD(workload.access) },
	{ "theta", OPT_INT, GROUP_WORKLOAD, AXIS, .def = "990",
	  .min = 1, .max = 5000, .unit = "1/1000", .uses = USES_ACCESS,
	  .summary = "exponent of zipf: page of rank k is used as k^-theta",
	  FIELD(workload.theta) },
	{ "dirty", OPT_PERCENT, GROUP_WORKLOAD, AXIS, .def = "30%",
	  .min = 0, .max = 100, .unit = "percent", .uses = USES_DIRTY,
	  .summary = "share of the uses of a page that write to it",
	  FIELD(workload.dirty) },
	{ "work", OPT_INT, GROUP_WORKLOAD, AXIS, .def = "0",
	  .min = 0, .max = 10000, .unit = "times", .uses = USES_WORK,
	  .summary = "how often a page is read over at each use",
	  FIELD(workload.work) },
	{ "pause", OPT_DURATION, GROUP_WORKLOAD, AXIS, .def = "10ms",
	  .min = 0, .max = 10 * NS_PER_S, .uses = USES_PAUSE,
	  .summary = "time between two bursts",
	  FIELD(workload.pause_ns) },
	/* the machine */
	{ "machine", OPT_STRING, GROUP_MACHINE, MACHINE,
	  .summary = "host, numa, hwloc:STRING, capture:DIR; default: by mem, nodes",
	  FIELD(machine.machine) },
	{ "mem", OPT_SIZE, GROUP_MACHINE, MACHINE,
	  .min = 1 << 20, .max = 16384 * GIB, .unit = "bytes",
	  .summary = "memory of all nodes",
	  FIELD(machine.mem) },
	{ "nodes", OPT_INT, GROUP_MACHINE, MACHINE,
	  .min = 1, .max = MAX_NODES, .unit = "nodes",
	  .summary = "NUMA nodes",
	  FIELD(machine.nodes) },
	{ "cpus", OPT_CPUS, GROUP_MACHINE, MACHINE,
	  .min = 1, .max = MAX_CPUS, .unit = "CPUs",
	  .summary = "number: modelled CPUs of all nodes; set: host CPUs to use",
	  FIELD(machine.cpus) },
	{ "layout", OPT_CHOICE, GROUP_MACHINE, MACHINE, .choices = layouts,
	  .summary = "where zones begin and end",
	  FIELD(machine.layout) },
	{ "vmalloc", OPT_SIZE, GROUP_MACHINE, MACHINE,
	  .min = 1 << 20, .max = 16384 * GIB, .unit = "bytes",
	  .summary = "addresses for vmalloc; i386: lowmem ends the earlier",
	  FIELD(machine.vmalloc) },
	{ "kernel", OPT_CHOICE, GROUP_MACHINE, MACHINE, .choices = kernels,
	  .summary = "whose rules compute marks and pagesets",
	  FIELD(machine.kernel) },
	{ "pcp_tuning", OPT_CHOICE, GROUP_MACHINE, MACHINE,
	  .choices = pcp_tunings,
	  .summary = "high mark of per-CPU lists: fixed, or 6.7's moving one",
	  FIELD(machine.pcp_tuning) },
	{ "rseq", OPT_CHOICE, GROUP_MACHINE, MACHINE, .choices = rseq_modes,
	  .summary = "off: per-CPU stacks under a lock even where rseq works",
	  FIELD(machine.rseq) },
	{ "thp", OPT_CHOICE, GROUP_MACHINE, MACHINE, .choices = thp_modes,
	  .summary = "transparent huge pages; not never raises min_free_kbytes",
	  FIELD(machine.thp) },
	{ "distances", OPT_STRING, GROUP_MACHINE, MACHINE,
	  .summary = "rows by ';', entries by space: 10 20;20 10",
	  FIELD(machine.distances) },
	{ "zonelists", OPT_CHOICE, GROUP_MACHINE, MACHINE,
	  .choices = zonelist_times,
	  .summary = "built at boot, or again when memory was plugged in later",
	  FIELD(machine.zonelists) },
	{ "lowmem_reserve_ratio", OPT_STRING, GROUP_MACHINE, MACHINE & ~AT_MATRIX,
	  .summary = "one number a zone, by ':' or space",
	  FIELD(machine.lowmem_reserve_ratio) },
	{ "min_free_kbytes", OPT_INT, GROUP_MACHINE, MACHINE,
	  .min = 0, .max = INT32_MAX, .unit = "KiB",
	  .summary = "given instead of computed",
	  FIELD(machine.min_free_kbytes) },
	{ "watermark_scale_factor", OPT_INT, GROUP_MACHINE, MACHINE,
	  .min = 1, .max = 3000, .unit = "1/10000",
	  .summary = "distance of the marks",
	  FIELD(machine.watermark_scale_factor) },
	{ "watermark_boost_factor", OPT_INT, GROUP_MACHINE, MACHINE,
	  .min = 0, .max = INT32_MAX, .unit = "1/10000",
	  .summary = "how far a steal may raise the marks; 0: never",
	  FIELD(machine.watermark_boost_factor) },
	{ "percpu_pagelist_high_fraction", OPT_INT, GROUP_MACHINE, MACHINE,
	  .min = 0, .max = INT32_MAX,
	  .summary = "0, or at least 8: share of a zone on per-CPU lists",
	  FIELD(machine.percpu_pagelist_high_fraction) },
	{ "rcu_flavor", OPT_ENUM, GROUP_MACHINE, MACHINE, .def = "memb",
	  .choices = rcu_flavors,
	  .summary = "engine rcu: flavour of liburcu",
	  FIELD(machine.rcu_flavor) },
	{ "rcu_limbo", OPT_INT, GROUP_MACHINE, MACHINE, .def = "0",
	  .min = 0, .max = INT32_MAX, .unit = "pages",
	  .summary = "engine rcu: most pages in limbo; 0: 1/16 of the machine",
	  FIELD(machine.rcu_limbo) },
	{ "fragmentation", OPT_CHOICE, GROUP_MACHINE, MACHINE,
	  .choices = fragmentations,
	  .summary = "free lists to start from: fresh, or a server's counts",
	  FIELD(machine.fragmentation) },
	{ "state", OPT_STRING, GROUP_MACHINE, MACHINE & ~AT_MATRIX,
	  .summary = "free lists to start from: a file of `show state`",
	  FIELD(machine.state) },
	{ "reclaim", OPT_ENUM, GROUP_MACHINE, AXIS, .def = "auto",
	  .choices = reclaim_modes,
	  .summary = "LRU lists, kswapd, swap; auto: if the workload needs them",
	  FIELD(reclaim) },
	{ "kswapd", OPT_ENUM, GROUP_MACHINE, AXIS, .def = "on",
	  .choices = off_on,
	  .summary = "a thread per node that reclaims; off: direct reclaim only",
	  FIELD(kswapd) },
	{ "kcompactd", OPT_ENUM, GROUP_MACHINE, AXIS, .def = "on",
	  .choices = off_on,
	  .summary = "a thread per node that compacts; off: direct only",
	  FIELD(kcompactd) },
	{ "swap", OPT_SWAP, GROUP_MACHINE, PER_CELL, .def = "auto",
	  .summary = "swap device; auto: a nameless file in the run folder",
	  FIELD(swap) },
	{ "swappiness", OPT_INT, GROUP_MACHINE, AXIS, .def = "60",
	  .min = 0, .max = 200,
	  .summary = "weight of anonymous against file pages",
	  FIELD(swappiness) },
	{ "extfrag_threshold", OPT_INT, GROUP_MACHINE, AXIS, .def = "500",
	  .min = 0, .max = 1000, .unit = "1/1000",
	  .summary = "fragmentation index up to which nothing is compacted",
	  FIELD(extfrag_threshold) },
	{ "compaction_proactiveness", OPT_INT, GROUP_MACHINE, AXIS,
	  .def = "20", .min = 0, .max = 100, .unit = "percent",
	  .summary = "how much kcompactd does unasked; 0: nothing",
	  FIELD(compaction_proactiveness) },
	{ "swap_faults", OPT_INT, GROUP_MACHINE, PER_CELL, .def = "0",
	  .min = 0, .max = 500000, .unit = "1/1000000",
	  .summary = "swap transfers that fail on purpose, of each kind",
	  FIELD(swap_faults) },
	/* [node] */
	{ "cpus", OPT_STRING, GROUP_NODE, AT_NODE,
	  .summary = "CPUs of this node: 0-3,8", NODE_FIELD(cpus) },
	{ "dma", OPT_STRING, GROUP_NODE, AT_NODE,
	  .summary = extent_hint, NODE_FIELD(zone[ZONE_DMA]) },
	{ "dma32", OPT_STRING, GROUP_NODE, AT_NODE,
	  .summary = extent_hint, NODE_FIELD(zone[ZONE_DMA32]) },
	{ "normal", OPT_STRING, GROUP_NODE, AT_NODE,
	  .summary = extent_hint, NODE_FIELD(zone[ZONE_NORMAL]) },
	{ "highmem", OPT_STRING, GROUP_NODE, AT_NODE,
	  .summary = extent_hint, NODE_FIELD(zone[ZONE_HIGHMEM]) },
	{ "movable", OPT_STRING, GROUP_NODE, AT_NODE,
	  .summary = extent_hint, NODE_FIELD(zone[ZONE_MOVABLE]) },
};
/* clang-format on */

const unsigned nr_options = ARRAY_SIZE(options);

_Static_assert(offsetof(struct workload_params, bytes_max) ==
			       offsetof(struct workload_params, bytes_min) +
				       8 &&
		       offsetof(struct workload_params, area_max) ==
			       offsetof(struct workload_params, area_min) + 8,
	       "OPT_RANGE writes both");

const struct option *option_find(const char *name, unsigned where)
{
	for (unsigned i = 0; i < nr_options; i++)
		if ((options[i].where & where) &&
		    !strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

const char *option_nearest(const char *name, unsigned where)
{
	const char *names[ARRAY_SIZE(options)];
	unsigned nr = 0;

	for (unsigned i = 0; i < nr_options; i++)
		if (options[i].where & where)
			names[nr++] = options[i].name;
	return nearest_name(name, names, nr);
}

bool option_is_axis(const struct option *o)
{
	return (o->where & AT_MATRIX) && o->type != OPT_RULE;
}

bool option_tells_apart(const char *name)
{
	const struct option *o = option_find(name, AT_SECTION);

	return !o || o->group != GROUP_RUN || option_is_axis(o);
}

static void *field_of(const struct option *o, struct job_params *p)
{
	if (o->group == GROUP_NODE)
		return (char *)&p->machine
			       .node[p->machine.nr_node_sections - 1] +
		       o->offset;
	return (char *)p + o->offset;
}

static void store_uint(const struct option *o, struct job_params *p, uint64_t v)
{
	void *at = field_of(o, p);

	switch (o->size) {
	case 1:
		*(uint8_t *)at = (uint8_t)v;
		break;
	case 4:
		*(uint32_t *)at = (uint32_t)v;
		break;
	default:
		*(uint64_t *)at = v;
		break;
	}
}

static uint64_t load_uint(const struct option *o, const struct job_params *p)
{
	const char *at = (const char *)p + o->offset;

	switch (o->size) {
	case 1:
		return *(const uint8_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

/* "none, first or all" */
static void choices_text(const struct option *o, char *buf, size_t len)
{
	size_t n = 0;

	for (unsigned i = 0; o->choices[i] && n < len; i++)
		n += (size_t)snprintf(buf + n, len - n, "%s%s",
				      !i                  ? ""
				      : o->choices[i + 1] ? ", "
							  : " or ",
				      o->choices[i]);
}

static void range_text(const struct option *o, const char *what,
		       void (*format)(uint64_t, char *, size_t), char *buf,
		       size_t len)
{
	char lo[32], hi[32];

	format(o->min, lo, sizeof(lo));
	format(o->max, hi, sizeof(hi));
	snprintf(buf, len, "%s from %s to %s", what, lo, hi);
}

static void format_plain(uint64_t v, char *buf, size_t len)
{
	snprintf(buf, len, "%" PRIu64, v);
}

static void format_percent(uint64_t v, char *buf, size_t len)
{
	snprintf(buf, len, "%" PRIu64 "%%", v);
}

static const char placement_expected[] =
	"compact, scatter, node:N, pairs:A-B (threads 0, 2, ... on A, 1, 3, "
	"... on B) or pairs; N, A, B: a node's number, or * for each";
_Static_assert(MEM_RULES_MAX == 16, "the text below says so");
static const char mem_policy_expected[] =
	"local, bind:N (*: each), interleave or remote; by '/' one for each "
	"thread in turn, at most 16";

static void cpus_text(const struct option *o, char *buf, size_t len)
{
	range_text(o, "a number of modelled CPUs", format_plain, buf, len);
	strncat(buf,
		", or a set of this host's CPUs: node:0, package:0, core:0-3, "
		"cpu:3, 0-3, joined by '+'",
		len - strlen(buf) - 1);
}

void option_expected(const struct option *o, char *buf, size_t len)
{
	switch (o->type) {
	case OPT_INT:
		range_text(o, o->pow2 ? "a power of two" : "an integer",
			   format_plain, buf, len);
		break;
	case OPT_SIZE:
		range_text(o, "a size", format_size, buf, len);
		break;
	case OPT_DURATION:
		range_text(o, "a duration", format_duration, buf, len);
		break;
	case OPT_PERCENT:
		range_text(o, "a percentage", format_percent, buf, len);
		break;
	case OPT_RANGE:
		range_text(o, "SIZE or SIZE-SIZE", format_size, buf, len);
		break;
	case OPT_THREADS:
		range_text(o, "a number", format_plain, buf, len);
		strncat(buf, " or 1% to 100% of the CPUs",
			len - strlen(buf) - 1);
		break;
	case OPT_BOOL:
		snprintf(buf, len, "0 or 1");
		break;
	case OPT_ENUM:
	case OPT_CHOICE:
		choices_text(o, buf, len);
		break;
	case OPT_GFP:
		snprintf(buf, len,
			 "gfp flags joined by '|', such as "
			 "GFP_KERNEL|__GFP_ZERO");
		break;
	case OPT_CACHE_FLAGS:
		snprintf(buf, len,
			 "none, or cache flags joined by '|', such as "
			 "hwcache_align|reclaim_account");
		break;
	case OPT_SWAP:
		snprintf(buf, len,
			 "none, auto or PATH, the last two with ,size=SIZE of "
			 "whole pages");
		break;
	case OPT_PLACEMENT:
		snprintf(buf, len, "%s", placement_expected);
		break;
	case OPT_MEM_POLICY:
		snprintf(buf, len, "%s", mem_policy_expected);
		break;
	case OPT_CPUS:
		cpus_text(o, buf, len);
		break;
	case OPT_RULE:
		snprintf(buf, len, "KEY=LIST pairs of axes");
		break;
	case OPT_NAME:
		snprintf(buf, len,
			 "a name of letters, digits, '.', '_', '-'%s, "
			 "at most %zu",
			 option_is_axis(o) ? ", ':'" : "", o->size - 1);
		break;
	case OPT_STRING:
		snprintf(buf, len, "1 to %zu characters", o->size - 1);
		break;
	}
}

static int in_range(const struct option *o, uint64_t v)
{
	if (v < o->min || v > o->max || (o->pow2 && (v & (v - 1))))
		return -EINVAL;
	return 0;
}

static int set_number(const struct option *o, const char *value,
		      struct job_params *p)
{
	uint64_t v;
	int r;

	switch (o->type) {
	case OPT_SIZE:
		r = scan_size(value, &v);
		break;
	case OPT_DURATION:
		r = scan_duration(value, &v);
		break;
	case OPT_PERCENT:
		r = scan_percent(value, &v);
		if (r == -EINVAL)
			r = scan_uint(value, &v);
		break;
	default:
		r = scan_uint(value, &v);
		break;
	}
	if (!r)
		r = in_range(o, v);
	if (!r)
		store_uint(o, p, v);
	return r;
}

static int set_range(const struct option *o, const char *value,
		     struct job_params *p)
{
	uint64_t *at = field_of(o, p), lo, hi;
	int r = scan_size_range(value, &lo, &hi);

	if (r || in_range(o, lo) || in_range(o, hi))
		return -EINVAL;
	at[0] = lo;
	at[1] = hi;
	return 0;
}

static int set_text(const struct option *o, const char *value,
		    struct job_params *p)
{
	size_t n = strlen(value);

	if (!n || n >= o->size)
		return -EINVAL;
	if (o->type == OPT_NAME) {
		/* an axis names what is built in: malloc:glibc */
		const char *more = option_is_axis(o) ? "._-:" : "._-";

		for (size_t i = 0; i < n; i++)
			if (!isalnum((unsigned char)value[i]) &&
			    !strchr(more, value[i]))
				return -EINVAL;
		if (value[0] == '.' || value[0] == '-')
			return -EINVAL;
	}
	memcpy(field_of(o, p), value, n + 1);
	return 0;
}

static int set_choice(const struct option *o, const char *value,
		      struct job_params *p)
{
	for (unsigned i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], value))
			continue;
		if (o->type == OPT_ENUM)
			store_uint(o, p, i);
		else
			strcpy(field_of(o, p), value);
		return 0;
	}
	return -EINVAL;
}

static int set_threads(const struct option *o, const char *value,
		       struct job_params *p)
{
	struct thread_count *at = field_of(o, p);
	uint64_t v;

	if (!scan_percent(value, &v)) {
		if (v < 1 || v > 100)
			return -EINVAL;
		*at = (struct thread_count){ (uint32_t)v, true };
		return 0;
	}
	if (scan_uint(value, &v) || in_range(o, v))
		return -EINVAL;
	*at = (struct thread_count){ (uint32_t)v, false };
	return 0;
}

static int set_placement(const struct option *o, const char *value,
			 struct job_params *p)
{
	return placement_parse(value, field_of(o, p));
}

static int set_mem_policy(const struct option *o, const char *value,
			  struct job_params *p)
{
	return mem_rules_parse(value, field_of(o, p));
}

/* A number of modelled CPUs or a set of the host's; the one unsets the other.
 */
static int set_cpus(const struct option *o, const char *value,
		    struct job_params *p)
{
	char set[CPU_SET_MAX];
	uint64_t v;

	if (!scan_uint(value, &v)) {
		if (in_range(o, v))
			return -EINVAL;
		store_uint(o, p, v);
		*p->cpu_set = 0;
		return 0;
	}
	if (cpuset_parse(value, set))
		return -EINVAL;
	store_uint(o, p, 0);
	strcpy(p->cpu_set, set);
	return 0;
}

static int set_gfp(const struct option *o, const char *value,
		   struct job_params *p)
{
	gfp_t *at = field_of(o, p);
	const char *bad;
	gfp_t gfp;

	if (gfp_parse(value, &gfp, &bad))
		return -EINVAL;
	*at = gfp;
	return 0;
}

static int set_value(const struct option *o, const char *value,
		     struct job_params *p)
{
	struct swap_params swap;

	switch (o->type) {
	case OPT_INT:
	case OPT_SIZE:
	case OPT_DURATION:
	case OPT_PERCENT:
		return set_number(o, value, p);
	case OPT_BOOL:
		if (strcmp(value, "0") && strcmp(value, "1"))
			return -EINVAL;
		store_uint(o, p, value[0] == '1');
		return 0;
	case OPT_ENUM:
	case OPT_CHOICE:
		return set_choice(o, value, p);
	case OPT_STRING:
	case OPT_NAME:
		return set_text(o, value, p);
	case OPT_RANGE:
		return set_range(o, value, p);
	case OPT_GFP:
		return set_gfp(o, value, p);
	case OPT_SWAP:
		return swap_params_parse(value, &swap) ? -EINVAL
						       : set_text(o, value, p);
	case OPT_CACHE_FLAGS:
		return slab_flags_parse(value, field_of(o, p));
	case OPT_THREADS:
		return set_threads(o, value, p);
	case OPT_PLACEMENT:
		return set_placement(o, value, p);
	case OPT_MEM_POLICY:
		return set_mem_policy(o, value, p);
	case OPT_CPUS:
		return set_cpus(o, value, p);
	case OPT_RULE:
		break;
	}
	return -EINVAL;
}

int option_set(const struct option *o, const char *value, struct job_params *p,
	       char *why, size_t why_len)
{
	const char *near = NULL;
	unsigned nr = 0;
	char text[256];

	if (!set_value(o, value, p))
		return 0;
	option_expected(o, text, sizeof(text));
	if (o->choices) {
		while (o->choices[nr])
			nr++;
		near = nearest_name(value, o->choices, nr);
	}
	if (near)
		snprintf(why, why_len, "expected %s; did you mean '%s'?", text,
			 near);
	else
		snprintf(why, why_len, "expected %s%s%s", text,
			 o->hint ? "; " : "", o->hint ? o->hint : "");
	return -EINVAL;
}

void option_format(const struct option *o, const struct job_params *p,
		   char *buf, size_t len)
{
	const void *at = (const char *)p + o->offset;
	const struct thread_count *threads = at;
	const uint64_t *range = at;
	char lo[32], hi[32];

	switch (o->type) {
	case OPT_INT:
	case OPT_BOOL:
		format_plain(load_uint(o, p), buf, len);
		break;
	case OPT_SIZE:
		format_size(load_uint(o, p), buf, len);
		break;
	case OPT_DURATION:
		format_duration(load_uint(o, p), buf, len);
		break;
	case OPT_PERCENT:
		format_percent(load_uint(o, p), buf, len);
		break;
	case OPT_ENUM:
		snprintf(buf, len, "%s", o->choices[load_uint(o, p)]);
		break;
	case OPT_STRING:
	case OPT_NAME:
	case OPT_CHOICE:
	case OPT_SWAP:
		snprintf(buf, len, "%s", (const char *)at);
		break;
	case OPT_RANGE:
		format_size(range[0], lo, sizeof(lo));
		format_size(range[1], hi, sizeof(hi));
		snprintf(buf, len, "%s-%s", lo, hi);
		break;
	case OPT_GFP:
		gfp_format(*(const gfp_t *)at, buf, len);
		break;
	case OPT_CACHE_FLAGS:
		slab_flags_format(*(const uint32_t *)at, buf, len);
		break;
	case OPT_THREADS:
		snprintf(buf, len, "%u%s", threads->n,
			 threads->percent ? "%" : "");
		break;
	case OPT_PLACEMENT:
		placement_format(at, buf, len);
		break;
	case OPT_MEM_POLICY:
		mem_rules_format(at, buf, len);
		break;
	case OPT_CPUS:
		if (*p->cpu_set)
			snprintf(buf, len, "%s", p->cpu_set);
		else
			format_plain(load_uint(o, p), buf, len);
		break;
	case OPT_RULE:
		snprintf(buf, len, "%s", "");
		break;
	}
}

void job_params_init(struct job_params *p)
{
	char why[256];

	memset(p, 0, sizeof(*p));
	machine_params_init(&p->machine);
	for (unsigned i = 0; i < nr_options; i++) {
		int r = options[i].def ? option_set(&options[i], options[i].def,
						    p, why, sizeof(why))
				       : 0;

		check(!r, "default of %s: %s", options[i].name, why);
	}
}

const char *option_type_name(enum option_type type)
{
	static const char *const names[] = {
		[OPT_INT] = "integer",       [OPT_SIZE] = "size",
		[OPT_DURATION] = "duration", [OPT_PERCENT] = "percent",
		[OPT_BOOL] = "bool",         [OPT_ENUM] = "enum",
		[OPT_CHOICE] = "enum",       [OPT_STRING] = "string",
		[OPT_NAME] = "name",         [OPT_RANGE] = "range",
		[OPT_GFP] = "gfp",           [OPT_CACHE_FLAGS] = "flags",
		[OPT_THREADS] = "threads",   [OPT_PLACEMENT] = "placement",
		[OPT_MEM_POLICY] = "policy", [OPT_CPUS] = "cpus",
		[OPT_RULE] = "rule",         [OPT_SWAP] = "string",
	};

	return names[type];
}

const char *option_group_name(enum option_group group)
{
	static const char *const names[] = {
		[GROUP_RUN] = "run",
		[GROUP_WORKLOAD] = "workload",
		[GROUP_MACHINE] = "machine",
		[GROUP_NODE] = "node",
	};

	return names[group];
}

static void print_group(FILE *out, enum option_group group)
{
	char expected[256];

	fprintf(out, "%s%s options:\n", group ? "\n" : "",
		option_group_name(group));
	for (unsigned i = 0; i < nr_options; i++) {
		const struct option *o = &options[i];

		if (o->group != group)
			continue;
		option_expected(o, expected, sizeof(expected));
		fprintf(out, "  %s%s\n      %s\n      %s", o->name,
			option_is_axis(o) ? "=LIST" : "=VALUE", o->summary,
			expected);
		if (o->def)
			fprintf(out, "; default %s", o->def);
		fprintf(out, "\n");
	}
}

void options_print(FILE *out)
{
	for (unsigned g = GROUP_RUN; g <= GROUP_NODE; g++)
		print_group(out, (enum option_group)g);
}

static void print_where(FILE *out, unsigned where)
{
	static const char *const names[] = { "global", "matrix", "section",
					     "cli",    "node",   "tools",
					     "caches", "cache" };
	const char *sep = "";

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(where & 1u << i))
			continue;
		fprintf(out, "%s%s", sep, names[i]);
		sep = ",";
	}
}

void options_print_tsv(FILE *out)
{
	char expected[256];

	fprintf(out, "name\tgroup\ttype\texpected\tdefault\tunit\taxis\twhere\t"
		     "choices\tsummary\n");
	for (unsigned i = 0; i < nr_options; i++) {
		const struct option *o = &options[i];

		option_expected(o, expected, sizeof(expected));
		fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t", o->name,
			option_group_name(o->group), option_type_name(o->type),
			expected, o->def ? o->def : "", o->unit ? o->unit : "",
			option_is_axis(o));
		print_where(out, o->where);
		fputc('\t', out);
		for (unsigned c = 0; o->choices && o->choices[c]; c++)
			fprintf(out, "%s%s", c ? "," : "", o->choices[c]);
		fprintf(out, "\t%s\n", o->summary);
	}
}
