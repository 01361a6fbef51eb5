/*
 * slab: SLAB of Linux 6.1.
 *
 * Each CPU has an array of pointers to free objects of the cache, last in,
 * first out. An array that is empty is refilled, one that is full is flushed,
 * by batches: to and from the array that the CPUs of a node share, or the
 * slabs of that node. A slab's free objects are an index of bytes
 * (geometry_slab.h says where it lies); an object is never written to while
 * it waits in an array. A node has three lists of slabs: partial, full, free.
 *
 * Objects of another node go into an alien array, one for each pair of nodes,
 * and home by the dozen. An array therefore holds objects of its own node. A
 * node without memory uses the lists of the nearest that has some.
 *
 * Data. Per CPU: struct slab_cpu. Per node: struct slab_node. A slab's first
 * page: links (list of the node), payload (struct slab_state), and bits 24-31
 * of its mark the CPU that took it, modulo 256.
 *
 *   total_slabs  = |partial| + |full| + |free|,  free_slabs = |free|
 *   free_objects = sum over slabs of num - active
 *   active       = objects out + objects of the slab in arrays
 *
 * Lock order:
 *   1. cpu->lock or alien->lock (RANK_SLAB_CPU), one at a time
 *   2. node->lock               (RANK_SLAB_NODE)
 * Never under any of them: the page allocator, a constructor, kmalloc. Slabs
 * that a batch set free are collected and given back after unlocking.
 *
 * Progress: a hit takes the lock of the CPU's own array, which only shrink,
 * the reaper and threads of the same CPU ever contend for. A miss takes the
 * node's lock once for a batch.
 *
 * Departures from Linux: interrupts are not disabled, arrays have locks
 * instead; debug caches have SLUB's layout and messages (debug.h).
 *
 * Loop stores: take_newest cpu_push slab_count
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "alloc/page/buddy.h"
#include "alloc/slab/debug.h"
#include "alloc/slab/geometry_slab.h"
#include "alloc/slab/kmalloc.h"
#include "alloc/slab/rcu.h"

/* An array that is not flushed by batches says so, as in the kernel. */
#define NO_BATCH    0xbaadf00du
#define ALIEN_LIMIT 12u

#define REAP_FIRST_S 1u /* seconds after the start */
#define REAP_CPU_S   2u /* between two visits of a CPU's arrays */
#define REAP_NODE_S  4u /* between two visits of a node's */

/* Free objects, oldest first. */
struct array_cache {
	_Atomic uint32_t avail; /* entries held; lock to write */
	uint32_t limit, batchcount;
	uint32_t touched; /* objects were taken since the reaper came by */
	void *entry[];
};

struct slab_cpu {
	struct spinlock lock;
	struct array_cache *ac; /* lock */
	uint16_t node;          /* whose objects it holds */
} __attribute__((aligned(2 * CACHELINE_SIZE)));

/* Objects of one node that were freed on another. */
struct alien_cache {
	struct spinlock lock;
	struct array_cache *ac; /* lock */
} CACHELINE;

struct slab_node {
	struct spinlock lock;
	/* all: lock */
	struct pfn_list partial, full, free;
	unsigned long total_slabs, free_slabs;
	_Atomic unsigned long free_objects; /* in slabs; read without lock */
	unsigned free_limit;                /* constant */
	unsigned colour_next;
	unsigned next_reap; /* seconds */
	bool free_touched;
	struct array_cache *shared; /* NULL: none */
	struct alien_cache *alien;  /* [nr_nodes]; NULL: one node */
} CACHELINE;

struct slab_cache {
	struct kmem_cache base;
	struct slab_layout layout;
	struct slab_cpu *cpu;   /* [nr_slots]; NULL: never opened */
	struct slab_node *node; /* [nr_nodes] */
	unsigned nr_slots, nr_nodes;
	bool hardened;  /* what is newest in its array is not put in again */
	uint8_t *order; /* [objects] random order of new slabs, or NULL */
};

/* The allocator's own: when each CPU's reaper runs next. */
struct slab_reaper {
	unsigned now;
	struct {
		unsigned next, alien_node;
	} cpu[];
};

ALWAYS_INLINE struct slab_cache *to_slab(struct kmem_cache *s)
{
	return (struct slab_cache *)s;
}

static const struct slab_cache *to_slab_const(const struct kmem_cache *s)
{
	return (const struct slab_cache *)s;
}

ALWAYS_INLINE uint32_t avail_of(const struct array_cache *ac)
{
	/* relaxed: the lock is held, or it is a hint */
	return atomic_load_explicit(&((struct array_cache *)ac)->avail,
				    memory_order_relaxed);
}

ALWAYS_INLINE void set_avail(struct array_cache *ac, uint32_t n)
{
	/* relaxed: see above */
	atomic_store_explicit(&ac->avail, n, memory_order_relaxed);
}

static unsigned long free_objects_of(const struct slab_node *n)
{
	/* relaxed: the lock is held, or it is a hint */
	return atomic_load_explicit(&((struct slab_node *)n)->free_objects,
				    memory_order_relaxed);
}

static void add_free_objects(struct slab_node *n, long objects)
	REQUIRES(n->lock)
{
	/* relaxed: see above */
	atomic_store_explicit(&n->free_objects,
			      free_objects_of(n) + (unsigned long)objects,
			      memory_order_relaxed);
}

static bool is_debug(const struct slab_cache *s)
{
	return s->base.flags & SLAB_DEBUG_FLAGS;
}

/* ---- nodes ----------------------------------------------------------------
 */

ALWAYS_INLINE unsigned local_node(const struct slab_ctx *ctx)
{
	return (unsigned)(uintptr_t)ctx->priv;
}

static int slab_thread_enter(struct slab_ctx *ctx)
{
	ctx->priv = (void *)(uintptr_t)slab_memory_node(ctx->slab->machine,
							ctx->node);
	return 0;
}

/* ---- a slab ----------------------------------------------------------------
 */

/*
 * page->payload of a slab's first page: bits 0-7 objects handed out, 8-23 the
 * colour, 24-63 where its index is: number of an object (INDEX_IN_OBJECT), or
 * the block's distance from the machine's first byte in units of 32
 * (INDEX_OFF_SLAB). node->lock, or the slab is on no list yet.
 */
struct slab_state {
	unsigned active, colour;
	uint64_t index;
};

#define INDEX_UNIT 32u /* alignment of the smallest kmalloc class */

static struct slab_state state_of(const struct page *page)
{
	/* relaxed: node->lock is held, or nobody else knows the slab */
	const uint64_t word = atomic_load_explicit(
		&((struct page *)page)->payload, memory_order_relaxed);

	return (struct slab_state){ .active = (uint8_t)word,
				    .colour = (uint16_t)(word >> 8),
				    .index = word >> 24 };
}

static void set_state(struct page *page, struct slab_state t)
{
	/* relaxed: see state_of() */
	atomic_store_explicit(&page->payload,
			      t.active | (uint64_t)t.colour << 8 |
				      t.index << 24,
			      memory_order_relaxed);
}

static struct page *map_of(const struct slab_cache *s)
{
	return s->base.slab->map;
}

static uint32_t pfn_of(const struct slab_cache *s, const struct page *page)
{
	return slab_page_pfn(s->base.slab, page);
}

