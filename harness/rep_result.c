/*
 * The files of a repetition: result.json, series.csv, events.csv and
 * latency.hlog. Their fields are described in results/README.md. Nothing is
 * written that was not measured: what is absent is null or left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/fragindex.h"
#include "harness/build_info.h"
#include "harness/env.h"
#include "harness/hlog.h"
#include "harness/outfile.h"
#include "harness/rep.h"
#include "harness/runfile.h"

/* Samples that must lie beyond a percentile before it is printed. */
#define BEYOND_MIN 10
/* Share of a window that the harness may take before a result is flagged. */
#define OUTSIDE_MAX 0.02

static double rate_window_ns(const struct rep *rep, enum rep_phase phase)
{
	const struct phase_window *w = &rep->window[phase];

	return clock_ns(&rep->clock, w->end - w->open);
}

static double loop_ns(const struct rep *rep, unsigned worker)
{
	const struct phase_count *c = &rep->thread[worker].phase[PHASE_RATE];

	return clock_ns(&rep->clock, c->end - c->begin);
}

static uint64_t sum_ops(const struct rep *rep)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < rep->team.nr; i++)
		sum += rep->thread[i].phase[PHASE_RATE].ops;
	return sum;
}

static uint64_t sum_failed(const struct rep *rep)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < rep->team.nr; i++)
		sum += rep->thread[i].phase[PHASE_RATE].failed;
	return sum;
}

/*
 * What of the workers' time in the window was not spent in a loop: late
 * starts, late ends, and the harness' own thread, all of whose time is taken
 * to be theirs.
 */
static double outside_loop_share(const struct rep *rep)
{
	const double window = rate_window_ns(rep, PHASE_RATE);
	double outside = (double)rep->window[PHASE_RATE].harness_cpu_ns;

	for (unsigned i = 0; i < rep->team.nr; i++)
		outside += window - loop_ns(rep, i);
	return outside / (window * rep->team.nr);
}

static void add_metric(json_t *list, const char *name, const char *unit,
		       const char *better, json_t *value)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name",
					      name, "unit", unit, "better",
					      better, "value", value));
}

static void add_sampled(json_t *list, const char *name, double ns, uint64_t n)
{
	json_array_append_new(list,
			      json_pack("{s:s, s:s, s:s, s:f, s:I}", "name",
					name, "unit", "ns", "better", "lower",
					"value", ns, "n", (json_int_t)n));
}

/* All workers' samples of one kind in ns; NULL: none, or no memory. */
static struct hist *merged_latency(const struct rep *rep, unsigned kind)
{
	struct hist_config cfg;
	struct hist *ticks, *ns;
	int r = 0;

	if (hist_config_init(&cfg, HIST_HIGHEST_DEFAULT))
		return NULL;
	ticks = hist_create(&cfg);
	ns = hist_create(&cfg);
	if (!ticks || !ns)
		r = -ENOMEM;
	for (unsigned i = 0; i < rep->team.nr && !r; i++)
		r = hist_add(ticks, rep->team.worker[i].lat[kind]);
	if (!r)
		r = hlog_ticks_to_ns(ns, ticks, 1e9 / rep->clock.tsc_hz);
	hist_destroy(ticks);
	if (!r && hist_count(ns))
		return ns;
	hist_destroy(ns);
	return NULL;
}

static void add_latency(json_t *list, const char *kind, const struct hist *h)
{
	static const struct {
		const char *name;
		double percent;
	} points[] = {
		{ "p50", 50 },     { "p90", 90 },       { "p99", 99 },
		{ "p99_9", 99.9 }, { "p99_99", 99.99 },
	};
	const uint64_t n = hist_count(h);
	char name[64];

	snprintf(name, sizeof(name), "lat_%s_mean", kind);
	add_sampled(list, name, hist_mean(h), n);
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		if ((double)n * (100 - points[i].percent) / 100 < BEYOND_MIN)
			continue;
		snprintf(name, sizeof(name), "lat_%s_%s", kind, points[i].name);
		add_sampled(list, name,
			    (double)hist_percentile(h, points[i].percent), n);
	}
	snprintf(name, sizeof(name), "lat_%s_max", kind);
	add_sampled(list, name, (double)h->max, n);
}

/* Means over the samples of the throughput window, all zones as one. */
struct fragmentation {
	double unusable9, extfrag9;
	unsigned looks, with_index;
};

