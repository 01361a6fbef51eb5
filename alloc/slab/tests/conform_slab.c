/*
 * What every slab engine must do. Compiled once per engine with the engine's
 * own file in front (-include), so what is tested is the code that is timed.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc/page/reclaim.h"
#include "alloc/slab/kmalloc.h"
#include "alloc/slab/pressure.h"
#include "alloc/slab/slabinfo.h"
#include "alloc/slab/tests/slab_bench.h"

TestSuite(slab, .timeout = 60);

static bool is_floor(void)
{
	return engine_ops.features & SLAB_F_FLOOR;
}

/* A library's, without slabs of the machine? */
static bool is_foreign(void)
{
	return engine_ops.features & SLAB_F_FOREIGN;
}

/* Do objects say whose they are? */
static bool has_owners(void)
{
	return !(engine_ops.features &
		 (SLAB_F_FLOOR | SLAB_F_FOREIGN | SLAB_F_NO_OWNER));
}

Test(slab, descriptor_is_complete)
{
	cr_assert_str_eq(engine_ops.name, ENGINE_NAME);
	cr_assert(engine_ops.summary && *engine_ops.summary);
	cr_assert(engine_ops.cache_bytes >= sizeof(struct kmem_cache));
	cr_assert(engine_ops.geometry && engine_ops.cache_open);
	cr_assert(engine_ops.cache_close && engine_ops.shrink);
	cr_assert(engine_ops.shutdown && engine_ops.info && engine_ops.verify);
	cr_assert(engine_ops.alloc && engine_ops.free);
	cr_assert(is_floor() || is_foreign() || engine_ops.is_free);
}

Test(slab, objects_are_apart_and_come_back)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *s = slab_bench_cache(b, "apart", 100, 0);
	void *object[500];

	for (unsigned i = 0; i < 500; i++) {
		object[i] = slab_alloc(&engine_ops, &b->ctx, s, GFP_KERNEL);
		cr_assert(object[i]);
		if (!is_floor())
			memset(object[i], (int)i, 100);
	}
	for (unsigned i = 0; i < 500 && !is_floor(); i++)
		for (unsigned at = 0; at < 100; at++)
			cr_assert_eq(((unsigned char *)object[i])[at],
				     (unsigned char)i);
	for (unsigned i = 0; i < 500; i++)
		slab_free(&engine_ops, &b->ctx, s, object[i]);
	cr_assert_null(slab_verify(b->slab));
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

/* An object whose bytes say whose it is. */
static void mark(void *object, size_t bytes, unsigned owner)
{
	memset(object, (int)(owner * 37 + 11), bytes);
}

static bool is_marked(const void *object, size_t bytes, unsigned owner)
{
	const unsigned char *at = object;

	for (size_t i = 0; i < bytes; i++)
		if (at[i] != (unsigned char)(owner * 37 + 11))
			return false;
	return true;
}

Test(slab, sizes_and_alignments)
{
	static const struct {
		unsigned size, align, flags, want;
	} row[] = {
		{ 1, 0, 0, 8 },
		{ 24, 0, SLAB_HWCACHE_ALIGN, 32 },
		{ 65, 0, SLAB_HWCACHE_ALIGN, 64 },
		{ 100, 128, 0, 128 },
		{ 700, 0, SLAB_RECLAIM_ACCOUNT, 8 },
		{ 3000, 512, 0, 512 },
		{ 5000, 0, SLAB_HWCACHE_ALIGN, 64 },
		{ 40000, 0, 0, 8 },
	};
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);

	for (unsigned i = 0; i < ARRAY_SIZE(row) && !is_floor(); i++) {
		const struct kmem_cache_args args = { .name = "aligned",
						      .size = row[i].size,
						      .align = row[i].align,
						      .flags = row[i].flags |
							       SLAB_NO_MERGE };
		struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, NULL);
		char *object[40];

		cr_assert(s);
		for (unsigned n = 0; n < 40; n++) {
			object[n] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
			cr_assert(object[n]);
			cr_assert_eq((uintptr_t)object[n] % row[i].want, 0);
			mark(object[n], row[i].size, n);
		}
		for (unsigned n = 0; n < 40; n++) {
			cr_assert(is_marked(object[n], row[i].size, n),
				  "size %u", row[i].size);
			cr_assert(!has_owners() ||
				  slab_cache_of(b->slab, object[n]) == s);
			kmem_cache_free(&b->ctx, s, object[n]);
		}
		cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	}
	slab_bench_end(b);
}

