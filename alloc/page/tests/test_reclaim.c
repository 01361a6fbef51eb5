/*
 * The rules of reclaim by hand-computed numbers: how deep each kind of request
 * may dig, the HighAtomic reserve, throttling, boosts, the deferral of
 * compaction, how much of each list is looked at.
 *
 * The machine has DMA with 3840 and DMA32 with 4096 pages. lowmem is 31744
 * KiB, so min_free_kbytes is isqrt(31744 * 16) = 712, 178 pages:
 *   DMA32  MIN 178 * 4096 / 7936 = 91, step max(91 / 4, 4) = 22: 113, 135
 *   DMA    MIN 178 * 3840 / 7936 = 86, step 21: 107, 128; it keeps back 4096 /
 *          256 = 16 from requests that could have DMA32
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc/page/buddy.h"
#include "alloc/page/compaction.h"
#include "alloc/page/procfs_names.h"
#include "alloc/page/tests/pressure.h"
#include "alloc/page/vmscan.h"
#include "alloc/page/vmstat.h"
#include "harness/bind.h"

#define MANAGED 7936u
/* A figure moves by threshold + 1: 2 * fls(4 CPUs) * (1 + fls(0)) = 6, + 1. */
#define STEP 7

TestSuite(reclaim_rules, .timeout = 60);

static struct pressure *make(const struct page_ops *ops,
			     struct reclaim_config *cfg)
{
	return pressure_make(marked_machine(MARKED_32M), ops, cfg);
}

/* No boost, which an unmovable page of a movable pageblock would cause. */
static struct pressure *make_unboosted(const struct page_ops *ops,
				       struct reclaim_config *cfg)
{
	struct machine *m = marked_machine(MARKED_32M);

	m->desc.watermark_boost_factor = 0;
	return pressure_make(m, ops, cfg);
}

static const struct page_ops *zonelock(void)
{
	return page_binding_find("zonelock")->ops;
}

static void end(struct pressure *p)
{
	const char *wrong = pressure_end(p);

	cr_assert(!wrong, "%s", wrong ? wrong : "");
}

static struct zone *zone_of(struct pressure *p, unsigned idx)
{
	return p->m->node[0].zone[idx];
}

static long snapshot(struct pressure *p, unsigned idx)
{
	return zone_free_pages_snapshot(zone_of(p, idx));
}

/* What was taken, to be given back. */
struct taken {
	pfn_t pfn[MANAGED];
	unsigned nr;
};

/* Single pages as long as there are any, caches emptied in between. */
static unsigned take_all(struct pressure *p, gfp_t gfp, struct taken *t)
{
	const unsigned before = t->nr;
	unsigned last;

	do {
		last = t->nr;
		while (t->nr < MANAGED &&
		       pfn_valid(t->pfn[t->nr] = alloc_pages(&p->ctx, gfp, 0)))
			t->nr++;
		p->e->ops->drain(p->e, &p->ctx);
	} while (t->nr > last);
	return t->nr - before;
}

static void give_back(struct pressure *p, struct taken *t)
{
	free_pages_bulk(&p->ctx, t->nr, t->pfn);
	free(t);
}

/* Fills the zone that gfp prefers with clean file pages until it has few left.
 */
static unsigned fill_files(struct pressure *p, struct owner_slot *slot,
			   gfp_t gfp, long left)
{
	const struct lru_access how = { .gfp = gfp };
	const unsigned idx =
		p->m->gfp_zone[gfp & 0xf] == ZONE_DMA ? ZONE_DMA : ZONE_DMA32;
	unsigned nr = 0;

	while (snapshot(p, idx) > left) {
		pfn_t pfn;

		cr_assert_eq(lru_access(&p->ctx, &slot[nr], &how, &pfn),
			     LRU_ABSENT);
		pfn = alloc_pages(&p->ctx, gfp, 0);
		cr_assert(pfn_valid(pfn));
		lru_add(&p->ctx, &slot[nr++], pfn, LRU_ADD_FILE);
	}
	return nr;
}

static void drop_files(struct pressure *p, struct owner_slot *slot, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		lru_delete(&p->ctx, &slot[i]);
	free(slot);
}

static void wait_for_sleep(const struct pressure *p)
{
	for (unsigned i = 0; i < 5000 && reclaim_kswapd_awake(p->r, 0); i++)
		usleep(1000);
	cr_assert(!reclaim_kswapd_awake(p->r, 0), "kswapd goes on and on");
}

