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

static int by_pfn(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b; /* pfn is the first member */

	return (*x > *y) - (*x < *y);
}

struct free_block_list free_blocks_take(const struct machine *m)
{
	struct free_block_list out = { 0 };
	size_t max = 0;

	for (unsigned z = 0; z < m->nr_zones; z++) {
		for (unsigned i = 0; i < NR_PAGE_ORDERS * NR_MIGRATETYPES;
		     i++) {
			const unsigned o = i / NR_MIGRATETYPES,
				       mt = i % NR_MIGRATETYPES;
			const struct pfn_list *list =
				&m->zone[z].free_area[o].list[mt];

			pfn_list_for_each (pfn, list, m->map) {
				if (out.nr == max) {
					max = max ? 2 * max : 1024;
					out.block = realloc(
						out.block,
						max * sizeof(*out.block));
					check(out.block, "not enough memory");
				}
				out.block[out.nr].pfn = pfn;
				out.block[out.nr].order = (uint8_t)o;
				out.block[out.nr].mt = (uint8_t)mt;
				out.block[out.nr++].zone = (uint8_t)z;
				out.pages += 1ULL << o;
			}
		}
	}
	if (out.nr)
		qsort(out.block, out.nr, sizeof(*out.block), by_pfn);
	return out;
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
