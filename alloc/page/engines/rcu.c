/*
 * rcu: lock-free stacks of free blocks over the buddy system; what is freed
 * waits for an RCU grace period before it can be had again.
 *
 * What it is. Our own design, no counterpart in Linux. An allocation pops a
 * stack by compare-and-swap; a free appends a pfn to a batch of its thread's
 * own, without any atomic instruction. Batches are handed to liburcu's
 * call_rcu; after the grace period their blocks are put back on the stacks as
 * far as those are in demand, and the rest is merged by the buddy system.
 * liburcu (LGPL, shared library) is used through its functions and through
 * inline functions of at most ten lines, which its licence grants to any code.
 *
 * Data. Per zone and modelled CPU one stack for each order and mergeable type,
 * linked through struct page.link; the head counts the blocks. Per thread and
 * zone one batch (slot). Per zone a list of the batches handed over.
 *
 *   rz->limbo == sum of reserved over the batches in slots, on the list and in
 *                the hands of a recycler <= rz->limit          (pages)
 *
 * A batch reserves its pages when it is opened, so the bound holds without
 * counting in free(). The limit is managed / 16, or the zone's share of
 * rcu_limbo=. A block larger than half of it never enters limbo: its free
 * waits for the grace period itself.
 *
 * The way of a block:
 *
 *   buddy lists --refill--> stack --pop--> owner --free--> batch --+
 *        ^                    ^  \--flush------------> haul --+    |
 *        |                    |                               |    |
 *        +-- merge -----------+---------- grace period <------+----+
 *
 * Lock order (outermost first):
 *   1. rz->recycle      mutex: one recycler of a zone at a time; held over a
 *                       grace period; protects supply, round_*
 *   2. e->threads_lock  mutex: list of threads
 *   3. RANK_ZONE        zone->lock, for refill and merge; RANK_LEAF: list_lock
 *                       (list, and which batch lies in which slot), pool_lock
 * None is held by a thread inside a read-side section, and no grace period is
 * waited for under 2 or 3.
 *
 * No ABA. pop reads the head h, then h's link n, then exchanges h for n. It
 * goes wrong only if h left the stack and came back in between, with another
 * n. All three steps stand in one read-side section, and a block is pushed on
 * a stack only after a grace period that began when it was on no stack. A
 * section that saw h on the stack had begun before h left it, so before that
 * grace period began, so it has ended before h comes back. That covers each
 * way back:
 *   - freed by its owner: popped before the free, which is before the batch
 *     is handed over (or detached: below), which is before the grace period;
 *   - taken off with the whole stack by a flush, never handed out: a popper
 *     may still hold its address, so it waits for a grace period just the
 *     same, before it is merged. The count in the head does not make up for
 *     it: a stack can come back to the same block at the same depth;
 *   - from the buddy lists (refill): nothing comes to those but at boot or
 *     through one of the two ways above. So blocks on buddy lists, and what
 *     they are merged or split into, need not wait again.
 * While h stays the head nothing below it changes, since links are written
 * before a push only; so a bulk pop may follow several links and take them
 * all by one exchange. The exchange of a stale popper fails, what it read in
 * between is never used, and struct page stays mapped.
 *
 * Each deferred free: reader, updater, reclaimer.
 *   - a block: read by poppers (its link); updated by the pop or the flush
 *     that unlinks it; reclaimed by whoever recycles: the node's worker, a
 *     thread that helps, or a flush.
 *   - a batch in a slot: read (and written) by its owner inside a section;
 *     updated by a flush that puts the empty batch in its place; reclaimed by
 *     that flush after a grace period, when the owner must have seen the empty
 *     batch. Blocks that the owner added after the flush took the batch have
 *     not waited: if there are any, a second grace period follows.
 *
 * Ordering.
 *   REL(stack)/ACQ(stack)    links, and the page's fields as its former owner
 *                            left them, before the head that leads to them.
 *                            Heads change by read-modify-write only, so a pop
 *                            acquires from every push below it.
 *   REL(batch)/ACQ(batch)    entries before their number.
 *   REL(cached)/ACQ(cached)  a push before the hint that stacks are not empty;
 *                            whoever clears the hint looks at all stacks then.
 *   list_lock                handing over and detaching: a batch that was
 *                            filled before is found in its slot or on the list.
 *   grace periods            sections against recycling (liburcu's guarantee).
 *
 * Progress. pop is lock-free: its exchange fails only if another one's
 * succeeded. free is wait-free while the batch has room. When it is full it is
 * handed over: a spin lock, call_rcu. A thread that finds enough handed over
 * for a grace period of its own (ROUND_BLOCKS, or half of the limit) and
 * nobody at it helps: it waits for one and recycles, so that a fast load does
 * not depend on the worker, which liburcu 0.13 lets sleep 10 ms between
 * rounds. At the limit a free waits until a flush has made room; the flush
 * takes also what lies in batches of threads that are idle. drain, which the
 * policy calls before a request fails, takes everything: batches, list,
 * stacks. A grace period waits for sections, a dozen instructions each,
 * however long their threads are off the CPU. Near its high mark a zone caches
 * nothing, so the last frames are not lost to another CPU's stack.
 *
 * QSBR: a thread is online inside sections only. The usual form, online with
 * quiescent states announced now and then, would stall every grace period as
 * soon as one thread waits for another outside of the allocator.
 *
 * Loop stores: stack_pop page_set_head_ref defer
 */
#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>
#include <urcu/urcu-bp.h>
#include <urcu/urcu-mb.h>
#include <urcu/urcu-qsbr.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/buddy.h"
#include "alloc/page/engine.h"
#include "alloc/page/page_alloc.h"

#define BATCH_BLOCKS 1024u /* blocks and pages that one batch holds at most */
#define ROUND_BLOCKS 8192u /* handed over: worth a grace period of its own */
#define REFILL_PAGES 64u   /* from the buddy lists, at least one block */
#define REFILL_MAX   256u  /* blocks */
#define MERGE_HOLD   32u   /* blocks merged per hold of zone->lock */
#define LIMBO_SHARE  16u   /* of managed pages: the limit of limbo */
#define SORT_AHEAD   8u    /* page descriptors prefetched by recycling */

/* --- flavours ---------------------------------------------------------- */

/* call-rcu.h and flavor.h declare these for the flavour included first only */
#define FLAVOR_DECLARE(f)                                                    \
	extern const struct rcu_flavor_struct urcu_##f##_flavor;             \
	struct call_rcu_data *urcu_##f##_create_call_rcu_data(unsigned long, \
							      int);          \
	void urcu_##f##_call_rcu_data_free(struct call_rcu_data *);          \
	void urcu_##f##_set_thread_call_rcu_data(struct call_rcu_data *);

FLAVOR_DECLARE(memb)
FLAVOR_DECLARE(qsbr)
FLAVOR_DECLARE(mb)
FLAVOR_DECLARE(bp)

struct flavor {
	const struct rcu_flavor_struct *api;
	struct call_rcu_data *(*worker_create)(unsigned long flags, int cpu);
	void (*worker_free)(struct call_rcu_data *worker);
	/* call_rcu() of the calling thread goes to this worker */
	void (*worker_select)(struct call_rcu_data *worker);
};

#define FLAVOR(f)                                                    \
	{                                                            \
		&urcu_##f##_flavor, urcu_##f##_create_call_rcu_data, \
			urcu_##f##_call_rcu_data_free,               \
			urcu_##f##_set_thread_call_rcu_data,         \
	}

static const struct flavor flavors[NR_RCU_FLAVORS] = {
	[RCU_FLAVOR_MEMB] = FLAVOR(memb),
	[RCU_FLAVOR_QSBR] = FLAVOR(qsbr),
	[RCU_FLAVOR_MB] = FLAVOR(mb),
	[RCU_FLAVOR_BP] = FLAVOR(bp),
};

/* How many contexts this thread has entered, by flavour: it registers with
 * the first and leaves with the last. */
