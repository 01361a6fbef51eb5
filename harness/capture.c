/* Reading of capture folders; see capture.h. */
#include "harness/capture.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "harness/textfile.h"
#include "harness/zoneinfo_reader.h"

#define LINE_MAX_BYTES 1024
#define OS_CPU_MAX     8192 /* CPU numbers of an OS are below */

struct capture_file {
	struct textfile file;
	char path[PATH_MAX];
};

/* A file of the folder that may be missing: 1 read, 0 not there, -errno. */
static int read_optional(const char *dir, const char *name,
			 struct capture_file *out, char *err, size_t err_len)
{
	int n = snprintf(out->path, sizeof(out->path), "%s/%s", dir, name);
	int rc;

	if (n < 0 || n >= (int)sizeof(out->path)) {
		snprintf(err, err_len, "%s: name is too long", dir);
		return -ENAMETOOLONG;
	}
	rc = textfile_read(out->path, &out->file, err, err_len);
	if (rc == -ENOENT || rc == -ENOTDIR)
		return 0;
	return rc ? rc : 1;
}

static struct text_cursor cursor_of(const struct capture_file *f, char *err,
				    size_t err_len)
{
	return (struct text_cursor){
		.next = f->file.text,
		.end = f->file.text + f->file.len,
		.where = { .file = f->path, .line = 0 },
		.err = err,
		.err_len = err_len,
	};
}

/* ---- zoneinfo ---------------------------------------------------------- */

static void apply_config(const struct zoneinfo *zi, struct machine_desc *desc)
{
	bool i386 =
		zi->zone_present[ZONE_HIGHMEM] || !zi->zone_present[ZONE_DMA32];
	bool above_4g = false, promo = false;

	for (unsigned i = 0; i < zi->nr_zones; i++) {
		const struct zoneinfo_zone *z = &zi->zone[i];

		promo |= z->has & (1u << ZI_PROMO);
		above_4g |= z->value[ZI_PRESENT] &&
			    z->value[ZI_START_PFN] + z->value[ZI_SPANNED] >
				    1u << 20;
	}
	layout_set(desc, i386 ? LAYOUT_I386 : LAYOUT_X86_64, above_4g);
	desc->kernel = promo ? KERNEL_6_12 : KERNEL_6_1;
	desc->has_device_zone = zi->zone_present[ZONE_DEVICE];
	desc->has_numa = zi->has_numa;
	desc->has_zspages = zi->has_zspages;
	desc->has_swap = zi->has_swapcached;
	desc->has_numa_balancing = zi->has_pgpromote;
}

static int apply_zone(const struct zoneinfo_zone *z, const char *name,
		      struct machine_desc *desc, char *err, size_t err_len)
{
	const struct where where = { .file = name, .line = z->line };
	struct zone_extent *e;

	if (z->nid >= MAX_NODES)
		return fail_at(&where, err, err_len,
			       "node %u: expected node numbers below %d",
			       z->nid, MAX_NODES);
	if (z->nid >= desc->topo.nr_nodes)
		desc->topo.nr_nodes = (uint16_t)(z->nid + 1);
	desc->node[z->nid].online = true;
	e = &desc->node[z->nid].zone[z->idx];
	*e = (struct zone_extent){
		.start_pfn = z->value[ZI_START_PFN],
		.spanned = z->value[ZI_SPANNED],
		.present = z->value[ZI_PRESENT],
		.managed = z->value[ZI_MANAGED],
		.cma = z->value[ZI_CMA],
	};
	if (!e->present)
		*e = (struct zone_extent){ 0 };
	desc->has_cma |= e->cma > 0;
	desc->topo.node_bytes[z->nid] += e->present << PAGE_SHIFT;
	return 0;
}

/* CPU numbers from the pagesets, which list every online CPU. */
static int apply_cpus(const struct zoneinfo *zi, const char *name,
		      struct machine_desc *desc, char *err, size_t err_len)
{
	struct topo *t = &desc->topo;

	for (unsigned i = 0; i < zi->nr_zones && !t->nr_cpus; i++) {
		const struct zoneinfo_zone *z = &zi->zone[i];
		const struct where where = { .file = name, .line = z->line };

		if (z->nr_cpus > MAX_CPUS)
			return fail_at(&where, err, err_len,
				       "%u CPUs, expected at most %d",
				       z->nr_cpus, MAX_CPUS);
		for (unsigned c = 0; c < z->nr_cpus; c++) {
			if (z->cpu[c].cpu >= OS_CPU_MAX)
				return fail_at(&where, err, err_len,
					       "cpu: %u: expected numbers "
					       "below %d",
					       z->cpu[c].cpu, OS_CPU_MAX);
			t->os_cpu[c] = (uint16_t)z->cpu[c].cpu;
		}
		t->nr_cpus = (uint16_t)z->nr_cpus;
	}
	if (!t->nr_cpus) {
		snprintf(err, err_len, "%s: expected at least one pageset",
			 name);
		return -EINVAL;
	}
	return 0;
}

