/*
 * LRU lists and owner slots: mm/swap.c, mm/workingset.c and what mm/rmap.c does
 * for reclaim, for pages that have one owner slot each.
 *
 * Data. A slot's word, 64 bits:
 *   0-2 state | 3 somebody waits | 4-15 pins (RESIDENT) | 32-63 pfn or swap
 *   slot; and SWAPPED, DROPPED, or MOVING on the way back from there: 4 it was
 *   DROPPED (MOVING), 8-15 node that it was evicted from, 16-30 that node's age
 *   then, 31 file
 *
 * Lock order:
 *   1. RANK_LRU   node[].lock: the node's lists, flags LISTED and LIST, `slot`
 *                 of listed pages. Nothing is taken under it.
 *
 * Who may do what. A page is on a list if and only if its slot is RESIDENT, or
 * MOVING in the hands of a thread that is about to unlink it, or has just
 * linked it. A slot leaves RESIDENT by one compare-and-swap from "no pins" to
 * MOVING, by
 *   - lru_claim(), which finds the slot through the page and therefore holds
 *     the node's lock: the slot's memory is the owner's, and the owner unlinks
 *     the page under that lock before it may give the memory away;
 *   - lru_delete(), which comes from the slot and needs no lock for that.
 * Whoever made it MOVING ends that state; nobody else touches the page, its
 * frame or its backing meanwhile. lru_claim() never waits, so a thread that
 * has claimed pages and reclaims or reads for a while delays others and
 * deadlocks nobody: nobody waits for a slot with another one claimed, but for
 * a thread that is inside lru_access() and reclaims, which claims without
 * waiting.
 *
 * Ordering. Whoever uses the frame's content after somebody else:
 *   REL(slot)/ACQ(slot)    the word is stored or exchanged when a content is
 *                          complete or no longer used (settle, unpin), and
 *                          loaded or exchanged before it is used (pin, claim).
 * Pins change by read-modify-write, so a claim acquires from every unpin.
 * `flags`: bits that accessors set (ACCESSED, DIRTY) are set before the unpin,
 * so that whoever claims sees them; the others change under the lock.
 *
 * Progress. Accesses of resident pages are lock-free. An access waits while the
 * page is MOVING: for its write, its read or its copy, all of them bounded.
 *
 * Departures from Linux: no per-CPU batches in front of the lists; a page in
 * the hands of reclaim cannot be used until it is decided upon (Linux would
 * find it in the swap cache); a slot is one mapping, so two references of one
 * scan period cannot be told from one.
 */
#include "alloc/page/lru.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc/base/wait.h"
#include "alloc/page/buddy.h"
#include "alloc/page/kmap.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/reclaim_state.h"
#include "alloc/page/swap.h"

#define SLOT_STATE       0x7ULL
#define SLOT_WAITED      0x8ULL
#define SLOT_PIN         0x10ULL
#define SLOT_PINS        0xfff0ULL
#define SLOT_WAS_DROPPED 0x10ULL /* MOVING: lru_cancel() goes back there */
#define SLOT_NID_SHIFT   8
#define SLOT_NID         0xffULL
#define SLOT_AGE_SHIFT   16
#define SLOT_AGE         0x7fffULL
#define SLOT_FILE        0x80000000ULL
#define SLOT_VALUE_SHIFT 32

static enum slot_state word_state(uint64_t word)
{
	return (enum slot_state)(word & SLOT_STATE);
}

static uint32_t word_value(uint64_t word)
{
	return (uint32_t)(word >> SLOT_VALUE_SHIFT);
}

static uint64_t word_make(enum slot_state state, uint32_t value)
{
	return state | (uint64_t)value << SLOT_VALUE_SHIFT;
}

/* The lower half, on which waiters sleep. */
static _Atomic uint32_t *slot_futex(struct owner_slot *slot)
{
	return (_Atomic uint32_t *)(void *)&slot->word;
}

static uint64_t slot_load(const struct owner_slot *slot)
{
	/* ACQ(slot): the content, or where it is; pairs with REL(slot) */
	return atomic_load_explicit(&slot->word, memory_order_acquire);
}

