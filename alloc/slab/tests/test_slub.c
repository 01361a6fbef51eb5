/*
 * SLUB: the counter traces of booted kernels, step by step; debug caches;
 * slabs under RCU; nodes.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "alloc/slab/debug.h"
#include "alloc/slab/kmalloc.h"
#include "alloc/slab/pressure.h"
#include "alloc/slab/rcu.h"
#include "alloc/slab/slub.h"
#include "alloc/slab/tests/slab_bench.h"
#include "harness/bind.h"

#define MANY 1024

TestSuite(slub, .timeout = 60);

static const struct slab_ops *slub_ops(void)
{
	return slab_binding_find("slub")->ops;
}

/* One CPU's rules, objects in address order. */
static struct slab_bench *bench(enum slub_fast fast, unsigned nr_cpus)
{
	struct slab_bench_spec spec = {
		.config = { .kernel = KERNEL_6_1,
			    .word = 8,
			    .nr_cpus = nr_cpus,
			    .slub_max_order = 3,
			    .slub_fast = fast,
			    .seed = 1 },
	};

	return slab_bench_make(slub_ops(), &spec);
}

/* ---- traces ----------------------------------------------------------------
 */

struct trace {
	struct slab_bench *b;
	struct kmem_cache *s;
	void *object[MANY];
	uint64_t seen[NR_SLUB_COUNTERS];
};

/* What a step adds to a counter; 0 of NR_SLUB_COUNTERS ends. */
struct added {
	enum slab_counter counter;
	unsigned n;
};
#define ADDED(...)                          \
	(const struct added[])              \
	{                                   \
		__VA_ARGS__,                \
		{                           \
			NR_SLUB_COUNTERS, 0 \
		}                           \
	}

static void take(struct trace *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		t->object[i] = kmem_cache_alloc(&t->b->ctx, t->s, GFP_KERNEL);
		cr_assert(t->object[i]);
	}
}

static void give(struct trace *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		kmem_cache_free(&t->b->ctx, t->s, t->object[i]);
}

/* Counters since the last step, chain length, node partials, slabs. */
static void step(struct trace *t, const char *what, const struct added *add,
		 const unsigned psn[3])
{
	const struct slub_cache *s = to_slub_const(t->s);
	struct slabinfo_row row;
	unsigned chained = 0;

	slab_settle(&t->b->ctx);
	for (unsigned c = 0; c < NR_SLUB_COUNTERS; c++) {
		uint64_t now = slab_counter_sum(t->s, (enum slab_counter)c);
		unsigned want = 0;

		for (const struct added *a = add;
		     a->counter != NR_SLUB_COUNTERS; a++)
			if (a->counter == (enum slab_counter)c)
				want = a->n;
		cr_assert_eq(now - t->seen[c], want, "%s: %s +%llu, want %u",
			     what, slab_counter_name((enum slab_counter)c),
			     (unsigned long long)(now - t->seen[c]), want);
		t->seen[c] = now;
	}
	for (unsigned i = 0; i < s->nr_slots; i++)
		if (s->cpu[i].partial != PFN_LIST_END)
			chained += t->b->m->map[s->cpu[i].partial].prev;
	slub_info(t->s, &row);
	cr_assert_eq(chained, psn[0], "%s: chain %u", what, chained);
	cr_assert_eq(s->node[0].nr_partial, psn[1], "%s: node %lu", what,
		     (unsigned long)s->node[0].nr_partial);
	cr_assert_eq(row.num_slabs, psn[2], "%s: slabs %llu", what,
		     (unsigned long long)row.num_slabs);
	cr_assert_null(slab_verify(t->b->slab));
}
#define STEP(t, what, p, n, slabs, ...) \
	step(t, what, ADDED(__VA_ARGS__), (const unsigned[3]){ p, n, slabs })

static void trace_of_64_objects(struct trace *t)
{
	take(t, 0, 1);
	STEP(t, "alloc #1", 0, 0, 1, { ALLOC_SLOWPATH, 1 }, { ALLOC_SLAB, 1 });
	take(t, 1, 16);
	STEP(t, "alloc #2..#16", 0, 0, 1, { ALLOC_FASTPATH, 15 });
	take(t, 16, 17);
	STEP(t, "alloc #17", 0, 0, 2, { ALLOC_SLOWPATH, 1 },
	     { DEACTIVATE_BYPASS, 1 }, { ALLOC_SLAB, 1 });
	take(t, 17, 64);
	STEP(t, "alloc #18..#64", 0, 0, 4, { ALLOC_FASTPATH, 45 },
	     { ALLOC_SLOWPATH, 2 }, { DEACTIVATE_BYPASS, 2 },
	     { ALLOC_SLAB, 2 });
	give(t, 63, 64);
	STEP(t, "free #64", 0, 0, 4, { FREE_FASTPATH, 1 });
	give(t, 0, 1);
	STEP(t, "free #1", 1, 0, 4, { FREE_SLOWPATH, 1 },
	     { CPU_PARTIAL_FREE, 1 });
	give(t, 1, 16);
	STEP(t, "free #2..#16", 1, 0, 4, { FREE_SLOWPATH, 15 },
	     { FREE_FROZEN, 15 });
	give(t, 16, 17);
	give(t, 32, 33);
	STEP(t, "free #17, #33", 3, 0, 4, { FREE_SLOWPATH, 2 },
	     { CPU_PARTIAL_FREE, 2 });
	give(t, 17, 32);
	give(t, 33, 48);
	STEP(t, "free the other 30", 3, 0, 4, { FREE_SLOWPATH, 30 },
	     { FREE_FROZEN, 30 });
	give(t, 48, 63);
	STEP(t, "free #49..#63", 3, 0, 4, { FREE_FASTPATH, 15 });
	take(t, 0, 64);
	STEP(t, "alloc 64", 0, 0, 4, { ALLOC_FASTPATH, 61 },
	     { ALLOC_SLOWPATH, 3 }, { CPU_PARTIAL_ALLOC, 3 },
	     { ALLOC_REFILL, 3 }, { DEACTIVATE_BYPASS, 3 });
	give(t, 0, 64);
	STEP(t, "free these 64", 3, 0, 4, { FREE_FASTPATH, 16 },
	     { FREE_SLOWPATH, 48 }, { CPU_PARTIAL_FREE, 3 },
	     { FREE_FROZEN, 45 });
}

