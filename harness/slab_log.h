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
	unsigned nr_cpus; /* of the machine that the log comes from */
	uint64_t end_pfn; /* of its memory; 0: not known */
	struct slab_log_tally tally;
	/* "FILE:LINE: what: expected .., got .." of the first difference */
	char difference[1024];
};

/* Is it a log of slab commands? Which engine's states it holds goes to
 * *engine ("slub" or "slab"; NULL: it has none). */
bool slab_log_is(const char *text, size_t len, const char **engine);

/* Plays the log. 0: all equal; 1: a difference, described; -ENOMEM; -EINVAL
 * with one line in err: not a log, or not one for this engine. */
int slab_log_play(struct slab_log *log, char *err, size_t err_len) MUST_CHECK;

#endif
