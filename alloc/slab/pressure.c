/*
 * Shrinkers of caches (pressure.h).
 *
 * Lock order: slab->mutex, then the lock of the register of shrinkers, when a
 * cache comes or goes. A shrinker runs under that lock and therefore only
 * tries the mutex: a cache whose allocator is busy is passed by, as kswapd will
 * be back soon. Engines' locks below the mutex, as in kmem_cache_shrink(); none
 * of them is held by a thread that asks for pages and reclaims.
 */
#include "alloc/slab/pressure.h"

#include <errno.h>
#include <stdlib.h>

#include "alloc/page/reclaim.h"
#include "alloc/slab/rcu.h"

static long places_of(const struct slab_pressure *p)
{
	long sum = 0;

	for (unsigned n = 0; n < MAX_NODES; n++)
		/* relaxed: a statistic */
		sum += atomic_load_explicit(&p->places[n],
					    memory_order_relaxed);
	return sum;
}

/* How many of them are free is known to the engine alone, after a look at each
 * slab. */
static unsigned long count_places(struct shrinker *shrinker, unsigned nid)
{
	const struct slab_pressure *p = shrinker->priv;
	/* relaxed: a statistic */
	const long n =
		atomic_load_explicit(&p->places[nid], memory_order_relaxed);

	return n > 0 ? (unsigned long)n : 0;
}

/* A cache is shrunk as a whole: once a call, whatever was asked for. Slabs of
 * others whose readers have left go with it, but are not what was asked for. */
static unsigned long scan_slabs(struct shrinker *shrinker,
				struct page_ctx *pages, unsigned nid,
				unsigned long nr)
{
	struct slab_pressure *p = shrinker->priv;
	struct slab_ctx *ctx;
	unsigned long freed;

	(void)nid;
	(void)nr;
	ctx = slab_reclaim_enter(p->cache->slab, pages);
	if (!ctx)
		return SHRINK_STOP;
	freed = slab_reclaim_shrink(ctx, p->cache);
	slab_rcu_reap_all(ctx);
	slab_reclaim_exit(ctx);
	return freed ? freed : SHRINK_STOP;
}

int slab_pressure_open(struct kmem_cache *s)
{
	struct reclaim *reclaim = s->slab->machine->reclaim;
	struct slab_pressure *p;

	if (!reclaim || !(s->flags & SLAB_RECLAIM_ACCOUNT) ||
	    (s->slab->ops->features & (SLAB_F_FLOOR | SLAB_F_FOREIGN)))
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->cache = s;
	p->shrinker = (struct shrinker){ .name = s->name,
					 .count_objects = count_places,
					 .scan_objects = scan_slabs,
					 .seeks = SHRINK_SEEKS_DEFAULT,
					 .priv = p };
	s->pressure = p;
	shrinker_register(reclaim_shrinkers(reclaim), &p->shrinker);
	return 0;
}

void slab_pressure_close(struct kmem_cache *s)
{
	if (!s->pressure)
		return;
	shrinker_unregister(reclaim_shrinkers(s->slab->machine->reclaim),
			    &s->pressure->shrinker);
	free(s->pressure);
	s->pressure = NULL;
}

/* One is enough, since it is lent under the mutex. It has counters of all
 * caches, which are much to make for each call. */
static struct slab_ctx *reclaimer_for(struct slab_allocator *slab,
				      struct page_ctx *pages)
{
	struct slab_ctx *ctx = slab->reclaimer;

	if (ctx)
		return slab_ctx_attach(ctx, pages) ? NULL : ctx;
	ctx = aligned_alloc(CACHELINE_SIZE,
			    round_up_pow2(sizeof(*ctx), CACHELINE_SIZE));
	if (!ctx || slab_ctx_enter_locked(ctx, slab, pages)) {
		free(ctx);
		return NULL;
	}
	slab->reclaimer = ctx;
	return ctx;
}

struct slab_ctx *slab_reclaim_enter(struct slab_allocator *slab,
				    struct page_ctx *pages)
{
	struct slab_ctx *ctx;

	if (pthread_mutex_trylock(&slab->mutex))
		return NULL;
	ctx = slab->contexts;
	while (ctx && ctx->pages != pages)
		ctx = ctx->next;
	if (!ctx)
		ctx = reclaimer_for(slab, pages);
	if (!ctx)
		pthread_mutex_unlock(&slab->mutex);
	return ctx;
}

void slab_reclaim_exit(struct slab_ctx *ctx)
{
	struct slab_allocator *slab = ctx->slab;

	if (ctx == slab->reclaimer) {
		if (ctx->ops->thread_exit)
			ctx->ops->thread_exit(ctx);
		ctx->pages = NULL;
	}
	pthread_mutex_unlock(&slab->mutex);
}

unsigned long slab_reclaim_shrink(struct slab_ctx *ctx, struct kmem_cache *s)
{
	const long before = s->pressure ? places_of(s->pressure) : 0;
	long gone;

	ctx->ops->shrink(ctx, s);
	gone = s->pressure ? before - places_of(s->pressure) : 0;
	return gone > 0 ? (unsigned long)gone : 0;
}
