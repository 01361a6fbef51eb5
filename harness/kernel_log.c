/*
 * Playing a kernel log: the machine is built from the log's first snapshot,
 * each command is performed on the engine, and what comes of it is compared
 * with what the kernel's log says.
 *
 *   D                              drain this CPU's lists
 *   SNAP .. ENDSNAP, COUNTS .. ENDCOUNTS      printed and compared as text
 *   A id order flags nid -> pfn node:zone type | FAIL
 *   F id pfn order | F id none
 *   X id order flags nid max       allocate until failure or max; followed by
 *    RUN node:zone pfn +n|-n       what was had, and
 *    XEND id got n                 how many blocks; or " no such node"
 *   Y id n N, YR id n N            free them in order, in reverse
 *   E id bytes flags -> pfn | FAIL            alloc_pages_exact
 *   e id                                      free_pages_exact
 *   K..                            slab commands: not for a page engine
 *
 * Text comparison is exact: the state is printed in the log's own form, and
 * where two lines differ the first differing word is named.
 */
#include "harness/kernel_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "alloc/page/layout.h"
#include "alloc/page/page_alloc.h"
#include "harness/log_words.h"

#define MAX_IDS    (1u << 20)
#define MAX_BLOCKS (1u << 26) /* of one X command */

/* What an id of the log stands for. */
struct holding {
	bool live, exact;
	unsigned order;
	uint64_t bytes; /* exact */
	pfn_t *pfn;     /* [nr]; A and E: one */
	uint32_t nr;
};

struct player {
	struct kernel_log *log;
	char *err;
	size_t err_len;
	struct machine *m;
	struct page_engine *e;
	struct page_ctx ctx;
	struct zone_counters *counters;
	struct state first;   /* PCP fields of engines without pagesets */
	struct holding *held; /* [nr_held], by id; A and E */
	struct holding *runs; /* [nr_runs], by id; X */
	uint32_t nr_held, nr_runs;
	bool differs;
};

