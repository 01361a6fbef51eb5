/*
 * Playing slab sequences (slab_log.h).
 *
 *   KC name size align flags -> ok   kmem_cache_create; flags: - none, p
 *                                    HWCACHE_ALIGN, r RECLAIM_ACCOUNT, u
 *                                    TYPESAFE_BY_RCU
 *   KQ name size align flags         the same, for its KSTATE line only
 *   KA id name -> slab n offset o order r pfn p | FAIL
 *   KF id, KZ name, KD name          free, kmem_cache_shrink, _destroy
 *   KSTATE name ..                   the cache as the kernel saw it, and below
 *    CPU-SLAB, ARRAY, FULL ..        it, indented, its slabs and objects
 *
 * A cache that a KSTATE line names and no command created comes from a script
 * of sizes: q<size>, with p, r, u as above, a for align 16, b for align 128.
 *
 * Slabs are numbered in the order in which they first gave an object, which is
 * how the logs number them. The kernel's frames are those of its own past, so
 * pfns are not compared with ours; they must agree with each other: as long as
 * a slab is there, it keeps its pfn, which is aligned as a block of its order
 * and lies in memory, and no other slab has a page of it. The machine has one
 * node of 256 MiB; an engine's per-CPU parts are those of modelled CPUs, so
 * that it does not matter on which CPU this runs.
 */
#include "harness/slab_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "alloc/page/layout.h"
#include "alloc/slab/kmem_cache.h"
#include "harness/arena.h"
#include "harness/log_words.h"

#define MAX_IDS       (1u << 20)
#define MACHINE_BYTES (256ULL << 20)

#define PFN_UNKNOWN UINT64_MAX

struct log_slab {
	uint32_t pfn; /* our own */
	unsigned order;
	uint64_t theirs; /* the log's pfn, PFN_UNKNOWN while it is none */
};

/* A cache of the log, and the slabs that it has had. */
struct log_cache {
	struct kmem_cache *s;
	char name[SLAB_NAME_MAX];
	struct log_slab *slab; /* [nr] by number */
	unsigned nr, max;
	struct log_cache *next;
};

struct held_object {
	struct log_cache *cache; /* NULL: nothing */
	void *object;
};

struct slab_player {
	struct slab_log *log;
	char *err;
	size_t err_len;
	struct arena arena;
	struct machine *m;
	struct page_engine *e;
	struct page_ctx pages;
	struct zone_counters *counters;
	struct slab_allocator *slab;
	struct slab_ctx ctx;
	struct log_cache *caches;
	struct held_object *held; /* [nr_held], by id */
	uint32_t nr_held;
	bool entered; /* ctx */
	bool differs, no_memory;
};

PRINTF_LIKE(2, 3)
static int bad(struct slab_player *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	state_say(&p->log->in, p->err, p->err_len, fmt, args);
	va_end(args);
	return -EINVAL;
}

PRINTF_LIKE(2, 3)
static int differ(struct slab_player *p, const char *fmt, ...)
{
	struct slab_log *log = p->log;
	va_list args;

	va_start(args, fmt);
	state_say(&log->in, log->difference, sizeof(log->difference), fmt,
		  args);
	va_end(args);
	p->differs = true;
	return 0;
}

static int out_of_memory(struct slab_player *p)
{
	snprintf(p->err, p->err_len, "not enough memory");
	return -ENOMEM;
}

/* ---- what kind of log it is -------------------------------------------- */

bool slab_log_is(const char *text, size_t len, const char **engine)
{
	struct state_text in = { .at = text, .end = text + len, .name = "" };
	struct state_line l;
	bool slab = false;

	*engine = NULL;
	while (state_next_line(&in, &l)) {
		struct state_line w = word(&l);

		if (w.at == w.end || *w.at == '#')
			continue;
		if (!slab && *w.at != 'K')
			return false;
		slab = true;
		if (!is(&w, "KSTATE"))
			continue;
		while (l.at < l.end && !*engine) {
			w = word(&l);
			if (is(&w, "cpu_partial"))
				*engine = "slub";
			if (is(&w, "gfporder"))
				*engine = "slab";
		}
		return true;
	}
	return slab;
}

/* ---- caches
 * --------------------------------------------------------------------- */

static struct log_cache *find_cache(struct slab_player *p,
				    const struct state_line *name)
{
	struct log_cache *c = p->caches;

	while (c && !(c->s && is(name, c->name)))
		c = c->next;
	return c;
}

