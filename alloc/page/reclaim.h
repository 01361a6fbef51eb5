/*
 * Memory under pressure, for one machine and engine: LRU lists, swap, the
 * kswapd and kcompactd threads, shrinkers. Without it (machine->reclaim NULL)
 * requests simply fail when the marks say so.
 *
 * Order of calls: machine_create, machine_boot, ops->create, reclaim_create;
 * then worker threads; when they have ended, reclaim_stop (no thread runs any
 * more, figures and events may be read), reclaim_destroy, ops->destroy,
 * machine_destroy.
 */
#ifndef ALLOC_PAGE_RECLAIM_H
#define ALLOC_PAGE_RECLAIM_H

#include "alloc/base/event.h"
#include "alloc/page/engine.h"
#include "alloc/page/lru.h"
#include "alloc/page/shrinker.h"
#include "alloc/page/swap.h"

enum reclaim_thread { THREAD_KSWAPD, THREAD_KCOMPACTD };

struct reclaim_config {
	bool kswapd;           /* false: only direct reclaim */
	bool kcompactd;        /* false: only direct compaction */
	bool proactive;        /* kcompactd also works without being asked */
	int swappiness;        /* 0 .. 200; Linux: 60 */
	int extfrag_threshold; /* 0 .. 1000; Linux: 500 */
	int compaction_proactiveness; /* 0 .. 100; Linux: 20 */
	uint32_t events;              /* room for events of each thread */
	uint64_t event_span;          /* of its ring, see event.h */
	struct swap_config swap;
	/* Called first in each new thread, which it may pin and name; NULL:
	 * nothing. nid: the modelled node. */
	void (*thread_begins)(void *arg, enum reclaim_thread kind,
			      unsigned nid);
	void *arg;
};

/* Linux's values, kswapd and kcompactd on, no swap. */
void reclaim_defaults(struct reclaim_config *cfg);

struct reclaim;

/* Starts the threads. 0, or -errno with one line in err. The engine must have
 * frames (not PAGE_F_FLOOR), the machine memory where there is to be swap. */
int reclaim_create(struct reclaim **out, struct page_engine *e,
		   const struct reclaim_config *cfg, char *err, size_t err_len)
	MUST_CHECK;
/* Ends and joins the threads; requests then reclaim directly only. */
void reclaim_stop(struct reclaim *r);
/* After reclaim_stop(); every slot has been deleted. */
void reclaim_destroy(struct reclaim *r);

/* NULL, or the broken invariant. No other thread uses the machine. */
const char *reclaim_verify(struct reclaim *r);

/* Any thread. */
struct lru *reclaim_lru(struct reclaim *r);
struct shrinkers *reclaim_shrinkers(struct reclaim *r);
struct vm_events *reclaim_vm_events(struct reclaim *r);
struct swap *reclaim_swap(struct reclaim *r); /* NULL: none */
bool reclaim_kswapd_awake(const struct reclaim *r, unsigned nid);

/* Direct reclaim as those felt it who had to do it: how often, how long. TSC
 * ticks. Any thread. */
struct reclaim_stalls {
	uint64_t nr, ticks, ticks_max;
};
void reclaim_stalls(const struct reclaim *r, struct reclaim_stalls *out);

/* The background threads' contexts, for their events and counters; i from 0
 * on, NULL: no more. After reclaim_stop(). */
struct page_ctx *reclaim_thread_ctx(struct reclaim *r, unsigned i,
				    enum reclaim_thread *kind);

#endif
