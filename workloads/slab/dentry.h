/*
 * dentry: names looked up by readers that take no lock, replaced by writers.
 *
 * Models the directory cache: a table of N entries of 192 bytes (what Linux
 * 6.18 asks for a dentry) from a cache with a constructor and
 * TYPESAFE_BY_RCU. Of eight ops seven are lookups and one replaces an entry;
 * the old one is freed at once, so that readers may find it in other hands and
 * must look twice (its sequence count, which the constructor sets once and
 * which lives on in free objects). Under pressure the table gives entries up
 * and the cache is shrunk: by a worker when an allocation fails, and by kswapd
 * or whoever else reclaims, through the table's shrinker. One op is one lookup
 * or one replacement.
 *
 * Shows what type stability costs: slabs wait for a grace period, the link
 * between free objects lies outside of them. And it proves it: a reader that
 * finds memory of another type counts a violation, of which one fails the
 * repetition.
 */
#ifndef WORKLOADS_SLAB_DENTRY_H
#define WORKLOADS_SLAB_DENTRY_H

#include <errno.h>
#include <sys/mman.h>

#include "alloc/page/reclaim.h"
#include "alloc/slab/pressure.h"
#include "alloc/slab/rcu.h"
#include "workloads/lib/dist.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/slab_probe.h"

#define DENTRY_BYTES   192u
#define DENTRY_MAGIC   0x64656e747279ULL
#define DENTRY_REPLACE 8u  /* one op of so many */
#define DENTRY_PRUNE   64u /* entries given up at a time */

/* tally */
enum { DENTRY_VIOLATIONS, DENTRY_RETRIES, DENTRY_PRUNED, DENTRY_RECLAIMED };

/*
 * Everything is atomic, for readers look while a writer has it. relaxed, where
 * seq does not order it.
 */
struct dentry {
	_Atomic uint64_t magic;       /* written by the constructor alone */
	_Atomic uint64_t seq;         /* odd: being written */
	_Atomic uint64_t name, check; /* check == ~name when seq is even */
};

struct dentry_table {
	struct kmem_cache *cache;
	struct shrinker shrinker;
	bool registered;
	_Atomic uint64_t reclaimed; /* entries that reclaim gave up */
	_Atomic uint32_t hand;      /* where it looks next */
	uint32_t nr;
	size_t bytes; /* of this mapping */
	_Atomic(struct dentry *) entry[];
};

static void dentry_construct(void *object)
{
	struct dentry *d = object;

	/* relaxed, all: nobody has it */
	atomic_store_explicit(&d->magic, DENTRY_MAGIC, memory_order_relaxed);
	atomic_store_explicit(&d->seq, 0, memory_order_relaxed);
	atomic_store_explicit(&d->name, 0, memory_order_relaxed);
	atomic_store_explicit(&d->check, ~0ULL, memory_order_relaxed);
}

/*
 *   writer                              reader
 *   seq = odd                           s = seq          ACQ(dentry-seq)
 *   name, check   REL(dentry-odd)       name, check      ACQ(dentry-odd)
 *   seq = even    REL(dentry-seq)       seq == s?
 *
 * A reader that saw a new name or check sees the odd count, or a later one.
 */
ALWAYS_INLINE void dentry_write(struct dentry *d, uint64_t name)
{
	/* relaxed, both: only its owner writes it */
	const uint64_t seq =
		atomic_load_explicit(&d->seq, memory_order_relaxed);

	atomic_store_explicit(&d->seq, seq + 1, memory_order_relaxed);
	/* REL(dentry-odd): the odd count before each; pairs with
	 * ACQ(dentry-odd) */
	atomic_store_explicit(&d->name, name, memory_order_release);
	atomic_store_explicit(&d->check, ~name, memory_order_release);
	/* REL(dentry-seq): name and check before the even count; pairs with
	 * ACQ(dentry-seq) */
	atomic_store_explicit(&d->seq, seq + 2, memory_order_release);
}