static struct fragmentation fragmentation(const struct rep *rep)
{
	const struct samples *s = &rep->samples;
	const uint64_t end = rep->window[PHASE_RATE].end;
	struct fragmentation f = { 0, 0, 0, 0 };

	for (uint32_t i = 0; i < s->nr && s->slot[i].tsc <= end;) {
		const uint64_t at = s->slot[i].tsc;
		uint64_t nr_free[NR_PAGE_ORDERS] = { 0 };
		int index;

		for (; i < s->nr && s->slot[i].tsc == at; i++)
			for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
				nr_free[o] += s->slot[i].nr_free[o];
		index = frag_index(nr_free, 9);
		f.unusable9 += frag_unusable(nr_free, 9) / 1000.0;
		f.extfrag9 += index / 1000.0;
		f.looks++;
	}
	return f;
}

static void add_fragmentation(json_t *list, const struct rep *rep)
{
	const struct fragmentation f = fragmentation(rep);

	if (!f.looks)
		return;
	add_metric(list, "extfrag9", "index", "lower",
		   json_real(f.extfrag9 / f.looks));
	add_metric(list, "unusable9", "share", "lower",
		   json_real(f.unusable9 / f.looks));
}

static void add_machine(json_t *list, const struct rep *rep)
{
	add_metric(list, "boot_ms", "ms", "lower",
		   json_real(clock_ns(&rep->clock, rep->boot_ticks) / 1e6));
	add_metric(list, "rss_after_boot_kib", "KiB", "lower",
		   json_integer((json_int_t)rep->rss_after_boot_kib));
	add_metric(list, "peak_rss_kib", "KiB", "lower",
		   json_integer((json_int_t)rep->peak_rss_kib));
	if (rep->arena.populated)
		add_metric(
			list, "populate_ms", "ms", "lower",
			json_real(clock_ns(&rep->clock, rep->populate_ticks) /
				  1e6));
	if (rep_huge_frames(rep))
		add_metric(list, "frames_huge_share", "share", "higher",
			   rep->mapped.bytes
				   ? json_real((double)rep->mapped.huge /
					       (double)rep->mapped.bytes)
				   : json_null());
}

/* The rings of the workers, then those of the engine's own threads, then those
 * of kswapd and kcompactd. */
static unsigned rep_nr_rings(const struct rep *rep)
{
	return rep->team.nr + rep_nr_node_rings(rep) +
	       rep_nr_reclaim_rings(rep);
}

static const struct event_ring *rep_ring(const struct rep *rep, unsigned i)
{
	const unsigned nr_node = rep_nr_node_rings(rep);

	if (i < rep->team.nr)
		return &rep->thread[i].events;
	i -= rep->team.nr;
	return i < nr_node ? &rep->node_events[i]
			   : rep_reclaim_ring(rep, i - nr_node);
}

/* Of engines that defer frees: sums over the zones. */
static void add_limbo(json_t *list, const struct rep *rep)
{
	const struct zone_held *held = &rep->held_at_end;

	if (!(rep->binding->ops->features & PAGE_F_DEFERRED))
		return;
	add_metric(list, "limbo_max_pages", "pages", "lower",
		   json_integer((json_int_t)held->limbo_max));
	add_metric(list, "limbo_limit_pages", "pages", "none",
		   json_integer((json_int_t)held->limbo_limit));
	add_metric(list, "grace_periods", "periods", "none",
		   json_integer((json_int_t)held->grace_periods));
	add_metric(list, "merged_blocks", "blocks", "none",
		   json_integer((json_int_t)held->merged_blocks));
}

/* Share of what was asked for that was had, mean over the looks of the
 * throughput window. */
static double huge_rate_mean(const struct rep *rep)
{
	const struct samples *s = &rep->samples;
	uint64_t got = 0, looks = 0, at = 0;

	for (uint32_t i = 0; i < s->nr; i++) {
		if (s->slot[i].tsc > rep->window[PHASE_RATE].end)
			break;
		looks += s->slot[i].tsc != at;
		at = s->slot[i].tsc;
		got += s->slot[i].huge_got;
	}
	return looks ? (double)got / (double)looks / rep->params->huge_probe
		     : 0;
}

