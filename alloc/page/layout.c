/*
 * Zone extents from sizes.
 *
 * The map of a PC: RAM starts at 0, and where x86-64 has 3.5 GiB or more, only
 * 3 GiB of it lie below 4 GiB (the PCI hole), the rest from 4 GiB upwards; the
 * i386 layouts have no hole, so that 4 GiB stay addressable without PAE.
 *   DMA      pfn 1 .. 4095: page 0 is never given out, 97 pages below 1 MiB
 *            belong to the BIOS (present 3998), 158 more to the kernel
 *            (managed 3840, the last of the zone)
 *   DMA32    up to 4 GiB (x86-64);  Normal: the rest
 *   Normal   up to 896 MiB (i386), or as much as the addresses that are asked
 *            for vmalloc leave; HighMem: the rest
 * Reserved outside DMA: the kernel's own struct page array, 64 bytes a page
 * (i386: 32), in whole blocks of 4 MiB where the zone is large; HighMem's part
 * of it lies in Normal.
 */
#include "alloc/page/layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_PAGES (1UL << MAX_PAGE_ORDER)
#define MIB_PAGES   (1UL << (20 - PAGE_SHIFT))
#define GIB_PAGES   (1UL << (30 - PAGE_SHIFT))
#define DMA_END     4096UL
#define DMA_PRESENT 3998UL
#define DMA_MANAGED 3840UL
#define DMA32_END   (4 * GIB_PAGES)
#define LOWMEM_END  (896 * MIB_PAGES)
/* i386: below this, lowmem, a hole and vmalloc's addresses share 1 GiB */
#define VMALLOC_END    (1024 * MIB_PAGES)
#define VMALLOC_OFFSET (8 * MIB_PAGES) /* the hole */
#define LOWMEM_LEAST   (128 * MIB_PAGES)
#define HOLE_START     (3 * GIB_PAGES)
#define HOLE_FROM      (3584 * MIB_PAGES) /* machines of this size have a hole */
#define PAE_END        (64 * GIB_PAGES)
#define MACHINE_END    0xfffffc00UL /* pfns are 32 bits wide */

void layout_set(struct machine_desc *desc, enum machine_layout layout, bool pae)
{
	bool i386 = layout == LAYOUT_I386;

	desc->layout = layout;
	desc->pageblock_order = i386 && !pae ? 10 : 9;
	desc->has_device_zone = !i386;
	desc->has_numa = !i386;
	desc->has_numa_balancing = !i386;
	memset(desc->lowmem_reserve_ratio, 0,
	       sizeof(desc->lowmem_reserve_ratio));
	desc->lowmem_reserve_ratio[ZONE_DMA] = 256;
	desc->lowmem_reserve_ratio[ZONE_DMA32] = i386 ? 0 : 256;
	desc->lowmem_reserve_ratio[ZONE_NORMAL] = 32;
}

void layout_topo(struct topo *topo, unsigned nr_cpus, unsigned nr_nodes)
{
	memset(topo, 0, sizeof(*topo));
	topo->nr_cpus = (uint16_t)nr_cpus;
	topo->nr_nodes = (uint16_t)nr_nodes;
	topo->synthetic = true;
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		unsigned nid = cpu * nr_nodes / nr_cpus;

		topo->os_cpu[cpu] = (uint16_t)cpu;
		topo->node_of_cpu[cpu] = (uint16_t)nid;
		topo->core_of_cpu[cpu] = (uint16_t)cpu;
		topo->package_of_cpu[cpu] = (uint16_t)nid;
	}
	for (unsigned a = 0; a < nr_nodes; a++) {
		for (unsigned b = 0; b < nr_nodes; b++)
			topo->distance[a][b] = a == b ? 10 : 20;
	}
}

void layout_defaults(struct machine_desc *desc)
{
	memset(desc, 0, sizeof(*desc));
	layout_set(desc, LAYOUT_X86_64, false);
	layout_topo(&desc->topo, 1, 1);
	desc->kernel = KERNEL_6_1;
	desc->has_isolate = true;
	desc->has_zspages = true;
	desc->has_swap = true;
	desc->thp = true;
	desc->thp_enabled = true;
	desc->min_free_kbytes = -1;
	desc->watermark_scale_factor = 10;
	desc->watermark_boost_factor = 15000;
}

/* RAM offset (pages, hole left out) -> pfn; end: as the end of a range. */
static uint64_t pfn_of_offset(uint64_t offset, uint64_t below_hole, bool end)
{
	if (offset < below_hole || (end && offset == below_hole))
		return offset;
	return DMA32_END + (offset - below_hole);
}

static uint64_t overlap(uint64_t a_start, uint64_t a_end, uint64_t b_start,
			uint64_t b_end)
{
	uint64_t start = a_start > b_start ? a_start : b_start;
	uint64_t end = a_end < b_end ? a_end : b_end;

	return start < end ? end - start : 0;
}

