/*
 * Zonelists. For each node L the other nodes with memory are taken nearest
 * first. Ties go to the node that was chosen least often as the first of a
 * distance group (node_load), so that equidistant nodes do not all fall back
 * to the same neighbour. Within a node: highest zone first.
 *
 * A node with CPUs comes after an equally near one without, but only when
 * Linux builds the lists anew because memory came or went: at boot no CPU has
 * been entered in its node's mask yet, not even the one that boots. Both were
 * seen on 6.1 with nodes of memory only.
 */
#include "alloc/page/zonelist.h"

#include <limits.h>
#include <string.h>

/* Linux scales by MAX_NUMNODES so that the load only breaks ties. */
#define LOAD_SCALE 1024

/* Nearest node not yet used, or -1. */
static int next_node(const struct machine *m, unsigned local,
		     const bool used[MAX_NODES], const int load[MAX_NODES])
{
	int best = -1, best_val = INT_MAX;

	for (unsigned n = 0; n < m->desc.topo.nr_nodes; n++) {
		int val;

		if (used[n] || !m->node[n].has_memory)
			continue;
		val = m->desc.topo.distance[local][n] + (n < local) +
		      (m->desc.zonelists_rebuilt && m->node[n].has_cpu);
		val = val * LOAD_SCALE + load[n];
		if (val < best_val) {
			best_val = val;
			best = (int)n;
		}
	}
	return best;
}

static void order_build(struct machine *m, unsigned local, int load[MAX_NODES])
{
	const uint8_t *distance = m->desc.topo.distance[local];
	struct node *node = &m->node[local];
	bool used[MAX_NODES] = { false };
	unsigned prev = local;
	int n = -1;

	/* a node comes first for itself; [6.12] unless it has no memory */
	if (m->desc.kernel < KERNEL_6_12 || node->has_memory)
		n = (int)local;
	else
		n = next_node(m, local, used, load);
	for (; n >= 0; n = next_node(m, local, used, load)) {
		used[n] = true;
		if (distance[n] != distance[prev])
			load[n]++;
		node->node_order[node->nr_order++] = (uint16_t)n;
		prev = (unsigned)n;
	}
}

static void list_add_node(struct zonelist *list, const struct node *node)
{
	for (int i = MAX_NR_ZONES - 1; i >= 0; i--) {
		if (zone_populated(node->zone[i]))
			list->zone[list->nr++] = node->zone[i];
	}
}

static void list_finish(struct zonelist *list)
{
	list->zone[list->nr] = NULL;
	for (unsigned idx = 0; idx < MAX_NR_ZONES; idx++) {
		unsigned pos = 0;

		while (pos < list->nr && list->zone[pos]->idx > idx)
			pos++;
		list->first[idx] = (uint16_t)pos;
	}
}

void zonelists_build(struct machine *m)
{
	int load[MAX_NODES] = { 0 };

	for (unsigned nid = 0; nid < m->desc.topo.nr_nodes; nid++) {
		struct node *node = &m->node[nid];
		struct zonelist *lists = node->zonelist;

		memset(lists, 0, NR_ZONELISTS * sizeof(*lists));
		node->nr_order = 0;
		/* a number between two nodes: Linux does not have it either */
		if (node->online || node->has_cpu)
			order_build(m, nid, load);
		for (unsigned i = 0; i < node->nr_order; i++)
			list_add_node(&lists[ZONELIST_FALLBACK],
				      &m->node[node->node_order[i]]);
		list_add_node(&lists[ZONELIST_NOFALLBACK], node);
		list_finish(&lists[ZONELIST_FALLBACK]);
		list_finish(&lists[ZONELIST_NOFALLBACK]);
	}
}
