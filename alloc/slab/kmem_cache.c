/*
 * Caches: creation, merging, destruction, counters, and the out-of-line forms
 * of the calls on objects.
 *
 * Lock order: slab->mutex alone is taken here; engines take RANK_SLAB_CPU and
 * RANK_SLAB_NODE below it, and the page allocator its own.
 */
#include "alloc/slab/kmem_cache.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "alloc/base/rseq.h"
#include "alloc/slab/debug.h"
#include "alloc/slab/geometry.h"
#include "alloc/slab/kmalloc.h"
#include "alloc/slab/pressure.h"
#include "alloc/slab/rcu.h"

/* ---- reports ---------------------------------------------------------------
 */

static void say(struct slab_allocator *slab, const char *fmt, va_list args)
{
	char line[256];

	vsnprintf(line, sizeof(line), fmt, args);
	if (slab->report)
		slab->report(slab->report_arg, line);
	else
		fprintf(stderr, "%s\n", line);
}

void slab_report(struct slab_allocator *slab, const char *fmt, ...)
{
	va_list args;

	/* relaxed: a statistic */
	atomic_fetch_add_explicit(&slab->nr_reports, 1, memory_order_relaxed);
	va_start(args, fmt);
	say(slab, fmt, args);
	va_end(args);
}

void slab_note(struct slab_allocator *slab, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(slab, fmt, args);
	va_end(args);
}

/* ---- counters
 * ---------------------------------------------------------------- */

const char *slab_counter_name(enum slab_counter c)
{
	static const char *const names[] = {
		[ALLOC_FASTPATH] = "alloc_fastpath",
		[ALLOC_SLOWPATH] = "alloc_slowpath",
		[FREE_FASTPATH] = "free_fastpath",
		[FREE_SLOWPATH] = "free_slowpath",
		[FREE_FROZEN] = "free_frozen",
		[FREE_ADD_PARTIAL] = "free_add_partial",
		[FREE_REMOVE_PARTIAL] = "free_remove_partial",
		[ALLOC_FROM_PARTIAL] = "alloc_from_partial",
		[ALLOC_SLAB] = "alloc_slab",
		[ALLOC_REFILL] = "alloc_refill",
		[ALLOC_NODE_MISMATCH] = "alloc_node_mismatch",
		[FREE_SLAB] = "free_slab",
		[CPUSLAB_FLUSH] = "cpuslab_flush",
		[DEACTIVATE_FULL] = "deactivate_full",
		[DEACTIVATE_EMPTY] = "deactivate_empty",
		[DEACTIVATE_TO_HEAD] = "deactivate_to_head",
		[DEACTIVATE_TO_TAIL] = "deactivate_to_tail",
		[DEACTIVATE_REMOTE_FREES] = "deactivate_remote_frees",
		[DEACTIVATE_BYPASS] = "deactivate_bypass",
		[ORDER_FALLBACK] = "order_fallback",
		[CMPXCHG_DOUBLE_CPU_FAIL] = "cmpxchg_double_cpu_fail",
		[CMPXCHG_DOUBLE_FAIL] = "cmpxchg_double_fail",
		[CPU_PARTIAL_ALLOC] = "cpu_partial_alloc",
		[CPU_PARTIAL_FREE] = "cpu_partial_free",
		[CPU_PARTIAL_NODE] = "cpu_partial_node",
		[CPU_PARTIAL_DRAIN] = "cpu_partial_drain",
		[ALLOC_CPU_SHEAF] = "alloc_cpu_sheaf",
		[FREE_CPU_SHEAF] = "free_cpu_sheaf",
		[FREE_RCU_SHEAF] = "free_rcu_sheaf",
		[FREE_RCU_SHEAF_FAIL] = "free_rcu_sheaf_fail",
		[SHEAF_FLUSH] = "sheaf_flush",
		[SHEAF_REFILL] = "sheaf_refill",
		[SHEAF_ALLOC] = "sheaf_alloc",
		[SHEAF_FREE] = "sheaf_free",
		[BARN_GET] = "barn_get",
		[BARN_GET_FAIL] = "barn_get_fail",
		[BARN_PUT] = "barn_put",
		[BARN_PUT_FAIL] = "barn_put_fail",
		[SHEAF_PREFILL_FAST] = "sheaf_prefill_fast",
		[SHEAF_PREFILL_SLOW] = "sheaf_prefill_slow",
		[SHEAF_PREFILL_OVERSIZE] = "sheaf_prefill_oversize",
		[SHEAF_RETURN_FAST] = "sheaf_return_fast",
		[SHEAF_RETURN_SLOW] = "sheaf_return_slow",
		[SHARED_REFILL] = "shared_refill",
		[SHARED_FLUSH] = "shared_flush",
		[NODE_ALLOC] = "node_alloc",
		[ALIEN_OVERFLOW] = "alien_overflow",
		[SLAB_REAPED] = "slab_reaped",
		[REMOTE_FREE] = "remote_free",
		[REMOTE_NODE_FREE] = "remote_node_free",
		[HANDED_OUT] = "handed_out",
		[FREE_PAST_SHEAF] = "free_past_sheaf",
	};
	_Static_assert(ARRAY_SIZE(names) == NR_SLAB_COUNTERS, "one each");

	return names[c];
}

