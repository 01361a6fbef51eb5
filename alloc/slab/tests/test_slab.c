/*
 * The engine `slab` from inside: counter traces of booted kernels, the reaper,
 * places of the index, nodes.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>

/* The engine's memory for its own data: so many blocks more, then none. */
static unsigned blocks_left = UINT32_MAX;

static void *scarce_aligned_alloc(size_t align, size_t bytes)
{
	return blocks_left && blocks_left-- ? aligned_alloc(align, bytes)
					    : NULL;
}

static void *scarce_malloc(size_t bytes)
{
	return blocks_left && blocks_left-- ? malloc(bytes) : NULL;
}

#define ENGINE_NAME   "slab"
#define aligned_alloc scarce_aligned_alloc
#define malloc        scarce_malloc
#include "alloc/slab/engines/slab.c"
#undef aligned_alloc
#undef malloc
#include "alloc/slab/tests/slab_bench.h"

TestSuite(slab_engine, .timeout = 60);

#define MAX_OBJECTS 2048

struct fixture {
	struct slab_bench *b;
	struct slab_cache *s;
	void *object[MAX_OBJECTS];
	unsigned nr;
};

/* A machine of `cpus`, all there; `random` freelists drawn from the seed. */
static struct slab_config config_of(unsigned cpus, bool random, uint64_t seed)
{
	return (struct slab_config){ .kernel = KERNEL_6_1,
				     .word = 8,
				     .nr_cpus = cpus,
				     .nr_possible = cpus,
				     .ram_bytes = 256 << 20,
				     .random = random,
				     .seed = seed };
}

/* One CPU is there, two may come: as in the kernel that was traced. */
static struct slab_bench *one_cpu_bench(void)
{
	const struct slab_bench_spec spec = {
		.config = { .kernel = KERNEL_6_1,
			    .word = 8,
			    .nr_cpus = 1,
			    .nr_possible = 2,
			    .ram_bytes = 256 << 20 },
		.cpus = 1,
	};

	return slab_bench_make(&engine_ops, &spec);
}

static struct fixture *fixture_make(struct slab_bench *b, unsigned size,
				    uint32_t flags)
{
	struct fixture *f = calloc(1, sizeof(*f));

	cr_assert(f);
	f->b = b;
	f->s = to_slab(slab_bench_cache(b, "traced", size, flags));
	return f;
}

static void take(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++, f->nr++) {
		f->object[f->nr] =
			kmem_cache_alloc(&f->b->ctx, &f->s->base, GFP_KERNEL);
		cr_assert(f->object[f->nr]);
	}
}

/* The newest n of those that were taken, oldest first. */
static void give(struct fixture *f, unsigned n)
{
	f->nr -= n;
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(&f->b->ctx, &f->s->base, f->object[f->nr + i]);
}

static void give_reversed(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(&f->b->ctx, &f->s->base, f->object[--f->nr]);
}

static void fixture_end(struct fixture *f)
{
	give(f, f->nr);
	cr_assert_eq(kmem_cache_destroy(&f->b->ctx, &f->s->base), 0);
	slab_bench_end(f->b);
	free(f);
}

struct counts {
	unsigned avail, shared;
	unsigned long free_objects, free_slabs, total;
};

static void same(const struct fixture *f, const char *step, struct counts want)
{
	const struct slab_node *n = &f->s->node[0];
	const struct counts got = {
		avail_of(f->s->cpu[0].ac),
		n->shared ? avail_of(n->shared) : 0,
		free_objects_of(n),
		n->free_slabs,
		n->total_slabs,
	};

	cr_assert_null(slab_verify(f->b->slab));
	cr_assert(got.avail == want.avail && got.shared == want.shared &&
			  got.free_objects == want.free_objects &&
			  got.free_slabs == want.free_slabs &&
			  got.total == want.total,
		  "%s: avail %u shared %u free_objects %lu free_slabs %lu "
		  "total_slabs %lu, the kernel %u %u %lu %lu %lu",
		  step, got.avail, got.shared, got.free_objects, got.free_slabs,
		  got.total, want.avail, want.shared, want.free_objects,
		  want.free_slabs, want.total);
}

