/*
 * slob: SLOB of Linux 6.1, the simple list of blocks.
 *
 * All objects smaller than a page, of whatever cache, lie side by side in
 * single pages and are found first fit. A page is 2048 units of two bytes. Its
 * free units form blocks, sorted by address, which describe themselves:
 *
 *   size > 1:  unit 0 = size, unit 1 = offset of the next block
 *   size 1:    unit 0 = -(offset of the next block)
 *
 * in units from the page's start; the last block's next is the page's end.
 * Pages with free units are on one of three lists, by the size for which they
 * were taken: below 256 bytes, below 1024, larger. A search goes on where the
 * one before it ended, since a list is rotated to the page that served. No
 * empty page is kept. kmalloc puts the size into eight bytes before the block;
 * what fills a page is given whole pages.
 *
 *   units = sum of the sizes of a page's free blocks
 *   a page is on a list if and only if 0 < units < 2048
 *
 * Data: a page's links (its list) and payload (struct slob_state).
 *
 * Lock order: slob->reaping, in which objects are freed; slob->lock
 * (RANK_SLAB_NODE). Never under the latter: the page allocator, a constructor.
 *
 * Progress: one lock for everything, as in Linux, and under it a walk of a
 * list and of a page's blocks.
 *
 * As in Linux: constructors run on each allocation, nothing is merged, debug
 * flags have no effect, a cache's end does not know what is still allocated,
 * and with TYPESAFE_BY_RCU it is the object that waits for readers.
 *
 * Departure from Linux: what waits is recorded behind the object at a multiple
 * of eight bytes, so that the object is rounded up to that.
 *
 * Loop stores: loop_done
 */
#include <errno.h>
#include <stdlib.h>
#include <urcu/urcu-bp.h>

#include "alloc/page/buddy.h"
#include "alloc/slab/geometry.h"
#include "alloc/slab/kmalloc.h"
#include "alloc/slab/pages.h"

#define UNIT       2u
#define PAGE_UNITS 2048u
#define HEADER     8u /* before a kmalloc block */

enum slob_list { SLOB_SMALL, SLOB_MEDIUM, SLOB_LARGE, NR_SLOB_LISTS };

/* Behind an object of a TYPESAFE_BY_RCU cache, while it waits for readers. */
struct slob_rcu {
	union {
		struct rcu_head head;
		struct slob_rcu *next; /* its grace period is over */
	};
	_Atomic(struct kmem_cache *) s;
};

struct slob {
	struct spinlock lock;
	struct pfn_list list[NR_SLOB_LISTS]; /* lock */
	struct kmem_cache pages; /* stands for all pages of objects */
	/* who frees what is on rcu_done: a cache that ends waits for him */
	pthread_mutex_t reaping;
	_Atomic(struct slob_rcu *) rcu_done; /* objects to be freed */
};

static struct slob *slob_of(const struct slab_allocator *slab)
{
	return slab->priv;
}

static unsigned units_of(size_t bytes)
{
	return (unsigned)((bytes + UNIT - 1) / UNIT);
}

/* ---- a page ----------------------------------------------------------------
 */

/*
 * page->payload: bits 0-15 first free block, 16-31 free units, 32-33 the list
 * that the page is on. Under the lock, or nobody else knows the page.
 */
struct slob_state {
	unsigned first, units;
	enum slob_list list;
};

static struct slob_state state_of(const struct page *page)
{
	/* relaxed: see above */
	const uint64_t word = atomic_load_explicit(
		&((struct page *)page)->payload, memory_order_relaxed);

	return (struct slob_state){ .first = (uint16_t)word,
				    .units = (uint16_t)(word >> 16),
				    .list = (enum slob_list)(word >> 32 & 3) };
}

static void set_state(struct page *page, struct slob_state t)
{
	/* relaxed: see above */
	atomic_store_explicit(&page->payload,
			      t.first | (uint64_t)t.units << 16 |
				      (uint64_t)t.list << 32,
			      memory_order_relaxed);
}

static void set_block(int16_t *base, unsigned at, unsigned size, unsigned next)
{
	if (size > 1) {
		base[at] = (int16_t)size;
		base[at + 1] = (int16_t)next;
	} else {
		base[at] = (int16_t) - (int)next;
	}
}