static void trace_of_1024_objects(struct trace *t)
{
	static const struct added given[] = {
		{ FREE_FASTPATH, 16 },    { FREE_SLOWPATH, 1008 },
		{ CPU_PARTIAL_FREE, 63 }, { FREE_FROZEN, 945 },
		{ CPU_PARTIAL_DRAIN, 8 }, { FREE_ADD_PARTIAL, 5 },
		{ DEACTIVATE_EMPTY, 51 }, { FREE_SLAB, 51 },
		{ NR_SLUB_COUNTERS, 0 },
	};

	take(t, 0, MANY);
	STEP(t, "alloc 1024", 0, 0, 64, { ALLOC_FASTPATH, 961 },
	     { ALLOC_SLOWPATH, 63 }, { CPU_PARTIAL_ALLOC, 3 },
	     { ALLOC_REFILL, 3 }, { ALLOC_SLAB, 60 },
	     { DEACTIVATE_BYPASS, 63 });
	give(t, 0, MANY);
	step(t, "free 1024 in order", given, (const unsigned[3]){ 7, 5, 13 });
	take(t, 0, MANY);
	STEP(t, "alloc 1024 again", 0, 0, 64, { ALLOC_FASTPATH, 961 },
	     { ALLOC_SLOWPATH, 63 }, { CPU_PARTIAL_ALLOC, 11 },
	     { ALLOC_REFILL, 11 }, { ALLOC_FROM_PARTIAL, 1 },
	     { CPU_PARTIAL_NODE, 4 }, { ALLOC_SLAB, 51 },
	     { DEACTIVATE_BYPASS, 63 });
	for (unsigned i = MANY; i-- > 0;)
		kmem_cache_free(&t->b->ctx, t->s, t->object[i]);
	step(t, "free 1024 reversed", given, (const unsigned[3]){ 7, 5, 13 });
}

static void trace_of_shrink_and_bulk(struct trace *t)
{
	struct slabinfo_row row;

	cr_assert_eq(kmem_cache_shrink(&t->b->ctx, t->s), 0);
	STEP(t, "shrink", 0, 0, 0, { CPUSLAB_FLUSH, 1 },
	     { DEACTIVATE_EMPTY, 8 }, { FREE_SLAB, 8 });
	take(t, 0, 2);
	STEP(t, "alloc 2", 0, 0, 1, { ALLOC_SLOWPATH, 1 }, { ALLOC_SLAB, 1 },
	     { ALLOC_FASTPATH, 1 });
	cr_assert_eq(kmem_cache_shrink(&t->b->ctx, t->s), 1);
	STEP(t, "shrink with 2 live", 0, 1, 1, { CPUSLAB_FLUSH, 1 },
	     { DEACTIVATE_TO_HEAD, 1 });
	cr_assert_eq(kmem_cache_alloc_bulk(&t->b->ctx, t->s, GFP_KERNEL, 40,
					   t->object + 2),
		     40);
	STEP(t, "bulk alloc 40", 0, 0, 3, { ALLOC_SLOWPATH, 3 },
	     { ALLOC_FROM_PARTIAL, 1 }, { ALLOC_SLAB, 2 },
	     { DEACTIVATE_BYPASS, 2 });
	kmem_cache_free_bulk(&t->b->ctx, t->s, 40, t->object + 2);
	STEP(t, "bulk free 40", 2, 0, 3, { FREE_FASTPATH, 1 },
	     { FREE_SLOWPATH, 2 }, { CPU_PARTIAL_FREE, 2 });
	slub_info(t->s, &row);
	cr_assert_eq(row.active_objs, 48);
	cr_assert_eq(row.num_objs, 48);
	give(t, 0, 2);
}

/* ---- counters that the booted kernels' trace does not reach, by hand --------
 */

static uint64_t counted(const struct trace *t, enum slab_counter c)
{
	return slab_counter_sum(t->s, c);
}

Test(slub, counts_of_objects_that_another_cpu_frees)
{
	struct trace t = { .b = bench(SLUB_FAST_CMPXCHG, 2) };
	struct slab_peer *peer = slab_peer_enter(t.b, 1);

	t.s = slab_bench_cache(t.b, "remote", 256, 0);
	cr_assert_eq(t.s->objects, 16);
	take(&t, 0, 16);
	STEP(&t, "alloc 16", 0, 0, 1, { ALLOC_SLOWPATH, 1 }, { ALLOC_SLAB, 1 },
	     { ALLOC_FASTPATH, 15 });
	cr_assert_eq(counted(&t, REMOTE_FREE), 0);
	for (unsigned i = 0; i < 3; i++)
		kmem_cache_free(&peer->ctx, t.s, t.object[i]);
	STEP(&t, "3 freed by CPU 1", 0, 0, 1, { FREE_SLOWPATH, 3 },
	     { FREE_FROZEN, 3 });
	cr_assert_eq(counted(&t, REMOTE_FREE), 3);
	give(&t, 3, 5);
	STEP(&t, "2 freed by CPU 0", 0, 0, 1, { FREE_FASTPATH, 2 });
	cr_assert_eq(counted(&t, REMOTE_FREE), 3);
	cr_assert_eq(kmem_cache_shrink(&t.b->ctx, t.s), 1);
	STEP(&t, "flush with remote frees", 0, 1, 1, { CPUSLAB_FLUSH, 1 },
	     { DEACTIVATE_REMOTE_FREES, 1 }, { DEACTIVATE_TO_TAIL, 1 });
	take(&t, 0, 5);
	STEP(&t, "alloc 5", 0, 0, 1, { ALLOC_SLOWPATH, 1 },
	     { ALLOC_FROM_PARTIAL, 1 }, { ALLOC_FASTPATH, 4 });
	cr_assert_eq(kmem_cache_shrink(&t.b->ctx, t.s), 1);
	STEP(&t, "flush of a full slab", 0, 0, 1, { CPUSLAB_FLUSH, 1 },
	     { DEACTIVATE_FULL, 1 });
	give(&t, 0, 16);
	cr_assert_eq(counted(&t, REMOTE_NODE_FREE), 0);
	slab_peer_exit(peer);
	cr_assert_eq(kmem_cache_destroy(&t.b->ctx, t.s), 0);
	slab_bench_end(t.b);
}

