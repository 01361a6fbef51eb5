/*
 * What reclaim counts, by the names of /proc/vmstat and /proc/zoneinfo: LRU
 * lists, swap, scanning, compaction. A machine without reclaim has none of it.
 */
#include <string.h>

#include "alloc/page/procfs_names.h"
#include "alloc/page/vmscan.h"

/* "nr_zone_active_file", "nr_inactive_anon", ...: NR_LRU_LISTS, none of them.
 */
static unsigned lru_list_of(const char *name)
{
	static const char *const names[NR_LRU_LISTS] = {
		[LRU_INACTIVE_ANON] = "inactive_anon",
		[LRU_ACTIVE_ANON] = "active_anon",
		[LRU_INACTIVE_FILE] = "inactive_file",
		[LRU_ACTIVE_FILE] = "active_file",
		[LRU_UNEVICTABLE] = "unevictable",
	};
	unsigned list = 0;

	if (strncmp(name, "nr_", 3) != 0)
		return NR_LRU_LISTS;
	name += strncmp(name, "nr_zone_", 8) ? 3 : 8;
	while (list < NR_LRU_LISTS && strcmp(name, names[list]) != 0)
		list++;
	return list;
}

unsigned long procfs_reclaim_zone(const struct zone *zone, const char *name)
{
	const struct reclaim *r = zone->machine->reclaim;
	const unsigned list = lru_list_of(name);

	if (!r || list == NR_LRU_LISTS)
		return 0;
	return (unsigned long)lru_zone_pages(&r->lru, zone->id, list);
}

/* What is counted by node. */
static unsigned long node_counter(const struct lru_node *n, const char *name)
{
	const struct {
		const char *name;
		const _Atomic uint64_t *counter;
	} counters[] = {
		{ "workingset_refault_anon", &n->returns[0] },
		{ "workingset_refault_file", &n->returns[1] },
		{ "workingset_activate_anon", &n->refaults[0] },
		{ "workingset_activate_file", &n->refaults[1] },
		{ "nr_vmscan_write", &n->written },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(counters); i++)
		if (!strcmp(counters[i].name, name))
			/* relaxed: a statistic */
			return (unsigned long)atomic_load_explicit(
				counters[i].counter, memory_order_relaxed);
	return 0;
}

unsigned long procfs_reclaim_node(const struct machine *m, unsigned nid,
				  const char *name)
{
	const unsigned list = lru_list_of(name);

	if (!m->reclaim)
		return 0;
	if (list == NR_LRU_LISTS)
		return node_counter(&m->reclaim->lru.node[nid], name);
	return (unsigned long)lru_node_pages(&m->reclaim->lru, nid, list);
}

unsigned long procfs_reclaim_event(const struct machine *m, const char *name,
				   int idx)
{
	const unsigned last = idx < 0 ? VM_ALLOCSTALL : NR_VM_EVENTS;

	if (!m->reclaim)
		return 0;
	for (unsigned i = idx < 0 ? 0 : VM_ALLOCSTALL; i < last; i++)
		if (!strcmp(vm_event_name(i), name))
			return (unsigned long)vm_read(
				&m->reclaim->events,
				i + (unsigned)(idx < 0 ? 0 : idx));
	return 0;
}

bool procfs_unreclaimable(const struct zone *zone)
{
	const struct reclaim *r = zone->machine->reclaim;

	/* relaxed: a statistic */
	return r && atomic_load_explicit(&r->node[zone->nid].kswapd_failures,
					 memory_order_relaxed) >=
			    MAX_RECLAIM_RETRIES;
}