static unsigned block_units(const int16_t *base, unsigned at)
{
	return base[at] > 0 ? (unsigned)base[at] : 1;
}

static unsigned block_next(const int16_t *base, unsigned at)
{
	return (unsigned)(base[at] > 0 ? base[at + 1] : -base[at]);
}

/* What is looked for: `units` of them, so that the byte `offset` behind their
 * start is aligned. */
struct slob_want {
	unsigned units, align, offset;
};

/* Units between a block's start and the first place in it that will do. */
static unsigned skip_to_align(const struct slob_want *want, unsigned at)
{
	const unsigned byte = at * UNIT + want->offset;

	/* pages are aligned to more than any object in them */
	return ((unsigned)round_up_pow2(byte, want->align) - byte) / UNIT;
}

/* The block at `at`, `prev` before it (PAGE_UNITS: none), gives its front. */
static void take_front(int16_t *base, struct slob_state *t, unsigned prev,
		       unsigned at, unsigned units)
{
	const unsigned avail = block_units(base, at);
	unsigned next = block_next(base, at);

	if (avail > units) {
		set_block(base, at + units, avail - units, next);
		next = at + units;
	}
	if (prev == PAGE_UNITS)
		t->first = next;
	else
		set_block(base, prev, block_units(base, prev), next);
	t->units -= units;
}

/* First fit; the place, PAGE_UNITS: none. */
static unsigned page_alloc_units(int16_t *base, struct slob_state *t,
				 const struct slob_want *want)
{
	unsigned prev = PAGE_UNITS;

	for (unsigned at = t->first; at != PAGE_UNITS;
	     prev = at, at = block_next(base, at)) {
		const unsigned skip = skip_to_align(want, at);
		const unsigned avail = block_units(base, at);

		if (avail < want->units + skip)
			continue;
		if (skip) { /* cut in two */
			set_block(base, at + skip, avail - skip,
				  block_next(base, at));
			set_block(base, at, skip, at + skip);
			prev = at;
			at += skip;
		}
		take_front(base, t, prev, at, want->units);
		return at;
	}
	return PAGE_UNITS;
}

/* The units come back, between blocks or joined with them. */
static void page_free_units(int16_t *base, struct slob_state *t, unsigned at,
			    unsigned units)
{
	unsigned prev = PAGE_UNITS, next = t->first;

	while (next < at) {
		prev = next;
		next = block_next(base, next);
	}
	t->units += units;
	if (next != PAGE_UNITS && at + units == next) {
		units += block_units(base, next);
		next = block_next(base, next);
	}
	if (prev == PAGE_UNITS) {
		t->first = at;
	} else if (prev + block_units(base, prev) == at) {
		units += block_units(base, prev);
		at = prev;
	} else {
		set_block(base, prev, block_units(base, prev), at);
	}
	set_block(base, at, units, next);
}

/* ---- lists of pages --------------------------------------------------------
 */

static enum slob_list list_for(size_t bytes)
{
	if (bytes < 256)
		return SLOB_SMALL;
	return bytes < 1024 ? SLOB_MEDIUM : SLOB_LARGE;
}

/* The list begins with page pfn from now on; what was before it follows the
 * end. */
static void rotate_to(struct pfn_list *list, struct page *map, uint32_t pfn)
{
	const uint32_t first = pfn_list_first(list), before = map[pfn].prev;

	if (first == pfn)
		return;
	map[list->last].next = first;
	map[first].prev = list->last;
	map[before].next = PFN_LIST_END;
	map[pfn].prev = PFN_LIST_END;
	list->last = before;
	pfn_list_set_first(list, pfn);
}

static int16_t *base_of(const struct slab_allocator *slab,
			const struct page *page)
{
	return (int16_t *)(void *)slab_page_address(slab, page);
}

