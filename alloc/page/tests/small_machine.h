/*
 * A small machine for tests of the buddy system and of engines, and what its
 * free lists hold, to be compared later.
 */
#ifndef ALLOC_PAGE_TESTS_SMALL_MACHINE_H
#define ALLOC_PAGE_TESTS_SMALL_MACHINE_H

#include "alloc/page/engine.h"

/*
 * x86-64: DMA of 15 MiB, DMA32 of 64 MiB, and from 4 GiB on Normal of 64 MiB;
 * with two nodes, node 1 has Normal of 64 MiB. 4 CPUs, in equal shares. Every
 * page of a span is present and managed but for pfn 0. Not booted.
 */
struct machine *small_machine(enum kernel_rules kernel, unsigned nr_nodes);

/* One zone, DMA32, of `pages` pages at pfn 0 (a multiple of 1024), which has
 * nothing but empty lists; pageblocks MOVABLE; marks and reserves 0. */
struct machine *bare_machine(enum kernel_rules kernel, uint64_t pages);

/* Machines of test_reclaim's hand-computed marks; without THP, 6.1. Not booted.
 *   MARKED_X86_64   DMA 3840, DMA32 752640, Normal 245760 managed; 4 CPUs
 *   MARKED_I386     DMA 3968, Normal 218112, HighMem 32768; 2 CPUs, PAE
 *   MARKED_2_NODES  node 0 DMA 3840, DMA32 61440; node 1 DMA32 65536; 4 CPUs
 *   MARKED_I386_40M DMA 3968, Normal 4096, HighMem 2048; 4 CPUs, PAE
 *   MARKED_32M      DMA 3840, DMA32 4096; 4 CPUs: cheap to fill
 *   MARKED_80M      DMA 3840, DMA32 16384; 4 CPUs */
enum marked_machine {
	MARKED_X86_64,
	MARKED_I386,
	MARKED_2_NODES,
	MARKED_I386_40M,
	MARKED_32M,
	MARKED_80M,
};
struct machine *marked_machine(enum marked_machine which);

/* Free pages of all zones, every CPU's delta included. */
uint64_t free_pages_of(const struct machine *m);

struct free_block {
	uint32_t pfn;
	uint8_t order, mt, zone;
};

struct free_block_list {
	struct free_block *block; /* [nr], by pfn */
	size_t nr;
	uint64_t pages;
};

/* Every block on the free lists. No other thread runs. */
struct free_block_list free_blocks_take(const struct machine *m);
/* Blocks larger than a pageblock in pieces of that size: two that have had
 * different types may stay apart, as in Linux. */
struct free_block_list free_pageblocks_take(const struct machine *m);
void free_blocks_drop(struct free_block_list *list);
/* NULL, or what is different, in a static buffer. Types count if with_mt. */
const char *free_blocks_compare(const struct free_block_list *a,
				const struct free_block_list *b, bool with_mt);

#endif