static __thread unsigned registered[NR_RCU_FLAVORS];

/* Begin and end of a read-side section. The flavour is fixed per engine, so
 * the branches are always predicted. */
ALWAYS_INLINE void section_enter(unsigned flavor)
{
	if (likely(flavor == RCU_FLAVOR_MEMB))
		_urcu_memb_read_lock();
	else if (flavor == RCU_FLAVOR_MB)
		_urcu_mb_read_lock();
	else if (flavor == RCU_FLAVOR_BP)
		_urcu_bp_read_lock();
	else
		_urcu_qsbr_thread_online();
}

ALWAYS_INLINE void section_exit(unsigned flavor)
{
	if (likely(flavor == RCU_FLAVOR_MEMB))
		_urcu_memb_read_unlock();
	else if (flavor == RCU_FLAVOR_MB)
		_urcu_mb_read_unlock();
	else if (flavor == RCU_FLAVOR_BP)
		_urcu_bp_read_unlock();
	else
		_urcu_qsbr_thread_offline();
}

/* --- data -------------------------------------------------------------- */

struct rcu_zone;

/*
 * Blocks freed by one thread to one zone. Written by that thread inside
 * read-side sections as long as it lies in the thread's slot; by nobody while
 * it lies on the zone's list; then it is the recycler's.
 */
struct batch {
	struct rcu_head head;
	struct rcu_zone *rz;
	struct batch *prev, *next; /* rz->list_lock; next also links the pool */
	bool handed;               /* rz->list_lock: on the list */
	uint32_t reserved;         /* pages of rz->limbo that it stands for */
	uint32_t seen;             /* entries at the time of its removal */
	_Atomic uint32_t refs;     /* the callback's and the recycler's */
	_Atomic uint32_t room;     /* pages that may still be added */
	_Atomic uint32_t n;        /* entries */
	uint32_t pfn[BATCH_BLOCKS];
};

/*
 * The stacks of a (zone, CPU). Head: number of blocks << 32 | pfn + 1 of the
 * first, 0: empty. Linked through struct page.link, likewise pfn + 1.
 */
struct stacks {
	_Atomic uint64_t head[NR_PAGE_ORDERS][MT_PCPTYPES];
} CACHELINE;

/* What recycling knows about the demand on one stack. */
struct supply {
	uint32_t seen;  /* rz->recycle: blocks there were, without refills */
	uint32_t want;  /* rz->recycle: blocks to fill it up to */
	uint32_t round; /* rz->recycle: rz->round_nr of the last estimate */
	_Atomic uint32_t refilled; /* blocks pushed by refills since */
};

enum counter {
	CNT_GRACE_PERIODS,
	CNT_GRACE_TICKS,
	CNT_HELPED,
	CNT_WAITED,
	CNT_MERGE_HOLDS,
	CNT_REFILLS,
	CNT_REFILLED,
	CNT_STOLEN,
	CNT_WORKER_BATCHES,
	CNT_SYNC_FREES,
	CNT_DRAINS,
	NR_COUNTERS
};

struct rcu_zone {
	struct zone *zone;
	struct rcu_engine *e;
	struct call_rcu_data *worker; /* of the zone's node */
	struct page_ctx *worker_ctx;
	long low_pages;        /* at or below: cache nothing */
	uint32_t limit;        /* pages in limbo at most */
	uint32_t quota;        /* pages of a batch */
	uint32_t round;        /* blocks, or pages, worth a grace period */
	struct stacks *cpu;    /* [nr_cpus] */
	struct supply *supply; /* [nr_cpus][NR_PAGE_ORDERS][MT_PCPTYPES] */

	/* sum of batch->reserved == limbo <= limit */
	_Atomic uint32_t limbo CACHELINE; /* pages */
	_Atomic uint32_t limbo_peak;
	/* statistics: rounds of recycling after a grace period, and where the
	   blocks went: back on stacks, to the buddy system */
	_Atomic uint64_t rounds, recycled, merged;
	_Atomic bool cached;        /* a stack may hold something */
	struct spinlock list_lock;  /* list, and who owns a batch */
	struct batch *first, *last; /* list_lock: handed over, oldest first */
	_Atomic uint32_t handed;    /* list_lock to write: blocks on the list */
	pthread_mutex_t recycle;    /* one recycler at a time */
	uint32_t round_nr, round_left; /* recycle */
};

struct slot {
	struct batch *_Atomic batch; /* never NULL; &engine->empty */
	struct stacks *stacks;       /* of this thread's CPU */
};

struct rcu_thread {
	unsigned flavor;
	struct rcu_thread *next; /* engine->threads_lock */
	struct slot slot[];      /* [nr_zones] */
};

struct rcu_engine {
	struct page_engine base;
	const struct flavor *flavor;
	unsigned flavor_id;
	struct rcu_zone **zone;        /* [nr_zones], NULL: not populated */
	struct call_rcu_data **worker; /* [nr_nodes], NULL: no zone there */
	struct page_ctx *worker_ctx;   /* [nr_nodes] */
	struct batch empty; /* room 0: what a slot holds without a batch */
	pthread_mutex_t threads_lock;
	struct rcu_thread *threads; /* threads_lock */
	struct spinlock pool_lock;
	struct batch *pool;         /* pool_lock */
	_Atomic uint64_t callbacks; /* handed to call_rcu, not over */
	_Atomic uint64_t counter[NR_COUNTERS];
};

static const struct page_ops engine_ops;

ALWAYS_INLINE struct rcu_zone *to_rcu_zone(const struct zone *zone)
{
	return zone->engine_zone;
}

