/*
 * pcp_rseq: per-CPU stacks of frames in restartable sequences.
 *
 * What it is. Our own engine, after the idea of Linux's per-CPU pagesets. Each
 * CPU has a set of small arrays of pfns, one for each zone, order (0 to 3 and
 * the pageblock order) and migratetype. A request pops from, and a free pushes
 * onto, the array of the CPU on which the thread happens to run, in a
 * restartable sequence (alloc/base/rseq.h): no atomic instruction, no lock, no
 * struct page. An empty array is refilled with whole blocks of the buddy
 * system, which are handed out piece by piece without being split; a full one
 * gives half of what it holds back under one hold of the zone's lock, and
 * neighbours among them as the one block that they make up. Both move a run of
 * frames in one section.
 *
 * Data. slot[cpu] -> set; at[zone][order][type] = byte offset of that
 * stack in every set. Orders and types without a stack have the offset of one
 * whose limit is 0, so the fast path has no case for them: it just fails.
 * Frames in a stack have no state in struct page (head word 0: inside a block,
 * nothing to say), so buddies do not merge with them; frames that were handed
 * out have none either (PAGE_F_FRAMELESS) except in checked builds.
 *
 * Where there is no rseq (another architecture, an older kernel or C library,
 * rseq=off), the same stacks are used under a lock per CPU. That is chosen
 * once, at create, and reported as the counter `rseq`.
 *
 * Lock order (outermost first):
 *   1. drain_lock  a mutex: one drainer at a time. No thread waits for it with
 *                  a spin lock held.
 *   2. RANK_PCP    lock[cpu], only without rseq
 *   3. RANK_ZONE   zone->lock: refill, flush, drain
 *
 * Ordering. A stack is reached by the sections of its own CPU only; the drainer
 * reaches it after it has pointed the slot at the empty set and restarted the
 * sections in flight (membarrier, a full barrier on both CPUs). When it is done
 * it stores the slot with REL(rseq-slot); a section's load of the slot is
 * followed by loads that depend on its value, which is the ACQ(rseq-slot) that
 * pairs with it. What a thread wrote into a frame before it pushed it is
 * visible to whoever pops it: same CPU, and a migration of either thread is a
 * full barrier in the kernel; by way of the buddy system: zone->lock.
 *
 * Progress. Pop and push complete unless their thread is descheduled or
 * signalled in the middle, and are a dozen instructions long. Refill and flush
 * wait for the zone lock, which is fair. Drain waits for no other thread's
 * section: it restarts it.
 *
 * Departures from Linux's pagesets: a CPU's own frames are given out without a
 * look at the watermarks, which are asked when a stack is refilled (cached
 * frames are no free pages, so no mark can be crossed by giving them out);
 * stacks belong to real CPUs, not modelled
 * ones; a type's stack is a LIFO of frames, so nothing is taken from the cold
 * end one by one; the limit is fixed (4 batches) and there is no free_factor;
 * a flush takes the frames freed last, since an array has no cheap other end.
 *
 * Loop stores: stack_pop stack_push
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc/base/rseq.h"
#include "alloc/page/buddy.h"
#include "alloc/page/engine.h"
#include "alloc/page/page_alloc.h"
#include "alloc/page/pcp.h"

#define FLUSH_MAX 128 /* blocks given back under one hold of the zone lock */

struct rseq_engine {
	struct page_engine base;
	char **slot; /* [nr_cpus] of the OS: a set, or `empty` */
	uint32_t nr_cpus;
	uint32_t *at; /* [zone->id][NR_PAGE_ORDERS][4], byte offsets */
	bool rseq;
	char *empty; /* a set of empty stacks with limit 0 */
	char **set;  /* each CPU's own, also while it is detached */
	size_t set_bytes;
	struct spinlock *lock; /* [nr_cpus], without rseq */
	pthread_mutex_t drain_lock;
	/* relaxed atomics: statistics */
	_Atomic uint64_t refills, refilled, flushes, flushed, drains;
};

static const struct page_ops engine_ops;

ALWAYS_INLINE struct rseq_engine *to_rseq_engine(struct page_engine *e)
{
	return (struct rseq_engine *)e;
}