static void add_huge(json_t *list, const struct rep *rep)
{
	const double ask = rep->params->huge_probe;
	const struct huge_result *h = &rep->huge;

	if (!h->done)
		return;
	add_metric(list, "huge_asked", "blocks", "none", json_real(ask));
	add_metric(list, "huge_rate", "share", "higher",
		   json_real(huge_rate_mean(rep)));
	add_metric(list, "huge_rate_end", "share", "higher",
		   json_real(h->end / ask));
	add_metric(list, "huge_rate_drained", "share", "higher",
		   json_real(h->drained / ask));
	add_metric(list, "huge_listed", "blocks", "higher",
		   json_integer((json_int_t)h->listed));
	add_metric(list, "free_pages_end", "pages", "none",
		   json_integer((json_int_t)h->free_pages));
	add_metric(list, "cached_pages_end", "pages", "none",
		   json_integer((json_int_t)h->cached_pages));
	add_metric(list, "limbo_pages_end", "pages", "none",
		   json_integer((json_int_t)h->limbo_pages));
}

/* Takings of the zones' locks in the throughput window. */
static void add_zone_locks(json_t *list, const struct rep *rep)
{
	const struct phase_window *w = &rep->window[PHASE_RATE];
	const double taken =
		(double)(w->locks_after.taken - w->locks_before.taken);
	const double contended =
		(double)(w->locks_after.contended - w->locks_before.contended);
	const double wait_ns =
		clock_ns(&rep->clock, w->locks_after.wait_ticks -
					      w->locks_before.wait_ticks);
	const uint64_t ops = sum_ops(rep);

	if (rep->binding->ops->features & PAGE_F_FLOOR)
		return;
	add_metric(list, "zone_locks_per_op", "takings/op", "lower",
		   ops ? json_real(taken / (double)ops) : json_null());
	add_metric(list, "zone_lock_contended", "share", "lower",
		   taken > 0 ? json_real(contended / taken) : json_null());
	add_metric(list, "zone_lock_wait_ns", "ns", "lower",
		   contended > 0 ? json_real(wait_ns / contended)
				 : json_null());
	add_metric(list, "zone_lock_wait_share", "share", "lower",
		   json_real(wait_ns /
			     (rate_window_ns(rep, PHASE_RATE) * rep->team.nr)));
}

static void add_report(json_t *list, const struct workload_metric *m)
{
	char name[64];

	if (m->of_node)
		snprintf(name, sizeof(name), "%.40s_node%u", m->name,
			 m->of_node - 1u);
	else
		snprintf(name, sizeof(name), "%.60s", m->name);
	add_metric(list, name, m->unit, m->better, json_real(m->value));
}

static json_t *metrics_json(const struct rep *rep)
{
	static const char *const kinds[NR_LATENCIES] = { "alloc", "free",
							 "touch" };
	const double window = rate_window_ns(rep, PHASE_RATE);
	const uint64_t ops = sum_ops(rep);
	json_t *list = json_array();

	add_metric(list, "throughput", "ops/s", "higher",
		   json_real((double)ops * 1e9 / window));
	add_metric(list, "ns_per_op", "ns", "lower",
		   ops ? json_real(window * rep->team.nr / (double)ops)
		       : json_null());
	add_metric(list, "failed_ops", "ops", "lower",
		   json_integer((json_int_t)sum_failed(rep)));
	for (unsigned k = 0; k < NR_LATENCIES; k++) {
		struct hist *h = merged_latency(rep, k);

		if (h)
			add_latency(list, kinds[k], h);
		hist_destroy(h);
	}
	for (unsigned i = 0; i < rep->nr_report; i++)
		add_report(list, &rep->report[i]);
	numa_metrics(list, rep);
	add_zone_locks(list, rep);
	add_limbo(list, rep);
	add_fragmentation(list, rep);
	rep_slab_metrics(list, rep);
	add_huge(list, rep);
	add_machine(list, rep);
	add_metric(list, "outside_loop_share", "share", "lower",
		   json_real(outside_loop_share(rep)));
	add_metric(list, "attempts", "tries", "lower",
		   json_integer((json_int_t)rep->attempt + 1));
	return list;
}

static json_t *floors_json(const struct rep *rep)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < rep->nr_floors; i++) {
		const struct floor_result *f = &rep->floors[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o}", "name", f->name,
					"unit", f->unit, "value",
					f->available ? json_real(f->value)
						     : json_null(),
					"spread",
					f->available ? json_real(f->spread)
						     : json_null()));
	}
	return list;
}

