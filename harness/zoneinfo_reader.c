/*
 * One pass over the lines; the zone and the pageset being read are the last
 * ones of their arrays. No recursion, no buffer that grows with a line.
 */
#include "harness/zoneinfo_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/textfile.h"

#define LINE_MAX_BYTES 256
#define NAME_MAX_BYTES 32

static const char *const field_names[ZI_NR] = {
	[ZI_FREE] = "pages free",
	[ZI_BOOST] = "boost",
	[ZI_MIN] = "min",
	[ZI_LOW] = "low",
	[ZI_HIGH] = "high",
	[ZI_PROMO] = "promo",
	[ZI_SPANNED] = "spanned",
	[ZI_PRESENT] = "present",
	[ZI_MANAGED] = "managed",
	[ZI_CMA] = "cma",
	[ZI_START_PFN] = "start_pfn",
};

/* Where a line may stand. */
enum section { IN_NONE, IN_ZONE, IN_NODE_STATS, IN_PAGES, IN_PAGESETS };

struct parser {
	struct text_cursor cursor;
	struct zoneinfo *out;
	enum section section;
	unsigned zones_cap, cpus_cap; /* capacity of the two last arrays */
};

static struct zoneinfo_zone *last_zone(struct parser *p)
{
	return &p->out->zone[p->out->nr_zones - 1];
}

/* Room for one element more than nr. */
static int grow(void **array, unsigned nr, unsigned *cap, size_t size)
{
	unsigned want = *cap ? *cap * 2 : 8;
	void *grown;

	if (nr < *cap)
		return 0;
	grown = realloc(*array, want * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*cap = want;
	return 0;
}

static int parse_node_line(struct parser *p, const char *s)
{
	struct zoneinfo *zi = p->out;
	char shown[64];
	uint64_t nid;
	unsigned idx = 0;

	if (!text_take_uint(&s, ZONEINFO_NODES_MAX - 1, &nid) ||
	    !text_take(&s, ", zone"))
		return text_fail(&p->cursor,
				 "expected \"Node N, zone NAME\" with N "
				 "below %d",
				 ZONEINFO_NODES_MAX);
	s = text_skip_blanks(s);
	while (idx < MAX_NR_ZONES && strcmp(zone_index_name(idx), s))
		idx++;
	if (idx == MAX_NR_ZONES)
		return text_fail(&p->cursor,
				 "zone %s: expected DMA, DMA32, Normal, "
				 "HighMem, Movable or Device",
				 printable(s, shown, sizeof(shown)));
	for (unsigned i = 0; i < zi->nr_zones; i++) {
		if (zi->zone[i].nid == nid && zi->zone[i].idx == idx)
			return text_fail(&p->cursor,
					 "node %u, zone %s stands at line %d "
					 "already",
					 (unsigned)nid, zone_index_name(idx),
					 zi->zone[i].line);
	}
	if (grow((void **)&zi->zone, zi->nr_zones, &p->zones_cap,
		 sizeof(*zi->zone)))
		return -ENOMEM;
	zi->zone[zi->nr_zones++] = (struct zoneinfo_zone){
		.nid = (uint16_t)nid,
		.idx = (uint8_t)idx,
		.line = p->cursor.where.line,
	};
	zi->zone_present[idx] = true;
	p->section = IN_ZONE;
	p->cpus_cap = 0;
	return 0;
}

static int set_field(struct parser *p, enum zoneinfo_field field, const char *s)
{
	struct zoneinfo_zone *z = last_zone(p);
	uint64_t v;

	s = text_skip_blanks(s);
	if (!text_take_uint(&s, INT64_MAX, &v) || *s)
		return text_fail(&p->cursor, "%s: expected a number of pages",
				 field_names[field]);
	if (z->has & (1u << field))
		return text_fail(&p->cursor, "%s: stands twice in its zone",
				 field_names[field]);
	z->has |= 1u << field;
	z->value[field] = v;
	return 0;
}

static int parse_protection(struct parser *p, const char *s)
{
	struct zoneinfo_zone *z = last_zone(p);
	bool ok = !z->nr_protection;

	while (ok && z->nr_protection < MAX_NR_ZONES) {
		s = text_skip_blanks(s);
		ok = text_take_uint(&s, INT64_MAX,
				    &z->protection[z->nr_protection]);
		z->nr_protection += ok;
		if (!text_take(&s, ","))
			break;
	}
	if (!ok || !text_take(&s, ")") || *s)
		return text_fail(&p->cursor,
				 "protection: expected once \"(n, n, ...)\" "
				 "with at most %d numbers",
				 MAX_NR_ZONES);
	return 0;
}

/* Counters that tell how the kernel was configured. */
static void note_counter(struct zoneinfo *zi, const char *name, size_t len)
{
	const struct {
		const char *name;
		bool *flag;
	} known[] = {
		{ "numa_hit", &zi->has_numa },
		{ "nr_zspages", &zi->has_zspages },
		{ "nr_swapcached", &zi->has_swapcached },
		{ "pgpromote_success", &zi->has_pgpromote },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		if (strlen(known[i].name) == len &&
		    !strncmp(known[i].name, name, len))
			*known[i].flag = true;
	}
}

/* "name value" or "name: value"; only the form is checked. */
static int parse_counter(struct parser *p, const char *s)
{
	const char *start = s;
	char shown[64];
	uint64_t v;
	size_t len;

	while ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
	       *s == '_')
		s++;
	len = (size_t)(s - start);
	if (!len || len >= NAME_MAX_BYTES * 2)
		goto bad;
	text_take(&s, ":");
	if (*s != ' ')
		goto bad;
	s = text_skip_blanks(s);
	text_take(&s, "-"); /* a counter may be seen below 0 for a moment */
	if (!text_take_uint(&s, UINT64_MAX, &v) || *s)
		goto bad;
	note_counter(p->out, start, len);
	return 0;
bad:
	return text_fail(&p->cursor, "%s: expected a line of zoneinfo",
			 printable(start, shown, sizeof(shown)));
}