/* One that was handed out counts as each of what it stands for. */
static uint64_t count_of(const struct slab_counters *n, enum slab_counter c)
{
	switch (c) {
	case ALLOC_SLOWPATH:
	case FREE_SLOWPATH:
	case CPU_PARTIAL_FREE:
	case DEACTIVATE_BYPASS:
	case CPU_PARTIAL_ALLOC:
	case ALLOC_REFILL:
		return n->v[c] + n->v[HANDED_OUT];
	default:
		return n->v[c];
	}
}

static uint64_t sum_of_contexts(const struct kmem_cache *s, enum slab_counter c)
{
	uint64_t sum = 0;

	for (const struct slab_ctx *x = s->slab->contexts; x; x = x->next)
		sum += count_of(&x->counters[s->id], c);
	return sum;
}

void slab_count_apart(struct kmem_cache *s, enum slab_counter c, uint64_t n)
{
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(&s->base_count[c], n, memory_order_relaxed);
}

uint64_t slab_counter_sum(struct kmem_cache *s, enum slab_counter c)
{
	uint64_t sum;

	pthread_mutex_lock(&s->slab->mutex);
	/* relaxed: a statistic */
	sum = atomic_load_explicit(&s->base_count[c], memory_order_relaxed) +
	      sum_of_contexts(s, c);
	pthread_mutex_unlock(&s->slab->mutex);
	return sum;
}

uint64_t slab_counter_of_cpu(struct kmem_cache *s, enum slab_counter c,
			     unsigned cpu)
{
	uint64_t sum = 0;

	pthread_mutex_lock(&s->slab->mutex);
	if (s->cpu_count)
		sum = s->cpu_count[cpu].v[c];
	for (const struct slab_ctx *x = s->slab->contexts; x; x = x->next)
		if (x->cpu == cpu)
			sum += count_of(&x->counters[s->id], c);
	pthread_mutex_unlock(&s->slab->mutex);
	return sum;
}

/*
 * What a context counted belongs to the cache from now on (sign 1), or to the
 * id's former one (-1). 0, or -ENOMEM: the sum is right, the CPU's part is not.
 */
