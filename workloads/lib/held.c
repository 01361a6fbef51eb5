/* Lists of held blocks, all of it outside the measured window. */
#include "workloads/lib/held.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

int held_create(struct worker *w, uint64_t nr)
{
	size_t bytes = sizeof(struct held) + nr * sizeof(struct held_block);
	struct held *held = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (held == MAP_FAILED)
		return -ENOMEM;
	held->nr = (uint32_t)nr;
	held->bytes = bytes;
	for (uint64_t i = 0; i < nr; i++)
		held->block[i].pfn = PFN_NONE;
	w->priv = held;
	return 0;
}

void held_teardown(struct worker *w)
{
	struct held *held = w->priv;

	if (!held)
		return;
	for (uint32_t i = 0; i < held->nr; i++)
		if (pfn_valid(held->block[i].pfn))
			free_pages(w->ctx, held->block[i].pfn,
				   held->block[i].order);
	munmap(held, held->bytes);
	w->priv = NULL;
}

int held_fill(struct worker *w, uint64_t nr)
{
	struct held *held;
	int ret = held_create(w, nr);

	if (ret)
		return ret;
	held = w->priv;
	for (uint32_t i = 0; i < held->nr; i++) {
		struct held_block *b = &held->block[i];

		b->order = w->params->order;
		b->pfn = alloc_pages(w->ctx, w->params->gfp, b->order);
		if (!pfn_valid(b->pfn))
			w->ops_failed++;
	}
	return 0;
}

static int block_compare(const void *a, const void *b)
{
	uint32_t x = ((const struct held_block *)a)->pfn.v;
	uint32_t y = ((const struct held_block *)b)->pfn.v;

	return (x > y) - (x < y);
}

int held_with_free_buddies(struct worker *w, uint32_t nr)
{
	const unsigned order = w->params->order;
	uint32_t pairs = 0;
	struct held *held;
	int ret;

	if (!nr || order >= MAX_PAGE_ORDER)
		return 0;
	/* neighbours come out together: twice as many hold nr pairs, and a
	 * few more where the first ones were odd */
	ret = held_fill(w, 2ULL * nr + 2);
	if (ret)
		return ret;
	held = w->priv;
	qsort(held->block, held->nr, sizeof(held->block[0]), block_compare);
	for (uint32_t i = 0; i + 1 < held->nr; i++) {
		struct held_block *b = &held->block[i];

		if (!pfn_valid(b[1].pfn) ||
		    (b[0].pfn.v ^ b[1].pfn.v) != 1u << order)
			continue;
		/* pairs that are not wanted go back whole and merge */
		free_pages(w->ctx, b[1].pfn, order);
		b[1].pfn = PFN_NONE;
		if (pairs++ >= nr) {
			free_pages(w->ctx, b[0].pfn, order);
			b[0].pfn = PFN_NONE;
		}
		i++;
	}
	return 0;
}
