/* The value of swap=: whether there is a swap device, where, how large. */
#ifndef HARNESS_SWAP_PARAMS_H
#define HARNESS_SWAP_PARAMS_H

#include "alloc/base/base.h"

#define SWAP_PATH_MAX 896 /* bytes, its terminator included */

struct swap_params {
	bool on;
	char path[SWAP_PATH_MAX]; /* "": a nameless file in the run folder */
	uint64_t bytes;           /* 0: as large as the machine */
};

/* "none", "auto" or PATH, the last two with ",size=SIZE" behind. 0, or -EINVAL
 * with *out unchanged. */
int swap_params_parse(const char *text, struct swap_params *out) MUST_CHECK;

#endif