Test(slub, counts_of_a_partial_slab_that_empties)
{
	struct trace t = { .b = bench(SLUB_FAST_CMPXCHG, 1) };

	t.s = slab_bench_cache(t.b, "emptied", 256, 0);
	cr_assert_eq(to_slub(t.s)->min_partial, 5);
	take(&t, 0, 7 * 16);
	for (unsigned i = 0; i < 6; i++)
		give(&t, 16 * i, 16 * i + 1);
	for (unsigned c = 0; c < NR_SLUB_COUNTERS; c++)
		t.seen[c] = counted(&t, (enum slab_counter)c);
	cr_assert_eq(kmem_cache_shrink(&t.b->ctx, t.s), 1);
	STEP(&t, "the chain goes to its node", 0, 6, 7, { CPUSLAB_FLUSH, 1 },
	     { DEACTIVATE_FULL, 1 }, { FREE_ADD_PARTIAL, 6 });
	give(&t, 1, 16);
	STEP(&t, "one more than min_partial", 0, 5, 6, { FREE_SLOWPATH, 15 },
	     { FREE_REMOVE_PARTIAL, 1 }, { FREE_SLAB, 1 });
	give(&t, 17, 32);
	STEP(&t, "as many as min_partial", 0, 4, 5, { FREE_SLOWPATH, 15 },
	     { FREE_REMOVE_PARTIAL, 1 }, { FREE_SLAB, 1 });
	give(&t, 33, 48);
	STEP(&t, "fewer: it stays", 0, 4, 5, { FREE_SLOWPATH, 15 });
	for (unsigned i = 3; i < 6; i++)
		give(&t, 16 * i + 1, 16 * i + 16);
	give(&t, 96, 112);
	cr_assert_eq(kmem_cache_destroy(&t.b->ctx, t.s), 0);
	slab_bench_end(t.b);
}

static struct slab_bench *two_nodes(void)
{
	const struct slab_bench_spec spec = {
		.config = { .kernel = KERNEL_6_1,
			    .word = 8,
			    .nr_cpus = 4,
			    .slub_max_order = 3,
			    .slub_fast = SLUB_FAST_CMPXCHG,
			    .seed = 1 },
		.nodes = 2,
	};

	return slab_bench_make(slub_ops(), &spec);
}

Test(slub, counts_of_objects_of_another_node)
{
	struct trace t = { .b = two_nodes() };
	const struct topo *topo = &t.b->m->desc.topo;
	struct slab_peer *peer[4];
	unsigned remote = 0, far = 0;

	t.s = slab_bench_cache(t.b, "far", 256, 0);
	for (unsigned i = 0; i < 8; i++)
		t.object[i] =
			kmem_cache_alloc_node(&t.b->ctx, t.s, GFP_KERNEL, 1);
	/* no CPU has it as its own slab any more */
	kmem_cache_shrink(&t.b->ctx, t.s);
	for (uint16_t cpu = 0; cpu < 4; cpu++) {
		peer[cpu] = slab_peer_enter(t.b, cpu);
		kmem_cache_free(&peer[cpu]->ctx, t.s, t.object[cpu]);
		remote += cpu != 0;
		far += topo->node_of_cpu[cpu] != 1;
		cr_assert_eq(counted(&t, REMOTE_FREE), remote);
		cr_assert_eq(counted(&t, REMOTE_NODE_FREE), far);
	}
	cr_assert_eq(far, 2);
	give(&t, 4, 8);
	for (unsigned cpu = 0; cpu < 4; cpu++)
		slab_peer_exit(peer[cpu]);
	cr_assert_eq(kmem_cache_destroy(&t.b->ctx, t.s), 0);
	slab_bench_end(t.b);
}

/* Where an object of node 0 comes from when it has no slab and node 1 has
 * `partial` of them: true, from there. */
static bool borrowed(unsigned ratio, unsigned partial, uint32_t flags)
{
	struct trace t = { .b = two_nodes() };
	struct slub_cache *s;
	unsigned node;
	void *o;

	t.s = slab_bench_cache(t.b, "lent", 256, flags);
	s = to_slub(t.s);
	s->defrag_ratio = ratio;
	for (unsigned i = 0; i < (partial + 1) * t.s->objects; i++)
		t.object[i] =
			kmem_cache_alloc_node(&t.b->ctx, t.s, GFP_KERNEL, 1);
	for (unsigned i = 0; i < partial; i++)
		give(&t, i * t.s->objects, i * t.s->objects + 1);
	kmem_cache_shrink(&t.b->ctx, t.s);
	cr_assert_eq(s->node[1].nr_partial, partial);
	o = kmem_cache_alloc(&t.b->ctx, t.s, GFP_KERNEL);
	node = slab_tag_node(slab_tag(slab_virt_to_page(t.b->slab, o)));
	kmem_cache_free(&t.b->ctx, t.s, o);
	for (unsigned i = 0; i < (partial + 1) * t.s->objects; i++)
		if (i % t.s->objects || i >= partial * t.s->objects)
			give(&t, i, i + 1);
	cr_assert_eq(kmem_cache_destroy(&t.b->ctx, t.s), 0);
	slab_bench_end(t.b);
	return node == 1;
}

/* Above min_partial, if the dice say so: always at 1024, never at 0. */
Test(slub, partial_slabs_of_another_node)
{
	cr_assert(borrowed(1024, 6, 0));
	cr_assert(!borrowed(1024, 5, 0));
	cr_assert(!borrowed(0, 6, 0));
	cr_assert(borrowed(1024, 6, SLAB_CONSISTENCY_CHECKS));
	cr_assert(!borrowed(1024, 5, SLAB_CONSISTENCY_CHECKS));
}

static void whole_trace(enum slub_fast fast)
{
	struct trace t = { .b = bench(fast, 1) };

	t.s = slab_bench_cache(t.b, "trace", 256, 0);
	cr_assert_eq(t.s->objects, 16);
	cr_assert_eq(to_slub(t.s)->cpu_partial_slabs, 7);
	trace_of_64_objects(&t);
	trace_of_1024_objects(&t);
	trace_of_shrink_and_bulk(&t);
	cr_assert_eq(kmem_cache_destroy(&t.b->ctx, t.s), 0);
	slab_bench_end(t.b);
}

Test(slub, counter_trace_cmpxchg)
{
	whole_trace(SLUB_FAST_CMPXCHG);
}

/* The thread may move to another CPU, whose part is then another one: the
 * trace is that of one CPU. */
static void on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)sched_getcpu(), &set);
	cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

Test(slub, counter_trace_rseq)
{
	on_one_cpu();
	whole_trace(SLUB_FAST_RSEQ);
}

