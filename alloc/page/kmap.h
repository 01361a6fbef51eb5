/*
 * kmap: windows of addresses for HIGHMEM frames, which have no address of
 * their own. Frames below HIGHMEM have one, which is what every call here
 * returns for them, at no cost.
 *
 * Two kinds, as in Linux (mm/highmem.c of 6.1, arch/x86/include/asm/highmem.h):
 *   kmap        a pool of windows that all threads share, 1024 on i386, 512
 *               with PAE. A frame that has one keeps it while anybody uses it,
 *               and until the pool is flushed; where all are in use the call
 *               waits.
 *   kmap_local  a stack of KMAP_LOCAL_MAX windows of the thread's own: the last
 *               one mapped is the first to be given back. Never waits, shares
 *               nothing.
 */
#ifndef ALLOC_PAGE_KMAP_H
#define ALLOC_PAGE_KMAP_H

#include "alloc/page/engine.h"

#define KMAP_WINDOWS     1024
#define KMAP_WINDOWS_PAE 512
#define KMAP_LOCAL_MAX                                                      \
	36                /* windows of a thread; Linux: 16, but swap takes \
			     a cluster of 32 at once here */
#define KMAP_THREADS 4096 /* threads that have local windows at once */

/* Sums since the machine was built; racy while threads run. */
struct kmap_stat {
	unsigned windows; /* of the pool */
	unsigned used;    /* somebody uses them */
	unsigned idle;    /* nobody does, but they still show their frame */
	uint64_t maps;    /* new windows: a system call each */
	uint64_t flushes; /* of all idle windows at once */
	uint64_t waits;   /* calls that found all windows in use */
};

/*
 * By machine_create() and machine_destroy(). A machine without HIGHMEM or
 * without memory behind its frames has no windows; its frames have permanent
 * addresses or none at all. 0, -ENOMEM, or the mapper's -errno, with one line
 * in err.
 */
int kmap_init(struct machine *m, char *err, size_t err_len) MUST_CHECK;
void kmap_exit(struct machine *m);

/*
 * Address of a frame: its permanent one, or for a HIGHMEM frame that of its
 * window in the pool while it has one, else NULL. Any thread, no lock held.
 */
void *page_address(const struct machine *m, pfn_t pfn);

/*
 * The frame's address until as many calls of kunmap(). HIGHMEM: waits while all
 * windows are in use; NULL where the host refuses to map (vm.max_map_count).
 * kmap_try: does not wait, NULL then as well. Any thread, no lock held.
 */
void *kmap(struct machine *m, pfn_t pfn);
void *kmap_try(struct machine *m, pfn_t pfn);
/* A frame that nobody has mapped aborts with a message that names it. */
void kunmap(struct machine *m, pfn_t pfn);

/*
 * Windows of the thread that owns ctx, which alone may use them. NULL where the
 * host refuses to map, or where KMAP_THREADS other contexts have windows.
 * kunmap_local() takes the address that the last kmap_local() returned which
 * was not given back; another one, or more than KMAP_LOCAL_MAX at once, aborts
 * with a message that names it. page_ctx_exit() expects none to be left.
 */
void *kmap_local(struct page_ctx *ctx, pfn_t pfn);
void kunmap_local(struct page_ctx *ctx, const void *addr);
/* By page_ctx_exit(). */
void kmap_local_exit(struct page_ctx *ctx);

void kmap_stat(const struct machine *m, struct kmap_stat *out);
/* NULL, or the broken invariant in static text. No other thread runs. */
const char *kmap_verify(const struct machine *m);

#endif