static bool slot_exchange(struct owner_slot *slot, uint64_t *seen,
			  uint64_t word)
{
	/* ACQ(slot): the content, as its last user left it; pairs with
	 * REL(slot). On failure the caller looks again */
	return atomic_compare_exchange_strong_explicit(&slot->word, seen, word,
						       memory_order_acquire,
						       memory_order_acquire);
}

/* Ends MOVING. */
static void slot_settle(struct owner_slot *slot, uint64_t word)
{
	/* REL(slot): the content is complete, or saved; pairs with ACQ(slot) */
	uint64_t old = atomic_exchange_explicit(&slot->word, word,
						memory_order_release);

	if (unlikely(old & SLOT_WAITED))
		word_wake(slot_futex(slot));
}

/* Sleeps until the word is no longer `seen`. */
static void slot_wait(struct owner_slot *slot, uint64_t seen)
{
	if (!(seen & SLOT_WAITED) &&
	    !slot_exchange(slot, &seen, seen | SLOT_WAITED))
		return;
	word_wait(slot_futex(slot), (uint32_t)(seen | SLOT_WAITED),
		  WAIT_FOREVER);
}

enum slot_state lru_slot_state(const struct owner_slot *slot)
{
	return word_state(slot_load(slot));
}

void lru_release(struct owner_slot *slot)
{
	/* relaxed: the exchange tells */
	uint64_t old = atomic_load_explicit(&slot->word, memory_order_relaxed);
	uint64_t next;

	/* The last pin and WAITED go at once: without pins the slot may be
	 * deleted and its memory be the owner's again, of which only the
	 * address is used from then on.
	 * REL(slot): our use of the frame is over; pairs with ACQ(slot).
	 * relaxed on failure: goes by the new word */
	do {
		check_at(1, old & SLOT_PINS,
			 "lru_release of a slot without pins");
		next = old - SLOT_PIN;
		if (!(next & SLOT_PINS))
			next &= ~SLOT_WAITED;
	} while (!atomic_compare_exchange_weak_explicit(&slot->word, &old, next,
							memory_order_release,
							memory_order_relaxed));
	if (unlikely(old & SLOT_WAITED) && !(next & SLOT_PINS))
		word_wake(slot_futex(slot));
}

/* --- lists -------------------------------------------------------------- */

static void count_list(struct lru *lru, struct lru_node *n, uint32_t flags,
		       long add) REQUIRES(n->lock)
{
	const unsigned list = flags & LRU_PAGE_LIST;
	_Atomic long *zone =
		&lru->zone_nr[(flags >> LRU_PAGE_ZONE) * NR_LRU_LISTS + list];

	/* relaxed, all: the lock orders the writers, readers want a figure.
	 * A zone's pages are all of this node */
	atomic_store_explicit(
		&n->nr[list],
		atomic_load_explicit(&n->nr[list], memory_order_relaxed) + add,
		memory_order_relaxed);
	atomic_store_explicit(
		zone, atomic_load_explicit(zone, memory_order_relaxed) + add,
		memory_order_relaxed);
}

static void links_add_head(struct lru *lru, struct lru_node *n, uint32_t pfn,
			   unsigned list) REQUIRES(n->lock)
{
	struct lru_page *page = &lru->page[pfn];

	page->prev = PFN_LIST_END;
	page->next = n->list[list].first;
	if (page->next != PFN_LIST_END)
		lru->page[page->next].prev = pfn;
	else
		n->list[list].last = pfn;
	n->list[list].first = pfn;
}

static void links_del(struct lru *lru, struct lru_node *n, uint32_t pfn,
		      unsigned list) REQUIRES(n->lock)
{
	struct lru_page *page = &lru->page[pfn];

	if (page->prev != PFN_LIST_END)
		lru->page[page->prev].next = page->next;
	else
		n->list[list].first = page->next;
	if (page->next != PFN_LIST_END)
		lru->page[page->next].prev = page->prev;
	else
		n->list[list].last = page->prev;
}

