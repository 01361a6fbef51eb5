/* Two threads and a ring: everything arrives, once, in order. A program of its
 * own, so that it also runs under ThreadSanitizer. */
#include "workloads/lib/spsc.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#define NR_PFNS 3000000u

static struct spsc ring;

static void *produce(void *arg)
{
	for (uint32_t i = 0; i < NR_PFNS; i++) {
		while (spsc_full(&ring))
			sched_yield();
		spsc_push(&ring, (pfn_t){ i });
	}
	return arg;
}

/* How many of the pfns were not the next one. */
static uint32_t consume(void)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < NR_PFNS; i++) {
		pfn_t pfn;

		while (pfn = spsc_pop(&ring), !pfn_valid(pfn))
			sched_yield();
		wrong += pfn.v != i;
	}
	return wrong + pfn_valid(spsc_pop(&ring));
}

/* Full at SPSC_SLOTS, empty after as many, over the wrap of the counters. */
static uint32_t bounds(void)
{
	uint32_t wrong = 0;

	/* relaxed: no other thread yet */
	atomic_store_explicit(&ring.tail, -5u, memory_order_relaxed);
	atomic_store_explicit(&ring.head, -5u, memory_order_relaxed);
	ring.head_seen = -5u;
	ring.tail_seen = -5u;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < SPSC_SLOTS; i++) {
			wrong += spsc_full(&ring);
			spsc_push(&ring, (pfn_t){ i });
		}
		wrong += !spsc_full(&ring);
		for (uint32_t i = 0; i < SPSC_SLOTS; i++)
			wrong += spsc_pop(&ring).v != i;
		wrong += pfn_valid(spsc_pop(&ring)) + spsc_full(&ring);
	}
	return wrong;
}

int main(void)
{
	pthread_t thread;
	uint32_t wrong;

	spsc_init(&ring);
	wrong = bounds();
	spsc_init(&ring);
	if (pthread_create(&thread, NULL, produce, NULL))
		return 1;
	wrong += consume();
	pthread_join(thread, NULL);
	printf("%u of %u pfns wrong\n", wrong, NR_PFNS);
	return wrong != 0;
}
