/* What a workload writes to the frames that it was given. */
#ifndef WORKLOADS_LIB_TOUCH_H
#define WORKLOADS_LIB_TOUCH_H

#include "alloc/page/machine.h"
#include "workloads/lib/params.h"

/*
 * Writes one byte (TOUCH_FIRST) or one byte per page (TOUCH_ALL) of nr_pages
 * frames from pfn. A machine without memory behind its frames (some tests) is
 * left alone. The first write to a frame may fault; a caller that times
 * touches populates the frames before.
 */
ALWAYS_INLINE void touch_pages(const struct machine *m, pfn_t pfn,
			       uint64_t nr_pages, enum touch touch)
{
	volatile char *at;

	if (likely(touch == TOUCH_NONE) || !m->memory.base)
		return;
	at = pfn_to_virt(m, pfn);
	if (touch == TOUCH_FIRST)
		nr_pages = 1;
	for (uint64_t i = 0; i < nr_pages; i++)
		at[i << PAGE_SHIFT] = 1;
}

/*
 * Reads and writes the same bytes, so that the write cannot wait in a store
 * buffer while the clock is read: the caller pays for getting the line.
 */
ALWAYS_INLINE void touch_pages_through(const struct machine *m, pfn_t pfn,
				       uint64_t nr_pages, enum touch touch)
{
	volatile char *at;

	if (touch == TOUCH_NONE || !m->memory.base)
		return;
	at = pfn_to_virt(m, pfn);
	if (touch == TOUCH_FIRST)
		nr_pages = 1;
	for (uint64_t i = 0; i < nr_pages; i++)
		at[i << PAGE_SHIFT] = (char)(at[i << PAGE_SHIFT] + 1);
}

/* Takes the touched lines out of all caches, so that whoever touches them next
 * goes to the memory. On other CPUs than x86 they stay where they are. */
ALWAYS_INLINE void touch_evict(const struct machine *m, pfn_t pfn,
			       uint64_t nr_pages, enum touch touch)
{
#if defined(__x86_64__)
	char *at;

	if (touch == TOUCH_NONE || !m->memory.base)
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

#endif