Test(slub, with_the_geometry_of_64_cpus)
{
	struct trace t = { .b = bench(SLUB_FAST_CMPXCHG, 64) };

	t.s = slab_bench_cache(t.b, "trace64", 256, 0);
	cr_assert_eq(t.s->objects, 32);
	cr_assert_eq(to_slub(t.s)->cpu_partial_slabs, 4);
	take(&t, 0, MANY);
	for (unsigned c = 0; c < NR_SLUB_COUNTERS; c++)
		t.seen[c] = slab_counter_sum(t.s, (enum slab_counter)c);
	give(&t, 0, MANY);
	STEP(&t, "free 1024", 3, 5, 9, { FREE_FASTPATH, 32 },
	     { FREE_SLOWPATH, 992 }, { CPU_PARTIAL_FREE, 31 },
	     { FREE_FROZEN, 961 }, { CPU_PARTIAL_DRAIN, 7 },
	     { FREE_ADD_PARTIAL, 5 }, { DEACTIVATE_EMPTY, 23 },
	     { FREE_SLAB, 23 });
	take(&t, 0, MANY);
	cr_assert_eq(slab_counter_sum(t.s, ALLOC_FROM_PARTIAL), 2);
	cr_assert_eq(slab_counter_sum(t.s, CPU_PARTIAL_NODE), 3);
	give(&t, 0, MANY);
	slab_bench_end(t.b);
}

/* ---- free pointers
 * ------------------------------------------------------------ */

static void random_pairs(struct slab_bench *b, struct kmem_cache *s)
{
	void *object[300] = { NULL };
	uint32_t rng = 1;

	for (unsigned i = 0; i < 20000; i++) {
		void **at;

		rng = rng * 1664525u + 1013904223u;
		at = &object[(rng >> 8) % 300];
		if (*at) {
			cr_assert_eq(*(uint64_t *)*at, (uintptr_t)*at);
			kmem_cache_free(&b->ctx, s, *at);
			*at = NULL;
			continue;
		}
		*at = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
		cr_assert(*at);
		memset(*at, 0x11, s->object_size);
		*(uint64_t *)*at = (uintptr_t)*at;
	}
	cr_assert_null(slab_verify(b->slab));
	for (unsigned i = 0; i < 300; i++)
		if (object[i])
			kmem_cache_free(&b->ctx, s, object[i]);
}

