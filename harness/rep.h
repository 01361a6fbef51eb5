/*
 * One repetition of one cell, in a process of its own: pins, builds and boots
 * the machine, runs the windows, takes everything down, proves itself and
 * writes its files. Shared by rep*.c only.
 */
#ifndef HARNESS_REP_H
#define HARNESS_REP_H

#include <jansson.h>
#include <pthread.h>

#include "harness/arena.h"
#include "alloc/page/reclaim.h"
#include "harness/audit.h"
#include "harness/bind.h"
#include "harness/clock.h"
#include "harness/floor.h"
#include "harness/noise.h"
#include "harness/options.h"
#include "harness/pin.h"

#define REP_WHY_MAX 240
#define HUGE_ORDER  9

/* warm-up, throughput window, latency window */
enum rep_phase { PHASE_WARMUP, PHASE_RATE, PHASE_LATENCY, NR_PHASES };

/* A profiler that is told when the throughput window begins and ends: it reads
 * commands from one descriptor and answers each on another. -1: none. */
struct rep_gate {
	int command, answer;
};

/* How a repetition ended; words of the status file. */
enum rep_verdict { VERDICT_OK, VERDICT_VOID, VERDICT_FAILED, VERDICT_OOM };

/* Pages: [0] of the thread's own node, [1] of others. */
struct numa_flow {
	uint64_t alloc[2], freed[2];
};

/* What a worker did in one phase. Written by it between two barriers. */
struct phase_count {
	struct numa_flow flow;
	uint64_t begin, end; /* TSC around the loop */
	uint64_t ops, failed;
	uint64_t invol_switches;
};

struct rep_thread {
	struct worker *w;
	struct rep *rep;
	pthread_t thread;
	bool started;
	struct slab_ctx slab_ctx; /* slab cells, while w->slab is set */
	bool entered;             /* w->ctx is open */
	struct event_ring events;
	struct zone_counters *counters; /* [machine->nr_zones] */
	struct phase_count phase[NR_PHASES];
	uint16_t cpu;       /* index in rep->host */
	bool shares_core;   /* with another thread of the team */
	uint16_t model_cpu; /* index in the machine's topology */
	int tid;
	uint64_t vol_switches, invol_switches; /* whole life */
	uint64_t hiccup_ticks;
	/* glibc's rseq area of the thread: cpu_id is where it runs now, read
	 * by the sampler; NULL where glibc did not register one */
	const uint32_t *rseq_cpu_id;
	uint32_t samples_total, samples_on_cpu;
	bool affinity_kept; /* its mask was still that one CPU at the end */
} CACHELINE;

/* The windows as the main thread saw them; TSC. */
struct phase_window {
	uint64_t open, end;      /* gate; last worker's end */
	uint64_t harness_cpu_ns; /* used by the main thread meanwhile */
	struct noise_mark before, after;
	struct zone_lock_stats locks_before, locks_after;
};

/* What reclaim has of a zone, and since the start. */
struct reclaim_look {
	long boost, lru[NR_LRU_LISTS]; /* pages */
	uint64_t swap_used;            /* pages, whole machine */
	uint64_t pswpin, pswpout;      /* pages, whole machine */
	/* pages by kswapd and by direct reclaim, whole machine */
	uint64_t pgscan[2], pgsteal[2];
	bool kswapd_awake; /* of the zone's node */
};

/* Bytes of slabs (of a library: what the process has grown by) and of the
 * objects in them; live 0: the workload does not tell. */
struct slab_look {
	uint64_t held, live;
};

/* Allocations by the way they went, each one way; and frees. */
struct slab_paths {
	uint64_t fast, slow, partial, fresh;
	uint64_t frees, free_slow, free_remote;
};

struct sample {
	uint64_t tsc;
	uint16_t zone;
	uint64_t free_pages;
	uint64_t nr_free[NR_PAGE_ORDERS];
	struct zone_held held;
	struct reclaim_look reclaim;
	uint32_t blocks[NR_MIGRATETYPES]; /* pageblocks of each type */
	struct slab_look slab;            /* whole machine */
	uint32_t huge_got; /* order-9 blocks of this zone, if asked for */
};

/* Order-9 blocks when the windows were over; see rep_huge.c. */
struct huge_result {
	bool done;
	uint32_t end, drained; /* had, before and after a drain */
	uint64_t listed;       /* on free lists, larger blocks included */
	uint64_t free_pages, cached_pages, limbo_pages; /* at that time */
};

