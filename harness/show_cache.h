/*
 * `zonebench show cache` and `zonebench show slabinfo`.
 */
#ifndef HARNESS_SHOW_CACHE_H
#define HARNESS_SHOW_CACHE_H

#include "alloc/base/base.h"

/* What follows "show cache" or "show slabinfo" in argv. Exit status. */
int show_cache(int argc, char **argv, char *err, size_t err_len);
int show_slabinfo(int argc, char **argv, char *err, size_t err_len);

#endif
