/* A repetition in miniature; see team_run.h. */
#include "workloads/tests/team_run.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc/page/layout.h"
#include "alloc/page/reclaim.h"
#include "alloc/page/tests/small_machine.h"
#include "harness/arena.h"
#include "workloads/lib/rng.h"

#define MAX_THREADS 8

struct member {
	pthread_t thread;
	struct worker *worker;
	struct zone_counters *counters;
	const struct bound_workload *bound;
	struct slab_ctx slab;
	struct hall *hall;
	struct mem_policy policy;
	bool pinned;
	int error;
	double elapsed_ns[NR_PROBES];
	uint64_t ok[NR_PROBES], failed[NR_PROBES];
};

/* What the members share. */
struct hall {
	_Atomic bool stop[NR_PROBES];
	_Atomic int error;         /* of any member's prepare */
	pthread_barrier_t barrier; /* members and the main thread */
	struct page_engine *engine;
	/* slab runs: the allocator, the main thread's contexts */
	struct slab_allocator *slab;
	struct page_ctx pages;
	struct slab_ctx ctx;
	struct zone_counters *counters;
	struct team team;
	struct worker worker[MAX_THREADS];
	struct member member[MAX_THREADS];
};

struct workload_params team_params(void)
{
	return (struct workload_params){
		.order = 0,
		.order_max = 3,
		.gfp = GFP_KERNEL,
		.nr = 32,
		.outstanding = 64,
		.dist = DIST_GEOMETRIC,
		.occupancy = 50,
		.bytes_min = 4096,
		.size = 64,
		.bytes_max = 512 << 10,
		.area_min = 5 << 20,
		.area_max = 12 << 20,
		.working_set = 150,
		.theta = 990,
		.dirty = 30,
		.seed = 1,
	};
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void member_windows(struct member *m)
{
	struct worker *w = m->worker;

	for (unsigned probe = 0; probe < NR_PROBES; probe++) {
		double start;

		w->stop = &m->hall->stop[probe];
		pthread_barrier_wait(&m->hall->barrier);
		w->ops_ok = 0;
		w->ops_failed = 0;
		start = now_ns();
		m->bound->run[probe](w);
		m->elapsed_ns[probe] = now_ns() - start;
		m->ok[probe] = w->ops_ok;
		m->failed[probe] = w->ops_failed;
	}
}

static void *member_main(void *arg)
{
	struct member *m = arg;
	const struct workload *workload = m->bound->workload;
	struct hall *hall = m->hall;

	if (m->pinned)
		pin(m->worker->index);
	m->error = page_ctx_enter(m->worker->ctx, hall->engine,
				  m->worker->index, m->counters, NULL);
	if (!m->error)
		m->error = page_ctx_policy(m->worker->ctx, m->policy);
	if (!m->error && hall->slab) {
		m->error = slab_ctx_enter(&m->slab, hall->slab, m->worker->ctx);
		m->worker->slab = m->error ? NULL : &m->slab;
	}
	if (!m->error && workload->prepare)
		m->error = workload->prepare(m->worker);
	/* relaxed: the barrier orders it */
	if (m->error)
		atomic_store_explicit(&hall->error, m->error,
				      memory_order_relaxed);
	pthread_barrier_wait(&hall->barrier);
	/* relaxed: as above */
	if (!atomic_load_explicit(&hall->error, memory_order_relaxed))
		member_windows(m);
	pthread_barrier_wait(&hall->barrier);
	if (workload->teardown)
		workload->teardown(m->worker);
	if (m->worker->slab)
		slab_ctx_exit(&m->slab);
	page_ctx_exit(m->worker->ctx);
	return NULL;
}

/* With memory behind its frames, none of it populated. A workload that needs
 * HIGHMEM gets a machine of the i386 layout that has run->bytes of it. */
static struct machine *machine_of(const struct team_run *run, bool highmem,
				  struct arena *arena)
{
	const uint64_t bytes = run->bytes + (highmem ? 896ULL << 20 : 0);
	struct machine_desc *desc = malloc(sizeof(*desc));
	struct machine *m = NULL;
	char err[256];

