/* hwloc's synthetic topologies: "pack:2 numa:2(memory=8GB) core:4 pu:2". */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness/host.h"
#include "harness/kv.h"
#include "harness/machine_params.h"

int synthetic_topo(const char *text, struct topo *topo, char *err,
		   size_t err_len)
{
	hwloc_topology_t topology;
	char shown[64];
	int rc;

	if (hwloc_topology_init(&topology)) {
		snprintf(err, err_len, "hwloc: not enough memory");
		return -ENOMEM;
	}
	if (hwloc_topology_set_synthetic(topology, text) ||
	    hwloc_topology_load(topology)) {
		snprintf(err, err_len,
			 "machine=hwloc:%s: expected a synthetic topology "
			 "such as \"numa:2 core:4 pu:1\"",
			 printable(text, shown, sizeof(shown)));
		rc = -EINVAL;
	} else {
		rc = hwloc_topo(topology, NULL, topo, err, err_len);
		topo->synthetic = true;
	}
	hwloc_topology_destroy(topology);
	return rc;
}
