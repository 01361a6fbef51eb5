/*
 * null: hands out running addresses and forgets what comes back.
 *
 * It allocates nothing. Its row in a table is the price of the harness: the
 * loop, the probe, the counting. No slab engine can be faster.
 *
 * It is also the skeleton of a new engine: copy this file to
 * alloc/slab/engines/NAME.c, fill the hooks, run `make test`. Nothing else is
 * edited. Each hook below says who calls it and whether it may be NULL; the
 * table of hooks is described in alloc/slab/engine.h. An engine that has
 * objects to give leaves SLAB_F_FLOOR out of its features.
 *
 * Such a file opens with: what it models, the data layout, lock order,
 * ordering guarantees, progress guarantees, departures from the kernel. Here:
 * no data but a number per thread (ctx->priv), no locks, nothing shared.
 *
 * Loop stores: null_alloc
 */
#include <errno.h>

#include "alloc/slab/geometry.h"
#include "alloc/slab/kmem_cache.h"

/* Required. Pure arithmetic; here that of SLUB, so that tables have sizes. */
static int null_geometry(const struct slab_config *cfg, struct kmem_cache *s)
{
	return slub_geometry(cfg, s);
}

/* Required: what a cache keeps per CPU and node. 0 or -errno. */
static int null_cache_open(struct slab_ctx *ctx, struct kmem_cache *s)
{
	(void)ctx;
	(void)s;
	return 0;
}

/* Required: undoes cache_open. */
static void null_cache_close(struct kmem_cache *s)
{
	(void)s;
}

/* Required: gives back all empty slabs; 1 if slabs are left. */
static int null_shrink(struct slab_ctx *ctx, struct kmem_cache *s)
{
	(void)ctx;
	(void)s;
	return 0;
}

/* Required: how many slabs are left. */
static unsigned long null_shutdown(struct slab_ctx *ctx, struct kmem_cache *s)
{
	(void)ctx;
	(void)s;
	return 0;
}

/* Required: a row of slabinfo. */
static void null_info(const struct kmem_cache *s, struct slabinfo_row *out)
{
	*out = (struct slabinfo_row){
		.objsize = s->size,
		.objperslab = s->objects,
		.pagesperslab = 1u << s->order,
	};
}

/* Required: NULL, or the broken invariant. */
static const char *null_verify(const struct kmem_cache *s)
{
	(void)s;
	return NULL;
}

/*
 * Required, hot: part of each measured loop. By the thread that owns ctx, no
 * lock held. An object, or NULL.
 */
SLAB_HOT void *null_alloc(struct slab_ctx *ctx, struct kmem_cache *s, gfp_t gfp)
{
	uintptr_t at = (uintptr_t)ctx->priv;

	(void)s;
	(void)gfp;
	/* never NULL; nobody may look at what it points to */
	at = (at + 64) | 1ULL << 40;
	ctx->priv = (void *)at;
	return (void *)at;
}

/* Required, hot: takes back an object of the cache. */
SLAB_HOT void null_free(struct slab_ctx *ctx, struct kmem_cache *s,
			void *object)
{
	(void)ctx;
	(void)s;
	(void)opaque_object(object);
}

static const struct slab_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary = "running addresses: what the harness itself costs",
	.features = SLAB_F_FLOOR,
	.cache_bytes = sizeof(struct kmem_cache),
	.geometry = null_geometry,
	.cache_open = null_cache_open,
	.cache_close = null_cache_close,
	.shrink = null_shrink,
	.shutdown = null_shutdown,
	.info = null_info,
	.verify = null_verify,
	.alloc = null_alloc,
	.free = null_free,
};
