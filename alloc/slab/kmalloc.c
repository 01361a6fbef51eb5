/*
 * kmalloc (kmalloc.h): its caches, and everything about it that is not hot.
 *
 * A large block has no cache: the mark of its first page says how large it is,
 * and its pages count as unreclaimable slab bytes, as in Linux.
 *
 * Loop contract: nothing here stands in a measured loop but kmalloc_large()
 * and kfree_large(), which are called, not inlined.
 */
#include "alloc/slab/kmalloc.h"

#include <errno.h>

#include "alloc/slab/geometry.h"
#include "alloc/slab/pages.h"

/* ---- size classes ------------------------------------------------------- */

/* "kmalloc-rcl-1k" */
static void class_name(char *name, size_t len, enum kmalloc_type type,
		       unsigned size)
{
	static const char *const prefix[] = {
		[KMALLOC_NORMAL] = "kmalloc",
		[KMALLOC_RECLAIM] = "kmalloc-rcl",
		[KMALLOC_DMA] = "dma-kmalloc",
	};

	if (size >= 1024)
		snprintf(name, len, "%s-%uk", prefix[type], size / 1024);
	else
		snprintf(name, len, "%s-%u", prefix[type], size);
}

/* Powers of two are aligned to themselves; others from 6.11 on to the largest
 * power of two that divides them. */
static unsigned class_align(const struct slab_config *cfg, unsigned size)
{
	if (cfg->kernel == KERNEL_6_1 && (size & (size - 1)))
		return cfg->word;
	return size & -size;
}

static int class_create(struct slab_ctx *ctx, enum kmalloc_type type,
			unsigned index)
{
	static const uint32_t flags[] = {
		[KMALLOC_NORMAL] = 0,
		[KMALLOC_RECLAIM] = SLAB_RECLAIM_ACCOUNT,
		[KMALLOC_DMA] = SLAB_CACHE_DMA,
	};
	struct slab_allocator *slab = ctx->slab;
	const unsigned size = kmalloc_class_size(index);
	char name[SLAB_NAME_MAX];
	struct kmem_cache_args args = {
		.name = name,
		.size = size,
		.align = class_align(&slab->config, size),
		.flags = SLAB_KMALLOC | flags[type],
		.usersize = size,
	};
	int rc = 0;

	if (slab->ops->features & SLAB_F_KMALLOC32)
		args.flags |= SLAB_HWCACHE_ALIGN;
	class_name(name, sizeof(name), type, size);
	slab->kmalloc[type][index] = kmem_cache_create(ctx, &args, &rc);
	return slab->kmalloc[type][index] ? 0 : rc;
}

/* In the kernel's order: 96 follows 64 and 192 follows 128, which SLAB needs
 * for itself before any other. */
static int type_create(struct slab_ctx *ctx, enum kmalloc_type type)
{
	const unsigned low =
		ctx->slab->ops->features & SLAB_F_KMALLOC32 ? 5 : 3;
	const bool first_128 = low == 5 && type == KMALLOC_NORMAL;
	int rc = first_128 ? class_create(ctx, type, 7) : 0;

	for (unsigned i = low; i < NR_KMALLOC_SIZES && !rc; i++) {
		if (i != 7 || !first_128)
			rc = class_create(ctx, type, i);
		if (!rc && i == 6)
			rc = class_create(ctx, type, 1);
		if (!rc && i == 7)
			rc = class_create(ctx, type, 2);
	}
	for (unsigned i = 3; i < low && !rc; i++)
		ctx->slab->kmalloc[type][i] = ctx->slab->kmalloc[type][low];
	return rc;
}

int kmalloc_caches_create(struct slab_ctx *ctx)
{
	int rc = 0;

	if (ctx->ops->kmalloc)
		return 0;
	for (unsigned t = 0; t < NR_KMALLOC_TYPES && !rc; t++)
		rc = type_create(ctx, (enum kmalloc_type)t);
	return rc;
}

size_t kmalloc_size_roundup(const struct slab_ctx *ctx, size_t size)
{
	if (!size)
		return 0;
	if (size > KMALLOC_MAX_CACHE_SIZE)
		return PAGE_SIZE << order_of_bytes(size);
	if (ctx->ops->kmalloc)
		return size;
	return kmalloc_cache(ctx, size, 0)->object_size;
}

/* ---- large blocks -------------------------------------------------------- */

