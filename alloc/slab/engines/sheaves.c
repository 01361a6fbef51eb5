/*
 * sheaves: SLUB with sheaves in front (Linux 6.18).
 *
 * What it models. A sheaf is an array of objects, last in, first out. Each CPU
 * has one to work with (main), perhaps one more (spare), and one that gathers
 * what is freed behind readers (rcu_free). Each node has a barn of full and of
 * empty sheaves, through which CPUs exchange them whole. SLUB stands below,
 * with all that it has (alloc/slab/slub.h): a sheaf is filled and flushed by
 * its bulk calls, and whoever finds no sheaf goes there.
 *
 * Which caches have sheaves: all but those of kmalloc, which sheaves come from,
 * debug caches and SLAB_NOLEAKTRACE ones. How many objects: capacity_for().
 *
 * Data. struct sheaf_cpu per CPU, struct barn per node. An object is with the
 * user, in one sheaf, or on one free list of SLUB, and
 *
 *   size <= capacity                     of each sheaf of a CPU or a barn
 *   size > 0 on a barn's full list, size == 0 on its empty one
 *
 * The fast path has two forms, chosen with SLUB's (slub_fast). Restartable
 * sequences: the CPUs' parts are those of real CPUs; a push or pop is one plain
 * store into the sheaf that the CPU's slot points to, which is main
 * (alloc/base/rseq_array.h). Local lock: they are those of modelled CPUs;
 * cpu->lock is tried, as the kernel's local_trylock. Whoever does not get it
 * goes to SLUB and waits for nobody.
 *
 * A CPU's part is held (cpu_try, cpu_hold) by whoever has its lock and, with
 * sequences, has pointed the slot at held_array, in which no section finds
 * anything to do. The slot is set in a section on that very CPU, so that no
 * other section of it is under way; for another CPU membarrier sees to that.
 * The thread may then be moved or interrupted as it likes: it holds a lock, not
 * a CPU. A section that a signal or another thread broke into has not
 * committed, and starts again from the slot.
 *
 * Lock order (outermost first):
 *   1. slab->mutex      create, shrink, destroy
 *   2. RANK_SLAB_CPU    cpu->lock
 *   3. RANK_SLAB_NODE   barn->lock
 * Never under the spin locks: SLUB, kmalloc, pages, call_rcu.
 *
 * Ordering. Sheaves and barns are under a lock, or in a slot: REL(sheaf-slot),
 * a sheaf before its address; ACQ(sheaf-slot), the sections' dependent loads.
 * REL(sheaf-rcu), a sheaf or an object before RCU's thread is told of it;
 * ACQ(sheaf-rcu) there. REL(sheaf-done), before it is on the list of those
 * whose grace period is over; ACQ(sheaf-done), whoever takes the list.
 * REL(sheaf-end), the last that RCU's thread does to a cache; ACQ(sheaf-end),
 * whoever destroys it.
 *
 * RCU. Reader: whoever looks at an object under slab_rcu_read_lock(); updater:
 * sheaves_free_rcu(); reclaimer: grace_period_over() puts the sheaf into the
 * barn of its node, whence its objects are allocated; what has no room there is
 * flushed by the next thread that needs a sheaf (reap).
 *
 * Progress. Sections as rseq.h says. Alloc and free do not wait for another
 * thread's cpu->lock but to install a sheaf that they filled; barns' locks are
 * fair and held for a few instructions.
 *
 * Departures from Linux. Sheaves for more caches, and by 7.0's capacities; only
 * where the creator asked for sheaves is a cache not merged with its like. The
 * SLUB below is 6.1's (slub.c): a CPU's partial slabs are frozen, alloc_refill
 * counts each that becomes the CPU's slab, and a node gives one more than is
 * asked for even where cpu_partial is 0. Its geometry and kmalloc's alignment
 * are those of 6.12 and later, whatever the machine's kernel.
 * call_rcu is called behind the lock, not under it. What has no sheaf to wait
 * in behind readers waits in a record of its own, not in kfree_rcu's pages.
 * Destroy empties SLUB's CPUs once more
 * behind the barns, where 6.18 leaves the slabs and says that objects remain.
 * An object's node is that of its frame, where 6.18 reads its struct page;
 * remote frees are counted, which 6.18 has no counter for. Memory cgroups,
 * KASAN and hotplug do not exist.
 *
 * Loop stores: array_pop array_push slab_count
 */
#include <errno.h>
#include <stdlib.h>
#include <urcu/urcu-bp.h>

#include "alloc/base/rseq_array.h"
#include "alloc/slab/kmalloc.h"
#include "alloc/slab/rcu.h"
#include "alloc/slab/slabinfo.h"
#include "alloc/slab/slub.h"

#define FLUSH_BATCH 32u

/* Sheaves of a barn; some paths go beyond on purpose. */
#define BARN_MAX_FULL  10u
#define BARN_MAX_EMPTY 10u

struct sheaf_cache;

/* Instead of a node: the sheaf is flushed and freed, whatever barns have. */
#define NO_BARN UINT32_MAX

/* A struct object_array with its header filled in. */
struct sheaf {
	union {
		struct rcu_head rcu;
		struct sheaf *next; /* in a barn, on rcu_done */
		uint32_t capacity;  /* while lent out */
	};
	struct sheaf_cache *cache;
	uint32_t size;         /* objects held */
	_Atomic uint32_t node; /* of its objects, or NO_BARN, while it waits for
				  readers */
	void *object[];
};

_Static_assert(offsetof(struct sheaf, size) ==
		       offsetof(struct object_array, size),
	       "in the sections");
_Static_assert(offsetof(struct sheaf, object) ==
		       offsetof(struct object_array, object),
	       "in the sections");

/* An object that waits for readers without a sheaf. */
struct rcu_object {
	struct rcu_head rcu;
	struct rcu_object *next;
	struct sheaf_cache *cache;
	_Atomic(void *) object;
};

struct sheaf_cpu {
	struct spinlock lock;
	uint16_t slot;
	struct sheaf *main;     /* never NULL; lock, and the slot's sections */
	struct sheaf *spare;    /* or NULL; lock */
	struct sheaf *rcu_free; /* or NULL; lock */
} __attribute__((aligned(2 * CACHELINE_SIZE)));

struct barn {
	struct spinlock lock;
	struct sheaf *full, *empty; /* lock; full: not empty */
	unsigned nr_full, nr_empty; /* lock */
} CACHELINE;

struct sheaf_cache {
	struct slub_cache slub;
	uint32_t capacity CACHELINE; /* of a sheaf, 0: the cache has none */
	bool rseq;
	bool quick; /* rseq, and there are sheaves: one byte for fast paths */
	struct array_slots slots; /* [nr_slots] */
	struct sheaf_cpu *cpu;    /* [nr_slots] */
	struct barn *barn;        /* [nr_nodes] */
	unsigned nr_slots, nr_nodes;
	/* their grace period is over, and someone must flush and free them */
	_Atomic(struct sheaf *) rcu_done;
	_Atomic(struct rcu_object *) rcu_objects_done;
	/* calls that RCU's thread was told to make, and has made */
	_Atomic uint64_t rcu_begun, rcu_ended;
};

/* Where the slots of a CPU point whose part is held. */
static struct object_array held_array = { .size = OBJECT_ARRAY_HELD };

