/*
 * Ranked spin locks.
 *
 * Lock order (outermost first; checked at run time when CHECK_LEVEL >= 1):
 *   1. RANK_SLAB_CPU   a slab engine's per-CPU part of one cache
 *   2. RANK_SLAB_NODE  a slab engine's lists of one cache and node
 *   3. RANK_PCP    a per-CPU pageset: remote drain against its owner
 *   4. RANK_ZONE   zone->lock: free_area[], nr_free, pageblock types
 *   5. RANK_LRU    the LRU lists of a node
 *   6. RANK_LEAF   nothing is taken under it
 * Two locks of a rank are held together only of two zones, ascending zone->id.
 * Never under any of them: malloc(), synchronize_rcu(), a system call that may
 * sleep, but for membarrier(2) under the lock of the CPU that it interrupts.
 *
 * Uncontended: one compare-and-swap of the whole word from 0 to 1, and one
 * plain byte store to release. Contended: waiters queue, first come first
 * served; see lock.c.
 */
#ifndef ALLOC_BASE_LOCK_H
#define ALLOC_BASE_LOCK_H

#include <stdatomic.h>

#include "alloc/base/base.h"
#include "alloc/base/check.h"

enum lock_rank {
	RANK_SLAB_CPU = 1,
	RANK_SLAB_NODE,
	RANK_PCP,
	RANK_ZONE,
	RANK_LRU,
	RANK_LEAF
};

#if defined(__clang__)
#define CAPABILITY(x)    __attribute__((capability(x)))
#define REQUIRES(l)      __attribute__((requires_capability(l)))
#define ACQUIRES(l)      __attribute__((acquire_capability(l)))
#define TRY_ACQUIRES(l)  __attribute__((try_acquire_capability(true, l)))
#define RELEASES(l)      __attribute__((release_capability(l)))
#define NO_LOCK_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY(x)
#define REQUIRES(l)
#define ACQUIRES(l)
#define TRY_ACQUIRES(l)
#define RELEASES(l)
#define NO_LOCK_ANALYSIS
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "spinlock.held is the low byte of spinlock.word");

/*
 * word, bits 0-7: 1 while somebody holds the lock; 8-15: 0; 16-31: number of
 * the last waiter in the queue, 0 when nobody waits. Only the holder writes
 * `held` on its own, so that it can release without looking at the queue.
 */
struct CAPABILITY("spinlock") spinlock {
	union {
		_Atomic uint32_t word;
		_Atomic uint8_t held;
	};
	uint8_t rank; /* enum lock_rank */
};

/* Before any other use; no other thread sees the lock yet. */
void spin_lock_init(struct spinlock *lock, enum lock_rank rank);

/* Contended path of spin_lock(): returns with the lock held. */
void spin_lock_slow(struct spinlock *lock);

/* CHECK_LEVEL >= 1: the locks that this thread holds, in lock.c. Abort when
 * the order above is violated, or a lock is released that is not held. */
void lock_rank_push(const struct spinlock *lock);
void lock_rank_pop(const struct spinlock *lock);

ALWAYS_INLINE bool spin_trylock(struct spinlock *lock)
	TRY_ACQUIRES(lock) NO_LOCK_ANALYSIS
{
	uint32_t free = 0;

	/* ACQ(spinlock): see the owner's writes; pairs with REL(spinlock).
	 * relaxed on failure: nothing is read then */
	if (!atomic_compare_exchange_strong_explicit(&lock->word, &free, 1,
						     memory_order_acquire,
						     memory_order_relaxed))
		return false;
	if (CHECK_LEVEL >= 1)
		lock_rank_push(lock);
	return true;
}

ALWAYS_INLINE void spin_lock(struct spinlock *lock)
	ACQUIRES(lock) NO_LOCK_ANALYSIS
{
	uint32_t free = 0;

	/* ACQ(spinlock): see the owner's writes; pairs with REL(spinlock).
	 * relaxed on failure: the slow path looks again */
	if (unlikely(!atomic_compare_exchange_strong_explicit(
		    &lock->word, &free, 1, memory_order_acquire,
		    memory_order_relaxed)))
		spin_lock_slow(lock);
	if (CHECK_LEVEL >= 1)
		lock_rank_push(lock);
}

ALWAYS_INLINE void spin_unlock(struct spinlock *lock)
	RELEASES(lock) NO_LOCK_ANALYSIS
{
	if (CHECK_LEVEL >= 1)
		lock_rank_pop(lock);
	/* REL(spinlock): publish our writes; pairs with ACQ(spinlock) */
	atomic_store_explicit(&lock->held, 0, memory_order_release);
}

#endif
