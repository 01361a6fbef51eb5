/*
 * SLUB of Linux 6.1: the core that engines are made of. Its fast paths are
 * inline here; slub.c has everything else and the whole story.
 */
#ifndef ALLOC_SLAB_SLUB_H
#define ALLOC_SLAB_SLUB_H

#include "alloc/base/rseq_list.h"
#include "alloc/slab/kmem_cache.h"
#include "alloc/slab/notes.h"

/*
 * One CPU's part of a cache. head.first: free objects of the CPU's slab;
 * head.tag: the transaction id, which names the CPU and counts its operations
 * (only compare-and-swap looks at it); head.base and bytes: where the slab's
 * objects lie. head.late and last: a free that was put off, and the slab that
 * the CPU would have, see slub.c.
 */
struct slub_cpu {
	struct list_head head;
	uint32_t slab;    /* pfn of the CPU's slab, PFN_LIST_END: none; lock */
	uint32_t partial; /* first of the CPU's partial slabs, linked through
			     page->next; page->prev: slabs from here; lock */
	_Atomic uint32_t chained; /* how many those are; lock to write */
	uint16_t cpu;
	uint16_t idle_note; /* of slabs that were the CPU's last */
	struct spinlock lock;
} __attribute__((aligned(2 * CACHELINE_SIZE)));

struct slub_node {
	struct spinlock lock;
	_Atomic unsigned long nr_partial; /* lock to write */
	struct pfn_list partial;          /* lock */
	struct pfn_list full; /* lock; debug caches with STORE_USER */
	/* relaxed: statistics */
	_Atomic unsigned long nr_slabs, total_objects;
} CACHELINE;

/* How the fast path is done. */
enum slub_mode { SLUB_RSEQ, SLUB_RSEQ_HARDENED, SLUB_CMPXCHG };

struct slub_cache {
	struct kmem_cache base;
	struct list_slots slots CACHELINE; /* [nr_slots] */
	uint64_t near; /* what is less than a slab away from an object: bytes */
	uint64_t half_near;
	struct list_notes notes; /* for the section */
	enum slub_mode mode;
	bool hardened;
	bool counts_bulk;   /* each object of a bulk call, as 6.8 and later */
	bool counts_remote; /* or what stands in front of it does */
	bool puts_off;      /* frees to slabs of no CPU, see slub.c */
	uint64_t random;    /* of hardened free pointers, 0: plain */
	_Atomic uint16_t *note; /* of frames; NULL: the cache has none */
	struct slub_cpu *cpu;   /* [nr_slots]; NULL: never opened */
	struct slub_node *node; /* [nr_nodes] */
	unsigned nr_slots, nr_nodes;
	unsigned min_partial;                    /* slabs of a node */
	unsigned cpu_partial, cpu_partial_slabs; /* objects, slabs of a CPU */
	unsigned defrag_ratio; /* 0 .. 1000: how often other nodes' partial
				  slabs are looked at */
	uint32_t *order;       /* [objects] random order of new freelists */
	uint32_t tid_step;
};

ALWAYS_INLINE struct slub_cache *to_slub(struct kmem_cache *s)
{
	return (struct slub_cache *)s;
}

ALWAYS_INLINE const struct slub_cache *to_slub_const(const struct kmem_cache *s)
{
	return (const struct slub_cache *)s;
}

/* ---- free pointers --------------------------------------------------------
 */

ALWAYS_INLINE void *slub_link_code(const struct slub_cache *s, void *link,
				   const void *where)
{
	if (!s->hardened)
		return link;
	return (void *)((uintptr_t)link ^ s->random ^
			__builtin_bswap64((uintptr_t)where));
}

ALWAYS_INLINE void *slub_link(const struct slub_cache *s, const void *object)
{
	void **at = (void **)((char *)object + s->base.offset);

	/* relaxed: a word on its own, see above */
	return slub_link_code(s, __atomic_load_n(at, __ATOMIC_RELAXED), at);
}

ALWAYS_INLINE void slub_set_link(const struct slub_cache *s, void *object,
				 void *link)
{
	void **at = (void **)((char *)object + s->base.offset);

	/* relaxed: the object is ours until it is published */
	__atomic_store_n(at, slub_link_code(s, link, at), __ATOMIC_RELAXED);
}

/* ---- the pair (freelist, transaction id) ------------------------------------
 */

/* Swaps both words if both are as expected. A full barrier. */
ALWAYS_INLINE bool slub_pair_swap(struct list_head *h, void *first,
				  uint64_t tag, void *new_first,
				  uint64_t new_tag)
{
#if defined(__x86_64__)
	bool done;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(done), "+m"(*(unsigned __int128 *)h),
			   "+a"(first), "+d"(tag)
			 : "b"(new_first), "c"(new_tag)
			 : "memory");
	return done;
