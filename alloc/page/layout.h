/*
 * Zone extents of a machine that is described by sizes only: what a PC of
 * that size would show in /proc/zoneinfo.
 */
#ifndef ALLOC_PAGE_LAYOUT_H
#define ALLOC_PAGE_LAYOUT_H

#include "alloc/page/desc.h"

/* Zeroes *desc and sets the defaults that Linux has: x86-64, 6.1, THP on,
 * sysctl values, one node with one CPU, no memory. */
void layout_defaults(struct machine_desc *desc);

/* Fields that follow from desc->layout: pageblock order (pae only matters on
 * i386), Device zone, protection ratios. */
void layout_set(struct machine_desc *desc, enum machine_layout layout,
		bool pae);

/* CPUs 0..nr_cpus-1 in equal consecutive shares over the nodes, one core and
 * one package per node; distances 10 and 20. */
void layout_topo(struct topo *topo, unsigned nr_cpus, unsigned nr_nodes);

/*
 * Fills the zones of every node. bytes: RAM of the machine, split evenly
 * where topo.node_bytes[] is all zero, else by node_bytes (bytes is then
 * ignored). Node bounds are multiples of 4 MiB. 0, or -EINVAL with one line
 * in err (too small, or beyond what the layout can address, or on i386 a
 * vmalloc_bytes that leaves less than 128 MiB of lowmem).
 */
int layout_zones(struct machine_desc *desc, uint64_t bytes, char *err,
		 size_t err_len) MUST_CHECK;

/*
 * First HIGHMEM frame: without a permanent mapping from here on. UINT64_MAX
 * where there is none.
 */
uint64_t layout_highmem_pfn(const struct machine_desc *desc);

/*
 * Bytes of addresses that vmalloc has: desc->vmalloc_bytes, or
 *   i386    what lies between the end of lowmem, 8 MiB of hole, and the end of
 *           the 128 MiB that are reserved above 896 MiB: 120 MiB with HIGHMEM
 *           (122880 kB of VmallocTotal), more where there is less lowmem
 *   x86-64  four times the memory, at least 1 GiB, at most the 32 TiB of four
 *           level page tables: a process has not as much as a kernel
 */
uint64_t layout_vmalloc_bytes(const struct machine_desc *desc);

/*
 * Reads lowmem_reserve_ratio as the kernel prints it, one number a zone that
 * the layout has, by blanks or ':'; numbers left out keep their value. 0, or
 * -EINVAL with desc unchanged.
 */
int layout_parse_ratio(const char *text, struct machine_desc *desc) MUST_CHECK;

#endif
