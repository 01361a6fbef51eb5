/*
 * What the slab layer is made of: flags, the configuration of an allocator,
 * caches, counters, and the mark that ties a page to its cache.
 *
 * One struct slab_allocator is one slab engine over one page engine of one
 * machine. Caches (struct kmem_cache) belong to it; each thread that calls it
 * has a struct slab_ctx. Source of facts and names: Linux 6.1.
 *
 * Locks, outermost first (ranks in alloc/base/lock.h):
 *   1. allocator->mutex   list of caches, contexts; may sleep
 *   2. RANK_SLAB_CPU      an engine's per-CPU part of one cache
 *   3. RANK_SLAB_NODE     an engine's lists of one cache and node
 * The page allocator is called with the mutex held at most.
 */
#ifndef ALLOC_SLAB_SLAB_H
#define ALLOC_SLAB_SLAB_H

#include <pthread.h>

#include "alloc/page/page_alloc.h"

/* Cache flags; values of Linux 6.1. */
#define SLAB_CONSISTENCY_CHECKS 0x100u
#define SLAB_RED_ZONE           0x400u
#define SLAB_POISON             0x800u
#define SLAB_KMALLOC            0x1000u
#define SLAB_HWCACHE_ALIGN      0x2000u
#define SLAB_CACHE_DMA          0x4000u
#define SLAB_CACHE_DMA32        0x8000u
#define SLAB_STORE_USER         0x10000u
#define SLAB_RECLAIM_ACCOUNT    0x20000u
#define SLAB_PANIC              0x40000u
#define SLAB_TYPESAFE_BY_RCU    0x80000u
#define SLAB_TRACE              0x200000u
#define SLAB_NOLEAKTRACE        0x800000u
#define SLAB_ACCOUNT            0x4000000u
#define SLAB_NO_MERGE           0x20000000u /* 6.5: not in 6.1's range */

/* Any of them makes a debug cache: no per-CPU slabs, checks on each call. */
#define SLAB_DEBUG_FLAGS                                         \
	(SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | \
	 SLAB_STORE_USER | SLAB_TRACE)
/* A cache with one of them is merged with no other. */
#define SLAB_NEVER_MERGE                                              \
	(SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_TRACE | \
	 SLAB_TYPESAFE_BY_RCU | SLAB_NOLEAKTRACE | SLAB_NO_MERGE)
/* Caches are merged only where these are equal. */
#define SLAB_MERGE_SAME                                             \
	(SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | \
	 SLAB_ACCOUNT)
#define SLAB_ALL_FLAGS                                                        \
	(SLAB_DEBUG_FLAGS | SLAB_NEVER_MERGE | SLAB_MERGE_SAME | SLAB_PANIC | \
	 SLAB_HWCACHE_ALIGN | SLAB_KMALLOC)

/* Spreading over cpusets, fault injection, debugging by the command line: a
 * kernel that is built without them drops these. */
#define SLAB_WITHOUT_EFFECT (0x100000u | 0x2000000u | 0x10000000u)

#define SLAB_NAME_MAX      64   /* with its terminator */
#define SLAB_MAX_CACHES    1024 /* at a time */
#define SHEAF_CAPACITY_MAX 1020 /* objects; a sheaf of them has 8 KiB */
#define NUMA_NO_NODE       UINT32_MAX

#define KMALLOC_MAX_CACHE_SIZE (2 * PAGE_SIZE) /* larger: whole pages */
#define KMALLOC_MAX_SIZE       (PAGE_SIZE << MAX_PAGE_ORDER)

enum slub_fast { SLUB_FAST_RSEQ, SLUB_FAST_CMPXCHG };

/* What an allocator is told at create. slab_config_init() has the defaults. */
struct slab_config {
	enum kernel_rules kernel; /* whose formulas */
	unsigned word;            /* bytes of a pointer there: 8, i386: 4 */
	unsigned nr_cpus;         /* present ones; they decide slab orders */
	unsigned nr_possible;     /* CPUs that may come; `slab` has arrays
				     shared by CPUs where it is above 1 */
	unsigned slub_min_order, slub_max_order;
	unsigned slub_min_objects;      /* 0: by the number of CPUs */
	unsigned slab_max_order_plus_1; /* `slab`; 0: as ram_bytes says */
	uint64_t ram_bytes;       /* decides the largest order of `slab` */
	uint32_t debug;           /* SLAB_DEBUG_FLAGS forced on each cache */
	enum slub_fast slub_fast; /* a wish: rseq may not be there */
	bool nomerge;
	bool hardened; /* free pointers encoded; what is newest on its list
			  already is reported and not freed again */
	bool random;   /* freelists of new slabs in random order */
	uint64_t seed; /* of hardening and random freelists */
};

