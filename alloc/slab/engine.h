/*
 * What a slab engine is. One file under alloc/slab/engines/ fills one
 * `static const struct slab_ops engine_ops`; nothing else is edited.
 * null.c is the documented skeleton.
 *
 * The framework (kmem_cache.c, kmalloc.c) has what all engines share: the list
 * of caches, merging, size classes, counters, pages and their marks. The
 * engine decides how a cache keeps its slabs and objects.
 */
#ifndef ALLOC_SLAB_ENGINE_H
#define ALLOC_SLAB_ENGINE_H

#include <stdio.h>

#include "alloc/slab/slab.h"

/* slab_ops.features */
#define SLAB_F_FLOOR   0x1u /* no objects of its own: skips checks */
#define SLAB_F_EXACT   0x2u /* object-exact with Linux */
#define SLAB_F_KSTATE  0x4u /* log_geometry and log_state are there */
#define SLAB_F_NO_INFO 0x8u /* no slabinfo (slob) */
#define SLAB_F_KMALLOC32                                     \
	0x10u /* smallest size class is 32, aligned to cache \
		 lines (slab) */
#define SLAB_F_NO_MERGE 0x20u
#define SLAB_F_NO_OWNER                                \
	0x40u /* an object does not say which cache it \
		 belongs to (slob) */
#define SLAB_F_FOREIGN                                             \
	0x80u /* objects are a library's and lie on no page of the \
		 machine: no slabs, counters, nodes (malloc:...) */

#ifdef HOT_CALL
#define SLAB_HOT static NOINLINE
#else
#define SLAB_HOT ALWAYS_INLINE
#endif

/* One row of /proc/slabinfo; units: objects, pages, slabs. */
struct slabinfo_row {
	uint64_t active_objs, num_objs;
	unsigned objsize, objperslab, pagesperslab;
	unsigned limit, batchcount, shared;
	uint64_t active_slabs, num_slabs, shared_avail;
};

/* Which number a log gives to a slab; called with its first page. */
typedef unsigned slab_number_fn(void *arg, const struct page *slab);

struct sheaf;
struct sheaf_ops;

struct slab_ops {
	const char *name; /* = file name: ENGINE_NAME, injected by the build */
	const char *summary;
	unsigned features;  /* SLAB_F_* */
	size_t cache_bytes; /* of its own struct, kmem_cache first */
	/* SLAB_F_FOREIGN: the shared object whose malloc it is and the Debian
	 * package that has it; else NULL */
	const char *soname, *package;

	/*
	 * Cold hooks. geometry: fills size, offset, inuse, order, objects, ...
	 * of a cache whose object_size, align, flags, ctor, usersize are set;
	 * 0, -E2BIG, or -EINVAL for flags that the engine cannot serve. It is
	 * pure arithmetic and needs no machine. open / close: the allocator's
	 * own data, before its first and after its last cache; may be NULL.
	 * cache_open: what a cache keeps per CPU and node; 0 or -errno.
	 * cache_close: memory of cache_open; the cache holds no slab then.
	 * shrink: gives back all empty slabs; 1 if slabs are left, else 0.
	 * shutdown: shrink for good; how many slabs are left.
	 * By one thread, mutex held. Others may use the cache during shrink.
	 */
	int (*geometry)(const struct slab_config *cfg, struct kmem_cache *s);
	int (*open)(struct slab_allocator *slab);
	void (*close)(struct slab_allocator *slab);
	int (*cache_open)(struct slab_ctx *ctx, struct kmem_cache *s);
	void (*cache_close)(struct kmem_cache *s);
	int (*shrink)(struct slab_ctx *ctx, struct kmem_cache *s);
	unsigned long (*shutdown)(struct slab_ctx *ctx, struct kmem_cache *s);
	/* May be NULL: brings to its end what the engine put off, before
	 * somebody looks. Any thread, mutex held. */
	void (*settle)(struct slab_ctx *ctx, struct kmem_cache *s);
	/* May be NULL: by the thread itself, before its first and after its
	 * last call. */
	int (*thread_enter)(struct slab_ctx *ctx);
	void (*thread_exit)(struct slab_ctx *ctx);
	/* May be NULL. A tick of virtual time, in seconds since start: reapers.
	 * Any thread, no lock held. */
	void (*tick)(struct slab_ctx *ctx, unsigned seconds);
	/*
	 * Statistics, exact while no other thread is inside. info: a row of
	 * slabinfo. attributes: `name value` lines with the names of
	 * /sys/kernel/slab, NULL machine data included (a cache that was never
	 * opened prints its geometry only). verify: NULL, or the broken
	 * invariant in static text.
	 */
	void (*info)(const struct kmem_cache *s, struct slabinfo_row *out);
	void (*attributes)(const struct kmem_cache *s, FILE *out);
	const char *(*verify)(const struct kmem_cache *s);
	/* Where a slab's objects begin; NULL: with its first byte. */
	const char *(*first_object)(const struct kmem_cache *s,
				    const struct page *slab);
	/* Is the object of a slab free (for leak reports)? True also of a place
	 * that holds none. Nobody else is inside. */
	bool (*is_free)(const struct kmem_cache *s, const struct page *slab,
			const void *object);
	/* SLAB_F_KSTATE: the lines of kernel logs. log_geometry: what follows
	 * "KSTATE name "; log_state: the lines below it. */
	void (*log_geometry)(const struct kmem_cache *s, FILE *out);
	void (*log_state)(const struct kmem_cache *s, FILE *out,
			  slab_number_fn *number, void *arg);
	/* Bytes that the user may use of an object; NULL: object_size. */
	size_t (*usable)(const struct kmem_cache *s);