/* From a page of the list; NULL: none has room. nid: only from that node. */
static void *alloc_from_list(struct slab_allocator *slab,
			     const struct slob_want *want, enum slob_list which,
			     unsigned nid)
{
	struct slob *slob = slob_of(slab);
	struct page *map = slab->map;
	struct pfn_list *list = &slob->list[which];

	pfn_list_for_each (pfn, list, map) {
		struct slob_state t = state_of(&map[pfn]);
		int16_t *base = base_of(slab, &map[pfn]);
		unsigned at;

		if (t.units < want->units ||
		    (nid != NUMA_NO_NODE &&
		     slab_tag_node(slab_tag(&map[pfn])) != nid))
			continue;
		at = page_alloc_units(base, &t, want);
		if (at == PAGE_UNITS)
			continue;
		set_state(&map[pfn], t);
		if (t.units)
			rotate_to(list, map, pfn);
		else
			pfn_list_del(list, map, pfn);
		return base + at;
	}
	return NULL;
}

static struct page *new_page(struct slab_ctx *ctx, gfp_t gfp, unsigned nid)
{
	struct slob *slob = slob_of(ctx->slab);
	struct page *page = slab_pages_alloc(ctx, &slob->pages, gfp, 0, nid);

	if (!page)
		return NULL;
	/* relaxed: the page has one owner. Bits 24-31: the CPU */
	atomic_store_explicit(&page->link,
			      slab_tag(page) | (uint32_t)ctx->cpu << 24,
			      memory_order_relaxed);
	set_block(base_of(ctx->slab, page), 0, PAGE_UNITS, PAGE_UNITS);
	return page;
}

/* ---- blocks ----------------------------------------------------------------
 */

/* What is asked of slob_alloc(). */
struct slob_request {
	size_t bytes; /* < PAGE_SIZE */
	unsigned align, offset;
	gfp_t gfp;
	unsigned nid;
};

static void reap_rcu(struct slab_ctx *ctx);

/* A block; *grew: for it a page was taken. NULL: no page. */
static void *slob_alloc(struct slab_ctx *ctx, const struct slob_request *r,
			bool *grew)
{
	struct slab_allocator *slab = ctx->slab;
	struct slob *slob = slob_of(slab);
	const struct slob_want want = { units_of(r->bytes), r->align,
					r->offset };
	const enum slob_list which = list_for(r->bytes);
	struct slob_state t = { 0, PAGE_UNITS, which };
	struct page *page;
	unsigned at;
	void *block;

	*grew = false;
	spin_lock(&slob->lock);
	block = alloc_from_list(slab, &want, which, r->nid);
	spin_unlock(&slob->lock);
	if (block)
		return block;
	reap_rcu(ctx);
	page = new_page(ctx, r->gfp, r->nid);
	if (!page)
		return NULL;
	*grew = true;
	at = page_alloc_units(base_of(slab, page), &t, &want);
	set_state(page, t);
	if (t.units) {
		spin_lock(&slob->lock);
		pfn_list_add_head(&slob->list[which], slab->map,
				  slab_page_pfn(slab, page));
		spin_unlock(&slob->lock);
	}
	return base_of(slab, page) + at;
}

/* Gives a block back; true: its page went with it. */
static bool slob_free(struct slab_ctx *ctx, void *block, size_t bytes)
{
	struct slab_allocator *slab = ctx->slab;
	struct slob *slob = slob_of(slab);
	struct page *map = slab->map;
	struct page *page = slab_virt_to_page(slab, block);
	const uint32_t pfn = slab_page_pfn(slab, page);
	const unsigned units = units_of(bytes);
	int16_t *base = base_of(slab, page);
	const unsigned at = (unsigned)((int16_t *)block - base);
	struct slob_state t;

	spin_lock(&slob->lock);
	t = state_of(page);
	if (t.units + units == PAGE_UNITS) {
		if (t.units)
			pfn_list_del(&slob->list[t.list], map, pfn);
		spin_unlock(&slob->lock);
		slab_pages_free(ctx, &slob->pages, page);
		return true;
	}
	if (!t.units) {
		t = (struct slob_state){ at, units, list_for(bytes) };
		set_block(base, at, units, PAGE_UNITS);
		pfn_list_add_head(&slob->list[t.list], map, pfn);
	} else {
		page_free_units(base, &t, at, units);
	}
	set_state(page, t);
	spin_unlock(&slob->lock);
	return false;
}

/* ---- objects of caches -----------------------------------------------------
 */

static void count_alloc(struct slab_ctx *ctx, const struct kmem_cache *s,
			bool grew)
{
	slab_count(ctx, s, grew ? ALLOC_SLOWPATH : ALLOC_FASTPATH);
	if (grew)
		slab_count(ctx, s, ALLOC_SLAB);
}