static void add_up(_Atomic uint64_t *counter, uint64_t n)
{
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void count(struct rcu_engine *e, enum counter which, uint64_t n)
{
	add_up(&e->counter[which], n);
}

static uint64_t value_of(const _Atomic uint64_t *counter)
{
	/* relaxed: a statistic */
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void note(struct page_ctx *ctx, const struct rcu_zone *rz,
		 enum event_kind kind, uint64_t arg)
{
	event_record(ctx->events, (struct event){ .kind = (uint16_t)kind,
						  .cpu = ctx->cpu,
						  .zone = rz->zone->id,
						  .arg = arg });
}

/* --- stacks ------------------------------------------------------------ */

#define HEAD_FIRST(head) ((uint32_t)(head))
#define HEAD_DEPTH(head) ((uint32_t)((head) >> 32))

ALWAYS_INLINE uint64_t head_make(uint32_t depth, uint32_t first)
{
	return (uint64_t)depth << 32 | first;
}

ALWAYS_INLINE uint32_t link_get(const struct page *page)
{
	/* relaxed: ordered by the head that led here; a stale popper may read
	 * anything, its exchange fails then */
	return atomic_load_explicit(&page->link, memory_order_relaxed);
}

ALWAYS_INLINE void link_set(struct page *page, uint32_t link)
{
	/* relaxed: published by the head, see stack_push() */
	atomic_store_explicit(&page->link, link, memory_order_relaxed);
}

/*
 * Takes up to n blocks, one exchange for all of them; returns how many, their
 * pfns in out[]. Inside a read-side section: none of the blocks seen here can
 * have been pushed again before the exchange.
 */
ALWAYS_INLINE unsigned stack_pop(_Atomic uint64_t *stack, struct page *map,
				 unsigned n, pfn_t *out)
{
	/* ACQ(stack): see the links below the head; pairs with REL(stack) */
	uint64_t seen = atomic_load_explicit(stack, memory_order_acquire);
	uint32_t next;
	unsigned i;

	do {
		next = HEAD_FIRST(seen);
		for (i = 0; i < n && next; i++) {
			out[i].v = next - 1;
			next = link_get(&map[next - 1]);
		}
		if (!i)
			return 0;
		/* ACQ(stack): as above, when another head is seen */
	} while (unlikely(!atomic_compare_exchange_weak_explicit(
		stack, &seen, head_make(HEAD_DEPTH(seen) - i, next),
		memory_order_acquire, memory_order_acquire)));
	return i;
}

struct chain {
	uint32_t first; /* pfn + 1 */
	uint32_t last;  /* pfn */
	uint32_t nr;
};

/* In front: the last one added is the first to be popped. */
ALWAYS_INLINE void chain_add(struct chain *chain, struct page *map,
			     uint32_t pfn)
{
	link_set(&map[pfn], chain->first);
	if (!chain->nr)
		chain->last = pfn;
	chain->first = pfn + 1;
	chain->nr++;
}

/* Every block of the chain has been through a grace period since it was last
 * on this stack. */
static void stack_push(struct rcu_zone *rz, _Atomic uint64_t *stack,
		       const struct chain *chain)
{
	struct page *map = rz->zone->map;
	/* relaxed: the exchange decides */
	uint64_t seen = atomic_load_explicit(stack, memory_order_relaxed);
	uint64_t want;

	do {
		link_set(&map[chain->last], HEAD_FIRST(seen));
		want = head_make(HEAD_DEPTH(seen) + chain->nr, chain->first);
		/* REL(stack): links before the head that leads to them; pairs
		 * with ACQ(stack). relaxed on failure: retried */
	} while (!atomic_compare_exchange_weak_explicit(stack, &seen, want,
							memory_order_release,
							memory_order_relaxed));
	/* REL(cached): the push before the hint; pairs with ACQ(cached) */
	atomic_store_explicit(&rz->cached, true, memory_order_release);
}

ALWAYS_INLINE struct supply *supply_of(const struct rcu_zone *rz, unsigned cpu,
				       unsigned order, unsigned mt)
{
	return &rz->supply[(cpu * NR_PAGE_ORDERS + order) * MT_PCPTYPES + mt];
}

/* --- batches ----------------------------------------------------------- */

static struct batch *batch_get(struct rcu_engine *e)
{
	struct batch *b;

	spin_lock(&e->pool_lock);
	b = e->pool;
	if (b)
		e->pool = b->next;
	spin_unlock(&e->pool_lock);
	return b ? b : malloc(sizeof(*b));
}

static void batch_put(struct rcu_engine *e, struct batch *b)
{
	spin_lock(&e->pool_lock);
	b->next = e->pool;
	e->pool = b;
	spin_unlock(&e->pool_lock);
}

/* One of the two users of a batch is done with it: its callback, or whoever
 * recycled it. */
static void batch_unref(struct rcu_engine *e, struct batch *b)
{
	/* REL(batch-ref): our use is over; ACQ(batch-ref): so is the other's */
	if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		batch_put(e, b);
}

static uint32_t limbo_pages(const struct rcu_zone *rz)
{
	/* relaxed: a count on its own */
	return atomic_load_explicit(&rz->limbo, memory_order_relaxed);
}

static uint32_t limbo_peak(const struct rcu_zone *rz)
{
	/* relaxed: a statistic */
	return atomic_load_explicit(&rz->limbo_peak, memory_order_relaxed);
}

/* False: that would exceed the limit. */
static bool limbo_reserve(struct rcu_zone *rz, uint32_t pages)
{
	uint32_t seen = limbo_pages(rz), peak;

	do {
		if (pages > rz->limit - seen)
			return false;
		/* relaxed, both: a count on its own */
	} while (!atomic_compare_exchange_weak_explicit(
		&rz->limbo, &seen, seen + pages, memory_order_relaxed,
		memory_order_relaxed));
	/* relaxed, all: a statistic */
	peak = atomic_load_explicit(&rz->limbo_peak, memory_order_relaxed);
	while (peak < seen + pages &&
	       !atomic_compare_exchange_weak_explicit(
		       &rz->limbo_peak, &peak, seen + pages,
		       memory_order_relaxed, memory_order_relaxed))
		;
	return true;
}

static void limbo_return(struct rcu_zone *rz, uint32_t pages)
{
	/* relaxed: a count on its own */
	atomic_fetch_sub_explicit(&rz->limbo, pages, memory_order_relaxed);
}

static void handed_add(struct rcu_zone *rz, uint32_t blocks)
	REQUIRES(rz->list_lock)
{
	/* relaxed: list_lock orders the writers, others want a hint */
	atomic_store_explicit(
		&rz->handed,
		atomic_load_explicit(&rz->handed, memory_order_relaxed) +
			blocks,
		memory_order_relaxed);
}

static uint32_t batch_blocks(const struct batch *b)
{
	/* ACQ(batch): see the entries; pairs with REL(batch) */
	return atomic_load_explicit(&b->n, memory_order_acquire);
}

static void list_add(struct rcu_zone *rz, struct batch *b)
	REQUIRES(rz->list_lock)
{
	b->handed = true;
	b->next = NULL;
	b->prev = rz->last;
	if (rz->last)
		rz->last->next = b;
	else
		rz->first = b;
	rz->last = b;
	handed_add(rz, batch_blocks(b));
}

static void list_del(struct rcu_zone *rz, struct batch *b)
	REQUIRES(rz->list_lock)
{
	b->handed = false;
	if (b->prev)
		b->prev->next = b->next;
	else
		rz->first = b->next;
	if (b->next)
		b->next->prev = b->prev;
	else
		rz->last = b->prev;
	handed_add(rz, -batch_blocks(b));
}

/* All of the list, in a chain through next. */
static struct batch *list_take(struct rcu_zone *rz) REQUIRES(rz->list_lock)
{
	struct batch *all = rz->first;

	for (struct batch *b = all; b; b = b->next)
		b->handed = false;
	rz->first = rz->last = NULL;
	handed_add(rz, -atomic_load_explicit(&rz->handed,
					     /* relaxed: under the lock */
					     memory_order_relaxed));
	return all;
}

/* --- recycling: after the grace period --------------------------------- */

struct line {
	struct chain chain;
	uint32_t room;    /* blocks that its present stack still wants */
	uint32_t visited; /* CPUs looked at */
};

/* One pass over batches: sorts blocks into what stacks want and the rest. */
struct sorter {
	struct page_ctx *ctx;
	struct rcu_zone *rz;
	bool to_stacks;
	uint32_t nr_merge, recycled, merged;
	uint32_t merge[MERGE_HOLD];
	struct line line[NR_PAGE_ORDERS][MT_PCPTYPES];
};

static void merge_flush(struct sorter *s)
{
	struct zone *zone = s->rz->zone;
	const struct buddy_ref b = buddy_ref(s->ctx, zone);

	if (!s->nr_merge)
		return;
	zone_lock(zone);
	for (uint32_t i = 0; i < s->nr_merge; i++) {
		const pfn_t pfn = { s->merge[i] };
		const unsigned order =
			page_head_order(page_head(&b.map[pfn.v]));
		const struct buddy_site site = buddy_site(zone, pfn, order);
		const struct buddy_block block = { pfn.v, order, site.mt };

		buddy_free(&b, zone, &site, block, 0);
	}
	zone_unlock(zone);
	count(s->rz->e, CNT_MERGE_HOLDS, 1);
	s->merged += s->nr_merge;
	s->nr_merge = 0;
}

static void merge_add(struct sorter *s, uint32_t pfn)
{
	s->merge[s->nr_merge++] = pfn;
	if (s->nr_merge == MERGE_HOLD)
		merge_flush(s);
}

/* The CPU that a line looks at: its own first. */
static unsigned line_cpu(const struct sorter *s, const struct line *line)
{
	const unsigned nr = s->ctx->machine->desc.topo.nr_cpus;

	return (s->ctx->cpu + line->visited - 1) % nr;
}

/*
 * Blocks that the stack can use. Once per round of recycled blocks the demand
 * is estimated: what was popped since the last estimate. Growth is followed at
 * once, with a quarter on top; decline by a quarter a round.
 */
static uint32_t supply_room(struct rcu_zone *rz, unsigned cpu, unsigned order,
			    unsigned mt)
{
	struct supply *supply = supply_of(rz, cpu, order, mt);
	/* relaxed: an estimate */
	uint32_t depth = HEAD_DEPTH(atomic_load_explicit(
		&rz->cpu[cpu].head[order][mt], memory_order_relaxed));

	if (supply->round != rz->round_nr) {
		const uint32_t most = 2 * rz->round >> order;
		/* relaxed: see above */
		int64_t popped = (int64_t)supply->seen - depth +
				 atomic_exchange_explicit(&supply->refilled, 0,
							  memory_order_relaxed);

		popped = clamp_long(popped + popped / 4, 0, most);
		if (popped >= supply->want)
			supply->want = (uint32_t)popped;
		else
			supply->want -=
				(supply->want - (uint32_t)popped + 3) / 4;
		supply->seen = depth;
		supply->round = rz->round_nr;
	}
	return supply->want > depth ? supply->want - depth : 0;
}

static void line_push(struct sorter *s, unsigned order, unsigned mt)
{
	struct line *line = &s->line[order][mt];
	unsigned cpu;

	if (!line->chain.nr)
		return;
	cpu = line_cpu(s, line);
	stack_push(s->rz, &s->rz->cpu[cpu].head[order][mt], &line->chain);
	supply_of(s->rz, cpu, order, mt)->seen += line->chain.nr;
	s->recycled += line->chain.nr;
	line->chain = (struct chain){ 0 };
}

/* Has any stack of this order and type room for a block? */
static bool line_has_room(struct sorter *s, unsigned order, unsigned mt)
{
	struct line *line = &s->line[order][mt];
	const unsigned nr = s->ctx->machine->desc.topo.nr_cpus;

	while (!line->room && line->visited < nr) {
		line_push(s, order, mt);
		line->visited++;
		line->room = supply_room(s->rz, line_cpu(s, line), order, mt);
	}
	return line->room;
}

static void sort_block(struct sorter *s, uint32_t pfn)
{
	struct zone *zone = s->rz->zone;
	const unsigned order = page_head_order(page_head(&zone->map[pfn]));
	const unsigned mt = pageblock_mt(zone, pfn);
	struct line *line;

	if (!s->to_stacks || mt >= MT_PCPTYPES ||
	    !line_has_room(s, order, mt)) {
		merge_add(s, pfn);
		return;
	}
	line = &s->line[order][mt];
	page_set_head(&zone->map[pfn],
		      page_head_make(PAGE_PCP, order, mt, zone->id));
	chain_add(&line->chain, zone->map, pfn);
	line->room--;
}

static bool zone_is_low(const struct rcu_zone *rz)
{
	return zone_free_pages(rz->zone) <= rz->low_pages;
}

static void sorter_init(struct sorter *s, struct page_ctx *ctx,
			struct rcu_zone *rz, bool to_stacks)
{
	memset(s, 0, sizeof(*s));
	s->ctx = ctx;
	s->rz = rz;
	s->to_stacks = to_stacks && !zone_is_low(rz);
}

static void sorter_finish(struct sorter *s)
{
	struct rcu_zone *rz = s->rz;

	if (s->to_stacks) {
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			for (unsigned mt = 0; mt < MT_PCPTYPES; mt++)
				line_push(s, o, mt);
	}
	merge_flush(s);
	add_up(&rz->rounds, 1);
	add_up(&rz->recycled, s->recycled);
	add_up(&rz->merged, s->merged);
	note(s->ctx, rz, EV_GRACE_PERIOD, s->recycled + s->merged);
	if (s->merged)
		note(s->ctx, rz, EV_MERGE, s->merged);
}

/* A grace period has passed since the batch's last block was added. Under
 * rz->recycle. */
static void sort_batch(struct sorter *s, struct batch *b)
{
	struct rcu_zone *rz = s->rz;
	const uint32_t n = batch_blocks(b);

	if (rz->round_left <= n) {
		rz->round_nr++;
		rz->round_left = rz->round;
	} else {
		rz->round_left -= n;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (i + SORT_AHEAD < n)
			__builtin_prefetch(
				&rz->zone->map[b->pfn[i + SORT_AHEAD]], 1);
		sort_block(s, b->pfn[i]);
	}
	limbo_return(rz, b->reserved);
}

static void grace_period(struct rcu_engine *e)
{
	uint64_t begin = tsc_read();

	e->flavor->api->update_synchronize_rcu();
	count(e, CNT_GRACE_TICKS, tsc_read() - begin);
	count(e, CNT_GRACE_PERIODS, 1);
}

/* The callback's last access to the engine. */
static void callback_over(struct rcu_engine *e)
{
	/* REL(callbacks): all that callbacks did; pairs with ACQ(callbacks) */
	atomic_fetch_sub_explicit(&e->callbacks, 1, memory_order_release);
}

/* In the node's worker, a grace period after the batch was handed over. */
static void batch_done(struct rcu_head *head)
{
	struct batch *b = caa_container_of(head, struct batch, head);
	/* ACQ(handed): the batch as it was handed over; call_rcu orders this
	 * too, but says so to nobody. Pairs with REL(handed) */
	const bool last_use =
		atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
	struct rcu_zone *rz = b->rz;
	struct rcu_engine *e = rz->e;
	struct sorter s;
	bool ours;

	if (last_use) {
		batch_put(e, b);
		callback_over(e);
		return;
	}
	/* A recycler may hold the lock and wait for us to be quiescent. */
	e->flavor->api->thread_offline();
	pthread_mutex_lock(&rz->recycle);
	e->flavor->api->thread_online();
	spin_lock(&rz->list_lock);
	ours = b->handed;
	if (ours)
		list_del(rz, b);
	spin_unlock(&rz->list_lock);
	if (ours) {
		struct event_ring *rings = e->base.node_events;

		rz->worker_ctx->events = rings ? &rings[rz->zone->nid] : NULL;
		sorter_init(&s, rz->worker_ctx, rz, true);
		sort_batch(&s, b);
		sorter_finish(&s);
		count(e, CNT_WORKER_BATCHES, 1);
		batch_unref(e, b);
	}
	pthread_mutex_unlock(&rz->recycle);
	batch_unref(e, b);
	callback_over(e);
}

/* --- flushing: grace period expedited and waited for ------------------- */

/* What a flush works on: everything was freed, or put on a stack, before. */
struct haul {
	struct batch *handed;   /* from the list; their callbacks are to come */
	struct batch *detached; /* from threads; without a callback */
	uint32_t stack;         /* blocks from stacks, linked; pfn + 1 */
};

/* The batches of all threads, and of the list; a batch is always in one of
 * the two, as far as holders of list_lock can see. */
static void haul_batches(struct rcu_zone *rz, struct haul *haul, bool detach)
{
	struct rcu_engine *e = rz->e;

	pthread_mutex_lock(&e->threads_lock);
	spin_lock(&rz->list_lock);
	haul->handed = list_take(rz);
	for (struct rcu_thread *t = e->threads; detach && t; t = t->next) {
		struct slot *slot = &t->slot[rz->zone->id];
		/* relaxed, both: only list_lock's holder changes it; the owner
		 * may go on writing to the batch until a grace period ended */
		struct batch *b = atomic_load_explicit(&slot->batch,
						       memory_order_relaxed);

		if (b == &e->empty)
			continue;
		atomic_store_explicit(&slot->batch, &e->empty,
				      memory_order_relaxed);
		b->seen = batch_blocks(b);
		b->next = haul->detached;
		haul->detached = b;
	}
	spin_unlock(&rz->list_lock);
	pthread_mutex_unlock(&e->threads_lock);
}

/* Takes every stack away. The chains are joined behind each other: that
 * changes the link of last blocks only, and no exchange of a popper that still
 * looks at one can succeed before a grace period has passed. */
static void haul_stacks(struct rcu_zone *rz, struct haul *haul)
{
	const unsigned nr_cpus = rz->zone->machine->desc.topo.nr_cpus;
	struct page *map = rz->zone->map;

	/* ACQ(cached): see the pushes before the hint; pairs with REL(cached)
	 * in stack_push(). acq_rel: cleared before the stacks are looked at */
	if (!atomic_exchange_explicit(&rz->cached, false, memory_order_acq_rel))
		return;
	for (unsigned i = 0; i < nr_cpus * NR_PAGE_ORDERS * MT_PCPTYPES; i++) {
		_Atomic uint64_t *stack =
			&rz->cpu[i / (NR_PAGE_ORDERS * MT_PCPTYPES)]
				 .head[i / MT_PCPTYPES % NR_PAGE_ORDERS]
				      [i % MT_PCPTYPES];
		uint32_t first, last, next;

		/* relaxed: the exchange decides. ACQ(stack): see the links */
		if (!atomic_load_explicit(stack, memory_order_relaxed))
			continue;
		first = HEAD_FIRST(atomic_exchange_explicit(
			stack, 0, memory_order_acquire));
		if (!first)
			continue;
		for (last = first; (next = link_get(&map[last - 1]));)
			last = next;
		link_set(&map[last - 1], haul->stack);
		haul->stack = first;
	}
}

static void haul_recycle(struct page_ctx *ctx, struct rcu_zone *rz,
			 struct haul *haul, bool to_stacks)
{
	struct rcu_engine *e = rz->e;
	struct batch *b, *next;
	struct sorter s;

	sorter_init(&s, ctx, rz, to_stacks);
	for (b = haul->handed; b; b = next) {
		next = b->next;
		sort_batch(&s, b);
		batch_unref(e, b);
	}
	for (b = haul->detached; b; b = next) {
		next = b->next;
		sort_batch(&s, b);
		batch_put(e, b);
	}
	for (uint32_t at = haul->stack; at;) {
		uint32_t pfn = at - 1;

		at = link_get(&rz->zone->map[pfn]);
		sort_block(&s, pfn);
	}
	sorter_finish(&s);
}

#define FLUSH_DETACH 0x1u /* also batches that threads are filling */
#define FLUSH_STACKS 0x2u /* also the stacks: everything goes to the buddy */

/* Under rz->recycle. True if there was anything. */
static bool flush_locked(struct page_ctx *ctx, struct rcu_zone *rz,
			 unsigned flags)
{
	struct haul haul = { 0 };

	haul_batches(rz, &haul, flags & FLUSH_DETACH);
	if (flags & FLUSH_STACKS)
		haul_stacks(rz, &haul);
	if (!haul.handed && !haul.detached && !haul.stack)
		return false;
	grace_period(rz->e);
	/* The owners have let go of their batches now; what they added after
	 * we took them has not had its grace period. */
	for (struct batch *b = haul.detached; b; b = b->next) {
		if (batch_blocks(b) == b->seen)
			continue;
		grace_period(rz->e);
		break;
	}
	haul_recycle(ctx, rz, &haul, !(flags & FLUSH_STACKS));
	return true;
}

/* --- free -------------------------------------------------------------- */

/* False: no room in the batch, or no batch. */
ALWAYS_INLINE bool defer(struct rcu_thread *t, const struct zone *zone,
			 unsigned n, const pfn_t *pfn, unsigned order)
{
	const uint32_t pages = n << order;
	bool fits = false;
	struct batch *b;
	uint32_t room, at;

	section_enter(t->flavor);
	/* relaxed, all: of this batch only we write to these. A flush that
	 * takes it away reads it after this section has ended. */
	b = atomic_load_explicit(&t->slot[zone->id].batch,
				 memory_order_relaxed);
	room = atomic_load_explicit(&b->room, memory_order_relaxed);
	if (likely(room >= pages)) {
		at = atomic_load_explicit(&b->n, memory_order_relaxed);
		for (unsigned i = 0; i < n; i++)
			b->pfn[at + i] = pfn[i].v;
		/* relaxed: see above */
		atomic_store_explicit(&b->room, room - pages,
				      memory_order_relaxed);
		/* REL(batch): entries before their count; pairs with
		 * ACQ(batch) in batch_blocks() */
		atomic_store_explicit(&b->n, at + n, memory_order_release);
		fits = true;
	}
	section_exit(t->flavor);
	return fits;
}

/* The block does not fit into limbo at all, or there is no memory for a
 * batch: waits for its grace period here and gives it to the buddy system. */
static void free_now(struct page_ctx *ctx, struct rcu_zone *rz, pfn_t pfn)
{
	struct sorter s;

	grace_period(rz->e);
	sorter_init(&s, ctx, rz, false);
	merge_add(&s, pfn.v);
	sorter_finish(&s);
	count(rz->e, CNT_SYNC_FREES, 1);
}

/* The thread's batch goes to the zone's list and to call_rcu. */
static void hand_over(struct page_ctx *ctx, struct rcu_zone *rz)
{
	struct rcu_thread *t = ctx->priv;
	struct slot *slot = &t->slot[rz->zone->id];
	struct rcu_engine *e = rz->e;
	uint32_t room = 0;
	struct batch *b;

	spin_lock(&rz->list_lock);
	/* relaxed, all: list_lock orders them */
	b = atomic_load_explicit(&slot->batch, memory_order_relaxed);
	if (b != &e->empty) {
		atomic_store_explicit(&slot->batch, &e->empty,
				      memory_order_relaxed);
		room = atomic_load_explicit(&b->room, memory_order_relaxed);
		b->reserved -= room;
		/* REL(handed): the batch as it is; pairs with ACQ(handed) */
		atomic_store_explicit(&b->refs, 2, memory_order_release);
		list_add(rz, b);
	}
	spin_unlock(&rz->list_lock);
	if (b == &e->empty)
		return;
	limbo_return(rz, room);
	note(ctx, rz, EV_LIMBO, limbo_pages(rz));
	/* relaxed: destroy comes after every thread has left */
	atomic_fetch_add_explicit(&e->callbacks, 1, memory_order_relaxed);
	e->flavor->worker_select(rz->worker);
	e->flavor->api->update_call_rcu(&b->head, batch_done);
}

/* A grace period is due, if nobody is at it: we have just freed, our caches
 * are warm, and nobody has to be woken. */
static void help(struct page_ctx *ctx, struct rcu_zone *rz)
{
	/* relaxed: hints */
	if (atomic_load_explicit(&rz->handed, memory_order_relaxed) <
		    rz->round &&
	    limbo_pages(rz) < rz->limit / 2)
		return;
	if (pthread_mutex_trylock(&rz->recycle))
		return;
	if (flush_locked(ctx, rz, 0))
		count(rz->e, CNT_HELPED, 1);
	pthread_mutex_unlock(&rz->recycle);
}

/* A batch with room for `pages`; within the limit, however long that takes.
 * NULL: no memory. */
static struct batch *batch_open(struct page_ctx *ctx, struct rcu_zone *rz,
				uint32_t pages)
{
	struct batch *b = batch_get(rz->e);

	if (!b)
		return NULL;
	if (pages < rz->quota)
		pages = rz->quota;
	while (!limbo_reserve(rz, pages)) {
		pthread_mutex_lock(&rz->recycle);
		/* the one before us may have made room */
		if (pages > rz->limit - limbo_pages(rz))
			flush_locked(ctx, rz, FLUSH_DETACH);
		pthread_mutex_unlock(&rz->recycle);
		count(rz->e, CNT_WAITED, 1);
	}
	b->rz = rz;
	b->reserved = pages;
	/* relaxed, both: nobody else knows the batch */
	atomic_store_explicit(&b->room, pages, memory_order_relaxed);
	atomic_store_explicit(&b->n, 0, memory_order_relaxed);
	return b;
}

static NOINLINE void rcu_free_slow(struct page_ctx *ctx, struct zone *zone,
				   pfn_t pfn, unsigned order)
{
	struct rcu_zone *rz = to_rcu_zone(zone);
	struct rcu_thread *t = ctx->priv;
	struct batch *b;

	if (1u << order > rz->limit / 2) {
		free_now(ctx, rz, pfn);
		return;
	}
	/* more than once only if a flush takes the new batch away at once */
	do {
		hand_over(ctx, rz);
		help(ctx, rz);
		b = batch_open(ctx, rz, 1u << order);
		if (!b) {
			free_now(ctx, rz, pfn);
			return;
		}
		spin_lock(&rz->list_lock);
		/* relaxed: our own slot; list_lock orders it for flushes */
		atomic_store_explicit(&t->slot[zone->id].batch, b,
				      memory_order_relaxed);
		spin_unlock(&rz->list_lock);
	} while (!defer(t, zone, 1, &pfn, order));
}

ENGINE_HOT void rcu_free(struct page_ctx *ctx, struct zone *zone, pfn_t pfn,
			 unsigned order, unsigned fpi_flags)
{
	(void)fpi_flags;
	page_set_head(&zone->map[pfn.v],
		      page_head_make(PAGE_LIMBO, order, 0, zone->id));
	if (unlikely(!defer(ctx->priv, zone, 1, &pfn, order)))
		rcu_free_slow(ctx, zone, pfn, order);
}

ENGINE_HOT void rcu_free_bulk(struct page_ctx *ctx, struct zone *zone,
			      unsigned n, const pfn_t *pfn)
{
	const uint32_t head = page_head_make(PAGE_LIMBO, 0, 0, zone->id);

	for (unsigned i = 0; i < n; i++)
		page_set_head(&zone->map[pfn[i].v], head);
	if (likely(defer(ctx->priv, zone, n, pfn, 0)))
		return;
	for (unsigned i = 0; i < n; i++)
		if (unlikely(!defer(ctx->priv, zone, 1, &pfn[i], 0)))
			rcu_free_slow(ctx, zone, pfn[i], 0);
}

/* --- allocation -------------------------------------------------------- */

/* Blocks that a refill takes: more while only refills feed the stack. */
static unsigned refill_size(const struct rcu_zone *rz,
			    const struct supply *supply, unsigned order)
{
	/* relaxed: an estimate */
	uint32_t n =
		atomic_load_explicit(&supply->refilled, memory_order_relaxed);

	if (zone_is_low(rz))
		return 1;
	n = n < REFILL_MAX ? n : REFILL_MAX;
	n = n > REFILL_PAGES ? n : REFILL_PAGES;
	n >>= order;
	return n ? n : 1;
}

/* From the buddy lists: one for the caller, more of the same type for the
 * stack. They have waited for a grace period before they came there. */
static pfn_t refill(struct page_ctx *ctx, struct zone *zone, unsigned order,
		    unsigned mt, unsigned alloc_flags)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);
	struct rcu_zone *rz = to_rcu_zone(zone);
	struct supply *supply = supply_of(rz, ctx->cpu, order, mt);
	unsigned n = refill_size(rz, supply, order), got = 0;
	uint32_t extra[REFILL_MAX];
	struct chain chain = { 0 };
	pfn_t pfn;

	zone_lock(zone);
	pfn = buddy_rmqueue(&b, zone, order, mt, alloc_flags);
	while (pfn_valid(pfn) && got + 1 < n) {
		pfn_t more = buddy_smallest(&b, zone, order, mt);

		if (!pfn_valid(more))
			break;
		page_set_head(&zone->map[more.v],
			      page_head_make(PAGE_PCP, order, mt, zone->id));
		extra[got++] = more.v;
	}
	if (got)
		buddy_account(&b, zone, -((long)got << order), mt);
	zone_unlock(zone);
	if (!got)
		return pfn;
	for (unsigned i = got; i-- > 0;)
		chain_add(&chain, zone->map, extra[i]);
	stack_push(rz, &rz->cpu[ctx->cpu].head[order][mt], &chain);
	/* relaxed: an estimate */
	atomic_fetch_add_explicit(&supply->refilled, got, memory_order_relaxed);
	count(rz->e, CNT_REFILLS, 1);
	count(rz->e, CNT_REFILLED, got);
	note(ctx, rz, EV_REFILL, (uint64_t)got << order);
	return pfn;
}

