/*
 * The slab API, as in the kernel but for the context that each call takes.
 *
 * The hot half is always-inline over a constant ops table, for bind files and
 * measured loops; kmem_cache_alloc() and its kin are the same through ctx->ops
 * for everybody else. kmalloc() is in kmalloc.h.
 *
 * All of these are called by the thread that owns ctx, with no lock held.
 */
#ifndef ALLOC_SLAB_KMEM_CACHE_H
#define ALLOC_SLAB_KMEM_CACHE_H

#include <string.h>

#include "alloc/slab/engine.h"

/* ---- the allocator ---------------------------------------------------------
 */

/* Defaults: 6.1 on this machine's CPUs and memory. */
void slab_config_init(struct slab_config *cfg, const struct machine_desc *desc);

/*
 * An allocator of engine `ops` over machine m, with its kmalloc caches. `pages`
 * is the caller's context of the page engine below, used for the creation
 * only. 0, -ENOMEM, -EINVAL (the machine has no memory behind its frames).
 */
int slab_allocator_create(struct slab_allocator **out,
			  const struct slab_ops *ops, struct page_ctx *pages,
			  const struct slab_config *cfg) MUST_CHECK;
/* Destroys what caches are left. Every context but that of `pages` has left;
 * returns how many caches still held objects (and were reported). */
unsigned slab_allocator_destroy(struct slab_allocator *slab,
				struct page_ctx *pages);

/* A context for the calling thread over its page context. 0, -ENOMEM or
 * -errno of the engine. */
int slab_ctx_enter(struct slab_ctx *ctx, struct slab_allocator *slab,
		   struct page_ctx *pages) MUST_CHECK;
/* By the same thread, after its last call; its counts are kept. */
void slab_ctx_exit(struct slab_ctx *ctx);
/* The same with the allocator's mutex held, for pressure.c. */
int slab_ctx_enter_locked(struct slab_ctx *ctx, struct slab_allocator *slab,
			  struct page_ctx *pages) MUST_CHECK;
/* From now on the context is that of the calling thread, which asks for pages
 * by `pages`. For pressure.c. */
int slab_ctx_attach(struct slab_ctx *ctx, struct page_ctx *pages) MUST_CHECK;

/* Sum over all threads; exact while none of them runs. */
uint64_t slab_counter_sum(struct kmem_cache *s, enum slab_counter c);
/* Of it, what threads on modelled CPU `cpu` counted. */
uint64_t slab_counter_of_cpu(struct kmem_cache *s, enum slab_counter c,
			     unsigned cpu);

/* Pages of slabs on all nodes. */
uint64_t slab_pages_in_use(const struct slab_allocator *slab);

/* NULL, or the broken invariant of any cache. Nobody else is inside. */
const char *slab_verify(struct slab_allocator *slab);
/* Brings to its end what engines put off, so that what is counted and seen from
 * then on is exact (while no other thread is inside). */
void slab_settle(struct slab_ctx *ctx);

/* ---- caches
 * ------------------------------------------------------------------ */

/*
 * A cache, or an older one that it is merged with; SLAB_WITHOUT_EFFECT is
 * dropped. NULL: -EINVAL (a flag that
 * does not exist, size 0 or above KMALLOC_MAX_SIZE, an alignment that is no
 * power of two, a name of no or too many characters, a sheaf_capacity above
 * SHEAF_CAPACITY_MAX, a name with a space, a usersize above size: a release
 * kernel takes the first of these two and clears the second with a warning),
 * -ENOMEM, -E2BIG; *error says which, unless error is NULL.
 */
struct kmem_cache *kmem_cache_create(struct slab_ctx *ctx,
				     const struct kmem_cache_args *args,
				     int *error) MUST_CHECK;
/*
 * s may be NULL. Of a merged cache only the count of creators goes down. 0, or
 * -EBUSY: objects are still allocated; each is reported by its slab and offset
 * and the cache lives on, out of reach of later merges.
 */
int kmem_cache_destroy(struct slab_ctx *ctx, struct kmem_cache *s);
/* Gives empty slabs back; 1 if any but those that wait for readers is left. */
int kmem_cache_shrink(struct slab_ctx *ctx, struct kmem_cache *s);
/* object_size; of merged caches the largest. */
unsigned kmem_cache_size(const struct kmem_cache *s);
/* The cache of that name, NULL: none. */
struct kmem_cache *kmem_cache_find(struct slab_allocator *slab,
				   const char *name);

/*
 * Fills a cache's geometry without an allocator, for `show cache` and tests:
 * *s is the caller's (ops->cache_bytes, zero). 0, -EINVAL or -E2BIG.
 */
int kmem_cache_describe(struct kmem_cache *s, const struct slab_ops *ops,
			const struct slab_config *cfg,
			const struct kmem_cache_args *args) MUST_CHECK;

/* ---- objects
 * ----------------------------------------------------------------- */

void *kmem_cache_alloc(struct slab_ctx *ctx, struct kmem_cache *s, gfp_t gfp);
/* From node nid if it has any; with GFP_BIT_THISNODE from nowhere else. */
void *kmem_cache_alloc_node(struct slab_ctx *ctx, struct kmem_cache *s,
			    gfp_t gfp, unsigned nid);