void lru_link(struct lru *lru, struct lru_node *n, uint32_t pfn, unsigned list)
{
	struct lru_page *page = &lru->page[pfn];
	uint32_t flags;

	/* relaxed, both: under the lock; accessors set other bits */
	atomic_fetch_and_explicit(&page->flags, ~LRU_PAGE_LIST,
				  memory_order_relaxed);
	flags = atomic_fetch_or_explicit(&page->flags, LRU_PAGE_LISTED | list,
					 memory_order_relaxed);
	check_at(1, !(flags & LRU_PAGE_LISTED), "pfn %u is listed already",
		 pfn);
	links_add_head(lru, n, pfn, list);
	count_list(lru, n, (flags & ~LRU_PAGE_LIST) | list, 1);
}

void lru_unlink(struct lru *lru, struct lru_node *n, uint32_t pfn)
{
	/* relaxed: under the lock */
	uint32_t flags = atomic_fetch_and_explicit(
		&lru->page[pfn].flags, ~LRU_PAGE_LISTED, memory_order_relaxed);

	check_at(1, flags & LRU_PAGE_LISTED, "pfn %u is on no list", pfn);
	links_del(lru, n, pfn, flags & LRU_PAGE_LIST);
	count_list(lru, n, flags, -1);
}

void lru_rotate(struct lru *lru, struct lru_node *n, uint32_t pfn)
{
	const unsigned list = lru_flags(&lru->page[pfn]) & LRU_PAGE_LIST;

	links_del(lru, n, pfn, list);
	links_add_head(lru, n, pfn, list);
}

static const struct zone *zone_of(const struct lru *lru, uint32_t pfn)
{
	return &lru->machine->zone[lru_flags(&lru->page[pfn]) >> LRU_PAGE_ZONE];
}

static struct lru_node *node_of(struct lru *lru, uint32_t pfn)
{
	return &lru->node[zone_of(lru, pfn)->nid];
}

static void link_locked(struct lru *lru, uint32_t pfn, unsigned list)
{
	struct lru_node *n = node_of(lru, pfn);

	spin_lock(&n->lock);
	lru_link(lru, n, pfn, list);
	spin_unlock(&n->lock);
}

/* --- coming back after an eviction --------------------------------------- */

/* Pages that would have had to stay for this one to be found: were there that
 * many of its kind, or of the other? (workingset_test_recent) */
static long working_set(const struct lru *lru, unsigned nid, bool file)
{
	long pages = lru_node_pages(lru, nid, LRU_ACTIVE_FILE);

	if (!file)
		pages += lru_node_pages(lru, nid, LRU_INACTIVE_FILE);
	if (lru->swap && swap_nr_free(lru->swap)) {
		pages += lru_node_pages(lru, nid, LRU_ACTIVE_ANON);
		if (file)
			pages += lru_node_pages(lru, nid, LRU_INACTIVE_ANON);
	}
	return pages;
}

/* An evicted page is wanted again, on node nid: counts it, tells whether it is
 * active. How long it was away is told by the node that it was evicted from. */
static bool refault(struct lru *lru, unsigned nid, uint64_t word)
{
	const unsigned from = (word >> SLOT_NID_SHIFT) & SLOT_NID;
	struct lru_node *n = &lru->node[nid];
	const bool file = word & SLOT_FILE;
	/* relaxed, both: a statistic */
	const uint64_t age = atomic_load_explicit(&lru->node[from].age,
						  memory_order_relaxed) >>
			     lru->age_shift;
	const uint64_t distance = ((age - (word >> SLOT_AGE_SHIFT)) & SLOT_AGE)
				  << lru->age_shift;

	vm_count(lru->events, VM_WORKINGSET_REFAULT_ANON + file, 1);
	/* relaxed: see above */
	atomic_fetch_add_explicit(&n->returns[file], 1, memory_order_relaxed);
	if ((long)distance > working_set(lru, from, file))
		return false;
	vm_count(lru->events, VM_WORKINGSET_ACTIVATE_ANON + file, 1);
	lru_age(n, 1);
	/* relaxed: see above */
	atomic_fetch_add_explicit(&n->refaults[file], 1, memory_order_relaxed);
	spin_lock(&n->lock);
	lru_note_cost(n, file, 1);
	spin_unlock(&n->lock);
	return true;
}

