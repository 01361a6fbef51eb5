/*
 * The page descriptor and lists of frames linked by pfn.
 *
 * struct page is 32 bytes. An all-zero descriptor means "inside a block,
 * nothing to say": only the first page of a block carries state, so booting a
 * machine touches one descriptor per free block and not the whole map.
 */
#ifndef ALLOC_PAGE_PAGE_H
#define ALLOC_PAGE_PAGE_H

#include <stdatomic.h>

#include "alloc/base/base.h"
#include "alloc/page/gfp.h"

enum page_state {
	PAGE_TAIL = 0,  /* inside a block */
	PAGE_BUDDY = 1, /* first page of a block on a free list */
	PAGE_ALLOC = 2, /* first page of a block that was handed out */
	PAGE_PCP = 3,   /* first page of a block on a per-CPU list */
	PAGE_LIMBO = 4, /* freed, not yet given back (deferred engines) */
	PAGE_LRU = 5,   /* handed out and on an LRU list */
};

/*
 * struct page.head, one 32-bit word so that "is the buddy free, of my order
 * and in my zone?" is one load and one compare:
 *   bits 0-3 order | 4-6 state | 7-9 migratetype of its list | 10 compound
 *   | 11 movable (owner can move it) | 16-31 zone->id
 * PAGE_BUDDY is set and cleared only under zone->lock; other CPUs read the
 * word racily while they look for a buddy, hence relaxed atomics.
 */
#define PAGE_HEAD_ORDER    0xfu
#define PAGE_HEAD_STATE    0x70u
#define PAGE_HEAD_MT       0x380u
#define PAGE_HEAD_COMPOUND 0x400u
#define PAGE_HEAD_MOVABLE  0x800u
#define PAGE_HEAD_ZONE     0xffff0000u

struct page {
	union {
		struct {
			_Atomic uint32_t head;
			_Atomic uint32_t refcount; /* 0 free or cached,
						      1 handed out */
		};
		_Atomic uint64_t head_ref; /* both in one store */
	};
	union {
		struct {
			/* pfns, PFN_LIST_END ends; owner of the list's lock */
			uint32_t next, prev;
		};
		uint64_t links; /* both in one store */
	};
	uint32_t owner; /* reverse map slot, or a checked build's owner */
	_Atomic uint32_t link;    /* the engine's */
	_Atomic uint64_t payload; /* the engine's or the owner's */
};
_Static_assert(sizeof(struct page) == 32, "struct page is half a cache line");

ALWAYS_INLINE uint32_t page_head_make(enum page_state state, unsigned order,
				      unsigned mt, unsigned zone_id)
{
	return order | (uint32_t)state << 4 | mt << 7 | zone_id << 16;
}

ALWAYS_INLINE uint32_t page_head(const struct page *page)
{
	/* relaxed: only a hint, or the reader holds the lock of the writer */
	return atomic_load_explicit(&page->head, memory_order_relaxed);
}

ALWAYS_INLINE void page_set_head(struct page *page, uint32_t head)
{
	/* relaxed: see page_head() */
	atomic_store_explicit(&page->head, head, memory_order_relaxed);
}

/* Head word and reference count in one store: a block changes hands. */
ALWAYS_INLINE void page_set_head_ref(struct page *page, uint32_t head,
				     uint32_t refcount)
{
	/* relaxed: see page_head(); the count is that of a block which nobody
	 * else knows */
	atomic_store_explicit(&page->head_ref, head | (uint64_t)refcount << 32,
			      memory_order_relaxed);
}

ALWAYS_INLINE unsigned page_head_order(uint32_t head)
{
	return head & PAGE_HEAD_ORDER;
}

ALWAYS_INLINE enum page_state page_head_state(uint32_t head)
{
	return (enum page_state)((head & PAGE_HEAD_STATE) >> 4);
}

ALWAYS_INLINE unsigned page_head_mt(uint32_t head)
{
	return (head & PAGE_HEAD_MT) >> 7;
}

ALWAYS_INLINE unsigned page_head_zone(uint32_t head)
{
	return head >> 16;
}

/*
 * A list of blocks, linked through struct page. Empty: first == PFN_LIST_END,
 * and last says nothing. `first` is atomic (relaxed) because watermark checks
 * look without the lock whether a list is empty.
 */
struct pfn_list {
	_Atomic uint32_t first;
	uint32_t last;
};

#define PFN_LIST_END UINT32_MAX

#endif
