/*
 * What the rcu engine promises beyond the conformance suite, under each
 * flavour of liburcu: limbo stays within its limit, no request fails while
 * memory waits in it, idle threads do not hold memory back, and after a drain
 * the free lists are those of the boot.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "alloc/page/layout.h"
#include "alloc/page/page_alloc.h"
#include "harness/bind.h"

TestSuite(rcu, .timeout = 120);

#define MIB         (1ULL << 20)
#define NR_THREADS  3
#define NR_HELD     256
#define NR_TURNS    20000
#define FRAMES_MAX  (256 * MIB / PAGE_SIZE)
#define NR_COUNTERS 32

struct zone_blocks {
	uint64_t nr_free[NR_PAGE_ORDERS], cached, limbo;
};

struct setup {
	struct machine *m;
	const struct page_ops *ops;
	struct page_engine *e;
	struct zone_blocks boot[MAX_NR_ZONES];
};

/* Free blocks by order. Their types are left out: pageblocks change type. */
static void look(struct setup *s, struct zone_blocks *out)
{
	for (unsigned i = 0; i < s->m->nr_zones; i++) {
		struct zone_snapshot snap = { 0 };

		s->ops->snapshot(s->e, &s->m->zone[i], &snap);
		out[i] = (struct zone_blocks){ { 0 },
					       snap.cached_pages,
					       snap.limbo_pages };
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++)
				out[i].nr_free[o] += snap.nr_free[o][mt];
	}
}

static void begin(struct setup *s, const char *engine, enum rcu_flavor flavor,
		  uint32_t limbo, uint64_t bytes)
{
	struct machine_desc *d = malloc(sizeof(*d));
	const struct page_binding *b = page_binding_find(engine);
	char err[256];

	layout_defaults(d);
	layout_topo(&d->topo, 2, 1);
	cr_assert(!layout_zones(d, bytes, err, sizeof(err)), "%s", err);
	d->rcu_flavor = (uint8_t)flavor;
	d->rcu_limbo_pages = limbo;
	cr_assert(!machine_create(&s->m, d, NULL, err, sizeof(err)), "%s", err);
	free(d);
	machine_boot(s->m);
	cr_assert(b);
	s->ops = b->ops;
	cr_assert(!s->ops->create(&s->e, s->m));
	look(s, s->boot);
}

static void enter(struct setup *s, struct page_ctx *ctx, unsigned cpu)
{
	struct zone_counters *c = calloc(s->m->nr_zones, sizeof(*c));

	cr_assert(c && !page_ctx_enter(ctx, s->e, (uint16_t)cpu, c, NULL));
}

static void leave(struct page_ctx *ctx)
{
	struct zone_counters *c = ctx->counters;

	page_ctx_exit(ctx);
	free(c);
}

static uint64_t counter(struct setup *s, const char *name)
{
	struct engine_counter c[NR_COUNTERS];
	unsigned n = s->ops->counters(s->e, c, NR_COUNTERS);

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(c[i].name, name))
			return c[i].value;
	cr_assert(false, "no counter %s", name);
	return 0;
}

/* Everything was freed: drained, the lists hold what they held at boot. */
static void end(struct setup *s)
{
	struct zone_blocks now[MAX_NR_ZONES];
	const char *broken;

	s->ops->drain(s->e, NULL);
	look(s, now);
	cr_assert(!memcmp(now, s->boot, s->m->nr_zones * sizeof(*now)),
		  "free lists differ from those of the boot");
	broken = s->ops->verify(s->e);
	cr_assert(!broken, "%s", broken);
	s->ops->destroy(s->e);
	machine_destroy(s->m);
}

/* Frames that one thread can have before a request fails. */
static uint32_t take_all(struct page_ctx *ctx, gfp_t gfp, pfn_t *out)
{
	uint32_t n = 0;

	while (n < FRAMES_MAX) {
		out[n] = alloc_pages(ctx, gfp, 0);
		if (!pfn_valid(out[n]))
			break;
		n++;
	}
	return n;
}