/* Offset of the stack for blocks of this order and type; mt up to 3 (types that
 * have none share the last column). */
ALWAYS_INLINE size_t stack_at(const struct rseq_engine *e, unsigned zone_id,
			      unsigned order, unsigned mt)
{
	return e->at[(zone_id * NR_PAGE_ORDERS + order) * 4 + mt];
}

ALWAYS_INLINE unsigned stack_mt(unsigned mt)
{
	return mt < MT_PCPTYPES ? mt : MT_PCPTYPES;
}

static void count_up(_Atomic uint64_t *counter, uint64_t n)
{
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/*
 * ThreadSanitizer does not see into the sections. It is told that a push
 * happens before every later pop from the same stack.
 */
#if defined(__SANITIZE_THREAD__)
#define SECTIONS_UNSEEN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SECTIONS_UNSEEN 1
#endif
#endif
#ifdef SECTIONS_UNSEEN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define SECTION_ACQUIRE(e, at) __tsan_acquire(&(e)->empty[at])
#define SECTION_RELEASE(e, at) __tsan_release(&(e)->empty[at])
#else
#define SECTION_ACQUIRE(e, at) ((void)(at))
#define SECTION_RELEASE(e, at) ((void)(at))
#endif

/* --- the same stacks under a lock, where there is no rseq --------------- */

static unsigned current_cpu(const struct rseq_engine *e)
{
	int cpu = sched_getcpu();

	return cpu >= 0 && (unsigned)cpu < e->nr_cpus ? (unsigned)cpu : 0;
}

static NOINLINE pfn_t locked_pop(struct rseq_engine *e, size_t at)
{
	const unsigned cpu = current_cpu(e);
	struct pfn_stack *s = (struct pfn_stack *)(void *)(e->set[cpu] + at);
	pfn_t pfn = PFN_NONE;

	spin_lock(&e->lock[cpu]);
	if (s->count)
		pfn.v = s->pfn[--s->count];
	spin_unlock(&e->lock[cpu]);
	return pfn;
}

static NOINLINE bool locked_push(struct rseq_engine *e, size_t at, pfn_t pfn)
{
	const unsigned cpu = current_cpu(e);
	struct pfn_stack *s = (struct pfn_stack *)(void *)(e->set[cpu] + at);
	bool pushed;

	spin_lock(&e->lock[cpu]);
	pushed = s->count < s->limit;
	if (pushed)
		s->pfn[s->count++] = pfn.v;
	spin_unlock(&e->lock[cpu]);
	return pushed;
}

static NOINLINE uint32_t locked_pop_run(struct rseq_engine *e, size_t at,
					pfn_t *out, uint32_t max)
{
	const unsigned cpu = current_cpu(e);
	struct pfn_stack *s = (struct pfn_stack *)(void *)(e->set[cpu] + at);
	uint32_t nr = 0, first;

	spin_lock(&e->lock[cpu]);
	first = s->count > max ? s->count - max : 0;
	for (uint32_t i = first; i < s->count; i++)
		out[nr++].v = s->pfn[i];
	s->count = first;
	spin_unlock(&e->lock[cpu]);
	return nr;
}

ALWAYS_INLINE pfn_t cpu_pop(struct rseq_engine *e, size_t at)
{
	pfn_t pfn;

#if RSEQ_X86_64
	if (likely(e->rseq)) {
		pfn = stack_pop(e->slot, at);
		SECTION_ACQUIRE(e, at);
		return pfn;
	}
#endif
	pfn = locked_pop(e, at);
	return pfn;
}

ALWAYS_INLINE bool cpu_push(struct rseq_engine *e, size_t at, pfn_t pfn)
{
#if RSEQ_X86_64
	if (likely(e->rseq)) {
		SECTION_RELEASE(e, at);
		return stack_push(e->slot, at, pfn);
	}
#endif
	return locked_push(e, at, pfn);
}

/* Up to max frames, those pushed last, in the order in which they were. */
static uint32_t cpu_pop_run(struct rseq_engine *e, size_t at, pfn_t *out,
			    uint32_t max)
{
#if RSEQ_X86_64
	if (likely(e->rseq)) {
		uint32_t nr = stack_pop_run(e->slot, at, out, max);

		SECTION_ACQUIRE(e, at);
		return nr;
	}
#endif
	return locked_pop_run(e, at, out, max);
}

/* All of nr frames, last first, each `step` below the one before, or none.
 * Without rseq never: the caller pushes them one by one. */
static bool cpu_push_run(struct rseq_engine *e, size_t at, pfn_t last,
			 uint32_t step, uint32_t nr)
{
#if RSEQ_X86_64
	if (likely(e->rseq)) {
		SECTION_RELEASE(e, at);
		return stack_push_run(e->slot, at, last, step, nr);
	}
#endif
	return false;
}

/* --- refill and flush --------------------------------------------------- */

/* Checked builds keep the head words that the fast path does without. */
ALWAYS_INLINE pfn_t handed_out(const struct zone *zone, pfn_t pfn,
			       unsigned order, unsigned mt)
{
	if (CHECK_LEVEL >= 1 && pfn_valid(pfn))
		page_hand_out(&zone->map[pfn.v], order, mt, zone->id);
	return pfn;
}

/* Blocks of the same order, on their way back to the zone. */
struct flush {
	unsigned nr;
	pfn_t pfn[FLUSH_MAX];
};

static void give_back(const struct buddy_ref *b, struct zone *zone, pfn_t pfn,
		      unsigned order, unsigned fpi_flags) REQUIRES(zone->lock)
{
	const struct buddy_site site = buddy_site(zone, pfn, order);
	const struct buddy_block block = { pfn.v, order, site.mt };

	buddy_free(b, zone, &site, block, fpi_flags);
}

/*
 * How many blocks from pfn[0] on lie side by side; they are blocks of `order`.
 * *down: each below the one before.
 */
static unsigned run_length(const pfn_t *pfn, unsigned nr, unsigned order,
			   bool *down)
{
	const uint32_t size = 1u << order;
	unsigned n = 1;
	uint32_t step;

	*down = nr > 1 && pfn[1].v == pfn[0].v - size;
	step = *down ? -size : size;
	while (n < nr && pfn[n].v == pfn[n - 1].v + step)
		n++;
	return n;
}

/*
 * Gives back blocks of one order. Neighbours go back together, in the largest
 * aligned blocks that they make up, so that the free lists see one block where
 * the buddies would have met one by one. A block stays inside its pageblock,
 * whose type it is freed to.
 */
static void give_back_all(const struct buddy_ref *b, struct zone *zone,
			  const struct flush *f, unsigned order)
	REQUIRES(zone->lock)
{
	unsigned n;

	for (unsigned i = 0; i < f->nr; i += n) {
		uint32_t at, end;
		bool down;

		n = run_length(&f->pfn[i], f->nr - i, order, &down);
		at = f->pfn[down ? i + n - 1 : i].v;
		end = at + (n << order);
		while (at < end) {
			unsigned o = order;

			while (o < zone->pageblock_order &&
			       !(at & ((2u << o) - 1)) && at + (2u << o) <= end)
				o++;
			give_back(b, zone, (pfn_t){ at }, o, 0);
			at += 1u << o;
		}
	}
}

static void flush_to_zone(struct zone *zone, unsigned cpu, struct flush *f,
			  unsigned order)
{
	const struct buddy_ref b = buddy_ref_cpu(zone, cpu);

	zone_lock(zone);
	give_back_all(&b, zone, f, order);
	zone_unlock(zone);
	f->nr = 0;
}

/* What one refill may take, in blocks of the request's order. */
static unsigned refill_blocks(const struct zone *zone, unsigned order)
{
	unsigned n = ((unsigned)zone->pageset_batch + 1) >> order;

	return n ? n : 1;
}

/*
 * Takes the smallest block of type mt that holds the request, at most
 * `blocks` times the request's size of it. *order: in, the request's; out, the
 * block's. Small blocks go first, whole; only what is larger than the refill
 * is split.
 */
static pfn_t take_block(const struct buddy_ref *b, struct zone *zone,
			unsigned *order, unsigned mt, unsigned blocks)
	REQUIRES(zone->lock)
{
	const unsigned most = (unsigned)min_long(
		*order + (unsigned)fls_long(blocks) - 1, MAX_PAGE_ORDER);

	for (unsigned o = *order; o < NR_PAGE_ORDERS; o++) {
		const uint32_t pfn =
			pfn_list_first(&zone->free_area[o].list[mt]);

		if (pfn == PFN_LIST_END)
			continue;
		*order = o < most ? o : most;
		return buddy_smallest(b, zone, *order, mt);
	}
	return PFN_NONE;
}

struct piece {
	pfn_t pfn;
	unsigned order;
};

/* Up to `blocks` blocks' worth of memory from the lists of type mt alone. */
static unsigned take_pieces(const struct buddy_ref *b, struct zone *zone,
			    const struct buddy_request *req, unsigned blocks,
			    struct piece *piece) REQUIRES(zone->lock)
{
	unsigned nr = 0;
	long pages = 0;

	while (blocks && nr < FLUSH_MAX) {
		unsigned order = req->order;
		pfn_t pfn = take_block(b, zone, &order, req->mt, blocks);

		if (!pfn_valid(pfn))
			break;
		page_set_head(&zone->map[pfn.v], 0);
		piece[nr++] = (struct piece){ pfn, order };
		blocks -= 1u << (order - req->order);
		pages += 1L << order;
	}
	if (nr)
		buddy_account(b, zone, -pages, req->mt);
	return nr;
}

/* Pushes every block of the piece but `keep`, so that they are popped in
 * ascending order. What finds no room (the thread moved to a CPU whose stack is
 * full, or a drain runs) goes back to the zone. */
static void push_piece(struct page_ctx *ctx, struct zone *zone,
		       const struct buddy_request *req,
		       const struct piece *piece, bool keep)
{
	struct rseq_engine *e = to_rseq_engine(ctx->engine);
	const size_t at = stack_at(e, zone->id, req->order, req->mt);
	const uint32_t nr = (1u << (piece->order - req->order)) - keep;
	const pfn_t last = { piece->pfn.v + (1u << piece->order) -
			     (1u << req->order) };
	struct flush back;

	if (!nr || cpu_push_run(e, at, last, 1u << req->order, nr))
		return;
	back.nr = 0;
	for (unsigned i = nr + keep; i-- > keep;) {
		pfn_t pfn = { piece->pfn.v + (i << req->order) };

		if (cpu_push(e, at, pfn))
			continue;
		back.pfn[back.nr++] = pfn;
		if (back.nr == FLUSH_MAX)
			flush_to_zone(zone, ctx->cpu, &back, req->order);
	}
	if (back.nr)
		flush_to_zone(zone, ctx->cpu, &back, req->order);
}

static pfn_t refill(struct rseq_engine *e, struct page_ctx *ctx,
		    struct zone *zone, const struct buddy_request *req)
{
	const struct buddy_ref b = buddy_ref(ctx, zone);
	struct piece piece[FLUSH_MAX];
	uint64_t pages = 0;
	unsigned nr;

	zone_lock(zone);
	nr = take_pieces(&b, zone, req, refill_blocks(zone, req->order), piece);
	zone_unlock(zone);
	if (!nr)
		return PFN_NONE;
	for (unsigned i = nr; i-- > 0;) {
		push_piece(ctx, zone, req, &piece[i], i == 0);
		pages += 1ULL << piece[i].order;
	}
	count_up(&e->refills, 1);
	count_up(&e->refilled, pages);
	event_record(ctx->events, (struct event){ .kind = EV_REFILL,
						  .cpu = ctx->cpu,
						  .zone = zone->id,
						  .order = (uint16_t)req->order,
						  .arg = pages });
	return piece[0].pfn;
}

static bool has_stack(const struct rseq_engine *e, const struct zone *zone,
		      unsigned order, unsigned mt)
{
	return stack_at(e, zone->id, order, stack_mt(mt)) !=
	       stack_at(e, zone->id, order, MT_PCPTYPES);
}

static NOINLINE pfn_t rmqueue_slow(struct page_ctx *ctx, struct zone *zone,
				   unsigned order, unsigned mt,
				   unsigned alloc_flags)
{
	struct rseq_engine *e = to_rseq_engine(ctx->engine);
	pfn_t pfn = cpu_pop(e, stack_at(e, zone->id, order, mt));

	if (!pfn_valid(pfn) && has_stack(e, zone, order, mt)) {
		const struct buddy_request req = { .order = order, .mt = mt };

		pfn = refill(e, ctx, zone, &req);
	}
	if (!pfn_valid(pfn)) {
		pfn = buddy_rmqueue_locking(ctx, zone, order, mt, alloc_flags);
		if (pfn_valid(pfn))
			page_set_head_ref(&zone->map[pfn.v], 0, 0);
	}
	return pfn;
}

/* A full stack gives back half of what it may hold. */
static NOINLINE void free_slow(struct page_ctx *ctx, struct zone *zone,
			       pfn_t pfn, unsigned order, unsigned fpi_flags)
{
	struct rseq_engine *e = to_rseq_engine(ctx->engine);
	const unsigned mt = pageblock_mt(zone, pfn.v);
	const struct buddy_ref b = buddy_ref(ctx, zone);
	struct flush f;

	f.nr = 0;
	if (has_stack(e, zone, order, mt) && !(fpi_flags & FPI_TO_TAIL)) {
		const size_t at = stack_at(e, zone->id, order, mt);
		unsigned n = 2 * refill_blocks(zone, order);

		f.nr = cpu_pop_run(e, at, f.pfn, n < FLUSH_MAX ? n : FLUSH_MAX);
		if (cpu_push(e, at, pfn))
			pfn = PFN_NONE;
		count_up(&e->flushes, 1);
		count_up(&e->flushed, (uint64_t)f.nr << order);
		event_record(ctx->events,
			     (struct event){ .kind = EV_DRAIN,
					     .cpu = ctx->cpu,
					     .zone = zone->id,
					     .order = (uint16_t)order,
					     .arg = (uint64_t)f.nr << order });
	}
	zone_lock(zone);
	give_back_all(&b, zone, &f, order);
	if (pfn_valid(pfn))
		give_back(&b, zone, pfn, order, fpi_flags);
	zone_unlock(zone);
}

/* --- hot hooks ---------------------------------------------------------- */

#if RSEQ_X86_64
/*
 * The stacks of the plan's zone and type. Without rseq every slot holds the
 * empty set, so both fail and the locked forms are left; a frame whose pop
 * fails is PFN_NONE.
 */
ENGINE_HOT pfn_t pcp_rseq_cache_get(struct page_ctx *ctx, unsigned order)
{
	const struct alloc_plan *plan = &ctx->plan;
	pfn_t pfn = stack_pop(plan->slot, plan->at[order]);

	SECTION_ACQUIRE(to_rseq_engine(ctx->engine), plan->at[order]);
	return pfn;
}

ENGINE_HOT bool pcp_rseq_cache_put(struct page_ctx *ctx, pfn_t pfn,
				   unsigned order)
{
	const struct alloc_plan *plan = &ctx->plan;

	SECTION_RELEASE(to_rseq_engine(ctx->engine), plan->at[order]);
	return stack_push(plan->slot, plan->at[order], pfn);
}
#endif

ENGINE_HOT pfn_t pcp_rseq_rmqueue(struct page_ctx *ctx, struct zone *zone,
				  unsigned order, unsigned mt,
				  unsigned alloc_flags)
{
	pfn_t pfn = rmqueue_slow(ctx, zone, order, mt, alloc_flags);

	return handed_out(zone, pfn, order, mt);
}

ENGINE_HOT void pcp_rseq_free(struct page_ctx *ctx, struct zone *zone,
			      pfn_t pfn, unsigned order, unsigned fpi_flags)
{
	struct rseq_engine *e = to_rseq_engine(ctx->engine);
	const unsigned mt = stack_mt(pageblock_mt(zone, pfn.v));

	if (CHECK_LEVEL >= 1)
		page_set_head_ref(&zone->map[pfn.v], 0, 0);
	if (likely(!(fpi_flags & FPI_TO_TAIL)) &&
	    likely(cpu_push(e, stack_at(e, zone->id, order, mt), pfn)))
		return;
	free_slow(ctx, zone, pfn, order, fpi_flags);
}

/* --- cold hooks --------------------------------------------------------- */

static struct pfn_stack *stack_of(struct rseq_engine *e, unsigned cpu,
				  size_t at)
{
	return (struct pfn_stack *)(void *)(e->set[cpu] + at);
}

/* Blocks that a stack of this order may hold, 0: no such stack. */
static uint32_t stack_limit(const struct zone *zone, unsigned order)
{
	const uint32_t pages = 4u * ((uint32_t)zone->pageset_batch + 1);

	if (!zone_managed(zone))
		return 0;
	if (order <= PCP_MAX_ORDER)
		return pages >> order > 2 ? pages >> order : 2;
	/* two blocks of 2 MiB on each CPU are little where a batch is large */
	return order == zone->pageblock_order && zone->pageset_batch >= 31 ? 4
									   : 0;
}

/* Offsets of all stacks; each begins on a cache line of its own. The first
 * line of a set is the stack that is always empty. */
static void lay_out(struct rseq_engine *e)
{
	const struct machine *m = e->base.machine;
	size_t at = CACHELINE_SIZE;

	for (unsigned z = 0; z < m->nr_zones; z++) {
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
			const uint32_t limit = stack_limit(&m->zone[z], o);

			for (unsigned mt = 0; limit && mt < MT_PCPTYPES; mt++) {
				e->at[(z * NR_PAGE_ORDERS + o) * 4 + mt] =
					(uint32_t)at;
				at += round_up_pow2(sizeof(struct pfn_stack) +
							    4ULL * limit,
						    CACHELINE_SIZE);
			}
		}
	}
	e->set_bytes = at;
}

