/*
 * crash: writes through a null pointer. The repetition ends as
 * `crash signal 11`; the cells of other engines are not touched by it.
 */
#include "alloc/page/tests/engines/over_zonelock.h"

ENGINE_HOT pfn_t crash_rmqueue(struct page_ctx *ctx, struct zone *zone,
			       unsigned order, unsigned mt,
			       unsigned alloc_flags)
{
	volatile int *volatile nowhere = NULL;

	if (fault_due(ctx))
		*nowhere = 0;
	return zonelock_rmqueue(ctx, zone, order, mt, alloc_flags);
}

static const struct page_ops engine_ops = {
	FAULT_ENGINE_COLD,
	.summary = "fault: writes through a null pointer",
	.thread_enter = fault_thread_enter,
	.rmqueue = crash_rmqueue,
	.free = zonelock_free,
};