/*
 * Left of DMA32 and of DMA by each kind of request, the one after the other:
 *   GFP_NOWAIT          MIN                     91       86 + 16
 *   __GFP_HIGH, waits   MIN - MIN / 2           46       43 + 16
 *   GFP_ATOMIC          that less a quarter     35       33 + 16
 *   __GFP_MEMALLOC      all                      0        0
 */
static void reserves_of(const struct page_ops *ops)
{
	static const struct {
		gfp_t gfp;
		long dma32, dma;
	} depth[] = {
		{ GFP_NOWAIT, 91, 102 },
		{ GFP_KERNEL | GFP_BIT_HIGH | GFP_BIT_NORETRY, 46, 59 },
		{ GFP_ATOMIC, 35, 49 },
		{ GFP_BIT_MEMALLOC, 0, 0 },
	};
	/* our own engines fetch many at a time, and look at the marks then;
	 * the zone's figure may lag behind what a drain gave back */
	const bool exact = ops->features & PAGE_F_EXACT;
	const long slack = exact ? STEP : 128, lag = exact ? 0 : STEP;
	struct reclaim_config cfg = pressure_config();
	struct pressure *p = make_unboosted(ops, &cfg);
	struct taken *t = calloc(1, sizeof(*t));

	for (unsigned i = 0; i < ARRAY_SIZE(depth); i++) {
		long dma32, dma;

		take_all(p, depth[i].gfp, t);
		dma32 = snapshot(p, ZONE_DMA32);
		dma = snapshot(p, ZONE_DMA);
		cr_expect(dma32 <= depth[i].dma32 + lag &&
				  dma32 > depth[i].dma32 - slack,
			  "%s, kind %u: DMA32 has %ld", ops->name, i, dma32);
		cr_expect(dma <= depth[i].dma + lag &&
				  dma > depth[i].dma - slack,
			  "%s, kind %u: DMA has %ld", ops->name, i, dma);
	}
	cr_expect_eq(t->nr, MANAGED);
	cr_expect_eq(vm_read(reclaim_vm_events(p->r), VM_OOM_KILL), 0);
	give_back(p, t);
	end(p);
}

Test(reclaim_rules, each_kind_of_request_has_its_depth)
{
	for (const struct page_binding *b = page_binding_first(); b;
	     b = b->next)
		if (!(b->ops->features & PAGE_F_FLOOR))
			reserves_of(b->ops);
}

/* A HighAtomic pageblock's pages count for nobody else, as Linux 6.1 has it,
 * until a request would fail for that. */
Test(reclaim_rules, highatomic_reserve_is_given_up_before_oom)
{
	struct reclaim_config cfg = pressure_config();
	struct pressure *p = make_unboosted(zonelock(), &cfg);
	struct vm_events *v = reclaim_vm_events(p->r);
	struct taken *t = calloc(1, sizeof(*t));
	unsigned got, given = 0;
	pfn_t pair, pfn;

	take_all(p, GFP_NOWAIT, t);
	pair = alloc_pages(&p->ctx, GFP_ATOMIC, 1);
	cr_assert(pfn_valid(pair));
	cr_expect_eq(pressure_events(p, EV_HIGHATOMIC), 1);
	/* 300 pages more in DMA32, but 512 of it are reserved */
	for (unsigned i = 0; i < t->nr && given < 300; i++) {
		if (machine_zone_of(p->m, t->pfn[i].v)->idx != ZONE_DMA32)
			continue;
		free_pages(&p->ctx, t->pfn[i], 0);
		t->pfn[i--] = t->pfn[--t->nr];
		given++;
	}
	cr_assert(!pfn_valid(
		alloc_pages(&p->ctx, GFP_KERNEL | GFP_BIT_NORETRY, 0)));
	pfn = alloc_pages(&p->ctx, GFP_ATOMIC, 0);
	cr_expect(pfn_valid(pfn), "GFP_ATOMIC may use the reserve");
	t->pfn[t->nr++] = pfn;
	pfn = alloc_pages(&p->ctx, GFP_KERNEL, 0);
	cr_expect(pfn_valid(pfn), "a request failed with 300 free pages");
	t->pfn[t->nr++] = pfn;
	cr_expect_eq(vm_read(v, VM_OOM_KILL), 0);
	/* and then all of them are to be had: 91 + 300 - 2 - 1 - 1 - 91, as
	 * far as the zone's figure tells */
	got = take_all(p, GFP_KERNEL, t);
	cr_expect(got >= 296 - STEP && got <= 296 + STEP, "%u", got);
	cr_expect_geq(vm_read(v, VM_OOM_KILL), 1);
	free_pages(&p->ctx, pair, 1);
	give_back(p, t);
	end(p);
}

