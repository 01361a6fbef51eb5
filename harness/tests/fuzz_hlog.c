/*
 * Any bytes as latency.hlog: read to histograms that are whole, or refused
 * with one line.
 */
#include "harness/hlog.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct hlog_entry *e)
{
	uint64_t sum = 0;

	if (!hlog_tag_ok(e->tag) || !e->hist)
		abort();
	for (uint32_t i = 0; i < e->hist->nr_counts; i++)
		sum += e->hist->count[i];
	if (sum != hist_count(e->hist))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[512] = "";
	struct hlog log;

	if (hlog_read_memory(&log, "fuzz.hlog", (const char *)data, size, err,
			     sizeof(err))) {
		if (!*err || strchr(err, '\n'))
			abort();
		return 0;
	}
	for (unsigned i = 0; i < log.nr; i++)
		check_entry(&log.entry[i]);
	hlog_free(&log);
	return 0;
}
