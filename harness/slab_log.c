/*
 * Playing slab sequences (slab_log.h).
 *
 *   KC name size align flags -> ok | FAIL   kmem_cache_create; flags: - none,
 *                                    p HWCACHE_ALIGN, r RECLAIM_ACCOUNT, u
 *                                    TYPESAFE_BY_RCU
 *   KQ name size align flags         the same, for its KSTATE line only
 *   KA id name -> slab n offset o order r pfn p | FAIL
 *   KF id, KZ name, KD name          free, kmem_cache_shrink, _destroy
 *   KSTATE name ..                   the cache as the kernel saw it, and below
 *    CPU-SLAB, ARRAY, FULL ..        it, indented, its slabs and objects
 *   D                                drain the lists of pages
 *   SNAP .. ENDSNAP, COUNTS .. ENDCOUNTS      passed over
 *
 * A cache that a KSTATE line names and no command created comes from a script
 * of sizes: q<size>, with p, r, u as above, a for align 16, b for align 128; or
 * is a size class of kmalloc, of which only the geometry is compared.
 *
 * Slabs are numbered in the order in which they first gave an object, which is
 * how the logs number them. The kernel's frames are those of its own past, so
 * pfns are not compared with ours; they must agree with each other: as long as
 * a slab is there, it keeps its pfn, which is aligned as a block of its order
 * and lies in memory, and no other slab has a page of it. The machine is that
 * of the log's zoneinfo, or has one node of 256 MiB; an engine's per-CPU parts
 * are those of modelled CPUs, so that it does not matter on which CPU this
 * runs.
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
#include "harness/slab_log_read.h"

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
	bool forget;           /* destroyed when its state was compared */
	bool condemned;        /* was to be destroyed, with objects in it */
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
	bool entered;    /* ctx */
	bool cpus_known; /* by what stands beside the log, or by its states */
	bool by_cpus;    /* the difference may come from their number */
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