static int take_counts(struct kmem_cache *s, const struct slab_ctx *x,
		       uint64_t sign)
{
	const struct slab_counters *from = &x->counters[s->id];
	const size_t bytes =
		s->slab->machine->desc.topo.nr_cpus * sizeof(*s->cpu_count);
	uint64_t any = 0;

	for (unsigned i = 0; i < NR_SLAB_COUNTERS; i++) {
		const enum slab_counter c = (enum slab_counter)i;

		slab_count_apart(s, c, sign * count_of(from, c));
		any |= count_of(from, c);
	}
	if (!any)
		return 0;
	if (!s->cpu_count) {
		s->cpu_count = aligned_alloc(CACHELINE_SIZE, bytes);
		if (!s->cpu_count)
			return -ENOMEM;
		memset(s->cpu_count, 0, bytes);
	}
	for (unsigned c = 0; c < NR_SLAB_COUNTERS; c++)
		s->cpu_count[x->cpu].v[c] +=
			sign * count_of(from, (enum slab_counter)c);
	return 0;
}

/* ---- contexts
 * ------------------------------------------------------------------ */

int slab_ctx_attach(struct slab_ctx *ctx, struct page_ctx *pages)
{
	struct kmem_cache *s = ctx->slab->newest;

	/* what it has counted stays with the CPU that it leaves */
	for (; s && ctx->cpu != pages->cpu; s = s->next) {
		take_counts(s, ctx, 1);
		memset(&ctx->counters[s->id], 0, sizeof(*ctx->counters));
	}
	ctx->pages = pages;
	ctx->cpu = pages->cpu;
	ctx->node = pages->node;
	return ctx->ops->thread_enter ? ctx->ops->thread_enter(ctx) : 0;
}

int slab_ctx_enter_locked(struct slab_ctx *ctx, struct slab_allocator *slab,
			  struct page_ctx *pages)
{
	const size_t bytes = SLAB_MAX_CACHES * sizeof(*ctx->counters);
	int rc;

	memset(ctx, 0, sizeof(*ctx));
	ctx->slab = slab;
	ctx->ops = slab->ops;
	ctx->rng = slab->config.seed + pages->cpu;
	ctx->counters = aligned_alloc(CACHELINE_SIZE, bytes);
	if (!ctx->counters)
		return -ENOMEM;
	memset(ctx->counters, 0, bytes);
	rc = slab_ctx_attach(ctx, pages);
	if (rc) {
		free(ctx->counters);
		ctx->counters = NULL;
		return rc;
	}
	ctx->next = slab->contexts;
	slab->contexts = ctx;
	return 0;
}

int slab_ctx_enter(struct slab_ctx *ctx, struct slab_allocator *slab,
		   struct page_ctx *pages)
{
	int rc;

	pthread_mutex_lock(&slab->mutex);
	rc = slab_ctx_enter_locked(ctx, slab, pages);
	pthread_mutex_unlock(&slab->mutex);
	return rc;
}

void slab_ctx_exit(struct slab_ctx *ctx)
{
	struct slab_allocator *slab = ctx->slab;
	struct slab_ctx **at = &slab->contexts;

	pthread_mutex_lock(&slab->mutex);
	if (ctx->ops->thread_exit)
		ctx->ops->thread_exit(ctx);
	while (*at != ctx)
		at = &(*at)->next;
	*at = ctx->next;
	for (struct kmem_cache *s = slab->newest; s; s = s->next)
		take_counts(s, ctx, 1);
	free(ctx->counters);
	ctx->counters = NULL;
	pthread_mutex_unlock(&slab->mutex);
}

/* ---- creation
 * -------------------------------------------------------------------- */

static int check_args(const struct kmem_cache_args *args)
{
	const size_t len = args->name ? strlen(args->name) : 0;

	if (!len || len >= SLAB_NAME_MAX || strchr(args->name, ' ') ||
	    !args->size || args->size > KMALLOC_MAX_SIZE ||
	    (args->align & (args->align - 1)) ||
	    args->align > KMALLOC_MAX_SIZE ||
	    (args->flags & ~(SLAB_ALL_FLAGS | SLAB_WITHOUT_EFFECT)) ||
	    args->usersize > args->size ||
	    args->sheaf_capacity > SHEAF_CAPACITY_MAX)
		return -EINVAL;
	return 0;
}

