/*
 * What crossed between nodes: for each thread the pages that it took from and
 * gave back to its own node and other ones, in the throughput window and in
 * time (numa.csv), and what each node gave.
 *
 * A thread keeps these figures anyway (its zone counters). For the window it
 * reads them itself, before the gate and after its loop. For the series the
 * main thread reads them while it runs: a statistic, in which a look may meet
 * a thread just as it carries figures from its plan to its counters; so what
 * goes back between two looks is held at what was seen before.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/rep.h"

bool numa_counts(const struct rep *rep)
{
	return rep->machine->desc.topo.nr_nodes > 1 &&
	       !(rep->binding->ops->features & PAGE_F_FLOOR);
}

static uint64_t peek(const uint64_t *figure)
{
	/* relaxed: its thread goes on writing, a single word */
	return __atomic_load_n(figure, __ATOMIC_RELAXED);
}

static void flow_add(struct numa_flow *f, bool local, uint64_t alloc,
		     uint64_t freed)
{
	f->alloc[!local] += alloc;
	f->freed[!local] += freed;
}

/* What cached calls took and gave since the thread's plan was made. */
static void add_plan(const struct rep *rep, const struct page_ctx *ctx,
		     struct numa_flow *f)
{
	const struct zone_counters *c =
		__atomic_load_n(&ctx->plan.counters, __ATOMIC_RELAXED);
	const size_t zone = (size_t)(c - ctx->counters);
	uint64_t alloc = 0, freed = 0;

	if (zone >= rep->machine->nr_zones)
		return;
	for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
		alloc += peek(&ctx->plan.got[o]) << o;
		freed += peek(&ctx->plan.put[o]) << o;
	}
	flow_add(f, rep->machine->zone[zone].nid == ctx->node, alloc, freed);
}

void numa_flow_read(const struct rep_thread *t, struct numa_flow *out)
{
	const struct machine *m = t->rep->machine;
	const struct page_ctx *ctx = t->w->ctx;

	memset(out, 0, sizeof(*out));
	for (unsigned z = 0; z < m->nr_zones; z++)
		if (zone_managed(&m->zone[z]))
			flow_add(out, m->zone[z].nid == ctx->node,
				 peek(&t->counters[z].pgalloc),
				 peek(&t->counters[z].pgfree));
	add_plan(t->rep, ctx, out);
}

void numa_flow_since(struct numa_flow *f, const struct numa_flow *before)
{
	for (unsigned i = 0; i < 2; i++) {
		f->alloc[i] -= before->alloc[i];
		f->freed[i] -= before->freed[i];
	}
}

int numa_looks_init(struct rep *rep, uint64_t looks)
{
	struct numa_looks *l = &rep->numa_looks;
	const uint64_t cap = looks * rep->team.nr;

	if (!numa_counts(rep))
		return 0;
	if (cap > UINT32_MAX / 2)
		return -ENOMEM;
	l->slot = calloc(cap, sizeof(*l->slot));
	if (!l->slot)
		return -ENOMEM;
	/* touched before the window */
	memset(l->slot, 0, cap * sizeof(*l->slot));
	l->cap = (uint32_t)cap;
	return 0;
}

static void never_back(uint64_t *now, uint64_t before)
{
	if (*now < before)
		*now = before;
}

void numa_look(struct rep *rep, uint64_t now)
{
	struct numa_looks *l = &rep->numa_looks;

	for (unsigned i = 0; i < rep->team.nr && l->nr < l->cap; i++) {
		struct numa_look *look = &l->slot[l->nr];

		look->tsc = now;
		numa_flow_read(&rep->thread[i], &look->flow);
		for (unsigned k = 0; k < 2 && l->nr >= rep->team.nr; k++) {
			const struct numa_look *last = look - rep->team.nr;

			never_back(&look->flow.alloc[k], last->flow.alloc[k]);
			never_back(&look->flow.freed[k], last->flow.freed[k]);
		}
		l->nr++;
	}
}

/* ---- results ------------------------------------------------------------ */

/* The remote share of pages, null where there were none. */
static json_t *share_json(const uint64_t pages[2])
{
	const uint64_t sum = pages[0] + pages[1];

	return sum ? json_real((double)pages[1] / (double)sum) : json_null();
}

