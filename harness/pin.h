/*
 * Placement: which CPUs a run's threads are pinned to, and the pinning.
 */
#ifndef HARNESS_PIN_H
#define HARNESS_PIN_H

#include "alloc/base/topo.h"
#include "harness/options.h"

/*
 * Chooses nr CPUs of t (indexes into its arrays) into cpu[]. Second threads of
 * a core come after every first one.
 *   compact  node by node, core by core
 *   scatter  one of each node in turn
 *   node:N   CPUs of node N only
 * share: more threads than CPUs is allowed, they wrap around. 0, or -EINVAL
 * where there are too few CPUs. Pure.
 */
int pin_choose(const struct topo *t, struct placement placement, unsigned nr,
	       bool share, uint16_t *cpu) MUST_CHECK;

/* Why pin_choose() refused, in err: "threads=3: expected at most the 2 CPUs of
 * WHAT, ..." */
void pin_refusal(const struct topo *t, struct placement placement, unsigned nr,
		 const char *what, char *err, size_t err_len);

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