int kmem_cache_describe(struct kmem_cache *s, const struct slab_ops *ops,
			const struct slab_config *cfg,
			const struct kmem_cache_args *args)
{
	int rc = check_args(args);

	if (rc)
		return rc;
	s->object_size = s->size_asked = args->size;
	s->align_asked = args->align;
	s->flags = (args->flags & SLAB_ALL_FLAGS) | cfg->debug;
	s->usersize = args->usersize;
	s->sheaf_asked = args->sheaf_capacity;
	s->ctor = args->ctor;
	s->refcount = 1;
	strcpy(s->name, args->name);
	return ops->geometry(cfg, s);
}

/* special: with a constructor, a window for copies, or sheaves by request. */
static bool may_merge(const struct slab_allocator *slab, uint32_t flags,
		      bool special)
{
	return !slab->config.nomerge && !special &&
	       !(slab->ops->features & SLAB_F_NO_MERGE) &&
	       !(flags & SLAB_NEVER_MERGE);
}

/* Could a new cache with these values be an alias of s? size: rounded up to
 * align. */
static bool mergeable(const struct slab_allocator *slab,
		      const struct kmem_cache *s, uint32_t flags, unsigned size,
		      unsigned align)
{
	if (!may_merge(slab, s->flags,
		       s->ctor || s->usersize || s->sheaf_asked) ||
	    !s->refcount)
		return false;
	if (size > s->size || s->size - size >= slab->config.word ||
	    s->size % align)
		return false;
	if ((flags ^ s->flags) & SLAB_MERGE_SAME)
		return false;
	return !(slab->ops->features & SLAB_F_KMALLOC32) ||
	       (align <= s->align && s->align % align == 0);
}

/* Oldest first, the first that fits; NULL: none. */
static struct kmem_cache *find_mergeable(struct slab_allocator *slab,
					 const struct kmem_cache_args *args)
{
	const uint32_t flags = args->flags | slab->config.debug;
	unsigned size = (unsigned)round_up_pow2(args->size, slab->config.word);
	const unsigned align = slab_alignment(flags, args->align, size);
	struct kmem_cache *found = NULL;

	if (!may_merge(slab, flags,
		       args->ctor || args->usersize || args->sheaf_capacity))
		return NULL;
	size = (unsigned)round_up_pow2(size, align);
	for (struct kmem_cache *s = slab->newest; s; s = s->next)
		if (mergeable(slab, s, flags, size, align))
			found = s;
	return found;
}

static struct kmem_cache *merge(struct kmem_cache *s,
				const struct kmem_cache_args *args)
{
	const unsigned inuse =
		(unsigned)round_up_pow2(args->size, s->slab->config.word);

	s->refcount++;
	if (args->size > s->object_size)
		s->object_size = args->size;
	if (inuse > s->inuse)
		s->inuse = inuse;
	return s;
}

/* A free id; its former cache's counts are not the new one's. */
static int take_id(struct slab_allocator *slab, struct kmem_cache *s)
{
	unsigned id = 0;
	int rc = 0;

	while (id < SLAB_MAX_CACHES && slab->cache[id])
		id++;
	if (id == SLAB_MAX_CACHES)
		return -ENOMEM;
	s->id = (uint16_t)id;
	s->counters_at = id * (uint32_t)sizeof(struct slab_counters);
	for (const struct slab_ctx *x = slab->contexts; x && !rc; x = x->next)
		rc = take_counts(s, x, -1ULL);
	return rc;
}

static void cache_free(struct kmem_cache *s)
{
	free(s->cpu_count);
	free(s);
}