/* "hwcache_align|red_zone" or "none", as flags= takes it. parse: 0 or -EINVAL.
 * format: returns buf, at most len bytes, terminated. */
int slab_flags_parse(const char *text, uint32_t *out) MUST_CHECK;
const char *slab_flags_format(uint32_t flags, char *buf, size_t len);

/* Events of a cache, by the names of /sys/kernel/slab and, behind them, of
 * sheaves and of `slab` (objects that came from and went to shared arrays,
 * objects taken from a named node's slabs, alien arrays that ran over, slabs
 * that a reaper gave back); remote_free counts objects freed by another CPU
 * than that which took their slab, remote_node_free those of another node.
 * handed_out (SLUB): frees that were put off and then came to nothing, since
 * the next slow allocation handed the object out again; one is an
 * alloc_slowpath, a free_slowpath, a cpu_partial_free, a deactivate_bypass, a
 * cpu_partial_alloc and an alloc_refill, and is counted in those as well.
 * free_past_sheaf: frees of a cache with sheaves that no sheaf took. */
enum slab_counter {
	ALLOC_FASTPATH,
	ALLOC_SLOWPATH,
	FREE_FASTPATH,
	FREE_SLOWPATH,
	FREE_FROZEN,
	FREE_ADD_PARTIAL,
	FREE_REMOVE_PARTIAL,
	ALLOC_FROM_PARTIAL,
	ALLOC_SLAB,
	ALLOC_REFILL,
	ALLOC_NODE_MISMATCH,
	FREE_SLAB,
	CPUSLAB_FLUSH,
	DEACTIVATE_FULL,
	DEACTIVATE_EMPTY,
	DEACTIVATE_TO_HEAD,
	DEACTIVATE_TO_TAIL,
	DEACTIVATE_REMOTE_FREES,
	DEACTIVATE_BYPASS,
	ORDER_FALLBACK,
	CMPXCHG_DOUBLE_CPU_FAIL,
	CMPXCHG_DOUBLE_FAIL,
	CPU_PARTIAL_ALLOC,
	CPU_PARTIAL_FREE,
	CPU_PARTIAL_NODE,
	CPU_PARTIAL_DRAIN,
	NR_SLUB_COUNTERS,
	ALLOC_CPU_SHEAF = NR_SLUB_COUNTERS,
	FREE_CPU_SHEAF,
	FREE_RCU_SHEAF,
	FREE_RCU_SHEAF_FAIL,
	SHEAF_FLUSH,
	SHEAF_REFILL,
	SHEAF_ALLOC,
	SHEAF_FREE,
	BARN_GET,
	BARN_GET_FAIL,
	BARN_PUT,
	BARN_PUT_FAIL,
	SHEAF_PREFILL_FAST,
	SHEAF_PREFILL_SLOW,
	SHEAF_PREFILL_OVERSIZE,
	SHEAF_RETURN_FAST,
	SHEAF_RETURN_SLOW,
	SHARED_REFILL,
	SHARED_FLUSH,
	NODE_ALLOC,
	ALIEN_OVERFLOW,
	SLAB_REAPED,
	REMOTE_FREE,
	REMOTE_NODE_FREE,
	HANDED_OUT,
	FREE_PAST_SHEAF,
	NR_SLAB_COUNTERS
};

/* "alloc_fastpath"; c < NR_SLAB_COUNTERS. */
const char *slab_counter_name(enum slab_counter c);

/* Counts of one thread and cache: one writer, summed when it has stopped or,
 * as a statistic, while it runs. */
struct slab_counters {
	uint64_t v[NR_SLAB_COUNTERS];
} CACHELINE;

struct slab_ops;
struct slab_ctx;
struct slab_pressure;
struct slab_allocator;

/*
 * A cache. Engines put it first in a struct of their own (ops->cache_bytes).
 * Geometry: a slab is 2^order pages holding `objects` objects, `size` bytes
 * apart; each object is object_size bytes, then padding up to `inuse`, then
 * metadata.
 */
