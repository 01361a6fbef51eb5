/*
 * SLAB's arithmetic: every cache that a kernel with SLAB printed, and tables of
 * worked numbers, field by field.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"
#include "alloc/slab/geometry_slab.h"
#include "alloc/slab/kmem_cache.h"
#include "harness/bind.h"
#include "harness/kernel_log.h"

#define DATA "alloc/slab/tests/data"

TestSuite(geometry_slab, .timeout = 60);

static void no_ctor(void *object)
{
	(void)object;
}

/* A machine of so many CPUs and plenty of memory. */
static struct slab_config config_of(unsigned cpus)
{
	return (struct slab_config){ .kernel = KERNEL_6_1,
				     .word = 8,
				     .nr_cpus = cpus,
				     .nr_possible = cpus,
				     .ram_bytes = 256 << 20 };
}

/* What a cache is made from, and what comes out. */
struct made {
	struct kmem_cache s;
	struct slab_layout l;
};

static struct made make(unsigned cpus, unsigned size, unsigned align,
			uint32_t flags, bool ctor)
{
	const struct slab_config cfg = config_of(cpus);
	struct made m = { .s = { .object_size = size,
				 .align_asked = align,
				 .flags = flags,
				 .ctor = ctor ? no_ctor : NULL } };

	cr_assert_eq(slab_geometry(&cfg, &m.s, &m.l), 0, "size %u", size);
	return m;
}

/* ---- tables ----------------------------------------------------------------
 */

struct row {
	unsigned size, align;
	uint32_t flags;
	bool ctor;
	unsigned stride;
	enum slab_index_place place;
	unsigned order, num, colour, limit, batchcount, shared;
	unsigned free_limit_2, free_limit_64; /* 0: not known */
};

#define PLAIN   0, 0, false
#define CTOR    0, 0, true
#define KMALLOC SLAB_HWCACHE_ALIGN, false
#define RECLAIM 0, SLAB_RECLAIM_ACCOUNT, false
#define OBJ     INDEX_IN_OBJECT
#define OFF     INDEX_OFF_SLAB
#define ON      INDEX_ON_SLAB

