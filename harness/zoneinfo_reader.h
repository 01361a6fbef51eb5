/*
 * Reader of /proc/zoneinfo as kernels from 5.x to 6.18 print it. Strict: every
 * line must have a known form, every number must fit, each field stands once
 * in its zone. Safe on any bytes.
 */
#ifndef HARNESS_ZONEINFO_READER_H
#define HARNESS_ZONEINFO_READER_H

#include "alloc/page/machine.h"

#define ZONEINFO_NODES_MAX 1024 /* node numbers are below */

/* Fields of a zone that a reader may ask for; bits of zoneinfo_zone.has. */
enum zoneinfo_field {
	ZI_FREE,
	ZI_BOOST,
	ZI_MIN,
	ZI_LOW,
	ZI_HIGH,
	ZI_PROMO,
	ZI_SPANNED,
	ZI_PRESENT,
	ZI_MANAGED,
	ZI_CMA,
	ZI_START_PFN,
	ZI_NR
};

struct zoneinfo_cpu {
	uint32_t cpu;
	int64_t count, high, batch, high_min, high_max; /* -1: not printed */
	int64_t threshold;
};

struct zoneinfo_zone {
	uint16_t nid;
	uint8_t idx;  /* enum zone_index */
	uint32_t has; /* 1 << enum zoneinfo_field */
	uint64_t value[ZI_NR];
	uint8_t nr_protection;
	uint64_t protection[MAX_NR_ZONES];
	struct zoneinfo_cpu *cpu;
	unsigned nr_cpus;
	int line; /* of its "Node" line */
};

struct zoneinfo {
	struct zoneinfo_zone *zone;
	unsigned nr_zones;
	bool zone_present[MAX_NR_ZONES]; /* names that occur */
	/* counters that only some configurations have */
	bool has_numa, has_zspages, has_swapcached, has_pgpromote;
};

/* `name` stands in messages. 0, -ENOMEM, or -EINVAL with one line in err;
 * *out is to be freed only after 0. */
int zoneinfo_parse(const char *text, size_t len, const char *name,
		   struct zoneinfo *out, char *err, size_t err_len) MUST_CHECK;
int zoneinfo_read(const char *path, struct zoneinfo *out, char *err,
		  size_t err_len) MUST_CHECK;
void zoneinfo_free(struct zoneinfo *zi);

#endif