ALWAYS_INLINE struct sheaf_cache *to_sheaves(struct kmem_cache *s)
{
	return (struct sheaf_cache *)s;
}

static void count(struct slab_ctx *ctx, const struct sheaf_cache *s,
		  enum slab_counter c, uint64_t n)
{
	ctx->counters[s->slub.base.id].v[c] += n;
}

/* The node with memory that the thread is on or next to, as
 * slub_thread_enter() found it. */
ALWAYS_INLINE unsigned local_node(const struct slab_ctx *ctx)
{
	return (unsigned)(uintptr_t)ctx->priv;
}

ALWAYS_INLINE bool is_local(const struct slab_ctx *ctx, const void *object)
{
	return slab_object_node(ctx->slab, object) == local_node(ctx);
}

/* ---- a CPU's part ---------------------------------------------------------
 */

#if RSEQ_X86_64
/* The lock of c is held; true: its sheaf is ours as well. */
static bool slot_take(struct sheaf_cache *s, const struct sheaf_cpu *c)
{
	if (!array_slot_set(&s->slots, c->slot, &held_array))
		return false;
	SLUB_ACQUIRE(&s->slub);
	return true;
}
#endif

ALWAYS_INLINE unsigned current_slot(const struct slab_ctx *ctx,
				    const struct sheaf_cache *s)
{
#if RSEQ_X86_64
	if (likely(s->rseq))
		return rseq_current_cpu();
#endif
	return ctx->cpu;
}

static struct sheaf_cpu *current_part(const struct slab_ctx *ctx,
				      const struct sheaf_cache *s)
{
	return &s->cpu[current_slot(ctx, s)];
}

/*
 * Every object of a cache with sheaves that is freed passes here once. Is it
 * one of this node's, for a sheaf? Remote frees are counted at the same time,
 * since what is in a sheaf may never come back to its slab. The slab's page is
 * not read: which CPU took it last is noted (alloc/slab/notes.h).
 */
ALWAYS_INLINE bool look(struct slab_ctx *ctx, const struct sheaf_cache *s,
			const void *object)
{
	const unsigned slot = (slub_note(&s->slub, object) & NOTE_CPU) - 1;
	unsigned node;

	if (unlikely(slot != current_slot(ctx, s)))
		slab_count(ctx, &s->slub.base, REMOTE_FREE);
	if (likely(s->nr_nodes == 1))
		return true;
	node = slab_object_node(ctx->slab, object);
	if (unlikely(node != ctx->node))
		slab_count(ctx, &s->slub.base, REMOTE_NODE_FREE);
	return node == local_node(ctx);
}

/* The part of the thread's CPU, held; NULL: somebody else holds it. */
static struct sheaf_cpu *cpu_try(struct slab_ctx *ctx,
				 struct sheaf_cache *s) NO_LOCK_ANALYSIS
{
	for (;;) {
		struct sheaf_cpu *c = current_part(ctx, s);

		if (!spin_trylock(&c->lock))
			return NULL;
#if RSEQ_X86_64
		if (s->rseq && !slot_take(s, c)) {
			spin_unlock(&c->lock); /* on another CPU by now */
			continue;
		}
#endif
		return c;
	}
}

/* The same, but it waits. */
static struct sheaf_cpu *cpu_hold(struct slab_ctx *ctx,
				  struct sheaf_cache *s) NO_LOCK_ANALYSIS
{
	for (;;) {
		struct sheaf_cpu *c = current_part(ctx, s);

		spin_lock(&c->lock);
#if RSEQ_X86_64
		if (s->rseq && !slot_take(s, c)) {
			spin_unlock(&c->lock); /* on another CPU by now */
			continue;
		}
#endif
		return c;
	}
}

/* Holds any CPU's part. */
static struct sheaf_cpu *cpu_hold_remote(struct sheaf_cache *s,
					 unsigned slot) NO_LOCK_ANALYSIS
{
	struct sheaf_cpu *c = &s->cpu[slot];

	spin_lock(&c->lock);
	if (s->rseq) {
		/* relaxed: the fence that follows orders it */
		atomic_store_explicit(&s->slots.slot[slot].array, &held_array,
				      memory_order_relaxed);
		check(!rseq_fence_cpu(slot), "membarrier refuses");
		SLUB_ACQUIRE(&s->slub);
	}
	return c;
}

static void cpu_drop(struct sheaf_cache *s,
		     struct sheaf_cpu *c) NO_LOCK_ANALYSIS
{
	if (s->rseq) {
		SLUB_RELEASE(&s->slub);
		/* REL(sheaf-slot): the sheaf before its address; pairs with
		 * ACQ(sheaf-slot) */
		atomic_store_explicit(&s->slots.slot[c->slot].array,
				      (struct object_array *)c->main,
				      memory_order_release);
	}
	spin_unlock(&c->lock);
}

/* ---- sheaves ------------------------------------------------------------ */

static struct sheaf *sheaf_alloc(struct slab_ctx *ctx, struct sheaf_cache *s,
				 gfp_t gfp, uint32_t capacity)
{
	const gfp_t not_its = GFP_BIT_ZERO | GFP_BIT_DMA | GFP_BIT_RECLAIMABLE |
			      GFP_BIT_ACCOUNT | GFP_BIT_NOFAIL |
			      GFP_BIT_THISNODE;
	struct sheaf *sheaf =
		kmalloc(ctx, sizeof(*sheaf) + capacity * sizeof(void *),
			gfp & ~not_its);

	if (sheaf)
		*sheaf = (struct sheaf){ .cache = s };
	return sheaf;
}

/* Empty; NULL: no memory. No lock held. */
static struct sheaf *sheaf_new(struct slab_ctx *ctx, struct sheaf_cache *s,
			       gfp_t gfp)
{
	struct sheaf *sheaf = sheaf_alloc(ctx, s, gfp, s->capacity);

	if (sheaf)
		count(ctx, s, SHEAF_ALLOC, 1);
	return sheaf;
}

static void sheaf_drop(struct slab_ctx *ctx, struct sheaf_cache *s,
		       struct sheaf *sheaf)
{
	count(ctx, s, SHEAF_FREE, 1);
	kfree(ctx, sheaf);
}

/* Every object to its slab. No lock held. */
static void sheaf_flush(struct slab_ctx *ctx, struct sheaf_cache *s,
			struct sheaf *sheaf)
{
	if (!sheaf->size)
		return;
	count(ctx, s, SHEAF_FLUSH, sheaf->size);
	slub_free_bulk(ctx, &s->slub.base, sheaf->size, sheaf->object);
	sheaf->size = 0;
}

static void sheaf_flush_and_drop(struct slab_ctx *ctx, struct sheaf_cache *s,
				 struct sheaf *sheaf)
{
	sheaf_flush(ctx, s, sheaf);
	sheaf_drop(ctx, s, sheaf);
}

/* Up to `want` objects: all that are missing, or none. No lock held. */
static bool sheaf_top_up(struct slab_ctx *ctx, struct sheaf_cache *s,
			 struct sheaf *sheaf, gfp_t gfp, uint32_t want)
{
	const uint32_t n = want - sheaf->size;

	if (sheaf->size >= want)
		return true;
	if (!slub_alloc_bulk(ctx, &s->slub.base, gfp & ~GFP_BIT_ZERO, n,
			     &sheaf->object[sheaf->size]))
		return false;
	sheaf->size = want;
	return true;
}

