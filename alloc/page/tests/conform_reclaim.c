/*
 * Reclaim, swap and compaction over every page engine: nothing is lost, nothing
 * is wrong, nobody runs out of memory while something could be reclaimed.
 * Compiled once per engine, as conform_page.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc/page/tests/pressure.h"

#define SWAP_BYTES (48ULL << 20)

/* Large machines take long under a sanitizer: such builds have the smallest
 * alone. */
#if CHECK_LEVEL || defined(__SANITIZE_THREAD__)
#define SMALL_ONLY true
#else
#define SMALL_ONLY false
#endif

TestSuite(reclaim, .timeout = 120);

static bool is_floor(void)
{
	return engine_ops.features & PAGE_F_FLOOR;
}

static struct owner *owners_make(unsigned nr, bool file)
{
	struct owner *o = calloc(nr, sizeof(*o));

	cr_assert(o);
	for (unsigned i = 0; i < nr; i++) {
		o[i].id = i + 1;
		o[i].file = file;
	}
	return o;
}

static void owners_drop(struct pressure *p, struct owner *o, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		lru_delete(&p->ctx, &o[i].slot);
	free(o);
}

static struct pressure *make(enum marked_machine which,
			     struct reclaim_config *cfg)
{
	return pressure_make(marked_machine(which), &engine_ops, cfg);
}

static void end(struct pressure *p)
{
	const char *wrong = pressure_end(p);

	cr_assert(!wrong, "%s", wrong ? wrong : "");
}

/* Half as much again as the machine has, every page used and found as it was
 * left, twice over. */
static void use_more_than_there_is(struct reclaim_config *cfg)
{
	struct pressure *p = make(MARKED_32M, cfg);
	const unsigned nr = (unsigned)p->m->managed * 3 / 2;
	struct owner *o = owners_make(nr, false);
	struct vm_events *v = reclaim_vm_events(p->r);

	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < nr; i += 1 + round)
			cr_assert_eq(
				owner_use(&p->ctx, &o[i], GFP_HIGHUSER_MOVABLE,
					  round == 0 || i % 3 == 0),
				0, "owner %u of %u in round %u", i, nr, round);
	cr_assert_gt(vm_read(v, VM_PSWPOUT), nr - p->m->managed);
	cr_assert_gt(vm_read(v, VM_PSWPIN), (nr - p->m->managed) / 2);
	cr_assert_eq(vm_read(v, VM_PGSTEAL_ANON),
		     vm_read(v, VM_PGSTEAL_KSWAPD) +
			     vm_read(v, VM_PGSTEAL_DIRECT));
	cr_assert_eq(vm_read(v, VM_OOM_KILL), 0);
	owners_drop(p, o, nr);
	end(p);
}

Test(reclaim, working_set_larger_than_memory_by_direct_reclaim)
{
	struct reclaim_config cfg = pressure_config();

	if (is_floor())
		return;
	cfg.swap.bytes = SWAP_BYTES;
	use_more_than_there_is(&cfg);
}

Test(reclaim, working_set_larger_than_memory_with_kswapd)
{
	struct reclaim_config cfg = pressure_config();

	if (is_floor())
		return;
	cfg.swap.bytes = SWAP_BYTES;
	cfg.kswapd = cfg.kcompactd = true;
	use_more_than_there_is(&cfg);
}

/* --- marks ------------------------------------------------------------------
 */

/*
 * Requests that a ramp of clean file pages makes until kswapd is called, and
 * until direct reclaim begins. By hand, from LOW or MIN plus protection of each
 * zone; a zone's figure moves in steps of its stat threshold + 1, or of a
 * refill where that is larger:
 *
 * x86-64, LOW: Normal (245760 - 735) / 25 = 9801 steps, DMA32 (752640 - 3215)
 * / 37 -> 20255 steps, DMA is closed: 245025 + 749435 pages. With pagesets of
 * batch 63 the refill that crosses gives one page more: 63 * 3889 + 1 and
 * 63 * 11895 + 1. MIN: 490 and 2463.
 * i386, LOW: HighMem 66 by 9 (two refills of 7: 14), Normal 1156 + 1024 by 17
 * (63), DMA 20 + 980 by 5. MIN: 32, 1949, 996.
 * Two nodes, LOW: 423 by 13 (15), DMA 26 + 240 by 7, then node 1: 452 by 19
 * (two refills of 15). MIN: 339, 261, 362.
 */
