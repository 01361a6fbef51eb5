/*
 * `zonebench show cache engine=slub cpus=4 size=104 ...`: the attributes of
 * such a cache on such a machine, one `name value` a line; the names are those
 * of /sys/kernel/slab, for engine=slab those of kernel logs. Nothing is
 * allocated: it is arithmetic. Where no key names a machine it is one of one
 * CPU and 1 GiB with the rules of 6.1, so that the answer is the same on each
 * host.
 *
 * `zonebench show slabinfo engine=slub ...`: /proc/slabinfo of an allocator
 * that was just made, over the page engine pcp.
 */
#include "harness/show_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/slab/kmem_cache.h"
#include "alloc/slab/slabinfo.h"
#include "harness/arena.h"
#include "harness/bind.h"
#include "harness/command.h"
#include "harness/job.h"
#include "harness/machine_params.h"

#define DEFAULT_BYTES (1ULL << 30)

struct request {
	struct job_params *params;
	struct machine_desc *desc;
	const struct slab_binding *binding;
	struct slab_config config;
};

static void request_drop(struct request *rq)
{
	free(rq->params);
	free(rq->desc);
}

static bool names_engine(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "engine=", 7))
			return true;
	return false;
}

static int find_engine(struct request *rq, bool named, char *err,
		       size_t err_len)
{
	const char *name = named ? rq->params->engine : "slub";

	rq->binding = slab_binding_find(name);
	if (rq->binding && !(rq->binding->ops->features & SLAB_F_FLOOR) &&
	    rq->binding->ops->attributes)
		return 0;
	snprintf(err, err_len,
		 "command line: engine=%.64s: expected a slab engine with "
		 "caches, see zonebench list engines",
		 name);
	return -EINVAL;
}

/* What no key says is not asked of the host. */
static void fill_machine(struct machine_params *p)
{
	if (*p->machine || p->nr_node_sections || *p->state)
		return;
	if (!p->mem)
		p->mem = DEFAULT_BYTES;
	if (!p->cpus)
		p->cpus = p->nodes ? p->nodes : 1;
}

static int config_read(struct request *rq, char *err, size_t err_len)
{
	const struct job_params *p = rq->params;
	struct slab_config *cfg = &rq->config;

	slab_config_init(cfg, rq->desc);
	cfg->slub_min_objects = p->slub_min_objects;
	cfg->slub_min_order = p->slub_min_order;
	cfg->slub_max_order = p->slub_max_order;
	if (p->nr_possible && p->nr_possible < cfg->nr_cpus) {
		snprintf(err, err_len,
			 "command line: nr_possible=%u: expected at least the "
			 "%u CPUs that are there",
			 p->nr_possible, cfg->nr_cpus);
		return -EINVAL;
	}
	if (p->nr_possible)
		cfg->nr_possible = p->nr_possible;
	return 0;
}

/* The caller drops it in any case. 0, -ENOMEM or -EINVAL with a line in err. */
static int request_read(struct request *rq, int argc, char **argv, unsigned at,
			char *err, size_t err_len)
{
	int r;

	rq->params = malloc(sizeof(*rq->params));
	rq->desc = malloc(sizeof(*rq->desc));
	if (!rq->params || !rq->desc) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	r = job_cache_args(argc, argv, at, rq->params, err, err_len);
	if (!r)
		r = find_engine(rq, names_engine(argc, argv), err, err_len);
	if (r)
		return r;
	fill_machine(&rq->params->machine);
	r = machine_params_resolve(&rq->params->machine, rq->desc, err,
				   err_len);
	return r ? r : config_read(rq, err, err_len);
}

/* For a cache that only counts as one with a constructor. */
static void construct_nothing(void *object)
{
	(void)object;
}

/* Why there is no such cache. */
static int refuse_cache(const struct request *rq, int r, char *err,
			size_t err_len)
{
	const struct workload_params *w = &rq->params->workload;

	if (rq->params->cache_usersize > w->size)
		snprintf(err, err_len,
			 "command line: usersize=%u: expected at most the %u "
			 "bytes of size",
			 rq->params->cache_usersize, w->size);
	else if (r == -E2BIG)
		snprintf(err, err_len,
			 "command line: size=%u: expected an object that a "
			 "slab of %lu bytes holds, with align and flags",
			 w->size, PAGE_SIZE << MAX_PAGE_ORDER);
	else
		snprintf(err, err_len,
			 "command line: size=%u: expected size, align and "
			 "flags that engine %s has: %s",
			 w->size, rq->binding->ops->name, strerror(-r));
	return r;
}

/* Only SLUB's attributes say where it lays guards and tracks; the others' names
 * would stand beside a layout that no kernel of theirs has. */
