/*
 * A library's malloc in front of this process, for the engines malloc:... .
 *
 * The library is put there by LD_PRELOAD and a new start of this program, not
 * by dlopen(): then there is one malloc in the process, its thread-local data
 * is where the library expects it, and the measured loop calls it as every
 * program does.
 */
#ifndef HARNESS_PRELOAD_H
#define HARNESS_PRELOAD_H

#include <stddef.h>

#include "alloc/base/base.h"

#define PRELOAD_PATH_MAX 4096

/* Where the dynamic linker would find the library; false: nowhere. */
bool preload_find(const char *library, char *path, size_t len);

/*
 * Makes sure that malloc() of this process is the library's: starts the program
 * anew where it is not, with the same descriptors and, behind its name, args[]
 * (16 at most, NULL ends). 0, or -errno with one line in err: not installed, or
 * another malloc (a sanitizer's) insists.
 */
int preload_ensure(const char *library, const char *package, char *const *args,
		   char *err, size_t err_len) MUST_CHECK;

#endif
