/*
 * The engine `sheaves` from inside: the counter trace of a booted 6.18 kernel,
 * nodes, frees behind readers, memory that is not to be had, threads that are
 * moved and signalled.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>

#define ENGINE_NAME "sheaves"
#include "alloc/slab/engines/sheaves.c"
#include "alloc/slab/tests/slab_bench.h"

TestSuite(sheaves, .timeout = 60);

#define MAX_OBJECTS 6000
#define NONE        UINT32_MAX

struct fixture {
	struct slab_bench *b;
	struct kmem_cache *s;
	void *object[MAX_OBJECTS];
	unsigned nr;
	uint64_t seen[NR_SLAB_COUNTERS];
};

/* Pinned, so that the CPU's part is always the same. */
static unsigned on_one_cpu(void)
{
	const unsigned cpu = (unsigned)sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
	return cpu;
}

static struct kmem_cache *cache_of(struct slab_bench *b, uint32_t size,
				   uint32_t capacity)
{
	const struct kmem_cache_args args = { .name = "traced",
					      .size = size,
					      .sheaf_capacity = capacity };
	struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, NULL);

	cr_assert(s);
	return s;
}

/* One CPU's rules; C = 32 and, with 256 bytes, 16 objects of a slab. */
static struct fixture *fixture_of(enum slub_fast fast, unsigned nodes,
				  unsigned cpus, uint32_t size,
				  uint32_t capacity)
{
	const struct slab_bench_spec spec = {
		.config = { .kernel = KERNEL_6_1,
			    .word = 8,
			    .nr_cpus = 1,
			    .slub_max_order = 3,
			    .slub_fast = fast,
			    .ram_bytes = 256 << 20 },
		.cpus = cpus,
		.nodes = nodes,
	};
	struct fixture *f = calloc(1, sizeof(*f));

	cr_assert(f);
	on_one_cpu();
	f->b = slab_bench_make(&engine_ops, &spec);
	f->s = cache_of(f->b, size, capacity);
	return f;
}

static struct fixture *fixture_make(enum slub_fast fast, unsigned nodes,
				    uint32_t size, uint32_t capacity)
{
	return fixture_of(fast, nodes, nodes, size, capacity);
}

static struct fixture *small_fixture(void)
{
	return fixture_make(SLUB_FAST_CMPXCHG, 1, 256, 32);
}

static void fixture_end(struct fixture *f)
{
	cr_assert_null(slab_verify(f->b->slab));
	for (unsigned i = 0; i < f->nr; i++)
		kmem_cache_free(&f->b->ctx, f->s, f->object[i]);
	cr_assert_eq(kmem_cache_destroy(&f->b->ctx, f->s), 0);
	slab_bench_end(f->b);
	free(f);
}

/* The part of the CPU on which the test runs. */
static struct sheaf_cpu *part(const struct fixture *f)
{
	return current_part(&f->b->ctx, to_sheaves(f->s));
}

static void take(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++, f->nr++) {
		f->object[f->nr] =
			kmem_cache_alloc(&f->b->ctx, f->s, GFP_KERNEL);
		cr_assert(f->object[f->nr]);
	}
}

/* The n that were taken first, in that order. */
static void give(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(&f->b->ctx, f->s, f->object[i]);
	f->nr -= n;
	memmove(f->object, &f->object[n], f->nr * sizeof(*f->object));
}

static void take_bulk(struct fixture *f, unsigned n)
{
	cr_assert_eq(kmem_cache_alloc_bulk(&f->b->ctx, f->s, GFP_KERNEL, n,
					   &f->object[f->nr]),
		     n);
	f->nr += n;
}

static void give_bulk(struct fixture *f, unsigned n)
{
	f->nr -= n;
	kmem_cache_free_bulk(&f->b->ctx, f->s, n, &f->object[f->nr]);
}

/* ---- the trace -------------------------------------------------------------
 */

/* What a step adds to a counter. */
struct added {
	enum slab_counter counter;
	unsigned n;
};

/* Sizes of main and spare (NONE: no spare), full and empty sheaves of the barn,
 * slabs. */
struct state {
	uint32_t main, spare;
	unsigned full, empty, slabs;
};

static uint64_t counted_since(struct fixture *f, enum slab_counter c)
{
	const uint64_t now = slab_counter_sum(f->s, c), n = now - f->seen[c];

	f->seen[c] = now;
	return n;
}

/* Every counter of sheaves has changed by what `added` says; of SLUB's, those
 * that it names. */
static void counters_are(struct fixture *f, const char *what,
			 const struct added *added)
{
	for (unsigned i = 0; i < NR_SLAB_COUNTERS; i++) {
		const enum slab_counter c = (enum slab_counter)i;
		const uint64_t n = counted_since(f, c);
		bool named = i >= ALLOC_CPU_SHEAF && i <= SHEAF_RETURN_SLOW;
		unsigned want = 0;

		for (const struct added *a = added;
		     a->counter != NR_SLAB_COUNTERS; a++) {
			named = named || a->counter == c;
			want = a->counter == c ? a->n : want;
		}
		cr_assert(!named || n == want, "%s: %s +%llu, the kernel %u",
			  what, slab_counter_name(c), (unsigned long long)n,
			  want);
	}
}