int kernel_log_read(const char *path, char **text, size_t *len, char *err,
		    size_t err_len)
{
	int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t max = 1 << 16;
	gzFile gz;

	*text = NULL;
	*len = 0;
	gz = fd < 0 ? NULL : gzdopen(fd, "rb");
	if (!gz) {
		rc = -(errno ? errno : ENOMEM);
		snprintf(err, err_len, "%s: %s", path, strerror(-rc));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (;;) {
		char *more = realloc(*text, max + 1);
		int got;

		if (!more) {
			rc = -ENOMEM;
			snprintf(err, err_len, "%s: not enough memory", path);
			break;
		}
		*text = more;
		got = gzread(gz, *text + *len, (unsigned)(max - *len));
		if (got <= 0) {
			int code = Z_OK;
			const char *why = gzerror(gz, &code);

			if (got < 0 || code == Z_BUF_ERROR) {
				rc = -EIO;
				snprintf(err, err_len, "%s: %s", path,
					 code == Z_ERRNO ? strerror(errno)
							 : why);
			}
			break;
		}
		*len += (size_t)got;
		if (*len == max)
			max *= 2;
		if (*len > KERNEL_LOG_MAX) {
			rc = -EFBIG;
			snprintf(err, err_len, "%s: larger than %u MiB", path,
				 KERNEL_LOG_MAX >> 20);
			break;
		}
	}
	gzclose(gz);
	if (!rc) {
		(*text)[*len] = 0;
		return 0;
	}
	free(*text);
	*text = NULL;
	return rc;
}

PRINTF_LIKE(2, 3)
static int bad(struct player *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	state_say(&p->log->in, p->err, p->err_len, fmt, args);
	va_end(args);
	return -EINVAL;
}

PRINTF_LIKE(2, 3)
static int differ(struct player *p, const char *fmt, ...)
{
	struct kernel_log *log = p->log;
	va_list args;

	va_start(args, fmt);
	state_say(&log->in, log->difference, sizeof(log->difference), fmt,
		  args);
	va_end(args);
	p->differs = true;
	return 0;
}

/* ---- flags of a request ------------------------------------------------ */

static bool next_flags(struct state_line *l, gfp_t *gfp)
{
	static const struct {
		char letter;
		gfp_t bits;
	} flag[] = {
		{ 'U', 0 },
		{ 'M', GFP_BIT_MOVABLE },
		{ 'R', GFP_BIT_RECLAIMABLE },
		{ 'H', GFP_BIT_HIGHMEM },
		{ 'D', GFP_BIT_DMA },
		{ 'd', GFP_BIT_DMA32 },
		{ '!', GFP_BIT_HIGH },
		{ 'a', GFP_ATOMIC },
		{ 'k', GFP_BIT_KSWAPD_RECLAIM },
		{ 'm', GFP_BIT_MEMALLOC },
		{ 'n', GFP_BIT_NOMEMALLOC },
		{ 'C', GFP_BIT_COMP },
		{ 't', GFP_BIT_THISNODE },
		{ 'z', GFP_BIT_ZERO },
	};
	struct state_line w = word(l);

	*gfp = 0;
	if (w.at == w.end)
		return false;
	for (; w.at < w.end; w.at++) {
		unsigned i = 0;

		while (i < ARRAY_SIZE(flag) && flag[i].letter != *w.at)
			i++;
		if (i == ARRAY_SIZE(flag))
			return false;
		*gfp |= flag[i].bits;
	}
	return (*gfp & (GFP_BIT_MOVABLE | GFP_BIT_RECLAIMABLE)) !=
	       (GFP_BIT_MOVABLE | GFP_BIT_RECLAIMABLE);
}

/* ---- holdings ---------------------------------------------------------- */

static struct holding *holding(struct holding **table, uint32_t *nr,
			       uint64_t id)
{
	if (id >= *nr) {
		uint32_t more = *nr ? *nr : 64;
		struct holding *bigger;

		while (more <= id)
			more *= 2;
		bigger = realloc(*table, more * sizeof(*bigger));
		if (!bigger)
			return NULL;
		memset(bigger + *nr, 0, (more - *nr) * sizeof(*bigger));
		*table = bigger;
		*nr = more;
	}
	return &(*table)[id];
}

static int holding_add(struct holding *h, pfn_t pfn)
{
	if (!(h->nr & (h->nr - 1))) {
		size_t max = h->nr ? 2 * (size_t)h->nr : 1;
		pfn_t *more = realloc(h->pfn, max * sizeof(*more));

		if (!more)
			return -ENOMEM;
		h->pfn = more;
	}
	h->pfn[h->nr++] = pfn;
	return 0;
}

static void holding_clear(struct holding *h)
{
	free(h->pfn);
	memset(h, 0, sizeof(*h));
}

static int out_of_memory(struct player *p)
{
	snprintf(p->err, p->err_len, "not enough memory");
	return -ENOMEM;
}

/* ---- comparing text ---------------------------------------------------- */

static void tally_line(struct kernel_log_tally *t, struct state_line l)
{
	struct state_line kind = word(&l);
	uint64_t words = 0;

	if (is(&kind, "PB") || is(&kind, "LB")) {
		t->pageblock_lines++;
		return;
	}
	while (l.at < l.end) {
		word(&l);
		words++;
	}
	if (is(&kind, "ZONE"))
		t->zone_fields += words;
	else if (is(&kind, "PCP"))
		t->pcp_fields += words / 2;
	else if (is(&kind, "FL") || is(&kind, "PL")) {
		t->lists++;
		t->list_entries += words;
	} else {
		t->counts += words;
	}
}

/* Names the first word in which the lines differ. */
static void differ_line(struct player *p, struct state_line want,
			struct state_line got)
{
	const struct state_line whole = want, whole_got = got;
	struct state_line field = { want.at, want.at }, w, g;
	unsigned nr = 0;

	for (;; nr++) {
		w = word(&want);
		g = word(&got);
		if (line_len(&w) != line_len(&g) ||
		    memcmp(w.at, g.at, line_len(&w)) || w.at == w.end)
			break;
		field = w;
	}
	differ(p, "%.*s, word %u after '%.*s': expected '%.*s', got '%.*s'%s",
	       (int)min_long((long)line_len(&whole), 40), whole.at, nr + 1,
	       (int)min_long((long)line_len(&field), 40), field.at,
	       (int)min_long((long)line_len(&w), 60), w.at == w.end ? "" : w.at,
	       (int)min_long((long)line_len(&g), 60), g.at == g.end ? "" : g.at,
	       whole_got.at == whole_got.end ? " (nothing is left to print)"
					     : "");
}

typedef void print_fn(FILE *f, struct machine *m, struct page_engine *e,
		      const struct state *fixed);

/* The log's section against our own print of it. *in stands behind the
 * section's first line and is left behind its last, `end`. */
static int compare_section(struct player *p, print_fn *print, const char *end)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct state_text ours = { .name = "" };
	struct state_line want, got;

	if (!f)
		return out_of_memory(p);
	print(f, p->m, p->e, &p->first);
	if (fclose(f)) {
		free(text);
		return out_of_memory(p);
	}
	ours.at = text;
	ours.end = text + len;
	if (!state_next_line(&ours, &got)) /* SNAP or COUNTS itself */
		got = (struct state_line){ text, text };
	for (;;) {
		if (!state_next_line(&p->log->in, &want)) {
			free(text);
			return bad(p, "expected %s", end);
		}
		if (!state_next_line(&ours, &got))
			got = (struct state_line){ text, text };
		if (line_len(&want) != line_len(&got) ||
		    memcmp(want.at, got.at, line_len(&want))) {
			differ_line(p, want, got);
			break;
		}
		if (is(&want, end))
			break;
		tally_line(&p->log->tally, want);
	}
	free(text);
	return 0;
}

