/*
 * slub: SLUB of Linux 6.1, its core (alloc/slab/slub.h, slub.c) as it is. What
 * it models, its data, locks, ordering and progress stand in slub.c.
 *
 * Loop stores: list_pop_or_hand_out list_push_or_put_off slab_count
 */
#include "alloc/slab/slub.h"

SLAB_HOT void *slub_hot_alloc(struct slab_ctx *ctx, struct kmem_cache *s,
			      gfp_t gfp)
{
	return slub_alloc(ctx, s, gfp);
}

SLAB_HOT void slub_hot_free(struct slab_ctx *ctx, struct kmem_cache *s,
			    void *object)
{
	slub_free(ctx, s, object);
}

static const struct slab_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary = "per-CPU slab, lists through the objects (SLUB, 6.1)",
	.features = SLAB_F_EXACT | SLAB_F_KSTATE,
	.cache_bytes = sizeof(struct slub_cache),
	.geometry = slub_cache_geometry,
	.open = slub_open,
	.close = slub_close,
	.cache_open = slub_cache_open,
	.cache_close = slub_cache_close,
	.shrink = slub_shrink,
	.shutdown = slub_shutdown,
	.settle = slub_settle,
	.thread_enter = slub_thread_enter,
	.tick = slub_tick,
	.info = slub_info,
	.attributes = slub_attributes,
	.verify = slub_verify,
	.is_free = slub_is_free,
	.log_geometry = slub_log_geometry,
	.log_state = slub_log_state,
	.usable = slub_usable,
	.alloc = slub_hot_alloc,
	.alloc_node = slub_alloc_node,
	.free = slub_hot_free,
	.alloc_bulk = slub_alloc_bulk,
	.free_bulk = slub_free_bulk,
};
