/*
 * The contended path of the spin lock, and the run-time check of lock ranks.
 *
 * A waiter puts itself at the end of a queue and spins on a word of its own,
 * in a cache line of its own; only the first of the queue looks at the lock.
 * The design is that of MCS (Mellor-Crummey and Scott 1991) folded into a
 * 32-bit word, as in the kernel's queued spin lock: the word names the last
 * waiter by a 16-bit number instead of a pointer. There is no "pending" bit.
 *
 * A thread waits for one lock at a time, so it needs one queue node. It takes
 * a number when it first has to wait and gives it back when it ends. More
 * than LOCK_MAX_WAITERS threads at once: the rest spin outside of the queue.
 *
 * Ordering. The holder's writes happen before the next holder's reads:
 *   release: byte store to `held`                      REL(spinlock)
 *   acquire: compare-and-swap 0 -> 1, or the load in which the first of the
 *            queue sees `held` == 0                     ACQ(spinlock)
 * Waiters change the word between the two only by read-modify-write, which
 * continues the release sequence. A waiter's node is set up before it can be
 * reached: REL(lock-queue) on the word and on next; ACQ(lock-queue) where the
 * predecessor's number is taken out of the word and where next is read. The
 * first of the queue passes its place on with REL(lock-turn) / ACQ(lock-turn).
 *
 * Progress. The lock is granted in queue order: as long as the queue is not
 * empty the word is not 0, so a newcomer's compare-and-swap fails and it has
 * to queue; nobody overtakes. Every waiter therefore gets the lock after at
 * most as many critical sections as there were waiters before it. Blocking:
 * if the holder or the next waiter is off its CPU, all wait. A waiter that has
 * looked often enough yields its CPU at every further look: after LOOKS_SHARED
 * looks where more threads than CPUs have ever had to wait, since then the one
 * whose turn it is may be waiting for this very CPU, and after LOOKS_ALONE
 * otherwise. More threads than CPUs so go on, at the pace of the scheduler.
 */
#include "alloc/base/lock.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#define LOCK_MAX_WAITERS 4096
#define LOOKS_SHARED     50
#define LOOKS_ALONE      1000
#define HELD             1u
#define HELD_MASK        0xffu
#define TAIL_SHIFT       16

/* waiter[n - 1] belongs to number n; 0 stands for nobody. */
struct waiter {
	_Atomic uint32_t next; /* number of the waiter behind this one */
	_Atomic uint32_t turn; /* 1: first of the queue */
} CACHELINE;

static struct waiter waiters[LOCK_MAX_WAITERS];
static _Atomic uint64_t taken[LOCK_MAX_WAITERS / 64]; /* numbers in use */
static __thread uint32_t my_number;
static pthread_key_t number_key;
static pthread_once_t number_once = PTHREAD_ONCE_INIT;
static bool number_key_valid;
static _Atomic uint32_t nr_taken; /* numbers in use */
static uint32_t nr_cpus;

void spin_lock_init(struct spinlock *lock, enum lock_rank rank)
{
	/* relaxed: no other thread sees the lock yet */
	atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
	lock->rank = (uint8_t)rank;
}

static void number_release(void *value)
{
	uint32_t bit = (uint32_t)(uintptr_t)value - 1;

	/* relaxed: only a hint for waiters */
	atomic_fetch_sub_explicit(&nr_taken, 1, memory_order_relaxed);
	/* REL(lock-number): done with the node; pairs with ACQ(lock-number) */
	atomic_fetch_and_explicit(&taken[bit / 64], ~(1ULL << bit % 64),
				  memory_order_release);
}

static void number_init(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	nr_cpus = cpus > 0 ? (uint32_t)cpus : 1;
	number_key_valid = pthread_key_create(&number_key, number_release) == 0;
}

/* The first free number, 0 when there is none. Without a key the number could
 * not be given back at the thread's end: then nobody queues. */
static uint32_t number_get(void)
{
	pthread_once(&number_once, number_init);
	for (uint32_t w = 0; number_key_valid && w < ARRAY_SIZE(taken); w++) {
		/* relaxed: only a hint, the exchange decides */
		uint64_t seen =
			atomic_load_explicit(&taken[w], memory_order_relaxed);

		while (~seen) {
			uint32_t bit = (uint32_t)__builtin_ctzll(~seen);
			uint32_t number = w * 64 + bit + 1;

			/* ACQ(lock-number): the node is no longer used; pairs
			 * with REL(lock-number). relaxed on failure: retried */
			if (!atomic_compare_exchange_weak_explicit(
				    &taken[w], &seen, seen | 1ULL << bit,
				    memory_order_acquire, memory_order_relaxed))
				continue;
			/* relaxed: only a hint for waiters */
			atomic_fetch_add_explicit(&nr_taken, 1,
						  memory_order_relaxed);
			if (!pthread_setspecific(number_key,
						 (void *)(uintptr_t)number))
				return number;
			number_release((void *)(uintptr_t)number);
			return 0;
		}
	}
	return 0;
}

