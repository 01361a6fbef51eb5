/*
 * Building, starting and ending reclaim: see reclaim.h.
 *
 * The threads are started last and ended first, so nothing here is changed
 * while one runs. machine->reclaim is set before any worker thread exists and
 * cleared after the last one has ended.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/base/wait.h"
#include "alloc/page/compaction.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/vmscan.h"

void reclaim_defaults(struct reclaim_config *cfg)
{
	*cfg = (struct reclaim_config){
		.kswapd = true,
		.kcompactd = true,
		.proactive = true,
		.swappiness = 60,
		.extfrag_threshold = 500,
		.compaction_proactiveness = 20,
		.events = 65536,
	};
}

/* --- mailboxes
 * ---------------------------------------------------------------- */

void mailbox_init(struct mailbox *box)
{
	/* relaxed: no thread yet */
	atomic_store_explicit(&box->idx, ZONE_IDX_NONE, memory_order_relaxed);
}

void mailbox_put(struct mailbox *box, unsigned order, unsigned idx)
{
	/* relaxed, all: see struct mailbox */
	uint32_t seen = atomic_load_explicit(&box->idx, memory_order_relaxed);

	while ((seen == ZONE_IDX_NONE || seen < idx) &&
	       !atomic_compare_exchange_weak_explicit(&box->idx, &seen, idx,
						      memory_order_relaxed,
						      memory_order_relaxed))
		;
	seen = atomic_load_explicit(&box->order, memory_order_relaxed);
	while (seen < order &&
	       !atomic_compare_exchange_weak_explicit(&box->order, &seen, order,
						      memory_order_relaxed,
						      memory_order_relaxed))
		;
}

void mailbox_lower(struct mailbox *box, unsigned idx)
{
	/* relaxed, both: see struct mailbox */
	uint32_t seen = atomic_load_explicit(&box->idx, memory_order_relaxed);

	while (seen > idx &&
	       !atomic_compare_exchange_weak_explicit(&box->idx, &seen, idx,
						      memory_order_relaxed,
						      memory_order_relaxed))
		;
}

void mailbox_peek(const struct mailbox *box, unsigned *order, unsigned *idx)
{
	/* relaxed, both: see struct mailbox */
	const uint32_t asked =
		atomic_load_explicit(&box->idx, memory_order_relaxed);

	*order = atomic_load_explicit(&box->order, memory_order_relaxed);
	if (asked != ZONE_IDX_NONE)
		*idx = asked;
}

void mailbox_take(struct mailbox *box, unsigned *order, unsigned *idx)
{
	/* relaxed, both: see struct mailbox */
	const uint32_t asked = atomic_exchange_explicit(
		&box->idx, ZONE_IDX_NONE, memory_order_relaxed);

	*order = atomic_exchange_explicit(&box->order, 0, memory_order_relaxed);
	if (asked != ZONE_IDX_NONE)
		*idx = asked;
}

bool mailbox_waiting(const struct mailbox *box)
{
	/* ACQ(mailbox): what the owner saw before it said so; pairs with
	 * REL(mailbox) */
	return atomic_load_explicit(&box->waiting, memory_order_acquire);
}

void mailbox_set_waiting(struct mailbox *box, bool waiting)
{
	/* REL(mailbox): pairs with ACQ(mailbox) in mailbox_waiting() */
	atomic_store_explicit(&box->waiting, waiting, memory_order_release);
}

bool mailbox_wake(struct mailbox *box)
{
	const bool waited = mailbox_waiting(box);

	/* REL(mailbox): the request; pairs with ACQ(mailbox) in
	 * mailbox_seen() */
	atomic_fetch_add_explicit(&box->wakes, 1, memory_order_release);
	word_wake(&box->wakes);
	return waited;
}

uint32_t mailbox_seen(const struct mailbox *box)
{
	/* ACQ(mailbox): requests of earlier wake-ups; pairs with
	 * REL(mailbox) */
	return atomic_load_explicit(&box->wakes, memory_order_acquire);
}

bool mailbox_sleep(struct mailbox *box, uint32_t seen, uint64_t timeout_ns)
{
	while (mailbox_seen(box) == seen)
		if (!word_wait(&box->wakes, seen, timeout_ns))
			return mailbox_seen(box) != seen;
	return true;
}

