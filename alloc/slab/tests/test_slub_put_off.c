/*
 * SLUB's frees that are put off (slub.c): the form with restartable sequences,
 * which puts off, against the one with compare-and-swap, which does not. Both
 * are asked for the same, by one thread. Each object must be the same one, and
 * at every look so must be the counts and the state of every slab.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc/base/rseq.h"
#include "alloc/slab/slub.h"
#include "alloc/slab/tests/slab_bench.h"
#include "harness/bind.h"

#define MANY 700

TestSuite(put_off, .timeout = 120);

struct side {
	struct slab_bench *b;
	struct kmem_cache *s;
	void *object[MANY];
	char *text;     /* what a look saw */
	uint64_t notes; /* that looks found */
};

struct pair {
	struct side late, plain;
	uint32_t rng;
	unsigned steps;
};

static uint32_t draw(struct pair *p, uint32_t below)
{
	p->rng = p->rng * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(p->rng >> 8) * below >> 24);
}

static void side_make(struct side *side, enum slub_fast fast, unsigned cpu,
		      unsigned size)
{
	const unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
	const struct slab_bench_spec spec = {
		.config = { .kernel = KERNEL_6_1,
			    .word = 8,
			    .nr_cpus = cpus,
			    .slub_max_order = 3,
			    .slub_fast = fast,
			    .seed = 1 },
		.cpus = cpus,
		.pages = "zonelock",
	};

	side->b = slab_bench_make(slab_binding_find("slub")->ops, &spec);
	side->b->ctx.cpu = (uint16_t)cpu;
	side->s = slab_bench_cache(side->b, "same", size, 0);
}

static unsigned pfn_number(void *arg, const struct page *slab)
{
	return slab_page_pfn(arg, slab);
}

/* What is noted of frames is so, and of frames without a slab nothing is. How
 * many notes there are. */
static unsigned notes_hold(const struct side *side)
{
	const struct machine *m = side->b->m;
	const _Atomic uint16_t *notes = side->b->slab->priv;
	unsigned nr = 0;

	for (uint64_t pfn = 0; pfn < m->end_pfn; pfn++) {
		/* relaxed: there is no other thread */
		const uint16_t note =
			atomic_load_explicit(&notes[pfn], memory_order_relaxed);
		const struct page *page;

		if (!note)
			continue;
		page = slab_virt_to_page(
			side->b->slab,
			pfn_to_virt(m, (pfn_t){ (uint32_t)pfn }));
		cr_assert_eq(slab_tag_type(slab_tag(page)), SLAB_PAGE_HEAD);
		cr_assert_eq(note, slub_note_of(slub_state_of(slub_word(page))),
			     "%#x", note);
		nr++;
	}
	return nr;
}

/* Counts and states, as text. */
static void look(struct side *side)
{
	size_t len;
	FILE *f;

	side->notes += notes_hold(side);
	free(side->text);
	f = open_memstream(&side->text, &len);
	cr_assert(f);
	slab_settle(&side->b->ctx);
	cr_assert_null(slab_verify(side->b->slab));
	for (unsigned c = 0; c < NR_SLUB_COUNTERS; c++)
		fprintf(f, "%s %llu\n", slab_counter_name((enum slab_counter)c),
			(unsigned long long)slab_counter_sum(
				side->s, (enum slab_counter)c));
	fprintf(f, "remote %llu\n",
		(unsigned long long)slab_counter_sum(side->s, REMOTE_FREE));
	slub_attributes(side->s, f);
	slub_log_state(side->s, f, pfn_number, side->b->slab);
	fclose(f);
}

static void same_look(struct pair *p)
{
	look(&p->late);
	look(&p->plain);
	cr_assert_str_eq(p->late.text, p->plain.text, "after %u steps",
			 p->steps);
}

static uint64_t place_of(const struct side *side, unsigned i)
{
	return side->object[i] ? (uint64_t)((char *)side->object[i] -
					    side->b->m->memory.base)
			       : UINT64_MAX;
}

static void same_object(const struct pair *p, unsigned i)
{
	cr_assert_eq(place_of(&p->late, i), place_of(&p->plain, i),
		     "step %u: object %u lies at %#llx and %#llx", p->steps, i,
		     (unsigned long long)place_of(&p->late, i),
		     (unsigned long long)place_of(&p->plain, i));
}

static void take_one(struct pair *p, unsigned i)
{
	struct side *const both[] = { &p->late, &p->plain };
	const bool node = !draw(p, 40);

	if (p->late.object[i])
		return;
	for (unsigned k = 0; k < 2; k++) {
		struct side *side = both[k];

		side->object[i] =
			node ? kmem_cache_alloc_node(&side->b->ctx, side->s,
						     GFP_KERNEL, 0)
			     : kmem_cache_alloc(&side->b->ctx, side->s,
						GFP_KERNEL);
		cr_assert(side->object[i]);
		*(uint64_t *)side->object[i] = i;
	}
	same_object(p, i);
}

static void give_one(struct pair *p, unsigned i)
{
	struct side *const both[] = { &p->late, &p->plain };

	for (unsigned k = 0; k < 2 && both[k]->object[i]; k++) {
		cr_assert_eq(*(uint64_t *)both[k]->object[i], i);
		kmem_cache_free(&both[k]->b->ctx, both[k]->s,
				both[k]->object[i]);
		both[k]->object[i] = NULL;
	}
}

