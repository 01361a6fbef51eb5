/*
 * From keys to a machine: picks the source (this host, a capture, a synthetic
 * topology, [node] sections, sizes), then lets the other keys override.
 */
#include "harness/machine_params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "alloc/page/state.h"
#include "harness/capture.h"
#include "harness/host.h"
#include "harness/textfile.h"

void machine_params_init(struct machine_params *p)
{
	memset(p, 0, sizeof(*p));
	p->min_free_kbytes = -1;
	p->watermark_scale_factor = -1;
	p->watermark_boost_factor = -1;
	p->percpu_pagelist_high_fraction = -1;
}

static int refuse(char *err, size_t err_len, const char *key, const char *value,
		  const char *expected)
{
	char shown[64];

	snprintf(err, err_len, "%s=%s: expected %s", key,
		 printable(value, shown, sizeof(shown)), expected);
	return -EINVAL;
}

/* ---- sources ----------------------------------------------------------- */

static void set_layout(const struct machine_params *p,
		       struct machine_desc *desc)
{
	if (!strcmp(p->layout, "i386"))
		layout_set(desc, LAYOUT_I386, false);
	else if (!strcmp(p->layout, "i386pae"))
		layout_set(desc, LAYOUT_I386, true);
	else
		layout_set(desc, LAYOUT_X86_64, false);
	desc->vmalloc_bytes = p->vmalloc;
}

static unsigned host_cpus(void)
{
	struct topo *t = malloc(sizeof(*t));
	unsigned nr = 1;
	char err[256];

	if (t && !host_topo(t, err, sizeof(err)))
		nr = t->nr_cpus;
	free(t);
	return nr;
}

/* mem=, nodes=, cpus=. Without cpus: as many as this host, one a node at
 * least. */
static int from_sizes(const struct machine_params *p, struct machine_desc *desc,
		      char *err, size_t err_len)
{
	unsigned nodes = p->nodes ? p->nodes : 1;
	unsigned cpus = p->cpus;

	if (!p->mem) {
		snprintf(err, err_len,
			 "nodes, layout: expected mem=SIZE as "
			 "well");
		return -EINVAL;
	}
	if (!cpus) {
		cpus = host_cpus();
		cpus = cpus < nodes ? nodes : cpus;
	}
	layout_defaults(desc);
	set_layout(p, desc);
	layout_topo(&desc->topo, cpus, nodes);
	return layout_zones(desc, p->mem, err, err_len);
}

static int from_synthetic(const struct machine_params *p, const char *text,
			  struct machine_desc *desc, char *err, size_t err_len)
{
	uint64_t bytes = 0;
	int rc;

	layout_defaults(desc);
	set_layout(p, desc);
	rc = synthetic_topo(text, &desc->topo, err, err_len);
	if (rc)
		return rc;
	for (unsigned nid = 0; nid < desc->topo.nr_nodes; nid++)
		bytes += desc->topo.node_bytes[nid];
	if (p->mem) {
		memset(desc->topo.node_bytes, 0, sizeof(desc->topo.node_bytes));
		bytes = p->mem;
	}
	return layout_zones(desc, bytes, err, err_len);
}

/* This host's nodes, CPUs and distances with mem bytes, in equal shares over
 * the nodes that have memory. */
static int from_host_sized(const struct machine_params *p,
			   struct machine_desc *desc, char *err, size_t err_len)
{
	struct topo *t = &desc->topo;
	unsigned nr = 0;
	int rc;

	layout_defaults(desc);
	set_layout(p, desc);
	rc = host_topo(t, err, err_len);
	if (rc)
		return rc;
	for (unsigned nid = 0; nid < t->nr_nodes; nid++)
		nr += t->node_bytes[nid] != 0;
	if (!nr || p->mem / nr < PAGE_SIZE << MAX_PAGE_ORDER) {
		snprintf(err, err_len,
			 "mem=%lluM: expected at least 4 MiB for each of %u "
			 "nodes",
			 (unsigned long long)p->mem >> 20, nr);
		return -EINVAL;
	}
	for (unsigned nid = 0; nid < t->nr_nodes; nid++)
		if (t->node_bytes[nid])
			t->node_bytes[nid] = p->mem / nr;
	return layout_zones(desc, p->mem, err, err_len);
}