/* The number of a slab; a new one if it was not seen yet. */
static unsigned number_of(struct slab_player *p, struct log_cache *c,
			  uint32_t pfn)
{
	unsigned i = 0;

	while (i < c->nr && c->slab[i].pfn != pfn)
		i++;
	if (i < c->nr)
		return i;
	if (c->nr == c->max) {
		const unsigned max = c->max ? 2 * c->max : 64;
		struct log_slab *more = realloc(c->slab, max * sizeof(*more));

		if (!more) {
			p->no_memory = true;
			return 0;
		}
		c->slab = more;
		c->max = max;
	}
	c->slab[c->nr++] =
		(struct log_slab){ .pfn = pfn, .theirs = PFN_UNKNOWN };
	return i;
}

struct numbering {
	struct slab_player *p;
	struct log_cache *c;
};

static unsigned slab_number(void *arg, const struct page *slab)
{
	const struct numbering *n = arg;

	return number_of(n->p, n->c, (uint32_t)(slab - n->p->m->map));
}

static struct log_cache *create_cache(struct slab_player *p,
				      const struct kmem_cache_args *args)
{
	struct log_cache *c = calloc(1, sizeof(*c));
	int rc;

	if (!c) {
		out_of_memory(p);
		return NULL;
	}
	c->s = kmem_cache_create(&p->ctx, args, &rc);
	if (!c->s) {
		free(c);
		bad(p, "cache %s of %u bytes: %s", args->name, args->size,
		    strerror(-rc));
		return NULL;
	}
	strcpy(c->name, args->name);
	c->next = p->caches;
	p->caches = c;
	return c;
}

static bool read_flags(const struct state_line *w, struct kmem_cache_args *args)
{
	for (const char *c = w->at; c < w->end; c++) {
		if (*c == 'p')
			args->flags |= SLAB_HWCACHE_ALIGN;
		else if (*c == 'r')
			args->flags |= SLAB_RECLAIM_ACCOUNT;
		else if (*c == 'u')
			args->flags |= SLAB_TYPESAFE_BY_RCU;
		else if (*c == 'a')
			args->align = 16;
		else if (*c == 'b')
			args->align = 128;
		else if (*c != '-')
			return false;
	}
	return true;
}

static bool read_name(const struct state_line *w, char *name)
{
	if (w->at == w->end || line_len(w) >= SLAB_NAME_MAX)
		return false;
	memcpy(name, w->at, line_len(w));
	name[line_len(w)] = 0;
	return true;
}

static int do_create(struct slab_player *p, struct state_line l)
{
	struct state_line name = word(&l), flags;
	char text[SLAB_NAME_MAX];
	struct kmem_cache_args args = { .name = text };
	uint64_t size, align;

	if (!read_name(&name, text) ||
	    !next_number(&l, KMALLOC_MAX_SIZE, &size) || !size ||
	    !next_number(&l, KMALLOC_MAX_SIZE, &align))
		return bad(p, "expected KC NAME SIZE ALIGN FLAGS -> ok");
	flags = word(&l);
	args.size = (uint32_t)size;
	args.align = (uint32_t)align;
	if (!read_flags(&flags, &args) || (align & (align - 1)))
		return bad(p, "expected flags of -, p, r, u and an alignment "
			      "that is a power of two");
	if (find_cache(p, &name))
		return bad(p, "cache %s exists already", text);
	return create_cache(p, &args) ? 0 : -EINVAL;
}

/* "q24", "qp700": a cache of a script of sizes. */
static struct log_cache *create_by_name(struct slab_player *p,
					const struct state_line *name)
{
	char text[SLAB_NAME_MAX];
	struct kmem_cache_args args = { .name = text };
	struct state_line flags, size;
	uint64_t bytes;

	if (!read_name(name, text) || *name->at != 'q') {
		bad(p, "expected the name of a cache that a KC line created");
		return NULL;
	}
	flags.at = size.at = name->at + 1;
	size.end = name->end;
	while (size.at < size.end && (*size.at < '0' || *size.at > '9'))
		size.at++;
	flags.end = size.at;
	if (!number(&size, KMALLOC_MAX_SIZE, &bytes) || !bytes ||
	    !read_flags(&flags, &args)) {
		bad(p, "expected a name of the form q[prub]SIZE");
		return NULL;
	}
	args.size = (uint32_t)bytes;
	return create_cache(p, &args);
}

/* Slabs that went back have no pfn any more. */
static void forget_gone(struct slab_player *p)
{
	for (struct log_cache *c = p->caches; c; c = c->next)
		for (unsigned i = 0; i < c->nr; i++) {
			const uint32_t tag =
				slab_tag(&p->m->map[c->slab[i].pfn]);

			if (!c->s || slab_tag_type(tag) != SLAB_PAGE_HEAD ||
			    slab_tag_cache(tag) != c->s->id)
				c->slab[i].theirs = PFN_UNKNOWN;
		}
}