/* The buddy lists have nothing: a block from any CPU's stack. */
static pfn_t steal(struct page_ctx *ctx, struct zone *zone, unsigned order,
		   unsigned mt)
{
	struct rcu_zone *rz = to_rcu_zone(zone);
	const unsigned nr_cpus = ctx->machine->desc.topo.nr_cpus;
	struct rcu_thread *t = ctx->priv;
	pfn_t pfn = PFN_NONE;
	unsigned got = 0;

	/* relaxed: a hint */
	if (!atomic_load_explicit(&rz->cached, memory_order_relaxed))
		return PFN_NONE;
	for (unsigned cpu = 0; cpu < nr_cpus && !got; cpu++) {
		section_enter(t->flavor);
		got = stack_pop(&rz->cpu[cpu].head[order][mt], zone->map, 1,
				&pfn);
		section_exit(t->flavor);
	}
	if (!got)
		return PFN_NONE;
	count(rz->e, CNT_STOLEN, 1);
	page_hand_out(&zone->map[pfn.v], order, mt, zone->id);
	return pfn;
}

static NOINLINE pfn_t rcu_rmqueue_slow(struct page_ctx *ctx, struct zone *zone,
				       unsigned order, unsigned mt,
				       unsigned alloc_flags)
{
	pfn_t pfn;

	if (mt >= MT_PCPTYPES || alloc_flags & ALLOC_HIGHATOMIC)
		return buddy_rmqueue_locking(ctx, zone, order, mt, alloc_flags);
	pfn = refill(ctx, zone, order, mt, alloc_flags);
	return pfn_valid(pfn) ? pfn : steal(ctx, zone, order, mt);
}