static void give_all(struct page_ctx *ctx, uint32_t n, const pfn_t *pfn)
{
	for (uint32_t i = 0; i < n; i++)
		free_pages(ctx, pfn[i], 0);
}

/* Number, and sum of arg, of a kind in both rings. */
static uint64_t events_of(const struct event_ring ring[2], enum event_kind kind,
			  uint64_t *arg)
{
	uint64_t n = 0;

	*arg = 0;
	for (unsigned r = 0; r < 2; r++)
		for (uint32_t i = 0; i < ring[r].used; i++) {
			if (ring[r].slot[i].kind != kind)
				continue;
			n += ring[r].slot[i].n;
			*arg += ring[r].slot[i].arg;
		}
	return n;
}

/* One ring for the thread, one for the worker of node 0. */
static struct event_ring *rings_new(struct setup *s)
{
	struct event_ring *ring = calloc(2, sizeof(*ring));

	cr_assert(ring);
	for (unsigned r = 0; r < 2; r++) {
		ring[r].cap = 65536;
		ring[r].slot = calloc(ring[r].cap, sizeof(*ring[r].slot));
		cr_assert(ring[r].slot);
	}
	s->e->node_events = &ring[1];
	return ring;
}

static void rings_drop(struct event_ring *ring)
{
	free(ring[0].slot);
	free(ring[1].slot);
	free(ring);
}

static uint32_t frames_of_zonelock(gfp_t gfp, pfn_t *out)
{
	struct setup s;
	struct page_ctx ctx;
	uint32_t n;

	begin(&s, "zonelock", 0, 0, 64 * MIB);
	enter(&s, &ctx, 0);
	n = take_all(&ctx, gfp, out);
	give_all(&ctx, n, out);
	leave(&ctx);
	end(&s);
	return n;
}

/* Twice down to the last frame, the second time from limbo and stacks. */
static void last_frame(gfp_t gfp)
{
	pfn_t *pfn = malloc(FRAMES_MAX * sizeof(*pfn));
	uint32_t want = frames_of_zonelock(gfp, pfn), slack;

	for (unsigned f = 0; f < NR_RCU_FLAVORS; f++) {
		struct page_ctx ctx, other;
		struct setup s;

		begin(&s, "rcu", (enum rcu_flavor)f, 0, 64 * MIB);
		enter(&s, &ctx, 0);
		enter(&s, &other, 1);
		/* counts of free pages lag behind by the CPUs' deltas */
		slack = 2 * (uint32_t)s.m->desc.topo.nr_cpus * 125;
		for (unsigned round = 0; round < 2; round++) {
			uint32_t n = take_all(&ctx, gfp, pfn);

			cr_assert(n + slack >= want && n <= want + slack,
				  "flavour %u round %u: %u frames, zonelock %u",
				  f, round, n, want);
			/* what another thread frees and keeps in its batch */
			give_all(&other, n, pfn);
		}
		leave(&other);
		leave(&ctx);
		end(&s);
	}
	free(pfn);
}

Test(rcu, gives_out_every_frame_that_zonelock_does)
{
	last_frame(GFP_KERNEL);
}

Test(rcu, waits_for_limbo_even_where_linux_would_not_reclaim)
{
	last_frame(GFP_NOWAIT);
}

struct churner {
	struct setup *s;
	_Atomic uint32_t *owner; /* [end_pfn] */
	unsigned index;
	uint32_t failed;
};

static void own(struct churner *c, pfn_t pfn, unsigned order, uint32_t from,
		uint32_t to)
{
	for (uint32_t i = 0; i < 1u << order; i++) {
		/* relaxed: each frame's word has one owner at a time */
		uint32_t old = atomic_exchange_explicit(
			&c->owner[pfn.v + i], to, memory_order_relaxed);

		cr_assert(old == from, "frame %u: owner %u, expected %u",
			  pfn.v + i, old, from);
	}
}

