/* This host, and hwloc's synthetic topologies, as machines. */
#ifndef HARNESS_HOST_H
#define HARNESS_HOST_H

#include <hwloc.h>

#include "alloc/page/desc.h"

/*
 * Zones, sysctl values and kernel of this host from /proc where that can be
 * read, else PC zones of the size of its nodes; CPUs that this process may
 * use, distances. 0, or -errno with one line in err.
 */
int host_desc(struct machine_desc *desc, char *err, size_t err_len) MUST_CHECK;

/* CPUs, cores, packages and node sizes of a loaded topology; allowed: CPUs to
 * take, NULL: all. Distances become 10 and 20. */
int hwloc_topo(hwloc_topology_t topology, hwloc_const_cpuset_t allowed,
	       struct topo *topo, char *err, size_t err_len) MUST_CHECK;

#endif
