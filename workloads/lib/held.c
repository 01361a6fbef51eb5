/* Lists of held blocks, all of it outside the measured window. */
#include "workloads/lib/held.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *list_map(size_t bytes)
{
	void *list = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return list == MAP_FAILED ? NULL : list;
}

int held_reserve(struct worker *w, uint64_t capacity)
{
	size_t bytes =
		sizeof(struct held) + capacity * sizeof(struct held_block);
	struct held *held = list_map(bytes);

	if (!held)
		return -ENOMEM;
	held->bytes = bytes;
	w->priv = held;
	return 0;
}

int held_create(struct worker *w, uint64_t nr)
{
	struct held *held;
	int ret = held_reserve(w, nr);

	if (ret)
		return ret;
	held = w->priv;
	held->nr = nr;
	for (uint64_t i = 0; i < nr; i++)
		held->block[i].pfn = PFN_NONE;
	return 0;
}

void held_teardown(struct worker *w)
{
	struct held *held = w->priv;

	if (!held)
		return;
	for (uint64_t i = 0; i < held->nr; i++)
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
	for (uint64_t i = 0; i < held->nr; i++) {
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

/* Blocks by address, empty slots (the largest pfn of all) last. */
static void held_sort(struct held *held)
{
	qsort(held->block, held->nr, sizeof(held->block[0]), block_compare);
}

/* Whether b[0] and b[1] of a sorted list are the halves of one block. */
static bool are_buddies(const struct held_block *b)
{
	return pfn_valid(b[1].pfn) && b[0].order == b[1].order &&
	       (b[0].pfn.v ^ b[1].pfn.v) == 1u << b[0].order;
}

static void block_release(struct worker *w, struct held_block *b)
{
	free_pages(w->ctx, b->pfn, b->order);
	b->pfn = PFN_NONE;
}

int held_with_free_buddies(struct worker *w, uint32_t nr)
{
	uint32_t pairs = 0;
	struct held *held;
	int ret;

	if (!nr || w->params->order >= MAX_PAGE_ORDER)
		return 0;
	/* neighbours come out together: nr pairs are in twice as many, and the
	 * last two make up for an odd first block */
	ret = held_fill(w, 2ULL * nr + 2);
	if (ret)
		return ret;
	held = w->priv;
	held_sort(held);
	for (uint64_t i = 0; i + 1 < held->nr; i++) {
		struct held_block *b = &held->block[i];

		if (!are_buddies(b))
			continue;
		block_release(w, &b[1]);
		/* pairs that are not wanted go back whole and merge */
		if (++pairs > nr)
			block_release(w, &b[0]);
		i++;
	}
	return 0;
}

void held_choose_paired(struct held *held)
{
	held_sort(held);
	held->at = 0;
	for (uint64_t i = 0; i + 1 < held->nr; i++)
		if (are_buddies(&held->block[i])) {
			held->at = i;
			return;
		}
}

int frames_create(struct worker *w, uint32_t nr, unsigned order)
{
	size_t bytes = sizeof(struct frames) +
		       (size_t)nr * (sizeof(pfn_t) + sizeof(uint32_t));
	struct frames *frames = list_map(bytes);

	if (!frames)
		return -ENOMEM;
	frames->nr = nr;
	frames->order = order;
	frames->bytes = bytes;
	frames->index = (uint32_t *)&frames->pfn[nr];
	for (uint32_t i = 0; i < nr; i++) {
		frames->pfn[i] = PFN_NONE;
		frames->index[i] = i;
	}
	w->priv = frames;
	return 0;
}

void frames_teardown(struct worker *w)
{
	struct frames *frames = w->priv;

	if (!frames)
		return;
	for (uint32_t i = 0; i < frames->nr; i++)
		if (pfn_valid(frames->pfn[i]))
			free_pages(w->ctx, frames->pfn[i], frames->order);
	munmap(frames, frames->bytes);
	w->priv = NULL;
}