/* From nothing to nothing but free objects, as the kernel did it. */
static void busy_part(struct fixture *f)
{
	same(f, "create", (struct counts){ 0, 0, 0, 0, 0 });
	take(f, 1);
	same(f, "alloc #1", (struct counts){ 15, 0, 0, 0, 1 });
	take(f, 15);
	same(f, "alloc to #16", (struct counts){ 0, 0, 0, 0, 1 });
	take(f, 1);
	same(f, "alloc #17", (struct counts){ 15, 0, 0, 0, 2 });
	take(f, 47);
	same(f, "alloc to #64", (struct counts){ 0, 0, 0, 0, 4 });
	give(f, 64);
	same(f, "free 64", (struct counts){ 64, 0, 0, 0, 4 });
	take(f, 64);
	give_reversed(f, 64);
	same(f, "64 and back", (struct counts){ 64, 0, 0, 0, 4 });
	take(f, 1024);
	same(f, "alloc 1024", (struct counts){ 0, 0, 0, 0, 64 });
	give(f, 1024);
	same(f, "free 1024", (struct counts){ 64, 480, 128, 8, 42 });
	/* nobody but this CPU puts into the shared array and takes out of it */
	cr_assert_eq(slab_counter_sum(&f->s->base, SHARED_FLUSH) -
			     slab_counter_sum(&f->s->base, SHARED_REFILL),
		     480);
	take(f, 1024);
	same(f, "alloc 1024 again", (struct counts){ 0, 0, 0, 0, 64 });
	give_reversed(f, 1024);
	same(f, "reversed", (struct counts){ 64, 480, 128, 8, 42 });
	cr_assert_eq(kmem_cache_shrink(&f->b->ctx, &f->s->base), 0);
	same(f, "shrink", (struct counts){ 0, 0, 0, 0, 0 });
}

/* Two objects stay out. */
static void quiet_part(struct fixture *f)
{
	struct slab_ctx *ctx = &f->b->ctx;
	void *bulk[40];

	take(f, 2);
	same(f, "alloc 2", (struct counts){ 14, 0, 0, 0, 1 });
	cr_assert_eq(kmem_cache_shrink(ctx, &f->s->base), 1);
	same(f, "shrink with 2 out", (struct counts){ 0, 0, 14, 0, 1 });
	cr_assert_eq(
		kmem_cache_alloc_bulk(ctx, &f->s->base, GFP_KERNEL, 40, bulk),
		40);
	same(f, "bulk alloc 40", (struct counts){ 6, 0, 0, 0, 3 });
	kmem_cache_free_bulk(ctx, &f->s->base, 40, bulk);
	same(f, "bulk free 40", (struct counts){ 46, 0, 0, 0, 3 });
}

Test(slab_engine, counts_are_those_of_a_booted_kernel)
{
	struct fixture *f = fixture_make(one_cpu_bench(), 256, 0);

	cr_assert_eq(f->s->node[0].free_limit, 136);
	busy_part(f);
	quiet_part(f);
	fixture_end(f);
}

/* What each visit of the reaper left, in a kernel where it came every other
 * second and its fourth visit was the first to the node. */
static const struct {
	unsigned t;
	struct counts left;
} idle[] = {
	{ 1, { 78, 480, 128, 7, 43 } }, { 3, { 54, 480, 136, 7, 42 } },
	{ 5, { 30, 480, 128, 7, 40 } }, { 7, { 6, 480, 136, 7, 39 } },
	{ 9, { 3, 480, 123, 6, 38 } },  { 11, { 1, 384, 93, 3, 30 } },
	{ 13, { 0, 384, 94, 4, 30 } },  { 15, { 0, 288, 94, 4, 24 } },
	{ 19, { 0, 192, 94, 4, 18 } },  { 23, { 0, 96, 94, 4, 12 } },
	{ 27, { 0, 0, 94, 5, 6 } },     { 31, { 0, 0, 62, 3, 4 } },
	{ 35, { 0, 0, 30, 1, 2 } },     { 39, { 0, 0, 14, 0, 1 } },
};

Test(slab_engine, an_idle_cache_is_reaped_as_in_the_kernel)
{
	struct fixture *f = fixture_make(one_cpu_bench(), 256, 0);
	unsigned next = 0;

	busy_part(f);
	quiet_part(f);
	take(f, 1024);
	give(f, 1024);
	f->s->node[0].next_reap = 7;
	for (unsigned t = 1; t <= 39; t += 2) {
		char step[32];

		snprintf(step, sizeof(step), "second %u", t);
		engine_ops.tick(&f->b->ctx, t);
		if (idle[next].t == t)
			same(f, step, idle[next++].left);
	}
	cr_assert_eq(next, ARRAY_SIZE(idle));
	cr_assert(slab_counter_sum(&f->s->base, SLAB_REAPED) >= 10);
	fixture_end(f);
}

