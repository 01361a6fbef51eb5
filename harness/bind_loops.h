/*
 * The loops of one engine, of whichever kind: what bind_page.c and bind_slab.c
 * stamp for each workload. engine_ops is the engine's, workload_loop() the
 * workload's.
 *
 * Each loop exists twice: bound_<workload>_raw without a clock read and
 * bound_<workload>_lat with sampled ones. The engine's file name follows after
 * a dot, so that a profile tells them apart.
 */
#ifndef HARNESS_BIND_LOOPS_H
#define HARNESS_BIND_LOOPS_H

#include "harness/bind.h"

/* where it is not the engine's name */
#ifndef ENGINE_FILE
#define ENGINE_FILE ENGINE_NAME
#endif

#define BOUND_SYMBOL(workload, form) \
	__asm__("bound_" #workload "_" #form "." ENGINE_FILE)

#define BIND_LOOPS(workload)                                          \
	static NOINLINE void bound_##workload##_raw(struct worker *w) \
		BOUND_SYMBOL(workload, raw);                          \
	static NOINLINE void bound_##workload##_raw(struct worker *w) \
	{                                                             \
		workload##_loop(&engine_ops, w, PROBE_NONE);          \
	}                                                             \
	static NOINLINE void bound_##workload##_lat(struct worker *w) \
		BOUND_SYMBOL(workload, lat);                          \
	static NOINLINE void bound_##workload##_lat(struct worker *w) \
	{                                                             \
		workload##_loop(&engine_ops, w, PROBE_SAMPLED);       \
		probe_flush(w);                                       \
	}

#define BIND_ENTRY(workload)                       \
	{ &workload##_workload,                    \
	  { [PROBE_NONE] = bound_##workload##_raw, \
	    [PROBE_SAMPLED] = bound_##workload##_lat } },

#endif
