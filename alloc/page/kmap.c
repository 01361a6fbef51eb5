/*
 * kmap: see kmap.h.
 *
 * A window of the pool has a count, as pkmap_count of Linux:
 *   0  free: shows nothing
 *   1  idle: nobody uses it, and it still shows its frame
 *   n  n - 1 users
 * Windows are tried in turn. Each time the turn comes round to the first one
 * all idle windows are flushed, so that an unmapping is paid once for many; a
 * frame that is mapped again before that finds its window as it was. Frames are
 * found by a hash table of their numbers.
 *
 *   used + idle + free == nr, and a frame is in the table if and only if one
 *   window with count >= 1 shows it (lock)
 *
 * A local window is unmapped when it is given back. Linux has them per CPU and
 * puts the running task's in place at each switch; here each thread has a group
 * of its own, taken at its first kmap_local().
 *
 * Departures from Linux: mapping and unmapping are system calls, a thousand
 * times the price of the kernel's page table entry; so the pool's lock is a
 * mutex (Linux: a spin lock), and waiters sleep on a condition variable. Where
 * the host refuses to map, idle windows are flushed and the call fails if that
 * did not help; the kernel's cannot fail.
 *
 * Lock order:
 *   1. space->lock  mutex: the pool, its table, the groups. Held over the calls
 *                   of the mapper, which may sleep; no spin lock is taken under
 *                   it, and none may be held by a caller.
 */
#include "alloc/page/kmap.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_BUCKETS 256u
#define NO_WINDOW  UINT16_MAX

struct window {
	uint32_t count;
	pfn_t pfn;     /* that it shows, count >= 1 */
	uint16_t next; /* of the same bucket */
};

/* All but base, local, nr, mapper: lock. */
struct kmap_space {
	pthread_mutex_t lock;
	pthread_cond_t freed; /* a window became idle */
	struct frame_mapper *mapper;
	char *base;  /* nr windows, then a page that faults */
	char *local; /* KMAP_THREADS groups of KMAP_LOCAL_MAX windows */
	unsigned nr, last;
	unsigned waiting;
	uint16_t bucket[NR_BUCKETS];
	uint64_t group_taken[KMAP_THREADS / 64];
	uint64_t maps, flushes, waits;
	struct window window[KMAP_WINDOWS];
};

#define LOCAL_BYTES ((size_t)KMAP_THREADS * KMAP_LOCAL_MAX << PAGE_SHIFT)

static size_t space_bytes(unsigned nr)
{
	return LOCAL_BYTES + ((nr + 1UL) << PAGE_SHIFT);
}

int kmap_init(struct machine *m, char *err, size_t err_len)
{
	/* without PAE a pageblock is 4 MiB, as is what one page table maps */
	const unsigned nr =
		m->desc.pageblock_order == 10 ? KMAP_WINDOWS : KMAP_WINDOWS_PAE;
	struct kmap_space *space;
	int rc;

	if (m->highmem_pfn == UINT64_MAX || !m->memory.mapper)
		return 0;
	space = calloc(1, sizeof(*space));
	if (!space) {
		snprintf(err, err_len, "not enough memory for kmap windows");
		return -ENOMEM;
	}
	space->mapper = m->memory.mapper;
	rc = space->mapper->reserve(space->mapper, space_bytes(nr),
				    &space->local);
	if (rc) {
		snprintf(err, err_len, "kmap windows: reserving addresses: %s",
			 strerror(-rc));
		free(space);
		return rc;
	}
	pthread_mutex_init(&space->lock, NULL);
	pthread_cond_init(&space->freed, NULL);
	space->base = space->local + LOCAL_BYTES;
	space->nr = nr;
	for (unsigned i = 0; i < NR_BUCKETS; i++)
		space->bucket[i] = NO_WINDOW;
	m->kmap = space;
	return 0;
}

void kmap_exit(struct machine *m)
{
	struct kmap_space *space = m->kmap;

	if (!space)
		return;
	space->mapper->release(space->mapper, space->local,
			       space_bytes(space->nr));
	pthread_cond_destroy(&space->freed);
	pthread_mutex_destroy(&space->lock);
	free(space);
	m->kmap = NULL;
}

static uint16_t *bucket_of(struct kmap_space *space, pfn_t pfn)
{
	/* neighbours in different buckets */
	return &space->bucket[pfn.v % NR_BUCKETS];
}

static char *window_addr(const struct kmap_space *space, unsigned i)
{
	return space->base + ((size_t)i << PAGE_SHIFT);
}

/* Window that shows the frame, NO_WINDOW: none. */
static uint16_t window_find(struct kmap_space *space, pfn_t pfn)
{
	uint16_t i = *bucket_of(space, pfn);

	while (i != NO_WINDOW && space->window[i].pfn.v != pfn.v)
		i = space->window[i].next;
	return i;
}

