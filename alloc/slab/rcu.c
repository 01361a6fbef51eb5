/*
 * Deferral through liburcu (rcu.h). Reader: slab_rcu_read_lock(); updater: the
 * engine that took the slab off its lists; reclaimer: `done`, which gives the
 * pages back.
 */
#include "alloc/slab/rcu.h"

#include <stdlib.h>
#include <urcu/urcu-bp.h>

struct deferred {
	struct rcu_head head;
	void (*done)(void *cache, struct page *page);
	void *cache;
	struct page *page;
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

	d->done(d->cache, d->page);
	free(d);
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
	*d = (struct deferred){ .done = done, .cache = cache, .page = page };
	urcu_bp_call_rcu(&d->head, grace_period_over);
}

void slab_rcu_barrier(void)
{
	urcu_bp_barrier();
}
