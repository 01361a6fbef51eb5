/*
 * SLUB (Linux 6.1).
 *
 * What it models. Free objects are lists threaded through the objects
 * themselves. Each CPU owns one slab, whose free objects it holds on a private
 * list; objects that others free go onto the slab's own list. When the CPU's
 * slab has none left it takes, in this order: what others freed to the slab, a
 * slab of its chain of partial slabs, partial slabs of the node, a new slab.
 *
 * Data. struct slub_cpu per CPU, struct slub_node per node, and of each slab
 * one 64-bit word in struct page (slub_state). States of a slab:
 *
 *                   frozen  first     inuse                    on a list
 *   CPU's slab      yes     remote    objects less remote ones  none
 *   CPU partial     yes     its list  true                      the CPU's chain
 *   node partial    no      not 0     true, may be 0            node->partial
 *   full            no      0         objects                   none
 *
 * The fast path has two forms, chosen at create. Restartable sequences: the
 * CPUs' parts are those of real CPUs, and a push or pop is one plain store
 * (alloc/base/rseq_list.h). Compare-and-swap: they are those of modelled CPUs,
 * (freelist, transaction id) is swapped by cmpxchg16b; this is the form that
 * plays kernels' logs, whatever CPU the player runs on.
 *
 * A CPU's part is held (cpu_hold) by whoever has its lock and has taken its
 * list out of the fast path's reach. With sequences: the slot points at an
 * held head, and no section of that CPU is under way. With compare-and-swap:
 * `bytes` was made 0, so that no push begins, and then the list was swapped
 * for NULL under a new id, so that none that had begun succeeds.
 *
 * Frees that are put off. With sequences and plain free pointers, a free to a
 * slab that is not the CPU's own waits (head.late) until the next such free, or
 * until the CPU has no object left. If it then turns out that its slab was
 * full, the course of things is settled: the slab would be frozen, go to the
 * CPU's chain, become the CPU's slab, and its one object would be handed out.
 * So that object is handed out, with neither its slab nor itself written to;
 * all that is kept is whose slab would be the CPU's (head.last), and all that
 * would have been counted is. It is done only while the CPU has no other slab,
 * or a free to that one would be taken for one to the CPU's own. Whoever holds
 * the CPU's part first makes that slab the CPU's in truth (adopt_last); whoever
 * takes away or looks at what a cache has, takes up what was put off
 * (slub_settle). Without other threads the counts and states are those of SLUB
 * without it, at every point where one can look. (Unless the thread is moved to
 * another CPU just when it has named a slab and not yet its object: the CPU
 * that it left then has that slab a free too early.) For other threads the free
 * happened when it is taken up, and a slab that they took hold of meanwhile is
 * not the CPU's any more. The common case, a CPU that has had an object handed
 * out to it before, and a note that says so, is one section with the pop
 * (list_pop_or_hand_out). Whether a slab is full and nobody's is noted for
 * each frame (notes.h): of a million objects each lies on a page that was not
 * looked at for long, and reading its struct page is one more miss.
 *   head.last does not keep its slab, so that a slab goes only when no head
 * names it (forget_last). A head names a slab while the object that was handed
 * out is in use, thus before the slab can be empty; who finds the slab empty
 * has got that object from its user, and sees the name; a head's name is taken
 * away only under its lock, after the last look at the slab, or replaced by
 * another while nobody holds the part.
 *
 * Lock order (outermost first):
 *   1. slab->mutex      create, shrink, destroy
 *   2. RANK_SLAB_CPU    cpu->lock
 *   3. RANK_SLAB_NODE   node->lock
 * Neither spin lock is held while pages are asked for or given back, and no
 * two locks of a rank are.
 *
 * Ordering. A slab's word is exchanged with REL(slub-state): the links of a
 * list before the word that names it; and read with ACQ(slub-state). ABA: a
 * push links to the head that it replaces, and whoever takes objects takes the
 * whole list, so a head that came back is as good as one that stayed. The pair
 * of a CPU: REL(slub-tid) and ACQ(slub-tid); slots: REL(slub-slot), paired by
 * the dependent loads of the sections.
 *
 * Progress. The fast paths as rseq_list.h says, or lock-free. A free to another
 * CPU's slab is lock-free. Everything else waits for spin locks, which are
 * fair.
 *
 * Departures from Linux. A slab's list head is an index, so that its state is
 * one word. There is no interrupt to guard against; cpu->lock takes the place
 * of the local lock. The pair's compare-and-swap has a LOCK prefix, since
 * threads may share a modelled CPU. A cache's id stands in the page, not a
 * pointer. Slabs of a TYPESAFE_BY_RCU cache whose grace period is over wait for
 * a thread with a context: the next that needs a new slab of that cache or
 * shrinks it, that reclaims, or that ticks. Hardened, an object that would be
 * linked to itself is reported and stays where it is; Linux stops. Memory
 * cgroups, KASAN and hotplug do not exist.
 */
#include "alloc/slab/slub.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc/page/buddy.h"
#include "alloc/slab/debug.h"
#include "alloc/slab/geometry.h"
#include "alloc/slab/rcu.h"

/* Where the slots of a CPU point whose part is held. */
static struct list_head held_head = LIST_HEAD_HELD;

ALWAYS_INLINE struct page *page_of(const struct slub_cache *s, uint32_t pfn)
{
	return &s->base.slab->map[pfn];
}

ALWAYS_INLINE uint32_t pfn_of(const struct slub_cache *s,
			      const struct page *page)
{
	return slab_page_pfn(s->base.slab, page);
}

ALWAYS_INLINE char *base_of(const struct slub_cache *s, const struct page *page)
{
	return slab_page_address(s->base.slab, page);
}

ALWAYS_INLINE struct slub_node *node_of(const struct slub_cache *s,
					const struct page *page)
{
	return &s->node[slab_tag_node(slab_tag(page))];
}

/* The node with memory that the thread is on or next to. */
static unsigned local_node(const struct slab_ctx *ctx)
{
	return (unsigned)(uintptr_t)ctx->priv;
}

/* head->last and the object that it stands for: everything that is less than a
 * slab away from it counts as of its slab. */
ALWAYS_INLINE char *last_of(const struct slub_cache *s, void *object)
{
	return (char *)object - s->half_near;
}

ALWAYS_INLINE void *object_of_last(const struct slub_cache *s, char *last)
{
	return last + s->half_near;
}

ALWAYS_INLINE bool is_debug(const struct slub_cache *s)
{
	return s->base.flags & SLAB_DEBUG_FLAGS;
}

ALWAYS_INLINE void count(struct slab_ctx *ctx, const struct slub_cache *s,
			 enum slab_counter c)
{
	slab_count(ctx, &s->base, c);
}

static void count_many(struct slab_ctx *ctx, const struct slub_cache *s,
		       enum slab_counter c, uint64_t n)
{
	ctx->counters[s->base.id].v[c] += n;
}

/* Writes down what is noted of the slab, see notes.h. */
NOINLINE uint16_t slub_note_make(const struct slub_cache *s, const void *object)
{
	const struct page *page = slab_virt_to_page(s->base.slab, object);
	const pfn_t pfn = slab_virt_to_pfn(s->base.slab, object);
	uint64_t word = slub_word(page), now;
	uint16_t note;

	for (;; word = now) {
		note = slub_note_of(slub_state_of(word));
		/* REL(slub-note): the note before the look at the state */
		atomic_exchange_explicit(&s->note[pfn.v], note,
					 memory_order_seq_cst);
		/* ACQ(slub-state): as slub_word(), and behind the note */
		now = atomic_load_explicit(&((struct page *)page)->payload,
					   memory_order_seq_cst);
		if (likely(slub_note_of(slub_state_of(now)) == note))
			return note;
	}
}

static void drop_notes(const struct slub_cache *s, const struct page *page,
		       unsigned order)
{
	if (s->note)
		notes_drop(&s->note[pfn_of(s, page)], 1u << order);
}

/* *word is what the caller read; on failure what is there now. */
static bool state_swap(struct slab_ctx *ctx, const struct slub_cache *s,
		       struct page *page, uint64_t *word,
		       struct slub_state next)
{
	const struct slub_state before = slub_state_of(*word);
	/* before others may have the slab */
	const unsigned order = slab_tag_order(slab_tag(page));

	/* REL(slub-state): the links before the word; ACQ(slub-state): on
	 * failure the new list. Before the look at the notes, see notes.h */
	if (unlikely(!atomic_compare_exchange_strong_explicit(
		    &page->payload, word, slub_state_pack(next),
		    memory_order_seq_cst, memory_order_acquire))) {
		count(ctx, s, CMPXCHG_DOUBLE_FAIL);
		return false;
	}
	if (slub_note_of(before) != slub_note_of(next))
		drop_notes(s, page, order);
	return true;
}

