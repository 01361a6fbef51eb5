/*
 * null: hands out a running number and forgets what comes back.
 *
 * It allocates nothing. Its row in a table is the price of the harness: the
 * loop, the probe, the counting. No engine can be faster.
 *
 * It is also the skeleton of a new engine: copy this file to
 * alloc/page/engines/NAME.c, fill the hooks, run `make test`. Nothing else is
 * edited. Each hook below says who calls it, when, and whether it may be NULL.
 * An engine that has frames to give leaves PAGE_F_FLOOR out of its features;
 * then the policy (zonelist walk, watermarks, counters) runs in front of
 * rmqueue and free, and zone and ctx->machine->map are there to be used;
 * zonelock.c is the shortest example.
 *
 * Such a file opens with: what it models, the data layout, lock order,
 * ordering guarantees, progress guarantees, departures from the kernel. Here:
 * no data but a number per thread (ctx->priv), no locks, nothing shared.
 *
 * The last line names inline functions whose writes to memory must be found in
 * the machine code of every loop (scripts/check_loops.sh), some of the
 * allocation and some of the free; null's free writes nothing.
 *
 * Loop stores: null_rmqueue
 */
#include <errno.h>
#include <stdlib.h>

#include "alloc/page/page_alloc.h"

static const struct page_ops engine_ops;

/*
 * Required. By the main thread, once, when the machine has booted: its free
 * lists are full. *out is the engine; ops and machine are filled. 0 or -errno.
 */
static int null_create(struct page_engine **out, struct machine *m)
{
	struct page_engine *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->ops = &engine_ops;
	e->machine = m;
	*out = e;
	return 0;
}

/* Required. By the main thread, after every thread has left. */
static void null_destroy(struct page_engine *e)
{
	free(e);
}

/*
 * May be NULL. By each thread before its first request: ctx is filled but for
 * ctx->priv, which is the engine's. 0 or -errno; on failure thread_exit is not
 * called.
 */
static int null_thread_enter(struct page_ctx *ctx)
{
	ctx->priv = NULL;
	return 0;
}

/* May be NULL. By the same thread after its last request. */
static void null_thread_exit(struct page_ctx *ctx)
{
	ctx->priv = NULL;
}

/*
 * Required. By any thread that holds no lock, others may run. Afterwards
 * nothing that was freed before the call is cached or deferred.
 */
static void null_drain(struct page_engine *e, struct page_ctx *ctx)
{
	(void)e;
	(void)ctx;
}

/* Required. By any thread; a statistic while others run. */
static void null_snapshot(struct page_engine *e, const struct zone *zone,
			  struct zone_snapshot *out)
{
	(void)e;
	(void)zone;
	*out = (struct zone_snapshot){ 0 };
}

/*
 * Required. NULL, or the broken invariant in static text. No other thread is
 * inside the engine.
 */
static const char *null_verify(struct page_engine *e)
{
	(void)e;
	return NULL;
}

/*
 * Required, hot: part of each measured loop. By the thread that owns ctx, no
 * lock held; the zone's watermark was checked. Returns a block of 2^order
 * frames of `zone` for type mt, its head word PAGE_ALLOC and its refcount 1
 * (page_hand_out), or PFN_NONE. With PAGE_F_FLOOR zone is NULL.
 */
ENGINE_HOT pfn_t null_rmqueue(struct page_ctx *ctx, struct zone *zone,
			      unsigned order, unsigned mt, unsigned alloc_flags)
{
	uintptr_t pfn = (uintptr_t)ctx->priv;

	(void)zone;
	(void)mt;
	(void)alloc_flags;
	/* stays below PFN_NONE, and a multiple of the block's size */
	pfn = (pfn + (1u << order)) & 0x7fffffffu & ~((1u << order) - 1u);
	ctx->priv = (void *)pfn;
	return (pfn_t){ (uint32_t)pfn };
}

/*
 * Required, hot. By any thread, no lock held: takes back a block whose last
 * reference is gone. fpi_flags: FPI_TO_TAIL bypasses per-CPU lists.
 */
ENGINE_HOT void null_free(struct page_ctx *ctx, struct zone *zone, pfn_t pfn,
			  unsigned order, unsigned fpi_flags)
{
	(void)ctx;
	(void)zone;
	(void)order;
	(void)fpi_flags;
	(void)opaque(pfn);
}

/*
 * rmqueue_bulk and free_bulk may be NULL: the policy then loops over the two
 * above. pcp_load and pcp_save are for engines with PAGE_F_PCP only.
 */
static const struct page_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary = "a running number: what the harness itself costs",
	.features = PAGE_F_FLOOR,
	.create = null_create,
	.destroy = null_destroy,
	.thread_enter = null_thread_enter,
	.thread_exit = null_thread_exit,
	.drain = null_drain,
	.snapshot = null_snapshot,
	.verify = null_verify,
	.rmqueue = null_rmqueue,
	.free = null_free,
};