static const struct ramp {
	enum marked_machine machine;
	unsigned low[2], min[2]; /* zonelock, pcp */
	unsigned kswapds;
} ramps[] = {
	{ MARKED_X86_64, { 994461, 994395 }, { 995488, 995403 }, 1 },
	{ MARKED_I386, { 251611, 251571 }, { 251890, 251870 }, 1 },
	{ MARKED_2_NODES, { 129694, 129670 }, { 129887, 129857 }, 2 },
};

/* Among the events since the last look, whose number is *seen. */
static bool has_event(const struct pressure *p, enum event_kind kind,
		      uint32_t *seen)
{
	while (*seen < p->events.used)
		if (p->events.slot[(*seen)++].kind == kind)
			return true;
	return false;
}

/* One page of the ramp; false: no page. */
static bool ramp_step(struct pressure *p, struct owner_slot *slot)
{
	const struct lru_access how = { .gfp = GFP_HIGHUSER_MOVABLE };
	pfn_t pfn;

	cr_assert_eq(lru_access(&p->ctx, slot, &how, &pfn), LRU_ABSENT);
	pfn = alloc_pages(&p->ctx, GFP_HIGHUSER_MOVABLE, 0);
	if (!pfn_valid(pfn)) {
		lru_cancel(slot);
		return false;
	}
	lru_add(&p->ctx, slot, pfn, LRU_ADD_FILE);
	return true;
}

/* Requests until the event; the last one is the one that causes it. */
static unsigned ramp_until(struct pressure *p, struct owner_slot *slot,
			   unsigned most, enum event_kind kind)
{
	uint32_t seen = 0;

	for (unsigned i = 0; i < most; i++) {
		cr_assert(ramp_step(p, &slot[i]));
		if (has_event(p, kind, &seen))
			return i + 1;
	}
	return 0;
}

static bool kswapds_sleep(const struct pressure *p)
{
	for (unsigned i = 0; i < p->m->desc.topo.nr_nodes; i++)
		if (reclaim_kswapd_awake(p->r, i))
			return false;
	return true;
}

/* Balanced as Linux says it: some zone of each node is above its HIGH mark. */
static bool above_high(const struct machine *m, unsigned nid)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = m->node[nid].zone[i];

		if (z->managed &&
		    zone_free_pages_safe(z) >
			    z->watermark[WMARK_HIGH] +
				    z->lowmem_reserve[ZONE_MOVABLE])
			return true;
	}
	return false;
}

static bool all_above_high(const struct machine *m)
{
	for (unsigned i = 0; i < m->desc.topo.nr_nodes; i++)
		if (!above_high(m, i))
			return false;
	return true;
}

static void ramp_drop(struct pressure *p, struct owner_slot *slot, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		lru_delete(&p->ctx, &slot[i]);
	free(slot);
}

static void ramp_to_low(const struct ramp *r)
{
	const bool pcp = engine_ops.features & PAGE_F_PCP;
	struct reclaim_config cfg = pressure_config();
	const unsigned most = r->low[0] + 4096;
	struct owner_slot *slot = calloc(most, sizeof(*slot));
	struct pressure *p;
	struct vm_events *v;
	unsigned nr;

	cfg.kswapd = true;
	p = pressure_make(marked_machine(r->machine), &engine_ops, &cfg);
	v = reclaim_vm_events(p->r);
	while (!kswapds_sleep(p))
		usleep(1000);
	usleep(200000); /* the nap is over: it sleeps */
	nr = ramp_until(p, slot, most, EV_KSWAPD_WAKE);
	if (engine_ops.features & PAGE_F_EXACT)
		cr_expect_eq(nr, r->low[pcp], "machine %u: woken by %u, not %u",
			     r->machine, nr, r->low[pcp]);
	/* our own engines keep frames back, and look at the marks when they
	 * have to fetch more */
	cr_expect(nr + 4096 > r->low[0] && nr < r->low[0] + 4096,
		  "machine %u: woken by %u", r->machine, nr);
	for (unsigned i = 0; i < 5000 && !all_above_high(p->m); i++)
		usleep(1000);
	for (unsigned i = 0; i < 5000 && !kswapds_sleep(p); i++)
		usleep(1000);
	cr_expect(kswapds_sleep(p), "kswapd goes on and on");
	cr_expect(all_above_high(p->m), "a node is below HIGH");
	/* x86-64: 994460 >> 12 pages at priority 12, which leaves Normal at
	 * 977, then 994218 >> 11 */
	if (r->machine == MARKED_X86_64 && !pcp &&
	    (engine_ops.features & PAGE_F_EXACT)) {
		cr_expect_eq(vm_read(v, VM_PGSTEAL_KSWAPD), 242 + 485, "%llu",
			     (unsigned long long)vm_read(v, VM_PGSTEAL_KSWAPD));
		cr_expect_eq(vm_read(v, VM_PGSCAN_KSWAPD), 242 + 485);
		cr_expect_eq(vm_read(v, VM_PAGEOUTRUN), 1);
	}
	cr_expect_eq(vm_read(v, VM_PGSTEAL_DIRECT), 0);
	reclaim_stop(p->r);
	cr_expect_eq(pressure_events(p, EV_KSWAPD_WAKE), r->kswapds);
	ramp_drop(p, slot, nr);
	end(p);
}

