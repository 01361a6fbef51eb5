/*
 * Reclaim in a repetition: kswapd and its kin are started when the engine
 * stands and ended after the workers, pinned to the CPUs of their node, and
 * what they counted goes into result.json.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "harness/rep.h"
#include "harness/swap_params.h"

bool rep_wants_reclaim(const struct rep *rep)
{
	switch (rep->params->reclaim) {
	case RECLAIM_ON:
		return true;
	case RECLAIM_OFF:
		return false;
	case RECLAIM_AUTO:
		break;
	}
	return rep->bound->workload->needs & WORKLOAD_RECLAIM;
}

/* In the new thread: onto the CPUs of the node, if this host has it; all CPUs
 * that a worker may have, otherwise. */
static void pin_to_node(void *arg, enum reclaim_thread kind, unsigned nid)
{
	const struct rep *rep = arg;
	const struct topo *host = rep->host;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned c = 0; c < host->nr_cpus; c++)
		if (host->node_of_cpu[c] == nid)
			CPU_SET(host->os_cpu[c], &set);
	for (unsigned c = 0; !CPU_COUNT(&set) && c < host->nr_cpus; c++)
		CPU_SET(host->os_cpu[c], &set);
	/* a refusal leaves it where the process may run */
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	pthread_setname_np(pthread_self(),
			   kind == THREAD_KSWAPD ? "kswapd" : "kcompactd");
}

static int fill_config(const struct rep *rep, struct reclaim_config *cfg,
		       struct swap_params *swap)
{
	const struct job_params *p = rep->params;

	reclaim_defaults(cfg);
	cfg->kswapd = p->kswapd;
	cfg->kcompactd = p->kcompactd;
	cfg->swappiness = (int)p->swappiness;
	cfg->extfrag_threshold = (int)p->extfrag_threshold;
	cfg->compaction_proactiveness = (int)p->compaction_proactiveness;
	cfg->events = p->events;
	cfg->event_span = rep_event_span(rep);
	cfg->thread_begins = pin_to_node;
	cfg->arg = (void *)rep;
	if (swap_params_parse(p->swap, swap))
		return -EINVAL;
	if (!swap->on)
		return 0;
	if (swap->path[0])
		cfg->swap.path = swap->path;
	else
		cfg->swap.dir = rep->dir;
	cfg->swap.bytes =
		swap->bytes ? swap->bytes : rep->machine->managed << PAGE_SHIFT;
	cfg->swap.faults = (struct swap_faults){
		.seed = p->workload.seed,
		.write_eio = p->swap_faults,
		.write_enospc = p->swap_faults,
		.write_short = p->swap_faults,
		.read_eio = p->swap_faults,
		.read_corrupt = p->swap_faults,
	};
	return 0;
}

int rep_reclaim_start(struct rep *rep, char *err, size_t err_len)
{
	struct swap_params swap;
	struct reclaim_config cfg;

	if (!rep_wants_reclaim(rep) ||
	    (rep->binding->ops->features & PAGE_F_FLOOR))
		return 0;
	if (fill_config(rep, &cfg, &swap)) {
		snprintf(err, err_len, "swap=%.80s: expected a swap device",
			 rep->params->swap);
		return -EINVAL;
	}
	return reclaim_create(&rep->reclaim, rep->engine, &cfg, err, err_len);
}

void rep_reclaim_stop(struct rep *rep)
{
	enum reclaim_thread kind;
	struct page_ctx *ctx;
	const char *broken;

	if (!rep->reclaim)
		return;
	reclaim_stop(rep->reclaim);
	for (unsigned i = 0; (ctx = reclaim_thread_ctx(rep->reclaim, i, &kind));
	     i++)
		rep->events_dropped += ctx->events->dropped;
	broken = reclaim_verify(rep->reclaim);
	if (broken)
		rep_judge(rep, VERDICT_FAILED, "verify after the run: %.160s",
			  broken);
}

unsigned rep_nr_reclaim_rings(const struct rep *rep)
{
	enum reclaim_thread kind;
	unsigned nr = 0;

	while (rep->reclaim && reclaim_thread_ctx(rep->reclaim, nr, &kind))
		nr++;
	return nr;
}