/* ---- the machine ------------------------------------------------------- */

static int build(struct player *p)
{
	struct kernel_log *log = p->log;
	struct machine_desc *d = malloc(sizeof(*d));
	int rc;

	if (!d)
		return out_of_memory(p);
	*d = *log->defaults;
	rc = state_describe(&p->first, d, p->err, p->err_len);
	if (log->kernel_given)
		d->kernel = log->defaults->kernel;
	if (log->distance_given)
		memcpy(d->topo.distance, log->defaults->topo.distance,
		       sizeof(d->topo.distance));
	if (!rc)
		rc = machine_create(&p->m, d, NULL, p->err, p->err_len);
	free(d);
	if (rc)
		return rc;
	p->counters = calloc(p->m->nr_zones, sizeof(*p->counters));
	if (!p->counters)
		return out_of_memory(p);
	rc = log->ops->create(&p->e, p->m);
	if (rc) {
		snprintf(p->err, p->err_len, "engine %s: %s", log->ops->name,
			 strerror(-rc));
		return rc;
	}
	rc = state_apply(&p->first, p->m, p->e, p->err, p->err_len);
	if (rc)
		return rc;
	rc = page_ctx_enter(&p->ctx, p->e, 0, p->counters, NULL);
	if (rc)
		snprintf(p->err, p->err_len, "engine %s: %s", log->ops->name,
			 strerror(-rc));
	return rc;
}

static int do_snap(struct player *p)
{
	int rc;

	p->log->tally.snapshots++;
	if (p->e)
		return compare_section(p, state_print, "ENDSNAP");
	rc = state_parse(&p->log->in, &p->first, p->err, p->err_len);
	return rc ? rc : build(p);
}

/* ---- commands ---------------------------------------------------------- */

/* "0:DMA32" of a frame. */
static const char *place(struct player *p, pfn_t pfn, char buf[32])
{
	const struct zone *zone = machine_zone_of(p->m, pfn.v);

	snprintf(buf, 32, "%d:%s", zone ? zone->nid : 0,
		 zone ? zone->name : "none");
	return buf;
}