Test(slab, bad_requests_are_refused)
{
	static const struct kmem_cache_args bad[] = {
		{ .name = NULL, .size = 8 },
		{ .name = "", .size = 8 },
		{ .name = "two words", .size = 8 },
		{ .name = "none", .size = 0 },
		{ .name = "huge", .size = (4u << 20) + 1 },
		{ .name = "align", .size = 8, .align = 24 },
		{ .name = "flag", .size = 8, .flags = 1u << 31 },
		{ .name = "window", .size = 8, .usersize = 9 },
	};
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		int rc = 0;

		cr_assert_null(kmem_cache_create(&b->ctx, &bad[i], &rc));
		cr_assert_eq(rc, -EINVAL, "row %u: %d", i, rc);
	}
	cr_assert_eq(kmem_cache_destroy(&b->ctx, NULL), 0);
	slab_bench_end(b);
}

/* The kernel knows them and does nothing about them. */
Test(slab, flags_that_are_not_compiled_in_are_dropped)
{
	const struct kmem_cache_args args = { .name = "spread",
					      .size = 64,
					      .flags = 0x12100000 };
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, NULL);

	cr_assert(s);
	cr_assert_eq(s->flags, 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

Test(slab, like_caches_are_merged)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache_args args = { .name = "first", .size = 104 };
	struct kmem_cache *one = kmem_cache_create(&b->ctx, &args, NULL), *two;
	const bool merges = !(engine_ops.features & SLAB_F_NO_MERGE);

	args.name = "second";
	args.size = 100;
	two = kmem_cache_create(&b->ctx, &args, NULL);
	cr_assert_eq(one == two, merges);
	args.flags = SLAB_NO_MERGE;
	two = kmem_cache_create(&b->ctx, &args, NULL);
	cr_assert(two != one);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, two), 0);
	args.flags = SLAB_RECLAIM_ACCOUNT;
	two = kmem_cache_create(&b->ctx, &args, NULL);
	cr_assert(two != one);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, two), 0);
	if (merges) {
		cr_assert_eq(kmem_cache_size(one), 104);
		/* the first destroy only counts down */
		cr_assert_eq(kmem_cache_destroy(&b->ctx, one), 0);
		cr_assert_eq(kmem_cache_find(b->slab, "first"), one);
		cr_assert_eq(kmem_cache_destroy(&b->ctx, one), 0);
		cr_assert_null(kmem_cache_find(b->slab, "first"));
	}
	slab_bench_end(b);
}

Test(slab, bulk_is_all_or_nothing)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *s = slab_bench_cache(b, "bulk", 200, 0);
	void *object[300];

	cr_assert_eq(kmem_cache_alloc_bulk(&b->ctx, s, GFP_KERNEL, 0, object),
		     0);
	cr_assert_eq(slab_alloc_bulk(&engine_ops, &b->ctx, s,
				     GFP_KERNEL | GFP_BIT_ZERO, 300, object),
		     300);
	for (unsigned i = 0; i < 300 && !is_floor(); i++) {
		for (unsigned n = 0; n < 200; n++)
			cr_assert_eq(((char *)object[i])[n], 0);
		mark(object[i], 200, i);
	}
	for (unsigned i = 0; i < 300 && !is_floor(); i++)
		cr_assert(is_marked(object[i], 200, i));
	/* every other one first, so that slabs mix */
	for (unsigned i = 0; i < 150; i++) {
		void *t = object[i];

		object[i] = object[2 * i];
		object[2 * i] = t;
	}
	kmem_cache_free_bulk(&b->ctx, s, 300, object);
	cr_assert_null(slab_verify(b->slab));
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

