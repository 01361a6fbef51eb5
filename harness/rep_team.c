/*
 * The threads of a repetition and its windows.
 *
 * A phase is: all meet at the barrier; worker 0 opens the gate a little in the
 * future, so that everyone starts at the same reading of the clock; the main
 * thread sleeps and samples until the time is over, then raises `stop`; all
 * meet again. Nothing else happens between the gate and the stop: a worker
 * reads the clock, calls its loop, reads the clock.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define HAVE_RSEQ 1
#endif

#include "alloc/page/zone_lock.h"
#include "harness/rep.h"
#include "workloads/lib/rng.h"
#include "workloads/lib/timeline.h"

#define GATE_DELAY_NS       50000
#define EVENT_SPAN_NS       100000 /* events nearer than this may share a slot */
#define EVENT_KEYS_EXPECTED 64
#define HICCUP_NS           1000000

/* The kernel's word for "which CPU is this thread on", NULL: none. */
static const uint32_t *own_rseq_cpu_id(void)
{
#ifdef HAVE_RSEQ
	if (__rseq_size)
		return &((struct rseq *)((char *)__builtin_thread_pointer() +
					 __rseq_offset))
				->cpu_id;
#endif
	return NULL;
}

/* Without rseq a worker looks itself, around its loops. */
static void look_at_self(struct rep_thread *t)
{
	if (t->rseq_cpu_id)
		return;
	t->samples_total++;
	t->samples_on_cpu +=
		sched_getcpu() == (int)t->rep->host->os_cpu[t->cpu];
}

static uint64_t invol_switches(void)
{
	struct rusage u;

	return getrusage(RUSAGE_THREAD, &u) ? 0 : (uint64_t)u.ru_nivcsw;
}

/*
 * How long events of one key share a slot: so long that all windows of as many
 * keys as are to be expected fill half of a ring.
 */
uint64_t rep_event_span(const struct rep *rep)
{
	const struct job_params *p = rep->params;
	uint64_t ns = 0;

	for (unsigned i = 0; i < NR_PHASES; i++)
		ns += phase_ns(rep, (enum rep_phase)i);
	ns = ns / (p->events / 2 + 1) * EVENT_KEYS_EXPECTED;
	return clock_ticks(&rep->clock,
			   ns > EVENT_SPAN_NS ? ns : EVENT_SPAN_NS);
}

int rep_ring_init(const struct rep *rep, struct event_ring *ring)
{
	const uint32_t cap = rep->params->events;

	ring->slot = malloc(cap * sizeof(*ring->slot));
	if (!ring->slot)
		return -ENOMEM;
	/* touched now, so that no event has to wait for its page */
	memset(ring->slot, 0, cap * sizeof(*ring->slot));
	ring->cap = cap;
	ring->span = rep_event_span(rep);
	return 0;
}

static int worker_memory(struct rep_thread *t)
{
	const struct machine *m = t->rep->machine;
	struct hist_config cfg;

	t->counters = calloc(m->nr_zones, sizeof(*t->counters));
	if (rep_ring_init(t->rep, &t->events) || !t->counters ||
	    hist_config_init(&cfg, HIST_HIGHEST_DEFAULT))
		return -ENOMEM;
	for (unsigned k = 0; k < NR_LATENCIES; k++) {
		t->w->lat[k] = hist_create(&cfg);
		if (!t->w->lat[k])
			return -ENOMEM;
	}
	return rep_timeline_init(t);
}

/* By the worker, on its CPU, so that its memory lies there. */
static int worker_ready(struct rep_thread *t, char *err, size_t err_len)
{
	struct rep *rep = t->rep;
	int r = pin_self(rep->host->os_cpu[t->cpu], err, err_len);

	if (r)
		return r;
	t->tid = gettid();
	/* for profilers and top: who of the process it is */
	pthread_setname_np(pthread_self(), "worker");
	t->rseq_cpu_id = own_rseq_cpu_id();
	r = worker_memory(t);
	if (!r)
		r = page_ctx_enter(t->w->ctx, rep->engine, t->model_cpu,
				   t->counters, &t->events);
	if (r) {
		snprintf(err, err_len, "worker %u: %s", t->w->index,
			 strerror(-r));
		return r;
	}
	t->entered = true;
	/* was held against the machine when the team was placed */
	r = page_ctx_policy(t->w->ctx, rep->place->policy[t->w->index]);
	if (!r)
		r = rep_slab_enter(t);
	if (r) {
		snprintf(err, err_len, "worker %u: %s", t->w->index,
			 strerror(-r));
		return r;
	}
	t->hiccup_ticks = noise_hiccup(&rep->clock, HICCUP_NS);
	if (rep->bound->workload->prepare)
		r = rep->bound->workload->prepare(t->w);
	if (r)
		snprintf(err, err_len, "workload %s: prepare: %s",
			 rep->bound->workload->name, strerror(-r));
	return r;
}

