/*
 * What a page engine is. One file under alloc/page/engines/ fills one
 * `static const struct page_ops engine_ops`; nothing else is edited. null.c
 * is the documented skeleton.
 *
 * Policy (zonelist walk, watermarks, slow path; alloc/page/page_alloc.h) is
 * shared. The engine is the mechanism: how a zone hands out a block and takes
 * it back.
 */
#ifndef ALLOC_PAGE_ENGINE_H
#define ALLOC_PAGE_ENGINE_H

#include "alloc/base/event.h"
#include "alloc/page/machine.h"

struct page_ops;
struct pcp;

/*
 * In front of an engine's hot hooks. They become part of each measured loop;
 * a build with HOT=call keeps them as functions instead, as in the kernel.
 */
#ifdef HOT_CALL
#define ENGINE_HOT static NOINLINE
#else
#define ENGINE_HOT ALWAYS_INLINE
#endif

/* Base of every engine's own struct (first member). */
struct page_engine {
	const struct page_ops *ops;
	struct machine *machine;
	/*
	 * [nr_nodes]: where an engine's own thread of a node records; NULL:
	 * nowhere. Set by the harness after create, before the first call and
	 * after a drain behind the last; such a thread reads it only for work
	 * that a call has handed to it.
	 */
	struct event_ring *node_events;
};

/*
 * What a gfp mask comes to on one node of one machine: the first zone to try
 * and what to hold its free pages against. A thread keeps that of its last
 * request (ctx->plan), since few requests differ from the one before.
 */
struct alloc_plan {
	gfp_t gfp;
	unsigned nr_orders; /* orders below are tried; 0: no zone at all */
	unsigned mt, alloc_flags;
	uint64_t home; /* of frames of zone with pageblock type mt */
	const _Atomic uint64_t *homes; /* the machine's */
	uint32_t zone_id;              /* of zone */
	uint32_t start_pfn, spanned;   /* of zone; 0 until there is one */
	struct zone *zone;
	struct zone_counters *counters; /* of zone */
	const long *reserve;            /* lowmem_reserve[highest zone index] */
	/* pages that the request may not count on: HighAtomic and CMA ones */
	const _Atomic long *highatomic, *cma;
	bool local;     /* zone is on the thread's node */
	bool mark_high; /* 6.12: HIGH decides until ZONE_BELOW_HIGH is set */
	/*
	 * For cache_get and cache_put, filled in by page_ops.plan: per-CPU
	 * stacks (alloc/base/rseq.h) by order, the last one for what is no
	 * order.
	 */
	char *const *slot;
	uint32_t at[NR_PAGE_ORDERS + 1];
	/* calls that these hooks served since the plan was made; not in
	   counters yet, see page_ctx_fold() */
	uint64_t got[NR_PAGE_ORDERS + 1], put[NR_PAGE_ORDERS + 1];
};

/*
 * Where a thread's requests begin, as Linux's mempolicy tells them. Requests
 * for a given node (alloc_pages_node, __GFP_THISNODE) do not ask it.
 */
enum mem_mode {
	MEM_LOCAL,      /* the zonelist of the thread's node */
	MEM_PREFER,     /* that of another node, with its fallbacks */
	MEM_BIND,       /* that node's zones and no other's */
	MEM_INTERLEAVE, /* the nodes with memory in turn, a request each */
};

struct mem_policy {
	enum mem_mode mode;
	uint16_t node; /* MEM_PREFER, MEM_BIND */
};