/* A size class of ours. */
static struct kmem_cache *find_class(struct slab_player *p,
				     const struct state_line *name)
{
	for (unsigned t = 0; t < NR_KMALLOC_TYPES; t++)
		for (unsigned i = 0; i < NR_KMALLOC_SIZES; i++) {
			struct kmem_cache *s = p->slab->kmalloc[t][i];

			if (s && is(name, s->name))
				return s;
		}
	return NULL;
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

/* Creates a cache, newest first in p->caches. made: the kernel made it. */
static int create_cache(struct slab_player *p,
			const struct kmem_cache_args *args, bool made,
			bool forget)
{
	struct log_cache *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return out_of_memory(p);
	c->s = kmem_cache_create(&p->ctx, args, &rc);
	if (!c->s && rc == -ENOMEM) {
		free(c);
		return out_of_memory(p);
	}
	if (!c->s != !made)
		differ(p, "cache %s of %u bytes: expected %s, got %s",
		       args->name, args->size, made ? "ok" : "FAIL",
		       c->s ? "ok" : strerror(-rc));
	if (!c->s) {
		free(c);
		return 0;
	}
	strcpy(c->name, args->name);
	c->forget = forget;
	c->next = p->caches;
	p->caches = c;
	return 0;
}

/* "-> ok" or "-> FAIL"; KQ has neither. */
static int do_create(struct slab_player *p, struct state_line l, bool forget)
{
	struct log_cache_args c;
	const char *expected = log_cache_read(&l, &c);
	struct state_line w;
	struct log_cache *old;
	bool fails;

	if (expected)
		return bad(p, "expected %s", expected);
	w = word(&l);
	if (is(&w, "->"))
		w = word(&l);
	else if (!forget)
		return bad(p, "expected KC NAME SIZE ALIGN FLAGS -> ok");
	fails = is(&w, "FAIL");
	if (!fails && !is(&w, "ok") && w.at != w.end)
		return bad(p, "expected '-> ok' or '-> FAIL'");
	w = (struct state_line){ c.name, c.name + strlen(c.name) };
	old = find_cache(p, &w);
	if (old && !old->condemned)
		return bad(p, "cache %s exists already", c.name);
	return create_cache(p, &c.args, !fails, forget);
}

/* "q24", "qp700": a cache of a script of sizes. */
static int create_by_name(struct slab_player *p, const struct state_line *name)
{
	struct log_cache_args c;
	const char *expected = log_cache_by_name(name, &c);

	if (expected)
		return bad(p, "expected %s", expected);
	return create_cache(p, &c.args, true, true);
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
	else
		c->condemned = true;
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
				      const struct log_slab *self, uint64_t pfn,
				      const struct log_cache **of)
{
	for (const struct log_cache *c = p->caches; c; c = c->next)
		for (const struct log_slab *s = c->slab; s < c->slab + c->nr;
		     s++)
			if (s != self && s->theirs != PFN_UNKNOWN &&
			    pfn < s->theirs + (1u << s->order) &&
			    s->theirs < pfn + (1u << self->order)) {
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
	if (line_len(&want) < n || memcmp(want.at, got, n)) {
		p->by_cpus = true;
		return differ(p, "object of %s: expected '%.*s', got '%s'",
			      c->name, (int)min_long((long)line_len(&want), 80),
			      want.at, got);
	}
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
	p->by_cpus = true;
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

/* The lines of our state of a cache, for compare_text(). NULL: no memory. */
static char *print_state(struct slab_player *p, struct log_cache *c,
			 size_t *len)
{
	struct numbering numbers = { p, c };
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	if (!f)
		return NULL;
	fprintf(f, "KSTATE %s ", c->name);
	p->log->ops->log_geometry(c->s, f);
	p->log->ops->log_state(c->s, f, slab_number, &numbers);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

/* Does the word say what the cache holds, and not how it is laid out? */
static bool is_content(const struct state_line *w)
{
	return is(w, "nr_partial");
}

/* A size class is the kernel's own: what it holds is its past, so that only
 * its geometry can be compared. */
static int compare_class(struct slab_player *p, struct kmem_cache *s,
			 struct state_line whole)
{
	struct state_line want = whole, got, w, g;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc = 0;

	if (!f)
		return out_of_memory(p);
	fprintf(f, "KSTATE %s ", s->name);
	p->log->ops->log_geometry(s, f);
	if (fclose(f)) {
		free(text);
		return out_of_memory(p);
	}
	got = (struct state_line){ text, text + strcspn(text, "\n") };
	do {
		w = word(&want);
		g = word(&got);
		if (line_len(&w) != line_len(&g) ||
		    memcmp(w.at, g.at, line_len(&w))) {
			got = (struct state_line){ text,
						   text + strcspn(text, "\n") };
			rc = differ_line(p, whole, got);
			break;
		}
	} while (w.at != w.end && !is_content(&w));
	free(text);
	while (!p->differs && more_of_state(&p->log->in) &&
	       state_next_line(&p->log->in, &w))
		continue;
	if (!p->differs) {
		p->log->tally.states++;
		tally_line(p, whole);
	}
	return rc;
}

static int do_state(struct slab_player *p, struct state_line whole,
		    struct state_line l)
{
	struct state_line name = word(&l);
	struct log_cache *c = find_cache(p, &name);
	struct kmem_cache *class;
	size_t len = 0;
	char *text;
	int rc = 0;

	class = c ? NULL : find_class(p, &name);
	if (class)
		return compare_class(p, class, whole);
	if (!c)
		rc = create_by_name(p, &name);
	if (rc || p->differs)
		return rc;
	c = find_cache(p, &name);
	text = print_state(p, c, &len);
	if (!text)
		return out_of_memory(p);
	rc = compare_text(p, whole, text, len);
	free(text);
	if (c->forget && !kmem_cache_destroy(&p->ctx, c->s))
		c->s = NULL;
	return rc;
}

/* ---- the whole
 * ------------------------------------------------------------------------ */

/* The pages' state is that of the kernel's own past, as its pfns are. */
static int skip_section(struct slab_player *p, const char *end)
{
	struct state_line l;

	while (state_next_line(&p->log->in, &l))
		if (is(&l, end))
			return 0;
	return bad(p, "expected %s", end);
}

static int do_line(struct slab_player *p, struct state_line l)
{
	const struct state_line whole = l;
	struct state_line w = word(&l);

	if (w.at == w.end || *w.at == '#')
		return 0;
	p->log->tally.commands++;
	if (is(&w, "KC") || is(&w, "KQ"))
		return do_create(p, l, is(&w, "KQ"));
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
	if (is(&w, "D")) {
		p->log->pages->drain(p->e, &p->pages);
		return 0;
	}
	if (is(&w, "SNAP"))
		return skip_section(p, "ENDSNAP");
	if (is(&w, "COUNTS"))
		return skip_section(p, "ENDCOUNTS");
	return bad(p, "expected a slab command, found '%.*s'",
		   (int)min_long((long)line_len(&w), 16), w.at);
}

/* The machine of the log, or one of 256 MiB. */
static int describe(struct slab_player *p, struct machine_desc *d)
{
	const struct slab_log *log = p->log;
	const unsigned cpus = log->nr_online ? log->nr_online : 1;

	if (log->machine) {
		*d = *log->machine;
		return 0;
	}
	layout_defaults(d);
	layout_set(d, LAYOUT_X86_64, false);
	d->kernel = log->kernel;
	d->thp_enabled = false;
	layout_topo(&d->topo, cpus, 1);
	return layout_zones(d, MACHINE_BYTES, p->err, p->err_len);
}

static void set_config(struct slab_player *p, const struct machine_desc *d,
		       struct slab_config *cfg)
{
	const struct slab_log *log = p->log;

	slab_config_init(cfg, d);
	cfg->kernel = log->kernel;
	if (log->nr_present)
		cfg->nr_cpus = cfg->nr_possible = log->nr_present;
	if (log->nr_possible)
		cfg->nr_possible = log->nr_possible;
	cfg->slub_fast = SLUB_FAST_CMPXCHG;
	cfg->nomerge = true;
	slab_log_parameters(log->parameters, cfg);
}

static int build_machine(struct slab_player *p, struct slab_config *cfg)
{
	struct machine_desc *d = malloc(sizeof(*d));
	int rc;

	if (!d)
		return out_of_memory(p);
	rc = describe(p, d);
	if (!rc && (d->layout == LAYOUT_I386 || slab_log_is_narrow(p->log))) {
		snprintf(p->err, p->err_len,
			 "%s: expected the log of a 64-bit kernel: objects "
			 "here have words of 8 bytes, those of i386 have 4",
			 p->log->in.name);
		rc = -EINVAL;
	}
	if (!rc) {
		set_config(p, d, cfg);
		p->cpus_known = slab_log_find_cpus(p->log, cfg);
		rc = describe(p, d);
		set_config(p, d, cfg);
	}
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
	int rc = build_machine(p, &cfg);

	if (rc)
		return rc;
	p->counters = calloc(p->m->nr_zones, sizeof(*p->counters));
	if (!p->counters)
		return out_of_memory(p);
	rc = p->log->pages->create(&p->e, p->m);
	if (!rc)
		rc = page_ctx_enter(&p->pages, p->e, 0, p->counters, NULL);
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
	if (!rc && p->differs && p->by_cpus && !p->cpus_known)
		rc = bad(p, "expected the number of CPUs, which decides this: "
			    "a KSTATE line, or cmdline.txt or dmesg beside "
			    "the log");
	rc = rc ? rc : p->differs;
	finish(p);
	free(p);
	return rc;
}