/* 2 .. 20 objects, one after the other in object[], freed and taken at once. */
static void bulk(struct pair *p)
{
	struct side *const both[] = { &p->late, &p->plain };
	const unsigned nr = 2 + draw(p, 19), first = draw(p, MANY - nr);

	for (unsigned k = 0; k < 2; k++) {
		struct side *side = both[k];
		void *out[32];
		unsigned n = 0;

		for (unsigned i = first; i < first + nr; i++)
			if (side->object[i])
				out[n++] = side->object[i];
		if (n)
			kmem_cache_free_bulk(&side->b->ctx, side->s, n, out);
		cr_assert_eq(kmem_cache_alloc_bulk(&side->b->ctx, side->s,
						   GFP_KERNEL, nr,
						   &side->object[first]),
			     nr);
		for (unsigned i = first; i < first + nr; i++)
			*(uint64_t *)side->object[i] = i;
	}
	for (unsigned i = first; i < first + nr; i++)
		same_object(p, i);
}

static void step(struct pair *p)
{
	const uint32_t what = draw(p, 1000);
	unsigned at = draw(p, MANY);

	p->steps++;
	if (what < 800) { /* a random one is replaced */
		give_one(p, at);
		take_one(p, at);
	} else if (what < 860) {
		for (unsigned i = draw(p, 40); i > 0; i--, at++)
			give_one(p, at % MANY);
	} else if (what < 960) {
		for (unsigned i = draw(p, 40); i > 0; i--, at++)
			take_one(p, at % MANY);
	} else if (what < 990) {
		bulk(p);
	} else if (what < 995) {
		kmem_cache_shrink(&p->late.b->ctx, p->late.s);
		kmem_cache_shrink(&p->plain.b->ctx, p->plain.s);
	} else {
		same_look(p);
	}
}

static void run_on(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* Returns the times that an object was handed out again. */
static uint64_t compare(unsigned size, uint32_t seed)
{
	struct pair p = { .rng = seed };
	uint64_t again;
	const unsigned cpu = (unsigned)sched_getcpu();

	run_on(cpu);
	side_make(&p.late, SLUB_FAST_RSEQ, cpu, size);
	side_make(&p.plain, SLUB_FAST_CMPXCHG, cpu, size);
	for (unsigned i = 0; i < MANY; i++)
		take_one(&p, i);
	while (p.steps < 20000)
		step(&p);
	same_look(&p);
	again = slab_counter_sum(p.late.s, HANDED_OUT);
	for (unsigned i = 0; i < MANY; i++)
		give_one(&p, i);
	same_look(&p);
	cr_assert_gt(p.late.notes, 100);
	cr_assert_eq(p.plain.notes, 0);
	free(p.late.text);
	free(p.plain.text);
	slab_bench_end(p.late.b);
	slab_bench_end(p.plain.b);
	return again;
}

Test(put_off, nothing_can_be_told_from_its_absence)
{
	uint64_t again = 0;

	if (!rseq_available()) {
		cr_skip_test("no restartable sequences here");
		return;
	}
	again += compare(256, 1);
	again += compare(64, 2);
	again += compare(1000, 3);
	again += compare(4000, 4);
	/* a test of what never happens would be none */
	cr_assert_gt(again, 1000, "%llu handed out", (unsigned long long)again);
}

/* Every slab that a head names is one of the cache. */
static unsigned names(const struct side *side)
{
	const struct slub_cache *s = to_slub(side->s);
	unsigned nr = 0;

	for (unsigned i = 0; i < s->nr_slots; i++) {
		char *last = s->cpu[i].head.last;
		uint32_t tag;

		if (last == LIST_NO_BLOCK)
			continue;
		tag = slab_tag(
			slab_virt_to_page(side->b->slab, last + s->half_near));
		cr_assert_eq(slab_tag_type(tag), SLAB_PAGE_HEAD);
		cr_assert_eq(slab_tag_cache(tag), side->s->id);
		nr++;
	}
	return nr;
}

static void take_all(struct side *side)
{
	for (unsigned i = 0; i < MANY; i++)
		side->object[i] =
			kmem_cache_alloc(&side->b->ctx, side->s, GFP_KERNEL);
}

Test(put_off, a_slab_that_goes_is_nobodys)
{
	const long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct side side = { 0 };
	cpu_set_t may;

	cr_assert_eq(sched_getaffinity(0, sizeof(may), &may), 0);
	if (!rseq_available() || cpus < 2 || !CPU_ISSET(0, &may) ||
	    !CPU_ISSET(1, &may)) {
		cr_skip_test("no two CPUs with restartable sequences");
		return;
	}
	run_on(0);
	side_make(&side, SLUB_FAST_RSEQ, 0, 256);
	take_all(&side);
	/* of another slab each time, and no neighbour; the last one's slab
	 * neither among the first that become empty, which the node keeps, nor
	 * among the last */
	for (unsigned n = 1; n <= 21; n++) {
		const unsigned i = n * 150 % MANY;

		kmem_cache_free(&side.b->ctx, side.s, side.object[i]);
		side.object[i] =
			kmem_cache_alloc(&side.b->ctx, side.s, GFP_KERNEL);
	}
	cr_assert_gt(slab_counter_sum(side.s, HANDED_OUT), 3);
	cr_assert_eq(names(&side), 1);
	/* CPU 1 frees all, and most slabs go */
	run_on(1);
	for (unsigned i = 0; i < MANY; i++) {
		kmem_cache_free(&side.b->ctx, side.s, side.object[i]);
		names(&side);
	}
	cr_assert_gt(slab_counter_sum(side.s, FREE_SLAB), 10);
	cr_assert_eq(names(&side), 0);
	run_on(0);
	take_all(&side);
	cr_assert_null(slab_verify(side.b->slab));
	for (unsigned i = 0; i < MANY; i++)
		kmem_cache_free(&side.b->ctx, side.s, side.object[i]);
	slab_bench_end(side.b);
}
