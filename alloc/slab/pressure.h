/*
 * Slabs under memory pressure. Each cache with SLAB_RECLAIM_ACCOUNT registers
 * a shrinker where the machine has reclaim: kswapd and threads that reclaim for
 * themselves give its empty slabs back, as kmem_cache_shrink() does. What an
 * object's owner could do without, the owner's own shrinker gives up
 * (workloads/slab/dentry.h); it gets a context of the slab layer here.
 */
#ifndef ALLOC_SLAB_PRESSURE_H
#define ALLOC_SLAB_PRESSURE_H

#include "alloc/page/shrinker.h"
#include "alloc/slab/kmem_cache.h"

struct slab_pressure {
	struct shrinker shrinker;
	struct kmem_cache *cache;
	_Atomic long places[MAX_NODES]; /* for objects, in slabs of each node */
};

/* For kmem_cache.c, mutex held. open: nothing to do for other caches; 0 or
 * -ENOMEM. close: afterwards no shrinker of the cache is under way. */
int slab_pressure_open(struct kmem_cache *s) MUST_CHECK;
void slab_pressure_close(struct kmem_cache *s);

/* For pages.c: a slab of so many bytes came (> 0) or went. A cache under
 * pressure has a size; one that stands for pages may have none. Any thread. */
ALWAYS_INLINE void slab_pressure_count(const struct kmem_cache *s, unsigned nid,
				       long bytes)
{
	if (!s->pressure)
		return;
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(&s->pressure->places[nid],
				  bytes / (long)s->size, memory_order_relaxed);
}

/*
 * For scan_objects() of shrinkers, by the thread of `pages`: its own context,
 * or, as kswapd has none, the allocator's for reclaim. NULL: somebody creates,
 * destroys or shrinks a cache now, maybe this very thread, and waiting could
 * take for ever. Until exit the allocator's mutex is held: objects may be
 * freed, nothing allocated, and slab_reclaim_shrink() stands for
 * kmem_cache_shrink().
 */
struct slab_ctx *slab_reclaim_enter(struct slab_allocator *slab,
				    struct page_ctx *pages);
void slab_reclaim_exit(struct slab_ctx *ctx);
/* Gives empty slabs back; how many places for objects went with them. */
unsigned long slab_reclaim_shrink(struct slab_ctx *ctx, struct kmem_cache *s);

#endif
