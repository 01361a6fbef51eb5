/*
 * A topology as plain data: no library types, so a test can build a machine
 * of eight nodes on a laptop. Filled from hwloc by the harness (real host,
 * synthetic string) or by the machine's layout code.
 */
#ifndef ALLOC_BASE_TOPO_H
#define ALLOC_BASE_TOPO_H

#include "alloc/base/base.h"

#define TOPO_CPU_NONE UINT16_MAX

struct topo {
	uint16_t nr_cpus;          /* CPUs 0 .. nr_cpus-1 of the arrays below */
	uint16_t nr_nodes;         /* nodes 0 .. nr_nodes-1 */
	bool synthetic;            /* not this host's: charts say so */
	uint16_t os_cpu[MAX_CPUS]; /* number that the OS gives this CPU */
	uint16_t node_of_cpu[MAX_CPUS];
	uint16_t core_of_cpu[MAX_CPUS]; /* global core number */
	uint16_t package_of_cpu[MAX_CPUS];
	uint16_t smt_of_cpu[MAX_CPUS]; /* 0: first thread of its core */
	uint8_t distance[MAX_NODES][MAX_NODES]; /* SLIT: 10 local, 20 default */
	uint64_t node_bytes[MAX_NODES]; /* memory of the node, 0: none */
};

#endif