static void step(struct fixture *f, const char *what, struct state want,
		 const struct added *added)
{
	const struct sheaf_cpu *c = part(f);
	const struct barn *b = &to_sheaves(f->s)->barn[0];
	const uint32_t spare = c->spare ? c->spare->size : NONE;
	struct slabinfo_row row;

	counters_are(f, what, added);
	cr_assert_null(slab_verify(f->b->slab));
	slub_info(f->s, &row);
	cr_assert(c->main->size == want.main && spare == want.spare &&
			  b->nr_full == want.full &&
			  b->nr_empty == want.empty &&
			  row.num_slabs == want.slabs,
		  "%s: %u / %d / %u / %u, %llu slabs; the kernel %u / %d / %u "
		  "/ %u, %u",
		  what, c->main->size, (int)spare, b->nr_full, b->nr_empty,
		  (unsigned long long)row.num_slabs, want.main, (int)want.spare,
		  want.full, want.empty, want.slabs);
}
#define STEP(f, what, m, s, full, empty, slabs, ...)              \
	step(f, what, (struct state){ m, s, full, empty, slabs }, \
	     (const struct added[]){                              \
		     __VA_ARGS__ __VA_OPT__(, ){ NR_SLAB_COUNTERS, 0 } })

static void trace_to_128(struct fixture *f)
{
	STEP(f, "create", 0, NONE, 0, 0, 0,
	     { SHEAF_ALLOC, to_sheaves(f->s)->nr_slots });
	take(f, 1);
	STEP(f, "alloc #1", 31, NONE, 0, 1, 2, { BARN_GET_FAIL, 1 },
	     { SHEAF_ALLOC, 1 }, { SHEAF_REFILL, 32 }, { ALLOC_CPU_SHEAF, 1 },
	     { ALLOC_SLOWPATH, 2 }, { ALLOC_FASTPATH, 30 });
	take(f, 31);
	STEP(f, "alloc #2..#32", 0, NONE, 0, 1, 2, { ALLOC_CPU_SHEAF, 31 });
	take(f, 1);
	STEP(f, "alloc #33", 31, NONE, 0, 1, 4, { BARN_GET_FAIL, 1 },
	     { SHEAF_REFILL, 32 }, { ALLOC_CPU_SHEAF, 1 });
	take(f, 95);
	STEP(f, "alloc to #128", 0, NONE, 0, 1, 8, { ALLOC_CPU_SHEAF, 95 },
	     { BARN_GET_FAIL, 2 }, { SHEAF_REFILL, 64 });
	give(f, 32);
	STEP(f, "free 32", 32, NONE, 0, 1, 8, { FREE_CPU_SHEAF, 32 });
	give(f, 1);
	STEP(f, "free #33", 1, 32, 0, 0, 8, { FREE_CPU_SHEAF, 1 });
	give(f, 31);
	STEP(f, "free to #64", 32, 32, 0, 0, 8, { FREE_CPU_SHEAF, 31 });
	give(f, 1);
	STEP(f, "free #65", 1, 32, 1, 0, 8, { SHEAF_ALLOC, 1 }, { BARN_PUT, 1 },
	     { FREE_CPU_SHEAF, 1 });
	give(f, 63);
	STEP(f, "free to #128", 32, 32, 2, 0, 8, { FREE_CPU_SHEAF, 63 },
	     { SHEAF_ALLOC, 1 }, { BARN_PUT, 1 });
}

static void trace_of_1024(struct fixture *f)
{
	take(f, 64);
	STEP(f, "alloc 64", 0, 0, 2, 0, 8, { ALLOC_CPU_SHEAF, 64 });
	give(f, 64);
	STEP(f, "free 64", 32, 32, 2, 0, 8, { FREE_CPU_SHEAF, 64 });
	take(f, 1024);
	STEP(f, "alloc 1024", 0, NONE, 0, 3, 64, { ALLOC_CPU_SHEAF, 1024 },
	     { BARN_GET, 2 }, { BARN_GET_FAIL, 28 }, { SHEAF_REFILL, 896 });
	give(f, 1024);
	STEP(f, "free 1024", 32, 32, 10, 0, 34, { FREE_CPU_SHEAF, 1024 },
	     { SHEAF_ALLOC, 8 }, { BARN_PUT, 10 }, { BARN_PUT_FAIL, 20 },
	     { SHEAF_FLUSH, 640 }, { FREE_SLOWPATH, 40 });
	take(f, 1024);
	STEP(f, "alloc 1024 again", 0, NONE, 0, 11, 64,
	     { ALLOC_CPU_SHEAF, 1024 }, { BARN_GET, 10 }, { BARN_GET_FAIL, 20 },
	     { SHEAF_REFILL, 640 });
	give(f, 1024);
	STEP(f, "free 1024 again", 32, 32, 10, 0, 34, { FREE_CPU_SHEAF, 1024 },
	     { BARN_PUT, 10 }, { BARN_PUT_FAIL, 20 }, { SHEAF_FLUSH, 640 });
	cr_assert_eq(kmem_cache_shrink(&f->b->ctx, f->s), 1);
	STEP(f, "shrink", 0, NONE, 0, 0, 6, { SHEAF_FLUSH, 384 },
	     { SHEAF_FREE, 11 });
}

static void trace_of_bulk(struct fixture *f)
{
	take_bulk(f, 100);
	STEP(f, "bulk alloc 100", 0, NONE, 0, 0, 7, { BARN_GET_FAIL, 1 },
	     { ALLOC_FASTPATH, 93 }, { ALLOC_SLOWPATH, 7 });
	give_bulk(f, 100);
	STEP(f, "bulk free 100", 32, NONE, 0, 0, 7, { FREE_CPU_SHEAF, 32 });
	take_bulk(f, 100);
	STEP(f, "bulk alloc 100 again", 0, NONE, 0, 0, 7,
	     { ALLOC_CPU_SHEAF, 32 }, { BARN_GET_FAIL, 1 });
	give_bulk(f, 100);
	STEP(f, "bulk free 100 again", 32, NONE, 0, 0, 7,
	     { FREE_CPU_SHEAF, 32 });
}