/*
 * Without CPU lists: 6.1 prints high = LOW / CPUs of the node, which gives the
 * number back. 0 where it does not (a small zone, another kernel).
 */
static unsigned cpus_from_high(const struct zoneinfo *zi, unsigned nid,
			       unsigned max)
{
	for (unsigned i = 0; i < zi->nr_zones; i++) {
		const struct zoneinfo_zone *z = &zi->zone[i];
		uint64_t low = z->value[ZI_LOW];
		const struct zoneinfo_cpu *c = z->cpu;

		if (z->nid != nid || !z->nr_cpus || c->high <= 4 * c->batch ||
		    c->batch < 0)
			continue;
		for (unsigned n = 1; n <= max; n++) {
			if (low / n == (uint64_t)c->high)
				return n;
		}
	}
	return 0;
}

static void guess_nodes_of_cpus(const struct zoneinfo *zi,
				struct machine_desc *desc)
{
	struct topo *t = &desc->topo;
	unsigned nr[MAX_NODES] = { 0 }, sum = 0, cpu = 0;

	for (unsigned nid = 0; nid < t->nr_nodes; nid++) {
		nr[nid] = cpus_from_high(zi, nid, t->nr_cpus);
		sum += nr[nid];
	}
	memset(t->node_of_cpu, 0, sizeof(t->node_of_cpu));
	/* CPU nodes come first in Linux's numbering: when in doubt, the first
	 */
	while (t->node_of_cpu[0] < t->nr_nodes &&
	       !desc->node[t->node_of_cpu[0]].online)
		t->node_of_cpu[0]++;
	for (unsigned i = 1; i < t->nr_cpus; i++)
		t->node_of_cpu[i] = t->node_of_cpu[0];
	if (sum != t->nr_cpus)
		return;
	for (unsigned nid = 0; nid < t->nr_nodes; nid++) {
		for (unsigned i = 0; i < nr[nid]; i++)
			t->node_of_cpu[cpu++] = (uint16_t)nid;
	}
}

/* Default distances; every CPU a core of its own, a package per node. */
static void finish_topo(struct topo *t)
{
	for (unsigned a = 0; a < t->nr_nodes; a++) {
		for (unsigned b = 0; b < t->nr_nodes; b++)
			t->distance[a][b] = a == b ? 10 : 20;
	}
	for (unsigned cpu = 0; cpu < t->nr_cpus; cpu++) {
		t->core_of_cpu[cpu] = (uint16_t)cpu;
		t->package_of_cpu[cpu] = t->node_of_cpu[cpu];
	}
}

static int apply_zoneinfo(const struct zoneinfo *zi, const char *name,
			  struct machine_desc *desc, char *err, size_t err_len)
{
	int rc;

	apply_config(zi, desc);
	memset(desc->node, 0, sizeof(desc->node));
	memset(&desc->topo, 0, sizeof(desc->topo));
	desc->topo.synthetic = true;
	desc->has_cma = false;
	for (unsigned i = 0; i < zi->nr_zones; i++) {
		rc = apply_zone(&zi->zone[i], name, desc, err, err_len);
		if (rc)
			return rc;
	}
	rc = apply_cpus(zi, name, desc, err, err_len);
	if (rc)
		return rc;
	guess_nodes_of_cpus(zi, desc);
	finish_topo(&desc->topo);
	return 0;
}

/* ---- sys_vm ------------------------------------------------------------ */

static int apply_thp(const struct text_cursor *c, const char *s,
		     struct machine_desc *desc)
{
	const char *open = strchr(s, '[');

	if (!open || !strchr(open, ']'))
		return text_fail(c, "thp_enabled: expected one word in "
				    "brackets");
	desc->thp = true;
	desc->thp_enabled = strncmp(open, "[never]", 7) != 0;
	return 0;
}

static int apply_sysctl(const struct text_cursor *c, const char *s,
			struct machine_desc *desc)
{
	const struct {
		const char *name;
		int32_t *value;
		uint64_t min, max;
	} known[] = {
		{ "watermark_scale_factor ", &desc->watermark_scale_factor, 1,
		  3000 },
		{ "watermark_boost_factor ", &desc->watermark_boost_factor, 0,
		  INT32_MAX },
		{ "percpu_pagelist_high_fraction ",
		  &desc->percpu_pagelist_high_fraction, 0, INT32_MAX },
	};
	uint64_t v;

