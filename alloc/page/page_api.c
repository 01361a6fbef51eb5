/*
 * Out-of-line forms of the page API, for everything but measured loops: the
 * same inline functions, instantiated over the table of the context's engine,
 * and the parts of the interface that are never hot.
 *
 * References: a page's count is 1 from allocation on. Whoever holds one may
 * take another (page_get). Dropping one is REL(page-ref), so that what a holder
 * did to the frame happens before it is freed by the last holder, which
 * acquires: ACQ(page-ref).
 */
#include <errno.h>
#include <string.h>

#include "alloc/page/buddy.h"
#include "alloc/page/kmap.h"
#include "alloc/page/page_alloc.h"

pfn_t alloc_pages(struct page_ctx *ctx, gfp_t gfp, unsigned order)
{
	return page_alloc(ctx->ops, ctx, gfp, order);
}

pfn_t alloc_pages_node(struct page_ctx *ctx, unsigned nid, gfp_t gfp,
		       unsigned order)
{
	if (nid >= ctx->machine->desc.topo.nr_nodes)
		return PFN_NONE;
	/* the thread's plan is for its own node only without a policy */
	if ((nid == ctx->node && ctx->policy.mode == MEM_LOCAL) ||
	    (ctx->ops->features & PAGE_F_FLOOR))
		return page_alloc(ctx->ops, ctx, gfp, order);
	return page_alloc_slow(ctx, nid, gfp, order);
}

unsigned alloc_pages_bulk(struct page_ctx *ctx, gfp_t gfp, unsigned n,
			  pfn_t *out)
{
	return page_alloc_bulk(ctx->ops, ctx, gfp, n, out);
}

void free_pages(struct page_ctx *ctx, pfn_t pfn, unsigned order)
{
	page_free(ctx->ops, ctx, pfn, order);
}

void free_pages_bulk(struct page_ctx *ctx, unsigned n, const pfn_t *pfn)
{
	page_free_bulk(ctx->ops, ctx, n, pfn);
}

void page_get(struct page_ctx *ctx, pfn_t pfn)
{
	struct page *page = pfn_to_page(ctx->machine, pfn);
	/* relaxed: the caller's own reference keeps the page */
	uint32_t old = atomic_fetch_add_explicit(&page->refcount, 1,
						 memory_order_relaxed);

	check_at(1, old, "page_get of pfn %u, which nobody holds", pfn.v);
	if (page_frameless(ctx->ops))
		page_special(ctx->machine, pfn, 1);
}

/* The blocks behind the first frame become blocks of their own and go back:
 * order-1, order-2, ..., 0 at offsets 2^(order-1) ... 1. */
static void free_tails(struct page_ctx *ctx, pfn_t pfn, unsigned order)
{
	struct page *page = pfn_to_page(ctx->machine, pfn);
	const uint32_t head = page_head(page) & ~PAGE_HEAD_ORDER;

	if (!page_frameless(ctx->ops))
		page_set_head(page, head);
	while (order-- > 0) {
		if (!page_frameless(ctx->ops))
			page_set_head(&page[1u << order], head | order);
		page_free_last(ctx->ops, ctx, (pfn_t){ pfn.v + (1u << order) },
			       order, 0);
	}
}

/*
 * A free while a frameless engine has special blocks out. refcount is the
 * number of references besides one: a holder takes it down, and whoever finds
 * 0 is the last.
 */
static void free_frameless(struct page_ctx *ctx, pfn_t pfn, unsigned order)
{
	struct machine *m = ctx->machine;
	struct page *page = pfn_to_page(m, pfn);
	const bool compound = page_head(page) & PAGE_HEAD_COMPOUND;
	/* ACQ(page-ref): what former holders wrote; pairs with REL(page-ref) */
	uint32_t extra =
		atomic_load_explicit(&page->refcount, memory_order_acquire);

	/* REL(page-ref): our use of the frame is over; ACQ(page-ref): as above,
	 * when the exchange fails */
	while (extra && !atomic_compare_exchange_weak_explicit(
				&page->refcount, &extra, extra - 1,
				memory_order_acq_rel, memory_order_acquire))
		;
	if (extra) {
		page_special(m, pfn, -1);
		if (order && !compound)
			free_tails(ctx, pfn, order);
		return;
	}
	if (compound) {
		page_set_head(page, 0);
		page_special(m, pfn, -1);
	}
	page_free_last(ctx->ops, ctx, pfn, order, 0);
}