#else
	unsigned __int128 want = (uintptr_t)first | (unsigned __int128)tag
							    << 64;
	unsigned __int128 next =
		(uintptr_t)new_first | (unsigned __int128)new_tag << 64;

	return __atomic_compare_exchange_n((unsigned __int128 *)h, &want, next,
					   false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
#endif
}

/*
 * ThreadSanitizer does not see into sections and inline assembly. It is told
 * that a push happens before every later pop of the same cache.
 */
#if defined(__SANITIZE_THREAD__)
#define SLUB_UNSEEN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUB_UNSEEN 1
#endif
#endif
#ifdef SLUB_UNSEEN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define SLUB_ACQUIRE(s) __tsan_acquire((void *)&(s)->slots)
#define SLUB_RELEASE(s) __tsan_release((void *)&(s)->slots)
#else
#define SLUB_ACQUIRE(s) ((void)(s))
#define SLUB_RELEASE(s) ((void)(s))
#endif

/*
 * The link of an object that another thread may have been given meanwhile: what
 * is read is then not used (the compare-and-swap that follows fails). Where
 * races are looked for it is read unseen: the other thread's writes are its
 * user's, who knows nothing of us.
 */
ALWAYS_INLINE void *slub_link_guess(const struct slub_cache *s,
				    const void *object)
{
#if defined(SLUB_UNSEEN) && defined(__x86_64__)
	void **at = (void **)((char *)object + s->base.offset);
	void *link;

	__asm__ volatile("movq %1, %0" : "=r"(link) : "m"(*at));
	return slub_link_code(s, link, at);
#else
	return slub_link(s, object);
#endif
}

/* ---- slow paths, in slub.c
 * ---------------------------------------------------- */

NOINLINE void *slub_alloc_slow(struct slab_ctx *ctx, struct slub_cache *s,
			       gfp_t gfp);
/* before: what list_push_or_put_off() returned; LIST_REFUSED where the object
 * is not of the CPU's slab and is not to be put off. */
NOINLINE void slub_free_slow(struct slab_ctx *ctx, struct slub_cache *s,
			     void *object, void *before);
/* Hardened: a free pointer would lead to its own object. */
NOINLINE void slub_report_twice(struct slub_cache *s, const void *object);

/* ---- fast paths
 * ------------------------------------------------------------------ */

ALWAYS_INLINE void *slub_pop_cmpxchg(struct slab_ctx *ctx, struct slub_cache *s)
{
	struct list_head *h = &s->cpu[ctx->cpu].head;

	for (;;) {
		/* ACQ(slub-tid): the list that this id stands for; pairs with
		 * REL(slub-tid) */
		uint64_t tag = __atomic_load_n(&h->tag, __ATOMIC_ACQUIRE);
		/* relaxed: a list of another id makes the swap fail */
		void *first = __atomic_load_n(&h->first, __ATOMIC_RELAXED);

		if (unlikely(!first))
			return NULL;
		/* REL(slub-tid), in the swap */
		if (likely(slub_pair_swap(h, first, tag,
					  slub_link_guess(s, first),
					  tag + s->tid_step)))
			return first;
		slab_count(ctx, &s->base, CMPXCHG_DOUBLE_CPU_FAIL);
	}
}

ALWAYS_INLINE enum list_pushed slub_push_cmpxchg(struct slab_ctx *ctx,
						 struct slub_cache *s,
						 void *object)
{
	struct list_head *h = &s->cpu[ctx->cpu].head;

	for (;;) {
		/* ACQ(slub-tid): the slab that this id stands for; pairs with
		 * REL(slub-tid) */
		uint64_t tag = __atomic_load_n(&h->tag, __ATOMIC_ACQUIRE);
		/* relaxed, all: values of another id make the swap fail */
		char *base = __atomic_load_n(&h->base, __ATOMIC_RELAXED);
		uint64_t bytes = __atomic_load_n(&h->bytes, __ATOMIC_RELAXED);
		void *first = __atomic_load_n(&h->first, __ATOMIC_RELAXED);

		if ((uint64_t)((char *)object - base) >= bytes)
			return LIST_OUTSIDE;
		/* an owner sees no list from before it took the object */
		if (unlikely(s->hardened) && first == object)
			return LIST_TWICE;
		slub_set_link(s, object, first);
		SLUB_RELEASE(s);
		/* REL(slub-tid), in the swap */
		if (likely(slub_pair_swap(h, first, tag, object,
					  tag + s->tid_step)))
			return LIST_PUSHED;
		slab_count(ctx, &s->base, CMPXCHG_DOUBLE_CPU_FAIL);
	}
}