static unsigned first_ramp(void)
{
	return SMALL_ONLY ? ARRAY_SIZE(ramps) - 1 : 0;
}

Test(reclaim, kswapd_is_woken_at_low_and_sleeps_at_high)
{
	for (unsigned i = first_ramp(); i < ARRAY_SIZE(ramps) && !is_floor();
	     i++)
		ramp_to_low(&ramps[i]);
}

Test(reclaim, direct_reclaim_begins_at_min)
{
	const bool pcp = engine_ops.features & PAGE_F_PCP;

	for (unsigned i = first_ramp(); i < ARRAY_SIZE(ramps) && !is_floor();
	     i++) {
		const struct ramp *r = &ramps[i];
		struct reclaim_config cfg = pressure_config();
		const unsigned most = r->min[0] + 4096;
		struct owner_slot *slot = calloc(most, sizeof(*slot));
		struct pressure *p = pressure_make(marked_machine(r->machine),
						   &engine_ops, &cfg);
		const unsigned nr = ramp_until(p, slot, most, EV_RECLAIM_BEGIN);
		struct vm_events *v = reclaim_vm_events(p->r);

		if (engine_ops.features & PAGE_F_EXACT)
			cr_expect_eq(nr, r->min[pcp], "machine %u: %u, not %u",
				     r->machine, nr, r->min[pcp]);
		cr_expect(nr + 4096 > r->min[0] && nr < r->min[0] + 4096,
			  "machine %u: %u", r->machine, nr);
		cr_expect_geq(vm_read(v, VM_PGSTEAL_DIRECT), 32);
		cr_expect_eq(vm_read(v, VM_ALLOCSTALL + ZONE_MOVABLE), 1);
		cr_expect_eq(pressure_events(p, EV_RECLAIM_END), 1);
		cr_expect_eq(pressure_events(p, EV_OOM), 0);
		ramp_drop(p, slot, nr);
		end(p);
	}
}

/* --- running out
 * ---------------------------------------------------------------- */

/* Takes whatever is to be had, unmovable; pages. */
static unsigned take_all(struct pressure *p, gfp_t gfp, pfn_t *out,
			 unsigned most)
{
	unsigned nr = 0;

	while (nr < most) {
		out[nr] = alloc_pages(&p->ctx, gfp, 0);
		if (!pfn_valid(out[nr]))
			break;
		nr++;
	}
	return nr;
}

/* As long as anything can be reclaimed or drained, a request is served: OOM
 * finds the lists empty, and what is left free is below the marks. */
static void oom_is_true(bool kswapd)
{
	struct reclaim_config cfg = pressure_config();
	const unsigned nr = 6000;
	struct owner *o = owners_make(nr, true);
	struct pressure *p;
	pfn_t *pfn;
	unsigned got;

	cfg.kswapd = cfg.kcompactd = kswapd;
	cfg.swap.bytes = SWAP_BYTES;
	p = make(MARKED_32M, &cfg);
	pfn = calloc(p->m->managed, sizeof(*pfn));
	for (unsigned i = 0; i < nr; i++) {
		o[i].file = i % 2;
		cr_assert_eq(
			owner_use(&p->ctx, &o[i], GFP_HIGHUSER_MOVABLE, true),
			0);
	}
	got = take_all(p, GFP_KERNEL, pfn, (unsigned)p->m->managed);
	cr_expect_eq(vm_read(reclaim_vm_events(p->r), VM_OOM_KILL), 1);
	for (unsigned l = 0; l < NR_LRU_LISTS; l++)
		cr_expect_eq(lru_node_pages(reclaim_lru(p->r), 0, l), 0,
			     "list %u has %ld pages", l,
			     lru_node_pages(reclaim_lru(p->r), 0, l));
	for (unsigned z = 0; z < p->m->nr_zones; z++) {
		const struct zone *zone = &p->m->zone[z];

		if (!zone->managed)
			continue;
		cr_expect_leq(zone_free_pages_snapshot(zone),
			      zone->watermark[WMARK_MIN] +
				      zone->lowmem_reserve[ZONE_NORMAL] + 125,
			      "zone %s has %ld pages", zone->name,
			      zone_free_pages_snapshot(zone));
	}
	free_pages_bulk(&p->ctx, got, pfn);
	free(pfn);
	owners_drop(p, o, nr);
	end(p);
}

