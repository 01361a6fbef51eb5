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

bool rep_slab_foreign(const struct rep *rep)
{
	return rep->slab_binding &&
	       (rep->slab_binding->ops->features & SLAB_F_FOREIGN);
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

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Adds a cache's allocations, each to one class: hits are those that missed
 * nothing; a miss took a new slab if there are as many, else partial ones, else
 * it refilled what the CPU has. Without sheaves misses are slow paths. With
 * them they are turns to the barn; what SLUB counts below is the refills'
 * doing, but for objects that no refill asked for.
 */
static void add_cache_paths(struct slab_paths *p, const uint64_t *n)
{
	const uint64_t slub = n[ALLOC_FASTPATH] + n[ALLOC_SLOWPATH];
	const uint64_t direct =
		slub > n[SHEAF_REFILL] ? slub - n[SHEAF_REFILL] : 0;
	const uint64_t allocs = n[ALLOC_CPU_SHEAF] + n[NODE_ALLOC] + direct;
	uint64_t misses = n[BARN_GET] + n[BARN_GET_FAIL] + n[NODE_ALLOC];
	uint64_t fresh, partial;

	if (!n[SHEAF_REFILL])
		misses += n[ALLOC_SLOWPATH];
	misses = least(misses, allocs);
	fresh = least(n[ALLOC_SLAB], misses);
	partial = least(n[ALLOC_FROM_PARTIAL] + n[CPU_PARTIAL_ALLOC] +
				n[NODE_ALLOC],
			misses - fresh);
	p->fast += allocs - misses;
	p->fresh += fresh;
	p->partial += partial;
	p->slow += misses - fresh - partial;
}

/* The same of its frees: a sheaf's misses are its turns to the barn and what
 * passes it by, and what SLUB counts then is slabs. At most that many were
 * slow: an object that passes by after the barn had no room counts twice. */
static void add_cache_frees(struct slab_paths *p, const uint64_t *n)
{
	const uint64_t past = n[FREE_PAST_SHEAF];
	const uint64_t sheaf = n[FREE_CPU_SHEAF] + n[FREE_RCU_SHEAF] + past;
	const uint64_t frees =
		sheaf ? sheaf : n[FREE_FASTPATH] + n[FREE_SLOWPATH];
	const uint64_t slow = sheaf ? n[BARN_PUT] + n[BARN_PUT_FAIL] + past
				    : n[FREE_SLOWPATH];

	p->frees += frees;
	p->free_slow += least(slow, frees);
	p->free_remote += least(n[REMOTE_FREE], frees);
}

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
	uint64_t n[NR_SLAB_COUNTERS];
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
		n[c] = slab_counter_sum(s, (enum slab_counter)c);
		if (n[c])
			json_object_set_new(
				counters,
				slab_counter_name((enum slab_counter)c),
				json_integer((json_int_t)n[c]));
	}
	add_cache_paths(&rep->slab_paths, n);
	add_cache_frees(&rep->slab_paths, n);
	json_object_set_new(o, "counters", counters);
	return o;
}

/* Caches that counted anything. */
static json_t *caches_json(struct rep *rep)
{
	struct slab_allocator *slab = rep->slab;
	json_t *all = json_object();

	rep->slab_paths = (struct slab_paths){ 0 };
	add_cache_paths(&rep->slab_paths, slab->gone);
	add_cache_frees(&rep->slab_paths, slab->gone);
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

static void add_paths(json_t *list, const struct rep *rep)
{
	const struct slab_paths *p = &rep->slab_paths;
	const double allocs =
		(double)(p->fast + p->slow + p->partial + p->fresh);
	const double frees = (double)p->frees;

	if (allocs > 0) {
		add(list, "path_alloc_fast", "share", "higher",
		    (double)p->fast / allocs);
		add(list, "path_alloc_slow", "share", "lower",
		    (double)p->slow / allocs);
		add(list, "path_alloc_partial", "share", "lower",
		    (double)p->partial / allocs);
		add(list, "path_alloc_new_slab", "share", "lower",
		    (double)p->fresh / allocs);
	}
	if (frees > 0) {
		add(list, "path_free_slow", "share", "lower",
		    (double)p->free_slow / frees);
		add(list, "path_free_remote", "share", "none",
		    (double)p->free_remote / frees);
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

/* Share of an object's place that the object leaves. What a library's place is
 * only the library knows; -1: it has none to give. */
static double padding_of(struct rep *rep)
{
	struct kmem_cache *s = rep->team.cache;
	const struct slab_ops *ops = s->slab->ops;
	const double size = rep->params->workload.size;
	double place = s->size;
	void *object;

	if (ops->features & SLAB_F_FOREIGN) {
		object = kmem_cache_alloc(&rep->slab_ctx, s, GFP_KERNEL);
		if (!object)
			return -1;
		place = (double)ops->ksize(&rep->slab_ctx, object);
		kmem_cache_free(&rep->slab_ctx, s, object);
	}
	return place > 0 ? 1 - size / place : -1;
}

void rep_slab_count(struct rep *rep)
{
	if (!rep->slab)
		return;
	slab_settle(&rep->slab_ctx);
	rep->slab_padding = -1;
	if (rep->team.cache)
		rep->slab_padding = padding_of(rep);
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
