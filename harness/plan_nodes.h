/*
 * The planner's view of a cell's machine: which nodes it has, which choices of
 * nodes an open placement or memory policy stands for, and whether a cell's
 * threads find their places. Used by plan.c alone.
 */
#ifndef HARNESS_PLAN_NODES_H
#define HARNESS_PLAN_NODES_H

#include "harness/plan.h"

/* The machine of the cell that was asked about last. */
struct plan_machine;

/* host: its CPUs; stays the caller's. NULL: out of memory. */
struct plan_machine *plan_machine_create(const struct topo *host);
void plan_machine_destroy(struct plan_machine *m);

/* Turns to a cell's machine and set of CPUs. Cheap where they are those of the
 * cell before. 0, or -errno with one line in err. */
int plan_machine_of(struct plan_machine *m, const struct job *job,
		    const struct cell *cell, char *err, size_t err_len)
	MUST_CHECK;
/* Whether that machine is this host itself. */
bool plan_machine_is_host(const struct plan_machine *m);

/* Whether the cell's threads and memory find their places; 0, or -EINVAL with
 * the reason. The cell leaves no node open. */
int plan_place(struct plan_machine *m, const struct cell *cell, char *err,
	       size_t err_len) MUST_CHECK;

#define OPEN_PLACEMENT 0x1u
#define OPEN_POLICY    0x2u

/* What a cell leaves open. */
unsigned plan_open(const struct cell *cell);

struct node_choice {
	struct placement placement;
	struct mem_rules rules;
};

/* All choices for an open cell. */
struct node_choices {
	struct node_choice open, now;
	/* nodes to choose from; one, of no meaning, where nothing is open */
	uint16_t node[3][MAX_NODES];
	unsigned nr[3], at[3];
	bool started;
	char left_out[2][128]; /* nodes that are no choice, and why */
	unsigned nr_left_out;
};

void plan_choices(const struct plan_machine *m, const struct cell *cell,
		  struct node_choices *out);
/* The next choice in out->now; false: there are no more. */
bool plan_next_choice(struct node_choices *choices);
/* Writes a choice into a cell. 0 or -ENOMEM. */
int plan_choose(struct cell *cell, const struct node_choice *choice) MUST_CHECK;

#endif
