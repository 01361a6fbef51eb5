/*
 * vmalloc: addresses, frames, mappings. See vmalloc.h.
 *
 * The way of a request, each step undone in reverse when a later one fails:
 *   1. an area of addresses, one page longer than what is asked for: the guard
 *   2. frames, by the thread's engine, with no lock held
 *   3. mappings, one call of the machine's mapper for each run of frames that
 *      follow each other; the guard and all that is not given out faults
 * A failure at 2 frees the frames it got, at 3 it unmaps the runs that were
 * mapped and frees all, so that no frame changes its owner.
 *
 * Departures from Linux:
 *  - The frames are sorted before they are mapped. Each run of adjacent frames
 *    is a mapping of the host, which costs a system call and counts against
 *    vm.max_map_count; Linux pays a page table entry for each frame in any
 *    order.
 *  - Page table entries are the host's affair: the mapper says when it writes
 *    them. The kernel's are written here.
 *  - vfree() unmaps at once. Linux gathers areas and flushes TLBs once for
 *    many; here every unmapping is the host's own and flushes by itself.
 *  - There are no huge mappings.
 *
 * Lock order (ranks in alloc/base/lock.h):
 *   1. RANK_LEAF  space->lock: which addresses are whose
 * Nothing is taken under it, no memory, no frame, no system call: records are
 * made before and dropped after. While an area is MADE or DYING it is in the
 * hands of one thread, which reads and writes its frames without the lock; the
 * frames of a BUSY one do not change.
 */
#include "alloc/page/vmalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/layout.h"

struct sums {
	_Atomic uint64_t areas, pages, mappings;
};

struct vmalloc_space {
	struct spinlock lock;
	struct vmap_range range; /* lock */
	struct frame_mapper *mapper;
	char *base;
	uint64_t pages;
	struct sums made, gone;
};

int vmalloc_init(struct machine *m, char *err, size_t err_len)
{
	const uint64_t bytes = layout_vmalloc_bytes(&m->desc);
	struct vmalloc_space *space;
	struct vmap_area *whole;
	int rc = -ENOMEM;

	if (!m->memory.mapper) {
		snprintf(err, err_len,
			 "vmalloc: the machine has no memory "
			 "behind its frames");
		return -ENODEV;
	}
	space = aligned_alloc(CACHELINE_SIZE,
			      round_up_pow2(sizeof(*space), CACHELINE_SIZE));
	whole = vmap_area_new();
	if (!space || !whole) {
		snprintf(err, err_len, "vmalloc: not enough memory");
		goto err_memory;
	}
	*space = (struct vmalloc_space){ .mapper = m->memory.mapper,
					 .pages = bytes >> PAGE_SHIFT };
	spin_lock_init(&space->lock, RANK_LEAF);
	rc = space->mapper->reserve(space->mapper, bytes, &space->base);
	if (rc) {
		snprintf(err, err_len,
			 "vmalloc: reserving %llu MiB of addresses: %s; "
			 "expected a smaller vmalloc=",
			 (unsigned long long)(bytes >> 20), strerror(-rc));
		goto err_memory;
	}
	vmap_range_init(&space->range, whole, space->pages);
	m->vmalloc = space;
	return 0;

err_memory:
	vmap_area_drop(whole);
	free(space);
	return rc;
}

void vmalloc_exit(struct machine *m)
{
	struct vmalloc_space *space = m->vmalloc;

	if (!space)
		return;
	space->mapper->release(space->mapper, space->base,
			       space->pages << PAGE_SHIFT);
	vmap_range_drop(&space->range);
	free(space);
	m->vmalloc = NULL;
}

static void sums_add(struct sums *sums, const struct vmap_area *area)
{
	/* relaxed, all: statistics */
	atomic_fetch_add_explicit(&sums->areas, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&sums->pages, area->nr, memory_order_relaxed);
	atomic_fetch_add_explicit(&sums->mappings, area->runs,
				  memory_order_relaxed);
}