	/*
	 * Hot hooks, resolved at compile time inside the measured loops: alloc
	 * and free are inlined there; the others may be functions that engines
	 * share. No lock is held by the caller.
	 *
	 * alloc: an object, or NULL. gfp matters when pages are needed.
	 * alloc_node: the same from node `nid`; NULL: none there and THISNODE.
	 * free: takes back an object of this cache.
	 * alloc_bulk: n objects or none; returns n or 0. free_bulk: n objects
	 * of the cache; may reorder. NULL: loops over the single forms.
	 */
	void *(*alloc)(struct slab_ctx *ctx, struct kmem_cache *s, gfp_t gfp);
	void *(*alloc_node)(struct slab_ctx *ctx, struct kmem_cache *s,
			    gfp_t gfp, unsigned nid);
	void (*free)(struct slab_ctx *ctx, struct kmem_cache *s, void *object);
	unsigned (*alloc_bulk)(struct slab_ctx *ctx, struct kmem_cache *s,
			       gfp_t gfp, unsigned n, void **out);
	void (*free_bulk)(struct slab_ctx *ctx, struct kmem_cache *s,
			  unsigned n, void **object);
	/*
	 * Engines whose kmalloc is not made of size classes; NULL, all three:
	 * kmalloc.h's own. kmalloc: 1 byte or more, whole pages included; it
	 * looks at __GFP_ZERO itself. kfree, ksize: what kmalloc returned.
	 */
	void *(*kmalloc)(struct slab_ctx *ctx, size_t size, gfp_t gfp,
			 unsigned nid);
	void (*kfree)(struct slab_ctx *ctx, void *object);
	size_t (*ksize)(const struct slab_ctx *ctx, const void *object);

	/* May be NULL. free_rcu: takes back an object when every reader of now
	 * has left; does not wait for them. sheaf: lent sheaves. */
	void (*free_rcu)(struct slab_ctx *ctx, struct kmem_cache *s,
			 void *object);
	const struct sheaf_ops *sheaf;
};

/* Behind kmem_cache_prefill_sheaf() and its kin; described there. */
struct sheaf_ops {
	struct sheaf *(*prefill)(struct slab_ctx *ctx, struct kmem_cache *s,
				 gfp_t gfp, uint32_t n);
	void *(*alloc)(struct sheaf *sheaf);
	int (*refill)(struct slab_ctx *ctx, struct kmem_cache *s, gfp_t gfp,
		      struct sheaf **sheaf, uint32_t n);
	void (*give_back)(struct slab_ctx *ctx, struct kmem_cache *s, gfp_t gfp,
			  struct sheaf *sheaf);
};

/* ---- for engines ----------------------------------------------------------
 */

/*
 * 2^order pages for a slab of s on node nid (NUMA_NO_NODE: the thread's),
 * marked and counted; NULL: none. No lock but the allocator's mutex is held.
 */
struct page *slab_pages_alloc(struct slab_ctx *ctx, struct kmem_cache *s,
			      gfp_t gfp, unsigned order, unsigned nid);
/* Takes the mark off and gives the pages back; *slab is no slab then. */
void slab_pages_free(struct slab_ctx *ctx, struct kmem_cache *s,
		     struct page *slab);

/* Counts where there is no context: RCU's own thread. Any thread. */
void slab_count_apart(struct kmem_cache *s, enum slab_counter c, uint64_t n);

/* One line to the allocator's report, and one to its count. note: a line that
 * is no finding. */
void slab_report(struct slab_allocator *slab, const char *fmt, ...)
	PRINTF_LIKE(2, 3);
void slab_note(struct slab_allocator *slab, const char *fmt, ...)
	PRINTF_LIKE(2, 3);

/* For create, shrink and verify of engines that keep per-node lists: is nid a
 * node that has memory? */
ALWAYS_INLINE bool slab_node_has_memory(const struct slab_allocator *slab,
					unsigned nid)
{
	return slab->machine->node[nid].has_memory;
}

/* The node whose memory node nid uses: itself or the nearest that has any. */
ALWAYS_INLINE unsigned slab_memory_node(const struct machine *m, unsigned nid)
{
	const struct node *node = &m->node[nid];

	for (unsigned i = 0; i < node->nr_order && !node->has_memory; i++)
		if (m->node[node->node_order[i]].has_memory)
			return node->node_order[i];
	return nid;
}

#endif
