/*
 * The text of the /proc files against what kernels printed. A machine of each
 * folder of tests/data, as full as the server was, must print the same
 * buddyinfo and pagetypeinfo to the byte; zoneinfo and vmstat the same lines
 * with other figures.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/procfs.h"
#include "alloc/page/tests/truth.h"
#include "alloc/page/vmstat.h"
#include "harness/capture.h"

TestSuite(procfs, .timeout = 120);

typedef void print_fn(const struct procfs_source *src, FILE *out);

static struct machine *captured_machine(const char *config)
{
	struct boot_counts *counts = malloc(sizeof(*counts));
	struct machine *m = truth_machine(config, false);
	char path[256], err[512];

	snprintf(path, sizeof(path), TRUTH_DIR "/%s", config);
	cr_assert(
		!capture_read_counts(path, &m->desc, counts, err, sizeof(err)),
		"%s", err);
	cr_assert_eq(machine_boot_counts(m, counts), 0, "%s", config);
	free(counts);
	return m;
}

static char *text_of(struct machine *m, print_fn *print)
{
	const struct procfs_source src = { .machine = m };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	cr_assert_not_null(out);
	print(&src, out);
	fclose(out);
	return text;
}

/* Each run of digits becomes one '#'. */
static void mask_numbers(char *text)
{
	char *to = text;

	for (const char *s = text; *s; s++) {
		if (!isdigit((unsigned char)*s))
			*to++ = *s;
		else if (!isdigit((unsigned char)s[1]))
			*to++ = '#';
	}
	*to = '\0';
}

/* Returns 1 if the folder has the file. */
static unsigned compare(const char *config, const char *file, print_fn *print,
			bool exact)
{
	char *kernels = truth_text(config, file), *ours;
	struct machine *m;

	if (!kernels)
		return 0;
	m = captured_machine(config);
	ours = text_of(m, print);
	machine_destroy(m);
	if (!exact) {
		mask_numbers(kernels);
		mask_numbers(ours);
	}
	cr_assert_str_eq(ours, kernels, "%s/%s", config, file);
	free(ours);
	free(kernels);
	return 1;
}

static unsigned compare_all(const char *file, print_fn *print, bool exact)
{
	static char name[TRUTH_CONFIGS_MAX][64];
	unsigned nr = truth_configs(name), compared = 0;

	for (unsigned i = 0; i < nr; i++)
		compared += compare(name[i], file, print, exact);
	return compared;
}

Test(procfs, buddyinfo_is_the_servers)
{
	cr_assert_geq(compare_all("buddyinfo", procfs_buddyinfo, true), 20);
}

Test(procfs, pagetypeinfo_is_the_servers)
{
	cr_assert_geq(compare_all("pagetypeinfo", procfs_pagetypeinfo, true),
		      30);
}

Test(procfs, zoneinfo_has_the_same_lines)
{
	cr_assert_geq(compare_all("zoneinfo", procfs_zoneinfo, false), 30);
}

/* Names only: the width of a number moves nothing in this file. */
Test(procfs, vmstat_has_the_same_lines)
{
	cr_assert_geq(compare_all("vmstat", procfs_vmstat, false), 3);
}

/* The files were read one after the other while other zones were in use: only
 * the idle DMA zone, in the first line, still was as buddyinfo shows it. */
static void compare_dma_line(const char *config, const char *file,
			     print_fn *print)
{
	struct machine *m = captured_machine(config);
	char *kernels = truth_text(config, file), *ours = text_of(m, print);

	cr_assert_not_null(kernels);
	kernels[strcspn(kernels, "\n")] = '\0';
	ours[strcspn(ours, "\n")] = '\0';
	cr_assert_str_eq(ours, kernels, "%s/%s", config, file);
	free(ours);
	free(kernels);
	machine_destroy(m);
}

Test(procfs, fragmentation_indexes_are_the_kernels)
{
	static const char *const config[] = { "k61-numa2-2g-2", "k612-1g-2" };

	for (unsigned i = 0; i < ARRAY_SIZE(config); i++) {
		compare_dma_line(config[i], "extfrag_index",
				 procfs_extfrag_index);
		compare_dma_line(config[i], "unusable_index",
				 procfs_unusable_index);
	}
}

Test(procfs, counters_stand_where_the_kernel_has_them)
{
	struct machine *m = truth_machine("k61-numa2-2g-2", false);
	struct zone_counters *c = calloc(m->nr_zones, sizeof(*c));
	const struct procfs_source src = { .machine = m, .counters = c };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	c[ZONE_DMA32] = (struct zone_counters){ .pgalloc = 11,
						.pgfree = 7,
						.numa_hit = 5 };
	c[MAX_NR_ZONES + ZONE_DMA32] =
		(struct zone_counters){ .pgalloc = 100, .numa_miss = 3 };
	procfs_vmstat(&src, out);
	fclose(out);
	cr_assert_not_null(strstr(text, "\npgalloc_dma32 111\n"));
	cr_assert_not_null(strstr(text, "\npgfree 7\n"));
	cr_assert_not_null(strstr(text, "\nnuma_hit 5\n"));
	cr_assert_not_null(strstr(text, "\nnuma_miss 3\n"));
	free(text);
	free(c);
	machine_destroy(m);
}

/* Blocks that were laid out must not be buddies of one another. */
Test(procfs, captured_blocks_could_not_merge)
{
	struct machine *m = captured_machine("i386pae-8g-2");

	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *z = &m->zone[i];
		uint64_t end = z->start_pfn + z->spanned;
		long free_pages = 0;

		for (uint64_t pfn = z->start_pfn; pfn < end; pfn++) {
			uint32_t head = page_head(&m->map[pfn]);
			unsigned order = page_head_order(head);
			uint64_t buddy = pfn ^ (1UL << order);
			uint32_t other;

			if (page_head_state(head) != PAGE_BUDDY)
				continue;
			free_pages += 1L << order;
			cr_assert_eq(pfn & ((1UL << order) - 1), 0);
			if (order == MAX_PAGE_ORDER || buddy < z->start_pfn ||
			    buddy >= end)
				continue;
			other = page_head(&m->map[buddy]);
			cr_assert(page_head_state(other) != PAGE_BUDDY ||
				  page_head_order(other) != order);
		}
		if (zone_populated(z))
			cr_assert_eq(free_pages, zone_free_pages_snapshot(z));
	}
	machine_destroy(m);
}