struct kmem_cache {
	/* read on each call */
	struct slab_allocator *slab;
	uint32_t size;        /* distance of two objects in bytes */
	uint32_t object_size; /* what the user has; after merges the largest */
	uint32_t offset;      /* of the free pointer in a free object */
	uint32_t recip_mul;   /* division by size, see slab_index() */
	uint32_t counters_at; /* bytes from ctx->counters */
	uint8_t recip_shift1, recip_shift2;
	uint16_t id; /* in slab->cache[] */
	uint32_t flags;
	/* read when slabs come and go */
	gfp_t gfp; /* added to each page request */
	unsigned order, objects;
	unsigned min_order, min_objects; /* when `order` is not to be had */
	unsigned inuse, align, red_left_pad;
	void (*ctor)(void *object);
	/* the rest */
	uint32_t size_asked, align_asked, usersize;
	uint32_t sheaf_asked; /* capacity that the creator wants at least */
	int refcount;         /* creators; slab->mutex */
	char name[SLAB_NAME_MAX];
	struct kmem_cache *next; /* newest first; slab->mutex */
	_Atomic uint64_t base_count[NR_SLAB_COUNTERS]; /* of threads that have
		left and of RCU's, less what the id's former cache counted */
	struct slab_counters *cpu_count; /* [nr_cpus] of base_count, what the
		threads of each modelled CPU counted; NULL: nothing; mutex */
	_Atomic uint64_t nr_errors;      /* findings of the debug checks */
	struct slab_pressure *pressure;  /* reclaimable caches, or NULL */
	_Atomic uint32_t rcu_done; /* rcu.h: slabs whose grace period is over,
		linked through page->next; PFN_LIST_END: none */
};

/* What kmem_cache_create() is asked for. */
struct kmem_cache_args {
	const char *name;
	uint32_t size, align, flags;
	uint32_t usersize;
	uint32_t sheaf_capacity; /* `sheaves`: objects of a sheaf at least */
	void (*ctor)(void *object);
};

enum kmalloc_type {
	KMALLOC_NORMAL,
	KMALLOC_RECLAIM,
	KMALLOC_DMA,
	NR_KMALLOC_TYPES
};
#define NR_KMALLOC_SIZES 14 /* index of 8192, plus 1 */

struct slab_allocator {
	const struct slab_ops *ops;
	struct machine *machine;
	/* the machine's map and memory.base, for the way from an object to its
	   page */
	struct page *map;
	char *memory;
	struct slab_config config;
	bool rseq; /* per-CPU parts are indexed by the OS's CPU number */
	unsigned nr_slots;                         /* of per-CPU parts */
	struct kmem_cache *cache[SLAB_MAX_CACHES]; /* by id */
	/* by type and kmalloc_index(); classes that the engine does not have
	   are the next larger one */
	struct kmem_cache *kmalloc[NR_KMALLOC_TYPES][NR_KMALLOC_SIZES];
	pthread_mutex_t mutex;
	struct kmem_cache *newest; /* mutex */
	struct slab_ctx *contexts; /* mutex */
	/* for threads without one that reclaim: pages is NULL while none does.
	   NULL: none ever did. mutex */
	struct slab_ctx *reclaimer;
	/* one line about a broken object or a leak; NULL: stderr. Any thread,
	 * locks may be held. */
	void (*report)(void *arg, const char *line);
	void *report_arg;
	_Atomic uint64_t nr_reports;
	uint64_t gone[NR_SLAB_COUNTERS]; /* of destroyed caches; mutex */
	_Atomic bool zeroing_reported;   /* see slab_report_zeroing() */
	void *priv;                      /* the engine's */
};

/* One per thread that calls the allocator. Written by its thread only. */
struct slab_ctx {
	struct slab_allocator *slab;
	const struct slab_ops *ops;
	struct page_ctx *pages;         /* of the page engine below */
	struct slab_counters *counters; /* [SLAB_MAX_CACHES] */
	uint64_t rng;
	uint16_t cpu, node;    /* modelled ones, as pages->cpu and ->node */
	void *priv;            /* the engine's */
	struct slab_ctx *next; /* slab->mutex */
	/* who called the function of the API that is under way, for the tracks
	   of debug caches; NULL: none is, but a hook in a loop */
	const void *caller;
} CACHELINE;

/* Around a call on objects that is made for `caller`. Returns what
 * slab_caller_end() takes: calls nest, when an allocation reclaims. */
ALWAYS_INLINE const void *slab_caller_begin(struct slab_ctx *ctx,
					    const void *caller)
{
	const void *outer = ctx->caller;

	ctx->caller = caller;
	return outer;
}

/* The same where a hook may have been compiled into a loop: `caller` stands for
 * a caller that nobody named. */
