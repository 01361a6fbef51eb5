/*
 * Pages of the slab layer (pages.h, engine.h).
 *
 * Frames are asked for without __GFP_COMP: whose page is whose stands in
 * struct page.link (slab.h), so the page engine need not know.
 */
#include "alloc/slab/pages.h"

#include <string.h>

#include "alloc/slab/pressure.h"

#define POISON_FREED 0x6b /* as of a freed object in a debug cache */

/* Not for kernel objects, and not for the page engine to act on. */
#define GFP_NOT_FOR_SLABS                                                     \
	(GFP_BIT_HIGHMEM | GFP_BIT_MOVABLE | GFP_BIT_ZERO | GFP_BIT_ACCOUNT | \
	 GFP_BIT_COMP)

/* Bytes that node `nid` gains or loses. */
static void account(struct slab_allocator *slab, unsigned nid, bool reclaimable,
		    long bytes)
{
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(
		&slab->machine->node[nid].slab_bytes[!reclaimable], bytes,
		memory_order_relaxed);
}

static void set_tag(struct page *page, uint32_t tag)
{
	/* relaxed: the block has one owner */
	atomic_store_explicit(&page->link, tag, memory_order_relaxed);
}

/* Marks the block and the pages behind its first. */
static void mark(struct page *page, uint32_t tag, unsigned order)
{
	set_tag(page, tag | order << 2);
	for (uint32_t i = 1; i < 1u << order; i++)
		set_tag(page + i, SLAB_PAGE_TAIL | i << 2);
}

static void unmark(struct page *page, unsigned order)
{
	for (uint32_t i = 0; i < 1u << order; i++)
		set_tag(page + i, SLAB_PAGE_NONE);
}

static struct page *take(struct slab_ctx *ctx, gfp_t gfp, unsigned order,
			 unsigned nid)
{
	pfn_t pfn;

	gfp &= ~GFP_NOT_FOR_SLABS;
	pfn = nid == NUMA_NO_NODE
		      ? alloc_pages(ctx->pages, gfp, order)
		      : alloc_pages_node(ctx->pages, nid, gfp, order);
	return pfn_valid(pfn) ? pfn_to_page(ctx->slab->machine, pfn) : NULL;
}

static unsigned node_of(const struct slab_allocator *slab,
			const struct page *page)
{
	return machine_zone_of(slab->machine, slab_page_pfn(slab, page))->nid;
}

struct page *slab_pages_alloc(struct slab_ctx *ctx, struct kmem_cache *s,
			      gfp_t gfp, unsigned order, unsigned nid)
{
	struct page *page = take(ctx, gfp | s->gfp, order, nid);
	unsigned on;

	if (!page)
		return NULL;
	on = node_of(ctx->slab, page);
	mark(page, SLAB_PAGE_HEAD | on << 6 | (uint32_t)s->id << 12, order);
	account(ctx->slab, on, s->flags & SLAB_RECLAIM_ACCOUNT,
		(long)(PAGE_SIZE << order));
	slab_pressure_count(s, on, (long)(PAGE_SIZE << order));
	return page;
}

void slab_pages_free(struct slab_ctx *ctx, struct kmem_cache *s,
		     struct page *slab)
{
	const uint32_t tag = slab_tag(slab);
	const unsigned order = slab_tag_order(tag);

	account(ctx->slab, slab_tag_node(tag), s->flags & SLAB_RECLAIM_ACCOUNT,
		-(long)(PAGE_SIZE << order));
	slab_pressure_count(s, slab_tag_node(tag), -(long)(PAGE_SIZE << order));
	/* whoever still reads an object of it shall notice */
	if (CHECK_LEVEL >= 1)
		memset(slab_page_address(ctx->slab, slab), POISON_FREED,
		       PAGE_SIZE << order);
	unmark(slab, order);
	free_pages(ctx->pages, (pfn_t){ slab_page_pfn(ctx->slab, slab) },
		   order);
}

struct page *slab_large_alloc(struct slab_ctx *ctx, gfp_t gfp, unsigned order,
			      unsigned nid)
{
	struct page *page = take(ctx, gfp, order, nid);
	unsigned on;

	if (!page)
		return NULL;
	on = node_of(ctx->slab, page);
	mark(page, SLAB_PAGE_LARGE | on << 6, order);
	account(ctx->slab, on, false, (long)(PAGE_SIZE << order));
	return page;
}

void slab_large_free(struct slab_ctx *ctx, struct page *page)
{
	const uint32_t tag = slab_tag(page);
	const unsigned order = slab_tag_order(tag);

	account(ctx->slab, slab_tag_node(tag), false,
		-(long)(PAGE_SIZE << order));
	unmark(page, order);
	free_pages(ctx->pages, (pfn_t){ slab_page_pfn(ctx->slab, page) },
		   order);
}