static struct vmalloc_sum sums_read(const struct sums *sums)
{
	/* relaxed, all: statistics */
	return (struct vmalloc_sum){
		.areas = atomic_load_explicit(&sums->areas,
					      memory_order_relaxed),
		.pages = atomic_load_explicit(&sums->pages,
					      memory_order_relaxed),
		.mappings = atomic_load_explicit(&sums->mappings,
						 memory_order_relaxed),
	};
}

static char *area_addr(const struct vmalloc_space *space,
		       const struct vmap_area *area)
{
	return space->base + (area->start << PAGE_SHIFT);
}

static struct vmap_area *area_new(uint32_t nr)
{
	struct vmap_area *area = vmap_area_new();

	if (!area)
		return NULL;
	area->nr = nr;
	area->pfn = malloc(nr * sizeof(*area->pfn));
	if (!area->pfn) {
		vmap_area_drop(area);
		return NULL;
	}
	for (uint32_t i = 0; i < nr; i++)
		area->pfn[i] = PFN_NONE;
	return area;
}

NOINLINE struct vmap_area *vmalloc_begin(struct machine *m, uint64_t bytes,
					 enum vmalloc_why *why)
{
	const uint64_t nr = (bytes >> PAGE_SHIFT) + !!(bytes & (PAGE_SIZE - 1));
	struct vmalloc_space *space = m->vmalloc;
	struct vmap_area *area, *spare;
	bool fits;

	*why = !space                                ? VMALLOC_NO_MACHINE
	       : !nr                                 ? VMALLOC_ZERO
	       : nr > m->managed || nr >= UINT32_MAX ? VMALLOC_MEMORY
						     : VMALLOC_OK;
	/* before so much is taken for the record of it */
	if (*why == VMALLOC_OK && nr >= space->pages)
		*why = VMALLOC_ADDRESSES;
	if (*why != VMALLOC_OK)
		return NULL;
	area = area_new((uint32_t)nr);
	if (!area) {
		*why = VMALLOC_NO_RECORD;
		return NULL;
	}
	spin_lock(&space->lock);
	fits = vmap_range_take(&space->range, area, nr + 1, &spare);
	spin_unlock(&space->lock);
	vmap_area_drop(spare);
	if (fits)
		return area;
	vmap_area_drop(area);
	*why = VMALLOC_ADDRESSES;
	return NULL;
}

static int by_pfn(const void *a, const void *b)
{
	const uint32_t x = ((const pfn_t *)a)->v, y = ((const pfn_t *)b)->v;

	return (x > y) - (x < y);
}

/* An allocator often gives frames in order, or in reverse. */
static void sort_frames(pfn_t *pfn, uint32_t nr)
{
	uint32_t up = 1, down = 1;

	while (up < nr && pfn[up - 1].v < pfn[up].v)
		up++;
	while (down < nr && pfn[down - 1].v > pfn[down].v)
		down++;
	if (up == nr)
		return;
	if (down < nr) {
		qsort(pfn, nr, sizeof(*pfn), by_pfn);
		return;
	}
	for (uint32_t i = 0; i < nr / 2; i++) {
		pfn_t t = pfn[i];

		pfn[i] = pfn[nr - 1 - i];
		pfn[nr - 1 - i] = t;
	}
}

/* How many frames from the front follow each other. */
static uint32_t run_length(const pfn_t *pfn, uint32_t nr)
{
	uint32_t n = 1;

	while (n < nr && pfn[n].v == pfn[n - 1].v + 1)
		n++;
	return n;
}

