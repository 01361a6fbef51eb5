#include "alloc/page/tests/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/base/check.h"
#include "alloc/base/tests/xorshift.h"

#define MODEL_BULK 48u

static char text[160];

void model_init(struct model *model, struct machine *m, uint64_t seed)
{
	memset(model, 0, sizeof(*model));
	model->machine = m;
	model->owner = calloc(m->end_pfn, sizeof(*model->owner));
	model->max = 1 << 16;
	model->block = malloc(model->max * sizeof(*model->block));
	model->rng = seed * 0x9e3779b97f4a7c15ULL + 1;
	model->next_owner = 1;
	check(model->owner && model->block, "not enough memory");
}

void model_drop(struct model *model)
{
	free(model->owner);
	free(model->block);
}

uint64_t model_random(struct model *model, uint64_t n)
{
	return xorshift_below(&model->rng, n);
}

const char *model_take(struct model *model, struct model_block b)
{
	const struct machine *m = model->machine;

	check(model->nr < model->max, "the model is full");
	b.owner = model->next_owner++;
	for (uint32_t i = 0; i < b.frames; i++) {
		uint64_t pfn = (uint64_t)b.pfn.v + i;

		if (pfn >= m->end_pfn || !machine_zone_of(m, pfn)) {
			snprintf(text, sizeof(text), "pfn %llu is in no zone",
				 (unsigned long long)pfn);
			return text;
		}
		if (model->owner[pfn]) {
			snprintf(text, sizeof(text),
				 "pfn %llu handed to owner %u is owner %u's",
				 (unsigned long long)pfn, b.owner,
				 model->owner[pfn]);
			return text;
		}
		model->owner[pfn] = b.owner;
	}
	if (b.pfn.v & ((1u << b.order) - 1))
		return "a block is not aligned to its order";
	model->block[model->nr++] = b;
	model->frames += b.frames;
	return NULL;
}

const char *model_give(struct model *model, size_t i)
{
	const struct model_block b = model->block[i];

	for (uint32_t p = b.pfn.v; p < b.pfn.v + b.frames; p++) {
		if (model->owner[p] != b.owner) {
			snprintf(text, sizeof(text),
				 "pfn %u of owner %u is owner %u's", p, b.owner,
				 model->owner[p]);
			return text;
		}
		model->owner[p] = 0;
	}
	model->frames -= b.frames;
	model->block[i] = model->block[--model->nr];
	return NULL;
}

static gfp_t random_gfp(struct model *model)
{
	static const gfp_t masks[] = {
		GFP_KERNEL,
		GFP_NOWAIT,
		GFP_ATOMIC,
		GFP_HIGHUSER_MOVABLE,
		GFP_KERNEL | GFP_BIT_RECLAIMABLE,
		GFP_KERNEL | GFP_BIT_DMA32,
		GFP_NOWAIT | GFP_BIT_COMP,
		GFP_DMA,
		GFP_HIGHUSER_MOVABLE | GFP_BIT_THISNODE,
	};

	return masks[model_random(model, ARRAY_SIZE(masks))];
}

/* Small orders are likely, the largest possible. */
static unsigned random_order(struct model *model)
{
	unsigned order = 0;

	while (order < MAX_PAGE_ORDER && model_random(model, 3))
		order++;
	return model_random(model, 2) ? order : 0;
}

static const char *step_alloc(struct model *model, struct page_ctx *ctx)
{
	const unsigned order = random_order(model);
	const gfp_t gfp = random_gfp(model);
	const unsigned nid =
		(unsigned)model_random(model, ctx->machine->desc.topo.nr_nodes);
	pfn_t pfn = alloc_pages_node(ctx, nid, gfp, order);
	const char *wrong;

	if (!pfn_valid(pfn))
		return NULL;
	if (order && !(gfp & GFP_BIT_COMP) && !model_random(model, 4)) {
		split_page(ctx, pfn, order);
		for (uint32_t i = 0; i < 1u << order; i++) {
			wrong = model_take(model, (struct model_block){
							  .pfn = { pfn.v + i },
							  .frames = 1 });
			if (wrong)
				return wrong;
		}
		return NULL;
	}
	return model_take(model, (struct model_block){ .pfn = pfn,
						       .order = order,
						       .frames = 1u << order });
}

static const char *step_exact(struct model *model, struct page_ctx *ctx)
{
	const uint64_t bytes =
		1 +
		model_random(model, PAGE_SIZE << (model_random(model, 4)
							  ? 4
							  : MAX_PAGE_ORDER));
	pfn_t pfn = alloc_pages_exact(ctx, random_gfp(model), bytes);

	if (!pfn_valid(pfn))
		return NULL;
	return model_take(
		model, (struct model_block){
			       .pfn = pfn,
			       .order = order_of_bytes(bytes),
			       .bytes = bytes,
			       .frames = (uint32_t)((bytes + PAGE_SIZE - 1) >>
						    PAGE_SHIFT) });
}

static const char *step_bulk(struct model *model, struct page_ctx *ctx)
{
	pfn_t pfn[MODEL_BULK];
	const unsigned n = 1 + (unsigned)model_random(model, MODEL_BULK);
	unsigned got;

	for (unsigned i = 0; i < n; i++)
		pfn[i] = PFN_NONE;
	got = alloc_pages_bulk(ctx, random_gfp(model), n, pfn);
	for (unsigned i = 0; i < n; i++) {
		const char *wrong;

		if (pfn_valid(pfn[i]) != (i < got))
			return "bulk: the count is not that of filled slots";
		if (i >= got)
			continue;
		wrong = model_take(model, (struct model_block){ .pfn = pfn[i],
								.frames = 1 });
		if (wrong)
			return wrong;
	}
	return NULL;
}

static const char *give_random(struct model *model, struct page_ctx *ctx)
{
	const size_t i = model_random(model, model->nr);
	const struct model_block b = model->block[i];
	const char *wrong = model_give(model, i);

	if (wrong)
		return wrong;
	if (b.bytes)
		free_pages_exact(ctx, b.pfn, b.bytes);
	else
		free_pages(ctx, b.pfn, b.order);
	return NULL;
}

/* Single frames, several at a time. */
static const char *give_bulk(struct model *model, struct page_ctx *ctx)
{
	pfn_t pfn[MODEL_BULK];
	unsigned n = 0;

	for (size_t i = model->nr; i-- > 0 && n < MODEL_BULK;) {
		const struct model_block b = model->block[i];
		const char *wrong;

		if (b.order || b.bytes)
			continue;
		wrong = model_give(model, i);
		if (wrong)
			return wrong;
		pfn[n++] = b.pfn;
	}
	free_pages_bulk(ctx, n, pfn);
	return NULL;
}

const char *model_step(struct model *model, struct page_ctx *ctx)
{
	const bool full = model->nr + 2048 > model->max;

	if (model->nr && (full || model_random(model, 100) < 50))
		return model_random(model, 30) ? give_random(model, ctx)
					       : give_bulk(model, ctx);
	switch (model_random(model, 8)) {
	case 0:
		return step_bulk(model, ctx);
	case 1:
		return step_exact(model, ctx);
	default:
		return step_alloc(model, ctx);
	}
}

const char *model_free_all(struct model *model, struct page_ctx *ctx)
{
	const char *wrong = NULL;

	while (!wrong && model->nr)
		wrong = give_random(model, ctx);
	return wrong;
}
