/*
 * A small machine with memory behind its frames, an engine and a context, for
 * tests of what maps frames: vmalloc and kmap. The mapper is the harness' own
 * with a switch in front that makes its calls fail.
 */
#ifndef ALLOC_PAGE_TESTS_MAPPED_MACHINE_H
#define ALLOC_PAGE_TESTS_MAPPED_MACHINE_H

#include "alloc/page/page_alloc.h"
#include "alloc/page/tests/small_machine.h"
#include "harness/arena.h"
#include "harness/bind.h"

struct mapped {
	struct machine *m;
	struct page_engine *e;
	const struct page_ops *ops;
	struct page_ctx ctx;
	struct zone_counters counters[2 * MAX_NR_ZONES];
	struct free_block_list boot;
	struct arena arena;
	struct frame_mapper mapper; /* the machine's; asks the arena's */
	_Atomic long fail_after;    /* see mapped_fail_after() */
	_Atomic uint64_t nr_maps, nr_unmaps;
};

/* What the machine is; ops NULL: zonelock. Memory is 64 MiB, or with highmem so
 * much above the lowmem of an i386 machine. */
struct mapped_spec {
	const struct page_ops *ops;
	bool highmem, pae;
	unsigned nr_nodes;      /* 0: 1 */
	uint64_t vmalloc_bytes; /* 0: by layout */
	bool vmalloc;           /* vmalloc_init() */
};

struct mapped *mapped_make(struct mapped_spec spec);
/* Calls of map that succeed from now on, -1: all. */
void mapped_fail_after(struct mapped *b, long calls);
/* Calls so far that reached the arena. */
uint64_t mapped_nr_maps(const struct mapped *b);
uint64_t mapped_nr_unmaps(const struct mapped *b);
/* Everything was given back: verifies the engine, vmalloc and kmap, compares
 * the free lists with those of boot, and takes the machine down. NULL, or what
 * is wrong. */
const char *mapped_end(struct mapped *b);

/* Whether a read of this byte faults. */
bool address_faults(const volatile char *at);

/* Mappings of this process. */
unsigned count_mappings(void);

/* Runs call(arg) in a child that must abort; its message, in a static buffer,
 * or what happened instead. */
const char *abort_message(void (*call)(void *), void *arg);

#endif