/* An object of this CPU's slab, NULL: none at hand. */
ALWAYS_INLINE void *slub_pop(struct slab_ctx *ctx, struct slub_cache *s)
{
	void *object;

#if RSEQ_X86_64
	/* ACQ(slub-slot): the section's loads of the head depend on its load of
	 * the slot; pairs with REL(slub-slot) */
	if (likely(s->mode == SLUB_RSEQ)) {
		object = list_pop(&s->slots, s->base.offset);
		SLUB_ACQUIRE(s);
		return object;
	}
	if (s->mode == SLUB_RSEQ_HARDENED) {
		object = list_pop_encoded(&s->slots, s->base.offset, s->random);
		SLUB_ACQUIRE(s);
		return object;
	}
#endif
	object = slub_pop_cmpxchg(ctx, s);
	SLUB_ACQUIRE(s);
	return object;
}

/* Takes the object back if it is one of this CPU's slab. LIST_TWICE: hardened,
 * and it is the newest on the list already. */
ALWAYS_INLINE enum list_pushed slub_push(struct slab_ctx *ctx,
					 struct slub_cache *s, void *object)
{
	SLUB_RELEASE(s);
#if RSEQ_X86_64
	if (likely(s->mode == SLUB_RSEQ))
		return list_push(&s->slots, s->base.offset, object)
			       ? LIST_PUSHED
			       : LIST_OUTSIDE;
	if (s->mode == SLUB_RSEQ_HARDENED)
		return list_push_encoded(&s->slots, s->base.offset, s->random,
					 object);
#endif
	return slub_push_cmpxchg(ctx, s, object);
}

ALWAYS_INLINE void *slub_alloc(struct slab_ctx *ctx, struct kmem_cache *base,
			       gfp_t gfp)
{
	struct slub_cache *s = to_slub(base);
	void *object;

#if RSEQ_X86_64
	if (likely(s->mode == SLUB_RSEQ)) {
		bool handed;

		object = list_pop_or_hand_out(&s->slots, s->base.offset,
					      &s->notes, &handed);
		SLUB_ACQUIRE(s);
		if (unlikely(!object))
			return slub_alloc_slow(ctx, s, gfp);
		slab_count(ctx, base, handed ? HANDED_OUT : ALLOC_FASTPATH);
		return object;
	}
#endif
	object = slub_pop(ctx, s);
	if (unlikely(!object))
		return slub_alloc_slow(ctx, s, gfp);
	slab_count(ctx, base, ALLOC_FASTPATH);
	return object;
}

ALWAYS_INLINE void slub_free(struct slab_ctx *ctx, struct kmem_cache *base,
			     void *object)
{
	struct slub_cache *s = to_slub(base);
	enum list_pushed pushed;

#if RSEQ_X86_64
	if (likely(s->mode == SLUB_RSEQ)) {
		void *before;

		SLUB_RELEASE(s);
		before = list_push_or_put_off(&s->slots, s->base.offset,
					      s->near, object);
		if (likely(before == object))
			slab_count(ctx, base, FREE_FASTPATH);
		else if (before)
			slub_free_slow(ctx, s, object, before);
		return;
	}
#endif
	pushed = slub_push(ctx, s, object);
	if (likely(pushed == LIST_PUSHED))
		slab_count(ctx, base, FREE_FASTPATH);
	else if (likely(pushed == LIST_OUTSIDE))
		slub_free_slow(ctx, s, object, LIST_REFUSED);
	else
		slub_report_twice(s, object);
}

/* The other hooks of slab_ops; described there. */
void *slub_alloc_node(struct slab_ctx *ctx, struct kmem_cache *s, gfp_t gfp,
		      unsigned nid);
unsigned slub_alloc_bulk(struct slab_ctx *ctx, struct kmem_cache *s, gfp_t gfp,
			 unsigned n, void **out);
void slub_free_bulk(struct slab_ctx *ctx, struct kmem_cache *s, unsigned n,
		    void **object);
int slub_cache_geometry(const struct slab_config *cfg, struct kmem_cache *s);
int slub_open(struct slab_allocator *slab);
void slub_close(struct slab_allocator *slab);
int slub_cache_open(struct slab_ctx *ctx, struct kmem_cache *s);
void slub_cache_close(struct kmem_cache *s);
int slub_shrink(struct slab_ctx *ctx, struct kmem_cache *s);
/* Its two halves, for what stands in front of SLUB: the CPUs' slabs go to their
 * nodes; empty slabs of the nodes go back (1 if slabs are left, else 0). */