Test(slub, hardened_and_random_freelists)
{
	for (unsigned fast = SLUB_FAST_RSEQ; fast <= SLUB_FAST_CMPXCHG;
	     fast++) {
		struct slab_bench_spec spec = {
			.config = { .word = 8,
				    .nr_cpus = 2,
				    .slub_max_order = 3,
				    .slub_fast = (enum slub_fast)fast,
				    .hardened = true,
				    .random = true,
				    .seed = 7 },
		};
		struct slab_bench *b = slab_bench_make(slub_ops(), &spec);
		struct kmem_cache *s = slab_bench_cache(b, "hard", 72, 0);
		unsigned ascending = 0;
		char *o[56];

		random_pairs(b, s);
		kmem_cache_shrink(&b->ctx, s);
		for (unsigned i = 0; i < 56; i++) {
			o[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
			ascending += i && o[i] == o[i - 1] + s->size;
		}
		cr_assert_lt(ascending, 20, "the order is not random");
		for (unsigned i = 0; i < 56; i++)
			kmem_cache_free(&b->ctx, s, o[i]);
		cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
		slab_bench_end(b);
	}
}

/* Pages of memory in which hardly anything but single ones is free. */
static unsigned fragment(struct slab_bench *b, pfn_t *held, unsigned max)
{
	unsigned n = 0, kept = 0;

	while (n < max &&
	       pfn_valid(held[n] = alloc_pages(
				 &b->pages, GFP_NOWAIT | GFP_BIT_MEMALLOC, 0)))
		n++;
	cr_assert_lt(n, max);
	for (unsigned i = 0; i < n; i++) {
		if (held[i].v % 2)
			free_pages(&b->pages, held[i], 0);
		else
			held[kept++] = held[i];
	}
	return kept;
}

/* Where the preferred order is not to be had, a slab is one page, of one or of
 * a few objects, and its list stays inside it. */
Test(slub, random_freelists_of_small_fallback_slabs)
{
	static const uint32_t sizes[] = { 4096, 2304, 1024 };
	static pfn_t held[1 << 15];

	for (unsigned i = 0; i < 3; i++) {
		struct slab_bench_spec spec = {
			.config = { .word = 8,
				    .nr_cpus = 2,
				    .slub_max_order = 3,
				    .random = true,
				    .seed = 7 },
		};
		struct slab_bench *b = slab_bench_make(slub_ops(), &spec);
		struct kmem_cache *s = slab_bench_cache(b, "few", sizes[i], 0);
		const unsigned kept = fragment(b, held, ARRAY_SIZE(held));
		static void *o[2 * MANY];

		cr_assert_eq(s->min_objects, 4096 / sizes[i]);
		for (unsigned j = 0; j < 2 * MANY; j++) {
			o[j] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
			cr_assert(o[j]);
			cr_assert_eq(slab_cache_of(b->slab, o[j]), s);
			memset(o[j], (int)j, s->object_size);
		}
		/* each slab was one of them */
		cr_assert_eq(slab_counter_sum(s, ORDER_FALLBACK),
			     2 * MANY / s->min_objects);
		cr_assert_eq(slab_counter_sum(s, ALLOC_SLAB),
			     2 * MANY / s->min_objects);
		for (unsigned j = 0; j < 2 * MANY; j++) {
			cr_assert_eq(*(unsigned char *)o[j], j % 256);
			kmem_cache_free(&b->ctx, s, o[j]);
		}
		cr_assert_null(slab_verify(b->slab));
		cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
		for (unsigned j = 0; j < kept; j++)
			free_pages(&b->pages, held[j], 0);
		slab_bench_end(b);
	}
}

/* A hardened cache, "watched", of 32 objects a slab. */
static struct slab_bench *hard_bench(enum slub_fast fast, struct kmem_cache **s)
{
	const struct slab_bench_spec spec = {
		.config = { .word = 8,
			    .nr_cpus = 2,
			    .slub_max_order = 3,
			    .slub_fast = fast,
			    .hardened = true,
			    .seed = 7 },
	};
	struct slab_bench *b = slab_bench_make(slub_ops(), &spec);

	*s = slab_bench_cache(b, "watched", 128, 0);
	cr_assert_eq((*s)->objects, 32);
	return b;
}

/* One more report, which names the object, and the object is free once. */
static void caught_twice(struct slab_bench *b, struct kmem_cache *s,
			 const char *object)
{
	const struct page *page = slab_virt_to_page(b->slab, object);
	char text[128];

	snprintf(text, sizeof(text),
		 "BUG watched: Object already free: object %p @offset=%td",
		 (const void *)object,
		 object - slab_page_address(b->slab, page));
	cr_assert_eq(b->nr_lines, 1);
	cr_assert_str_eq(b->line[0], text);
	cr_assert_null(slab_verify(b->slab));
	cr_assert_eq(s->nr_errors, 1);
	b->nr_lines = 0;
	s->nr_errors = 0;
}

Test(slub, hardened_catches_a_double_free)
{
	on_one_cpu();
	for (unsigned fast = SLUB_FAST_RSEQ; fast <= SLUB_FAST_CMPXCHG;
	     fast++) {
		struct kmem_cache *s;
		struct slab_bench *b = hard_bench((enum slub_fast)fast, &s);
		void *o[40], *pair[3];

		for (unsigned i = 0; i < 40; i++)
			o[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
		/* the CPU's own slab */
		kmem_cache_free(&b->ctx, s, o[39]);
		kmem_cache_free(&b->ctx, s, o[39]);
		caught_twice(b, s, o[39]);
		/* another slab */
		kmem_cache_free(&b->ctx, s, o[0]);
		kmem_cache_free(&b->ctx, s, o[0]);
		caught_twice(b, s, o[0]);
		/* side by side in a bulk call; what is free ends one */
		memcpy(pair, (void *[]){ o[1], o[2], o[2] }, sizeof(pair));
		kmem_cache_free_bulk(&b->ctx, s, 3, pair);
		caught_twice(b, s, o[2]);
		memcpy(pair, (void *[]){ o[3], o[1] }, 2 * sizeof(*pair));
		kmem_cache_free_bulk(&b->ctx, s, 2, pair);
		caught_twice(b, s, o[1]);
		memcpy(pair, (void *[]){ o[38], o[39] }, 2 * sizeof(*pair));
		kmem_cache_free_bulk(&b->ctx, s, 2, pair);
		caught_twice(b, s, o[39]);
		for (unsigned i = 4; i < 38; i++)
			kmem_cache_free(&b->ctx, s, o[i]);
		cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
		slab_bench_end(b);
	}
}

/* The CPU's list and what others freed to its slab end in the same object. */
Test(slub, hardened_catches_what_two_lists_hold)
{
	struct kmem_cache *s;
	struct slab_bench *b = hard_bench(SLUB_FAST_CMPXCHG, &s);
	struct slab_peer *peer = slab_peer_enter(b, 1);
	void *o[32];

	for (unsigned i = 0; i < 32; i++)
		o[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	kmem_cache_free(&b->ctx, s, o[5]);
	kmem_cache_free(&b->ctx, s, o[6]);
	kmem_cache_free(&peer->ctx, s, o[5]);
	cr_assert_eq(b->nr_lines, 0);
	cr_assert_eq(kmem_cache_shrink(&b->ctx, s), 1);
	caught_twice(b, s, o[5]);
	for (unsigned i = 0; i < 32; i++)
		if (i != 5 && i != 6)
			kmem_cache_free(&b->ctx, s, o[i]);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_peer_exit(peer);
	slab_bench_end(b);
}

/* ---- debug caches
 * --------------------------------------------------------------- */

static struct kmem_cache *debug_cache(struct slab_bench *b)
{
	return slab_bench_cache(b, "watched", 104,
				SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE |
					SLAB_POISON | SLAB_STORE_USER);
}

Test(slub, sound_use_of_a_debug_cache_reports_nothing)
{
	struct slab_bench *b = bench(SLUB_FAST_RSEQ, 2);
	struct kmem_cache *s = debug_cache(b);
	unsigned char *o = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);

	cr_assert_eq(o[0], 0x6b);
	cr_assert_eq(o[103], 0xa5);
	memset(o, 1, 104);
	kmem_cache_free(&b->ctx, s, o);
	random_pairs(b, s);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	cr_assert_eq(b->nr_lines, 0, "%s", b->line[0]);
	slab_bench_end(b);
}

static void expect_report(struct slab_bench *b, const char *what,
			  const char *where)
{
	cr_assert_geq(b->nr_lines, 1, "nothing was reported");
	cr_assert(slab_bench_reported(b, what), "%s", b->line[0]);
	cr_assert(slab_bench_reported(b, "watched"), "%s", b->line[0]);
	cr_assert(slab_bench_reported(b, where), "%s", b->line[0]);
}

Test(slub, overrun_is_caught_at_free)
{
	struct slab_bench *b = bench(SLUB_FAST_RSEQ, 2);
	struct kmem_cache *s = debug_cache(b);
	unsigned char *o = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);

	o[104] = 0;
	kmem_cache_free(&b->ctx, s, o);
	expect_report(b, "Right Redzone overwritten", "byte 104 is 0x00");
	o = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	o[-1] = 7;
	kmem_cache_free(&b->ctx, s, o);
	expect_report(b, "Left Redzone overwritten", "byte -1 is 0x07");
	b->leaky = true;
	slab_bench_end(b);
}

Test(slub, write_after_free_is_caught_at_the_next_allocation)
{
	struct slab_bench *b = bench(SLUB_FAST_RSEQ, 2);
	struct kmem_cache *s = debug_cache(b);
	unsigned char *o = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);

	kmem_cache_free(&b->ctx, s, o);
	o[10] = 0x42;
	cr_assert(kmem_cache_alloc(&b->ctx, s, GFP_KERNEL) != o);
	expect_report(b, "Poison overwritten", "byte 10 is 0x42");
	cr_assert(slab_bench_reported(b, "@offset="));
	b->leaky = true;
	slab_bench_end(b);
}

/* Callers whom tracks can name; what follows the call keeps them there. */
static NOINLINE void *taker(struct slab_bench *b, struct kmem_cache *s)
{
	return opaque_object(kmem_cache_alloc(&b->ctx, s, GFP_KERNEL));
}

static NOINLINE void giver(struct slab_bench *b, struct kmem_cache *s, void *o)
{
	kmem_cache_free(&b->ctx, s, o);
	opaque_object(o);
}

