/*
 * Access to the folders of tests/data: what booted Linux kernels printed. The
 * tests run from the root of the repository.
 */
#ifndef ALLOC_PAGE_TESTS_TRUTH_H
#define ALLOC_PAGE_TESTS_TRUTH_H

#include "alloc/page/machine.h"

#define TRUTH_DIR         "alloc/page/tests/data"
#define TRUTH_CONFIGS_MAX 128

/* Sorted names of the folders; returns how many. */
unsigned truth_configs(char name[][64]);

/* The machine of a folder, built, not booted; min_free_kbytes as the kernel
 * had it in force, unless computed is asked for. Fails the test on error. */
struct machine *truth_machine(const char *config, bool computed);

/* Whole text of a file of a folder, NULL if it is not there; names ending in
 * .gz are unpacked. Freed by the caller. */
char *truth_text(const char *config, const char *file);

#endif