static json_t *threads_json(const struct rep *rep)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < rep->team.nr; i++) {
		const struct rep_thread *t = &rep->thread[i];
		const struct phase_count *c = &t->phase[PHASE_RATE];

		json_t *o = json_pack(
			"{s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:f, "
			"s:I, s:I, s:I, s:I}",
			"index", (int)i, "cpu", (int)rep->host->os_cpu[t->cpu],
			"node", (int)rep->host->node_of_cpu[t->cpu],
			"model_cpu", (int)t->model_cpu, "model_node",
			(int)t->w->ctx->node, "ops", (json_int_t)c->ops,
			"failed", (json_int_t)c->failed, "loop_ns",
			loop_ns(rep, i), "samples_on_cpu",
			(json_int_t)t->samples_on_cpu, "samples_total",
			(json_int_t)t->samples_total, "vol_switches",
			(json_int_t)t->vol_switches, "invol_switches",
			(json_int_t)t->invol_switches);

		numa_thread_json(o, rep, i);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *proof_json(const struct rep *rep)
{
	return json_pack("{s:b, s:f, s:i, s:i, s:i, s:i, s:i, s:b, s:s, s:i, "
			 "s:I}",
			 "affinity", rep->affinity, "residency", rep->residency,
			 "nodes_bound", (int)rep->arena.nr_bound,
			 "frames_checked", (int)rep->frames.checked,
			 "frames_on_node", (int)rep->frames.on_node,
			 "descriptors_checked", (int)rep->descriptors.checked,
			 "descriptors_on_node", (int)rep->descriptors.on_node,
			 "drained", rep->drained, "verified", rep->verified,
			 "audit_blocks", (int)rep->audit_blocks,
			 "events_dropped", (json_int_t)rep->events_dropped);
}

static json_t *clock_json(const struct clock_info *c)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:i, s:i, s:b}", "tsc_hz",
			 c->tsc_hz, "cost_ns", c->cost_ns, "quantum_ns",
			 c->quantum_ns, "spread_ppm", c->spread_ppm, "windows",
			 (int)c->windows, "rejected", (int)c->rejected,
			 "invariant", c->invariant);
}

static json_t *noise_json(const struct noise *n, const char *reason)
{
	return json_pack("{s:o, s:o, s:I, s:f, s:s?}", "psi_cpu_some_us",
			 n->has_psi
				 ? json_integer((json_int_t)n->psi_cpu_some_us)
				 : json_null(),
			 "steal_ticks",
			 n->has_steal ? json_integer((json_int_t)n->steal_ticks)
				      : json_null(),
			 "invol_switches", (json_int_t)n->invol_switches,
			 "hiccup_max_ns", n->hiccup_max_ns, "noisy", reason);
}

static json_t *machine_json(const struct rep *rep)
{
	const struct machine *m = rep->machine;

	return json_pack("{s:i, s:i, s:I, s:I, s:b}", "nodes",
			 (int)m->desc.topo.nr_nodes, "cpus",
			 (int)m->desc.topo.nr_cpus, "managed_pages",
			 (json_int_t)m->managed, "min_free_kbytes",
			 (json_int_t)m->min_free_kbytes, "synthetic",
			 m->desc.topo.synthetic);
}

/* What the engine counted itself; NULL: nothing. */
static json_t *engine_counters_json(const struct rep *rep)
{
	const struct page_ops *ops = rep->binding->ops;
	struct engine_counter counter[64];
	json_t *o;
	unsigned nr;

	if (!ops->counters || !rep->engine)
		return NULL;
	o = json_object();
	nr = ops->counters(rep->engine, counter, ARRAY_SIZE(counter));
	for (unsigned i = 0; i < nr; i++)
		json_object_set_new(o, counter[i].name,
				    json_integer((json_int_t)counter[i].value));
	return o;
}

