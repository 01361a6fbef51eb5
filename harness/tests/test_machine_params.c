/* From keys and files to machines: sources, overrides, refusals. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/machine_params.h"
#include "harness/textfile.h"
#include "harness/zoneinfo_reader.h"

TestSuite(machine_params, .timeout = 60);
TestSuite(zoneinfo_reader, .timeout = 60);

#define TRUTH "capture:alloc/page/tests/data/"

static struct machine_params *params(const char *machine)
{
	struct machine_params *p = malloc(sizeof(*p));

	machine_params_init(p);
	snprintf(p->machine, sizeof(p->machine), "%s", machine);
	return p;
}

static struct machine_desc *resolved(struct machine_params *p)
{
	struct machine_desc *d = malloc(sizeof(*d));
	char err[512];

	cr_assert(!machine_params_resolve(p, d, err, sizeof(err)), "%s", err);
	free(p);
	return d;
}

static void refused(struct machine_params *p, const char *what)
{
	struct machine_desc *d = malloc(sizeof(*d));
	char err[512] = "";

	cr_assert(machine_params_resolve(p, d, err, sizeof(err)) < 0);
	cr_assert(strstr(err, what) != NULL, "\"%s\" in: %s", what, err);
	cr_assert_null(strchr(err, '\n'));
	free(d);
	free(p);
}

Test(machine_params, sizes)
{
	struct machine_params *p = params("");
	struct machine_desc *d;

	p->mem = 8UL << 30;
	p->nodes = 2;
	p->cpus = 6;
	strcpy(p->kernel, "6.12");
	strcpy(p->thp, "never");
	strcpy(p->distances, "10 31; 31 10");
	strcpy(p->lowmem_reserve_ratio, "64:16:8");
	p->watermark_scale_factor = 200;
	d = resolved(p);
	cr_assert_eq(d->topo.nr_nodes, 2);
	cr_assert_eq(d->topo.nr_cpus, 6);
	cr_assert_eq(d->topo.node_of_cpu[3], 1);
	cr_assert_eq(d->topo.distance[1][0], 31);
	cr_assert_eq(d->kernel, KERNEL_6_12);
	cr_assert(!d->thp_enabled);
	cr_assert_eq(d->lowmem_reserve_ratio[ZONE_DMA32], 16);
	cr_assert_eq(d->lowmem_reserve_ratio[ZONE_NORMAL], 8);
	cr_assert_eq(d->watermark_scale_factor, 200);
	cr_assert_eq(d->min_free_kbytes, -1);
	free(d);
}

/* The kernel numbers the zones of i386 without DMA32. */
Test(machine_params, ratios_follow_the_layout)
{
	struct machine_params *p = params("");
	struct machine_desc *d;

	p->mem = 4UL << 30;
	p->cpus = 1;
	strcpy(p->layout, "i386");
	strcpy(p->lowmem_reserve_ratio, "64 16 4");
	d = resolved(p);
	cr_assert_eq(d->lowmem_reserve_ratio[ZONE_DMA], 64);
	cr_assert_eq(d->lowmem_reserve_ratio[ZONE_DMA32], 0);
	cr_assert_eq(d->lowmem_reserve_ratio[ZONE_NORMAL], 16);
	cr_assert_eq(d->lowmem_reserve_ratio[ZONE_HIGHMEM], 4);
	cr_assert_eq(d->pageblock_order, 10);
	free(d);
}

Test(machine_params, captures)
{
	struct machine_desc *d = resolved(params(TRUTH "k61-numa-memonly"));

	cr_assert_eq(d->topo.nr_nodes, 2);
	cr_assert_eq(d->topo.nr_cpus, 2);
	cr_assert_eq(d->topo.node_of_cpu[1], 0); /* node 1: memory only */
	cr_assert_eq(d->topo.distance[0][1], 17);
	cr_assert_eq(d->min_free_kbytes, 67584);
	cr_assert(d->thp_enabled && d->topo.synthetic);
	free(d);
	d = resolved(params(TRUTH "i386-2g-2"));
	cr_assert_eq(d->layout, LAYOUT_I386);
	cr_assert_eq(d->pageblock_order, 10);
	free(d);
	d = resolved(params(TRUTH "kt-x64slab-cpus4"));
	cr_assert(!d->thp && !d->has_isolate && !d->has_device_zone);
	cr_assert_eq(d->topo.nr_cpus, 4);
	free(d);
	d = resolved(params(TRUTH "k612-4g-4"));
	cr_assert_eq(d->kernel, KERNEL_6_12);
	free(d);
}

