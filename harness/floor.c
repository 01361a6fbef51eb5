/*
 * Floors (floor.h). The loops run on threads that are pinned to their CPU; the
 * caller opens the gate, sleeps, and sets the stop flag, as in a run. All
 * floors take turns in each round, so that a disturbance of the host spreads
 * over them, and the first round warms up. Time is CLOCK_MONOTONIC_RAW around a
 * whole round, so that nothing here depends on the calibration of the TSC.
 */
#include "harness/floor.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc/base/lock.h"
#include "alloc/base/rseq.h"
#include "workloads/lib/loop.h"
#include "workloads/lib/sample.h"

#define NR_ROUNDS  11 /* the first one is not counted */
#define ROUND_NS   1000000
#define STACK_PFNS 64u
#define NR_RUNNERS 2
#define LINE_STOPS UINT32_MAX

struct pfn_array {
	uint32_t count;
	pfn_t pfn[STACK_PFNS];
};

struct ping {
	_Atomic uint32_t turn CACHELINE; /* odd: the other side's */
	char pad[CACHELINE_SIZE - sizeof(uint32_t)];
};

/* All that the loops touch; one per call of floors_measure(). */
struct bench {
	struct worker worker; /* its stop flag and counter */
	_Atomic bool stop CACHELINE;
	struct pfn_array local CACHELINE;
	char **slot;
	struct spinlock lock CACHELINE;
	struct ping ping;
};

typedef void (*floor_loop)(struct bench *b);

/* A thread that waits for go, runs one loop, and says done. */
struct runner {
	pthread_t thread;
	sem_t go, done;
	floor_loop loop; /* NULL: leave */
	struct bench *bench;
	double elapsed_ns;
};

/* opaque() in the place where a loop would have allocated. */
static NOINLINE void floor_empty_loop(struct bench *b)
{
	struct worker *w = &b->worker;
	pfn_t pfn = { 0 };

	while (loop_running(w)) {
		pfn = opaque(pfn);
		loop_done(w);
	}
}

static NOINLINE void floor_local_stack(struct bench *b)
{
	struct worker *w = &b->worker;
	struct pfn_array *stack = &b->local;

	while (loop_running(w)) {
		pfn_t pfn = opaque(stack->pfn[--stack->count]);

		stack->pfn[stack->count++] = pfn;
		loop_done(w);
	}
}

static NOINLINE void floor_lock_pair(struct bench *b)
{
	struct worker *w = &b->worker;
	pfn_t pfn = { 0 };

	while (loop_running(w)) {
		spin_lock(&b->lock);
		pfn = opaque(pfn);
		spin_unlock(&b->lock);
		loop_done(w);
	}
}

static NOINLINE void floor_clock_reads(struct bench *b)
{
	struct worker *w = &b->worker;
	pfn_t pfn = { 0 };

	while (loop_running(w)) {
		uint64_t begin = probe_begin(), end;

		pfn = opaque(pfn);
		end = probe_end();
		__asm__ volatile("" : : "r"(begin), "r"(end));
		loop_done(w);
	}
}

/* As probed_alloc() does it, with an allocator that does nothing. */
static NOINLINE void floor_sample(struct bench *b)
{
	struct worker *w = &b->worker;
	pfn_t pfn = { 0 };

	while (loop_running(w)) {
		const bool timed = probe_due(w, LAT_ALLOC, PROBE_SAMPLED);
		uint64_t begin = timed ? probe_begin() : 0;

		pfn = opaque(pfn);
		if (timed)
			probe_record(w, LAT_ALLOC, begin, probe_end());
		loop_done(w);
	}
	probe_flush(w);
}

#if RSEQ_X86_64
static NOINLINE void floor_rseq_stack(struct bench *b)
{
	struct worker *w = &b->worker;

	while (loop_running(w)) {
		/* half full: neither call fails */
		pfn_t pfn = opaque(stack_pop(b->slot, 0));

		stack_push(b->slot, 0, pfn);
		loop_done(w);
	}
}
#endif

/*
 * The line goes there and back: one operation of this side is two ways. turn
 * is written by turns: this side makes it odd, the other side even.
 */