static char block_letter(struct player *p, pfn_t pfn)
{
	const struct zone *zone = machine_zone_of(p->m, pfn.v);
	/* relaxed: no other thread runs */
	unsigned mt =
		zone ? atomic_load_explicit(
			       &zone->pageblock_mt[pageblock_of(zone, pfn.v)],
			       memory_order_relaxed)
		     : NR_MIGRATETYPES;

	return mt < NR_MIGRATETYPES ? migratetype_letter((enum migratetype)mt)
				    : '.';
}

/* What the log says behind "->" against what we got. */
static int compare_result(struct player *p, struct state_line want, pfn_t pfn,
			  bool exact)
{
	char got[96], at[32];

	if (!pfn_valid(pfn))
		snprintf(got, sizeof(got), "FAIL");
	else if (exact)
		snprintf(got, sizeof(got), "%u", pfn.v);
	else
		snprintf(got, sizeof(got), "%u %s %c", pfn.v, place(p, pfn, at),
			 block_letter(p, pfn));
	if (!is(&want, got))
		return differ(p, "expected '%.*s', got '%s'",
			      (int)min_long((long)line_len(&want), 80), want.at,
			      got);
	p->log->tally.frames += pfn_valid(pfn);
	p->log->tally.failures += !pfn_valid(pfn);
	return 0;
}

/* What A and E go on with: the arrow, and the id's holding, which is free. */
static int open_holding(struct player *p, struct state_line *l, uint64_t id,
			struct holding **h)
{
	struct state_line arrow = word(l);

	if (!is(&arrow, "->"))
		return bad(p, "expected '->'");
	*h = holding(&p->held, &p->nr_held, id);
	if (!*h)
		return out_of_memory(p);
	return (*h)->live ? bad(p, "id %" PRIu64 " is in use", id) : 0;
}

static int do_alloc(struct player *p, struct state_line l)
{
	uint64_t id, order, nid;
	struct holding *h;
	int rc;
	pfn_t pfn;
	gfp_t gfp;

	if (!next_number(&l, MAX_IDS, &id) ||
	    !next_number(&l, MAX_PAGE_ORDER, &order) || !next_flags(&l, &gfp) ||
	    !next_number(&l, MAX_NODES - 1, &nid))
		return bad(p, "expected A ID ORDER FLAGS NODE -> ...");
	rc = open_holding(p, &l, id, &h);
	if (rc)
		return rc;
	pfn = alloc_pages_node(&p->ctx, (unsigned)nid, gfp, (unsigned)order);
	if (pfn_valid(pfn) && holding_add(h, pfn))
		return out_of_memory(p);
	h->live = true;
	h->order = (unsigned)order;
	return compare_result(p, l, pfn, false);
}

static int do_exact(struct player *p, struct state_line l)
{
	uint64_t id, bytes;
	struct holding *h;
	int rc;
	pfn_t pfn;
	gfp_t gfp;

	if (!next_number(&l, MAX_IDS, &id) ||
	    !next_number(&l, PAGE_SIZE << MAX_PAGE_ORDER, &bytes) || !bytes ||
	    !next_flags(&l, &gfp))
		return bad(p, "expected E ID BYTES FLAGS -> ...");
	rc = open_holding(p, &l, id, &h);
	if (rc)
		return rc;
	pfn = alloc_pages_exact(&p->ctx, gfp, bytes);
	if (pfn_valid(pfn) && holding_add(h, pfn))
		return out_of_memory(p);
	h->live = h->exact = true;
	h->bytes = bytes;
	return compare_result(p, l, pfn, true);
}

