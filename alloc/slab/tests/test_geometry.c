/*
 * SLUB's arithmetic against every cache of every kernel that was booted
 * (data/attrs), and the worked numbers of the slab reference.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "alloc/slab/geometry.h"
#include "alloc/slab/kmalloc.h"

#define DATA "alloc/slab/tests/data/attrs"

TestSuite(geometry, .timeout = 60);

/* One line of a kernel's caches. */
struct attrs {
	char name[64];
	unsigned object_size, slab_size, order, objects, cpu_partial;
	unsigned min_partial, align, hwcache, reclaim, rcu;
};

static void construct(void *object)
{
	(void)object;
}

static bool read_attrs(const char *line, struct attrs *a)
{
	return sscanf(line, "%63s %u %u %u %u %u %u %u %u %u %u", a->name,
		      &a->object_size, &a->slab_size, &a->order, &a->objects,
		      &a->cpu_partial, &a->min_partial, &a->align, &a->hwcache,
		      &a->reclaim, &a->rcu) == 11;
}

/* What a cache must have been created with. A constructor does not show; it
 * is there where the stride needs one. */
static int rebuild(const struct slab_config *cfg, const struct attrs *a,
		   struct kmem_cache *s)
{
	int rc;

	*s = (struct kmem_cache){
		.object_size = a->object_size,
		.align_asked = a->align,
		.flags = (a->hwcache ? SLAB_HWCACHE_ALIGN : 0) |
			 (a->reclaim ? SLAB_RECLAIM_ACCOUNT : 0) |
			 (a->rcu ? SLAB_TYPESAFE_BY_RCU : 0),
	};
	if (a->name[0] == 'q') {
		s->align_asked = a->name[1] == 'a'   ? 16
				 : a->name[1] == 'b' ? 128
						     : 0;
		return slub_geometry(cfg, s);
	}
	rc = slub_geometry(cfg, s);
	if (!rc && s->size != a->slab_size) {
		s->ctor = construct;
		rc = slub_geometry(cfg, s);
	}
	return rc;
}

static void check_cache(const char *file, const struct slab_config *cfg,
			const struct attrs *a)
{
	struct kmem_cache s;

	cr_assert_eq(rebuild(cfg, a, &s), 0, "%s %s", file, a->name);
	cr_assert_eq(s.size, a->slab_size, "%s %s: size %u", file, a->name,
		     s.size);
	cr_assert_eq(s.order, a->order, "%s %s: order %u", file, a->name,
		     s.order);
	cr_assert_eq(s.objects, a->objects, "%s %s: objects %u", file, a->name,
		     s.objects);
	cr_assert_eq(s.align, a->align, "%s %s: align %u", file, a->name,
		     s.align);
	cr_assert_eq(slub_cpu_partial(&s), a->cpu_partial, "%s %s", file,
		     a->name);
	cr_assert_eq(slub_min_partial(s.size), a->min_partial, "%s %s", file,
		     a->name);
}

static unsigned check_file(const char *file)
{
	char path[1024], line[512], kernel[16];
	struct slab_config cfg = { .slub_max_order = 3 };
	unsigned nr = 0;
	gzFile gz;

	snprintf(path, sizeof(path), DATA "/%s", file);
	gz = gzopen(path, "rb");
	cr_assert(gz && gzgets(gz, line, sizeof(line)), "%s", path);
	cr_assert_eq(
		sscanf(line, "cpus %u kernel %15s word %u slub_min_objects %u",
		       &cfg.nr_cpus, kernel, &cfg.word, &cfg.slub_min_objects),
		4, "%s", path);
	cfg.kernel = strcmp(kernel, "6.1") ? KERNEL_6_12 : KERNEL_6_1;
	while (gzgets(gz, line, sizeof(line))) {
		struct attrs a;

		if (line[0] == '#')
			continue;
		cr_assert(read_attrs(line, &a), "%s: %s", path, line);
		check_cache(file, &cfg, &a);
		nr++;
	}
	gzclose(gz);
	return nr;
}

static int is_gz(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 3 && !strcmp(e->d_name + n - 3, ".gz");
}

