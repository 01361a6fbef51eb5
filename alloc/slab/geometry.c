/*
 * The arithmetic of caches (geometry.h).
 */
#include "alloc/slab/geometry.h"

#include <errno.h>

#define CACHELINE_BYTES 64u

unsigned slab_alignment(uint32_t flags, unsigned align, unsigned size)
{
	const unsigned word = 8; /* also i386: its long long is 8-aligned */

	if (flags & SLAB_HWCACHE_ALIGN) {
		unsigned line = CACHELINE_BYTES;

		while (size <= line / 2)
			line /= 2;
		align = (unsigned)max_long(align, line);
	}
	align = (unsigned)max_long(align, word);
	return (unsigned)round_up_pow2(align, word);
}

unsigned kmalloc_class_size(unsigned index)
{
	if (index == 1)
		return 96;
	if (index == 2)
		return 192;
	return index >= 3 && index < NR_KMALLOC_SIZES ? 1u << index : 0;
}

void slab_reciprocal(struct kmem_cache *s)
{
	const unsigned l = (unsigned)fls_long(s->size - 1);

	s->recip_mul =
		(uint32_t)((((1ULL << l) - s->size) << 32) / s->size + 1);
	s->recip_shift1 = (uint8_t)min_long(l, 1);
	s->recip_shift2 = (uint8_t)max_long((long)l - 1, 0);
}

/* Smallest order >= from, <= most, that wastes at most 1/fraction; -1: none. */
static int order_wasting(unsigned size, unsigned from, unsigned most,
			 unsigned fraction)
{
	for (unsigned order = from; order <= most; order++) {
		const unsigned long slab = PAGE_SIZE << order;

		if (slab >= size && slab % size <= slab / fraction)
			return (int)order;
	}
	return -1;
}

/* Where the search begins for at least min_objects. */
static unsigned order_begin(const struct slab_config *cfg, unsigned size,
			    unsigned min_objects)
{
	const unsigned first = order_of_bytes((uint64_t)min_objects * size);

	return first > cfg->slub_min_order ? first : cfg->slub_min_order;
}

static unsigned wanted_objects(const struct slab_config *cfg, unsigned size)
{
	const unsigned most =
		(unsigned)((PAGE_SIZE << cfg->slub_max_order) / size);
	unsigned min_objects = cfg->slub_min_objects, cpus = cfg->nr_cpus;

	/* one CPU alone: those that may come count */
	if (cpus <= 1 && cfg->nr_possible > cpus)
		cpus = cfg->nr_possible;
	if (!min_objects)
		min_objects = 4 * ((unsigned)fls_long(cpus) + 1);
	return min_objects < most ? min_objects : most;
}

/* The rule of 6.1: fewer and fewer objects, each with less and less thrift. */
static int order_6_1(const struct slab_config *cfg, unsigned size)
{
	for (unsigned n = wanted_objects(cfg, size); n > 1; n--)
		for (unsigned fraction = 16; fraction >= 4; fraction /= 2) {
			int order =
				order_wasting(size, order_begin(cfg, size, n),
					      cfg->slub_max_order, fraction);

			if (order >= 0)
				return order;
		}
	return -1;
}

/* The rule of 6.12: one place to begin. */
static int order_6_12(const struct slab_config *cfg, unsigned size)
{
	const unsigned n = (unsigned)max_long(wanted_objects(cfg, size), 1);

	for (unsigned fraction = 16; fraction >= 2; fraction /= 2) {
		int order = order_wasting(size, order_begin(cfg, size, n),
					  cfg->slub_max_order, fraction);

		if (order >= 0)
			return order;
	}
	return -1;
}

int slub_order(const struct slab_config *cfg, unsigned size)
{
	int order;

	if ((PAGE_SIZE << cfg->slub_min_order) / size > SLUB_MAX_OBJECTS)
		return (int)order_of_bytes((uint64_t)size * SLUB_MAX_OBJECTS) -
		       1;
	order = cfg->kernel == KERNEL_6_1 ? order_6_1(cfg, size)
					  : order_6_12(cfg, size);
	if (order < 0)
		order = (int)max_long(order_of_bytes(size),
				      cfg->slub_min_order);
	return order <= MAX_PAGE_ORDER ? order : -1;
}

unsigned slub_min_partial(unsigned size)
{
	return (unsigned)clamp_long((fls_long(size) - 1) / 2, 5, 10);
}

unsigned slub_cpu_partial(const struct kmem_cache *s)
{
	if (s->flags & SLAB_DEBUG_FLAGS)
		return 0;
	if (s->size >= PAGE_SIZE)
		return 6;
	if (s->size >= 1024)
		return 24;
	return s->size >= 256 ? 52 : 120;
}

unsigned slub_cpu_partial_slabs(const struct kmem_cache *s,
				unsigned cpu_partial)
{
	return (cpu_partial * 2 + s->objects - 1) / s->objects;
}

gfp_t slab_pages_gfp(const struct kmem_cache *s)
{
	return (s->flags & SLAB_CACHE_DMA ? GFP_BIT_DMA : 0) |
	       (s->flags & SLAB_CACHE_DMA32 ? GFP_BIT_DMA32 : 0) |
	       (s->flags & SLAB_RECLAIM_ACCOUNT ? GFP_BIT_RECLAIMABLE : 0);
}

/* Must the free pointer stand behind the object? */
static bool pointer_outside(const struct slab_config *cfg,
			    const struct kmem_cache *s)
{
	const uint32_t both = SLAB_RED_ZONE | SLAB_STORE_USER;

	if ((s->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_POISON)) || s->ctor)
		return true;
	if ((s->flags & SLAB_RED_ZONE) && s->object_size < cfg->word)
		return true;
	return cfg->kernel != KERNEL_6_1 && (s->flags & both) == both &&
	       (s->flags & SLAB_KMALLOC);
}

/* Object, padding, free pointer, tracks, guard words, in that order. */
void slub_object_layout(const struct slab_config *cfg, struct kmem_cache *s)
{
	unsigned size = (unsigned)round_up_pow2(s->object_size, cfg->word);

	s->align = slab_alignment(s->flags, s->align_asked, s->object_size);
	if ((s->flags & SLAB_RED_ZONE) && size == s->object_size)
		size += cfg->word;
	s->inuse = size;
	if (pointer_outside(cfg, s)) {
		s->offset = size;
		size += cfg->word;
	} else {
		s->offset = s->object_size / 2 & ~(cfg->word - 1);
	}
	if (s->flags & SLAB_STORE_USER) {
		size += 2 * SLAB_TRACK_BYTES;
		if (s->flags & SLAB_KMALLOC)
			size += 4; /* the size that was asked for */
	}
	s->red_left_pad = 0;
	if (s->flags & SLAB_RED_ZONE) {
		size += cfg->word;
		s->red_left_pad = (unsigned)round_up_pow2(cfg->word, s->align);
		size += s->red_left_pad;
	}
	s->size = (unsigned)round_up_pow2(size, s->align);
}

int slub_geometry(const struct slab_config *cfg, struct kmem_cache *s)
{
	int order;

	slub_object_layout(cfg, s);
	order = slub_order(cfg, s->size);
	if (order < 0)
		return -E2BIG;
	s->order = (unsigned)order;
	s->min_order = order_of_bytes(s->size);
	s->objects = (unsigned)((PAGE_SIZE << s->order) / s->size);
	s->min_objects = (unsigned)((PAGE_SIZE << s->min_order) / s->size);
	s->gfp = slab_pages_gfp(s);
	slab_reciprocal(s);
	return 0;
}
