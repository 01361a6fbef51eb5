/*
 * The slab half of a repetition: an allocator over the cell's page engine, a
 * context of it for each thread, and what its caches counted.
 *
 * It comes down before the machine is proved whole, so a slab that was not
 * given back shows as missing pages there too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/rep.h"

static void set_config(const struct rep *rep, struct slab_config *cfg)
{
	const struct job_params *p = rep->params;

	slab_config_init(cfg, rep->desc);
	cfg->slub_fast = p->slub_fast;
	cfg->hardened = p->hardened;
	cfg->random = p->freelist_random;
	cfg->slub_min_objects = p->slub_min_objects;
	cfg->slub_min_order = p->slub_min_order;
	cfg->slub_max_order = p->slub_max_order;
	cfg->seed = p->workload.seed;
}

/* The cache of the cell, where its workload looks at size, align and flags. */
static int create_cache(struct rep *rep)
{
	const struct workload_params *p = &rep->params->workload;
	const struct kmem_cache_args args = {
		.name = "zonebench",
		.size = p->size,
		.align = p->align,
		.flags = p->cache_flags | SLAB_NO_MERGE,
		.sheaf_capacity = rep->params->sheaf_capacity,
	};
	int r = 0;

	if (rep->bound->workload->uses & USES_SIZE)
		rep->team.cache = kmem_cache_create(&rep->slab_ctx, &args, &r);
	return r;
}

int rep_slab_start(struct rep *rep, char *err, size_t err_len)
{
	struct slab_config cfg;
	int r;

	if (!rep->slab_binding)
		return 0;
	rep->slab_rss = rep_resident();
	set_config(rep, &cfg);
	r = slab_allocator_create(&rep->slab, rep->slab_binding->ops, &rep->ctx,
				  &cfg);
	if (r) {
		rep->slab = NULL;
	} else {
		r = slab_ctx_enter(&rep->slab_ctx, rep->slab, &rep->ctx);
		if (r) {
			slab_allocator_destroy(rep->slab, &rep->ctx);
			rep->slab = NULL;
		}
	}
	if (!r)
		r = create_cache(rep);
	if (r)
		snprintf(err, err_len, "engine %s: %s", rep_engine_name(rep),
			 strerror(-r));
	return r;
}

int rep_slab_enter(struct rep_thread *t)
{
	int r;

	if (!t->rep->slab)
		return 0;
	r = slab_ctx_enter(&t->slab_ctx, t->rep->slab, t->w->ctx);
	if (!r)
		t->w->slab = &t->slab_ctx;
	return r;
}

void rep_slab_leave(struct rep_thread *t)
{
	if (t->w->slab)
		slab_ctx_exit(&t->slab_ctx);
	t->w->slab = NULL;
}

/* ---- while it runs ------------------------------------------------------ */

void rep_slab_look(struct rep *rep, uint64_t now, struct slab_look *out)
{
	const struct slab_ops *ops =
		rep->slab_binding ? rep->slab_binding->ops : NULL;
	uint64_t own = rep->slab_rss, resident;

	*out = (struct slab_look){ 0 };
	if (!rep->slab)
		return;
	for (unsigned i = 0; i < rep->team.nr; i++) {
		const struct worker *w = &rep->team.worker[i];

		own += w->own_bytes;
		/* relaxed: a statistic */
		out->live +=
			atomic_load_explicit(&((struct worker *)w)->live_bytes,
					     memory_order_relaxed);
	}
	out->held = slab_pages_in_use(rep->slab) << PAGE_SHIFT;
	if (ops->features & SLAB_F_FOREIGN) {
		resident = rep_resident();
		out->held = resident > own ? resident - own : 0;
	}
	if (ops->tick && rep_since_gate(rep, now) >= 0)
		ops->tick(&rep->slab_ctx,
			  (unsigned)(rep_since_gate(rep, now) / 1000000000));
}

/* ---- what is told about it ---------------------------------------------- */

/* Lines of `name value`; values that are no numbers stay text, and so do flags
 * as kernel logs print them: hexadecimal, whatever digits they have. */
static void add_attributes(json_t *o, char *text)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *value = strchr(line, ' ');
		char *end;
		long long n;

		if (!value)
			continue;
		*value++ = 0;
		n = strtoll(value, &end, 10);
		json_object_set_new(o, line,
				    *value && !*end && strcmp(line, "cflags")
					    ? json_integer((json_int_t)n)
					    : json_string(value));
	}
}

static json_t *cache_json(struct rep *rep, struct kmem_cache *s)
{
	const struct slab_ops *ops = s->slab->ops;
	json_t *o = json_object(), *counters = json_object();
	struct slabinfo_row row = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *f = ops->attributes ? open_memstream(&text, &len) : NULL;

	if (f) {
		ops->attributes(s, f);
		fclose(f);
		add_attributes(o, text);
		free(text);
	}
	ops->info(s, &row);
	json_object_set_new(o, "active_objs",
			    json_integer((json_int_t)row.active_objs));
	json_object_set_new(o, "num_objs",
			    json_integer((json_int_t)row.num_objs));
	json_object_set_new(o, "num_slabs",
			    json_integer((json_int_t)row.num_slabs));
	for (unsigned c = 0; c < NR_SLAB_COUNTERS; c++) {
		uint64_t n = slab_counter_sum(s, (enum slab_counter)c);

		rep->slab_total[c] += n;
		if (n)
			json_object_set_new(
				counters,
				slab_counter_name((enum slab_counter)c),
				json_integer((json_int_t)n));
	}
	json_object_set_new(o, "counters", counters);
	return o;
}

