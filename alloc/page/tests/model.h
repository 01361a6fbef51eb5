/*
 * The oracle: who owns each page. It knows nothing of lists or orders; an
 * allocator that hands out a page twice, a page that is not its own, or takes
 * back another owner's, is found at the first such page.
 */
#ifndef ALLOC_PAGE_TESTS_MODEL_H
#define ALLOC_PAGE_TESTS_MODEL_H

#include "alloc/page/page_alloc.h"

struct model_block {
	pfn_t pfn;
	uint32_t owner;
	unsigned order;
	uint64_t bytes;  /* != 0: taken by the exact form */
	uint32_t frames; /* that the owner has */
};

struct model {
	struct machine *machine;
	uint32_t *owner;           /* [end_pfn], 0: nobody */
	struct model_block *block; /* [max] */
	size_t nr, max;
	uint32_t next_owner;
	uint64_t rng, frames; /* held in all */
};

void model_init(struct model *model, struct machine *m, uint64_t seed);
void model_drop(struct model *model);

/* 0 .. n - 1 */
uint64_t model_random(struct model *model, uint64_t n);

/* Records what was handed out. NULL, or what is wrong with it. */
const char *model_take(struct model *model, struct model_block block);
/* Before a free: the pages must be the owner's. Index i into block[]. */
const char *model_give(struct model *model, size_t i);

/*
 * One random operation through ctx: single, bulk, exact or split allocation of
 * random order and type, or the free of a random block. NULL, or what is
 * wrong.
 */
const char *model_step(struct model *model, struct page_ctx *ctx);
/* Gives everything back, in random order. */
const char *model_free_all(struct model *model, struct page_ctx *ctx);

#endif
