/*
 * Lines of slab logs, and what follows from them (slab_log_read.h).
 *
 * The number of CPUs: SLAB's node says free_limit = (1 + CPUs) * batchcount +
 * num, and a factor for shared arrays is there with more than one possible CPU.
 * SLUB's order grows with the CPUs' magnitude, so the least number is taken
 * with which every cache of the log has the order that its state says.
 */
#include "harness/slab_log_read.h"

#include <stdlib.h>

#include "alloc/slab/kmem_cache.h"
#include "harness/log_words.h"
#include "harness/textfile.h"

/* ---- what kind of log it is -------------------------------------------- */

/* Passes over a section of the pages' state. */
static void skip_section(struct state_text *in, const char *end)
{
	struct state_line l;

	while (state_next_line(in, &l))
		if (is(&l, end))
			return;
}

static const char *engine_of_state(struct state_line l)
{
	while (l.at < l.end) {
		const struct state_line w = word(&l);

		if (is(&w, "cpu_partial"))
			return "slub";
		if (is(&w, "gfporder"))
			return "slab";
	}
	return NULL;
}

enum log_kind slab_log_kind(const char *text, size_t len, const char **engine)
{
	struct state_text in = { .at = text, .end = text + len, .name = "" };
	enum log_kind kind = LOG_EMPTY;
	struct state_line l;

	*engine = NULL;
	while (!*engine && state_next_line(&in, &l)) {
		const struct state_line w = word(&l);

		if (w.at == w.end || *w.at == '#')
			continue;
		if (kind == LOG_EMPTY || kind == LOG_OF_PAGES) {
			kind = *w.at == 'K' ? LOG_OF_SLABS : LOG_OF_PAGES;
			if (is(&w, "SNAP"))
				skip_section(&in, "ENDSNAP");
			else if (is(&w, "COUNTS"))
				skip_section(&in, "ENDCOUNTS");
			else if (kind == LOG_OF_PAGES && !is(&w, "D"))
				return kind;
		}
		if (is(&w, "KSTATE"))
			*engine = engine_of_state(l);
	}
	return kind;
}

/* ---- caches ------------------------------------------------------------- */

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

static bool read_name(const struct state_line *w, struct log_cache_args *out)
{
	memset(out, 0, sizeof(*out));
	out->args.name = out->name;
	if (w->at == w->end || line_len(w) >= SLAB_NAME_MAX)
		return false;
	memcpy(out->name, w->at, line_len(w));
	out->name[line_len(w)] = 0;
	return true;
}

const char *log_cache_read(struct state_line *l, struct log_cache_args *out)
{
	const struct state_line name = word(l);
	struct state_line flags;
	uint64_t size, align;

	/* a size that no kernel takes is one that it refused */
	if (!read_name(&name, out) || !next_number(l, UINT32_MAX, &size) ||
	    !size || !next_number(l, KMALLOC_MAX_SIZE, &align))
		return "KC NAME SIZE ALIGN FLAGS -> ok";
	flags = word(l);
	out->args.size = (uint32_t)size;
	out->args.align = (uint32_t)align;
	if (!read_flags(&flags, &out->args) || (align & (align - 1)))
		return "flags of -, p, r, u and an alignment that is a power "
		       "of two";
	return NULL;
}

const char *log_cache_by_name(const struct state_line *name,
			      struct log_cache_args *out)
{
	struct state_line flags, size;
	uint64_t bytes;

	if (!read_name(name, out) || *name->at != 'q')
		return "the name of a cache that a KC line created";
	flags.at = size.at = name->at + 1;
	size.end = name->end;
	while (size.at < size.end && (*size.at < '0' || *size.at > '9'))
		size.at++;
	flags.end = size.at;
	if (!number(&size, KMALLOC_MAX_SIZE, &bytes) || !bytes ||
	    !read_flags(&flags, &out->args))
		return "a name of the form q[prub]SIZE";
	out->args.size = (uint32_t)bytes;
	return NULL;
}

/* ---- the kernel's parameters -------------------------------------------- */

/* "name=N" as a word of its own; the last one holds. */
static bool parameter(const char *text, const char *name, uint64_t max,
		      uint64_t *out)
{
	const size_t n = strlen(name);
	bool found = false;

	for (const char *p = text; (p = strstr(p, name)); p += n) {
		const char *value = p + n + 1;

		if ((p == text || p[-1] == ' ') && p[n] == '=')
			found |= text_take_uint(&value, max, out);
	}
	return found;
}

void slab_log_parameters(const char *text, struct slab_config *cfg)
{
	/* later kernels take both names for SLUB */
	const bool both = cfg->kernel != KERNEL_6_1;
	uint64_t n;

	if (!text)
		return;
	if (parameter(text, "slub_min_objects", UINT16_MAX, &n) ||
	    (both && parameter(text, "slab_min_objects", UINT16_MAX, &n)))
		cfg->slub_min_objects = (unsigned)n;
	if (parameter(text, "slub_min_order", MAX_PAGE_ORDER, &n) ||
	    (both && parameter(text, "slab_min_order", MAX_PAGE_ORDER, &n)))
		cfg->slub_min_order = (unsigned)n;
	if (parameter(text, "slub_max_order", UINT16_MAX, &n) ||
	    (both && parameter(text, "slab_max_order", UINT16_MAX, &n)))
		cfg->slub_max_order =
			(unsigned)min_long((long)n, MAX_PAGE_ORDER);
	if (parameter(text, "slab_max_order", UINT16_MAX, &n))
		cfg->slab_max_order_plus_1 =
			1 + (unsigned)min_long((long)n, MAX_PAGE_ORDER);
}

