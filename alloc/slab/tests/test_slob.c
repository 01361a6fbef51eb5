/*
 * The engine `slob` from inside: first fit, joining of blocks, the three lists,
 * headers of kmalloc, objects that wait for readers.
 */
#include <criterion/criterion.h>

#define ENGINE_NAME "slob"
#include "alloc/slab/engines/slob.c"
#include "alloc/slab/tests/slab_bench.h"

TestSuite(slob, .timeout = 60);

/* ---- one page --------------------------------------------------------------
 */

struct one_page {
	int16_t unit[PAGE_UNITS] __attribute__((aligned(4096)));
	struct slob_state t;
};

static struct one_page *page_make(void)
{
	struct one_page *p = aligned_alloc(4096, 8192);

	cr_assert(p);
	p->t = (struct slob_state){ 0, PAGE_UNITS, SLOB_SMALL };
	set_block(p->unit, 0, PAGE_UNITS, PAGE_UNITS);
	return p;
}

static unsigned take(struct one_page *p, unsigned bytes, unsigned align,
		     unsigned offset)
{
	const struct slob_want want = { units_of(bytes), align, offset };

	return page_alloc_units(p->unit, &p->t, &want) * UNIT;
}

static void give(struct one_page *p, unsigned at, unsigned bytes)
{
	page_free_units(p->unit, &p->t, at / UNIT, units_of(bytes));
}

/* "0+10 40+2 ..": the free blocks, in bytes. */
static const char *blocks(const struct one_page *p)
{
	static char text[8 * PAGE_UNITS / 2];
	size_t used = 0;

	text[0] = 0;
	for (unsigned at = p->t.first; at != PAGE_UNITS;
	     at = block_next(p->unit, at))
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%u+%u", used ? " " : "", at * UNIT,
					 block_units(p->unit, at) * UNIT);
	return text;
}

Test(slob, the_front_of_the_first_block_that_fits_is_taken)
{
	struct one_page *p = page_make();

	cr_assert_eq(take(p, 100, 8, 0), 0);
	cr_assert_eq(take(p, 51, 2, 0), 100);
	cr_assert_str_eq(blocks(p), "152+3944");
	give(p, 0, 100);
	cr_assert_str_eq(blocks(p), "0+100 152+3944");
	cr_assert_eq(take(p, 104, 8, 0), 152, "the hole is too small");
	cr_assert_eq(take(p, 96, 8, 0), 0);
	cr_assert_str_eq(blocks(p), "96+4 256+3840");
	cr_assert_eq(take(p, 4, 2, 0), 96, "an exact fit");
	cr_assert_str_eq(blocks(p), "256+3840");
	cr_assert_eq(p->t.units, 3840 / UNIT);
	free(p);
}

Test(slob, what_alignment_skips_stays_free)
{
	struct one_page *p = page_make();

	cr_assert_eq(take(p, 6, 2, 0), 0);
	cr_assert_eq(take(p, 64, 64, 0), 64);
	cr_assert_str_eq(blocks(p), "6+58 128+3968");
	/* eight bytes in front of what is to be aligned */
	cr_assert_eq(take(p, 72, 64, 8), 184);
	cr_assert_str_eq(blocks(p), "6+58 128+56 256+3840");
	cr_assert_eq(take(p, 4096, 8, 0), PAGE_UNITS * UNIT);
	free(p);
}

Test(slob, blocks_join_on_both_sides)
{
	struct one_page *p = page_make();

	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(take(p, 20, 2, 0), 20 * i);
	give(p, 0, 20);
	give(p, 40, 20);
	cr_assert_str_eq(blocks(p), "0+20 40+20 80+4016");
	give(p, 20, 20);
	cr_assert_str_eq(blocks(p), "0+60 80+4016");
	give(p, 60, 20);
	cr_assert_str_eq(blocks(p), "0+4096");
	cr_assert_eq(p->t.units, PAGE_UNITS);
	free(p);
}

