/*
 * Ring of pfns, or of objects, from one producer to one consumer, without
 * locks.
 *
 * tail counts what was pushed, head what was popped; both only grow, the slot
 * is the count modulo the size. Each side owns one of them and keeps a copy of
 * the other's, which it refreshes only when the ring looks full or empty, so
 * that in the steady state a cache line moves once per line of slots.
 *
 *   producer                          consumer
 *   slot[tail] = pfn                  read tail          ACQ(spsc-full)
 *   tail = tail + 1   REL(spsc-full)  pfn = slot[head]
 *   read head         ACQ(spsc-free)  head = head + 1    REL(spsc-free)
 *   (slot may be reused)
 *
 * Progress: every call is wait-free.
 */
#ifndef WORKLOADS_LIB_SPSC_H
#define WORKLOADS_LIB_SPSC_H

#include <stdatomic.h>

#include "alloc/base/base.h"

#define SPSC_SLOTS 1024u /* a power of two */

struct spsc {
	_Atomic uint32_t tail CACHELINE; /* producer writes */
	uint32_t head_seen;              /* producer's copy of head */
	_Atomic uint32_t head CACHELINE; /* consumer writes */
	uint32_t tail_seen;              /* consumer's copy of tail */
	union {
		pfn_t slot[SPSC_SLOTS];
		void *object[SPSC_SLOTS];
	} CACHELINE;
};

/* Before the threads start; also places the ring on the caller's node. */
static inline void spsc_init(struct spsc *ring)
{
	/* relaxed: the start of the threads orders these */
	atomic_store_explicit(&ring->tail, 0, memory_order_relaxed);
	atomic_store_explicit(&ring->head, 0, memory_order_relaxed);
	ring->head_seen = 0;
	ring->tail_seen = 0;
	for (uint32_t i = 0; i < SPSC_SLOTS; i++)
		ring->object[i] = NULL;
}

/* The count of slots after which the next push goes. Producer only. */
ALWAYS_INLINE uint32_t spsc_tail(const struct spsc *ring)
{
	/* relaxed: our own counter */
	return atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

/* Producer only. */
ALWAYS_INLINE bool spsc_full(struct spsc *ring)
{
	const uint32_t tail = spsc_tail(ring);

	if (likely(tail - ring->head_seen != SPSC_SLOTS))
		return false;
	/* ACQ(spsc-free): the consumer has read the slot that the next push
	 * overwrites; pairs with REL(spsc-free) */
	ring->head_seen =
		atomic_load_explicit(&ring->head, memory_order_acquire);
	return tail - ring->head_seen == SPSC_SLOTS;
}

/* The slot at `tail` is filled. Producer only. */
ALWAYS_INLINE void spsc_filled(struct spsc *ring, uint32_t tail)
{
	/* REL(spsc-full): the slot before the count that covers it; pairs with
	 * ACQ(spsc-full) */
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
}

/* Is there a slot to be read, and which? Consumer only. */
ALWAYS_INLINE bool spsc_ready(struct spsc *ring, uint32_t *head)
{
	/* relaxed: our own counter */
	*head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	if (likely(*head != ring->tail_seen))
		return true;
	/* ACQ(spsc-full): see the slots that tail covers; pairs with
	 * REL(spsc-full) */
	ring->tail_seen =
		atomic_load_explicit(&ring->tail, memory_order_acquire);
	return *head != ring->tail_seen;
}

/* The slot at `head` was read. Consumer only. */
ALWAYS_INLINE void spsc_emptied(struct spsc *ring, uint32_t head)
{
	/* REL(spsc-free): the slot is read before it may be reused; pairs with
	 * ACQ(spsc-free) */
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

/* Producer only, after spsc_full() said no. */
ALWAYS_INLINE void spsc_push(struct spsc *ring, pfn_t pfn)
{
	const uint32_t tail = spsc_tail(ring);

	ring->slot[tail % SPSC_SLOTS] = pfn;
	spsc_filled(ring, tail);
}

ALWAYS_INLINE void spsc_push_object(struct spsc *ring, void *object)
{
	const uint32_t tail = spsc_tail(ring);

	ring->object[tail % SPSC_SLOTS] = object;
	spsc_filled(ring, tail);
}

/* Consumer only. PFN_NONE: empty. */
ALWAYS_INLINE pfn_t spsc_pop(struct spsc *ring)
{
	uint32_t head;
	pfn_t pfn;

	if (unlikely(!spsc_ready(ring, &head)))
		return PFN_NONE;
	pfn = ring->slot[head % SPSC_SLOTS];
	spsc_emptied(ring, head);
	return pfn;
}

/* Consumer only. NULL: empty. */
ALWAYS_INLINE void *spsc_pop_object(struct spsc *ring)
{
	uint32_t head;
	void *object;

	if (unlikely(!spsc_ready(ring, &head)))
		return NULL;
	object = ring->object[head % SPSC_SLOTS];
	spsc_emptied(ring, head);
	return object;
}

#endif
