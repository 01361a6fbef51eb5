/*
 * Reclaimable pages of a worker: each belongs to an owner slot (lru.h), so that
 * reclaim may take it away and compaction move it, and each says whose it is.
 *
 * Content. Every word of a page is made from the page's number, the worker and
 * a generation, which each write raises. At each use the whole page is held
 * against what was written last. A page that is not as it was left is counted
 * and the first one remembered; owned_wrong() makes the line that fails the
 * repetition.
 *
 * Frames are asked for by the loop, through the probe, also those that a page
 * is read back to from swap: an allocation is a sample of its own, without the
 * device. Each worker uses pages of its own only, so generations need no lock.
 */
#ifndef WORKLOADS_LIB_OWNED_H
#define WORKLOADS_LIB_OWNED_H

#include <errno.h>

#include "alloc/page/lru.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"

struct owned_page {
	struct owner_slot slot;
	uint64_t generation; /* of the content, 0: none yet */
};

/* What happened to them; sums over all windows. */
struct owned_tally {
	uint64_t uses;
	uint64_t made;      /* content made: first use, or dropped before */
	uint64_t read_back; /* from swap */
	uint64_t no_frame;  /* uses that found no frame */
	uint64_t io_errors; /* swap could not be read; tried again later */
	uint64_t wrong;     /* pages that were not as they were left */
	/* the first one of those */
	uint64_t wrong_page, wrong_word, wrong_is, wrong_was, wrong_generation;
	uint32_t wrong_pfn;
};

struct owned {
	uint64_t nr;
	size_t bytes; /* of this mapping */
	uint64_t at;  /* the loop's position, kept between windows */
	uint16_t worker;
	struct owned_tally tally;
	void *more; /* the workload's, malloc()ed; freed by owned_cleanup() */
	struct owned_page page[];
};

/* One use. */
struct owned_use {
	unsigned flags; /* LRU_ADD_FILE: page cache, made anew when dropped */
	bool write;     /* a new generation */
	uint32_t work;  /* times that the content is read after that */
};

/* What stands in word i of a page. */
ALWAYS_INLINE uint64_t owned_word(uint64_t key, unsigned i)
{
	return key + i * RNG_GAMMA;
}

ALWAYS_INLINE uint64_t owned_key(const struct owned *o, uint64_t i)
{
	return rng_mix((uint64_t)o->worker << 48 ^ i) ^
	       rng_mix(~o->page[i].generation);
}

/*
 * nr pages without content, in w->priv, where owned_teardown() and
 * owned_cleanup() find them. The machine must have reclaim. 0 or -errno.
 */
int owned_create(struct worker *w, uint64_t nr) MUST_CHECK;
/* The worker's share of `percent` of the machine, at least one page. */
uint64_t owned_share(const struct worker *w, unsigned percent);

/* Hooks. teardown: gives every page back. cleanup: of all workers; until then
 * the tallies may be read. */
void owned_teardown(struct worker *w);
void owned_cleanup(struct team *team);

/* Sums over the team. */
void owned_sum(const struct team *team, struct owned_tally *out);
/* As workload.verify. */
const char *owned_verify(const struct team *team);
/* refaults, swap-ins and failures of a sum as metrics; how many, <= 4. */
unsigned owned_report(const struct team *team, struct workload_metric *out);

/* By owned_use(). The frame's content by its owner: written; looked at and, if
 * asked for, written again; read over. HIGHMEM through a window. */
void owned_fill(struct page_ctx *ctx, struct owned *o, uint64_t i, pfn_t pfn);
void owned_look(struct page_ctx *ctx, struct owned *o, uint64_t i, pfn_t pfn,
		const struct owned_use *use);

/* The page has no frame, and the slot is ours. */
ALWAYS_INLINE bool owned_make(const struct page_ops *const ops,
			      struct worker *w, uint64_t i,
			      const struct owned_use *use,
			      const enum probe probe)
{
	struct owned *o = w->priv;
	struct owned_page *page = &o->page[i];
	const pfn_t pfn = probed_alloc(ops, w, GFP_HIGHUSER_MOVABLE, 0, probe);

	if (unlikely(!pfn_valid(pfn))) {
		lru_cancel(&page->slot);
		o->tally.no_frame++;
		return false;
	}
	page->generation += use->write || !page->generation;
	owned_fill(w->ctx, o, i, pfn);
	lru_add(w->ctx, &page->slot, pfn,
		use->flags | (use->write ? LRU_ADD_DIRTY : 0));
	o->tally.made++;
	return true;
}

/*
 * One use of page i of the worker: brings it in, holds its content against what
 * it must be, and writes a new one if asked for. False: no frame, or swap could
 * not be read; the page is as it was.
 */
ALWAYS_INLINE bool owned_use(const struct page_ops *const ops, struct worker *w,
			     uint64_t i, const struct owned_use *use,
			     const enum probe probe)
{
	struct owned *o = w->priv;
	struct owned_page *page = &o->page[i];
	const bool swapped = lru_slot_state(&page->slot) == SLOT_SWAPPED;
	pfn_t frame = PFN_NONE, pfn = PFN_NONE;
	const struct lru_access how = { .gfp = GFP_HIGHUSER_MOVABLE,
					.flags = use->write ? LRU_WRITE : 0,
					.frame = swapped ? &frame : NULL };
	int r;

	o->tally.uses++;
	if (swapped) {
		frame = probed_alloc(ops, w, GFP_HIGHUSER_MOVABLE, 0, probe);
		if (unlikely(!pfn_valid(frame))) {
			o->tally.no_frame++;
			return false;
		}
	}
	r = lru_access(w->ctx, &page->slot, &how, &pfn);
	if (unlikely(swapped && r != LRU_READ_BACK))
		probed_free(ops, w, frame, 0, probe);
	if (r == LRU_ABSENT)
		return owned_make(ops, w, i, use, probe);
	if (unlikely(r < 0)) {
		o->tally.no_frame += r == -ENOMEM;
		o->tally.io_errors += r != -ENOMEM;
		return false;
	}
	o->tally.read_back += r == LRU_READ_BACK;
	owned_look(w->ctx, o, i, pfn, use);
	lru_release(&page->slot);
	return true;
}

/* The page after the last one, round and round; page cache, `dirty` percent of
 * which are written to. */
ALWAYS_INLINE bool owned_stream(const struct page_ops *const ops,
				struct worker *w, unsigned dirty, uint32_t work,
				const enum probe probe)
{
	const struct owned_use use = {
		.flags = LRU_ADD_FILE,
		.write = rng_below(&w->rng, 100) < dirty,
		.work = work,
	};
	struct owned *o = w->priv;
	const uint64_t i = o->at;

	o->at = i + 1 < o->nr ? i + 1 : 0;
	return owned_use(ops, w, i, &use, probe);
}

#endif
