/*
 * Booting into the fragmentation of another machine: the number of free blocks
 * by zone, migratetype and order is given, not where they lie.
 */
#ifndef ALLOC_PAGE_BOOT_COUNTS_H
#define ALLOC_PAGE_BOOT_COUNTS_H

#include "alloc/page/machine.h"

struct zone_boot_counts {
	uint64_t nr_free[NR_MIGRATETYPES][NR_PAGE_ORDERS]; /* blocks */
	uint64_t pageblocks[NR_MIGRATETYPES]; /* all 0: not known */
};

struct boot_counts {
	/* by zone->id; zones that the source does not name are all free */
	struct zone_boot_counts zone[MAX_NODES * MAX_NR_ZONES];
	bool known[MAX_NODES * MAX_NR_ZONES];
};

/*
 * In place of machine_boot(): puts as many free blocks on each list as *counts
 * says; every other managed page stays in use for ever, by nobody that the
 * model knows. Blocks are laid so that no two of them could merge. Returns how
 * many blocks found no such place and were cut into smaller ones or, with
 * nothing left, dropped; 0 means that every list has the length asked for.
 * Single threaded, once.
 */
uint64_t machine_boot_counts(struct machine *m,
			     const struct boot_counts *counts);

#endif