static unsigned long node_partial(const struct slub_node *n)
{
	/* relaxed: a hint without the lock, exact with it */
	return atomic_load_explicit(&((struct slub_node *)n)->nr_partial,
				    memory_order_relaxed);
}

static void node_partial_add(struct slub_node *n, long add)
{
	/* relaxed: the lock orders the writers */
	atomic_store_explicit(&n->nr_partial,
			      node_partial(n) + (unsigned long)add,
			      memory_order_relaxed);
}

static void add_partial(struct slub_cache *s, struct slub_node *n,
			struct page *page, bool head) REQUIRES(n->lock)
{
	struct page *map = s->base.slab->map;

	if (head)
		pfn_list_add_head(&n->partial, map, pfn_of(s, page));
	else
		pfn_list_add_tail(&n->partial, map, pfn_of(s, page));
	node_partial_add(n, 1);
}

static void remove_partial(struct slub_cache *s, struct slub_node *n,
			   struct page *page) REQUIRES(n->lock)
{
	pfn_list_del(&n->partial, s->base.slab->map, pfn_of(s, page));
	node_partial_add(n, -1);
}

/* ---- slabs come and go ------------------------------------------------------
 */

static void account_slab(struct slub_cache *s, const struct page *page,
			 unsigned objects, bool gone)
{
	struct slub_node *n = node_of(s, page);

	/* relaxed, both: statistics */
	atomic_fetch_add_explicit(&n->nr_slabs, gone ? -1UL : 1UL,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&n->total_objects,
				  gone ? -(unsigned long)objects : objects,
				  memory_order_relaxed);
}

static void drop_name(struct slab_ctx *ctx, struct slub_cache *s,
		      unsigned slot);

/* No head names the slab from then on. It is empty; no spin lock is held. */
static void forget_last(struct slab_ctx *ctx, struct slub_cache *s,
			const struct page *page)
{
	const char *base = base_of(s, page);
	const size_t bytes = PAGE_SIZE << slab_tag_order(slab_tag(page));

	for (unsigned slot = 0; s->puts_off && slot < s->nr_slots; slot++) {
		/* ACQ(slub-last): its CPU's last look; pairs with
		 * REL(slub-last) */
		char *last = __atomic_load_n(&s->cpu[slot].head.last,
					     __ATOMIC_ACQUIRE);

		if (unlikely(last != LIST_NO_BLOCK &&
			     (size_t)((char *)object_of_last(s, last) - base) <
				     bytes))
			drop_name(ctx, s, slot);
	}
}

/* The slab is on no list, and nobody else knows it. No spin lock is held. */
static void discard(struct slab_ctx *ctx, struct slub_cache *s,
		    struct page *page)
{
	forget_last(ctx, s, page);
	drop_notes(s, page, slab_tag_order(slab_tag(page)));
	account_slab(s, page, slub_state_of(slub_word(page)).objects, true);
	if (is_debug(s))
		slab_debug_slab(&s->base, page);
	if (s->base.flags & SLAB_TYPESAFE_BY_RCU)
		slab_rcu_defer(&s->base, page);
	else
		slab_pages_free(ctx, &s->base, page);
}

/* index-th object of a new freelist. */
static unsigned list_position(const struct slub_cache *s, unsigned objects,
			      unsigned *at)
{
	unsigned i;

	if (!s->order || objects < 2)
		return (*at)++;
	do {
		i = s->order[*at];
		*at = (*at + 1) % s->base.objects;
	} while (i >= objects);
	return i;
}

/* Links all objects of a new slab; index + 1 of the first. */
static uint16_t link_objects(struct slab_ctx *ctx, struct slub_cache *s,
			     char *base, unsigned objects)
{
	unsigned at = 0, first, index;

	if (s->order && objects > 1) {
		/* a linear congruence of full period; its high bits */
		ctx->rng = ctx->rng * 6364136223846793005ULL +
			   1442695040888963407ULL;
		at = (unsigned)((ctx->rng >> 33) % s->base.objects);
	}
	index = first = list_position(s, objects, &at);
	for (unsigned i = 1; i <= objects; i++) {
		void *object = slub_object(s, base, index);

		if (is_debug(s))
			slab_debug_new_object(&s->base, object);
		if (s->base.ctor)
			s->base.ctor(object);
		if (i < objects)
			index = list_position(s, objects, &at);
		slub_set_link(s, object,
			      i < objects ? slub_object(s, base, index) : NULL);
	}
	return (uint16_t)(first + 1);
}

/* Pages for a slab: of the preferred order without effort, else of the
 * smallest one. */
static struct page *slab_get(struct slab_ctx *ctx, struct slub_cache *s,
			     gfp_t gfp, unsigned nid)
{
	gfp_t easy = (gfp | GFP_BIT_NOWARN | GFP_BIT_NORETRY) & ~GFP_BIT_NOFAIL;
	struct page *page;

	if ((easy & GFP_BIT_DIRECT_RECLAIM) &&
	    s->base.order > s->base.min_order)
		easy = (easy | GFP_BIT_NOMEMALLOC) &
		       ~(GFP_BIT_DIRECT_RECLAIM | GFP_BIT_KSWAPD_RECLAIM);
	page = slab_pages_alloc(ctx, &s->base, easy, s->base.order, nid);
	if (unlikely(!page)) {
		page = slab_pages_alloc(ctx, &s->base, gfp, s->base.min_order,
					nid);
		if (page)
			count(ctx, s, ORDER_FALLBACK);
	}
	return page;
}

/* A slab with all its objects free on its list, not frozen; NULL: no pages. */
static struct page *new_slab(struct slab_ctx *ctx, struct slub_cache *s,
			     gfp_t gfp, unsigned nid)
{
	struct page *page;
	struct slub_state t = { 0 };

	slab_rcu_reap(ctx, &s->base);
	page = slab_get(ctx, s, gfp, nid);
	if (!page)
		return NULL;
	t.objects = (uint16_t)((PAGE_SIZE << slab_tag_order(slab_tag(page))) /
			       s->base.size);
	if (is_debug(s))
		slab_debug_new_slab(&s->base, page);
	t.first = link_objects(ctx, s, base_of(s, page), t.objects);
	/* REL(slub-state): the links before the word; pairs with
	 * ACQ(slub-state) */
	atomic_store_explicit(&page->payload, slub_state_pack(t),
			      memory_order_release);
	account_slab(s, page, t.objects, false);
	count(ctx, s, ALLOC_SLAB);
	return page;
}

/* ---- a CPU's part ---------------------------------------------------------
 */

/* Held: the lock is ours and the fast path does not reach it. */
struct hold {
	struct slub_cpu *c;
	void *freelist; /* what head.first was, and will be */
};

/* Takes the list away from compare-and-swap. c->lock is held. */
static void *pair_take(struct slub_cache *s, struct slub_cpu *c)
{
	struct list_head *h = &c->head;

	/* relaxed: the swap below is a full barrier */
	__atomic_store_n(&h->bytes, 0, __ATOMIC_RELAXED);
	for (;;) {
		/* ACQ(slub-tid): the list of this id; pairs with REL(slub-tid)
		 */
		uint64_t tag = __atomic_load_n(&h->tag, __ATOMIC_ACQUIRE);
		/* relaxed: see slub_pop_cmpxchg() */
		void *first = __atomic_load_n(&h->first, __ATOMIC_RELAXED);

		/* REL(slub-tid), in the swap */
		if (slub_pair_swap(h, first, tag, NULL, tag + s->tid_step))
			return first;
	}
}

/* Freezes the slab for c, unless another CPU has taken hold of it. */
static void adopt(struct slab_ctx *ctx, struct slub_cache *s,
		  struct slub_cpu *c, struct page *page)
{
	uint64_t word = slub_word(page);
	struct slub_state t;

	do {
		t = slub_state_of(word);
		if (c->slab != PFN_LIST_END || t.first || t.frozen)
			return;
		t.frozen = true;
		t.cpu = c->cpu;
	} while (!state_swap(ctx, s, page, &word, t));
	c->slab = pfn_of(s, page);
}

/* Makes the slab of the object that was handed out last the held CPU's. */
static void adopt_last(struct slab_ctx *ctx, struct slub_cache *s,
		       struct slub_cpu *c)
{
	char *last = c->head.last;