Test(slab, kmalloc_and_its_kin)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	static const size_t sizes[] = { 1,    8,     33,   96,   97,
					192,  193,   1000, 4096, 8192,
					8193, 20000, 65536 };

	if (is_floor()) {
		slab_bench_end(b);
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		const size_t n = sizes[i];
		char *p = slab_kmalloc(&engine_ops, &b->ctx, n, GFP_KERNEL);
		char *q = kzalloc(&b->ctx, n, GFP_KERNEL), *moved;

		cr_assert(p && q);
		cr_assert_geq(ksize(&b->ctx, p), n);
		cr_assert_geq(kmalloc_size_roundup(&b->ctx, n), n);
		if (!(n & (n - 1)) && !is_foreign())
			cr_assert_eq((uintptr_t)p % (n < 4096 ? n : 4096), 0);
		for (size_t at = 0; at < n; at++)
			cr_assert_eq(q[at], 0);
		mark(p, n, i);
		mark(q, n, i + 1);
		cr_assert_eq(krealloc(&b->ctx, q, n / 2 + 1, GFP_KERNEL), q);
		moved = krealloc(&b->ctx, p, 2 * n + 8192, GFP_KERNEL);
		cr_assert(moved && moved != p);
		cr_assert(is_marked(moved, n, i));
		cr_assert(is_marked(q, n, i + 1));
		slab_kfree(&engine_ops, &b->ctx, moved);
		kfree_sensitive(&b->ctx, q);
	}
	cr_assert_eq(kmalloc(&b->ctx, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	if (!is_foreign())
		cr_assert_null(kmalloc(&b->ctx, (4u << 20) + 1, GFP_KERNEL));
	kfree(&b->ctx, ZERO_SIZE_PTR);
	kfree(&b->ctx, NULL);
	cr_assert_eq(krealloc(&b->ctx, kmalloc(&b->ctx, 8, GFP_KERNEL), 0,
			      GFP_KERNEL),
		     ZERO_SIZE_PTR);
	slab_bench_end(b);
}

Test(slab, kmalloc_types_have_their_own_caches)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	static const struct {
		gfp_t gfp;
		const char *name;
	} row[] = {
		{ GFP_KERNEL, "kmalloc-64" },
		{ GFP_KERNEL | GFP_BIT_RECLAIMABLE, "kmalloc-rcl-64" },
		{ GFP_DMA, "dma-kmalloc-64" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row) && has_owners(); i++) {
		void *p = kmalloc(&b->ctx, 64, row[i].gfp);

		cr_assert(p);
		cr_assert_str_eq(slab_cache_of(b->slab, p)->name, row[i].name);
		if (row[i].gfp & GFP_BIT_DMA)
			cr_assert_lt(slab_virt_to_pfn(b->slab, p).v, 4096);
		kfree(&b->ctx, p);
	}
	slab_bench_end(b);
}

static unsigned nr_constructed;

static void construct(void *object)
{
	memset(object, 0x5c, 80);
	nr_constructed++;
}

Test(slab, constructed_once_and_kept_so)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	const struct kmem_cache_args args = { .name = "built",
					      .size = 80,
					      .ctor = construct };
	struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, NULL);
	uint64_t want;
	char *object[100];

	nr_constructed = 0;
	for (unsigned round = 1; round <= 3 && !is_floor(); round++) {
		for (unsigned i = 0; i < 100; i++) {
			object[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
			for (unsigned n = 0; n < 80; n++)
				cr_assert_eq(object[i][n], 0x5c);
		}
		for (unsigned i = 0; i < 100; i++)
			kmem_cache_free(&b->ctx, s, object[i]);
		/* with its slab; where there is none, each time */
		want = has_owners()
			       ? slab_counter_sum(s, ALLOC_SLAB) * s->objects
			       : 100 * round;
		cr_assert_eq(nr_constructed, want, "%u, want %llu",
			     nr_constructed, (unsigned long long)want);
	}
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

/* It is done, and said once. */
Test(slab, zeroing_what_was_constructed_is_an_error)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	const struct kmem_cache_args args = { .name = "built",
					      .size = 80,
					      .ctor = construct };
	struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, NULL);
	char *object[3];

	for (unsigned i = 0; i < 3 && !is_floor(); i++) {
		object[i] = kmem_cache_alloc(
			&b->ctx, s, GFP_KERNEL | (i ? GFP_BIT_ZERO : 0));
		cr_assert_eq(object[i][79], i ? 0 : 0x5c);
		cr_assert_eq(b->nr_lines, i > 0);
	}
	for (unsigned i = 0; i < 3 && !is_floor(); i++)
		kmem_cache_free(&b->ctx, s, object[i]);
	if (!is_floor())
		cr_assert(slab_bench_reported(b, "built: __GFP_ZERO"));
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

/* ---- model ----------------------------------------------------------------
 */

#define MODEL_OBJECTS 600