static void trace_of_lent_sheaves(struct fixture *f)
{
	struct slab_ctx *ctx = &f->b->ctx;
	struct sheaf *sheaf =
		kmem_cache_prefill_sheaf(ctx, f->s, GFP_KERNEL, 10);

	cr_assert(sheaf);
	STEP(f, "prefill 10", 32, NONE, 0, 0, 7, { SHEAF_PREFILL_SLOW, 1 },
	     { BARN_GET_FAIL, 1 }, { SHEAF_ALLOC, 1 }, { SHEAF_REFILL, 32 });
	for (unsigned i = 0; i < 5; i++)
		f->object[f->nr++] = kmem_cache_alloc_from_sheaf(ctx, sheaf);
	kmem_cache_return_sheaf(ctx, f->s, GFP_KERNEL, sheaf);
	STEP(f, "5 of it, return", 32, 27, 0, 0, 7, { SHEAF_RETURN_FAST, 1 });
	give(f, 5);
	STEP(f, "free 5", 32, 32, 0, 0, 7, { FREE_CPU_SHEAF, 5 });
	sheaf = kmem_cache_prefill_sheaf(ctx, f->s, GFP_KERNEL, 50);
	cr_assert(sheaf && sheaf->size == 50);
	kmem_cache_return_sheaf(ctx, f->s, GFP_KERNEL, sheaf);
	STEP(f, "prefill 50, return", 32, 32, 0, 0, 8,
	     { SHEAF_PREFILL_OVERSIZE, 1 }, { SHEAF_FLUSH, 50 });
}

static void trace_of_rcu(struct fixture *f)
{
	struct slab_ctx *ctx = &f->b->ctx;

	kmem_cache_shrink(ctx, f->s);
	for (unsigned c = 0; c < NR_SLAB_COUNTERS; c++)
		counted_since(f, (enum slab_counter)c);
	f->object[f->nr++] = kmem_cache_alloc(ctx, f->s, GFP_NOWAIT);
	cr_assert(f->object[f->nr - 1]);
	STEP(f, "shrink, non-blocking alloc", 0, NONE, 0, 0, 1,
	     { BARN_GET_FAIL, 1 }, { ALLOC_SLOWPATH, 1 });
	give(f, 1);
	STEP(f, "free it", 1, NONE, 0, 0, 1, { FREE_CPU_SHEAF, 1 });
	take(f, 100);
	STEP(f, "alloc 100", 29, NONE, 0, 1, 9, { ALLOC_CPU_SHEAF, 100 },
	     { BARN_GET_FAIL, 4 }, { SHEAF_ALLOC, 1 }, { SHEAF_REFILL, 128 });
	for (unsigned i = 0; i < 40; i++)
		kmem_cache_free_rcu(ctx, f->s, f->object[--f->nr]);
	counters_are(f, "kfree_rcu 40",
		     (const struct added[]){ { FREE_RCU_SHEAF, 40 },
					     { SHEAF_ALLOC, 1 },
					     { NR_SLAB_COUNTERS, 0 } });
	cr_assert_eq(part(f)->rcu_free->size, 8);
	slab_rcu_barrier();
	STEP(f, "grace period", 29, NONE, 1, 0, 9, { BARN_PUT, 1 });
	cr_assert_eq(part(f)->rcu_free->size, 8);
}

static void whole_trace(enum slub_fast fast)
{
	struct fixture *f = fixture_make(fast, 1, 256, 32);

	cr_assert_eq(f->s->objects, 16);
	cr_assert_eq(to_slub(f->s)->cpu_partial_slabs, 7);
	cr_assert_eq(to_sheaves(f->s)->capacity, 32);
	trace_to_128(f);
	trace_of_1024(f);
	trace_of_bulk(f);
	trace_of_lent_sheaves(f);
	trace_of_rcu(f);
	fixture_end(f);
}

Test(sheaves, counter_trace_of_the_kernel_with_a_local_lock)
{
	whole_trace(SLUB_FAST_CMPXCHG);
}

Test(sheaves, counter_trace_of_the_kernel_with_sequences)
{
	whole_trace(SLUB_FAST_RSEQ);
}

/* ---- capacity -------------------------------------------------------------
 */

Test(sheaves, capacity_follows_size_flags_and_wish)
{
	static const struct {
		uint32_t size, asked, flags, want;
	} row[] = {
		{ 8, 0, 0, 60 },
		{ 248, 0, 0, 60 },
		{ 256, 0, 0, 28 },
		{ 256, 32, 0, 32 },
		{ 256, 8, 0, 28 },
		{ 1016, 0, 0, 28 },
		{ 1024, 0, 0, 12 },
		{ 4088, 0, 0, 12 },
		{ 4096, 0, 0, 4 },
		{ 64, 100, SLAB_RED_ZONE, 0 },
		{ 64, 100, SLAB_CONSISTENCY_CHECKS, 0 },
		{ 64, 0, SLAB_NOLEAKTRACE, 0 },
		{ 64, 0, SLAB_KMALLOC, 0 },
		{ 64, 0, SLAB_TYPESAFE_BY_RCU, 60 },
		{ 64, SHEAF_CAPACITY_MAX, 0, SHEAF_CAPACITY_MAX },
	};
	struct slab_config cfg = { .word = 8,
				   .nr_cpus = 2,
				   .slub_max_order = 3 };

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		const struct kmem_cache_args args = { .name = "c",
						      .size = row[i].size,
						      .flags = row[i].flags,
						      .sheaf_capacity =
							      row[i].asked };
		static struct sheaf_cache s;

		memset(&s, 0, sizeof(s));
		cr_assert_eq(kmem_cache_describe(&s.slub.base, &engine_ops,
						 &cfg, &args),
			     0);
		cr_assert_eq(capacity_for(&s.slub.base), row[i].want,
			     "row %u: %u", i, capacity_for(&s.slub.base));
	}
}