/* Less than half of MIN is left: who reclaims directly waits until kswapd has
 * made enough of it again. */
Test(reclaim_rules, reclaimers_are_throttled_below_half_of_min)
{
	struct reclaim_config cfg = pressure_config();
	struct owner_slot *slot = calloc(MANAGED, sizeof(*slot));
	struct taken *t = calloc(1, sizeof(*t));
	struct pressure *p;
	struct vm_events *v;
	unsigned nr;

	cfg.kswapd = true;
	p = make(zonelock(), &cfg);
	v = reclaim_vm_events(p->r);
	wait_for_sleep(p);
	nr = fill_files(p, slot, GFP_HIGHUSER_MOVABLE, 400);
	/* nobody calls kswapd here */
	while (snapshot(p, ZONE_DMA32) > 30) {
		t->pfn[t->nr] = alloc_pages(&p->ctx, GFP_BIT_MEMALLOC, 0);
		cr_assert(pfn_valid(t->pfn[t->nr++]));
	}
	cr_expect_eq(vm_read(v, VM_PAGEOUTRUN), 0);
	/* nor here, but for the throttle */
	t->pfn[t->nr] =
		alloc_pages(&p->ctx, GFP_KERNEL & ~GFP_BIT_KSWAPD_RECLAIM, 0);
	cr_expect(pfn_valid(t->pfn[t->nr++]));
	cr_expect_eq(vm_read(v, VM_PGSCAN_DIRECT_THROTTLE), 1);
	cr_expect_geq(vm_read(v, VM_PAGEOUTRUN), 1);
	cr_expect_gt(vm_read(v, VM_PGSTEAL_KSWAPD), 0);
	cr_expect_gt(snapshot(p, ZONE_DMA32), 91 / 2);
	wait_for_sleep(p);
	reclaim_stop(p->r);
	cr_expect_eq(pressure_events(p, EV_THROTTLE), 1);
	give_back(p, t);
	drop_files(p, slot, nr);
	end(p);
}

struct waker {
	struct reclaim *r;
	_Atomic bool stop;
};

/* As kswapd does at the end of each run that helps nobody. */
static void *wake_again_and_again(void *arg)
{
	struct waker *w = arg;

	/* relaxed: seen eventually */
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		wake_throttled(w->r, 0);
		usleep(10000);
	}
	return NULL;
}

/* Who may not wait for the file system is held back a second at most, however
 * often it is woken meanwhile. */