Test(machine_params, keys_override_a_capture)
{
	struct machine_params *p = params(TRUTH "k61-4g-4");
	struct machine_desc *d;

	p->cpus = 16;
	p->percpu_pagelist_high_fraction = 8;
	strcpy(p->kernel, "6.12");
	strcpy(p->thp, "never");
	d = resolved(p);
	cr_assert_eq(d->topo.nr_cpus, 16);
	cr_assert_eq(d->kernel, KERNEL_6_12);
	/* khugepaged's figure goes with it */
	cr_assert_eq(d->min_free_kbytes, -1);
	cr_assert_eq(d->percpu_pagelist_high_fraction, 8);
	free(d);
	p = params(TRUTH "k61-4g-4");
	p->min_free_kbytes = 4096;
	d = resolved(p);
	cr_assert_eq(d->min_free_kbytes, 4096);
	free(d);
}

Test(machine_params, synthetic_topologies)
{
	struct machine_params *p =
		params("hwloc:pack:2 [numa(memory=4GB)] core:2 pu:2");
	struct machine_desc *d = resolved(p);

	cr_assert_eq(d->topo.nr_nodes, 2);
	cr_assert_eq(d->topo.nr_cpus, 8);
	cr_assert_eq(d->topo.smt_of_cpu[1], 1);
	cr_assert_eq(d->topo.core_of_cpu[1], 0);
	cr_assert_eq(d->topo.package_of_cpu[7], 1);
	free(d);
	refused(params("hwloc:nonsense:2"), "expected a synthetic topology");
}

Test(machine_params, this_host)
{
	struct machine_desc *d = resolved(params("host"));

	cr_assert_geq(d->topo.nr_cpus, 1);
	cr_assert(!d->topo.synthetic);
	cr_assert_eq(d->topo.distance[0][0], 10);
	cr_assert_str_eq(d->name, "host");
	free(d);
}

static struct machine_params *sections(void)
{
	struct machine_params *p = params("");

	p->nr_node_sections = 2;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(p->node[i].file, sizeof(p->node[i].file), "job.ini");
		p->node[i].line = 6;
		p->node[i].cpus_line = 7;
	}
	strcpy(p->node[0].cpus, "0,2");
	strcpy(p->node[1].cpus, "1");
	strcpy(p->node[0].zone[ZONE_DMA32], "4096+65536/60000/59000");
	strcpy(p->node[1].zone[ZONE_NORMAL], "1048576+65536");
	return p;
}

Test(machine_params, node_sections)
{
	struct machine_desc *d = resolved(sections());
	struct machine_params *p;

	cr_assert_eq(d->topo.nr_cpus, 3);
	cr_assert_eq(d->topo.node_of_cpu[2], 0);
	cr_assert_eq(d->node[0].zone[ZONE_DMA32].present, 60000);
	cr_assert_eq(d->node[0].zone[ZONE_DMA32].managed, 59000);
	cr_assert_eq(d->node[1].zone[ZONE_NORMAL].managed, 65536);
	free(d);
	p = sections();
	strcpy(p->node[1].cpus, "2");
	refused(p, "job.ini:7: cpus=2: CPU 2 belongs to node 0 already");
	p = sections();
	strcpy(p->node[1].cpus, "4");
	refused(p, "expected every CPU from 0 to 4");
	p = sections();
	strcpy(p->node[0].zone[ZONE_DMA], "1+100/200");
	refused(p, "expected START+SPANNED");
	p = sections();
	p->mem = 1 << 30;
	refused(p, "expected no mem");
}

