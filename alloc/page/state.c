/*
 * Reading, applying and printing the state of a machine; the text is
 * described in state.h.
 *
 * Reading is strict: every field stands where it is expected, every number
 * fits, every list entry is a block inside its zone that overlaps no other.
 * Lines may be megabytes long, so they are walked in place.
 */
#include "alloc/page/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/page/buddy.h"
#include "alloc/page/layout.h"

#define STATE_MAX_ZONES  (MAX_NODES * MAX_NR_ZONES)
#define STATE_MAX_BLOCKS (1ULL << 32 >> 9) /* pageblocks of 16 TiB */

void state_say(const struct state_text *in, char *out, size_t out_len,
	       const char *fmt, va_list args)
{
	int n = snprintf(out, out_len, "%s:%d: ", in->name, in->line);

	if (n > 0 && (size_t)n < out_len)
		vsnprintf(out + n, out_len - (size_t)n, fmt, args);
}

PRINTF_LIKE(4, 5)
static int fail(const struct state_text *in, char *err, size_t err_len,
		const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	state_say(in, err, err_len, fmt, args);
	va_end(args);
	return -EINVAL;
}

bool state_next_line(struct state_text *in, struct state_line *out)
{
	const char *newline;

	if (in->at >= in->end)
		return false;
	newline = memchr(in->at, '\n', (size_t)(in->end - in->at));
	out->at = in->at;
	out->end = newline ? newline : in->end;
	in->at = newline ? newline + 1 : in->end;
	in->line++;
	return true;
}

/* Takes the word and the blank behind it, if any; else leaves the line. */
static bool take_word(struct state_line *l, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(l->end - l->at) < n || memcmp(l->at, word, n))
		return false;
	if (l->at + n < l->end && l->at[n] != ' ')
		return false;
	l->at += n + (l->at + n < l->end);
	return true;
}