static void pcp_rseq_plan(struct page_ctx *ctx)
{
	const struct rseq_engine *e = to_rseq_engine(ctx->engine);
	struct alloc_plan *plan = &ctx->plan;

	plan->slot = e->slot;
	/* offset 0: the stack that is always empty */
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
		plan->at[o] = plan->gfp & GFP_BIT_COMP || !plan->nr_orders
				      ? 0
				      : stack_at(e, plan->zone_id, o, plan->mt);
}

static int pcp_rseq_thread_enter(struct page_ctx *ctx)
{
	const struct rseq_engine *e = to_rseq_engine(ctx->engine);

	return e->rseq && !rseq_available() ? -ENOSYS : 0;
}

static void set_limits(struct rseq_engine *e, unsigned cpu)
{
	const struct machine *m = e->base.machine;

	for (unsigned z = 0; z < m->nr_zones; z++)
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			for (unsigned mt = 0; mt < MT_PCPTYPES; mt++) {
				const size_t at = stack_at(e, z, o, mt);

				if (at)
					stack_of(e, cpu, at)->limit =
						stack_limit(&m->zone[z], o);
			}
}

/* Node of a CPU of the host: the modelled CPU of that number, else node 0. */
static unsigned node_of_os_cpu(const struct topo *t, unsigned os_cpu)
{
	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++)
		if (t->os_cpu[cpu] == os_cpu)
			return t->node_of_cpu[cpu];
	return 0;
}