NOINLINE void *vmalloc_map(struct machine *m, struct vmap_area *area)
{
	struct vmalloc_space *space = m->vmalloc;
	struct frame_mapper *fm = space->mapper;
	char *addr = area_addr(space, area);
	uint32_t done = 0;

	sort_frames(area->pfn, area->nr);
	while (done < area->nr) {
		uint32_t n = run_length(area->pfn + done, area->nr - done);

		if (fm->map(fm, addr + ((uint64_t)done << PAGE_SHIFT),
			    area->pfn[done], n)) {
			if (done)
				fm->unmap(fm, addr,
					  (uint64_t)done << PAGE_SHIFT);
			return NULL;
		}
		done += n;
		area->runs++;
	}
	sums_add(&space->made, area);
	spin_lock(&space->lock);
	area->state = VMAP_BUSY;
	spin_unlock(&space->lock);
	return addr;
}

/* Why addr cannot be given back; the area that holds it, NULL: none. */
static const char *refusal(const struct vmap_area *area, bool first_byte)
{
	if (!area)
		return "is no address of vmalloc";
	if (area->state == VMAP_FREE)
		return "was given back before, or never given out";
	if (!first_byte)
		return "lies inside an area, not where it begins";
	if (area->state == VMAP_DYING)
		return "is being given back already";
	return area->state == VMAP_BUSY ? NULL : "was not given out yet";
}

NOINLINE struct vmap_area *vmalloc_take_back(struct machine *m, void *addr)
{
	struct vmalloc_space *space = m->vmalloc;
	const uintptr_t offset =
		space ? (uintptr_t)addr - (uintptr_t)space->base : UINTPTR_MAX;
	struct vmap_area *area = NULL;
	const char *wrong;

	if (space && offset >> PAGE_SHIFT < space->pages) {
		spin_lock(&space->lock);
		area = vmap_range_find(&space->range, offset >> PAGE_SHIFT);
		wrong = refusal(area, area->start << PAGE_SHIFT == offset);
		if (!wrong)
			area->state = VMAP_DYING;
		spin_unlock(&space->lock);
	} else {
		wrong = refusal(NULL, false);
	}
	check(!wrong, "vfree of %p: it %s", addr, wrong ? wrong : "");
	sums_add(&space->gone, area);
	space->mapper->unmap(space->mapper, addr,
			     (uint64_t)area->nr << PAGE_SHIFT);
	return area;
}

NOINLINE void vmalloc_end(struct machine *m, struct vmap_area *area)
{
	struct vmalloc_space *space = m->vmalloc;
	struct vmap_area *spare[2];
	pfn_t *pfn = area->pfn;

	area->pfn = NULL;
	spin_lock(&space->lock);
	vmap_range_give(&space->range, area, spare);
	spin_unlock(&space->lock);
	vmap_area_drop(spare[0]);
	vmap_area_drop(spare[1]);
	free(pfn);
}

void *vmalloc(struct page_ctx *ctx, uint64_t bytes, gfp_t gfp,
	      enum vmalloc_why *why)
{
	/* a floor's numbers are no frames */
	if (ctx->ops->features & PAGE_F_FLOOR) {
		*why = VMALLOC_FRAMES;
		return NULL;
	}
	return page_vmalloc(ctx->ops, ctx, bytes, gfp, why);
}

void vfree(struct page_ctx *ctx, void *addr)
{
	page_vfree(ctx->ops, ctx, addr);
}

pfn_t vmalloc_to_pfn(const struct machine *m, const void *addr)
{
	struct vmalloc_space *space = m->vmalloc;
	const struct vmap_area *area;
	pfn_t pfn = PFN_NONE;
	uint64_t page;

	if (!space || (const char *)addr < space->base)
		return PFN_NONE;
	page = (uint64_t)((const char *)addr - space->base) >> PAGE_SHIFT;
	if (page >= space->pages)
		return PFN_NONE;
	spin_lock(&space->lock);
	area = vmap_range_find(&space->range, page);
	if (area->state == VMAP_BUSY && page - area->start < area->nr)
		pfn = area->pfn[page - area->start];
	spin_unlock(&space->lock);
	return pfn;
}