	if (likely(last == LIST_NO_BLOCK))
		return;
	adopt(ctx, s, c,
	      slab_virt_to_page(s->base.slab, object_of_last(s, last)));
	/* REL(slub-last): every look at the slab before; pairs with
	 * ACQ(slub-last) */
	__atomic_store_n(&c->head.last, LIST_NO_BLOCK, __ATOMIC_RELEASE);
}

#if RSEQ_X86_64
static struct slub_cpu *rseq_hold(struct slub_cache *s) NO_LOCK_ANALYSIS
{
	for (;;) {
		const unsigned cpu = rseq_current_cpu();
		struct slub_cpu *c = &s->cpu[cpu];

		spin_lock(&c->lock);
		if (likely(list_slot_set(&s->slots, cpu, &held_head)))
			return c;
		spin_unlock(&c->lock); /* on another CPU by now */
	}
}
#endif

/* Holds the part of the CPU that the thread runs on. */
static struct hold cpu_hold(struct slab_ctx *ctx,
			    struct slub_cache *s) NO_LOCK_ANALYSIS
{
	struct hold h;

#if RSEQ_X86_64
	if (likely(s->mode != SLUB_CMPXCHG)) {
		h.c = rseq_hold(s);
		SLUB_ACQUIRE(s);
		adopt_last(ctx, s, h.c);
		h.freelist = h.c->head.first;
		return h;
	}
#endif
	h.c = &s->cpu[ctx->cpu];
	spin_lock(&h.c->lock);
	h.freelist = pair_take(s, h.c);
	SLUB_ACQUIRE(s);
	return h;
}

/* Holds any CPU's part. */
static struct hold cpu_hold_remote(struct slab_ctx *ctx, struct slub_cache *s,
				   unsigned slot) NO_LOCK_ANALYSIS
{
	struct hold h = { .c = &s->cpu[slot] };

	spin_lock(&h.c->lock);
	if (s->mode == SLUB_CMPXCHG) {
		h.freelist = pair_take(s, h.c);
		SLUB_ACQUIRE(s);
		return h;
	}
	/* relaxed: the fence that follows orders it */
	atomic_store_explicit(&s->slots.slot[slot].head, &held_head,
			      memory_order_relaxed);
	check(!rseq_fence_cpu(slot), "membarrier refuses");
	SLUB_ACQUIRE(s);
	adopt_last(ctx, s, h.c);
	h.freelist = h.c->head.first;
	return h;
}

/* The other way round: the fast path sees h's list and slab. */
static void cpu_drop(struct slub_cache *s, struct hold h) NO_LOCK_ANALYSIS
{
	struct slub_cpu *c = h.c;
	struct list_head *head = &c->head;
	uint64_t bytes = 0;

	SLUB_RELEASE(s);
	if (c->slab != PFN_LIST_END) {
		const struct page *page = page_of(s, c->slab);
		const struct slub_state t = slub_state_of(slub_word(page));

		/* relaxed: nobody pushes while bytes is 0 */
		__atomic_store_n(&head->base, base_of(s, page),
				 __ATOMIC_RELAXED);
		bytes = (uint64_t)t.objects * s->base.size;
	}
	if (s->mode == SLUB_CMPXCHG) {
		const uint64_t tag = head->tag;

		/* nobody swaps a NULL. REL(slub-tid): in the swap */
		check(slub_pair_swap(head, NULL, tag, h.freelist,
				     tag + s->tid_step),
		      "the pair of a held CPU changed");
		/* relaxed: base is stored, and the id is new */
		__atomic_store_n(&head->bytes, bytes, __ATOMIC_RELAXED);
	} else {
		head->first = h.freelist;
		head->bytes = bytes;
		/* REL(slub-slot): the head before its address */
		atomic_store_explicit(&s->slots.slot[c->cpu].head, head,
				      memory_order_release);
	}
	spin_unlock(&c->lock);
}

/* The CPU's name for a slab is taken away: adopt_last() does not take an empty
 * one. */
static void drop_name(struct slab_ctx *ctx, struct slub_cache *s, unsigned slot)
{
	cpu_drop(s, cpu_hold_remote(ctx, s, slot));
}

/* ---- partial slabs ----------------------------------------------------------
 */

/* Puts slabs, chained through page->next, on their nodes' lists or discards
 * them. No spin lock is held. */
static void unfreeze_chain(struct slab_ctx *ctx, struct slub_cache *s,
			   uint32_t pfn)
{
	uint32_t empty = PFN_LIST_END;

	while (pfn != PFN_LIST_END) {
		struct page *page = page_of(s, pfn);
		struct slub_node *n = node_of(s, page);
		uint64_t word = slub_word(page);
		struct slub_state t;

		pfn = page->next;
		spin_lock(&n->lock);
		do {
			t = slub_state_of(word);
			t.frozen = false;
		} while (!state_swap(ctx, s, page, &word, t));
		if (!t.inuse && node_partial(n) >= s->min_partial) {
			page->next = empty;
			empty = pfn_of(s, page);
		} else {
			add_partial(s, n, page, false);
			count(ctx, s, FREE_ADD_PARTIAL);
		}
		spin_unlock(&n->lock);
	}
	while (empty != PFN_LIST_END) {
		struct page *page = page_of(s, empty);

		empty = page->next;
		count(ctx, s, DEACTIVATE_EMPTY);
		count(ctx, s, FREE_SLAB);
		discard(ctx, s, page);
	}
}

/* Would one more slab drain the chain? At once out of date without c->lock. */
static bool chain_is_full(const struct slub_cache *s, const struct slub_cpu *c)
{
	/* relaxed: as said */
	return atomic_load_explicit(&((struct slub_cpu *)c)->chained,
				    memory_order_relaxed) >=
	       s->cpu_partial_slabs;
}

/* The fast path hands nothing out where that would drain the chain, or where
 * the object's node has to be looked at. c->lock is held. */
static void set_head_note(const struct slub_cache *s, struct slub_cpu *c)
{
	/* relaxed: a hint, as the chain's length */
	__atomic_store_n(&c->head.note,
			 s->nr_nodes > 1 || chain_is_full(s, c) ? NOTE_NONE
								: c->idle_note,
			 __ATOMIC_RELAXED);
}

/* c->lock is held. */
static void set_chain(struct slub_cache *s, struct slub_cpu *c, uint32_t first)
{
	c->partial = first;
	/* relaxed: others read it as a hint */
	atomic_store_explicit(&c->chained,
			      first == PFN_LIST_END ? 0
						    : page_of(s, first)->prev,
			      memory_order_relaxed);
	set_head_note(s, c);
}

/* Chains a frozen slab in front. With drain, a chain that is full is returned
 * (its first pfn) for unfreeze_chain(), else PFN_LIST_END. */
static uint32_t chain_push(struct slub_cache *s, struct slub_cpu *c,
			   struct page *page, bool drain) REQUIRES(c->lock)
{
	uint32_t old = c->partial, drained = PFN_LIST_END;
	uint32_t slabs = 0;

	if (old != PFN_LIST_END) {
		slabs = page_of(s, old)->prev;
		if (drain && slabs >= s->cpu_partial_slabs) {
			drained = old;
			old = PFN_LIST_END;
			slabs = 0;
		}
	}
	page->next = old;
	page->prev = slabs + 1;
	set_chain(s, c, pfn_of(s, page));
	return drained;
}

/* The CPU that a free of this thread is one of. */
static unsigned cpu_now(const struct slab_ctx *ctx, const struct slub_cache *s)
{
#if RSEQ_X86_64
	if (s->mode != SLUB_CMPXCHG)
		return rseq_current_cpu();
#endif
	(void)s;
	return ctx->cpu;
}

/* A slab that was full got an object back: it goes to the CPU's chain. */
static void put_cpu_partial(struct slab_ctx *ctx, struct slub_cache *s,
			    unsigned cpu, struct page *page)
{
	struct slub_cpu *c = &s->cpu[cpu];
	uint32_t drained;

	spin_lock(&c->lock);
	drained = chain_push(s, c, page, true);
	spin_unlock(&c->lock);
	if (drained == PFN_LIST_END)
		return;
	count(ctx, s, CPU_PARTIAL_DRAIN);
	unfreeze_chain(ctx, s, drained);
}

/* Freezes a slab of the node's list; with `take` its list becomes *list. The
 * node is locked. False: somebody frees to it just now. */
static bool acquire_slab(struct slab_ctx *ctx, struct slub_cache *s,
			 struct slub_cpu *c, struct page *page, void **list)
{
	uint64_t word = slub_word(page);
	struct slub_state t = slub_state_of(word);
	const unsigned first = t.first;

