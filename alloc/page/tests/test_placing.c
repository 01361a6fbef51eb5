/* What the machine and its engines write lies on the node that writes it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "alloc/page/engine.h"
#include "alloc/page/layout.h"
#include "harness/bind.h"

#define NR_NODES   3u
#define MAX_RANGES 256u

/* A mapper that only notes where memory was asked to lie. */
struct notes {
	struct frame_mapper mapper;
	struct {
		uintptr_t first, end;
		unsigned nid;
	} range[MAX_RANGES];
	unsigned nr;
	unsigned fail_at; /* the call that fails, from 1; 0: none */
	unsigned calls;
};

static int note(struct frame_mapper *fm, void *at, size_t bytes, unsigned nid)
{
	struct notes *n = (struct notes *)fm;

	if (++n->calls == n->fail_at)
		return -ENOMEM;
	cr_assert_lt(n->nr, MAX_RANGES);
	n->range[n->nr].first = (uintptr_t)at;
	n->range[n->nr].end = (uintptr_t)at + bytes;
	n->range[n->nr++].nid = nid;
	return 0;
}

/* Every byte is in a range of that node and in none of another's. */
static bool lies_on(const struct notes *n, const void *at, size_t bytes,
		    unsigned nid)
{
	const uintptr_t first = (uintptr_t)at, end = first + bytes;
	bool inside = false;

	for (unsigned i = 0; i < n->nr; i++) {
		if (n->range[i].end <= first || n->range[i].first >= end)
			continue;
		if (n->range[i].nid != nid)
			return false;
		inside |= n->range[i].first <= first && n->range[i].end >= end;
	}
	return inside;
}

static int machine_noted(struct notes *n, struct machine **m)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct machine_memory memory = { .mapper = &n->mapper };
	char err[256];
	int r;

	n->mapper.place = note;
	layout_defaults(d);
	layout_topo(&d->topo, 2 * NR_NODES, NR_NODES);
	cr_assert_eq(layout_zones(d, 6UL << 30, err, sizeof(err)), 0, "%s",
		     err);
	r = machine_create(m, d, &memory, err, sizeof(err));
	free(d);
	return r;
}

Test(placing, zones_and_descriptors_on_their_node)
{
	struct notes n = { 0 };
	struct machine *m;

	cr_assert_eq(machine_noted(&n, &m), 0);
	for (unsigned i = 0; i < m->nr_zones; i++) {
		const struct zone *z = &m->zone[i];

		cr_expect_eq((uintptr_t)z % PAGE_SIZE, 0);
		cr_expect(lies_on(&n, z, sizeof(*z), z->nid), "zone %u", i);
		if (!zone_populated(z))
			continue;
		cr_expect(
			lies_on(&n, z->pageblock_mt, z->nr_pageblocks, z->nid));
		cr_expect(lies_on(&n, z->cpu,
				  m->desc.topo.nr_cpus * sizeof(*z->cpu),
				  z->nid));
		cr_expect(lies_on(&n, &m->map[z->start_pfn],
				  z->spanned * sizeof(*m->map), z->nid),
			  "descriptors of zone %u", i);
	}
	machine_destroy(m);
}

Test(placing, refused_is_no_machine)
{
	struct notes count = { 0 };
	struct machine *m;

	cr_assert_eq(machine_noted(&count, &m), 0);
	machine_destroy(m);
	for (unsigned at = 1; at <= count.calls; at++) {
		struct notes n = { .fail_at = at };

		cr_expect_eq(machine_noted(&n, &m), -ENOMEM, "call %u", at);
	}
}

Test(placing, page_lists_of_a_cpu_on_its_node)
{
	static const char *const name[] = { "pcp", "pcp_rseq", "rcu" };

	for (unsigned i = 0; i < ARRAY_SIZE(name); i++) {
		const struct page_binding *b = page_binding_find(name[i]);
		unsigned per_node[NR_NODES] = { 0 };
		struct notes n = { 0 };
		struct page_engine *e;
		struct machine *m;
		unsigned before;

		cr_assert_not_null(b, "%s", name[i]);
		cr_assert_eq(machine_noted(&n, &m), 0);
		machine_boot(m);
		before = n.nr;
		cr_assert_eq(b->ops->create(&e, m), 0);
		for (unsigned k = before; k < n.nr; k++)
			per_node[n.range[k].nid]++;
		for (unsigned nid = 0; nid < NR_NODES; nid++)
			/* sets of pcp_rseq are of the host's CPUs */
			cr_expect(per_node[nid] || !strcmp(name[i], "pcp_rseq"),
				  "%s, node %u", name[i], nid);
		cr_expect_gt(n.nr, before, "%s", name[i]);
		b->ops->destroy(e);
		machine_destroy(m);
	}
}