NOINLINE void *kmalloc_large(struct slab_ctx *ctx, size_t size, gfp_t gfp,
			     unsigned nid)
{
	struct page *page;
	unsigned order;
	char *at;

	if (size > KMALLOC_MAX_SIZE)
		return NULL;
	order = order_of_bytes(size);
	if (ctx->ops->features & SLAB_F_FLOOR)
		return ctx->ops->alloc(ctx, ctx->slab->kmalloc[0][13], gfp);
	page = slab_large_alloc(ctx, gfp, order, nid);
	if (!page)
		return NULL;
	at = slab_page_address(ctx->slab, page);
	if (gfp & GFP_BIT_ZERO)
		memset(at, 0, PAGE_SIZE << order);
	return at;
}

NOINLINE void kfree_large(struct slab_ctx *ctx, struct page *page, void *object)
{
	if (slab_tag_type(slab_tag(page)) != SLAB_PAGE_LARGE) {
		slab_report(ctx->slab,
			    "kfree of %p: expected an object of a cache or a "
			    "large block",
			    object);
		return;
	}
	slab_large_free(ctx, page);
}

/* ---- the rest of the interface --------------------------------------------
 */

/* Who called the function that this stands in. */
#define CALLER __builtin_return_address(0)

static void *kmalloc_for(struct slab_ctx *ctx, size_t size, gfp_t gfp,
			 const void *caller)
{
	const void *outer = slab_caller_begin(ctx, caller);
	void *object = slab_kmalloc(ctx->ops, ctx, size, gfp);

	slab_caller_end(ctx, outer);
	return object;
}

static void kfree_for(struct slab_ctx *ctx, void *object, const void *caller)
{
	const void *outer = slab_caller_begin(ctx, caller);

	slab_kfree(ctx->ops, ctx, object);
	slab_caller_end(ctx, outer);
}

void *kmalloc(struct slab_ctx *ctx, size_t size, gfp_t gfp)
{
	return kmalloc_for(ctx, size, gfp, CALLER);
}

void *kmalloc_node(struct slab_ctx *ctx, size_t size, gfp_t gfp, unsigned nid)
{
	if (ctx->ops->kmalloc)
		return size ? ctx->ops->kmalloc(ctx, size, gfp, nid)
			    : ZERO_SIZE_PTR;
	if (size > KMALLOC_MAX_CACHE_SIZE)
		return kmalloc_large(ctx, size, gfp, nid);
	if (!size)
		return ZERO_SIZE_PTR;
	return kmem_cache_alloc_for(ctx, kmalloc_cache(ctx, size, gfp), gfp,
				    nid, CALLER);
}

void *kzalloc(struct slab_ctx *ctx, size_t size, gfp_t gfp)
{
	return kmalloc_for(ctx, size, gfp | GFP_BIT_ZERO, CALLER);
}

void kfree(struct slab_ctx *ctx, void *object)
{
	kfree_for(ctx, object, CALLER);
}

void kfree_sensitive(struct slab_ctx *ctx, void *object)
{
	const size_t bytes = ksize(ctx, object);

	if (bytes) {
		memset(object, 0, bytes);
		/* the block is freed, but the zeroes are wanted */
		__asm__ volatile("" : : "r"(object) : "memory");
	}
	kfree_for(ctx, object, CALLER);
}

size_t ksize(const struct slab_ctx *ctx, const void *object)
{
	const struct slab_allocator *slab = ctx->slab;
	const struct kmem_cache *s;
	uint32_t tag;

	if (kmalloc_is_nothing(object) || (slab->ops->features & SLAB_F_FLOOR))
		return 0;
	if (slab->ops->ksize)
		return slab->ops->ksize(ctx, object);
	tag = slab_tag(slab_virt_to_page(slab, object));
	if (slab_tag_type(tag) == SLAB_PAGE_LARGE)
		return PAGE_SIZE << slab_tag_order(tag);
	s = slab_cache_of(slab, object);
	if (!s)
		return 0;
	return slab->ops->usable ? slab->ops->usable(s) : s->object_size;
}

void *krealloc(struct slab_ctx *ctx, void *object, size_t size, gfp_t gfp)
{
	const size_t have = ksize(ctx, object);
	void *moved;

	if (!size) {
		kfree_for(ctx, object, CALLER);
		return ZERO_SIZE_PTR;
	}
	if (have >= size)
		return object;
	moved = kmalloc_for(ctx, size, gfp, CALLER);
	if (!moved)
		return NULL;
	if (have)
		memcpy(moved, object, have);
	kfree_for(ctx, object, CALLER);
	return moved;
}
