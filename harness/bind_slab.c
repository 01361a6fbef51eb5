/*
 * Template: one slab engine bound to every slab workload. Compiled once per
 * engine with the engine's file included in front (-include), which defines
 * engine_ops, and with ENGINE_NAME and the file's name, which differ in a dot:
 * malloc.glibc.c is the engine malloc:glibc. Since engine_ops is a constant and
 * everything on the way is inlined, the allocator's code stands in the loop
 * itself and nothing in there is an indirect call (scripts/check_loops.sh).
 *
 * Each loop exists twice: bound_<workload>_raw without a clock read and
 * bound_<workload>_lat with sampled ones. The file's name follows after a
 * dot, so that a profile tells them apart.
 */
#include "harness/bind.h"
#include "slab_workloads.gen.h"

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

FOR_EACH_SLAB_WORKLOAD(BIND_LOOPS)

static const struct bound_workload bound_workloads[] = { FOR_EACH_SLAB_WORKLOAD(
	BIND_ENTRY) };

static struct slab_binding binding = {
	.ops = &engine_ops,
	.run = bound_workloads,
	.nr_runs = ARRAY_SIZE(bound_workloads),
};

__attribute__((constructor)) static void binding_register(void)
{
	slab_binding_register(&binding);
}
