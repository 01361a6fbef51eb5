/* The command line of the torture programs. See command_line.h. */
#include "alloc/page/tests/command_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool torture_args_read(struct torture_args *a, unsigned max_threads, int argc,
		       char **argv)
{
	bool good = argc & 1;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seconds"))
			a->seconds = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--threads"))
			a->threads = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--engine"))
			a->engine = argv[i + 1];
		else
			good = false;
	}
	if (good && a->threads && a->threads <= max_threads)
		return true;
	fprintf(stderr,
		"usage: %s [--seconds N] [--threads 1..%u] [--engine NAME]\n",
		argv[0], max_threads);
	return false;
}

const struct page_binding *torture_next(const struct torture_args *a,
					const struct page_binding *b)
{
	for (b = b ? b->next : page_binding_first(); b; b = b->next)
		if (!(b->ops->features & PAGE_F_FLOOR) &&
		    (!a->engine || !strcmp(a->engine, b->ops->name)))
			return b;
	return NULL;
}