static void *large_object(struct slab_ctx *ctx, const struct kmem_cache *s,
			  gfp_t gfp, unsigned nid)
{
	const struct page *page =
		slab_large_alloc(ctx, gfp | s->gfp, s->order, nid);

	return page ? slab_page_address(ctx->slab, page) : NULL;
}

static void *slob_cache_alloc_node(struct slab_ctx *ctx, struct kmem_cache *s,
				   gfp_t gfp, unsigned nid)
{
	const struct slob_request r = { .bytes = s->size,
					.align = s->align,
					.gfp = gfp | s->gfp,
					.nid = nid };
	bool grew = true;
	void *object = s->size < PAGE_SIZE ? slob_alloc(ctx, &r, &grew)
					   : large_object(ctx, s, gfp, nid);

	if (!object)
		return NULL;
	count_alloc(ctx, s, grew);
	if (s->ctor)
		s->ctor(object);
	return object;
}

SLAB_HOT void *slob_cache_alloc(struct slab_ctx *ctx, struct kmem_cache *s,
				gfp_t gfp)
{
	return slob_cache_alloc_node(ctx, s, gfp, NUMA_NO_NODE);
}

/* The object is nobody's any more. True: pages went with it. */
static bool free_now(struct slab_ctx *ctx, void *object, size_t bytes)
{
	if (bytes < PAGE_SIZE)
		return slob_free(ctx, object, bytes);
	slab_large_free(ctx, slab_virt_to_page(ctx->slab, object));
	return true;
}

/*
 * Objects that wait. Reader: slab_rcu_read_lock() of whoever looks at objects;
 * updater: slob_cache_free(); reclaimer: reap_rcu(), in a thread that has a
 * context, from what RCU's own thread has put on rcu_done. No tool sees into
 * that thread, so that the way there has an edge of its own (slob-wait).
 */
static struct slob_rcu *rcu_of(const struct kmem_cache *s, void *object)
{
	return (struct slob_rcu *)(void *)((char *)object + s->size -
					   sizeof(struct slob_rcu));
}

static void rcu_is_over(struct rcu_head *head)
{
	struct slob_rcu *e = (struct slob_rcu *)head;
	/* ACQ(slob-wait): the object as it was freed; pairs with
	 * REL(slob-wait) */
	struct kmem_cache *s =
		atomic_load_explicit(&e->s, memory_order_acquire);
	struct slob *slob = slob_of(s->slab);
	/* relaxed: the exchange checks it */
	struct slob_rcu *first =
		atomic_load_explicit(&slob->rcu_done, memory_order_relaxed);

	do
		e->next = first;
	/* REL(slob-rcu): the link before the head; pairs with ACQ(slob-rcu).
	 * relaxed on failure: it is tried again */
	while (!atomic_compare_exchange_weak_explicit(&slob->rcu_done, &first,
						      e, memory_order_release,
						      memory_order_relaxed));
}

/* When this returns, nobody looks any more at what was on rcu_done when it was
 * called, nor at the caches of that. */
static void reap_done(struct slab_ctx *ctx)
{
	struct slob *slob = slob_of(ctx->slab);
	struct slob_rcu *e;

	pthread_mutex_lock(&slob->reaping);
	/* ACQ(slob-rcu): the chain behind the head; pairs with REL(slob-rcu) */
	e = atomic_exchange_explicit(&slob->rcu_done, NULL,
				     memory_order_acquire);
	while (e) {
		/* relaxed: the chain orders it */
		const struct kmem_cache *s =
			atomic_load_explicit(&e->s, memory_order_relaxed);
		struct slob_rcu *next = e->next;
		char *object = (char *)(e + 1) - s->size;

		if (free_now(ctx, object, s->size))
			slab_count(ctx, s, FREE_SLAB);
		e = next;
	}
	pthread_mutex_unlock(&slob->reaping);
}

static void reap_rcu(struct slab_ctx *ctx)
{
	/* relaxed: a hint */
	if (unlikely(atomic_load_explicit(&slob_of(ctx->slab)->rcu_done,
					  memory_order_relaxed)))
		reap_done(ctx);
}