/* Two contexts of two CPUs take turns: what one allocates the other frees. */
static void model_run(const struct slab_bench_spec *spec, unsigned size,
		      uint32_t flags)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, spec);
	struct kmem_cache *s = slab_bench_cache(b, "model", size, flags);
	struct slab_peer *peer = slab_peer_enter(b, 1);
	void *object[MODEL_OBJECTS] = { NULL };
	uint64_t rng = size;

	for (unsigned i = 0; i < 30000 && !is_floor(); i++) {
		const unsigned n = (unsigned)(rng >> 33) % MODEL_OBJECTS;
		struct slab_ctx *ctx = rng >> 60 & 1 ? &b->ctx : &peer->ctx;

		rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
		if (object[n]) {
			cr_assert(is_marked(object[n], size, n));
			kmem_cache_free(ctx, s, object[n]);
			object[n] = NULL;
		} else {
			object[n] = kmem_cache_alloc(ctx, s, GFP_KERNEL);
			cr_assert(object[n]);
			mark(object[n], size, n);
		}
		if (i % 5000 == 4999) {
			kmem_cache_shrink(ctx, s);
			cr_assert_null(slab_verify(b->slab));
		}
	}
	for (unsigned n = 0; n < MODEL_OBJECTS; n++)
		if (object[n])
			kmem_cache_free(&b->ctx, s, object[n]);
	slab_peer_exit(peer);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	cr_assert_eq(b->nr_lines, 0, "%s", b->line[0]);
	slab_bench_end(b);
}

Test(slab, random_operations_small)
{
	model_run(NULL, 24, 0);
}

Test(slab, random_operations_medium)
{
	model_run(NULL, 700, SLAB_HWCACHE_ALIGN);
}

Test(slab, random_operations_large)
{
	model_run(NULL, 5000, SLAB_RECLAIM_ACCOUNT);
}

Test(slab, random_operations_two_nodes)
{
	const struct slab_bench_spec spec = { .nodes = 2 };

	model_run(&spec, 256, 0);
}

/* The other fast path, and freelists that are neither plain nor in order. */
Test(slab, random_operations_hardened)
{
	const struct slab_bench_spec spec = {
		.config = { .kernel = KERNEL_6_1,
			    .word = 8,
			    .nr_cpus = 2,
			    .nr_possible = 2,
			    .slub_max_order = 3,
			    .ram_bytes = 64 << 20,
			    .slub_fast = SLUB_FAST_CMPXCHG,
			    .hardened = true,
			    .random = true,
			    .seed = 5 },
		.cpus = 2,
	};

	model_run(&spec, 192, 0);
}

Test(slab, random_operations_under_rcu)
{
	if (!is_foreign())
		model_run(NULL, 128, SLAB_TYPESAFE_BY_RCU);
}

/* What a library does not do is not promised. */
Test(slab, a_library_refuses_what_it_does_not_do)
{
	static const uint32_t flags[] = { SLAB_TYPESAFE_BY_RCU, SLAB_RED_ZONE,
					  SLAB_POISON, SLAB_STORE_USER };
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);

	for (unsigned i = 0; i < ARRAY_SIZE(flags) && is_foreign(); i++) {
		const struct kmem_cache_args args = { .name = "refused",
						      .size = 64,
						      .flags = flags[i] };
		int r = 0;

		cr_assert_null(kmem_cache_create(&b->ctx, &args, &r));
		cr_assert_eq(r, -EINVAL);
	}
	slab_bench_end(b);
}

Test(slab, random_operations_over_each_page_engine)
{
	static const char *const engines[] = { "zonelock", "pcp_rseq", "rcu" };

	for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
		const struct slab_bench_spec spec = { .pages = engines[i] };

		model_run(&spec, 512, 0);
	}
}

/* Freed behind readers, objects come back to their cache in the end. */
Test(slab, objects_freed_behind_readers_come_back)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *s = slab_bench_cache(b, "behind", 120, 0);
	void *object[150];

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 150; i++) {
			object[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
			cr_assert(object[i]);
			if (!is_floor())
				mark(object[i], 120, i);
		}
		for (unsigned i = 0; i < 150; i++) {
			cr_assert(is_floor() || is_marked(object[i], 120, i));
			/* an engine that waits for readers has to wait little
			 * here */
			if (engine_ops.free_rcu || i < 5)
				kmem_cache_free_rcu(&b->ctx, s, object[i]);
			else
				kmem_cache_free(&b->ctx, s, object[i]);
		}
	}
	cr_assert_null(slab_verify(b->slab));
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

