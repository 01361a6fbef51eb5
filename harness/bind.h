/*
 * Bindings: one per engine, made by harness/bind_page.c or harness/bind_slab.c
 * from the engine's own file and every workload of its kind. Cold calls go
 * through ops; a run makes one indirect call, run[probe](worker), and nothing
 * indirect inside the loop.
 */
#ifndef HARNESS_BIND_H
#define HARNESS_BIND_H

#include "workloads/lib/worker.h"

struct bound_workload {
	const struct workload *workload;
	void (*run[NR_PROBES])(struct worker *w);
};

struct page_binding {
	const struct page_ops *ops;
	const struct bound_workload *run; /* nr_runs */
	unsigned nr_runs;
	struct page_binding *next; /* sorted by name once main starts */
};

/* Called by constructors before main. */
void page_binding_register(struct page_binding *binding);
/* Sorted by name, floors first; NULL ends. */
const struct page_binding *page_binding_first(void);
const struct page_binding *page_binding_find(const char *name);
/* NULL: no such workload. Whether it can run on the engine: workload_fits(). */
const struct bound_workload *page_binding_workload(const struct page_binding *b,
						   const char *name);

struct slab_binding {
	const struct slab_ops *ops;
	const struct bound_workload *run; /* nr_runs */
	unsigned nr_runs;
	struct slab_binding *next; /* sorted by name once main starts */
};

/* As their likes above. */
void slab_binding_register(struct slab_binding *binding);
const struct slab_binding *slab_binding_first(void);
const struct slab_binding *slab_binding_find(const char *name);
const struct bound_workload *slab_binding_workload(const struct slab_binding *b,
						   const char *name);

/* The workload of that name, of either kind (a name is unique); NULL: none. */
const struct workload *binding_workload_find(const char *name);
/* What `name` means for that engine: the workload called so, but for a slab
 * engine what page workloads call NAME is obj_NAME, where there is one. */
const struct workload *binding_workload_for(const char *engine,
					    const char *name);

/* How the engine's hot hooks are reached inside the loops of this build. */
#ifdef HOT_CALL
#define BINDING_FORM "call"
#else
#define BINDING_FORM "inline"
#endif

#endif
