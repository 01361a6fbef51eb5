/*
 * malloc:mimalloc: mimalloc (Leijen, Zorn, de Moura, ISMM 2019): free lists
 * sharded by page.
 *
 * All of it but the names stands in alloc/slab/malloc.h.
 *
 * Loop stores: loop_done
 */
#include "alloc/slab/malloc.h"

static const struct slab_ops engine_ops = {
	MALLOC_ENGINE("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
};