Test(machine_params, refusals)
{
	struct machine_params *p;

	refused(params("hostt"),
		"expected host, numa, hwloc:STRING or capture:DIR");
	refused(params("capture:/nonexistent"), "/nonexistent/zoneinfo");
	p = params(TRUTH "k61-4g-4");
	p->mem = 1 << 30;
	refused(p, "expected no mem= and no layout= besides");
	p = params("");
	p->nodes = 2;
	refused(p, "expected mem=SIZE");
	p = params("");
	p->mem = 1UL << 30;
	p->percpu_pagelist_high_fraction = 7;
	refused(p, "0 or at least 8");
	p = params("");
	p->mem = 1UL << 30;
	strcpy(p->distances, "10 20;20");
	refused(p, "distances=");
}

/* ---- the reader -------------------------------------------------------- */

static void rejects(const char *text, const char *where)
{
	struct zoneinfo zi;
	char err[512] = "";

	cr_assert(zoneinfo_parse(text, strlen(text), "zi", &zi, err,
				 sizeof(err)) < 0,
		  "%s", text);
	cr_assert(!strncmp(err, where, strlen(where)), "%s: %s", where, err);
}

#define ZONE_TEXT                                                         \
	"Node 0, zone      DMA\n  pages free     1\n        min      1\n" \
	"        low      2\n        high     3\n        spanned  4\n"    \
	"        present  4\n        managed  4\n"

Test(zoneinfo_reader, refuses_with_the_line)
{
	rejects("", "zi: expected at least one zone");
	rejects("hello\n", "zi:1: expected \"Node N");
	rejects("Node 99999, zone DMA\n", "zi:1: ");
	rejects("Node 0, zone Dma\n", "zi:1: zone Dma: expected");
	rejects("Node 0, zone DMA\n", "zi:1: node 0, zone DMA has no line");
	rejects(ZONE_TEXT, "zi:1: node 0, zone DMA has no line \"start_pfn");
	rejects(ZONE_TEXT ZONE_TEXT, "zi:9: node 0, zone DMA stands at line 1");
	rejects(ZONE_TEXT "        min      1\n", "zi:9: min: stands twice");
	rejects(ZONE_TEXT "        cma      x\n", "zi:9: cma: expected");
	rejects(ZONE_TEXT "        cma      99999999999999999999\n",
		"zi:9: cma: expected");
	rejects(ZONE_TEXT "        protection: (1, 2, 3, 4, 5, 6, 7)\n",
		"zi:9: protection: expected");
	rejects(ZONE_TEXT "        protection: (1, 2\n", "zi:9: protection");
	rejects(ZONE_TEXT "  pagesets\n    cpu: 1\n    cpu: 1\n",
		"zi:11: cpu: expected ascending");
	rejects(ZONE_TEXT "  pagesets\n    cpu: 1\n              high: -1\n",
		"zi:11: high: expected");
	rejects(ZONE_TEXT "what is this\n", "zi:9: ");
}

Test(zoneinfo_reader, nul_bytes_and_long_lines)
{
	static char text[5000] = ZONE_TEXT "  start_pfn:   1\n";
	size_t len = strlen(text);
	struct zoneinfo zi;
	char err[512];

	cr_assert_eq(zoneinfo_parse(text, len, "zi", &zi, err, sizeof(err)), 0,
		     "%s", err);
	cr_assert_eq(zi.nr_zones, 1);
	cr_assert_eq(zi.zone[0].value[ZI_START_PFN], 1);
	zoneinfo_free(&zi);
	cr_assert(zoneinfo_parse(text, len + 1, "zi", &zi, err, sizeof(err)));
	memset(text + len, 'x', 4000);
	cr_assert(
		zoneinfo_parse(text, len + 4000, "zi", &zi, err, sizeof(err)));
	cr_assert(strstr(err, "zi:10: line of 4000 bytes"), "%s", err);
}

Test(zoneinfo_reader, lists)
{
	bool set[16];
	unsigned nr;

	cr_assert(!text_parse_list("0-3,8\n", set, 16, &nr));
	cr_assert(nr == 5 && set[2] && set[8] && !set[4]);
	cr_assert(!text_parse_list("", set, 16, &nr));
	cr_assert_eq(nr, 0);
	cr_assert(text_parse_list("3-1", set, 16, &nr));
	cr_assert(text_parse_list("16", set, 16, &nr));
	cr_assert(text_parse_list("1,", set, 16, &nr));
	cr_assert(text_parse_list("1 2", set, 16, &nr));
}