SLAB_HOT void slob_cache_free(struct slab_ctx *ctx, struct kmem_cache *s,
			      void *object)
{
	const uint32_t tag = slab_tag(slab_virt_to_page(ctx->slab, object));

	slab_count(ctx, s, FREE_FASTPATH);
	if (slab_tag_type(tag) == SLAB_PAGE_HEAD &&
	    (tag >> 24) != (uint8_t)ctx->cpu)
		slab_count(ctx, s, REMOTE_FREE);
	if (slab_tag_node(tag) != ctx->node)
		slab_count(ctx, s, REMOTE_NODE_FREE);
	if (unlikely(s->flags & SLAB_TYPESAFE_BY_RCU)) {
		/* REL(slob-wait): see ACQ(slob-wait) */
		atomic_store_explicit(&rcu_of(s, object)->s, s,
				      memory_order_release);
		urcu_bp_call_rcu(&rcu_of(s, object)->head, rcu_is_over);
		return;
	}
	if (free_now(ctx, object, s->size))
		slab_count(ctx, s, FREE_SLAB);
}

/* ---- kmalloc ---------------------------------------------------------------
 */

static void *slob_kmalloc(struct slab_ctx *ctx, size_t size, gfp_t gfp,
			  unsigned nid)
{
	const bool own_align = !(size & (size - 1)) && size > HEADER;
	const struct slob_request r = {
		.bytes = size + HEADER,
		.align = own_align ? (unsigned)size : HEADER,
		.offset = HEADER,
		.gfp = gfp,
		.nid = nid,
	};
	uint32_t *block;
	bool grew;

	if (size >= PAGE_SIZE - HEADER)
		return kmalloc_large(ctx, size, gfp, nid);
	block = slob_alloc(ctx, &r, &grew);
	if (!block)
		return NULL;
	*block = (uint32_t)size;
	block += HEADER / sizeof(*block);
	if (gfp & GFP_BIT_ZERO)
		memset(block, 0, size);
	return block;
}

static size_t asked_size(const void *object)
{
	return *(const uint32_t *)(const void *)((const char *)object - HEADER);
}

static void slob_kfree(struct slab_ctx *ctx, void *object)
{
	struct page *page = slab_virt_to_page(ctx->slab, object);

	if (slab_tag_type(slab_tag(page)) == SLAB_PAGE_HEAD)
		slob_free(ctx, (char *)object - HEADER,
			  asked_size(object) + HEADER);
	else
		kfree_large(ctx, page, object);
}

static size_t slob_ksize(const struct slab_ctx *ctx, const void *object)
{
	const uint32_t tag = slab_tag(slab_virt_to_page(ctx->slab, object));

	if (slab_tag_type(tag) == SLAB_PAGE_LARGE)
		return PAGE_SIZE << slab_tag_order(tag);
	return units_of(asked_size(object)) * UNIT;
}

/* ---- create and destroy ----------------------------------------------------
 */

static int slob_open(struct slab_allocator *slab)
{
	struct slob *slob = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*slob), CACHELINE_SIZE));

	if (!slob)
		return -ENOMEM;
	memset(slob, 0, sizeof(*slob));
	spin_lock_init(&slob->lock, RANK_SLAB_NODE);
	pthread_mutex_init(&slob->reaping, NULL);
	for (unsigned i = 0; i < NR_SLOB_LISTS; i++)
		pfn_list_init(&slob->list[i]);
	slob->pages.slab = slab;
	slab->priv = slob;
	return 0;
}

static void slob_close(struct slab_allocator *slab)
{
	pthread_mutex_destroy(&slob_of(slab)->reaping);
	free(slab->priv);
}

/* Units, and behind the object what RCU needs. */
static int slob_geometry(const struct slab_config *cfg, struct kmem_cache *s)
{
	(void)cfg;
	s->align = slab_alignment(s->flags, s->align_asked, s->object_size);
	s->size = units_of(s->object_size) * UNIT;
	if (s->flags & SLAB_TYPESAFE_BY_RCU)
		s->size = (uint32_t)round_up_pow2(s->size, sizeof(void *)) +
			  sizeof(struct slob_rcu);
	/* whole pages then, which are aligned to their own size */
	if (s->align > PAGE_SIZE)
		s->size = (uint32_t)round_up_pow2(s->size, s->align);
	s->inuse = s->object_size;
	s->order = s->min_order = order_of_bytes(s->size);
	if (s->order > MAX_PAGE_ORDER)
		return -E2BIG;
	s->objects = s->min_objects =
		(unsigned)((PAGE_SIZE << s->order) / s->size);
	s->gfp = slab_pages_gfp(s);
	slab_reciprocal(s);
	return 0;
}