/* A wish for sheaves keeps a cache apart, having them does not. */
Test(sheaves, only_caches_that_asked_for_sheaves_are_not_merged)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *plain = cache_of(b, 104, 0);
	struct kmem_cache *like = cache_of(b, 100, 0);
	struct kmem_cache *asked = cache_of(b, 104, 60);
	struct kmem_cache *asked_too = cache_of(b, 104, 60);

	cr_assert_eq(plain, like);
	cr_assert(asked != plain && asked_too != plain && asked != asked_too);
	slab_bench_end(b);
}

/* 11000 bytes: 6.1 has order 1 for a single object. */
Test(sheaves, the_geometry_is_the_newer_one)
{
	const struct slab_bench_spec spec = {
		.config = { .kernel = KERNEL_6_1,
			    .word = 8,
			    .nr_cpus = 4,
			    .slub_max_order = 3 },
	};
	struct slab_bench *b = slab_bench_make(&engine_ops, &spec);
	struct kmem_cache *s = cache_of(b, 11000, 0);

	cr_assert_eq(s->order, 3);
	cr_assert_eq(s->objects, 2);
	cr_assert_eq(kmalloc_cache(&b->ctx, 96, GFP_KERNEL)->align, 32);
	slab_bench_end(b);
}

/* ---- nodes, other threads --------------------------------------------------
 */

Test(sheaves, objects_of_other_nodes_pass_by)
{
	struct fixture *f = fixture_make(SLUB_FAST_RSEQ, 2, 256, 32);
	struct slab_ctx *ctx = &f->b->ctx;
	void *far, *near;

	cr_assert_eq(local_node(ctx), 0);
	take(f, 40);
	for (unsigned i = 0; i < f->nr; i++)
		cr_assert(is_local(ctx, f->object[i]));
	far = kmem_cache_alloc_node(ctx, f->s, GFP_KERNEL, 1);
	cr_assert(far && !is_local(ctx, far));
	near = kmem_cache_alloc_node(ctx, f->s, GFP_KERNEL, 0);
	cr_assert(near && is_local(ctx, near));
	cr_assert_eq(slab_counter_sum(f->s, ALLOC_CPU_SHEAF), 41);
	kmem_cache_free(ctx, f->s, far);
	cr_assert_eq(slab_counter_sum(f->s, FREE_CPU_SHEAF), 0);
	kmem_cache_free(ctx, f->s, near);
	cr_assert_eq(slab_counter_sum(f->s, FREE_CPU_SHEAF), 1);
	/* in bulk: one of the other node among them */
	f->object[f->nr++] = kmem_cache_alloc_node(ctx, f->s, GFP_KERNEL, 1);
	cr_assert_eq(sort_local(ctx, to_sheaves(f->s), f->nr, f->object), 40);
	give_bulk(f, f->nr);
	cr_assert_eq(slab_counter_sum(f->s, FREE_CPU_SHEAF), 41);
	fixture_end(f);
}

/* In a main sheaf that holds an object of the other node, an allocation from
 * the local one leaves it where it is. */
Test(sheaves, a_top_object_of_another_node_stays)
{
	struct fixture *f = fixture_make(SLUB_FAST_CMPXCHG, 2, 256, 32);
	struct slab_ctx *ctx = &f->b->ctx;
	void *far = slub_alloc_node(ctx, f->s, GFP_KERNEL, 1), *near;
	struct sheaf *main = part(f)->main;

	main->object[main->size++] = far;
	near = kmem_cache_alloc_node(ctx, f->s, GFP_KERNEL, 0);
	cr_assert(near && is_local(ctx, near));
	cr_assert_eq(main->object[main->size - 1], far);
	cr_assert_eq(slab_counter_sum(f->s, ALLOC_CPU_SHEAF), 0);
	kmem_cache_free(ctx, f->s, near);
	fixture_end(f);
}

static void expect_remote(const struct fixture *f, uint64_t cpu, uint64_t node)
{
	cr_assert_eq(slab_counter_sum(f->s, REMOTE_FREE), cpu);
	cr_assert_eq(slab_counter_sum(f->s, REMOTE_NODE_FREE), node);
}

/* CPU 0 on node 0 has them all; CPU 1 is on node 1. Each free counts once,
 * whichever way it goes, and what happens to sheaves later does not. */
Test(sheaves, frees_from_afar_are_counted_once)
{
	struct fixture *f = fixture_make(SLUB_FAST_CMPXCHG, 2, 256, 32);
	struct slab_peer *peer = slab_peer_enter(f->b, 1);
	void *near;

	cr_assert_eq(peer->ctx.node, 1);
	near = kmem_cache_alloc(&peer->ctx, f->s, GFP_KERNEL);
	kmem_cache_free(&peer->ctx, f->s, near);
	take(f, 100);
	give(f, 10);
	expect_remote(f, 0, 0);
	for (unsigned i = 0; i < 10; i++)
		kmem_cache_free(&peer->ctx, f->s, f->object[--f->nr]);
	expect_remote(f, 10, 10);
	f->nr -= 40;
	kmem_cache_free_bulk(&peer->ctx, f->s, 40, &f->object[f->nr]);
	expect_remote(f, 50, 50);
	kmem_cache_free_rcu(&peer->ctx, f->s, f->object[--f->nr]);
	expect_remote(f, 51, 51);
	cr_assert_eq(slab_counter_sum(f->s, FREE_PAST_SHEAF), 51);
	give_bulk(f, f->nr);
	slab_rcu_barrier();
	kmem_cache_shrink(&f->b->ctx, f->s);
	expect_remote(f, 51, 51);
	slab_peer_exit(peer);
	fixture_end(f);
}

