/*
 * The page API and its policy. The hot half is always-inline over a constant
 * ops table (bind files and measured loops); alloc_pages() and friends below
 * are the same code through ctx->ops for everybody else.
 *
 * Interfaces; the inline bodies follow in this file.
 */
#ifndef ALLOC_PAGE_PAGE_ALLOC_H
#define ALLOC_PAGE_PAGE_ALLOC_H

#include "alloc/page/engine.h"

/*
 * All of these: called by the thread that owns ctx, no lock held. Orders 0 to
 * MAX_PAGE_ORDER; a larger order returns PFN_NONE.
 *
 * alloc_pages: 2^order contiguous frames aligned to their size, or PFN_NONE
 * (below the watermark, or nothing large enough). The node is ctx->node.
 */
pfn_t alloc_pages(struct page_ctx *ctx, gfp_t gfp, unsigned order);
pfn_t alloc_pages_node(struct page_ctx *ctx, unsigned nid, gfp_t gfp,
		       unsigned order);
/* Fills up to n slots of out[]; returns how many. Slots that are not PFN_NONE
 * on entry are kept and counted, as in the kernel's array interface. */
unsigned alloc_pages_bulk(struct page_ctx *ctx, gfp_t gfp, unsigned n,
			  pfn_t *out);
/* Drops one reference; the last one frees 2^order frames. */
void free_pages(struct page_ctx *ctx, pfn_t pfn, unsigned order);
void free_pages_bulk(struct page_ctx *ctx, unsigned n, const pfn_t *pfn);
void page_get(struct page_ctx *ctx, pfn_t pfn);

/* ceil(bytes / PAGE_SIZE) frames with one reference each; the tail of the
 * power-of-two block goes back at once. bytes: 1 .. 4 MiB. */
pfn_t alloc_pages_exact(struct page_ctx *ctx, gfp_t gfp, uint64_t bytes);
void free_pages_exact(struct page_ctx *ctx, pfn_t pfn, uint64_t bytes);
/* Afterwards each of the 2^order frames is freed alone. */
void split_page(struct page_ctx *ctx, pfn_t pfn, unsigned order);

/* A context for the calling thread; counters and events are the caller's.
 * 0 or -errno of the engine's thread_enter. */
int page_ctx_enter(struct page_ctx *ctx, struct page_engine *e, uint16_t cpu,
		   struct zone_counters *counters, struct event_ring *events)
	MUST_CHECK;
void page_ctx_exit(struct page_ctx *ctx);

#endif
