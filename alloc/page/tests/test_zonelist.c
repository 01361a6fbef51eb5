/* Node order on worked examples, zonelists, and the shape of machines. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "alloc/page/machine.h"

TestSuite(zonelist, .timeout = 30);
TestSuite(layout, .timeout = 30);

/* Four nodes of 1 GiB; cpu_nodes: how many of them, from 0, have a CPU;
 * rebuilt: zonelists since boot. */
static struct machine *four_nodes(const uint8_t distance[4][4],
				  unsigned cpu_nodes, bool rebuilt)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct machine *m;
	char err[256];

	layout_defaults(d);
	d->zonelists_rebuilt = rebuilt;
	layout_topo(&d->topo, cpu_nodes, 4);
	for (unsigned cpu = 0; cpu < cpu_nodes; cpu++)
		d->topo.node_of_cpu[cpu] = (uint16_t)cpu;
	for (unsigned a = 0; a < 4; a++)
		memcpy(d->topo.distance[a], distance[a], 4);
	cr_assert(!layout_zones(d, 4UL << 30, err, sizeof(err)), "%s", err);
	cr_assert(!machine_create(&m, d, NULL, err, sizeof(err)), "%s", err);
	free(d);
	return m;
}

static void check_order(const struct machine *m, const uint16_t order[4][4])
{
	for (unsigned nid = 0; nid < 4; nid++) {
		cr_assert_eq(m->node[nid].nr_order, 4);
		for (unsigned i = 0; i < 4; i++)
			cr_assert_eq(m->node[nid].node_order[i], order[nid][i],
				     "node %u, place %u", nid, i);
	}
}

Test(zonelist, equal_distances)
{
	const uint8_t distance[4][4] = { { 10, 20, 20, 20 },
					 { 20, 10, 20, 20 },
					 { 20, 20, 10, 20 },
					 { 20, 20, 20, 10 } };
	const uint16_t order[4][4] = {
		{ 0, 1, 2, 3 }, { 1, 2, 3, 0 }, { 2, 3, 0, 1 }, { 3, 0, 1, 2 }
	};
	struct machine *m = four_nodes(distance, 4, false);

	check_order(m, order);
	machine_destroy(m);
}

Test(zonelist, ring)
{
	const uint8_t distance[4][4] = { { 10, 21, 31, 21 },
					 { 21, 10, 21, 31 },
					 { 31, 21, 10, 21 },
					 { 21, 31, 21, 10 } };
	const uint16_t order[4][4] = {
		{ 0, 1, 3, 2 }, { 1, 2, 0, 3 }, { 2, 3, 1, 0 }, { 3, 0, 2, 1 }
	};
	struct machine *m = four_nodes(distance, 4, true);

	check_order(m, order);
	machine_destroy(m);
}

/* Both orders are a real 6.1's: at boot, and by the rule that it follows when
 * memory is plugged in. */
Test(zonelist, memory_only_nodes)
{
	const uint8_t distance[4][4] = { { 10, 21, 17, 28 },
					 { 21, 10, 28, 17 },
					 { 17, 28, 10, 28 },
					 { 28, 17, 28, 10 } };
	const uint16_t at_boot[4][4] = {
		{ 0, 2, 1, 3 }, { 1, 3, 0, 2 }, { 2, 0, 3, 1 }, { 3, 1, 0, 2 }
	};
	const uint16_t rebuilt[4][4] = {
		{ 0, 2, 1, 3 }, { 1, 3, 0, 2 }, { 2, 0, 3, 1 }, { 3, 1, 2, 0 }
	};
	struct machine *m = four_nodes(distance, 2, false);

	check_order(m, at_boot);
	machine_destroy(m);
	m = four_nodes(distance, 2, true);
	check_order(m, rebuilt);
	machine_destroy(m);
}

/* As Linux 6.1 said: three nodes with memory, 0 and 1 with a CPU; nodes a and b
 * at that distance, the others at 20. */