static uint64_t evicted_word(struct lru *lru, uint32_t pfn,
			     enum slot_state state, uint32_t value)
{
	const uint32_t flags = lru_flags(&lru->page[pfn]);
	const unsigned nid = zone_of(lru, pfn)->nid;
	struct lru_node *n = &lru->node[nid];
	/* relaxed: a statistic */
	uint64_t age =
		atomic_fetch_add_explicit(&n->age, 1, memory_order_relaxed);
	uint64_t word = word_make(state, value);

	_Static_assert(MAX_NODES <= SLOT_NID + 1, "a word has a node");
	word |= (uint64_t)nid << SLOT_NID_SHIFT;
	word |= ((age >> lru->age_shift) & SLOT_AGE) << SLOT_AGE_SHIFT;
	return (flags & LRU_FILE) ? word | SLOT_FILE : word;
}

void lru_note_cost(struct lru_node *n, bool file, uint64_t nr)
{
	long pages = 0;

	*(file ? &n->file_cost : &n->anon_cost) += nr;
	/* relaxed: under the lock */
	for (unsigned i = 0; i < LRU_UNEVICTABLE; i++)
		pages += atomic_load_explicit(&n->nr[i], memory_order_relaxed);
	if ((long)(n->anon_cost + n->file_cost) > pages / 4) {
		n->anon_cost /= 2;
		n->file_cost /= 2;
	}
}

/* --- the owner's side ----------------------------------------------------- */

/* i386 cannot swap low memory: such pages go where reclaim does not look. */
static unsigned first_list(const struct zone *zone, bool file, bool active)
{
	if (!file && zone->machine->desc.layout == LAYOUT_I386 &&
	    zone->idx <= ZONE_NORMAL)
		return LRU_UNEVICTABLE;
	return (file ? LRU_FILE : 0) | (active ? LRU_ACTIVE : 0);
}

/* The frame becomes the page of the slot, which is MOVING, and is listed. */
static void attach(struct page_ctx *ctx, struct owner_slot *slot, pfn_t pfn,
		   unsigned list, bool dirty)
{
	struct lru *lru = reclaim_lru(ctx->machine->reclaim);
	struct lru_page *page = &lru->page[pfn.v];
	struct zone *zone = page_zone_by_pfn(ctx, pfn);

	page->slot = slot;
	/* relaxed: published by the list, under its lock */
	atomic_store_explicit(&page->flags,
			      (uint32_t)zone->id << LRU_PAGE_ZONE | list |
				      (dirty ? LRU_PAGE_DIRTY : 0),
			      memory_order_relaxed);
	page_movable_add(zone, pfn, 1);
	link_locked(lru, pfn.v, list);
}

/* Undoes attach() for a page that is unlinked. */
static void detach(struct lru *lru, uint32_t pfn)
{
	struct lru_page *page = &lru->page[pfn];
	struct machine *m = lru->machine;

	page_movable_add(&m->zone[lru_flags(page) >> LRU_PAGE_ZONE],
			 (pfn_t){ pfn }, -1);
	page->slot = NULL;
	page->backing = 0;
	/* relaxed: nobody else knows the page any more */
	atomic_store_explicit(&page->flags, 0, memory_order_relaxed);
}

void lru_add(struct page_ctx *ctx, struct owner_slot *slot, pfn_t pfn,
	     unsigned flags)
{
	const uint64_t word = slot_load(slot);
	const bool file = flags & LRU_ADD_FILE;
	const struct zone *zone = page_zone_by_pfn(ctx, pfn);
	struct lru *lru = reclaim_lru(ctx->machine->reclaim);
	bool active = false;

	check_at(1, word_state(word) == SLOT_MOVING,
		 "lru_add to a slot that lru_access did not give");
	if (word & SLOT_WAS_DROPPED)
		active = refault(lru, zone->nid, word);
	lru->page[pfn.v].backing = 0;
	attach(ctx, slot, pfn, first_list(zone, file, active),
	       !file || (flags & LRU_ADD_DIRTY));
	slot_settle(slot, word_make(SLOT_RESIDENT, pfn.v));
}

