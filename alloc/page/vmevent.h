/*
 * Event counters of reclaim, swap and compaction, with the names and units of
 * /proc/vmstat. One set per machine: they are counted per batch of 32 pages or
 * more seldom, so threads do not fight for them.
 */
#ifndef ALLOC_PAGE_VMEVENT_H
#define ALLOC_PAGE_VMEVENT_H

#include <stdatomic.h>

#include "alloc/page/gfp.h"

enum vm_event {
	VM_PGPGIN,  /* KiB read from the swap device */
	VM_PGPGOUT, /* KiB written to it */
	VM_PSWPIN,  /* anonymous pages read back */
	VM_PSWPOUT, /* anonymous pages written */
	VM_PGACTIVATE,
	VM_PGDEACTIVATE,
	VM_PGFAULT,    /* accesses to a page that was not there */
	VM_PGMAJFAULT, /* ... and had to be read */
	VM_PGREFILL,   /* active pages scanned */
	VM_PGSTEAL_KSWAPD,
	VM_PGSTEAL_DIRECT,
	VM_PGSCAN_KSWAPD,
	VM_PGSCAN_DIRECT,
	VM_PGSCAN_DIRECT_THROTTLE,
	VM_PGSCAN_ANON,
	VM_PGSCAN_FILE,
	VM_PGSTEAL_ANON,
	VM_PGSTEAL_FILE,
	VM_SLABS_SCANNED,
	VM_KSWAPD_LOW_WMARK_HIT_QUICKLY,
	VM_KSWAPD_HIGH_WMARK_HIT_QUICKLY,
	VM_PAGEOUTRUN,
	VM_OOM_KILL, /* decisions: nothing is killed here */
	VM_PGMIGRATE_SUCCESS,
	VM_PGMIGRATE_FAIL,
	VM_COMPACT_MIGRATE_SCANNED,
	VM_COMPACT_FREE_SCANNED,
	VM_COMPACT_ISOLATED,
	VM_COMPACT_STALL,
	VM_COMPACT_FAIL,
	VM_COMPACT_SUCCESS,
	VM_COMPACT_DAEMON_WAKE,
	VM_COMPACT_DAEMON_MIGRATE_SCANNED,
	VM_COMPACT_DAEMON_FREE_SCANNED,
	VM_WORKINGSET_REFAULT_ANON,
	VM_WORKINGSET_REFAULT_FILE,
	VM_WORKINGSET_ACTIVATE_ANON,
	VM_WORKINGSET_ACTIVATE_FILE,
	VM_VMSCAN_WRITE, /* pages written by reclaim */
	/* one line a zone index: the first of MAX_NR_ZONES */
	VM_ALLOCSTALL,
	VM_PGSKIP = VM_ALLOCSTALL + MAX_NR_ZONES,
	NR_VM_EVENTS = VM_PGSKIP + MAX_NR_ZONES
};

struct vm_events {
	_Atomic uint64_t nr[NR_VM_EVENTS];
};

/* As in /proc/vmstat; the per-zone ones without their zone. */
const char *vm_event_name(unsigned event);

ALWAYS_INLINE void vm_count(struct vm_events *v, unsigned event, uint64_t nr)
{
	/* relaxed: a statistic */
	if (nr)
		atomic_fetch_add_explicit(&v->nr[event], nr,
					  memory_order_relaxed);
}

ALWAYS_INLINE uint64_t vm_read(const struct vm_events *v, unsigned event)
{
	/* relaxed: a statistic */
	return atomic_load_explicit(&v->nr[event], memory_order_relaxed);
}

#endif