static bool sheaf_fill(struct slab_ctx *ctx, struct sheaf_cache *s,
		       struct sheaf *sheaf, gfp_t gfp)
{
	const uint32_t had = sheaf->size;

	if (!sheaf_top_up(ctx, s, sheaf, gfp, s->capacity))
		return false;
	count(ctx, s, SHEAF_REFILL, sheaf->size - had);
	return true;
}

/* ---- barns: exchanged under their lock ------------------------------------
 */

static struct barn *barn_of(const struct slab_ctx *ctx,
			    const struct sheaf_cache *s)
{
	return &s->barn[local_node(ctx)];
}

static void list_add(struct sheaf **list, unsigned *nr, struct sheaf *sheaf)
{
	sheaf->next = *list;
	*list = sheaf;
	(*nr)++;
}

static struct sheaf *list_take(struct sheaf **list, unsigned *nr)
{
	struct sheaf *sheaf = *list;

	if (sheaf) {
		*list = sheaf->next;
		(*nr)--;
	}
	return sheaf;
}

/* A full sheaf for an empty one; NULL: the barn has none. */
static struct sheaf *barn_swap_empty(struct barn *b, struct sheaf *empty)
{
	struct sheaf *full;

	spin_lock(&b->lock);
	full = list_take(&b->full, &b->nr_full);
	if (full)
		list_add(&b->empty, &b->nr_empty, empty);
	spin_unlock(&b->lock);
	return full;
}

/* An empty sheaf for *sheaf, a full one. 0; -E2BIG: the barn is full; -ENOMEM:
 * it has no empty one. */
static int barn_swap_full(struct barn *b, struct sheaf **sheaf)
{
	int rc = 0;

	spin_lock(&b->lock);
	if (b->nr_full >= BARN_MAX_FULL) {
		rc = -E2BIG;
	} else if (!b->nr_empty) {
		rc = -ENOMEM;
	} else {
		struct sheaf *empty = list_take(&b->empty, &b->nr_empty);

		list_add(&b->full, &b->nr_full, *sheaf);
		*sheaf = empty;
	}
	spin_unlock(&b->lock);
	return rc;
}

static struct sheaf *barn_take_empty(struct barn *b)
{
	struct sheaf *sheaf;

	spin_lock(&b->lock);
	sheaf = list_take(&b->empty, &b->nr_empty);
	spin_unlock(&b->lock);
	return sheaf;
}

/* A full one if there is any, else an empty one. */
static struct sheaf *barn_take(struct barn *b)
{
	struct sheaf *sheaf;

	spin_lock(&b->lock);
	sheaf = list_take(&b->full, &b->nr_full);
	if (!sheaf)
		sheaf = list_take(&b->empty, &b->nr_empty);
	spin_unlock(&b->lock);
	return sheaf;
}

/* Without regard to the limit, as in Linux. */
static void barn_put(struct barn *b, struct sheaf *sheaf)
{
	spin_lock(&b->lock);
	if (sheaf->size)
		list_add(&b->full, &b->nr_full, sheaf);
	else
		list_add(&b->empty, &b->nr_empty, sheaf);
	spin_unlock(&b->lock);
}

/* False: there are as many as there may be. */
static bool barn_offer(struct barn *b, struct sheaf *sheaf)
{
	bool taken;

	spin_lock(&b->lock);
	taken = sheaf->size ? b->nr_full < BARN_MAX_FULL
			    : b->nr_empty < BARN_MAX_EMPTY;
	if (taken && sheaf->size)
		list_add(&b->full, &b->nr_full, sheaf);
	else if (taken)
		list_add(&b->empty, &b->nr_empty, sheaf);
	spin_unlock(&b->lock);
	return taken;
}

/* ---- behind readers -------------------------------------------------------
 */

static void rcu_begin(struct sheaf_cache *s)
{
	/* relaxed: who destroys the cache comes after this call */
	atomic_fetch_add_explicit(&s->rcu_begun, 1, memory_order_relaxed);
}

/* The last that RCU's thread does to the cache. */
static void rcu_end(struct sheaf_cache *s)
{
	/* REL(sheaf-end): all before it; pairs with ACQ(sheaf-end) */
	atomic_fetch_add_explicit(&s->rcu_ended, 1, memory_order_release);
}

/* Until every call that was begun has been made. */
static void rcu_wait(struct sheaf_cache *s)
{
	/* relaxed: nobody begins one now */
	const uint64_t begun =
		atomic_load_explicit(&s->rcu_begun, memory_order_relaxed);

	if (begun)
		slab_rcu_barrier();
	/* ACQ(sheaf-end): what the calls did; pairs with REL(sheaf-end) */
	check(atomic_load_explicit(&s->rcu_ended, memory_order_acquire) ==
		      begun,
	      "a call behind readers is still to come");
}

static void push_done(struct sheaf_cache *s, struct sheaf *sheaf)
{
	/* relaxed: only compared */
	struct sheaf *first =
		atomic_load_explicit(&s->rcu_done, memory_order_relaxed);

	do {
		sheaf->next = first;
		/* REL(sheaf-done): the sheaf before the head; pairs with
		 * ACQ(sheaf-done). relaxed: only compared */
	} while (!atomic_compare_exchange_weak_explicit(
		&s->rcu_done, &first, sheaf, memory_order_release,
		memory_order_relaxed));
}

/* By RCU's thread. */
static void grace_period_over(struct rcu_head *head)
{
	struct sheaf *sheaf = (struct sheaf *)head;
	/* ACQ(sheaf-rcu): the sheaf; pairs with REL(sheaf-rcu) */
	const uint32_t node =
		atomic_load_explicit(&sheaf->node, memory_order_acquire);
	struct sheaf_cache *s = sheaf->cache;

	if (node == NO_BARN) {
		push_done(s, sheaf);
	} else if (barn_offer(&s->barn[node], sheaf)) {
		slab_count_apart(&s->slub.base, BARN_PUT, 1);
	} else {
		slab_count_apart(&s->slub.base, BARN_PUT_FAIL, 1);
		push_done(s, sheaf);
	}
	rcu_end(s);
}

/* By RCU's thread. */
static void object_grace_period_over(struct rcu_head *head)
{
	struct rcu_object *o = (struct rcu_object *)head, *first;
	struct sheaf_cache *s;

	/* ACQ(sheaf-rcu): the record and the object; pairs with
	 * REL(sheaf-rcu) */
	check(atomic_load_explicit(&o->object, memory_order_acquire),
	      "a record without its object");
	s = o->cache;
	/* relaxed: only compared */
	first = atomic_load_explicit(&s->rcu_objects_done,
				     memory_order_relaxed);
	do {
		o->next = first;
		/* REL(sheaf-done): the record before the head; pairs with
		 * ACQ(sheaf-done). relaxed: only compared */
	} while (!atomic_compare_exchange_weak_explicit(
		&s->rcu_objects_done, &first, o, memory_order_release,
		memory_order_relaxed));
	rcu_end(s);
}

/* An object that no sheaf takes waits by itself. No lock held. */
static void defer_object(struct slab_ctx *ctx, struct sheaf_cache *s,
			 void *object)
{
	struct rcu_object *o = malloc(sizeof(*o));

	if (!o) {
		slab_rcu_synchronize();
		slub_free(ctx, &s->slub.base, object);
		return;
	}
	rcu_begin(s);
	o->cache = s;
	/* REL(sheaf-rcu): see ACQ(sheaf-rcu) */
	atomic_store_explicit(&o->object, object, memory_order_release);
	urcu_bp_call_rcu(&o->rcu, object_grace_period_over);
}

