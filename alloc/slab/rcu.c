/*
 * Deferral through liburcu (rcu.h). Reader: slab_rcu_read_lock(); updater: the
 * engine that took the slab off its lists; reclaimer: `done`, which gives the
 * pages back.
 *
 * The record passes to liburcu's thread, which no tool sees into, so that it
 * carries an edge of its own: REL(slab-rcu) when it is filled in, ACQ(slab-rcu)
 * where the grace period is over.
 */
#include "alloc/slab/rcu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <urcu/urcu-bp.h>

struct deferred {
	struct rcu_head head;
	void (*done)(void *cache, struct page *page);
	void *cache;
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

static void grace_period_over(struct rcu_head *head)
{
	struct deferred *d = (struct deferred *)head;

	/* ACQ(slab-rcu): the record and the slab that was taken off its lists;
	 * pairs with REL(slab-rcu) */
	if (atomic_load_explicit(&d->filled, memory_order_acquire))
		d->done(d->cache, d->page);
	free(d);
}

void slab_rcu_synchronize(void)
{
	urcu_bp_synchronize_rcu();
}

void slab_rcu_defer(void (*done)(void *cache, struct page *page), void *cache,
		    struct page *page)
{
	struct deferred *d = malloc(sizeof(*d));

	if (!d) {
		urcu_bp_synchronize_rcu();
		done(cache, page);
		return;
	}
	d->done = done;
	d->cache = cache;
	d->page = page;
	/* REL(slab-rcu): see ACQ(slab-rcu) */
	atomic_store_explicit(&d->filled, true, memory_order_release);
	urcu_bp_call_rcu(&d->head, grace_period_over);
}

void slab_rcu_barrier(void)
{
	urcu_bp_barrier();
}