/* A decimal number up to max; stops at the first other character. */
static bool take_digits(struct state_line *l, uint64_t max, uint64_t *out)
{
	const char *p = l->at;
	uint64_t v = 0;

	while (p < l->end && *p >= '0' && *p <= '9') {
		unsigned digit = (unsigned)(*p++ - '0');

		if (v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (p == l->at)
		return false;
	l->at = p;
	*out = v;
	return true;
}

/* The same with a blank or the end of the line behind it. */
static bool take_number(struct state_line *l, uint64_t max, uint64_t *out)
{
	struct state_line t = *l;

	if (!take_digits(&t, max, out) || (t.at < t.end && *t.at != ' '))
		return false;
	l->at = t.at + (t.at < t.end);
	return true;
}

static bool take_long(struct state_line *l, long *out)
{
	struct state_line t = *l;
	const bool minus = t.at < t.end && *t.at == '-';
	uint64_t v;

	t.at += minus;
	if (!take_number(&t, INT32_MAX * 16ULL, &v))
		return false;
	*l = t;
	*out = minus ? -(long)v : (long)v;
	return true;
}

static bool take_field(struct state_line *l, const char *name, long *out)
{
	struct state_line t = *l;

	if (!take_word(&t, name) || !take_long(&t, out))
		return false;
	*l = t;
	return true;
}

static bool take_int_field(struct state_line *l, const char *name, int *out)
{
	struct state_line t = *l;
	long v;

	if (!take_field(&t, name, &v) || v > INT32_MAX || v < INT32_MIN)
		return false;
	*l = t;
	*out = (int)v;
	return true;
}

static bool take_type(struct state_line *l, uint8_t *mt)
{
	for (unsigned t = 0; t < NR_MIGRATETYPES; t++) {
		if (l->at < l->end &&
		    *l->at == migratetype_letter((enum migratetype)t)) {
			l->at++;
			*mt = (uint8_t)t;
			return true;
		}
	}
	return false;
}

static bool parse_extent(struct state_line *l, struct state_zone *z)
{
	struct {
		const char *name;
		uint64_t *value;
	} field[] = {
		{ "start_pfn", &z->start_pfn },
		{ "spanned", &z->spanned },
		{ "present", &z->present },
		{ "managed", &z->managed },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(field); i++)
		if (!take_word(l, field[i].name) ||
		    !take_number(l, UINT32_MAX - 1, field[i].value))
			return false;
	return z->start_pfn + z->spanned < UINT32_MAX && z->spanned &&
	       z->present <= z->spanned && z->managed <= z->present;
}

static bool parse_zone_name(struct state_line *l, struct state_zone *z)
{
	for (unsigned idx = 0; idx < MAX_NR_ZONES; idx++) {
		if (take_word(l, zone_index_name(idx))) {
			z->idx = (uint8_t)idx;
			return true;
		}
	}
	return false;
}

/* Everything behind "ZONE ". Returns the field that is wrong, or NULL. */
static const char *parse_zone(struct state_line *l, struct state_zone *z)
{
	uint64_t nid;

	if (!take_word(l, "node") || !take_number(l, MAX_NODES - 1, &nid))
		return "node 0 .. 63";
	z->nid = (uint16_t)nid;
	if (!parse_zone_name(l, z))
		return "the name of a zone";
	if (!parse_extent(l, z))
		return "start_pfn, spanned >= present >= managed below 2^32";
	if (!take_field(l, "free", &z->free) ||
	    !take_field(l, "freediff", &z->free_diff) ||
	    !take_field(l, "stat_threshold", &z->stat_threshold) ||
	    z->free_diff < -125 || z->free_diff > 125 ||
	    z->stat_threshold < 0 || z->stat_threshold > 125)
		return "free, freediff and stat_threshold of -125 .. 125";
	if (!take_field(l, "min", &z->mark[WMARK_MIN]) ||
	    !take_field(l, "low", &z->mark[WMARK_LOW]) ||
	    !take_field(l, "high", &z->mark[WMARK_HIGH]) ||
	    !take_field(l, "boost", &z->boost) ||
	    !take_field(l, "highatomic", &z->highatomic))
		return "min, low, high, boost, highatomic";
	if (!take_word(l, "reserve"))
		return "reserve";
	while (z->nr_reserve < MAX_NR_ZONES &&
	       take_long(l, &z->reserve[z->nr_reserve]))
		z->nr_reserve++;
	if (!take_field(l, "flags", &z->flags) || z->flags < 0 ||
	    z->flags > 0xff || l->at != l->end)
		return "flags and the end of the line";
	return NULL;
}

static bool parse_pcp(struct state_line *l, struct state_pcp *p)
{
	if (!take_int_field(l, "count", &p->count) ||
	    !take_int_field(l, "high", &p->high) ||
	    !take_int_field(l, "batch", &p->batch))
		return false;
	if (!take_int_field(l, "free_factor", &p->free_factor)) {
		p->tuned = true;
		if (!take_int_field(l, "high_min", &p->high_min) ||
		    !take_int_field(l, "high_max", &p->high_max) ||
		    !take_int_field(l, "alloc_factor", &p->alloc_factor) ||
		    !take_int_field(l, "free_count", &p->free_count) ||
		    !take_int_field(l, "flags", &p->flags))
			return false;
	}
	p->given = true;
	return l->at == l->end && p->count >= 0 && p->batch > 0 &&
	       p->high >= 0 && p->free_factor >= 0 && p->free_factor < 16 &&
	       p->alloc_factor >= 0 && p->alloc_factor < 16 &&
	       p->batch <= 1 << 16 && p->flags >= 0 && p->flags <= 3;
}

static int add_pfn(struct state *s, uint32_t pfn)
{
	if (s->nr_pfns == s->max_pfns) {
		size_t max = s->max_pfns ? 2 * s->max_pfns : 4096;
		uint32_t *more = realloc(s->pfn, max * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->pfn = more;
		s->max_pfns = max;
	}
	s->pfn[s->nr_pfns++] = pfn;
	return 0;
}

/* "order type:" or "thpN:" */
static bool parse_list_head(struct state_line *l, struct state_list *list)
{
	uint64_t v;

	if (list->pcp && l->end - l->at > 4 && !memcmp(l->at, "thp", 3)) {
		l->at += 3;
		if (!take_digits(l, 1, &v))
			return false;
		list->order = (uint8_t)(PCP_THP_LIST + v);
		list->mt = v ? MT_MOVABLE : MT_UNMOVABLE;
	} else {
		if (!take_number(l, list->pcp ? PCP_MAX_ORDER : MAX_PAGE_ORDER,
				 &v) ||
		    !take_type(l, &list->mt) ||
		    (list->pcp && list->mt >= MT_PCPTYPES))
			return false;
		list->order = (uint8_t)v;
		if (list->pcp)
			list->order =
				(uint8_t)pcp_list_index((unsigned)v, list->mt);
	}
	if (l->at >= l->end || *l->at != ':')
		return false;
	l->at++;
	if (l->at < l->end && *l->at == ' ')
		l->at++;
	return true;
}

static int parse_list(const struct state_text *in, struct state_line *l,
		      struct state *s, struct state_zone *z, bool pcp)
{
	struct state_list list = { .pcp = pcp, .line = in->line }, *more;
	uint64_t pfn;

	if (!parse_list_head(l, &list))
		return -EINVAL;
	list.first = s->nr_pfns;
	while (l->at < l->end) {
		if (!take_number(l, UINT32_MAX - 1, &pfn))
			return -EINVAL;
		if (add_pfn(s, (uint32_t)pfn))
			return -ENOMEM;
	}
	list.nr = s->nr_pfns - list.first;
	more = realloc(z->list, (z->nr_lists + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	z->list = more;
	z->list[z->nr_lists++] = list;
	return 0;
}

static int parse_pageblocks(struct state_line *l, struct state_zone *z)
{
	uint64_t first, last;

	if (z->pageblock_mt ||
	    !take_digits(l, 1UL << MAX_PAGE_ORDER, &z->pageblock_pages) ||
	    z->pageblock_pages < 2 ||
	    (z->pageblock_pages & (z->pageblock_pages - 1)) ||
	    l->at >= l->end || *l->at++ != ':')
		return -EINVAL;
	first = z->start_pfn / z->pageblock_pages;
	last = (z->start_pfn + z->spanned - 1) / z->pageblock_pages;
	z->nr_pageblocks = last - first + 1;
	if ((uint64_t)(l->end - l->at) != z->nr_pageblocks)
		return -EINVAL;
	z->pageblock_mt = malloc(z->nr_pageblocks);
	z->movable = calloc(z->nr_pageblocks, sizeof(*z->movable));
	if (!z->pageblock_mt || !z->movable)
		return -ENOMEM;
	for (uint64_t i = 0; i < z->nr_pageblocks; i++) {
		z->pageblock_mt[i] = NR_MIGRATETYPES;
		if (*l->at == '.')
			l->at++;
		else if (!take_type(l, &z->pageblock_mt[i]))
			return -EINVAL;
	}
	return 0;
}

static int parse_movable(struct state_line *l, struct state_zone *z)
{
	uint64_t index, pages;

	if (!z->pageblock_mt)
		return -EINVAL;
	while (l->at < l->end) {
		if (!take_digits(l, z->nr_pageblocks - 1, &index) ||
		    l->at >= l->end || *l->at++ != ':' ||
		    !take_number(l, z->pageblock_pages, &pages))
			return -EINVAL;
		z->movable[index] = (uint16_t)pages;
	}
	return 0;
}

static struct state_zone *add_zone(struct state *s, const struct state_text *in)
{
	struct state_zone *more;

	if (s->nr_zones == STATE_MAX_ZONES)
		return NULL;
	more = realloc(s->zone, (s->nr_zones + 1) * sizeof(*more));
	if (!more)
		return NULL;
	s->zone = more;
	more += s->nr_zones++;
	memset(more, 0, sizeof(*more));
	more->line = in->line;
	return more;
}

static bool zone_repeated(const struct state *s)
{
	const struct state_zone *last = &s->zone[s->nr_zones - 1];

	for (unsigned i = 0; i + 1 < s->nr_zones; i++)
		if (s->zone[i].nid == last->nid && s->zone[i].idx == last->idx)
			return true;
	return false;
}

/* One line inside a SNAP section. 0, -ENOMEM, -EINVAL with *want set. */
static int parse_line(const struct state_text *in, struct state_line *l,
		      struct state *s, const char **want)
{
	struct state_zone *z = s->nr_zones ? &s->zone[s->nr_zones - 1] : NULL;

	if (take_word(l, "ZONE")) {
		z = add_zone(s, in);
		if (!z)
			return -ENOMEM;
		*want = parse_zone(l, z);
		if (!*want && zone_repeated(s))
			*want = "each zone once";
		return *want ? -EINVAL : 0;
	}
	*want = "ZONE before anything else";
	if (!z)
		return -EINVAL;
	if (take_word(l, "PCP")) {
		*want = "the fields of a pageset";
		return !z->pcp.given && parse_pcp(l, &z->pcp) ? 0 : -EINVAL;
	}
	*want = "ORDER TYPE: and pfns below 2^32";
	if (take_word(l, "PL"))
		return parse_list(in, l, s, z, true);
	if (take_word(l, "FL"))
		return parse_list(in, l, s, z, false);
	*want = "PAGES: and one of UMRHCI. for each pageblock of the span";
	if (take_word(l, "PB"))
		return parse_pageblocks(l, z);
	*want = "INDEX:PAGES of pageblocks, after PB";
	if (take_word(l, "LB"))
		return parse_movable(l, z);
	*want = "ZONE, PCP, PL, FL, PB, LB or ENDSNAP";
	return -EINVAL;
}

int state_parse(struct state_text *in, struct state *out, char *err,
		size_t err_len)
{
	struct state_line l;
	const char *want;

	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", in->name);
	while (state_next_line(in, &l)) {
		int rc;

		if (take_word(&l, "ENDSNAP") && l.at == l.end) {
			for (unsigned i = 0; i < out->nr_zones; i++)
				if (!out->zone[i].pageblock_mt)
					return fail(in, err, err_len,
						    "expected a PB line for "
						    "each zone");
			if (out->nr_zones)
				return 0;
			return fail(in, err, err_len,
				    "expected at least one ZONE");
		}
		rc = parse_line(in, &l, out, &want);
		if (rc == -ENOMEM)
			snprintf(err, err_len, "not enough memory");
		if (rc == -EINVAL)
			return fail(in, err, err_len, "expected %s", want);
		if (rc)
			return rc;
	}
	return fail(in, err, err_len, "expected ENDSNAP");
}

int state_parse_file(struct state_text *in, struct state *out, char *err,
		     size_t err_len)
{
	struct state_line l;

	memset(out, 0, sizeof(*out));
	while (state_next_line(in, &l)) {
		if (l.at == l.end || *l.at == '#')
			continue;
		if (!take_word(&l, "SNAP"))
			break;
		return state_parse(in, out, err, err_len);
	}
	return fail(in, err, err_len, "expected SNAP");
}

void state_drop(struct state *s)
{
	for (unsigned i = 0; i < s->nr_zones; i++) {
		free(s->zone[i].pageblock_mt);
		free(s->zone[i].movable);
		free(s->zone[i].list);
	}
	free(s->zone);
	free(s->pfn);
	memset(s, 0, sizeof(*s));
}