static char *objects_of(const struct slab_cache *s, const struct page *page)
{
	return slab_page_address(s->base.slab, page) +
	       (size_t)state_of(page).colour * s->layout.colour_off;
}

static char *object_at(const struct slab_cache *s, const struct page *page,
		       unsigned index)
{
	return objects_of(s, page) + (size_t)index * s->base.size +
	       s->base.red_left_pad;
}

static unsigned number_of(const struct slab_cache *s, const struct page *page,
			  const void *object)
{
	return slab_index(&s->base, (uint32_t)((const char *)object -
					       objects_of(s, page)));
}

/* [active, num) are the numbers of free objects. */
static uint8_t *index_of(const struct slab_cache *s, const struct page *page)
{
	const struct slab_allocator *slab = s->base.slab;
	const uint64_t at = state_of(page).index;

	if (s->layout.place == INDEX_IN_OBJECT)
		return (uint8_t *)object_at(s, page, (unsigned)at);
	if (s->layout.place == INDEX_OFF_SLAB)
		return (uint8_t *)slab->memory + at * INDEX_UNIT;
	return (uint8_t *)slab_page_address(slab, page) +
	       (PAGE_SIZE << s->base.order) - s->layout.freelist_size;
}

/* A free object leaves its slab. */
static void *take_object(const struct slab_cache *s, struct page *page)
{
	struct slab_state t = state_of(page);
	const unsigned number = index_of(s, page)[t.active++];

	set_state(page, t);
	return object_at(s, page, number);
}

/* An object comes back. The first that comes back to a full slab takes the
 * index in: where it was is somebody else's object by now. */
static void put_object(const struct slab_cache *s, struct page *page,
		       const void *object)
{
	struct slab_state t = state_of(page);
	const unsigned number = number_of(s, page, object);

	if (s->layout.place == INDEX_IN_OBJECT && t.active == s->base.objects)
		t.index = number;
	t.active--;
	set_state(page, t);
	index_of(s, page)[t.active] = (uint8_t)number;
}

static void node_add_head(const struct slab_cache *s, struct pfn_list *list,
			  const struct page *page)
{
	pfn_list_add_head(list, map_of(s), pfn_of(s, page));
}

static void node_del(const struct slab_cache *s, struct pfn_list *list,
		     const struct page *page)
{
	pfn_list_del(list, map_of(s), pfn_of(s, page));
}

/* The list that a slab is on, by how many of its objects are out. */
static struct pfn_list *list_of(const struct slab_cache *s, struct slab_node *n,
				unsigned active)
{
	if (!active)
		return &n->free;
	return active == s->base.objects ? &n->full : &n->partial;
}

/* ---- slabs come and go ----------------------------------------------------
 */

/* Numbers the objects of a new slab, one after the other or as the cache's
 * random order has them, from a random place on. */
static void fill_index(struct slab_ctx *ctx, const struct slab_cache *s,
		       struct page *page)
{
	const unsigned num = s->base.objects;
	struct slab_state t = state_of(page);
	unsigned at = 0;
	uint8_t *index;

	if (s->order) {
		ctx->rng = ctx->rng * 6364136223846793005ULL +
			   1442695040888963407ULL;
		at = (unsigned)((ctx->rng >> 33) % num);
	}
	if (s->layout.place == INDEX_IN_OBJECT) {
		/* the host is handed out last */
		t.index = s->order ? s->order[at] : num - 1;
		set_state(page, t);
		at = (at + 1) % num;
	}
	index = index_of(s, page);
	for (unsigned i = 0; i < num; i++)
		index[i] = (uint8_t)i;
	if (!s->order)
		return;
	for (unsigned i = 0; i < num; i++, at = (at + 1) % num)
		index[i] = s->order[at];
}

/* A block for the index of a slab; false: no memory. */
static bool take_index(struct slab_ctx *ctx, const struct slab_cache *s,
		       struct slab_state *t, gfp_t gfp)
{
	const char *base = s->base.slab->memory;
	const char *block;

	if (s->layout.place != INDEX_OFF_SLAB)
		return true;
	block = kmalloc(ctx, s->layout.freelist_size,
			gfp & ~(GFP_BIT_DMA | GFP_BIT_DMA32 |
				GFP_BIT_RECLAIMABLE | GFP_BIT_ZERO));
	if (!block)
		return false;
	t->index = (uint64_t)(block - base) / INDEX_UNIT;
	return true;
}

static unsigned next_colour(const struct slab_cache *s, unsigned nid)
{
	struct slab_node *n = &s->node[nid];
	unsigned colour;

	spin_lock(&n->lock);
	if (++n->colour_next >= s->layout.colour)
		n->colour_next = 0;
	colour = n->colour_next;
	spin_unlock(&n->lock);
	return colour;
}

/* A slab on no list, all its objects free. No lock is held. NULL: no pages. */
static struct page *grow(struct slab_ctx *ctx, struct slab_cache *s, gfp_t gfp,
			 unsigned nid)
{
	struct slab_state t = { 0 };
	struct page *page;
	uint32_t tag;

	slab_rcu_reap(ctx, &s->base);
	page = slab_pages_alloc(ctx, &s->base, gfp, s->base.order, nid);
	if (!page)
		return NULL;
	tag = slab_tag(page);
	t.colour = next_colour(s, slab_tag_node(tag));
	if (!take_index(ctx, s, &t, gfp)) {
		slab_pages_free(ctx, &s->base, page);
		return NULL;
	}
	/* relaxed: the slab has one owner */
	atomic_store_explicit(&page->link, tag | (uint32_t)ctx->cpu << 24,
			      memory_order_relaxed);
	set_state(page, t);
	if (is_debug(s))
		slab_debug_new_slab(&s->base, page);
	for (unsigned i = 0; i < s->base.objects; i++) {
		if (is_debug(s))
			slab_debug_new_object(&s->base, object_at(s, page, i));
		if (s->base.ctor)
			s->base.ctor(object_at(s, page, i));
	}
	fill_index(ctx, s, page);
	slab_count(ctx, &s->base, ALLOC_SLAB);
	return page;
}

/* A grown slab, some of whose objects may be taken already, joins its node. */
static void link_grown(const struct slab_cache *s, struct slab_node *n,
		       struct page *page) REQUIRES(n->lock)
{
	const unsigned active = state_of(page).active;

	n->total_slabs++;
	if (active) {
		node_add_head(s, list_of(s, n, active), page);
	} else {
		pfn_list_add_tail(&n->free, map_of(s), pfn_of(s, page));
		n->free_slabs++;
	}
	add_free_objects(n, (long)s->base.objects - (long)active);
}

/* The slab is on no list, nobody has an object of it. No lock is held. */
static void discard(struct slab_ctx *ctx, struct slab_cache *s,
		    struct page *page)
{
	if (s->layout.place == INDEX_OFF_SLAB)
		kfree(ctx, index_of(s, page));
	for (unsigned i = 0; is_debug(s) && i < s->base.objects; i++)
		slab_debug_check(&s->base, page, object_at(s, page, i), false);
	slab_count(ctx, &s->base, FREE_SLAB);
	if (s->base.flags & SLAB_TYPESAFE_BY_RCU)
		slab_rcu_defer(&s->base, page);
	else
		slab_pages_free(ctx, &s->base, page);
}

static void discard_all(struct slab_ctx *ctx, struct slab_cache *s,
			struct pfn_list *slabs)
{
	uint32_t pfn;

