/*
 * malloc:glibc: the C library's own allocator, per-thread caches over arenas.
 *
 * All of it but the names stands in alloc/slab/malloc.h.
 *
 * Loop stores: loop_done
 */
#include "alloc/slab/malloc.h"

static const struct slab_ops engine_ops = {
	MALLOC_ENGINE("glibc", "libc.so.6", "libc6"),
};