void lru_cancel(struct owner_slot *slot)
{
	const uint64_t word = slot_load(slot);

	check_at(1, word_state(word) == SLOT_MOVING,
		 "lru_cancel of a slot that lru_access did not give");
	if (word & SLOT_WAS_DROPPED)
		slot_settle(slot, (word & ~(SLOT_STATE | SLOT_WAITED |
					    SLOT_WAS_DROPPED)) |
					  SLOT_DROPPED);
	else
		slot_settle(slot, SLOT_EMPTY);
}

/* HIGHMEM frames are filled through a window. */
static bool fill_from_swap(struct page_ctx *ctx, uint32_t at, pfn_t pfn)
{
	struct lru *lru = reclaim_lru(ctx->machine->reclaim);
	void *page = kmap_local(ctx, pfn);
	enum swap_status status;

	if (!page)
		return false;
	status = swap_read(lru->swap, at, page);
	kunmap_local(ctx, page);
	return status == SWAP_OK;
}

/* The slot was SWAPPED (`word`) and is MOVING: reads the page back. Returns
 * LRU_READ_BACK with a pin, or -errno with the slot as it was. */
static int read_back(struct page_ctx *ctx, struct owner_slot *slot,
		     uint64_t word, const struct lru_access *a, pfn_t *out)
{
	struct lru *lru = reclaim_lru(ctx->machine->reclaim);
	const uint32_t at = word_value(word);
	const bool file = word & SLOT_FILE;
	const uint64_t was = word & ~SLOT_WAITED;
	bool dirty = a->flags & LRU_WRITE, active;
	const struct zone *zone;
	pfn_t pfn;

	pfn = a->frame ? *a->frame : alloc_pages(ctx, a->gfp, 0);
	if (!pfn_valid(pfn)) {
		slot_settle(slot, was);
		return -ENOMEM;
	}
	if (!fill_from_swap(ctx, at, pfn)) {
		if (!a->frame)
			free_pages(ctx, pfn, 0);
		slot_settle(slot, was);
		return -EIO;
	}
	vm_count(lru->events, VM_PGMAJFAULT, 1);
	vm_count(lru->events, VM_PGPGIN, PAGE_SIZE / 1024);
	if (!file)
		vm_count(lru->events, VM_PSWPIN, 1);
	zone = page_zone_by_pfn(ctx, pfn);
	active = refault(lru, zone->nid, word);
	lru->page[pfn.v].backing = at + 1;
	if (swap_half_full(lru->swap)) {
		lru->page[pfn.v].backing = 0;
		swap_free(lru->swap, at);
		dirty = true;
	}
	attach(ctx, slot, pfn, first_list(zone, file, active), dirty);
	*out = pfn;
	slot_settle(slot, word_make(SLOT_RESIDENT, pfn.v) | SLOT_PIN);
	return LRU_READ_BACK;
}

/* The page was used; only the first use since the last scan writes. */
static void mark_used(struct lru_page *page, unsigned flags)
{
	const uint32_t want =
		LRU_PAGE_ACCESSED | (flags & LRU_WRITE ? LRU_PAGE_DIRTY : 0);

	/* relaxed: ordered by the pin that we hold */
	if ((lru_flags(page) & want) != want)
		atomic_fetch_or_explicit(&page->flags, want,
					 memory_order_relaxed);
}

int lru_access(struct page_ctx *ctx, struct owner_slot *slot,
	       const struct lru_access *a, pfn_t *pfn)
{
	struct lru *lru = reclaim_lru(ctx->machine->reclaim);
	uint64_t word = slot_load(slot), next;

	for (;; word = slot_load(slot)) {
		switch (word_state(word)) {
		case SLOT_RESIDENT:
			if ((word & SLOT_PINS) == SLOT_PINS) {
				slot_wait(slot, word);
				break;
			}
			if (!slot_exchange(slot, &word, word + SLOT_PIN))
				break;
			pfn->v = word_value(word);
			mark_used(&lru->page[pfn->v], a->flags);
			return LRU_HERE;
		case SLOT_SWAPPED:
			next = (word & ~SLOT_STATE) | SLOT_MOVING;
			if (!slot_exchange(slot, &word, next))
				break;
			vm_count(lru->events, VM_PGFAULT, 1);
			return read_back(ctx, slot, word, a, pfn);
		case SLOT_EMPTY:
		case SLOT_DROPPED:
			next = (word & ~SLOT_STATE) | SLOT_MOVING;
			if (word_state(word) == SLOT_DROPPED)
				next |= SLOT_WAS_DROPPED;
			if (!slot_exchange(slot, &word, next))
				break;
			vm_count(lru->events, VM_PGFAULT, 1);
			return LRU_ABSENT;
		case SLOT_MOVING:
			slot_wait(slot, word);
			break;
		}
	}
}

