/* Drawing a machine: text in the manner of lstopo, or SVG. */
#ifndef HARNESS_TOPO_H
#define HARNESS_TOPO_H

#include <stdio.h>

#include "alloc/page/machine.h"
#include "harness/topo_run.h"

/* "15.0 MiB", "256 GiB": three digits and a unit; buf of 16 bytes. */
const char *topo_size(uint64_t pages, char buf[16]);

/* Both draw what machine_create() made; free lists need not be filled. uses:
 * who ran on its CPUs, NULL: nobody. */
void topo_text(const struct machine *m, const struct topo_uses *uses,
	       FILE *out);
void topo_svg(const struct machine *m, const struct topo_uses *uses, FILE *out);

#endif