static int check_flags(const struct request *rq, char *err, size_t err_len)
{
	const struct slab_ops *ops = rq->binding->ops;
	const uint32_t flags = rq->params->workload.cache_flags;
	char text[256];

	if (!(flags & SLAB_DEBUG_FLAGS) ||
	    !(ops->features & (SLAB_F_KMALLOC32 | SLAB_F_NO_OWNER)))
		return 0;
	snprintf(
		err, err_len,
		"command line: flags=%s: expected no debug flags for engine=%s",
		slab_flags_format(flags, text, sizeof(text)), ops->name);
	return -EINVAL;
}

static int print_cache(const struct request *rq, char *err, size_t err_len)
{
	const struct slab_ops *ops = rq->binding->ops;
	const struct workload_params *w = &rq->params->workload;
	const size_t bytes = round_up_pow2(ops->cache_bytes, CACHELINE_SIZE);
	const struct kmem_cache_args args = {
		.name = "cache",
		.size = w->size,
		.align = w->align,
		.flags = w->cache_flags,
		.usersize = rq->params->cache_usersize,
		.sheaf_capacity = rq->params->sheaf_capacity,
		.ctor = rq->params->cache_ctor ? construct_nothing : NULL,
	};
	struct kmem_cache *s = aligned_alloc(CACHELINE_SIZE, bytes);
	int r;

	if (!s) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	memset(s, 0, bytes);
	r = kmem_cache_describe(s, ops, &rq->config, &args);
	if (r)
		refuse_cache(rq, r, err, err_len);
	else
		ops->attributes(s, stdout);
	free(s);
	return r;
}

static int finish(struct request *rq, int r, char *err, size_t err_len)
{
	request_drop(rq);
	if (!r && (fflush(stdout) || ferror(stdout))) {
		snprintf(err, err_len, "standard output: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (r == -ENOMEM)
		return EXIT_FAILED;
	return r ? EXIT_USAGE : EXIT_OK;
}

int show_cache(int argc, char **argv, char *err, size_t err_len)
{
	struct request rq = { .params = NULL };
	int r = request_read(&rq, argc, argv, AT_CACHES | AT_CACHE, err,
			     err_len);

	if (!r)
		r = check_flags(&rq, err, err_len);
	if (!r)
		r = print_cache(&rq, err, err_len);
	return finish(&rq, r, err, err_len);
}

/* ---- slabinfo ---------------------------------------------------------------
 */

/* A machine with memory, a page engine, an allocator. */
struct stage {
	struct arena arena;
	struct machine *m;
	struct page_engine *e;
	struct page_ctx pages;
	bool entered;
	struct zone_counters *counters;
	struct slab_allocator *slab;
};

static int stage_make(struct stage *st, const struct request *rq, char *err,
		      size_t err_len)
{
	const struct page_ops *pages = page_binding_find("pcp")->ops;
	int r = arena_map(&st->arena, rq->desc, err, err_len);

	if (!r)
		r = machine_create(&st->m, rq->desc, &st->arena.memory, err,
				   err_len);
	if (r)
		return r;
	machine_boot(st->m);
	st->counters = calloc(st->m->nr_zones, sizeof(*st->counters));
	r = st->counters ? pages->create(&st->e, st->m) : -ENOMEM;
	if (!r)
		r = page_ctx_enter(&st->pages, st->e, 0, st->counters, NULL);
	st->entered = !r;
	if (!r)
		r = slab_allocator_create(&st->slab, rq->binding->ops,
					  &st->pages, &rq->config);
	if (r) {
		st->slab = NULL;
		snprintf(err, err_len, "engine %s: %s", rq->binding->ops->name,
			 strerror(-r));
	}
	return r;
}

static void stage_drop(struct stage *st)
{
	if (st->slab)
		slab_allocator_destroy(st->slab, &st->pages);
	if (st->entered)
		page_ctx_exit(&st->pages);
	if (st->e)
		st->e->ops->destroy(st->e);
	if (st->m)
		machine_destroy(st->m);
	arena_unmap(&st->arena);
	free(st->counters);
	free(st);
}

static int print_slabinfo(const struct request *rq, char *err, size_t err_len)
{
	struct stage *st = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*st), CACHELINE_SIZE));
	int r;

	if (!st) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	memset(st, 0, sizeof(*st));
	r = stage_make(st, rq, err, err_len);
	if (!r)
		slabinfo_print(stdout, st->slab);
	stage_drop(st);
	return r;
}

int show_slabinfo(int argc, char **argv, char *err, size_t err_len)
{
	struct request rq = { .params = NULL };
	int r = request_read(&rq, argc, argv, AT_CACHES, err, err_len);

	if (!r && (rq.binding->ops->features & SLAB_F_NO_INFO)) {
		snprintf(err, err_len,
			 "command line: engine=%s: expected an engine with "
			 "slabinfo; the kernel has none for it either",
			 rq.binding->ops->name);
		r = -EINVAL;
	}
	if (!r)
		r = print_slabinfo(&rq, err, err_len);
	return finish(&rq, r, err, err_len);
}
