/*
 * The audit of a repetition. See audit.h. It sees an engine as any caller
 * does, through alloc_pages() and free_pages(), and the free lists as they
 * stand in the zones.
 */
#include "harness/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc/page/page_alloc.h"
#include "workloads/lib/rng.h"

static int compare_blocks(const void *pa, const void *pb)
{
	const struct free_block *a = pa, *b = pb;

	return (a->pfn > b->pfn) - (a->pfn < b->pfn);
}

static uint64_t count_blocks(const struct machine *m)
{
	uint64_t nr = 0;

	for (unsigned z = 0; z < m->nr_zones; z++)
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			/* relaxed: nobody else runs */
			nr += atomic_load_explicit(
				&m->zone[z].free_area[o].nr_free,
				memory_order_relaxed);
	return nr;
}

/* Appends one list; -EIO where it holds more than room is left for. */
static int take_list(struct free_state *s, const struct machine *m,
		     const struct pfn_list *list, unsigned order, uint64_t room)
{
	for (uint32_t pfn = list->first; pfn != UINT32_MAX;
	     pfn = m->map[pfn].next) {
		if (s->nr == room || pfn >= m->end_pfn)
			return -EIO;
		s->block[s->nr++] = (struct free_block){ pfn, order };
		s->pages += 1ULL << order;
	}
	return 0;
}

/* Appends the blocks that are on no list yet; see struct zone. */
static int take_unlinked(struct free_state *s, const struct zone *zone,
			 uint64_t room)
{
	for (uint32_t pfn = zone->boot_next; pfn != zone->boot_end;
	     pfn += 1u << MAX_PAGE_ORDER) {
		if (s->nr == room)
			return -EIO;
		s->block[s->nr++] = (struct free_block){ pfn, MAX_PAGE_ORDER };
		s->pages += 1ULL << MAX_PAGE_ORDER;
	}
	return 0;
}

int free_state_take(struct free_state *s, const struct machine *m)
{
	const uint64_t room = count_blocks(m);
	int r = 0;

	*s = (struct free_state){ NULL, 0, 0 };
	s->block = malloc((room + 1) * sizeof(*s->block));
	if (!s->block)
		return -ENOMEM;
	for (unsigned z = 0; z < m->nr_zones; z++)
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			for (unsigned mt = 0; mt < NR_MIGRATETYPES && !r; mt++)
				r = take_list(s, m,
					      &m->zone[z].free_area[o].list[mt],
					      o, room);
	for (unsigned z = 0; z < m->nr_zones && !r; z++)
		r = take_unlinked(s, &m->zone[z], room);
	if (r)
		return r;
	qsort(s->block, s->nr, sizeof(*s->block), compare_blocks);
	return s->nr == room ? 0 : -EIO;
}

void free_state_drop(struct free_state *s)
{
	free(s->block);
	*s = (struct free_state){ NULL, 0, 0 };
}

bool free_state_same(const struct free_state *before,
		     const struct free_state *after, bool merged, char *err,
		     size_t err_len)
{
	if (before->pages != after->pages) {
		snprintf(err, err_len,
			 "%" PRIu64 " pages free at the start, %" PRIu64
			 " after the drain",
			 before->pages, after->pages);
		return false;
	}
	for (uint64_t i = 0; merged && i < before->nr && i < after->nr; i++) {
		const struct free_block *a = &before->block[i],
					*b = &after->block[i];

		if (a->pfn == b->pfn && a->order == b->order)
			continue;
		snprintf(err, err_len,
			 "free block %" PRIu64 " was frame %u order %u, is "
			 "frame %u order %u",
			 i, a->pfn, a->order, b->pfn, b->order);
		return false;
	}
	return true;
}

/* A bit a frame: somebody has it. */
struct owners {
	uint64_t *word;
	size_t bytes;
};

static void disown(struct owners *o, struct free_block b)
{
	for (uint64_t pfn = b.pfn; pfn < b.pfn + (1ULL << b.order); pfn++)
		o->word[pfn / 64] &= ~(1ULL << pfn % 64);
}

