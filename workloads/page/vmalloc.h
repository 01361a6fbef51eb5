/*
 * vmalloc: memory that is contiguous in addresses only, taken and given back.
 *
 * Models what is too large for a block: hash tables at boot, buffers of a
 * module, eBPF maps. Sizes are uniform in `area`. One op is one vmalloc() and
 * its vfree(), with what `touch` writes in between through the new addresses.
 * With touch a mapping comes with its page table entries, as a kernel's does;
 * without it has none, and the frames may have no memory. A latency sample is a
 * whole call.
 *
 * Shows what joining frames from anywhere costs above taking them: a run of
 * adjacent frames is one mapping, so an allocator that gives out frames in
 * order, or a machine that is not fragmented, needs few (mappings_per_area).
 * pages_mapped counts over all windows, and so do the requests that were
 * refused, by reason: refused_addresses (no hole in the address space),
 * refused_frames (the watermarks), refused_mappings (the host's limit,
 * vm.max_map_count), refused_other (memory for the record, more than the
 * machine has).
 */
#ifndef WORKLOADS_PAGE_VMALLOC_H
#define WORKLOADS_PAGE_VMALLOC_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "workloads/lib/dist.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

/* Of one worker, over all windows. */
struct vmalloc_tally {
	uint64_t refused[NR_VMALLOC_WHYS];
} CACHELINE;

WORKLOAD_LOOP void vmalloc_loop(const struct page_ops *const ops,
				struct worker *w, const enum probe probe)
{
	const uint64_t low = w->params->area_min, high = w->params->area_max;
	const enum touch touch = w->params->touch;
	struct vmalloc_tally *tally = w->priv;

	while (loop_running(w)) {
		uint64_t bytes = dist_range(&w->rng, low, high);
		uint64_t pages = (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
		enum vmalloc_why why;
		char *addr = probed_vmalloc(ops, w, bytes, &why, probe);

		if (unlikely(!addr)) {
			tally->refused[why]++;
			loop_failed(w);
			continue;
		}
		touch_mapped(addr, pages, touch);
		probed_vfree(ops, w, addr, probe);
		loop_done(w);
	}
}

static int vmalloc_misfit(const struct machine_desc *desc,
			  const struct workload_params *p, char *why,
			  size_t why_len)
{
	const uint64_t space = layout_vmalloc_bytes(desc);
	uint64_t pages = 0;

	for (unsigned nid = 0; nid < desc->topo.nr_nodes; nid++)
		for (unsigned i = 0; i < MAX_NR_ZONES; i++)
			pages += desc->node[nid].zone[i].managed;
	if (p->area_min > space - PAGE_SIZE)
		snprintf(why, why_len,
			 "area: expected at most %llu KiB: this machine has "
			 "%llu KiB of addresses for vmalloc (vmalloc=), and an "
			 "area ends with a guard page",
			 (unsigned long long)((space - PAGE_SIZE) >> 10),
			 (unsigned long long)(space >> 10));
	else if (p->area_min > pages << PAGE_SHIFT)
		snprintf(why, why_len,
			 "area: %llu KiB is more than the machine has; "
			 "expected at most %llu KiB",
			 (unsigned long long)(p->area_min >> 10),
			 (unsigned long long)(pages << PAGE_SHIFT >> 10));
	else
		return 0;
	return -EINVAL;
}

static int vmalloc_setup(struct team *team)
{
	const size_t bytes = team->nr * sizeof(struct vmalloc_tally);
	char err[160];

	team->shared = aligned_alloc(CACHELINE_SIZE, bytes);
	if (!team->shared)
		return -ENOMEM;
	memset(team->shared, 0, bytes);
	return vmalloc_init(team->machine, err, sizeof(err));
}

static int vmalloc_prepare(struct worker *w)
{
	w->priv = (struct vmalloc_tally *)w->team->shared + w->index;
	return 0;
}

static unsigned vmalloc_report(const struct team *team,
			       struct workload_metric *out)
{
	static const char *const names[] = { "refused_addresses",
					     "refused_frames",
					     "refused_mappings",
					     "refused_other" };
	const struct vmalloc_tally *tally = team->shared;
	uint64_t refused[ARRAY_SIZE(names)] = { 0 };
	struct vmalloc_stat s;

	vmalloc_stat(team->machine, &s);
	out[0] = (struct workload_metric){ .name = "pages_mapped",
					   .unit = "pages",
					   .better = "none",
					   .value = (double)s.made.pages };
	out[1] = (struct workload_metric){ .name = "mappings_per_area",
					   .unit = "mappings",
					   .better = "lower" };
	if (s.made.areas)
		out[1].value = (double)s.made.mappings / (double)s.made.areas;
	for (unsigned i = 0; i < team->nr; i++)
		for (unsigned why = 0; why < NR_VMALLOC_WHYS; why++)
			refused[why == VMALLOC_ADDRESSES  ? 0
				: why == VMALLOC_FRAMES   ? 1
				: why == VMALLOC_MAPPINGS ? 2
							  : 3] +=
				tally[i].refused[why];
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		out[2 + i] = (struct workload_metric){
			.name = names[i],
			.unit = "requests",
			.better = "lower",
			.value = (double)refused[i],
		};
	return 2 + ARRAY_SIZE(names);
}

static void vmalloc_cleanup(struct team *team)
{
	vmalloc_exit(team->machine);
	free(team->shared);
	team->shared = NULL;
}

static const struct workload vmalloc_workload = {
	.name = "vmalloc",
	.summary = "memory contiguous in addresses only, of any size",
	.op = "vmalloc+vfree pair",
	.needs = WORKLOAD_FRAMES,
	.uses = USES_AREA,
	.misfit = vmalloc_misfit,
	.setup = vmalloc_setup,
	.prepare = vmalloc_prepare,
	.report = vmalloc_report,
	.cleanup = vmalloc_cleanup,
};

#endif