/* --- threads
 * -------------------------------------------------------------------- */

/* The node's first CPU; a node without CPUs is served by CPU 0. */
static uint16_t cpu_of_node(const struct machine *m, unsigned nid)
{
	for (unsigned c = 0; c < m->desc.topo.nr_cpus; c++)
		if (m->desc.topo.node_of_cpu[c] == nid)
			return (uint16_t)c;
	return 0;
}

static void *thread_main(void *arg)
{
	struct reclaim_worker *w = arg;
	struct reclaim *r = w->r;
	bool entered;

	if (r->cfg.thread_begins)
		r->cfg.thread_begins(r->cfg.arg, w->kind, w->nid);
	entered = !page_ctx_enter(&w->ctx, r->engine,
				  cpu_of_node(r->machine, w->nid), w->counters,
				  &w->events);
	/* REL(reclaim-thread): pairs with ACQ(reclaim-thread) */
	atomic_store_explicit(&w->state, entered ? WORKER_RUNS : WORKER_FAILED,
			      memory_order_release);
	word_wake(&w->state);
	if (!entered)
		return NULL;
	if (w->kind == THREAD_KSWAPD)
		kswapd_run(w);
	else
		kcompactd_run(w);
	page_ctx_exit(&w->ctx);
	return NULL;
}

static int thread_start(struct reclaim *r, unsigned nid,
			enum reclaim_thread kind)
{
	struct reclaim_worker *w = &r->node[nid].worker[kind];
	int err;

	w->r = r;
	w->kind = kind;
	w->nid = (uint16_t)nid;
	w->events.cap = r->cfg.events;
	w->events.span = r->cfg.event_span;
	w->events.slot = calloc(r->cfg.events, sizeof(*w->events.slot));
	w->counters = calloc(r->machine->nr_zones, sizeof(*w->counters));
	if ((!w->events.slot && r->cfg.events) || !w->counters)
		return -ENOMEM;
	err = pthread_create(&w->thread, NULL, thread_main, w);
	if (err)
		return -err;
	w->started = true;
	/* ACQ(reclaim-thread): its context; pairs with REL(reclaim-thread) */
	while (atomic_load_explicit(&w->state, memory_order_acquire) ==
	       WORKER_STARTS)
		word_wait(&w->state, WORKER_STARTS, WAIT_FOREVER);
	/* relaxed: as above */
	return atomic_load_explicit(&w->state, memory_order_relaxed) ==
			       WORKER_RUNS
		       ? 0
		       : -ENOMEM;
}

static bool node_managed(const struct reclaim *r, unsigned nid)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		if (zone_managed(r->machine->node[nid].zone[i]))
			return true;
	return false;
}

static int start_threads(struct reclaim *r)
{
	int err = 0;

	for (unsigned i = 0; !err && i < r->machine->desc.topo.nr_nodes; i++) {
		if (!node_managed(r, i))
			continue;
		if (r->cfg.kcompactd)
			err = thread_start(r, i, THREAD_KCOMPACTD);
		if (!err && r->cfg.kswapd)
			err = thread_start(r, i, THREAD_KSWAPD);
	}
	return err;
}

void reclaim_stop(struct reclaim *r)
{
	const unsigned nr_nodes = r->machine->desc.topo.nr_nodes;

	/* relaxed: followed by the mailbox */
	atomic_store_explicit(&r->stopping, true, memory_order_relaxed);
	for (unsigned i = 0; r->node && i < nr_nodes; i++) {
		struct node_reclaim *n = &r->node[i];
		struct mailbox *box[] = { &n->kswapd, &n->kcompactd };

		for (unsigned k = 0; k < ARRAY_SIZE(n->worker); k++) {
			if (!n->worker[k].started)
				continue;
			mailbox_wake(box[k]);
			pthread_join(n->worker[k].thread, NULL);
			n->worker[k].started = false;
		}
		wake_throttled(r, i);
	}
	r->cfg.kswapd = r->cfg.kcompactd = false;
}

/* --- the whole
 * -------------------------------------------------------------------- */