	while ((pfn = pfn_list_pop(slabs, map_of(s))) != PFN_LIST_END)
		discard(ctx, s, &map_of(s)[pfn]);
}

/* The last free slab leaves the node for *out. */
static void detach_last(const struct slab_cache *s, struct slab_node *n,
			struct pfn_list *out) REQUIRES(n->lock)
{
	const uint32_t pfn = n->free.last;

	pfn_list_del(&n->free, map_of(s), pfn);
	add_free_objects(n, -(long)s->base.objects);
	n->free_slabs--;
	n->total_slabs--;
	pfn_list_add_tail(out, map_of(s), pfn);
}

/* Up to `most` of them; returns how many. */
static unsigned long detach_free(const struct slab_cache *s,
				 struct slab_node *n, unsigned long most,
				 struct pfn_list *out) REQUIRES(n->lock)
{
	unsigned long done = 0;

	for (; done < most && !pfn_list_empty(&n->free); done++)
		detach_last(s, n, out);
	return done;
}

/* ---- arrays and slabs ------------------------------------------------------
 */

/*
 * Objects go back to slabs of node n. Slabs become free, or partial at the
 * tail; what exceeds the node's limit of free objects leaves it for *out.
 */
static void free_block(struct slab_ctx *ctx, const struct slab_cache *s,
		       struct slab_node *n, void **object, unsigned nr,
		       struct pfn_list *out) REQUIRES(n->lock)
{
	add_free_objects(n, (long)nr);
	for (unsigned i = 0; i < nr; i++) {
		struct page *page = slab_virt_to_page(s->base.slab, object[i]);
		const unsigned active = state_of(page).active;

		node_del(s, list_of(s, n, active), page);
		put_object(s, page, object[i]);
		if (active == s->base.objects)
			slab_count(ctx, &s->base, FREE_ADD_PARTIAL);
		if (active == 1) {
			node_add_head(s, &n->free, page);
			n->free_slabs++;
		} else {
			pfn_list_add_tail(&n->partial, map_of(s),
					  pfn_of(s, page));
		}
	}
	while (free_objects_of(n) > n->free_limit && !pfn_list_empty(&n->free))
		detach_last(s, n, out);
}

/* The first slab with free objects, taken off its list; NULL: none. */
static struct page *take_slab(const struct slab_cache *s, struct slab_node *n)
	REQUIRES(n->lock)
{
	uint32_t pfn = pfn_list_pop(&n->partial, map_of(s));

	if (pfn == PFN_LIST_END) {
		pfn = pfn_list_pop(&n->free, map_of(s));
		if (pfn == PFN_LIST_END)
			return NULL;
		n->free_touched = true;
		n->free_slabs--;
	}
	return &map_of(s)[pfn];
}

/* Moves up to `batch` objects of a slab into the array; how many. */
static unsigned take_batch(const struct slab_cache *s, struct array_cache *ac,
			   struct page *page, unsigned batch)
{
	const unsigned room = s->base.objects - state_of(page).active;
	const unsigned n = batch < room ? batch : room;
	uint32_t at = avail_of(ac);

	for (unsigned i = 0; i < n; i++)
		ac->entry[at++] = take_object(s, page);
	set_avail(ac, at);
	return n;
}

/* The newest of `from`, in their order, up to `most` and what there is room
 * for; how many. */
static unsigned transfer(struct array_cache *to, struct array_cache *from,
			 unsigned most)
{
	const uint32_t have = avail_of(from), at = avail_of(to);
	const unsigned n = (unsigned)min_long(min_long(have, most),
					      (long)to->limit - (long)at);

	memcpy(to->entry + at, from->entry + have - n, n * sizeof(*to->entry));
	set_avail(from, have - n);
	set_avail(to, at + n);
	return n;
}

/* Drops the n oldest entries, which have gone elsewhere. */
static void shift_down(struct array_cache *ac, unsigned n)
{
	const uint32_t left = avail_of(ac) - n;

	memmove(ac->entry, ac->entry + n, left * sizeof(*ac->entry));
	set_avail(ac, left);
}

/* ---- allocation ------------------------------------------------------------
 */

static unsigned batch_of(const struct array_cache *ac)
{
	/* an idle cache is not filled up for one object */
	return !ac->touched && ac->batchcount > 16 ? 16 : ac->batchcount;
}

/* An empty array is filled from the shared one or from slabs of its node. */
static void refill(struct slab_ctx *ctx, struct slab_cache *s,
		   struct slab_cpu *c) REQUIRES(c->lock)
{
	struct slab_node *n = &s->node[c->node];
	unsigned batch = batch_of(c->ac), got;
	struct page *page;

	if (!free_objects_of(n) && !(n->shared && avail_of(n->shared)))
		return;
	spin_lock(&n->lock);
	if (n->shared && (got = transfer(c->ac, n->shared, batch))) {
		n->shared->touched = 1;
		ctx->counters[s->base.id].v[SHARED_REFILL] += got;
		spin_unlock(&n->lock);
		return;
	}
	while (batch && (page = take_slab(s, n))) {
		got = take_batch(s, c->ac, page, batch);
		batch -= got;
		add_free_objects(n, -(long)got);
		node_add_head(s, list_of(s, n, state_of(page).active), page);
		slab_count(ctx, &s->base, ALLOC_FROM_PARTIAL);
	}
	spin_unlock(&n->lock);
}

/* Without reclaim and from this node only: others come before both. */
static gfp_t exact(const struct slab_cache *s, gfp_t gfp)
{
	if (s->nr_nodes == 1)
		return gfp;
	return (gfp | GFP_BIT_THISNODE | GFP_BIT_NOWARN) &
	       ~(GFP_BIT_DIRECT_RECLAIM | GFP_BIT_KSWAPD_RECLAIM |
		 GFP_BIT_NOFAIL);
}

/* The newest object of an array; NULL: it is empty. */
ALWAYS_INLINE void *take_newest(struct array_cache *ac)
{
	const uint32_t n = avail_of(ac);

	if (unlikely(!n))
		return NULL;
	ac->touched = 1;
	set_avail(ac, n - 1);
	return ac->entry[n - 1];
}

/* A new slab for the array, whoever's it is by now, and an object out of it:
 * under one hold, lest the array be emptied in between. NULL: no pages. */
static void *grow_array(struct slab_ctx *ctx, struct slab_cache *s,
			struct slab_cpu *c, gfp_t gfp)
{
	struct page *page = grow(ctx, s, exact(s, gfp), c->node);
	struct slab_node *n;
	void *object;

	if (!page)
		return NULL;
	n = &s->node[slab_tag_node(slab_tag(page))];
	spin_lock(&c->lock);
	if (!avail_of(c->ac) && n == &s->node[c->node])
		take_batch(s, c->ac, page, batch_of(c->ac));
	object = take_newest(c->ac);
	spin_lock(&n->lock);
	link_grown(s, n, page);
	spin_unlock(&n->lock);
	spin_unlock(&c->lock);
	return object;
}