/* RAM pages of [start, end); ram: pages below the hole, pages in all. */
static uint64_t ram_pages(uint64_t start, uint64_t end, const uint64_t ram[2])
{
	return overlap(start, end, 0, ram[0]) +
	       overlap(start, end, DMA32_END, DMA32_END + ram[1] - ram[0]);
}

static void zone_fill(struct zone_extent *z, uint64_t start, uint64_t end,
		      uint64_t present, uint64_t reserved)
{
	if (!present)
		return;
	z->start_pfn = start;
	z->spanned = end - start;
	z->present = present;
	if (start == 0) { /* DMA of the first node */
		z->start_pfn = 1;
		z->spanned = end - 1;
		z->present = present - (DMA_END - DMA_PRESENT);
		z->managed = present - (DMA_END - DMA_MANAGED);
		return;
	}
	if (present >= 16 * BLOCK_PAGES)
		reserved = round_up_pow2(reserved, BLOCK_PAGES);
	z->managed = present > reserved ? present - reserved : 0;
}

/* i386: one past the last page with a permanent mapping. */
static uint64_t lowmem_end(const struct machine_desc *desc)
{
	const uint64_t pages = desc->vmalloc_bytes >> PAGE_SHIFT;

	if (!pages)
		return LOWMEM_END;
	return (VMALLOC_END - VMALLOC_OFFSET - pages) & ~(BLOCK_PAGES - 1);
}

/* The zones of the node that owns [start, end). */
static void node_fill(struct machine_desc *desc, unsigned nid, uint64_t start,
		      uint64_t end, const uint64_t ram[2])
{
	const uint64_t x86[][2] = { { ZONE_DMA, DMA_END },
				    { ZONE_DMA32, DMA32_END },
				    { ZONE_NORMAL, MACHINE_END } };
	const uint64_t i386[][2] = { { ZONE_DMA, DMA_END },
				     { ZONE_NORMAL, lowmem_end(desc) },
				     { ZONE_HIGHMEM, MACHINE_END } };
	const uint64_t share =
		desc->layout == LAYOUT_I386 ? 4096 / 32 : 4096 / 64;
	uint64_t zone_start = 0;

	desc->node[nid].online = true;
	for (unsigned i = 0; i < ARRAY_SIZE(x86); i++) {
		const uint64_t *z =
			desc->layout == LAYOUT_I386 ? i386[i] : x86[i];
		uint64_t lo = start > zone_start ? start : zone_start;
		uint64_t hi = end < z[1] ? end : z[1];
		uint64_t present, reserved;

		zone_start = z[1];
		if (lo >= hi)
			continue;
		present = ram_pages(lo, hi, ram);
		reserved = (present + share - 1) / share;
		if (z[0] == ZONE_HIGHMEM)
			reserved = 0;
		else if (z[0] == ZONE_NORMAL && desc->layout == LAYOUT_I386)
			reserved += ram_pages(hi, end, ram) / share;
		zone_fill(&desc->node[nid].zone[z[0]], lo, hi, present,
			  reserved);
	}
}

static bool sizes_given(const struct machine_desc *desc)
{
	for (unsigned nid = 0; nid < desc->topo.nr_nodes; nid++)
		if (desc->topo.node_bytes[nid])
			return true;
	return false;
}

/* Pages of each node, and their sum. */
static uint64_t split(const struct machine_desc *desc, uint64_t bytes,
		      uint64_t pages[MAX_NODES])
{
	const bool given = sizes_given(desc);
	unsigned nr = desc->topo.nr_nodes;
	uint64_t total = 0;

	for (unsigned nid = 0; nid < nr; nid++) {
		uint64_t share =
			given ? desc->topo.node_bytes[nid] : bytes / nr;

		pages[nid] = (share >> PAGE_SHIFT) & ~(BLOCK_PAGES - 1);
		total += pages[nid];
	}
	/* what the rounding took goes to the last node */
	if (!given) {
		uint64_t rest = (bytes >> PAGE_SHIFT) & ~(BLOCK_PAGES - 1);

		pages[nr - 1] += rest - total;
		total = rest;
	}
	return total;
}