	if (list) {
		t.inuse = t.objects;
		t.first = 0;
	}
	t.frozen = true;
	t.cpu = c->cpu;
	if (!state_swap(ctx, s, page, &word, t))
		return false;
	if (list)
		*list = slub_first(s, base_of(s, page), first);
	return true;
}

/* A slab for the held CPU from node n, and extra ones for its chain. */
static bool get_partial_node(struct slab_ctx *ctx, struct slub_cache *s,
			     struct slub_node *n,
			     struct hold *h) NO_LOCK_ANALYSIS
{
	unsigned extras = 0;
	bool found = false;
	uint32_t next;

	if (!node_partial(n))
		return false;
	spin_lock(&n->lock);
	for (uint32_t pfn = pfn_list_first(&n->partial); pfn != PFN_LIST_END;
	     pfn = next) {
		struct page *page = page_of(s, pfn);

		next = page->next;
		if (!acquire_slab(ctx, s, h->c, page,
				  found ? NULL : &h->freelist))
			break;
		remove_partial(s, n, page);
		if (!found) {
			found = true;
			h->c->slab = pfn;
			count(ctx, s, ALLOC_FROM_PARTIAL);
			continue;
		}
		chain_push(s, h->c, page, false);
		count(ctx, s, CPU_PARTIAL_NODE);
		if (++extras > s->cpu_partial_slabs / 2)
			break;
	}
	spin_unlock(&n->lock);
	return found;
}

/* Are other nodes' partial slabs looked at? */
static bool dice_say_so(struct slab_ctx *ctx, const struct slub_cache *s)
{
	ctx->rng = ctx->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return s->defrag_ratio && (ctx->rng >> 33) % 1024 <= s->defrag_ratio;
}

/* Nodes in their fallback order, if the dice say so. */
static bool get_any_partial(struct slab_ctx *ctx, struct slub_cache *s,
			    struct hold *h)
{
	const struct node *local =
		&s->base.slab->machine->node[local_node(ctx)];

	if (!dice_say_so(ctx, s))
		return false;
	for (unsigned i = 0; i < local->nr_order; i++) {
		struct slub_node *n = &s->node[local->node_order[i]];

		if (node_partial(n) > s->min_partial &&
		    get_partial_node(ctx, s, n, h))
			return true;
	}
	return false;
}

static bool get_partial(struct slab_ctx *ctx, struct slub_cache *s,
			unsigned nid, struct hold *h)
{
	const unsigned from = nid == NUMA_NO_NODE ? local_node(ctx) : nid;

	if (get_partial_node(ctx, s, &s->node[from], h))
		return true;
	return nid == NUMA_NO_NODE && s->nr_nodes > 1 &&
	       get_any_partial(ctx, s, h);
}

/* ---- lists of free objects
 * ---------------------------------------------------- */

/* Objects of one slab, linked from head to tail, freed on `cpu`. */
struct detached {
	void *head, *tail;
	unsigned nr, cpu;
};

NOINLINE void slub_report_twice(struct slub_cache *s, const void *object)
{
	slab_debug_report(&s->base, slab_virt_to_page(s->base.slab, object),
			  "Object already free", object);
}

/*
 * Links the list's tail to `next`. Hardened, a tail that is `next` itself is
 * free already: it is reported, and the list ends before it. False: nothing is
 * left of the list.
 */
static bool link_tail(struct slub_cache *s, struct detached *d, void *next)
{
	if (unlikely(s->hardened && d->tail == next)) {
		void *o = d->head;

		slub_report_twice(s, next);
		if (--d->nr == 0)
			return false;
		while (slub_link(s, o) != next)
			o = slub_link(s, o);
		d->tail = o;
	}
	slub_set_link(s, d->tail, next);
	return true;
}

/* ---- a slab leaves its CPU
 * ---------------------------------------------------- */

/* Gives a frozen slab and its CPU's list back. No spin lock is held. */
static void deactivate(struct slab_ctx *ctx, struct slub_cache *s,
		       struct page *page, void *list) NO_LOCK_ANALYSIS
{
	struct slub_node *n = node_of(s, page);
	char *base = base_of(s, page);
	uint64_t word = slub_word(page);
	const bool remote = slub_state_of(word).first;
	struct detached d = { .head = list };
	struct slub_state t;
	bool locked = false;

	for (void *o = list; o; o = slub_link(s, o), d.nr++)
		d.tail = o;
	do {
		t = slub_state_of(word);
		if (d.nr && link_tail(s, &d, slub_first(s, base, t.first))) {
			t.first = (uint16_t)(slub_index(s, base, list) + 1);
			t.inuse = (uint16_t)(t.inuse - d.nr);
		}
		t.frozen = false;
		if (!locked && t.first) {
			spin_lock(&n->lock);
			locked = true;
		}
	} while (!state_swap(ctx, s, page, &word, t));
	if (remote)
		count(ctx, s, DEACTIVATE_REMOTE_FREES);
	if (!locked) {
		count(ctx, s, DEACTIVATE_FULL);
		return;
	}
	if (!t.inuse && node_partial(n) >= s->min_partial) {
		spin_unlock(&n->lock);
		count(ctx, s, DEACTIVATE_EMPTY);
		count(ctx, s, FREE_SLAB);
		discard(ctx, s, page);
		return;
	}
	add_partial(s, n, page, !remote);
	spin_unlock(&n->lock);
	count(ctx, s, remote ? DEACTIVATE_TO_TAIL : DEACTIVATE_TO_HEAD);
}

/* ---- allocation
 * -------------------------------------------------------------- */

/* All that others freed to the CPU's slab; NULL: nothing, and the slab is no
 * longer frozen (full). */
static void *take_remote_list(struct slab_ctx *ctx, struct slub_cache *s,
			      struct slub_cpu *c)
{
	struct page *page = page_of(s, c->slab);
	uint64_t word = slub_word(page);
	struct slub_state t;
	unsigned first;

	do {
		t = slub_state_of(word);
		first = t.first;
		t.first = 0;
		t.inuse = t.objects;
		t.frozen = first;
		t.cpu = c->cpu;
	} while (!state_swap(ctx, s, page, &word, t));
	return slub_first(s, base_of(s, page), first);
}

static bool wrong_node(const struct slub_cache *s, uint32_t slab, unsigned nid)
{
	return nid != NUMA_NO_NODE && slab != PFN_LIST_END &&
	       slab_tag_node(slab_tag(page_of(s, slab))) != nid;
}

/*
 * Fills h->freelist from what the CPU has: its list, what others freed to its
 * slab, its chain. False: nothing there, and it has no slab then. True with a
 * slab of another node than nid, if it comes upon one.
 */
static bool refill_from_cpu(struct slab_ctx *ctx, struct slub_cache *s,
			    unsigned nid, struct hold *h)
{
	struct slub_cpu *c = h->c;

	for (;;) {
		if (h->freelist || wrong_node(s, c->slab, nid))
			return true;
		if (c->slab != PFN_LIST_END) {
			h->freelist = take_remote_list(ctx, s, c);
			if (h->freelist) {
				count(ctx, s, ALLOC_REFILL);
				return true;
			}
			c->slab = PFN_LIST_END;
			count(ctx, s, DEACTIVATE_BYPASS);
		}
		if (c->partial == PFN_LIST_END)
			return false;
		c->slab = c->partial;
		set_chain(s, c, page_of(s, c->slab)->next);
		count(ctx, s, CPU_PARTIAL_ALLOC);
	}
}

/* A new slab becomes the CPU's; what it had goes back. */
static bool install_new_slab(struct slab_ctx *ctx, struct slub_cache *s,
			     struct page *page, struct hold *h)
{
	struct slub_state t = slub_state_of(slub_word(page));
	void *list = slub_first(s, base_of(s, page), t.first);
	uint32_t old;
	void *old_list;

	t.first = 0;
	t.inuse = t.objects;
	t.frozen = true;
	*h = cpu_hold(ctx, s);
	t.cpu = h->c->cpu;
	/* REL(slub-state): the links before the word; pairs with
	 * ACQ(slub-state) */
	atomic_store_explicit(&page->payload, slub_state_pack(t),
			      memory_order_release);
	old = h->c->slab;
	old_list = h->freelist;
	h->c->slab = pfn_of(s, page);
	h->freelist = list;
	if (likely(old == PFN_LIST_END))
		return false;
	/* somebody else found one for this CPU meanwhile */
	cpu_drop(s, *h);
	count(ctx, s, CPUSLAB_FLUSH);
	deactivate(ctx, s, page_of(s, old), old_list);
	return true;
}

