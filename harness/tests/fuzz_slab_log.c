/*
 * Any bytes as a kernel's log of slab commands: played on slub to its end, to
 * the first difference, or refused; no input may trip a check.
 */
#include "harness/slab_log.h"

#include <stdlib.h>
#include <string.h>

#include "harness/bind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slab_binding *b = slab_binding_find("slub");
	const struct page_binding *pages = page_binding_find("pcp");
	struct slab_log log = { .parameters = NULL };
	const char *engine;
	char err[512] = "";
	int rc;

	if (!b || !pages)
		abort();
	log.ops = b->ops;
	log.pages = pages->ops;
	log.in = (struct state_text){ .at = (const char *)data,
				      .end = (const char *)data + size,
				      .name = "fuzz" };
	slab_log_kind((const char *)data, size, &engine);
	rc = slab_log_play(&log, err, sizeof(err));
	if (rc < 0 && (!*err || strchr(err, '\n')))
		abort();
	if (rc > 0 && (!*log.difference || strchr(log.difference, '\n')))
		abort();
	return 0;
}
