/*
 * zonelock: the buddy system under one lock per zone.
 *
 * Models the path that every page took in Linux before per-CPU lists existed,
 * and that blocks of the orders without such lists take to this day
 * (rmqueue_buddy, free_one_page): each allocation and each free takes
 * zone->lock once.
 *
 * Data: none of its own; the machine's free lists (alloc/page/buddy.h).
 * Lock order: zone->lock (RANK_ZONE) alone; nothing is called under it but the
 * buddy system.
 * Ordering: everything that two threads share lies under the lock, apart from
 * the figures that watermark checks read as hints.
 * Progress: that of the lock, first come first served (alloc/base/lock.c).
 * Departures from Linux: interrupts do not exist.
 *
 * Loop stores: spin_trylock zone_lock pfn_list_pop page_set_head_ref
 * Loop stores: pfn_list_add_head spin_unlock
 */
#include <errno.h>
#include <stdlib.h>

#include "alloc/page/buddy.h"
#include "alloc/page/page_alloc.h"

static const struct page_ops engine_ops;

ENGINE_HOT pfn_t zonelock_rmqueue(struct page_ctx *ctx, struct zone *zone,
				  unsigned order, unsigned mt,
				  unsigned alloc_flags)
{
	return buddy_rmqueue_locking(ctx, zone, order, mt, alloc_flags);
}

ENGINE_HOT void zonelock_free(struct page_ctx *ctx, struct zone *zone,
			      pfn_t pfn, unsigned order, unsigned fpi_flags)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);
	const struct buddy_site site = buddy_site(zone, pfn, order);
	const struct buddy_block block = { pfn.v, order, site.mt };

	zone_lock(zone);
	buddy_free(&b, zone, &site, block, fpi_flags);
	zone_unlock(zone);
}

ENGINE_HOT unsigned zonelock_rmqueue_bulk(struct page_ctx *ctx,
					  struct zone *zone, unsigned n,
					  unsigned mt, unsigned alloc_flags,
					  pfn_t *out)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);
	unsigned got = 0;

	zone_lock(zone);
	while (got < n) {
		pfn_t pfn = buddy_rmqueue(&b, zone, 0, mt, alloc_flags);

		if (unlikely(!pfn_valid(pfn)))
			break;
		out[got++] = pfn;
	}
	zone_unlock(zone);
	return got;
}

ENGINE_HOT void zonelock_free_bulk(struct page_ctx *ctx, struct zone *zone,
				   unsigned n, const pfn_t *pfn)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);

	zone_lock(zone);
	for (unsigned i = 0; i < n; i++) {
		const struct buddy_site site = buddy_site(zone, pfn[i], 0);
		const struct buddy_block block = { pfn[i].v, 0, site.mt };

		buddy_free(&b, zone, &site, block, 0);
	}
	zone_unlock(zone);
}

static int zonelock_create(struct page_engine **out, struct machine *m)
{
	struct page_engine *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->ops = &engine_ops;
	e->machine = m;
	*out = e;
	return 0;
}

static void zonelock_destroy(struct page_engine *e)
{
	free(e);
}

/* Nothing is cached. */
static void zonelock_drain(struct page_engine *e, struct page_ctx *ctx)
{
	(void)e;
	(void)ctx;
}

static void zonelock_snapshot(struct page_engine *e, const struct zone *zone,
			      struct zone_snapshot *out)
{
	buddy_snapshot(&e->machine->zone[zone->id], out);
}

static const char *zonelock_verify(struct page_engine *e)
{
	return buddy_verify_machine(e->machine);
}

static const struct page_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary = "buddy system under one lock per zone",
	.features = PAGE_F_EXACT,
	.create = zonelock_create,
	.destroy = zonelock_destroy,
	.drain = zonelock_drain,
	.snapshot = zonelock_snapshot,
	.verify = zonelock_verify,
	.rmqueue = zonelock_rmqueue,
	.free = zonelock_free,
	.rmqueue_bulk = zonelock_rmqueue_bulk,
	.free_bulk = zonelock_free_bulk,
};