	if (text_take(&s, "lowmem_reserve_ratio ")) {
		if (layout_parse_ratio(s, desc))
			return text_fail(c, "lowmem_reserve_ratio: expected "
					    "a number for each zone");
		return 0;
	}
	if (text_take(&s, SYS_VM_THP_NAME " "))
		return apply_thp(c, s, desc);
	if (text_take(&s, "min_free_kbytes ")) {
		if (!text_take_uint(&s, INT32_MAX, &v) || *s)
			return text_fail(c, "min_free_kbytes: expected a "
					    "number of KiB");
		desc->min_free_kbytes = (int64_t)v;
		return 0;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		if (!text_take(&s, known[i].name))
			continue;
		if (!text_take_uint(&s, known[i].max, &v) || *s ||
		    v < known[i].min)
			return text_fail(c, "%s: expected %llu to %llu",
					 known[i].name,
					 (unsigned long long)known[i].min,
					 (unsigned long long)known[i].max);
		*known[i].value = (int32_t)v;
		return 0;
	}
	return 0;
}

int capture_apply_sys_vm(struct text_cursor *c, struct machine_desc *desc)
{
	char line[LINE_MAX_BYTES];
	int rc;

	/* a kernel without the switch has no transparent huge pages */
	desc->thp = false;
	desc->thp_enabled = false;
	while ((rc = text_next_line(c, line, sizeof(line))) > 0) {
		rc = apply_sysctl(c, line, desc);
		if (rc)
			return rc;
	}
	return rc;
}

/* ---- version, nodes ---------------------------------------------------- */

static void apply_version(const char *text, struct machine_desc *desc)
{
	uint64_t major, minor;

	if (!text_take(&text, "Linux version ") ||
	    !text_take_uint(&text, 1000, &major) || !text_take(&text, ".") ||
	    !text_take_uint(&text, 1000, &minor))
		return;
	desc->kernel = major * 1000 + minor >= 6007 ? KERNEL_6_12 : KERNEL_6_1;
	if (desc->layout == LAYOUT_I386 && strstr(text, "-pae"))
		desc->pageblock_order = 9;
}

static int apply_cpulist(const struct text_cursor *c, unsigned nid,
			 struct machine_desc *desc)
{
	static bool set[OS_CPU_MAX];
	unsigned count;

	if (text_parse_list(c->next, set, OS_CPU_MAX, &count))
		return text_fail(c, "expected a list of CPUs such as 0-3,8");
	for (unsigned i = 0; i < desc->topo.nr_cpus; i++) {
		if (set[desc->topo.os_cpu[i]])
			desc->topo.node_of_cpu[i] = (uint16_t)nid;
	}
	return 0;
}

/* One row, an entry for each online node. */
static int apply_distance(const struct text_cursor *c, unsigned nid,
			  struct machine_desc *desc)
{
	const char *s = c->next;

	for (unsigned b = 0; b < desc->topo.nr_nodes; b++) {
		uint64_t v;

		if (!desc->node[b].online)
			continue;
		s = text_skip_blanks(s);
		if (!text_take_uint(&s, 255, &v) || v < 10)
			return text_fail(c, "expected a distance of 10 to 255 "
					    "for each node");
		desc->topo.distance[nid][b] = (uint8_t)v;
	}
	return 0;
}