static struct kmem_cache *cache_new(struct slab_ctx *ctx,
				    const struct kmem_cache_args *args, int *rc)
{
	struct slab_allocator *slab = ctx->slab;
	const size_t bytes =
		round_up_pow2(slab->ops->cache_bytes, CACHELINE_SIZE);
	struct kmem_cache *s = aligned_alloc(CACHELINE_SIZE, bytes);

	*rc = -ENOMEM;
	if (!s)
		return NULL;
	memset(s, 0, bytes);
	s->slab = slab;
	/* relaxed: no other thread knows the cache */
	atomic_store_explicit(&s->rcu_done, PFN_LIST_END, memory_order_relaxed);
	*rc = kmem_cache_describe(s, slab->ops, &slab->config, args);
	if (!*rc)
		*rc = take_id(slab, s);
	if (!*rc)
		*rc = slab->ops->cache_open(ctx, s);
	if (!*rc) {
		*rc = slab_pressure_open(s);
		if (*rc) {
			slab->ops->shutdown(ctx, s);
			slab->ops->cache_close(s);
		}
	}
	if (*rc) {
		cache_free(s);
		return NULL;
	}
	slab->cache[s->id] = s;
	s->next = slab->newest;
	slab->newest = s;
	return s;
}

struct kmem_cache *kmem_cache_create(struct slab_ctx *ctx,
				     const struct kmem_cache_args *args,
				     int *error)
{
	struct slab_allocator *slab = ctx->slab;
	struct kmem_cache *s = NULL;
	int rc = check_args(args);

	pthread_mutex_lock(&slab->mutex);
	if (!rc)
		s = find_mergeable(slab, args);
	if (s)
		merge(s, args);
	else if (!rc)
		s = cache_new(ctx, args, &rc);
	pthread_mutex_unlock(&slab->mutex);
	check(s || !(args->flags & SLAB_PANIC),
	      "kmem_cache_create %s with SLAB_PANIC: error %d", args->name,
	      -rc);
	if (error)
		*error = rc;
	return s;
}

unsigned kmem_cache_size(const struct kmem_cache *s)
{
	return s->object_size;
}

struct kmem_cache *kmem_cache_find(struct slab_allocator *slab,
				   const char *name)
{
	struct kmem_cache *s;

	pthread_mutex_lock(&slab->mutex);
	s = slab->newest;
	while (s && strcmp(s->name, name))
		s = s->next;
	pthread_mutex_unlock(&slab->mutex);
	return s;
}

/* ---- the end of a cache
 * ------------------------------------------------------------ */

static void report_slab(const struct kmem_cache *s, const struct page *page)
{
	const struct slab_allocator *slab = s->slab;
	const unsigned order = slab_tag_order(slab_tag(page));
	const char *base = slab_page_address(slab, page);
	const char *end = base + (PAGE_SIZE << order);
	const char *at = slab->ops->first_object
				 ? slab->ops->first_object(s, page)
				 : base;

	for (; at + s->size <= end; at += s->size) {
		const char *object = at + s->red_left_pad;

		if (slab->ops->is_free(s, page, object))
			continue;
		slab_report(s->slab,
			    "Object %p @offset=%td of cache %s in the slab at "
			    "pfn %u is still allocated",
			    (const void *)object, object - base, s->name,
			    slab_page_pfn(slab, page));
		slab_debug_tracks(s, object);
	}
}

/* Every object that is out. Full slabs are on no list, so the marks of all
 * pages are looked at. */
static void report_leaks(const struct kmem_cache *s)
{
	const struct machine *m = s->slab->machine;

	slab_report(s->slab,
		    "kmem_cache_destroy %s: Slab cache still has objects",
		    s->name);
	for (unsigned i = 0; i < m->nr_spans && s->slab->ops->is_free; i++)
		for (uint64_t pfn = m->span[i].start; pfn < m->span[i].end;
		     pfn++) {
			const uint32_t tag = slab_tag(&m->map[pfn]);

			if (slab_tag_type(tag) == SLAB_PAGE_HEAD &&
			    slab_tag_cache(tag) == s->id)
				report_slab(s, &m->map[pfn]);
		}
}

