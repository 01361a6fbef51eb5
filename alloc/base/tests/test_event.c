/* Event rings: what shares a slot, what is kept, and when a ring is full. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "alloc/base/event.h"

TestSuite(event, .timeout = 20);

static struct event_ring *ring_new(uint32_t cap, uint64_t span)
{
	struct event_ring *ring = calloc(1, sizeof(*ring));

	cr_assert(ring);
	ring->slot = calloc(cap, sizeof(*ring->slot));
	cr_assert(ring->slot);
	ring->cap = cap;
	ring->span = span;
	return ring;
}

static void ring_drop(struct event_ring *ring)
{
	free(ring->slot);
	free(ring);
}

static void record(struct event_ring *ring, enum event_kind kind,
		   uint16_t order, uint64_t arg)
{
	event_record(ring, (struct event){ .kind = (uint16_t)kind,
					   .order = order,
					   .arg = arg });
}

/* Number and sum of arg of a kind. */
static uint64_t total(const struct event_ring *ring, enum event_kind kind,
		      uint64_t *arg)
{
	uint64_t n = 0;

	*arg = 0;
	for (uint32_t i = 0; i < ring->used; i++) {
		if (ring->slot[i].kind != kind)
			continue;
		n += ring->slot[i].n;
		*arg += ring->slot[i].arg;
	}
	return n;
}

Test(event, no_ring_records_nothing)
{
	event_record(NULL, (struct event){ .kind = EV_REFILL });
	cr_assert(true);
}

Test(event, without_a_span_each_has_a_slot)
{
	struct event_ring *ring = ring_new(4, 0);

	for (unsigned i = 0; i < 6; i++)
		record(ring, EV_REFILL, 0, 63);
	cr_assert_eq(ring->used, 4);
	cr_assert_eq(ring->dropped, 2);
	cr_assert_eq(ring->slot[3].n, 1);
	cr_assert_eq(ring->slot[3].last, ring->slot[3].tsc);
	ring_drop(ring);
}

Test(event, one_key_shares_a_slot_between_others)
{
	struct event_ring *ring = ring_new(64, UINT64_MAX / 2);

	for (unsigned i = 0; i < 10; i++) {
		record(ring, EV_REFILL, 0, 63);
		record(ring, EV_REFILL, 3, 8);
		record(ring, EV_DRAIN, 0, 7 + i);
	}
	cr_assert_eq(ring->used, 3);
	cr_assert_eq(ring->dropped, 0);
	cr_assert_eq(ring->slot[0].n, 10);
	cr_assert_eq(ring->slot[0].arg, 630);
	cr_assert_eq(ring->slot[1].arg, 80);
	cr_assert_eq(ring->slot[2].arg, 70 + 45);
	cr_assert_gt(ring->slot[0].last, ring->slot[0].tsc);
	cr_assert_leq(ring->slot[0].tsc, ring->slot[1].tsc);
	ring_drop(ring);
}

Test(event, what_happened_is_part_of_the_key)
{
	struct event_ring *ring = ring_new(64, UINT64_MAX / 2);

	for (unsigned i = 0; i < 6; i++)
		record(ring, EV_STEAL, 4, i % 2 ? 0x102 : 0x201);
	cr_assert_eq(ring->used, 2);
	cr_assert_eq(ring->slot[0].arg, 0x201);
	cr_assert_eq(ring->slot[0].n, 3);
	cr_assert_eq(ring->slot[1].arg, 0x102);
	ring_drop(ring);
}

Test(event, least_and_greatest_are_kept)
{
	static const uint64_t arg[] = { 50, 20, 90 };
	struct event_ring *ring = ring_new(64, UINT64_MAX / 2);

	for (unsigned i = 0; i < ARRAY_SIZE(arg); i++) {
		record(ring, EV_WMARK_LOW, 0, arg[i]);
		record(ring, EV_BOOST, 0, arg[i]);
	}
	cr_assert_eq(ring->slot[0].arg, 20);
	cr_assert_eq(ring->slot[1].arg, 90);
	ring_drop(ring);
}

Test(event, a_span_ends)
{
	struct event_ring *ring = ring_new(64, 1);

	for (unsigned i = 0; i < 10; i++) {
		const uint64_t now = tsc_read();

		record(ring, EV_REFILL, 0, 1);
		while (tsc_read() == now)
			cpu_relax();
	}
	cr_assert_eq(ring->used, 10);
	ring_drop(ring);
}

/* Ten million refills of four orders, and no other loss than that of times. */
Test(event, a_flood_loses_no_count_and_no_sum)
{
	struct event_ring *ring = ring_new(4096, 1);
	const uint64_t nr = 10000000;
	uint64_t arg;

	for (uint64_t i = 0; i < nr; i++)
		record(ring, EV_REFILL, i % 4, 16);
	cr_assert_eq(total(ring, EV_REFILL, &arg), nr);
	cr_assert_eq(arg, nr * 16);
	cr_assert_eq(ring->dropped, 0);
	/* the last slots are there for what has not happened yet */
	for (uint16_t order = 0; order < 11; order++)
		record(ring, EV_DRAIN, order, 1);
	cr_assert_eq(total(ring, EV_DRAIN, &arg), 11);
	cr_assert_eq(ring->dropped, 0);
	ring_drop(ring);
}

/* More keys than there are slots: what finds none is counted. */
Test(event, keys_beyond_the_last_slot_are_dropped)
{
	struct event_ring *ring = ring_new(8, UINT64_MAX / 2);

	for (unsigned round = 0; round < 2; round++)
		for (uint16_t order = 0; order < 10; order++)
			record(ring, EV_REFILL, order, 1);
	cr_assert_eq(ring->used, 8);
	cr_assert_eq(ring->dropped, 4);
	cr_assert_eq(ring->slot[7].n, 2);
	ring_drop(ring);
}

Test(event, each_kind_has_a_name)
{
	for (unsigned kind = 0; kind < EV_NR; kind++)
		cr_assert(event_name((enum event_kind)kind), "event kind %u",
			  kind);
}