/* Makes the slot MOVING, whatever it holds; returns what it was. */
static uint64_t slot_seize(struct owner_slot *slot)
{
	for (;;) {
		uint64_t word = slot_load(slot);

		if (word_state(word) == SLOT_MOVING ||
		    (word_state(word) == SLOT_RESIDENT && (word & SLOT_PINS)))
			slot_wait(slot, word);
		else if (slot_exchange(slot, &word,
				       (word & ~SLOT_STATE) | SLOT_MOVING))
			return word;
	}
}

void lru_delete(struct page_ctx *ctx, struct owner_slot *slot)
{
	struct lru *lru = reclaim_lru(ctx->machine->reclaim);
	const uint64_t word = slot_seize(slot);
	const uint32_t value = word_value(word);

	if (word_state(word) == SLOT_SWAPPED) {
		swap_free(lru->swap, value);
	} else if (word_state(word) == SLOT_RESIDENT) {
		struct lru_node *n = node_of(lru, value);

		spin_lock(&n->lock);
		lru_unlink(lru, n, value);
		spin_unlock(&n->lock);
		if (lru->page[value].backing)
			swap_free(lru->swap, lru->page[value].backing - 1);
		detach(lru, value);
		free_pages(ctx, (pfn_t){ value }, 0);
	}
	slot_settle(slot, SLOT_EMPTY);
}

/* --- the side of reclaim and compaction ----------------------------------- */

bool lru_claim(struct lru *lru, struct lru_node *n, uint32_t pfn)
{
	struct owner_slot *slot = lru->page[pfn].slot;
	uint64_t word;

	(void)n;
	word = slot_load(slot);
	return word_state(word) == SLOT_RESIDENT && !(word & SLOT_PINS) &&
	       word_value(word) == pfn &&
	       slot_exchange(slot, &word, (word & ~SLOT_STATE) | SLOT_MOVING);
}

void lru_putback(struct lru *lru, uint32_t pfn, unsigned list)
{
	struct owner_slot *slot = lru->page[pfn].slot;

	link_locked(lru, pfn, list);
	slot_settle(slot, word_make(SLOT_RESIDENT, pfn));
}

void lru_moved_out(struct lru *lru, uint32_t pfn, bool swapped)
{
	struct lru_page *page = &lru->page[pfn];
	struct owner_slot *slot = page->slot;
	const uint64_t word = swapped ? evicted_word(lru, pfn, SLOT_SWAPPED,
						     page->backing - 1)
				      : evicted_word(lru, pfn, SLOT_DROPPED, 0);

	detach(lru, pfn);
	slot_settle(slot, word);
}

void lru_moved_to(struct lru *lru, uint32_t pfn, uint32_t to)
{
	struct lru_page *from = &lru->page[pfn], *page = &lru->page[to];
	struct machine *m = lru->machine;
	struct owner_slot *slot = from->slot;
	const uint32_t flags = lru_flags(from);

	page->slot = slot;
	page->backing = from->backing;
	/* relaxed: published by the list, under its lock; within a zone */
	atomic_store_explicit(&page->flags, flags, memory_order_relaxed);
	page_movable_add(&m->zone[flags >> LRU_PAGE_ZONE], (pfn_t){ to }, 1);
	detach(lru, pfn);
	link_locked(lru, to, flags & LRU_PAGE_LIST);
	slot_settle(slot, word_make(SLOT_RESIDENT, to));
}

/* --- set-up and verification ---------------------------------------------- */

int lru_create(struct lru *lru, struct machine *m, struct swap *swap,
	       struct vm_events *events)
{
	const unsigned nr_nodes = m->desc.topo.nr_nodes;