/* A producer and a consumer on one node: the slabs are the producer's, however
 * often their objects come back through the barn. */
Test(sheaves, frees_of_a_consumer_are_counted)
{
	struct fixture *f = fixture_of(SLUB_FAST_CMPXCHG, 1, 2, 256, 32);
	struct slab_peer *consumer = slab_peer_enter(f->b, 1);
	const unsigned back = 3 * 32;

	for (unsigned round = 1; round <= 4; round++) {
		take(f, back);
		while (f->nr)
			kmem_cache_free(&consumer->ctx, f->s,
					f->object[--f->nr]);
		expect_remote(f, round * back, 0);
	}
	cr_assert_gt(slab_counter_sum(f->s, BARN_GET), 0);
	cr_assert_eq(slab_counter_sum(f->s, FREE_PAST_SHEAF), 0);
	/* a cache that was not to be destroyed has no sheaves any more */
	take(f, 1);
	cr_assert_eq(kmem_cache_destroy(&f->b->ctx, f->s), -EBUSY);
	kmem_cache_free(&consumer->ctx, f->s, f->object[--f->nr]);
	expect_remote(f, 4 * back + 1, 0);
	slab_peer_exit(consumer);
	fixture_end(f);
}

struct holder {
	struct fixture *f;
	pthread_barrier_t barrier;
};

static void *hold_part(void *arg)
{
	struct holder *h = arg;
	struct sheaf_cache *s = to_sheaves(h->f->s);
	struct sheaf_cpu *c = cpu_hold_remote(s, part(h->f)->slot);

	pthread_barrier_wait(&h->barrier);
	pthread_barrier_wait(&h->barrier);
	cpu_drop(s, c);
	return NULL;
}

static void part_is_held(enum slub_fast fast)
{
	struct fixture *f = fixture_make(fast, 1, 256, 32);
	struct holder h = { .f = f };
	pthread_t thread;

	take(f, 3);
	pthread_barrier_init(&h.barrier, NULL, 2);
	cr_assert_eq(pthread_create(&thread, NULL, hold_part, &h), 0);
	pthread_barrier_wait(&h.barrier);
	take(f, 2);
	give(f, 2);
	take_bulk(f, 2);
	give_bulk(f, 2);
	pthread_barrier_wait(&h.barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&h.barrier);
	cr_assert_eq(slab_counter_sum(f->s, ALLOC_CPU_SHEAF), 3);
	cr_assert_eq(slab_counter_sum(f->s, FREE_CPU_SHEAF), 0);
	take(f, 1);
	cr_assert_eq(slab_counter_sum(f->s, ALLOC_CPU_SHEAF), 4);
	fixture_end(f);
}

Test(sheaves, nobody_waits_for_a_part_that_is_held)
{
	part_is_held(SLUB_FAST_CMPXCHG);
	part_is_held(SLUB_FAST_RSEQ);
}

/* ---- behind readers --------------------------------------------------------
 */

static bool among(void *const *list, unsigned n, const void *object)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] == object)
			return true;
	return false;
}

/* What was freed behind this reader is not handed out while it reads; then it
 * is, and no slab was touched. */
Test(sheaves, readers_are_waited_for)
{
	struct fixture *f = small_fixture();
	struct slab_ctx *ctx = &f->b->ctx;
	void *freed[32];

	take(f, 32);
	memcpy(freed, f->object, sizeof(freed));
	slab_rcu_read_lock();
	while (f->nr > 0)
		kmem_cache_free_rcu(ctx, f->s, f->object[--f->nr]);
	take(f, 200);
	for (unsigned i = 0; i < f->nr; i++)
		cr_assert_not(among(freed, 32, f->object[i]));
	slab_rcu_read_unlock();
	slab_rcu_barrier();
	cr_assert_eq(slab_counter_sum(f->s, BARN_PUT), 1);
	cr_assert_eq(slab_counter_sum(f->s, FREE_SLOWPATH), 0);
	give(f, f->nr);
	kmem_cache_shrink(ctx, f->s);
	fixture_end(f);
}

/* A barn that is full takes no sheaf from RCU's thread: the next free behind
 * readers flushes it. */
Test(sheaves, a_full_barn_takes_no_more_behind_readers)
{
	struct fixture *f = small_fixture();
	struct slab_ctx *ctx = &f->b->ctx;

	take(f, 16 * 32);
	give(f, 14 * 32);
	cr_assert_eq(to_sheaves(f->s)->barn[0].nr_full, 10);
	while (f->nr > 1)
		kmem_cache_free_rcu(ctx, f->s, f->object[--f->nr]);
	slab_rcu_barrier();
	cr_assert_geq(slab_counter_sum(f->s, BARN_PUT_FAIL), 1);
	cr_assert(to_sheaves(f->s)->rcu_done);
	counted_since(f, SHEAF_FLUSH);
	kmem_cache_free_rcu(ctx, f->s, f->object[--f->nr]);
	cr_assert_null(to_sheaves(f->s)->rcu_done);
	cr_assert_eq(counted_since(f, SHEAF_FLUSH), 32);
	fixture_end(f);
}

/* A thread that reads and reclaims does not wait for itself; what it flushed
 * goes to the slabs when it has left. */
