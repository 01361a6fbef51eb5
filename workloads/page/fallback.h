/*
 * fallback: a node fills, and its neighbours take over.
 *
 * Models a process that outgrows its node. The thread allocates without
 * freeing until nothing is to be had, then gives everything back and begins
 * anew. One op is one allocation.
 *
 * Shows which nodes took over and in which order: takeover_nodeN is the place
 * of node N (0: the first), pages_nodeN what it gave in the last fill that came
 * to its end. Each fill's order is checked against the zonelist of the node
 * that the thread's requests begin at; an engine that takes nodes in another
 * order fails the repetition. Not checked: mem_policy=interleave, which has no
 * such order, and engines whose frees come back later, for a node whose frames
 * wait for a grace period is full for the next fill.
 */
#ifndef WORKLOADS_PAGE_FALLBACK_H
#define WORKLOADS_PAGE_FALLBACK_H

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

/* What one fill got from where. It goes on from window to window. */
struct fallback_fill {
	uint64_t pages[MAX_NODES];
	uint16_t node[MAX_NODES]; /* [nr], in the order of their first page */
	uint16_t nr;
};

struct fallback {
	size_t bytes; /* of this mapping */
	uint64_t fills, wrong;
	struct fallback_fill now, last;
	/* zone of the last frame: most have the same */
	uint64_t start, end;
	uint16_t nid;
	uint32_t nr, room; /* blocks held */
	bool full;         /* giving back */
	pfn_t pfn[];
};

/* The frame came from another zone than the last one. */
static NOINLINE void fallback_zone(struct fallback *f, const struct machine *m,
				   pfn_t pfn)
{
	const struct zone *zone = machine_zone_of(m, pfn.v);
	struct fallback_fill *fill = &f->now;

	if (!zone)
		return; /* a floor's number: no frame */
	f->start = zone->start_pfn;
	f->end = zone->start_pfn + zone->spanned;
	f->nid = zone->nid;
	for (unsigned i = 0; i < fill->nr; i++)
		if (fill->node[i] == zone->nid)
			return;
	fill->node[fill->nr++] = zone->nid;
}

/* Node that the thread's requests begin at; -1: there is no such node. */
static inline int fallback_first(const struct page_ctx *ctx)
{
	switch (ctx->policy.mode) {
	case MEM_LOCAL:
		return ctx->node;
	case MEM_PREFER:
	case MEM_BIND:
		return ctx->policy.node;
	case MEM_INTERLEAVE:
		break;
	}
	return -1;
}

/* Whether the nodes of a fill stand in the zonelist in this order. */
static bool fallback_in_order(const struct page_ctx *ctx,
			      const struct fallback_fill *fill)
{
	const int first = fallback_first(ctx);
	const struct node *node;
	unsigned at = 0;

	if (first < 0)
		return true;
	node = &ctx->machine->node[first];
	for (unsigned i = 0; i < node->nr_order && at < fill->nr; i++)
		at += node->node_order[i] == fill->node[at];
	return at == fill->nr;
}

/* The machine is full: notes what came from where. */
static NOINLINE void fallback_full(struct fallback *f,
				   const struct page_ctx *ctx)
{
	f->full = true;
	if (!f->now.nr)
		return;
	f->fills++;
	f->wrong += !fallback_in_order(ctx, &f->now);
	f->last = f->now;
	memset(&f->now, 0, sizeof(f->now));
	f->start = f->end = 0;
}

WORKLOAD_LOOP void fallback_loop(const struct page_ops *const ops,
				 struct worker *w, const enum probe probe)
{
	const gfp_t gfp = w->params->gfp;
	const unsigned order = w->params->order;
	const enum touch touch = loop_touch(ops, w);
	struct fallback *f = w->priv;

	while (loop_running(w)) {
		pfn_t pfn;

		if (f->full) {
			if (f->nr)
				probed_free(ops, w, f->pfn[--f->nr], order,
					    probe);
			f->full = f->nr != 0;
			continue;
		}
		pfn = f->nr < f->room ? probed_alloc(ops, w, gfp, order, probe)
				      : PFN_NONE;
		if (unlikely(!pfn_valid(pfn))) {
			loop_failed(w);
			fallback_full(f, w->ctx);
			continue;
		}
		if (unlikely(pfn.v - f->start >= f->end - f->start))
			fallback_zone(f, w->ctx->machine, pfn);
		f->now.pages[f->nid] += 1UL << order;
		touch_pages(w->ctx, pfn, 1UL << order, touch);
		f->pfn[f->nr++] = pfn;
		loop_done(w);
	}
}

static int fallback_prepare(struct worker *w)
{
	const uint64_t room =
		(w->team->machine->managed >> w->params->order) + 1;
	const size_t bytes = sizeof(struct fallback) + room * sizeof(pfn_t);
	struct fallback *f =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (f == MAP_FAILED)
		return -ENOMEM;
	f->bytes = bytes;
	f->room = (uint32_t)room;
	w->priv = f;
	return 0;
}

static void fallback_teardown(struct worker *w)
{
	struct fallback *f = w->priv;

	while (f && f->nr)
		free_pages(w->ctx, f->pfn[--f->nr], w->params->order);
}

static unsigned fallback_report(const struct team *team,
				struct workload_metric *out)
{
	const struct fallback *f = team->worker[0].priv;
	unsigned nr = 0;

	if (!f)
		return 0;
	out[nr++] = (struct workload_metric){ "fills", "fills", "none",
					      (double)f->fills, 0 };
	out[nr++] = (struct workload_metric){ "fills_out_of_order", "fills",
					      "lower", (double)f->wrong, 0 };
	for (unsigned i = 0; i < f->last.nr; i++) {
		const uint16_t nid = f->last.node[i];

		out[nr++] =
			(struct workload_metric){ "takeover", "place", "none",
						  i, (uint16_t)(nid + 1) };
		out[nr++] =
			(struct workload_metric){ "pages", "pages", "none",
						  (double)f->last.pages[nid],
						  (uint16_t)(nid + 1) };
	}
	return nr;
}

static const char *fallback_verify(const struct team *team)
{
	const struct worker *w = &team->worker[0];
	const struct fallback *f = w->priv;

	if (!f || !f->wrong || (w->ctx->ops->features & PAGE_F_DEFERRED))
		return NULL;
	return "nodes took over in another order than the zonelist's";
}

static void fallback_cleanup(struct team *team)
{
	struct fallback *f = team->worker[0].priv;

	if (f)
		munmap(f, f->bytes);
	team->worker[0].priv = NULL;
}

static const struct workload fallback_workload = {
	.name = "fallback",
	.summary = "fill the machine from one node: who takes over, and when",
	.op = "allocation; all is given back when nothing is left",
	.needs = WORKLOAD_FRAMES | WORKLOAD_ONE_THREAD,
	.uses = USES_ORDER,
	.prepare = fallback_prepare,
	.teardown = fallback_teardown,
	.report = fallback_report,
	.verify = fallback_verify,
	.cleanup = fallback_cleanup,
};

#endif