static int do_destroy(struct slab_player *p, struct state_line l, bool destroy)
{
	struct state_line name = word(&l);
	struct log_cache *c = find_cache(p, &name);

	if (!c)
		return bad(p, "expected the name of a cache");
	if (!destroy)
		kmem_cache_shrink(&p->ctx, c->s);
	else if (!kmem_cache_destroy(&p->ctx, c->s))
		c->s = NULL;
	forget_gone(p);
	return 0;
}

/* ---- objects
 * ------------------------------------------------------------------------ */

static struct held_object *held_object(struct slab_player *p, uint64_t id)
{
	uint32_t more = p->nr_held ? p->nr_held : 64;
	struct held_object *bigger;

	if (id < p->nr_held)
		return &p->held[id];
	while (more <= id)
		more *= 2;
	bigger = realloc(p->held, more * sizeof(*bigger));
	if (!bigger)
		return NULL;
	memset(bigger + p->nr_held, 0, (more - p->nr_held) * sizeof(*bigger));
	p->held = bigger;
	p->nr_held = more;
	return &p->held[id];
}

/* Another slab with a page of [pfn, pfn + 2^order); NULL: none. */
static const struct log_slab *who_has(const struct slab_player *p,
				      const struct log_slab * not, uint64_t pfn,
				      const struct log_cache **of)
{
	for (const struct log_cache *c = p->caches; c; c = c->next)
		for (const struct log_slab *s = c->slab; s < c->slab + c->nr;
		     s++)
			if (s != not &&s->theirs != PFN_UNKNOWN &&
			    pfn < s->theirs + (1u << s->order) &&
			    s->theirs < pfn + (1u << not ->order)) {
				*of = c;
				return s;
			}
	return NULL;
}

/* "pfn 6642", and nothing behind it: could the slab be there? */
static int compare_pfn(struct slab_player *p, struct log_cache *c, unsigned nr,
		       struct state_line l)
{
	struct state_line w = word(&l);
	struct log_slab *s = &c->slab[nr];
	const struct log_cache *of;
	const struct log_slab *other;
	uint64_t pfn;

	if (!is(&w, "pfn") || !next_number(&l, UINT32_MAX, &pfn) ||
	    l.at != l.end)
		return bad(p, "expected 'slab N offset N order N pfn N'");
	if (s->theirs == pfn)
		return 0;
	if (s->theirs != PFN_UNKNOWN)
		return differ(p,
			      "slab %u of %s: expected pfn %" PRIu64
			      " as before, got %" PRIu64,
			      nr, c->name, s->theirs, pfn);
	if (pfn & ((1u << s->order) - 1))
		return differ(p,
			      "slab %u of %s: expected a pfn aligned for "
			      "order %u, got %" PRIu64,
			      nr, c->name, s->order, pfn);
	if (p->log->end_pfn && pfn + (1u << s->order) > p->log->end_pfn)
		return differ(p,
			      "slab %u of %s: expected pages below %" PRIu64
			      ", got %" PRIu64,
			      nr, c->name, p->log->end_pfn, pfn);
	other = who_has(p, s, pfn, &of);
	if (other)
		return differ(p,
			      "slab %u of %s: expected a pfn of its own, "
			      "got %" PRIu64 ", where slab %u of %s is",
			      nr, c->name, pfn, (unsigned)(other - of->slab),
			      of->name);
	s->theirs = pfn;
	return 0;
}

/* "slab 3 offset 192 order 0 pfn 6642" */
static int compare_object(struct slab_player *p, struct log_cache *c,
			  const void *object, struct state_line l)
{
	struct state_line want = l;
	unsigned nr = 0;
	struct state_line w = word(&l);
	char got[96] = "FAIL";
	size_t n;

	if (!is(&w, "slab") && !is(&w, "FAIL"))
		return bad(p, "expected 'slab N offset N order N pfn N' or "
			      "FAIL");
	if (object) {
		const struct page *page = slab_virt_to_page(p->slab, object);
		const char *base = slab_page_address(p->slab, page);

		nr = number_of(p, c, slab_page_pfn(p->slab, page));
		if (p->no_memory)
			return 0;
		c->slab[nr].order = slab_tag_order(slab_tag(page));
		snprintf(got, sizeof(got), "slab %u offset %td order %u ", nr,
			 (const char *)object - base, c->slab[nr].order);
	}
	n = strlen(got);
	if (line_len(&want) < n || memcmp(want.at, got, n))
		return differ(p, "object of %s: expected '%.*s', got '%s'",
			      c->name, (int)min_long((long)line_len(&want), 80),
			      want.at, got);
	p->log->tally.objects++;
	want.at += n;
	return object ? compare_pfn(p, c, nr, want) : 0;
}