static int slob_cache_open(struct slab_ctx *ctx, struct kmem_cache *s)
{
	(void)ctx;
	(void)s;
	return 0;
}

static void slob_cache_close(struct kmem_cache *s)
{
	(void)s;
}

/* No empty page is ever kept. */
static int slob_shrink(struct slab_ctx *ctx, struct kmem_cache *s)
{
	(void)s;
	reap_rcu(ctx);
	return 0;
}

/* Which objects are left nobody knows: a cache has no pages of its own. */
static unsigned long slob_shutdown(struct slab_ctx *ctx, struct kmem_cache *s)
{
	if (s->flags & SLAB_TYPESAFE_BY_RCU) {
		urcu_bp_barrier();
		reap_done(ctx);
	}
	return 0;
}

/* ---- what can be seen ------------------------------------------------------
 */

static void slob_info(const struct kmem_cache *s, struct slabinfo_row *out)
{
	*out = (struct slabinfo_row){ .objsize = s->size,
				      .objperslab = s->objects,
				      .pagesperslab = 1u << s->order };
}

static void slob_attributes(const struct kmem_cache *s, FILE *out)
{
	fprintf(out, "object_size %u\nsize %u\nalign %u\norder %u\n",
		s->object_size, s->size, s->align, s->order);
}

static const char *verify_page(const struct slab_allocator *slab,
			       const struct page *page, enum slob_list which)
{
	const struct slob_state t = state_of(page);
	const int16_t *base = base_of(slab, page);
	unsigned units = 0, end = 0;

	if (t.list != which)
		return "slob: a page does not know its list";
	if (!t.units || t.units >= PAGE_UNITS)
		return "slob: a page on a list is full or empty";
	for (unsigned at = t.first; at != PAGE_UNITS;
	     at = block_next(base, at)) {
		if (at > PAGE_UNITS || (units && at <= end))
			return "slob: blocks are not in order or touch";
		end = at + block_units(base, at);
		units += end - at;
		if (end > PAGE_UNITS)
			return "slob: a block leaves its page";
	}
	return units == t.units ? NULL
				: "slob: a page's units are not its blocks'";
}

static const char *slob_verify(const struct kmem_cache *s)
{
	const struct slab_allocator *slab = s->slab;
	struct slob *slob = slob_of(slab);
	const struct page *map = slab->map;
	const char *broken = NULL;

	spin_lock(&slob->lock);
	for (unsigned i = 0; i < NR_SLOB_LISTS; i++)
		pfn_list_for_each (pfn, &slob->list[i], map)
			if (!broken)
				broken = verify_page(slab, &map[pfn],
						     (enum slob_list)i);
	spin_unlock(&slob->lock);
	return broken;
}

/* Objects do not say whose they are: no leak can be named. */
static bool slob_is_free(const struct kmem_cache *s, const struct page *page,
			 const void *object)
{
	(void)s;
	(void)page;
	(void)object;
	return true;
}

static const struct slab_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary = "first fit among blocks of all sizes in pages (SLOB, 6.1)",
	.features = SLAB_F_NO_INFO | SLAB_F_NO_MERGE | SLAB_F_NO_OWNER,
	.cache_bytes = sizeof(struct kmem_cache),
	.geometry = slob_geometry,
	.open = slob_open,
	.close = slob_close,
	.cache_open = slob_cache_open,
	.cache_close = slob_cache_close,
	.shrink = slob_shrink,
	.shutdown = slob_shutdown,
	.info = slob_info,
	.attributes = slob_attributes,
	.verify = slob_verify,
	.is_free = slob_is_free,
	.ksize = slob_ksize,
	.kmalloc = slob_kmalloc,
	.kfree = slob_kfree,
	.alloc = slob_cache_alloc,
	.alloc_node = slob_cache_alloc_node,
	.free = slob_cache_free,
};