/* The held CPU's slab is of another node than nid: it goes, CPU dropped. */
static bool drop_wrong_node(struct slab_ctx *ctx, struct slub_cache *s,
			    unsigned nid, struct hold h)
{
	const uint32_t slab = h.c->slab;
	void *list = h.freelist;

	if (!wrong_node(s, slab, nid))
		return false;
	count(ctx, s, ALLOC_NODE_MISMATCH);
	h.c->slab = PFN_LIST_END;
	h.freelist = NULL;
	cpu_drop(s, h);
	deactivate(ctx, s, page_of(s, slab), list);
	return true;
}

static void *take_first(struct slub_cache *s, struct hold *h)
{
	void *object = h->freelist;

	h->freelist = slub_link(s, object);
	return object;
}

static void *alloc_debug(struct slab_ctx *ctx, struct slub_cache *s, gfp_t gfp,
			 unsigned nid);
static void take_up(struct slab_ctx *ctx, struct slub_cache *s);
static NOINLINE void free_now(struct slab_ctx *ctx, struct slub_cache *s,
			      void *object);

static NOINLINE void *alloc_rest(struct slab_ctx *ctx, struct slub_cache *s,
				 gfp_t gfp, unsigned nid)
{
	const void *outer;
	struct page *page;
	struct hold h;
	void *object;

	count(ctx, s, ALLOC_SLOWPATH);
	if (unlikely(is_debug(s))) {
		outer = slab_caller_known(ctx, __builtin_return_address(0));
		object = alloc_debug(ctx, s, gfp, nid);
		slab_caller_end(ctx, outer);
		return object;
	}
	take_up(ctx, s);
	if (nid != NUMA_NO_NODE && !slab_node_has_memory(s->base.slab, nid))
		nid = NUMA_NO_NODE;
	do {
		h = cpu_hold(ctx, s);
		if (refill_from_cpu(ctx, s, nid, &h) ||
		    get_partial(ctx, s, nid, &h)) {
			if (drop_wrong_node(ctx, s, nid, h))
				continue;
			break;
		}
		cpu_drop(s, h);
		page = new_slab(ctx, s, gfp, nid);
		if (!page)
			return NULL;
		if (!install_new_slab(ctx, s, page, &h))
			break;
	} while (true);
	object = take_first(s, &h);
	cpu_drop(s, h);
	return object;
}

#if RSEQ_X86_64
/*
 * Do the free of an object that was put off on c, and an allocation there, come
 * to nothing but that it is handed out again (see the top)? Its slab is full
 * and nobody's, c took it last, and it drains no chain. note: of the object,
 * which need not be ours.
 */
ALWAYS_INLINE bool comes_to_nothing(const struct slab_ctx *ctx,
				    const struct slub_cache *s,
				    const struct slub_cpu *c,
				    const void *object, uint16_t note)
{
	return note == c->idle_note &&
	       (likely(s->nr_nodes == 1) ||
		slab_object_node(s->base.slab, object) == ctx->node) &&
	       !chain_is_full(s, c);
}

/* This CPU's slab goes if it has no object left: what an allocation would begin
 * with. */
static void let_go(struct slab_ctx *ctx, struct slub_cache *s)
{
	struct hold h = cpu_hold(ctx, s);

	if (!h.freelist && h.c->slab != PFN_LIST_END) {
		h.freelist = take_remote_list(ctx, s, h.c);
		if (!h.freelist)
			h.c->slab = PFN_LIST_END;
		count(ctx, s, h.freelist ? ALLOC_REFILL : DEACTIVATE_BYPASS);
	}
	cpu_drop(s, h);
}

/* Hands the object out where the CPU has a slab yet, or never had one. */
static NOINLINE void *hand_out_first(struct slab_ctx *ctx, struct slub_cache *s,
				     gfp_t gfp, void *object)
{
	if (!list_hand_out(&s->slots, object, last_of(s, object))) {
		let_go(ctx, s);
		if (!list_hand_out(&s->slots, object, last_of(s, object)))
			return alloc_rest(ctx, s, gfp, NUMA_NO_NODE);
	}
	SLUB_ACQUIRE(s);
	count(ctx, s, ALLOC_SLOWPATH);
	count(ctx, s, FREE_SLOWPATH);
	count(ctx, s, CPU_PARTIAL_FREE);
	count(ctx, s, CPU_PARTIAL_ALLOC);
	count(ctx, s, ALLOC_REFILL);
	return object;
}

/* Hands the object out where the CPU has no slab yet but the last one's. */
ALWAYS_INLINE bool hand_out(struct slab_ctx *ctx, struct slub_cache *s,
			    const struct slub_cpu *c, void *object)
{
	/* relaxed: list_hand_out() looks again */
	if (unlikely(__atomic_load_n(&c->head.last, __ATOMIC_RELAXED) ==
		     LIST_NO_BLOCK) ||
	    unlikely(!list_hand_out(&s->slots, object, last_of(s, object))))
		return false;
	SLUB_ACQUIRE(s);
	count(ctx, s, HANDED_OUT);
	return true;
}

/*
 * slub_alloc_slow() where nothing is noted of the object that was put off. To
 * find it out the object has to be ours; then it is put off again.
 */
static NOINLINE void *alloc_slower(struct slab_ctx *ctx, struct slub_cache *s,
				   gfp_t gfp)
{
	void *object = list_take_up(&s->slots);
	const struct slub_cpu *c;
	uint16_t note;

	if (!object)
		return alloc_rest(ctx, s, gfp, NUMA_NO_NODE);
	SLUB_ACQUIRE(s);
	note = slub_note(s, object);
	slub_free(ctx, &s->base, object);
	c = &s->cpu[rseq_current_cpu()];
	if (!comes_to_nothing(ctx, s, c, object, note))
		return alloc_rest(ctx, s, gfp, NUMA_NO_NODE);
	if (hand_out(ctx, s, c, object))
		return object;
	return hand_out_first(ctx, s, gfp, object);
}
#endif

static NOINLINE void *alloc_known(struct slab_ctx *ctx, struct slub_cache *s,
				  gfp_t gfp, const void *caller)
{
	const void *outer = slab_caller_known(ctx, caller);
	void *object = alloc_rest(ctx, s, gfp, NUMA_NO_NODE);

	slab_caller_end(ctx, outer);
	return object;
}

NOINLINE void *slub_alloc_slow(struct slab_ctx *ctx, struct slub_cache *s,
			       gfp_t gfp)
{
#if RSEQ_X86_64
	const struct slub_cpu *c;
	uint16_t note;
	void *object;

	if (unlikely(!s->puts_off))
		return alloc_known(ctx, s, gfp, __builtin_return_address(0));
	c = &s->cpu[rseq_current_cpu()];
	/* relaxed: list_hand_out() looks again */
	object = __atomic_load_n(&c->head.late, __ATOMIC_RELAXED);
	if (!object)
		return alloc_rest(ctx, s, gfp, NUMA_NO_NODE);
	note = slub_note_seen(s, object);
	if (likely(comes_to_nothing(ctx, s, c, object, note)))
		return likely(hand_out(ctx, s, c, object))
			       ? object
			       : hand_out_first(ctx, s, gfp, object);
	if (note)
		return alloc_rest(ctx, s, gfp, NUMA_NO_NODE);
	return alloc_slower(ctx, s, gfp);
#else
	return alloc_known(ctx, s, gfp, __builtin_return_address(0));
#endif
}

void *slub_alloc_node(struct slab_ctx *ctx, struct kmem_cache *base, gfp_t gfp,
		      unsigned nid)
{
	struct slub_cache *s = to_slub(base);
	void *object;

	/* the fast path, and a look at what it gave: other threads may have
	 * changed the CPU's slab between a look and the pop */
	object = is_debug(s) ? NULL : slub_pop(ctx, s);
	if (object) {
		const struct page *page = slab_virt_to_page(base->slab, object);

		if (slab_tag_node(slab_tag(page)) == nid ||
		    !slab_node_has_memory(base->slab, nid)) {
			slab_count(ctx, base, ALLOC_FASTPATH);
			return object;
		}
		if (slub_push(ctx, s, object) == LIST_OUTSIDE)
			free_now(ctx, s, object);
	}
	return alloc_rest(ctx, s, gfp, nid);
}