static int do_alloc(struct slab_player *p, struct state_line l)
{
	struct state_line name, arrow;
	struct held_object *h;
	struct log_cache *c;
	uint64_t id;

	if (!next_number(&l, MAX_IDS, &id))
		return bad(p, "expected KA ID NAME -> ...");
	name = word(&l);
	c = find_cache(p, &name);
	arrow = word(&l);
	if (!c || !is(&arrow, "->"))
		return bad(p, "expected the name of a cache and '->'");
	h = held_object(p, id);
	if (!h)
		return out_of_memory(p);
	if (h->cache)
		return bad(p, "id %" PRIu64 " is in use", id);
	h->object = kmem_cache_alloc(&p->ctx, c->s, GFP_ATOMIC);
	h->cache = h->object ? c : NULL;
	return compare_object(p, c, h->object, l);
}

static int do_free(struct slab_player *p, struct state_line l)
{
	uint64_t id;

	if (!next_number(&l, MAX_IDS, &id) || id >= p->nr_held ||
	    !p->held[id].cache)
		return bad(p, "expected the id of an object that is allocated");
	kmem_cache_free(&p->ctx, p->held[id].cache->s, p->held[id].object);
	p->held[id].cache = NULL;
	forget_gone(p);
	return 0;
}

/* ---- states
 * ------------------------------------------------------------------------- */

/* Names the first word in which the lines differ. */
static int differ_line(struct slab_player *p, struct state_line want,
		       struct state_line got)
{
	struct state_line field = { want.at, want.at }, w, g;

	for (;;) {
		w = word(&want);
		g = word(&got);
		if (line_len(&w) != line_len(&g) ||
		    memcmp(w.at, g.at, line_len(&w)) || w.at == w.end)
			break;
		field = w;
	}
	return differ(p, "state, after '%.*s': expected '%.*s', got '%.*s'",
		      (int)min_long((long)line_len(&field), 40), field.at,
		      (int)min_long((long)line_len(&w), 40), w.at,
		      (int)min_long((long)line_len(&g), 40), g.at);
}

/* Is the next line of the log one of the state's? */
static bool more_of_state(const struct state_text *in)
{
	return in->at < in->end && *in->at == ' ';
}

static void tally_line(struct slab_player *p, struct state_line l)
{
	p->log->tally.state_lines++;
	while (l.at < l.end) {
		word(&l);
		p->log->tally.state_fields++;
	}
}

/* `first` and the indented lines behind it against our own text. */
static int compare_text(struct slab_player *p, struct state_line first,
			const char *text, size_t len)
{
	struct state_text ours = { .at = text, .end = text + len, .name = "" };
	struct state_line want = first, got;

	for (;;) {
		if (!state_next_line(&ours, &got))
			got = (struct state_line){ text, text };
		if (line_len(&want) != line_len(&got) ||
		    memcmp(want.at, got.at, line_len(&want)))
			return differ_line(p, want, got);
		tally_line(p, want);
		if (!more_of_state(&p->log->in))
			break;
		state_next_line(&p->log->in, &want);
	}
	if (state_next_line(&ours, &got))
		return differ(p, "state: expected no line more, got '%.*s'",
			      (int)min_long((long)line_len(&got), 80), got.at);
	p->log->tally.states++;
	return 0;
}

static int do_state(struct slab_player *p, struct state_line whole,
		    struct state_line l)
{
	struct state_line name = word(&l);
	struct log_cache *c = find_cache(p, &name);
	struct numbering numbers = { p, c };
	char *text = NULL;
	size_t len = 0;
	FILE *f;
	int rc;

	if (!c)
		numbers.c = c = create_by_name(p, &name);
	if (!c)
		return -EINVAL;
	f = open_memstream(&text, &len);
	if (!f)
		return out_of_memory(p);
	fprintf(f, "KSTATE %s ", c->name);
	p->log->ops->log_geometry(c->s, f);
	p->log->ops->log_state(c->s, f, slab_number, &numbers);
	if (fclose(f)) {
		free(text);
		return out_of_memory(p);
	}
	rc = compare_text(p, whole, text, len);
	free(text);
	return rc;
}

/* ---- the whole
 * ------------------------------------------------------------------------ */