int layout_zones(struct machine_desc *desc, uint64_t bytes, char *err,
		 size_t err_len)
{
	uint64_t pages[MAX_NODES], offset = 0;
	uint64_t total = split(desc, bytes, pages);
	bool i386 = desc->layout == LAYOUT_I386;
	uint64_t limit = !i386                         ? MACHINE_END
			 : desc->pageblock_order == 10 ? DMA32_END
						       : PAE_END;
	uint64_t below_hole = total;

	if (!i386 && total >= HOLE_FROM)
		below_hole = HOLE_START;
	if (total + (DMA32_END - HOLE_START) * (below_hole < total) > limit) {
		snprintf(err, err_len,
			 "%llu MiB of memory: this layout reaches %llu MiB",
			 (unsigned long long)(total / MIB_PAGES),
			 (unsigned long long)(limit / MIB_PAGES));
		return -EINVAL;
	}
	if (i386 && desc->vmalloc_bytes >> PAGE_SHIFT >
			    VMALLOC_END - VMALLOC_OFFSET - LOWMEM_LEAST) {
		snprintf(err, err_len,
			 "vmalloc=%llu: expected at most %llu MiB with this "
			 "layout",
			 (unsigned long long)desc->vmalloc_bytes,
			 (unsigned long long)((VMALLOC_END - VMALLOC_OFFSET -
					       LOWMEM_LEAST) /
					      MIB_PAGES));
		return -EINVAL;
	}
	/* nodes whose sizes are given may be without memory, node 0 as well */
	if (!total || (!sizes_given(desc) && pages[0] < BLOCK_PAGES)) {
		snprintf(err, err_len,
			 "memory: expected at least 4 MiB on node 0");
		return -EINVAL;
	}
	for (unsigned nid = 0; nid < desc->topo.nr_nodes; nid++) {
		const uint64_t ram[2] = { below_hole, total };

		memset(&desc->node[nid], 0, sizeof(desc->node[nid]));
		desc->node[nid].online = true;
		if (pages[nid])
			node_fill(desc, nid,
				  pfn_of_offset(offset, below_hole, false),
				  pfn_of_offset(offset + pages[nid], below_hole,
						true),
				  ram);
		offset += pages[nid];
		desc->topo.node_bytes[nid] = pages[nid] << PAGE_SHIFT;
	}
	return 0;
}

uint64_t layout_highmem_pfn(const struct machine_desc *desc)
{
	uint64_t first = UINT64_MAX;

	for (unsigned nid = 0; nid < desc->topo.nr_nodes; nid++) {
		const struct zone_extent *z =
			&desc->node[nid].zone[ZONE_HIGHMEM];

		if (z->present && z->start_pfn < first)
			first = z->start_pfn;
	}
	return first;
}

static uint64_t vmalloc_bytes_i386(const struct machine_desc *desc)
{
	uint64_t end = 0;

	if (layout_highmem_pfn(desc) != UINT64_MAX)
		end = LOWMEM_END;
	for (unsigned nid = 0; nid < desc->topo.nr_nodes && end < LOWMEM_END;
	     nid++)
		for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
			const struct zone_extent *z = &desc->node[nid].zone[i];

			if (z->present && z->start_pfn + z->spanned > end)
				end = z->start_pfn + z->spanned;
		}
	if (end > LOWMEM_END)
		end = LOWMEM_END;
	return (VMALLOC_END - VMALLOC_OFFSET - end) << PAGE_SHIFT;
}

uint64_t layout_vmalloc_bytes(const struct machine_desc *desc)
{
	const uint64_t gib = 1ULL << 30;
	uint64_t pages = 0, bytes;

	if (desc->vmalloc_bytes)
		return round_up_pow2(desc->vmalloc_bytes, PAGE_SIZE);
	if (desc->layout == LAYOUT_I386)
		return vmalloc_bytes_i386(desc);
	for (unsigned nid = 0; nid < desc->topo.nr_nodes; nid++)
		for (unsigned i = 0; i < MAX_NR_ZONES; i++)
			pages += desc->node[nid].zone[i].managed;
	bytes = round_up_pow2(pages << (PAGE_SHIFT + 2), gib);
	if (bytes < gib)
		return gib;
	return bytes < 32768 * gib ? bytes : 32768 * gib;
}

int layout_parse_ratio(const char *text, struct machine_desc *desc)
{
	unsigned absent =
		desc->layout == LAYOUT_I386 ? ZONE_DMA32 : ZONE_HIGHMEM;
	int32_t ratio[MAX_NR_ZONES];
	const char *s = text + strspn(text, " \t");
	unsigned nr = 0;

	memcpy(ratio, desc->lowmem_reserve_ratio, sizeof(ratio));
	for (unsigned idx = 0; idx < MAX_NR_ZONES && *s; idx++) {
		size_t digits = strspn(s, "0123456789");

		if (idx == absent)
			continue;
		if (!digits || digits > 9)
			return -EINVAL;
		ratio[idx] = (int32_t)strtol(s, NULL, 10);
		nr++;
		s += digits;
		s += strspn(s, " \t:");
	}
	if (*s || !nr)
		return -EINVAL;
	memcpy(desc->lowmem_reserve_ratio, ratio, sizeof(ratio));
	return 0;
}