Test(slab_engine, the_reaper_comes_every_other_second)
{
	struct fixture *f = fixture_make(one_cpu_bench(), 256, 0);

	take(f, 100);
	give(f, 100);
	engine_ops.tick(&f->b->ctx, 0);
	cr_assert_eq(f->s->cpu[0].ac->touched, 1, "it came too early");
	engine_ops.tick(&f->b->ctx, 1);
	cr_assert_eq(f->s->cpu[0].ac->touched, 0);
	engine_ops.tick(&f->b->ctx, 2);
	cr_assert_eq(avail_of(f->s->cpu[0].ac), 112, "it came too early");
	engine_ops.tick(&f->b->ctx, 3);
	cr_assert_eq(avail_of(f->s->cpu[0].ac), 88);
	fixture_end(f);
}

/* Objects of one array's making come newest address first, and slabs begin at
 * colours 1, 2, .. 0. */
Test(slab_engine, slabs_have_colours)
{
	struct fixture *f = fixture_make(one_cpu_bench(), 600, 0);
	const unsigned num = f->s->base.objects, colours = f->s->layout.colour;

	cr_assert_eq(colours, 7);
	for (unsigned i = 0; i <= colours; i++) {
		const struct page *page;

		take(f, num);
		page = slab_virt_to_page(f->b->slab, f->object[f->nr - 1]);
		cr_assert_eq((char *)f->object[f->nr - 1] -
				     slab_page_address(f->b->slab, page),
			     (i + 1) % colours * 64);
	}
	fixture_end(f);
}

/* Every object of many slabs is written over while it is out, in an order that
 * moves the index about. */
static void wear(unsigned size, uint32_t flags, enum slab_index_place place,
		 bool random)
{
	struct slab_bench_spec spec = {
		.config = config_of(4, random, 7),
	};
	struct fixture *f =
		fixture_make(slab_bench_make(&engine_ops, &spec), size, flags);
	uint64_t rng = 1;

	cr_assert_eq(f->s->layout.place, place);
	for (unsigned round = 0; round < 20000; round++) {
		rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
		if (f->nr < MAX_OBJECTS && (rng >> 40) % 100 < 52) {
			take(f, 1);
			memset(f->object[f->nr - 1], (int)rng, size);
		} else if (f->nr) {
			const unsigned i = (unsigned)((rng >> 33) % f->nr);
			void *t = f->object[i];

			f->object[i] = f->object[f->nr - 1];
			f->object[f->nr - 1] = t;
			give(f, 1);
		}
		if (round % 1000 == 999)
			cr_assert_null(slab_verify(f->b->slab));
	}
	give(f, f->nr);
	cr_assert_eq(kmem_cache_shrink(&f->b->ctx, &f->s->base), 0);
	fixture_end(f);
}

Test(slab_engine, an_index_in_an_object_moves_on)
{
	wear(104, 0, INDEX_IN_OBJECT, false);
}

Test(slab_engine, an_index_on_its_slab)
{
	wear(24, 0, INDEX_ON_SLAB, false);
}

Test(slab_engine, an_index_off_its_slab)
{
	wear(256, SLAB_TYPESAFE_BY_RCU, INDEX_OFF_SLAB, false);
}

Test(slab_engine, an_index_in_random_order)
{
	wear(104, 0, INDEX_IN_OBJECT, true);
	wear(24, 0, INDEX_ON_SLAB, true);
}

Test(slab_engine, random_slabs_begin_elsewhere)
{
	struct slab_bench_spec spec = {
		.config = config_of(1, true, 3),
		.cpus = 1,
	};
	struct fixture *f =
		fixture_make(slab_bench_make(&engine_ops, &spec), 256, 0);
	unsigned ascending = 0, same_place = 0;

	take(f, 16 * 16);
	for (unsigned i = 1; i < f->nr; i++)
		ascending +=
			(char *)f->object[i] - (char *)f->object[i - 1] == -256;
	for (unsigned i = 16; i < f->nr; i += 16)
		same_place += ((uintptr_t)f->object[i] & 0xfff) ==
			      ((uintptr_t)f->object[0] & 0xfff);
	cr_assert(ascending < f->nr / 2, "%u in order", ascending);
	cr_assert(same_place < 8, "%u slabs begin alike", same_place);
	fixture_end(f);
}

/* ---- debug caches ----------------------------------------------------------
 */