static int create_tables(struct reclaim *r)
{
	const struct machine *m = r->machine;
	const size_t bytes = m->desc.topo.nr_nodes * sizeof(*r->node);
	int err = lru_create(&r->lru, r->machine, r->swap, &r->events);

	if (!err)
		err = shrinkers_create(&r->shrinkers);
	if (!err)
		err = compaction_create(r);
	if (err)
		return err;
	r->node = aligned_alloc(CACHELINE_SIZE, bytes);
	if (!r->node)
		return -ENOMEM;
	memset(r->node, 0, bytes);
	for (unsigned i = 0; i < m->desc.topo.nr_nodes; i++) {
		mailbox_init(&r->node[i].kswapd);
		mailbox_init(&r->node[i].kcompactd);
	}
	return 0;
}

static bool wants_swap(const struct reclaim_config *cfg)
{
	return cfg->swap.path || cfg->swap.dir;
}

int reclaim_create(struct reclaim **out, struct page_engine *e,
		   const struct reclaim_config *cfg, char *err, size_t err_len)
{
	struct reclaim *r;
	int ret;

	if ((e->ops->features & PAGE_F_FLOOR) ||
	    (wants_swap(cfg) && !e->machine->memory.base)) {
		snprintf(err, err_len, "engine %s: nothing to reclaim",
			 e->ops->name);
		return -EINVAL;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		snprintf(err, err_len, "reclaim: out of memory");
		return -ENOMEM;
	}
	r->cfg = *cfg;
	r->machine = e->machine;
	r->engine = e;
	if (wants_swap(cfg)) {
		ret = swap_open(&r->swap, &cfg->swap, err, err_len);
		if (ret) {
			free(r);
			return ret;
		}
	}
	ret = create_tables(r);
	if (!ret) {
		e->machine->reclaim = r;
		ret = start_threads(r);
	}
	if (ret) {
		snprintf(err, err_len, "reclaim: %s", strerror(-ret));
		if (r->node)
			reclaim_stop(r);
		reclaim_destroy(r);
		return ret;
	}
	*out = r;
	return 0;
}

void reclaim_destroy(struct reclaim *r)
{
	if (!r)
		return;
	for (unsigned i = 0; r->node && i < r->machine->desc.topo.nr_nodes;
	     i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(r->node[i].worker); k++) {
			free(r->node[i].worker[k].events.slot);
			free(r->node[i].worker[k].counters);
		}
	}
	r->machine->reclaim = NULL;
	compaction_destroy(r);
	shrinkers_destroy(r->shrinkers);
	lru_destroy(&r->lru);
	swap_close(r->swap);
	free(r->node);
	free(r);
}

const char *reclaim_verify(struct reclaim *r)
{
	return lru_verify(&r->lru);
}

struct lru *reclaim_lru(struct reclaim *r)
{
	return &r->lru;
}

struct shrinkers *reclaim_shrinkers(struct reclaim *r)
{
	return r->shrinkers;
}

struct vm_events *reclaim_vm_events(struct reclaim *r)
{
	return &r->events;
}

struct swap *reclaim_swap(struct reclaim *r)
{
	return r->swap;
}

bool reclaim_kswapd_awake(const struct reclaim *r, unsigned nid)
{
	return r->cfg.kswapd && !mailbox_waiting(&r->node[nid].kswapd);
}

void reclaim_stalls(const struct reclaim *r, struct reclaim_stalls *out)
{
	/* relaxed, all: statistics */
	out->nr = atomic_load_explicit(&r->stalls, memory_order_relaxed);
	out->ticks =
		atomic_load_explicit(&r->stall_ticks, memory_order_relaxed);
	out->ticks_max =
		atomic_load_explicit(&r->stall_ticks_max, memory_order_relaxed);
}

struct page_ctx *reclaim_thread_ctx(struct reclaim *r, unsigned i,
				    enum reclaim_thread *kind)
{
	for (unsigned nid = 0; nid < r->machine->desc.topo.nr_nodes; nid++) {
		for (unsigned k = 0; k < ARRAY_SIZE(r->node[nid].worker); k++) {
			struct reclaim_worker *w = &r->node[nid].worker[k];

			if (!w->counters || i--)
				continue;
			*kind = w->kind;
			return &w->ctx;
		}
	}
	return NULL;
}
