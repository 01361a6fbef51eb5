/*
 * Rings that join workers 2i and 2i+1, a producer and a consumer, one for each
 * pair (spsc.h), and what is told of them: of blocks (handoff.h) and of objects
 * (obj_remote).
 */
#ifndef WORKLOADS_LIB_HANDOFF_RING_H
#define WORKLOADS_LIB_HANDOFF_RING_H

#include <errno.h>
#include <sys/mman.h>

#include "workloads/lib/spsc.h"
#include "workloads/lib/worker.h"

enum { HANDOFF_WAITS }; /* tally: turns in which the ring was full or empty */

ALWAYS_INLINE struct spsc *handoff_ring(const struct worker *w)
{
	return (struct spsc *)w->team->shared + w->index / 2;
}

static inline size_t handoff_bytes(const struct team *team)
{
	return team->nr / 2 * sizeof(struct spsc);
}

/* Hooks of struct workload. */

static inline int handoff_setup(struct team *team)
{
	void *rings;

	if (team->nr % 2)
		return -EINVAL;
	/* zero pages are empty rings; each consumer places its own */
	rings = mmap(NULL, handoff_bytes(team), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rings == MAP_FAILED)
		return -ENOMEM;
	team->shared = rings;
	return 0;
}

static inline int handoff_prepare(struct worker *w)
{
	if (w->index % 2)
		spsc_init(handoff_ring(w));
	return 0;
}

static inline unsigned handoff_report(const struct team *team,
				      struct workload_metric *out)
{
	static const char *const names[] = { "ring_full_waits",
					     "ring_empty_waits" };
	uint64_t waits[2] = { 0, 0 };

	for (unsigned i = 0; i < team->nr; i++)
		waits[i % 2] += team->worker[i].tally[HANDOFF_WAITS];
	for (unsigned side = 0; side < 2; side++)
		out[side] = (struct workload_metric){
			.name = names[side],
			.unit = "turns",
			.better = "none",
			.value = (double)waits[side],
		};
	return 2;
}

static inline void handoff_cleanup(struct team *team)
{
	if (team->shared)
		munmap(team->shared, handoff_bytes(team));
	team->shared = NULL;
}

#endif
