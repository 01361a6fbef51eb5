/*
 * Playing the slab sequences of a kernel log on a slab engine.
 */
#ifndef HARNESS_SLAB_LOG_H
#define HARNESS_SLAB_LOG_H

#include "alloc/page/state.h"
#include "alloc/slab/engine.h"

/* How many of each kind were compared and found equal. */
struct slab_log_tally {
	uint64_t commands, objects, states, state_lines, state_fields;
};

struct slab_log {
	struct state_text in; /* the log */
	const struct slab_ops *ops;
	const struct page_ops *pages; /* the page engine below */
	enum kernel_rules kernel;
	/* The machine that the log comes from, NULL: one node of 256 MiB; and
	 * where its memory ends, 0: not known. */
	const struct machine_desc *machine;
	uint64_t end_pfn;
	/* Its CPUs, 0: not known. Online ones decide how many free objects
	 * SLAB keeps, present ones SLUB's orders, and possible ones whether
	 * SLAB has shared arrays. Where none is known they follow from the
	 * states in the log. */
	unsigned nr_online, nr_present, nr_possible;
	const char *parameters; /* the kernel's; NULL: not known */
	struct slab_log_tally tally;
	/* "FILE:LINE: what: expected .., got .." of the first difference */
	char difference[1024];
};

enum log_kind { LOG_EMPTY, LOG_OF_PAGES, LOG_OF_SLABS };

/* By the first command that is none of both (D, SNAP, COUNTS). Which engine's
 * states a slab log holds goes to *engine ("slub" or "slab"; NULL: none). */
enum log_kind slab_log_kind(const char *text, size_t len, const char **engine);

/* Plays the log. 0: all equal; 1: a difference, described; -ENOMEM; -EINVAL
 * with one line in err: not a log, or not one for this engine. */
int slab_log_play(struct slab_log *log, char *err, size_t err_len) MUST_CHECK;

#endif
