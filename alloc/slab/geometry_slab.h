/*
 * The arithmetic of SLAB's caches: stride, where the index of free objects
 * lies, order of a slab, colours, sizes of the arrays. Nothing here touches
 * memory. Sizes in bytes. Source: Linux 6.1, pages of 4096 bytes.
 */
#ifndef ALLOC_SLAB_GEOMETRY_SLAB_H
#define ALLOC_SLAB_GEOMETRY_SLAB_H

#include "alloc/slab/slab.h"

/* Indices are bytes, so a slab has no more objects than this. */
#define SLAB_MAX_OBJECTS 255u

/* Where a slab keeps the indices of its free objects. */
enum slab_index_place {
	INDEX_IN_OBJECT, /* in an object that is free itself (OBJFREELIST) */
	INDEX_OFF_SLAB,  /* in a kmalloc block */
	INDEX_ON_SLAB    /* in the slab's last bytes */
};

/* What SLAB knows of a cache beside struct kmem_cache. */
struct slab_layout {
	enum slab_index_place place;
	unsigned colour;        /* how many first offsets there are */
	unsigned colour_off;    /* distance of two of them */
	unsigned freelist_size; /* of the index */
	/* objects of a CPU's array, moved at a time; shared: the node's array
	   holds shared * batchcount, 0: there is none */
	unsigned limit, batchcount, shared;
};

/*
 * Fills the cache (size, align, order, objects, min_*, inuse, offset, gfp) and
 * *out. In: object_size, align_asked, flags, ctor. 0 or -E2BIG.
 *
 * A debug cache has the object layout of SLUB's (debug.h), its index in the
 * slab's last bytes and one colour: guards and patterns stay whole then.
 */
int slab_geometry(const struct slab_config *cfg, struct kmem_cache *s,
		  struct slab_layout *out);

/* Free objects that a node keeps in slabs before it gives slabs back. cpus: of
 * that node. */
unsigned slab_free_limit(const struct kmem_cache *s,
			 const struct slab_layout *layout, unsigned cpus);

#endif