static void pcp_rseq_destroy(struct page_engine *base)
{
	struct rseq_engine *e = to_rseq_engine(base);

	for (unsigned cpu = 0; e->set && cpu < e->nr_cpus; cpu++)
		free(e->set[cpu]);
	free(e->set);
	free(e->slot);
	free(e->empty);
	free(e->lock);
	free(e->at);
	pthread_mutex_destroy(&e->drain_lock);
	free(e);
}

static int alloc_sets(struct rseq_engine *e)
{
	const struct machine *m = e->base.machine;
	const unsigned nr = e->nr_cpus;

	e->at = calloc((size_t)m->nr_zones * NR_PAGE_ORDERS * 4,
		       sizeof(*e->at));
	e->set = calloc(nr, sizeof(*e->set));
	e->slot = calloc(nr, sizeof(*e->slot));
	e->lock = calloc(nr, sizeof(*e->lock));
	if (!e->at || !e->set || !e->slot || !e->lock)
		return -ENOMEM;
	lay_out(e);
	e->empty = machine_node_alloc(m, 0, e->set_bytes);
	if (!e->empty)
		return -ENOMEM;
	for (unsigned cpu = 0; cpu < nr; cpu++) {
		e->set[cpu] = machine_node_alloc(
			m, node_of_os_cpu(&m->desc.topo, cpu), e->set_bytes);
		if (!e->set[cpu])
			return -ENOMEM;
		set_limits(e, cpu);
		e->slot[cpu] = e->rseq ? e->set[cpu] : e->empty;
		spin_lock_init(&e->lock[cpu], RANK_PCP);
	}
	return 0;
}