	layout_defaults(desc);
	layout_set(desc, highmem ? LAYOUT_I386 : LAYOUT_X86_64, false);
	layout_topo(&desc->topo, MAX_THREADS, run->nodes ? run->nodes : 1);
	if (!layout_zones(desc, bytes, err, sizeof(err)) &&
	    !arena_map(arena, desc, err, sizeof(err)) &&
	    !machine_create(&m, desc, &arena->memory, err, sizeof(err)))
		machine_boot(m);
	free(desc);
	return m;
}

static int member_init(struct hall *hall, const struct team_run *run,
		       const struct bound_workload *bound, unsigned index)
{
	struct member *m = &hall->member[index];
	struct worker *w = &hall->worker[index];
	struct hist_config cfg;

	if (hist_config_init(&cfg, HIST_HIGHEST_DEFAULT))
		return -EINVAL;
	*m = (struct member){ .worker = w,
			      .bound = bound,
			      .hall = hall,
			      .policy = run->policy,
			      .pinned = run->pinned };
	*w = (struct worker){ .params = &run->params,
			      .team = &hall->team,
			      .rng = rng_seed(run->params.seed, index),
			      .sample_mask = 15,
			      .index = (uint16_t)index };
	m->counters =
		calloc(hall->team.machine->nr_zones, sizeof(m->counters[0]));
	for (unsigned i = 0; i < NR_LATENCIES; i++) {
		w->lat[i] = hist_create(&cfg);
		if (!w->lat[i])
			return -ENOMEM;
	}
	return m->counters ? 0 : -ENOMEM;
}

static void sleep_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000,
				    .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static double cpu_ns(const struct member *m)
{
	struct timespec ts = { 0 };
	clockid_t clock;

	if (!pthread_getcpuclockid(m->thread, &clock))
		clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Lets a window pass. On a busy host a thread may not get a CPU within it: then
 * as many more as it takes until each had one for a fifth of a window, but not
 * for ever, since there are threads that wait. */
static void window_passes(const struct hall *hall, const struct team_run *run,
			  const double *begin)
{
	const double enough = run->window_ms * 1e6 / 5;
	unsigned behind = run->threads;

	for (unsigned round = 0; behind && round < 100; round++) {
		behind = 0;
		sleep_ms(run->window_ms);
		for (unsigned i = 0; i < run->threads; i++)
			behind += cpu_ns(&hall->member[i]) - begin[i] < enough;
	}
}

/* The main thread's side of the windows. */
static void conduct(struct hall *hall, const struct team_run *run)
{
	unsigned windows = NR_PROBES;
	double begin[MAX_THREADS];

	pthread_barrier_wait(&hall->barrier);
	/* relaxed: the barrier orders it */
	if (atomic_load_explicit(&hall->error, memory_order_relaxed))
		windows = 0;
	for (unsigned probe = 0; probe < windows; probe++) {
		for (unsigned i = 0; i < run->threads; i++)
			begin[i] = cpu_ns(&hall->member[i]);
		pthread_barrier_wait(&hall->barrier);
		window_passes(hall, run, begin);
		/* relaxed: only has to be seen eventually */
		atomic_store_explicit(&hall->stop[probe], true,
				      memory_order_relaxed);
	}
	pthread_barrier_wait(&hall->barrier);
}

static void collect(struct hall *hall, struct team_run *run)
{
	double elapsed[NR_PROBES] = { 0 };

	for (unsigned i = 0; i < run->threads; i++) {
		const struct member *m = &hall->member[i];

		for (unsigned probe = 0; probe < NR_PROBES; probe++) {
			run->ops_ok[probe] += m->ok[probe];
			run->ops_failed[probe] += m->failed[probe];
			elapsed[probe] += m->elapsed_ns[probe];
		}
		for (unsigned kind = 0; kind < NR_LATENCIES; kind++)
			run->samples[kind] += hist_count(m->worker->lat[kind]);
	}
	for (unsigned probe = 0; probe < NR_PROBES; probe++)
		run->ns_per_op[probe] =
			elapsed[probe] / (double)run->ops_ok[probe];
}

static void members_run(struct hall *hall, struct team_run *run)
{
	pthread_barrier_init(&hall->barrier, NULL, run->threads + 1);
	for (unsigned i = 0; i < run->threads; i++)
		pthread_create(&hall->member[i].thread, NULL, member_main,
			       &hall->member[i]);
	conduct(hall, run);
	for (unsigned i = 0; i < run->threads; i++)
		pthread_join(hall->member[i].thread, NULL);
	pthread_barrier_destroy(&hall->barrier);
	/* relaxed: every thread was joined */
	run->error = atomic_load_explicit(&hall->error, memory_order_relaxed);
}

/* The cache of a slab workload that looks at size, align and flags. */
static struct kmem_cache *cache_of(struct hall *hall,
				   const struct team_run *run,
				   const struct workload *workload)
{
	const struct kmem_cache_args args = {
		.name = "team",
		.size = run->params.size,
		.align = run->params.align,
		.flags = run->params.cache_flags | SLAB_NO_MERGE,
	};
	struct kmem_cache *s;

	if (!hall->slab || !(workload->uses & USES_SIZE))
		return NULL;
	s = kmem_cache_create(&hall->ctx, &args, NULL);
	if (!s)
		abort();
	return s;
}

static void slab_start(struct hall *hall, const struct slab_ops *ops)
{
	struct machine *m = hall->engine->machine;
	struct slab_config cfg;

	hall->counters = calloc(m->nr_zones, sizeof(*hall->counters));
	slab_config_init(&cfg, &m->desc);
	if (!hall->counters ||
	    page_ctx_enter(&hall->pages, hall->engine, 0, hall->counters,
			   NULL) ||
	    slab_allocator_create(&hall->slab, ops, &hall->pages, &cfg) ||
	    slab_ctx_enter(&hall->ctx, hall->slab, &hall->pages))
		abort();
}

static void slab_end(struct hall *hall, struct team_run *run)
{
	run->verified = slab_verify(hall->slab);
	slab_ctx_exit(&hall->ctx);
	run->caches_busy = slab_allocator_destroy(hall->slab, &hall->pages);
	page_ctx_exit(&hall->pages);
	free(hall->counters);
}

/* LRU lists, kswapd and a swap file as large as the machine. */
static struct reclaim *reclaim_of(const struct team_run *run,
				  struct page_engine *engine)
{
	struct reclaim *r = NULL;
	struct reclaim_config cfg;
	const char *dir = getenv("TMPDIR");
	char err[256];

	reclaim_defaults(&cfg);
	cfg.events = 1 << 16;
	cfg.event_span = 1 << 20;
	cfg.swap.dir = dir ? dir : "/tmp";
	cfg.swap.bytes = run->bytes;
	cfg.swap.faults = run->swap_faults;
	if (reclaim_create(&r, engine, &cfg, err, sizeof(err)))
		abort();
	return r;
}

static void workload_run(struct hall *hall, struct team_run *run,
			 const struct bound_workload *bound)
{
	const struct workload *workload = bound->workload;

	hall->team = (struct team){ .worker = hall->worker,
				    .nr = (uint16_t)run->threads,
				    .params = &run->params,
				    .machine = hall->engine->machine,
				    .slab = hall->slab ? &hall->ctx : NULL,
				    .cache = cache_of(hall, run, workload) };
	for (unsigned i = 0; i < run->threads; i++)
		if (member_init(hall, run, bound, i))
			abort();
	if (workload->setup)
		run->error = workload->setup(&hall->team);
	if (!run->error) {
		members_run(hall, run);
		collect(hall, run);
		if (workload->report)
			run->nr_metrics =
				workload->report(&hall->team, run->metric);
		if (workload->verify)
			run->wrong = workload->verify(&hall->team);
	}
	if (workload->cleanup)
		workload->cleanup(&hall->team);
	for (unsigned i = 0; i < run->threads; i++) {
		free(hall->member[i].counters);
		for (unsigned kind = 0; kind < NR_LATENCIES; kind++)
			hist_destroy(hall->worker[i].lat[kind]);
	}
}

/* What is run, of a page engine or of a slab engine over it. */
static const struct bound_workload *bound_of(const struct team_run *run,
					     const struct page_binding *pages)
{
	const struct slab_binding *slab =
		run->pages ? slab_binding_find(run->engine) : NULL;

	if (slab)
		return slab_binding_workload(slab, run->workload);
	return pages ? page_binding_workload(pages, run->workload) : NULL;
}

/* Between the engine's create and destroy. */
static void run_on_engine(struct hall *hall, struct team_run *run,
			  const struct bound_workload *bound)
{
	const struct page_ops *ops = hall->engine->ops;
	struct reclaim *reclaim = NULL;
	const char *broken;

	if (bound->workload->needs & WORKLOAD_RECLAIM)
		reclaim = reclaim_of(run, hall->engine);
	if (run->pages)
		slab_start(hall, slab_binding_find(run->engine)->ops);
	workload_run(hall, run, bound);
	if (run->pages)
		slab_end(hall, run);
	if (reclaim) {
		reclaim_stop(reclaim);
		run->verified = reclaim_verify(reclaim);
	}
	ops->drain(hall->engine, NULL);
	broken = ops->verify(hall->engine);
	if (!run->verified)
		run->verified = broken;
	reclaim_destroy(reclaim);
}

int team_run(struct team_run *run)
{
	const struct page_binding *binding =
		page_binding_find(run->pages ? run->pages : run->engine);
	const struct bound_workload *bound = bound_of(run, binding);
	struct hall *hall = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*hall), CACHELINE_SIZE));
	struct arena *arena = calloc(1, sizeof(*arena));
	struct machine *m = NULL;

	if (bound && arena)
		m = machine_of(run, bound->workload->needs & WORKLOAD_HIGHMEM,
			       arena);
	if (!m || !hall || run->threads > MAX_THREADS)
		abort();
	memset(hall, 0, sizeof(*hall));
	run->free_before = free_pages_of(m);
	if (binding->ops->create(&hall->engine, m))
		abort();
	hall->engine->ops = binding->ops;
	run_on_engine(hall, run, bound);
	run->free_after = free_pages_of(m);
	binding->ops->destroy(hall->engine);
	machine_destroy(m);
	arena_unmap(arena);
	free(arena);
	free(hall);
	return run->error;
}
