/*
 * The arithmetic against booted kernels, field by field, for every folder of
 * tests/data.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/tests/truth.h"
#include "alloc/page/vmstat.h"
#include "alloc/page/watermark.h"
#include "harness/zoneinfo_reader.h"

TestSuite(truth, .timeout = 120);

/* What was compared, so that a test that compares nothing fails. */
static unsigned nr_fields, nr_dumps;

static void same(const char *where, const struct zone *z, const char *field,
		 long ours, long kernels)
{
	nr_fields++;
	cr_assert(ours == kernels, "%s: node %u %s %s: %ld, the kernel %ld",
		  where, z->nid, z->name, field, ours, kernels);
}

static void compare_marks(const char *where, const struct zone *z,
			  const struct zoneinfo_zone *k)
{
	const enum zoneinfo_field field[NR_WMARK] = { ZI_MIN, ZI_LOW, ZI_HIGH,
						      ZI_PROMO };
	static const char *const name[NR_WMARK] = { "min", "low", "high",
						    "promo" };

	for (unsigned i = 0; i < NR_WMARK; i++) {
		long boost = (long)k->value[ZI_BOOST];

		if (k->has & (1u << field[i]))
			same(where, z, name[i], z->watermark[i],
			     (long)k->value[field[i]] - boost);
	}
}

static void compare_protection(const char *where, const struct machine *m,
			       const struct zone *z,
			       const struct zoneinfo_zone *k)
{
	unsigned at = 0;

	for (unsigned j = 0; j < MAX_NR_ZONES; j++) {
		if (!m->zone_present[j])
			continue;
		cr_assert(at < k->nr_protection, "%s: too few columns", where);
		same(where, z, "protection", z->lowmem_reserve[j],
		     (long)k->protection[at++]);
	}
	cr_assert(at == k->nr_protection, "%s: too many columns", where);
}

static void compare_pagesets(const char *where, const struct machine *m,
			     const struct zone *z,
			     const struct zoneinfo_zone *k)
{
	if (!zone_populated(z))
		return;
	cr_assert(k->nr_cpus == m->desc.topo.nr_cpus, "%s: CPUs", where);
	for (unsigned c = 0; c < k->nr_cpus; c++) {
		same(where, z, "batch", z->pageset_batch, k->cpu[c].batch);
		same(where, z, "threshold", zone_stat_threshold(z),
		     k->cpu[c].threshold);
		/* from 6.7 on `high` moves while the machine runs */
		if (m->desc.kernel < KERNEL_6_12)
			same(where, z, "pageset high", z->pageset_high,
			     k->cpu[c].high);
	}
}

static const struct zone *zone_of(const struct machine *m,
				  const struct zoneinfo_zone *k)
{
	return &m->zone[k->nid * MAX_NR_ZONES + k->idx];
}

static void compare_zoneinfo(const char *where, const struct machine *m,
			     const struct zoneinfo *zi)
{
	nr_dumps++;
	for (unsigned i = 0; i < zi->nr_zones; i++) {
		const struct zoneinfo_zone *k = &zi->zone[i];
		const struct zone *z = zone_of(m, k);

		compare_marks(where, z, k);
		compare_protection(where, m, z, k);
		compare_pagesets(where, m, z, k);
	}
}

/* "64 16 0 0", in the kernel's order of zones. */
static void write_ratio(struct machine *m, const char *s)
{
	int32_t ratio[MAX_NR_ZONES] = { 0 };
	char *end;

	for (unsigned j = 0; j < MAX_NR_ZONES; j++) {
		if (!m->zone_present[j])
			continue;
		ratio[j] = (int32_t)strtol(s, &end, 10);
		cr_assert(end != s, "%s: too few ratios", s);
		s = end;
	}
	machine_set_lowmem_reserve_ratio(m, ratio);
}

/* One line of a `writes` section: "echo VALUE > FILE". */
static void apply_write(struct machine *m, char *line)
{
	char *file = strstr(line, " > ");
	const char *value = line + strlen("echo ");
	const char *base;

	cr_assert(!strncmp(line, "echo ", 5) && file, "%s", line);
	*file = '\0';
	base = strrchr(file + 3, '/');
	cr_assert_not_null(base);
	base++;
	if (!strcmp(base, "min_free_kbytes"))
		machine_set_min_free_kbytes(m, atol(value));
	else if (!strcmp(base, "watermark_scale_factor"))
		machine_set_watermark_scale_factor(m, atoi(value));
	else if (!strcmp(base, "percpu_pagelist_high_fraction"))
		cr_assert(!machine_set_high_fraction(m, atoi(value)));
	else if (!strcmp(base, "lowmem_reserve_ratio"))
		write_ratio(m, value);
	else if (!strcmp(base, "enabled"))
		machine_set_thp(m, strcmp(value, "never") != 0);
	else
		cr_assert(false, "unknown write: %s", base);
}

