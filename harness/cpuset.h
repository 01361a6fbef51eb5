/*
 * Which of the host's CPUs threads may be pinned to, by hwloc objects:
 *
 *   node:0        the CPUs of node 0 (numbers of the OS)
 *   package:1     those of a package, core:0-3 of cores (hwloc's logical
 *                 numbers, `lstopo -l`)
 *   0-3+8, cpu:3  CPUs by the numbers of the OS; a bare number alone is not a
 *                 set but a number of modelled CPUs (options.c)
 *
 * Parts are joined by '+' or ',', and a part without a name is of the kind of
 * the one before.
 */
#ifndef HARNESS_CPUSET_H
#define HARNESS_CPUSET_H

#include "alloc/base/topo.h"

#define CPU_SET_MAX 256 /* bytes of its text, terminator included */

/* Form alone. Writes the text with '+' between its parts to out. 0 or
 * -EINVAL. Pure. */
int cpuset_parse(const char *text, char out[CPU_SET_MAX]) MUST_CHECK;

/*
 * The CPUs of `host` that are in the set, as a topology of its own: nodes and
 * distances stay, second threads of a core are counted anew. Objects stand for
 * those of their CPUs that the process may use; an object without any, and a
 * CPU by number that may not be used, are refused with the reason. "": all.
 * 0, or -EINVAL with "cpus=...: expected ..." in err.
 */
int cpuset_apply(const char *text, const struct topo *host, struct topo *out,
		 char *err, size_t err_len) MUST_CHECK;

#endif