static void unlink_cache(struct kmem_cache *s)
{
	struct kmem_cache **at = &s->slab->newest;

	for (unsigned c = 0; c < NR_SLAB_COUNTERS; c++)
		/* relaxed: a statistic */
		s->slab->gone[c] += atomic_load_explicit(&s->base_count[c],
							 memory_order_relaxed) +
				    sum_of_contexts(s, (enum slab_counter)c);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->slab->cache[s->id] = NULL;
}

int kmem_cache_destroy(struct slab_ctx *ctx, struct kmem_cache *s)
{
	struct slab_allocator *slab = ctx->slab;
	unsigned long left = 0;

	if (!s)
		return 0;
	pthread_mutex_lock(&slab->mutex);
	if (s->refcount)
		s->refcount--;
	if (s->refcount) {
		pthread_mutex_unlock(&slab->mutex);
		return 0;
	}
	left = slab->ops->shutdown(ctx, s);
	if (left) {
		report_leaks(s);
	} else {
		unlink_cache(s);
		slab_pressure_close(s);
		slab->ops->cache_close(s);
		cache_free(s);
	}
	pthread_mutex_unlock(&slab->mutex);
	return left ? -EBUSY : 0;
}

int kmem_cache_shrink(struct slab_ctx *ctx, struct kmem_cache *s)
{
	int left;

	pthread_mutex_lock(&ctx->slab->mutex);
	left = ctx->ops->shrink(ctx, s);
	pthread_mutex_unlock(&ctx->slab->mutex);
	return left;
}

/* ---- the allocator
 * -------------------------------------------------------------------- */

void slab_config_init(struct slab_config *cfg, const struct machine_desc *desc)
{
	uint64_t pages = 0;

	for (unsigned n = 0; n < desc->topo.nr_nodes; n++)
		for (unsigned z = 0; z < MAX_NR_ZONES; z++)
			pages += desc->node[n].zone[z].present;
	*cfg = (struct slab_config){
		.kernel = desc->kernel,
		.word = desc->layout == LAYOUT_I386 ? 4 : 8,
		.nr_cpus = desc->topo.nr_cpus,
		.nr_possible = desc->topo.nr_cpus,
		.slub_max_order = 3,
		.ram_bytes = pages << PAGE_SHIFT,
		.slub_fast = SLUB_FAST_RSEQ,
		.seed = 1,
	};
}

static void allocator_free(struct slab_allocator *slab)
{
	if (slab->reclaimer)
		free(slab->reclaimer->counters);
	free(slab->reclaimer);
	pthread_mutex_destroy(&slab->mutex);
	free(slab);
}

static struct slab_allocator *allocator_new(const struct slab_ops *ops,
					    struct machine *m,
					    const struct slab_config *cfg)
{
	struct slab_allocator *slab = calloc(1, sizeof(*slab));

	if (!slab)
		return NULL;
	slab->ops = ops;
	slab->machine = m;
	slab->map = m->map;
	slab->memory = m->memory.base;
	slab->config = *cfg;
	/* objects are of this program, whatever machine is modelled */
	slab->config.word = 8;
	slab->nr_slots = m->desc.topo.nr_cpus;
	pthread_mutex_init(&slab->mutex, NULL);
	return slab;
}

int slab_allocator_create(struct slab_allocator **out,
			  const struct slab_ops *ops, struct page_ctx *pages,
			  const struct slab_config *cfg)
{
	struct machine *m = pages->machine;
	struct slab_allocator *slab;
	struct slab_ctx ctx;
	int rc;

	if (!(ops->features & SLAB_F_FLOOR) &&
	    (!m->memory.base || (pages->ops->features & PAGE_F_FLOOR)))
		return -EINVAL;
	slab = allocator_new(ops, m, cfg);
	if (!slab)
		return -ENOMEM;
	rc = ops->open ? ops->open(slab) : 0;
	if (rc) {
		allocator_free(slab);
		return rc;
	}
	*out = slab;
	rc = slab_ctx_enter(&ctx, slab, pages);
	if (!rc) {
		rc = kmalloc_caches_create(&ctx);
		slab_ctx_exit(&ctx);
	}
	if (rc)
		slab_allocator_destroy(slab, pages);
	return rc;
}