/* 6.1 counts none of these pops, but for the slow calls among them; 6.8 all. */
unsigned slub_alloc_bulk(struct slab_ctx *ctx, struct kmem_cache *base,
			 gfp_t gfp, unsigned n, void **out)
{
	struct slub_cache *s = to_slub(base);
	unsigned got = 0;

	while (got < n) {
		const unsigned before = got;
		struct hold h;

		if (!is_debug(s)) {
			take_up(ctx, s);
			h = cpu_hold(ctx, s);
			while (got < n && h.freelist)
				out[got++] = take_first(s, &h);
			cpu_drop(s, h);
		}
		if (s->counts_bulk)
			count_many(ctx, s, ALLOC_FASTPATH, got - before);
		if (got == n)
			break;
		out[got] = alloc_rest(ctx, s, gfp, NUMA_NO_NODE);
		if (!out[got]) {
			slub_free_bulk(ctx, base, got, out);
			return 0;
		}
		got++;
	}
	return n;
}

/* ---- free
 * --------------------------------------------------------------------- */

/* The objects went to a slab whose state was *t. */
static void count_remote(struct slab_ctx *ctx, struct slub_cache *s,
			 const struct page *page, const struct slub_state *t,
			 const struct detached *d)
{
	if (!s->counts_remote)
		return;
	if (t->cpu != d->cpu)
		count_many(ctx, s, REMOTE_FREE, d->nr);
	if (slab_tag_node(slab_tag(page)) != ctx->node)
		count_many(ctx, s, REMOTE_NODE_FREE, d->nr);
}

/* The free emptied a slab of the node's list, or a full one that no CPU may
 * chain; n is locked, and is not when this returns. */
static void free_emptied(struct slab_ctx *ctx, struct slub_cache *s,
			 struct slub_node *n, struct page *page,
			 bool was_full) NO_LOCK_ANALYSIS
{
	if (!was_full) {
		remove_partial(s, n, page);
		count(ctx, s, FREE_REMOVE_PARTIAL);
	}
	spin_unlock(&n->lock);
	count(ctx, s, FREE_SLAB);
	discard(ctx, s, page);
}

static void free_to_slab(struct slab_ctx *ctx, struct slub_cache *s,
			 struct page *page, struct detached *d) NO_LOCK_ANALYSIS
{
	char *base = base_of(s, page);
	uint64_t word = slub_word(page);
	const unsigned first = slub_index(s, base, d->head) + 1u;
	struct slub_node *n = NULL;
	struct slub_state old, t;

	count(ctx, s, FREE_SLOWPATH);
	for (;;) {
		t = old = slub_state_of(word);
		if (unlikely(!link_tail(s, d, slub_first(s, base, old.first))))
			return;
		t.first = (uint16_t)first;
		t.inuse = (uint16_t)(old.inuse - d->nr);
		if (!old.frozen && !old.first && s->cpu_partial) {
			t.frozen = true;
		} else if (!old.frozen && (!t.inuse || !old.first) && !n) {
			n = node_of(s, page);
			spin_lock(&n->lock);
		}
		if (likely(state_swap(ctx, s, page, &word, t)))
			break;
		if (n)
			spin_unlock(&n->lock);
		n = NULL;
	}
	count_remote(ctx, s, page, &old, d);
	if (!n) {
		if (old.frozen) {
			count(ctx, s, FREE_FROZEN);
		} else if (t.frozen) {
			put_cpu_partial(ctx, s, d->cpu, page);
			count(ctx, s, CPU_PARTIAL_FREE);
		}
		return;
	}
	if (!t.inuse && node_partial(n) >= s->min_partial) {
		free_emptied(ctx, s, n, page, !old.first);
		return;
	}
	if (!old.first) {
		add_partial(s, n, page, false);
		count(ctx, s, FREE_ADD_PARTIAL);
	}
	spin_unlock(&n->lock);
}

static void free_debug(struct slab_ctx *ctx, struct slub_cache *s,
		       struct page *page, void *object);

static void free_on(struct slab_ctx *ctx, struct slub_cache *s, unsigned cpu,
		    void *object)
{
	struct detached d = { object, object, 1, cpu };

	free_to_slab(ctx, s, slab_virt_to_page(s->base.slab, object), &d);
}

/* Takes up what was put off on this CPU. */
static void take_up(struct slab_ctx *ctx, struct slub_cache *s)
{
#if RSEQ_X86_64
	void *object = s->puts_off ? list_take_up(&s->slots) : NULL;

	SLUB_ACQUIRE(s);
	if (object)
		free_on(ctx, s, rseq_current_cpu(), object);
#else
	(void)ctx, (void)s;
#endif
}

/* To its slab, whichever CPU's that is. */
static NOINLINE void free_now(struct slab_ctx *ctx, struct slub_cache *s,
			      void *object)
{
	const void *outer;

	if (unlikely(is_debug(s))) {
		outer = slab_caller_known(ctx, __builtin_return_address(0));
		free_debug(ctx, s, slab_virt_to_page(s->base.slab, object),
			   object);
		slab_caller_end(ctx, outer);
		return;
	}
	/* two lines that may be far: both are on their way at once */
	__builtin_prefetch((char *)object + s->base.offset, 1);
	free_on(ctx, s, cpu_now(ctx, s), object);
}

/* Neither pushed nor put off. It may be one of the slab that, settled, is the
 * CPU's. */
static void free_refused(struct slab_ctx *ctx, struct slub_cache *s,
			 void *object)
{
	if (s->puts_off) {
		cpu_drop(s, cpu_hold(ctx, s));
		if (slub_push(ctx, s, object) == LIST_PUSHED) {
			count(ctx, s, FREE_FASTPATH);
			return;
		}
		take_up(ctx, s); /* it was freed before */
	}
	free_now(ctx, s, object);
}

NOINLINE void slub_free_slow(struct slab_ctx *ctx, struct slub_cache *s,
			     void *object, void *before)
{
	if (before == LIST_REFUSED) {
		const void *outer =
			slab_caller_known(ctx, __builtin_return_address(0));

		free_refused(ctx, s, object);
		slab_caller_end(ctx, outer);
		return;
	}
	SLUB_ACQUIRE(s);
	/* one free after the other: this one's lines are there when it is its
	 * turn */
	__builtin_prefetch(
		&s->base.slab->machine
			 ->map[slab_virt_to_pfn(s->base.slab, object).v],
		1);
	__builtin_prefetch((char *)object + s->base.offset, 1);
	free_on(ctx, s, cpu_now(ctx, s), before);
}

/* Objects from the end of the array that lie in the slab of the last one, taken
 * out of it; Linux gives up after three others. */
static struct page *detach(struct slub_cache *s, unsigned *n, void **object,
			   struct detached *d)
{
	struct page *page = slab_virt_to_page(s->base.slab, object[*n - 1]);
	unsigned others = 0;

	*d = (struct detached){ object[*n - 1], object[*n - 1], 1, 0 };
	(*n)--;
	for (unsigned i = *n; i-- > 0 && others < 3;) {
		void *o = object[i];

		if (slab_virt_to_page(s->base.slab, o) != page) {
			others++;
			continue;
		}
		if (unlikely(s->hardened && o == d->head)) {
			slub_report_twice(s, o);
		} else {
			slub_set_link(s, o, d->head);
			d->head = o;
			d->nr++;
		}
		object[i] = object[--*n];
	}
	return page;
}

/* Puts the list on the held CPU's own if it is of its slab. */
static bool push_detached(struct slab_ctx *ctx, struct slub_cache *s,
			  const struct page *page, struct detached *d)
{
	struct hold h = cpu_hold(ctx, s);
	const bool ours = h.c->slab == pfn_of(s, page);

	if (ours && link_tail(s, d, h.freelist)) {
		h.freelist = d->head;
		count_many(ctx, s, FREE_FASTPATH, s->counts_bulk ? d->nr : 1);
	}
	cpu_drop(s, h);
	return ours;
}

void slub_free_bulk(struct slab_ctx *ctx, struct kmem_cache *base, unsigned n,
		    void **object)
{
	struct slub_cache *s = to_slub(base);

	if (is_debug(s)) {
		while (n > 0)
			free_now(ctx, s, object[--n]);
		return;
	}
	while (n > 0) {
		struct detached d;
		struct page *page = detach(s, &n, object, &d);

		if (d.nr == 1) {
			slub_free(ctx, base, d.head);
			continue;
		}
		if (push_detached(ctx, s, page, &d))
			continue;
		d.cpu = cpu_now(ctx, s);
		take_up(ctx, s);
		free_to_slab(ctx, s, page, &d);
	}
}

/* ---- debug caches: everything under the node's lock -------------------------
 */

/* A broken slab on the partial list gets out of everyone's reach. */
static void isolate(struct slub_cache *s, struct slub_node *n,
		    struct page *page) REQUIRES(n->lock)
{
	const unsigned objects = slub_state_of(slub_word(page)).objects;
	const struct slub_state t = { .inuse = (uint16_t)objects,
				      .objects = (uint16_t)objects,
				      .frozen = true };

