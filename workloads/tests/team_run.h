/*
 * Runs a workload on a small machine from a test, as a repetition does, but
 * within the test's process: boot, engine, threads, windows, teardown, drain,
 * verify.
 */
#ifndef WORKLOADS_TESTS_TEAM_RUN_H
#define WORKLOADS_TESTS_TEAM_RUN_H

#include "alloc/page/swap.h"
#include "harness/bind.h"

struct team_run {
	/* in */
	const char *engine, *workload;
	const char *pages; /* engine is a slab engine over this one; NULL: a
			      page engine */
	struct workload_params params;
	uint64_t bytes;              /* of the machine; of its HIGHMEM where the
					workload needs that */
	unsigned nodes;              /* that share them, and 8 CPUs; 0: one */
	struct mem_policy policy;    /* of each thread */
	unsigned threads, window_ms; /* longer if a thread got no CPU in it */
	bool pinned;                 /* thread i on CPU i; for figures */
	struct swap_faults swap_faults; /* of workloads that need reclaim */
	/* out: [probe], sums over the threads */
	uint64_t ops_ok[NR_PROBES], ops_failed[NR_PROBES];
	uint64_t samples[NR_LATENCIES];
	double ns_per_op[NR_PROBES]; /* threads * window / ops */
	struct workload_metric metric[MAX_WORKLOAD_METRICS];
	unsigned nr_metrics;
	const char *wrong;                /* what the workload's verify said */
	uint64_t free_before, free_after; /* pages of all zones */
	const char *verified;             /* NULL, or the broken invariant */
	unsigned caches_busy;             /* slab runs: at the end */
	int error;                        /* 0, or -errno of a hook */
};

/* Sensible values for every option. */
struct workload_params team_params(void);

/* Both windows, PROBE_NONE then PROBE_SAMPLED. 0, or -errno (also in error);
 * the frames are counted in any case. */
int team_run(struct team_run *run);

#endif