static int apply_node_folder(const char *dir, unsigned nid,
			     struct machine_desc *desc, char *err,
			     size_t err_len)
{
	const struct {
		const char *name;
		int (*apply)(const struct text_cursor *c, unsigned nid,
			     struct machine_desc *desc);
	} file[] = { { "cpulist", apply_cpulist },
		     { "distance", apply_distance } };

	for (unsigned i = 0; i < ARRAY_SIZE(file); i++) {
		struct text_cursor c;
		struct capture_file f;
		char name[64];
		int rc;

		snprintf(name, sizeof(name), "node%u/%s", nid, file[i].name);
		rc = read_optional(dir, name, &f, err, err_len);
		if (rc > 0) {
			c = cursor_of(&f, err, err_len);
			rc = file[i].apply(&c, nid, desc);
			textfile_free(&f.file);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- pagetypeinfo and buddyinfo ----------------------------------------- */

static bool take_zone(const char **s, const char *end_mark, uint64_t *nid,
		      unsigned *idx)
{
	const char *p = *s;

	if (!text_take(&p, "Node"))
		return false;
	p = text_skip_blanks(p);
	if (!text_take_uint(&p, MAX_NODES - 1, nid) || !text_take(&p, ", zone"))
		return false;
	p = text_skip_blanks(p);
	for (*idx = 0; *idx < MAX_NR_ZONES; (*idx)++) {
		const char *rest = p;

		if (!text_take(&rest, zone_index_name(*idx)) ||
		    !text_take(&rest, end_mark))
			continue;
		*s = rest;
		return true;
	}
	return false;
}

static int take_counts(const struct text_cursor *c, const char *s,
		       uint64_t *out, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		s = text_skip_blanks(s);
		text_take(&s, ">"); /* counting stopped at this number */
		if (!text_take_uint(&s, UINT32_MAX, &out[i]))
			return text_fail(c, "expected %u numbers", nr);
	}
	s = text_skip_blanks(s);
	return *s ? text_fail(c, "expected %u numbers", nr) : 0;
}

static bool take_migratetype(const char **s, unsigned *mt)
{
	*s = text_skip_blanks(*s);
	for (*mt = 0; *mt < NR_MIGRATETYPES; (*mt)++) {
		if (text_take(s, migratetype_name((enum migratetype) * mt)))
			return true;
	}
	return false;
}

/* Columns of the second table of pagetypeinfo. */
struct type_columns {
	unsigned mt[NR_MIGRATETYPES];
	unsigned nr;
};

static int parse_columns(const struct text_cursor *c, const char *s,
			 struct type_columns *col)
{
	col->nr = 0;
	for (s = text_skip_blanks(s); *s; s = text_skip_blanks(s)) {
		if (col->nr == NR_MIGRATETYPES ||
		    !take_migratetype(&s, &col->mt[col->nr]))
			return text_fail(c, "expected names of migratetypes");
		col->nr++;
	}
	return 0;
}

static int parse_pagetype_line(const struct text_cursor *c, const char *s,
			       struct type_columns *col,
			       struct boot_counts *counts)
{
	uint64_t nid, n[NR_MIGRATETYPES];
	unsigned idx, mt, id;
	int rc;

	if (text_take(&s, "Number of blocks type"))
		return parse_columns(c, s, col);
	if (take_zone(&s, ", type", &nid, &idx)) {
		id = (unsigned)nid * MAX_NR_ZONES + idx;
		if (!take_migratetype(&s, &mt))
			return text_fail(c, "expected a migratetype");
		counts->known[id] = true;
		return take_counts(c, s, counts->zone[id].nr_free[mt],
				   NR_PAGE_ORDERS);
	}
	if (take_zone(&s, " ", &nid, &idx) && col->nr) {
		id = (unsigned)nid * MAX_NR_ZONES + idx;
		rc = take_counts(c, s, n, col->nr);
		for (unsigned i = 0; i < col->nr && !rc; i++)
			counts->zone[id].pageblocks[col->mt[i]] = n[i];
		return rc;
	}
	return 0; /* headings, and tables that later kernels add */
}

static int read_pagetypeinfo(struct text_cursor *c, struct boot_counts *counts)
{
	struct type_columns col = { .nr = 0 };
	char line[LINE_MAX_BYTES];
	int rc;

	while ((rc = text_next_line(c, line, sizeof(line))) > 0) {
		rc = parse_pagetype_line(c, line, &col, counts);
		if (rc)
			return rc;
	}
	return rc;
}

static int read_buddyinfo(struct text_cursor *c, struct boot_counts *counts)
{
	char line[LINE_MAX_BYTES];
	uint64_t nid;
	unsigned idx, id;
	int rc;

	while ((rc = text_next_line(c, line, sizeof(line))) > 0) {
		const char *s = line;

		if (!take_zone(&s, " ", &nid, &idx))
			return text_fail(c,
					 "expected \"Node N, zone NAME\" "
					 "and %d numbers",
					 NR_PAGE_ORDERS);
		id = (unsigned)nid * MAX_NR_ZONES + idx;
		counts->known[id] = true;
		rc = take_counts(c, s, counts->zone[id].nr_free[MT_MOVABLE],
				 NR_PAGE_ORDERS);
		if (rc)
			return rc;
	}
	return rc;
}

static int check_counts(const char *dir, const struct machine_desc *desc,
			const struct boot_counts *counts, char *err,
			size_t err_len)
{
	for (unsigned id = 0; id < MAX_NODES * MAX_NR_ZONES; id++) {
		const struct zone_extent *e =
			&desc->node[id / MAX_NR_ZONES].zone[id % MAX_NR_ZONES];
		uint64_t pages = 0;

		for (unsigned mt = 0; mt < NR_MIGRATETYPES; mt++) {
			for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
				pages += counts->zone[id].nr_free[mt][o] << o;
		}
		if (counts->known[id] && pages > e->managed) {
			snprintf(err, err_len,
				 "%s: node %u, zone %s: %llu free pages, but "
				 "%llu managed",
				 dir, id / MAX_NR_ZONES,
				 zone_index_name(id % MAX_NR_ZONES),
				 (unsigned long long)pages,
				 (unsigned long long)e->managed);
			return -EINVAL;
		}
	}
	return 0;
}

int capture_read_counts(const char *dir, const struct machine_desc *desc,
			struct boot_counts *counts, char *err, size_t err_len)
{
	bool by_type = true;
	struct capture_file f;
	struct text_cursor c;
	int rc;

	memset(counts, 0, sizeof(*counts));
	rc = read_optional(dir, "pagetypeinfo", &f, err, err_len);
	if (rc == 0 || rc == -EACCES) {
		by_type = false;
		rc = read_optional(dir, "buddyinfo", &f, err, err_len);
	}
	if (rc == 0) {
		snprintf(err, err_len,
			 "%s: expected a file pagetypeinfo or buddyinfo", dir);
		return -ENOENT;
	}
	if (rc < 0)
		return rc;
	c = cursor_of(&f, err, err_len);
	rc = by_type ? read_pagetypeinfo(&c, counts)
		     : read_buddyinfo(&c, counts);
	textfile_free(&f.file);
	return rc ? rc : check_counts(dir, desc, counts, err, err_len);
}

/* Pageblock order and migratetypes from pagetypeinfo. */
static int apply_pagetypeinfo(const char *dir, struct machine_desc *desc,
			      char *err, size_t err_len)
{
	const char *s;
	struct capture_file f;
	uint64_t order;
	int rc = read_optional(dir, "pagetypeinfo", &f, err, err_len);

	if (rc == -EACCES || rc == 0)
		return 0; /* only root may read it; capture says so */
	if (rc < 0)
		return rc;
	s = f.file.text;
	if (text_take(&s, "Page block order: ") &&
	    text_take_uint(&s, MAX_PAGE_ORDER, &order) && order > 0)
		desc->pageblock_order = (uint8_t)order;
	s = strstr(f.file.text, "Number of blocks type");
	if (s) {
		size_t len = strcspn(s, "\n");

		desc->has_cma = memmem(s, len, "CMA", 3) != NULL;
		desc->has_isolate = memmem(s, len, "Isolate", 7) != NULL;
	}
	textfile_free(&f.file);
	return 0;
}

/* ---- the folder -------------------------------------------------------- */

static int read_sys_vm(const char *dir, struct machine_desc *desc, char *err,
		       size_t err_len)
{
	struct capture_file f;
	struct text_cursor c;
	int rc = read_optional(dir, "sys_vm", &f, err, err_len);

	if (rc > 0) {
		c = cursor_of(&f, err, err_len);
		rc = capture_apply_sys_vm(&c, desc);
		textfile_free(&f.file);
	}
	return rc < 0 ? rc : 0;
}

static int read_version(const char *dir, struct machine_desc *desc, char *err,
			size_t err_len)
{
	struct capture_file f;
	int rc = read_optional(dir, "version", &f, err, err_len);

	if (rc > 0) {
		apply_version(f.file.text, desc);
		textfile_free(&f.file);
	}
	return rc < 0 ? rc : 0;
}

int capture_read_proc(const char *dir, struct machine_desc *desc, char *err,
		      size_t err_len)
{
	char path[PATH_MAX];
	struct zoneinfo zi;
	int rc;

	layout_defaults(desc);
	if (snprintf(path, sizeof(path), "%s/zoneinfo", dir) >=
	    (int)sizeof(path)) {
		snprintf(err, err_len, "%s: name is too long", dir);
		return -ENAMETOOLONG;
	}
	rc = zoneinfo_read(path, &zi, err, err_len);
	if (rc)
		return rc;
	rc = apply_zoneinfo(&zi, path, desc, err, err_len);
	zoneinfo_free(&zi);
	if (!rc)
		rc = read_version(dir, desc, err, err_len);
	if (!rc)
		rc = apply_pagetypeinfo(dir, desc, err, err_len);
	return rc;
}

int capture_read(const char *dir, struct machine_desc *desc, char *err,
		 size_t err_len)
{
	int rc = capture_read_proc(dir, desc, err, err_len);

	if (!rc)
		rc = read_sys_vm(dir, desc, err, err_len);
	for (unsigned nid = 0; nid < desc->topo.nr_nodes && !rc; nid++) {
		if (desc->node[nid].online)
			rc = apply_node_folder(dir, nid, desc, err, err_len);
	}
	return rc;
}
