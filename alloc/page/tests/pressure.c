#include "alloc/page/tests/pressure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/base/check.h"
#include "alloc/page/buddy.h"
#include "alloc/page/kmap.h"

#define EVENTS 262144u

struct reclaim_config pressure_config(void)
{
	struct reclaim_config cfg;

	reclaim_defaults(&cfg);
	cfg.kswapd = cfg.kcompactd = cfg.proactive = false;
	cfg.events = EVENTS;
	cfg.event_span = 1 << 20;
	return cfg;
}

/* Booting leaves blocks to be linked later; here lists are compared. */
static void link_all(struct machine *m)
{
	for (unsigned z = 0; z < m->nr_zones; z++) {
		spin_lock(&m->zone[z].lock);
		buddy_boot_link(&m->zone[z], UINT64_MAX);
		spin_unlock(&m->zone[z].lock);
	}
}

struct pressure *pressure_make(struct machine *m, const struct page_ops *ops,
			       struct reclaim_config *cfg)
{
	struct pressure *p = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*p), CACHELINE_SIZE));
	const char *dir = getenv("TMPDIR");
	char err[256] = "";

	check(p, "not enough memory");
	memset(p, 0, sizeof(*p));
	p->m = m;
	check(!arena_map(&p->arena, &m->desc, err, sizeof(err)), "%s", err);
	/* the machine was built without memory, and so without windows */
	m->memory = p->arena.memory;
	check(!kmap_init(m, err, sizeof(err)), "%s", err);
	machine_boot(m);
	link_all(m);
	p->boot = free_pageblocks_take(m);
	p->events.cap = EVENTS;
	p->events.span = 1 << 20; /* like events share slots */
	p->events.slot = calloc(EVENTS, sizeof(*p->events.slot));
	check(p->events.slot && !ops->create(&p->e, m), "no engine");
	if (cfg->swap.bytes && !cfg->swap.path)
		cfg->swap.dir = dir ? dir : "/tmp";
	check(!reclaim_create(&p->r, p->e, cfg, err, sizeof(err)), "%s", err);
	check(!page_ctx_enter(&p->ctx, p->e, 0, p->counters, &p->events),
	      "thread_enter failed");
	return p;
}

const char *pressure_end(struct pressure *p)
{
	const struct page_ops *ops = p->e->ops;
	struct free_block_list now;
	const char *wrong;

	reclaim_stop(p->r);
	wrong = reclaim_verify(p->r);
	ops->drain(p->e, &p->ctx);
	if (!wrong)
		wrong = ops->verify(p->e);
	now = free_pageblocks_take(p->m);
	if (!wrong)
		wrong = free_blocks_compare(&p->boot, &now, false);
	if (!wrong && p->events.dropped)
		wrong = "events were dropped";
	page_ctx_exit(&p->ctx);
	reclaim_destroy(p->r);
	ops->destroy(p->e);
	free_blocks_drop(&now);
	free_blocks_drop(&p->boot);
	machine_destroy(p->m);
	arena_unmap(&p->arena);
	free(p->events.slot);
	free(p);
	return wrong;
}

static uint64_t word_of(const struct owner *o, unsigned i)
{
	return ((uint64_t)o->id << 32 | o->generation) * 0x9e3779b97f4a7c15ULL +
	       i;
}

static void *open_frame(struct page_ctx *ctx, pfn_t pfn)
{
	void *page = kmap_local(ctx, pfn);

	check(page, "no window for pfn %u", pfn.v);
	return page;
}

void owner_fill(struct page_ctx *ctx, const struct owner *o, pfn_t pfn)
{
	uint64_t *word = open_frame(ctx, pfn);

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*word); i++)
		word[i] = word_of(o, i);
	kunmap_local(ctx, word);
}

bool owner_check(struct page_ctx *ctx, const struct owner *o, pfn_t pfn)
{
	const uint64_t *word = open_frame(ctx, pfn);
	unsigned i = 0;

	while (i < PAGE_SIZE / sizeof(*word) && word[i] == word_of(o, i))
		i++;
	kunmap_local(ctx, word);
	return i == PAGE_SIZE / sizeof(*word);
}

int owner_use(struct page_ctx *ctx, struct owner *o, gfp_t gfp, bool write)
{
	const struct lru_access how = { .gfp = gfp,
					.flags = write ? LRU_WRITE : 0 };
	pfn_t pfn = PFN_NONE;
	int r = lru_access(ctx, &o->slot, &how, &pfn);

	if (r < 0)
		return r;
	if (r == LRU_ABSENT) {
		pfn = alloc_pages(ctx, gfp, 0);
		if (!pfn_valid(pfn)) {
			lru_cancel(&o->slot);
			return -ENOMEM;
		}
		o->generation += write;
		owner_fill(ctx, o, pfn);
		lru_add(ctx, &o->slot, pfn,
			(o->file ? LRU_ADD_FILE : 0) |
				(write ? LRU_ADD_DIRTY : 0));
		return 0;
	}
	check(owner_check(ctx, o, pfn),
	      "pfn %u has not the content of owner %u generation %u", pfn.v,
	      o->id, o->generation);
	if (write) {
		o->generation++;
		owner_fill(ctx, o, pfn);
	}
	lru_release(&o->slot);
	return 0;
}

static unsigned count_kind(const struct event_ring *ring, enum event_kind kind)
{
	unsigned nr = 0;

	for (uint32_t i = 0; i < ring->used; i++)
		if (ring->slot[i].kind == kind)
			nr += ring->slot[i].n;
	return nr;
}

unsigned pressure_events(struct pressure *p, enum event_kind kind)
{
	unsigned nr = count_kind(&p->events, kind);
	enum reclaim_thread which;
	struct page_ctx *ctx;

	for (unsigned i = 0; (ctx = reclaim_thread_ctx(p->r, i, &which)); i++)
		nr += count_kind(ctx->events, kind);
	return nr;
}
