/*
 * The arithmetic of SLAB's caches (geometry_slab.h).
 */
#include "alloc/slab/geometry_slab.h"

#include <errno.h>

#include "alloc/slab/geometry.h"
#include "alloc/slab/kmalloc.h"

#define MIN_STRIDE 16u /* indices are bytes only from there on */
#define COLOUR_MIN 64u /* a cache line */

/* One way to lay out a slab; num 0: it cannot be done so. */
struct fit {
	unsigned order, num, left;
};

static unsigned long slab_bytes(unsigned order)
{
	return PAGE_SIZE << order;
}

static struct fit fit_of(const struct kmem_cache *s,
			 enum slab_index_place place, unsigned order)
{
	const unsigned long bytes = slab_bytes(order);
	const unsigned long each = s->size + (place == INDEX_ON_SLAB);

	return (struct fit){ .order = order,
			     .num = (unsigned)(bytes / each),
			     .left = (unsigned)(bytes % each) };
}

/* Stride of the size class that holds an index of `bytes`. Classes begin at 32
 * and are aligned as SLAB_HWCACHE_ALIGN says. */
static unsigned index_stride(unsigned bytes)
{
	const unsigned size = (unsigned)max_long(
		kmalloc_class_size(kmalloc_index(bytes)), 32);

	return (unsigned)round_up_pow2(
		size, slab_alignment(SLAB_HWCACHE_ALIGN, 0, size));
}

/* Largest order that is tried for the sake of thrift. */
static unsigned max_order(const struct slab_config *cfg)
{
	if (cfg->slab_max_order_plus_1)
		return cfg->slab_max_order_plus_1 - 1;
	return cfg->ram_bytes > 32ULL << 20 ? 1 : 0;
}

/* The smallest order that wastes at most an eighth, or the last that was
 * tried. */
static struct fit search_order(const struct slab_config *cfg,
			       const struct kmem_cache *s,
			       enum slab_index_place place)
{
	struct fit found = { 0 };

	for (unsigned order = 0; order <= MAX_PAGE_ORDER; order++) {
		const struct fit f = fit_of(s, place, order);

		if (!f.num)
			continue;
		if (f.num > SLAB_MAX_OBJECTS)
			break;
		if (place == INDEX_OFF_SLAB &&
		    index_stride(f.num) > s->object_size / 2)
			continue;
		found = f;
		if ((s->flags & SLAB_RECLAIM_ACCOUNT) ||
		    order >= max_order(cfg) ||
		    f.left * 8UL <= slab_bytes(order))
			break;
	}
	return found;
}

/* A free object may be written to: no constructor made it, nobody looks at it
 * after it was freed. */
static bool fits_in_object(const struct kmem_cache *s, const struct fit *f)
{
	return !s->ctor && !(s->flags & SLAB_TYPESAFE_BY_RCU) && f->num &&
	       f->num <= s->object_size;
}

/* Worth a block of its own: it would not fit into what is left anyway. */
static bool fits_off_slab(const struct kmem_cache *s, const struct fit *f)
{
	return !(s->flags & SLAB_NOLEAKTRACE) && f->num && f->left < f->num;
}

static struct fit choose_place(const struct slab_config *cfg,
			       const struct kmem_cache *s,
			       enum slab_index_place *place)
{
	struct fit f = { 0 };

	if (!(s->flags & SLAB_DEBUG_FLAGS)) {
		*place = INDEX_IN_OBJECT;
		f = search_order(cfg, s, *place);
		if (fits_in_object(s, &f))
			return f;
		*place = INDEX_OFF_SLAB;
		f = search_order(cfg, s, *place);
		if (fits_off_slab(s, &f))
			return f;
	}
	*place = INDEX_ON_SLAB;
	return search_order(cfg, s, *place);
}

/* The kernel's table of array sizes by stride. */
static void tune(const struct slab_config *cfg, const struct kmem_cache *s,
		 struct slab_layout *out)
{
	if (s->size > 131072)
		out->limit = 1;
	else if (s->size > PAGE_SIZE)
		out->limit = 8;
	else if (s->size > 1024)
		out->limit = 24;
	else
		out->limit = s->size > 256 ? 54 : 120;
	if ((s->flags & SLAB_DEBUG_FLAGS) && out->limit > 32)
		out->limit = 32;
	out->batchcount = (out->limit + 1) / 2;
	out->shared = s->size <= PAGE_SIZE && cfg->nr_possible > 1 ? 8 : 0;
}

/* Stride and alignment. */
static void object_layout(const struct slab_config *cfg, struct kmem_cache *s)
{
	unsigned size = (unsigned)round_up_pow2(s->object_size, cfg->word);

	s->align = slab_alignment(s->flags, s->align_asked, s->object_size);
	size = (unsigned)round_up_pow2(size, s->align);
	if (size < MIN_STRIDE)
		size = (unsigned)round_up_pow2(MIN_STRIDE, s->align);
	s->inuse = s->size = size;
	s->offset = s->red_left_pad = 0;
}

int slab_geometry(const struct slab_config *cfg, struct kmem_cache *s,
		  struct slab_layout *out)
{
	struct fit f;

	if (s->flags & SLAB_DEBUG_FLAGS)
		slub_object_layout(cfg, s);
	else
		object_layout(cfg, s);
	f = choose_place(cfg, s, &out->place);
	if (!f.num)
		return -E2BIG;
	s->order = s->min_order = f.order;
	s->objects = s->min_objects = f.num;
	s->gfp = slab_pages_gfp(s);
	slab_reciprocal(s);
	out->colour_off = s->align > COLOUR_MIN ? s->align : COLOUR_MIN;
	out->colour =
		s->flags & SLAB_DEBUG_FLAGS ? 0 : f.left / out->colour_off;
	out->freelist_size = f.num;
	tune(cfg, s, out);
	return 0;
}

unsigned slab_free_limit(const struct kmem_cache *s,
			 const struct slab_layout *layout, unsigned cpus)
{
	return (1 + cpus) * layout->batchcount + s->objects;
}
