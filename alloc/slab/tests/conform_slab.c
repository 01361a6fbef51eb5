/*
 * What every slab engine must do. Compiled once per engine with the engine's
 * own file in front (-include), so what is tested is the code that is timed.
 */
#include <criterion/criterion.h>

#include "alloc/slab/kmalloc.h"
#include "alloc/slab/tests/slab_bench.h"

TestSuite(slab, .timeout = 60);

static bool is_floor(void)
{
	return engine_ops.features & SLAB_F_FLOOR;
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
	cr_assert(is_floor() || engine_ops.is_free);
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