void numa_thread_json(json_t *o, const struct rep *rep, unsigned thread)
{
	static const char *const modes[] = {
		[MEM_LOCAL] = "local",
		[MEM_PREFER] = "prefer",
		[MEM_BIND] = "bind",
		[MEM_INTERLEAVE] = "interleave",
	};
	const struct rep_thread *t = &rep->thread[thread];
	const struct mem_policy policy = rep->place->policy[thread];
	const struct numa_flow *f = &t->phase[PHASE_RATE].flow;
	const bool named = policy.mode == MEM_PREFER || policy.mode == MEM_BIND;
	const bool counts = numa_counts(rep);

	json_object_set_new(o, "smt",
			    json_integer(rep->host->smt_of_cpu[t->cpu]));
	json_object_set_new(o, "shares_core", json_boolean(t->shares_core));
	json_object_set_new(
		o, "mem_policy",
		named ? json_sprintf("%s:%u", modes[policy.mode], policy.node)
		      : json_string(modes[policy.mode]));
	json_object_set_new(o, "remote_alloc_share",
			    counts ? share_json(f->alloc) : json_null());
	json_object_set_new(o, "remote_free_share",
			    counts ? share_json(f->freed) : json_null());
}

static void add_share(json_t *list, const char *name, const uint64_t pages[2])
{
	json_array_append_new(list,
			      json_pack("{s:s, s:s, s:s, s:o}", "name", name,
					"unit", "share", "better", "none",
					"value", share_json(pages)));
}

void numa_metrics(json_t *list, const struct rep *rep)
{
	struct numa_flow sum = { { 0, 0 }, { 0, 0 } };

	if (!numa_counts(rep))
		return;
	for (unsigned i = 0; i < rep->team.nr; i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct numa_flow *f =
				&rep->thread[i].phase[PHASE_RATE].flow;

			sum.alloc[k] += f->alloc[k];
			sum.freed[k] += f->freed[k];
		}
	add_share(list, "remote_alloc_share", sum.alloc);
	add_share(list, "remote_free_share", sum.freed);
}

/* One node's counters, all threads and zones, whole process. */
static json_t *node_json(const struct rep *rep, unsigned nid)
{
	const struct machine *m = rep->machine;
	struct zone_counters c = { 0 };

	for (unsigned i = 0; i < rep->team.nr; i++)
		for (unsigned idx = 0; idx < MAX_NR_ZONES; idx++)
			zone_counters_add(
				&c,
				&rep->thread[i]
					 .counters[m->node[nid].zone[idx]->id]);
	return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "node", (int)nid, "pgalloc", (json_int_t)c.pgalloc,
			 "pgfree", (json_int_t)c.pgfree, "numa_hit",
			 (json_int_t)c.numa_hit, "numa_miss",
			 (json_int_t)c.numa_miss, "numa_foreign",
			 (json_int_t)c.numa_foreign, "numa_interleave",
			 (json_int_t)c.numa_interleave, "numa_local",
			 (json_int_t)c.numa_local, "numa_other",
			 (json_int_t)c.numa_other);
}

json_t *numa_nodes_json(const struct rep *rep)
{
	json_t *list = json_array();

	for (unsigned nid = 0; nid < rep->machine->desc.topo.nr_nodes; nid++)
		json_array_append_new(list, node_json(rep, nid));
	return list;
}

void numa_text(FILE *f, const struct rep *rep)
{
	const struct numa_looks *l = &rep->numa_looks;

	fprintf(f, "t_ns,thread,alloc_local,alloc_remote,free_local,"
		   "free_remote\n");
	for (uint32_t i = 0; i < l->nr; i++) {
		const struct numa_flow *w = &l->slot[i].flow;

		fprintf(f,
			"%" PRId64 ",%u,%" PRIu64 ",%" PRIu64 ",%" PRIu64
			",%" PRIu64 "\n",
			rep_since_gate(rep, l->slot[i].tsc), i % rep->team.nr,
			w->alloc[0], w->alloc[1], w->freed[0], w->freed[1]);
	}
}