static int parse_cpu_line(struct parser *p, const char *s)
{
	struct zoneinfo_zone *z = last_zone(p);
	uint64_t cpu;

	s = text_skip_blanks(s);
	if (!text_take_uint(&s, INT32_MAX, &cpu) || *s)
		return text_fail(&p->cursor, "cpu: expected a CPU number");
	if (z->nr_cpus && z->cpu[z->nr_cpus - 1].cpu >= cpu)
		return text_fail(&p->cursor, "cpu: expected ascending numbers");
	if (grow((void **)&z->cpu, z->nr_cpus, &p->cpus_cap, sizeof(*z->cpu)))
		return -ENOMEM;
	z->cpu[z->nr_cpus++] = (struct zoneinfo_cpu){
		.cpu = (uint32_t)cpu,
		.count = -1,
		.high = -1,
		.batch = -1,
		.high_min = -1,
		.high_max = -1,
		.threshold = -1,
	};
	return 0;
}

static int set_pageset_field(struct parser *p, struct zoneinfo_cpu *c,
			     const char *s)
{
	const struct {
		const char *name;
		int64_t *value;
	} field[] = {
		{ "count:", &c->count },
		{ "high:", &c->high },
		{ "batch:", &c->batch },
		{ "high_min:", &c->high_min },
		{ "high_max:", &c->high_max },
		{ "vm stats threshold:", &c->threshold },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(field); i++) {
		uint64_t v;

		if (!text_take(&s, field[i].name))
			continue;
		s = text_skip_blanks(s);
		if (!text_take_uint(&s, INT32_MAX, &v) || *s ||
		    *field[i].value >= 0)
			return text_fail(&p->cursor,
					 "%s expected one number, once a CPU",
					 field[i].name);
		*field[i].value = (int64_t)v;
		return 0;
	}
	return parse_counter(p, s);
}

static int parse_pageset_line(struct parser *p, const char *s)
{
	struct zoneinfo_zone *z = last_zone(p);
	struct zoneinfo_cpu *c;

	if (text_take(&s, "cpu:"))
		return parse_cpu_line(p, s);
	if (!z->nr_cpus)
		return parse_counter(p, s);
	c = &z->cpu[z->nr_cpus - 1];
	return set_pageset_field(p, c, s);
}