/* The same on behalf of `caller`, whom a debug cache's tracks will name. */
void *kmem_cache_alloc_for(struct slab_ctx *ctx, struct kmem_cache *s,
			   gfp_t gfp, unsigned nid, const void *caller);
/* All n or none: returns n or 0. */
unsigned kmem_cache_alloc_bulk(struct slab_ctx *ctx, struct kmem_cache *s,
			       gfp_t gfp, unsigned n, void **out);
/* With checks on, an object of another cache is reported and goes to its own.
 */
void kmem_cache_free(struct slab_ctx *ctx, struct kmem_cache *s, void *object);
/* May reorder object[]. s NULL: objects of any cache, large ones included. */
void kmem_cache_free_bulk(struct slab_ctx *ctx, struct kmem_cache *s,
			  unsigned n, void **object);

/*
 * Frees the object when every reader of now (slab_rcu_read_lock() in rcu.h) has
 * left. Engines that have no batches for it wait here, so that the caller is no
 * reader then.
 */
void kmem_cache_free_rcu(struct slab_ctx *ctx, struct kmem_cache *s,
			 void *object);

/*
 * Lent sheaves (engine `sheaves`): objects put aside for the caller alone, so
 * that he can allocate where he must not fail.
 *
 * prefill: a sheaf with n objects or more; NULL: no memory, or an engine
 * without. alloc_from: an object of it; NULL: it is empty. refill: n objects or
 * more in *sheaf again, which may be another one afterwards; 0, or -ENOMEM: it
 * is as it was. return: the sheaf and what is left in it go back.
 */
struct sheaf *kmem_cache_prefill_sheaf(struct slab_ctx *ctx,
				       struct kmem_cache *s, gfp_t gfp,
				       uint32_t n) MUST_CHECK;
void *kmem_cache_alloc_from_sheaf(struct slab_ctx *ctx, struct sheaf *sheaf);
int kmem_cache_refill_sheaf(struct slab_ctx *ctx, struct kmem_cache *s,
			    gfp_t gfp, struct sheaf **sheaf, uint32_t n)
	MUST_CHECK;
void kmem_cache_return_sheaf(struct slab_ctx *ctx, struct kmem_cache *s,
			     gfp_t gfp, struct sheaf *sheaf);

/* Cache of an object, NULL: a large kmalloc block or no object at all. */
struct kmem_cache *slab_cache_of(const struct slab_allocator *slab,
				 const void *object);

/* Objects pass through it as frames pass through opaque(). */
ALWAYS_INLINE void *opaque_object(void *object)
{
	__asm__ volatile("" : "+r"(object) : : "memory");
	return object;
}

/* Says once that objects of a cache with a constructor are not to be zeroed. */
void slab_report_zeroing(const struct kmem_cache *s);

ALWAYS_INLINE void slab_zero(const struct kmem_cache *s, void *object)
{
	if (unlikely(s->ctor))
		slab_report_zeroing(s);
	memset(object, 0, s->object_size);
}

ALWAYS_INLINE void *slab_alloc(const struct slab_ops *const ops,
			       struct slab_ctx *ctx, struct kmem_cache *s,
			       gfp_t gfp)
{
	void *object = ops->alloc(ctx, s, gfp);

	if (unlikely(gfp & GFP_BIT_ZERO) && object &&
	    !(ops->features & SLAB_F_FLOOR))
		slab_zero(s, object);
	return object;
}

/* From node nid, where the engine knows nodes. */
ALWAYS_INLINE void *slab_alloc_from(const struct slab_ops *const ops,
				    struct slab_ctx *ctx, struct kmem_cache *s,
				    gfp_t gfp, unsigned nid)
{
	void *object;

	if (!ops->alloc_node)
		return slab_alloc(ops, ctx, s, gfp);
	object = ops->alloc_node(ctx, s, gfp, nid);
	if (unlikely(gfp & GFP_BIT_ZERO) && object)
		slab_zero(s, object);
	return object;
}

ALWAYS_INLINE void slab_free(const struct slab_ops *const ops,
			     struct slab_ctx *ctx, struct kmem_cache *s,
			     void *object)
{
	ops->free(ctx, s, object);
}

ALWAYS_INLINE void slab_free_bulk(const struct slab_ops *const ops,
				  struct slab_ctx *ctx, struct kmem_cache *s,
				  unsigned n, void **object)
{
	if (ops->free_bulk) {
		ops->free_bulk(ctx, s, n, object);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		ops->free(ctx, s, object[i]);
}

ALWAYS_INLINE unsigned slab_alloc_bulk(const struct slab_ops *const ops,
				       struct slab_ctx *ctx,
				       struct kmem_cache *s, gfp_t gfp,
				       unsigned n, void **out)
{
	unsigned got = 0;

	if (ops->alloc_bulk) {
		got = ops->alloc_bulk(ctx, s, gfp, n, out);
	} else {
		while (got < n && (out[got] = ops->alloc(ctx, s, gfp)))
			got++;
		if (unlikely(got < n)) {
			slab_free_bulk(ops, ctx, s, got, out);
			got = 0;
		}
	}
	if (unlikely(gfp & GFP_BIT_ZERO) && !(ops->features & SLAB_F_FLOOR))
		for (unsigned i = 0; i < got; i++)
			slab_zero(s, out[i]);
	return got;
}

#endif