/* Sums of all workers over the whole process, as /proc/vmstat names them. */
static json_t *counters_json(const struct rep *rep)
{
	static const char *const zones[MAX_NR_ZONES] = {
		[ZONE_DMA] = "dma",         [ZONE_DMA32] = "dma32",
		[ZONE_NORMAL] = "normal",   [ZONE_HIGHMEM] = "high",
		[ZONE_MOVABLE] = "movable", [ZONE_DEVICE] = "device",
	};
	uint64_t alloc[MAX_NR_ZONES] = { 0 }, freed = 0, hit = 0, miss = 0,
		 foreign = 0, interleave = 0, local = 0, other = 0;
	const enum rep_phase last =
		rep->params->lat_runtime_ns ? PHASE_LATENCY : PHASE_RATE;
	const struct zone_lock_stats *locks = &rep->window[last].locks_after;
	uint64_t kind[EV_NR] = { 0 };
	json_t *o = json_object(), *events = json_object(), *engine;
	char name[32];

	for (unsigned i = 0; i < rep->team.nr; i++) {
		const struct rep_thread *t = &rep->thread[i];

		for (unsigned z = 0; z < rep->machine->nr_zones; z++) {
			const struct zone_counters *c = &t->counters[z];

			alloc[rep->machine->zone[z].idx] += c->pgalloc;
			freed += c->pgfree;
			hit += c->numa_hit;
			miss += c->numa_miss;
			foreign += c->numa_foreign;
			interleave += c->numa_interleave;
			local += c->numa_local;
			other += c->numa_other;
		}
	}
	for (unsigned i = 0; i < rep_nr_rings(rep); i++) {
		const struct event_ring *ring = rep_ring(rep, i);

		for (uint32_t e = 0; e < ring->used; e++)
			kind[ring->slot[e].kind] += ring->slot[e].n;
	}
	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		if (!rep->machine->zone_present[z])
			continue;
		snprintf(name, sizeof(name), "pgalloc_%s", zones[z]);
		json_object_set_new(o, name,
				    json_integer((json_int_t)alloc[z]));
	}
	json_object_set_new(o, "pgfree", json_integer((json_int_t)freed));
	json_object_set_new(o, "numa_hit", json_integer((json_int_t)hit));
	json_object_set_new(o, "numa_miss", json_integer((json_int_t)miss));
	json_object_set_new(o, "numa_foreign",
			    json_integer((json_int_t)foreign));
	json_object_set_new(o, "numa_interleave",
			    json_integer((json_int_t)interleave));
	json_object_set_new(o, "numa_local", json_integer((json_int_t)local));
	json_object_set_new(o, "numa_other", json_integer((json_int_t)other));
	json_object_set_new(o, "zone_lock_taken",
			    json_integer((json_int_t)locks->taken));
	json_object_set_new(o, "zone_lock_contended",
			    json_integer((json_int_t)locks->contended));
	for (unsigned k = 0; k < EV_NR; k++)
		json_object_set_new(events, event_name((enum event_kind)k),
				    json_integer((json_int_t)kind[k]));
	json_object_set_new(o, "events", events);
	engine = engine_counters_json(rep);
	if (engine)
		json_object_set_new(o, "engine", engine);
	return o;
}

static bool build_is_valid(void)
{
	return !build_info.check_level && !*build_info.sanitizer;
}

/* Two threads of the team on one core. */
static bool smt_shared(const struct rep *rep)
{
	for (unsigned i = 0; i < rep->team.nr; i++)
		if (rep->thread[i].shares_core)
			return true;
	return false;
}

static json_t *flags_json(const struct rep *rep)
{
	json_t *list = json_array();

	if (rep->machine->desc.topo.synthetic)
		json_array_append_new(list, json_string("synthetic"));
	if (env_emulated())
		json_array_append_new(list, json_string("emulated"));
	if (rep->noisy) {
		json_array_append_new(list, json_string("noisy"));
		json_array_append_new(list,
				      json_sprintf("noisy:%s", rep->noisy));
	}
	if (rep->team.nr > rep->host->nr_cpus)
		json_array_append_new(list, json_string("oversubscribed"));
	if (smt_shared(rep))
		json_array_append_new(list, json_string("smt"));
	/* a library's is called, whatever this build does with engines */
	if (!strcmp(build_info.hot, "call") || rep_slab_foreign(rep))
		json_array_append_new(list, json_string("call"));
	if (build_info.check_level)
		json_array_append_new(list, json_string("checked"));
	if (*build_info.sanitizer)
		json_array_append_new(list, json_string("sanitizer"));
	if (rep->profiler.command >= 0)
		json_array_append_new(list, json_string("profiled"));
	if (outside_loop_share(rep) > OUTSIDE_MAX)
		json_array_append_new(list, json_string("outside_loop"));
	return list;
}