static int pcp_rseq_create(struct page_engine **out, struct machine *m)
{
	const long nr_cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct rseq_engine *e;
	int err;

	if (nr_cpus < 1 || nr_cpus > MAX_CPUS)
		return -E2BIG;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->base.ops = &engine_ops;
	e->base.machine = m;
	e->nr_cpus = (uint32_t)nr_cpus;
	e->rseq = !m->desc.rseq_off && rseq_available();
	pthread_mutex_init(&e->drain_lock, NULL);
	err = alloc_sets(e);
	if (err) {
		pcp_rseq_destroy(&e->base);
		return err;
	}
	*out = &e->base;
	return 0;
}

/* Gives the stack's frames back; nobody else can reach them. */
static void drain_stack(struct zone *zone, unsigned cpu, struct pfn_stack *s,
			unsigned order)
{
	uint32_t left = s->count;

	while (left) {
		struct flush f;

		f.nr = 0;
		while (left && f.nr < FLUSH_MAX)
			f.pfn[f.nr++].v = s->pfn[--left];
		/* relaxed: for pcp_rseq_held() of any thread, a statistic */
		__atomic_store_n(&s->count, left, __ATOMIC_RELAXED);
		flush_to_zone(zone, cpu, &f, order);
	}
}

static void drain_set(struct rseq_engine *e, unsigned cpu, unsigned model_cpu)
{
	const struct machine *m = e->base.machine;

	for (unsigned z = 0; z < m->nr_zones; z++)
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			for (unsigned mt = 0; mt < MT_PCPTYPES; mt++) {
				const size_t at = stack_at(e, z, o, mt);

				if (at)
					drain_stack(&m->zone[z], model_cpu,
						    stack_of(e, cpu, at), o);
			}
}

