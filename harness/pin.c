/*
 * Placement of threads. Planning is arithmetic over plain data, so that it is
 * tested on machines that nobody here has; pinning that does not hold is an
 * error, never a warning.
 */
#include "harness/pin.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct candidate {
	uint16_t cpu;
	/* sorted by these, in this order */
	uint16_t smt, turn, node, package, core;
};

static int compare_candidates(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;
	const int key[] = {
		a->smt - b->smt,         a->turn - b->turn, a->node - b->node,
		a->package - b->package, a->core - b->core, a->cpu - b->cpu,
	};

	for (size_t i = 0; i < ARRAY_SIZE(key); i++)
		if (key[i])
			return key[i];
	return 0;
}

/* Scatter: the n-th CPU of its node and SMT level stands in turn n. */
static void number_turns(struct candidate *c, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		for (unsigned j = 0; j < i; j++)
			if (c[j].node == c[i].node && c[j].smt == c[i].smt)
				c[i].turn++;
	}
}

static unsigned candidates(const struct topo *t, struct placement placement,
			   struct candidate *c)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < t->nr_cpus; i++) {
		if (placement.kind == PLACE_NODE &&
		    t->node_of_cpu[i] != placement.node)
			continue;
		c[nr++] = (struct candidate){
			.cpu = (uint16_t)i,
			.smt = t->smt_of_cpu[i],
			.node = t->node_of_cpu[i],
			.package = t->package_of_cpu[i],
			.core = t->core_of_cpu[i],
		};
	}
	qsort(c, nr, sizeof(*c), compare_candidates);
	if (placement.kind == PLACE_SCATTER) {
		number_turns(c, nr);
		qsort(c, nr, sizeof(*c), compare_candidates);
	}
	return nr;
}

int pin_choose(const struct topo *t, struct placement placement, unsigned nr,
	       bool share, uint16_t *cpu)
{
	struct candidate c[MAX_CPUS] = { 0 };
	unsigned nr_candidates = candidates(t, placement, c);

	if (!nr_candidates || (nr > nr_candidates && !share))
		return -EINVAL;
	for (unsigned i = 0; i < nr; i++)
		cpu[i] = c[i % nr_candidates].cpu;
	return 0;
}

void pin_refusal(const struct topo *t, struct placement placement, unsigned nr,
		 const char *what, char *err, size_t err_len)
{
	unsigned on_node = 0;

	for (unsigned i = 0; i < t->nr_cpus; i++)
		on_node += t->node_of_cpu[i] == placement.node;
	if (placement.kind == PLACE_NODE && placement.node >= t->nr_nodes)
		snprintf(err, err_len,
			 "placement=node:%u: expected a node from 0 to %u of "
			 "%s",
			 placement.node, t->nr_nodes - 1u, what);
	else if (placement.kind == PLACE_NODE)
		snprintf(err, err_len,
			 "threads=%u: expected at most the %u CPUs of node %u "
			 "of %s, or oversubscribe=1",
			 nr, on_node, placement.node, what);
	else
		snprintf(err, err_len,
			 "threads=%u: expected at most the %u CPUs of %s, or "
			 "oversubscribe=1",
			 nr, t->nr_cpus, what);
}

int pin_self(unsigned os_cpu, char *err, size_t err_len)
{
	cpu_set_t set;
	int at;

	CPU_ZERO(&set);
	CPU_SET(os_cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		int r = -errno;

		snprintf(err, err_len, "cannot pin to CPU %u: %s", os_cpu,
			 strerror(-r));
		return r;
	}
	at = sched_getcpu();
	if (at != (int)os_cpu || !pin_holds(0, os_cpu)) {
		snprintf(err, err_len, "pinned to CPU %u but running on %d",
			 os_cpu, at);
		return -EIO;
	}
	return 0;
}

bool pin_holds(int tid, unsigned os_cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	return !sched_getaffinity(tid, sizeof(set), &set) &&
	       CPU_COUNT(&set) == 1 && CPU_ISSET(os_cpu, &set);
}

int pin_avoid(const struct topo *t, const uint16_t *used, unsigned nr)
{
	cpu_set_t all, left;

	CPU_ZERO(&all);
	for (unsigned i = 0; i < t->nr_cpus; i++)
		CPU_SET(t->os_cpu[i], &all);
	left = all;
	for (unsigned i = 0; i < nr; i++)
		CPU_CLR(t->os_cpu[used[i]], &left);
	if (!CPU_COUNT(&left))
		left = all;
	return sched_setaffinity(0, sizeof(left), &left) ? -errno : 0;
}
