#include "alloc/page/vmevent.h"

static const char *const names[VM_ALLOCSTALL] = {
	[VM_PGPGIN] = "pgpgin",
	[VM_PGPGOUT] = "pgpgout",
	[VM_PSWPIN] = "pswpin",
	[VM_PSWPOUT] = "pswpout",
	[VM_PGACTIVATE] = "pgactivate",
	[VM_PGDEACTIVATE] = "pgdeactivate",
	[VM_PGFAULT] = "pgfault",
	[VM_PGMAJFAULT] = "pgmajfault",
	[VM_PGREFILL] = "pgrefill",
	[VM_PGSTEAL_KSWAPD] = "pgsteal_kswapd",
	[VM_PGSTEAL_DIRECT] = "pgsteal_direct",
	[VM_PGSCAN_KSWAPD] = "pgscan_kswapd",
	[VM_PGSCAN_DIRECT] = "pgscan_direct",
	[VM_PGSCAN_DIRECT_THROTTLE] = "pgscan_direct_throttle",
	[VM_PGSCAN_ANON] = "pgscan_anon",
	[VM_PGSCAN_FILE] = "pgscan_file",
	[VM_PGSTEAL_ANON] = "pgsteal_anon",
	[VM_PGSTEAL_FILE] = "pgsteal_file",
	[VM_SLABS_SCANNED] = "slabs_scanned",
	[VM_KSWAPD_LOW_WMARK_HIT_QUICKLY] = "kswapd_low_wmark_hit_quickly",
	[VM_KSWAPD_HIGH_WMARK_HIT_QUICKLY] = "kswapd_high_wmark_hit_quickly",
	[VM_PAGEOUTRUN] = "pageoutrun",
	[VM_OOM_KILL] = "oom_kill",
	[VM_PGMIGRATE_SUCCESS] = "pgmigrate_success",
	[VM_PGMIGRATE_FAIL] = "pgmigrate_fail",
	[VM_COMPACT_MIGRATE_SCANNED] = "compact_migrate_scanned",
	[VM_COMPACT_FREE_SCANNED] = "compact_free_scanned",
	[VM_COMPACT_ISOLATED] = "compact_isolated",
	[VM_COMPACT_STALL] = "compact_stall",
	[VM_COMPACT_FAIL] = "compact_fail",
	[VM_COMPACT_SUCCESS] = "compact_success",
	[VM_COMPACT_DAEMON_WAKE] = "compact_daemon_wake",
	[VM_COMPACT_DAEMON_MIGRATE_SCANNED] = "compact_daemon_migrate_scanned",
	[VM_COMPACT_DAEMON_FREE_SCANNED] = "compact_daemon_free_scanned",
	[VM_WORKINGSET_REFAULT_ANON] = "workingset_refault_anon",
	[VM_WORKINGSET_REFAULT_FILE] = "workingset_refault_file",
	[VM_WORKINGSET_ACTIVATE_ANON] = "workingset_activate_anon",
	[VM_WORKINGSET_ACTIVATE_FILE] = "workingset_activate_file",
	[VM_VMSCAN_WRITE] = "nr_vmscan_write",
};

const char *vm_event_name(unsigned event)
{
	if (event >= VM_PGSKIP)
		return "pgskip";
	return event >= VM_ALLOCSTALL ? "allocstall" : names[event];
}