static const struct row rows[] = {
	/* the size classes */
	{ 32, 32, KMALLOC, 32, ON, 0, 124, 0, 120, 60, 8, 304, 4024 },
	{ 64, 64, KMALLOC, 64, OBJ, 0, 64, 0, 120, 60, 8, 244, 3964 },
	{ 96, 8, KMALLOC, 128, OBJ, 0, 32, 0, 120, 60, 8, 212, 3932 },
	{ 128, 128, KMALLOC, 128, OBJ, 0, 32, 0, 120, 60, 8, 212, 3932 },
	{ 192, 8, KMALLOC, 192, OBJ, 0, 21, 1, 120, 60, 8, 201, 3921 },
	{ 256, 256, KMALLOC, 256, OBJ, 0, 16, 0, 120, 60, 8, 196, 3916 },
	{ 512, 512, KMALLOC, 512, OBJ, 0, 8, 0, 54, 27, 8, 89, 1763 },
	{ 1024, 1024, KMALLOC, 1024, OBJ, 0, 4, 0, 54, 27, 8, 85, 1759 },
	{ 2048, 2048, KMALLOC, 2048, OBJ, 0, 2, 0, 24, 12, 8, 38, 782 },
	{ 4096, 4096, KMALLOC, 4096, OBJ, 0, 1, 0, 24, 12, 8, 37, 781 },
	{ 8192, 8192, KMALLOC, 8192, OBJ, 1, 1, 0, 8, 4, 0, 13, 261 },
	/* others; a constructor is to the index as TYPESAFE_BY_RCU is */
	{ 8, PLAIN, 16, ON, 0, 240, 0, 120, 60, 8, 0, 0 },
	{ 16, CTOR, 16, ON, 0, 240, 0, 120, 60, 8, 0, 0 },
	{ 24, PLAIN, 24, ON, 0, 163, 0, 120, 60, 8, 0, 0 },
	{ 104, PLAIN, 104, OBJ, 0, 39, 0, 120, 60, 8, 0, 0 },
	{ 104, CTOR, 104, ON, 0, 39, 0, 120, 60, 8, 0, 0 },
	{ 192, PLAIN, 192, OBJ, 0, 21, 1, 120, 60, 8, 0, 0 },
	{ 192, CTOR, 192, ON, 0, 21, 0, 120, 60, 8, 0, 0 },
	{ 200, PLAIN, 200, OBJ, 0, 20, 1, 120, 60, 8, 0, 0 },
	{ 200, CTOR, 200, ON, 0, 20, 1, 120, 60, 8, 0, 0 },
	{ 256, PLAIN, 256, OBJ, 0, 16, 0, 120, 60, 8, 0, 0 },
	{ 256, CTOR, 256, OFF, 0, 16, 0, 120, 60, 8, 0, 0 },
	{ 576, PLAIN, 576, OBJ, 0, 7, 1, 54, 27, 8, 0, 0 },
	{ 576, CTOR, 576, ON, 0, 7, 0, 54, 27, 8, 0, 0 },
	{ 600, PLAIN, 600, OBJ, 0, 6, 7, 54, 27, 8, 0, 0 },
	{ 600, CTOR, 600, ON, 0, 6, 7, 54, 27, 8, 0, 0 },
	{ 1088, PLAIN, 1088, OBJ, 1, 7, 9, 24, 12, 8, 0, 0 },
	{ 1088, CTOR, 1088, ON, 1, 7, 8, 24, 12, 8, 0, 0 },
	{ 1088, RECLAIM, 1088, OBJ, 0, 3, 13, 24, 12, 8, 0, 0 },
	{ 4096, PLAIN, 4096, OBJ, 0, 1, 0, 24, 12, 8, 0, 0 },
	{ 4096, CTOR, 4096, OFF, 0, 1, 0, 24, 12, 8, 0, 0 },
	{ 5824, PLAIN, 5824, OBJ, 1, 1, 37, 8, 4, 0, 0, 0 },
	{ 5824, CTOR, 5824, ON, 1, 1, 36, 8, 4, 0, 0, 0 },
	{ 9000, PLAIN, 9000, OBJ, 2, 1, 115, 8, 4, 0, 0, 0 },
	{ 16384, PLAIN, 16384, OBJ, 2, 1, 0, 8, 4, 0, 0, 0 },
	{ 16384, CTOR, 16384, OFF, 2, 1, 0, 8, 4, 0, 0, 0 },
	{ 40000, PLAIN, 40000, OBJ, 4, 1, 399, 8, 4, 0, 0, 0 },
};

Test(geometry_slab, the_worked_table_comes_out)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		const struct made m =
			make(2, r->size, r->align, r->flags, r->ctor);

		cr_assert_eq(m.s.size, r->stride, "size %u: %u", r->size,
			     m.s.size);
		cr_assert_eq(m.l.place, r->place, "size %u", r->size);
		cr_assert_eq(m.s.order, r->order, "size %u", r->size);
		cr_assert_eq(m.s.objects, r->num, "size %u", r->size);
		cr_assert_eq(m.l.colour, r->colour, "size %u", r->size);
		cr_assert_eq(m.l.limit, r->limit, "size %u", r->size);
		cr_assert_eq(m.l.batchcount, r->batchcount, "size %u", r->size);
		cr_assert_eq(m.l.shared, r->shared, "size %u", r->size);
		if (!r->free_limit_2)
			continue;
		cr_assert_eq(slab_free_limit(&m.s, &m.l, 2), r->free_limit_2);
		cr_assert_eq(slab_free_limit(&m.s, &m.l, 64), r->free_limit_64);
	}
}

Test(geometry_slab, only_shared_and_free_limit_know_the_cpus)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned cpus = 1; cpus <= 16; cpus++) {
			const struct row *r = &rows[i];
			const struct made m = make(cpus, r->size, r->align,
						   r->flags, r->ctor);

			cr_assert_eq(m.s.order, r->order);
			cr_assert_eq(m.s.objects, r->num);
			cr_assert_eq(m.l.limit, r->limit);
			cr_assert_eq(m.l.shared, cpus > 1 ? r->shared : 0);
			cr_assert_eq(slab_free_limit(&m.s, &m.l, cpus),
				     (1 + cpus) * r->batchcount + r->num);
		}
}