ENGINE_HOT pfn_t rcu_rmqueue(struct page_ctx *ctx, struct zone *zone,
			     unsigned order, unsigned mt, unsigned alloc_flags)
{
	struct rcu_thread *t = ctx->priv;
	unsigned got = 0;
	pfn_t pfn;

	if (likely(mt < MT_PCPTYPES && !(alloc_flags & ALLOC_HIGHATOMIC))) {
		section_enter(t->flavor);
		got = stack_pop(&t->slot[zone->id].stacks->head[order][mt],
				zone->map, 1, &pfn);
		section_exit(t->flavor);
	}
	if (unlikely(!got))
		return rcu_rmqueue_slow(ctx, zone, order, mt, alloc_flags);
	page_hand_out(&zone->map[pfn.v], order, mt, zone->id);
	return pfn;
}

ENGINE_HOT unsigned rcu_rmqueue_bulk(struct page_ctx *ctx, struct zone *zone,
				     unsigned n, unsigned mt,
				     unsigned alloc_flags, pfn_t *out)
{
	struct rcu_thread *t = ctx->priv;
	unsigned done = 0, got;

	while (done < n && mt < MT_PCPTYPES) {
		section_enter(t->flavor);
		got = stack_pop(&t->slot[zone->id].stacks->head[0][mt],
				zone->map, n - done, out + done);
		section_exit(t->flavor);
		for (unsigned i = 0; i < got; i++)
			page_hand_out(&zone->map[out[done + i].v], 0, mt,
				      zone->id);
		done += got;
		if (done == n)
			break;
		out[done] = rcu_rmqueue_slow(ctx, zone, 0, mt, alloc_flags);
		if (!pfn_valid(out[done]))
			break;
		done++;
	}
	return done;
}