/* An object of node nid's slabs, past the arrays; NULL: none there. */
static void *alloc_from_node(struct slab_ctx *ctx, struct slab_cache *s,
			     gfp_t gfp, unsigned nid)
{
	struct slab_node *n = &s->node[nid];
	struct page *page;
	void *object;

	spin_lock(&n->lock);
	page = take_slab(s, n);
	if (!page) {
		spin_unlock(&n->lock);
		page = grow(ctx, s, gfp, nid);
		if (!page)
			return NULL;
		n = &s->node[slab_tag_node(slab_tag(page))];
		spin_lock(&n->lock);
		n->total_slabs++;
		add_free_objects(n, (long)s->base.objects);
	}
	object = take_object(s, page);
	add_free_objects(n, -1);
	node_add_head(s, list_of(s, n, state_of(page).active), page);
	spin_unlock(&n->lock);
	slab_count(ctx, &s->base, NODE_ALLOC);
	return object;
}

/* Whatever node has objects, then whatever node has pages. */
static void *alloc_fallback(struct slab_ctx *ctx, struct slab_cache *s,
			    gfp_t gfp)
{
	const struct node *node = &ctx->slab->machine->node[ctx->node];
	void *object = NULL;

	if (gfp & GFP_BIT_THISNODE)
		return NULL;
	for (unsigned i = 0; i < node->nr_order && !object; i++)
		if (free_objects_of(&s->node[node->node_order[i]]))
			object = alloc_from_node(ctx, s, exact(s, gfp),
						 node->node_order[i]);
	return object ? object : alloc_from_node(ctx, s, gfp, local_node(ctx));
}

/* The newest object of the CPU's array; NULL: it is empty. */
ALWAYS_INLINE void *cpu_pop(struct slab_cpu *c)
{
	void *object;

	spin_lock(&c->lock);
	object = take_newest(c->ac);
	spin_unlock(&c->lock);
	return object;
}

/* Out of the array, after it was filled. */
static void *alloc_slow(struct slab_ctx *ctx, struct slab_cache *s, gfp_t gfp)
{
	struct slab_cpu *c = &s->cpu[ctx->cpu];
	void *object;

	slab_count(ctx, &s->base, ALLOC_SLOWPATH);
	spin_lock(&c->lock);
	if (!avail_of(c->ac))
		refill(ctx, s, c);
	object = take_newest(c->ac);
	spin_unlock(&c->lock);
	return object ? object : grow_array(ctx, s, c, gfp);
}

/* NULL: no memory. */
static NOINLINE void *alloc_miss(struct slab_ctx *ctx, struct slab_cache *s,
				 gfp_t gfp)
{
	void *object = alloc_slow(ctx, s, gfp);

	if (unlikely(!object) && s->nr_nodes > 1) {
		object =
			alloc_from_node(ctx, s, exact(s, gfp), local_node(ctx));
		if (!object)
			object = alloc_fallback(ctx, s, gfp);
	}
	return object;
}

static bool is_sound(struct slab_ctx *ctx, struct slab_cache *s, void *object)
{
	return slab_debug_alloc(
		ctx, &s->base, slab_virt_to_page(s->base.slab, object), object);
}

/* Of a debug cache. What turns out broken is given to nobody. */
static NOINLINE void *alloc_checked(struct slab_ctx *ctx, struct slab_cache *s,
				    gfp_t gfp)
{
	const void *outer = slab_caller_known(ctx, __builtin_return_address(0));
	void *object;

	do {
		object = cpu_pop(&s->cpu[ctx->cpu]);
		if (object)
			slab_count(ctx, &s->base, ALLOC_FASTPATH);
		else
			object = alloc_miss(ctx, s, gfp);
	} while (object && !is_sound(ctx, s, object));
	slab_caller_end(ctx, outer);
	return object;
}

SLAB_HOT void *slab_alloc_hot(struct slab_ctx *ctx, struct kmem_cache *base,
			      gfp_t gfp)
{
	struct slab_cache *s = to_slab(base);
	void *object;

	if (unlikely(base->flags & SLAB_DEBUG_FLAGS))
		return alloc_checked(ctx, s, gfp);
	object = cpu_pop(&s->cpu[ctx->cpu]);
	if (unlikely(!object))
		return alloc_miss(ctx, s, gfp);
	slab_count(ctx, base, ALLOC_FASTPATH);
	return object;
}

static void *slab_alloc_node(struct slab_ctx *ctx, struct kmem_cache *base,
			     gfp_t gfp, unsigned nid)
{
	struct slab_cache *s = to_slab(base);
	void *object;

	if (slab_memory_node(ctx->slab->machine, nid) == local_node(ctx)) {
		/* a node without memory has nothing of its own */
		if (nid == local_node(ctx) || !(gfp & GFP_BIT_THISNODE))
			return slab_alloc_hot(ctx, base, gfp);
		return NULL;
	}
	do {
		object = NULL;
		if (slab_node_has_memory(ctx->slab, nid))
			object = alloc_from_node(ctx, s, exact(s, gfp), nid);
		if (!object)
			object = alloc_fallback(ctx, s, gfp);
	} while (object && is_debug(s) && !is_sound(ctx, s, object));
	return object;
}

/* ---- free ------------------------------------------------------------------
 */

/* Makes room in a full array: its oldest batch goes to the shared array or, if
 * that is full, to slabs. Room for one object is enough to move just one. */
static void flush(struct slab_ctx *ctx, struct slab_cache *s,
		  struct slab_cpu *c, struct pfn_list *out) REQUIRES(c->lock)
{
	struct slab_node *n = &s->node[c->node];
	struct array_cache *ac = c->ac, *shared = n->shared;
	unsigned batch = ac->batchcount;

	spin_lock(&n->lock);
	if (shared && avail_of(shared) < shared->limit) {
		const uint32_t at = avail_of(shared);

		if (batch > shared->limit - at)
			batch = shared->limit - at;
		memcpy(shared->entry + at, ac->entry,
		       batch * sizeof(*ac->entry));
		set_avail(shared, at + batch);
		ctx->counters[s->base.id].v[SHARED_FLUSH] += batch;
	} else {
		free_block(ctx, s, n, ac->entry, batch, out);
	}
	spin_unlock(&n->lock);
	shift_down(ac, batch);
}

/* Is the object the array's newest, on a cache that looks? */
ALWAYS_INLINE bool is_twice(const struct slab_cache *s,
			    const struct array_cache *ac, const void *object)
{
	const uint32_t n = unlikely(s->hardened) ? avail_of(ac) : 0;

	return n && ac->entry[n - 1] == object;
}

static NOINLINE void report_twice(struct slab_cache *s, const void *object)
{
	slab_debug_report(&s->base, slab_virt_to_page(s->base.slab, object),
			  "Object already free", object);
}

enum pushed { PUSHED, FULL, TWICE };

/* The object becomes the newest of the CPU's array. */
ALWAYS_INLINE enum pushed cpu_push(const struct slab_cache *s,
				   struct slab_cpu *c, void *object)
{
	enum pushed done = PUSHED;
	uint32_t n;

	spin_lock(&c->lock);
	n = avail_of(c->ac);
	if (unlikely(n >= c->ac->limit)) {
		done = FULL;
	} else if (unlikely(is_twice(s, c->ac, object))) {
		done = TWICE;
	} else {
		c->ac->entry[n] = object;
		set_avail(c->ac, n + 1);
	}
	spin_unlock(&c->lock);
	return done;
}

/* The same where nobody looks for room; false: hardened, and it was free
 * already. */
static bool array_push(const struct slab_cache *s, struct array_cache *ac,
		       void *object)
{
	if (unlikely(is_twice(s, ac, object)))
		return false;
	ac->entry[avail_of(ac)] = object;
	set_avail(ac, avail_of(ac) + 1);
	return true;
}