/* ---- no memory
 * ---------------------------------------------------------------- */

/* Leaves `spare` pages to the machine; returns how many were taken. */
static unsigned take_pages(struct slab_bench *b, pfn_t *out, unsigned max,
			   unsigned spare)
{
	unsigned n = 0;

	while (n < max) {
		out[n] = alloc_pages(&b->pages, GFP_NOWAIT, 0);
		if (!pfn_valid(out[n]))
			break;
		n++;
	}
	for (unsigned i = 0; i < spare && n > 0; i++)
		free_pages(&b->pages, out[--n], 0);
	return n;
}

/* At each step of a bulk request for four slabs the page engine has no page
 * more: none is allocated then, and what others hold is untouched. */
static void starve(unsigned size, void (*ctor)(void *))
{
	const struct kmem_cache_args args = { .name = "starved",
					      .size = size,
					      .flags = SLAB_NO_MERGE,
					      .ctor = ctor };
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, NULL);
	const unsigned most = 200000 / size;
	static pfn_t pfn[1 << 15];
	void *mine[20], *object[1000];

	for (unsigned i = 0; i < 20; i++) {
		mine[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
		mark(mine[i], size, i);
	}
	for (unsigned spare = 0; spare < 24; spare++) {
		unsigned taken = take_pages(b, pfn, ARRAY_SIZE(pfn), spare);

		cr_assert_lt(taken, ARRAY_SIZE(pfn));
		cr_assert_eq(kmem_cache_alloc_bulk(&b->ctx, s, GFP_NOWAIT, most,
						   object),
			     0, "spare %u", spare);
		cr_assert_null(kmalloc(&b->ctx, 1 << 20, GFP_NOWAIT));
		for (unsigned i = 0; i < 20; i++)
			cr_assert(is_marked(mine[i], size, i));
		cr_assert_null(slab_verify(b->slab));
		while (taken > 0)
			free_pages(&b->pages, pfn[--taken], 0);
		kmem_cache_shrink(&b->ctx, s);
	}
	for (unsigned i = 0; i < 20; i++)
		kmem_cache_free(&b->ctx, s, mine[i]);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

/* Constructed objects of 256 bytes: with SLAB, the index of a slab is a block
 * of its own, which may be what is not to be had. */
Test(slab, no_pages_at_any_step_leaves_owners_intact)
{
	if (is_floor() || is_foreign()) /* its pages are not the machine's */
		return;
	starve(1000, NULL);
	starve(256, construct);
}

/* Bytes of slabs of caches that reclaim may ask, and of others. */
static long slab_bytes(const struct slab_bench *b, bool reclaimable)
{
	/* relaxed: nobody else is inside */
	return atomic_load_explicit(&b->m->node[0].slab_bytes[!reclaimable],
				    memory_order_relaxed);
}

static unsigned long ask(struct slab_bench *b)
{
	uint64_t scanned = 0;

	return shrink_slab(reclaim_shrinkers(b->reclaim), &b->pages, 0, 0,
			   &scanned);
}

Test(slab, reclaim_gets_what_is_empty_and_no_more)
{
	const struct slab_bench_spec spec = { .reclaim = true };
	struct slab_bench *b = slab_bench_make(&engine_ops, &spec);
	struct kmem_cache *s =
		slab_bench_cache(b, "taken", 256, SLAB_RECLAIM_ACCOUNT);
	struct kmem_cache *other = slab_bench_cache(b, "kept", 256, 0);
	void *object[1000], *kept[1000];
	long before;

	for (unsigned i = 0; i < 1000 && has_owners(); i++) {
		object[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
		kept[i] = kmem_cache_alloc(&b->ctx, other, GFP_KERNEL);
		mark(object[i], 256, i);
	}
	for (unsigned i = 0; i < 1000 && has_owners(); i++) {
		kmem_cache_free(&b->ctx, other, kept[i]);
		if (i >= 100)
			kmem_cache_free(&b->ctx, s, object[i]);
	}
	if (has_owners()) {
		before = slab_bytes(b, false);
		cr_assert_geq(slab_bytes(b, true), 100 * 256);
		cr_assert(ask(b) > 0, "nothing was given back");
		cr_assert_eq(ask(b), 0, "there was more");
		cr_assert_eq(slab_bytes(b, false), before,
			     "no cache but reclaimable ones is asked");
		cr_assert_leq(slab_bytes(b, true), 110 * 256 + 8 * 4096);
	}
	for (unsigned i = 0; i < 100 && has_owners(); i++) {
		cr_assert(is_marked(object[i], 256, i));
		kmem_cache_free(&b->ctx, s, object[i]);
	}
	cr_assert_null(slab_verify(b->slab));
	/* somebody is at the caches: nobody waits */
	pthread_mutex_lock(&b->slab->mutex);
	cr_assert_eq(ask(b), 0);
	pthread_mutex_unlock(&b->slab->mutex);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, other), 0);
	slab_bench_end(b);
}