Test(slob, a_block_of_one_unit_describes_itself)
{
	struct one_page *p = page_make();

	for (unsigned i = 0; i < PAGE_UNITS; i++)
		cr_assert_eq(take(p, 2, 2, 0), 2 * i);
	cr_assert_eq(take(p, 1, 2, 0), PAGE_UNITS * UNIT, "it is full");
	cr_assert_eq(p->t.units, 0);
	p->t.first = PAGE_UNITS;
	for (unsigned i = 0; i < PAGE_UNITS; i += 2)
		give(p, 2 * i, 2);
	cr_assert_eq(p->t.units, PAGE_UNITS / 2);
	cr_assert_eq(strncmp(blocks(p), "0+2 4+2 8+2 ", 12), 0);
	cr_assert_eq(take(p, 4, 2, 0), PAGE_UNITS * UNIT, "no two together");
	for (unsigned i = 1; i < PAGE_UNITS; i += 2)
		give(p, 2 * i, 2);
	cr_assert_str_eq(blocks(p), "0+4096");
	free(p);
}

/* ---- pages -----------------------------------------------------------------
 */

static unsigned list_length(const struct slab_bench *b, enum slob_list which)
{
	const struct page *map = b->m->map;
	unsigned n = 0;

	pfn_list_for_each (pfn, &slob_of(b->slab)->list[which], map)
		n++;
	return n;
}

Test(slob, sizes_below_256_and_1024_have_their_lists)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	static const size_t size[] = { 247, 248, 1015, 1016, 4087, 4088 };
	void *block[6];

	for (unsigned i = 0; i < 6; i++) {
		block[i] = kmalloc(&b->ctx, size[i], GFP_KERNEL);
		cr_assert(block[i]);
	}
	/* 247 and its header are the last that is small; 4087 and its header
	   fill a page, which is on no list then */
	cr_assert_eq(list_length(b, SLOB_SMALL), 1);
	cr_assert_eq(list_length(b, SLOB_MEDIUM), 1);
	cr_assert_eq(list_length(b, SLOB_LARGE), 1);
	cr_assert_eq(slab_pages_in_use(b->slab), 5);
	cr_assert_eq(
		slab_tag_type(slab_tag(slab_virt_to_page(b->slab, block[5]))),
		SLAB_PAGE_LARGE, "4088 bytes get a page of their own");
	for (unsigned i = 0; i < 6; i++)
		kfree(&b->ctx, block[i]);
	cr_assert_eq(slab_pages_in_use(b->slab), 0, "no empty page is kept");
	slab_bench_end(b);
}

Test(slob, a_search_goes_on_where_the_last_one_ended)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *s = slab_bench_cache(b, "rotating", 200, 0);
	struct page *serving;
	void *object[60];

	for (unsigned i = 0; i < 60; i++)
		object[i] = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);
	cr_assert_eq(list_length(b, SLOB_SMALL), 3, "20 in a page");
	/* all have 96 bytes left; a hole makes one of them serve */
	kmem_cache_free(&b->ctx, s, object[25]);
	serving = slab_virt_to_page(b->slab, object[25]);
	cr_assert_eq(kmem_cache_alloc(&b->ctx, s, GFP_KERNEL), object[25]);
	cr_assert_eq(pfn_list_first(&slob_of(b->slab)->list[SLOB_SMALL]),
		     slab_page_pfn(b->slab, serving));
	cr_assert_null(slab_verify(b->slab));
	for (unsigned i = 0; i < 60; i++)
		kmem_cache_free(&b->ctx, s, object[i]);
	cr_assert_eq(slab_pages_in_use(b->slab), 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

/* A full page goes to the list of what is freed into it. */
Test(slob, pages_change_their_class)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *small = slab_bench_cache(b, "small", 128, 0);
	struct kmem_cache *large = slab_bench_cache(b, "large", 2048, 0);
	void *object[2] = { kmem_cache_alloc(&b->ctx, large, GFP_KERNEL),
			    kmem_cache_alloc(&b->ctx, large, GFP_KERNEL) };

	cr_assert_eq(list_length(b, SLOB_LARGE), 0, "the page is full");
	kmem_cache_free(&b->ctx, large, object[0]);
	cr_assert_eq(list_length(b, SLOB_LARGE), 1);
	object[0] = kmem_cache_alloc(&b->ctx, small, GFP_KERNEL);
	cr_assert_eq(list_length(b, SLOB_SMALL), 1);
	kmem_cache_free(&b->ctx, small, object[0]);
	kmem_cache_free(&b->ctx, large, object[1]);
	cr_assert_eq(slab_pages_in_use(b->slab), 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, small), 0);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, large), 0);
	slab_bench_end(b);
}

