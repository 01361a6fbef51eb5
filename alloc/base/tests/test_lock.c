/* The spin lock from one thread: states, and ranks in checked builds. */
#ifdef __clang__
/* An assertion that fails leaves the test with the lock held. */
#pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "alloc/base/lock.h"

TestSuite(lock, .timeout = 10);

Test(lock, try_fails_while_held)
{
	struct spinlock lock;

	spin_lock_init(&lock, RANK_LEAF);
	cr_assert(spin_trylock(&lock));
	cr_assert_not(spin_trylock(&lock));
	spin_unlock(&lock);
	spin_lock(&lock);
	spin_unlock(&lock);
	cr_assert(spin_trylock(&lock));
	spin_unlock(&lock);
}

Test(lock, ranks_in_order_are_accepted)
{
	struct spinlock zone[2], pcp, leaf;

	spin_lock_init(&pcp, RANK_PCP);
	spin_lock_init(&zone[0], RANK_ZONE);
	spin_lock_init(&zone[1], RANK_ZONE);
	spin_lock_init(&leaf, RANK_LEAF);
	for (unsigned i = 0; i < 2; i++) {
		lock_rank_push(&pcp);
		lock_rank_push(&zone[0]);
		lock_rank_push(&zone[1]);
		lock_rank_push(&leaf);
		lock_rank_pop(&zone[0]);
		lock_rank_pop(&leaf);
		lock_rank_pop(&pcp);
		lock_rank_pop(&zone[1]);
	}
	cr_assert(true);
}

Test(lock, inner_before_outer_aborts, .signal = SIGABRT)
{
	struct spinlock pcp, zone;

	spin_lock_init(&pcp, RANK_PCP);
	spin_lock_init(&zone, RANK_ZONE);
	lock_rank_push(&zone);
	lock_rank_push(&pcp);
}

Test(lock, two_of_one_rank_abort, .signal = SIGABRT)
{
	struct spinlock pcp[2];

	spin_lock_init(&pcp[0], RANK_PCP);
	spin_lock_init(&pcp[1], RANK_PCP);
	lock_rank_push(&pcp[0]);
	lock_rank_push(&pcp[1]);
}

Test(lock, zones_in_descending_order_abort, .signal = SIGABRT)
{
	struct spinlock zone[2];

	spin_lock_init(&zone[0], RANK_ZONE);
	spin_lock_init(&zone[1], RANK_ZONE);
	lock_rank_push(&zone[1]);
	lock_rank_push(&zone[0]);
}

Test(lock, release_of_what_is_not_held_aborts, .signal = SIGABRT)
{
	struct spinlock zone;

	spin_lock_init(&zone, RANK_ZONE);
	lock_rank_pop(&zone);
}
