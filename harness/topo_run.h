/* Where the threads of a run were: for `zonebench topo run=DIR`. */
#ifndef HARNESS_TOPO_RUN_H
#define HARNESS_TOPO_RUN_H

#include <stdio.h>

#include "alloc/page/desc.h"

/* A thread of a workload on one CPU. */
struct topo_use {
	unsigned cpu; /* index in the machine's topology */
	unsigned thread, reps;
	unsigned real_cpu; /* number that the host gave it */
	char workload[64];
};

struct topo_uses {
	struct topo_use *use;
	unsigned nr;
	bool emulated;
};

/*
 * Reads a run folder: the machine that its placements spoke of into *desc, and
 * who ran on it. cell: of this cell alone, NULL: of every cell on the machine
 * of the first that has a number. 0, or -errno with one line in err;
 * topo_uses_drop() in either case.
 */
int topo_run_load(const char *dir, const char *cell, struct machine_desc *desc,
		  struct topo_uses *uses, char *err, size_t err_len) MUST_CHECK;
void topo_run_text(const struct topo_uses *u, const struct topo *t, FILE *out);
void topo_uses_drop(struct topo_uses *u);

#endif