Test(sheaves, a_reader_may_shrink, .timeout = 20)
{
	struct fixture *f = small_fixture();
	struct slab_ctx *ctx = &f->b->ctx;
	void *freed[5];

	take(f, 40);
	memcpy(freed, &f->object[35], sizeof(freed));
	while (f->nr > 35)
		kmem_cache_free_rcu(ctx, f->s, f->object[--f->nr]);
	cr_assert_eq(part(f)->rcu_free->size, 5);
	slab_rcu_read_lock();
	cr_assert_eq(kmem_cache_shrink(ctx, f->s), 1);
	cr_assert_null(part(f)->rcu_free);
	counted_since(f, SHEAF_FLUSH);
	counted_since(f, BARN_PUT);
	take(f, 200);
	for (unsigned i = 0; i < f->nr; i++)
		cr_assert_not(among(freed, 5, f->object[i]));
	slab_rcu_read_unlock();
	slab_rcu_barrier();
	reap(ctx, to_sheaves(f->s));
	cr_assert_eq(counted_since(f, SHEAF_FLUSH), 5);
	cr_assert_eq(counted_since(f, BARN_PUT), 0);
	fixture_end(f);
}

/* Objects of another node, and of caches without sheaves, wait by themselves.
 */
Test(sheaves, what_no_sheaf_takes_waits_as_well)
{
	struct fixture *f = fixture_make(SLUB_FAST_RSEQ, 2, 256, 32);
	struct slab_ctx *ctx = &f->b->ctx;
	struct kmem_cache *debug =
		slab_bench_cache(f->b, "debug", 64, SLAB_RED_ZONE);
	void *one = kmem_cache_alloc(ctx, debug, GFP_KERNEL);

	kmem_cache_free_rcu(ctx, debug, one);
	cr_assert_eq(kmem_cache_destroy(ctx, debug), 0);
	kmem_cache_free_rcu(ctx, f->s,
			    kmem_cache_alloc_node(ctx, f->s, GFP_KERNEL, 1));
	cr_assert_eq(slab_counter_sum(f->s, FREE_RCU_SHEAF), 0);
	cr_assert_eq(slab_counter_sum(f->s, FREE_RCU_SHEAF_FAIL), 0);
	slab_rcu_barrier();
	cr_assert(to_sheaves(f->s)->rcu_objects_done);
	kmem_cache_shrink(ctx, f->s);
	cr_assert_null(to_sheaves(f->s)->rcu_objects_done);
	cr_assert_eq(slab_counter_sum(f->s, FREE_CPU_SHEAF), 0);
	fixture_end(f);
}

/* ---- lent sheaves ---------------------------------------------------------
 */

Test(sheaves, a_lent_sheaf_grows)
{
	struct fixture *f = small_fixture();
	struct slab_ctx *ctx = &f->b->ctx;
	struct sheaf *sheaf =
		kmem_cache_prefill_sheaf(ctx, f->s, GFP_KERNEL, 4);

	cr_assert(sheaf);
	cr_assert_eq(kmem_cache_refill_sheaf(ctx, f->s, GFP_KERNEL, &sheaf, 60),
		     0);
	for (unsigned i = 0; i < 60; i++) {
		f->object[f->nr] = kmem_cache_alloc_from_sheaf(ctx, sheaf);
		cr_assert(f->object[f->nr++]);
	}
	cr_assert_null(kmem_cache_alloc_from_sheaf(ctx, sheaf));
	cr_assert_eq(kmem_cache_refill_sheaf(ctx, f->s, GFP_KERNEL, &sheaf, 9),
		     0);
	cr_assert_eq(sheaf->size, 60);
	kmem_cache_return_sheaf(ctx, f->s, GFP_KERNEL, sheaf);
	fixture_end(f);
}

Test(sheaves, a_cache_without_sheaves_lends_exact_ones)
{
	struct fixture *f = small_fixture();
	struct slab_ctx *ctx = &f->b->ctx;
	struct kmem_cache *debug =
		slab_bench_cache(f->b, "debug", 64, SLAB_POISON);
	struct sheaf *sheaf =
		kmem_cache_prefill_sheaf(ctx, debug, GFP_KERNEL, 7);
	void *object;

	cr_assert(sheaf && sheaf->size == 7);
	object = kmem_cache_alloc_from_sheaf(ctx, sheaf);
	kmem_cache_return_sheaf(ctx, debug, GFP_KERNEL, sheaf);
	kmem_cache_free(ctx, debug, object);
	cr_assert_eq(kmem_cache_destroy(ctx, debug), 0);
	fixture_end(f);
}

/* ---- no memory -------------------------------------------------------------
 */

struct hoard {
	pfn_t pfn[1 << 15];
	unsigned nr;
};

static struct hoard *take_all_pages(struct slab_bench *b)
{
	struct hoard *h = malloc(sizeof(*h));

	cr_assert(h);
	for (h->nr = 0; h->nr < ARRAY_SIZE(h->pfn); h->nr++) {
		h->pfn[h->nr] = alloc_pages(&b->pages, GFP_NOWAIT, 0);
		if (!pfn_valid(h->pfn[h->nr]))
			return h;
	}
	cr_assert_fail("the machine is too large");
	return h;
}

static void give_all_pages(struct slab_bench *b, struct hoard *h)
{
	while (h->nr > 0)
		free_pages(&b->pages, h->pfn[--h->nr], 0);
	free(h);
}

#define LARGE_SHEAF SHEAF_CAPACITY_MAX

/* Sheaves of 8 KiB: free() finds none to be had, and flushes main. */
Test(sheaves, frees_go_to_the_slabs_where_no_sheaf_is_to_be_had)
{
	struct fixture *f = fixture_make(SLUB_FAST_RSEQ, 1, 8, LARGE_SHEAF);
	struct hoard *h;

	for (unsigned i = 0; i < 5 * LARGE_SHEAF; i++, f->nr++)
		f->object[i] = slub_alloc(&f->b->ctx, f->s, GFP_KERNEL);
	h = take_all_pages(f->b);
	give(f, f->nr);
	cr_assert_geq(slab_counter_sum(f->s, BARN_PUT_FAIL), 1);
	cr_assert_geq(slab_counter_sum(f->s, SHEAF_FLUSH), LARGE_SHEAF);
	cr_assert_eq(slab_counter_sum(f->s, FREE_CPU_SHEAF), 5 * LARGE_SHEAF);
	cr_assert_null(slab_verify(f->b->slab));
	give_all_pages(f->b, h);
	fixture_end(f);
}

