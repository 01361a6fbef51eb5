/*
 * Debug caches: guard bytes around objects, patterns in free ones, records of
 * who allocated and freed. Layout and byte values of SLUB in Linux 6.1:
 *
 *   | left guard | object | right guard | free pointer | tracks | guard word |
 *     red_left_pad          up to inuse   if outside     2 x 32
 *
 *   guards: 0xbb while free, 0xcc while allocated; a free object's bytes 0x6b,
 *   the last one 0xa5; padding 0x5a.
 *
 * A finding is one report line that names the cache, the object and the offset
 * of the byte, and one more s->nr_errors. With STORE_USER two lines follow, who
 * allocated the object last and who freed it: caller, age, CPU, thread. With
 * TRACE each allocation and each free is a line. The caller holds the lock of
 * the node that the slab is on, or the slab alone.
 */
#ifndef ALLOC_SLAB_DEBUG_H
#define ALLOC_SLAB_DEBUG_H

#include "alloc/slab/engine.h"

/* A new slab's padding, before its objects are set up. */
void slab_debug_new_slab(const struct kmem_cache *s, const struct page *page);
/* A new slab's object: free, before its constructor and free pointer. */
void slab_debug_new_object(const struct kmem_cache *s, void *object);
/* A slab's last visit: its padding and every object, free by now. */
void slab_debug_slab(struct kmem_cache *s, const struct page *page);

/* The object leaves its freelist: checks it as a free one and marks it
 * allocated. False: it is broken, or no object of the slab. */
bool slab_debug_alloc(struct slab_ctx *ctx, struct kmem_cache *s,
		      const struct page *page, void *object);
/* The object comes back: checks it as an allocated one and marks it free.
 * False: it is broken, free already, or no object. `is_free`: it is on the
 * slab's freelist. */
bool slab_debug_free(struct slab_ctx *ctx, struct kmem_cache *s,
		     const struct page *page, void *object, bool is_free);
/* A finding about an object that the caller made. */
void slab_debug_report(struct kmem_cache *s, const struct page *page,
		       const char *what, const void *object);
#define SLAB_SYMBOL_LEN 104

/* "name+0x1f" of the function that holds the address if the dynamic linker
 * knows it, else "file+0x1f1f", which addr2line takes; NULL and others: the
 * number. Returns text. */
const char *slab_symbol(const void *at, char text[SLAB_SYMBOL_LEN]);

/* Notes who allocated the object last and who freed it, if the cache keeps
 * that. */
void slab_debug_tracks(const struct kmem_cache *s, const void *object);
/* Checks without changing anything. */
bool slab_debug_check(struct kmem_cache *s, const struct page *page,
		      void *object, bool allocated);

#endif