/* One per thread. Written by its thread only. */
struct page_ctx {
	struct page_engine *engine;
	const struct page_ops *ops;
	struct machine *machine;
	struct event_ring *events;      /* may be NULL */
	struct zone_counters *counters; /* [machine->nr_zones] */
	struct zonelist *zonelist;      /* of ctx->node, [NR_ZONELISTS] */
	uint64_t rng;                   /* engine's use; never 0 */
	uint16_t cpu;                   /* modelled CPU, < topo.nr_cpus */
	uint16_t node;                  /* modelled node of that CPU */
	struct mem_policy policy;       /* page_ctx_policy() */
	uint16_t interleave_node;       /* that of the last request */
	bool in_reclaim;                /* PF_MEMALLOC: may ignore the marks */
	bool oom_victim;                /* may use half of MIN */
	/* pgalloc of the preferred zone after the last visit of the slow path:
	   unchanged means that it is still below its mark, so the crossing is
	   not recorded again */
	uint64_t slow_pgalloc;
	uint64_t fail_pgalloc;  /* the same for failures */
	void *priv;             /* engine's, set by thread_enter */
	uint16_t kmap_group;    /* kmap_local()'s windows, 0: none yet */
	uint16_t kmap_depth;    /* of them in use */
	struct alloc_plan plan; /* of the last request */
} CACHELINE;

/* page_ops.features */
#define PAGE_F_FLOOR 0x1u /* no frames of its own: skips policy and checks */
#define PAGE_F_PCP   0x2u /* has Linux's per-CPU pagesets (conform: PL lines) */
#define PAGE_F_DEFERRED                                                    \
	0x4u              /* frees come back later: drain before comparing \
			   */
#define PAGE_F_EXACT 0x8u /* frame-exact with Linux */
/*
 * Frames that are handed out have no state in struct page: the policy finds
 * their zone by their number, and refcount counts extra references only.
 * Checked builds (CHECK_LEVEL >= 1) keep the state all the same, so that they
 * have something to check: such an engine then calls page_hand_out().
 */
#define PAGE_F_FRAMELESS 0x10u

/* alloc_flags of rmqueue; values as in Linux 6.1 */
#define ALLOC_WMARK_MASK    0x3u
#define ALLOC_NO_WATERMARKS 0x4u
#define ALLOC_OOM           0x8u
#define ALLOC_NON_BLOCK     0x10u
#define ALLOC_MIN_RESERVE   0x20u
#define ALLOC_CPUSET        0x40u
#define ALLOC_CMA           0x80u
#define ALLOC_NOFRAGMENT    0x100u
#define ALLOC_HIGHATOMIC    0x200u
#define ALLOC_KSWAPD        0x800u

/* fpi flags of free */
#define FPI_TO_TAIL 0x1u /* tail of the free list, straight to the buddy */

/* Blocks per order and type, per zone; filled by ops->snapshot. */
struct zone_snapshot {
	uint64_t nr_free[NR_PAGE_ORDERS]
			[NR_MIGRATETYPES]; /* blocks on free lists */
	uint64_t free_pages;               /* on free lists */
	uint64_t cached_pages;             /* on per-CPU lists */
	uint64_t limbo_pages; /* freed, waiting for a grace period */
};

/* Records what happened to a zone, now; arg: see enum event_kind. */
static inline void zone_note(struct page_ctx *ctx, const struct zone *zone,
			     enum event_kind kind, unsigned order, uint64_t arg)
{
	event_record(ctx->events, (struct event){ .kind = (uint16_t)kind,
						  .cpu = ctx->cpu,
						  .zone = zone->id,
						  .order = (uint16_t)order,
						  .arg = arg });
}

/* One line of an engine's own statistics; name is static text. */
struct engine_counter {
	const char *name;
	uint64_t value;
};

/* What an engine keeps back of a zone, and has done about it since create;
 * racy while threads run. The last four are of deferred engines only. */
struct zone_held {
	uint64_t cached_pages;  /* on per-CPU lists */
	uint64_t limbo_pages;   /* freed, waiting for a grace period */
	uint64_t limbo_max;     /* most pages that there ever were in limbo */
	uint64_t limbo_limit;   /* and that there may be */
	uint64_t grace_periods; /* after which blocks came out of limbo */
	uint64_t merged_blocks; /* of those, given to the buddy system */
};

struct page_ops {
	const char *name; /* = file name: ENGINE_NAME, injected by the build */
	const char *summary; /* one line for `zonebench list` */
	unsigned features;   /* PAGE_F_* */