unsigned slab_allocator_destroy(struct slab_allocator *slab,
				struct page_ctx *pages)
{
	struct kmem_cache *s, *next;
	unsigned busy = 0;
	struct slab_ctx ctx;
	/* without a context, caches that were never used have no pages */
	const bool entered = !slab_ctx_enter(&ctx, slab, pages);

	for (s = slab->newest; s; s = next) {
		next = s->next;
		s->refcount = 1;
		if (entered && !kmem_cache_destroy(&ctx, s))
			continue;
		/* its pages stay taken: the machine's verification says so */
		busy++;
		unlink_cache(s);
		slab_pressure_close(s);
		slab->ops->cache_close(s);
		cache_free(s);
	}
	if (entered)
		slab_ctx_exit(&ctx);
	if (slab->ops->close)
		slab->ops->close(slab);
	allocator_free(slab);
	return busy;
}

uint64_t slab_pages_in_use(const struct slab_allocator *slab)
{
	long bytes = 0;

	for (unsigned n = 0; n < slab->machine->desc.topo.nr_nodes; n++)
		for (unsigned i = 0; i < 2; i++)
			/* relaxed: a statistic */
			bytes += atomic_load_explicit(
				&slab->machine->node[n].slab_bytes[i],
				memory_order_relaxed);
	return (uint64_t)bytes >> PAGE_SHIFT;
}

const char *slab_verify(struct slab_allocator *slab)
{
	const char *broken = NULL;

	pthread_mutex_lock(&slab->mutex);
	for (struct kmem_cache *s = slab->newest; s && !broken; s = s->next)
		broken = slab->ops->verify(s);
	pthread_mutex_unlock(&slab->mutex);
	return broken;
}

void slab_settle(struct slab_ctx *ctx)
{
	struct slab_allocator *slab = ctx->slab;

	if (!slab->ops->settle)
		return;
	pthread_mutex_lock(&slab->mutex);
	for (struct kmem_cache *s = slab->newest; s; s = s->next)
		slab->ops->settle(ctx, s);
	pthread_mutex_unlock(&slab->mutex);
}

/* ---- objects, out of line
 * ----------------------------------------------------------------- */

struct kmem_cache *slab_cache_of(const struct slab_allocator *slab,
				 const void *object)
{
	const uint32_t tag = slab_tag(slab_virt_to_page(slab, object));

	if (slab_tag_type(tag) != SLAB_PAGE_HEAD)
		return NULL;
	return slab->cache[slab_tag_cache(tag)];
}

void slab_report_zeroing(const struct kmem_cache *s)
{
	/* relaxed: one of many is enough */
	if (!atomic_exchange_explicit(&s->slab->zeroing_reported, true,
				      memory_order_relaxed))
		slab_report(s->slab,
			    "kmem_cache_alloc %s: __GFP_ZERO undoes what the "
			    "cache's constructor did",
			    s->name);
}

/* Who called the function that this stands in. */
#define CALLER __builtin_return_address(0)

void *kmem_cache_alloc(struct slab_ctx *ctx, struct kmem_cache *s, gfp_t gfp)
{
	const void *outer = slab_caller_begin(ctx, CALLER);
	void *object = slab_alloc(ctx->ops, ctx, s, gfp);

	slab_caller_end(ctx, outer);
	return object;
}

void *kmem_cache_alloc_for(struct slab_ctx *ctx, struct kmem_cache *s,
			   gfp_t gfp, unsigned nid, const void *caller)
{
	const void *outer = slab_caller_begin(ctx, caller);
	void *object = NULL;

	if (nid == NUMA_NO_NODE || !ctx->ops->alloc_node)
		object = slab_alloc(ctx->ops, ctx, s, gfp);
	else if (nid < ctx->slab->machine->desc.topo.nr_nodes)
		object = slab_alloc_from(ctx->ops, ctx, s, gfp, nid);
	slab_caller_end(ctx, outer);
	return object;
}

