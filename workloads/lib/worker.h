/*
 * A worker is one pinned thread of a run; a team is all of them. A workload
 * sees these and the page interface, never an engine.
 */
#ifndef WORKLOADS_LIB_WORKER_H
#define WORKLOADS_LIB_WORKER_H

#include <stdatomic.h>

#include "alloc/page/page_alloc.h"
#include "alloc/slab/kmem_cache.h"
#include "workloads/lib/hist.h"
#include "workloads/lib/params.h"

/* Constant per instance of a loop: a throughput loop holds no clock read. */
enum probe { PROBE_NONE, PROBE_SAMPLED, NR_PROBES };

/* LAT_TOUCH: of workloads that time their writes to what they got. */
enum latency_kind { LAT_ALLOC, LAT_FREE, LAT_TOUCH, NR_LATENCIES };

#define NR_TALLIES 4

struct team;
struct timeline;

struct worker {
	/* read by the loop */
	struct page_ctx ctx[1];   /* an array, so that w->ctx is a constant's
				     distance away from w and no load */
	struct slab_ctx *slab;    /* NULL in page workloads */
	const _Atomic bool *stop; /* relaxed: only has to be seen eventually */
	const struct workload_params *params;
	struct team *team;
	void *priv; /* the workload's, from prepare to teardown */
	/* written by the loop */
	uint64_t ops_ok CACHELINE; /* completed operations (see struct workload)
				    */
	uint64_t ops_failed;       /* allocations that returned nothing */
	/* bytes of the objects that the workload holds; read by the sampler */
	_Atomic uint64_t live_bytes;
	uint64_t own_bytes; /* resident, of the workload's own lists */
	uint64_t rng;       /* see rng.h; rng_seed(seed, index) at the start */
	uint64_t
		tally[NR_TALLIES]; /* the workload's own counts, see report() */
	uint32_t sample_mask; /* 1 of (mask + 1) operations is timed, on average
			       */
	uint32_t sample_left[NR_LATENCIES]; /* operations until the next sample
					     */
	uint32_t sample_rng; /* draws the distances; any start will do */
	uint64_t sample_last[NR_LATENCIES]; /* reading + 1 that is not in the
					       histogram yet, 0: none */
	struct hist *lat[NR_LATENCIES];     /* ticks of the TSC */
	struct timeline *timeline; /* NULL: latencies over time are not wanted
				    */
	uint16_t index;            /* 0 .. team->nr - 1 */
};

struct team {
	struct worker *worker; /* [nr] */
	uint16_t nr;
	const struct workload_params *params;
	struct machine *machine;
	/* slab workloads: a context of the main thread, for setup and cleanup,
	   and a cache of objects as size, align and flags say */
	struct slab_ctx *slab;
	struct kmem_cache *cache;
	void *shared; /* the workload's, from setup to cleanup */
};

/* workload.needs */
#define WORKLOAD_EVEN_THREADS 0x1u /* producers and consumers in pairs */
#define WORKLOAD_FRAMES       0x2u /* cannot run on a PAGE_F_FLOOR engine */
#define WORKLOAD_TOUCH        0x4u /* measures touching: refuses touch=none */
#define WORKLOAD_ONE_THREAD   0x8u /* means nothing with several */
/* Uses lru.h: the machine has reclaim unless reclaim=off. Then ctx->machine->
 * reclaim may be NULL, and prepare refuses. */
#define WORKLOAD_RECLAIM 0x10u
#define WORKLOAD_OBJECTS 0x20u /* cannot run on a SLAB_F_FLOOR engine */
#define WORKLOAD_HIGHMEM 0x40u /* cannot run without HIGHMEM */
/* cannot run on a SLAB_F_FLOOR or SLAB_F_FOREIGN engine */
#define WORKLOAD_SLABS 0x80u
_Static_assert(WORKLOAD_EVEN_THREADS + WORKLOAD_FRAMES + WORKLOAD_TOUCH +
			       WORKLOAD_ONE_THREAD + WORKLOAD_RECLAIM +
			       WORKLOAD_OBJECTS + WORKLOAD_HIGHMEM +
			       WORKLOAD_SLABS ==
		       (WORKLOAD_EVEN_THREADS | WORKLOAD_FRAMES |
			WORKLOAD_TOUCH | WORKLOAD_ONE_THREAD |
			WORKLOAD_RECLAIM | WORKLOAD_OBJECTS | WORKLOAD_HIGHMEM |
			WORKLOAD_SLABS),
	       "a bit each");

/* Whether w can run on an engine with these features. */
#define workload_fits(w, features) \
	(!((w)->needs & WORKLOAD_FRAMES) || !((features)&PAGE_F_FLOOR))

/* Which options a workload reads; for `list`, and to refuse a useless axis. */
#define USES_ORDER       0x1u
#define USES_ORDER_MAX   0x2u
#define USES_NR          0x4u
#define USES_OUTSTANDING 0x8u
#define USES_FREE_ORDER  0x10u
#define USES_DIST        0x20u
#define USES_OCCUPANCY   0x40u
#define USES_BYTES       0x80u
#define USES_HOLD        0x100u
#define USES_MOBILITY    0x200u
#define USES_SLAB        0x400u /* each slab workload */
#define USES_SIZE        0x800u /* size, align, flags: team->cache */
#define USES_AREA        0x1000u
#define USES_MIX         0x2000u
#define USES_SHARING     0x4000u
#define USES_WORKING_SET 0x8000u
#define USES_ACCESS      0x10000u /* access, theta */
#define USES_DIRTY       0x20000u
#define USES_WORK        0x40000u
#define USES_PAUSE       0x80000u

/* A result of a workload's own, beside throughput and latency. */
struct workload_metric {
	const char *name, *unit;
	const char *better; /* "higher", "lower", "none" */
	double value;
	uint16_t of_node; /* 0; or 1 + a node, whose number the name gets */
};
#define MAX_WORKLOAD_METRICS (4 + 2 * MAX_NODES)

/*
 * Cold half of a workload; the hot half is <name>_loop() of the same file,
 * stamped once per engine and probe by harness/bind_page.c. It runs until
 * *w->stop and may be entered several times between prepare and teardown
 * (warm-up, throughput window, latency window).
 *
 * op: what ops_ok counts, such as "alloc+free pair".
 * misfit: before anything is run; 0, or -EINVAL with one line in why, where no
 * request could ever be served on such a machine.
 * setup/cleanup: once, by the main thread. prepare/teardown: by each worker on
 * its CPU; teardown gives back every frame that the worker still holds. Every
 * worker has left its loop before the first teardown, and every setup and
 * prepare is over before the first loop. teardown and cleanup are called also
 * when an earlier prepare or setup of the same worker or team failed.
 * report: by the main thread after the last teardown; fills out[] and returns
 * how many, <= MAX_WORKLOAD_METRICS.
 * verify: as report; NULL, or what is wrong with what the allocator did, in
 * static text, which fails the repetition.
 * Any hook may be NULL. 0 or -errno.
 */
struct workload {
	const char *name, *summary, *op;
	unsigned needs, uses;
	int (*misfit)(const struct machine_desc *desc,
		      const struct workload_params *p, char *why,
		      size_t why_len);
	int (*setup)(struct team *team);
	int (*prepare)(struct worker *w);
	void (*teardown)(struct worker *w);
	unsigned (*report)(const struct team *team,
			   struct workload_metric *out);
	const char *(*verify)(const struct team *team);
	void (*cleanup)(struct team *team);
};

#endif
