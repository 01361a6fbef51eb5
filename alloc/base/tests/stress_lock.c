/*
 * The spin lock with more threads than CPUs: the plain counters under it must
 * add up, and nobody may be left out. Threads come and go, so queue numbers
 * are given back and taken again. A main of its own, for ThreadSanitizer.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc/base/lock.h"

#define THREADS 6
#define ROUNDS  4
#define OPS     20000

static struct {
	struct spinlock lock CACHELINE;
	uint64_t a CACHELINE; /* both: lock */
	uint64_t b CACHELINE;
} shared;

static void *worker(void *arg)
{
	uint64_t *done = arg;

	for (unsigned i = 0; i < OPS; i++) {
		if (i % 5) {
			spin_lock(&shared.lock);
		} else if (!spin_trylock(&shared.lock)) {
			continue;
		}
		if (shared.a != shared.b)
			abort();
		shared.a++;
		shared.b++;
		++*done;
		spin_unlock(&shared.lock);
	}
	return NULL;
}

int main(void)
{
	uint64_t total = 0;

	spin_lock_init(&shared.lock, RANK_LEAF);
	for (unsigned round = 0; round < ROUNDS; round++) {
		pthread_t id[THREADS];
		uint64_t done[THREADS] = { 0 };

		for (unsigned i = 0; i < THREADS; i++)
			if (pthread_create(&id[i], NULL, worker, &done[i]))
				return 1;
		for (unsigned i = 0; i < THREADS; i++) {
			pthread_join(id[i], NULL);
			total += done[i];
			if (done[i] < OPS / 5 * 4) {
				fprintf(stderr,
					"stress_lock: thread %u got "
					"the lock %llu times\n",
					i, (unsigned long long)done[i]);
				return 1;
			}
		}
	}
	if (shared.a != total || shared.b != total) {
		fprintf(stderr, "stress_lock: %llu and %llu, not %llu\n",
			(unsigned long long)shared.a,
			(unsigned long long)shared.b,
			(unsigned long long)total);
		return 1;
	}
	printf("stress_lock: %llu critical sections\n",
	       (unsigned long long)total);
	return 0;
}
