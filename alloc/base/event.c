/*
 * Kinds of events, and how those of one key come to share a slot. See event.h.
 */
#include "alloc/base/event.h"

#define SPAN_STEP_LOG2 2    /* the span grows fourfold at a time */
#define PROBES         8    /* places looked at for a key */
#define KEPT_SHARE     16   /* 1 of so many slots is kept for new keys */
#define KEPT_MOST      2048 /* slots kept */

static const struct {
	const char *name;
	enum event_arg arg;
} kinds[EV_NR] = {
	[EV_WMARK_LOW] = { "wmark_low", EVENT_LEAST },
	[EV_WMARK_MIN] = { "wmark_min", EVENT_LEAST },
	[EV_ALLOC_FAIL] = { "alloc_fail", EVENT_SAME },
	[EV_STEAL] = { "steal", EVENT_SAME },
	[EV_FALLBACK] = { "fallback", EVENT_SAME },
	[EV_BOOST] = { "boost", EVENT_GREATEST },
	[EV_HIGHATOMIC] = { "highatomic", EVENT_SAME },
	[EV_REFILL] = { "refill", EVENT_SUM },
	[EV_DRAIN] = { "drain", EVENT_SUM },
	[EV_KSWAPD_WAKE] = { "kswapd_wake", EVENT_LEAST },
	[EV_LIMBO] = { "limbo", EVENT_GREATEST },
	[EV_MERGE] = { "merge", EVENT_SUM },
	[EV_GRACE_PERIOD] = { "grace_period", EVENT_SUM },
	[EV_WMARK_HIGH] = { "wmark_high", EVENT_GREATEST },
	[EV_KSWAPD_BEGIN] = { "kswapd_begin", EVENT_SINGLE },
	[EV_KSWAPD_SLEEP] = { "kswapd_sleep", EVENT_SINGLE },
	[EV_KSWAPD_RECLAIM] = { "kswapd_reclaim", EVENT_SUM },
	[EV_RECLAIM_BEGIN] = { "reclaim_begin", EVENT_SAME },
	[EV_RECLAIM_END] = { "reclaim_end", EVENT_SUM },
	[EV_RECLAIM_STALL] = { "reclaim_stall", EVENT_SUM },
	[EV_THROTTLE] = { "throttle", EVENT_SUM },
	[EV_COMPACT_BEGIN] = { "compact_begin", EVENT_SAME },
	[EV_COMPACT_END] = { "compact_end", EVENT_SAME },
	[EV_COMPACT_MOVED] = { "compact_moved", EVENT_SUM },
	[EV_SWAP_FAIL] = { "swap_fail", EVENT_SAME },
	[EV_OOM] = { "oom", EVENT_SAME },
};

const char *event_name(enum event_kind kind)
{
	return kinds[kind].name;
}

enum event_arg event_arg(enum event_kind kind)
{
	return kinds[kind].arg;
}

static uint32_t key_hash(const struct event *e)
{
	uint64_t key = (uint64_t)e->kind << 48 | (uint64_t)e->cpu << 32 |
		       (uint64_t)e->zone << 16 | e->order;

	if (kinds[e->kind].arg == EVENT_SAME)
		key ^= e->arg << 8;
	/* multiplicative hashing: the upper bits are the well mixed ones */
	return (uint32_t)(key * 0x9e3779b97f4a7c15ULL >> 32);
}

static bool same_key(const struct event *a, const struct event *b)
{
	return a->kind == b->kind && a->cpu == b->cpu && a->zone == b->zone &&
	       a->order == b->order &&
	       (kinds[a->kind].arg != EVENT_SAME || a->arg == b->arg);
}

/* The place in ring->open of the key, or of none; NULL: no place left. */
static uint32_t *find_open(struct event_ring *ring, const struct event *e)
{
	const uint32_t hash = key_hash(e);

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t *open = &ring->open[(hash + i) % EVENT_KEYS];

		if (!*open || same_key(&ring->slot[*open - 1], e))
			return open;
	}
	return NULL;
}

/* How long a slot can be shared, which is the longer the fuller the ring. */
static uint64_t span_now(const struct event_ring *ring)
{
	const uint32_t left = ring->cap - ring->used;
	const uint32_t kept = ring->cap / KEPT_SHARE;
	unsigned halvings;

	if (left <= (kept < KEPT_MOST ? kept : KEPT_MOST))
		return UINT64_MAX;
	/* how often what was left has been halved */
	halvings = (unsigned)(__builtin_clz(left) - __builtin_clz(ring->cap));
	return ring->span << SPAN_STEP_LOG2 * halvings;
}

static void share(struct event *slot, const struct event *e)
{
	slot->n++;
	slot->last = e->tsc;
	switch (kinds[e->kind].arg) {
	case EVENT_SUM:
		slot->arg += e->arg;
		break;
	case EVENT_LEAST:
		slot->arg = e->arg < slot->arg ? e->arg : slot->arg;
		break;
	case EVENT_GREATEST:
		slot->arg = e->arg > slot->arg ? e->arg : slot->arg;
		break;
	case EVENT_SAME:
	case EVENT_SINGLE:
		break;
	}
}

NOINLINE void event_record(struct event_ring *ring, struct event e)
{
	uint32_t *open = NULL;

	if (!ring)
		return;
	e.tsc = tsc_read();
	if (ring->span && kinds[e.kind].arg != EVENT_SINGLE)
		open = find_open(ring, &e);
	if (open && *open) {
		struct event *slot = &ring->slot[*open - 1];

		if (e.tsc - slot->tsc < span_now(ring) &&
		    slot->n < UINT32_MAX) {
			share(slot, &e);
			return;
		}
	}
	if (ring->used == ring->cap) {
		ring->dropped++;
		return;
	}
	e.last = e.tsc;
	e.n = 1;
	ring->slot[ring->used++] = e;
	if (open)
		*open = ring->used;
}
