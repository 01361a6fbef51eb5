#include "alloc/page/tests/small_machine.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc/base/check.h"
#include "alloc/page/buddy.h"
#include "alloc/page/layout.h"

static struct machine *build(const struct machine_desc *d)
{
	struct machine *m = NULL;
	char err[256] = "";

	check(!machine_create(&m, d, NULL, err, sizeof(err)), "%s", err);
	return m;
}

static void extent(struct machine_desc *d, unsigned nid, unsigned idx,
		   uint64_t start, uint64_t pages)
{
	d->node[nid].online = true;
	d->node[nid].zone[idx] = (struct zone_extent){
		.start_pfn = start,
		.spanned = pages,
		.present = pages,
		.managed = pages,
	};
}

struct machine *small_machine(enum kernel_rules kernel, unsigned nr_nodes)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct machine *m;

	check(d, "not enough memory");
	layout_defaults(d);
	d->kernel = kernel;
	d->thp_enabled = false;
	layout_topo(&d->topo, 4, nr_nodes);
	extent(d, 0, ZONE_DMA, 1, 4095);
	extent(d, 0, ZONE_DMA32, 4096, 16384);
	extent(d, 0, ZONE_NORMAL, 1048576, 16384);
	if (nr_nodes > 1)
		extent(d, 1, ZONE_NORMAL, 1048576 + 16384, 16384);
	m = build(d);
	free(d);
	return m;
}

struct machine *bare_machine(enum kernel_rules kernel, uint64_t pages)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct machine *m;
	struct zone *zone;

	check(d, "not enough memory");
	layout_defaults(d);
	d->kernel = kernel;
	layout_topo(&d->topo, 1, 1);
	extent(d, 0, ZONE_DMA32, 0, pages);
	m = build(d);
	free(d);
	m->mobility_grouping = true;
	zone = &m->zone[ZONE_DMA32];
	for (unsigned i = 0; i < NR_WMARK; i++)
		zone->watermark[i] = 0;
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		zone->lowmem_reserve[i] = 0;
	for (uint64_t i = 0; i < zone->nr_pageblocks; i++)
		zone_set_pageblock_mt(zone, i, MT_MOVABLE);
	return m;
}

/* managed pages of a zone that spans more. */
static void managed(struct machine_desc *d, unsigned nid, unsigned idx,
		    uint64_t pages)
{
	d->node[nid].zone[idx].managed = pages;
}

struct machine *marked_machine(enum marked_machine which)
{
	struct machine_desc *d = malloc(sizeof(*d));
	struct machine *m;

	check(d, "not enough memory");
	layout_defaults(d);
	d->thp_enabled = d->thp = false;
	layout_topo(&d->topo, which == MARKED_I386 ? 2 : 4,
		    which == MARKED_2_NODES ? 2 : 1);
	if (which == MARKED_I386 || which == MARKED_I386_40M)
		layout_set(d, LAYOUT_I386, true);
	extent(d, 0, ZONE_DMA, 1, 4095);
	managed(d, 0, ZONE_DMA, d->layout == LAYOUT_I386 ? 3968 : 3840);
	switch (which) {
	case MARKED_X86_64:
		extent(d, 0, ZONE_DMA32, 4096, 1044480);
		managed(d, 0, ZONE_DMA32, 752640);
		extent(d, 0, ZONE_NORMAL, 1048576, 262144);
		managed(d, 0, ZONE_NORMAL, 245760);
		break;
	case MARKED_I386:
		extent(d, 0, ZONE_NORMAL, 4096, 225280);
		managed(d, 0, ZONE_NORMAL, 218112);
		extent(d, 0, ZONE_HIGHMEM, 229376, 32768);
		break;
	case MARKED_I386_40M:
		extent(d, 0, ZONE_NORMAL, 4096, 4096);
		extent(d, 0, ZONE_HIGHMEM, 8192, 2048);
		break;
	case MARKED_80M:
		extent(d, 0, ZONE_DMA32, 4096, 16384);
		break;
	case MARKED_32M:
		extent(d, 0, ZONE_DMA32, 4096, 4096);
		break;
	case MARKED_2_NODES:
		extent(d, 0, ZONE_DMA32, 4096, 61440);
		extent(d, 1, ZONE_DMA32, 65536, 65536);
		break;
	}
	m = build(d);
	free(d);
	return m;
}