/* Behind readers it goes to that node's barn, or to the slabs. No lock held. */
static void defer_sheaf(struct sheaf_cache *s, struct sheaf *sheaf,
			uint32_t node)
{
	rcu_begin(s);
	/* REL(sheaf-rcu): see ACQ(sheaf-rcu) */
	atomic_store_explicit(&sheaf->node, node, memory_order_release);
	urcu_bp_call_rcu(&sheaf->rcu, grace_period_over);
}

static void reap_objects(struct slab_ctx *ctx, struct sheaf_cache *s)
{
	/* ACQ(sheaf-done): the records; pairs with REL(sheaf-done) */
	struct rcu_object *o = atomic_exchange_explicit(
		&s->rcu_objects_done, NULL, memory_order_acquire);

	while (o) {
		struct rcu_object *next = o->next;

		/* relaxed: whoever made the list has seen it */
		slub_free(
			ctx, &s->slub.base,
			atomic_load_explicit(&o->object, memory_order_relaxed));
		free(o);
		o = next;
	}
}

/* Flushes and frees what waits no longer and has no place. No lock held. */
static void reap(struct slab_ctx *ctx, struct sheaf_cache *s)
{
	struct sheaf *sheaf, *next;

	/* relaxed: a hint */
	if (atomic_load_explicit(&s->rcu_objects_done, memory_order_relaxed))
		reap_objects(ctx, s);
	/* relaxed: a hint */
	if (likely(!atomic_load_explicit(&s->rcu_done, memory_order_relaxed)))
		return;
	/* ACQ(sheaf-done): the sheaves; pairs with REL(sheaf-done) */
	sheaf = atomic_exchange_explicit(&s->rcu_done, NULL,
					 memory_order_acquire);
	for (; sheaf; sheaf = next) {
		/* relaxed: whoever made the list has seen it */
		const uint32_t node = atomic_load_explicit(
			&sheaf->node, memory_order_relaxed);

		next = sheaf->next;
		sheaf_flush(ctx, s, sheaf);
		if (node == NO_BARN || !barn_offer(&s->barn[node], sheaf))
			sheaf_drop(ctx, s, sheaf);
	}
}

/* ---- main is empty ---------------------------------------------------------
 */

static void swap_spare(struct sheaf_cpu *c)
{
	struct sheaf *main = c->main;

	c->main = c->spare;
	c->spare = main;
}

/* Brings objects into main without filling a sheaf; c is held. */
static bool exchange_empty(struct slab_ctx *ctx, struct sheaf_cache *s,
			   struct sheaf_cpu *c)
{
	struct sheaf *full;

	if (c->spare && c->spare->size) {
		swap_spare(c);
		return true;
	}
	full = barn_swap_empty(barn_of(ctx, s), c->main);
	count(ctx, s, full ? BARN_GET : BARN_GET_FAIL, 1);
	if (!full)
		return false;
	c->main = full;
	return true;
}

/* A filled sheaf comes to the held CPU. */
static void install_full(struct slab_ctx *ctx, struct sheaf_cache *s,
			 struct sheaf_cpu *c, struct sheaf *full)
{
	struct barn *b = barn_of(ctx, s);

	if (!c->main->size) {
		barn_put(b, c->main);
		c->main = full;
	} else if (!c->spare) {
		c->spare = full;
	} else if (!c->spare->size) {
		barn_put(b, c->spare);
		c->spare = full;
	} else {
		barn_put(b, full);
		count(ctx, s, BARN_PUT, 1);
	}
}

/* Drops c: a filled sheaf; NULL: no memory. */
static struct sheaf *fetch_filled(struct slab_ctx *ctx, struct sheaf_cache *s,
				  struct sheaf_cpu *c, gfp_t gfp)
{
	struct sheaf *sheaf = c->spare;

	c->spare = NULL;
	if (!sheaf)
		sheaf = barn_take_empty(barn_of(ctx, s));
	cpu_drop(s, c);
	reap(ctx, s);
	if (!sheaf)
		sheaf = sheaf_new(ctx, s, gfp);
	if (!sheaf || sheaf_fill(ctx, s, sheaf, gfp))
		return sheaf;
	sheaf_drop(ctx, s, sheaf);
	return NULL;
}

/* The main of c, which is held, is empty. Returns the held part of a CPU whose
 * main has objects; NULL: none is held, go to SLUB. */
static struct sheaf_cpu *replace_empty(struct slab_ctx *ctx,
				       struct sheaf_cache *s,
				       struct sheaf_cpu *c, gfp_t gfp)
{
	struct sheaf *full;

	if (exchange_empty(ctx, s, c))
		return c;
	if (!(gfp & GFP_BIT_DIRECT_RECLAIM)) {
		cpu_drop(s, c);
		return NULL;
	}
	full = fetch_filled(ctx, s, c, gfp);
	if (!full)
		return NULL;
	c = cpu_hold(ctx, s);
	install_full(ctx, s, c, full);
	return c;
}

/* ---- main is full ----------------------------------------------------------
 */

/* An empty sheaf comes to the held CPU: its main has room then. */
static void install_empty(struct slab_ctx *ctx, struct sheaf_cache *s,
			  struct sheaf_cpu *c, struct sheaf *empty)
{
	struct barn *b = barn_of(ctx, s);

	if (!c->spare) {
		c->spare = c->main;
		c->main = empty;
	} else if (c->main->size < s->capacity) {
		barn_put(b, empty);
	} else if (c->spare->size < s->capacity) {
		swap_spare(c);
		barn_put(b, empty);
	} else {
		barn_put(b, c->main);
		count(ctx, s, BARN_PUT, 1);
		c->main = empty;
	}
}

/* As much as fits on the stack goes from main to the slabs; drops c. True: main
 * was left empty. */
static bool flush_main_step(struct slab_ctx *ctx, struct sheaf_cache *s,
			    struct sheaf_cpu *c)
{
	void *object[FLUSH_BATCH];
	struct sheaf *main = c->main;
	const uint32_t n = (uint32_t)min_long(main->size, FLUSH_BATCH);
	bool empty;

	main->size -= n;
	memcpy(object, &main->object[main->size], n * sizeof(*object));
	empty = !main->size;
	cpu_drop(s, c);
	if (n) {
		count(ctx, s, SHEAF_FLUSH, n);
		slub_free_bulk(ctx, &s->slub.base, n, object);
	}
	return empty;
}

/* No more steps than a sheaf has batches: others may fill it meanwhile. */
static void flush_own_main(struct slab_ctx *ctx, struct sheaf_cache *s)
{
	for (uint32_t n = 0; n < s->capacity; n += FLUSH_BATCH)
		if (flush_main_step(ctx, s, cpu_hold(ctx, s)))
			return;
}

/*
 * Makes room in main without making a sheaf; c is held. 0; -ENOENT: there is no
 * spare, nor an empty sheaf in the barn; -E2BIG, -ENOMEM: main and spare are
 * full, and so is the barn, or it has no empty sheaf.
 */
static int exchange_full(struct slab_ctx *ctx, struct sheaf_cache *s,
			 struct sheaf_cpu *c)
{
	struct sheaf *empty;
	int rc;