/* Random orders and types, held for random times, by several threads. */
static void *churn(void *arg)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_HIGHUSER_MOVABLE,
				      GFP_KERNEL | GFP_BIT_RECLAIMABLE };
	struct churner *c = arg;
	uint64_t rng = 88172645463325252ULL * (c->index + 1);
	struct {
		pfn_t pfn;
		unsigned order;
	} held[NR_HELD];
	struct page_ctx ctx;

	enter(c->s, &ctx, c->index % 2);
	for (unsigned i = 0; i < NR_HELD; i++)
		held[i].pfn = PFN_NONE;
	for (unsigned turn = 0; turn < NR_TURNS; turn++) {
		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		unsigned i = (unsigned)(rng >> 20) % NR_HELD;

		if (pfn_valid(held[i].pfn)) {
			own(c, held[i].pfn, held[i].order, c->index + 1, 0);
			free_pages(&ctx, held[i].pfn, held[i].order);
			held[i].pfn = PFN_NONE;
			continue;
		}
		held[i].order = (unsigned)__builtin_ctzll(rng | 1u << 10);
		held[i].pfn =
			alloc_pages(&ctx, gfps[(rng >> 40) % 3], held[i].order);
		if (pfn_valid(held[i].pfn))
			own(c, held[i].pfn, held[i].order, 0, c->index + 1);
		else
			c->failed++;
	}
	for (unsigned i = 0; i < NR_HELD; i++) {
		if (!pfn_valid(held[i].pfn))
			continue;
		own(c, held[i].pfn, held[i].order, c->index + 1, 0);
		free_pages(&ctx, held[i].pfn, held[i].order);
	}
	leave(&ctx);
	return NULL;
}

static void churn_all(enum rcu_flavor flavor, uint32_t limbo)
{
	struct churner c[NR_THREADS];
	pthread_t thread[NR_THREADS];
	struct setup s;
	_Atomic uint32_t *owner;

	begin(&s, "rcu", flavor, limbo, 64 * MIB);
	owner = calloc(s.m->end_pfn, sizeof(*owner));
	for (unsigned i = 0; i < NR_THREADS; i++) {
		c[i] = (struct churner){ &s, owner, i, 0 };
		cr_assert(!pthread_create(&thread[i], NULL, churn, &c[i]));
	}
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	cr_assert(counter(&s, "rcu_limbo_peak_pages") > 0 || limbo);
	cr_assert(counter(&s, "rcu_limbo_peak_pages") <=
		  counter(&s, "rcu_limbo_limit_pages"));
	cr_assert(counter(&s, "rcu_grace_periods") > 0);
	end(&s);
	free(owner);
}

Test(rcu, threads_churn_memb)
{
	churn_all(RCU_FLAVOR_MEMB, 0);
}

Test(rcu, threads_churn_qsbr)
{
	churn_all(RCU_FLAVOR_QSBR, 0);
}

Test(rcu, threads_churn_mb)
{
	churn_all(RCU_FLAVOR_MB, 0);
}

Test(rcu, threads_churn_bp)
{
	churn_all(RCU_FLAVOR_BP, 0);
}

Test(rcu, threads_churn_small_limbo)
{
	churn_all(RCU_FLAVOR_MEMB, 100);
}

/* A limit of a few pages: batches of one page, and other threads' batches are
 * taken when they fill it. */
Test(rcu, free_makes_room_at_the_limit)
{
	static pfn_t pfn[2000];
	struct page_ctx ctx, idle;
	struct setup s;
	uint64_t waits;

	begin(&s, "rcu", RCU_FLAVOR_MEMB, 16, 64 * MIB);
	enter(&s, &ctx, 0);
	enter(&s, &idle, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(pfn); i++) {
		pfn[i] = alloc_pages(&ctx, GFP_KERNEL, 0);
		cr_assert(pfn_valid(pfn[i]));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pfn); i++)
		free_pages(i % 100 ? &ctx : &idle, pfn[i], 0);
	waits = counter(&s, "rcu_limit_waits") +
		counter(&s, "rcu_helped_rounds");
	cr_assert(waits > 0);
	cr_assert(counter(&s, "rcu_limbo_peak_pages") <= 16);
	leave(&idle);
	leave(&ctx);
	end(&s);
}

