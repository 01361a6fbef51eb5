/* See slab_bench.h. */
#include "alloc/slab/tests/slab_bench.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "alloc/base/check.h"
#include "alloc/page/layout.h"
#include "alloc/page/reclaim.h"
#include "alloc/page/tests/small_machine.h"
#include "harness/bind.h"

static struct machine *machine_of(const struct slab_bench_spec *spec)
{
	const uint64_t bytes = spec && spec->bytes ? spec->bytes : 64 << 20;
	struct machine_desc *desc = malloc(sizeof(*desc));
	struct machine_memory memory = { 0 };
	struct machine *m = NULL;
	char err[256] = "";

	check(desc, "not enough memory");
	layout_defaults(desc);
	layout_set(desc, LAYOUT_X86_64, false);
	layout_topo(&desc->topo, spec && spec->cpus ? spec->cpus : 4,
		    spec && spec->nodes ? spec->nodes : 1);
	check(!layout_zones(desc, bytes, err, sizeof(err)), "%s", err);
	check(!machine_create(&m, desc, &memory, err, sizeof(err)), "%s", err);
	free(desc);
	m->memory.base =
		mmap(NULL, m->end_pfn << PAGE_SHIFT, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check(m->memory.base != MAP_FAILED, "not enough memory");
	machine_boot(m);
	return m;
}

static void remember(void *arg, const char *line)
{
	struct slab_bench *b = arg;

	if (b->nr_lines < BENCH_LINES)
		strcpy(b->line[b->nr_lines++], line);
}

static void bench_slab(struct slab_bench *b, const struct slab_ops *ops,
		       const struct slab_bench_spec *spec)
{
	struct slab_config cfg;

	slab_config_init(&cfg, &b->m->desc);
	if (spec && spec->config.nr_cpus)
		cfg = spec->config;
	check(!slab_allocator_create(&b->slab, ops, &b->pages, &cfg),
	      "no allocator");
	b->slab->report = remember;
	b->slab->report_arg = b;
	check(!slab_ctx_enter(&b->ctx, b->slab, &b->pages), "no context");
}

static void bench_reclaim(struct slab_bench *b)
{
	struct reclaim_config cfg;
	char err[256] = "";

	reclaim_defaults(&cfg);
	cfg.kswapd = cfg.kcompactd = false;
	check(!reclaim_create(&b->reclaim, b->e, &cfg, err, sizeof(err)), "%s",
	      err);
}

struct slab_bench *slab_bench_make(const struct slab_ops *ops,
				   const struct slab_bench_spec *spec)
{
	const char *pages = spec && spec->pages ? spec->pages : "pcp";
	const struct page_binding *p = page_binding_find(pages);
	struct slab_bench *b = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*b), CACHELINE_SIZE));

	check(b && p, "no page engine %s", pages);
	memset(b, 0, sizeof(*b));
	b->m = machine_of(spec);
	b->free_pages = free_pages_of(b->m);
	b->counters = calloc(b->m->nr_zones, sizeof(*b->counters));
	check(b->counters && !p->ops->create(&b->e, b->m), "no page engine");
	check(!page_ctx_enter(&b->pages, b->e, 0, b->counters, NULL),
	      "no page context");
	if (spec && spec->reclaim)
		bench_reclaim(b);
	bench_slab(b, ops, spec);
	return b;
}

void slab_bench_end(struct slab_bench *b)
{
	const char *broken;

	slab_ctx_exit(&b->ctx);
	check(!slab_allocator_destroy(b->slab, &b->pages) || b->leaky,
	      "a cache still had objects");
	if (b->reclaim) {
		reclaim_stop(b->reclaim);
		reclaim_destroy(b->reclaim);
	}
	b->e->ops->drain(b->e, &b->pages);
	broken = b->e->ops->verify(b->e);
	check(!broken, "%s", broken);
	check(b->leaky || free_pages_of(b->m) == b->free_pages,
	      "pages were not given back");
	page_ctx_exit(&b->pages);
	b->e->ops->destroy(b->e);
	munmap(b->m->memory.base, b->m->end_pfn << PAGE_SHIFT);
	machine_destroy(b->m);
	free(b->counters);
	free(b);
}

struct kmem_cache *slab_bench_cache(struct slab_bench *b, const char *name,
				    uint32_t size, uint32_t flags)
{
	const struct kmem_cache_args args = { .name = name,
					      .size = size,
					      .flags = flags | SLAB_NO_MERGE };
	int rc;
	struct kmem_cache *s = kmem_cache_create(&b->ctx, &args, &rc);

	check(s, "cache %s: error %d", name, -rc);
	return s;
}

bool slab_bench_reported(const struct slab_bench *b, const char *text)
{
	for (unsigned i = 0; i < b->nr_lines; i++)
		if (strstr(b->line[i], text))
			return true;
	return false;
}

struct slab_peer *slab_peer_enter(struct slab_bench *b, uint16_t cpu)
{
	struct slab_peer *p = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*p), CACHELINE_SIZE));

	check(p, "not enough memory");
	memset(p, 0, sizeof(*p));
	p->counters = calloc(b->m->nr_zones, sizeof(*p->counters));
	check(p->counters &&
		      !page_ctx_enter(&p->pages, b->e, cpu, p->counters,
				      NULL) &&
		      !slab_ctx_enter(&p->ctx, b->slab, &p->pages),
	      "no context");
	return p;
}

void slab_peer_exit(struct slab_peer *p)
{
	slab_ctx_exit(&p->ctx);
	page_ctx_exit(&p->pages);
	free(p->counters);
	free(p);
}