static void window_forget(struct kmap_space *space, uint16_t i)
{
	uint16_t *at = bucket_of(space, space->window[i].pfn);

	while (*at != i)
		at = &space->window[*at].next;
	*at = space->window[i].next;
	space->window[i].count = 0;
}

/* Every idle window becomes free; neighbours are unmapped together. */
static void flush(struct kmap_space *space)
{
	unsigned from = 0;

	space->flushes++;
	for (unsigned i = 0; i <= space->nr; i++) {
		if (i < space->nr && space->window[i].count == 1) {
			window_forget(space, (uint16_t)i);
			continue;
		}
		if (i > from)
			space->mapper->unmap(space->mapper,
					     window_addr(space, from),
					     (size_t)(i - from) << PAGE_SHIFT);
		from = i + 1;
	}
}

/* The next free window in turn; NO_WINDOW: all are in use. */
static uint16_t window_next(struct kmap_space *space)
{
	for (unsigned left = space->nr; left; left--) {
		space->last = (space->last + 1) % space->nr;
		if (!space->last) {
			flush(space);
			left = space->nr; /* what was idle is free now */
		}
		if (!space->window[space->last].count)
			return (uint16_t)space->last;
	}
	return NO_WINDOW;
}

/* Shows the frame in window i. False: the host refused, nothing changed. */
static bool window_show(struct kmap_space *space, uint16_t i, pfn_t pfn)
{
	struct frame_mapper *fm = space->mapper;
	struct window *w = &space->window[i];

	if (fm->map(fm, window_addr(space, i), pfn, 1)) {
		/* idle windows are mappings of the host as well */
		flush(space);
		if (fm->map(fm, window_addr(space, i), pfn, 1))
			return false;
	}
	space->maps++;
	w->pfn = pfn;
	w->count = 1;
	w->next = *bucket_of(space, pfn);
	*bucket_of(space, pfn) = i;
	return true;
}

/* A window that shows the frame: the one that it has, or a new one. NO_WINDOW:
 * all are in use and `wait` is false, or the host refused. */
static uint16_t window_get(struct kmap_space *space, pfn_t pfn, bool wait)
{
	for (;;) {
		uint16_t i = window_find(space, pfn);

		if (i != NO_WINDOW)
			return i;
		i = window_next(space);
		if (i != NO_WINDOW)
			return window_show(space, i, pfn) ? i : NO_WINDOW;
		space->waits++;
		if (!wait)
			return NO_WINDOW;
		/* while it sleeps somebody may map the same frame */
		space->waiting++;
		pthread_cond_wait(&space->freed, &space->lock);
		space->waiting--;
	}
}

static void *kmap_high(struct kmap_space *space, pfn_t pfn, bool wait)
{
	void *addr = NULL;
	uint16_t i;

	pthread_mutex_lock(&space->lock);
	i = window_get(space, pfn, wait);
	if (i != NO_WINDOW) {
		space->window[i].count++;
		addr = window_addr(space, i);
	}
	pthread_mutex_unlock(&space->lock);
	return addr;
}

static void *permanent_address(const struct machine *m, pfn_t pfn)
{
	return m->memory.base ? pfn_to_virt(m, pfn) : NULL;
}

void *kmap(struct machine *m, pfn_t pfn)
{
	if (!pfn_is_highmem(m, pfn))
		return permanent_address(m, pfn);
	return m->kmap ? kmap_high(m->kmap, pfn, true) : NULL;
}

void *kmap_try(struct machine *m, pfn_t pfn)
{
	if (!pfn_is_highmem(m, pfn))
		return permanent_address(m, pfn);
	return m->kmap ? kmap_high(m->kmap, pfn, false) : NULL;
}

void kunmap(struct machine *m, pfn_t pfn)
{
	struct kmap_space *space = m->kmap;
	uint32_t count = 0;
	uint16_t i;

	if (!pfn_is_highmem(m, pfn) || !space)
		return;
	pthread_mutex_lock(&space->lock);
	i = window_find(space, pfn);
	if (i != NO_WINDOW)
		count = space->window[i].count;
	check(count > 1, "kunmap of pfn %u, which nobody has mapped", pfn.v);
	if (--space->window[i].count == 1 && space->waiting)
		pthread_cond_signal(&space->freed);
	pthread_mutex_unlock(&space->lock);
}

void *page_address(const struct machine *m, pfn_t pfn)
{
	struct kmap_space *space = m->kmap;
	void *addr = NULL;
	uint16_t i;

	if (!pfn_is_highmem(m, pfn))
		return permanent_address(m, pfn);
	if (!space)
		return NULL;
	pthread_mutex_lock(&space->lock);
	i = window_find(space, pfn);
	if (i != NO_WINDOW)
		addr = window_addr(space, i);
	pthread_mutex_unlock(&space->lock);
	return addr;
}

