/*
 * leak: a block that was given back is forgotten. Every list stays whole, so
 * only the comparison of what is free at the end with what was free at the
 * start can find it.
 */
#include "alloc/page/tests/engines/over_zonelock.h"

ENGINE_HOT void leak_free(struct page_ctx *ctx, struct zone *zone, pfn_t pfn,
			  unsigned order, unsigned fpi_flags)
{
	if (fault_due(ctx))
		return;
	zonelock_free(ctx, zone, pfn, order, fpi_flags);
}

static const struct page_ops engine_ops = {
	FAULT_ENGINE_COLD,
	.summary = "fault: forgets a block that was given back",
	.thread_enter = fault_thread_enter,
	.rmqueue = zonelock_rmqueue,
	.free = leak_free,
};
