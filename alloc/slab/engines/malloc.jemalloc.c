/*
 * malloc:jemalloc: jemalloc (Evans, BSDCan 2006): per-thread caches over runs
 * of size classes.
 *
 * All of it but the names stands in alloc/slab/malloc.h.
 *
 * Loop stores: loop_done
 */
#include "alloc/slab/malloc.h"

static const struct slab_ops engine_ops = {
	MALLOC_ENGINE("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
};