Test(geometry_slab, little_memory_means_order_0)
{
	struct slab_config cfg = config_of(1);
	struct kmem_cache s = { .object_size = 1088 };
	struct slab_layout l;

	cfg.ram_bytes = 32 << 20;
	cr_assert_eq(slab_geometry(&cfg, &s, &l), 0);
	cr_assert_eq(s.order, 0);
	cr_assert_eq(s.objects, 3);
}

Test(geometry_slab, what_no_block_can_hold_is_refused)
{
	const struct slab_config cfg = config_of(1);
	struct kmem_cache s = { .object_size = (PAGE_SIZE << 10) + 1 };
	struct slab_layout l;

	cr_assert_eq(slab_geometry(&cfg, &s, &l), -E2BIG);
}

/* ---- logs of scripts of sizes ----------------------------------------------
 */

static char *text_of(const char *config, const char *file, size_t *len)
{
	char path[256], err[512], *text;

	snprintf(path, sizeof(path), DATA "/%s/%s", config, file);
	cr_assert_eq(kernel_log_read(path, &text, len, err, sizeof(err)), 0,
		     "%s", err);
	return text;
}

/* Folders of SLAB kernels; a function is called with each. */
static unsigned for_each_config(void (*visit)(const char *config,
					      unsigned cpus))
{
	DIR *dir = opendir(DATA);
	struct dirent *e;
	unsigned nr = 0;

	cr_assert(dir, DATA ": run from the root of the repository");
	while ((e = readdir(dir))) {
		const char *smp;
		size_t len;
		char *text;

		if (!strstr(e->d_name, "x64slab"))
			continue;
		text = text_of(e->d_name, "cmdline.txt", &len);
		smp = strstr(text, "smp: ");
		cr_assert(smp, "%s: no number of CPUs", e->d_name);
		visit(e->d_name, (unsigned)strtoul(smp + 5, NULL, 10));
		free(text);
		nr++;
	}
	closedir(dir);
	return nr;
}

/* "qp24": the options and the size of a cache of the sizing script. */
static void q_options(const char *name, struct kmem_cache_args *args)
{
	const char *at = name + 1;

	*args = (struct kmem_cache_args){ .name = name };
	for (; *at < '0' || *at > '9'; at++) {
		args->flags |= *at == 'p'   ? SLAB_HWCACHE_ALIGN
			       : *at == 'r' ? SLAB_RECLAIM_ACCOUNT
			       : *at == 'u' ? SLAB_TYPESAFE_BY_RCU
					    : 0;
		args->align = *at == 'a' ? 16 : *at == 'b' ? 128 : 0;
		cr_assert(strchr("pruab", *at), "%s", name);
	}
	args->size = (uint32_t)strtoul(at, NULL, 10);
}

/* A cache as the engine would make it. Freed by the caller. */
static struct kmem_cache *describe(const struct kmem_cache_args *args,
				   unsigned cpus)
{
	const struct slab_ops *ops = slab_binding_find("slab")->ops;
	const struct slab_config cfg = config_of(cpus);
	struct kmem_cache *s = calloc(1, ops->cache_bytes);

	cr_assert(s);
	cr_assert_eq(kmem_cache_describe(s, ops, &cfg, args), 0);
	return s;
}

static unsigned nr_caches;

/* `KSTATE name words...`, and free_limit of the NODE line behind it. */
static void compare_state(char *line, const char *rest, unsigned cpus)
{
	const struct slab_ops *ops = slab_binding_find("slab")->ops;
	const char *free_limit = strstr(rest, "free_limit ");
	char *name = line + strlen("KSTATE "), *words = strchr(name, ' ');
	char *ours = NULL;
	struct kmem_cache_args args;
	struct kmem_cache *s;
	size_t len;
	struct made m;
	FILE *f;

	cr_assert(words && free_limit);
	*words++ = 0;
	q_options(name, &args);
	s = describe(&args, cpus);
	f = open_memstream(&ours, &len);
	ops->log_geometry(s, f);
	fclose(f);
	ours[strcspn(ours, "\n")] = 0;
	cr_assert_str_eq(ours, words, "%s: %s, the kernel %s", name, ours,
			 words);
	m = make(cpus, args.size, args.align, args.flags, false);
	cr_assert_eq(slab_free_limit(&m.s, &m.l, cpus),
		     strtoul(free_limit + 11, NULL, 10), "%s", name);
	free(ours);
	free(s);
	nr_caches++;
}