static NOINLINE void floor_ping(struct bench *b)
{
	struct worker *w = &b->worker;
	uint32_t turn = 0;

	while (loop_running(w)) {
		/* relaxed: the value itself is all that is passed */
		atomic_store_explicit(&b->ping.turn, turn + 1,
				      memory_order_relaxed);
		turn += 2;
		/* relaxed: as above */
		while (atomic_load_explicit(&b->ping.turn,
					    memory_order_relaxed) != turn)
			;
		w->ops_ok += 2;
	}
	/* relaxed: as above */
	atomic_store_explicit(&b->ping.turn, LINE_STOPS, memory_order_relaxed);
}

static NOINLINE void floor_pong(struct bench *b)
{
	uint32_t turn = 0;

	do {
		/* relaxed: the value itself is all that is passed */
		turn = atomic_load_explicit(&b->ping.turn,
					    memory_order_relaxed);
		if (turn != LINE_STOPS && turn % 2)
			/* relaxed: as above */
			atomic_store_explicit(&b->ping.turn, turn + 1,
					      memory_order_relaxed);
	} while (turn != LINE_STOPS);
}

struct floor_desc {
	const char *name;
	floor_loop loop, other; /* other: on the second CPU */
	bool (*available)(void);
};

static const struct floor_desc floors[] = {
	{ "empty_loop", floor_empty_loop, NULL, NULL },
	{ "local_stack", floor_local_stack, NULL, NULL },
#if RSEQ_X86_64
	{ "rseq_stack", floor_rseq_stack, NULL, rseq_available },
#else
	{ "rseq_stack", NULL, NULL, NULL },
#endif
	{ "lock_pair", floor_lock_pair, NULL, NULL },
	{ "cacheline_transfer", floor_ping, floor_pong, NULL },
	{ "clock_reads", floor_clock_reads, NULL, NULL },
	{ "sample", floor_sample, NULL, NULL },
};
_Static_assert(ARRAY_SIZE(floors) == MAX_FLOORS, "floor.h names them all");

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void sem_wait_always(sem_t *sem)
{
	while (sem_wait(sem))
		; /* EINTR */
}

static void *runner_main(void *arg)
{
	struct runner *r = arg;

	for (;;) {
		double start;

		sem_wait_always(&r->go);
		if (!r->loop)
			return NULL;
		start = now_ns();
		r->loop(r->bench);
		r->elapsed_ns = now_ns() - start;
		sem_post(&r->done);
	}
}

static int runner_start(struct runner *r, struct bench *bench, uint16_t os_cpu)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int ret;

	if (os_cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(os_cpu, &set);
	r->bench = bench;
	sem_init(&r->go, 0, 0);
	sem_init(&r->done, 0, 0);
	pthread_attr_init(&attr);
	ret = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (!ret)
		ret = pthread_create(&r->thread, &attr, runner_main, r);
	pthread_attr_destroy(&attr);
	return -ret;
}

static void runner_stop(struct runner *r)
{
	r->loop = NULL;
	sem_post(&r->go);
	pthread_join(r->thread, NULL);
	sem_destroy(&r->go);
	sem_destroy(&r->done);
}

/* One round of one floor: ns per operation, or 0 when none was completed (the
 * other CPU's thread did not run at all). */
static double round_run(const struct floor_desc *f, struct runner *runner)
{
	const struct timespec window = { .tv_nsec = ROUND_NS };
	struct bench *b = runner[0].bench;

	b->worker.ops_ok = 0;
	/* relaxed: the semaphores order these */
	atomic_store_explicit(&b->stop, false, memory_order_relaxed);
	atomic_store_explicit(&b->ping.turn, 0, memory_order_relaxed);
	if (f->other) {
		runner[1].loop = f->other;
		sem_post(&runner[1].go);
	}
	runner[0].loop = f->loop;
	sem_post(&runner[0].go);
	nanosleep(&window, NULL);
	/* relaxed: only has to be seen eventually */
	atomic_store_explicit(&b->stop, true, memory_order_relaxed);
	sem_wait_always(&runner[0].done);
	if (f->other)
		sem_wait_always(&runner[1].done);
	if (!b->worker.ops_ok)
		return 0;
	return runner[0].elapsed_ns / (double)b->worker.ops_ok;
}

static int double_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median and interquartile range of the rounds that completed something; n/a
 * when fewer than half did. Sorts them. */
