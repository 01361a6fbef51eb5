/*
 * vmalloc: memory that is contiguous in addresses only, of any size that the
 * addresses and the frames allow; what is larger than the largest block has no
 * other way. Frames come one by one from anywhere, by the ordinary policy, and
 * are mapped in a row inside a range of addresses of the machine's own; behind
 * each area lies a page that faults.
 *
 * Linux: mm/vmalloc.c of 6.1 (__vmalloc_node_range, vm_area_alloc_pages,
 * vfree). What differs is said in vmalloc.c.
 *
 * As in page_alloc.h, page_vmalloc() and page_vfree() are always inline over a
 * constant table, for measured loops; vmalloc() and vfree() are for everybody
 * else.
 */
#ifndef ALLOC_PAGE_VMALLOC_H
#define ALLOC_PAGE_VMALLOC_H

#include "alloc/page/page_alloc.h"
#include "alloc/page/vmap_area.h"

/* Why a request was refused; nothing is taken then. */
enum vmalloc_why {
	VMALLOC_OK,
	VMALLOC_ZERO,       /* of no bytes */
	VMALLOC_MEMORY,     /* more than the machine has */
	VMALLOC_ADDRESSES,  /* no hole of addresses is that large */
	VMALLOC_FRAMES,     /* the page allocator refused */
	VMALLOC_MAPPINGS,   /* the host refused to map them */
	VMALLOC_NO_RECORD,  /* libc has no memory for the record of it */
	VMALLOC_NO_MACHINE, /* vmalloc_init() was not called */
	NR_VMALLOC_WHYS,
};

/* Areas, their frames, and the mappings of the host that those are in. */
struct vmalloc_sum {
	uint64_t areas, pages, mappings;
};

/* Racy while threads run. */
struct vmalloc_stat {
	struct vmalloc_sum now, made; /* allocated; since vmalloc_init() */
	uint64_t total, largest;      /* pages of addresses; free in a row */
};

/*
 * Reserves the machine's addresses for vmalloc, layout_vmalloc_bytes() of them.
 * 0, -ENODEV (the machine has no memory behind its frames), -ENOMEM, or the
 * mapper's -errno, with one line in err. No other thread runs. vmalloc_exit():
 * after the last vfree; areas that are left keep their frames and lose their
 * addresses. A machine that never had vmalloc_init() is left alone.
 */
int vmalloc_init(struct machine *m, char *err, size_t err_len) MUST_CHECK;
void vmalloc_exit(struct machine *m);

/*
 * ceil(bytes / PAGE_SIZE) frames by gfp, mapped in a row; NULL with the reason
 * in *why (else VMALLOC_OK). gfp: as for order-0 requests; __GFP_HIGHMEM is
 * added unless a DMA zone is asked for, as in Linux. By the thread that owns
 * ctx, no lock held.
 */
void *vmalloc(struct page_ctx *ctx, uint64_t bytes, gfp_t gfp,
	      enum vmalloc_why *why);
/*
 * Gives back what vmalloc() returned; NULL is left alone. Any thread with a
 * context of its own. An address that vmalloc() did not return, or that was
 * given back before, aborts with a message that names it.
 */
void vfree(struct page_ctx *ctx, void *addr);

/* Frame behind an address of an area, PFN_NONE if there is none. */
pfn_t vmalloc_to_pfn(const struct machine *m, const void *addr);

void vmalloc_stat(const struct machine *m, struct vmalloc_stat *out);
/* One word for a reason: "addresses". */
const char *vmalloc_why_name(enum vmalloc_why why);
/* One line that says why, in numbers, for a request of so many bytes. */
void vmalloc_explain(const struct machine *m, enum vmalloc_why why,
		     uint64_t bytes, char *buf, size_t len);
/* NULL, or the broken invariant in static text. No other thread runs. */
const char *vmalloc_verify(const struct machine *m);

/* ---- the halves of page_vmalloc() and page_vfree() ---------------------- */

/* An area with addresses and no frames: area->nr slots, all PFN_NONE. NULL with
 * the reason in *why. */
NOINLINE struct vmap_area *vmalloc_begin(struct machine *m, uint64_t bytes,
					 enum vmalloc_why *why);
/* Maps the area's frames. Its address, or NULL: then nothing is mapped. */
NOINLINE void *vmalloc_map(struct machine *m, struct vmap_area *area);
/* The area of an address, marked and no longer mapped; it has its frames. */
NOINLINE struct vmap_area *vmalloc_take_back(struct machine *m, void *addr);
/* The area's addresses are free and its record is gone. */
NOINLINE void vmalloc_end(struct machine *m, struct vmap_area *area);

/* Frames that Linux asks the bulk interface for at a time. */
#define VMALLOC_BULK 100u

/* Fills pfn[0 .. nr) as vm_area_alloc_pages of Linux does: in bulk while that
 * gives all it is asked for, then one by one. Returns how many. */
ALWAYS_INLINE uint32_t vmalloc_frames(const struct page_ops *const ops,
				      struct page_ctx *ctx, gfp_t gfp,
				      uint32_t nr, pfn_t *pfn)
{
	uint32_t got = 0;

	while (got < nr) {
		const uint32_t left = nr - got;
		const uint32_t n = left < VMALLOC_BULK ? left : VMALLOC_BULK;
		const uint32_t more =
			page_alloc_bulk(ops, ctx, gfp, n, pfn + got);

		got += more;
		if (more < n)
			break;
	}
	for (; got < nr; got++) {
		pfn[got] = opaque(page_alloc(ops, ctx, gfp, 0));
		if (!pfn_valid(pfn[got]))
			break;
	}
	return got;
}

ALWAYS_INLINE void *page_vmalloc(const struct page_ops *const ops,
				 struct page_ctx *ctx, uint64_t bytes,
				 gfp_t gfp, enum vmalloc_why *why)
{
	struct vmap_area *area = vmalloc_begin(ctx->machine, bytes, why);
	void *addr = NULL;
	uint32_t got;

	if (unlikely(!area))
		return NULL;
	gfp &= ~GFP_BIT_COMP;
	if (!(gfp & (GFP_BIT_DMA | GFP_BIT_DMA32)))
		gfp |= GFP_BIT_HIGHMEM;
	got = vmalloc_frames(ops, ctx, gfp, area->nr, area->pfn);
	if (likely(got == area->nr)) {
		addr = vmalloc_map(ctx->machine, area);
		if (likely(addr))
			return addr;
		*why = VMALLOC_MAPPINGS;
	} else {
		*why = VMALLOC_FRAMES;
	}
	page_free_bulk(ops, ctx, got, area->pfn);
	vmalloc_end(ctx->machine, area);
	return NULL;
}

ALWAYS_INLINE void page_vfree(const struct page_ops *const ops,
			      struct page_ctx *ctx, void *addr)
{
	struct vmap_area *area;

	if (unlikely(!addr))
		return;
	area = vmalloc_take_back(ctx->machine, addr);
	page_free_bulk(ops, ctx, area->nr, area->pfn);
	vmalloc_end(ctx->machine, area);
}

#endif