static NOINLINE void free_miss(struct slab_ctx *ctx, struct slab_cache *s,
			       void *object)
{
	bool done;
	struct slab_cpu *c = &s->cpu[ctx->cpu];
	struct array_cache *ac;
	struct pfn_list out;

	slab_count(ctx, &s->base, FREE_SLOWPATH);
	pfn_list_init(&out);
	spin_lock(&c->lock);
	ac = c->ac;
	if (avail_of(ac) == ac->limit)
		flush(ctx, s, c, &out);
	done = array_push(s, ac, object);
	spin_unlock(&c->lock);
	if (unlikely(!done))
		report_twice(s, object);
	discard_all(ctx, s, &out);
}

/* All of an alien array goes home: into the node's shared array as far as there
 * is room, else into slabs. */
static void drain_alien(struct slab_ctx *ctx, struct slab_cache *s,
			struct alien_cache *a, unsigned nid,
			struct pfn_list *out) REQUIRES(a->lock)
{
	struct slab_node *n = &s->node[nid];

	if (!avail_of(a->ac))
		return;
	spin_lock(&n->lock);
	if (n->shared)
		transfer(n->shared, a->ac, a->ac->limit);
	free_block(ctx, s, n, a->ac->entry, avail_of(a->ac), out);
	set_avail(a->ac, 0);
	spin_unlock(&n->lock);
}

/* An object of node nid, which is not the thread's. */
static NOINLINE void free_alien(struct slab_ctx *ctx, struct slab_cache *s,
				void *object, unsigned nid)
{
	struct alien_cache *a = &s->node[local_node(ctx)].alien[nid];
	struct pfn_list out;
	bool done;

	slab_count(ctx, &s->base, REMOTE_NODE_FREE);
	pfn_list_init(&out);
	spin_lock(&a->lock);
	if (avail_of(a->ac) == a->ac->limit) {
		slab_count(ctx, &s->base, ALIEN_OVERFLOW);
		drain_alien(ctx, s, a, nid, &out);
	}
	done = array_push(s, a->ac, object);
	spin_unlock(&a->lock);
	if (unlikely(!done))
		report_twice(s, object);
	discard_all(ctx, s, &out);
}

static bool in_array(const struct array_cache *ac, const void *object)
{
	for (uint32_t i = 0; ac && i < avail_of(ac); i++)
		if (ac->entry[i] == object)
			return true;
	return false;
}

static bool in_index(const struct slab_cache *s, const struct page *page,
		     unsigned number)
{
	for (unsigned i = state_of(page).active; i < s->base.objects; i++)
		if (index_of(s, page)[i] == number)
			return true;
	return false;
}

/* Is the object in its slab's index or an array? With each one's lock: others
 * may be inside. */
static bool known_free(struct slab_cache *s, const struct page *page,
		       const void *object)
{
	struct slab_node *n = &s->node[slab_tag_node(slab_tag(page))];
	const unsigned number = number_of(s, page, object);
	bool found;

	spin_lock(&n->lock);
	found = in_index(s, page, number) || in_array(n->shared, object);
	spin_unlock(&n->lock);
	for (unsigned i = 0; i < s->nr_slots && !found; i++) {
		spin_lock(&s->cpu[i].lock);
		found = in_array(s->cpu[i].ac, object);
		spin_unlock(&s->cpu[i].lock);
	}
	for (unsigned i = 0; i < s->nr_nodes && !found; i++) {
		struct alien_cache *a = s->node[i].alien
						? &s->node[i].alien[n - s->node]
						: NULL;

		if (!a)
			break;
		spin_lock(&a->lock);
		found = in_array(a->ac, object);
		spin_unlock(&a->lock);
	}
	return found;
}

/* Where an object goes that is in order. */
ALWAYS_INLINE void free_object(struct slab_ctx *ctx, struct slab_cache *s,
			       void *object, uint32_t tag)
{
	if (unlikely((tag >> 24) != (uint8_t)ctx->cpu))
		slab_count(ctx, &s->base, REMOTE_FREE);
	if (unlikely(s->nr_nodes > 1 &&
		     slab_tag_node(tag) != local_node(ctx))) {
		free_alien(ctx, s, object, slab_tag_node(tag));
		return;
	}
	switch (cpu_push(s, &s->cpu[ctx->cpu], object)) {
	case PUSHED:
		slab_count(ctx, &s->base, FREE_FASTPATH);
		break;
	case FULL:
		free_miss(ctx, s, object);
		break;
	case TWICE:
		report_twice(s, object);
		break;
	}
}

/* Of a debug cache. What turns out broken, or free already, stays out. */
static NOINLINE void free_checked(struct slab_ctx *ctx, struct slab_cache *s,
				  void *object)
{
	struct page *page = slab_virt_to_page(s->base.slab, object);
	const void *outer = slab_caller_known(ctx, __builtin_return_address(0));

	if (slab_debug_free(ctx, &s->base, page, object,
			    known_free(s, page, object)))
		free_object(ctx, s, object, slab_tag(page));
	slab_caller_end(ctx, outer);
}

SLAB_HOT void slab_free_hot(struct slab_ctx *ctx, struct kmem_cache *base,
			    void *object)
{
	struct slab_cache *s = to_slab(base);

	if (unlikely(base->flags & SLAB_DEBUG_FLAGS)) {
		free_checked(ctx, s, object);
		return;
	}
	free_object(ctx, s, object,
		    slab_tag(slab_virt_to_page(base->slab, object)));
}

/* ---- shrink and reaper -----------------------------------------------------
 */

static void drain_cpu(struct slab_ctx *ctx, struct slab_cache *s,
		      struct slab_cpu *c, struct pfn_list *out)
{
	struct slab_node *n = &s->node[c->node];

	spin_lock(&c->lock);
	spin_lock(&n->lock);
	free_block(ctx, s, n, c->ac->entry, avail_of(c->ac), out);
	set_avail(c->ac, 0);
	spin_unlock(&n->lock);
	spin_unlock(&c->lock);
}

static void drain_aliens(struct slab_ctx *ctx, struct slab_cache *s,
			 struct slab_node *n, struct pfn_list *out)
{
	for (unsigned i = 0; n->alien && i < s->nr_nodes; i++) {
		struct alien_cache *a = &n->alien[i];

		spin_lock(&a->lock);
		drain_alien(ctx, s, a, i, out);
		spin_unlock(&a->lock);
	}
}

/* Every array into slabs. */
static void drain_all(struct slab_ctx *ctx, struct slab_cache *s)
{
	struct pfn_list out;

	pfn_list_init(&out);
	for (unsigned i = 0; i < s->nr_slots; i++)
		drain_cpu(ctx, s, &s->cpu[i], &out);
	for (unsigned i = 0; i < s->nr_nodes; i++)
		drain_aliens(ctx, s, &s->node[i], &out);
	for (unsigned i = 0; i < s->nr_nodes; i++) {
		struct slab_node *n = &s->node[i];

		spin_lock(&n->lock);
		if (n->shared) {
			free_block(ctx, s, n, n->shared->entry,
				   avail_of(n->shared), &out);
			set_avail(n->shared, 0);
		}
		spin_unlock(&n->lock);
	}
	discard_all(ctx, s, &out);
}

