/*
 * The inside of reclaim, for its own files: lru.c, vmscan.c, kswapd.c,
 * direct.c, compaction.c, kcompactd.c, reclaim.c.
 */
#ifndef ALLOC_PAGE_RECLAIM_STATE_H
#define ALLOC_PAGE_RECLAIM_STATE_H

#include <pthread.h>

#include "alloc/page/reclaim.h"

#define ZONE_IDX_NONE MAX_NR_ZONES /* mailbox: nobody asked */

enum worker_state { WORKER_STARTS, WORKER_RUNS, WORKER_FAILED };

/* A background thread with what it needs to use the allocator. */
struct reclaim_worker {
	struct reclaim *r;
	enum reclaim_thread kind;
	uint16_t nid;
	bool started;
	_Atomic uint32_t state; /* enum worker_state; futex */
	pthread_t thread;
	struct event_ring events;
	struct zone_counters *counters; /* [nr_zones] */
	struct page_ctx ctx;
};

/* What others leave for a background thread, and whether it sleeps. Relaxed
 * but for `wakes`: a request that is overlooked is repeated by the next
 * allocation that finds the zone short. */
struct mailbox {
	_Atomic uint32_t wakes; /* futex: changes with every wake-up */
	_Atomic bool waiting;   /* the thread is in a nap or asleep */
	_Atomic uint32_t order; /* largest asked for */
	_Atomic uint32_t idx;   /* highest zone index, ZONE_IDX_NONE */
};

struct node_reclaim {
	struct mailbox kswapd, kcompactd;
	_Atomic uint32_t kswapd_failures; /* runs without any page, in a row */
	_Atomic uint32_t throttle;        /* futex of throttled reclaimers */
	_Atomic uint32_t nr_throttled;
	_Atomic uint64_t refaults_seen[2]; /* anon, file */
	struct reclaim_worker worker[2];   /* by enum reclaim_thread */
} CACHELINE;

/* Where compaction of a zone stands. Relaxed atomics: hints, as in Linux. */
struct zone_compact {
	_Atomic uint32_t free_pfn;       /* next pageblock for targets */
	_Atomic uint32_t migrate_pfn[2]; /* for sources: async, sync */
	_Atomic uint32_t considered, defer_shift;
	_Atomic int32_t order_failed;
	_Atomic bool blockskip_flush;
	_Atomic uint8_t *skip; /* [nr_pageblocks] */
};

struct reclaim {
	struct reclaim_config cfg;
	struct machine *machine;
	struct page_engine *engine;
	struct vm_events events;
	struct lru lru;
	struct swap *swap; /* NULL: none */
	struct shrinkers *shrinkers;
	struct node_reclaim *node;    /* [nr_nodes] */
	struct zone_compact *compact; /* [nr_zones] */
	_Atomic bool stopping;
	_Atomic bool oom_lock;
	_Atomic uint32_t swap_failed; /* 1 << enum swap_status: was reported */
	/* direct reclaim as its callers felt it */
	_Atomic uint64_t stalls, stall_ticks, stall_ticks_max;
};

ALWAYS_INLINE bool reclaim_stopping(const struct reclaim *r)
{
	/* relaxed: only has to be seen eventually */
	return atomic_load_explicit(&r->stopping, memory_order_relaxed);
}

/* --- mailboxes (reclaim.c) -------------------------------------------------
 */

void mailbox_init(struct mailbox *box);
/* A request: the larger order and the higher index stay. */
void mailbox_put(struct mailbox *box, unsigned order, unsigned idx);
/* For zones up to idx, whatever was asked for before. */
void mailbox_lower(struct mailbox *box, unsigned idx);
/* Takes the request out; *idx is left alone when nobody asked. */
void mailbox_take(struct mailbox *box, unsigned *order, unsigned *idx);
/* Looks only. */
void mailbox_peek(const struct mailbox *box, unsigned *order, unsigned *idx);
bool mailbox_waiting(const struct mailbox *box);
/* Wakes the owner, if it waits. True: it did wait. */
bool mailbox_wake(struct mailbox *box);
/* The owner: sleeps until a wake-up after `seen` was read, or the time is over
 * (WAIT_FOREVER). True: woken. `waiting` is its business. */
uint32_t mailbox_seen(const struct mailbox *box);
bool mailbox_sleep(struct mailbox *box, uint32_t seen, uint64_t timeout_ns);
void mailbox_set_waiting(struct mailbox *box, bool waiting);

/* --- kswapd.c ---------------------------------------------------------------
 */

void kswapd_run(struct reclaim_worker *w);
/* An allocation found `zone` short (wakeup_kswapd). By the thread that owns
 * ctx, no lock held. */
void kswapd_wakeup(struct page_ctx *ctx, struct zone *zone, gfp_t gfp,
		   unsigned order, unsigned idx);
/* Does a zone of the node up to idx pass its HIGH mark for this order? */
bool node_balanced(const struct reclaim *r, unsigned nid, unsigned order,
		   unsigned idx);
/* Is enough of the reserves left that requests may go on reclaiming? Wakes
 * kswapd if not (allow_direct_reclaim). */
bool direct_reclaim_allowed(struct reclaim *r, unsigned nid);
void wake_throttled(struct reclaim *r, unsigned nid);

/* A zone may be below LOW or MIN, as a refused request suggests, or above HIGH
 * again: an event at each crossing that a request or reclaim sees, by whoever
 * sees it first. A zone that came up by frees alone and fell again, with nobody
 * looking in between, has not crossed. */
void zone_mark_crossed(struct page_ctx *ctx, struct zone *zone, enum wmark mark,
		       unsigned order);
void zone_marks_regained(struct page_ctx *ctx, struct zone *zone);

/* --- kcompactd.c ------------------------------------------------------------
 */

void kcompactd_run(struct reclaim_worker *w);
void kcompactd_wakeup(struct reclaim *r, unsigned nid, unsigned order,
		      unsigned idx);

#endif
