/*
 * Reader of HdrHistogram logs (see hlog.h), for charts and tests. The input is
 * not trusted: every length is checked against what is there, the inflated
 * size against what the histogram's own range allows, and the counts against
 * overflow.
 */
#include "harness/hlog.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define HIGHEST_MAX ((1ULL << 62) - 1)

struct reader {
	const char *name;
	int line;
	char *err;
	size_t err_len;
};

static int complain(const struct reader *r, const char *expected)
{
	snprintf(r->err, r->err_len, "%s:%d: expected %s", r->name, r->line,
		 expected);
	return -EINVAL;
}

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static int base64_value(int c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes len characters into out (3 bytes per 4 characters): the number of
 * bytes, or -1. */
static ssize_t base64_decode(const char *s, size_t len, uint8_t *out)
{
	size_t pad = 0, done = 0;

	if (!len || len % 4)
		return -1;
	while (pad < 2 && s[len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < len; i += 4) {
		size_t keep = 3 - (i + 4 == len ? pad : 0);
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			int d = k > keep ? 0 : base64_value(s[i + k]);

			if (d < 0)
				return -1;
			v = v << 6 | (uint32_t)d;
		}
		for (size_t k = 0; k < keep; k++)
			out[done++] = (uint8_t)(v >> (16 - 8 * k));
	}
	return (ssize_t)done;
}

/* One ZigZag LEB128 number of at most nine bytes; NULL: cut short. */
static const uint8_t *get_count(const uint8_t *p, const uint8_t *end,
				int64_t *out)
{
	uint64_t z = 0;

	for (unsigned i = 0; i < HLOG_WORD_MAX; i++) {
		if (p == end)
			return NULL;
		if (i == HLOG_WORD_MAX - 1) {
			z |= (uint64_t)*p++ << 56;
			break;
		}
		z |= (uint64_t)(*p & 0x7f) << (7 * i);
		if (!(*p++ & 0x80))
			break;
	}
	*out = (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
	return p;
}

static int fill_counts(const struct reader *r, struct hist *h, const uint8_t *p,
		       const uint8_t *end)
{
	uint64_t total = 0;
	uint32_t i = 0;
	int64_t n;

	while (p < end) {
		p = get_count(p, end, &n);
		if (!p)
			return complain(r, "whole counts");
		if (n < 0) {
			if (n < -(int64_t)(h->nr_counts - i))
				return complain(r, "counts within the range");
			i += (uint32_t)-n;
			continue;
		}
		if (i >= h->nr_counts || (uint64_t)n > UINT64_MAX / 2 - total)
			return complain(r, "counts within the range");
		total += (uint64_t)n;
		if (n) {
			uint64_t high = hist_highest_of(i);

			if (high > h->highest)
				high = h->highest;
			hist_record_n(h, hist_lowest_of(i), (uint64_t)n);
			h->max = high;
		}
		i++;
	}
	return 0;
}

/* Inflates into exactly what the header promises. */
static uint8_t *inflate_payload(const struct reader *r, const uint8_t *z,
				size_t len, size_t *raw_len)
{
	uint8_t head[HLOG_HEAD_BYTES];
	size_t room = HLOG_HEAD_BYTES + (64u - HIST_HALF_BITS) *
						(1u << HIST_HALF_BITS) *
						HLOG_WORD_MAX;
	uLongf n = room;
	uint8_t *raw;

	if (len < HLOG_COMPRESSED_HEAD ||
	    get_be32(z) != HLOG_COOKIE_COMPRESSED ||
	    get_be32(z + 4) != len - HLOG_COMPRESSED_HEAD) {
		complain(r, "a compressed V2 histogram");
		return NULL;
	}
	raw = malloc(room);
	if (!raw) {
		complain(r, "memory");
		return NULL;
	}
	if (uncompress(raw, &n, z + HLOG_COMPRESSED_HEAD,
		       (uLong)(len - HLOG_COMPRESSED_HEAD)) != Z_OK ||
	    n < sizeof(head)) {
		complain(r, "an intact zlib stream");
		free(raw);
		return NULL;
	}
	*raw_len = n;
	return raw;
}

static int decode(const struct reader *r, const uint8_t *z, size_t len,
		  struct hist **out)
{
	struct hist_config cfg;
	struct hist *h = NULL;
	size_t raw_len = 0;
	uint8_t *raw = inflate_payload(r, z, len, &raw_len);
	uint64_t highest;
	int rc = -EINVAL;

	if (!raw)
		return -EINVAL;
	highest = get_be64(raw + 24);
	if (get_be32(raw) != HLOG_COOKIE ||
	    get_be32(raw + 4) != raw_len - HLOG_HEAD_BYTES ||
	    get_be32(raw + 8) != 0) {
		rc = complain(r, "a V2 histogram of its own length");
	} else if (get_be32(raw + 12) != HIST_DIGITS ||
		   get_be64(raw + 16) != 1 || highest > HIGHEST_MAX ||
		   hist_config_init(&cfg, highest)) {
		rc = complain(r, "three digits, unit 1 and a sane range");
	} else {
		h = hist_create(&cfg);
		rc = h ? fill_counts(r, h, raw + HLOG_HEAD_BYTES, raw + raw_len)
		       : complain(r, "memory");
	}
	free(raw);
	if (rc)
		hist_destroy(h);
	else
		*out = h;
	return rc;
}

/* A plain decimal number that ends at `stop`. */
static const char *get_number(const char *s, const char *end, char stop,
			      double *out)
{
	char buf[40];
	size_t n = 0;
	char *rest;

	while (s + n < end && n < sizeof(buf) - 1 && s[n] != stop)
		n++;
	if (!n || n == sizeof(buf) - 1 || s + n == end)
		return NULL;
	memcpy(buf, s, n);
	buf[n] = '\0';
	if (buf[strspn(buf, "0123456789.")] != '\0')
		return NULL;
	*out = strtod(buf, &rest);
	return *rest || !isfinite(*out) ? NULL : s + n + 1;
}

static int read_interval(const struct reader *r, const char *s, const char *end,
			 struct hlog_entry *e)
{
	double max;
	uint8_t *z;
	ssize_t n;
	int rc;

	if (end - s > 4 && memcmp(s, "Tag=", 4) == 0) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		size_t len = comma ? (size_t)(comma - s - 4) : 0;

		if (!len || len >= sizeof(e->tag))
			return complain(r, "a short tag");
		memcpy(e->tag, s + 4, len);
		e->tag[len] = '\0';
		if (strlen(e->tag) != len || !hlog_tag_ok(e->tag))
			return complain(r, "a plain tag");
		s = comma + 1;
	}
	s = get_number(s, end, ',', &e->start_s);
	s = s ? get_number(s, end, ',', &e->length_s) : NULL;
	s = s ? get_number(s, end, ',', &max) : NULL;
	if (!s)
		return complain(r, "START,LENGTH,MAX,HISTOGRAM");
	z = malloc((size_t)(end - s) + 4);
	if (!z)
		return complain(r, "memory");
	n = base64_decode(s, (size_t)(end - s), z);
	rc = n < 0 ? complain(r, "base64") : decode(r, z, (size_t)n, &e->hist);
	free(z);
	return rc;
}

static int read_line(const struct reader *r, struct hlog *log, const char *s,
		     const char *end)
{
	static const char start[] = "#[StartTime: ";
	struct hlog_entry e = { .tag = "" }, *grown;
	size_t len = (size_t)(end - s);
	int rc;

	if (len >= sizeof(start) && !memcmp(s, start, sizeof(start) - 1)) {
		if (!get_number(s + sizeof(start) - 1, end, ' ',
				&log->start_unix_s))
			return complain(r, "seconds since the epoch");
		return 0;
	}
	if (!len || *s == '#' || *s == '"')
		return 0;
	if (log->nr == HLOG_ENTRIES_MAX)
		return complain(r, "fewer histograms");
	rc = read_interval(r, s, end, &e);
	if (rc)
		return rc;
	grown = realloc(log->entry, (log->nr + 1) * sizeof(*grown));
	if (!grown) {
		hist_destroy(e.hist);
		return complain(r, "memory");
	}
	log->entry = grown;
	log->entry[log->nr++] = e;
	return 0;
}

int hlog_read_memory(struct hlog *log, const char *name, const char *text,
		     size_t len, char *err, size_t err_len)
{
	struct reader r = { name, 0, err, err_len };
	const char *s = text, *end = text + len;
	int rc = 0;

	memset(log, 0, sizeof(*log));
	while (s < end && !rc) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		r.line++;
		if (!nl)
			rc = complain(&r, "a line end");
		else
			rc = read_line(&r, log, s, nl);
		s = nl ? nl + 1 : end;
	}
	if (rc)
		hlog_free(log);
	return rc;
}

int hlog_read(struct hlog *log, const char *path, char *err, size_t err_len)
{
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	ssize_t n = 1;
	int rc = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	memset(log, 0, sizeof(*log));
	if (fd < 0 || fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)HLOG_FILE_MAX)
		rc = -EFBIG;
	if (!rc) {
		text = malloc((size_t)st.st_size + 1);
		rc = text ? 0 : -ENOMEM;
	}
	while (!rc && n && len < (size_t)st.st_size) {
		n = read(fd, text + len, (size_t)st.st_size - len);
		if (n < 0 && errno != EINTR)
			rc = -errno;
		len += n > 0 ? (size_t)n : 0;
	}
	if (rc)
		snprintf(err, err_len, "%s: %s", path, strerror(-rc));
	else
		rc = hlog_read_memory(log, path, text, len, err, err_len);
	free(text);
	if (fd >= 0)
		close(fd);
	return rc;
}

void hlog_free(struct hlog *log)
{
	for (unsigned i = 0; i < log->nr; i++)
		hist_destroy(log->entry[i].hist);
	free(log->entry);
	log->entry = NULL;
	log->nr = 0;
}