/* All empty slabs; how many others are left. */
static unsigned long give_back(struct slab_ctx *ctx, struct slab_cache *s)
{
	unsigned long left = 0;
	struct pfn_list out;

	pfn_list_init(&out);
	drain_all(ctx, s);
	for (unsigned i = 0; i < s->nr_nodes; i++) {
		struct slab_node *n = &s->node[i];

		spin_lock(&n->lock);
		detach_free(s, n, ULONG_MAX, &out);
		left += n->total_slabs;
		spin_unlock(&n->lock);
	}
	discard_all(ctx, s, &out);
	slab_rcu_reap(ctx, &s->base);
	return left;
}

static int slab_shrink(struct slab_ctx *ctx, struct kmem_cache *s)
{
	return give_back(ctx, to_slab(s)) > 0;
}

static unsigned long slab_shutdown(struct slab_ctx *ctx, struct kmem_cache *s)
{
	const unsigned long left = give_back(ctx, to_slab(s));

	if (s->flags & SLAB_TYPESAFE_BY_RCU)
		slab_rcu_barrier();
	slab_rcu_reap(ctx, s);
	return left;
}

/* A fifth of the array's capacity, its oldest; of what is less, half. What was
 * used since the last visit is left alone. */
static void drain_idle(struct slab_ctx *ctx, struct slab_cache *s,
		       struct slab_node *n, struct array_cache *ac,
		       struct pfn_list *out) REQUIRES(n->lock)
{
	const uint32_t avail = avail_of(ac);
	uint32_t nr = (ac->limit + 4) / 5;

	if (!avail)
		return;
	if (ac->touched) {
		ac->touched = 0;
		return;
	}
	if (nr > avail)
		nr = (avail + 1) / 2;
	free_block(ctx, s, n, ac->entry, nr, out);
	shift_down(ac, nr);
}

/* The part of a visit that a node gets once in REAP_NODE_S. */
static void reap_node(struct slab_ctx *ctx, struct slab_cache *s,
		      struct slab_node *n, struct pfn_list *out)
	REQUIRES(n->lock)
{
	const unsigned num = 5 * s->base.objects;

	if (n->shared)
		drain_idle(ctx, s, n, n->shared, out);
	if (n->free_touched)
		n->free_touched = false;
	else
		ctx->counters[s->base.id].v[SLAB_REAPED] +=
			detach_free(s, n, (n->free_limit + num - 1) / num, out);
}

/* One visit of a CPU's reaper to a cache. */
static void reap_cache(struct slab_ctx *ctx, struct slab_cache *s,
		       unsigned slot, unsigned alien_node)
{
	const unsigned now = ((struct slab_reaper *)ctx->slab->priv)->now;
	struct slab_cpu *c = &s->cpu[slot];
	struct slab_node *n = &s->node[c->node];
	struct pfn_list out;

	pfn_list_init(&out);
	if (n->alien && spin_trylock(&n->alien[alien_node].lock)) {
		drain_alien(ctx, s, &n->alien[alien_node], alien_node, &out);
		spin_unlock(&n->alien[alien_node].lock);
	}
	spin_lock(&c->lock);
	spin_lock(&n->lock);
	drain_idle(ctx, s, n, c->ac, &out);
	if (n->next_reap <= now) {
		n->next_reap = now + REAP_NODE_S;
		reap_node(ctx, s, n, &out);
	}
	spin_unlock(&n->lock);
	spin_unlock(&c->lock);
	discard_all(ctx, s, &out);
}

/* The reapers of all CPUs whose time has come. */
static void slab_tick(struct slab_ctx *ctx, unsigned seconds)
{
	struct slab_allocator *slab = ctx->slab;
	struct slab_reaper *r = slab->priv;

	if (pthread_mutex_trylock(&slab->mutex))
		return;
	r->now = seconds;
	slab_rcu_reap_all(ctx);
	for (unsigned i = 0; i < slab->nr_slots; i++) {
		if (r->cpu[i].next > seconds)
			continue;
		r->cpu[i].next = seconds + REAP_CPU_S;
		for (struct kmem_cache *s = slab->newest; s; s = s->next)
			reap_cache(ctx, to_slab(s), i, r->cpu[i].alien_node);
		r->cpu[i].alien_node = (r->cpu[i].alien_node + 1) %
				       slab->machine->desc.topo.nr_nodes;
	}
	pthread_mutex_unlock(&slab->mutex);
}

/* ---- create and destroy ----------------------------------------------------
 */

static int slab_open(struct slab_allocator *slab)
{
	struct slab_reaper *r =
		calloc(1, sizeof(*r) + slab->nr_slots * sizeof(r->cpu[0]));

	if (!r)
		return -ENOMEM;
	for (unsigned i = 0; i < slab->nr_slots; i++)
		r->cpu[i].next = REAP_FIRST_S;
	slab->priv = r;
	return 0;
}

static void slab_close(struct slab_allocator *slab)
{
	free(slab->priv);
}

static int slab_cache_geometry(const struct slab_config *cfg,
			       struct kmem_cache *s)
{
	return slab_geometry(cfg, s, &to_slab(s)->layout);
}

static struct array_cache *array_new(unsigned limit, unsigned batchcount)
{
	const size_t bytes =
		sizeof(struct array_cache) + limit * sizeof(void *);
	const size_t rounded = round_up_pow2(bytes, 2 * CACHELINE_SIZE);
	struct array_cache *ac = aligned_alloc(2 * CACHELINE_SIZE, rounded);

	if (!ac)
		return NULL;
	memset(ac, 0, rounded);
	ac->limit = limit;
	ac->batchcount = batchcount;
	return ac;
}

static void *zeroed(size_t n, size_t size)
{
	void *p = aligned_alloc(2 * CACHELINE_SIZE,
				round_up_pow2(n * size, 2 * CACHELINE_SIZE));

	if (p)
		memset(p, 0, n * size);
	return p;
}

static unsigned cpus_of(const struct machine *m, unsigned nid)
{
	const struct topo *t = &m->desc.topo;
	unsigned n = 0;

	for (unsigned i = 0; i < t->nr_cpus; i++)
		n += t->node_of_cpu[i] == nid;
	return n;
}

static int open_aliens(struct slab_cache *s, struct slab_node *n)
{
	const unsigned limit = s->layout.limit > 1 ? ALIEN_LIMIT : 1;

	if (s->nr_nodes == 1)
		return 0;
	n->alien = zeroed(s->nr_nodes, sizeof(*n->alien));
	if (!n->alien)
		return -ENOMEM;
	for (unsigned i = 0; i < s->nr_nodes; i++) {
		spin_lock_init(&n->alien[i].lock, RANK_SLAB_CPU);
		n->alien[i].ac = array_new(limit, NO_BATCH);
		if (!n->alien[i].ac)
			return -ENOMEM;
	}
	return 0;
}

static int open_node(struct slab_cache *s, unsigned nid)
{
	const struct slab_allocator *slab = s->base.slab;
	const struct slab_reaper *r = slab->priv;
	struct slab_node *n = &s->node[nid];

	spin_lock_init(&n->lock, RANK_SLAB_NODE);
	pfn_list_init(&n->partial);
	pfn_list_init(&n->full);
	pfn_list_init(&n->free);
	n->free_limit = slab_free_limit(&s->base, &s->layout,
					cpus_of(slab->machine, nid));
	/* not all caches in one visit */
	n->next_reap = r->now + REAP_NODE_S + s->base.id % REAP_NODE_S;
	if (s->layout.shared) {
		n->shared = array_new(s->layout.shared * s->layout.batchcount,
				      NO_BATCH);
		if (!n->shared)
			return -ENOMEM;
	}
	return open_aliens(s, n);
}

