/*
 * Event rings: one writer (the thread that owns the ring), read after that
 * thread was joined, so no atomics are needed. A full ring drops and counts;
 * a run that dropped an event is void (the harness checks).
 */
#ifndef ALLOC_BASE_EVENT_H
#define ALLOC_BASE_EVENT_H

#include "alloc/base/base.h"

enum event_kind {
	EV_WMARK_LOW,  /* zone seen below LOW; arg = free pages */
	EV_WMARK_MIN,  /* zone seen below MIN; arg = free pages */
	EV_ALLOC_FAIL, /* request failed; arg = gfp flags */
	EV_STEAL,      /* pageblock retagged; arg = (from << 8) | to */
	EV_FALLBACK, /* block taken from another type; arg = (from << 8) | to */
	EV_BOOST,    /* watermark boosted; arg = boost in pages */
	EV_HIGHATOMIC,  /* pageblock reserved (arg 1) or released (arg 0) */
	EV_REFILL,      /* per-CPU list refilled; arg = pages */
	EV_DRAIN,       /* per-CPU list drained; arg = pages */
	EV_KSWAPD_WAKE, /* kswapd of the zone's node called; arg = free pages */
	EV_GRACE_PERIOD, /* RCU grace period ended; arg = blocks released */
	EV_NR
};

struct event {
	uint64_t tsc;
	uint64_t arg;
	uint16_t kind;
	uint16_t cpu;
	uint16_t zone; /* zone->id */
	uint16_t order;
};

struct event_ring {
	struct event *slot; /* cap entries, owner: the harness */
	uint32_t used, cap;
	uint64_t dropped;
};

/* Name for events.csv, such as "wmark_low"; kind < EV_NR. */
const char *event_name(enum event_kind kind);

/* The raw time stamp counter; the harness converts it to nanoseconds. */
ALWAYS_INLINE uint64_t tsc_read(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t v;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
#else
#error "no time stamp counter for this architecture"
#endif
}

/* Records e with the time of now. ring may be NULL: nothing is recorded then.
 * Called by the owner only. */
ALWAYS_INLINE void event_record(struct event_ring *ring, struct event e)
{
	if (!ring)
		return;
	if (ring->used == ring->cap) {
		ring->dropped++;
		return;
	}
	e.tsc = tsc_read();
	ring->slot[ring->used++] = e;
}

#endif
