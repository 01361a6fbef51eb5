/* The command line of the torture programs, and which engines they run. */
#ifndef ALLOC_PAGE_TESTS_COMMAND_LINE_H
#define ALLOC_PAGE_TESTS_COMMAND_LINE_H

#include "harness/bind.h"

struct torture_args {
	unsigned seconds, threads;
	const char *engine; /* NULL: all */
};

/*
 * Reads [--seconds N] [--threads 1..max_threads] [--engine NAME] over what *a
 * holds already; max_threads >= a->threads. False, with the usage on stderr,
 * if there is anything else.
 */
bool torture_args_read(struct torture_args *a, unsigned max_threads, int argc,
		       char **argv);

/* Each engine in turn that allocates and was asked for; begins with NULL, ends
 * with NULL. */
const struct page_binding *torture_next(const struct torture_args *a,
					const struct page_binding *b);

#endif