static void compare_sizing(const char *config, unsigned cpus)
{
	size_t len;
	char *text = text_of(config, "kt/50_sizing.log.gz", &len);
	char *next;

	for (char *line = text; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		if (!strncmp(line, "KSTATE ", 7))
			compare_state(line, next, cpus);
	}
	free(text);
}

Test(geometry_slab, every_size_of_the_scripts_is_the_kernels)
{
	cr_assert(for_each_config(compare_sizing) >= 2);
	cr_assert(nr_caches >= 394, "%u", nr_caches);
}

/* ---- slabinfo --------------------------------------------------------------
 */

struct info {
	char name[64];
	unsigned size, num, pages, limit, batchcount, shared;
};

static bool same(const struct made *m, const struct info *k)
{
	return m->s.size == k->size && m->s.objects == k->num &&
	       1u << m->s.order == k->pages && m->l.limit == k->limit &&
	       m->l.batchcount == k->batchcount && m->l.shared == k->shared;
}

/*
 * slabinfo does not say what a cache was made from. Classes and scripted caches
 * are known by name. For others, the stride is the size, and one of what the
 * kernel may have asked for must give its row: nothing, a constructor (or
 * TYPESAFE_BY_RCU), RECLAIM_ACCOUNT, or both.
 */
static bool explained(const struct info *k, unsigned cpus)
{
	struct kmem_cache_args args;
	struct made m;
	unsigned size;
	char unit = 0;

	if (k->name[0] == 'q') {
		q_options(k->name, &args);
		m = make(cpus, args.size, args.align, args.flags, false);
		return same(&m, k);
	}
	if (sscanf(k->name, "kmalloc-%u%c", &size, &unit) >= 1 ||
	    sscanf(k->name, "kmalloc-rcl-%u%c", &size, &unit) >= 1) {
		size *= unit == 'k' ? 1024 : 1;
		m = make(cpus, size, size & (size - 1) ? 8 : size,
			 SLAB_HWCACHE_ALIGN |
				 (strstr(k->name, "rcl") ? SLAB_RECLAIM_ACCOUNT
							 : 0),
			 false);
		return same(&m, k);
	}
	for (unsigned i = 0; i < 4; i++) {
		m = make(cpus, k->size, 0, i & 1 ? SLAB_RECLAIM_ACCOUNT : 0,
			 i & 2);
		if (same(&m, k))
			return true;
	}
	return false;
}

static void compare_rows(const char *config, unsigned cpus, const char *file)
{
	size_t len;
	char *text = text_of(config, file, &len);
	char *save, *line = strtok_r(text, "\n", &save);

	for (; line; line = strtok_r(NULL, "\n", &save)) {
		struct info k;

		if (*line == '#' || !strncmp(line, "slabinfo", 8))
			continue;
		cr_assert_eq(sscanf(line,
				    "%63s %*u %*u %u %u %u : tunables %u %u "
				    "%u",
				    k.name, &k.size, &k.num, &k.pages, &k.limit,
				    &k.batchcount, &k.shared),
			     7, "%s", line);
		cr_assert(explained(&k, cpus), "%s: %s", config, line);
		nr_caches++;
	}
	free(text);
}

static void compare_slabinfo(const char *config, unsigned cpus)
{
	compare_rows(config, cpus, "slabinfo");
	compare_rows(config, cpus, "slabinfo.after.gz");
}

Test(geometry_slab, every_row_of_slabinfo_is_explained)
{
	cr_assert(for_each_config(compare_slabinfo) >= 2);
	cr_assert(nr_caches >= 600, "%u", nr_caches);
}
