/*
 * Any bytes as /proc/zoneinfo: read to zones that are within their bounds, or
 * refused with one line.
 */
#include "harness/zoneinfo_reader.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_zone(const struct zoneinfo *zi, const struct zoneinfo_zone *z)
{
	if (z->idx >= MAX_NR_ZONES || !zi->zone_present[z->idx] ||
	    z->nid >= ZONEINFO_NODES_MAX || z->nr_protection > MAX_NR_ZONES ||
	    z->has >> ZI_NR)
		abort();
	for (unsigned i = 0; i < z->nr_cpus; i++) {
		if (z->cpu[i].batch < -1 || z->cpu[i].high < -1)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[512] = "";
	struct zoneinfo zi;

	if (zoneinfo_parse((const char *)data, size, "fuzz", &zi, err,
			   sizeof(err))) {
		if (strncmp(err, "fuzz", 4) || strchr(err, '\n'))
			abort();
		return 0;
	}
	for (unsigned i = 0; i < zi.nr_zones; i++)
		check_zone(&zi, &zi.zone[i]);
	zoneinfo_free(&zi);
	return 0;
}