static int do_free(struct player *p, struct state_line l, bool exact)
{
	struct holding *h = NULL;
	struct state_line w;
	uint64_t id, pfn, order;

	if (next_number(&l, MAX_IDS, &id) && id < p->nr_held)
		h = &p->held[id];
	if (!h || !h->live || h->exact != exact)
		return bad(p, "expected the id of something allocated");
	if (!exact) {
		w = word(&l);
		if (h->nr == 0 && !is(&w, "none"))
			return differ(p, "expected a block, got none");
		if (h->nr && (!number(&w, UINT32_MAX - 1, &pfn) ||
			      !next_number(&l, MAX_PAGE_ORDER, &order)))
			return bad(p, "expected PFN ORDER");
		if (h->nr && (pfn != h->pfn[0].v || order != h->order))
			return bad(p, "expected pfn %u order %u, as allocated",
				   h->pfn[0].v, h->order);
	}
	if (h->nr && exact)
		free_pages_exact(&p->ctx, h->pfn[0], h->bytes);
	else if (h->nr)
		free_pages(&p->ctx, h->pfn[0], h->order);
	holding_clear(h);
	return 0;
}

/* One RUN line against our blocks from *at on. */
static int compare_run(struct player *p, const struct holding *h, uint32_t *at,
		       struct state_line l)
{
	struct state_line where = word(&l), w;
	uint64_t pfn, n;
	bool down;
	char buf[32];

	if (!next_number(&l, UINT32_MAX - 1, &pfn))
		return bad(p, "expected RUN NODE:ZONE PFN +N");
	w = word(&l);
	down = w.at < w.end && *w.at == '-';
	if (w.at == w.end || (*w.at != '+' && *w.at != '-'))
		return bad(p, "expected +N or -N");
	w.at++;
	if (!number(&w, MAX_BLOCKS, &n))
		return bad(p, "expected +N or -N");
	for (uint64_t i = 0; i < n; i++, (*at)++) {
		if (*at == h->nr)
			return differ(
				p, "block %u: expected %" PRIu64 ", got FAIL",
				*at, pfn);
		if (h->pfn[*at].v != pfn ||
		    !is(&where, place(p, h->pfn[*at], buf)))
			return differ(p,
				      "block %u: expected %.*s %" PRIu64
				      ", got %s %u",
				      *at, (int)line_len(&where), where.at, pfn,
				      place(p, h->pfn[*at], buf),
				      h->pfn[*at].v);
		p->log->tally.frames++;
		pfn += (down ? -1ULL : 1ULL) << h->order;
	}
	return 0;
}

/* The lines behind X. */
static int compare_runs(struct player *p, const struct holding *h)
{
	struct state_line l;
	uint32_t at = 0;
	int rc = 0;

	while (!rc && !p->differs && state_next_line(&p->log->in, &l)) {
		struct state_line whole = l, w = word(&l);
		uint64_t got;

		if (is(&whole, " no such node"))
			return h->nr ? differ(p,
					      "expected no such node, got "
					      "%u blocks",
					      h->nr)
				     : 0;
		if (is(&w, "RUN")) {
			rc = compare_run(p, h, &at, l);
			continue;
		}
		if (!is(&w, "XEND"))
			return bad(p, "expected RUN or XEND");
		word(&l); /* id */
		word(&l); /* "got" */
		if (!next_number(&l, MAX_BLOCKS, &got))
			return bad(p, "expected XEND ID got N");
		if (got != h->nr)
			return differ(p, "expected %" PRIu64 " blocks, got %u",
				      got, h->nr);
		p->log->tally.failures++;
		return at == h->nr ? 0 : bad(p, "RUN lines do not add up");
	}
	return rc || p->differs ? rc : bad(p, "expected XEND");
}

static int do_exhaust(struct player *p, struct state_line l)
{
	uint64_t id, order, nid, max;
	struct holding *h;
	gfp_t gfp;

	if (!next_number(&l, MAX_IDS, &id) ||
	    !next_number(&l, MAX_PAGE_ORDER, &order) || !next_flags(&l, &gfp) ||
	    !next_number(&l, MAX_NODES - 1, &nid) ||
	    !next_number(&l, MAX_BLOCKS, &max))
		return bad(p, "expected X ID ORDER FLAGS NODE MAX");
	h = holding(&p->runs, &p->nr_runs, id);
	if (!h)
		return out_of_memory(p);
	if (h->live)
		return bad(p, "id %" PRIu64 " is in use", id);
	h->live = true;
	h->order = (unsigned)order;
	while (h->nr < max) {
		pfn_t pfn = alloc_pages_node(&p->ctx, (unsigned)nid, gfp,
					     (unsigned)order);

		if (!pfn_valid(pfn))
			break;
		if (holding_add(h, pfn))
			return out_of_memory(p);
	}
	return compare_runs(p, h);
}

