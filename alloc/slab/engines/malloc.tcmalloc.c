/*
 * malloc:tcmalloc: gperftools' tcmalloc: per-thread caches over central free
 * lists.
 *
 * All of it but the names stands in alloc/slab/malloc.h.
 *
 * Loop stores: loop_done
 */
#include "alloc/slab/malloc.h"

static const struct slab_ops engine_ops = {
	MALLOC_ENGINE("tcmalloc", "libtcmalloc_minimal.so.4",
		      "libtcmalloc-minimal4"),
};