	if (!c->spare) {
		empty = barn_take_empty(barn_of(ctx, s));
		if (!empty)
			return -ENOENT;
		c->spare = c->main;
		c->main = empty;
		return 0;
	}
	if (c->spare->size < s->capacity) {
		swap_spare(c);
		return 0;
	}
	rc = barn_swap_full(barn_of(ctx, s), &c->main);
	if (!rc)
		count(ctx, s, BARN_PUT, 1);
	return rc;
}

/* Drops c: an empty sheaf, by flushing the spare where the barn is full, else a
 * new one. NULL: none, but main was flushed. */
static struct sheaf *fetch_empty(struct slab_ctx *ctx, struct sheaf_cache *s,
				 struct sheaf_cpu *c, int rc)
{
	struct sheaf *empty = NULL;

	if (rc == -E2BIG) {
		count(ctx, s, BARN_PUT_FAIL, 1);
		empty = c->spare;
		c->spare = NULL;
	}
	cpu_drop(s, c);
	reap(ctx, s);
	if (empty) {
		sheaf_flush(ctx, s, empty);
		return empty;
	}
	empty = sheaf_new(ctx, s, GFP_NOWAIT | GFP_BIT_NOWARN);
	if (!empty) {
		if (rc == -ENOMEM)
			count(ctx, s, BARN_PUT_FAIL, 1);
		flush_own_main(ctx, s);
	}
	return empty;
}

/* As replace_empty(): the main that is returned has room. */
static struct sheaf_cpu *replace_full(struct slab_ctx *ctx,
				      struct sheaf_cache *s,
				      struct sheaf_cpu *c)
{
	for (;;) {
		const int rc = exchange_full(ctx, s, c);
		struct sheaf *empty;

		if (!rc)
			return c;
		empty = fetch_empty(ctx, s, c, rc);
		c = cpu_try(ctx, s);
		if (!c) {
			if (empty)
				barn_put(barn_of(ctx, s), empty);
			return NULL;
		}
		if (empty)
			install_empty(ctx, s, c, empty);
		if (c->main->size < s->capacity)
			return c;
	}
}

/* ---- one object -----------------------------------------------------------
 */

/* NULL: none at hand. */
ALWAYS_INLINE void *sheaf_pop(struct slab_ctx *ctx,
			      struct sheaf_cache *s) NO_LOCK_ANALYSIS
{
	void *object = NULL;
	struct sheaf_cpu *c;

#if RSEQ_X86_64
	/* ACQ(sheaf-slot): the section's loads of the sheaf depend on its load
	 * of the slot; pairs with REL(sheaf-slot) */
	if (likely(s->quick)) {
		object = array_pop(&s->slots, s->capacity);
		SLUB_ACQUIRE(&s->slub);
		return object;
	}
#endif
	c = &s->cpu[ctx->cpu];
	if (unlikely(!spin_trylock(&c->lock)))
		return NULL;
	if (likely(c->main->size))
		object = c->main->object[--c->main->size];
	spin_unlock(&c->lock);
	return object;
}

/* False: no room at hand. */
ALWAYS_INLINE bool sheaf_push(struct slab_ctx *ctx, struct sheaf_cache *s,
			      void *object) NO_LOCK_ANALYSIS
{
	struct sheaf_cpu *c;
	bool room;

#if RSEQ_X86_64
	if (likely(s->quick)) {
		SLUB_RELEASE(&s->slub);
		return array_push(&s->slots, s->capacity, object);
	}
#endif
	c = &s->cpu[ctx->cpu];
	if (unlikely(!spin_trylock(&c->lock)))
		return false;
	room = c->main->size < s->capacity;
	if (likely(room))
		c->main->object[c->main->size++] = object;
	spin_unlock(&c->lock);
	return room;
}

static NOINLINE void *alloc_slow(struct slab_ctx *ctx, struct sheaf_cache *s,
				 gfp_t gfp)
{
	struct sheaf_cpu *c = cpu_try(ctx, s);
	void *object;

	if (c && !c->main->size)
		c = replace_empty(ctx, s, c, gfp);
	if (!c)
		return slub_alloc(ctx, &s->slub.base, gfp);
	object = c->main->object[--c->main->size];
	cpu_drop(s, c);
	count(ctx, s, ALLOC_CPU_SHEAF, 1);
	return object;
}

static NOINLINE void free_slow(struct slab_ctx *ctx, struct sheaf_cache *s,
			       void *object)
{
	struct sheaf_cpu *c = cpu_try(ctx, s);

	if (c && c->main->size == s->capacity)
		c = replace_full(ctx, s, c);
	if (!c) {
		count(ctx, s, FREE_PAST_SHEAF, 1);
		slub_free(ctx, &s->slub.base, object);
		return;
	}
	c->main->object[c->main->size++] = object;
	cpu_drop(s, c);
	count(ctx, s, FREE_CPU_SHEAF, 1);
}

SLAB_HOT void *sheaves_alloc(struct slab_ctx *ctx, struct kmem_cache *base,
			     gfp_t gfp)
{
	struct sheaf_cache *s = to_sheaves(base);
	void *object;

	if (unlikely(!s->quick) && !s->capacity)
		return slub_alloc(ctx, base, gfp);
	object = sheaf_pop(ctx, s);
	if (unlikely(!object))
		return alloc_slow(ctx, s, gfp);
	slab_count(ctx, base, ALLOC_CPU_SHEAF);
	return object;
}

SLAB_HOT void sheaves_free(struct slab_ctx *ctx, struct kmem_cache *base,
			   void *object)
{
	struct sheaf_cache *s = to_sheaves(base);

	if ((unlikely(!s->quick) && !s->capacity) ||
	    unlikely(!look(ctx, s, object))) {
		count(ctx, s, FREE_PAST_SHEAF, s->capacity > 0);
		slub_free(ctx, base, object);
		return;
	}
	if (unlikely(!sheaf_push(ctx, s, object))) {
		free_slow(ctx, s, object);
		return;
	}
	slab_count(ctx, base, FREE_CPU_SHEAF);
}

static void *sheaves_alloc_node(struct slab_ctx *ctx, struct kmem_cache *base,
				gfp_t gfp, unsigned nid)
{
	struct sheaf_cache *s = to_sheaves(base);
	struct sheaf_cpu *c = NULL;
	void *object;

	if (s->capacity && nid == local_node(ctx))
		c = cpu_try(ctx, s);
	if (c && !c->main->size)
		c = replace_empty(ctx, s, c, gfp);
	if (!c)
		return slub_alloc_node(ctx, base, gfp, nid);
	object = c->main->object[c->main->size - 1];
	if (!is_local(ctx, object)) {
		cpu_drop(s, c);
		return slub_alloc_node(ctx, base, gfp, nid);
	}
	c->main->size--;
	cpu_drop(s, c);
	count(ctx, s, ALLOC_CPU_SHEAF, 1);
	return object;
}

/* ---- bulk -----------------------------------------------------------------
 */

/* Objects from the top of main into *out; fewer than n: no sheaf has more. */
static uint32_t take_batch(struct slab_ctx *ctx, struct sheaf_cache *s,
			   uint32_t n, void **out)
{
	struct sheaf_cpu *c = cpu_try(ctx, s);

	if (!c)
		return 0;
	if (!c->main->size && !exchange_empty(ctx, s, c)) {
		cpu_drop(s, c);
		return 0;
	}
	if (n > c->main->size)
		n = c->main->size;
	c->main->size -= n;
	memcpy(out, &c->main->object[c->main->size], n * sizeof(*out));
	cpu_drop(s, c);
	count(ctx, s, ALLOC_CPU_SHEAF, n);
	return n;
}

