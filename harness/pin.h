/*
 * Placement: which CPUs a run's threads are pinned to, and the pinning.
 */
#ifndef HARNESS_PIN_H
#define HARNESS_PIN_H

#include "alloc/base/topo.h"
#include "alloc/page/engine.h"
#include "harness/placement.h"

/*
 * Chooses nr CPUs of t (indexes into its arrays) into cpu[]. Second threads of
 * a core come after every first one.
 *   compact    node by node, core by core
 *   scatter    one of each node in turn
 *   node:N     CPUs of node N only
 *   pairs:A-B  one of A and one of B in turn
 * The placement must not be open. share: more threads than CPUs is allowed,
 * they wrap around. 0, or -EINVAL where there are too few CPUs. Pure.
 */
int pin_choose(const struct topo *t, struct placement placement, unsigned nr,
	       bool share, uint16_t *cpu) MUST_CHECK;

/* Why pin_choose() refused, in err: "threads=3: expected at most the 2 CPUs of
 * WHAT, ..." */
void pin_refusal(const struct topo *t, struct placement placement, unsigned nr,
		 const char *what, char *err, size_t err_len);

struct place_request {
	const struct topo *host;  /* the CPUs that may be used */
	const struct topo *model; /* the machine's */
	const char *cpu_set;      /* what host was cut down to, "": nothing */
	struct placement placement;
	const struct mem_rules *rules;
	unsigned nr; /* threads, at most MAX_CPUS */
	bool share;
};

struct team_place {
	uint16_t cpu[MAX_CPUS];   /* of thread i, index in host */
	uint16_t model[MAX_CPUS]; /* its modelled CPU, index in model */
	struct mem_policy policy[MAX_CPUS];
};

/*
 * Places a team. The placement speaks of the machine's nodes. Where the
 * machine is this host (not synthetic) a thread's modelled CPU is its real
 * one. Elsewhere modelled CPUs are chosen first, and a thread is pinned to the
 * host's node of the same number while that has CPUs left, to any other CPU
 * otherwise.
 *
 * Memory rules speak of the machine's nodes too: remote is the farthest other
 * node with memory, of several the next above. 0, or -EINVAL with the reason
 * in err. Pure.
 */
int place_team(const struct place_request *rq, struct team_place *out,
	       char *err, size_t err_len) MUST_CHECK;

/* Whether another of nr threads has the core of thread i. */
bool place_shares_core(const struct topo *host, const uint16_t *cpu,
		       unsigned nr, unsigned i);

/* Pins the calling thread to one CPU of the OS and checks that it runs there.
 * 0, or -errno with one line in err. */
int pin_self(unsigned os_cpu, char *err, size_t err_len) MUST_CHECK;

/* Whether the thread's mask is exactly this CPU. tid 0: the caller. */
bool pin_holds(int tid, unsigned os_cpu);

/* Lets the calling thread run on every CPU of t but those of used[nr]; on all
 * of t where none is left. For the harness's own thread. 0 or -errno. */
int pin_avoid(const struct topo *t, const uint16_t *used, unsigned nr)
	MUST_CHECK;

#endif
