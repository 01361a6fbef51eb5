/*
 * Addresses of a range, given out in areas of whole pages: first fit from the
 * lowest address, as Linux gives out its vmalloc addresses. Plain data without
 * a lock of its own; vmalloc.c holds one around every call but vmap_area_new()
 * and vmap_area_drop().
 */
#ifndef ALLOC_PAGE_VMAP_AREA_H
#define ALLOC_PAGE_VMAP_AREA_H

#include "alloc/base/base.h"

enum vmap_state {
	VMAP_FREE,
	VMAP_MADE,  /* taken; not in use yet */
	VMAP_BUSY,  /* somebody's */
	VMAP_DYING, /* being given back: its addresses are not free yet */
};

/*
 * Pages [start, start + pages) of the range. The areas of a range, free ones
 * included, lie side by side and no two free ones are neighbours; they are
 * linked by address and form a treap: a search tree by address, a heap by
 * prio, whose random values keep it shallow.
 *
 * largest == max over the subtree of pages of the areas that are VMAP_FREE
 */
struct vmap_area {
	uint64_t start, pages;
	enum vmap_state state;
	uint32_t prio;
	uint64_t largest;
	struct vmap_area *left, *right, *prev, *next;
	/* the user's; says nothing in a free area */
	uint32_t nr;   /* frames, less than pages: the rest are guards */
	uint32_t runs; /* mappings that they are in */
	pfn_t *pfn;    /* [nr] */
};

struct vmap_range {
	struct vmap_area *root, *first;
	uint64_t pages;
	uint64_t rng; /* of the priorities */
};

/* An area that is in no range yet; NULL: out of memory. */
struct vmap_area *vmap_area_new(void);
/* It and its array of pfns; NULL is left alone. */
void vmap_area_drop(struct vmap_area *area);

/* `whole`, from vmap_area_new(), becomes the only area: free, `pages` long. */
void vmap_range_init(struct vmap_range *range, struct vmap_area *whole,
		     uint64_t pages);
/* Drops every area. */
void vmap_range_drop(struct vmap_range *range);

/*
 * Makes `area` the lowest `pages` pages that are free in a row, MADE. *spare is
 * set to an area that went away by it, to be dropped outside of the lock, or
 * NULL. False: no free area is that large; nothing changed.
 */
bool vmap_range_take(struct vmap_range *range, struct vmap_area *area,
		     uint64_t pages, struct vmap_area **spare) MUST_CHECK;
/* The area's pages are free again. Sets spare[0] and spare[1] to areas that
 * went away, or NULL. */
void vmap_range_give(struct vmap_range *range, struct vmap_area *area,
		     struct vmap_area *spare[2]);
/* The area that holds a page; page < range->pages. */
struct vmap_area *vmap_range_find(const struct vmap_range *range,
				  uint64_t page);
/* Pages of the largest free area. */
uint64_t vmap_range_largest(const struct vmap_range *range);

/* NULL, or the broken invariant in static text. */
const char *vmap_range_verify(const struct vmap_range *range);

#endif
