/*
 * kmalloc: memory by size. Up to 8 KiB from a cache of the size's class (8 to
 * 8192, with 96 and 192; the engine `slab` begins at 32), above that whole
 * pages of the page engine. Which set of caches serves a request follows from
 * its gfp flags: DMA, then reclaimable, else normal.
 *
 * All of these: by the thread that owns ctx, no lock held.
 */
#ifndef ALLOC_SLAB_KMALLOC_H
#define ALLOC_SLAB_KMALLOC_H

#include "alloc/slab/kmem_cache.h"

/* What kmalloc(0) returns; krealloc, ksize and kfree take it back. */
#define ZERO_SIZE_PTR ((void *)16)

ALWAYS_INLINE bool kmalloc_is_nothing(const void *object)
{
	return (uintptr_t)object <= (uintptr_t)ZERO_SIZE_PTR;
}

/* Index of the class of 1 .. KMALLOC_MAX_CACHE_SIZE bytes. */
ALWAYS_INLINE unsigned kmalloc_index(size_t size)
{
	/* by (size - 1) / 8 */
	static const uint8_t small[24] = { 3, 4, 5, 5, 6, 6, 6, 6, 1, 1, 1, 1,
					   7, 7, 7, 7, 2, 2, 2, 2, 2, 2, 2, 2 };

	if (size <= 192)
		return small[(size - 1) / 8];
	return (unsigned)fls_long(size - 1);
}

ALWAYS_INLINE enum kmalloc_type kmalloc_type(gfp_t gfp)
{
	if (likely(!(gfp & (GFP_BIT_DMA | GFP_BIT_RECLAIMABLE))))
		return KMALLOC_NORMAL;
	return gfp & GFP_BIT_DMA ? KMALLOC_DMA : KMALLOC_RECLAIM;
}

/* Whole pages for a large size; NULL: none, or above KMALLOC_MAX_SIZE. */
NOINLINE void *kmalloc_large(struct slab_ctx *ctx, size_t size, gfp_t gfp,
			     unsigned nid);
/* Back to the pages or to whatever cache the object belongs to. */
NOINLINE void kfree_large(struct slab_ctx *ctx, struct page *page,
			  void *object);

/* The cache that serves a size of 1 .. KMALLOC_MAX_CACHE_SIZE. */
ALWAYS_INLINE struct kmem_cache *kmalloc_cache(const struct slab_ctx *ctx,
					       size_t size, gfp_t gfp)
{
	return ctx->slab->kmalloc[kmalloc_type(gfp)][kmalloc_index(size)];
}

ALWAYS_INLINE void *slab_kmalloc(const struct slab_ops *const ops,
				 struct slab_ctx *ctx, size_t size, gfp_t gfp)
{
	if (ops->kmalloc)
		return likely(size) ? ops->kmalloc(ctx, size, gfp, NUMA_NO_NODE)
				    : ZERO_SIZE_PTR;
	if (unlikely(size > KMALLOC_MAX_CACHE_SIZE))
		return kmalloc_large(ctx, size, gfp, NUMA_NO_NODE);
	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	return slab_alloc(ops, ctx, kmalloc_cache(ctx, size, gfp), gfp);
}

ALWAYS_INLINE void slab_kfree(const struct slab_ops *const ops,
			      struct slab_ctx *ctx, void *object)
{
	struct page *page;
	uint32_t tag;

	if (ops->features & SLAB_F_FLOOR) {
		ops->free(ctx, NULL, object);
		return;
	}
	if (unlikely(kmalloc_is_nothing(object)))
		return;
	if (ops->kfree) {
		ops->kfree(ctx, object);
		return;
	}
	page = slab_virt_to_page(ctx->slab, object);
	tag = slab_tag(page);
	if (unlikely(slab_tag_type(tag) != SLAB_PAGE_HEAD)) {
		kfree_large(ctx, page, object);
		return;
	}
	ops->free(ctx, ctx->slab->cache[slab_tag_cache(tag)], object);
}

/* The out-of-line forms. NULL: no memory. kzalloc: zeroed. */
void *kmalloc(struct slab_ctx *ctx, size_t size, gfp_t gfp);
void *kmalloc_node(struct slab_ctx *ctx, size_t size, gfp_t gfp, unsigned nid);
void *kzalloc(struct slab_ctx *ctx, size_t size, gfp_t gfp);
/* object may be NULL or ZERO_SIZE_PTR. */
void kfree(struct slab_ctx *ctx, void *object);
/* As kfree, what the block held is overwritten with zeroes first. */
void kfree_sensitive(struct slab_ctx *ctx, void *object);
/* The same contents in a block of `size` bytes: in place where they fit (it
 * never shrinks), else moved. size 0 frees. NULL: no memory, the old block is
 * untouched. */
void *krealloc(struct slab_ctx *ctx, void *object, size_t size, gfp_t gfp);
/* Bytes that may be used of a block; 0 of NULL and ZERO_SIZE_PTR. */
size_t ksize(const struct slab_ctx *ctx, const void *object);
/* What kmalloc(size) would provide. */
size_t kmalloc_size_roundup(const struct slab_ctx *ctx, size_t size);

/* Creates the caches; by slab_allocator_create(). 0 or -errno. */
int kmalloc_caches_create(struct slab_ctx *ctx) MUST_CHECK;

#endif