void *kmem_cache_alloc_node(struct slab_ctx *ctx, struct kmem_cache *s,
			    gfp_t gfp, unsigned nid)
{
	return kmem_cache_alloc_for(ctx, s, gfp, nid, CALLER);
}

unsigned kmem_cache_alloc_bulk(struct slab_ctx *ctx, struct kmem_cache *s,
			       gfp_t gfp, unsigned n, void **out)
{
	const void *outer = slab_caller_begin(ctx, CALLER);

	n = slab_alloc_bulk(ctx->ops, ctx, s, gfp, n, out);
	slab_caller_end(ctx, outer);
	return n;
}

/* The cache to which the object really belongs; NULL: it is none. */
static struct kmem_cache *check_cache(struct slab_ctx *ctx,
				      struct kmem_cache *s, void *object)
{
	struct kmem_cache *real = slab_cache_of(ctx->slab, object);

	if (real == s)
		return s;
	slab_report(ctx->slab,
		    "kmem_cache_free of %p: expected an object of cache %s, "
		    "got one of %s",
		    object, s->name, real ? real->name : "no cache");
	return real;
}

static void free_for(struct slab_ctx *ctx, struct kmem_cache *s, void *object,
		     const void *caller)
{
	const void *outer = slab_caller_begin(ctx, caller);
	const bool checked = CHECK_LEVEL >= 1 || ctx->slab->config.hardened ||
			     (s->flags & SLAB_CONSISTENCY_CHECKS);

	if (checked && !(ctx->ops->features &
			 (SLAB_F_FLOOR | SLAB_F_NO_OWNER | SLAB_F_FOREIGN)))
		s = check_cache(ctx, s, object);
	if (s)
		slab_free(ctx->ops, ctx, s, object);
	slab_caller_end(ctx, outer);
}

void kmem_cache_free(struct slab_ctx *ctx, struct kmem_cache *s, void *object)
{
	free_for(ctx, s, object, CALLER);
}

void kmem_cache_free_bulk(struct slab_ctx *ctx, struct kmem_cache *s,
			  unsigned n, void **object)
{
	const void *outer = slab_caller_begin(ctx, CALLER);

	if (s)
		slab_free_bulk(ctx->ops, ctx, s, n, object);
	for (unsigned i = 0; !s && i < n; i++)
		slab_kfree(ctx->ops, ctx, object[i]);
	slab_caller_end(ctx, outer);
}

void kmem_cache_free_rcu(struct slab_ctx *ctx, struct kmem_cache *s,
			 void *object)
{
	if (ctx->ops->free_rcu) {
		ctx->ops->free_rcu(ctx, s, object);
		return;
	}
	slab_rcu_synchronize();
	free_for(ctx, s, object, CALLER);
}

struct sheaf *kmem_cache_prefill_sheaf(struct slab_ctx *ctx,
				       struct kmem_cache *s, gfp_t gfp,
				       uint32_t n)
{
	const struct sheaf_ops *ops = ctx->ops->sheaf;

	return ops ? ops->prefill(ctx, s, gfp, n) : NULL;
}

void *kmem_cache_alloc_from_sheaf(struct slab_ctx *ctx, struct sheaf *sheaf)
{
	return ctx->ops->sheaf->alloc(sheaf);
}

int kmem_cache_refill_sheaf(struct slab_ctx *ctx, struct kmem_cache *s,
			    gfp_t gfp, struct sheaf **sheaf, uint32_t n)
{
	return ctx->ops->sheaf->refill(ctx, s, gfp, sheaf, n);
}

void kmem_cache_return_sheaf(struct slab_ctx *ctx, struct kmem_cache *s,
			     gfp_t gfp, struct sheaf *sheaf)
{
	ctx->ops->sheaf->give_back(ctx, s, gfp, sheaf);
}