ALWAYS_INLINE const void *slab_caller_known(struct slab_ctx *ctx,
					    const void *caller)
{
	return slab_caller_begin(ctx, ctx->caller ? ctx->caller : caller);
}

ALWAYS_INLINE void slab_caller_end(struct slab_ctx *ctx, const void *outer)
{
	ctx->caller = outer;
}

ALWAYS_INLINE void slab_count(struct slab_ctx *ctx, const struct kmem_cache *s,
			      enum slab_counter c)
{
	struct slab_counters *counters =
		(struct slab_counters *)((char *)ctx->counters +
					 s->counters_at);

	counters->v[c]++;
}

/* ---- pages and their caches --------------------------------------------- */

/*
 * struct page.link of a page that belongs to the slab layer:
 *   bits 0-1   type: 1 first page of a slab, 2 page behind it, 3 first page of
 *              a large kmalloc block
 *   first page: 2-5 order | 6-11 node | 12-23 cache id | 24-31 the engine's
 *   page behind it: 2-17 distance to the first
 * links, payload and owner of a slab's first page are the slab engine's, but
 * owner in checked builds. Written while the block has one owner; readers
 * hold an object of it, hence relaxed.
 */
enum slab_page_type {
	SLAB_PAGE_NONE,
	SLAB_PAGE_HEAD,
	SLAB_PAGE_TAIL,
	SLAB_PAGE_LARGE
};

ALWAYS_INLINE uint32_t slab_tag(const struct page *page)
{
	/* relaxed: see above */
	return atomic_load_explicit(&((struct page *)page)->link,
				    memory_order_relaxed);
}

ALWAYS_INLINE enum slab_page_type slab_tag_type(uint32_t tag)
{
	return (enum slab_page_type)(tag & 3);
}

ALWAYS_INLINE unsigned slab_tag_order(uint32_t tag)
{
	return tag >> 2 & 0xf;
}

ALWAYS_INLINE unsigned slab_tag_node(uint32_t tag)
{
	return tag >> 6 & 0x3f;
}

ALWAYS_INLINE unsigned slab_tag_cache(uint32_t tag)
{
	return tag >> 12 & 0xfff;
}

ALWAYS_INLINE pfn_t slab_virt_to_pfn(const struct slab_allocator *slab,
				     const void *object)
{
	const size_t at = (size_t)((const char *)object - slab->memory);

	return (pfn_t){ (uint32_t)(at >> PAGE_SHIFT) };
}

/* First page of the block that holds the object, slab or large. */
ALWAYS_INLINE struct page *slab_virt_to_page(const struct slab_allocator *slab,
					     const void *object)
{
	struct page *page = &slab->map[slab_virt_to_pfn(slab, object).v];
	const uint32_t tag = slab_tag(page);
	/* no branch: which page of its slab an object lies on is no pattern */
	const uint32_t behind =
		-(uint32_t)(slab_tag_type(tag) == SLAB_PAGE_TAIL);

	return page - (tag >> 2 & 0xffff & behind);
}

/*
 * Node of a frame with an address, from what is known of its neighbourhood:
 * the page is not looked at. Any thread.
 */
ALWAYS_INLINE unsigned slab_object_node(const struct slab_allocator *slab,
					const void *object)
{
	const struct machine *m = slab->machine;
	const pfn_t pfn = slab_virt_to_pfn(slab, object);
	/* relaxed: the zone never changes */
	const uint64_t home = atomic_load_explicit(
		&m->home[pfn.v >> HOME_ORDER], memory_order_relaxed);

	if (unlikely(home & HOME_MIXED))
		return machine_zone_of(m, pfn.v)->nid;
	return m->zone[(home & (HOME_SPECIAL - 1)) >> HOME_MT_BITS].nid;
}

ALWAYS_INLINE uint32_t slab_page_pfn(const struct slab_allocator *slab,
				     const struct page *page)
{
	return (uint32_t)(page - slab->map);
}

/* First byte of the block. */
ALWAYS_INLINE char *slab_page_address(const struct slab_allocator *slab,
				      const struct page *page)
{
	return slab->memory +
	       ((uint64_t)slab_page_pfn(slab, page) << PAGE_SHIFT);
}

/* bytes / s->size by multiplication; exact for 32 bits. */
ALWAYS_INLINE uint32_t slab_index(const struct kmem_cache *s, uint32_t bytes)
{
	const uint32_t t = (uint32_t)((uint64_t)bytes * s->recip_mul >> 32);

	return (t + ((bytes - t) >> s->recip_shift1)) >> s->recip_shift2;
}

#endif