/* --- cold hooks -------------------------------------------------------- */

static void zone_destroy(struct rcu_zone *rz)
{
	if (!rz)
		return;
	rz->zone->engine_zone = NULL;
	pthread_mutex_destroy(&rz->recycle);
	free(rz->cpu);
	free(rz->supply);
	free(rz);
}

/* Marks below which nothing is cached: a request that any zone index may make
 * here must not fail because of what lies on stacks. */
static long zone_low_pages(const struct zone *zone)
{
	long reserve = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		reserve = max_long(reserve, zone->lowmem_reserve[i]);
	return zone->watermark[WMARK_HIGH] + reserve + REFILL_MAX;
}

static struct rcu_zone *zone_create(struct rcu_engine *e, struct zone *zone)
{
	const struct machine *m = zone->machine;
	const unsigned nr_cpus = m->desc.topo.nr_cpus;
	struct rcu_zone *rz = machine_node_alloc(m, zone->nid, sizeof(*rz));
	uint64_t limit = zone->managed / LIMBO_SHARE;

	if (!rz)
		return NULL;
	rz->zone = zone;
	rz->e = e;
	rz->worker = e->worker[zone->nid];
	rz->worker_ctx = &e->worker_ctx[zone->nid];
	if (m->desc.rcu_limbo_pages)
		limit = mult_frac(m->desc.rcu_limbo_pages, zone->managed,
				  m->managed);
	limit = limit ? limit : 1;
	rz->limit = limit < UINT32_MAX / 2 ? (uint32_t)limit : UINT32_MAX / 2;
	rz->quota = (uint32_t)clamp_long(rz->limit / (4 * nr_cpus), 1,
					 BATCH_BLOCKS);
	rz->round = (uint32_t)clamp_long(rz->limit / 2, 1, ROUND_BLOCKS);
	rz->low_pages = zone_low_pages(zone);
	spin_lock_init(&rz->list_lock, RANK_LEAF);
	pthread_mutex_init(&rz->recycle, NULL);
	rz->cpu = machine_node_alloc(m, zone->nid, sizeof(*rz->cpu) * nr_cpus);
	rz->supply =
		machine_node_alloc(m, zone->nid,
				   (size_t)nr_cpus * NR_PAGE_ORDERS *
					   MT_PCPTYPES * sizeof(*rz->supply));
	zone->engine_zone = rz;
	if (!rz->cpu || !rz->supply) {
		zone_destroy(rz);
		return NULL;
	}
	return rz;
}

