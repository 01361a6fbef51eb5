/*
 * Facts of the build, baked in: which commit, whether the tree differed from
 * it, compiler and flags.
 */
#ifndef HARNESS_BUILD_INFO_H
#define HARNESS_BUILD_INFO_H

#include "alloc/base/base.h"

struct build_info {
	const char *version, *commit, *compiler, *flags;
	const char *hot; /* "inline" or "call" */
	bool dirty;
	int check_level;
	const char *sanitizer; /* "" none, "address", "thread", "undefined" */
};

extern const struct build_info build_info;

/* "VERSION (COMMIT, dirty; COMPILER)"; static text. */
const char *build_info_text(void);

#endif
