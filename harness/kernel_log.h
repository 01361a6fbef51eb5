/*
 * Logs of scripted allocations in a real kernel: reading them, plain or
 * gzipped, and playing them on an engine.
 */
#ifndef HARNESS_KERNEL_LOG_H
#define HARNESS_KERNEL_LOG_H

#include "alloc/page/state.h"

#define KERNEL_LOG_MAX (256u << 20) /* bytes, unpacked */

/* The whole file; NUL behind the last byte; the caller frees *text. 0, -ENOMEM
 * or -errno with one line in err (-EFBIG beyond KERNEL_LOG_MAX). */
int kernel_log_read(const char *path, char **text, size_t *len, char *err,
		    size_t err_len) MUST_CHECK;

/* How many of each kind were compared and found equal. */
struct kernel_log_tally {
	uint64_t commands, frames, failures; /* failed as in the kernel */
	uint64_t snapshots, zone_fields, pcp_fields, lists, list_entries;
	uint64_t pageblock_lines, counts;
};

struct kernel_log {
	struct state_text in; /* the log */
	const struct page_ops *ops;
	/* what stands beside the log; its extents come from the log */
	const struct machine_desc *defaults;
	bool kernel_given;   /* defaults->kernel is known, not assumed */
	bool distance_given; /* defaults->topo.distance likewise */
	struct kernel_log_tally tally;
	/* "FILE:LINE: what: expected .., got .." of the first difference */
	char difference[1024];
};

/*
 * Plays the log. 0: all equal; 1: a difference, described; -ENOMEM; -EINVAL
 * with one line in err: not a log, or not one for this engine.
 */
int kernel_log_play(struct kernel_log *log, char *err, size_t err_len)
	MUST_CHECK;

#endif