static json_t *result_json(const struct rep *rep)
{
	json_t *root = json_object();
	const unsigned uses = rep->bound->workload->uses;

	json_object_set_new(root, "schema", json_integer(1));
	json_object_set_new(root, "run", json_string(rep->run_id));
	json_object_set_new(root, "cell", json_string(rep->cell_id));
	json_object_set_new(root, "rep", json_integer(rep->index));
	json_object_set_new(root, "engine", json_string(rep_engine_name(rep)));
	json_object_set_new(root, "workload",
			    json_string(rep->bound->workload->name));
	json_object_set_new(root, "machine",
			    json_string(rep->machine->desc.name));
	json_object_set_new(root, "threads", json_integer(rep->team.nr));
	json_object_set_new(root, "order",
			    uses & USES_ORDER
				    ? json_integer(rep->params->workload.order)
				    : json_null());
	json_object_set_new(root, "params", json_incref(rep->params_json));
	json_object_set_new(root, "valid", json_boolean(build_is_valid()));
	json_object_set_new(root, "flags", flags_json(rep));
	json_object_set_new(root, "metrics", metrics_json(rep));
	json_object_set_new(root, "floors", floors_json(rep));
	json_object_set_new(root, "threads_detail", threads_json(rep));
	json_object_set_new(root, "proof", proof_json(rep));
	json_object_set_new(root, "clock", clock_json(&rep->clock));
	json_object_set_new(root, "noise", noise_json(&rep->noise, rep->noisy));
	json_object_set_new(root, "machine_detail", machine_json(rep));
	json_object_set_new(root, "counters", counters_json(rep));
	json_object_set_new(root, "nodes_detail", numa_nodes_json(rep));
	if (rep->slab_json)
		json_object_set(root, "slab", rep->slab_json);
	if (rep->reclaim)
		json_object_set_new(root, "reclaim", rep_reclaim_json(rep));
	return root;
}

static int write_result(const struct rep *rep, char *err, size_t err_len)
{
	json_t *root = result_json(rep);
	int r = outfile_json(rep->dir, "result.json", root, err, err_len);

	json_decref(root);
	return r;
}

int64_t rep_since_gate(const struct rep *rep, uint64_t tsc)
{
	const uint64_t open = rep->window[PHASE_RATE].open;

	if (tsc >= open)
		return (int64_t)clock_ns(&rep->clock, tsc - open);
	return -(int64_t)clock_ns(&rep->clock, open - tsc);
}

/* The marks as they are in force, and what reclaim has. */
static void reclaim_fields(FILE *f, const struct zone *zone,
			   const struct reclaim_look *r)
{
	for (unsigned mark = WMARK_MIN; mark <= WMARK_HIGH; mark++)
		fprintf(f, ",%ld", zone->watermark[mark] + r->boost);
	fprintf(f, ",%ld", r->boost);
	for (unsigned i = 0; i < NR_LRU_LISTS; i++)
		fprintf(f, ",%ld", r->lru[i]);
	fprintf(f, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%d", r->swap_used,
		r->pswpin, r->pswpout, r->kswapd_awake);
	for (unsigned i = 0; i < ARRAY_SIZE(r->pgscan); i++)
		fprintf(f, ",%" PRIu64 ",%" PRIu64, r->pgscan[i],
			r->pgsteal[i]);
}

static void slab_fields(FILE *f, const struct rep *rep,
			const struct slab_look *slab)
{
	if (rep->slab_json)
		fprintf(f, ",%" PRIu64, slab->held);
	else
		fputc(',', f);
	if (slab->live)
		fprintf(f, ",%" PRIu64 "\n", slab->live);
	else
		fputs(",\n", f);
}