/* Larger than half of the limit: never in limbo. */
Test(rcu, large_blocks_wait_in_free)
{
	struct page_ctx ctx;
	struct setup s;
	pfn_t pfn;

	begin(&s, "rcu", RCU_FLAVOR_MEMB, 64, 64 * MIB);
	enter(&s, &ctx, 0);
	pfn = alloc_pages(&ctx, GFP_KERNEL, MAX_PAGE_ORDER);
	cr_assert(pfn_valid(pfn));
	free_pages(&ctx, pfn, MAX_PAGE_ORDER);
	cr_assert_eq(counter(&s, "rcu_synchronous_frees"), 1);
	leave(&ctx);
	end(&s);
}

/* The worker merges what nobody asks for again. */
Test(rcu, worker_recycles_in_the_background)
{
	static pfn_t pfn[1100];
	struct zone_snapshot now[MAX_NR_ZONES];
	const struct timespec nap = { 0, 10000000 };
	struct page_ctx ctx;
	struct setup s;

	begin(&s, "rcu", RCU_FLAVOR_MEMB, 0, 256 * MIB);
	enter(&s, &ctx, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(pfn); i++)
		pfn[i] = alloc_pages(&ctx, GFP_KERNEL, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(pfn); i++)
		free_pages(&ctx, pfn[i], 0);
	leave(&ctx);
	for (unsigned tries = 0; tries < 2000; tries++) {
		uint64_t limbo = 0;

		for (unsigned z = 0; z < s.m->nr_zones; z++) {
			s.ops->snapshot(s.e, &s.m->zone[z], &now[z]);
			limbo += now[z].limbo_pages;
		}
		if (!limbo)
			break;
		cr_assert(tries < 1999, "limbo still holds %llu pages",
			  (unsigned long long)limbo);
		nanosleep(&nap, NULL);
	}
	cr_assert(counter(&s, "rcu_worker_batches") > 0);
	end(&s);
}

/* What went through limbo is in the events: of the thread, of the worker. */
Test(rcu, limbo_and_its_end_are_events)
{
	struct event_ring *ring;
	pfn_t *pfn = malloc(FRAMES_MAX * sizeof(*pfn));
	struct page_ctx ctx;
	struct setup s;
	uint64_t arg, merged;
	uint32_t n;

	begin(&s, "rcu", RCU_FLAVOR_MEMB, 0, 64 * MIB);
	ring = rings_new(&s);
	enter(&s, &ctx, 0);
	ctx.events = &ring[0];
	n = take_all(&ctx, GFP_KERNEL, pfn);
	give_all(&ctx, n, pfn);
	/* the worker gets its turn: it sleeps 10 ms between rounds */
	usleep(50000);
	s.ops->drain(s.e, &ctx);
	s.e->node_events = NULL;
	cr_assert_gt(events_of(ring, EV_LIMBO, &arg), 0);
	cr_assert_gt(arg, 0);
	cr_assert_eq(events_of(ring, EV_GRACE_PERIOD, &arg),
		     counter(&s, "rcu_recycle_rounds"));
	merged = counter(&s, "rcu_merged_blocks");
	cr_assert_geq(arg, n);
	cr_assert_eq(arg, merged + counter(&s, "rcu_recycled_blocks"));
	events_of(ring, EV_MERGE, &arg);
	cr_assert_eq(arg, merged);
	cr_assert_eq(ring[0].dropped + ring[1].dropped, 0);
	ctx.events = NULL;
	leave(&ctx);
	end(&s);
	rings_drop(ring);
	free(pfn);
}
