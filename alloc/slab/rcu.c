/*
 * Deferral through liburcu (rcu.h). Reader: slab_rcu_read_lock(); updater: the
 * engine that took the slab off its lists; reclaimer: slab_rcu_reap(), in a
 * thread that has a context, from what RCU's own thread has put on rcu_done.
 *
 * The record passes to that thread, which no tool sees into, so that it carries
 * an edge of its own: REL(slab-rcu) when it is filled in, ACQ(slab-rcu) where
 * the grace period is over. The way back is rcu_done, a stack that many push on
 * and that is taken whole: lock-free, and without ABA.
 */
#include "alloc/slab/rcu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <urcu/urcu-bp.h>

struct deferred {
	struct rcu_head head;
	struct kmem_cache *cache;
	struct page *page;
	_Atomic bool filled;
};

void slab_rcu_read_lock(void)
{
	urcu_bp_read_lock();
}

void slab_rcu_read_unlock(void)
{
	urcu_bp_read_unlock();
}

static void push_done(struct kmem_cache *s, struct page *page)
{
	/* relaxed: the exchange checks it */
	uint32_t first =
		atomic_load_explicit(&s->rcu_done, memory_order_relaxed);

	do
		page->next = first;
	/* REL(slab-rcu-done): the link before the head; pairs with
	 * ACQ(slab-rcu-done). relaxed on failure: it is tried again */
	while (!atomic_compare_exchange_weak_explicit(
		&s->rcu_done, &first, slab_page_pfn(s->slab, page),
		memory_order_release, memory_order_relaxed));
}

void slab_rcu_free_done(struct slab_ctx *ctx, struct kmem_cache *s)
{
	struct page *map = s->slab->map;
	/* ACQ(slab-rcu-done): the chain behind the head; pairs with
	 * REL(slab-rcu-done) */
	uint32_t pfn = atomic_exchange_explicit(&s->rcu_done, PFN_LIST_END,
						memory_order_acquire);

	while (pfn != PFN_LIST_END) {
		struct page *page = &map[pfn];

		pfn = page->next;
		slab_pages_free(ctx, s, page);
	}
}

void slab_rcu_reap_all(struct slab_ctx *ctx)
{
	for (struct kmem_cache *s = ctx->slab->newest; s; s = s->next)
		slab_rcu_reap(ctx, s);
}

static void grace_period_over(struct rcu_head *head)
{
	struct deferred *d = (struct deferred *)head;

	/* ACQ(slab-rcu): the record and the slab that was taken off its lists;
	 * pairs with REL(slab-rcu) */
	if (atomic_load_explicit(&d->filled, memory_order_acquire))
		push_done(d->cache, d->page);
	free(d);
}

void slab_rcu_synchronize(void)
{
	urcu_bp_synchronize_rcu();
}

void slab_rcu_defer(struct kmem_cache *s, struct page *page)
{
	struct deferred *d = malloc(sizeof(*d));

	if (!d) {
		urcu_bp_synchronize_rcu();
		push_done(s, page);
		return;
	}
	d->cache = s;
	d->page = page;
	/* REL(slab-rcu): see ACQ(slab-rcu) */
	atomic_store_explicit(&d->filled, true, memory_order_release);
	urcu_bp_call_rcu(&d->head, grace_period_over);
}

void slab_rcu_barrier(void)
{
	urcu_bp_barrier();
}