struct samples {
	struct sample *slot;
	uint32_t nr, cap;
	uint32_t missed; /* no room left */
};

/* A thread's flow so far at one time; threads in turn. */
struct numa_look {
	uint64_t tsc;
	struct numa_flow flow;
};

struct numa_looks {
	struct numa_look *slot;
	uint32_t nr, cap;
};

struct rep {
	/* which one */
	const char *run_id, *cell_id, *dir;
	char *const *args; /* of the command line, from "rep" on */
	unsigned index, attempt;
	struct rep_gate profiler;
	/* what is asked for */
	struct job_params *params;
	json_t *params_json;                     /* as run.json has them */
	const struct page_binding *binding;      /* of a slab cell: pages= */
	const struct slab_binding *slab_binding; /* NULL: a page cell */
	const struct bound_workload *bound;
	/* slab cells */
	struct slab_allocator *slab;
	struct slab_ctx slab_ctx;     /* the main thread's */
	json_t *slab_json;            /* caches with attributes and counters */
	uint64_t slab_rss;            /* bytes resident when it was created */
	struct slab_paths slab_paths; /* of all caches, at the end */
	double slab_padding; /* share of a place that its object leaves */
	/* the host and the machine */
	struct topo *host; /* as far as cpus= lets */
	struct machine_desc *desc;
	struct team_place *place;
	struct arena arena;
	struct machine *machine;
	struct page_engine *engine;
	struct reclaim *reclaim; /* NULL: none */
	struct page_ctx ctx;     /* the main thread's */
	struct zone_counters *counters;
	struct event_ring *node_events; /* [nr_nodes], of the engine's own
				       threads; NULL: it has none */
	struct free_state boot_state;
	struct clock_info clock;
	struct floor_result floors[MAX_FLOORS];
	unsigned nr_floors;
	uint64_t boot_ticks, populate_ticks;
	uint64_t rss_after_boot_kib, peak_rss_kib;
	/* the team */
	struct team team;
	struct rep_thread *thread; /* [team.nr] */
	pthread_barrier_t barrier; /* workers and main */
	_Atomic uint64_t gate;     /* TSC at which all start, 0: closed */
	_Atomic bool stop CACHELINE;
	_Atomic bool broken;  /* a worker could not be made ready */
	bool abandoned;       /* threads wait that nobody joins */
	enum rep_phase phase; /* written between barriers */
	struct phase_window window[NR_PHASES];
	struct samples samples;
	struct numa_looks numa_looks;
	struct workload_metric report[MAX_WORKLOAD_METRICS];
	unsigned nr_report;
	struct huge_result huge;
	/* the proof */
	struct zone_held held_at_end; /* all zones, when workers had left */
	bool affinity, drained;
	double residency;                       /* -1: nobody looked */
	struct arena_tally frames, descriptors; /* on their nodes */
	struct arena_mapping mapped;            /* with frames=huge */
	unsigned audit_blocks;
	uint64_t events_dropped;
	const char *noisy; /* NULL or the reason */
	struct noise noise;
	char verified[REP_WHY_MAX]; /* "" or the broken invariant */
	enum rep_verdict verdict;
	char why[REP_WHY_MAX];
};

/* Keeps the first reason; a failure outranks a void. Any thread before the
 * join, in turn: callers hold the barrier's order. */