/* The block's references are counted in its first page. */
static void free_counted(struct page_ctx *ctx, pfn_t pfn, unsigned order)
{
	struct page *page = pfn_to_page(ctx->machine, pfn);
	/* read before the reference is dropped: the page may be gone then */
	const bool compound = page_head(page) & PAGE_HEAD_COMPOUND;
	/* REL(page-ref): our use of the frame is over; ACQ(page-ref): and so is
	 * everybody else's, if this was the last */
	uint32_t old = atomic_fetch_sub_explicit(&page->refcount, 1,
						 memory_order_acq_rel);

	check_at(1, old, "free of pfn %u, which nobody holds", pfn.v);
	if (old == 1)
		page_free_last(ctx->ops, ctx, pfn, order, 0);
	else if (order && !compound)
		free_tails(ctx, pfn, order);
}

NOINLINE void page_free_shared(struct page_ctx *ctx, pfn_t pfn, unsigned order)
{
	if (page_frameless(ctx->ops))
		free_frameless(ctx, pfn, order);
	else
		free_counted(ctx, pfn, order);
}
pfn_t alloc_pages_exact(struct page_ctx *ctx, gfp_t gfp, uint64_t bytes)
{
	return page_alloc_exact(ctx->ops, ctx, gfp, bytes);
}

void free_pages_exact(struct page_ctx *ctx, pfn_t pfn, uint64_t bytes)
{
	page_free_exact(ctx->ops, ctx, pfn, bytes);
}

void split_page(struct page_ctx *ctx, pfn_t pfn, unsigned order)
{
	uint32_t head = page_head(pfn_to_page(ctx->machine, pfn));

	if (page_frameless(ctx->ops))
		return;
	check_at(1,
		 page_head_state(head) == PAGE_ALLOC &&
			 page_head_order(head) == order &&
			 !(head & PAGE_HEAD_COMPOUND),
		 "split_page of pfn %u order %u: head word %#x", pfn.v, order,
		 head);
	page_split(ctx, pfn, 1u << order, 1u << order);
}

int page_ctx_enter(struct page_ctx *ctx, struct page_engine *e, uint16_t cpu,
		   struct zone_counters *counters, struct event_ring *events)
{
	struct machine *m = e->machine;

	if (cpu >= m->desc.topo.nr_cpus)
		return -EINVAL;
	memset(ctx, 0, sizeof(*ctx));
	ctx->engine = e;
	ctx->ops = e->ops;
	ctx->machine = m;
	ctx->events = events;
	ctx->counters = ctx->plan.counters = counters;
	ctx->cpu = cpu;
	ctx->node = m->desc.topo.node_of_cpu[cpu];
	ctx->zonelist = m->node[ctx->node].zonelist;
	ctx->rng = 0x9e3779b97f4a7c15ULL * (cpu + 1ULL);
	page_plan(ctx, GFP_KERNEL);
	return ctx->ops->thread_enter ? ctx->ops->thread_enter(ctx) : 0;
}

int page_ctx_policy(struct page_ctx *ctx, struct mem_policy policy)
{
	const struct machine *m = ctx->machine;
	const bool named = policy.mode == MEM_PREFER || policy.mode == MEM_BIND;

	if (named && policy.node >= m->desc.topo.nr_nodes)
		return -EINVAL;
	if (policy.mode == MEM_BIND && !m->node[policy.node].has_memory)
		return -EINVAL;
	ctx->policy = policy;
	ctx->interleave_node = ctx->node;
	page_plan(ctx, ctx->plan.gfp);
	return 0;
}

void page_ctx_exit(struct page_ctx *ctx)
{
	kmap_local_exit(ctx);
	page_ctx_fold(ctx);
	if (ctx->ops->thread_exit)
		ctx->ops->thread_exit(ctx);
}
