/*
 * Shrinkers: see shrinker.h; do_shrink_slab() of Linux.
 *
 * Lock order: a read-write lock over the register, outermost: shrinkers are
 * called with it held for reading, and may take any lock of theirs. Register
 * and unregister wait for all calls under way, so they are not called from a
 * shrinker. Reclaim passes by when somebody registers, rather than wait.
 */
#include "alloc/page/shrinker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct shrinkers {
	pthread_rwlock_t lock;
	struct shrinker *first; /* lock */
};

int shrinkers_create(struct shrinkers **out)
{
	struct shrinkers *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	pthread_rwlock_init(&all->lock, NULL);
	*out = all;
	return 0;
}

void shrinkers_destroy(struct shrinkers *all)
{
	if (!all)
		return;
	pthread_rwlock_destroy(&all->lock);
	free(all);
}

void shrinker_register(struct shrinkers *all, struct shrinker *s)
{
	/* relaxed: published by the lock */
	for (unsigned i = 0; i < MAX_NODES; i++)
		atomic_store_explicit(&s->deferred[i], 0, memory_order_relaxed);
	pthread_rwlock_wrlock(&all->lock);
	s->next = all->first;
	all->first = s;
	pthread_rwlock_unlock(&all->lock);
}

void shrinker_unregister(struct shrinkers *all, struct shrinker *s)
{
	struct shrinker **at;

	pthread_rwlock_wrlock(&all->lock);
	for (at = &all->first; *at; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	pthread_rwlock_unlock(&all->lock);
}

/* Objects that the pressure asks for, without what is still due. */
static unsigned long share(const struct shrinker *s, unsigned long objects,
			   unsigned priority)
{
	if (!s->seeks)
		return objects / 2;
	return (objects >> priority) * 4 / s->seeks;
}

unsigned long shrinker_run(struct shrinker *s, struct page_ctx *ctx,
			   unsigned nid, unsigned priority, uint64_t *scanned)
{
	const unsigned long objects = s->count_objects(s, nid);
	const unsigned long batch = s->batch ? s->batch : SHRINK_BATCH;
	unsigned long delta, total, done = 0, freed = 0;
	long due;

	if (!objects)
		return 0;
	/* relaxed, here and below: a statistic that several may take turns at
	 */
	due = atomic_exchange_explicit(&s->deferred[nid], 0,
				       memory_order_relaxed);
	delta = share(s, objects, priority);
	total = ((unsigned long)due >> priority) + delta;
	if (total > 2 * objects)
		total = 2 * objects;
	while (total >= batch || total >= objects) {
		const unsigned long nr = total < batch ? total : batch;
		const unsigned long got = s->scan_objects(s, ctx, nid, nr);

		if (got == SHRINK_STOP)
			break;
		freed += got;
		done += nr;
		total -= nr;
		if (!total)
			break;
	}
	*scanned += done;
	due = clamp_long(due + (long)delta - (long)done, 0, 2 * (long)objects);
	atomic_fetch_add_explicit(&s->deferred[nid], due, memory_order_relaxed);
	return freed;
}

unsigned long shrink_slab(struct shrinkers *all, struct page_ctx *ctx,
			  unsigned nid, unsigned priority, uint64_t *scanned)
{
	unsigned long freed = 0;

	if (pthread_rwlock_tryrdlock(&all->lock))
		return 0;
	for (struct shrinker *s = all->first; s; s = s->next)
		freed += shrinker_run(s, ctx, nid, priority, scanned);
	pthread_rwlock_unlock(&all->lock);
	return freed;
}