	remove_partial(s, n, page);
	/* REL(slub-state): pairs with ACQ(slub-state) */
	atomic_store_explicit(&page->payload, slub_state_pack(t),
			      memory_order_release);
}

/* Is the object's free pointer one? Reports if not. */
static bool check_link(struct slub_cache *s, const struct page *page,
		       const void *object)
{
	const void *link = slub_link(s, object);

	if (likely(slub_link_ok(s, page, link)))
		return true;
	slab_debug_report(&s->base, page, "Freepointer corrupt", object);
	return false;
}

/* Takes the first object of a slab on the partial list. NULL: it was broken,
 * and is now out of everyone's reach. */
static void *debug_take(struct slab_ctx *ctx, struct slub_cache *s,
			struct slub_node *n, struct page *page)
	REQUIRES(n->lock)
{
	struct slub_state t = slub_state_of(slub_word(page));
	void *object = slub_first(s, base_of(s, page), t.first);
	void *next;

	if (!slab_debug_alloc(ctx, &s->base, page, object) ||
	    !check_link(s, page, object)) {
		isolate(s, n, page);
		return NULL;
	}
	next = slub_link(s, object);
	t.first = next ? (uint16_t)(slub_index(s, base_of(s, page), next) + 1)
		       : 0;
	t.inuse++;
	if (!t.first) {
		remove_partial(s, n, page);
		if (s->base.flags & SLAB_STORE_USER)
			pfn_list_add_head(&n->full, s->base.slab->map,
					  pfn_of(s, page));
	}
	/* REL(slub-state): pairs with ACQ(slub-state) */
	atomic_store_explicit(&page->payload, slub_state_pack(t),
			      memory_order_release);
	return object;
}

static void *debug_from_node(struct slab_ctx *ctx, struct slub_cache *s,
			     struct slub_node *n)
{
	void *object = NULL;

	spin_lock(&n->lock);
	while (!object && !pfn_list_empty(&n->partial))
		object = debug_take(ctx, s, n,
				    page_of(s, pfn_list_first(&n->partial)));
	spin_unlock(&n->lock);
	return object;
}

/* As get_any_partial(). */
static void *debug_from_others(struct slab_ctx *ctx, struct slub_cache *s)
{
	const struct node *local =
		&s->base.slab->machine->node[local_node(ctx)];
	void *object = NULL;

	if (s->nr_nodes == 1 || !dice_say_so(ctx, s))
		return NULL;
	for (unsigned i = 0; i < local->nr_order && !object; i++) {
		struct slub_node *n = &s->node[local->node_order[i]];

		if (node_partial(n) > s->min_partial)
			object = debug_from_node(ctx, s, n);
	}
	return object;
}

static void *alloc_debug(struct slab_ctx *ctx, struct slub_cache *s, gfp_t gfp,
			 unsigned nid)
{
	const unsigned from = nid == NUMA_NO_NODE ? local_node(ctx) : nid;
	void *object = debug_from_node(ctx, s, &s->node[from]);
	struct slub_node *n;
	struct page *page;

	if (!object && nid == NUMA_NO_NODE)
		object = debug_from_others(ctx, s);
	while (!object) {
		page = new_slab(ctx, s, gfp, nid);
		if (!page)
			return NULL;
		n = node_of(s, page);
		spin_lock(&n->lock);
		add_partial(s, n, page, true);
		object = debug_take(ctx, s, n, page);
		spin_unlock(&n->lock);
	}
	return object;
}

/* False: the object, its slab or its use is broken, and was reported. */
static bool may_free(struct slab_ctx *ctx, struct slub_cache *s,
		     struct slub_node *n, struct page *page, void *object)
	REQUIRES(n->lock)
{
	const void *broken;

	if (slub_state_of(slub_word(page)).frozen) {
		slab_report(s->base.slab,
			    "FIX %s: Object at %p not freed: its slab is out "
			    "of use",
			    s->base.name, object);
		return false;
	}
	broken = slub_broken_link(s, page);
	if (broken) {
		slab_debug_report(&s->base, page, "Freechain corrupt", broken);
		isolate(s, n, page);
		return false;
	}
	return slab_debug_free(ctx, &s->base, page, object,
			       slub_is_free(&s->base, page, object));
}

static void free_debug(struct slab_ctx *ctx, struct slub_cache *s,
		       struct page *page, void *object) NO_LOCK_ANALYSIS
{
	struct slub_node *n = node_of(s, page);
	struct page *map = s->base.slab->map;
	char *base = base_of(s, page);
	struct slub_state t;
	bool was_full;

	count(ctx, s, FREE_SLOWPATH);
	spin_lock(&n->lock);
	t = slub_state_of(slub_word(page));
	if (!may_free(ctx, s, n, page, object)) {
		spin_unlock(&n->lock); /* the object is lost */
		return;
	}
	was_full = !t.first;
	slub_set_link(s, object, slub_first(s, base, t.first));
	t.first = (uint16_t)(slub_index(s, base, object) + 1);
	t.inuse--;
	/* REL(slub-state): pairs with ACQ(slub-state) */
	atomic_store_explicit(&page->payload, slub_state_pack(t),
			      memory_order_release);
	if (was_full && (s->base.flags & SLAB_STORE_USER))
		pfn_list_del(&n->full, map, pfn_of(s, page));
	if (!t.inuse && node_partial(n) >= s->min_partial) {
		free_emptied(ctx, s, n, page, was_full);
		return;
	}
	if (was_full) {
		add_partial(s, n, page, false);
		count(ctx, s, FREE_ADD_PARTIAL);
	}
	spin_unlock(&n->lock);
}

/* ---- shrink and the end
 * -------------------------------------------------------- */

/* Holds any CPU's part when nothing is put off there. */
static struct hold settled(struct slab_ctx *ctx, struct slub_cache *s,
			   unsigned slot)
{
	for (;;) {
		struct hold h = cpu_hold_remote(ctx, s, slot);
		void *late = h.c->head.late;

		if (!late || late == LIST_REFUSED)
			return h;
		/* relaxed: nobody else writes to a held head */
		__atomic_store_n(&h.c->head.late, NULL, __ATOMIC_RELAXED);
		cpu_drop(s, h);
		free_on(ctx, s, slot, late);
	}
}

/* Takes a CPU's slab and chain away from it. */
static void flush_cpu(struct slab_ctx *ctx, struct slub_cache *s, unsigned slot)
{
	struct hold h = settled(ctx, s, slot);
	const uint32_t slab = h.c->slab, chain = h.c->partial;
	void *list = h.freelist;

	h.freelist = NULL;
	h.c->slab = PFN_LIST_END;
	set_chain(s, h.c, PFN_LIST_END);
	cpu_drop(s, h);
	if (slab != PFN_LIST_END) {
		count(ctx, s, CPUSLAB_FLUSH);
		deactivate(ctx, s, page_of(s, slab), list);
	}
	unfreeze_chain(ctx, s, chain);
}

static void flush_all(struct slab_ctx *ctx, struct slub_cache *s)
{
	for (unsigned slot = 0; slot < s->nr_slots; slot++)
		flush_cpu(ctx, s, slot);
}

#define SHRINK_CLASSES 32

/* Sorts the node's partial slabs, the fullest first, and takes the empty ones
 * out; they come back chained through page->next. */
static uint32_t shrink_node(struct slub_cache *s, struct slub_node *n)
{
	struct page *map = s->base.slab->map;
	struct pfn_list class[SHRINK_CLASSES], rest;
	uint32_t empty = PFN_LIST_END, pfn;

	for (unsigned i = 0; i < SHRINK_CLASSES; i++)
		pfn_list_init(&class[i]);
	pfn_list_init(&rest);
	spin_lock(&n->lock);
	while ((pfn = pfn_list_pop(&n->partial, map)) != PFN_LIST_END) {
		const struct slub_state t = slub_state_of(slub_word(&map[pfn]));
		const unsigned free = t.objects - t.inuse;

		if (!t.inuse) {
			node_partial_add(n, -1);
			map[pfn].next = empty;
			empty = pfn;
		} else if (free <= SHRINK_CLASSES) {
			pfn_list_add_head(&class[free - 1], map, pfn);
		} else {
			pfn_list_add_tail(&rest, map, pfn);
		}
	}
	for (unsigned i = 0; i < SHRINK_CLASSES; i++)
		while ((pfn = pfn_list_pop(&class[i], map)) != PFN_LIST_END)
			pfn_list_add_tail(&n->partial, map, pfn);
	while ((pfn = pfn_list_pop(&rest, map)) != PFN_LIST_END)
		pfn_list_add_tail(&n->partial, map, pfn);
	spin_unlock(&n->lock);
	return empty;
}