Test(slob, kmalloc_keeps_the_size_before_the_block)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);

	for (size_t size = 1; size < 4088; size += 13) {
		uint32_t *block = kmalloc(&b->ctx, size, GFP_KERNEL);

		cr_assert_eq(block[-2], size);
		cr_assert_eq(ksize(&b->ctx, block), (size + 1) / 2 * 2);
		cr_assert_eq((uintptr_t)block %
				     (size & (size - 1) || size < 8 ? 8 : size),
			     0);
		kfree(&b->ctx, block);
	}
	slab_bench_end(b);
}

static unsigned nr_constructed;

static void construct(void *object)
{
	memset(object, 7, 40);
	nr_constructed++;
}

Test(slob, a_constructor_runs_each_time)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	const struct kmem_cache_args args = { .name = "built",
					      .size = 40,
					      .ctor = construct };
	struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, NULL);

	for (unsigned i = 0; i < 10; i++)
		kmem_cache_free(&b->ctx, s,
				kmem_cache_alloc(&b->ctx, s, GFP_KERNEL));
	cr_assert_eq(nr_constructed, 10);
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	slab_bench_end(b);
}

Test(slob, an_object_waits_for_its_readers)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct kmem_cache *s =
		slab_bench_cache(b, "read", 100, SLAB_TYPESAFE_BY_RCU);
	char *object = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);

	cr_assert_eq(s->size, 104 + 24);
	memset(object, 42, 100);
	urcu_bp_read_lock();
	kmem_cache_free(&b->ctx, s, object);
	for (unsigned i = 0; i < 100; i++) {
		char *other = kmem_cache_alloc(&b->ctx, s, GFP_KERNEL);

		cr_assert(other != object, "it is still looked at");
		kmem_cache_free(&b->ctx, s, other);
	}
	cr_assert_eq(object[99], 42);
	urcu_bp_read_unlock();
	cr_assert_eq(kmem_cache_destroy(&b->ctx, s), 0);
	cr_assert_eq(slab_pages_in_use(b->slab), 0);
	slab_bench_end(b);
}

/* ---- model -----------------------------------------------------------------
 */

#define MODEL_BLOCKS 800

static bool is_marked(const unsigned char *block, size_t size, unsigned owner)
{
	for (size_t i = 0; i < size; i++)
		if (block[i] != (unsigned char)(owner * 37 + 11))
			return false;
	return true;
}

Test(slob, blocks_of_all_sizes_keep_apart)
{
	struct slab_bench *b = slab_bench_make(&engine_ops, NULL);
	struct {
		unsigned char *at;
		size_t size;
	} block[MODEL_BLOCKS] = { { NULL, 0 } };
	uint64_t rng = 5;

	for (unsigned i = 0; i < 40000; i++) {
		const unsigned n = (unsigned)(rng >> 33) % MODEL_BLOCKS;

		rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
		if (block[n].at) {
			cr_assert(is_marked(block[n].at, block[n].size, n));
			kfree(&b->ctx, block[n].at);
			block[n].at = NULL;
		} else {
			block[n].size = 1 + (rng >> 20) % (i % 3 ? 300 : 5000);
			block[n].at =
				kmalloc(&b->ctx, block[n].size, GFP_KERNEL);
			cr_assert(block[n].at);
			memset(block[n].at, (int)(n * 37 + 11), block[n].size);
		}
	}
	for (unsigned n = 0; n < MODEL_BLOCKS; n++)
		if (block[n].at) {
			cr_assert(is_marked(block[n].at, block[n].size, n));
			kfree(&b->ctx, block[n].at);
		}
	cr_assert_eq(slab_pages_in_use(b->slab), 0);
	slab_bench_end(b);
}