	/*
	 * Cold hooks, called through the table. create: the machine is booted
	 * (free lists are full) and no other thread runs; 0 or -errno.
	 * destroy: every thread has left. thread_enter / thread_exit: by the
	 * thread itself, before its first and after its last call; may be NULL.
	 * drain: afterwards nothing is cached or deferred; any thread, no lock
	 * held. snapshot: statistics, any thread, racy while others run.
	 * verify: NULL, or the broken invariant in static text; no other thread
	 * may be inside the engine.
	 */
	int (*create)(struct page_engine **out, struct machine *m);
	void (*destroy)(struct page_engine *e);
	int (*thread_enter)(struct page_ctx *ctx);
	void (*thread_exit)(struct page_ctx *ctx);
	void (*drain)(struct page_engine *e, struct page_ctx *ctx);
	void (*snapshot)(struct page_engine *e, const struct zone *zone,
			 struct zone_snapshot *out);
	/* pages that the engine holds itself, for a sampler beside running
	 * threads: no zone lock, no walk along a list. NULL: none, ever. */
	void (*held)(struct page_engine *e, const struct zone *zone,
		     struct zone_held *out);
	const char *(*verify)(struct page_engine *e);
	/*
	 * May be NULL. counters: what the engine counted since create, into
	 * out[], at most max; returns how many. No other thread is inside.
	 * pcp (PAGE_F_PCP only): the pageset of a zone and CPU, to be read or
	 * filled while no other thread is inside.
	 */
	unsigned (*counters)(struct page_engine *e, struct engine_counter *out,
			     unsigned max);
	struct pcp *(*pcp)(struct page_engine *e, const struct zone *zone,
			   unsigned cpu);
	/* May be NULL: ctx->plan is new; fills in what its hooks want to find
	 * there. By the thread that owns ctx. */
	void (*plan)(struct page_ctx *ctx);

	/*
	 * Hot hooks: static functions of the engine's file, resolved at compile
	 * time inside the measured loops. No lock is held by the caller.
	 *
	 * rmqueue: a block of `order` from `zone` for type `mt`, or PFN_NONE.
	 * The watermark was checked already. The engine sets the head word to
	 * PAGE_ALLOC and the refcount to 1.
	 * free: takes back a block whose last reference is gone; the engine
	 * writes its head word and with it the refcount 0.
	 * rmqueue_bulk / free_bulk: order-0 frames; rmqueue_bulk returns how
	 * many of n it wrote to out[]. NULL: the policy loops over the single
	 * form.
	 */
	pfn_t (*rmqueue)(struct page_ctx *ctx, struct zone *zone,
			 unsigned order, unsigned mt, unsigned alloc_flags);
	/*
	 * May be NULL, both together. cache_get: a block for ctx->plan that
	 * the engine has at hand, or PFN_NONE. It is asked for before the
	 * watermarks are: the block's pages left the zone's free pages when
	 * they were cached, and handing them out changes no figure that a
	 * watermark is compared with. Not asked where the request wants a mark
	 * in struct page (__GFP_COMP).
	 * cache_put: keeps a block of the plan's zone and pageblock type, or
	 * returns false. Only frameless engines, unchecked builds.
	 * order: any; NR_PAGE_ORDERS stands for all that are none.
	 */
	pfn_t (*cache_get)(struct page_ctx *ctx, unsigned order);
	bool (*cache_put)(struct page_ctx *ctx, pfn_t pfn, unsigned order);
	void (*free)(struct page_ctx *ctx, struct zone *zone, pfn_t pfn,
		     unsigned order, unsigned fpi_flags);
	unsigned (*rmqueue_bulk)(struct page_ctx *ctx, struct zone *zone,
				 unsigned n, unsigned mt, unsigned alloc_flags,
				 pfn_t *out);
	void (*free_bulk)(struct page_ctx *ctx, struct zone *zone, unsigned n,
			  const pfn_t *pfn);
};

#endif