Test(reclaim, no_oom_while_anything_is_left)
{
	if (is_floor())
		return;
	oom_is_true(false);
	oom_is_true(true);
}

Test(reclaim, full_swap_is_a_status_and_loses_nothing)
{
	struct reclaim_config cfg = pressure_config();
	struct swap_stats stats;
	struct pressure *p;
	struct owner *o;
	unsigned nr, failed = 0;

	if (is_floor())
		return;
	cfg.swap.bytes = 4 << 20;
	p = make(MARKED_32M, &cfg);
	nr = (unsigned)p->m->managed * 3 / 2;
	o = owners_make(nr, false);
	for (unsigned i = 0; i < nr; i++)
		failed += owner_use(&p->ctx, &o[i], GFP_HIGHUSER_MOVABLE,
				    true) == -ENOMEM;
	swap_stats(reclaim_swap(p->r), &stats);
	cr_expect_eq(stats.used, stats.slots);
	cr_expect_gt(stats.failed[SWAP_FULL], 0);
	cr_expect_eq(pressure_events(p, EV_SWAP_FAIL), 1);
	/* memory and swap are full to the last page */
	cr_expect_leq(nr - failed, p->m->managed + stats.slots);
	cr_expect_geq(nr - failed, p->m->managed * 9 / 10 + stats.slots);
	for (unsigned i = 0; i < nr; i++)
		if (lru_slot_state(&o[i].slot) == SLOT_RESIDENT)
			cr_expect_eq(owner_use(&p->ctx, &o[i],
					       GFP_HIGHUSER_MOVABLE, false),
				     0);
	owners_drop(p, o, nr);
	end(p);
}

/* Writes and reads fail, are short or come back wrong all the time: accesses
 * may fail then, and succeed when they are tried again. */
Test(reclaim, swap_faults_lose_nothing)
{
	struct reclaim_config cfg = pressure_config();
	struct swap_stats stats;
	struct pressure *p;
	struct owner *o;
	unsigned nr;

	if (is_floor())
		return;
	cfg.kswapd = true;
	cfg.swap.bytes = SWAP_BYTES;
	cfg.swap.faults = (struct swap_faults){ .seed = 42,
						.write_eio = 100000,
						.write_enospc = 100000,
						.write_short = 100000,
						.read_eio = 50000,
						.read_corrupt = 250000 };
	p = make(MARKED_32M, &cfg);
	nr = (unsigned)p->m->managed * 9 / 8;
	o = owners_make(nr, false);
	for (unsigned i = 0; i < nr * 3 / 2; i++) {
		int r;

		do {
			r = owner_use(&p->ctx, &o[i % nr], GFP_HIGHUSER_MOVABLE,
				      i % 2);
		} while (r == -EIO || r == -ENOMEM);
		cr_assert_eq(r, 0);
	}
	swap_stats(reclaim_swap(p->r), &stats);
	cr_expect_gt(stats.failed[SWAP_EIO], 0);
	cr_expect_gt(stats.failed[SWAP_ENOSPC], 0);
	cr_expect_gt(stats.failed[SWAP_CORRUPT], 0);
	owners_drop(p, o, nr);
	swap_stats(reclaim_swap(p->r), &stats);
	cr_expect_eq(stats.used, 0);
	end(p);
}