Test(sheaves, frees_behind_readers_need_no_sheaf)
{
	struct fixture *f = fixture_make(SLUB_FAST_CMPXCHG, 1, 8, LARGE_SHEAF);
	struct slab_ctx *ctx = &f->b->ctx;
	struct hoard *h;

	for (unsigned i = 0; i < 5 * LARGE_SHEAF; i++, f->nr++)
		f->object[i] = slub_alloc(ctx, f->s, GFP_KERNEL);
	h = take_all_pages(f->b);
	while (f->nr > 0)
		kmem_cache_free_rcu(ctx, f->s, f->object[--f->nr]);
	cr_assert_geq(slab_counter_sum(f->s, FREE_RCU_SHEAF_FAIL), 1);
	cr_assert_eq(slab_counter_sum(f->s, FREE_RCU_SHEAF) +
			     slab_counter_sum(f->s, FREE_RCU_SHEAF_FAIL),
		     5 * LARGE_SHEAF);
	give_all_pages(f->b, h);
	fixture_end(f);
}

/* Objects that a bulk allocation had at hand when it failed go to their slabs;
 * nobody has freed them. */
Test(sheaves, a_bulk_allocation_that_fails_frees_nothing_to_sheaves)
{
	struct fixture *f = small_fixture();
	struct hoard *h;
	void *object[400];

	take(f, 1);
	cr_assert_eq(part(f)->main->size, 31);
	h = take_all_pages(f->b);
	cr_assert_eq(kmem_cache_alloc_bulk(&f->b->ctx, f->s,
					   GFP_NOWAIT | GFP_BIT_NOWARN, 400,
					   object),
		     0);
	cr_assert_eq(slab_counter_sum(f->s, FREE_CPU_SHEAF), 0);
	cr_assert_eq(part(f)->main->size, 0);
	give_all_pages(f->b, h);
	fixture_end(f);
}

/* Pages run out at each step of a refill: the objects that are out keep what
 * they hold, and no object is lost. */
Test(sheaves, a_refill_that_fails_leaves_owners_intact)
{
	struct fixture *f = small_fixture();
	struct slab_ctx *ctx = &f->b->ctx;
	const gfp_t gfp = GFP_KERNEL | GFP_BIT_NORETRY | GFP_BIT_NOWARN;
	const unsigned mine = 10;

	take(f, mine);
	for (unsigned i = 0; i < mine; i++)
		memset(f->object[i], (int)(i + 1), 256);
	for (unsigned spare = 0; spare < 5; spare++) {
		struct hoard *h = take_all_pages(f->b);
		struct sheaf *sheaf;

		for (unsigned i = 0; i < spare; i++)
			free_pages(&f->b->pages, h->pfn[--h->nr], 0);
		while ((f->object[f->nr] = kmem_cache_alloc(ctx, f->s, gfp)))
			memset(f->object[f->nr++], 0xee, 256);
		sheaf = kmem_cache_prefill_sheaf(ctx, f->s, gfp, 20);
		cr_assert_null(sheaf);
		for (unsigned i = 0; i < mine; i++)
			for (unsigned at = 0; at < 256; at++)
				cr_assert_eq(((char *)f->object[i])[at],
					     (char)(i + 1));
		cr_assert_null(slab_verify(f->b->slab));
		give_all_pages(f->b, h);
		while (f->nr > mine)
			kmem_cache_free(ctx, f->s, f->object[--f->nr]);
		kmem_cache_shrink(ctx, f->s);
		kmem_cache_shrink(ctx, f->s);
	}
	fixture_end(f);
}

Test(sheaves, a_lent_sheaf_that_cannot_grow_is_as_it_was)
{
	struct fixture *f = small_fixture();
	struct slab_ctx *ctx = &f->b->ctx;
	struct sheaf *sheaf =
			     kmem_cache_prefill_sheaf(ctx, f->s, GFP_KERNEL, 4),
		     *same = sheaf;
	const gfp_t gfp = GFP_NOWAIT | GFP_BIT_NOWARN;
	struct hoard *h = take_all_pages(f->b);

	cr_assert_eq(kmem_cache_refill_sheaf(ctx, f->s, gfp, &sheaf, 500),
		     -ENOMEM);
	cr_assert_eq(sheaf, same);
	cr_assert_eq(sheaf->size, 32);
	f->object[f->nr++] = kmem_cache_alloc_from_sheaf(ctx, sheaf);
	give_all_pages(f->b, h);
	kmem_cache_return_sheaf(ctx, f->s, gfp, sheaf);
	fixture_end(f);
}

/* A cache whose sheaves are not to be had is not created, and leaves
 * nothing. */
Test(sheaves, create_without_memory)
{
	struct fixture *f = small_fixture();
	const struct kmem_cache_args args = { .name = "late",
					      .size = 64,
					      .sheaf_capacity = LARGE_SHEAF };
	struct hoard *h = take_all_pages(f->b);
	int rc = 0;

	cr_assert_null(kmem_cache_create(&f->b->ctx, &args, &rc));
	cr_assert_eq(rc, -ENOMEM);
	give_all_pages(f->b, h);
	fixture_end(f);
}

/* ---- threads ---------------------------------------------------------------
 */

#define NR_THREADS 3
#define NR_ROUNDS  20000
#define NR_OWN     100

struct crowd {
	struct slab_bench *b;
	struct kmem_cache *s;
	_Atomic(void *) box[32]; /* objects that change hands */
	_Atomic unsigned running;
};

