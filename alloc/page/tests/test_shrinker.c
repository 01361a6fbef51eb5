/* Shrinkers and scan targets, against numbers computed by hand. */
#include <criterion/criterion.h>

#include "alloc/page/shrinker.h"
#include "alloc/page/vmscan.h"

TestSuite(shrinker, .timeout = 10);

struct cache {
	struct shrinker s;
	unsigned long objects, scanned, calls, stop_after;
};

static unsigned long cache_count(struct shrinker *s, unsigned nid)
{
	(void)nid;
	return ((struct cache *)s->priv)->objects;
}

static unsigned long cache_scan(struct shrinker *s, struct page_ctx *ctx,
				unsigned nid, unsigned long nr)
{
	struct cache *c = s->priv;

	(void)ctx;
	(void)nid;
	if (c->stop_after && c->calls == c->stop_after)
		return SHRINK_STOP;
	c->calls++;
	c->scanned += nr;
	return nr / 2;
}

static struct cache cache_make(unsigned long objects, unsigned seeks)
{
	return (struct cache){ .s = { .name = "test",
				      .count_objects = cache_count,
				      .scan_objects = cache_scan,
				      .seeks = seeks },
			       .objects = objects };
}

static long deferred(const struct cache *c)
{
	/* relaxed: one thread */
	return atomic_load_explicit(&c->s.deferred[0], memory_order_relaxed);
}

Test(shrinker, scans_in_proportion_and_defers_the_rest)
{
	struct cache c = cache_make(10000, 2);
	uint64_t scanned = 0;

	c.s.priv = &c;
	cr_assert_eq(shrinker_run(&c.s, NULL, 0, 12, &scanned), 0);
	cr_assert_eq(c.calls, 0);
	cr_assert_eq(deferred(&c), 4);
	cr_assert_eq(shrinker_run(&c.s, NULL, 0, 6, &scanned), 128);
	cr_assert_eq(scanned, 256);
	cr_assert_eq(c.calls, 2);
	cr_assert_eq(deferred(&c), 60);
}

Test(shrinker, small_cache_is_scanned_at_priority_0)
{
	struct cache c = cache_make(100, 2);
	uint64_t scanned = 0;

	c.s.priv = &c;
	shrinker_run(&c.s, NULL, 0, 0, &scanned);
	cr_assert_eq(scanned, 128);
	cr_assert_eq(deferred(&c), 72);
}

Test(shrinker, objects_without_cost_go_by_halves)
{
	struct cache c = cache_make(1000, 0);
	uint64_t scanned = 0;

	c.s.priv = &c;
	shrinker_run(&c.s, NULL, 0, 12, &scanned);
	cr_assert_eq(scanned, 384); /* 500 in batches of 128 */
	cr_assert_eq(deferred(&c), 116);
}

Test(shrinker, stop_is_obeyed_and_remembered)
{
	struct cache c = cache_make(10000, 2);
	uint64_t scanned = 0;

	c.s.priv = &c;
	c.stop_after = 1;
	shrinker_run(&c.s, NULL, 0, 4, &scanned);
	cr_assert_eq(scanned, 128);
	cr_assert_eq(deferred(&c), 625 * 2 - 128);
}

Test(shrinker, register_asks_every_one)
{
	struct cache a = cache_make(1000, 1), b = cache_make(1000, 1);
	struct shrinkers *all;
	uint64_t scanned = 0;

	a.s.priv = &a;
	b.s.priv = &b;
	cr_assert_eq(shrinkers_create(&all), 0);
	shrinker_register(all, &a.s);
	shrinker_register(all, &b.s);
	shrink_slab(all, NULL, 0, 1, &scanned);
	cr_assert_eq(a.scanned, 1920); /* min(2000, 2 * 1000) by 128 */
	cr_assert_eq(b.scanned, 1920);
	cr_assert_eq(scanned, 3840);
	shrinker_unregister(all, &a.s);
	shrink_slab(all, NULL, 0, 1, &scanned);
	cr_assert_eq(a.scanned, 1920);
	cr_assert_gt(b.scanned, 1920);
	shrinker_unregister(all, &b.s);
	shrinkers_destroy(all);
}

Test(shrinker, inactive_ratio_grows_with_memory)
{
	const unsigned long gib = 262144;

	cr_assert(inactive_is_low(99, 100));
	cr_assert_not(inactive_is_low(100, 100));
	/* 3 from 1 GiB, 10 from 10 GiB, 31 from 100 GiB */
	cr_assert_not(inactive_is_low(gib / 4, gib * 3 / 4));
	cr_assert(inactive_is_low(gib / 4 - 1, gib * 3 / 4 + 1));
	cr_assert(inactive_is_low(gib * 9 / 10, gib * 91 / 10));
	cr_assert_not(inactive_is_low(gib, gib * 9));
	cr_assert_not(inactive_is_low(gib * 100 / 32, gib * 3100 / 32));
	cr_assert(inactive_is_low(gib * 3, gib * 97));
}
