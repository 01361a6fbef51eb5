/*
 * This host: hwloc says which CPUs and nodes there are, libnuma how far apart
 * the nodes are, /proc what the kernel made of them.
 */
#include "harness/host.h"

#include <errno.h>
#include <numa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "harness/capture.h"
#include "harness/machine_params.h"
#include "harness/textfile.h"

static uint16_t ancestor_index(hwloc_topology_t topology, hwloc_obj_t pu,
			       hwloc_obj_type_t type)
{
	hwloc_obj_t o = hwloc_get_ancestor_obj_by_type(topology, type, pu);

	return o ? (uint16_t)o->logical_index : 0;
}

static int add_cpu(hwloc_topology_t topology, hwloc_obj_t pu, struct topo *topo,
		   char *err, size_t err_len)
{
	unsigned cpu = topo->nr_cpus;
	int nid = hwloc_bitmap_first(pu->nodeset);
	hwloc_obj_t core;

	if (cpu == MAX_CPUS) {
		snprintf(err, err_len, "more than %d CPUs", MAX_CPUS);
		return -ERANGE;
	}
	core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu);
	topo->os_cpu[cpu] = (uint16_t)pu->os_index;
	topo->node_of_cpu[cpu] = (uint16_t)(nid < 0 ? 0 : nid);
	topo->core_of_cpu[cpu] = core ? (uint16_t)core->logical_index
				      : (uint16_t)pu->logical_index;
	topo->package_of_cpu[cpu] =
		ancestor_index(topology, pu, HWLOC_OBJ_PACKAGE);
	for (unsigned i = 0; i < cpu; i++)
		topo->smt_of_cpu[cpu] +=
			topo->core_of_cpu[i] == topo->core_of_cpu[cpu];
	topo->nr_cpus++;
	return 0;
}

static int add_nodes(hwloc_topology_t topology, struct topo *topo, char *err,
		     size_t err_len)
{
	hwloc_obj_t node = NULL;

	while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE,
						  node))) {
		unsigned nid = node->os_index;

		if (nid >= MAX_NODES) {
			snprintf(err, err_len,
				 "node %u: expected numbers below %d", nid,
				 MAX_NODES);
			return -ERANGE;
		}
		topo->node_bytes[nid] = node->attr->numanode.local_memory;
		if (nid >= topo->nr_nodes)
			topo->nr_nodes = (uint16_t)(nid + 1);
	}
	for (unsigned a = 0; a < topo->nr_nodes; a++) {
		for (unsigned b = 0; b < topo->nr_nodes; b++)
			topo->distance[a][b] = a == b ? 10 : 20;
	}
	return 0;
}

int hwloc_topo(hwloc_topology_t topology, hwloc_const_cpuset_t allowed,
	       struct topo *topo, char *err, size_t err_len)
{
	hwloc_obj_t pu = NULL;
	int rc;

	memset(topo, 0, sizeof(*topo));
	rc = add_nodes(topology, topo, err, err_len);
	while (!rc &&
	       (pu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, pu))) {
		if (!allowed || hwloc_bitmap_isset(allowed, pu->os_index))
			rc = add_cpu(topology, pu, topo, err, err_len);
	}
	if (!rc && (!topo->nr_cpus || !topo->nr_nodes)) {
		snprintf(err, err_len, "hwloc: found no CPU or no node");
		rc = -ENODEV;
	}
	return rc;
}

static void read_distances(struct topo *topo)
{
	if (numa_available() < 0)
		return;
	for (int a = 0; a < topo->nr_nodes; a++) {
		for (int b = 0; b < topo->nr_nodes; b++) {
			int d = numa_distance(a, b);

			/* 0: the kernel does not know */
			if (d >= 10 && d <= 255)
				topo->distance[a][b] = (uint8_t)d;
		}
	}
}

int host_topo(struct topo *topo, char *err, size_t err_len)
{
	hwloc_cpuset_t allowed = hwloc_bitmap_alloc();
	hwloc_topology_t topology;
	int rc = -ENOMEM;

	if (!allowed || hwloc_topology_init(&topology)) {
		snprintf(err, err_len, "hwloc: not enough memory");
		goto err_bitmap;
	}
	if (hwloc_topology_load(topology) ||
	    hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_THREAD)) {
		rc = -errno;
		snprintf(err, err_len, "hwloc: no topology of this host: %s",
			 strerror(errno));
		goto err_topology;
	}
	rc = hwloc_topo(topology, allowed, topo, err, err_len);
	if (!rc)
		read_distances(topo);
err_topology:
	hwloc_topology_destroy(topology);
err_bitmap:
	hwloc_bitmap_free(allowed);
	return rc;
}

/* Zones of a PC with this host's nodes. */
static int zones_from_sizes(struct machine_desc *desc, char *err,
			    size_t err_len)
{
	struct topo *t = malloc(sizeof(*t));
	int rc = t ? host_topo(t, err, err_len) : -ENOMEM;

	if (!rc) {
		layout_defaults(desc);
		desc->topo = *t;
		rc = layout_zones(desc, 0, err, err_len);
	}
	free(t);
	return rc;
}

/* /proc, with the CPUs that this process may use. */
static int zones_from_proc(struct machine_desc *desc, char *err, size_t err_len)
{
	uint16_t nr_nodes;
	int rc = capture_read_proc("/proc", desc, err, err_len);

	if (rc)
		return rc;
	nr_nodes = desc->topo.nr_nodes;
	rc = host_topo(&desc->topo, err, err_len);
	if (!rc && desc->topo.nr_nodes < nr_nodes) {
		snprintf(err, err_len,
			 "/proc/zoneinfo has more nodes than "
			 "hwloc");
		rc = -ENODEV;
	}
	return rc;
}

int host_desc(struct machine_desc *desc, char *err, size_t err_len)
{
	char *sys_vm;
	struct text_cursor c;
	int rc = zones_from_proc(desc, err, err_len);

	if (rc)
		return zones_from_sizes(desc, err, err_len);
	sys_vm = capture_host_sys_vm(NULL, 0);
	if (!sys_vm) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	c = (struct text_cursor){
		.next = sys_vm,
		.end = sys_vm + strlen(sys_vm),
		.where = { .file = "/proc/sys/vm", .line = 0 },
		.err = err,
		.err_len = err_len,
	};
	rc = capture_apply_sys_vm(&c, desc);
	free(sys_vm);
	return rc;
}
