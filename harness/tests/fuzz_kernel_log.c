/*
 * Any bytes as a kernel's log: played on zonelock to its end, to the first
 * difference, or refused; a state that is loaded obeys every invariant of the
 * buddy system, so no input may trip a check.
 */
#include "harness/kernel_log.h"

#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "harness/bind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct page_binding *b = page_binding_find("zonelock");
	struct machine_desc *desc = calloc(1, sizeof(*desc));
	struct kernel_log log = { .defaults = desc };
	char err[512] = "";
	int rc;

	if (!b || !desc)
		abort();
	layout_defaults(desc);
	log.ops = b->ops;
	log.in = (struct state_text){ .at = (const char *)data,
				      .end = (const char *)data + size,
				      .name = "fuzz" };
	rc = kernel_log_play(&log, err, sizeof(err));
	if (rc < 0 && (!*err || strchr(err, '\n')))
		abort();
	if (rc > 0 && (!*log.difference || strchr(log.difference, '\n')))
		abort();
	free(desc);
	return 0;
}