/* Enough for pairs of threads on each of two nodes. */
static void two_nodes(const struct topo *host, char *text, size_t len)
{
	unsigned cores = host->nr_cpus < 4 ? 2 : host->nr_cpus / 2;

	snprintf(text, len, "numa:2 core:%u pu:1", cores);
}

bool machine_numa_is_host(const struct topo *host)
{
	unsigned nr = 0;

	for (unsigned nid = 0; nid < host->nr_nodes; nid++)
		nr += host->node_bytes[nid] != 0;
	return nr > 1;
}

int machine_numa_stand_in(const struct topo *host, struct topo *topo, char *err,
			  size_t err_len)
{
	char text[64];

	two_nodes(host, text, sizeof(text));
	return synthetic_topo(text, topo, err, err_len);
}

/* machine=numa: this host if it has nodes, else a stand-in. */
static int from_numa(const struct machine_params *p, struct machine_desc *desc,
		     char *err, size_t err_len)
{
	struct topo *host = malloc(sizeof(*host));
	char text[64] = "";
	int rc = host ? host_topo(host, err, err_len) : -ENOMEM;

	if (!rc && !machine_numa_is_host(host))
		two_nodes(host, text, sizeof(text));
	free(host);
	if (rc)
		return rc;
	rc = *text ? from_synthetic(p, text, desc, err, err_len)
		   : from_host_sized(p, desc, err, err_len);
	snprintf(desc->name, sizeof(desc->name), "%s%.64s",
		 *text ? "hwloc:" : "host", text);
	return rc;
}

/* "START+SPANNED[/PRESENT[/MANAGED]]", pages. */
static bool parse_extent(const char *s, struct zone_extent *e)
{
	if (!text_take_uint(&s, UINT32_MAX, &e->start_pfn) ||
	    !text_take(&s, "+") || !text_take_uint(&s, UINT32_MAX, &e->spanned))
		return false;
	e->present = e->spanned;
	if (text_take(&s, "/") && !text_take_uint(&s, e->spanned, &e->present))
		return false;
	e->managed = e->present;
	if (text_take(&s, "/") && !text_take_uint(&s, e->present, &e->managed))
		return false;
	return !*s;
}

int node_value_check(bool cpus, const char *value, char *why, size_t why_len)
{
	struct zone_extent e;
	bool set[MAX_CPUS];
	unsigned count;

	if (cpus) {
		if (!text_parse_list(value, set, MAX_CPUS, &count))
			return 0;
		snprintf(why, why_len,
			 "expected a list such as 0-3,8 of numbers below %d",
			 MAX_CPUS);
		return -EINVAL;
	}
	if (parse_extent(value, &e))
		return 0;
	snprintf(why, why_len,
		 "expected START+SPANNED[/PRESENT[/MANAGED]] in pages");
	return -EINVAL;
}

static int section_cpus(const struct node_section *section, unsigned nid,
			struct topo *t, char *err, size_t err_len)
{
	const struct where where = { section->file, section->cpus_line };
	bool set[MAX_CPUS];
	unsigned count;

	if (text_parse_list(section->cpus, set, MAX_CPUS, &count))
		return fail_at(&where, err, err_len,
			       "cpus=%.48s: expected a list such as 0-3,8 of "
			       "numbers below %d",
			       section->cpus, MAX_CPUS);
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!set[cpu])
			continue;
		if (t->os_cpu[cpu])
			return fail_at(&where, err, err_len,
				       "cpus=%.48s: CPU %u belongs to node %u "
				       "already",
				       section->cpus, cpu, t->node_of_cpu[cpu]);
		t->os_cpu[cpu] = 1; /* taken; numbers are set at the end */
		t->node_of_cpu[cpu] = (uint16_t)nid;
		if (cpu >= t->nr_cpus)
			t->nr_cpus = (uint16_t)(cpu + 1);
	}
	return 0;
}

