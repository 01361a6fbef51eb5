/*
 * Pages of the slab layer: taken from the page engine, marked in struct page,
 * counted per node. Slabs: slab_pages_alloc() and _free() in engine.h.
 */
#ifndef ALLOC_SLAB_PAGES_H
#define ALLOC_SLAB_PAGES_H

#include "alloc/slab/engine.h"

/* A large kmalloc block; NULL: none. */
struct page *slab_large_alloc(struct slab_ctx *ctx, gfp_t gfp, unsigned order,
			      unsigned nid);
void slab_large_free(struct slab_ctx *ctx, struct page *page);

#endif
