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

/* ---- what is told about it ---------------------------------------------- */

/* Lines of `name value`; values that are no numbers stay text. */
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
				    *value && !*end
					    ? json_integer((json_int_t)n)
					    : json_string(value));
	}
}

static json_t *cache_json(struct kmem_cache *s)
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
static json_t *caches_json(struct slab_allocator *slab)
{
	json_t *all = json_object();

	for (unsigned id = 0; id < SLAB_MAX_CACHES; id++) {
		struct kmem_cache *s = slab->cache[id];
		json_t *one = s ? cache_json(s) : NULL;

		if (one &&
		    (json_object_size(json_object_get(one, "counters")) ||
		     !strcmp(s->name, "zonebench")))
			json_object_set(all, s->name, one);
		json_decref(one);
	}
	return all;
}

void rep_slab_finish(struct rep *rep)
{
	const char *broken;
	unsigned busy;

	if (!rep->slab)
		return;
	rep->slab_json = caches_json(rep->slab);
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
