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

#include "alloc/page/page.h"

/* Around a look at objects that are not ours. They nest. */
void slab_rcu_read_lock(void);
void slab_rcu_read_unlock(void);

/* Until every reader of now has left; the caller is none, and holds no spin
 * lock. */
void slab_rcu_synchronize(void);

/*
 * Calls done(cache, page) when every reader of now has left: from RCU's own
 * thread, or, if no memory is left to remember it, here and now after waiting.
 * No spin lock is held.
 */
void slab_rcu_defer(void (*done)(void *cache, struct page *page), void *cache,
		    struct page *page);
/* Until every call that was deferred before has been made. */
void slab_rcu_barrier(void);

#endif