const struct event_ring *rep_reclaim_ring(const struct rep *rep, unsigned i)
{
	enum reclaim_thread kind;

	return reclaim_thread_ctx(rep->reclaim, i, &kind)->events;
}

static void add_per_zone(json_t *o, const struct rep *rep, unsigned first)
{
	static const char *const zones[MAX_NR_ZONES] = {
		[ZONE_DMA] = "dma",         [ZONE_DMA32] = "dma32",
		[ZONE_NORMAL] = "normal",   [ZONE_HIGHMEM] = "high",
		[ZONE_MOVABLE] = "movable", [ZONE_DEVICE] = "device",
	};
	const struct vm_events *v = reclaim_vm_events(rep->reclaim);
	char name[64];

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		if (!rep->machine->zone_present[i])
			continue;
		snprintf(name, sizeof(name), "%s_%s", vm_event_name(first),
			 zones[i]);
		json_object_set_new(
			o, name,
			json_integer((json_int_t)vm_read(v, first + i)));
	}
}

static json_t *swap_json(const struct rep *rep)
{
	struct swap_stats s;
	json_t *failed;

	if (!reclaim_swap(rep->reclaim))
		return json_null();
	swap_stats(reclaim_swap(rep->reclaim), &s);
	failed = json_object();
	for (unsigned i = SWAP_FULL; i < NR_SWAP_STATUS; i++)
		json_object_set_new(failed,
				    swap_status_name((enum swap_status)i),
				    json_integer((json_int_t)s.failed[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o}", "slots",
			 (json_int_t)s.slots, "used", (json_int_t)s.used,
			 "pages_written", (json_int_t)s.written, "pages_read",
			 (json_int_t)s.read, "writes", (json_int_t)s.writes,
			 "reads", (json_int_t)s.reads, "direct", s.direct,
			 "failed", failed);
}

json_t *rep_reclaim_json(const struct rep *rep)
{
	const struct vm_events *v = reclaim_vm_events(rep->reclaim);
	struct reclaim_stalls stalls;
	json_t *vmstat = json_object();

	for (unsigned i = 0; i < VM_ALLOCSTALL; i++)
		json_object_set_new(vmstat, vm_event_name(i),
				    json_integer((json_int_t)vm_read(v, i)));
	add_per_zone(vmstat, rep, VM_ALLOCSTALL);
	add_per_zone(vmstat, rep, VM_PGSKIP);
	reclaim_stalls(rep->reclaim, &stalls);
	return json_pack("{s:b, s:o, s:{s:I, s:f, s:f}, s:o}", "kswapd",
			 rep->params->kswapd, "vmstat", vmstat, "stalls", "nr",
			 (json_int_t)stalls.nr, "total_ns",
			 clock_ns(&rep->clock, stalls.ticks), "max_ns",
			 clock_ns(&rep->clock, stalls.ticks_max), "swap",
			 swap_json(rep));
}

void rep_reclaim_look(const struct rep *rep, const struct zone *zone,
		      struct reclaim_look *out)
{
	const struct lru *lru;
	const struct vm_events *v;
	struct swap_stats s;

	*out = (struct reclaim_look){ .boost = zone_mark(zone, WMARK_MIN) -
					       zone->watermark[WMARK_MIN] };
	if (!rep->reclaim)
		return;
	lru = reclaim_lru(rep->reclaim);
	v = reclaim_vm_events(rep->reclaim);
	for (unsigned i = 0; i < NR_LRU_LISTS; i++)
		out->lru[i] = lru_zone_pages(lru, zone->id, i);
	out->pswpin = vm_read(v, VM_PSWPIN);
	out->pswpout = vm_read(v, VM_PSWPOUT);
	out->pgscan[0] = vm_read(v, VM_PGSCAN_KSWAPD);
	out->pgscan[1] = vm_read(v, VM_PGSCAN_DIRECT);
	out->pgsteal[0] = vm_read(v, VM_PGSTEAL_KSWAPD);
	out->pgsteal[1] = vm_read(v, VM_PGSTEAL_DIRECT);
	out->kswapd_awake = reclaim_kswapd_awake(rep->reclaim, zone->nid);
	if (!reclaim_swap(rep->reclaim))
		return;
	swap_stats(reclaim_swap(rep->reclaim), &s);
	out->swap_used = s.used;
}
