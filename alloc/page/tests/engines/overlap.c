/*
 * overlap: hands out, to the same thread, a block that it already holds. The
 * first of the two frees is swallowed, so lists and totals stay right, drain
 * and verify find nothing: only who looks at the frames themselves can tell.
 */
#include "alloc/page/tests/engines/over_zonelock.h"

/* Often enough for the audit, which takes some hundred blocks. */
#define OVERLAP_EVERY 50u

struct overlap {
	uint32_t requests;
	uint32_t last;   /* block handed out last, while it is held */
	uint32_t shared; /* block that was handed out twice */
	unsigned order;  /* of `last` */
	unsigned mt;
};

static int overlap_thread_enter(struct page_ctx *ctx)
{
	struct overlap *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->last = o->shared = PFN_NONE.v;
	ctx->priv = o;
	return 0;
}

static void overlap_thread_exit(struct page_ctx *ctx)
{
	free(ctx->priv);
	ctx->priv = NULL;
}

ENGINE_HOT pfn_t overlap_rmqueue(struct page_ctx *ctx, struct zone *zone,
				 unsigned order, unsigned mt,
				 unsigned alloc_flags)
{
	struct overlap *o = ctx->priv;
	pfn_t pfn;

	if (unlikely(++o->requests >= OVERLAP_EVERY && order == o->order &&
		     o->last != PFN_NONE.v && o->shared == PFN_NONE.v)) {
		o->requests = 0;
		o->shared = o->last;
		return (pfn_t){ o->last };
	}
	pfn = zonelock_rmqueue(ctx, zone, order, mt, alloc_flags);
	o->last = pfn.v;
	o->order = order;
	o->mt = mt;
	return pfn;
}

ENGINE_HOT void overlap_free(struct page_ctx *ctx, struct zone *zone, pfn_t pfn,
			     unsigned order, unsigned fpi_flags)
{
	struct overlap *o = ctx->priv;

	if (unlikely(pfn.v == o->shared)) {
		o->shared = PFN_NONE.v;
		page_hand_out(pfn_to_page(ctx->machine, pfn), order, o->mt,
			      zone->id);
		return;
	}
	if (pfn.v == o->last)
		o->last = PFN_NONE.v;
	zonelock_free(ctx, zone, pfn, order, fpi_flags);
}

static const struct page_ops engine_ops = {
	FAULT_ENGINE_COLD,
	.summary = "fault: hands out a block that is held already",
	.thread_enter = overlap_thread_enter,
	.thread_exit = overlap_thread_exit,
	.rmqueue = overlap_rmqueue,
	.free = overlap_free,
};