static NOINLINE void *ktaker(struct slab_bench *b)
{
	return opaque_object(kzalloc(&b->ctx, 24, GFP_KERNEL));
}

/* As a measured loop has it. */
static NOINLINE void *loop_taker(struct slab_bench *b, struct kmem_cache *s)
{
	return opaque_object(slub_alloc(&b->ctx, s, GFP_KERNEL));
}

/* Line i is "WHAT in FILE+0xAT age=..us cpu=3 pid=.." of a caller in fn. */
static void is_track(const struct slab_bench *b, unsigned i, const char *what,
		     const void *fn)
{
	unsigned long long age;
	char got[16], where[64];
	unsigned cpu, pid;
	ptrdiff_t at;
	Dl_info file;

	cr_assert_lt(i, b->nr_lines);
	cr_assert_eq(sscanf(b->line[i],
			    "%15s in %63[^+]+0x%tx age=%lluus cpu=%u pid=%u",
			    got, where, &at, &age, &cpu, &pid),
		     6, "%s", b->line[i]);
	cr_assert(dladdr(fn, &file));
	at -= (const char *)fn -
	      (const char *)(file.dli_saddr ? file.dli_saddr : file.dli_fbase);
	/* sanitizers make the callers long */
	cr_assert(at > 0 && at < 4096, "%s: %td", b->line[i], at);
	cr_assert_str_eq(got, what);
	cr_assert_lt(age, 60000000);
	cr_assert_eq(cpu, b->ctx.cpu);
	cr_assert_eq(pid, (unsigned)gettid());
}

Test(slub, a_report_names_who_allocated_and_who_freed)
{
	struct slab_bench *b = bench(SLUB_FAST_RSEQ, 2);
	struct kmem_cache *s = debug_cache(b);
	char *o = taker(b, s);

	giver(b, s, o);
	o[10] = 0x42;
	cr_assert(loop_taker(b, s) != o);
	cr_assert_eq(b->nr_lines, 3);
	is_track(b, 1, "Allocated", taker);
	is_track(b, 2, "Freed", giver);
	o = loop_taker(b, s);
	o[104] = 0;
	b->nr_lines = 0;
	giver(b, s, o);
	/* and that the object is not freed */
	cr_assert_eq(b->nr_lines, 3);
	is_track(b, 1, "Allocated", loop_taker);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), -EBUSY);
	b->leaky = true;
	slab_bench_end(b);
}

Test(slub, a_leak_of_kzalloc_names_who_allocated)
{
	const struct slab_bench_spec spec = { .config = {
						      .word = 8,
						      .nr_cpus = 2,
						      .slub_max_order = 3,
						      .debug = SLAB_STORE_USER,
					      } };
	struct slab_bench *b = slab_bench_make(slub_ops(), &spec);
	char *o = ktaker(b);
	struct kmem_cache *s = slab_cache_of(b->slab, o);

	cr_assert_str_eq(s->name, "kmalloc-32");
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), -EBUSY);
	cr_assert_eq(b->nr_lines, 3);
	is_track(b, 2, "Allocated", ktaker);
	kfree(&b->ctx, o);
	slab_bench_end(b);
}

Test(slub, a_trace_cache_logs_each_call)
{
	struct slab_bench *b = bench(SLUB_FAST_RSEQ, 2);
	struct kmem_cache *s = slab_bench_cache(b, "traced", 104, SLAB_TRACE);
	void *o[2] = { taker(b, s), taker(b, s) };
	char text[96];

	giver(b, s, o[1]);
	giver(b, s, o[0]);
	cr_assert_eq(b->nr_lines, 4);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(text, sizeof(text),
			 "TRACE traced %s object %p @offset=%u in ",
			 i < 2 ? "alloc" : "free", o[i == 1 || i == 2],
			 i == 1 || i == 2 ? s->size : 0);
		cr_assert_eq(strncmp(b->line[i], text, strlen(text)), 0, "%s",
			     b->line[i]);
		cr_assert(strstr(b->line[i], " cpu=0"), "%s", b->line[i]);
	}
	cr_assert_eq(b->slab->nr_reports, 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

Test(slub, a_broken_slab_stays_out_of_reach)
{
	static const uint32_t flags[] = {
		SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON |
			SLAB_STORE_USER,
		SLAB_RED_ZONE | SLAB_POISON,
	};

	for (unsigned i = 0; i < 2; i++) {
		struct slab_bench *b = bench(SLUB_FAST_RSEQ, 2);
		struct kmem_cache *s =
			slab_bench_cache(b, "watched", 104, flags[i]);
		unsigned char *live, *o;

		live = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
		o = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
		kmem_cache_free(&b->ctx, s, o);
		o[10] = 0x42;
		o = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
		cr_assert(slab_virt_to_page(b->slab, o) !=
			  slab_virt_to_page(b->slab, live));
		kmem_cache_free(&b->ctx, s, live);
		expect_report(b, "not freed: its slab is out of use",
			      "watched");
		cr_assert_null(slab_verify(b->slab));
		kmem_cache_free(&b->ctx, s, o);
		cr_assert_null(slab_verify(b->slab));
		cr_assert_eq(to_slub(s)->node[0].nr_partial, 1);
		b->leaky = true;
		slab_bench_end(b);
	}
}

/* The free pointer of an object of that cache, which holds three of them; its
 * other neighbours are live. */
static void **broken_link(struct slab_bench *b, struct kmem_cache *s,
			  void *object[3])
{
	for (unsigned i = 0; i < 3; i++)
		object[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	kmem_cache_free(&b->ctx, s, object[1]);
	return (void **)(void *)((char *)object[1] + s->offset);
}

Test(slub, links_that_lead_nowhere_are_not_followed)
{
	struct slab_bench *b = bench(SLUB_FAST_RSEQ, 2);
	struct kmem_cache *s =
		slab_bench_cache(b, "watched", 104, SLAB_RED_ZONE);
	struct kmem_cache *t =
		slab_bench_cache(b, "watched2", 104, SLAB_POISON);
	void *object[3], *next;

	*broken_link(b, s, object) = (void *)0x10;
	next = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	expect_report(b, "watched: Freepointer corrupt", "@offset=");
	cr_assert(slab_virt_to_page(b->slab, next) !=
		  slab_virt_to_page(b->slab, object[0]));
	kmem_cache_free(&b->ctx, s, next);
	*broken_link(b, t, object) = (char *)object[1] + 1;
	kmem_cache_free(&b->ctx, t, object[0]);
	expect_report(b, "watched2: Freechain corrupt", "@offset=");
	cr_assert_null(slab_verify(b->slab));
	b->leaky = true;
	slab_bench_end(b);
}

Test(slub, double_and_wild_frees_are_caught)
{
	struct slab_bench *b = bench(SLUB_FAST_RSEQ, 2);
	struct kmem_cache *s = debug_cache(b);
	struct kmem_cache *other = slab_bench_cache(b, "other", 40, 0);
	unsigned char *o = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	unsigned char *stray = kmem_cache_alloc(&b->ctx, other, GFP_KERNEL);

	kmem_cache_free(&b->ctx, s, o);
	kmem_cache_free(&b->ctx, s, o);
	expect_report(b, "Object already free", "@offset=");
	o = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	kmem_cache_free(&b->ctx, s, o + 8);
	expect_report(b, "Invalid object pointer", "@offset=");
	kmem_cache_free(&b->ctx, s, stray);
	expect_report(b, "expected an object of cache watched", "other");
	kmem_cache_free(&b->ctx, s, o);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, other), 0);
	slab_bench_end(b);
}

