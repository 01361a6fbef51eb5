/*
 * Reclaimable pages: per-node LRU lists, and for each page on them the owner's
 * slot (the reverse map), through which reclaim takes the page away and
 * compaction moves it.
 *
 * The owner keeps a struct owner_slot where a process would have a page table
 * entry. Its word says where the content is:
 *
 *   EMPTY     nothing yet
 *   RESIDENT  in a frame; so many accesses are going on (pins)
 *   SWAPPED   in a slot of the swap device
 *   DROPPED   gone; it was a clean file page, the owner can make it anew
 *   MOVING    one thread alone decides what becomes of it: it reads it back,
 *             writes it out, moves or deletes it. Others wait, or pass by
 *
 * How a workload uses it, each call by the thread that owns ctx:
 *
 *	switch (lru_access(ctx, &slot, &how, &pfn)) {
 *	case LRU_HERE:
 *	case LRU_READ_BACK:     use the frame, then
 *		lru_release(&slot);
 *		break;
 *	case LRU_ABSENT:        (EMPTY or DROPPED: the slot is now yours)
 *		pfn = alloc_pages(ctx, gfp, 0);
 *		if (!pfn_valid(pfn))
 *			lru_cancel(&slot);
 *		else            fill the frame, then
 *			lru_add(ctx, &slot, pfn, LRU_ADD_DIRTY);
 *		break;
 *	default:                -ENOMEM, -EIO: the slot is as it was
 *	}
 *	...
 *	lru_delete(ctx, &slot); at the end: frees the frame or the swap slot
 *
 * From lru_release() or lru_add() on, the frame may be taken at any time; only
 * a pin keeps it where it is. The machine must have reclaim (reclaim.h).
 */
#ifndef ALLOC_PAGE_LRU_H
#define ALLOC_PAGE_LRU_H

#include <stdatomic.h>

#include "alloc/base/lock.h"
#include "alloc/page/machine.h"
#include "alloc/page/vmevent.h"

struct page_ctx;
struct swap;

struct owner_slot {
	_Atomic uint64_t word; /* 0: EMPTY */
};

enum slot_state {
	SLOT_EMPTY,
	SLOT_RESIDENT,
	SLOT_SWAPPED,
	SLOT_DROPPED,
	SLOT_MOVING
};

/* lru_access.flags */
#define LRU_WRITE 0x1u /* the content will change: the page becomes dirty */

struct lru_access {
	gfp_t gfp; /* of the frame that a swapped page is read back to */
	unsigned flags;
	/* The caller's, order 0, to be that frame; NULL: one is allocated.
	 * LRU_READ_BACK: it was taken; otherwise it is still the caller's. */
	const pfn_t *frame;
};

enum lru_result { LRU_HERE, LRU_READ_BACK, LRU_ABSENT };

/* lru_add flags */
#define LRU_ADD_FILE 0x1u /* page cache; else anonymous */
#define LRU_ADD_DIRTY                                       \
	0x2u /* file: must be written before it is dropped. \
		Anonymous pages are always dirty at first */

/*
 * LRU_HERE, LRU_READ_BACK: *pfn holds the content, with a pin. LRU_ABSENT: the
 * caller owns the slot until lru_add() or lru_cancel(). -ENOMEM: no frame to
 * read back to; -EIO: swap could not be read (or was read wrong): the slot is
 * as before, the content still there. Waits while another thread moves the
 * page. May reclaim (as a.gfp permits). The caller holds no other pin when it
 * can wait for itself that way.
 */
int lru_access(struct page_ctx *ctx, struct owner_slot *slot,
	       const struct lru_access *a, pfn_t *pfn) MUST_CHECK;
/* Gives up the pin of lru_access(). */
void lru_release(struct owner_slot *slot);

/* After LRU_ABSENT: the slot owns the order-0 frame, which is put on the
 * inactive list of its node. The caller has the only reference. */
void lru_add(struct page_ctx *ctx, struct owner_slot *slot, pfn_t pfn,
	     unsigned flags);
/* After LRU_ABSENT: the slot is EMPTY or DROPPED again. */
void lru_cancel(struct owner_slot *slot);

/* Takes whatever the slot has and frees it; afterwards it is EMPTY. Waits for
 * pins of other threads. */
void lru_delete(struct page_ctx *ctx, struct owner_slot *slot);

/* What the slot is now; a hint. */
enum slot_state lru_slot_state(const struct owner_slot *slot);

/* --- for reclaim, compaction and statistics ------------------------------ */

enum lru_list {
	LRU_INACTIVE_ANON,
	LRU_ACTIVE_ANON,
	LRU_INACTIVE_FILE,
	LRU_ACTIVE_FILE,
	LRU_UNEVICTABLE, /* i386: anonymous pages of low memory */
	NR_LRU_LISTS
};

/* An active list is the one behind its inactive list. */
#define LRU_ACTIVE 1u
#define LRU_FILE   2u

/*
 * What a page on an LRU list has beside its struct page, by pfn. Not in struct
 * page, of which engines may keep nothing for frames that are handed out.
 */
