/* Huge pages behind the arena's frames, and what maps frames beside them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "alloc/page/layout.h"
#include "harness/arena.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define HUGE_FRAMES (ARENA_HUGE >> PAGE_SHIFT)

static struct arena arena;
static struct machine_desc desc;
static char err[256];

static void add_zone(unsigned nid, unsigned zone, uint64_t start, uint64_t end)
{
	desc.node[nid].online = true;
	desc.node[nid].zone[zone] = (struct zone_extent){
		.start_pfn = start,
		.spanned = end - start,
		.present = end - start,
		.managed = end - start,
	};
}

/* Of zones that the caller has added; frame p begins with p. */
static void populated(unsigned nr_nodes)
{
	uint64_t highmem;

	layout_topo(&desc.topo, nr_nodes, nr_nodes);
	highmem = layout_highmem_pfn(&desc);
	cr_assert_eq(arena_map(&arena, &desc, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(arena_populate(&arena, &desc, err, sizeof(err)), 0, "%s",
		     err);
	for (unsigned i = 0; i < arena.nr_spans; i++)
		for (uint64_t p = arena.span[i].start; p < arena.span[i].end;
		     p++)
			if (p < highmem)
				*(uint64_t *)(arena.memory.base +
					      (p << PAGE_SHIFT)) = p;
}

static uint64_t *frame(uint64_t pfn)
{
	return (uint64_t *)(arena.memory.base + (pfn << PAGE_SHIFT));
}

static struct arena_mapping mapped(void)
{
	struct arena_mapping now;

	cr_assert_eq(arena_mapped(&arena, &now), 0);
	return now;
}

/* Also where it is built in but this host forbids it to shared memory. */
static const char *host_lacks(void)
{
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/shmem_enabled",
			"re");
	char modes[128] = "";

	if (f && !fgets(modes, sizeof(modes), f))
		modes[0] = 0;
	if (f)
		fclose(f);
	if (!f)
		return "no huge pages for shared memory in this kernel";
	if (strstr(modes, "[deny]"))
		return "this host denies huge pages to shared memory";
	if (madvise(arena.memory.base, 0, MADV_COLLAPSE))
		return "this kernel has no MADV_COLLAPSE";
	return NULL;
}

static void make_huge(void)
{
	const char *lacks = host_lacks();
	int r;

	if (lacks)
		cr_skip_test("%s", lacks);
	r = arena_make_huge(&arena, &desc, err, sizeof(err));
	if (r == -ENOMEM)
		cr_skip_test("this host has no huge page to spare");
	cr_assert_eq(r, 0, "%s", err);
}

static void whole(uint64_t pfn, uint64_t end)
{
	for (; pfn < end; pfn++)
		cr_assert_eq(*frame(pfn), pfn, "%llu", (unsigned long long)pfn);
}

Test(arena, huge_pages_end_where_zones_do)
{
	const uint64_t h = HUGE_FRAMES;
	struct arena_mapping now;

	/* a file that does not begin with a huge page; zones that end inside
	 * one; a zone without a whole one; another node */
	add_zone(0, ZONE_DMA, 1, 2 * h);
	add_zone(0, ZONE_DMA32, 2 * h, 3 * h + 7);
	add_zone(0, ZONE_NORMAL, 3 * h + 9, 4 * h + 11);
	add_zone(1, ZONE_NORMAL, 5 * h + 1, 7 * h);
	populated(2);
	now = mapped();
	cr_assert_eq(now.bytes, (2 * h - 1 + h + 7 + h + 2 + 2 * h - 1)
					<< PAGE_SHIFT);
	cr_assert_eq(now.huge, 0, "4 KiB until it is asked for");
	make_huge();
	cr_expect_eq(mapped().bytes, now.bytes);
	cr_expect_eq(mapped().huge, 3 * ARENA_HUGE);
	whole(1, 3 * h + 7);
	whole(3 * h + 9, 4 * h + 11);
	whole(5 * h + 1, 7 * h);
	arena_unmap(&arena);
}

Test(arena, highmem_is_in_no_direct_map)
{
	const uint64_t h = HUGE_FRAMES;

	desc.layout = LAYOUT_I386;
	add_zone(0, ZONE_NORMAL, h, 3 * h);
	add_zone(0, ZONE_HIGHMEM, 3 * h, 6 * h);
	populated(1);
	make_huge();
	cr_expect_eq(mapped().bytes, 2 * ARENA_HUGE);
	cr_expect_eq(mapped().huge, 2 * ARENA_HUGE);
	whole(h, 3 * h);
	arena_unmap(&arena);
}

/* Second addresses, as vmalloc has them, of parts of huge pages. */
Test(arena, huge_pages_are_mapped_again_by_frames)
{
	struct frame_mapper *fm = &arena.mapper;
	const uint64_t h = HUGE_FRAMES, pfn[] = { h, 2 * h + 1, 3 * h - 2 };
	const uint64_t nr[] = { 1, 5, 4 };
	char *at, *to;

	add_zone(0, ZONE_NORMAL, 1, 5 * h);
	populated(1);
	make_huge();
	cr_assert_eq(fm->reserve(fm, 10 << PAGE_SHIFT, &at), 0);
	to = at;
	for (size_t i = 0; i < ARRAY_SIZE(nr); i++) {
		const pfn_t first = { (uint32_t)pfn[i] };

		cr_assert_eq(fm->map(fm, to, first, nr[i]), 0);
		for (uint64_t k = 0; k < nr[i]; k++) {
			uint64_t *word = (uint64_t *)(to + (k << PAGE_SHIFT));

			cr_expect_eq(*word, pfn[i] + k);
			*word = ~(pfn[i] + k);
			cr_expect_eq(*frame(pfn[i] + k), ~(pfn[i] + k));
			*frame(pfn[i] + k) = pfn[i] + k;
		}
		to += nr[i] << PAGE_SHIFT;
	}
	cr_expect_eq(mapped().huge, 4 * ARENA_HUGE, "none was split");
	fm->unmap(fm, at, 10 << PAGE_SHIFT);
	fm->release(fm, at, 10 << PAGE_SHIFT);
	cr_expect_eq(mapped().huge, 4 * ARENA_HUGE);
	whole(1, 5 * h);
	arena_unmap(&arena);
}

Test(arena, a_zone_too_small_for_a_huge_page)
{
	add_zone(0, ZONE_NORMAL, 1, HUGE_FRAMES + 5);
	populated(1);
	if (host_lacks())
		cr_skip_test("%s", host_lacks());
	cr_expect_lt(arena_make_huge(&arena, &desc, err, sizeof(err)), 0);
	cr_expect_str_eq(err, "frames=huge: no frame got a huge page: no zone "
			      "holds a whole one");
	arena_unmap(&arena);
}

Test(arena, a_process_without_huge_pages)
{
	add_zone(0, ZONE_NORMAL, 0, 2 * HUGE_FRAMES);
	populated(1);
	if (host_lacks())
		cr_skip_test("%s", host_lacks());
	cr_assert_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	cr_expect_lt(arena_make_huge(&arena, &desc, err, sizeof(err)), 0);
	cr_expect_str_eq(err, "frames=huge: no frame got a huge page: Invalid "
			      "argument");
	arena_unmap(&arena);
}

/* As before Linux 6.1: this advice, and no other, is an invalid argument. */
Test(arena, a_kernel_without_the_advice)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_COLLAPSE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { ARRAY_SIZE(code), code };

	add_zone(0, ZONE_NORMAL, 0, 2 * HUGE_FRAMES);
	populated(1);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		cr_skip_test("no seccomp here");
	cr_expect_eq(arena_make_huge(&arena, &desc, err, sizeof(err)), -EINVAL);
	cr_expect_str_eq(err, "frames=huge: expected Linux 6.1 or later with "
			      "transparent huge pages (MADV_COLLAPSE): Invalid "
			      "argument");
	cr_expect_eq(mapped().huge, 0);
	arena_unmap(&arena);
}
