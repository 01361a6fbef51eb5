/*
 * Huge pages behind the arena's frames.
 *
 * A Linux kernel reaches its page frames through the direct map, which on
 * x86-64 consists of 2 MiB (or 1 GiB) pages wherever whole ones fit
 * (Documentation/arch/x86/x86_64/mm.rst, arch/x86/mm/init.c). An allocator and
 * a workload that go over more memory than 4 KiB pages of a TLB reach pay
 * misses here that they would not pay there.
 *
 * The frames are shared memory, for which most hosts have transparent huge
 * pages switched off. MADV_COLLAPSE (Linux 6.1) makes them all the same, of
 * pages that are there already, range by range; where it finds a page in use it
 * leaves that range and says EAGAIN, which is worth another try. What came of
 * it is asked of the kernel: ShmemPmdMapped of /proc/self/smaps.
 *
 * The descriptors (struct page) stay on 4 KiB pages, each of which holds those
 * of 128 frames: their array is as sparse as the machine's zones.
 *
 * Locks: none; by the main thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc/page/layout.h"
#include "harness/arena.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define STEP  (64UL << 20) /* what does not fail with the rest */
#define TRIES 3

/* 0, or the last -errno; much of it may be done all the same. */
static int collapse(char *at, size_t bytes)
{
	int r = 0;

	for (size_t done = 0; done < bytes; done += STEP) {
		const size_t n = bytes - done < STEP ? bytes - done : STEP;
		unsigned tries = 0;

		while (madvise(at + done, n, MADV_COLLAPSE)) {
			r = -errno;
			if (++tries == TRIES)
				break;
		}
		/* mapped again, as nothing is to fault later */
		if (madvise(at + done, n, MADV_POPULATE_WRITE))
			return -errno;
	}
	return r;
}

/* A line of smaps that begins a mapping: whether it is one of frames that can
 * be reached. */
static bool begins_frames(const struct arena *a, const char *line, bool *in)
{
	const uintptr_t base = (uintptr_t)a->memory.base;
	uint64_t start, end;
	char how[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, how) != 3)
		return false;
	*in = start >= base && end <= base + a->bytes && !strcmp(how, "rw-s");
	return true;
}

int arena_mapped(const struct arena *a, struct arena_mapping *out)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	bool in = false;
	uint64_t kib;

	*out = (struct arena_mapping){ 0 };
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (begins_frames(a, line, &in) || !in)
			continue;
		if (sscanf(line, "Rss: %" SCNu64 " kB", &kib) == 1)
			out->bytes += kib << 10;
		if (sscanf(line, "ShmemPmdMapped: %" SCNu64 " kB", &kib) == 1)
			out->huge += kib << 10;
	}
	fclose(f);
	return 0;
}

int arena_make_huge(struct arena *a, const struct machine_desc *desc, char *err,
		    size_t err_len)
{
	const uint64_t highmem = layout_highmem_pfn(desc);
	struct arena_mapping now;
	int why = 0, r;

	/* of nothing: is the word known? */
	if (madvise(a->memory.base, 0, MADV_COLLAPSE)) {
		r = -errno;
		snprintf(err, err_len,
			 "frames=huge: expected Linux 6.1 or later with "
			 "transparent huge pages (MADV_COLLAPSE): %s",
			 strerror(-r));
		return r;
	}
	for (unsigned i = 0; i < a->nr_spans; i++) {
		const struct arena_span *s = &a->span[i];
		const size_t first =
			round_up_pow2(s->start << PAGE_SHIFT, ARENA_HUGE);
		const size_t end = (s->end << PAGE_SHIFT) & ~(ARENA_HUGE - 1);
		char *at = a->memory.base + first;

		if (s->start >= highmem || first >= end)
			continue;
		r = madvise(at, end - first, MADV_HUGEPAGE) ? -errno : 0;
		if (!r)
			r = collapse(at, end - first);
		why = r ? r : why;
	}
	r = arena_mapped(a, &now);
	if (r) {
		snprintf(err, err_len, "frames=huge: /proc/self/smaps: %s",
			 strerror(-r));
		return r;
	}
	if (!now.huge)
		r = why ? why : -EINVAL;
	if (r)
		snprintf(err, err_len,
			 "frames=huge: no frame got a huge page: %s",
			 why ? strerror(-why) : "no zone holds a whole one");
	return r;
}