struct member {
	struct crowd *crowd;
	struct slab_peer *peer;
	pthread_t thread;
	uint64_t rng;
	void *own[NR_OWN];
};

static void no_op(int sig)
{
	(void)sig;
}

static uint64_t next_random(struct member *m)
{
	m->rng = m->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return m->rng >> 33;
}

/* Its two words say that an object has one owner. */
static void own(void *object)
{
	uint64_t *word = object;

	word[0] = (uintptr_t)object;
	word[3] = ~(uint64_t)(uintptr_t)object;
}

static void disown(void *object)
{
	uint64_t *word = object;

	cr_assert(word[0] == (uintptr_t)object &&
			  word[3] == ~(uint64_t)(uintptr_t)object,
		  "an object had two owners");
	word[0] = word[3] = 0;
}

static void give_away(struct member *m, void *object)
{
	struct crowd *crowd = m->crowd;

	/* REL(test-box), ACQ(test-box): whoever takes an object sees its
	 * words */
	object = atomic_exchange_explicit(&crowd->box[next_random(m) % 32],
					  object, memory_order_acq_rel);
	if (!object)
		return;
	disown(object);
	if (next_random(m) % 8)
		kmem_cache_free(&m->peer->ctx, crowd->s, object);
	else
		kmem_cache_free_rcu(&m->peer->ctx, crowd->s, object);
}

static void bulk_round(struct member *m)
{
	void *object[40];
	struct slab_ctx *ctx = &m->peer->ctx;
	struct kmem_cache *s = m->crowd->s;

	if (!kmem_cache_alloc_bulk(ctx, s, GFP_KERNEL, 40, object))
		return;
	for (unsigned i = 0; i < 40; i++)
		own(object[i]);
	for (unsigned i = 0; i < 40; i++)
		disown(object[i]);
	kmem_cache_free_bulk(ctx, s, 40, object);
}

static void *member_run(void *arg)
{
	struct member *m = arg;
	struct slab_ctx *ctx = &m->peer->ctx;

	for (unsigned i = 0; i < NR_ROUNDS; i++) {
		void **at = &m->own[next_random(m) % NR_OWN];

		if (i % 64 == 0)
			bulk_round(m);
		if (*at) {
			give_away(m, *at);
			*at = NULL;
			continue;
		}
		*at = kmem_cache_alloc(ctx, m->crowd->s, GFP_KERNEL);
		cr_assert(*at);
		own(*at);
	}
	for (unsigned i = 0; i < NR_OWN; i++)
		if (m->own[i]) {
			disown(m->own[i]);
			kmem_cache_free(ctx, m->crowd->s, m->own[i]);
		}
	/* relaxed: the join orders the rest */
	atomic_fetch_sub_explicit(&m->crowd->running, 1, memory_order_relaxed);
	return NULL;
}

/* Moves, signals and shrinks until all have finished. */
static void disturb(struct crowd *crowd, struct member *member,
		    const cpu_set_t *all)
{
	for (unsigned i = 0;
	     /* relaxed: the join orders the rest */
	     atomic_load_explicit(&crowd->running, memory_order_relaxed); i++) {
		struct member *m = &member[i % NR_THREADS];
		unsigned cpu = i / NR_THREADS % (unsigned)CPU_COUNT(all);
		cpu_set_t one;

		CPU_ZERO(&one);
		for (unsigned n = 0; n < CPU_SETSIZE; n++)
			if (CPU_ISSET(n, all) && !cpu--)
				CPU_SET(n, &one);
		pthread_setaffinity_np(m->thread, sizeof(one), &one);
		pthread_kill(m->thread, SIGUSR1);
		if (i % 16 == 0)
			kmem_cache_shrink(&crowd->b->ctx, crowd->s);
		sched_yield();
	}
}

static void crowd_run(enum slub_fast fast, unsigned nodes)
{
	struct slab_bench_spec spec = {
		.config = { .word = 8,
			    .nr_cpus = 2,
			    .slub_max_order = 3,
			    .slub_fast = fast },
		.nodes = nodes,
	};
	struct crowd crowd = { .b = slab_bench_make(&engine_ops, &spec) };
	static struct member member[NR_THREADS];
	cpu_set_t all;

	cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	signal(SIGUSR1, no_op);
	memset(member, 0, sizeof(member));
	crowd.s = cache_of(crowd.b, 64, 0);
	/* relaxed: before the threads */
	atomic_store_explicit(&crowd.running, NR_THREADS, memory_order_relaxed);
	for (uint16_t i = 0; i < NR_THREADS; i++) {
		member[i].crowd = &crowd;
		member[i].rng = i;
		member[i].peer = slab_peer_enter(crowd.b, i);
	}
	for (unsigned i = 0; i < NR_THREADS; i++)
		cr_assert_eq(pthread_create(&member[i].thread, NULL, member_run,
					    &member[i]),
			     0);
	disturb(&crowd, member, &all);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		pthread_join(member[i].thread, NULL);
		slab_peer_exit(member[i].peer);
	}
	for (unsigned i = 0; i < 32; i++)
		if (crowd.box[i])
			kmem_cache_free(&crowd.b->ctx, crowd.s, crowd.box[i]);
	cr_assert_null(slab_verify(crowd.b->slab));
	cr_assert_eq(kmem_cache_destroy(&crowd.b->ctx, crowd.s), 0);
	slab_bench_end(crowd.b);
}

Test(sheaves, moved_and_signalled_threads_with_sequences)
{
	crowd_run(SLUB_FAST_RSEQ, 1);
}

Test(sheaves, moved_and_signalled_threads_with_a_local_lock)
{
	crowd_run(SLUB_FAST_CMPXCHG, 2);
}