/* Everybody leaves at the same tick. */
static uint64_t wait_for_gate(struct rep_thread *t)
{
	struct rep *rep = t->rep;
	uint64_t open, now;

	if (t->w->index == 0) {
		open = tsc_read() + clock_ticks(&rep->clock, GATE_DELAY_NS);
		/* REL(gate): pairs with ACQ(gate) */
		atomic_store_explicit(&rep->gate, open, memory_order_release);
	}
	/* ACQ(gate): see the reset of counters; pairs with REL(gate) */
	while (!(open = atomic_load_explicit(&rep->gate, memory_order_acquire)))
		cpu_relax();
	while ((now = tsc_read()) < open)
		cpu_relax();
	return now;
}

static void run_phase(struct rep_thread *t, enum rep_phase phase)
{
	struct rep *rep = t->rep;
	struct worker *w = t->w;
	struct phase_count *count = &t->phase[phase];
	const enum probe probe =
		phase == PHASE_LATENCY ? PROBE_SAMPLED : PROBE_NONE;
	struct numa_flow before;
	uint64_t switches;

	w->ops_ok = w->ops_failed = 0;
	numa_flow_read(t, &before);
	look_at_self(t);
	switches = invol_switches();
	count->begin = wait_for_gate(t);
	/* relaxed: the gate is open, and stays so */
	if (w->timeline)
		w->timeline->begin =
			atomic_load_explicit(&rep->gate, memory_order_relaxed);
	rep->bound->run[probe](w);
	count->end = tsc_read();
	count->invol_switches = invol_switches() - switches;
	look_at_self(t);
	count->ops = w->ops_ok;
	count->failed = w->ops_failed;
	numa_flow_read(t, &count->flow);
	numa_flow_since(&count->flow, &before);
}

static void worker_leave(struct rep_thread *t)
{
	const struct workload *workload = t->rep->bound->workload;
	struct rusage u;

	t->affinity_kept = pin_holds(0, t->rep->host->os_cpu[t->cpu]);
	if (t->entered && workload->teardown)
		workload->teardown(t->w);
	rep_slab_leave(t);
	if (t->entered)
		page_ctx_exit(t->w->ctx);
	if (!getrusage(RUSAGE_THREAD, &u)) {
		t->vol_switches = (uint64_t)u.ru_nvcsw;
		t->invol_switches = (uint64_t)u.ru_nivcsw;
	}
}

static void *worker_main(void *arg)
{
	struct rep_thread *t = arg;
	struct rep *rep = t->rep;
	char err[REP_WHY_MAX];
	int r = worker_ready(t, err, sizeof(err));

	if (r) {
		/* relaxed: ordered by the barrier that follows */
		if (!atomic_exchange_explicit(&rep->broken, true,
					      memory_order_relaxed))
			rep_judge(rep,
				  r == -ENOMEM ? VERDICT_OOM : VERDICT_FAILED,
				  "%s", err);
	}
	pthread_barrier_wait(&rep->barrier);
	/* relaxed: every writer passed the barrier */
	while (!atomic_load_explicit(&rep->broken, memory_order_relaxed)) {
		enum rep_phase phase;

		pthread_barrier_wait(&rep->barrier); /* the phase is set */
		phase = rep->phase;
		if (phase == NR_PHASES)
			break;
		run_phase(t, phase);
		pthread_barrier_wait(&rep->barrier); /* all have left */
	}
	worker_leave(t);
	return NULL;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000),
			       (long)(ns % 1000000000) };

	nanosleep(&ts, NULL);
}

static uint64_t thread_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t await_gate(struct rep *rep)
{
	uint64_t open;

	/* ACQ(gate): pairs with REL(gate) */
	while (!(open = atomic_load_explicit(&rep->gate, memory_order_acquire)))
		sleep_ns(GATE_DELAY_NS / 2);
	return open;
}

