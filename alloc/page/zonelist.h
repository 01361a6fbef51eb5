/* Node order and zonelists (build_zonelists in Linux). */
#ifndef ALLOC_PAGE_ZONELIST_H
#define ALLOC_PAGE_ZONELIST_H

#include "alloc/page/machine.h"

/*
 * Fills node_order and both zonelists of every node, from distances, CPUs and
 * populated zones. Called by machine_create(), single threaded.
 */
void zonelists_build(struct machine *m);

#endif