/* ---- windows of a thread ------------------------------------------------ */

/* A group that nobody has, counted from 1; 0: none is left. */
static unsigned group_take(struct kmap_space *space)
{
	unsigned group = 0;

	pthread_mutex_lock(&space->lock);
	for (unsigned i = 0; i < ARRAY_SIZE(space->group_taken) && !group;
	     i++) {
		const uint64_t taken = space->group_taken[i];

		if (~taken) {
			const unsigned bit = (unsigned)__builtin_ctzll(~taken);

			space->group_taken[i] |= 1ULL << bit;
			group = i * 64 + bit + 1;
		}
	}
	pthread_mutex_unlock(&space->lock);
	return group;
}

static char *local_addr(const struct page_ctx *ctx, unsigned depth)
{
	const size_t i = (ctx->kmap_group - 1UL) * KMAP_LOCAL_MAX + depth;

	return ctx->machine->kmap->local + (i << PAGE_SHIFT);
}

void *kmap_local(struct page_ctx *ctx, pfn_t pfn)
{
	struct kmap_space *space = ctx->machine->kmap;
	char *addr;

	if (!pfn_is_highmem(ctx->machine, pfn))
		return permanent_address(ctx->machine, pfn);
	if (!space)
		return NULL;
	if (!ctx->kmap_group)
		ctx->kmap_group = (uint16_t)group_take(space);
	if (!ctx->kmap_group)
		return NULL;
	check(ctx->kmap_depth < KMAP_LOCAL_MAX,
	      "kmap_local of pfn %u: all %d windows of this thread are in use",
	      pfn.v, KMAP_LOCAL_MAX);
	addr = local_addr(ctx, ctx->kmap_depth);
	if (space->mapper->map(space->mapper, addr, pfn, 1))
		return NULL;
	ctx->kmap_depth++;
	return addr;
}

void kunmap_local(struct page_ctx *ctx, const void *addr)
{
	const struct kmap_space *space = ctx->machine->kmap;
	char *last;

	/* permanent addresses have no window */
	if (!space || (uintptr_t)addr - (uintptr_t)space->local >= LOCAL_BYTES)
		return;
	last = ctx->kmap_depth ? local_addr(ctx, ctx->kmap_depth - 1u) : NULL;
	check(addr == last, "kunmap_local of %p: the last one mapped is %p",
	      addr, (void *)last);
	ctx->kmap_depth--;
	space->mapper->unmap(space->mapper, last, PAGE_SIZE);
}

void kmap_local_exit(struct page_ctx *ctx)
{
	struct kmap_space *space = ctx->machine->kmap;
	const unsigned i = ctx->kmap_group - 1u;

	if (!ctx->kmap_group)
		return;
	check(!ctx->kmap_depth, "%u local windows are left at %p",
	      ctx->kmap_depth, (void *)local_addr(ctx, 0));
	pthread_mutex_lock(&space->lock);
	space->group_taken[i / 64] &= ~(1ULL << i % 64);
	pthread_mutex_unlock(&space->lock);
	ctx->kmap_group = 0;
}

/* ---- looking ------------------------------------------------------------ */

void kmap_stat(const struct machine *m, struct kmap_stat *out)
{
	struct kmap_space *space = m->kmap;

	*out = (struct kmap_stat){ 0 };
	if (!space)
		return;
	pthread_mutex_lock(&space->lock);
	out->windows = space->nr;
	for (unsigned i = 0; i < space->nr; i++) {
		out->used += space->window[i].count > 1;
		out->idle += space->window[i].count == 1;
	}
	out->maps = space->maps;
	out->flushes = space->flushes;
	out->waits = space->waits;
	pthread_mutex_unlock(&space->lock);
}

const char *kmap_verify(const struct machine *m)
{
	struct kmap_space *space = m->kmap;
	unsigned shown = 0, listed = 0;

	if (!space)
		return NULL;
	for (uint32_t i = 0; i < space->nr; i++) {
		if (!space->window[i].count)
			continue;
		shown++;
		if (window_find(space, space->window[i].pfn) != i)
			return "a frame is not found in its window";
	}
	for (unsigned b = 0; b < NR_BUCKETS; b++) {
		uint16_t i = space->bucket[b];

		for (; i != NO_WINDOW && listed <= space->nr; listed++) {
			if (!space->window[i].count)
				return "a free window is in the table";
			i = space->window[i].next;
		}
	}
	return shown == listed ? NULL : "windows and the table differ";
}