static int section_zones(const struct node_section *section, unsigned nid,
			 struct machine_desc *desc, char *err, size_t err_len)
{
	struct where where = { section->file, section->line };

	desc->node[nid].online = true;
	for (unsigned idx = 0; idx < MAX_NR_ZONES; idx++) {
		struct zone_extent *e = &desc->node[nid].zone[idx];
		const char *text = section->zone[idx];

		if (!*text)
			continue;
		where.line = section->zone_line[idx];
		if (!parse_extent(text, e))
			return fail_at(&where, err, err_len,
				       "%s=%.64s: expected START+SPANNED"
				       "[/PRESENT[/MANAGED]] in pages",
				       zone_index_name(idx), text);
		desc->topo.node_bytes[nid] += e->present << PAGE_SHIFT;
	}
	return 0;
}

static int from_sections(const struct machine_params *p,
			 struct machine_desc *desc, char *err, size_t err_len)
{
	struct topo *t = &desc->topo;
	int rc = 0;

	if (p->mem || p->nodes || p->cpus) {
		snprintf(err, err_len,
			 "[node] sections give memory, nodes "
			 "and CPUs: expected no mem, nodes, cpus");
		return -EINVAL;
	}
	layout_defaults(desc);
	set_layout(p, desc);
	layout_topo(t, 1, p->nr_node_sections);
	t->nr_cpus = 0;
	memset(t->os_cpu, 0, sizeof(t->os_cpu));
	for (unsigned nid = 0; nid < p->nr_node_sections && !rc; nid++) {
		rc = section_cpus(&p->node[nid], nid, t, err, err_len);
		if (!rc)
			rc = section_zones(&p->node[nid], nid, desc, err,
					   err_len);
	}
	for (unsigned cpu = 0; cpu < t->nr_cpus && !rc; cpu++) {
		if (!t->os_cpu[cpu]) {
			snprintf(err, err_len,
				 "[node] cpus: expected every CPU from 0 to "
				 "%u, found no %u",
				 t->nr_cpus - 1u, cpu);
			return -EINVAL;
		}
		t->os_cpu[cpu] = (uint16_t)cpu;
		t->core_of_cpu[cpu] = (uint16_t)cpu;
		t->package_of_cpu[cpu] = t->node_of_cpu[cpu];
	}
	if (!rc && !t->nr_cpus) {
		snprintf(err, err_len,
			 "[node] cpus: expected at least one CPU");
		return -EINVAL;
	}
	return rc;
}

/* A file of `show state`. */
static int read_state(const char *path, struct state *s, char *err,
		      size_t err_len)
{
	struct textfile f;
	struct state_text in;
	int rc = textfile_read(path, &f, err, err_len);

	if (rc)
		return rc;
	in = (struct state_text){ f.text, f.text + f.len, path, 0 };
	rc = state_parse_file(&in, s, err, err_len);
	if (rc)
		state_drop(s);
	textfile_free(&f);
	return rc;
}

static int from_state(const struct machine_params *p, struct machine_desc *desc,
		      char *err, size_t err_len)
{
	struct state s;
	int rc = read_state(p->state, &s, err, err_len);

	if (rc)
		return rc;
	layout_defaults(desc);
	rc = state_describe(&s, desc, err, err_len);
	state_drop(&s);
	return rc;
}

static int boot_state(const struct machine_params *p, struct machine *m,
		      char *err, size_t err_len)
{
	struct state s;
	int rc = read_state(p->state, &s, err, err_len);

	if (rc)
		return rc;
	rc = state_apply(&s, m, NULL, err, err_len);
	state_drop(&s);
	return rc;
}

static int from_source(const struct machine_params *p,
		       struct machine_desc *desc, char *err, size_t err_len)
{
	const char *s = p->machine;
	bool sizes = p->mem || p->nodes || *p->layout;