static void slot_store(struct rseq_engine *e, unsigned cpu, char *set)
{
	/* REL(rseq-slot): the drained stacks before the set is in its slot;
	 * pairs with the dependent loads of a section, see the top */
	__atomic_store_n(&e->slot[cpu], set, __ATOMIC_RELEASE);
}

/* All CPUs at once: one membarrier for all of them. */
static void drain_rseq(struct rseq_engine *e, unsigned model_cpu)
{
	for (unsigned cpu = 0; cpu < e->nr_cpus; cpu++)
		slot_store(e, cpu, e->empty);
	check(rseq_fence_all() == 0, "membarrier's rseq command failed");
	for (unsigned cpu = 0; cpu < e->nr_cpus; cpu++) {
		drain_set(e, cpu, model_cpu);
		slot_store(e, cpu, e->set[cpu]);
	}
}

static void pcp_rseq_drain(struct page_engine *base, struct page_ctx *ctx)
{
	struct rseq_engine *e = to_rseq_engine(base);
	const unsigned model_cpu = ctx ? ctx->cpu : 0;

	pthread_mutex_lock(&e->drain_lock);
	if (e->rseq) {
		drain_rseq(e, model_cpu);
	} else {
		for (unsigned cpu = 0; cpu < e->nr_cpus; cpu++) {
			spin_lock(&e->lock[cpu]);
			drain_set(e, cpu, model_cpu);
			spin_unlock(&e->lock[cpu]);
		}
	}
	pthread_mutex_unlock(&e->drain_lock);
	count_up(&e->drains, 1);
}

