/*
 * The areas of an address range. See vmap_area.h.
 *
 * Linux keeps free and busy areas in two red-black trees, the free one with
 * the largest size of each subtree. Here one treap holds both, so that a
 * neighbour is one link away; each operation is a walk from the root, of
 * expected length O(log areas).
 *
 * An area's key, start, may change where its order among the others does not:
 * a free area shrinks and grows at its lower end in place.
 */
#include "alloc/page/vmap_area.h"

#include <stdlib.h>

static uint64_t largest_of(const struct vmap_area *area)
{
	return area ? area->largest : 0;
}

static void refresh(struct vmap_area *area)
{
	uint64_t n = area->state == VMAP_FREE ? area->pages : 0;

	if (largest_of(area->left) > n)
		n = largest_of(area->left);
	if (largest_of(area->right) > n)
		n = largest_of(area->right);
	area->largest = n;
}

/* The areas below `start`, and the others. */
static void tree_split(struct vmap_area *tree, uint64_t start,
		       struct vmap_area **low, struct vmap_area **high)
{
	if (!tree) {
		*low = *high = NULL;
		return;
	}
	if (tree->start < start) {
		tree_split(tree->right, start, &tree->right, high);
		*low = tree;
	} else {
		tree_split(tree->left, start, low, &tree->left);
		*high = tree;
	}
	refresh(tree);
}

/* All of low lies below all of high. */
static struct vmap_area *tree_join(struct vmap_area *low,
				   struct vmap_area *high)
{
	struct vmap_area *top = low;

	if (!low || !high)
		return low ? low : high;
	if (low->prio > high->prio) {
		low->right = tree_join(low->right, high);
	} else {
		high->left = tree_join(low, high->left);
		top = high;
	}
	refresh(top);
	return top;
}

static struct vmap_area *tree_insert(struct vmap_area *tree,
				     struct vmap_area *area)
{
	if (!tree || area->prio > tree->prio) {
		tree_split(tree, area->start, &area->left, &area->right);
		tree = area;
	} else if (area->start < tree->start) {
		tree->left = tree_insert(tree->left, area);
	} else {
		tree->right = tree_insert(tree->right, area);
	}
	refresh(tree);
	return tree;
}

static struct vmap_area *tree_remove(struct vmap_area *tree,
				     const struct vmap_area *area)
{
	if (tree == area)
		return tree_join(tree->left, tree->right);
	if (area->start < tree->start)
		tree->left = tree_remove(tree->left, area);
	else
		tree->right = tree_remove(tree->right, area);
	refresh(tree);
	return tree;
}

/* The area's size or state changed. */
static void tree_changed(struct vmap_area *tree, const struct vmap_area *area)
{
	if (tree != area)
		tree_changed(area->start < tree->start ? tree->left
						       : tree->right,
			     area);
	refresh(tree);
}

static uint32_t draw(struct vmap_range *range)
{
	range->rng ^= range->rng << 13;
	range->rng ^= range->rng >> 7;
	range->rng ^= range->rng << 17;
	return (uint32_t)(range->rng >> 32);
}

struct vmap_area *vmap_area_new(void)
{
	return calloc(1, sizeof(struct vmap_area));
}

void vmap_area_drop(struct vmap_area *area)
{
	if (area)
		free(area->pfn);
	free(area);
}

void vmap_range_init(struct vmap_range *range, struct vmap_area *whole,
		     uint64_t pages)
{
	*range = (struct vmap_range){ .pages = pages,
				      .rng = 0x9e3779b97f4a7c15ULL };
	*whole = (struct vmap_area){ .pages = pages,
				     .state = VMAP_FREE,
				     .prio = draw(range) };
	range->first = whole;
	range->root = tree_insert(NULL, whole);
}

void vmap_range_drop(struct vmap_range *range)
{
	struct vmap_area *area = range->first;

	while (area) {
		struct vmap_area *next = area->next;

		vmap_area_drop(area);
		area = next;
	}
	*range = (struct vmap_range){ 0 };
}

/* Into the list of neighbours, in front of `next`. */
static void link_before(struct vmap_range *range, struct vmap_area *area,
			struct vmap_area *next)
{
	area->prev = next->prev;
	area->next = next;
	next->prev = area;
	if (area->prev)
		area->prev->next = area;
	else
		range->first = area;
}