Test(zonelist, cpus_count_only_after_boot)
{
	static const struct {
		uint8_t a, b, distance;
		bool rebuilt;
		uint16_t order[3][3];
	} seen[] = {
		{ 0, 1, 20, false, { { 0, 1, 2 }, { 1, 2, 0 }, { 2, 0, 1 } } },
		{ 1, 2, 21, false, { { 0, 1, 2 }, { 1, 0, 2 }, { 2, 0, 1 } } },
		{ 0, 1, 21, false, { { 0, 2, 1 }, { 1, 2, 0 }, { 2, 0, 1 } } },
		{ 0, 1, 20, true, { { 0, 2, 1 }, { 1, 2, 0 }, { 2, 0, 1 } } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(seen); i++) {
		const unsigned a = seen[i].a, b = seen[i].b;
		struct machine_desc *d = malloc(sizeof(*d));
		struct machine *m;
		char err[256];

		layout_defaults(d);
		d->zonelists_rebuilt = seen[i].rebuilt;
		layout_topo(&d->topo, 2, 3);
		d->topo.node_of_cpu[1] = 1;
		d->topo.distance[a][b] = seen[i].distance;
		d->topo.distance[b][a] = seen[i].distance;
		cr_assert(!layout_zones(d, 768UL << 20, err, sizeof(err)), "%s",
			  err);
		cr_assert(!machine_create(&m, d, NULL, err, sizeof(err)), "%s",
			  err);
		free(d);
		for (unsigned nid = 0; nid < 3; nid++)
			for (unsigned p = 0; p < 3; p++)
				cr_assert_eq(m->node[nid].node_order[p],
					     seen[i].order[nid][p],
					     "row %u, node %u, place %u", i,
					     nid, p);
		machine_destroy(m);
	}
}

/*
 * What kernels said when they booted ("Fallback order for Node ..."), 6.1.192
 * and 6.12.117 of Debian in QEMU guests. cpus, memory: a character a node, '-'
 * for none. order: nodes by ',', the orders of nodes 0, 1, ... by blanks; 6.12
 * leaves a node without memory out of its own.
 */
static const struct booted {
	const char *name, *cpus, *memory;
	const char *distances; /* above the diagonal, row by row; "": 20 */
	const char *order;
} booted[] = {
	{ "4 equal", "0123", "0123", "", "0,1,2,3 1,2,3,0 2,3,0,1 3,0,1,2" },
	{ "8 equal", "01234567", "01234567", "",
	  "0,1,2,3,4,5,6,7 1,2,3,4,5,6,7,0 2,3,4,5,6,7,0,1 3,4,5,6,7,0,1,2 "
	  "4,5,6,7,0,1,2,3 5,6,7,0,1,2,3,4 6,7,0,1,2,3,4,5 7,0,1,2,3,4,5,6" },
	{ "2 without CPUs, equal", "01--", "0123", "",
	  "0,1,2,3 1,2,3,0 2,3,0,1 3,0,1,2" },
	{ "CPUs alone, memory alone", "012-", "0-23", "",
	  "0,2,3 1,3,2,0 2,3,0 3,0,2" },
	{ "node 0 without memory", "012", "-12", "", "0,1,2 1,2 2,1" },
	{ "ring of 8", "01234567", "01234567",
	  "16 22 28 34 28 22 16  16 22 28 34 28 22  16 22 28 34 28  "
	  "16 22 28 34  16 22 28  16 22  16",
	  "0,1,7,2,6,3,5,4 1,2,0,7,3,6,4,5 2,3,1,4,0,5,7,6 3,4,2,5,1,6,0,7 "
	  "4,5,3,6,2,7,1,0 5,6,4,7,3,0,2,1 6,7,5,0,4,1,3,2 7,0,6,1,5,2,4,3" },
	{ "2 packages of 2", "0123", "0123", "12 21 21  21 21  12",
	  "0,1,2,3 1,0,3,2 2,3,0,1 3,2,1,0" },
	{ "4 with memory alone behind each", "0123----", "01234567",
	  "21 21 21 17 28 28 28  21 21 28 17 28 28  21 28 28 17 28  "
	  "28 28 28 17  28 28 28  28 28  28",
	  "0,4,1,2,3,5,6,7 1,5,2,3,0,6,7,4 2,6,3,0,1,7,4,5 3,7,0,1,2,4,5,6 "
	  "4,0,5,6,7,1,2,3 5,1,6,7,2,3,0,4 6,2,7,3,0,1,4,5 7,3,0,1,2,4,5,6" },
	{ "distances of 20 and 21", "0123", "0123", "20 21 20  20 21  21",
	  "0,1,3,2 1,2,0,3 2,1,3,0 3,0,1,2" },
	{ "2 with CPUs alone", "0123-", "0--34",
	  "15 25 25 20  25 25 20  15 20  20",
	  "0,4,3 1,0,4,3 2,3,4,0 3,4,0 4,0,3" },
};

static struct machine *booted_machine(const struct booted *b,
				      enum kernel_rules kernel)
{
	struct machine_desc *d = malloc(sizeof(*d));
	const unsigned nr = (unsigned)strlen(b->memory);
	const char *s = b->distances;
	struct machine *m;
	unsigned cpu = 0;
	char err[256];

	layout_defaults(d);
	d->kernel = kernel;
	layout_topo(&d->topo, nr, nr);
	for (unsigned nid = 0; nid < nr; nid++) {
		if (b->cpus[nid] != '-')
			d->topo.node_of_cpu[cpu++] = (uint16_t)nid;
		d->topo.node_bytes[nid] = b->memory[nid] == '-' ? 0 : 64 << 20;
		for (unsigned to = nid + 1; to < nr && *s; to++) {
			char *end;
			uint8_t distance = (uint8_t)strtoul(s, &end, 10);

			d->topo.distance[nid][to] = distance;
			d->topo.distance[to][nid] = distance;
			s = end;
		}
	}
	d->topo.nr_cpus = (uint16_t)cpu;
	cr_assert(!layout_zones(d, 0, err, sizeof(err)), "%s: %s", b->name,
		  err);
	cr_assert(!machine_create(&m, d, NULL, err, sizeof(err)), "%s: %s",
		  b->name, err);
	free(d);
	return m;
}

static void check_booted(const struct booted *b, enum kernel_rules kernel)
{
	struct machine *m = booted_machine(b, kernel);
	const char *s = b->order;

	for (unsigned nid = 0; nid < m->desc.topo.nr_nodes; nid++) {
		const struct node *node = &m->node[nid];
		unsigned nr = 0;

		for (; *s >= '0'; s += *s == ',') {
			unsigned want = (unsigned)(*s++ - '0');

			if (want == nid && !node->has_memory &&
			    kernel == KERNEL_6_12)
				continue;
			cr_assert_lt(nr, node->nr_order);
			cr_assert_eq(node->node_order[nr], want,
				     "%s, rules %d: place %u of node %u is %u, "
				     "not %u",
				     b->name, kernel, nr, nid,
				     node->node_order[nr], want);
			nr++;
		}
		s += strspn(s, " ");
		cr_assert_eq(nr, node->nr_order, "%s: node %u", b->name, nid);
	}
	cr_assert_eq(*s, 0);
	machine_destroy(m);
}

Test(zonelist, as_booted_kernels_print_it)
{
	for (size_t i = 0; i < ARRAY_SIZE(booted); i++) {
		check_booted(&booted[i], KERNEL_6_1);
		check_booted(&booted[i], KERNEL_6_12);
	}
}

Test(zonelist, zones_descend_within_a_node)
{
	struct machine_desc *d = malloc(sizeof(*d));
	const struct zonelist *fall, *local;
	struct machine *m;
	char err[256];

	layout_defaults(d);
	layout_topo(&d->topo, 2, 2);
	cr_assert(!layout_zones(d, 8UL << 30, err, sizeof(err)), "%s", err);
	cr_assert(!machine_create(&m, d, NULL, err, sizeof(err)), "%s", err);
	free(d);
	/* node 0: DMA, DMA32, Normal; node 1: Normal */
	fall = &m->node[1].zonelist[ZONELIST_FALLBACK];
	local = &m->node[1].zonelist[ZONELIST_NOFALLBACK];
	cr_assert_eq(fall->nr, 4);
	cr_assert_eq(local->nr, 1);
	cr_assert_eq(fall->zone[0]->nid, 1);
	cr_assert_eq(fall->zone[1]->idx, ZONE_NORMAL);
	cr_assert_eq(fall->zone[2]->idx, ZONE_DMA32);
	cr_assert_eq(fall->zone[3]->idx, ZONE_DMA);
	cr_assert_null(fall->zone[4]);
	cr_assert_eq(fall->first[ZONE_MOVABLE], 0);
	cr_assert_eq(fall->first[ZONE_NORMAL], 0);
	cr_assert_eq(fall->first[ZONE_DMA32], 2);
	cr_assert_eq(fall->first[ZONE_DMA], 3);
	cr_assert_eq(local->first[ZONE_DMA], 1); /* none: the end */
	machine_destroy(m);
}

/* Every RAM page of the machine belongs to one zone, and sizes add up. */
static void check_layout(enum machine_layout layout, bool pae, unsigned nodes,
			 uint64_t mib)
{
	struct machine_desc *d = malloc(sizeof(*d));
	uint64_t present = 0;
	struct machine *m;
	char err[256];

	layout_defaults(d);
	layout_set(d, layout, pae);
	layout_topo(&d->topo, nodes, nodes);
	cr_assert(!layout_zones(d, mib << 20, err, sizeof(err)), "%s", err);
	cr_assert(!machine_create(&m, d, NULL, err, sizeof(err)), "%s", err);
	free(d);
	for (unsigned i = 0; i < m->nr_zones; i++) {
		const struct zone *z = &m->zone[i];
		uint64_t end = z->start_pfn + z->spanned;

		present += z->present;
		if (!zone_populated(z))
			continue;
		cr_assert_eq(machine_zone_of(m, z->start_pfn), z);
		cr_assert_eq(machine_zone_of(m, end - 1), z);
		cr_assert_eq(machine_zone_of(m, zone_first_managed(z)), z);
		cr_assert_leq(zone_first_managed(z) + z->managed, end);
	}
	cr_assert_null(machine_zone_of(m, 0));
	cr_assert_null(machine_zone_of(m, m->end_pfn));
	/* 98 pages: page 0 and the BIOS's */
	cr_assert_eq(present + 98, mib << 8, "%lu MiB", (unsigned long)mib);
	machine_destroy(m);
}

Test(layout, sizes_add_up)
{
	const uint64_t mib[] = { 64, 1024, 3072, 3584, 4096, 6000, 262144 };

	for (unsigned nodes = 1; nodes <= 8; nodes *= 2) {
		for (unsigned i = 0; i < ARRAY_SIZE(mib); i++) {
			/* a node must hold the DMA zone */
			if (mib[i] / nodes < 16)
				continue;
			check_layout(LAYOUT_X86_64, false, nodes, mib[i]);
			if (mib[i] <= 65536)
				check_layout(LAYOUT_I386, true, nodes, mib[i]);
			if (mib[i] <= 4096)
				check_layout(LAYOUT_I386, false, nodes, mib[i]);
		}
	}
}

Test(layout, pc_of_4_gib)
{
	struct machine_desc *d = malloc(sizeof(*d));
	char err[256];

	layout_defaults(d);
	cr_assert(!layout_zones(d, 4UL << 30, err, sizeof(err)), "%s", err);
	/* as a booted kernel shows it, but for 32 pages of ACPI tables */
	cr_assert_eq(d->node[0].zone[ZONE_DMA].present, 3998);
	cr_assert_eq(d->node[0].zone[ZONE_DMA].managed, 3840);
	cr_assert_eq(d->node[0].zone[ZONE_DMA32].spanned, 1044480);
	cr_assert_eq(d->node[0].zone[ZONE_DMA32].present, 782304 + 32);
	cr_assert_eq(d->node[0].zone[ZONE_NORMAL].start_pfn, 1048576);
	cr_assert_eq(d->node[0].zone[ZONE_NORMAL].present, 262144);
	free(d);
}

Test(layout, refuses_what_it_cannot_address)
{
	struct machine_desc *d = malloc(sizeof(*d));
	char err[256];

	layout_defaults(d);
	cr_assert(layout_zones(d, 1 << 20, err, sizeof(err)));
	cr_assert(layout_zones(d, 1UL << 45, err, sizeof(err)));
	layout_set(d, LAYOUT_I386, false);
	cr_assert(layout_zones(d, 5UL << 30, err, sizeof(err)));
	cr_assert(!layout_zones(d, 4UL << 30, err, sizeof(err)));
	layout_set(d, LAYOUT_I386, true);
	/* sizes of nodes, once set, are what counts */
	memset(d->topo.node_bytes, 0, sizeof(d->topo.node_bytes));
	cr_assert(layout_zones(d, 65UL << 30, err, sizeof(err)));
	free(d);
}

Test(layout, machine_refuses_contradictions)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct machine *m;
	char err[256];

	layout_defaults(d);
	cr_assert(machine_create(&m, d, NULL, err, sizeof(err)));
	d->node[0].online = true;
	d->node[0].zone[ZONE_DMA32] =
		(struct zone_extent){ 4096, 100, 200, 100, 0 };
	cr_assert(machine_create(&m, d, NULL, err, sizeof(err)));
	d->node[0].zone[ZONE_DMA32] =
		(struct zone_extent){ 4096, 8192, 8192, 8192, 0 };
	d->node[0].zone[ZONE_NORMAL] =
		(struct zone_extent){ 8000, 8192, 8192, 8192, 0 };
	cr_assert(machine_create(&m, d, NULL, err, sizeof(err)));
	cr_assert_not_null(strstr(err, "overlap"), "%s", err);
	d->node[0].zone[ZONE_NORMAL] = (struct zone_extent){ 0 };
	d->node[0].zone[ZONE_HIGHMEM] =
		(struct zone_extent){ 80000, 8192, 8192, 8192, 0 };
	cr_assert(machine_create(&m, d, NULL, err, sizeof(err)));
	free(d);
}
