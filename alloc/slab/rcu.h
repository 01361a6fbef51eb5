/*
 * Slabs that wait for readers: TYPESAFE_BY_RCU keeps a slab's pages until a
 * grace period is over, so that whoever looks at an object under
 * slab_rcu_read_lock() finds memory of that type, if not that object.
 *
 * liburcu's bp flavour: threads need not be registered, and the page engine
 * below may use whichever flavour it likes.
 */
#ifndef ALLOC_SLAB_RCU_H
#define ALLOC_SLAB_RCU_H

#include "alloc/slab/engine.h"

/* Around a look at objects that are not ours. They nest. */
void slab_rcu_read_lock(void);
void slab_rcu_read_unlock(void);

/* Until every reader of now has left; the caller is none, and holds no spin
 * lock. */
void slab_rcu_synchronize(void);

/*
 * The slab, which is on no list and whose objects are all free, waits until
 * every reader of now has left; from then on slab_rcu_reap() gives its pages
 * back. If no memory is left to remember it, the wait is here and now. No spin
 * lock is held.
 */
void slab_rcu_defer(struct kmem_cache *s, struct page *page);

/* The slow half of slab_rcu_reap(). */
void slab_rcu_free_done(struct slab_ctx *ctx, struct kmem_cache *s);

/* Gives back the cache's slabs that no reader can be in any more: whenever a
 * slab is wanted, and when the cache shrinks or ends. No spin lock is held. */
static inline void slab_rcu_reap(struct slab_ctx *ctx, struct kmem_cache *s)
{
	/* relaxed: a hint */
	if (unlikely(atomic_load_explicit(&s->rcu_done, memory_order_relaxed) !=
		     PFN_LIST_END))
		slab_rcu_free_done(ctx, s);
}

/* The same for all caches, for those that are idle. The allocator's mutex is
 * held. */
void slab_rcu_reap_all(struct slab_ctx *ctx);

/* Until all that was deferred before can be reaped. */
void slab_rcu_barrier(void);

#endif