void vmalloc_stat(const struct machine *m, struct vmalloc_stat *out)
{
	struct vmalloc_space *space = m->vmalloc;
	struct vmalloc_sum gone;

	*out = (struct vmalloc_stat){ 0 };
	if (!space)
		return;
	spin_lock(&space->lock);
	out->largest = vmap_range_largest(&space->range);
	spin_unlock(&space->lock);
	out->total = space->pages;
	gone = sums_read(&space->gone);
	out->made = sums_read(&space->made);
	out->now = (struct vmalloc_sum){
		out->made.areas - gone.areas,
		out->made.pages - gone.pages,
		out->made.mappings - gone.mappings,
	};
}

const char *vmalloc_why_name(enum vmalloc_why why)
{
	static const char *const names[NR_VMALLOC_WHYS] = {
		[VMALLOC_OK] = "ok",
		[VMALLOC_ZERO] = "zero",
		[VMALLOC_MEMORY] = "memory",
		[VMALLOC_ADDRESSES] = "addresses",
		[VMALLOC_FRAMES] = "frames",
		[VMALLOC_MAPPINGS] = "mappings",
		[VMALLOC_NO_RECORD] = "record",
		[VMALLOC_NO_MACHINE] = "machine",
	};

	return names[why];
}

void vmalloc_explain(const struct machine *m, enum vmalloc_why why,
		     uint64_t bytes, char *buf, size_t len)
{
	struct vmalloc_stat s;
	char text[160] = "";

	vmalloc_stat(m, &s);
	switch (why) {
	case VMALLOC_OK:
		snprintf(text, sizeof(text), "served");
		break;
	case VMALLOC_ZERO:
		snprintf(text, sizeof(text), "expected at least one byte");
		break;
	case VMALLOC_MEMORY:
		snprintf(text, sizeof(text), "the machine has %llu KiB in all",
			 (unsigned long long)m->managed << 2);
		break;
	case VMALLOC_ADDRESSES:
		snprintf(text, sizeof(text),
			 "of %llu KiB of addresses %llu are free in a row, a "
			 "guard page included; see vmalloc=",
			 (unsigned long long)s.total << 2,
			 (unsigned long long)s.largest << 2);
		break;
	case VMALLOC_FRAMES:
		snprintf(text, sizeof(text),
			 "the page allocator has not enough frames above the "
			 "watermarks");
		break;
	case VMALLOC_MAPPINGS:
		snprintf(text, sizeof(text),
			 "the host maps no more: areas stand in %llu mappings, "
			 "sysctl vm.max_map_count limits those of a process",
			 (unsigned long long)s.now.mappings);
		break;
	case VMALLOC_NO_RECORD:
		snprintf(text, sizeof(text), "no memory for its record");
		break;
	default:
		snprintf(text, sizeof(text),
			 "the machine has no addresses for vmalloc");
		break;
	}
	snprintf(buf, len, "vmalloc of %llu bytes: %s",
		 (unsigned long long)bytes, text);
}

const char *vmalloc_verify(const struct machine *m)
{
	struct vmalloc_space *space = m->vmalloc;
	struct vmalloc_sum sum = { 0 };
	struct vmalloc_stat s;
	const char *wrong;

	if (!space)
		return NULL;
	vmalloc_stat(m, &s);
	spin_lock(&space->lock);
	wrong = vmap_range_verify(&space->range);
	for (const struct vmap_area *a = space->range.first; a && !wrong;
	     a = a->next) {
		if (a->state == VMAP_FREE)
			continue;
		if (a->pages != a->nr + 1ULL)
			wrong = "an area has no guard page";
		sum.areas++;
		sum.pages += a->nr;
		sum.mappings += a->runs;
	}
	spin_unlock(&space->lock);
	if (!wrong && memcmp(&sum, &s.now, sizeof(sum)))
		wrong = "areas, pages or mappings are counted wrong";
	return wrong;
}