static void series_text(FILE *f, const struct rep *rep)
{
	fprintf(f, "t_ns,node,zone,free_pages,o0,o1,o2,o3,o4,o5,o6,o7,o8,o9,"
		   "o10,extfrag9,unusable9,cached_pages,limbo_pages,"
		   "grace_periods,merged_blocks,huge_got,min,low,high,boost,"
		   "inactive_anon,active_anon,inactive_file,active_file,"
		   "unevictable,swap_used,pswpin,pswpout,kswapd_awake,"
		   "pgscan_kswapd,pgsteal_kswapd,pgscan_direct,pgsteal_direct,"
		   "blocks_unmovable,blocks_movable,blocks_reclaimable,"
		   "blocks_highatomic,blocks_cma,blocks_isolate,"
		   "slab_bytes,slab_live_bytes\n");
	for (uint32_t i = 0; i < rep->samples.nr; i++) {
		const struct sample *s = &rep->samples.slot[i];
		const struct zone *zone = &rep->machine->zone[s->zone];
		int index = frag_index(s->nr_free, 9);

		fprintf(f, "%" PRId64 ",%u,%s,%" PRIu64,
			rep_since_gate(rep, s->tsc), zone->nid, zone->name,
			s->free_pages);
		for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
			fprintf(f, ",%" PRIu64, s->nr_free[o]);
		fprintf(f,
			",%.3f,%.3f,%" PRIu64 ",%" PRIu64 ",%" PRIu64
			",%" PRIu64,
			index / 1000.0, frag_unusable(s->nr_free, 9) / 1000.0,
			s->held.cached_pages, s->held.limbo_pages,
			s->held.grace_periods, s->held.merged_blocks);
		if (rep->huge.done)
			fprintf(f, ",%u", s->huge_got);
		else
			fputc(',', f);
		reclaim_fields(f, zone, &s->reclaim);
		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++)
			fprintf(f, ",%u", s->blocks[mt]);
		slab_fields(f, rep, &s->slab);
	}
}

static void events_text(FILE *f, const struct rep *rep)
{
	fprintf(f, "t_ns,event,cpu,node,zone,order,arg,n,last_ns\n");
	for (unsigned i = 0; i < rep_nr_rings(rep); i++) {
		const struct event_ring *ring = rep_ring(rep, i);

		for (uint32_t e = 0; e < ring->used; e++) {
			const struct event *ev = &ring->slot[e];
			const struct zone *zone = &rep->machine->zone[ev->zone];

			fprintf(f,
				"%" PRId64 ",%s,%u,%u,%s,%u,%" PRIu64
				",%" PRIu32 ",%" PRId64 "\n",
				rep_since_gate(rep, ev->tsc),
				event_name((enum event_kind)ev->kind), ev->cpu,
				zone->nid, zone->name, ev->order, ev->arg,
				ev->n, rep_since_gate(rep, ev->last));
		}
	}
}

static int write_text(const struct rep *rep, const char *name,
		      void (*text)(FILE *f, const struct rep *rep), char *err,
		      size_t err_len)
{
	struct outfile out;
	int r = outfile_open(&out, rep->dir, name, err, err_len);

	if (r)
		return r;
	text(out.f, rep);
	return outfile_close(&out, err, err_len);
}

static int write_latency(const struct rep *rep, char *err, size_t err_len)
{
	static const char *const tags[NR_LATENCIES] = { "alloc", "free",
							"touch" };
	struct hlog_entry entry[NR_LATENCIES];
	struct hlog log = { .entry = entry };
	struct timespec now;
	char path[PATH_MAX];
	double length = rate_window_ns(rep, PHASE_LATENCY) / 1e9;
	int r;

	clock_gettime(CLOCK_REALTIME, &now);
	log.start_unix_s =
		(double)now.tv_sec + (double)now.tv_nsec / 1e9 - length;
	for (unsigned k = 0; k < NR_LATENCIES; k++) {
		struct hlog_entry *e = &entry[log.nr];

		*e = (struct hlog_entry){ .length_s = length,
					  .hist = merged_latency(rep, k) };
		strcpy(e->tag, tags[k]);
		log.nr += !!e->hist;
	}
	snprintf(path, sizeof(path), "%s/latency.hlog", rep->dir);
	r = log.nr ? hlog_write(path, &log) : 0;
	if (r)
		snprintf(err, err_len, "%s: %s", path, strerror(-r));
	for (unsigned i = 0; i < log.nr; i++)
		hist_destroy(entry[i].hist);
	return r;
}

int rep_write(struct rep *rep, char *err, size_t err_len)
{
	int r = write_text(rep, "series.csv", series_text, err, err_len);

	if (!r && numa_counts(rep))
		r = write_text(rep, "numa.csv", numa_text, err, err_len);
	if (!r)
		r = write_text(rep, "events.csv", events_text, err, err_len);
	if (!r && rep_has_timeline(rep))
		r = write_text(rep, "latency.csv", rep_timeline_text, err,
			       err_len);
	if (!r && rep->params->lat_runtime_ns)
		r = write_latency(rep, err, err_len);
	if (!r)
		r = write_result(rep, err, err_len);
	return r;
}