/* Sleeps until the end of the window; looks at intervals when `sample`. */
static void watch(struct rep *rep, uint64_t open, uint64_t ns, bool sample)
{
	const uint64_t end = open + clock_ticks(&rep->clock, ns);
	const uint64_t step =
		clock_ticks(&rep->clock, rep->params->interval_ns);
	uint64_t next = open, now;

	while ((now = tsc_read()) < end) {
		uint64_t until = end;

		if (sample && now >= next) {
			samples_take(rep);
			next += step * ((now - next) / step + 1);
			continue;
		}
		if (sample && next < end)
			until = next;
		sleep_ns((uint64_t)clock_ns(&rep->clock, until - now) + 1);
	}
	/* woken too late for a single look: the workers still run */
	if (sample && next == open)
		samples_take(rep);
}

static void mark_noise(const struct rep *rep, struct noise_mark *mark)
{
	uint16_t cpu[MAX_CPUS];

	for (unsigned i = 0; i < rep->team.nr && i < MAX_CPUS; i++)
		cpu[i] = rep->thread[i].cpu;
	noise_mark(mark, rep->host, cpu,
		   rep->team.nr < MAX_CPUS ? rep->team.nr : MAX_CPUS);
}

#ifdef FAULTS
/* fault=affinity: moves the last worker to another CPU in mid-window, and back
 * before anyone asks for its mask. */
static void inject(struct rep *rep, enum rep_phase phase)
{
	struct rep_thread *t = &rep->thread[rep->team.nr - 1];
	cpu_set_t set;

	if (phase != PHASE_RATE || strcmp(rep->params->fault, "affinity"))
		return;
	CPU_ZERO(&set);
	for (unsigned i = 0; i < rep->host->nr_cpus; i++)
		if (i != t->cpu)
			CPU_SET(rep->host->os_cpu[i], &set);
	sched_setaffinity(t->tid, sizeof(set), &set);
	watch(rep, tsc_read(), phase_ns(rep, phase) / 4, true);
	CPU_ZERO(&set);
	CPU_SET(rep->host->os_cpu[t->cpu], &set);
	sched_setaffinity(t->tid, sizeof(set), &set);
}
#else
static void inject(struct rep *rep, enum rep_phase phase)
{
	(void)rep;
	(void)phase;
}
#endif

/* Main thread: one phase from barrier to barrier. */
static void direct_phase(struct rep *rep, enum rep_phase phase)
{
	struct phase_window *window = &rep->window[phase];
	uint64_t cpu_ns;

	rep->phase = phase;
	/* relaxed: ordered by the barrier */
	atomic_store_explicit(&rep->stop, false, memory_order_relaxed);
	atomic_store_explicit(&rep->gate, 0, memory_order_relaxed);
	mark_noise(rep, &window->before);
	zone_lock_stats_sum(rep->machine, &window->locks_before);
	if (phase == PHASE_RATE)
		rep_gate_set(rep, true);
	pthread_barrier_wait(&rep->barrier);
	window->open = await_gate(rep);
	cpu_ns = thread_cpu_ns();
	inject(rep, phase);
	watch(rep, window->open, phase_ns(rep, phase), phase != PHASE_WARMUP);
	/* relaxed: only has to be seen eventually */
	atomic_store_explicit(&rep->stop, true, memory_order_relaxed);
	window->harness_cpu_ns = thread_cpu_ns() - cpu_ns;
	pthread_barrier_wait(&rep->barrier);
	if (phase == PHASE_RATE)
		rep_gate_set(rep, false);
	mark_noise(rep, &window->after);
	zone_lock_stats_sum(rep->machine, &window->locks_after);
	for (unsigned i = 0; i < rep->team.nr; i++)
		if (rep->thread[i].phase[phase].end > window->end)
			window->end = rep->thread[i].phase[phase].end;
}

static void direct(struct rep *rep)
{
	pthread_barrier_wait(&rep->barrier); /* all are ready */
	/* relaxed: every writer passed the barrier */
	if (atomic_load_explicit(&rep->broken, memory_order_relaxed))
		return;
	for (unsigned i = 0; i < NR_PHASES; i++)
		if (phase_ns(rep, (enum rep_phase)i))
			direct_phase(rep, (enum rep_phase)i);
	huge_end(rep);
	rep->phase = NR_PHASES;
	pthread_barrier_wait(&rep->barrier);
}