Test(slab_engine, an_overrun_is_named_and_the_object_kept_out)
{
	struct fixture *f =
		fixture_make(one_cpu_bench(), 100, SLAB_RED_ZONE | SLAB_POISON);
	char *object, *next;

	take(f, 2);
	object = f->object[1];
	cr_assert_eq((unsigned char)object[99], 0xa5, "it comes poisoned");
	object[100] = 1;
	give(f, 1);
	cr_assert(slab_bench_reported(f->b, "BUG traced: Right Redzone"));
	cr_assert(slab_bench_reported(f->b, "byte 100 is 0x01"));
	next = kmem_cache_alloc(&f->b->ctx, &f->s->base, GFP_KERNEL);
	cr_assert(next != object);
	kmem_cache_free(&f->b->ctx, &f->s->base, next);
	/* mended, it may go */
	object[100] = (char)0xcc;
	kmem_cache_free(&f->b->ctx, &f->s->base, object);
	fixture_end(f);
}

Test(slab_engine, double_free_and_use_after_free_are_named)
{
	struct fixture *f =
		fixture_make(one_cpu_bench(), 100,
			     SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER);
	char *object;

	take(f, 1);
	object = f->object[0];
	give(f, 1);
	kmem_cache_free(&f->b->ctx, &f->s->base, object);
	cr_assert(slab_bench_reported(f->b, "BUG traced: Object already free"));
	cr_assert(slab_bench_reported(f->b, "Allocated in "));
	cr_assert(slab_bench_reported(f->b, "Freed in "));
	object[7] = 1;
	take(f, 1);
	cr_assert(f->object[0] != object, "what was written to is kept out");
	cr_assert(slab_bench_reported(f->b, "BUG traced: Poison overwritten"));
	cr_assert(slab_bench_reported(f->b, "byte 7 is 0x01"));
	object[7] = 0x6b;
	/* it is out of every list: its slab would never be empty */
	cr_assert_eq(kmem_cache_destroy(&f->b->ctx, &f->s->base), -EBUSY);
	slab_debug_alloc(&f->b->ctx, &f->s->base,
			 slab_virt_to_page(f->b->slab, object), object);
	kmem_cache_free(&f->b->ctx, &f->s->base, object);
	f->s->base.refcount = 1;
	fixture_end(f);
}

/* One more report, which names the object; it did not go into an array. */
static void caught_twice(struct fixture *f, const char *object)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "BUG traced: Object already free: object %p @offset=%td",
		 (const void *)object,
		 object - slab_page_address(
				  f->b->slab,
				  slab_virt_to_page(f->b->slab, object)));
	cr_assert_eq(f->b->nr_lines, 1);
	cr_assert_str_eq(f->b->line[0], text);
	cr_assert_null(slab_verify(f->b->slab));
	f->b->nr_lines = 0;
}

Test(slab_engine, hardened_drops_what_is_newest_already)
{
	const struct slab_bench_spec spec = { .config = { .word = 8,
							  .nr_cpus = 2,
							  .nr_possible = 2,
							  .ram_bytes = 1 << 30,
							  .hardened = true },
					      .nodes = 2 };
	struct fixture *f =
		fixture_make(slab_bench_make(&engine_ops, &spec), 2048, 0);
	struct slab_ctx *ctx = &f->b->ctx;
	struct kmem_cache *s = &f->s->base;
	const struct array_cache *ac = f->s->cpu[0].ac;
	void *last, *far;

	take(f, 40);
	while (avail_of(ac) < ac->limit)
		give(f, 1);
	last = ac->entry[ac->limit - 1];
	/* in the array after it was flushed, and where there is room */
	kmem_cache_free(ctx, s, last);
	caught_twice(f, last);
	cr_assert_lt(avail_of(ac), ac->limit);
	kmem_cache_free(ctx, s, last);
	caught_twice(f, last);
	/* in an alien array */
	far = kmem_cache_alloc_node(ctx, s, GFP_KERNEL | GFP_BIT_THISNODE, 1);
	kmem_cache_free(ctx, s, far);
	kmem_cache_free(ctx, s, far);
	caught_twice(f, far);
	cr_assert_eq(avail_of(f->s->node[0].alien[1].ac), 1);
	fixture_end(f);
}

/* ---- nodes -----------------------------------------------------------------
 */

static struct slab_bench *two_nodes(void)
{
	const struct slab_bench_spec spec = { .nodes = 2, .bytes = 128 << 20 };