static bool own(struct owners *o, uint32_t pfn)
{
	uint64_t *word = &o->word[pfn / 64], bit = 1ULL << pfn % 64;

	if (*word & bit)
		return false;
	*word |= bit;
	return true;
}

/* Enters a block; NULL, or the rule that it breaks. */
static const char *enter_block(struct owners *o, const struct machine *m,
			       struct free_block b)
{
	const uint64_t end = b.pfn + (1ULL << b.order);
	const struct zone *zone;

	if (b.pfn & ((1U << b.order) - 1))
		return "is not aligned to its size";
	if (end > m->end_pfn)
		return "lies beyond the machine";
	zone = machine_zone_of(m, b.pfn);
	if (!zone || b.pfn < zone->start_pfn ||
	    end > zone->start_pfn + zone->spanned)
		return "does not lie inside one zone";
	for (uint64_t pfn = b.pfn; pfn < end; pfn++)
		if (!own(o, (uint32_t)pfn))
			return "overlaps one that was handed out before";
	return NULL;
}

/* The blocks of an audit while they are held. */
struct holdings {
	struct page_ctx *ctx;
	struct free_block *block;
	unsigned nr;
	struct owners owners;
	uint64_t rng;
};

static int fill(struct holdings *h, gfp_t gfp, unsigned want, char *err,
		size_t err_len)
{
	while (h->nr < want) {
		unsigned order = (unsigned)rng_below(&h->rng, NR_PAGE_ORDERS);
		struct free_block *b = &h->block[h->nr];
		const char *broken;
		pfn_t pfn = alloc_pages(h->ctx, gfp, order);

		if (!pfn_valid(pfn))
			break;
		*b = (struct free_block){ pfn.v, order };
		h->nr++;
		broken = enter_block(&h->owners, h->ctx->machine, *b);
		if (!broken)
			continue;
		snprintf(err, err_len, "frame %u order %u %s", b->pfn, order,
			 broken);
		return -EIO;
	}
	return 0;
}

static void give_back(struct holdings *h)
{
	for (unsigned i = h->nr; i > 1; i--) {
		unsigned j = (unsigned)rng_below(&h->rng, i);
		struct free_block t = h->block[i - 1];

		h->block[i - 1] = h->block[j];
		h->block[j] = t;
	}
	for (; h->nr; h->nr--) {
		struct free_block b = h->block[h->nr - 1];

		disown(&h->owners, b);
		free_pages(h->ctx, (pfn_t){ b.pfn }, b.order);
	}
}

/* Rounds until enough was taken, or nothing is to be had. */
static int take_rounds(struct holdings *h, const struct audit_request *rq,
		       unsigned *blocks, char *err, size_t err_len)
{
	unsigned taken;
	int r;

	*blocks = 0;
	do {
		r = fill(h, rq->gfp, rq->want, err, err_len);
		taken = h->nr;
		*blocks += taken;
		/* after a broken rule a free could only do more harm */
		if (!r)
			give_back(h);
	} while (!r && taken && *blocks < rq->total);
	return r;
}

int audit_blocks(struct page_ctx *ctx, const struct audit_request *rq,
		 unsigned *blocks, char *err, size_t err_len)
{
	struct holdings h = {
		.ctx = ctx,
		.block = calloc(rq->want, sizeof(*h.block)),
		.owners.bytes = ctx->machine->end_pfn / 8 + 8,
		.rng = rng_seed(rq->seed, UINT32_MAX),
	};
	int r = -ENOMEM;

	*blocks = 0;
	h.owners.word =
		mmap(NULL, h.owners.bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (h.block && h.owners.word != MAP_FAILED)
		r = take_rounds(&h, rq, blocks, err, err_len);
	else
		snprintf(err, err_len, "no memory for the audit");
	if (h.owners.word != MAP_FAILED)
		munmap(h.owners.word, h.owners.bytes);
	free(h.block);
	return r;
}