static int team_create(struct rep *rep)
{
	struct team *team = &rep->team;
	const unsigned nr = rep->params->threads.n;

	team->worker =
		aligned_alloc(CACHELINE_SIZE, nr * sizeof(*team->worker));
	rep->thread = aligned_alloc(CACHELINE_SIZE, nr * sizeof(*rep->thread));
	if (!team->worker || !rep->thread)
		return -ENOMEM;
	memset(team->worker, 0, nr * sizeof(*team->worker));
	memset(rep->thread, 0, nr * sizeof(*rep->thread));
	team->nr = (uint16_t)nr;
	team->params = &rep->params->workload;
	team->machine = rep->machine;
	team->slab = rep->slab ? &rep->slab_ctx : NULL;
	for (unsigned i = 0; i < nr; i++) {
		struct worker *w = &team->worker[i];

		w->stop = &rep->stop;
		w->params = team->params;
		w->team = team;
		w->rng = rng_seed(team->params->seed, i);
		w->sample_mask = rep->params->sample - 1;
		w->index = (uint16_t)i;
		rep->thread[i].w = w;
		rep->thread[i].rep = rep;
	}
	return 0;
}

static int team_place(struct rep *rep)
{
	const struct team_place *place = rep->place;

	for (unsigned i = 0; i < rep->team.nr; i++) {
		rep->thread[i].cpu = place->cpu[i];
		rep->thread[i].model_cpu = place->model[i];
		rep->thread[i].shares_core = place_shares_core(
			rep->host, place->cpu, rep->team.nr, i);
	}
	if (pin_avoid(rep->host, place->cpu, rep->team.nr)) {
		rep_judge(rep, VERDICT_FAILED, "cannot place the main thread");
		return -1;
	}
	return 0;
}

static int team_setup(struct rep *rep)
{
	const struct workload *workload = rep->bound->workload;
	int r = workload->setup ? workload->setup(&rep->team) : 0;

	if (r)
		rep_judge(rep, r == -ENOMEM ? VERDICT_OOM : VERDICT_FAILED,
			  "workload %s: setup: %s", workload->name,
			  strerror(-r));
	return r;
}

/* A thread that cannot be started leaves the others at the barrier for ever,
 * so that ends the process' hope: the verdict is given, nobody is joined. */
static int team_start(struct rep *rep)
{
	for (unsigned i = 0; i < rep->team.nr; i++) {
		struct rep_thread *t = &rep->thread[i];
		int r = pthread_create(&t->thread, NULL, worker_main, t);

		if (r) {
			rep_judge(rep, VERDICT_FAILED, "starting thread %u: %s",
				  i, strerror(r));
			rep->abandoned = i > 0;
			return -1;
		}
		t->started = true;
	}
	return 0;
}

/* What the workload has to say against the allocator. */
static void verify_team(struct rep *rep)
{
	const struct workload *workload = rep->bound->workload;
	const char *wrong =
		workload->verify ? workload->verify(&rep->team) : NULL;

	if (wrong)
		rep_judge(rep, VERDICT_FAILED, "workload %s: %s",
			  workload->name, wrong);
}

int rep_team_run(struct rep *rep)
{
	const struct workload *workload = rep->bound->workload;
	int r = team_create(rep);

	if (!r)
		r = samples_init(rep);
	if (r) {
		rep_judge(rep, VERDICT_OOM, "no memory for the team");
		return -1;
	}
	if (team_place(rep))
		return -1;
	pthread_barrier_init(&rep->barrier, NULL, rep->team.nr + 1u);
	r = team_setup(rep);
	if (!r && team_start(rep))
		return -1;
	if (!r) {
		direct(rep);
		for (unsigned i = 0; i < rep->team.nr; i++)
			pthread_join(rep->thread[i].thread, NULL);
		if (workload->report)
			rep->nr_report =
				workload->report(&rep->team, rep->report);
		rep_slab_count(rep);
		verify_team(rep);
	}
	if (workload->cleanup)
		workload->cleanup(&rep->team);
	pthread_barrier_destroy(&rep->barrier);
	return rep->verdict == VERDICT_OK ? 0 : -1;
}

void rep_team_drop(struct rep *rep)
{
	/* threads that wait for ever still look at it */
	if (rep->abandoned)
		return;
	for (unsigned i = 0; i < rep->team.nr; i++) {
		struct rep_thread *t = &rep->thread[i];

		for (unsigned k = 0; k < NR_LATENCIES; k++)
			hist_destroy(t->w->lat[k]);
		free(t->w->timeline);
		free(t->events.slot);
		free(t->counters);
	}
	free(rep->samples.slot);
	free(rep->numa_looks.slot);
	free(rep->thread);
	free(rep->team.worker);
}