static void spin_pause(unsigned *looks)
{
	/* relaxed: a hint */
	const bool shared =
		atomic_load_explicit(&nr_taken, memory_order_relaxed) > nr_cpus;

	if (++*looks < (shared ? LOOKS_SHARED : LOOKS_ALONE))
		cpu_relax();
	else
		sched_yield();
}

static void lock_unqueued(struct spinlock *lock)
{
	unsigned looks = 0;
	uint32_t seen;

	for (;;) {
		seen = 0;
		/* ACQ(spinlock): as in spin_lock(). relaxed on failure: retried
		 */
		if (atomic_compare_exchange_weak_explicit(
			    &lock->word, &seen, HELD, memory_order_acquire,
			    memory_order_relaxed))
			return;
		spin_pause(&looks);
	}
}

/* Puts waiter `number` at the end. Returns the number before it, 0: it is the
 * first, or UINT32_MAX: the lock was free and is ours now. */
static uint32_t enqueue(struct spinlock *lock, uint32_t number)
{
	/* relaxed: the exchange decides */
	uint32_t seen = atomic_load_explicit(&lock->word, memory_order_relaxed);
	uint32_t want;

	do {
		want = seen ? (seen & HELD_MASK) | number << TAIL_SHIFT : HELD;
		/* REL(lock-queue): our node is set up; ACQ(lock-queue): so is
		 * the one before us; ACQ(spinlock): 0 -> 1 takes the lock.
		 * relaxed on failure: retried */
	} while (!atomic_compare_exchange_weak_explicit(
		&lock->word, &seen, want, memory_order_acq_rel,
		memory_order_relaxed));
	return seen ? seen >> TAIL_SHIFT : UINT32_MAX;
}

void spin_lock_slow(struct spinlock *lock)
{
	struct waiter *me, *next;
	uint32_t seen, before, behind;
	unsigned looks = 0;

	if (!my_number)
		my_number = number_get();
	if (!my_number) {
		lock_unqueued(lock);
		return;
	}
	me = &waiters[my_number - 1];
	/* relaxed, both: published by the exchange in enqueue() */
	atomic_store_explicit(&me->next, 0, memory_order_relaxed);
	atomic_store_explicit(&me->turn, 0, memory_order_relaxed);
	before = enqueue(lock, my_number);
	if (before == UINT32_MAX)
		return;
	if (before) {
		/* REL(lock-queue): pairs with ACQ(lock-queue) below */
		atomic_store_explicit(&waiters[before - 1].next, my_number,
				      memory_order_release);
		/* ACQ(lock-turn): pairs with REL(lock-turn) below */
		while (!atomic_load_explicit(&me->turn, memory_order_acquire))
			spin_pause(&looks);
	}
	/* ACQ(spinlock): the holder's writes; pairs with REL(spinlock) */
	while ((seen = atomic_load_explicit(&lock->word,
					    memory_order_acquire)) &
	       HELD_MASK)
		spin_pause(&looks);
	/* Last of the queue: take the lock and empty the queue in one step.
	 * relaxed: the load above acquired; nobody else can take the lock */
	if (seen == my_number << TAIL_SHIFT &&
	    atomic_compare_exchange_strong_explicit(&lock->word, &seen, HELD,
						    memory_order_relaxed,
						    memory_order_relaxed))
		return;
	/* relaxed: see above; newcomers touch only the upper half */
	atomic_fetch_or_explicit(&lock->word, HELD, memory_order_relaxed);
	/* ACQ(lock-queue): the node behind us; pairs with REL(lock-queue) */
	while (!(behind =
			 atomic_load_explicit(&me->next, memory_order_acquire)))
		spin_pause(&looks);
	next = &waiters[behind - 1];
	/* REL(lock-turn): we are done with the word; pairs with ACQ(lock-turn)
	 */
	atomic_store_explicit(&next->turn, 1, memory_order_release);
}

#define MAX_HELD 16

static __thread const struct spinlock *held_lock[MAX_HELD];
static __thread unsigned nr_held;

void lock_rank_push(const struct spinlock *lock)
{
	if (nr_held) {
		const struct spinlock *top = held_lock[nr_held - 1];
		/* zones lie in one array, so ascending id is ascending address
		 */
		bool zones = lock->rank == RANK_ZONE &&
			     top->rank == RANK_ZONE && lock > top;

		check(lock->rank > top->rank || zones,
		      "lock of rank %u taken while one of rank %u is held",
		      lock->rank, top->rank);
	}
	check(nr_held < MAX_HELD, "%u locks held by one thread", nr_held);
	held_lock[nr_held++] = lock;
}

void lock_rank_pop(const struct spinlock *lock)
{
	unsigned i = nr_held;

	while (i && held_lock[i - 1] != lock)
		i--;
	check(i, "lock of rank %u released but not held by this thread",
	      lock->rank);
	for (; i < nr_held; i++)
		held_lock[i - 1] = held_lock[i];
	nr_held--;
}