Test(slub, destroy_names_what_is_still_allocated)
{
	struct slab_bench *b = bench(SLUB_FAST_RSEQ, 2);
	struct kmem_cache *s = slab_bench_cache(b, "leaky", 64, 0);
	void *object[65];
	char text[64];

	/* a full slab and one object more */
	for (unsigned i = 0; i < 65; i++)
		object[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	for (unsigned i = 1; i < 64; i++)
		kmem_cache_free(&b->ctx, s, object[i]);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), -EBUSY);
	cr_assert(slab_bench_reported(b, "leaky: Slab cache still has"));
	snprintf(text, sizeof(text), "Object %p @offset=", object[0]);
	cr_assert(slab_bench_reported(b, text));
	snprintf(text, sizeof(text), "Object %p @offset=", object[64]);
	cr_assert(slab_bench_reported(b, text));
	cr_assert_eq(b->nr_lines, 3);
	kmem_cache_free(&b->ctx, s, object[0]);
	kmem_cache_free(&b->ctx, s, object[64]);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

/* ---- RCU, nodes, pages
 * ------------------------------------------------------------ */

static unsigned constructed;

static void count_construction(void *object)
{
	memset(object, 0x77, 64);
	constructed++;
}

/*
 * What a reader sees of 200 objects that were freed, and their slabs with them,
 * while he reads: how many are of another cache or not as constructed.
 */
static unsigned strangers(const struct slab_ops *ops)
{
	const struct kmem_cache_args args = { .name = "typed",
					      .size = 64,
					      .flags = SLAB_TYPESAFE_BY_RCU,
					      .ctor = count_construction };
	const struct slab_bench_spec spec = { .config = {
						      .word = 8,
						      .nr_cpus = 2,
						      .slub_max_order = 3,
						      .slub_fast =
							      SLUB_FAST_CMPXCHG,
					      } };
	struct slab_bench *b = slab_bench_make(ops, &spec);
	struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, NULL);
	unsigned char *object[200];
	void *other[20];
	unsigned seen = 0;

	constructed = 0;
	for (unsigned i = 0; i < 200; i++) {
		object[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
		for (unsigned j = 0; j < 64; j++)
			cr_assert_eq(object[i][j], 0x77);
	}
	cr_assert_eq(constructed % s->objects, 0);
	slab_rcu_read_lock();
	for (unsigned i = 0; i < 200; i++)
		kmem_cache_free(&b->ctx, s, object[i]);
	cr_assert_eq(kmem_cache_shrink(&b->ctx, s), 0);
	/* whatever was asked for since */
	for (unsigned i = 0; i < 20; i++)
		other[i] = kmalloc(&b->ctx, 64, GFP_KERNEL);
	for (unsigned i = 0; i < 200; i++)
		seen += slab_cache_of(b->slab, object[i]) != s ||
			object[i][0] != 0x77 || object[i][63] != 0x77;
	slab_rcu_read_unlock();
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	for (unsigned i = 0; i < 20; i++)
		kfree(&b->ctx, other[i]);
	slab_bench_end(b);
	return seen;
}

Test(slub, slabs_outlive_their_readers)
{
	cr_assert_eq(strangers(slub_ops()), 0);
}

/* A deliberate mistake: it gives the pages back at once. */
static int shrink_without_grace(struct slab_ctx *ctx, struct kmem_cache *s)
{
	int left;

	s->flags &= ~SLAB_TYPESAFE_BY_RCU;
	left = slub_shrink(ctx, s);
	s->flags |= SLAB_TYPESAFE_BY_RCU;
	return left;
}

Test(slub, readers_notice_slabs_that_do_not_wait_for_them)
{
	struct slab_ops hasty = *slub_ops();

	hasty.shrink = shrink_without_grace;
	cr_assert_eq(strangers(&hasty), 200);
}

/* Node 2 has no memory; node 1 is the nearest that has. A thread of it takes
 * that node's partial slabs, be they ever so few. */