/* One phase: its writes, then what the kernel printed. */
static void check_phase(const char *where, struct machine *m, char *text)
{
	char *sys_vm = strstr(text, "== sys_vm\n");
	char *info = strstr(text, "== zoneinfo\n");
	const char *kb;
	struct zoneinfo zi;
	char err[512], *save;

	cr_assert(sys_vm && info, "%s: sections", where);
	*sys_vm = '\0';
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "== ", 3))
			apply_write(m, line);
	}
	kb = strstr(sys_vm + 1, "min_free_kbytes ");
	cr_assert_not_null(kb);
	nr_fields++;
	cr_assert(m->min_free_kbytes == atol(kb + 16),
		  "%s: min_free_kbytes %ld, the kernel %ld", where,
		  m->min_free_kbytes, atol(kb + 16));
	info += strlen("== zoneinfo\n");
	cr_assert(!zoneinfo_parse(info, strlen(info), where, &zi, err,
				  sizeof(err)),
		  "%s", err);
	compare_zoneinfo(where, m, &zi);
	zoneinfo_free(&zi);
}

static unsigned check_phases(const char *config)
{
	char *text = truth_text(config, "phases.gz"), *next = text;
	struct machine *m, *given;
	unsigned nr = 0;

	if (!text)
		return 0;
	/* as after boot: nobody has given min_free_kbytes, but the kernel's
	   figure stems from fewer managed pages */
	m = truth_machine(config, true);
	given = truth_machine(config, false);
	m->min_free_kbytes = given->min_free_kbytes;
	machine_destroy(given);
	while ((next = strstr(next, "== phase "))) {
		char where[128];
		char *end = strstr(next + 1, "== phase ");

		if (end)
			end[-1] = '\0';
		snprintf(where, sizeof(where), "%.63s phase %d", config,
			 atoi(next + 9));
		check_phase(where, m, next);
		nr++;
		if (!end)
			break;
		next = end;
	}
	machine_destroy(m);
	free(text);
	return nr;
}

Test(truth, every_phase_is_exact)
{
	static char name[TRUTH_CONFIGS_MAX][64];
	unsigned nr = truth_configs(name), phases = 0, configs = 0;

	for (unsigned i = 0; i < nr; i++) {
		unsigned n = check_phases(name[i]);

		phases += n;
		configs += n > 0;
	}
	cr_assert(configs >= 16 && nr_dumps == phases);
	fprintf(stderr, "%u configurations, %u phases, %u fields equal\n",
		configs, phases, nr_fields);
}

/*
 * The kernel computes its marks, and prints them at boot, before it gives back
 * its own start-up code and the initial RAM disk: GROWN pages at most, in
 * these configurations, which zoneinfo then shows as managed. So a figure may
 * differ by the share that GROWN has of the zone, or of low memory where that
 * is less (of the ratio, for protection), and by rounding. What grew is not
 * printed anywhere.
 */
#define GROWN 2560

static long low_pages(const struct machine *m)
{
	long pages = 0;

	for (unsigned i = 0; i < m->nr_zones; i++) {
		if (m->zone[i].idx <= ZONE_NORMAL)
			pages += (long)m->zone[i].managed;
	}
	return max_long(pages, 1);
}

static long grown_share(const struct machine *m, const struct zone *z, long v)
{
	if (!z->managed)
		return 0;
	return v * GROWN / min_long(low_pages(m), (long)z->managed) + 3;
}

static void near(const char *where, const char *field, const long value[2],
		 long bound)
{
	nr_fields++;
	cr_assert(labs(value[0] - value[1]) <= bound,
		  "%s %s: %ld, the kernel %ld, expected at most %ld apart",
		  where, field, value[0], value[1], bound);
}

static void near_zone(const char *where, const struct machine *m,
		      const struct zone *z, const struct zoneinfo_zone *k)
{
	const enum zoneinfo_field field[3] = { ZI_MIN, ZI_LOW, ZI_HIGH };
	unsigned at = 0;

	for (unsigned i = 0; i < 3; i++) {
		long kernels = (long)(k->value[field[i]] - k->value[ZI_BOOST]);
		const long v[2] = { z->watermark[i], kernels };

		near(where, "mark", v, grown_share(m, z, v[0]));
	}
	for (unsigned j = 0; j < MAX_NR_ZONES; j++) {
		long ratio = max_long(1, m->desc.lowmem_reserve_ratio[z->idx]);

		if (m->zone_present[j]) {
			const long v[2] = { z->lowmem_reserve[j],
					    (long)k->protection[at++] };

			near(where, "protection", v, GROWN / ratio + 1);
		}
	}
	for (unsigned c = 0; zone_populated(z) && c < k->nr_cpus; c++) {
		const long v[2] = { z->pageset_high, k->cpu[c].high };

		same(where, z, "batch", z->pageset_batch, k->cpu[c].batch);
		same(where, z, "threshold", zone_stat_threshold(z),
		     k->cpu[c].threshold);
		if (m->desc.kernel < KERNEL_6_12)
			near(where, "pageset high", v, grown_share(m, z, v[0]));
	}
}

