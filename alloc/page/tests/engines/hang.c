/*
 * hang: an allocation that never returns. The repetition is killed at its time
 * limit and ends as `timeout`.
 */
#include "alloc/page/tests/engines/over_zonelock.h"

ENGINE_HOT pfn_t hang_rmqueue(struct page_ctx *ctx, struct zone *zone,
			      unsigned order, unsigned mt, unsigned alloc_flags)
{
	while (fault_due(ctx)) {
		for (;;)
			cpu_relax();
	}
	return zonelock_rmqueue(ctx, zone, order, mt, alloc_flags);
}

static const struct page_ops engine_ops = {
	FAULT_ENGINE_COLD,
	.summary = "fault: an allocation that never returns",
	.thread_enter = fault_thread_enter,
	.rmqueue = hang_rmqueue,
	.free = zonelock_free,
};