static void rcu_destroy(struct page_engine *engine)
{
	struct rcu_engine *e = (struct rcu_engine *)engine;
	struct machine *m = e->base.machine;
	struct batch *b;

	if (e->worker)
		e->flavor->api->barrier();
	/* ACQ(callbacks): what they did; pairs with REL(callbacks) */
	check(!atomic_load_explicit(&e->callbacks, memory_order_acquire),
	      "callbacks outlive rcu_barrier()");
	for (unsigned i = 0; e->worker && i < m->desc.topo.nr_nodes; i++)
		if (e->worker[i])
			e->flavor->worker_free(e->worker[i]);
	for (unsigned i = 0; e->zone && i < m->nr_zones; i++)
		zone_destroy(e->zone[i]);
	while ((b = e->pool)) {
		e->pool = b->next;
		free(b);
	}
	pthread_mutex_destroy(&e->threads_lock);
	free(e->worker_ctx);
	free(e->worker);
	free(e->zone);
	free(e);
}

/* A context of the engine's own: it recycles, on the node's first CPU. */
static void own_ctx(struct rcu_engine *e, unsigned nid, struct page_ctx *ctx)
{
	struct machine *m = e->base.machine;

	*ctx = (struct page_ctx){ .engine = &e->base,
				  .machine = m,
				  .node = (uint16_t)nid };
	for (unsigned cpu = m->desc.topo.nr_cpus; cpu-- > 0;)
		if (m->desc.topo.node_of_cpu[cpu] == nid)
			ctx->cpu = (uint16_t)cpu;
}

static int worker_create(struct rcu_engine *e, unsigned nid)
{
	if (e->worker[nid])
		return 0;
	e->worker[nid] = e->flavor->worker_create(0, -1);
	if (!e->worker[nid])
		return -ENOMEM;
	own_ctx(e, nid, &e->worker_ctx[nid]);
	return 0;
}

static int rcu_create(struct page_engine **out, struct machine *m)
{
	struct rcu_engine *e = calloc(1, sizeof(*e));
	const unsigned nr_nodes = m->desc.topo.nr_nodes;

	if (!e)
		return -ENOMEM;
	e->base.ops = &engine_ops;
	e->base.machine = m;
	e->flavor_id = m->desc.rcu_flavor;
	e->flavor = &flavors[e->flavor_id];
	pthread_mutex_init(&e->threads_lock, NULL);
	spin_lock_init(&e->pool_lock, RANK_LEAF);
	e->zone = calloc(m->nr_zones, sizeof(struct rcu_zone *));
	e->worker = calloc(nr_nodes, sizeof(struct call_rcu_data *));
	e->worker_ctx = aligned_alloc(CACHELINE_SIZE,
				      nr_nodes * sizeof(*e->worker_ctx));
	if (!e->zone || !e->worker || !e->worker_ctx)
		goto err_destroy;
	memset(e->worker_ctx, 0, nr_nodes * sizeof(*e->worker_ctx));
	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *zone = &m->zone[i];

		if (!zone_populated(zone))
			continue;
		if (worker_create(e, zone->nid))
			goto err_destroy;
		e->zone[i] = zone_create(e, zone);
		if (!e->zone[i])
			goto err_destroy;
	}
	*out = &e->base;
	return 0;

err_destroy:
	rcu_destroy(&e->base);
	return -ENOMEM;
}

static int rcu_thread_enter(struct page_ctx *ctx)
{
	struct rcu_engine *e = (struct rcu_engine *)ctx->engine;
	const unsigned nr_zones = ctx->machine->nr_zones;
	struct rcu_thread *t =
		calloc(1, sizeof(*t) + nr_zones * sizeof(t->slot[0]));

	if (!t)
		return -ENOMEM;
	t->flavor = e->flavor_id;
	for (unsigned i = 0; i < nr_zones; i++) {
		/* relaxed: nobody else knows the thread yet */
		atomic_store_explicit(&t->slot[i].batch, &e->empty,
				      memory_order_relaxed);
		if (e->zone[i])
			t->slot[i].stacks = &e->zone[i]->cpu[ctx->cpu];
	}
	if (!registered[t->flavor]++) {
		e->flavor->api->register_thread();
		/* QSBR: between calls we are not in a section */
		e->flavor->api->thread_offline();
	}
	pthread_mutex_lock(&e->threads_lock);
	t->next = e->threads;
	e->threads = t;
	pthread_mutex_unlock(&e->threads_lock);
	ctx->priv = t;
	return 0;
}

static void rcu_thread_exit(struct page_ctx *ctx)
{
	struct rcu_engine *e = (struct rcu_engine *)ctx->engine;
	struct rcu_thread *t = ctx->priv;
	struct rcu_thread **at = &e->threads;

	for (unsigned i = 0; i < ctx->machine->nr_zones; i++)
		if (e->zone[i])
			hand_over(ctx, e->zone[i]);
	pthread_mutex_lock(&e->threads_lock);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	pthread_mutex_unlock(&e->threads_lock);
	e->flavor->worker_select(NULL);
	if (!--registered[t->flavor])
		e->flavor->api->unregister_thread();
	free(t);
	ctx->priv = NULL;
}

static void rcu_drain(struct page_engine *engine, struct page_ctx *ctx)
{
	struct rcu_engine *e = (struct rcu_engine *)engine;
	bool any = false;

	for (unsigned i = 0; i < e->base.machine->nr_zones; i++) {
		struct rcu_zone *rz = e->zone[i];
		struct page_ctx own;

		if (!rz)
			continue;
		own_ctx(e, rz->zone->nid, &own);
		pthread_mutex_lock(&rz->recycle);
		any |= flush_locked(ctx ? ctx : &own, rz,
				    FLUSH_DETACH | FLUSH_STACKS);
		pthread_mutex_unlock(&rz->recycle);
	}
	if (any)
		count(e, CNT_DRAINS, 1);
}