/* A thread that has no context of the slab layer gets one for the time. */
Test(slab, reclaim_by_a_thread_from_outside)
{
	const struct slab_bench_spec spec = { .reclaim = true };
	struct slab_bench *b = slab_bench_make(&engine_ops, &spec);
	struct kmem_cache *s =
		slab_bench_cache(b, "taken", 256, SLAB_RECLAIM_ACCOUNT);
	struct slab_ctx *ctx, *again;
	struct page_ctx pages;
	void *object = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);

	cr_assert_eq(page_ctx_enter(&pages, b->e, 1, b->counters, NULL), 0);
	ctx = slab_reclaim_enter(b->slab, &b->pages);
	cr_assert_eq(ctx, &b->ctx, "it has one");
	cr_assert_null(slab_reclaim_enter(b->slab, &pages), "busy");
	slab_reclaim_exit(ctx);
	ctx = slab_reclaim_enter(b->slab, &pages);
	cr_assert(ctx && ctx != &b->ctx);
	cr_assert(ctx->pages == &pages && ctx->cpu == 1);
	kmem_cache_free(ctx, s, object);
	slab_reclaim_exit(ctx);
	/* the next one from outside gets the same, and is who he is */
	page_ctx_exit(&pages);
	cr_assert_eq(page_ctx_enter(&pages, b->e, 2, b->counters, NULL), 0);
	again = slab_reclaim_enter(b->slab, &pages);
	cr_assert_eq(again, ctx);
	cr_assert_eq(again->cpu, 2);
	slab_reclaim_exit(again);
	if (!is_floor() && !is_foreign())
		cr_assert_eq(slab_counter_sum(s, FREE_FASTPATH) +
				     slab_counter_sum(s, FREE_SLOWPATH) +
				     slab_counter_sum(s, FREE_CPU_SHEAF),
			     1, "its counts are kept");
	page_ctx_exit(&pages);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

Test(slab, destroy_names_leaks_and_keeps_the_cache)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *s = slab_bench_cache(b, "leaky", 300, 0);
	void *object[50];
	char text[64];

	if (!has_owners()) { /* its end does not know what is out */
		cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
		slab_bench_end(b);
		return;
	}
	for (unsigned i = 0; i < 50; i++)
		object[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	for (unsigned i = 0; i < 49; i++)
		kmem_cache_free(&b->ctx, s, object[i]);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), -EBUSY);
	cr_assert(slab_bench_reported(b, "leaky"));
	snprintf(text, sizeof(text), "%p", object[49]);
	cr_assert(slab_bench_reported(b, text), "%s", b->line[0]);
	kmem_cache_free(&b->ctx, s, object[49]);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

Test(slab, slabinfo_has_its_form)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	char *text = NULL, *line;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	slabinfo_print(f, b->slab);
	fclose(f);
	cr_assert_eq(strncmp(text, "slabinfo - version: 2.1\n# name ", 31), 0);
	line = strstr(text, "\ndma-kmalloc-8k");
	cr_assert(line || engine_ops.kmalloc, "newest first");
	/* as slabtop reads it */
	for (line = strchr(strchr(text, '\n') + 1, '\n') + 1; *line;
	     line = strchr(line, '\n') + 1) {
		unsigned v[8];
		char name[129];

		cr_assert_eq(sscanf(line,
				    "%128s %u %u %u %u %u : tunables %*u %*u "
				    "%*u : slabdata %u %u %*u",
				    name, &v[0], &v[1], &v[2], &v[3], &v[4],
				    &v[5], &v[6]),
			     8, "%s", line);
	}
	free(text);
	slab_bench_end(b);
}