static void pcp_rseq_held(struct page_engine *base, const struct zone *zone,
			  struct zone_held *out)
{
	struct rseq_engine *e = to_rseq_engine(base);

	*out = (struct zone_held){ 0 };
	for (unsigned cpu = 0; cpu < e->nr_cpus; cpu++)
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			for (unsigned mt = 0; mt < MT_PCPTYPES; mt++) {
				const struct pfn_stack *s = stack_of(
					e, cpu, stack_at(e, zone->id, o, mt));

				/* the owner may be running: a statistic */
				out->cached_pages +=
					(uint64_t)__atomic_load_n(
						&s->count, __ATOMIC_RELAXED)
					<< o;
			}
}

static void pcp_rseq_snapshot(struct page_engine *base, const struct zone *zone,
			      struct zone_snapshot *out)
{
	struct zone_held held;

	buddy_snapshot(&base->machine->zone[zone->id], out);
	pcp_rseq_held(base, zone, &held);
	out->cached_pages = held.cached_pages;
}

static const char *verify_stack(const struct zone *zone,
				const struct pfn_stack *s, unsigned order)
{
	if (s->count > s->limit)
		return "a per-CPU stack holds more than its limit";
	for (uint32_t i = 0; i < s->count; i++) {
		const uint32_t pfn = s->pfn[i];

		if (pfn < zone->start_pfn ||
		    pfn >= zone->start_pfn + zone->spanned)
			return "a per-CPU stack holds a frame of another zone";
		if (pfn & ((1u << order) - 1))
			return "a per-CPU stack holds an unaligned block";
		if (page_head(&zone->map[pfn]))
			return "a block on a per-CPU stack has a head word";
	}
	return NULL;
}