static int open_cpu(struct slab_cache *s, unsigned slot)
{
	const struct machine *m = s->base.slab->machine;
	struct slab_cpu *c = &s->cpu[slot];

	spin_lock_init(&c->lock, RANK_SLAB_CPU);
	c->node = (uint16_t)slab_memory_node(m, m->desc.topo.node_of_cpu[slot]);
	c->ac = array_new(s->layout.limit, s->layout.batchcount);
	return c->ac ? 0 : -ENOMEM;
}

/* A random order, from the allocator's seed. */
static int random_order(struct slab_cache *s)
{
	const struct slab_config *cfg = &s->base.slab->config;
	const unsigned n = s->base.objects;
	uint64_t rng = cfg->seed ^ (s->base.id + 1ULL) * 0x9e3779b97f4a7c15ULL;

	if (!cfg->random || n < 2)
		return 0;
	s->order = malloc(n);
	if (!s->order)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		s->order[i] = (uint8_t)i;
	for (unsigned i = n; i > 1; i--) {
		uint8_t t = s->order[i - 1];
		unsigned j;

		rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
		j = (unsigned)((rng >> 33) % i);
		s->order[i - 1] = s->order[j];
		s->order[j] = t;
	}
	return 0;
}

static void close_node(struct slab_cache *s, struct slab_node *n)
{
	for (unsigned i = 0; n->alien && i < s->nr_nodes; i++)
		free(n->alien[i].ac);
	free(n->alien);
	free(n->shared);
}

static void slab_cache_close(struct kmem_cache *base)
{
	struct slab_cache *s = to_slab(base);

	for (unsigned i = 0; s->cpu && i < s->nr_slots; i++)
		free(s->cpu[i].ac);
	for (unsigned i = 0; s->node && i < s->nr_nodes; i++)
		close_node(s, &s->node[i]);
	free(s->cpu);
	free(s->node);
	free(s->order);
	s->cpu = NULL;
	s->node = NULL;
	s->order = NULL;
}

static int slab_cache_open(struct slab_ctx *ctx, struct kmem_cache *base)
{
	struct slab_cache *s = to_slab(base);
	int rc;

	s->nr_slots = ctx->slab->nr_slots;
	s->nr_nodes = ctx->slab->machine->desc.topo.nr_nodes;
	s->hardened = ctx->slab->config.hardened;
	s->cpu = zeroed(s->nr_slots, sizeof(*s->cpu));
	s->node = zeroed(s->nr_nodes, sizeof(*s->node));
	rc = s->cpu && s->node ? random_order(s) : -ENOMEM;
	for (unsigned i = 0; i < s->nr_nodes && !rc; i++)
		rc = open_node(s, i);
	for (unsigned i = 0; i < s->nr_slots && !rc; i++)
		rc = open_cpu(s, i);
	if (rc)
		slab_cache_close(base);
	return rc;
}

/* ---- what can be seen ------------------------------------------------------
 */

static void slab_info(const struct kmem_cache *base, struct slabinfo_row *out)
{
	const struct slab_cache *s = to_slab_const(base);
	uint64_t free_objects = 0;

	*out = (struct slabinfo_row){
		.objsize = base->size,
		.objperslab = base->objects,
		.pagesperslab = 1u << base->order,
		.limit = s->layout.limit,
		.batchcount = s->layout.batchcount,
		.shared = s->layout.shared,
	};
	for (unsigned i = 0; s->node && i < s->nr_nodes; i++) {
		struct slab_node *n = &s->node[i];

		spin_lock(&n->lock);
		out->num_slabs += n->total_slabs;
		out->active_slabs += n->total_slabs - n->free_slabs;
		out->shared_avail += n->shared ? avail_of(n->shared) : 0;
		free_objects += free_objects_of(n);
		spin_unlock(&n->lock);
	}
	out->num_objs = out->num_slabs * base->objects;
	out->active_objs = out->num_objs - free_objects;
}

/* Flags as the kernel keeps them, with the place of the index among them. */
static uint32_t kernel_flags(const struct slab_cache *s)
{
	const uint32_t place[] = {
		[INDEX_IN_OBJECT] = 0x40000000u,
		[INDEX_OFF_SLAB] = 0x80000000u,
		[INDEX_ON_SLAB] = 0,
	};

	return (s->base.flags & ~SLAB_NO_MERGE) | place[s->layout.place];
}