/* How many of n objects main had room for; 0: none is to be made. */
static uint32_t put_batch(struct slab_ctx *ctx, struct sheaf_cache *s,
			  uint32_t n, void *const *object)
{
	struct sheaf_cpu *c = cpu_try(ctx, s);

	if (!c)
		return 0;
	if (c->main->size == s->capacity) {
		const int rc = exchange_full(ctx, s, c);

		if (rc) {
			cpu_drop(s, c);
			if (rc != -ENOENT)
				count(ctx, s, BARN_PUT_FAIL, 1);
			return 0;
		}
	}
	if (n > s->capacity - c->main->size)
		n = s->capacity - c->main->size;
	memcpy(&c->main->object[c->main->size], object, n * sizeof(*object));
	c->main->size += n;
	cpu_drop(s, c);
	count(ctx, s, FREE_CPU_SHEAF, n);
	return n;
}

/* Moves the objects of other nodes behind the others; returns how many are of
 * this one. */
static unsigned sort_local(struct slab_ctx *ctx, const struct sheaf_cache *s,
			   unsigned n, void **object)
{
	unsigned local = 0;

	for (unsigned i = 0; i < n; i++) {
		void *o = object[i];

		if (!look(ctx, s, o))
			continue;
		object[i] = object[local];
		object[local++] = o;
	}
	return local;
}

static void sheaves_free_bulk(struct slab_ctx *ctx, struct kmem_cache *base,
			      unsigned n, void **object)
{
	struct sheaf_cache *s = to_sheaves(base);
	const unsigned local = s->capacity ? sort_local(ctx, s, n, object) : 0;
	unsigned done = 0;

	while (done < local) {
		const uint32_t batch =
			put_batch(ctx, s, local - done, &object[done]);

		if (!batch)
			break;
		done += batch;
	}
	if (done == n)
		return;
	count(ctx, s, FREE_PAST_SHEAF, s->capacity ? n - done : 0);
	slub_free_bulk(ctx, base, n - done, &object[done]);
}

static unsigned sheaves_alloc_bulk(struct slab_ctx *ctx,
				   struct kmem_cache *base, gfp_t gfp,
				   unsigned n, void **out)
{
	struct sheaf_cache *s = to_sheaves(base);
	unsigned got = 0;

	while (s->capacity && got < n) {
		const uint32_t batch = take_batch(ctx, s, n - got, &out[got]);

		if (!batch)
			break;
		got += batch;
	}
	if (got == n || slub_alloc_bulk(ctx, base, gfp, n - got, &out[got]))
		return n;
	/* nobody had them: they are not freed through sheaves */
	slub_free_bulk(ctx, base, got, out);
	return 0;
}

/* ---- kfree_rcu ---------------------------------------------------------- */

/* The held CPU with an rcu_free sheaf, made where there is none; NULL: none is
 * to be had, and nothing is held. */
static struct sheaf_cpu *with_rcu_free(struct slab_ctx *ctx,
				       struct sheaf_cache *s,
				       struct sheaf_cpu *c)
{
	struct sheaf *sheaf;

	if (c->rcu_free)
		return c;
	if (c->spare && !c->spare->size) {
		c->rcu_free = c->spare;
		c->spare = NULL;
		return c;
	}
	c->rcu_free = barn_take_empty(barn_of(ctx, s));
	if (c->rcu_free)
		return c;
	cpu_drop(s, c);
	sheaf = sheaf_new(ctx, s, GFP_NOWAIT | GFP_BIT_NOWARN);
	if (!sheaf)
		return NULL;
	c = cpu_try(ctx, s);
	if (!c || c->rcu_free)
		barn_put(barn_of(ctx, s), sheaf);
	else
		c->rcu_free = sheaf;
	return c;
}

static void sheaves_free_rcu(struct slab_ctx *ctx, struct kmem_cache *base,
			     void *object)
{
	struct sheaf_cache *s = to_sheaves(base);
	struct sheaf *sheaf, *full = NULL;
	struct sheaf_cpu *c;

	reap(ctx, s);
	if (!s->capacity || !look(ctx, s, object)) {
		count(ctx, s, FREE_PAST_SHEAF, s->capacity > 0);
		defer_object(ctx, s, object);
		return;
	}
	c = cpu_try(ctx, s);
	if (c)
		c = with_rcu_free(ctx, s, c);
	if (!c) {
		count(ctx, s, FREE_RCU_SHEAF_FAIL, 1);
		count(ctx, s, FREE_PAST_SHEAF, 1);
		defer_object(ctx, s, object);
		return;
	}
	sheaf = c->rcu_free;
	sheaf->object[sheaf->size++] = object;
	if (sheaf->size == s->capacity) {
		full = sheaf;
		c->rcu_free = NULL;
	}
	cpu_drop(s, c);
	if (full)
		defer_sheaf(s, full, local_node(ctx));
	count(ctx, s, FREE_RCU_SHEAF, 1);
}

/* The CPU's rcu_free goes to the slabs, in time: whoever shrinks may be a
 * reader that reclaims, and must not wait. */
static void flush_rcu_free(struct sheaf_cache *s, unsigned slot)
{
	struct sheaf_cpu *c = &s->cpu[slot];
	struct sheaf *sheaf;

	/* not in a section's reach */
	spin_lock(&c->lock);
	sheaf = c->rcu_free;
	c->rcu_free = NULL;
	spin_unlock(&c->lock);
	if (sheaf)
		defer_sheaf(s, sheaf, NO_BARN);
}

/* ---- lent sheaves ------------------------------------------------------- */

/* The spare, else one of the barn, else a new one. */
static struct sheaf *lend(struct slab_ctx *ctx, struct sheaf_cache *s,
			  gfp_t gfp)
{
	struct sheaf_cpu *c = cpu_hold(ctx, s);
	struct sheaf *sheaf = c->spare;

	c->spare = NULL;
	cpu_drop(s, c);
	if (sheaf) {
		count(ctx, s, SHEAF_PREFILL_FAST, 1);
		return sheaf;
	}
	count(ctx, s, SHEAF_PREFILL_SLOW, 1);
	sheaf = barn_take(barn_of(ctx, s));
	count(ctx, s, sheaf && sheaf->size ? BARN_GET : BARN_GET_FAIL, 1);
	return sheaf ? sheaf : sheaf_new(ctx, s, gfp);
}

/* Of exactly n objects, for this loan alone; not counted as a sheaf. */
static struct sheaf *lend_oversize(struct slab_ctx *ctx, struct sheaf_cache *s,
				   gfp_t gfp, uint32_t n)
{
	struct sheaf *sheaf = sheaf_alloc(ctx, s, gfp, n);

	if (!sheaf)
		return NULL;
	count(ctx, s, SHEAF_PREFILL_OVERSIZE, 1);
	sheaf->capacity = n;
	if (sheaf_top_up(ctx, s, sheaf, gfp, n))
		return sheaf;
	kfree(ctx, sheaf);
	return NULL;
}

