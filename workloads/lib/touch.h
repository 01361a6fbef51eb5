/* What a workload writes to the frames and objects that it was given. */
#ifndef WORKLOADS_LIB_TOUCH_H
#define WORKLOADS_LIB_TOUCH_H

#include "alloc/page/kmap.h"
#include "workloads/lib/params.h"

/* One byte per page of nr_pages HIGHMEM frames from pfn, which have no address:
 * each through a window of the thread's own. */
void touch_highmem(struct page_ctx *ctx, pfn_t pfn, uint64_t nr_pages);

/* Writes at addresses of the thread's own, as touch_pages(). */
ALWAYS_INLINE void touch_mapped(volatile char *at, uint64_t nr_pages,
				enum touch touch)
{
	if (touch == TOUCH_NONE)
		return;
	if (touch == TOUCH_FIRST)
		nr_pages = 1;
	for (uint64_t i = 0; i < nr_pages; i++)
		at[i << PAGE_SHIFT] = 1;
}

/*
 * Writes one byte (TOUCH_FIRST) or one byte per page (TOUCH_ALL) of nr_pages
 * frames from pfn. A machine without memory behind its frames (some tests) is
 * left alone. The first write to a frame may fault; a caller that times
 * touches populates the frames before. In HIGHMEM each page takes two system
 * calls.
 */
ALWAYS_INLINE void touch_pages(struct page_ctx *ctx, pfn_t pfn,
			       uint64_t nr_pages, enum touch touch)
{
	const struct machine *m = ctx->machine;

	if (likely(touch == TOUCH_NONE) || !m->memory.base)
		return;
	if (touch == TOUCH_FIRST)
		nr_pages = 1;
	if (pfn_is_highmem(m, pfn))
		touch_highmem(ctx, pfn, nr_pages);
	else
		touch_mapped(pfn_to_virt(m, pfn), nr_pages, TOUCH_ALL);
}

/*
 * Reads and writes the same bytes, so that the write cannot wait in a store
 * buffer while the clock is read: the caller pays for getting the line, in
 * HIGHMEM for the window as well.
 */
ALWAYS_INLINE void touch_pages_through(struct page_ctx *ctx, pfn_t pfn,
				       uint64_t nr_pages, enum touch touch)
{
	const struct machine *m = ctx->machine;
	volatile char *at;

	if (touch == TOUCH_NONE || !m->memory.base)
		return;
	if (touch == TOUCH_FIRST)
		nr_pages = 1;
	if (pfn_is_highmem(m, pfn)) {
		touch_highmem(ctx, pfn, nr_pages);
		return;
	}
	at = pfn_to_virt(m, pfn);
	for (uint64_t i = 0; i < nr_pages; i++)
		at[i << PAGE_SHIFT] = (char)(at[i << PAGE_SHIFT] + 1);
}

/* Takes the touched lines out of all caches, so that whoever touches them next
 * goes to the memory. On other CPUs than x86, and in HIGHMEM, they stay where
 * they are. */
ALWAYS_INLINE void touch_evict(const struct machine *m, pfn_t pfn,
			       uint64_t nr_pages, enum touch touch)
{
#if defined(__x86_64__)
	char *at;

	if (touch == TOUCH_NONE || !m->memory.base || pfn_is_highmem(m, pfn))
		return;
	at = pfn_to_virt(m, pfn);
	if (touch == TOUCH_FIRST)
		nr_pages = 1;
	for (uint64_t i = 0; i < nr_pages; i++)
		__builtin_ia32_clflush(at + (i << PAGE_SHIFT));
	/* what comes next shall not wait for it */
	__builtin_ia32_mfence();
#else
	(void)m, (void)pfn, (void)nr_pages, (void)touch;
#endif
}

/* Writes the first byte of an object (TOUCH_FIRST) or one byte in each of its
 * cache lines (TOUCH_ALL). */
ALWAYS_INLINE void touch_object(void *object, uint32_t size, enum touch touch)
{
	volatile char *at = object;

	if (likely(touch == TOUCH_NONE))
		return;
	if (touch == TOUCH_FIRST)
		size = 1;
	for (uint32_t i = 0; i < size; i += CACHELINE_SIZE)
		at[i] = 1;
}

#endif