static int do_line(struct slab_player *p, struct state_line l)
{
	const struct state_line whole = l;
	struct state_line w = word(&l);

	if (w.at == w.end || *w.at == '#')
		return 0;
	p->log->tally.commands++;
	if (is(&w, "KC") || is(&w, "KQ"))
		return do_create(p, l);
	if (is(&w, "KA"))
		return do_alloc(p, l);
	if (is(&w, "KF"))
		return do_free(p, l);
	if (is(&w, "KZ") || is(&w, "KD"))
		return do_destroy(p, l, is(&w, "KD"));
	if (is(&w, "KSTATE"))
		return do_state(p, whole, l);
	if (is(&w, "KS"))
		return 0; /* its KSTATE line follows */
	return bad(p, "expected a slab command, found '%.*s'",
		   (int)min_long((long)line_len(&w), 16), w.at);
}

static int build_machine(struct slab_player *p)
{
	struct machine_desc *d = malloc(sizeof(*d));
	int rc;

	if (!d)
		return out_of_memory(p);
	layout_defaults(d);
	layout_set(d, LAYOUT_X86_64, false);
	d->kernel = p->log->kernel;
	d->thp_enabled = false;
	layout_topo(&d->topo, p->log->nr_cpus, 1);
	rc = layout_zones(d, MACHINE_BYTES, p->err, p->err_len);
	if (!rc)
		rc = arena_map(&p->arena, d, p->err, p->err_len);
	if (!rc)
		rc = machine_create(&p->m, d, &p->arena.memory, p->err,
				    p->err_len);
	free(d);
	if (!rc)
		machine_boot(p->m);
	return rc;
}

/* A cache that is destroyed with objects in it is the log's affair. */
static void say_nothing(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static int start(struct slab_player *p)
{
	struct slab_config cfg;
	int rc = build_machine(p);

	if (rc)
		return rc;
	p->counters = calloc(p->m->nr_zones, sizeof(*p->counters));
	if (!p->counters)
		return out_of_memory(p);
	rc = p->log->pages->create(&p->e, p->m);
	if (!rc)
		rc = page_ctx_enter(&p->pages, p->e, 0, p->counters, NULL);
	slab_config_init(&cfg, &p->m->desc);
	cfg.slub_fast = SLUB_FAST_CMPXCHG;
	cfg.nomerge = true;
	if (!rc)
		rc = slab_allocator_create(&p->slab, p->log->ops, &p->pages,
					   &cfg);
	if (rc)
		p->slab = NULL;
	else
		rc = slab_ctx_enter(&p->ctx, p->slab, &p->pages);
	p->entered = p->slab && !rc;
	if (p->slab)
		p->slab->report = say_nothing;
	if (rc)
		snprintf(p->err, p->err_len, "engine %s: %s", p->log->ops->name,
			 strerror(-rc));
	return rc;
}

/* What is still allocated goes back, so that its caches can be destroyed. */
static void finish(struct slab_player *p)
{
	struct log_cache *c, *next;

	for (uint32_t i = 0; i < p->nr_held; i++)
		if (p->held[i].cache)
			kmem_cache_free(&p->ctx, p->held[i].cache->s,
					p->held[i].object);
	if (p->entered)
		slab_ctx_exit(&p->ctx);
	if (p->slab)
		slab_allocator_destroy(p->slab, &p->pages);
	for (c = p->caches; c; c = next) {
		next = c->next;
		free(c->slab);
		free(c);
	}
	free(p->held);
	if (p->e) {
		if (p->pages.ops)
			page_ctx_exit(&p->pages);
		p->e->ops->destroy(p->e);
	}
	if (p->m)
		machine_destroy(p->m);
	arena_unmap(&p->arena);
	free(p->counters);
}

int slab_log_play(struct slab_log *log, char *err, size_t err_len)
{
	struct slab_player *p = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*p), CACHELINE_SIZE));
	const char *broken;
	struct state_line l;
	int rc;

	if (!p) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	memset(p, 0, sizeof(*p));
	p->log = log;
	p->err = err;
	p->err_len = err_len;
	rc = start(p);
	while (!rc && !p->differs && !p->no_memory &&
	       state_next_line(&log->in, &l))
		rc = do_line(p, l);
	if (!rc && p->no_memory)
		rc = out_of_memory(p);
	if (!rc && !p->differs && (broken = slab_verify(p->slab)))
		differ(p, "expected a sound allocator, got: %s", broken);
	rc = rc ? rc : p->differs;
	finish(p);
	free(p);
	return rc;
}