static void partial_slabs_of_the_nearest(uint32_t flags)
{
	const struct slab_bench_spec spec = { .cpus = 3, .nodes = 3 };
	struct slab_bench *b = slab_bench_make(slub_ops(), &spec);
	struct kmem_cache *s = slab_bench_cache(b, "near", 512, flags);
	struct node *node = &b->m->node[2];
	struct slab_peer *peer;
	void *object[2];
	uint64_t slabs;

	for (unsigned i = 0; i < 2; i++)
		object[i] = kmem_cache_alloc_node(&b->ctx, s, GFP_KERNEL, 1);
	kmem_cache_free(&b->ctx, s, object[1]);
	kmem_cache_shrink(&b->ctx, s);
	cr_assert_eq(to_slub(s)->node[1].nr_partial, 1);
	slabs = slab_counter_sum(s, ALLOC_SLAB);
	node->has_memory = false;
	node->node_order[0] = 2;
	node->node_order[1] = 1;
	peer = slab_peer_enter(b, 2);
	cr_assert_eq(peer->ctx.node, 2);
	object[1] = kmem_cache_alloc(&peer->ctx, s, GFP_KERNEL);
	cr_assert_eq(slab_virt_to_page(b->slab, object[1]),
		     slab_virt_to_page(b->slab, object[0]));
	cr_assert_eq(slab_counter_sum(s, ALLOC_SLAB), slabs);
	node->has_memory = true;
	slab_peer_exit(peer);
	for (unsigned i = 0; i < 2; i++)
		kmem_cache_free(&b->ctx, s, object[i]);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

Test(slub, a_thread_without_memory_takes_what_is_nearest)
{
	partial_slabs_of_the_nearest(0);
	partial_slabs_of_the_nearest(SLAB_CONSISTENCY_CHECKS);
}

/* An idle cache, 100 slabs of which wait for readers that have left by now. */
static struct kmem_cache *left_by_readers(struct slab_bench *b)
{
	struct kmem_cache *s =
		slab_bench_cache(b, "idle", 2000, SLAB_TYPESAFE_BY_RCU);
	const unsigned nr = 100 * s->objects;
	void **o = calloc(nr, sizeof(*o));

	for (unsigned i = 0; i < nr; i++)
		o[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	slab_rcu_read_lock();
	kmem_cache_free_bulk(&b->ctx, s, nr, o);
	free(o);
	cr_assert_eq(kmem_cache_shrink(&b->ctx, s), 0);
	slab_rcu_read_unlock();
	slab_rcu_barrier();
	cr_assert_eq(slab_pages_in_use(b->slab), 100u << s->order);
	return s;
}

Test(slub, an_idle_cache_gives_back_what_readers_have_left)
{
	const struct slab_bench_spec spec = { .reclaim = true };
	struct slab_bench *b = slab_bench_make(slub_ops(), &spec);
	struct kmem_cache *s = left_by_readers(b), *other;
	struct shrinker *shrinker;

	slub_ops()->tick(&b->ctx, 1);
	cr_assert_eq(slab_pages_in_use(b->slab), 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	/* and when another one's shrinker is called */
	s = left_by_readers(b);
	other = slab_bench_cache(b, "other", 64, SLAB_RECLAIM_ACCOUNT);
	shrinker = &other->pressure->shrinker;
	cr_assert_eq(shrinker->scan_objects(shrinker, &b->pages, 0, 1),
		     SHRINK_STOP);
	cr_assert_eq(slab_pages_in_use(b->slab), 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

Test(slub, objects_of_a_node)
{
	struct slab_bench_spec spec = { .nodes = 2 };
	struct slab_bench *b = slab_bench_make(slub_ops(), &spec);
	struct kmem_cache *s = slab_bench_cache(b, "nodes", 512, 0);
	void *object[200];

	for (unsigned i = 0; i < 200; i++) {
		const struct page *page;

		object[i] = kmem_cache_alloc_node(&b->ctx, s, GFP_KERNEL,
						  i / 10 % 2);
		cr_assert(object[i]);
		page = slab_virt_to_page(b->slab, object[i]);
		cr_assert_eq(slab_tag_node(slab_tag(page)), i / 10 % 2);
	}
	cr_assert_gt(slab_counter_sum(s, ALLOC_NODE_MISMATCH), 0);
	cr_assert_null(kmem_cache_alloc_node(&b->ctx, s, GFP_KERNEL, 2));
	cr_assert_gt(b->m->node[1].slab_bytes[1], 0);
	for (unsigned i = 0; i < 200; i++)
		kmem_cache_free(&b->ctx, s, object[i]);
	cr_assert_gt(slab_counter_sum(s, REMOTE_NODE_FREE), 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	cr_assert_eq(b->m->node[1].slab_bytes[1], 0);
	slab_bench_end(b);
}

/* ---- attributes -------------------------------------------------------------
 */

static void has_line(struct kmem_cache *s, const char *want)
{
	char *text = NULL, line[96];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	cr_assert(f);
	fputc('\n', f);
	slub_attributes(s, f);
	fclose(f);
	snprintf(line, sizeof(line), "\n%s\n", want);
	cr_assert(strstr(text, line), "%s is not in:%s", want, text);
	free(text);
}

/* 17 objects of node 0, of which the first is free again by CPU 1, and one of
 * node 1. */
Test(slub, attributes_tell_nodes_and_cpus)
{
	const struct slab_bench_spec spec = {
		.config = { .word = 8,
			    .nr_cpus = 4,
			    .slub_max_order = 3,
			    .slub_fast = SLUB_FAST_CMPXCHG },
		.nodes = 2,
	};
	static const char *const lines[] = {
		"slabs 3 N0=2 N1=1",
		"total_objects 48 N0=32 N1=16",
		"objects 33 N0=17 N1=16",
		"objects_partial 1 N0=1",
		"partial 1 N0=1",
		"cpu_slabs 1 N1=1",
		"slabs_cpu_partial 8(1) C1=8(1)",
		"alloc_slowpath 3 C0=3",
		"alloc_fastpath 15 C0=15",
		"free_slowpath 1 C1=1",
		"alloc_refill 0",
	};
	struct slab_bench *b = slab_bench_make(slub_ops(), &spec);
	struct kmem_cache *s = slab_bench_cache(b, "told", 512, 0);
	struct slab_peer *peer = slab_peer_enter(b, 1);
	void *o[18];

	for (unsigned i = 0; i < 17; i++)
		o[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	o[17] = kmem_cache_alloc_node(&b->ctx, s, GFP_KERNEL, 1);
	kmem_cache_free(&peer->ctx, s, o[0]);
	for (unsigned left = 0; left < 2; left++) {
		for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
			has_line(s, lines[i]);
		if (!left)
			slab_peer_exit(peer);
	}
	b->m->desc.has_numa = false;
	has_line(s, "slabs 3");
	has_line(s, "cpu_slabs 1");
	for (unsigned i = 1; i < 18; i++)
		kmem_cache_free(&b->ctx, s, o[i]);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	/* the next of that id has counted nothing */
	s = slab_bench_cache(b, "next", 512, 0);
	has_line(s, "alloc_slowpath 0");
	has_line(s, "free_slowpath 0");
	slab_bench_end(b);
}

Test(slub, attributes_tell_the_constructor)
{
	const struct kmem_cache_args args = { .name = "made",
					      .size = 64,
					      .ctor = count_construction };
	struct slab_bench *b = bench(SLUB_FAST_CMPXCHG, 2);
	struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, NULL);
	char line[SLAB_SYMBOL_LEN + 8] = "ctor ";

	slab_symbol((const void *)(uintptr_t)count_construction, line + 5);
	cr_assert(strchr(line, '+'), "%s", line);
	has_line(s, line);
	slab_bench_end(b);
}