	return slab_bench_make(&engine_ops, &spec);
}

static unsigned node_of_object(const struct fixture *f, const void *object)
{
	return slab_tag_node(slab_tag(slab_virt_to_page(f->b->slab, object)));
}

Test(slab_engine, objects_of_another_node_go_home_by_the_dozen)
{
	struct fixture *f = fixture_make(two_nodes(), 256, 0);
	struct kmem_cache *s = &f->s->base;
	struct slab_ctx *ctx = &f->b->ctx;
	void *object[30];

	for (unsigned i = 0; i < 30; i++) {
		object[i] = kmem_cache_alloc_node(
			ctx, s, GFP_KERNEL | GFP_BIT_THISNODE, 1);
		cr_assert(object[i]);
		cr_assert_eq(node_of_object(f, object[i]), 1);
	}
	cr_assert_eq(slab_counter_sum(s, NODE_ALLOC), 30);
	for (unsigned i = 0; i < 12; i++)
		kmem_cache_free(ctx, s, object[i]);
	cr_assert_eq(avail_of(f->s->node[0].alien[1].ac), 12);
	cr_assert_eq(slab_counter_sum(s, ALIEN_OVERFLOW), 0);
	kmem_cache_free(ctx, s, object[12]);
	cr_assert_eq(slab_counter_sum(s, ALIEN_OVERFLOW), 1);
	cr_assert_eq(avail_of(f->s->node[0].alien[1].ac), 1);
	cr_assert_eq(avail_of(f->s->node[1].shared), 12);
	for (unsigned i = 13; i < 30; i++)
		kmem_cache_free(ctx, s, object[i]);
	cr_assert_eq(slab_counter_sum(s, REMOTE_NODE_FREE), 30);
	cr_assert_null(slab_verify(f->b->slab));
	fixture_end(f);
}

Test(slab_engine, the_reaper_empties_aliens)
{
	struct fixture *f = fixture_make(two_nodes(), 256, 0);
	struct kmem_cache *s = &f->s->base;
	void *object = kmem_cache_alloc_node(&f->b->ctx, s, GFP_KERNEL, 1);

	kmem_cache_free(&f->b->ctx, s, object);
	cr_assert_eq(avail_of(f->s->node[0].alien[1].ac), 1);
	engine_ops.tick(&f->b->ctx, 1); /* looks at node 0 */
	engine_ops.tick(&f->b->ctx, 3);
	cr_assert_eq(avail_of(f->s->node[0].alien[1].ac), 0);
	fixture_end(f);
}

Test(slab_engine, a_full_node_borrows_from_the_other)
{
	struct fixture *f = fixture_make(two_nodes(), 4096, 0);
	struct kmem_cache *s = &f->s->base;
	struct slab_ctx *ctx = &f->b->ctx;
	void **held = calloc(40000, sizeof(*held));
	unsigned nr = 0, nodes[2] = { 0 };

	cr_assert(held);
	while (nr < 40000 && (held[nr] = kmem_cache_alloc(ctx, s, GFP_NOWAIT)))
		nodes[node_of_object(f, held[nr++])]++;
	cr_assert(nodes[0] > 10000 && nodes[1] > 10000, "%u and %u", nodes[0],
		  nodes[1]);
	cr_assert_null(kmem_cache_alloc_node(ctx, s,
					     GFP_NOWAIT | GFP_BIT_THISNODE, 1));
	cr_assert_null(slab_verify(f->b->slab));
	while (nr)
		kmem_cache_free(ctx, s, held[--nr]);
	cr_assert_null(slab_verify(f->b->slab));
	free(held);
	fixture_end(f);
}

/* Node 2 has no memory, and what is nearest to it is not this thread's. */
Test(slab_engine, a_node_without_memory_is_a_preference_only)
{
	const struct slab_bench_spec spec = { .nodes = 3, .bytes = 192 << 20 };
	struct fixture *f =
		fixture_make(slab_bench_make(&engine_ops, &spec), 256, 0);
	struct node *node = &f->b->m->node[2];
	struct slab_ctx *ctx = &f->b->ctx;

	node->has_memory = false;
	node->node_order[0] = 2;
	node->node_order[1] = 1;
	f->object[f->nr++] =
		kmem_cache_alloc_node(ctx, &f->s->base, GFP_KERNEL, 2);
	cr_assert(f->object[0]);
	cr_assert_null(kmem_cache_alloc_node(ctx, &f->s->base,
					     GFP_KERNEL | GFP_BIT_THISNODE, 2));
	node->has_memory = true;
	fixture_end(f);
}