/* One look at an entry that may change hands meanwhile. Wait-free. */
ALWAYS_INLINE void dentry_look(struct worker *w, struct dentry *d)
{
	/* ACQ(dentry-seq): what the writer wrote; pairs with REL(dentry-seq) */
	const uint64_t seq =
		atomic_load_explicit(&d->seq, memory_order_acquire);
	/* ACQ(dentry-odd): a count that changed meanwhile; pairs with
	 * REL(dentry-odd) */
	const uint64_t name =
		atomic_load_explicit(&d->name, memory_order_acquire);
	const uint64_t check =
		atomic_load_explicit(&d->check, memory_order_acquire);

	/* relaxed: the constructor's, see REL(dentry-entry) */
	if (unlikely(atomic_load_explicit(&d->magic, memory_order_relaxed) !=
		     DENTRY_MAGIC))
		w->tally[DENTRY_VIOLATIONS]++;
	/* relaxed: see above */
	if (unlikely((seq & 1) ||
		     atomic_load_explicit(&d->seq, memory_order_relaxed) !=
			     seq))
		w->tally[DENTRY_RETRIES]++;
	else if (unlikely(check != ~name))
		w->tally[DENTRY_VIOLATIONS]++;
}

ALWAYS_INLINE void dentry_lookup(struct worker *w, struct dentry_table *t,
				 uint32_t at)
{
	struct dentry *d;

	slab_rcu_read_lock();
	/* ACQ(dentry-entry): the constructed object; pairs with
	 * REL(dentry-entry) */
	d = atomic_load_explicit(&t->entry[at], memory_order_acquire);
	if (likely(d))
		dentry_look(w, d);
	slab_rcu_read_unlock();
}

/* Puts d (NULL: nothing) into the table; what stood there is the caller's. */
ALWAYS_INLINE struct dentry *dentry_swap(struct dentry_table *t, uint32_t at,
					 struct dentry *d)
{
	/* REL(dentry-entry): d is complete; pairs with ACQ(dentry-entry) */
	return atomic_exchange_explicit(&t->entry[at], d, memory_order_acq_rel);
}

/* Gives entries up and the slabs that became empty back. */
static NOINLINE void dentry_prune(struct worker *w, struct dentry_table *t)
{
	for (unsigned i = 0; i < DENTRY_PRUNE; i++) {
		struct dentry *d =
			dentry_swap(t, dist_victim(&w->rng, t->nr), NULL);

		if (!d)
			continue;
		kmem_cache_free(w->slab, t->cache, d);
		w->tally[DENTRY_PRUNED]++;
	}
	kmem_cache_shrink(w->slab, t->cache);
}

WORKLOAD_LOOP void dentry_loop(const struct slab_ops *const ops,
			       struct worker *w, const enum probe probe)
{
	struct dentry_table *t = w->team->shared;
	const uint32_t nr = t->nr;

	while (loop_running(w)) {
		const uint64_t random = rng_next(&w->rng);
		const uint32_t at = (uint32_t)((random >> 32) * nr >> 32);
		struct dentry *d;

		if (likely(random % DENTRY_REPLACE)) {
			dentry_lookup(w, t, at);
			loop_done(w);
			continue;
		}
		d = probed_object_alloc(ops, w, t->cache, probe);
		if (unlikely(!d)) {
			loop_failed(w);
			dentry_prune(w, t);
			continue;
		}
		dentry_write(d, random);
		d = dentry_swap(t, at, d);
		if (likely(d))
			probed_object_free(ops, w, t->cache, d, probe);
		loop_done(w);
	}
}

static unsigned long dentry_count(struct shrinker *s, unsigned nid)
{
	const struct dentry_table *t = s->priv;

	(void)nid; /* entries are not sorted by nodes */
	return t->nr;
}

/* Gives up entries around a clock, then the slabs that became empty. Beside
 * workers and other threads that reclaim. */
static unsigned long dentry_scan(struct shrinker *s, struct page_ctx *pages,
				 unsigned nid, unsigned long nr)
{
	struct dentry_table *t = s->priv;
	struct slab_ctx *ctx;
	unsigned long freed = 0;

	(void)nid;
	ctx = slab_reclaim_enter(t->cache->slab, pages);
	if (!ctx)
		return SHRINK_STOP;
	for (unsigned long i = 0; i < nr; i++) {
		/* relaxed: any place will do */
		const uint32_t at = atomic_fetch_add_explicit(
					    &t->hand, 1, memory_order_relaxed) %
				    t->nr;
		struct dentry *d = dentry_swap(t, at, NULL);

		if (!d)
			continue;
		kmem_cache_free(ctx, t->cache, d);
		freed++;
	}
	slab_reclaim_shrink(ctx, t->cache);
	slab_reclaim_exit(ctx);
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(&t->reclaimed, freed, memory_order_relaxed);
	return freed;
}