	if (!*s) {
		if (p->nr_node_sections)
			return from_sections(p, desc, err, err_len);
		if (sizes)
			return from_sizes(p, desc, err, err_len);
		if (*p->state)
			return from_state(p, desc, err, err_len);
		s = "host";
	}
	if (p->nr_node_sections || p->nodes)
		return refuse(err, err_len, "machine", p->machine,
			      "no nodes= and no [node] section besides");
	if (text_take(&s, "hwloc:"))
		return from_synthetic(p, s, desc, err, err_len);
	if (!strcmp(s, "numa") && p->mem)
		return from_numa(p, desc, err, err_len);
	if (!strcmp(s, "numa"))
		return refuse(err, err_len, "machine", p->machine,
			      "mem= besides, which the nodes share");
	if (!strcmp(s, "host") && p->mem)
		return from_host_sized(p, desc, err, err_len);
	if (p->mem || *p->layout)
		return refuse(err, err_len, "machine", p->machine,
			      !strcmp(s, "host")
				      ? "no layout= besides without mem="
				      : "no mem= and no layout= besides");
	if (text_take(&s, "capture:"))
		return capture_read(s, desc, err, err_len);
	if (!strcmp(s, "host"))
		return host_desc(desc, err, err_len);
	return refuse(err, err_len, "machine", p->machine,
		      "host, numa, hwloc:STRING or capture:DIR");
}

/* ---- overrides --------------------------------------------------------- */

/* Another number of CPUs: equal consecutive shares over the nodes that have
 * CPUs. */
static void override_cpus(struct topo *t, unsigned nr)
{
	uint16_t node[MAX_NODES] = { 0 };
	unsigned nr_nodes = 0;

	for (unsigned nid = 0; nid < t->nr_nodes; nid++) {
		for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++) {
			if (t->node_of_cpu[cpu] == nid) {
				node[nr_nodes++] = (uint16_t)nid;
				break;
			}
		}
	}
	t->nr_cpus = (uint16_t)nr;
	t->synthetic = true;
	for (unsigned cpu = 0; cpu < nr; cpu++) {
		t->os_cpu[cpu] = (uint16_t)cpu;
		t->node_of_cpu[cpu] = node[cpu * nr_nodes / nr];
		t->core_of_cpu[cpu] = (uint16_t)cpu;
		t->package_of_cpu[cpu] = t->node_of_cpu[cpu];
		t->smt_of_cpu[cpu] = 0;
	}
}

/* Rows by ';', entries by blanks; one entry a node. */
static int override_distances(const char *text, struct topo *t, char *err,
			      size_t err_len)
{
	const char *s = text;
	bool ok = true;

	for (unsigned a = 0; a < t->nr_nodes && ok; a++) {
		for (unsigned b = 0; b < t->nr_nodes && ok; b++) {
			uint64_t v = 0;

			s = text_skip_blanks(s);
			ok = text_take_uint(&s, 255, &v) && v >= 10 &&
			     (a != b || v == 10);
			t->distance[a][b] = (uint8_t)v;
		}
		s = text_skip_blanks(s);
		if (a + 1 < t->nr_nodes)
			ok = ok && text_take(&s, ";");
	}
	text_take(&s, ";");
	if (!ok || *text_skip_blanks(s)) {
		char expected[128];

		snprintf(expected, sizeof(expected),
			 "%u rows by ';' of %u numbers from 10 to 255, 10 on "
			 "the diagonal",
			 t->nr_nodes, t->nr_nodes);
		return refuse(err, err_len, "distances", text, expected);
	}
	t->synthetic = true;
	return 0;
}

