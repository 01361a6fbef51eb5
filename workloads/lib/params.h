/*
 * What a workload can be told. One plain struct, filled from the option table
 * of the harness (harness/options.c), where names, ranges and defaults stand.
 */
#ifndef WORKLOADS_LIB_PARAMS_H
#define WORKLOADS_LIB_PARAMS_H

#include "alloc/base/base.h"
#include "alloc/page/gfp.h"

enum touch {
	TOUCH_NONE,
	TOUCH_FIRST,
	TOUCH_ALL
}; /* write: nothing, the first
byte of a block, one byte in each page of it */
enum free_order { FREE_ORDER, FREE_REVERSE, FREE_SHUFFLE };
enum order_dist { DIST_UNIFORM, DIST_GEOMETRIC };
enum mobility {
	MOBILITY_GFP,
	MOBILITY_MIXED
}; /* what gfp says; unmovable,
movable and reclaimable requests in turn, at random */
enum access { ACCESS_ZIPF, ACCESS_UNIFORM };

/* kmalloc_mix: whose sizes, see workloads/data. */
enum size_mix_name { MIX_GIT, MIX_HACKBENCH, MIX_REDIS, MIX_TAR };
enum sharing { SHARING_THRASH, SHARING_SCRATCH }; /* false_sharing */

struct workload_params {
	unsigned order;     /* 0 .. MAX_PAGE_ORDER */
	unsigned order_max; /* mixed, churn: orders 0 .. order_max */
	gfp_t gfp;
	enum touch touch;
	uint32_t nr;          /* bulk, bulkapi: blocks per round; false_sharing:
				 writes to an object */
	uint32_t outstanding; /* outstanding, repeat, mixed: blocks held per
				 thread, >= 1 */
	uint32_t hold;        /* pair: blocks kept aside per thread whose
				 buddies are free, 0 .. 8192 */
	enum free_order free_order;
	enum order_dist dist;
	enum mobility mobility; /* churn */
	unsigned occupancy; /* churn: percent of the machine held, 1 .. 95 */
	uint64_t bytes_min, bytes_max; /* exact */
	uint32_t size, align; /* of an object in bytes; align 0: by the rules */
	uint32_t cache_flags; /* SLAB_* */
	uint64_t area_min, area_max; /* vmalloc */
	enum size_mix_name mix;
	enum sharing sharing;
	/* pages on the LRU lists */
	unsigned working_set; /* percent of the machine, 1 .. 1000 */
	enum access access;
	uint32_t theta;    /* zipf: exponent in thousandths */
	unsigned dirty;    /* percent of the accesses that write */
	uint32_t work;     /* times that a content is read after each access */
	uint64_t pause_ns; /* burst: from one to the next */
	uint64_t seed;
};

#endif