static int by_pfn(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b; /* pfn is the first member */

	return (*x > *y) - (*x < *y);
}

static void append(struct free_block_list *out, size_t *max,
		   struct free_block block)
{
	if (out->nr == *max) {
		*max = *max ? 2 * *max : 1024;
		out->block = realloc(out->block, *max * sizeof(*out->block));
		check(out->block, "not enough memory");
	}
	out->block[out->nr++] = block;
	out->pages += 1ULL << block.order;
}

/* A free block of 2^order pages, if larger than 2^most in pieces of that. */
static void append_pieces(struct free_block_list *out, size_t *max,
			  struct free_block block, unsigned most)
{
	const uint32_t end = block.pfn + (1u << block.order);

	if (block.order > most)
		block.order = (uint8_t)most;
	for (; block.pfn < end; block.pfn += 1u << block.order)
		append(out, max, block);
}

/* Those of the lists, and those that boot has not linked yet. */
static void take_zone(const struct zone *z, struct free_block_list *out,
		      size_t *max, unsigned most)
{
	struct free_block block = { .zone = (uint8_t)z->id };

	for (unsigned i = 0; i < NR_PAGE_ORDERS * NR_MIGRATETYPES; i++) {
		block.order = (uint8_t)(i / NR_MIGRATETYPES);
		block.mt = (uint8_t)(i % NR_MIGRATETYPES);
		pfn_list_for_each (pfn,
				   &z->free_area[block.order].list[block.mt],
				   z->map) {
			block.pfn = pfn;
			append_pieces(out, max, block, most);
		}
	}
	block.order = MAX_PAGE_ORDER;
	block.mt = z->boot_mt;
	for (block.pfn = z->boot_next; block.pfn != z->boot_end;
	     block.pfn += 1u << MAX_PAGE_ORDER)
		append_pieces(out, max, block, most);
}

static struct free_block_list take(const struct machine *m, unsigned most)
{
	struct free_block_list out = { 0 };
	size_t max = 0;

	for (unsigned z = 0; z < m->nr_zones; z++)
		take_zone(&m->zone[z], &out, &max, most);
	if (out.nr)
		qsort(out.block, out.nr, sizeof(*out.block), by_pfn);
	return out;
}

uint64_t free_pages_of(const struct machine *m)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < m->nr_zones; i++)
		if (zone_managed(&m->zone[i]))
			pages +=
				(uint64_t)zone_free_pages_snapshot(&m->zone[i]);
	return pages;
}

struct free_block_list free_blocks_take(const struct machine *m)
{
	return take(m, MAX_PAGE_ORDER);
}

struct free_block_list free_pageblocks_take(const struct machine *m)
{
	return take(m, m->desc.pageblock_order);
}

void free_blocks_drop(struct free_block_list *list)
{
	free(list->block);
	*list = (struct free_block_list){ 0 };
}

const char *free_blocks_compare(const struct free_block_list *a,
				const struct free_block_list *b, bool with_mt)
{
	static char text[128];

	for (size_t i = 0; i < a->nr && i < b->nr; i++) {
		if (a->block[i].pfn == b->block[i].pfn &&
		    a->block[i].order == b->block[i].order &&
		    (a->block[i].mt == b->block[i].mt || !with_mt))
			continue;
		snprintf(text, sizeof(text),
			 "block %zu: pfn %u order %u type %u, then pfn %u "
			 "order %u type %u",
			 i, a->block[i].pfn, a->block[i].order, a->block[i].mt,
			 b->block[i].pfn, b->block[i].order, b->block[i].mt);
		return text;
	}
	if (a->nr == b->nr)
		return NULL;
	snprintf(text, sizeof(text), "%zu blocks, then %zu", a->nr, b->nr);
	return text;
}