/* ---- CPUs --------------------------------------------------------------- */

/* "name N" among the words of a line. */
static bool field(struct state_line l, const char *name, uint64_t *out)
{
	while (l.at < l.end) {
		const struct state_line w = word(&l);

		if (is(&w, name))
			return next_number(&l, UINT32_MAX, out);
	}
	return false;
}

bool slab_log_is_narrow(const struct slab_log *log)
{
	struct state_text in = log->in;
	struct state_line l;
	uint64_t inuse;

	while (state_next_line(&in, &l)) {
		const struct state_line w = word(&l);

		if (is(&w, "KSTATE") && field(l, "inuse_off", &inuse) &&
		    inuse % 8)
			return true;
	}
	return false;
}

/* SLAB: *online and *possible by a state and the line of its node. */
static bool cpus_of_array_state(struct state_line state, struct state_text in,
				unsigned *online, unsigned *possible)
{
	uint64_t batch, num, shared, limit;
	struct state_line l;

	if (!field(state, "batchcount", &batch) || !batch ||
	    !field(state, "num", &num) || !field(state, "shared", &shared))
		return false;
	while (in.at < in.end && *in.at == ' ' && state_next_line(&in, &l)) {
		if (!field(l, "free_limit", &limit))
			continue;
		if (limit < num + 2 * batch || (limit - num) % batch ||
		    (limit - num) / batch - 1 > MAX_CPUS)
			return false;
		*online = (unsigned)((limit - num) / batch - 1);
		*possible = shared && *online == 1 ? 2 : *online;
		return true;
	}
	return false;
}

/* SLUB: takes the numbers of CPUs, 1 << bit, off with which the cache has
 * another order than its state says. */
static void cpus_of_order(const struct slab_ops *ops,
			  const struct slab_config *cfg,
			  const struct kmem_cache_args *args, uint64_t order,
			  uint32_t *fit)
{
	const size_t bytes = round_up_pow2(ops->cache_bytes, CACHELINE_SIZE);
	struct kmem_cache *s = aligned_alloc(CACHELINE_SIZE, bytes);

	for (unsigned bit = 0; s && 1u << bit <= MAX_CPUS; bit++) {
		struct slab_config c = *cfg;

		c.nr_cpus = c.nr_possible = 1u << bit;
		memset(s, 0, bytes);
		if (kmem_cache_describe(s, ops, &c, args) || s->order != order)
			*fit &= ~(1u << bit);
	}
	free(s);
}

struct cpu_search {
	const struct slab_log *log;
	const struct slab_config *cfg;
	struct log_cache_args last; /* of KC */
	uint32_t fit;               /* 1 << bit CPUs fit so far */
	unsigned online, possible;
	bool found;
};

static void search_state(struct cpu_search *x, struct state_line l,
			 const struct state_text *in)
{
	const struct state_line name = word(&l);
	struct log_cache_args by_name;
	const struct log_cache_args *c = &x->last;
	unsigned online, possible;
	uint64_t order;

	if (cpus_of_array_state(l, *in, &online, &possible)) {
		x->online = x->found ? x->online : online;
		if (possible > x->possible)
			x->possible = possible;
		x->found = true;
		return;
	}
	if (!is(&name, c->name)) {
		if (log_cache_by_name(&name, &by_name))
			return;
		c = &by_name;
	}
	if (field(l, "cpu_partial", &order) && field(l, "order", &order)) {
		cpus_of_order(x->log->ops, x->cfg, &c->args, order, &x->fit);
		x->found = true;
	}
}

bool slab_log_find_cpus(struct slab_log *log, const struct slab_config *cfg)
{
	struct cpu_search x = { .log = log, .cfg = cfg, .fit = UINT32_MAX };
	struct state_text in = log->in;
	struct state_line l;

	if (log->nr_online || log->nr_present)
		return true;
	while (state_next_line(&in, &l)) {
		const struct state_line w = word(&l);

		if ((is(&w, "KC") || is(&w, "KQ")) &&
		    log_cache_read(&l, &x.last))
			x.last.name[0] = 0;
		if (is(&w, "KSTATE"))
			search_state(&x, l, &in);
	}
	if (!x.online && x.found)
		for (unsigned bit = 0; 1u << bit <= MAX_CPUS && !x.online;
		     bit++)
			if (x.fit & 1u << bit)
				x.online = x.possible = 1u << bit;
	log->nr_online = log->nr_present = x.online;
	log->nr_possible = x.possible;
	return x.found;
}