static void near_boot(const char *config)
{
	struct machine *m = truth_machine(config, false);
	struct machine *computed = truth_machine(config, true);
	const long kb[2] = { computed->min_free_kbytes, m->min_free_kbytes };
	char *text = truth_text(config, "zoneinfo");
	struct zoneinfo zi;
	char err[512];

	cr_assert(!zoneinfo_parse(text, strlen(text), config, &zi, err,
				  sizeof(err)),
		  "%s", err);
	for (unsigned i = 0; i < zi.nr_zones; i++)
		near_zone(config, m, zone_of(m, &zi.zone[i]), &zi.zone[i]);
	/* a square root grows by half the share, the THP rule by the share of
	   5 % or not at all */
	near(config, "min_free_kbytes", kb, kb[0] * GROWN / low_pages(m) + 1);
	zoneinfo_free(&zi);
	free(text);
	machine_destroy(m);
	machine_destroy(computed);
}

Test(truth, boot_dumps_are_near)
{
	static char name[TRUTH_CONFIGS_MAX][64];
	unsigned nr = truth_configs(name);

	cr_assert(nr >= 30);
	for (unsigned i = 0; i < nr; i++)
		near_boot(name[i]);
	fprintf(stderr, "%u configurations, %u fields at boot\n", nr,
		nr_fields);
}

/* Lines "Fallback order for Node N: a b c" of the boot log. */
Test(truth, node_order_is_the_kernels)
{
	static char name[TRUTH_CONFIGS_MAX][64];
	unsigned nr = truth_configs(name), nodes = 0;

	for (unsigned i = 0; i < nr; i++) {
		char *text = truth_text(name[i], "fallback_order"), *save;
		struct machine *m;

		if (!text)
			continue;
		m = truth_machine(name[i], false);
		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			char *s = strstr(line, "Node ") + 5;
			long nid = strtol(s, &s, 10);
			const struct node *node = &m->node[nid];

			s++; /* the colon */
			for (unsigned k = 0; k < node->nr_order; k++)
				cr_assert_eq(strtol(s, &s, 10),
					     node->node_order[k], "%s node %ld",
					     name[i], nid);
			cr_assert_eq(strspn(s, " "), strlen(s));
			nodes++;
		}
		machine_destroy(m);
		free(text);
	}
	cr_assert(nodes >= 30, "%u nodes", nodes);
}

/* Number behind " NAME " in a line of a kernel log's snapshot. */
static long number_behind(const char *line, const char *name)
{
	char key[32];
	const char *s;

	snprintf(key, sizeof(key), " %s ", name);
	s = strstr(line, key);
	cr_assert(s != NULL, "no %s in: %s", name, line);
	return strtol(s + strlen(key), NULL, 10);
}

/* The pagesets of a 6.12 kernel, ZONE and PCP lines by turns. */
static void check_pcp(const char *config, char *text)
{
	struct machine *m = truth_machine(config, false);
	const struct zone *z = NULL;
	char *save;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char zone[32];
		unsigned nid;

		if (sscanf(line, "ZONE node %u %31s", &nid, zone) == 2) {
			for (unsigned j = 0; j < MAX_NR_ZONES; j++) {
				if (!strcmp(zone_index_name(j), zone))
					z = m->node[nid].zone[j];
			}
			continue;
		}
		cr_assert(z && !strncmp(line, "PCP", 3), "%s", line);
		same(config, z, "batch", z->pageset_batch,
		     number_behind(line, "batch"));
		same(config, z, "high_min", z->pageset_high_min,
		     number_behind(line, "high_min"));
		same(config, z, "high_max", z->pageset_high_max,
		     number_behind(line, "high_max"));
	}
	machine_destroy(m);
}

Test(truth, pageset_bounds_of_6_12)
{
	static char name[TRUTH_CONFIGS_MAX][64];
	unsigned nr = truth_configs(name);

	for (unsigned i = 0; i < nr; i++) {
		char *text = truth_text(name[i], "pcp");

		if (text)
			check_pcp(name[i], text);
		free(text);
	}
	cr_assert(nr_fields >= 21, "%u fields", nr_fields);
	fprintf(stderr, "%u pageset fields of 6.12 equal\n", nr_fields);
}