static void rounds_judge(struct floor_result *out, double *ns, unsigned nr)
{
	unsigned empty = 0;

	qsort(ns, nr, sizeof(ns[0]), double_compare);
	while (empty < nr && ns[empty] == 0)
		empty++;
	if (empty > nr / 2) {
		out->available = false;
		return;
	}
	ns += empty;
	nr -= empty;
	out->value = nr % 2 ? ns[nr / 2] : (ns[nr / 2 - 1] + ns[nr / 2]) / 2;
	out->spread = ns[nr - 1 - nr / 4] - ns[nr / 4];
}

static bool floor_available(const struct floor_desc *f, unsigned nr_cpus)
{
	return f->loop && (!f->other || nr_cpus > 1) &&
	       (!f->available || f->available());
}

/* The same set for every CPU: only the first runner uses it. NULL: no memory.
 */
static char **slots_create(void)
{
	const size_t bytes =
		sizeof(struct pfn_stack) + STACK_PFNS * sizeof(uint32_t);
	const long nr_cpus = sysconf(_SC_NPROCESSORS_CONF);
	const size_t nr = nr_cpus > 0 ? (size_t)nr_cpus : 1;
	struct pfn_stack *stack = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(bytes, CACHELINE_SIZE));
	char **slot = malloc(nr * sizeof(*slot));

	if (!stack || !slot) {
		free(stack);
		free(slot);
		return NULL;
	}
	stack->limit = STACK_PFNS;
	stack->count = STACK_PFNS / 2;
	for (uint32_t i = 0; i < stack->count; i++)
		stack->pfn[i] = i;
	for (size_t i = 0; i < nr; i++)
		slot[i] = (char *)stack;
	return slot;
}

static struct bench *bench_create(void)
{
	struct bench *b = aligned_alloc(CACHELINE_SIZE, sizeof(*b));
	struct hist_config cfg;

	if (!b)
		return NULL;
	memset(b, 0, sizeof(*b));
	b->worker.stop = &b->stop;
	b->local.count = STACK_PFNS / 2;
	spin_lock_init(&b->lock, RANK_LEAF);
	if (hist_config_init(&cfg, HIST_HIGHEST_DEFAULT))
		goto err_bench;
	b->worker.lat[LAT_ALLOC] = hist_create(&cfg);
	if (!b->worker.lat[LAT_ALLOC])
		goto err_bench;
	b->slot = slots_create();
	if (!b->slot)
		goto err_hist;
	return b;
err_hist:
	hist_destroy(b->worker.lat[LAT_ALLOC]);
err_bench:
	free(b);
	return NULL;
}

static void bench_destroy(struct bench *b)
{
	free(b->slot[0]);
	free(b->slot);
	hist_destroy(b->worker.lat[LAT_ALLOC]);
	free(b);
}

static void floors_run(struct floor_result *out, unsigned nr,
		       struct runner *runner, unsigned nr_cpus)
{
	double ns[MAX_FLOORS][NR_ROUNDS];

	for (unsigned i = 0; i < nr; i++)
		out[i] = (struct floor_result){
			.name = floors[i].name,
			.unit = "ns",
			.available = floor_available(&floors[i], nr_cpus),
		};
	for (unsigned round = 0; round < NR_ROUNDS; round++)
		for (unsigned i = 0; i < nr; i++)
			if (out[i].available)
				ns[i][round] = round_run(&floors[i], runner);
	for (unsigned i = 0; i < nr; i++)
		if (out[i].available)
			rounds_judge(&out[i], ns[i] + 1, NR_ROUNDS - 1);
}

int floors_measure(struct floor_result *out, unsigned max, unsigned *nr,
		   const uint16_t *os_cpu, unsigned nr_cpus)
{
	struct runner runner[NR_RUNNERS] = { 0 };
	unsigned started = 0, wanted = nr_cpus > 1 ? NR_RUNNERS : 1;
	struct bench *bench;
	int ret = 0;

	if (!nr_cpus)
		return -EINVAL;
	bench = bench_create();
	if (!bench)
		return -ENOMEM;
	*nr = max < MAX_FLOORS ? max : MAX_FLOORS;
	while (!ret && started < wanted) {
		ret = runner_start(&runner[started], bench, os_cpu[started]);
		started += !ret;
	}
	if (!ret)
		floors_run(out, *nr, runner, nr_cpus);
	while (started)
		runner_stop(&runner[--started]);
	bench_destroy(bench);
	return ret;
}