	memset(lru, 0, sizeof(*lru));
	lru->machine = m;
	lru->swap = swap;
	lru->events = events;
	/* 2^15 units hold the age of every page of the machine, twice */
	lru->age_shift = (unsigned)max_long(fls_long(m->managed) - 14, 0);
	lru->page_bytes = m->end_pfn * sizeof(*lru->page);
	lru->page = mmap(NULL, lru->page_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (lru->page == MAP_FAILED) {
		lru->page = NULL;
		return -ENOMEM;
	}
	if (machine_place_by_frame(m, lru->page, sizeof(*lru->page), 0)) {
		lru_destroy(lru);
		return -ENOMEM;
	}
	lru->node =
		aligned_alloc(CACHELINE_SIZE, nr_nodes * sizeof(*lru->node));
	lru->zone_nr = calloc((size_t)m->nr_zones * NR_LRU_LISTS,
			      sizeof(*lru->zone_nr));
	if (!lru->node || !lru->zone_nr) {
		lru_destroy(lru);
		return -ENOMEM;
	}
	memset(lru->node, 0, nr_nodes * sizeof(*lru->node));
	for (unsigned i = 0; i < nr_nodes; i++) {
		spin_lock_init(&lru->node[i].lock, RANK_LRU);
		for (unsigned l = 0; l < NR_LRU_LISTS; l++)
			lru->node[i].list[l].first = lru->node[i].list[l].last =
				PFN_LIST_END;
	}
	return 0;
}

void lru_destroy(struct lru *lru)
{
	if (lru->page)
		munmap(lru->page, lru->page_bytes);
	free(lru->node);
	free(lru->zone_nr);
	memset(lru, 0, sizeof(*lru));
}

static const char *verify_page(const struct lru *lru, unsigned nid,
			       uint32_t pfn, unsigned list)
{
	const struct lru_page *page = &lru->page[pfn];
	const uint32_t flags = lru_flags(page);
	uint64_t word;

	if (!(flags & LRU_PAGE_LISTED) || (flags & LRU_PAGE_LIST) != list)
		return "flags of a page are not those of its LRU list";
	if (zone_of(lru, pfn)->nid != nid)
		return "an LRU list has a page of another node";
	word = slot_load(page->slot);
	if (word_state(word) != SLOT_RESIDENT || word_value(word) != pfn)
		return "the owner slot of an LRU page names another frame";
	if (word & SLOT_PINS)
		return "an owner slot is still pinned";
	return NULL;
}

static const char *verify_node(struct lru *lru, unsigned nid)
{
	struct lru_node *n = &lru->node[nid];

	for (unsigned l = 0; l < NR_LRU_LISTS; l++) {
		uint32_t before = PFN_LIST_END;
		long nr = 0;

		for (uint32_t pfn = n->list[l].first; pfn != PFN_LIST_END;
		     pfn = lru->page[pfn].next) {
			const char *broken = verify_page(lru, nid, pfn, l);

			if (broken)
				return broken;
			if (lru->page[pfn].prev != before)
				return "links of an LRU list do not match";
			before = pfn;
			nr++;
		}
		if (before != n->list[l].last)
			return "last of an LRU list is not its last page";
		if (nr != lru_node_pages(lru, nid, l))
			return "an LRU list has another length than counted";
	}
	return NULL;
}

const char *lru_verify(struct lru *lru)
{
	const struct machine *m = lru->machine;
	const char *broken = NULL;

	for (unsigned i = 0; !broken && i < m->desc.topo.nr_nodes; i++)
		broken = verify_node(lru, i);
	for (unsigned i = 0; !broken && i < m->desc.topo.nr_nodes; i++) {
		for (unsigned l = 0; l < NR_LRU_LISTS; l++) {
			long nr = 0;

			for (unsigned z = 0; z < MAX_NR_ZONES; z++)
				nr += lru_zone_pages(lru, i * MAX_NR_ZONES + z,
						     l);
			if (nr != lru_node_pages(lru, i, l))
				return "LRU pages of zones do not add up to "
				       "their node's";
		}
	}
	return broken;
}
