/* Writing to frames that have no permanent address. */
#include "workloads/lib/touch.h"

#include "alloc/base/check.h"

void touch_highmem(struct page_ctx *ctx, pfn_t pfn, uint64_t nr_pages)
{
	for (uint32_t i = 0; i < nr_pages; i++) {
		volatile char *at = kmap_local(ctx, (pfn_t){ pfn.v + i });

		check(at, "touch: no window for pfn %u", pfn.v + i);
		*at = 1;
		kunmap_local(ctx, (const void *)at);
	}
}