Test(reclaim_rules, throttling_ends_in_spite_of_wakeups)
{
	struct reclaim_config cfg = pressure_config();
	struct owner_slot *slot = calloc(MANAGED, sizeof(*slot));
	struct taken *t = calloc(1, sizeof(*t));
	struct pressure *p = make_unboosted(zonelock(), &cfg);
	struct vm_events *v = reclaim_vm_events(p->r);
	struct waker waker = { .r = p->r };
	pthread_t thread;
	unsigned nr;

	/* a thread that never gets to run */
	p->r->cfg.kswapd = true;
	nr = fill_files(p, slot, GFP_HIGHUSER_MOVABLE, 400);
	while (snapshot(p, ZONE_DMA32) > 30) {
		t->pfn[t->nr] = alloc_pages(&p->ctx, GFP_BIT_MEMALLOC, 0);
		cr_assert(pfn_valid(t->pfn[t->nr++]));
	}
	cr_assert_eq(
		pthread_create(&thread, NULL, wake_again_and_again, &waker), 0);
	t->pfn[t->nr] = alloc_pages(&p->ctx, GFP_KERNEL & ~GFP_BIT_FS, 0);
	cr_expect(pfn_valid(t->pfn[t->nr++]));
	cr_expect_eq(vm_read(v, VM_PGSCAN_DIRECT_THROTTLE), 1);
	cr_expect_eq(vm_read(v, VM_PAGEOUTRUN), 0);
	/* relaxed: see there */
	atomic_store_explicit(&waker.stop, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	give_back(p, t);
	drop_files(p, slot, nr);
	end(p);
}

/* Requests that would go round for ever in Linux do so 16 times more, even
 * where nobody would be killed for them. */
Test(reclaim_rules, nofail_goes_round_where_nobody_is_killed)
{
	static const struct {
		gfp_t gfp;
		unsigned order, idx;
	} request[] = {
		{ GFP_KERNEL, 4, ZONE_NORMAL },
		{ GFP_KERNEL | GFP_BIT_THISNODE, 0, ZONE_NORMAL },
		{ GFP_KERNEL | GFP_DMA, 0, ZONE_DMA },
	};
	struct reclaim_config cfg = pressure_config();
	struct pressure *p = make(zonelock(), &cfg);
	struct vm_events *v = reclaim_vm_events(p->r);
	struct taken *t = calloc(1, sizeof(*t));

	take_all(p, GFP_BIT_MEMALLOC, t);
	for (unsigned i = 0; i < ARRAY_SIZE(request); i++) {
		const unsigned stall = VM_ALLOCSTALL + request[i].idx;
		const uint64_t before = vm_read(v, stall);

		cr_assert(!pfn_valid(
			alloc_pages(&p->ctx, request[i].gfp | GFP_BIT_NOFAIL,
				    request[i].order)));
		cr_expect_eq(vm_read(v, stall) - before, 17,
			     "request %u: %u rounds", i,
			     (unsigned)(vm_read(v, stall) - before));
	}
	cr_expect_eq(vm_read(v, VM_OOM_KILL), 0);
	give_back(p, t);
	end(p);
}

/* A thread's policy is not the caller's __GFP_THISNODE: Linux would kill. */
Test(reclaim_rules, bound_thread_is_out_of_memory_like_any_other)
{
	static const gfp_t gfp[] = { GFP_KERNEL,
				     GFP_KERNEL | GFP_BIT_THISNODE };
	const struct mem_policy bind = { MEM_BIND, 0 };
	struct reclaim_config cfg = pressure_config();
	struct pressure *p = make(zonelock(), &cfg);
	struct taken *t = calloc(1, sizeof(*t));

	take_all(p, GFP_BIT_MEMALLOC, t);
	cr_assert_eq(page_ctx_policy(&p->ctx, bind), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(gfp); i++) {
		cr_assert(!pfn_valid(alloc_pages(&p->ctx, gfp[i], 0)));
		cr_expect_eq(vm_read(reclaim_vm_events(p->r), VM_OOM_KILL), 1);
	}
	give_back(p, t);
	end(p);
}

/*
 * DMA32 gives eight blocks of order 9, DMA seven, and both are refused more
 * with hundreds of pages left: no mark was crossed. Single pages then cross
 * LOW of both, MIN of DMA32 (91 left, DMA 102), and GFP_ATOMIC that of DMA.
 */
Test(reclaim_rules, marks_are_crossed_by_free_pages_alone)
{
	struct reclaim_config cfg = pressure_config();
	struct pressure *p = make_unboosted(zonelock(), &cfg);
	struct taken *t = calloc(1, sizeof(*t));
	pfn_t huge[16];
	unsigned nr = 0;

	while (pfn_valid(huge[nr] = alloc_pages(&p->ctx, GFP_NOWAIT, 9)))
		cr_assert_lt(++nr, ARRAY_SIZE(huge));
	cr_expect_gt(snapshot(p, ZONE_DMA), 128);
	cr_expect_gt(snapshot(p, ZONE_DMA32), 135);
	cr_expect_eq(pressure_events(p, EV_WMARK_LOW), 0);
	cr_expect_eq(pressure_events(p, EV_WMARK_MIN), 0);
	while (nr)
		free_pages(&p->ctx, huge[--nr], 9);
	take_all(p, GFP_NOWAIT, t);
	cr_expect_eq(pressure_events(p, EV_WMARK_LOW), 2);
	cr_expect_eq(pressure_events(p, EV_WMARK_MIN), 1);
	take_all(p, GFP_ATOMIC, t);
	cr_expect_eq(pressure_events(p, EV_WMARK_LOW), 2);
	cr_expect_eq(pressure_events(p, EV_WMARK_MIN), 2);
	give_back(p, t);
	end(p);
}

/* As reclaim takes a clean file page. */
static void evict(struct pressure *p, pfn_t pfn)
{
	struct lru *lru = reclaim_lru(p->r);
	struct lru_node *n = &lru->node[machine_zone_of(p->m, pfn.v)->nid];

	spin_lock(&n->lock);
	cr_assert(lru_claim(lru, n, pfn.v));
	lru_unlink(lru, n, pfn.v);
	spin_unlock(&n->lock);
	lru_moved_out(lru, pfn.v, false);
	free_pages(&p->ctx, pfn, 0);
}

static pfn_t make_file(struct pressure *p, struct owner_slot *slot,
		       unsigned nid)
{
	pfn_t pfn = alloc_pages_node(&p->ctx, nid, GFP_HIGHUSER_MOVABLE, 0);

	cr_assert(pfn_valid(pfn));
	cr_assert_eq(machine_zone_of(p->m, pfn.v)->nid, nid);
	lru_add(&p->ctx, slot, pfn, LRU_ADD_FILE);
	return pfn;
}

/* Evicted on node 0 and back on node 1 at once, it is active, whatever node 1
 * has evicted meanwhile; that it is counts for the node that it is on now. */
Test(reclaim_rules, refaults_are_held_against_the_node_of_the_eviction)
{
	const struct lru_access how = { .gfp = GFP_HIGHUSER_MOVABLE };
	struct reclaim_config cfg = pressure_config();
	struct pressure *p =
		pressure_make(small_machine(KERNEL_6_1, 2), zonelock(), &cfg);
	struct lru *lru = reclaim_lru(p->r);
	struct owner_slot slot = { 0 };
	uint64_t age;
	pfn_t pfn;

	cr_assert_eq(lru_access(&p->ctx, &slot, &how, &pfn), LRU_ABSENT);
	evict(p, make_file(p, &slot, 0));
	lru_age(&lru->node[1], p->m->managed);
	cr_assert_eq(lru_access(&p->ctx, &slot, &how, &pfn), LRU_ABSENT);
	lru_cancel(&slot);
	cr_assert_eq(lru_access(&p->ctx, &slot, &how, &pfn), LRU_ABSENT);
	/* relaxed: nobody else runs */
	age = atomic_load_explicit(&lru->node[1].age, memory_order_relaxed);
	pfn = make_file(p, &slot, 1);
	cr_expect_eq(lru_flags(&lru->page[pfn.v]) & LRU_PAGE_LIST,
		     LRU_ACTIVE_FILE);
	cr_expect_eq(
		atomic_load_explicit(&lru->node[1].age, memory_order_relaxed),
		age + 1);
	cr_expect_eq(procfs_reclaim_node(p->m, 0, "workingset_refault_file"),
		     0);
	cr_expect_eq(procfs_reclaim_node(p->m, 1, "workingset_refault_file"),
		     1);
	cr_expect_eq(procfs_reclaim_node(p->m, 1, "workingset_activate_file"),
		     1);
	/* and the other way round: long ago, by node 1 */
	evict(p, pfn);
	lru_age(&lru->node[1], p->m->managed);
	cr_assert_eq(lru_access(&p->ctx, &slot, &how, &pfn), LRU_ABSENT);
	pfn = make_file(p, &slot, 0);
	cr_expect_eq(lru_flags(&lru->page[pfn.v]) & LRU_PAGE_LIST,
		     LRU_INACTIVE_FILE);
	lru_delete(&p->ctx, &slot);
	end(p);
}

Test(reclaim_rules, throttled_reclaimer_asks_for_low_zones_only)
{
	struct mailbox box = { .order = 0 };
	unsigned order, idx = MAX_NR_ZONES;

	mailbox_init(&box);
	mailbox_put(&box, 3, ZONE_MOVABLE);
	mailbox_lower(&box, ZONE_NORMAL);
	mailbox_take(&box, &order, &idx);
	cr_expect_eq(order, 3);
	cr_expect_eq(idx, ZONE_NORMAL);
	idx = MAX_NR_ZONES;
	mailbox_lower(&box, ZONE_NORMAL);
	mailbox_take(&box, &order, &idx);
	cr_expect_eq(idx, ZONE_NORMAL);
}

/* 100 less the proactiveness; Linux 6.1 stops at 5. */
Test(reclaim_rules, proactive_compaction_stops_at_a_score)
{
	struct reclaim_config cfg = pressure_config();
	struct pressure *p = make(zonelock(), &cfg);

	cr_expect_eq(compaction_score_low(p->r), 80);
	p->r->cfg.compaction_proactiveness = 98;
	cr_expect_eq(compaction_score_low(p->r), 5);
	p->m->desc.kernel = KERNEL_6_12;
	cr_expect_eq(compaction_score_low(p->r), 2);
	p->m->desc.kernel = KERNEL_6_1;
	end(p);
}

/* What kcompactd was not woken for, since there was nothing to do then, or was
 * not told while it worked, it finds by itself. */
Test(reclaim_rules, kcompactd_finds_a_request_that_did_not_wake_it)
{
	struct reclaim_config cfg = pressure_config();
	struct pressure *p;
	struct vm_events *v;

	cfg.kcompactd = true;
	p = make(zonelock(), &cfg);
	v = reclaim_vm_events(p->r);
	kcompactd_wakeup(p->r, 0, 9, ZONE_NORMAL);
	for (unsigned i = 0; i < 5000 && !vm_read(v, VM_COMPACT_DAEMON_WAKE);
	     i++)
		usleep(1000);
	cr_expect_eq(vm_read(v, VM_COMPACT_DAEMON_WAKE), 1);
	end(p);
}

/*
 * An unmovable page out of a movable pageblock raises the marks of DMA32 by a
 * pageblock: max(135 * 1.5, 512) = 512. kswapd is called although the node is
 * balanced, reclaims so many pages without writing any, and takes it back.
 */
Test(reclaim_rules, boost_is_reclaimed_for_and_taken_back)
{
	struct reclaim_config cfg = pressure_config();
	struct owner_slot *slot = calloc(MANAGED, sizeof(*slot));
	struct owner dirty = { .id = 1 };
	struct zone *zone;
	struct pressure *p;
	struct vm_events *v;
	unsigned nr;
	pfn_t pfn;

	cfg.kswapd = true;
	cfg.swap.bytes = 1 << 20;
	p = make(zonelock(), &cfg);
	v = reclaim_vm_events(p->r);
	zone = zone_of(p, ZONE_DMA32);
	wait_for_sleep(p);
	/* it would be the first to go */
	cr_assert_eq(owner_use(&p->ctx, &dirty, GFP_HIGHUSER_MOVABLE, true), 0);
	/* no block of a pageblock's size is left */
	nr = fill_files(p, slot, GFP_HIGHUSER_MOVABLE, 300);
	/* fewer than 4096 pages are not looked at, at priority 12 */
	nr += fill_files(p, slot + nr, GFP_USER | GFP_BIT_MOVABLE | GFP_DMA,
			 1000);
	cr_assert_eq(vm_read(v, VM_PAGEOUTRUN), 0);
	pfn = alloc_pages(&p->ctx, GFP_KERNEL, 0);
	cr_assert(pfn_valid(pfn));
	while (!vm_read(v, VM_PAGEOUTRUN))
		usleep(1000);
	wait_for_sleep(p);
	reclaim_stop(p->r);
	/* relaxed: nobody else runs */
	cr_expect_eq(atomic_load_explicit(&zone->watermark_boost,
					  memory_order_relaxed),
		     0);
	cr_expect_eq(pressure_events(p, EV_BOOST), 2, "%u",
		     pressure_events(p, EV_BOOST));
	cr_expect_eq(pressure_events(p, EV_KSWAPD_WAKE), 1);
	cr_expect_geq(vm_read(v, VM_PGSTEAL_KSWAPD), 512);
	cr_expect_eq(vm_read(v, VM_PSWPOUT), 0);
	cr_expect_eq(lru_slot_state(&dirty.slot), SLOT_RESIDENT);
	free_pages(&p->ctx, pfn, 0);
	lru_delete(&p->ctx, &dirty.slot);
	drop_files(p, slot, nr);
	end(p);
}

/* Synchronous runs of direct compaction over the zone so far. */
static unsigned sync_runs(const struct pressure *p, const struct zone *zone)
{
	unsigned nr = 0;

	for (uint32_t i = 0; i < p->events.used; i++) {
		const struct event *e = &p->events.slot[i];

		if (e->kind == EV_COMPACT_BEGIN && e->zone == zone->id &&
		    e->arg == 1)
			nr += e->n;
	}
	return nr;
}

/*
 * Nothing can be moved, so compaction fails. A request asks twice, before and
 * after reclaim, and only the second time is synchronous; after failure s a
 * run comes at the 2^s-th time, s up to 6: at requests 1, 2, 4, ... 64, 96.
 */
Test(reclaim_rules, compaction_that_fails_is_deferred)
{
	struct reclaim_config cfg = pressure_config();
	struct pressure *p = make(zonelock(), &cfg);
	struct taken *t = calloc(1, sizeof(*t));
	unsigned kept = 0, want = 0;

	take_all(p, GFP_NOWAIT, t);
	for (unsigned i = 0; i < t->nr; i++) {
		if (t->pfn[i].v % 4)
			free_pages(&p->ctx, t->pfn[i], 0);
		else
			t->pfn[kept++] = t->pfn[i];
	}
	t->nr = kept;
	for (unsigned i = 1; i <= 100; i++) {
		cr_assert(!pfn_valid(alloc_pages(&p->ctx, GFP_KERNEL, 9)));
		want += i <= 64 ? !(i & (i - 1)) : i == 96;
		cr_expect_eq(sync_runs(p, zone_of(p, ZONE_DMA32)), want,
			     "request %u: %u runs", i,
			     sync_runs(p, zone_of(p, ZONE_DMA32)));
	}
	cr_expect_eq(vm_read(reclaim_vm_events(p->r), VM_PGMIGRATE_SUCCESS), 0);
	give_back(p, t);
	end(p);
}

/* 3000 pages of each kind, swappiness 60, nothing known of their cost: at
 * priority 4 187 * 60 / 200 and 187 * 140 / 200. */
Test(reclaim_rules, lists_are_scanned_by_size_and_swappiness)
{
	struct reclaim_config cfg = pressure_config();
	struct owner_slot *slot = calloc(6000, sizeof(*slot));
	const struct lru_access how = { .gfp = GFP_HIGHUSER_MOVABLE };
	unsigned long nr[NR_LRU_LISTS];
	struct scan_control sc = { .idx = ZONE_MOVABLE, .may_io = true };
	struct pressure *p;

	cfg.swap.bytes = 1 << 20;
	p = make(zonelock(), &cfg);
	sc.r = p->r;
	sc.ctx = &p->ctx;
	for (unsigned i = 0; i < 6000; i++) {
		pfn_t pfn;

		cr_assert_eq(lru_access(&p->ctx, &slot[i], &how, &pfn),
			     LRU_ABSENT);
		pfn = alloc_pages(&p->ctx, GFP_HIGHUSER_MOVABLE, 0);
		lru_add(&p->ctx, &slot[i], pfn, i % 2 ? LRU_ADD_FILE : 0);
	}
	sc.priority = 12;
	scan_counts(&sc, 0, nr);
	cr_expect_eq(nr[LRU_INACTIVE_ANON] + nr[LRU_INACTIVE_FILE], 0);
	sc.priority = 4;
	scan_counts(&sc, 0, nr);
	cr_expect_eq(nr[LRU_INACTIVE_ANON], 56, "%lu", nr[LRU_INACTIVE_ANON]);
	cr_expect_eq(nr[LRU_INACTIVE_FILE], 130, "%lu", nr[LRU_INACTIVE_FILE]);
	sc.priority = 0;
	scan_counts(&sc, 0, nr);
	cr_expect_eq(nr[LRU_INACTIVE_ANON], 3000);
	cr_expect_eq(nr[LRU_INACTIVE_FILE], 3000);
	sc.may_io = false;
	scan_counts(&sc, 0, nr);
	cr_expect_eq(nr[LRU_INACTIVE_ANON], 0);
	cr_expect_eq(nr[LRU_INACTIVE_FILE], 3000);
	drop_files(p, slot, 6000);
	end(p);
}

Test(reclaim_rules, inactive_list_is_low_by_the_size_of_both)
{
	cr_expect_not(inactive_is_low(100, 100));
	cr_expect(inactive_is_low(99, 100));
	/* 1 GiB: one to isqrt(10) = 3 */
	cr_expect_not(inactive_is_low(65536, 196608));
	cr_expect(inactive_is_low(65535, 196609));
	/* 10 GiB: one to 10 */
	cr_expect_not(inactive_is_low(238313, 2383128));
	cr_expect(inactive_is_low(238312, 2383129));
}
