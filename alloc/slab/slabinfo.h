/*
 * /proc/slabinfo 2.1 of an allocator, newest cache first, and the attributes
 * of /sys/kernel/slab that all engines have in common.
 */
#ifndef ALLOC_SLAB_SLABINFO_H
#define ALLOC_SLAB_SLABINFO_H

#include "alloc/slab/engine.h"

/* Both: statistics while threads run. Any thread. */
void slabinfo_print(FILE *out, struct slab_allocator *slab);

/* "NAME value" of what a cache's geometry gives: align, object_size,
 * objs_per_slab, order, slab_size, usersize, the flags, and ctor if there is
 * one (an empty file in the kernel else). */
void slab_attributes_geometry(const struct kmem_cache *s, FILE *out);
/* "NAME SUM C0=a C3=b": an event, with the CPUs on which it was. Counts are not
 * cut to 32 bits. */
void slab_attributes_event(const struct kmem_cache *s, enum slab_counter c,
			   FILE *out);

#endif
