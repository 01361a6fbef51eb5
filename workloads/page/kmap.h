/*
 * kmap: HIGHMEM frames through the windows of a 32-bit kernel.
 *
 * Models what a 32-bit machine does with most of its memory: the page cache and
 * user pages lie in HIGHMEM, and the kernel sees one of them only through a
 * window. A thread holds `outstanding` frames in a ring; one op frees the
 * oldest, takes a new one from HIGHMEM, and maps, writes (`touch`) and unmaps
 * it. A latency sample is the kmap() (alloc) or the kunmap() (free) alone.
 *
 * Shows the price of a window, which is a system call here, by how
 * often it can be spared: a frame that comes back while its old window still
 * shows it costs a look-up. maps_per_op is the share of calls that needed a
 * new window, flushes how often all unused windows were unmapped together,
 * lowmem_share how many frames the policy took from below HIGHMEM, and
 * refused_windows the calls that found every window in use.
 *
 * Needs a machine with HIGHMEM: layout=i386 or i386pae.
 */
#ifndef WORKLOADS_PAGE_KMAP_H
#define WORKLOADS_PAGE_KMAP_H

#include <errno.h>
#include <stdio.h>

#include "alloc/page/layout.h"
#include "workloads/lib/held.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/probe.h"
#include "workloads/lib/touch.h"

enum { KMAP_DONE, KMAP_LOWMEM, KMAP_REFUSED }; /* tallies, calls */

WORKLOAD_LOOP void kmap_loop(const struct page_ops *const ops, struct worker *w,
			     const enum probe probe)
{
	const gfp_t gfp = w->params->gfp | GFP_BIT_HIGHMEM;
	const enum touch touch = w->params->touch;
	struct frames *frames = w->priv;
	const uint32_t nr = frames->nr;
	uint32_t at = 0;

	while (loop_running(w)) {
		pfn_t *slot = &frames->pfn[at];
		char *addr;

		at = at + 1 == nr ? 0 : at + 1;
		if (likely(pfn_valid(*slot)))
			probed_free(ops, w, *slot, 0, PROBE_NONE);
		*slot = probed_alloc(ops, w, gfp, 0, PROBE_NONE);
		if (unlikely(!pfn_valid(*slot))) {
			loop_failed(w);
			continue;
		}
		addr = probed_kmap(w, *slot, probe);
		if (unlikely(!addr)) {
			w->tally[KMAP_REFUSED]++;
			loop_failed(w);
			continue;
		}
		touch_mapped(addr, 1, touch);
		probed_kunmap(w, *slot, probe);
		w->tally[KMAP_DONE]++;
		w->tally[KMAP_LOWMEM] +=
			!pfn_is_highmem(w->ctx->machine, *slot);
		loop_done(w);
	}
}

static int kmap_misfit(const struct machine_desc *desc,
		       const struct workload_params *p, char *why,
		       size_t why_len)
{
	(void)p;
	if (layout_highmem_pfn(desc) != UINT64_MAX)
		return 0;
	snprintf(why, why_len,
		 "workload kmap: expected a machine with HIGHMEM: layout=i386 "
		 "or i386pae, and more than 896M of mem=");
	return -EINVAL;
}

static int kmap_setup(struct team *team)
{
	/* without memory behind its frames a machine has no windows */
	return team->machine->kmap ? 0 : -ENODEV;
}

static int kmap_prepare(struct worker *w)
{
	return frames_create(w, w->params->outstanding, 0);
}

static unsigned kmap_report(const struct team *team,
			    struct workload_metric *out)
{
	uint64_t sum[NR_TALLIES] = { 0 };
	struct kmap_stat s;
	double done;

	kmap_stat(team->machine, &s);
	for (unsigned i = 0; i < team->nr; i++)
		for (unsigned t = 0; t < NR_TALLIES; t++)
			sum[t] += team->worker[i].tally[t];
	done = sum[KMAP_DONE] ? (double)sum[KMAP_DONE] : 1;
	out[0] = (struct workload_metric){ .name = "maps_per_op",
					   .unit = "maps",
					   .better = "lower",
					   .value = (double)s.maps / done };
	out[1] = (struct workload_metric){ .name = "flushes",
					   .unit = "flushes",
					   .better = "lower",
					   .value = (double)s.flushes };
	out[2] = (struct workload_metric){
		.name = "lowmem_share",
		.unit = "percent",
		.better = "none",
		.value = 100 * (double)sum[KMAP_LOWMEM] / done,
	};
	out[3] = (struct workload_metric){
		.name = "refused_windows",
		.unit = "calls",
		.better = "lower",
		.value = (double)sum[KMAP_REFUSED],
	};
	return 4;
}

static const struct workload kmap_workload = {
	.name = "kmap",
	.summary = "HIGHMEM frames through kmap windows (layout=i386)",
	.op = "frame taken, mapped, unmapped and freed",
	.needs = WORKLOAD_FRAMES | WORKLOAD_HIGHMEM,
	.uses = USES_OUTSTANDING,
	.misfit = kmap_misfit,
	.setup = kmap_setup,
	.prepare = kmap_prepare,
	.teardown = frames_teardown,
	.report = kmap_report,
};

#endif
