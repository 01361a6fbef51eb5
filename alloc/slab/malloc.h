/*
 * The malloc of a library behind the interface of slab engines: baselines from
 * user space. An engine's file names the library and includes this.
 *
 * alloc and free are calls of malloc() and free() and nothing besides: the
 * library is loaded in front of the process of a repetition
 * (harness/preload.h), which proves that they are its own, and the call goes
 * through the PLT, as any program's does. Objects have the size that was asked
 * for, not that of a size class. What a library cannot do is left out: pages of
 * the machine, nodes, counters, leak reports, TYPESAFE_BY_RCU.
 *
 * Departures: gfp is looked at for __GFP_ZERO alone; a constructor runs on each
 * allocation. Locks and progress are the library's.
 */
#ifndef ALLOC_SLAB_MALLOC_H
#define ALLOC_SLAB_MALLOC_H

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "alloc/slab/geometry.h"
#include "alloc/slab/kmem_cache.h"

/* What malloc() aligns to on its own. */
#define MALLOC_ALIGN 16u

static int library_geometry(const struct slab_config *cfg, struct kmem_cache *s)
{
	(void)cfg;
	if (s->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_DEBUG_FLAGS))
		return -EINVAL;
	s->align = slab_alignment(s->flags, s->align_asked, s->object_size);
	s->size = s->inuse = s->object_size;
	if (s->align > MALLOC_ALIGN)
		s->size = (unsigned)round_up_pow2(s->size, s->align);
	slab_reciprocal(s);
	return 0;
}

static int library_cache_open(struct slab_ctx *ctx, struct kmem_cache *s)
{
	(void)ctx;
	(void)s;
	return 0;
}

static void library_cache_close(struct kmem_cache *s)
{
	(void)s;
}

static int library_shrink(struct slab_ctx *ctx, struct kmem_cache *s)
{
	(void)ctx;
	(void)s;
	return 0;
}

static unsigned long library_shutdown(struct slab_ctx *ctx,
				      struct kmem_cache *s)
{
	(void)ctx;
	(void)s;
	return 0;
}

static void library_info(const struct kmem_cache *s, struct slabinfo_row *out)
{
	*out = (struct slabinfo_row){ .objsize = s->size };
}

static const char *library_verify(const struct kmem_cache *s)
{
	(void)s;
	return NULL;
}

/* Out of line: no indirect call stands in a measured loop. */
static NOINLINE void library_construct(const struct kmem_cache *s, void *object)
{
	s->ctor(object);
}

SLAB_HOT void *library_alloc(struct slab_ctx *ctx, struct kmem_cache *s,
			     gfp_t gfp)
{
	void *object = likely(s->align <= MALLOC_ALIGN)
			       ? malloc(s->size)
			       : aligned_alloc(s->align, s->size);

	(void)ctx;
	(void)gfp;
	if (unlikely(s->ctor) && object)
		library_construct(s, object);
	return object;
}

SLAB_HOT void library_free(struct slab_ctx *ctx, struct kmem_cache *s,
			   void *object)
{
	(void)ctx;
	(void)s;
	free(object);
}

SLAB_HOT void *library_kmalloc(struct slab_ctx *ctx, size_t size, gfp_t gfp,
			       unsigned nid)
{
	(void)ctx;
	(void)nid;
	return unlikely(gfp & GFP_BIT_ZERO) ? calloc(1, size) : malloc(size);
}

SLAB_HOT void library_kfree(struct slab_ctx *ctx, void *object)
{
	(void)ctx;
	free(object);
}

static size_t library_ksize(const struct slab_ctx *ctx, const void *object)
{
	(void)ctx;
	return malloc_usable_size((void *)object);
}

/* Everything of a struct slab_ops but the library's own name. */
#define MALLOC_ENGINE(title, object, debian)                              \
	.name = ENGINE_NAME,                                              \
	.summary = title "'s malloc, user space, called through the PLT", \
	.features = SLAB_F_FOREIGN | SLAB_F_NO_INFO | SLAB_F_NO_MERGE,    \
	.soname = object, .package = debian,                              \
	.cache_bytes = sizeof(struct kmem_cache),                         \
	.geometry = library_geometry, .cache_open = library_cache_open,   \
	.cache_close = library_cache_close, .shrink = library_shrink,     \
	.shutdown = library_shutdown, .info = library_info,               \
	.verify = library_verify, .alloc = library_alloc,                 \
	.free = library_free, .kmalloc = library_kmalloc,                 \
	.kfree = library_kfree, .ksize = library_ksize

#endif