/* ---- no memory -------------------------------------------------------------
 */

/* At each block that a cache of two nodes and random freelists is made of. */
Test(slab_engine, no_memory_at_any_step_of_creation)
{
	struct slab_bench_spec spec = {
		.config = config_of(4, true, 0),
		.nodes = 2,
	};
	const struct kmem_cache_args args = { .name = "late", .size = 256 };
	struct slab_bench *b = slab_bench_make(&engine_ops, &spec);
	struct kmem_cache *s = NULL;
	unsigned steps = 0;

	while (!s) {
		int rc = 0;

		blocks_left = steps++;
		s = kmem_cache_create(&b->ctx, &args, &rc);
		cr_assert(s || rc == -ENOMEM);
		blocks_left = UINT32_MAX;
		cr_assert_null(slab_verify(b->slab));
	}
	/* CPUs, nodes, order; per node shared array, aliens and two of them;
	   an array per CPU; and it worked */
	cr_assert_eq(steps, 3 + 2 * 4 + 4 + 1);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

/* ---- between a refill and its object ---------------------------------------
 */

struct shrinker_thread {
	struct fixture *f;
	_Atomic bool stop;
};

static void *shrink_on(void *arg)
{
	struct shrinker_thread *t = arg;
	struct slab_peer *p = slab_peer_enter(t->f->b, 0);

	/* relaxed: that it ends is all that matters */
	while (!atomic_load_explicit(&t->stop, memory_order_relaxed))
		kmem_cache_shrink(&p->ctx, &t->f->s->base);
	slab_peer_exit(p);
	return NULL;
}

Test(slab_engine, an_array_that_a_shrink_empties_is_no_lack_of_memory)
{
	struct shrinker_thread t = { .f = fixture_make(one_cpu_bench(), 256,
						       0) };
	struct kmem_cache *s = &t.f->s->base;
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, shrink_on, &t), 0);
	for (unsigned i = 0; i < 20000; i++) {
		void *o = kmem_cache_alloc(&t.f->b->ctx, s, GFP_KERNEL);

		cr_assert(o, "NULL with memory to spare");
		kmem_cache_free(&t.f->b->ctx, s, o);
	}
	/* relaxed: see shrink_on() */
	atomic_store_explicit(&t.stop, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	fixture_end(t.f);
}

Test(slab_engine, the_reaper_gives_back_what_readers_have_left)
{
	struct fixture *f =
		fixture_make(one_cpu_bench(), 8192, SLAB_TYPESAFE_BY_RCU);
	uint64_t pages;

	take(f, 100);
	slab_rcu_read_lock();
	give(f, 100);
	cr_assert_eq(kmem_cache_shrink(&f->b->ctx, &f->s->base), 0);
	slab_rcu_read_unlock();
	slab_rcu_barrier();
	pages = slab_pages_in_use(f->b->slab);
	engine_ops.tick(&f->b->ctx, 0);
	/* one object a slab */
	cr_assert_eq(pages - slab_pages_in_use(f->b->slab),
		     100u << f->s->base.order);
	fixture_end(f);
}

Test(slab_engine, slabs_whose_readers_have_left_serve_before_memory_is_out)
{
	struct fixture *f =
		fixture_make(one_cpu_bench(), 8192, SLAB_TYPESAFE_BY_RCU);
	struct kmem_cache *s = &f->s->base;
	void **held = calloc(40000, sizeof(*held)), *o;
	unsigned nr = 0;

	cr_assert(held);
	while (nr < 40000 &&
	       (held[nr] = kmem_cache_alloc(&f->b->ctx, s, GFP_NOWAIT)))
		nr++;
	slab_rcu_read_lock();
	/* more than the page engine's lists keep; all others live */
	cr_assert_gt(nr, 2000);
	for (unsigned i = 0; i < 1000; i++)
		kmem_cache_free(&f->b->ctx, s, held[--nr]);
	cr_assert_eq(kmem_cache_shrink(&f->b->ctx, s), 1);
	slab_rcu_read_unlock();
	slab_rcu_barrier();
	o = kmem_cache_alloc(&f->b->ctx, s, GFP_NOWAIT);
	cr_assert(o, "its pages had waited long enough");
	kmem_cache_free(&f->b->ctx, s, o);
	while (nr)
		kmem_cache_free(&f->b->ctx, s, held[--nr]);
	free(held);
	fixture_end(f);
}