static int parse_zone_line(struct parser *p, const char *s)
{
	if (text_take(&s, "pages free")) {
		p->section = IN_PAGES;
		return set_field(p, ZI_FREE, s);
	}
	if (!strcmp(s, "per-node stats")) {
		p->section = IN_NODE_STATS;
		return 0;
	}
	if (!strcmp(s, "pagesets")) {
		p->section = IN_PAGESETS;
		return 0;
	}
	if (text_take(&s, "start_pfn:"))
		return set_field(p, ZI_START_PFN, s);
	if (p->section == IN_PAGES) {
		if (text_take(&s, "protection: ("))
			return parse_protection(p, s);
		for (unsigned f = ZI_BOOST; f <= ZI_CMA; f++) {
			const char *rest = s;

			if (text_take(&rest, field_names[f]) && *rest == ' ')
				return set_field(p, (enum zoneinfo_field)f,
						 rest);
		}
	}
	if (p->section == IN_PAGESETS)
		return parse_pageset_line(p, s);
	return parse_counter(p, s);
}

/* What a zone must have for anybody to use it. */
static int check_zone(struct parser *p, const struct zoneinfo_zone *z)
{
	const unsigned want[] = { ZI_MIN,     ZI_LOW,     ZI_HIGH,
				  ZI_SPANNED, ZI_PRESENT, ZI_MANAGED };

	p->cursor.where.line = z->line;
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
		if (!(z->has & (1u << want[i])))
			return text_fail(&p->cursor,
					 "node %u, zone %s has no line \"%s\"",
					 z->nid, zone_index_name(z->idx),
					 field_names[want[i]]);
	}
	if (z->value[ZI_PRESENT] && !(z->has & (1u << ZI_START_PFN)))
		return text_fail(&p->cursor,
				 "node %u, zone %s has no line \"start_pfn:\"",
				 z->nid, zone_index_name(z->idx));
	return 0;
}

static int parse_lines(struct parser *p)
{
	char line[LINE_MAX_BYTES];
	int rc;

	while ((rc = text_next_line(&p->cursor, line, sizeof(line))) > 0) {
		const char *s = line;

		if (text_take(&s, "Node "))
			rc = parse_node_line(p, s);
		else if (p->section == IN_NONE)
			rc = text_fail(&p->cursor,
				       "expected \"Node N, zone NAME\"");
		else
			rc = parse_zone_line(p, text_skip_blanks(s));
		if (rc)
			return rc;
	}
	if (rc)
		return rc;
	if (!p->out->nr_zones)
		return text_fail(&p->cursor, "expected at least one zone");
	for (unsigned i = 0; i < p->out->nr_zones && !rc; i++)
		rc = check_zone(p, &p->out->zone[i]);
	return rc;
}

int zoneinfo_parse(const char *text, size_t len, const char *name,
		   struct zoneinfo *out, char *err, size_t err_len)
{
	struct parser p = {
		.cursor = { .next = text,
			    .end = text + len,
			    .where = { .file = name, .line = 0 },
			    .err = err,
			    .err_len = err_len },
		.out = out,
	};
	int rc;

	memset(out, 0, sizeof(*out));
	rc = parse_lines(&p);
	if (rc == -ENOMEM)
		snprintf(err, err_len, "%s: not enough memory", name);
	if (rc)
		zoneinfo_free(out);
	return rc;
}

int zoneinfo_read(const char *path, struct zoneinfo *out, char *err,
		  size_t err_len)
{
	struct textfile f;
	int rc = textfile_read(path, &f, err, err_len);

	if (rc)
		return rc;
	rc = zoneinfo_parse(f.text, f.len, path, out, err, err_len);
	textfile_free(&f);
	return rc;
}

void zoneinfo_free(struct zoneinfo *zi)
{
	for (unsigned i = 0; i < zi->nr_zones; i++)
		free(zi->zone[i].cpu);
	free(zi->zone);
	memset(zi, 0, sizeof(*zi));
}
