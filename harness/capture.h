/*
 * Folders that hold what a server's /proc and /sys printed, read as a machine:
 *
 *   zoneinfo        /proc/zoneinfo: extents, managed pages, CPUs   (required)
 *   sys_vm          "NAME VALUE" lines: /proc/sys/vm and thp_enabled
 *   version         /proc/version: which kernel's rules apply
 *   nodeN/cpulist, nodeN/distance     /sys/devices/system/node
 *   pagetypeinfo    pageblock order, migratetypes; free blocks by type
 *   buddyinfo       free blocks, where pagetypeinfo is missing
 *
 * Everything that a kernel computes is computed again, not read.
 */
#ifndef HARNESS_CAPTURE_H
#define HARNESS_CAPTURE_H

#include "alloc/page/boot_counts.h"
#include "alloc/page/desc.h"

/* The machine of a folder; fields that the files do not give keep the values
 * of layout_defaults(). 0, -ENOMEM, or -errno with one line in err. */
int capture_read(const char *dir, struct machine_desc *desc, char *err,
		 size_t err_len) MUST_CHECK;

/*
 * The folder's free-list counts for a machine that was built from it. 0,
 * -ENOENT where the folder has neither pagetypeinfo nor buddyinfo, -EINVAL.
 */
int capture_read_counts(const char *dir, const struct machine_desc *desc,
			struct boot_counts *counts, char *err, size_t err_len)
	MUST_CHECK;

/* zoneinfo, version and pagetypeinfo of a folder alone, which may be /proc;
 * CPUs are put on nodes as far as zoneinfo tells. */
int capture_read_proc(const char *dir, struct machine_desc *desc, char *err,
		      size_t err_len) MUST_CHECK;

/* Applies the lines of a sys_vm file. 0, or -EINVAL with a line in the
 * cursor's err. */
struct text_cursor;
int capture_apply_sys_vm(struct text_cursor *c, struct machine_desc *desc)
	MUST_CHECK;

/* The sysctl values that sys_vm holds, NULL ends. */
extern const char *const capture_sysctls[];

/* This host's values in the form of sys_vm; -1 and a name in err for each that
 * cannot be read is not an error: it is left out, and named in *missing (may
 * be NULL). The caller frees the text. NULL: not enough memory. */
char *capture_host_sys_vm(char *missing, size_t missing_len);

/* The name of the thp line in sys_vm, and where Linux keeps its value. */
#define SYS_VM_THP_NAME "thp_enabled"
#define SYS_VM_THP_PATH "/sys/kernel/mm/transparent_hugepage/enabled"

#endif