/* Caches that counted anything. */
static json_t *caches_json(struct rep *rep)
{
	struct slab_allocator *slab = rep->slab;
	json_t *all = json_object();

	for (unsigned id = 0; id < SLAB_MAX_CACHES; id++) {
		struct kmem_cache *s = slab->cache[id];
		json_t *one = s ? cache_json(rep, s) : NULL;

		if (one &&
		    (json_object_size(json_object_get(one, "counters")) ||
		     !strcmp(s->name, "zonebench")))
			json_object_set(all, s->name, one);
		json_decref(one);
	}
	return all;
}

static void add(json_t *list, const char *name, const char *unit,
		const char *better, double value)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:f}", "name",
					      name, "unit", unit, "better",
					      better, "value", value));
}

/* Means over the looks of the window at which something was live. */
static void add_utilisation(json_t *list, const struct rep *rep)
{
	const struct samples *all = &rep->samples;
	const struct phase_window *w = &rep->window[PHASE_RATE];
	double share = 0, most = 0;
	unsigned n = 0;

	for (uint32_t i = 0; i < all->nr; i++) {
		const struct sample *s = &all->slot[i];

		if (s->tsc < w->open || s->tsc > w->end || !s->slab.held)
			continue;
		most = (double)s->slab.held > most ? (double)s->slab.held
						   : most;
		if (!s->slab.live)
			continue;
		share += (double)s->slab.live / (double)s->slab.held;
		n++;
	}
	if (n)
		add(list, "slab_utilisation", "share", "higher", share / n);
	if (most > 0)
		add(list, "slab_bytes_max", "bytes", "lower", most);
	if (rep->slab_padding >= 0)
		add(list, "internal_fragmentation", "share", "lower",
		    rep->slab_padding);
}

/* Which way allocations and frees went: each is on one of these. An object
 * that came straight from a named node's slabs came from a partial one, but for
 * the first of a new slab, which counts as both. */
static void add_paths(json_t *list, const struct rep *rep)
{
	const uint64_t *n = rep->slab_total;
	const double fast = (double)(n[ALLOC_FASTPATH] + n[ALLOC_CPU_SHEAF]);
	const double fresh = (double)n[ALLOC_SLAB];
	const double partial = (double)(n[ALLOC_FROM_PARTIAL] +
					n[CPU_PARTIAL_ALLOC] + n[NODE_ALLOC]);
	const double slow = (double)n[ALLOC_SLOWPATH];
	const double other =
		slow > fresh + partial ? slow - fresh - partial : 0;
	const double allocs = fast + fresh + partial + other;
	const double frees = (double)(n[FREE_FASTPATH] + n[FREE_SLOWPATH] +
				      n[FREE_CPU_SHEAF]);

	if (allocs > 0) {
		add(list, "path_alloc_fast", "share", "higher", fast / allocs);
		add(list, "path_alloc_slow", "share", "lower", other / allocs);
		add(list, "path_alloc_partial", "share", "lower",
		    partial / allocs);
		add(list, "path_alloc_new_slab", "share", "lower",
		    fresh / allocs);
	}
	if (frees > 0) {
		add(list, "path_free_slow", "share", "lower",
		    (double)n[FREE_SLOWPATH] / frees);
		add(list, "path_free_remote", "share", "none",
		    (double)n[REMOTE_FREE] / frees);
	}
}

void rep_slab_metrics(json_t *list, const struct rep *rep)
{
	if (!rep->slab_json ||
	    (rep->slab_binding->ops->features & SLAB_F_FLOOR))
		return;
	add_utilisation(list, rep);
	if (!(rep->slab_binding->ops->features & SLAB_F_FOREIGN))
		add_paths(list, rep);
}

void rep_slab_count(struct rep *rep)
{
	if (!rep->slab)
		return;
	slab_settle(&rep->slab_ctx);
	rep->slab_padding = -1;
	if (rep->team.cache)
		rep->slab_padding = 1 - (double)rep->params->workload.size /
						rep->team.cache->size;
	rep->slab_json = caches_json(rep);
}

void rep_slab_finish(struct rep *rep)
{
	const char *broken;
	unsigned busy;

	if (!rep->slab)
		return;
	broken = slab_verify(rep->slab);
	if (broken)
		rep_judge(rep, VERDICT_FAILED, "verify slabs: %.160s", broken);
	slab_ctx_exit(&rep->slab_ctx);
	busy = slab_allocator_destroy(rep->slab, &rep->ctx);
	rep->slab = NULL;
	if (busy)
		rep_judge(rep, VERDICT_FAILED,
			  "%u caches still had objects at the end", busy);
}