static uint64_t stack_pages(const struct rcu_zone *rz)
{
	uint64_t pages = 0;

	for (unsigned cpu = 0; cpu < rz->zone->machine->desc.topo.nr_cpus;
	     cpu++)
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			for (unsigned mt = 0; mt < MT_PCPTYPES; mt++)
				/* relaxed: a statistic */
				pages += (uint64_t)HEAD_DEPTH(
						 atomic_load_explicit(
							 &rz->cpu[cpu]
								  .head[o][mt],
							 memory_order_relaxed))
					 << o;
	return pages;
}

/* Reserved pages less those that batches in the threads' slots have room
 * for. */
static uint64_t limbo_used(struct rcu_zone *rz)
{
	struct rcu_engine *e = rz->e;
	uint64_t room = 0, limbo;

	pthread_mutex_lock(&e->threads_lock);
	spin_lock(&rz->list_lock);
	limbo = limbo_pages(rz);
	for (struct rcu_thread *t = e->threads; t; t = t->next) {
		/* relaxed, both: a statistic; batches live on in the pool */
		const struct batch *b = atomic_load_explicit(
			&t->slot[rz->zone->id].batch, memory_order_relaxed);

		room += atomic_load_explicit(&b->room, memory_order_relaxed);
	}
	spin_unlock(&rz->list_lock);
	pthread_mutex_unlock(&e->threads_lock);
	return limbo > room ? limbo - room : 0;
}

/* Without a lock, so limbo is what is reserved: batches that are being filled
 * count as full. */
static void rcu_held(struct page_engine *engine, const struct zone *zone,
		     struct zone_held *out)
{
	const struct rcu_engine *e = (const struct rcu_engine *)engine;
	const struct rcu_zone *rz = e->zone[zone->id];

	*out = (struct zone_held){ 0 };
	if (!rz)
		return;
	out->cached_pages = stack_pages(rz);
	out->limbo_pages = limbo_pages(rz);
	out->limbo_max = limbo_peak(rz);
	out->limbo_limit = rz->limit;
	out->grace_periods = value_of(&rz->rounds);
	out->merged_blocks = value_of(&rz->merged);
}

static void rcu_snapshot(struct page_engine *engine, const struct zone *zone,
			 struct zone_snapshot *out)
{
	const struct rcu_engine *e = (const struct rcu_engine *)engine;
	struct rcu_zone *rz = e->zone[zone->id];

	buddy_snapshot(&engine->machine->zone[zone->id], out);
	out->cached_pages = rz ? stack_pages(rz) : 0;
	out->limbo_pages = rz ? limbo_used(rz) : 0;
}

static const char *verify_stack(const struct rcu_zone *rz, uint64_t head,
				unsigned order, unsigned mt)
{
	const struct zone *zone = rz->zone;
	const uint32_t want = page_head_make(PAGE_PCP, order, mt, zone->id);
	uint32_t at = HEAD_FIRST(head), depth = HEAD_DEPTH(head);

	for (; at && depth; depth--) {
		if (page_head(&zone->map[at - 1]) != want)
			return "a block on a stack has another state, order, "
			       "type or zone";
		at = link_get(&zone->map[at - 1]);
	}
	return at || depth ? "a stack's depth is not its length" : NULL;
}

static const char *verify_zone(struct rcu_zone *rz)
{
	uint64_t reserved = 0;

	for (unsigned i = 0; i < rz->zone->machine->desc.topo.nr_cpus *
					 NR_PAGE_ORDERS * MT_PCPTYPES;
	     i++) {
		unsigned order = i / MT_PCPTYPES % NR_PAGE_ORDERS;
		unsigned mt = i % MT_PCPTYPES;
		/* relaxed: no other thread is inside */
		uint64_t head = atomic_load_explicit(
			&rz->cpu[i / MT_PCPTYPES / NR_PAGE_ORDERS]
				 .head[order][mt],
			memory_order_relaxed);
		const char *broken = verify_stack(rz, head, order, mt);

		if (broken)
			return broken;
	}
	for (const struct batch *b = rz->first; b; b = b->next)
		reserved += b->reserved;
	for (struct rcu_thread *t = rz->e->threads; t; t = t->next)
		/* relaxed: no other thread is inside */
		reserved += atomic_load_explicit(&t->slot[rz->zone->id].batch,
						 memory_order_relaxed)
				    ->reserved;
	if (reserved != limbo_pages(rz))
		return "pages in limbo are not the sum of the batches";
	if (limbo_peak(rz) > rz->limit)
		return "limbo was over its limit";
	return limbo_pages(rz) <= rz->limit ? NULL : "limbo is over its limit";
}

static const char *rcu_verify(struct page_engine *engine)
{
	struct rcu_engine *e = (struct rcu_engine *)engine;
	const char *broken = NULL;

	/* the workers may be inside: recycle keeps them out */
	for (unsigned i = 0; i < e->base.machine->nr_zones && !broken; i++) {
		if (!e->zone[i])
			continue;
		pthread_mutex_lock(&e->zone[i]->recycle);
		broken = verify_zone(e->zone[i]);
		pthread_mutex_unlock(&e->zone[i]->recycle);
	}
	return broken ? broken : buddy_verify_machine(e->base.machine);
}

static unsigned rcu_counters(struct page_engine *engine,
			     struct engine_counter *out, unsigned max)
{
	static const char *const names[NR_COUNTERS] = {
		[CNT_GRACE_PERIODS] = "rcu_grace_periods",
		[CNT_GRACE_TICKS] = "rcu_grace_period_ticks",
		[CNT_HELPED] = "rcu_helped_rounds",
		[CNT_WAITED] = "rcu_limit_waits",
		[CNT_MERGE_HOLDS] = "rcu_merge_lock_holds",
		[CNT_REFILLS] = "rcu_refills",
		[CNT_REFILLED] = "rcu_refilled_blocks",
		[CNT_STOLEN] = "rcu_stolen_blocks",
		[CNT_WORKER_BATCHES] = "rcu_worker_batches",
		[CNT_SYNC_FREES] = "rcu_synchronous_frees",
		[CNT_DRAINS] = "rcu_drains",
	};
	struct rcu_engine *e = (struct rcu_engine *)engine;
	struct engine_counter sum[] = {
		{ "rcu_limbo_limit_pages", 0 }, { "rcu_limbo_peak_pages", 0 },
		{ "rcu_recycle_rounds", 0 },    { "rcu_recycled_blocks", 0 },
		{ "rcu_merged_blocks", 0 },
	};
	unsigned n = 0;

	for (unsigned i = 0; i < e->base.machine->nr_zones; i++) {
		if (!e->zone[i])
			continue;
		sum[0].value += e->zone[i]->limit;
		sum[1].value += limbo_peak(e->zone[i]);
		sum[2].value += value_of(&e->zone[i]->rounds);
		sum[3].value += value_of(&e->zone[i]->recycled);
		sum[4].value += value_of(&e->zone[i]->merged);
	}
	for (; n < NR_COUNTERS && n < max; n++)
		out[n] = (struct engine_counter){ names[n],
						  value_of(&e->counter[n]) };
	for (unsigned i = 0; i < ARRAY_SIZE(sum) && n < max; i++)
		out[n++] = sum[i];
	return n;
}

static const struct page_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary =
		"lock-free stacks over the buddy system, frees deferred by RCU",
	.features = PAGE_F_DEFERRED,
	.create = rcu_create,
	.destroy = rcu_destroy,
	.thread_enter = rcu_thread_enter,
	.thread_exit = rcu_thread_exit,
	.drain = rcu_drain,
	.snapshot = rcu_snapshot,
	.held = rcu_held,
	.verify = rcu_verify,
	.counters = rcu_counters,
	.rmqueue = rcu_rmqueue,
	.free = rcu_free,
	.rmqueue_bulk = rcu_rmqueue_bulk,
	.free_bulk = rcu_free_bulk,
};