/* `name value` pairs: the words of a log's KSTATE line. */
static void print_geometry(const struct slab_cache *s, FILE *out,
			   const char *end)
{
	const struct kmem_cache *b = &s->base;
	const struct slab_layout *l = &s->layout;
	const struct {
		const char *name;
		unsigned value;
	} field[] = {
		{ "object_size", b->object_size },
		{ "size-asked", b->size_asked },
		{ "size", b->size },
		{ "align", b->align },
		{ "num", b->objects },
		{ "gfporder", b->order },
		{ "colour", l->colour },
		{ "colour_off", l->colour_off },
		{ "freelist_size", l->freelist_size },
		{ "batchcount", l->batchcount },
		{ "limit", l->limit },
		{ "shared", l->shared },
		{ "off_slab", l->place == INDEX_OFF_SLAB },
		{ "objfreelist", l->place == INDEX_IN_OBJECT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		fprintf(out, "%s %u%s", field[i].name, field[i].value, end);
	fprintf(out, "cflags %x\n", kernel_flags(s));
}

/* Sums over CPUs and nodes, by the names of a log's ARRAY and NODE lines. */
static void print_sums(const struct slab_cache *s, FILE *out)
{
	unsigned long avail = 0, shared = 0, total = 0, free = 0, objects = 0;

	for (unsigned i = 0; i < s->nr_slots; i++)
		avail += avail_of(s->cpu[i].ac);
	for (unsigned i = 0; i < s->nr_nodes; i++) {
		struct slab_node *n = &s->node[i];

		spin_lock(&n->lock);
		shared += n->shared ? avail_of(n->shared) : 0;
		total += n->total_slabs;
		free += n->free_slabs;
		objects += free_objects_of(n);
		spin_unlock(&n->lock);
	}
	fprintf(out,
		"avail %lu\nshared_avail %lu\ntotal_slabs %lu\n"
		"free_slabs %lu\nfree_objects %lu\n",
		avail, shared, total, free, objects);
}

static void slab_attributes(const struct kmem_cache *s, FILE *out)
{
	print_geometry(to_slab_const(s), out, "\n");
	if (to_slab_const(s)->node)
		print_sums(to_slab_const(s), out);
}

static void slab_log_geometry(const struct kmem_cache *s, FILE *out)
{
	print_geometry(to_slab_const(s), out, " ");
}

/* Where a state is printed to, and who numbers its slabs. */
struct log_sink {
	FILE *out;
	slab_number_fn *number;
	void *arg;
};

static void log_list(const struct slab_cache *s, const struct pfn_list *list,
		     const char *name, const struct log_sink *to)
{
	const struct page *map = map_of(s);

	pfn_list_for_each (pfn, list, map)
		fprintf(to->out, " %s slab %u active %u\n", name,
			to->number(to->arg, &map[pfn]),
			state_of(&map[pfn]).active);
}

/* As a kernel's module saw it that ran on the first CPU. */
static void slab_log_state(const struct kmem_cache *base, FILE *out,
			   slab_number_fn *number, void *arg)
{
	const struct slab_cache *s = to_slab_const(base);
	const struct array_cache *ac = s->cpu[0].ac;
	const struct slab_node *n = &s->node[s->cpu[0].node];
	const struct log_sink to = { out, number, arg };

	fprintf(out, " ARRAY avail %u limit %u batchcount %u touched %u:",
		avail_of(ac), ac->limit, ac->batchcount, ac->touched);
	for (uint32_t i = 0; i < avail_of(ac); i++) {
		const struct page *page =
			slab_virt_to_page(base->slab, ac->entry[i]);

		fprintf(out, " %u.%u", number(arg, page),
			number_of(s, page, ac->entry[i]));
	}
	fputc('\n', out);
	if (n->shared)
		fprintf(out, " SHARED avail %u limit %u batchcount %u\n",
			avail_of(n->shared), n->shared->limit,
			n->shared->batchcount);
	fprintf(out,
		" NODE total_slabs %lu free_slabs %lu free_objects %lu "
		"free_limit %u colour_next %u\n",
		n->total_slabs, n->free_slabs, free_objects_of(n),
		n->free_limit, n->colour_next);
	log_list(s, &n->partial, "PARTIAL", &to);
	log_list(s, &n->full, "FULL", &to);
	log_list(s, &n->free, "FREE", &to);
}

static const char *slab_first_object(const struct kmem_cache *s,
				     const struct page *page)
{
	return objects_of(to_slab_const(s), page);
}

static bool slab_is_free(const struct kmem_cache *base, const struct page *page,
			 const void *object)
{
	struct slab_cache *s = (struct slab_cache *)to_slab_const(base);

	return number_of(s, page, object) >= base->objects ||
	       known_free(s, page, object);
}

/* ---- verification ----------------------------------------------------------
 */

/* Sums over the slabs and arrays of a cache. */
struct tally {
	uint64_t slabs, free_slabs, free_objects, active, cached;
};

static const char *verify_slab(const struct slab_cache *s,
			       const struct page *page)
{
	const unsigned num = s->base.objects, active = state_of(page).active;
	uint64_t seen[(SLAB_MAX_OBJECTS + 63) / 64] = { 0 };

	if (active > num)
		return "slab: more objects out than a slab has";
	for (unsigned i = active; i < num; i++) {
		const unsigned number = index_of(s, page)[i];

		if (number >= num)
			return "slab: an index names no object";
		if (seen[number / 64] >> number % 64 & 1)
			return "slab: an object is free twice";
		seen[number / 64] |= 1ULL << number % 64;
	}
	if (s->layout.place == INDEX_IN_OBJECT && active < num &&
	    index_of(s, page)[num - 1] != state_of(page).index)
		return "slab: an index does not end with its host";
	return NULL;
}

static const char *verify_list(const struct slab_cache *s, struct slab_node *n,
			       struct pfn_list *list, struct tally *t)
{
	const struct page *map = map_of(s);

	pfn_list_for_each (pfn, list, map) {
		const unsigned active = state_of(&map[pfn]).active;
		const char *broken = verify_slab(s, &map[pfn]);

		if (broken)
			return broken;
		if (list_of(s, n, active) != list)
			return "slab: a slab is on the wrong list";
		if (slab_tag_node(slab_tag(&map[pfn])) != n - s->node)
			return "slab: a slab is on another node's list";
		t->slabs++;
		t->free_slabs += !active;
		t->active += active;
		t->free_objects += s->base.objects - active;
	}
	return NULL;
}

/* node: whose objects it may hold. */
static const char *verify_array(const struct slab_cache *s,
				const struct array_cache *ac, unsigned node,
				struct tally *t)
{
	if (!ac)
		return NULL;
	if (avail_of(ac) > ac->limit)
		return "slab: an array holds more than its limit";
	for (uint32_t i = 0; i < avail_of(ac); i++) {
		const struct page *page =
			slab_virt_to_page(s->base.slab, ac->entry[i]);
		const uint32_t tag = slab_tag(page);
		const unsigned number = number_of(s, page, ac->entry[i]);

		if (slab_tag_type(tag) != SLAB_PAGE_HEAD ||
		    slab_tag_cache(tag) != s->base.id)
			return "slab: an array holds another cache's object";
		if (slab_tag_node(tag) != node)
			return "slab: an array holds another node's object";
		if (number >= s->base.objects ||
		    object_at(s, page, number) != ac->entry[i])
			return "slab: an array holds what is no object";
		if (in_index(s, page, number))
			return "slab: an object is in an array and in its slab";
	}
	t->cached += avail_of(ac);
	return NULL;
}

static const char *verify_node(const struct slab_cache *s, struct slab_node *n,
			       struct tally *all)
{
	struct pfn_list *const list[] = { &n->partial, &n->full, &n->free };
	const unsigned nid = (unsigned)(n - s->node);
	const char *broken = NULL;
	struct tally t = { 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(list) && !broken; i++)
		broken = verify_list(s, n, list[i], &t);
	if (!broken &&
	    (t.slabs != n->total_slabs || t.free_slabs != n->free_slabs ||
	     t.free_objects != free_objects_of(n)))
		broken = "slab: a node's counts are not those of its lists";
	if (!broken)
		broken = verify_array(s, n->shared, nid, &t);
	for (unsigned i = 0; n->alien && i < s->nr_nodes && !broken; i++)
		broken = verify_array(s, n->alien[i].ac, i, &t);
	all->active += t.active;
	all->cached += t.cached;
	return broken;
}

static const char *slab_check(const struct kmem_cache *base)
{
	const struct slab_cache *s = to_slab_const(base);
	const char *broken = NULL;
	struct tally t = { 0 };

	for (unsigned i = 0; i < s->nr_nodes && !broken; i++) {
		spin_lock(&s->node[i].lock);
		broken = verify_node(s, &s->node[i], &t);
		spin_unlock(&s->node[i].lock);
	}
	for (unsigned i = 0; i < s->nr_slots && !broken; i++)
		broken = verify_array(s, s->cpu[i].ac, s->cpu[i].node, &t);
	if (!broken && t.cached > t.active)
		broken = "slab: arrays hold more objects than have left slabs";
	return broken;
}

static const struct slab_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary =
		"per-CPU and shared arrays over three slab lists (SLAB, 6.1)",
	.features = SLAB_F_EXACT | SLAB_F_KSTATE | SLAB_F_KMALLOC32,
	.cache_bytes = sizeof(struct slab_cache),
	.geometry = slab_cache_geometry,
	.open = slab_open,
	.close = slab_close,
	.cache_open = slab_cache_open,
	.cache_close = slab_cache_close,
	.shrink = slab_shrink,
	.shutdown = slab_shutdown,
	.thread_enter = slab_thread_enter,
	.tick = slab_tick,
	.info = slab_info,
	.attributes = slab_attributes,
	.verify = slab_check,
	.first_object = slab_first_object,
	.is_free = slab_is_free,
	.log_geometry = slab_log_geometry,
	.log_state = slab_log_state,
	.alloc = slab_alloc_hot,
	.alloc_node = slab_alloc_node,
	.free = slab_free_hot,
};
