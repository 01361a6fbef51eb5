/*
 * Event rings: one writer (the thread that owns the ring), read after that
 * thread was joined or has come to rest, so no atomics are needed.
 *
 * A ring has to outlast a run of any length, and an allocator that is cut off
 * from its caches records a refill every microsecond. So events of the same key
 * (kind, CPU, zone, order, and arg where arg says what happened, not how much)
 * that begin within a span of time share a slot: n counts them, tsc and last
 * are the first and the last time, arg is their sum, least or greatest value,
 * as the kind has it. No count and no sum is lost; only the times within a span
 * are. The span is ring->span at first and grows fourfold whenever half of the
 * room that was left is used up; the last slots are kept for keys that have
 * none yet. Kinds whose order matters (EVENT_SINGLE) never share. span 0: no
 * event shares a slot.
 *
 * A full ring drops and counts; a run that dropped an event is void (the
 * harness checks).
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
	EV_LIMBO,       /* blocks handed to RCU; arg = pages in limbo then */
	EV_GRACE_PERIOD, /* RCU grace period ended; arg = blocks released */
	EV_MERGE,        /* of those, given to the buddy system; arg = blocks */
	EV_WMARK_HIGH,   /* zone above HIGH again; arg = free pages */
	EV_KSWAPD_BEGIN, /* kswapd runs; arg = free pages */
	EV_KSWAPD_SLEEP, /* kswapd naps or sleeps; arg = free pages */
	EV_KSWAPD_RECLAIM, /* end of a run; arg = scanned << 32 | reclaimed */
	EV_RECLAIM_BEGIN,  /* direct reclaim; arg = gfp flags */
	EV_RECLAIM_END,    /* ... its end; arg = scanned << 32 | reclaimed */
	EV_RECLAIM_STALL,  /* ... what it took its thread; arg = ticks */
	EV_THROTTLE,       /* of which: waited for kswapd; arg = ticks */
	EV_COMPACT_BEGIN,  /* arg = 0 async, 1 sync light, 2 sync full, 3 daemon
			    */
	EV_COMPACT_END,    /* arg = enum compact_result */
	EV_COMPACT_MOVED,  /* ... what it did; arg = pages */
	EV_SWAP_FAIL,      /* first failure of a kind; arg = enum swap_status */
	EV_OOM,            /* nothing is left to reclaim; arg = gfp flags */
	EV_NR
};

/* What becomes of arg when events share a slot. */
enum event_arg {
	EVENT_SINGLE, /* they do not */
	EVENT_SAME,   /* part of the key */
	EVENT_SUM,
	EVENT_LEAST,
	EVENT_GREATEST
};

struct event {
	uint64_t tsc;  /* of the first */
	uint64_t last; /* of the last; tsc where n is 1 */
	uint64_t arg;
	uint32_t n;
	uint16_t kind;
	uint16_t cpu;
	uint16_t zone; /* zone->id */
	uint16_t order;
};

#define EVENT_KEYS 2048 /* power of two; slots that can still be shared */

struct event_ring {
	struct event *slot; /* cap entries, owner: the harness */
	uint32_t used, cap;
	uint64_t dropped;
	uint64_t span;             /* ticks, 0: no slot is shared */
	uint32_t open[EVENT_KEYS]; /* by key: slot + 1 of the last one, 0: none
				    */
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

/* How events of the kind share a slot; kind < EV_NR. */
enum event_arg event_arg(enum event_kind kind);

/* Records e with the time of now. ring may be NULL: nothing is recorded then.
 * Called by the owner only; never on a path that a request usually takes. */
NOINLINE void event_record(struct event_ring *ring, struct event e);

#endif