static void unlink_area(struct vmap_range *range, struct vmap_area *area)
{
	if (area->prev)
		area->prev->next = area->next;
	else
		range->first = area->next;
	if (area->next)
		area->next->prev = area->prev;
}

/* Lowest free area of at least that many pages; there is one. */
static struct vmap_area *first_fit(struct vmap_area *tree, uint64_t pages)
{
	for (;;) {
		if (largest_of(tree->left) >= pages)
			tree = tree->left;
		else if (tree->state == VMAP_FREE && tree->pages >= pages)
			return tree;
		else
			tree = tree->right;
	}
}

bool vmap_range_take(struct vmap_range *range, struct vmap_area *area,
		     uint64_t pages, struct vmap_area **spare)
{
	struct vmap_area *hole;

	*spare = NULL;
	if (!pages || largest_of(range->root) < pages)
		return false;
	hole = first_fit(range->root, pages);
	area->start = hole->start;
	area->pages = pages;
	area->state = VMAP_MADE;
	area->prio = draw(range);
	link_before(range, area, hole);
	if (hole->pages == pages) {
		range->root = tree_remove(range->root, hole);
		unlink_area(range, hole);
		*spare = hole;
	} else {
		hole->start += pages;
		hole->pages -= pages;
		tree_changed(range->root, hole);
	}
	range->root = tree_insert(range->root, area);
	return true;
}

static void area_remove(struct vmap_range *range, struct vmap_area *area)
{
	range->root = tree_remove(range->root, area);
	unlink_area(range, area);
}

void vmap_range_give(struct vmap_range *range, struct vmap_area *area,
		     struct vmap_area *spare[2])
{
	struct vmap_area *below = area->prev, *above = area->next;

	spare[0] = spare[1] = NULL;
	area->state = VMAP_FREE;
	if (below && below->state == VMAP_FREE) {
		area_remove(range, below);
		area->start = below->start;
		area->pages += below->pages;
		spare[0] = below;
	}
	if (above && above->state == VMAP_FREE) {
		area_remove(range, above);
		area->pages += above->pages;
		spare[1] = above;
	}
	tree_changed(range->root, area);
}

struct vmap_area *vmap_range_find(const struct vmap_range *range, uint64_t page)
{
	struct vmap_area *area = range->root;

	while (page < area->start || page - area->start >= area->pages)
		area = page < area->start ? area->left : area->right;
	return area;
}

uint64_t vmap_range_largest(const struct vmap_range *range)
{
	return largest_of(range->root);
}

/* Number of areas of a subtree, or -1: it is out of order. */
static long tree_verify(const struct vmap_area *tree, uint64_t low,
			uint64_t high)
{
	uint64_t largest;
	long left, right;

	if (!tree)
		return 0;
	left = tree_verify(tree->left, low, tree->start);
	right = tree_verify(tree->right, tree->start + tree->pages, high);
	largest = tree->state == VMAP_FREE ? tree->pages : 0;
	if (largest_of(tree->left) > largest)
		largest = largest_of(tree->left);
	if (largest_of(tree->right) > largest)
		largest = largest_of(tree->right);
	if (left < 0 || right < 0 || tree->start < low ||
	    tree->start + tree->pages > high || tree->largest != largest ||
	    (tree->left && tree->left->prio > tree->prio) ||
	    (tree->right && tree->right->prio > tree->prio))
		return -1;
	return left + right + 1;
}

const char *vmap_range_verify(const struct vmap_range *range)
{
	const struct vmap_area *prev = NULL;
	uint64_t end = 0;
	long nr = 0;

	for (const struct vmap_area *a = range->first; a; a = a->next) {
		if (a->start != end || !a->pages)
			return "areas do not lie side by side";
		if (a->prev != prev)
			return "an area's neighbour does not know it";
		if (prev && prev->state == VMAP_FREE && a->state == VMAP_FREE)
			return "two free areas are neighbours";
		end += a->pages;
		prev = a;
		nr++;
	}
	if (end != range->pages)
		return "areas do not fill the range";
	if (tree_verify(range->root, 0, range->pages) != nr)
		return "the tree of areas is not that of the list";
	return NULL;
}
