/*
 * What the lines of a slab log say about caches, and what they tell about the
 * machine where nothing else does.
 */
#ifndef HARNESS_SLAB_LOG_READ_H
#define HARNESS_SLAB_LOG_READ_H

#include "harness/slab_log.h"

/* A cache as a line names it. args.name is `name`. */
struct log_cache_args {
	struct kmem_cache_args args;
	char name[SLAB_NAME_MAX];
};

/* Reads "NAME SIZE ALIGN FLAGS" of KC and KQ; *l is left behind it. NULL, or
 * what was expected. */
const char *log_cache_read(struct state_line *l, struct log_cache_args *out);

/* Reads a name of a script of sizes: "q24", "qp700". NULL, or what was
 * expected. */
const char *log_cache_by_name(const struct state_line *name,
			      struct log_cache_args *out);

/* Applies the kernel's parameters to cfg: slub_min_objects= and the like. */
void slab_log_parameters(const char *text, struct slab_config *cfg);

/*
 * Where the log does not know its CPUs: sets them by its states. *cfg is that
 * of the machine but for the CPUs. true: there were states to go by, or the
 * numbers are known.
 */
bool slab_log_find_cpus(struct slab_log *log, const struct slab_config *cfg);

/* Does a state have words of 4 bytes? */
bool slab_log_is_narrow(const struct slab_log *log);

#endif