/* Low memory of i386 is not swapped; file pages there are dropped. */
Test(reclaim, i386_swaps_high_memory_only)
{
	struct reclaim_config cfg = pressure_config();
	unsigned nr;
	struct lru *lru;
	struct pressure *p;
	struct owner *o;

	if (is_floor())
		return;
	cfg.swap.bytes = SWAP_BYTES;
	p = make(MARKED_I386_40M, &cfg);
	nr = (unsigned)p->m->managed + 1500;
	lru = reclaim_lru(p->r);
	o = owners_make(nr, false);
	for (unsigned i = 0; i < nr; i++)
		cr_assert_eq(
			owner_use(&p->ctx, &o[i], GFP_HIGHUSER_MOVABLE, true),
			0);
	cr_expect_gt(vm_read(reclaim_vm_events(p->r), VM_PSWPOUT), 1000);
	cr_expect_gt(lru_zone_pages(lru, ZONE_NORMAL, LRU_UNEVICTABLE), 3500);
	cr_expect_eq(lru_zone_pages(lru, ZONE_NORMAL, LRU_INACTIVE_ANON), 0);
	cr_expect_eq(lru_zone_pages(lru, ZONE_HIGHMEM, LRU_UNEVICTABLE), 0);
	owners_drop(p, o, nr);
	end(p);
}

/* --- compaction
 * -------------------------------------------------------------------- */

/* Blocks of 2 MiB that can be had now, of those that there could be. */
static unsigned huge_blocks(struct pressure *p, gfp_t gfp)
{
	pfn_t pfn[64];
	unsigned nr = 0;

	while (nr < ARRAY_SIZE(pfn)) {
		pfn[nr] = alloc_pages(&p->ctx, gfp, 9);
		if (!pfn_valid(pfn[nr]))
			break;
		nr++;
	}
	for (unsigned i = 0; i < nr; i++)
		free_pages(&p->ctx, pfn[i], 9);
	return nr;
}

/* Three of four pages were given back, so that no block of 512 is free; then
 * huge pages are asked for. */
static void compacts(bool unmovable)
{
	struct reclaim_config cfg = pressure_config();
	struct pressure *p = make(MARKED_80M, &cfg);
	const unsigned nr = (unsigned)p->m->managed;
	struct owner *o = owners_make(nr, false);
	pfn_t *fixed = calloc(nr, sizeof(*fixed));
	unsigned made = 0, nr_fixed = 0, before, after, could = 0;

	while (made < nr &&
	       !owner_use(&p->ctx, &o[made], GFP_HIGHUSER_MOVABLE, true))
		made++;
	for (unsigned i = 0; i < made; i++)
		if (i % 4)
			lru_delete(&p->ctx, &o[i].slot);
	engine_ops.drain(p->e, &p->ctx);
	while (unmovable && nr_fixed < 64) {
		fixed[nr_fixed] = alloc_pages(&p->ctx, GFP_KERNEL, 0);
		cr_assert(pfn_valid(fixed[nr_fixed]));
		owner_fill(&p->ctx, &o[nr_fixed], fixed[nr_fixed]);
		nr_fixed++;
	}
	before = huge_blocks(p, GFP_TRANSHUGE_LIGHT);
	for (unsigned z = 0; z < p->m->nr_zones; z++) {
		const struct zone *zone = &p->m->zone[z];
		long spare = 0;

		if (zone->managed)
			spare = zone_free_pages_snapshot(zone) -
				zone->watermark[WMARK_LOW] -
				zone->lowmem_reserve[ZONE_MOVABLE] - 1024;
		could += spare > 0 ? (unsigned)spare >> 9 : 0;
	}
	could = could < 64 ? could : 64;
	cr_expect_leq(before * 20, could, "%u of %u before", before, could);
	after = huge_blocks(p,
			    GFP_TRANSHUGE | GFP_BIT_RETRY_MAYFAIL | GFP_NOFS);
	cr_expect_geq(after * 10, could * 9, "%u of %u after", after, could);
	cr_expect_gt(vm_read(reclaim_vm_events(p->r), VM_PGMIGRATE_SUCCESS), 0);
	cr_expect_gt(vm_read(reclaim_vm_events(p->r), VM_COMPACT_SUCCESS), 0);
	for (unsigned i = 0; i < made; i += 4)
		cr_assert_eq(
			owner_use(&p->ctx, &o[i], GFP_HIGHUSER_MOVABLE, false),
			0);
	/* what cannot be moved is where it was, as it was */
	for (unsigned i = 0; i < nr_fixed; i++)
		cr_assert(owner_check(&p->ctx, &o[i], fixed[i]));
	free_pages_bulk(&p->ctx, nr_fixed, fixed);
	free(fixed);
	owners_drop(p, o, nr);
	end(p);
}

Test(reclaim, compaction_makes_huge_blocks)
{
	if (is_floor())
		return;
	if (!SMALL_ONLY)
		compacts(false);
	compacts(true);
}