static const char *pcp_rseq_verify(struct page_engine *base)
{
	struct rseq_engine *e = to_rseq_engine(base);
	struct machine *m = base->machine;

	for (unsigned cpu = 0; cpu < e->nr_cpus; cpu++)
		for (unsigned z = 0; z < m->nr_zones; z++)
			for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
				for (unsigned mt = 0; mt < MT_PCPTYPES; mt++) {
					const char *broken = verify_stack(
						&m->zone[z],
						stack_of(e, cpu,
							 stack_at(e, z, o, mt)),
						o);

					if (broken)
						return broken;
				}
	return buddy_verify_machine(m);
}

static uint64_t counter_value(_Atomic uint64_t *counter)
{
	/* relaxed: read when the threads have stopped */
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static unsigned pcp_rseq_counters(struct page_engine *base,
				  struct engine_counter *out, unsigned max)
{
	struct rseq_engine *e = to_rseq_engine(base);
	const struct engine_counter all[] = {
		{ "rseq", e->rseq },
		{ "pcp_refills", counter_value(&e->refills) },
		{ "pcp_refilled_pages", counter_value(&e->refilled) },
		{ "pcp_drains", counter_value(&e->flushes) },
		{ "pcp_drained_pages", counter_value(&e->flushed) },
		{ "remote_drains", counter_value(&e->drains) },
	};
	const unsigned nr = max < ARRAY_SIZE(all) ? max : ARRAY_SIZE(all);

	memcpy(out, all, nr * sizeof(*out));
	return nr;
}

static const struct page_ops engine_ops = {
	.name = ENGINE_NAME,
	.summary = "per-CPU stacks in restartable sequences, frames untouched",
	.features = PAGE_F_FRAMELESS,
	.create = pcp_rseq_create,
	.destroy = pcp_rseq_destroy,
	.drain = pcp_rseq_drain,
	.snapshot = pcp_rseq_snapshot,
	.held = pcp_rseq_held,
	.verify = pcp_rseq_verify,
	.counters = pcp_rseq_counters,
	.plan = pcp_rseq_plan,
	.thread_enter = pcp_rseq_thread_enter,
	.rmqueue = pcp_rseq_rmqueue,
#if RSEQ_X86_64
	.cache_get = pcp_rseq_cache_get,
	.cache_put = pcp_rseq_cache_put,
#endif
	.free = pcp_rseq_free,
};