struct lru_page {
	struct owner_slot *slot; /* lru_node.lock, or who has the slot MOVING */
	uint32_t next, prev;     /* lru_node.lock; pfns */
	uint32_t backing; /* swap slot + 1 that has this content, 0: none; who
			     has the slot MOVING */
	_Atomic uint32_t flags; /* LRU_PAGE_*, zone->id << 16 */
};

#define LRU_PAGE_LIST     0x7u  /* enum lru_list; lru_node.lock */
#define LRU_PAGE_LISTED   0x8u  /* on that list; lru_node.lock */
#define LRU_PAGE_ACCESSED 0x10u /* used since the last scan ("young") */
#define LRU_PAGE_MARKED   0x20u /* was found used once (PG_referenced) */
#define LRU_PAGE_DIRTY    0x40u /* differs from its backing */
#define LRU_PAGE_ZONE     16    /* shift */

struct lru_node {
	struct spinlock lock;
	struct {
		uint32_t first, last; /* lock; pfns, PFN_LIST_END */
	} list[NR_LRU_LISTS];
	_Atomic long nr[NR_LRU_LISTS]; /* pages; written under lock */
	/* lock: how often pages of a kind were written or came back, the
	   weights by which anonymous and file lists share the scanning */
	uint64_t anon_cost, file_cost;
	_Atomic uint64_t age;         /* evictions and activations so far */
	_Atomic uint64_t refaults[2]; /* activated on coming back: anon, file */
	_Atomic uint64_t returns[2];  /* that came back: anon, file */
	_Atomic uint64_t written;     /* by reclaim, pages */
} CACHELINE;

struct lru {
	struct machine *machine;
	struct lru_page *page; /* [end_pfn], reserved and zero */
	size_t page_bytes;
	struct lru_node *node; /* [nr_nodes] */
	_Atomic long *zone_nr; /* [nr_zones][NR_LRU_LISTS] pages */
	struct swap *swap;     /* NULL: none */
	struct vm_events *events;
	unsigned age_shift; /* an eviction's age is kept in units of 2^this */
};

/* 0 or -ENOMEM. swap may be NULL; events is the caller's. */
int lru_create(struct lru *lru, struct machine *m, struct swap *swap,
	       struct vm_events *events) MUST_CHECK;
/* Every slot has been deleted. */
void lru_destroy(struct lru *lru);

/* NULL, or the broken invariant: links, counts, slots that name other frames.
 * No other thread uses the lists. */
const char *lru_verify(struct lru *lru);

ALWAYS_INLINE long lru_node_pages(const struct lru *lru, unsigned nid,
				  unsigned list)
{
	/* relaxed: a statistic */
	return atomic_load_explicit(&lru->node[nid].nr[list],
				    memory_order_relaxed);
}

ALWAYS_INLINE long lru_zone_pages(const struct lru *lru, unsigned zone_id,
				  unsigned list)
{
	/* relaxed: a statistic */
	return atomic_load_explicit(
		&lru->zone_nr[zone_id * NR_LRU_LISTS + list],
		memory_order_relaxed);
}

/* For reclaim and compaction: relaxed, bits that accessors set at any time. */
ALWAYS_INLINE uint32_t lru_flags(const struct lru_page *page)
{
	/* relaxed: see there */
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

/* Unlinks and relinks a listed page; at the head, or at the tail. */
void lru_unlink(struct lru *lru, struct lru_node *n, uint32_t pfn)
	REQUIRES(n->lock);
void lru_link(struct lru *lru, struct lru_node *n, uint32_t pfn, unsigned list)
	REQUIRES(n->lock);
void lru_rotate(struct lru *lru, struct lru_node *n, uint32_t pfn)
	REQUIRES(n->lock);

/*
 * Makes the slot of a listed page MOVING if nobody uses it. The page is the
 * caller's then: it unlinks it and ends with one of the lru_moved_*() or
 * lru_putback(). Needs the node's lock, which keeps the slot's memory.
 */
bool lru_claim(struct lru *lru, struct lru_node *n, uint32_t pfn)
	REQUIRES(n->lock);

/* Ends of a claim; the page is unlinked. No lock held.
 * putback: on `list` again, RESIDENT. dropped, swapped: the frame belongs to
 * nobody any more and is the caller's to free. moved: the content was copied
 * to the frame `to`, which takes the page's place. */
void lru_putback(struct lru *lru, uint32_t pfn, unsigned list);
void lru_moved_out(struct lru *lru, uint32_t pfn, bool swapped);
void lru_moved_to(struct lru *lru, uint32_t pfn, uint32_t to);

/* nr pages of the node became active, which ages those that were evicted. */
ALWAYS_INLINE void lru_age(struct lru_node *n, uint64_t nr)
{
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(&n->age, nr, memory_order_relaxed);
}

/* Frames that are claimed or read back count nr pages of I/O against their
 * kind. */
void lru_note_cost(struct lru_node *n, bool file, uint64_t nr)
	REQUIRES(n->lock);

#endif