Test(geometry, every_cache_of_every_kernel)
{
	struct dirent **entry;
	unsigned caches = 0;
	int n = scandir(DATA, &entry, is_gz, alphasort);

	cr_assert_geq(n, 31);
	for (int i = 0; i < n; i++) {
		caches += check_file(entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	cr_assert_geq(caches, 6600);
}

/* order / objects on 2 and on 64 CPUs. */
Test(geometry, orders_on_2_and_64_cpus)
{
	static const struct {
		unsigned size, order2, objects2, order64, objects64;
	} row[] = {
		{ 8, 0, 512, 0, 512 },  { 64, 0, 64, 0, 64 },
		{ 104, 0, 39, 0, 39 },  { 192, 0, 21, 1, 42 },
		{ 200, 0, 20, 1, 40 },  { 256, 0, 16, 1, 32 },
		{ 512, 1, 16, 2, 32 },  { 576, 1, 14, 3, 56 },
		{ 600, 1, 13, 3, 54 },  { 1024, 2, 16, 3, 32 },
		{ 1088, 2, 15, 3, 30 }, { 1096, 3, 29, 3, 29 },
		{ 2048, 3, 16, 3, 16 }, { 4096, 3, 8, 3, 8 },
		{ 5824, 3, 5, 3, 5 },   { 8192, 3, 4, 3, 4 },
		{ 9000, 3, 3, 3, 3 },   { 16384, 3, 2, 3, 2 },
		{ 40000, 4, 1, 4, 1 },  { 312, 0, 13, 2, 52 },
	};
	struct slab_config cfg = { .word = 8, .slub_max_order = 3 };

	for (unsigned k = KERNEL_6_1; k <= KERNEL_6_12; k++)
		for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
			cfg.kernel = (enum kernel_rules)k;
			cfg.nr_cpus = 2;
			cr_assert_eq(slub_order(&cfg, row[i].size),
				     (int)row[i].order2, "%u", row[i].size);
			cfg.nr_cpus = 64;
			cr_assert_eq(slub_order(&cfg, row[i].size),
				     (int)row[i].order64, "%u", row[i].size);
			cr_assert_eq((4096u << row[i].order64) / row[i].size,
				     row[i].objects64);
			cr_assert_eq((4096u << row[i].order2) / row[i].size,
				     row[i].objects2);
		}
}

Test(geometry, the_two_rules_differ_where_they_should)
{
	struct slab_config cfg = { .word = 8, .slub_max_order = 3 };

	for (unsigned size = 8; size < 16384; size += 8) {
		int old, new;

		cfg.nr_cpus = 8;
		cfg.kernel = KERNEL_6_1;
		old = slub_order(&cfg, size);
		cfg.kernel = KERNEL_6_12;
		new = slub_order(&cfg, size);
		cr_assert_eq(old != new, size >= 10923 && size <= 12287, "%u",
			     size);
	}
}

/* stride / inuse / offset with each set of flags. */
Test(geometry, layout_of_debug_caches)
{
	static const struct {
		unsigned object, flags, size, inuse, offset;
	} row[] = {
		{ 8, SLAB_RED_ZONE, 32, 16, 0 },
		{ 104, SLAB_RED_ZONE, 128, 112, 48 },
		{ 256, SLAB_RED_ZONE, 280, 264, 128 },
		{ 8, SLAB_POISON, 16, 8, 8 },
		{ 104, SLAB_POISON, 112, 104, 104 },
		{ 4096, SLAB_POISON, 4104, 4096, 4096 },
		{ 8, SLAB_DEBUG_FLAGS, 104, 16, 16 },
		{ 24, SLAB_DEBUG_FLAGS, 120, 32, 32 },
		{ 104, SLAB_DEBUG_FLAGS, 200, 112, 112 },
		{ 1088, SLAB_DEBUG_FLAGS, 1184, 1096, 1096 },
		{ 104, 0, 104, 104, 48 },
		{ 104, SLAB_TYPESAFE_BY_RCU, 112, 104, 104 },
		{ 104, SLAB_HWCACHE_ALIGN, 128, 104, 48 },
		{ 600, SLAB_HWCACHE_ALIGN, 640, 600, 296 },
	};
	const struct slab_config cfg = { .word = 8,
					 .slub_max_order = 3,
					 .nr_cpus = 2 };

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct kmem_cache s = { .object_size = row[i].object,
					.flags = row[i].flags };

		cr_assert_eq(slub_geometry(&cfg, &s), 0);
		cr_assert_eq(s.size, row[i].size, "row %u: %u", i, s.size);
		cr_assert_eq(s.inuse, row[i].inuse, "row %u: %u", i, s.inuse);
		cr_assert_eq(s.offset, row[i].offset, "row %u: %u", i,
			     s.offset);
	}
}

Test(geometry, index_is_division)
{
	for (uint32_t size = 8; size < 70000; size += 24) {
		struct kmem_cache s = { .size = size };

		slab_reciprocal(&s);
		for (uint32_t at = 0; at < 4u << 20; at += 4099)
			cr_assert_eq(slab_index(&s, at), at / size, "%u / %u",
				     at, size);
		cr_assert_eq(slab_index(&s, UINT32_MAX), UINT32_MAX / size);
	}
}

Test(geometry, size_classes)
{
	static const unsigned limit[] = { 8,   16,  32,   64,   96,   128, 192,
					  256, 512, 1024, 2048, 4096, 8192 };
	unsigned c = 0;

	for (unsigned size = 1; size <= 8192; size++) {
		if (size > limit[c])
			c++;
		cr_assert_eq(kmalloc_class_size(kmalloc_index(size)), limit[c],
			     "%u", size);
	}
	cr_assert_eq(kmalloc_class_size(0), 0);
	cr_assert_eq(kmalloc_class_size(NR_KMALLOC_SIZES), 0);
}

Test(geometry, flags_by_name)
{
	uint32_t flags;
	char text[256];

	cr_assert_eq(slab_flags_parse("none", &flags), 0);
	cr_assert_eq(flags, 0);
	cr_assert_eq(slab_flags_parse("hwcache_align|red_zone", &flags), 0);
	cr_assert_eq(flags, SLAB_HWCACHE_ALIGN | SLAB_RED_ZONE);
	cr_assert_str_eq(slab_flags_format(flags, text, sizeof(text)),
			 "hwcache_align|red_zone");
	cr_assert_eq(slab_flags_parse("hwcache_aligned", &flags), -EINVAL);
	cr_assert_eq(slab_flags_parse("", &flags), -EINVAL);
	cr_assert_eq(slab_flags_parse("poison|", &flags), -EINVAL);
}