static struct sheaf *sheaves_prefill(struct slab_ctx *ctx,
				     struct kmem_cache *base, gfp_t gfp,
				     uint32_t n)
{
	struct sheaf_cache *s = to_sheaves(base);
	struct sheaf *sheaf;

	if (n > s->capacity || !s->capacity)
		return lend_oversize(ctx, s, gfp, n);
	sheaf = lend(ctx, s, gfp);
	if (!sheaf)
		return NULL;
	if (sheaf->size < n && !sheaf_fill(ctx, s, sheaf, gfp)) {
		sheaf_flush_and_drop(ctx, s, sheaf);
		return NULL;
	}
	sheaf->capacity = s->capacity;
	return sheaf;
}

static void *sheaves_alloc_from(struct sheaf *sheaf)
{
	return sheaf->size ? sheaf->object[--sheaf->size] : NULL;
}

static void sheaves_return(struct slab_ctx *ctx, struct kmem_cache *base,
			   gfp_t gfp, struct sheaf *sheaf)
{
	struct sheaf_cache *s = to_sheaves(base);
	struct sheaf_cpu *c;
	bool room, kept;

	if (!s->capacity || sheaf->capacity != s->capacity) {
		sheaf_flush(ctx, s, sheaf);
		kfree(ctx, sheaf);
		return;
	}
	c = cpu_hold(ctx, s);
	kept = !c->spare;
	if (kept)
		c->spare = sheaf;
	cpu_drop(s, c);
	count(ctx, s, kept ? SHEAF_RETURN_FAST : SHEAF_RETURN_SLOW, 1);
	if (kept)
		return;
	spin_lock(&barn_of(ctx, s)->lock);
	room = barn_of(ctx, s)->nr_full < BARN_MAX_FULL;
	spin_unlock(&barn_of(ctx, s)->lock);
	if (room && sheaf_fill(ctx, s, sheaf, gfp)) {
		barn_put(barn_of(ctx, s), sheaf);
		count(ctx, s, BARN_PUT, 1);
		return;
	}
	sheaf_flush_and_drop(ctx, s, sheaf);
}

static int sheaves_refill(struct slab_ctx *ctx, struct kmem_cache *base,
			  gfp_t gfp, struct sheaf **sheaf, uint32_t n)
{
	struct sheaf_cache *s = to_sheaves(base);
	struct sheaf *old = *sheaf, *larger;
	bool filled;

	if (old->size >= n)
		return 0;
	if (old->capacity >= n) {
		filled =
			old->capacity == s->capacity
				? sheaf_fill(ctx, s, old, gfp)
				: sheaf_top_up(ctx, s, old, gfp, old->capacity);
		return filled ? 0 : -ENOMEM;
	}
	larger = sheaves_prefill(ctx, base, gfp, n);
	if (!larger)
		return -ENOMEM;
	sheaves_return(ctx, base, gfp, old);
	*sheaf = larger;
	return 0;
}

static const struct sheaf_ops lent_sheaves = {
	.prefill = sheaves_prefill,
	.alloc = sheaves_alloc_from,
	.refill = sheaves_refill,
	.give_back = sheaves_return,
};

/* ---- shrink and the end ---------------------------------------------------
 */

static void flush_cpu(struct slab_ctx *ctx, struct sheaf_cache *s,
		      unsigned slot)
{
	struct sheaf_cpu *c = cpu_hold_remote(s, slot);
	struct sheaf *spare = c->spare;

	c->spare = NULL;
	cpu_drop(s, c);
	if (spare)
		sheaf_flush_and_drop(ctx, s, spare);
	flush_rcu_free(s, slot);
	for (uint32_t n = 0; n < s->capacity; n += FLUSH_BATCH)
		if (flush_main_step(ctx, s, cpu_hold_remote(s, slot)))
			return;
}

static void empty_barn(struct slab_ctx *ctx, struct sheaf_cache *s,
		       struct barn *b)
{
	struct sheaf *full, *empty;
	unsigned nr_full, nr_empty;

	spin_lock(&b->lock);
	full = b->full;
	empty = b->empty;
	nr_full = b->nr_full;
	nr_empty = b->nr_empty;
	b->full = b->empty = NULL;
	b->nr_full = b->nr_empty = 0;
	spin_unlock(&b->lock);
	while (nr_full)
		sheaf_flush_and_drop(ctx, s, list_take(&full, &nr_full));
	while (nr_empty)
		sheaf_drop(ctx, s, list_take(&empty, &nr_empty));
}

/* In the kernel's order: what the barns held ends in the CPU's chain and stays
 * there until the next shrink. */
static int sheaves_shrink(struct slab_ctx *ctx, struct kmem_cache *base)
{
	struct sheaf_cache *s = to_sheaves(base);

	reap(ctx, s);
	if (!s->capacity)
		return slub_shrink(ctx, base);
	for (unsigned i = 0; i < s->nr_slots; i++)
		flush_cpu(ctx, s, i);
	slub_flush(ctx, base);
	for (unsigned i = 0; i < s->nr_nodes; i++)
		empty_barn(ctx, s, &s->barn[i]);
	return slub_shrink_nodes(ctx, base);
}

/* From now on the cache works without sheaves. */
static void drop_sheaves(struct slab_ctx *ctx, struct sheaf_cache *s)
{
	s->capacity = 0;
	s->quick = false;
	for (unsigned i = 0; i < s->nr_slots; i++) {
		if (s->cpu[i].main)
			sheaf_drop(ctx, s, s->cpu[i].main);
		s->cpu[i].main = NULL;
		/* relaxed: nobody else is inside */
		atomic_store_explicit(&s->slots.slot[i].array, &held_array,
				      memory_order_relaxed);
	}
}

/* What is left when this returns works on without sheaves. */
static unsigned long sheaves_shutdown(struct slab_ctx *ctx,
				      struct kmem_cache *base)
{
	struct sheaf_cache *s = to_sheaves(base);
	unsigned long left;

	for (unsigned i = 0; s->capacity && i < s->nr_slots; i++)
		flush_rcu_free(s, i);
	rcu_wait(s);
	if (s->capacity) {
		sheaves_shrink(ctx, base);
		drop_sheaves(ctx, s);
	}
	reap(ctx, s);
	left = slub_shutdown(ctx, base);
	/* from here on frees come to SLUB without a look */
	s->slub.counts_remote = true;
	return left;
}

/* ---- creation ----------------------------------------------------------- */

/*
 * Objects of a sheaf: 4, 12, 26 or 60 by their size, more where the kmalloc
 * object that the sheaf lies in has room for more (28 instead of 26), and at
 * least what the creator asked for. Source: 7.0; 6.18 has what was asked for.
 */
static uint32_t capacity_for(const struct kmem_cache *s)
{
	const uint32_t n = s->size >= PAGE_SIZE ? 4
			   : s->size >= 1024    ? 12
			   : s->size >= 256     ? 26
						: 60;
	const uint32_t bytes = (uint32_t)sizeof(struct sheaf) + 8 * n;
	const uint32_t fits =
		((1u << fls_long(bytes - 1)) - (uint32_t)sizeof(struct sheaf)) /
		8;

	if (s->flags & (SLAB_KMALLOC | SLAB_DEBUG_FLAGS | SLAB_NOLEAKTRACE))
		return 0;
	return fits > s->sheaf_asked ? fits : s->sheaf_asked;
}