static int do_free_run(struct player *p, struct state_line l, bool reverse)
{
	struct holding *h = NULL;
	uint64_t id;

	if (next_number(&l, MAX_IDS, &id) && id < p->nr_runs)
		h = &p->runs[id];
	if (!h || !h->live)
		return bad(p, "expected the id of an X command");
	for (uint32_t i = 0; i < h->nr; i++)
		free_pages(&p->ctx, h->pfn[reverse ? h->nr - 1 - i : i],
			   h->order);
	holding_clear(h);
	return 0;
}

static int do_line(struct player *p, struct state_line l)
{
	struct state_line w = word(&l);

	if (w.at == w.end || *w.at == '#')
		return 0;
	if (*w.at == 'K')
		return bad(p,
			   "slab command '%.*s': this log belongs to a slab "
			   "engine, %s is a page engine",
			   (int)min_long((long)line_len(&w), 16), w.at,
			   p->log->ops->name);
	if (is(&w, "SNAP"))
		return do_snap(p);
	if (is(&w, "D")) {
		if (p->e)
			p->log->ops->drain(p->e, &p->ctx);
		return 0;
	}
	if (!p->e)
		return bad(p, "expected a snapshot before '%.*s'",
			   (int)min_long((long)line_len(&w), 16), w.at);
	if (is(&w, "COUNTS"))
		return compare_section(p, state_print_counts, "ENDCOUNTS");
	p->log->tally.commands++;
	if (is(&w, "A"))
		return do_alloc(p, l);
	if (is(&w, "F"))
		return do_free(p, l, false);
	if (is(&w, "X"))
		return do_exhaust(p, l);
	if (is(&w, "Y") || is(&w, "YR"))
		return do_free_run(p, l, is(&w, "YR"));
	if (is(&w, "E"))
		return do_exact(p, l);
	if (is(&w, "e"))
		return do_free(p, l, true);
	return bad(p, "expected a command, found '%.*s'",
		   (int)min_long((long)line_len(&w), 16), w.at);
}

static void player_end(struct player *p)
{
	for (uint32_t i = 0; i < p->nr_held; i++)
		free(p->held[i].pfn);
	for (uint32_t i = 0; i < p->nr_runs; i++)
		free(p->runs[i].pfn);
	free(p->held);
	free(p->runs);
	state_drop(&p->first);
	if (p->e) {
		if (p->ctx.ops)
			page_ctx_exit(&p->ctx);
		p->e->ops->destroy(p->e);
	}
	machine_destroy(p->m);
	free(p->counters);
}

int kernel_log_play(struct kernel_log *log, char *err, size_t err_len)
{
	struct player *p = aligned_alloc(
		CACHELINE_SIZE, round_up_pow2(sizeof(*p), CACHELINE_SIZE));
	struct state_line l;
	const char *broken;
	int rc = 0;

	if (!p) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	memset(p, 0, sizeof(*p));
	p->log = log;
	p->err = err;
	p->err_len = err_len;
	while (!rc && !p->differs && state_next_line(&log->in, &l))
		rc = do_line(p, l);
	if (!rc && !p->e)
		rc = bad(p, "expected a snapshot");
	if (!rc && !p->differs) {
		broken = log->ops->verify(p->e);
		if (broken)
			differ(p, "expected a sound machine, got: %s", broken);
	}
	rc = rc ? rc : p->differs;
	player_end(p);
	free(p);
	return rc;
}