static struct dentry_table *dentry_table_new(uint32_t nr)
{
	const size_t bytes = sizeof(struct dentry_table) +
			     nr * sizeof(_Atomic(struct dentry *));
	struct dentry_table *t =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (t == MAP_FAILED)
		return NULL;
	t->nr = nr;
	t->bytes = bytes;
	t->shrinker = (struct shrinker){ .name = "dentry",
					 .count_objects = dentry_count,
					 .scan_objects = dentry_scan,
					 .seeks = SHRINK_SEEKS_DEFAULT,
					 .priv = t };
	return t;
}

static int dentry_setup(struct team *team)
{
	const struct kmem_cache_args args = {
		.name = "dentry",
		.size = DENTRY_BYTES,
		.flags = SLAB_TYPESAFE_BY_RCU | SLAB_RECLAIM_ACCOUNT,
		.ctor = dentry_construct,
	};
	struct dentry_table *t = dentry_table_new(team->params->outstanding);
	int ret = 0;

	if (!t)
		return -ENOMEM;
	team->shared = t;
	t->cache = kmem_cache_create(team->slab, &args, &ret);
	if (t->cache && team->machine->reclaim) {
		shrinker_register(reclaim_shrinkers(team->machine->reclaim),
				  &t->shrinker);
		t->registered = true;
	}
	return ret;
}

/* Each worker fills its share of the table. */
static int dentry_prepare(struct worker *w)
{
	struct dentry_table *t = w->team->shared;

	for (uint32_t at = w->index; at < t->nr; at += w->team->nr) {
		struct dentry *d =
			kmem_cache_alloc(w->slab, t->cache, w->params->gfp);

		if (!d) {
			w->ops_failed++;
			continue;
		}
		dentry_write(d, at);
		dentry_swap(t, at, d);
	}
	return 0;
}

static void dentry_teardown(struct worker *w)
{
	struct dentry_table *t = w->team->shared;

	for (uint32_t at = w->index; t && at < t->nr; at += w->team->nr) {
		struct dentry *d = dentry_swap(t, at, NULL);

		if (d)
			kmem_cache_free(w->slab, t->cache, d);
	}
}

static uint64_t dentry_sum(const struct team *team, unsigned tally)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < team->nr; i++)
		sum += team->worker[i].tally[tally];
	return sum;
}

static unsigned dentry_report(const struct team *team,
			      struct workload_metric *out)
{
	static const struct {
		const char *name, *unit, *better;
	} metrics[] = {
		[DENTRY_VIOLATIONS] = { "type_violations", "looks", "lower" },
		[DENTRY_RETRIES] = { "lookup_retries", "looks", "none" },
		[DENTRY_PRUNED] = { "pruned", "objects", "none" },
		[DENTRY_RECLAIMED] = { "reclaimed", "objects", "none" },
	};
	struct dentry_table *t = team->shared;

	for (unsigned k = 0; k < ARRAY_SIZE(metrics); k++) {
		uint64_t sum = dentry_sum(team, k);

		if (k == DENTRY_RECLAIMED)
			/* relaxed: a statistic */
			sum = atomic_load_explicit(&t->reclaimed,
						   memory_order_relaxed);
		out[k] = (struct workload_metric){
			.name = metrics[k].name,
			.unit = metrics[k].unit,
			.better = metrics[k].better,
			.value = (double)sum,
		};
	}
	return ARRAY_SIZE(metrics);
}

static const char *dentry_verify(const struct team *team)
{
	return dentry_sum(team, DENTRY_VIOLATIONS)
		       ? "a reader found memory of another type"
		       : NULL;
}

static void dentry_cleanup(struct team *team)
{
	struct dentry_table *t = team->shared;

	if (!t)
		return;
	if (t->registered)
		shrinker_unregister(reclaim_shrinkers(team->machine->reclaim),
				    &t->shrinker);
	/* what is left is reported there */
	if (kmem_cache_destroy(team->slab, t->cache))
		t->cache = NULL;
	munmap(t, t->bytes);
	team->shared = NULL;
}

static const struct workload dentry_workload = {
	.name = "dentry",
	.summary = "RCU readers look names up, writers replace them",
	.op = "lookup or replacement",
	.needs = WORKLOAD_SLABS,
	.uses = USES_SLAB | USES_OUTSTANDING,
	.setup = dentry_setup,
	.prepare = dentry_prepare,
	.teardown = dentry_teardown,
	.report = dentry_report,
	.verify = dentry_verify,
	.cleanup = dentry_cleanup,
};

#endif
