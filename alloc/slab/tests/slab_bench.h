/*
 * A small machine with memory behind its frames, a page engine, a slab
 * allocator and contexts of it, for tests.
 */
#ifndef ALLOC_SLAB_TESTS_SLAB_BENCH_H
#define ALLOC_SLAB_TESTS_SLAB_BENCH_H

#include "alloc/slab/kmem_cache.h"

#define BENCH_LINES 64

struct slab_bench {
	struct machine *m;
	struct page_engine *e;
	struct page_ctx pages;
	struct zone_counters *counters;
	struct reclaim *reclaim; /* NULL: none */
	struct slab_allocator *slab;
	struct slab_ctx ctx;
	uint64_t free_pages; /* of the machine at the start */
	/* objects were lost on purpose: the end does not ask for them */
	bool leaky;
	/* what the allocator reported */
	char line[BENCH_LINES][256];
	unsigned nr_lines;
};

/* What differs from the defaults: 64 MiB, one node, four CPUs, page engine
 * pcp. */
struct slab_bench_spec {
	struct slab_config config; /* nr_cpus 0: that of the machine */
	unsigned nodes;            /* 0: one */
	unsigned cpus;             /* 0: four */
	uint64_t bytes;            /* of memory, 0: 64 MiB */
	const char *pages;         /* page engine, NULL: pcp */
	bool reclaim;              /* on request only: no threads of its own */
};

/* Aborts when anything fails. spec may be NULL. */
struct slab_bench *slab_bench_make(const struct slab_ops *ops,
				   const struct slab_bench_spec *spec);
/* Takes it apart; aborts unless every page came back (or b->leaky). */
void slab_bench_end(struct slab_bench *b);

/* A cache that is merged with no other; aborts when it cannot be. */
struct kmem_cache *slab_bench_cache(struct slab_bench *b, const char *name,
				    uint32_t size, uint32_t flags);

/* Was a line reported that contains `text`? */
bool slab_bench_reported(const struct slab_bench *b, const char *text);

/* Another thread's contexts, on modelled CPU `cpu`. */
struct slab_peer {
	struct page_ctx pages;
	struct zone_counters *counters;
	struct slab_ctx ctx;
};
struct slab_peer *slab_peer_enter(struct slab_bench *b, uint16_t cpu);
void slab_peer_exit(struct slab_peer *p);

#endif