static unsigned long slabs_left(const struct slub_cache *s)
{
	unsigned long left = 0;

	for (unsigned i = 0; i < s->nr_nodes; i++)
		/* relaxed: a statistic */
		left += atomic_load_explicit(&s->node[i].nr_slabs,
					     memory_order_relaxed);
	return left;
}

void slub_flush(struct slab_ctx *ctx, struct kmem_cache *base)
{
	flush_all(ctx, to_slub(base));
}

/* Does what was put off; before somebody looks. */
void slub_settle(struct slab_ctx *ctx, struct kmem_cache *base)
{
	struct slub_cache *s = to_slub(base);

	for (unsigned slot = 0; s->puts_off && slot < s->nr_slots; slot++)
		cpu_drop(s, settled(ctx, s, slot));
}

int slub_shrink_nodes(struct slab_ctx *ctx, struct kmem_cache *base)
{
	struct slub_cache *s = to_slub(base);

	for (unsigned i = 0; i < s->nr_nodes; i++) {
		uint32_t pfn = shrink_node(s, &s->node[i]);

		while (pfn != PFN_LIST_END) {
			struct page *page = page_of(s, pfn);

			pfn = page->next;
			/* as in Linux, not counted as free_slab */
			discard(ctx, s, page);
		}
	}
	slab_rcu_reap(ctx, &s->base);
	return slabs_left(s) > 0;
}

int slub_shrink(struct slab_ctx *ctx, struct kmem_cache *base)
{
	slub_flush(ctx, base);
	return slub_shrink_nodes(ctx, base);
}

/* No reaper: idle caches keep their slabs but those that readers have left. */
void slub_tick(struct slab_ctx *ctx, unsigned seconds)
{
	(void)seconds;
	if (pthread_mutex_trylock(&ctx->slab->mutex))
		return;
	slab_rcu_reap_all(ctx);
	pthread_mutex_unlock(&ctx->slab->mutex);
}

unsigned long slub_shutdown(struct slab_ctx *ctx, struct kmem_cache *base)
{
	struct slub_cache *s = to_slub(base);

	slub_shrink(ctx, base);
	if (base->flags & SLAB_TYPESAFE_BY_RCU) {
		slab_rcu_barrier();
		slab_rcu_reap(ctx, &s->base);
	}
	return slabs_left(s);
}

/* ---- creation
 * -------------------------------------------------------------------- */

int slub_cache_geometry(const struct slab_config *cfg, struct kmem_cache *base)
{
	struct slub_cache *s = to_slub(base);
	int rc = slub_geometry(cfg, base);

	if (rc)
		return rc;
	s->min_partial = slub_min_partial(base->size);
	s->cpu_partial = slub_cpu_partial(base);
	s->cpu_partial_slabs = slub_cpu_partial_slabs(base, s->cpu_partial);
	s->defrag_ratio = 1000;
	return 0;
}

int slub_open(struct slab_allocator *slab)
{
	const long cpus = sysconf(_SC_NPROCESSORS_CONF);

	slab->rseq = RSEQ_X86_64 && slab->config.slub_fast == SLUB_FAST_RSEQ &&
		     rseq_available();
	if (slab->rseq && cpus > 0)
		slab->nr_slots = (unsigned)cpus;
	if (slab->nr_slots >= NOTE_CPU)
		return -EOVERFLOW;
	slab->priv = (void *)notes_create(slab->machine);
	return slab->priv ? 0 : -ENOMEM;
}

void slub_close(struct slab_allocator *slab)
{
	notes_destroy(slab->machine, slab->priv);
	slab->priv = NULL;
}

/* Every thread of the allocator takes the same way. */
int slub_thread_enter(struct slab_ctx *ctx)
{
	ctx->priv = (void *)(uintptr_t)slab_memory_node(ctx->slab->machine,
							ctx->node);
	return ctx->slab->rseq && !rseq_available() ? -ENOSYS : 0;
}

/* Fisher-Yates, from the allocator's seed. */
static int random_order(struct slub_cache *s)
{
	const struct slab_config *cfg = &s->base.slab->config;
	const unsigned n = s->base.objects;
	uint64_t rng = cfg->seed ^ (s->base.id + 1ULL) * 0x9e3779b97f4a7c15ULL;

	if (!cfg->random || n < 2)
		return 0;
	s->order = malloc(n * sizeof(*s->order));
	if (!s->order)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		s->order[i] = i;
	for (unsigned i = n; i > 1; i--) {
		unsigned j;
		uint32_t t;

		rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
		j = (unsigned)((rng >> 33) % i);
		t = s->order[i - 1];
		s->order[i - 1] = s->order[j];
		s->order[j] = t;
	}
	return 0;
}

static void init_cpu(struct slub_cache *s, unsigned slot)
{
	struct slub_cpu *c = &s->cpu[slot];

	c->cpu = (uint16_t)slot;
	c->idle_note = note_make(slot, true);
	set_head_note(s, c);
	c->slab = c->partial = PFN_LIST_END;
	c->head.tag = slot;
	c->head.last = LIST_NO_BLOCK;
	c->head.late = s->puts_off ? NULL : LIST_REFUSED;
	spin_lock_init(&c->lock, RANK_SLAB_CPU);
	/* relaxed: no other thread knows the cache */
	atomic_store_explicit(&s->slots.slot[slot].head, &c->head,
			      memory_order_relaxed);
}

static void init_node(struct slub_node *n)
{
	spin_lock_init(&n->lock, RANK_SLAB_NODE);
	pfn_list_init(&n->partial);
	pfn_list_init(&n->full);
}

static void set_mode(struct slub_cache *s)
{
	const struct slab_config *cfg = &s->base.slab->config;

	s->hardened = cfg->hardened;
	if (s->hardened)
		s->random = (cfg->seed ^ (s->base.id + 1ULL)) *
				    0xbf58476d1ce4e5b9ULL |
			    1ULL << 63;
	if (!s->base.slab->rseq)
		s->mode = SLUB_CMPXCHG;
	else
		s->mode = s->hardened ? SLUB_RSEQ_HARDENED : SLUB_RSEQ;
	s->puts_off = s->mode == SLUB_RSEQ && s->cpu_partial && !is_debug(s);
	s->note = s->puts_off ? s->base.slab->priv : NULL;
	s->near = 2 * (PAGE_SIZE << s->base.order) - 1;
	s->half_near = s->near / 2;
	s->notes = (struct list_notes){ s->note, s->base.slab->memory,
					s->half_near };
	s->counts_remote = true;
	s->tid_step = 1;
	while (s->tid_step < s->nr_slots)
		s->tid_step *= 2;
}

static void *zeroed(size_t bytes)
{
	void *p;

	bytes = round_up_pow2(bytes, 2 * CACHELINE_SIZE);
	p = aligned_alloc(2 * CACHELINE_SIZE, bytes);
	return p ? memset(p, 0, bytes) : NULL;
}

int slub_cache_open(struct slab_ctx *ctx, struct kmem_cache *base)
{
	struct slub_cache *s = to_slub(base);

	s->nr_slots = ctx->slab->nr_slots;
	s->nr_nodes = ctx->slab->machine->desc.topo.nr_nodes;
	s->cpu = zeroed(s->nr_slots * sizeof(*s->cpu));
	s->node = zeroed(s->nr_nodes * sizeof(*s->node));
	s->slots.slot = zeroed(s->nr_slots * sizeof(*s->slots.slot));
	if (!s->cpu || !s->node || !s->slots.slot || random_order(s)) {
		slub_cache_close(base);
		return -ENOMEM;
	}
	set_mode(s);
	for (unsigned i = 0; i < s->nr_slots; i++)
		init_cpu(s, i);
	for (unsigned i = 0; i < s->nr_nodes; i++)
		init_node(&s->node[i]);
	return 0;
}

void slub_cache_close(struct kmem_cache *base)
{
	struct slub_cache *s = to_slub(base);

	free(s->cpu);
	free(s->node);
	free(s->slots.slot);
	free(s->order);
	s->cpu = NULL;
	s->node = NULL;
	s->slots.slot = NULL;
	s->order = NULL;
}

size_t slub_usable(const struct kmem_cache *s)
{
	if (s->flags & (SLAB_RED_ZONE | SLAB_POISON))
		return s->object_size;
	if (s->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_STORE_USER))
		return s->inuse;
	return s->size;
}
