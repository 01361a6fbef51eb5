/*
 * The arithmetic of caches: alignment, size classes, SLUB's layout of an
 * object and order of a slab. Nothing here touches memory. Sizes in bytes.
 * Source: Linux 6.1, and 6.12 where its rules differ.
 */
#ifndef ALLOC_SLAB_GEOMETRY_H
#define ALLOC_SLAB_GEOMETRY_H

#include "alloc/slab/slab.h"

#define SLUB_MAX_OBJECTS 32767 /* of one slab */

/* Alignment in force of a cache (calculate_alignment). align: 0 or a power of
 * two. */
unsigned slab_alignment(uint32_t flags, unsigned align, unsigned size);

/* Size of class 1 .. NR_KMALLOC_SIZES - 1; 0: there is none. */
unsigned kmalloc_class_size(unsigned index);

/* Prepares slab_index(): s->size is set. */
void slab_reciprocal(struct kmem_cache *s);

/* Order of SLUB's slabs for objects `size` apart; -1: too large. */
int slub_order(const struct slab_config *cfg, unsigned size);
/* Objects that a debug cache or a large one keeps on partial slabs. */
unsigned slub_cpu_partial(const struct kmem_cache *s);
unsigned slub_cpu_partial_slabs(const struct kmem_cache *s,
				unsigned cpu_partial);
unsigned slub_min_partial(unsigned size);

/* Zone and type of the pages that a cache asks for. */
gfp_t slab_pages_gfp(const struct kmem_cache *s);

/* The first part of slub_geometry(): align, size, inuse, offset, red_left_pad.
 */
void slub_object_layout(const struct slab_config *cfg, struct kmem_cache *s);

/*
 * Fills the cache: size, inuse, offset, red_left_pad, align, order, objects,
 * min_order, min_objects, gfp. In: object_size, align_asked, flags, ctor.
 * 0 or -E2BIG.
 */
int slub_geometry(const struct slab_config *cfg, struct kmem_cache *s);

/* Bytes of one record of who allocated or freed (two per object). */
#define SLAB_TRACK_BYTES 32u

#endif