static void *aligned_zeroed(size_t each, unsigned nr)
{
	const size_t bytes = round_up_pow2(each * nr, 2 * CACHELINE_SIZE);
	void *p = aligned_alloc(2 * CACHELINE_SIZE, bytes);

	return p ? memset(p, 0, bytes) : NULL;
}

static void init_cpu(struct sheaf_cache *s, unsigned slot)
{
	struct sheaf_cpu *c = &s->cpu[slot];

	c->slot = (uint16_t)slot;
	spin_lock_init(&c->lock, RANK_SLAB_CPU);
	/* relaxed: no other thread knows the cache */
	atomic_store_explicit(&s->slots.slot[slot].array, &held_array,
			      memory_order_relaxed);
}

static int make_sheaves(struct slab_ctx *ctx, struct sheaf_cache *s)
{
	s->slots.slot = aligned_zeroed(sizeof(*s->slots.slot), s->nr_slots);
	s->cpu = aligned_zeroed(sizeof(*s->cpu), s->nr_slots);
	s->barn = aligned_zeroed(sizeof(*s->barn), s->nr_nodes);
	if (!s->slots.slot || !s->cpu || !s->barn)
		return -ENOMEM;
	for (unsigned i = 0; i < s->nr_nodes; i++)
		spin_lock_init(&s->barn[i].lock, RANK_SLAB_NODE);
	for (unsigned i = 0; i < s->nr_slots; i++)
		init_cpu(s, i);
	for (unsigned i = 0; i < s->nr_slots; i++) {
		s->cpu[i].main = sheaf_new(ctx, s, GFP_KERNEL);
		if (!s->cpu[i].main)
			return -ENOMEM;
		/* relaxed: no other thread knows the cache */
		atomic_store_explicit(&s->slots.slot[i].array,
				      (struct object_array *)s->cpu[i].main,
				      memory_order_relaxed);
	}
	return 0;
}

static void sheaves_cache_close(struct kmem_cache *base)
{
	struct sheaf_cache *s = to_sheaves(base);

	free(s->slots.slot);
	free(s->cpu);
	free(s->barn);
	s->slots.slot = NULL;
	s->cpu = NULL;
	s->barn = NULL;
	slub_cache_close(base);
}

static int sheaves_cache_open(struct slab_ctx *ctx, struct kmem_cache *base)
{
	struct sheaf_cache *s = to_sheaves(base);
	int rc = slub_cache_open(ctx, base);

	if (rc)
		return rc;
	s->rseq = ctx->slab->rseq;
	s->nr_slots = s->slub.nr_slots;
	s->nr_nodes = s->slub.nr_nodes;
	s->slub.counts_bulk = true;
	s->capacity = capacity_for(base);
	if (!s->capacity)
		return 0;
	s->quick = s->rseq;
	s->slub.counts_remote = false;
	s->slub.note = ctx->slab->priv;
	rc = make_sheaves(ctx, s);
	if (rc) {
		if (s->slots.slot && s->cpu)
			drop_sheaves(ctx, s);
		sheaves_cache_close(base);
	}
	return rc;
}

static int sheaves_geometry(const struct slab_config *cfg, struct kmem_cache *s)
{
	struct slab_config newer = *cfg;

	newer.kernel = KERNEL_6_12;
	return slub_cache_geometry(&newer, s);
}

static int sheaves_open(struct slab_allocator *slab)
{
	slab->config.kernel = KERNEL_6_12; /* of kmalloc's caches as well */
	return slub_open(slab);
}

/* ---- what can be seen --------------------------------------------------- */

static void sheaves_attributes(const struct kmem_cache *base, FILE *out)
{
	slub_attributes(base, out);
	fprintf(out, "sheaf_capacity %u\n", capacity_for(base));
	for (unsigned c = ALLOC_CPU_SHEAF; c <= SHEAF_RETURN_SLOW; c++)
		slab_attributes_event(base, (enum slab_counter)c, out);
}

static const char *verify_sheaf(const struct sheaf_cache *s,
				const struct sheaf *sheaf)
{
	const struct slab_allocator *slab = s->slub.base.slab;

	if (!sheaf)
		return NULL;
	if (sheaf->cache != s || sheaf->size > s->capacity)
		return "sheaves: a sheaf holds more than its capacity";
	for (uint32_t i = 0; i < sheaf->size; i++) {
		const void *o = sheaf->object[i];
		const struct page *page = slab_virt_to_page(slab, o);

		if (slab_cache_of(slab, o) != &s->slub.base)
			return "sheaves: an object in a sheaf is of another "
			       "cache";
		if (slub_is_free(&s->slub.base, page, o))
			return "sheaves: an object is in a sheaf and free";
	}
	return NULL;
}

static const char *verify_barn(const struct sheaf_cache *s, struct barn *b)
{
	const char *broken = NULL;
	unsigned full = 0, empty = 0;

	/* RCU's thread may have been the last one here */
	spin_lock(&b->lock);
	for (const struct sheaf *f = b->full; f && !broken; f = f->next) {
		broken = f->size ? verify_sheaf(s, f)
				 : "sheaves: an empty sheaf among full ones";
		full++;
	}
	for (const struct sheaf *e = b->empty; e && !broken; e = e->next) {
		if (e->size)
			broken = "sheaves: a full sheaf among empty ones";
		empty++;
	}
	if (!broken && (full != b->nr_full || empty != b->nr_empty))
		broken = "sheaves: a barn miscounts its sheaves";
	spin_unlock(&b->lock);
	return broken;
}

static const char *verify_cpu(const struct sheaf_cache *s,
			      const struct sheaf_cpu *c)
{
	const char *broken;

	if (!c->main)
		return "sheaves: a CPU has no main sheaf";
	broken = verify_sheaf(s, c->main);
	if (!broken)
		broken = verify_sheaf(s, c->spare);
	if (!broken)
		broken = verify_sheaf(s, c->rcu_free);
	return broken;
}

static const char *sheaves_verify(const struct kmem_cache *base)
{
	const struct sheaf_cache *s = (const struct sheaf_cache *)base;
	const char *broken = slub_verify(base);

	for (unsigned i = 0; s->capacity && !broken && i < s->nr_slots; i++)
		broken = verify_cpu(s, &s->cpu[i]);
	for (unsigned i = 0; s->capacity && !broken && i < s->nr_nodes; i++)
		broken = verify_barn(s, &s->barn[i]);
	return broken;
}

static const struct slab_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary = "per-CPU arrays and a barn per node over slub (6.18)",
	.cache_bytes = sizeof(struct sheaf_cache),
	.geometry = sheaves_geometry,
	.open = sheaves_open,
	.close = slub_close,
	.cache_open = sheaves_cache_open,
	.cache_close = sheaves_cache_close,
	.shrink = sheaves_shrink,
	.shutdown = sheaves_shutdown,
	.settle = slub_settle,
	.thread_enter = slub_thread_enter,
	.tick = slub_tick,
	.info = slub_info,
	.attributes = sheaves_attributes,
	.verify = sheaves_verify,
	.is_free = slub_is_free,
	.usable = slub_usable,
	.alloc = sheaves_alloc,
	.alloc_node = sheaves_alloc_node,
	.free = sheaves_free,
	.alloc_bulk = sheaves_alloc_bulk,
	.free_bulk = sheaves_free_bulk,
	.free_rcu = sheaves_free_rcu,
	.sheaf = &lent_sheaves,
};
