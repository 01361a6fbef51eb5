/*
 * Template: one slab engine bound to every slab workload. Compiled once per
 * engine with the engine's file included in front (-include), which defines
 * engine_ops, and with ENGINE_NAME and the file's name, which differ in a dot:
 * malloc.glibc.c is the engine malloc:glibc. Since engine_ops is a constant and
 * everything on the way is inlined, the allocator's code stands in the loop
 * itself and nothing in there is an indirect call (scripts/check_loops.sh).
 */
#include "harness/bind_loops.h"
#include "slab_workloads.gen.h"

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