void rep_judge(struct rep *rep, enum rep_verdict verdict, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* rep_team.c. Creates the team; runs all phases; joins. 0 or -1 with the
 * verdict given. */
int rep_team_run(struct rep *rep) MUST_CHECK;

/* Memory of an event ring, touched, and how its events share slots. 0 or
 * -ENOMEM; ring->slot is the caller's to free. */
int rep_ring_init(const struct rep *rep, struct event_ring *ring) MUST_CHECK;

/* Are huge pages asked for, by a cell that uses the frames? */
bool rep_huge_frames(const struct rep *rep);

/* How long events share a slot at first, in ticks. */
uint64_t rep_event_span(const struct rep *rep);

/*
 * rep_reclaim.c; start and stop do nothing for cells without reclaim. start:
 * main thread, after the engine. stop: after the workers' end; judges. The
 * rings of its threads, after stop; rep_reclaim_json: only where there is
 * reclaim. look: by the sampler.
 */
bool rep_wants_reclaim(const struct rep *rep);
int rep_reclaim_start(struct rep *rep, char *err, size_t err_len) MUST_CHECK;
void rep_reclaim_stop(struct rep *rep);
unsigned rep_nr_reclaim_rings(const struct rep *rep);
const struct event_ring *rep_reclaim_ring(const struct rep *rep, unsigned i);
json_t *rep_reclaim_json(const struct rep *rep);
void rep_reclaim_look(const struct rep *rep, const struct zone *zone,
		      struct reclaim_look *out);

/* rep_timeline.c. Latency over time, in cells with reclaim. init: by the
 * worker; 0 or -ENOMEM. text: latency.csv. */
int rep_timeline_init(struct rep_thread *t) MUST_CHECK;
bool rep_has_timeline(const struct rep *rep);
void rep_timeline_text(FILE *f, const struct rep *rep);

/* rep_gate.c. Tells the profiler, if there is one, to begin or to end, and
 * waits until it has. Main thread, while the workers wait at the barrier. */
void rep_gate_set(struct rep *rep, bool open);
/* Memory of the team; after rep_write(). */
void rep_team_drop(struct rep *rep);

/* The engine under test: slab or page. */
const char *rep_engine_name(const struct rep *rep);

/*
 * rep_slab.c; all of them do nothing for page cells. start: the allocator and
 * the cache of the cell, main thread, after the page engine. enter / leave: by
 * the worker around prepare and teardown. count: after the join, what caches
 * counted. finish: after the workload's cleanup; verifies, destroys; what is
 * wrong is judged. 0 or -errno with a line in err. look: by the sampler, which
 * also lets a reaper run. metrics: after finish.
 */
bool rep_slab_foreign(const struct rep *rep); /* a library's malloc */
int rep_slab_start(struct rep *rep, char *err, size_t err_len) MUST_CHECK;
int rep_slab_enter(struct rep_thread *t) MUST_CHECK;
void rep_slab_leave(struct rep_thread *t);
void rep_slab_count(struct rep *rep);
void rep_slab_finish(struct rep *rep);
void rep_slab_look(struct rep *rep, uint64_t now, struct slab_look *out);
void rep_slab_metrics(json_t *list, const struct rep *rep);

/* Bytes that the process has resident, 0: not told. */
uint64_t rep_resident(void);

/* rep_sample.c */
int samples_init(struct rep *rep) MUST_CHECK;
/* One look at the free lists and at where the workers run. Main thread. */
void samples_take(struct rep *rep);

/* rep_huge.c. Main thread. Asks for order-9 blocks if the cell wants that:
 * beside the workers, into samples `first` and later ones; and when they rest
 * between the windows and their teardown. */
void huge_look(struct rep *rep, uint32_t first);
void huge_end(struct rep *rep);

/* rep_numa.c. */
/* Whether there is anything to cross, and somebody counts it. */
bool numa_counts(const struct rep *rep);
/* The thread's flow so far; by any thread, exact by its own. */
void numa_flow_read(const struct rep_thread *t, struct numa_flow *out);
void numa_flow_since(struct numa_flow *f, const struct numa_flow *before);
int numa_looks_init(struct rep *rep, uint64_t looks) MUST_CHECK;
/* One look at every thread. Main thread. */
void numa_look(struct rep *rep, uint64_t now);
/* Parts of result.json, and numa.csv. */
void numa_thread_json(json_t *o, const struct rep *rep, unsigned thread);
void numa_metrics(json_t *list, const struct rep *rep);
json_t *numa_nodes_json(const struct rep *rep);
void numa_text(FILE *f, const struct rep *rep);

/* ns since the gate of the throughput window opened; before it: negative. */
int64_t rep_since_gate(const struct rep *rep, uint64_t tsc);

/* rep_result.c. Writes result.json, series.csv, events.csv, latency.hlog into
 * rep->dir. 0 or -errno with one line in err. */
int rep_write(struct rep *rep, char *err, size_t err_len) MUST_CHECK;

/* How many node_events there are. */
ALWAYS_INLINE unsigned rep_nr_node_rings(const struct rep *rep)
{
	return rep->node_events ? rep->desc->topo.nr_nodes : 0;
}

ALWAYS_INLINE uint64_t phase_ns(const struct rep *rep, enum rep_phase phase)
{
	const uint64_t ns[NR_PHASES] = {
		[PHASE_WARMUP] = rep->params->warmup_ns,
		[PHASE_RATE] = rep->params->runtime_ns,
		[PHASE_LATENCY] = rep->params->lat_runtime_ns,
	};

	return ns[phase];
}

#endif