static int override_sysctls(const struct machine_params *p,
			    struct machine_desc *desc, char *err,
			    size_t err_len)
{
	int64_t fraction = p->percpu_pagelist_high_fraction;

	if (p->vmalloc)
		desc->vmalloc_bytes = p->vmalloc;
	desc->rcu_flavor = p->rcu_flavor;
	desc->rcu_limbo_pages = p->rcu_limbo;
	if (*p->thp) {
		/* a captured value may be khugepaged's: compute it anew */
		desc->min_free_kbytes = -1;
		desc->thp = true;
		desc->thp_enabled = strcmp(p->thp, "never") != 0;
	}
	if (p->min_free_kbytes >= 0)
		desc->min_free_kbytes = p->min_free_kbytes;
	if (p->watermark_scale_factor >= 0)
		desc->watermark_scale_factor =
			(int32_t)p->watermark_scale_factor;
	if (p->watermark_boost_factor >= 0)
		desc->watermark_boost_factor =
			(int32_t)p->watermark_boost_factor;
	if (fraction > 0 && fraction < 8)
		return refuse(err, err_len, "percpu_pagelist_high_fraction",
			      "1..7", "0 or at least 8");
	if (fraction >= 0)
		desc->percpu_pagelist_high_fraction = (int32_t)fraction;
	if (*p->lowmem_reserve_ratio &&
	    layout_parse_ratio(p->lowmem_reserve_ratio, desc))
		return refuse(err, err_len, "lowmem_reserve_ratio",
			      p->lowmem_reserve_ratio,
			      "a number for each zone, by ':' or space");
	return 0;
}

static void make_name(const struct machine_params *p, struct machine_desc *desc)
{
	const struct topo *t = &desc->topo;
	uint64_t bytes = 0;

	for (unsigned nid = 0; nid < t->nr_nodes; nid++)
		bytes += t->node_bytes[nid];
	if (!strcmp(p->machine, "numa"))
		return; /* from_numa() said what it came to */
	if (*p->machine)
		snprintf(desc->name, sizeof(desc->name), "%.*s",
			 (int)sizeof(desc->name) - 1, p->machine);
	else if (!p->mem && !p->nr_node_sections)
		snprintf(desc->name, sizeof(desc->name), "%s%.*s",
			 *p->state ? "state:" : "host",
			 (int)sizeof(desc->name) - 8, p->state);
	else
		snprintf(desc->name, sizeof(desc->name),
			 "mem=%lluM nodes=%u cpus=%u layout=%s",
			 (unsigned long long)(bytes >> 20), t->nr_nodes,
			 t->nr_cpus, *p->layout ? p->layout : "x86-64");
}

int machine_params_resolve(const struct machine_params *p,
			   struct machine_desc *desc, char *err, size_t err_len)
{
	int rc = from_source(p, desc, err, err_len);

	if (rc)
		return rc;
	if (!strcmp(p->kernel, "6.1"))
		desc->kernel = KERNEL_6_1;
	else if (!strcmp(p->kernel, "6.12"))
		desc->kernel = KERNEL_6_12;
	if (*p->pcp_tuning)
		desc->pcp_tuning = !strcmp(p->pcp_tuning, "6.1")
					   ? PCP_TUNING_6_1
					   : PCP_TUNING_6_7;
	desc->zonelists_rebuilt = !strcmp(p->zonelists, "hotplug");
	desc->rseq_off = !strcmp(p->rseq, "off");
	if (p->cpus && p->cpus != desc->topo.nr_cpus)
		override_cpus(&desc->topo, p->cpus);
	if (*p->distances) {
		rc = override_distances(p->distances, &desc->topo, err,
					err_len);
		if (rc)
			return rc;
	}
	rc = override_sysctls(p, desc, err, err_len);
	if (!rc)
		make_name(p, desc);
	return rc;
}

int machine_params_boot(const struct machine_params *p, struct machine *m,
			char *err, size_t err_len)
{
	const char *dir = p->machine;
	struct boot_counts *counts;
	int rc;

	if (*p->state)
		return boot_state(p, m, err, err_len);
	if (strcmp(p->fragmentation, "captured")) {
		machine_boot(m);
		return 0;
	}
	if (!*dir || !strcmp(dir, "host"))
		dir = "/proc";
	else if (!text_take(&dir, "capture:"))
		return refuse(err, err_len, "fragmentation", p->fragmentation,
			      "machine=capture:DIR or machine=host besides");
	counts = malloc(sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	rc = capture_read_counts(dir, &m->desc, counts, err, err_len);
	if (!rc)
		(void)machine_boot_counts(m, counts);
	free(counts);
	return rc;
}