void slub_flush(struct slab_ctx *ctx, struct kmem_cache *s);
void slub_settle(struct slab_ctx *ctx, struct kmem_cache *s);
int slub_shrink_nodes(struct slab_ctx *ctx, struct kmem_cache *s);
/* Gives back slabs that readers have left, of all caches. */
void slub_tick(struct slab_ctx *ctx, unsigned seconds);
unsigned long slub_shutdown(struct slab_ctx *ctx, struct kmem_cache *s);
int slub_thread_enter(struct slab_ctx *ctx);
size_t slub_usable(const struct kmem_cache *s);

/* In slub_info.c: what can be seen of a cache. */
void slub_info(const struct kmem_cache *s, struct slabinfo_row *out);
void slub_attributes(const struct kmem_cache *s, FILE *out);
const char *slub_verify(const struct kmem_cache *s);
/* Of a debug cache's slab, its node locked: the object whose free pointer is
 * none, or that its list comes back to; NULL: the list is sound. */
const void *slub_broken_link(const struct slub_cache *s,
			     const struct page *page);
bool slub_is_free(const struct kmem_cache *s, const struct page *slab,
		  const void *object);
void slub_log_geometry(const struct kmem_cache *s, FILE *out);
void slub_log_state(const struct kmem_cache *s, FILE *out,
		    slab_number_fn *number, void *arg);

/* ---- the state of a slab
 * ------------------------------------------------------------ */

/*
 * page->payload of a slab's first page, one 64-bit word that is exchanged as a
 * whole: bits 0-15 the first free object's index + 1 (0: none), 16-31 objects
 * in use, 32-46 objects, 47 frozen, 48-63 the CPU that took it last. In Linux:
 * the pair (freelist, counters). Objects on a CPU's own freelist are in use.
 */
struct slub_state {
	uint16_t first, inuse, objects, cpu;
	bool frozen;
};

ALWAYS_INLINE uint64_t slub_state_pack(struct slub_state t)
{
	return t.first | (uint64_t)t.inuse << 16 | (uint64_t)t.objects << 32 |
	       (uint64_t)t.frozen << 47 | (uint64_t)t.cpu << 48;
}

ALWAYS_INLINE struct slub_state slub_state_of(uint64_t word)
{
	return (struct slub_state){ .first = (uint16_t)word,
				    .inuse = (uint16_t)(word >> 16),
				    .objects = word >> 32 & 0x7fff,
				    .cpu = (uint16_t)(word >> 48),
				    .frozen = word >> 47 & 1 };
}

ALWAYS_INLINE uint64_t slub_word(const struct page *page)
{
	/* ACQ(slub-state): the links of the list that it names; pairs with
	 * REL(slub-state) */
	return atomic_load_explicit(&((struct page *)page)->payload,
				    memory_order_acquire);
}

/* Full, and no CPU's? */
ALWAYS_INLINE bool slub_state_idle(struct slub_state t)
{
	return !t.first && !t.frozen;
}

ALWAYS_INLINE uint16_t slub_note_of(struct slub_state t)
{
	return note_make(t.cpu, slub_state_idle(t));
}

NOINLINE uint16_t slub_note_make(const struct slub_cache *s,
				 const void *object);

/* What is noted of the slab of an object in use, or 0. The cache has notes. */
ALWAYS_INLINE uint16_t slub_note_seen(const struct slub_cache *s,
				      const void *object)
{
	/* relaxed: see notes.h */
	return atomic_load_explicit(
		&s->note[slab_virt_to_pfn(s->base.slab, object).v],
		memory_order_relaxed);
}

/* The same, written down if it is not; never 0. */
ALWAYS_INLINE uint16_t slub_note(const struct slub_cache *s, const void *object)
{
	const uint16_t note = slub_note_seen(s, object);

	return likely(note) ? note : slub_note_make(s, object);
}

ALWAYS_INLINE char *slub_object(const struct slub_cache *s, char *base,
				unsigned index)
{
	return base + (size_t)index * s->base.size + s->base.red_left_pad;
}

ALWAYS_INLINE unsigned slub_index(const struct slub_cache *s, const char *base,
				  const void *object)
{
	return slab_index(&s->base, (uint32_t)((const char *)object - base));
}

/* Could it be a free pointer of that slab: one of its objects, or NULL? */
ALWAYS_INLINE bool slub_link_ok(const struct slub_cache *s,
				const struct page *page, const void *link)
{
	const char *base = slab_page_address(s->base.slab, page);
	const struct slub_state t = slub_state_of(slub_word(page));
	const uint64_t at = (uint64_t)((const char *)link - base);

	return !link || (at < (uint64_t)t.objects * s->base.size &&
			 at % s->base.size == s->base.red_left_pad);
}

/* Object of a state's `first`, NULL for 0. */
ALWAYS_INLINE void *slub_first(const struct slub_cache *s, char *base,
			       unsigned first)
{
	return first ? slub_object(s, base, first - 1u) : NULL;
}

#endif
